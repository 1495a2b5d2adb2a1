//! Keeps credentials while they are good: one search for all who wait, one immutable set for each attempt.
use super::file;
use super::freshness::{Freshness, Stage};
use super::notices::Notices;
use super::{Issued, Keep, World};
use crate::credential::Credentials;
use crate::error::{Error, Result};
use arc_swap::ArcSwapOption;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long what has no expiration is kept.
const UNSAID: Duration = Duration::from_secs(15 * 60);
/// How often a file is looked at for changes, milliseconds.
const LOOK: u64 = 1_000;
/// The pause between tries to replace what is still good.
const PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug)]
enum Validity {
    Never,
    Session(Freshness),
    Until(Duration),
    File { stamp: file::Stamp, until: Duration, looked: AtomicU64 },
}

#[derive(Debug)]
struct Held {
    credentials: Arc<Credentials>,
    validity: Validity,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Held {
    fn new(issued: Issued, now: Duration, fraction: f64) -> Self {
        let until = now.saturating_add(UNSAID);
        let validity = match (issued.credentials.expiration, issued.keep) {
            (Some(end), _) => Validity::Session(Freshness::new(now, end, fraction)),
            (None, Keep::Never) => Validity::Never,
            (None, Keep::Time) => Validity::Until(until),
            (None, Keep::File(stamp)) => Validity::File { stamp, until, looked: AtomicU64::new(millis(now)) },
        };
        Self { credentials: Arc::new(issued.credentials), validity }
    }

    async fn stage(&self, now: Duration) -> Stage {
        let is_fresh = match &self.validity {
            Validity::Session(freshness) => return freshness.stage(now),
            Validity::Never => false,
            Validity::Until(until) => now < *until,
            Validity::File { stamp, until, looked } => {
                let seen = looked.load(Ordering::Acquire);
                if now >= *until {
                    false
                } else if millis(now).abs_diff(seen) < LOOK {
                    true
                } else {
                    let is_same = stamp.is_same().await;
                    if is_same {
                        looked.store(millis(now), Ordering::Release);
                    }
                    is_same
                }
            }
        };
        if is_fresh { Stage::Fresh } else { Stage::Mandatory }
    }
}

/// How the searches went. Those who wait for one that fails get its error (A15); later ones search again.
#[derive(Debug, Default)]
struct History {
    finished: u64,
    failure: Option<Error>,
    /// When the next try to replace what is still good may be made.
    quiet_until: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    held: ArcSwapOption<Held>,
    /// Whoever holds it searches. It is let go when that call is given up, and the next in line searches.
    turn: tokio::sync::Mutex<()>,
    history: Mutex<History>,
}

impl Cache {
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The credentials in use, or those that `load` finds.
    pub(super) async fn get<F, L>(&self, world: World<'_>, notices: &Notices, load: F) -> Result<Arc<Credentials>>
    where
        F: Fn() -> L,
        L: Future<Output = Result<Issued>>,
    {
        let seen = self.history().finished;
        match self.usable(world.now()).await {
            Some((held, Stage::Fresh)) => Ok(Arc::clone(&held.credentials)),
            Some((held, Stage::Advisory)) => {
                self.freshen(world, notices, &load).await;
                // What was held is good for this attempt, whatever became of the search.
                let current = self.held.load_full().unwrap_or(held);
                Ok(Arc::clone(&current.credentials))
            }
            _ => {
                let _turn = self.turn.lock().await;
                if let Some((held, stage)) = self.usable(world.now()).await
                    && stage < Stage::Mandatory
                {
                    return Ok(Arc::clone(&held.credentials));
                }
                {
                    let history = self.history();
                    if let Some(error) = history.failure.as_ref().filter(|_| history.finished != seen) {
                        return Err(error.clone());
                    }
                }
                self.search(world, &load).await
            }
        }
    }

    async fn usable(&self, now: Duration) -> Option<(Arc<Held>, Stage)> {
        let held = self.held.load_full()?;
        let stage = held.stage(now).await;
        Some((held, stage))
    }

    /// One call looks for a replacement while the others go on with what there is.
    async fn freshen<F, L>(&self, world: World<'_>, notices: &Notices, load: &F)
    where
        F: Fn() -> L,
        L: Future<Output = Result<Issued>>,
    {
        let Ok(_turn) = self.turn.try_lock() else {
            return;
        };
        let now = world.now();
        let is_quiet = now < self.history().quiet_until;
        if is_quiet || !matches!(self.usable(now).await, Some((_, Stage::Advisory))) {
            return;
        }
        if self.search(world, load).await.is_err() {
            let now = world.now();
            self.history().quiet_until = now.saturating_add(PAUSE);
            notices.stale(now);
        }
    }

    /// A search, with the turn held.
    async fn search<F, L>(&self, world: World<'_>, load: &F) -> Result<Arc<Credentials>>
    where
        F: Fn() -> L,
        L: Future<Output = Result<Issued>>,
    {
        let outcome = load().await;
        let mut history = self.history();
        history.finished = history.finished.wrapping_add(1);
        match outcome {
            Ok(issued) => {
                let held = Arc::new(Held::new(issued, world.now(), world.ambient.fraction()));
                history.failure = None;
                self.held.store(Some(Arc::clone(&held)));
                Ok(Arc::clone(&held.credentials))
            }
            Err(error) => {
                history.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Forgets credentials that were refused, unless others have taken their place already.
    pub(super) fn forget(&self, used: &Arc<Credentials>) {
        let held = self.held.load();
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.credentials, used)) {
            self.held.compare_and_swap(&*held, None);
        }
    }
}

#[cfg(test)]
mod tests;
