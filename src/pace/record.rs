//! What is written down about one account's pace, and how it changes. Pure: the time is an argument, in nanoseconds of
//! whichever clock the participants share, so that the same arithmetic serves a process and a host.
use std::collections::VecDeque;
use std::time::Duration;

/// Calls that may start at once after a rest.
pub(super) const BURST: u32 = 5;
pub(super) const SECOND: u64 = 1_000_000_000;
/// Whoever wakes up this late was held up, perhaps with all the others: the turn is over, and a new one is asked for.
pub(super) const MISSED: u64 = 50_000_000;
/// How far beyond a second the last starts are looked back at, at most: what leaves the client evenly may reach the service
/// a little less so.
const MARGIN: f64 = 0.04;
/// How long a participant's rate counts as the account's after it last asked.
const REMEMBERED: u64 = 10 * SECOND;
/// Turns given back that are kept for others. Each process holds a few turns at a time; one more would be lost, not harmful.
const KEPT: usize = 32;
/// How the rate falls and comes back (CUBIC, as in the AWS SDKs' adaptive mode).
const FALL: f64 = 0.7;
const GROWTH: f64 = 0.4;
const FLOOR: f64 = 1.0;
/// A time further ahead than this was written by another clock.
const FAR: u64 = 24 * 3_600 * SECOND;

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn seconds(value: f64) -> u64 {
    nanos(Duration::try_from_secs_f64(value).unwrap_or_default())
}

/// The last time that the service throttled, and the rate that was too much for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Throttled {
    pub at: u64,
    pub rate: f64,
}

impl Throttled {
    /// Falls at once, comes back slowly at first, rests near the rate that was too much, and goes on beyond it.
    pub(super) fn rate(&self, now: u64) -> f64 {
        let rest = (self.rate * (1.0 - FALL) / GROWTH).cbrt();
        let since = Duration::from_nanos(now.saturating_sub(self.at)).as_secs_f64();
        (GROWTH * (since - rest).powi(3) + self.rate).max(FLOOR)
    }
}

/// The highest rate among the participants, and when one with it last asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fastest {
    pub qps: f64,
    pub at: u64,
}

/// What became of a turn when its time had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Gone,
    /// Too late: another turn is needed.
    Missed,
    /// The last second is full until then.
    Full(u64),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Record {
    /// When the next turn would be, with no burst.
    pub next: u64,
    /// Turns that nobody came for, earliest first.
    pub returned: Vec<u64>,
    /// The last starts, oldest first.
    pub starts: VecDeque<u64>,
    pub throttled: Option<Throttled>,
    pub fastest: Option<Fastest>,
}

impl Record {
    /// The rate at a time, now or to come.
    pub(super) fn rate(&self, qps: f64, at: u64) -> f64 {
        self.throttled.map_or(qps, |throttled| throttled.rate(at).min(qps))
    }

    /// The next turn, unless it is at `end` or later: then nothing is taken.
    pub(super) fn reserve(&mut self, qps: f64, now: u64, end: u64) -> Option<u64> {
        if self.fastest.is_none_or(|fastest| fastest.qps <= qps || now.saturating_sub(fastest.at) > REMEMBERED) {
            self.fastest = Some(Fastest { qps, at: now });
        }
        // Earlier ones have passed unused, and are gone for good: nothing is saved up.
        self.returned.retain(|at| *at >= now);
        if self.returned.first().is_some_and(|at| *at < end) {
            return Some(self.returned.remove(0));
        }
        let next = self.next.max(now);
        // At the time of the turn itself, so that turns far ahead are not as far apart as those of a rate that has fallen.
        let interval = seconds(1.0 / self.rate(qps, next));
        // A rate that fell has no burst: it would be the next refusal.
        let burst = if self.rate(qps, now) < qps { 0 } else { u64::from(BURST - 1) };
        let at = next.saturating_sub(interval * burst).max(now);
        if at >= end {
            return None;
        }
        self.next = next + interval;
        Some(at)
    }

    /// Takes back a turn that is not used (C09).
    pub(super) fn give_back(&mut self, at: u64) {
        let place = self.returned.partition_point(|other| *other <= at);
        self.returned.insert(place, at);
        self.returned.truncate(KEPT);
    }

    /// The second look: starts now, unless the time of the turn is long past or the last second is full.
    pub(super) fn start(&mut self, qps: f64, now: u64, at: u64) -> Start {
        if now.saturating_sub(at) > MISSED {
            return Start::Missed;
        }
        let recent = self.fastest.filter(|fastest| now.saturating_sub(fastest.at) <= REMEMBERED);
        let limit = recent.map_or(qps, |fastest| fastest.qps.max(qps));
        let back = look_back(limit);
        while self.starts.front().is_some_and(|start| now.saturating_sub(*start) >= back) {
            self.starts.pop_front();
        }
        let first = self.starts.len().checked_sub(most(limit)).and_then(|index| self.starts.get(index));
        if let Some(first) = first {
            return Start::Full(first + back);
        }
        self.starts.push_back(now);
        Start::Gone
    }

    /// The service throttled a call. Refusals of calls that were under way together count once, whoever made them.
    pub(super) fn throttle(&mut self, qps: f64, now: u64) {
        if self.throttled.is_none_or(|last| now.saturating_sub(last.at) >= SECOND / 2) {
            self.throttled = Some(Throttled { at: now, rate: self.rate(qps, now) });
        }
    }

    /// Whether it can have been written by this clock before `now`.
    pub(super) fn is_plausible(&self, now: u64) -> bool {
        let far = now.saturating_add(FAR);
        self.next <= far
            && self.returned.iter().all(|at| *at <= far)
            && self.starts.iter().all(|start| *start <= now)
            && self.throttled.is_none_or(|last| last.at <= now && last.rate.is_finite() && last.rate > 0.0)
            && self.fastest.is_none_or(|fastest| fastest.at <= now && fastest.qps.is_finite() && fastest.qps > 0.0)
    }
}

/// How many starts a look back may find.
fn most(limit: f64) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 10,000")]
    let whole = limit.floor() as usize;
    whole + BURST as usize
}

/// A second and a margin, which is as large as it can be while the whole rate fits.
fn look_back(limit: f64) -> u64 {
    SECOND + seconds((0.8 * f64::from(BURST) / limit).min(MARGIN))
}
