//! The rate at which paid calls start: evenly, below the account's limit, and slower for a while after the service throttles.
//!
//! A caller is told when it may go and sleeps once (GCRA: each reservation moves the next one on). What keeps the promise
//! is a second look at the moment of starting: the last starts are remembered, so that no sliding second ever holds more
//! than the rate and the burst, whatever timers, pauses and schedulers do in between.
use crate::error::{Error, Kind, Result};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Calls a second, unless said otherwise: the account's limit is 100 over all of its programs.
pub const DEFAULT_QPS: f64 = 95.0;
/// The account's limit, as the service's page has it.
const ACCOUNT_QPS: f64 = 100.0;
/// Calls that may start at once after a rest.
const BURST: u32 = 5;
const SECOND: Duration = Duration::from_secs(1);
/// Whoever wakes up this late was held up, perhaps with all the others: the turn is over, and a new one is asked for.
const MISSED: Duration = Duration::from_millis(50);
/// How the rate falls and comes back (CUBIC, as in the AWS SDKs' adaptive mode).
const FALL: f64 = 0.7;
const GROWTH: f64 = 0.4;
const FLOOR: f64 = 1.0;

/// Checks a rate (M10). A rate above the account's own limit must be meant.
pub fn qps(value: f64, has_higher_quota: bool) -> Result<f64> {
    let refuse = |wanted: &str| Err(Error::new(Kind::Config, format!("qps must be {wanted}")));
    if !(value.is_finite() && (0.01..=10_000.0).contains(&value)) {
        return refuse("a number of calls a second from 0.01 to 10,000, or None for no pace");
    }
    if value > ACCOUNT_QPS && !has_higher_quota {
        return refuse("at most 100, the account's limit; with a higher one pass i_have_a_higher_quota=True too");
    }
    Ok(value)
}

/// The pace of one account.
#[derive(Debug)]
pub struct Pace {
    qps: Option<f64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the next reservation would be for, with no burst.
    next: Option<Instant>,
    /// Reserved times that nobody came for.
    returned: BTreeSet<Instant>,
    /// The last starts, oldest first.
    starts: VecDeque<Instant>,
    throttled: Option<Throttled>,
}

/// The last time that the service throttled, and the rate that was too much for it.
#[derive(Debug, Clone, Copy)]
struct Throttled {
    at: Instant,
    rate: f64,
}

impl Throttled {
    /// Falls at once, comes back slowly at first, rests near the rate that was too much, and goes on beyond it.
    fn rate(&self, now: Instant) -> f64 {
        let rest = (self.rate * (1.0 - FALL) / GROWTH).cbrt();
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (GROWTH * (since - rest).powi(3) + self.rate).max(FLOOR)
    }
}

/// A reserved time. Dropping it gives it to the next who asks (C09).
struct Ticket<'a> {
    pace: &'a Pace,
    at: Instant,
    is_used: bool,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            self.pace.state().returned.insert(self.at);
        }
    }
}

impl Pace {
    /// `None` is no pace at all.
    pub fn new(qps: Option<f64>) -> Self {
        Self { qps, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn, no longer than until `end`; whoever gives up gives its turn back.
    pub async fn admit(&self, end: Instant) -> Result<()> {
        let Some(qps) = self.qps else {
            return Ok(());
        };
        loop {
            let mut ticket = self.reserve(qps, end)?;
            if ticket.at > Instant::now() {
                tokio::time::sleep_until(ticket.at).await;
            }
            let now = Instant::now();
            if now.saturating_duration_since(ticket.at) > MISSED {
                ticket.is_used = true;
                continue;
            }
            loop {
                match self.start(qps, Instant::now()) {
                    None => {
                        ticket.is_used = true;
                        return Ok(());
                    }
                    Some(free) if free >= end => return Err(late()),
                    Some(free) => tokio::time::sleep_until(free).await,
                }
            }
        }
    }

    fn reserve(&self, qps: f64, end: Instant) -> Result<Ticket<'_>> {
        let now = Instant::now();
        let mut state = self.state();
        // Earlier ones have passed unused, and are gone for good: nothing is saved up.
        state.returned = state.returned.split_off(&now);
        if let Some(at) = state.returned.first().copied().filter(|at| *at < end) {
            state.returned.remove(&at);
            return Ok(Ticket { pace: self, at, is_used: false });
        }
        let rate = state.throttled.map_or(qps, |throttled| throttled.rate(now).min(qps));
        let interval = Duration::from_secs_f64(1.0 / rate);
        let next = state.next.map_or(now, |next| next.max(now));
        // A rate that fell has no burst: it would be the next refusal.
        let burst = if rate < qps { 0 } else { BURST - 1 };
        let at = next.checked_sub(interval * burst).map_or(now, |at| at.max(now));
        if at >= end {
            return Err(late());
        }
        state.next = Some(next + interval);
        Ok(Ticket { pace: self, at, is_used: false })
    }

    /// Starts now, or says when there is room again in the last second.
    fn start(&self, qps: f64, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        while state.starts.front().is_some_and(|start| now.saturating_duration_since(*start) >= SECOND) {
            state.starts.pop_front();
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 10,000")]
        let most = qps.floor() as usize + BURST as usize;
        if state.starts.len() >= most {
            return state.starts.front().map(|oldest| *oldest + SECOND);
        }
        state.starts.push_back(now);
        None
    }

    /// The service throttled a call. Refusals of calls that were under way together count once.
    pub fn throttled(&self) {
        let (Some(qps), now) = (self.qps, Instant::now()) else {
            return;
        };
        let mut state = self.state();
        if state.throttled.is_some_and(|last| now.saturating_duration_since(last.at) < SECOND / 2) {
            return;
        }
        let rate = state.throttled.map_or(qps, |throttled| throttled.rate(now).min(qps));
        state.throttled = Some(Throttled { at: now, rate });
    }
}

fn late() -> Error {
    Error::new(
        Kind::PaceTimeout,
        "the call's total time-out would pass before its turn at the pace of qps=; nothing was sent",
    )
}

#[cfg(test)]
mod tests;
