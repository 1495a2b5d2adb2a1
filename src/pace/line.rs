//! The line of callers of one process for one account: first come, first served. The first few hold turns of the shared
//! record or ask for one, the others wait behind them, so that a process that ends or is stopped takes few turns with it,
//! and one with many callers does not crowd out the others.
use super::book::Book;
use crate::error::Result;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long a line without callers is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Line {
    book: Book,
    /// Room at the head of the line, handed on in the order of asking.
    head: Semaphore,
    room: AtomicUsize,
    waiting: AtomicUsize,
    /// The last turn that this process had.
    last: Mutex<Option<Instant>>,
}

/// Counts one caller as waiting while it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    /// With the number of those who were there before.
    fn behind(count: &'a AtomicUsize) -> (Self, usize) {
        let before = count.fetch_add(1, Ordering::Relaxed);
        (Self(count), before)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Line {
    pub(super) fn new(book: Book) -> Self {
        let (room, waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { book, head: Semaphore::new(0), room, waiting, last: Mutex::default() }
    }

    /// Waits for a turn and uses it up. Fails as soon as it is known that the turn would come after `end`.
    pub(super) async fn admit(&self, qps: f64, end: Instant) -> Result<()> {
        self.make_room(self.book.room(qps));
        let place = if let Ok(place) = self.head.try_acquire() {
            place
        } else {
            let (_waiting, before) = Waiting::behind(&self.waiting);
            if self.earliest(qps, before) >= end {
                return Err(super::late());
            }
            let place = tokio::time::timeout_at(end, self.head.acquire()).await;
            place.ok().and_then(|place| place.ok()).ok_or_else(super::late)?
        };
        let passed = self.book.pass(qps, end, |at| *self.last() = Some(at)).await;
        drop(place);
        passed
    }

    pub(super) async fn throttled(&self, qps: f64) {
        self.book.throttled(qps).await;
    }

    pub(super) fn warning(&self) -> Option<String> {
        self.book.warning()
    }

    /// Whether nothing would be forgotten with it: the book is kept elsewhere, or nobody has had a turn for a while.
    pub(super) fn is_idle(&self) -> bool {
        self.book.is_kept_elsewhere() || self.last().is_none_or(|last| last.elapsed() > REMEMBERED)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Callers of several rates may share a line: the fastest says how wide its head is.
    fn make_room(&self, wanted: usize) {
        let before = self.room.fetch_max(wanted, Ordering::Relaxed);
        if wanted > before {
            self.head.add_permits(wanted - before);
        }
    }

    /// The turn of whoever has so many before it, if the account's whole rate were ours.
    fn earliest(&self, qps: f64, before: usize) -> Instant {
        let now = Instant::now();
        let last = self.last().map_or(now, |last| last.max(now));
        let ahead = u32::try_from(before).unwrap_or(u32::MAX);
        // While no turn is to come yet, those before may start at once: a burst.
        let steps = if last > now { ahead.saturating_add(1) } else { ahead.saturating_sub(super::record::BURST) };
        last + Duration::try_from_secs_f64(f64::from(steps) / qps).unwrap_or(Duration::MAX / 4)
    }
}
