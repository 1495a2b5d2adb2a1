//! What lies between whoever feeds a scan and whoever takes its rows: so many items at most, in order if that is wanted.
use super::row::Row;
use crate::error::Error;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who is to be woken once, when there is something to take.
type Waker = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    fed: u64,
    under_way: usize,
    bytes: usize,
    ready: VecDeque<Row>,
    /// Rows that wait for one before them; `None` for an item that has none.
    early: BTreeMap<u64, Option<Row>>,
    next: u64,
    is_ended: bool,
    is_stopped: bool,
    why: Option<Error>,
    waker: Option<Waker>,
    /// Whether somebody is about to tell of what is ready.
    is_told_soon: bool,
    /// Who is told once everything has ended, whether its rows are taken or not.
    last: Vec<Waker>,
}

/// Bounded in items and in bytes: what is fed, under way and not yet taken together.
pub(super) struct Window {
    state: Mutex<State>,
    changed: Condvar,
    is_ordered: bool,
    items: usize,
    bytes: usize,
}

impl fmt::Debug for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Window").field("items", &self.items).finish_non_exhaustive()
    }
}

/// What there is to take.
#[derive(Debug, Default)]
pub struct Taken {
    pub rows: Vec<Row>,
    /// Whether nothing more will come.
    pub is_over: bool,
    /// Why it is over before its time; told once.
    pub why: Option<Error>,
}

impl Window {
    pub(super) fn new(items: usize, bytes: usize, is_ordered: bool) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), is_ordered, items, bytes }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more items may be fed; 1 at least where nothing is under way, however large it may be.
    pub(super) fn room(&self) -> usize {
        let state = self.state();
        if state.is_ended || state.is_stopped {
            return 0;
        }
        let held = state.under_way + state.ready.len() + state.early.len();
        if held > 0 && state.bytes >= self.bytes { 0 } else { self.items.saturating_sub(held) }
    }

    /// How many items have gone in.
    pub(super) fn fed(&self) -> u64 {
        self.state().fed
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.state().under_way == 0
    }

    /// An item goes in; it gets its number.
    pub(super) fn enter(&self, bytes: usize) -> u64 {
        let mut state = self.state();
        let number = state.fed;
        state.fed += 1;
        state.under_way += 1;
        state.bytes = state.bytes.saturating_add(bytes);
        number
    }

    /// An item has its row, or none since the scan was stopped before its turn.
    pub(super) fn leave(&self, number: u64, bytes: usize, row: Option<Row>) {
        let _ = self.put(number, bytes, row);
        self.tell_all();
    }

    /// The same, and nobody is told of it yet. Whether the caller is to do so ([`Self::tell_all`]), since nobody else will.
    #[must_use]
    pub(super) fn put(&self, number: u64, bytes: usize, row: Option<Row>) -> bool {
        let mut guard = self.state();
        let state = &mut *guard;
        state.under_way -= 1;
        state.bytes = state.bytes.saturating_sub(bytes);
        if self.is_ordered {
            state.early.insert(number, row);
            while let Some(row) = state.early.remove(&state.next) {
                state.ready.extend(row);
                state.next += 1;
            }
        } else {
            state.ready.extend(row);
        }
        !std::mem::replace(&mut state.is_told_soon, true)
    }

    /// Tells whoever waits of what there is.
    pub(super) fn tell_all(&self) {
        let mut state = self.state();
        state.is_told_soon = false;
        self.tell(state);
    }

    fn tell(&self, mut state: MutexGuard<'_, State>) {
        let waker = if is_news(&state) { state.waker.take() } else { None };
        let last = if is_over(&state) { std::mem::take(&mut state.last) } else { Vec::new() };
        drop(state);
        self.changed.notify_all();
        for wake in waker.into_iter().chain(last) {
            wake();
        }
    }

    /// Nothing more will be fed.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.is_ended = true;
        self.tell(state);
    }

    /// No more is begun. The first reason is the one that is told. Says whether it was the first.
    pub(super) fn stop(&self, why: Option<Error>) -> bool {
        let mut state = self.state();
        let is_first = !state.is_stopped;
        state.is_stopped = true;
        if is_first {
            state.why = why;
        }
        self.tell(state);
        is_first
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().is_stopped
    }

    pub(super) fn is_over(&self) -> bool {
        is_over(&self.state())
    }

    pub(super) fn has_news(&self) -> bool {
        is_news(&self.state())
    }

    /// Takes what is there, without waiting.
    pub(super) fn take(&self, most: usize) -> Taken {
        let mut state = self.state();
        let count = most.min(state.ready.len());
        let rows = state.ready.drain(..count).collect();
        let is_over = is_over(&state) && state.ready.is_empty();
        Taken { rows, is_over, why: if is_over { state.why.take() } else { None } }
    }

    /// Waits on this thread until there is something to take, no longer than that. Says whether there is.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let state = self.state();
        let waited = self.changed.wait_timeout_while(state, time, |state| !is_news(state));
        waited.is_ok_and(|(state, _)| is_news(&state))
    }

    /// Waits on this thread until more can be fed, or nothing more will come. Says whether it is so.
    pub(super) fn wait_for_room(&self, time: Duration) -> bool {
        let is_full = |state: &State| state.under_way >= self.items || state.bytes >= self.bytes && state.under_way > 0;
        let waits = |state: &State| !is_over(state) && (is_full(state) || state.is_ended);
        let waited = self.changed.wait_timeout_while(self.state(), time, |state| waits(state));
        waited.is_ok_and(|(state, _)| !waits(&state))
    }

    /// Waits on this thread until nothing is under way and nothing more will be.
    pub(super) fn wait_over(&self, time: Duration) -> bool {
        let state = self.state();
        let waited = self.changed.wait_timeout_while(state, time, |state| !is_over(state));
        waited.is_ok_and(|(state, _)| is_over(&state))
    }

    /// Calls back once there is something to take; at once if there is.
    pub(super) fn wake(&self, waker: Waker) {
        let mut state = self.state();
        if is_news(&state) {
            drop(state);
            waker();
        } else {
            state.waker = Some(waker);
        }
    }

    /// Calls back once nothing is under way and nothing more will be.
    pub(super) fn when_over(&self, last: Waker) {
        let mut state = self.state();
        if is_over(&state) {
            drop(state);
            last();
        } else {
            state.last.push(last);
        }
    }

    /// Nobody waits any more.
    pub(super) fn forget_waker(&self) {
        let waker = self.state().waker.take();
        drop(waker);
    }
}

fn is_over(state: &State) -> bool {
    (state.is_ended || state.is_stopped) && state.under_way == 0
}

fn is_news(state: &State) -> bool {
    !state.ready.is_empty() || is_over(state)
}
