//! Where turns are written down: in this process, in a file of this host, or at a Redis server.
#[cfg(target_os = "linux")]
use super::host::Host;
use super::local::Local;
use super::record::{Record, Start};
use super::redis::Redis;
use crate::error::{Error, Kind, Result};
use std::time::Duration;
use tokio::time::Instant;

/// How long a lock that another process holds is waited for before it is tried again: a lock is held for microseconds.
const LOCKED: Duration = Duration::from_millis(1);
const LOCKED_LONG: Duration = Duration::from_millis(8);
/// A refusal of the service is noted within this time, or not at all.
const NOTING: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Book {
    Process(Local),
    /// In this process, where all of the host were meant.
    #[cfg(not(target_os = "linux"))]
    Alone(Local),
    #[cfg(target_os = "linux")]
    Host(Host),
    Redis(Redis),
}

/// A turn of a record. Dropping it gives it back (C09).
struct Turn<'a> {
    book: &'a Book,
    at: u64,
    is_used: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            // While another process holds the lock, the turn is lost: a few hundredths of a second of the rate.
            let _ = self.book.try_change(|record, _| record.give_back(self.at));
        }
    }
}

/// What a caller is told.
enum Told {
    Go,
    /// The turn, and the time at which it was told.
    Wait(u64, u64),
    Late,
}

impl Book {
    /// How many callers of a process may hold turns or ask for them at once: those of a fiftieth of a second.
    pub(super) fn room(&self, qps: f64) -> usize {
        match self {
            Self::Redis(_) => Redis::room(qps),
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be from 0 to 10,000"
            )]
            _ => (qps / 50.0).ceil().max(1.0) as usize,
        }
    }

    /// Whether what it says outlives this process: a file or a server has it.
    pub(super) fn is_kept_elsewhere(&self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Host(host) => host.warning().is_none(),
            Self::Redis(_) => true,
            _ => false,
        }
    }

    pub(super) fn warning(&self) -> Option<String> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Host(host) => host.warning(),
            #[cfg(not(target_os = "linux"))]
            Self::Alone(_) => {
                Some("the pace is kept in this process alone: only on Linux it is shared over the host".into())
            }
            Self::Process(_) | Self::Redis(_) => None,
        }
    }

    /// Has a turn, waits for it and uses it up; `told` hears of the turn.
    pub(super) async fn pass(&self, qps: f64, end: Instant, told: impl Fn(Instant)) -> Result<()> {
        if let Self::Redis(redis) = self {
            return redis.pass(qps, end, told).await;
        }
        loop {
            let ask = |record: &mut Record, now: u64| {
                let last = now.saturating_add(super::record::nanos(end.saturating_duration_since(Instant::now())));
                match record.reserve(qps, now, last) {
                    None => Told::Late,
                    Some(at) if at <= now => match record.start(qps, now, at) {
                        Start::Gone => Told::Go,
                        Start::Full(free) => Told::Wait(free, now),
                        Start::Missed => Told::Wait(now, now),
                    },
                    Some(at) => Told::Wait(at, now),
                }
            };
            let (at, now) = match self.change(end, ask).await? {
                Told::Late => return Err(super::late()),
                Told::Go => {
                    told(Instant::now());
                    return Ok(());
                }
                Told::Wait(at, now) => (at, now),
            };
            let mut turn = Turn { book: self, at, is_used: false };
            let mut wake = Instant::now() + Duration::from_nanos(at - now);
            told(wake);
            let is_gone = loop {
                if wake >= end {
                    return Err(super::late());
                }
                tokio::time::sleep_until(wake).await;
                let start = |record: &mut Record, now: u64| (record.start(qps, now, turn.at), now);
                match self.change(end, start).await? {
                    (Start::Gone, _) => break true,
                    (Start::Missed, _) => break false,
                    (Start::Full(free), now) => {
                        turn.at = free;
                        wake = Instant::now() + Duration::from_nanos(free.saturating_sub(now));
                    }
                }
            };
            turn.is_used = true;
            if is_gone {
                return Ok(());
            }
        }
    }

    /// Notes that the service throttled.
    pub(super) async fn throttled(&self, qps: f64) {
        let end = Instant::now() + NOTING;
        match self {
            Self::Redis(redis) => redis.throttled(qps, end).await,
            _ => {
                let _ = self.change(end, |record, now| record.throttle(qps, now)).await;
            }
        }
    }

    /// Changes the record as soon as no other process holds it, which takes microseconds unless one is stopped.
    async fn change<T>(&self, end: Instant, mut change: impl FnMut(&mut Record, u64) -> T) -> Result<T> {
        let mut pause = LOCKED;
        loop {
            if let Some(changed) = self.try_change(&mut change) {
                return Ok(changed);
            }
            let now = Instant::now();
            if now >= end {
                return Err(Error::new(
                    Kind::PaceTimeout,
                    "the call's total time-out passed while another process held the host's pace (is one stopped?); \
                     nothing was sent",
                ));
            }
            tokio::time::sleep_until((now + pause).min(end)).await;
            pause = (pause * 2).min(LOCKED_LONG);
        }
    }

    /// `None` while another process holds the record.
    fn try_change<T>(&self, change: impl FnMut(&mut Record, u64) -> T) -> Option<T> {
        match self {
            Self::Process(local) => Some(local.change(change)),
            #[cfg(not(target_os = "linux"))]
            Self::Alone(local) => Some(local.change(change)),
            #[cfg(target_os = "linux")]
            Self::Host(host) => host.change(change),
            Self::Redis(_) => None,
        }
    }
}
