//! When temporary credentials are to be replaced: arithmetic only, the time is an argument.
use std::time::Duration;

/// A session is replaced in its last quarter, at most this long before its end: one call does it, the others go on.
const LONGEST_ADVISORY: Duration = Duration::from_secs(15 * 60);
/// In its last tenth, at most this long before its end, everybody waits for the new one.
const LONGEST_MANDATORY: Duration = Duration::from_secs(5 * 60);

/// How long before the end of such a lifetime a replacement is looked for. The margin grows with the lifetime, so that the
/// shortest session of 900 s is replaced at 675 s and not at every call (A16).
pub fn advisory(lifetime: Duration) -> Duration {
    (lifetime / 4).min(LONGEST_ADVISORY)
}

fn mandatory(lifetime: Duration) -> Duration {
    (lifetime / 10).min(LONGEST_MANDATORY)
}

/// What holds at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Fresh,
    /// Good, and to be replaced by whoever comes first.
    Advisory,
    /// To be replaced before anything is signed.
    Mandatory,
}

/// The two moments of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    advisory_at: Duration,
    mandatory_at: Duration,
}

impl Freshness {
    /// For what was had at `now` and ends at `expiration`. `fraction`, from 0 to below 1, moves both moments by up to a
    /// tenth of their margins, so that the machines of a fleet do not all ask at once.
    pub fn new(now: Duration, expiration: Duration, fraction: f64) -> Self {
        let lifetime = expiration.saturating_sub(now);
        let jitter = 0.9 + 0.2 * fraction.clamp(0.0, 1.0);
        let before = |margin: Duration| expiration.saturating_sub(margin.mul_f64(jitter));
        Self { advisory_at: before(advisory(lifetime)), mandatory_at: before(mandatory(lifetime)) }
    }

    pub fn stage(&self, now: Duration) -> Stage {
        if now >= self.mandatory_at {
            Stage::Mandatory
        } else if now >= self.advisory_at {
            Stage::Advisory
        } else {
            Stage::Fresh
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A16: 75 % and 90 % of the shortest session; 15 and 5 minutes of a long one.
    #[test]
    fn the_margins_grow_with_the_lifetime_up_to_a_quarter_of_an_hour() {
        for (lifetime, advisory, mandatory) in
            [(900, 675, 810), (3_600, 2_700, 3_300), (43_200, 42_300, 42_900), (120, 90, 108)]
        {
            let freshness = Freshness::new(at(1_000), at(1_000 + lifetime), 0.5);
            let stage = |seconds| freshness.stage(at(1_000 + seconds));
            assert_eq!((stage(0), stage(advisory - 1)), (Stage::Fresh, Stage::Fresh), "{lifetime}");
            assert_eq!((stage(advisory), stage(mandatory - 1)), (Stage::Advisory, Stage::Advisory), "{lifetime}");
            assert_eq!((stage(mandatory), stage(lifetime + 9)), (Stage::Mandatory, Stage::Mandatory), "{lifetime}");
        }
    }

    proptest! {
        #[test]
        fn jitter_moves_by_a_tenth_at_most_and_never_past_the_end(lifetime in 10_u64..100_000, fraction in 0.0..1.0) {
            let freshness = Freshness::new(at(0), at(lifetime), fraction);
            let margin = advisory(at(lifetime));
            let before = at(lifetime).checked_sub(freshness.advisory_at).unwrap();
            prop_assert!(before >= margin.mul_f64(0.899) && before <= margin.mul_f64(1.101));
            prop_assert!(freshness.advisory_at < freshness.mandatory_at && freshness.mandatory_at < at(lifetime));
            prop_assert_eq!(freshness.stage(at(0)), Stage::Fresh);
        }
    }
}
