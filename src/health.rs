//! Whether an endpoint is worth asking, where there is another one: a circuit breaker with a half-open probe (M06).
//!
//! Five failures in a row close the way to it. After a rest one call is let through: if it succeeds the way is open again, if
//! it fails the next rest is twice as long. Nobody is ever refused for it: where no endpoint is well, the first one is asked.
use crate::error::Kind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row that mean an outage.
pub const FAILURES: u32 = 5;
const FIRST_REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// What is known of one endpoint.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    outage: Option<Outage>,
}

#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Instant,
    rest: Duration,
    is_probed: bool,
}

/// How an endpoint may be asked.
#[derive(Debug)]
pub enum Way<'a> {
    Open,
    /// By this call alone, to see whether the outage is over. Dropping it lets another one try.
    Probe(Probe<'a>),
    Closed,
}

#[derive(Debug)]
pub struct Probe<'a>(&'a Health);

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if let Some(outage) = self.0.state().outage.as_mut() {
            outage.is_probed = false;
        }
    }
}

/// Whether an error says that the endpoint is not well. Throttling, a refusal of this call, and trouble of this machine do not.
const fn is_outage(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Connect
            | Kind::ConnectTimeout
            | Kind::Dns
            | Kind::Server
            | Kind::AmbiguousOutcome
            | Kind::DetectTimeout
            | Kind::ResponseDecode
    )
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt ended: `None` for a success. Answers that refuse a call come from an endpoint that is well; throttling
    /// says nothing either way.
    pub fn note(&self, error: Option<Kind>) {
        let mut state = self.state();
        match error {
            Some(kind) if is_outage(kind) => {
                state.failures = state.failures.saturating_add(1);
                let now = Instant::now();
                if let Some(outage) = state.outage.as_mut() {
                    // Only a probe finds out something new: the others were under way before.
                    if outage.is_probed {
                        outage.rest = (outage.rest * 2).min(LONGEST_REST);
                        outage.since = now;
                    }
                } else if state.failures >= FAILURES {
                    state.outage = Some(Outage { since: now, rest: FIRST_REST, is_probed: false });
                }
            }
            Some(Kind::Throttled | Kind::ResourceExhausted | Kind::Proxy | Kind::ProxyAuthentication | Kind::Tls) => {}
            _ => *state = State::default(),
        }
    }

    /// Whether there is an outage, rested or not.
    pub fn is_out(&self) -> bool {
        self.state().outage.is_some()
    }

    /// How the endpoint may be asked now.
    pub fn way(&self) -> Way<'_> {
        let mut state = self.state();
        let Some(outage) = state.outage.as_mut() else {
            return Way::Open;
        };
        if outage.is_probed || outage.since.elapsed() < outage.rest {
            return Way::Closed;
        }
        outage.is_probed = true;
        drop(state);
        Way::Probe(Probe(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(health: &Health, times: u32) {
        for _ in 0..times {
            health.note(Some(Kind::Server));
        }
    }

    fn is_open(health: &Health) -> bool {
        matches!(health.way(), Way::Open)
    }

    /// M06: four failures and a success are no outage, whatever their number; five in a row are.
    #[tokio::test(start_paused = true)]
    async fn only_failures_in_a_row_are_an_outage() {
        let health = Health::default();
        for answer in [None, Some(Kind::ImageDownload), Some(Kind::InvalidParameter)].repeat(4) {
            fail(&health, FAILURES - 1);
            health.note(Some(Kind::Throttled));
            assert!(is_open(&health));
            health.note(answer);
        }
        fail(&health, FAILURES);
        assert!(matches!(health.way(), Way::Closed) && health.is_out());
        // A call that was under way and succeeds shows that it is over.
        health.note(None);
        assert!(is_open(&health));
    }

    /// M06: after the rest one call tries; the rest doubles with each failure, up to five minutes.
    #[tokio::test(start_paused = true)]
    async fn one_call_probes_and_each_failure_doubles_the_rest() {
        let health = Health::default();
        fail(&health, FAILURES);
        for rest in [30, 60, 120, 240, 300, 300] {
            tokio::time::advance(Duration::from_secs(rest - 1)).await;
            assert!(matches!(health.way(), Way::Closed), "{rest}");
            tokio::time::advance(Duration::from_secs(1)).await;
            let Way::Probe(probe) = health.way() else { panic!("no probe after {rest} s") };
            assert!(matches!(health.way(), Way::Closed));
            fail(&health, 1);
            drop(probe);
            assert!(matches!(health.way(), Way::Closed));
        }
        tokio::time::advance(Duration::from_secs(300)).await;
        let probe = health.way();
        health.note(None);
        drop(probe);
        assert!(is_open(&health));
        // As before the outage: five failures, and the first rest.
        fail(&health, FAILURES);
        tokio::time::advance(FIRST_REST).await;
        assert!(matches!(health.way(), Way::Probe(_)));
    }

    /// A probe that is given up lets the next call try.
    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_is_nobodys() {
        let health = Health::default();
        fail(&health, FAILURES);
        tokio::time::advance(FIRST_REST).await;
        drop(health.way());
        assert!(matches!(health.way(), Way::Probe(_)));
    }
}
