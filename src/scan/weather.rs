//! Whether it is worth asking at all. While the network or the service is out, items wait instead of failing one after
//! another: one of them is let through now and then, and the first that is answered lets all others go on.
use crate::error::{Error, Kind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Failures in a row, of different items, that make an outage of what might be bad luck.
const OUTAGE: u32 = 5;
/// Refusals of parameters in a row after which it is the scan that is wrong, not the images.
const REFUSALS: u32 = 20;
/// The rests between two that are let through, in seconds, where there is patience for at least [`USUAL`]; shorter ones for
/// whoever has less.
const RESTS: [u64; 5] = [1, 2, 4, 8, 15];
/// Seconds of patience.
const USUAL: f64 = 900.0;

/// How a call ended, as far as it tells of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The service answered, and the answer was about the image.
    Fair,
    /// The service refused what all calls of the scan have in common, or so it seems.
    Refusal,
    /// It says nothing of the service.
    Silent,
    /// Bad luck, or the beginning of an outage.
    Bad,
    /// No connection, or no room for calls: the next one would fare no better.
    Outage,
}

#[derive(Debug)]
struct Foul {
    since: Instant,
    next: Instant,
    tries: usize,
    /// Whether somebody is on the way to find out.
    is_probed: bool,
    why: Error,
}

#[derive(Debug, Default)]
struct Sky {
    bad: u32,
    refusals: u32,
    foul: Option<Foul>,
}

#[derive(Debug)]
pub(super) struct Weather {
    sky: Mutex<Sky>,
    changed: Notify,
    /// How long an outage is sat out.
    patience: Duration,
}

/// Leave to make a call. One that was to find out how things are gives the task on when it comes to nothing.
#[derive(Debug)]
pub(super) struct Pass {
    weather: Arc<Weather>,
    /// The beginning of the outage that it is to find out about.
    probes: Option<Instant>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some(since) = self.probes else { return };
        if let Some(foul) = self.weather.sky().foul.as_mut().filter(|foul| foul.since == since) {
            foul.is_probed = false;
        }
        self.weather.changed.notify_waiters();
    }
}

impl Weather {
    pub(super) fn new(patience: Duration) -> Arc<Self> {
        Arc::new(Self { sky: Mutex::default(), changed: Notify::new(), patience })
    }

    fn sky(&self) -> MutexGuard<'_, Sky> {
        self.sky.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to rest after so many tries in vain.
    pub(super) fn rest(&self, tries: usize) -> Duration {
        let seconds = RESTS.get(tries).or(RESTS.last()).copied().unwrap_or(1);
        Duration::from_secs(seconds).mul_f64((self.patience.as_secs_f64() / USUAL).min(1.0))
    }

    /// Why the scan waits, if it does.
    pub(super) fn why(&self) -> Option<String> {
        self.sky().foul.as_ref().map(|foul| foul.why.message().to_owned())
    }

