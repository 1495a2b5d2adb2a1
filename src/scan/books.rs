//! The scan's books: the budget in memory, intents and settlements in the store. What is sent was entered before.
use super::halt::Halt;
use crate::ambient::Ambient;
use crate::attempt::{Attempt, Billing};
use crate::budget::Budget;
use crate::error::{Error, Kind, Result};
use crate::price::{self, dollars};
use crate::service::{Gate, Intending, Withdrawing};
use crate::store::{End, Fingerprint, Intent, Intention, Item, Settlement, Store};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct Books {
    budget: Mutex<Budget>,
    /// A call has ended, and may have given back what it had set aside.
    settled: Notify,
    /// Whether no more money is to be spent.
    halt: Arc<Halt>,
    pub(super) store: Store,
    pub(super) ambient: Ambient,
}

/// What was spent and what is left, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    pub limit: Option<u64>,
    pub billed: u64,
    pub possibly: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Books {
    /// Goes on where the store's earlier runs ended (M02).
    pub(super) fn open(store: Store, limit: Option<u64>, halt: Arc<Halt>, ambient: Ambient) -> Arc<Self> {
        let spent = store.spent();
        let budget = Mutex::new(Budget::new(limit, spent.billed, spent.possibly));
        Arc::new(Self { budget, settled: Notify::new(), halt, store, ambient })
    }

    pub(super) fn balance(&self) -> Balance {
        let budget = locked(&self.budget);
        Balance { limit: budget.limit(), billed: budget.billed(), possibly: budget.possibly() }
    }

    /// Begins the entries of one call. An error where the budget has no room for it: nothing is sent then.
    pub(super) async fn begin(self: &Arc<Self>, fingerprint: Fingerprint, item: Item) -> Result<Arc<Entry>> {
        self.reserve().await?;
        let state = Mutex::new(Lines { intents: Vec::new(), settled: 0, is_reserved: true });
        Ok(Arc::new(Entry { books: Arc::clone(self), fingerprint, item, lines: state }))
    }

    /// Sets the price of one call aside. Where only calls in flight stand in the way, their ends are waited for: they may
    /// cost nothing.
    async fn reserve(&self) -> Result<()> {
        if locked(&self.budget).reserve() {
            return Ok(());
        }
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            {
                let mut budget = locked(&self.budget);
                if budget.reserve() {
                    return Ok(());
                }
                if budget.reserved() == 0 || budget.is_spent() {
                    let limit = dollars(budget.limit().unwrap_or_default());
                    let message = format!(
                        "the next call would pass the budget of {limit} USD; a larger budget= goes on from where this ended"
                    );
                    return Err(Error::new(Kind::Budget, message));
                }
            }
            settled.await;
        }
    }

    /// Waits until the scan is stopped.
    async fn stopped(&self) -> Error {
        self.halt.ordered().await;
        Error::new(Kind::ScanPaused, "the scan was stopped before the request's turn; nothing was sent")
    }

    fn release(&self, billing: Billing) {
        locked(&self.budget).settle(billing);
        self.settled.notify_waiters();
    }
}

/// The entries of one call.
#[derive(Debug)]
pub(super) struct Entry {
    books: Arc<Books>,
    fingerprint: Fingerprint,
    item: Item,
    lines: Mutex<Lines>,
}

#[derive(Debug)]
struct Lines {
    intents: Vec<Intent>,
    /// How many of their attempts the budget knows the end of.
    settled: usize,
    /// Whether the price of one more request is set aside.
    is_reserved: bool,
}

impl Entry {
    /// The budget learns how requests ended.
    fn account<'a>(&self, lines: &mut Lines, paid: impl IntoIterator<Item = &'a Attempt>) {
        for attempt in paid.into_iter().skip(lines.settled) {
            self.books.release(attempt.billing);
            lines.settled += 1;
            lines.is_reserved = false;
        }
    }

    async fn enter(&self, attempts: &[Attempt], access_key_id: &str) -> Result<()> {
        let paid = || attempts.iter().filter(|attempt| attempt.operation.is_paid());
        let (before, is_reserved) = {
            let mut lines = locked(&self.lines);
            self.account(&mut lines, paid());
            if lines.intents.len() > paid().count() {
                // The last one was not made use of: its request was never sent.
                return Ok(());
            }
            (lines.intents.iter().copied().zip(paid().cloned()).collect(), lines.is_reserved)
        };
        if self.books.halt.is_ordered() {
            return Err(self.books.stopped().await);
        }
        if !is_reserved {
            tokio::select! {
                biased;
                error = self.books.stopped() => return Err(error),
                reserved = self.books.reserve() => reserved?,
            }
            locked(&self.lines).is_reserved = true;
        }
        let tail = access_key_id.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        let intention = Intention {
            fingerprint: self.fingerprint,
            item: self.item.clone(),
            before,
            price: price::LIST.micro_dollars,
            key_suffix: access_key_id.get(tail..).unwrap_or_default().to_owned(),
        };
        let intent = self.books.store.intend(intention).await?;
        locked(&self.lines).intents.push(intent);
        Ok(())
    }

    /// Writes down how the call ended; durable when this returns.
    pub(super) async fn close(&self, mut attempts: Vec<Attempt>, end: End) -> Result<()> {
        attempts.retain(|attempt| attempt.operation.is_paid());
        let intents: Vec<(Intent, Option<Attempt>)> = {
            let mut lines = locked(&self.lines);
            self.account(&mut lines, &attempts);
            if std::mem::take(&mut lines.is_reserved) {
                self.books.release(Billing::NotBilled);
            }
            let ends = attempts.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
            lines.intents.iter().copied().zip(ends).collect()
        };
        if intents.is_empty() && matches!(end, End::Open) {
            return Ok(());
        }
        let (fingerprint, item) = (self.fingerprint, self.item.clone());
        self.books.store.settle(Settlement { fingerprint, item, intents, end }).await
    }
}

impl Gate for Entry {
    fn intend<'a>(&'a self, attempts: &'a [Attempt], access_key_id: &'a str) -> Intending<'a> {
        Box::pin(self.enter(attempts, access_key_id))
    }

    fn withdrawn(&self) -> Withdrawing<'_> {
        Box::pin(self.books.stopped())
    }
}

impl Drop for Entry {
    /// One that was never closed, as of a panic: what was written down as about to be sent may have been.
    fn drop(&mut self) {
        let lines = self.lines.get_mut().unwrap_or_else(PoisonError::into_inner);
        if lines.is_reserved {
            let is_sent = lines.intents.len() > lines.settled;
            self.books.release(if is_sent { Billing::PossiblyBilled } else { Billing::NotBilled });
        }
    }
}
