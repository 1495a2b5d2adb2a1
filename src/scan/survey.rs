//! What a scan would do, found out without doing it: nothing is asked, and nothing is written to the store.
use super::row::{Input, fingerprint};
use super::window::{Taken, Window};
use super::{AHEAD, BYTES, Retry};
use crate::client::{Caught, Client, DeclarationRule};
use crate::error::Result;
use crate::store::{Known, Store};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// What the items come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub items: u64,
    /// Refused before anything would be sent.
    pub refused: u64,
    /// Of the same content as one before.
    pub duplicates: u64,
    /// Known to the store, and not to be asked again.
    pub cached: u64,
    /// Not to be asked about, since they declare enough themselves.
    pub declared: u64,
    /// Paid calls, if each is answered at its first attempt.
    pub calls: u64,
}

/// What an item is, for the counts.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Refused,
    Duplicate,
    Cached,
    Declared,
    Call,
}

#[derive(Debug)]
struct Surveyor {
    client: Client,
    /// What earlier runs know, where there is a store; and what was met already, which is on no disk for long.
    store: Store,
    retry: Retry,
    rule: DeclarationRule,
    desks: Semaphore,
    window: Window,
    counts: Mutex<Counts>,
}

/// A survey under way: fed as a scan is, but with nothing to take.
#[derive(Debug)]
pub struct Survey {
    surveyor: Arc<Surveyor>,
    runtime: Handle,
}

impl Survey {
    /// With a store that was opened for it ([`Store::open_to_estimate`]).
    pub fn start(client: Client, store: Store, retry: Retry, rule: DeclarationRule, runtime: Handle) -> Self {
        let surveyor = Surveyor {
            client,
            store,
            retry,
            rule,
            desks: Semaphore::new(AHEAD),
            window: Window::new(4 * AHEAD, BYTES, false),
            counts: Mutex::default(),
        };
        Self { surveyor: Arc::new(surveyor), runtime }
    }

    pub fn room(&self) -> usize {
        self.surveyor.window.room()
    }

    pub fn feed(&self, input: Input) {
        let bytes = input.bytes();
        let number = self.surveyor.window.enter(bytes);
        let surveyor = Arc::clone(&self.surveyor);
        self.runtime.spawn(async move {
            let fate = Caught::new(surveyor.fate(input)).await.unwrap_or(Ok(Fate::Refused));
            match fate {
                Ok(fate) => surveyor.count(fate),
                Err(error) => {
                    surveyor.window.stop(Some(error));
                }
            }
            surveyor.window.leave(number, bytes, None);
        });
    }

    pub fn end(&self) {
        self.surveyor.window.end();
    }

    pub fn stop(&self) {
        self.surveyor.window.stop(None);
    }

    /// Waits on this thread until there is room, or everything has ended.
    pub fn wait(&self, time: Duration) -> bool {
        self.surveyor.window.wait_for_room(time)
    }

    /// Whether it is over, and why before its time.
    pub fn take(&self) -> Taken {
        self.surveyor.window.take(usize::MAX)
    }

    pub fn counts(&self) -> Counts {
        *self.surveyor.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Surveyor {
    fn count(&self, fate: Fate) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.items += 1;
        *match fate {
            Fate::Refused => &mut counts.refused,
            Fate::Duplicate => &mut counts.duplicates,
            Fate::Cached => &mut counts.cached,
            Fate::Declared => &mut counts.declared,
            Fate::Call => &mut counts.calls,
        } += 1;
    }

    async fn fate(&self, input: Input) -> Result<Fate> {
        let Ok(_desk) = self.desks.acquire().await else { return Ok(Fate::Refused) };
        let Ok(source) = input.source else { return Ok(Fate::Refused) };
        let Ok(loaded) = self.client.load(source, self.rule).await else { return Ok(Fate::Refused) };
        let fingerprint = fingerprint(loaded.content);
        let is_declared = self.rule.suffices(&loaded.evidence);
        drop(loaded);
        if self.store.seen_before(fingerprint, String::new()).await?.is_some() {
            return Ok(Fate::Duplicate);
        }
        Ok(match self.store.peek(fingerprint).await? {
            Known::Answered(_) => Fate::Cached,
            _ if is_declared => Fate::Declared,
            known if self.retry.asks(&known) => Fate::Call,
            _ => Fate::Cached,
        })
    }
}