    /// Waits until a call may be made; an error where the outage lasts for longer than there is patience.
    pub(super) async fn pass(self: &Arc<Self>) -> Result<Pass, Error> {
        if self.sky().foul.is_none() {
            return Ok(Pass { weather: Arc::clone(self), probes: None });
        }
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let rest = {
                let mut sky = self.sky();
                let Some(foul) = &mut sky.foul else {
                    return Ok(Pass { weather: Arc::clone(self), probes: None });
                };
                let now = Instant::now();
                let end = foul.since + self.patience;
                // Where nobody was there to find out when it was time to, nobody knows that it is still as it was.
                if now >= end && (foul.is_probed || foul.next >= end) {
                    return Err(lost_patience(foul, self.patience));
                }
                if !foul.is_probed && foul.next <= now {
                    foul.is_probed = true;
                    return Ok(Pass { weather: Arc::clone(self), probes: Some(foul.since) });
                }
                if foul.is_probed { end } else { foul.next.min(end) }
            };
            let _ = tokio::time::timeout_at(rest, changed).await;
        }
    }

    /// Hears how a call ended. An error where this makes it plain that the scan itself is wrong.
    pub(super) fn heard(&self, pass: &Pass, sign: Sign, error: Option<&Error>) -> Option<Error> {
        let mut sky = self.sky();
        // In fair weather nobody waits.
        let was_foul = sky.foul.is_some();
        let mut diagnosis = None;
        match sign {
            Sign::Silent => return None,
            Sign::Fair | Sign::Refusal => {
                sky.bad = 0;
                sky.foul = None;
                sky.refusals = if sign == Sign::Refusal { sky.refusals + 1 } else { 0 };
                if sky.refusals >= REFUSALS {
                    sky.refusals = 0;
                    diagnosis = error.map(refused);
                }
            }
            Sign::Bad | Sign::Outage => {
                let error = error?;
                sky.bad += 1;
                let is_out = sign == Sign::Outage || sky.bad >= OUTAGE;
                let now = Instant::now();
                match &mut sky.foul {
                    Some(foul) if pass.probes == Some(foul.since) => {
                        foul.next = now + self.rest(foul.tries);
                        foul.tries += 1;
                        foul.why = error.clone();
                    }
                    None if is_out => {
                        let next = now + self.rest(0);
                        sky.foul = Some(Foul { since: now, next, tries: 1, is_probed: false, why: error.clone() });
                    }
                    _ => {}
                }
            }
        }
        drop(sky);
        if was_foul {
            self.changed.notify_waiters();
        }
        diagnosis
    }
}

fn lost_patience(foul: &Foul, patience: Duration) -> Error {
    let message = format!(
        "paused for {} s, and it is still as it was: {}; run the scan again to go on",
        patience.as_secs(),
        foul.why.message()
    );
    Error::new(Kind::ScanPaused, message)
}

