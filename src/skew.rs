//! How far this machine's clock is from a server's, learned from the server's answers, so that a wrong clock is put right
//! instead of being refused.
//!
//! The rules are those of the AWS SDKs: the server's `Date` against the middle of the round trip; not from an answer that a
//! cache gave (`Age`), and not from a round trip of more than 15 minutes.
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A round trip that says nothing about the time in its middle (B04).
const LONGEST_TRIP: Duration = Duration::from_secs(15 * 60);
/// A correction below this cannot have been what a server refused (B06).
const NOTABLE: i64 = 4 * 60 * 1_000;
/// Dates further away than this are no dates (B11).
const FARTHEST: i64 = 100 * 365 * 24 * 3_600 * 1_000;

/// What one server's clock is ahead of ours, in milliseconds.
#[derive(Debug, Default)]
pub struct Skew(AtomicI64);

/// What an answer says of the time.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Our own clock when the request was sent, since the epoch.
    pub sent: Duration,
    pub trip: Duration,
    pub date: Option<&'a str>,
    /// Whether the answer has an `Age`, so that a cache gave it.
    pub is_cached: bool,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Reading<'_> {
    fn offset(&self) -> Option<i64> {
        if self.is_cached || self.trip > LONGEST_TRIP {
            return None;
        }
        let server = millis(crate::encode::http_date(self.date?)?);
        let ours = millis(self.sent.saturating_add(self.trip / 2));
        Some(server.saturating_sub(ours)).filter(|offset| offset.abs() <= FARTHEST)
    }
}

impl Skew {
    pub fn offset_millis(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }

    /// The server's time, when ours is `now`.
    pub fn correct(&self, now: Duration) -> Duration {
        let offset = self.offset_millis();
        let distance = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 { now.saturating_sub(distance) } else { now.saturating_add(distance) }
    }

    /// Learns from an answer of the service's own; `used` is the offset that its request was signed with. Says whether the
    /// correction is large enough to have been the reason of a refusal.
    pub fn learn(&self, reading: Reading<'_>, used: i64) -> bool {
        let Some(offset) = reading.offset() else {
            return false;
        };
        self.0.store(offset, Ordering::Release);
        offset.saturating_sub(used).abs() > NOTABLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24 November 2025, 16:00 UTC.
    const NOON: Duration = Duration::from_secs(1_764_000_000);

    fn before(seconds: u64) -> Duration {
        NOON.saturating_sub(Duration::from_secs(seconds))
    }

    fn reading(sent: Duration, trip: Duration) -> Reading<'static> {
        Reading { sent, trip, date: Some("Mon, 24 Nov 2025 16:00:00 GMT"), is_cached: false }
    }

    /// B01, B02, B05, B06, B07.
    #[test]
    fn the_middle_of_the_trip_is_compared_with_the_date() {
        for (ours, offset, is_notable) in [
            (NOON, 0, false),
            (before(300), 300_000, true),
            (NOON + Duration::from_secs(36_000), -36_000_000, true),
            (before(120), 120_000, false),
            (before(240), 240_000, false),
        ] {
            let skew = Skew::default();
            let trip = Duration::from_secs(2);
            assert_eq!(
                skew.learn(reading(ours.saturating_sub(Duration::from_secs(1)), trip), 0),
                is_notable,
                "{offset}"
            );
            assert_eq!(skew.offset_millis(), offset);
            assert_eq!(skew.correct(ours), NOON);
        }
    }

    /// B05: a stale offset heals with the next answer, whatever it was.
    #[test]
    fn a_stale_offset_is_replaced() {
        let skew = Skew::default();
        assert!(skew.learn(reading(before(3_600), Duration::ZERO), 0));
        assert!(skew.learn(reading(NOON, Duration::ZERO), 3_600_000));
        assert_eq!(skew.offset_millis(), 0);
        // Signed with what is known already: there is nothing to correct.
        assert!(!skew.learn(reading(NOON, Duration::ZERO), 0));
    }

    /// B04, B08, B09, B10, B11.
    #[test]
    fn what_says_nothing_teaches_nothing() {
        let skew = Skew::default();
        let early = before(3_600);
        assert!(!skew.learn(reading(early, Duration::from_secs(15 * 60 + 1)), 0));
        assert!(!skew.learn(Reading { is_cached: true, ..reading(early, Duration::ZERO) }, 0));
        for date in [None, Some(""), Some("yesterday"), Some("Fri, 31 Dec 9999 23:59:59 GMT"), Some("-1")] {
            assert!(!skew.learn(Reading { date, ..reading(early, Duration::ZERO) }, 0), "{date:?}");
        }
        assert_eq!(skew.offset_millis(), 0);
        assert_eq!(Skew(AtomicI64::new(i64::MIN)).correct(NOON), Duration::ZERO);
    }
}