fn refused(error: &Error) -> Error {
    let message = format!(
        "{REFUSALS} calls in a row were refused for their parameters, so that it is probably not the images: check service=, \
         region= and the column that the URLs are in, then run the scan again with retry='errors'; the last one: {}",
        error.message()
    );
    Error::new(Kind::ScanPaused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: Kind) -> Error {
        Error::new(kind, "no route to host")
    }

    async fn outage() -> Arc<Weather> {
        let weather = Weather::new(Duration::from_secs(900));
        let pass = weather.pass().await.unwrap();
        assert_eq!(weather.why(), None);
        assert!(weather.heard(&pass, Sign::Outage, Some(&error(Kind::Connect))).is_none());
        weather
    }

    /// F18, C06: one is let through after a rest, the others wait for its answer, and go on with it.
    #[tokio::test(start_paused = true)]
    async fn one_finds_out_and_the_others_wait() {
        let weather = outage().await;
        assert_eq!(weather.why().as_deref(), Some("no route to host"));
        let began = Instant::now();
        let probe = weather.pass().await.unwrap();
        assert_eq!((probe.probes.is_some(), began.elapsed().as_secs()), (true, 1));
        let other = tokio::spawn({
            let weather = Arc::clone(&weather);
            async move { weather.pass().await.map(|pass| pass.probes.is_some()) }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!other.is_finished());
        assert!(weather.heard(&probe, Sign::Bad, Some(&error(Kind::Server))).is_none());
        drop(probe);
        assert!(other.await.unwrap().unwrap(), "the next one finds out after a longer rest");
        let last = weather.pass().await.unwrap();
        assert!(weather.heard(&last, Sign::Fair, None).is_none());
        assert!(weather.pass().await.unwrap().probes.is_none());
    }

    /// F18: the rests grow, and a probe that is given up is another's to make.
    #[tokio::test(start_paused = true)]
    async fn rests_grow_and_a_given_up_probe_is_passed_on() {
        let weather = outage().await;
        let mut waits = Vec::new();
        for _ in 0..7 {
            let began = Instant::now();
            let probe = weather.pass().await.unwrap();
            waits.push(began.elapsed().as_secs());
            weather.heard(&probe, Sign::Outage, Some(&error(Kind::Connect)));
        }
        assert_eq!(waits, [1, 2, 4, 8, 15, 15, 15]);
        drop(weather.pass().await.unwrap());
        let began = Instant::now();
        assert!(weather.pass().await.unwrap().probes.is_some());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    /// F18: an outage without end ends the scan, and nothing hangs.
    #[tokio::test(start_paused = true)]
    async fn patience_has_an_end_also_for_those_who_wait_for_another() {
        let weather = outage().await;
        let _probe = weather.pass().await.unwrap();
        let error = weather.pass().await.unwrap_err();
        assert_eq!(error.kind(), Kind::ScanPaused);
        assert!(error.message().contains("no route to host") && error.message().contains("again"), "{error}");
    }

    /// F18: where nobody was there to find out, the next one does, however late it comes: an idle scan is no outage.
    #[tokio::test(start_paused = true)]
    async fn an_idle_scan_is_not_out_of_patience() {
        let weather = outage().await;
        tokio::time::sleep(Duration::from_secs(5_000)).await;
        let probe = weather.pass().await.unwrap();
        assert!(probe.probes.is_some());
        weather.heard(&probe, Sign::Outage, Some(&error(Kind::Connect)));
        drop(probe);
        assert_eq!(weather.pass().await.unwrap_err().kind(), Kind::ScanPaused);
        let hasty = Weather::new(Duration::ZERO);
        let pass = hasty.pass().await.unwrap();
        hasty.heard(&pass, Sign::Outage, Some(&error(Kind::Connect)));
        assert_eq!(hasty.pass().await.unwrap_err().kind(), Kind::ScanPaused);
    }

    /// F18: who found out about one outage is not taken for the one who finds out about the next.
    #[tokio::test(start_paused = true)]
    async fn one_finds_out_about_each_outage() {
        let weather = outage().await;
        let old = weather.pass().await.unwrap();
        weather.heard(&old, Sign::Fair, None);
        let late = weather.pass().await.unwrap();
        weather.heard(&late, Sign::Outage, Some(&error(Kind::Connect)));
        let new = weather.pass().await.unwrap();
        assert!(new.probes.is_some());
        drop(old);
        let second = tokio::time::timeout(Duration::from_secs(600), weather.pass()).await;
        assert!(second.is_err(), "two of them are on the way");
    }

    /// C06: a few server errors among answers are no outage, five in a row are.
    #[tokio::test(start_paused = true)]
    async fn bad_luck_is_no_outage() {
        let weather = Weather::new(Duration::from_secs(900));
        let pass = weather.pass().await.unwrap();
        for round in 0..3 {
            for _ in 0..4 {
                weather.heard(&pass, Sign::Bad, Some(&error(Kind::Server)));
            }
            assert_eq!(weather.why(), None, "{round}");
            weather.heard(&pass, Sign::Fair, None);
        }
        for _ in 0..5 {
            weather.heard(&pass, Sign::Bad, Some(&error(Kind::Server)));
        }
        assert!(weather.why().is_some());
    }

    /// D03: twenty refusals of parameters in a row are the scan's fault; one answer between them, and they are not.
    #[tokio::test]
    async fn twenty_refusals_in_a_row_are_a_diagnosis() {
        let weather = Weather::new(Duration::from_secs(900));
        let pass = weather.pass().await.unwrap();
        let refusal = error(Kind::InvalidParameter);
        for _ in 0..2 {
            for _ in 0..19 {
                assert!(weather.heard(&pass, Sign::Refusal, Some(&refusal)).is_none());
            }
            weather.heard(&pass, Sign::Fair, None);
        }
        let found: Vec<_> = (0..20).map(|_| weather.heard(&pass, Sign::Refusal, Some(&refusal))).collect();
        assert!(found[..19].iter().all(Option::is_none));
        assert_eq!(found[19].as_ref().unwrap().kind(), Kind::ScanPaused);
    }
}
