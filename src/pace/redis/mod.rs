//! `pace="redis://..."`: turns that a Redis server gives out to processes of several hosts, a few at once.
//!
//! The server's clock says when a turn is. No burst is given out, and a turn that is reached late is not used: with both,
//! no second holds more than 100 starts at 95 a second, by arithmetic (95 * 1.05 < 100).
//!
//! One thread of each process talks to the server, since the runtimes of waiting callers stand still between calls.
mod clerk;
mod link;
mod mapping;

use super::record::nanos;
use crate::error::{Error, Kind, Result};
use crate::redact::{self, Secret};
use clerk::{Clerk, Message};
use link::Address;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Turns that are asked for at once, at most.
const LEASE: usize = 10;
/// A turn that is reached later than it takes so many to come is not used: 26 ms at 95 a second. Together with the error of
/// the mapping of clocks, and what passes until the call is on its way, it must stay below the twentieth of a second that
/// they leave.
const MISSED: f64 = 2.5;

/// A server's turns for one account.
#[derive(Debug)]
pub(super) struct Redis {
    address: Address,
    /// The keys at the server, by a hash: they name nobody.
    name: String,
    desk: Mutex<Option<mpsc::UnboundedSender<Message>>>,
    /// Turns that callers of this process hold.
    held: Arc<AtomicUsize>,
}

/// A turn, on the clocks of both sides, in nanoseconds here and microseconds there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    here: u64,
    there: u64,
}

/// A turn that is held. Dropping it gives it back (C09).
struct Held<'a> {
    redis: &'a Redis,
    turn: Turn,
    is_used: bool,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.redis.held.fetch_sub(1, Ordering::AcqRel);
        self.redis.tell(if self.is_used { Message::Used } else { Message::Back(self.turn) });
    }
}

/// Checks the text of `pace=`, without connecting. Its password stays unsaid.
pub(super) fn check(url: &str) -> Result<()> {
    match Address::is_whole(url) {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Config,
            format!("pace is not a Redis URL such as redis://:password@host:6379/0: {}", redact::url(url)),
        )),
    }
}

/// How late a turn may be reached, in nanoseconds.
fn missed(qps: f64) -> u64 {
    nanos(Duration::try_from_secs_f64((MISSED / qps).clamp(0.01, 0.5)).unwrap_or_default())
}

/// Turns that a process asks for at once: as many as are waited for, of a tenth of a second at most.
fn lease(qps: f64) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 10,000")]
    let tenth = (qps / 10.0).ceil() as usize;
    tenth.clamp(1, LEASE)
}

impl Redis {
    /// The URL was checked before.
    pub(super) fn new(url: &Secret, name: &str) -> Self {
        let address = Address::of(url);
        Self { address, name: name.to_owned(), desk: Mutex::default(), held: Arc::default() }
    }

    /// Callers that may hold turns or ask for them: one lease in hand, and the next.
    pub(super) fn room(qps: f64) -> usize {
        2 * lease(qps)
    }

    /// Has a turn, waits for it and uses it up.
    pub(super) async fn pass(&self, qps: f64, end: Instant, told: impl Fn(Instant)) -> Result<()> {
        loop {
            let (reply, answer) = oneshot::channel();
            self.tell(Message::Ask { qps, end, reply });
            let answer = tokio::time::timeout_at(end, answer).await.map_err(|_| super::late())?;
            let Ok(answer) = answer else {
                return Err(self.address.unavailable("its thread could not be started"));
            };
            let mut held = Held { redis: self, turn: answer?.keep(), is_used: false };
            let wait = Duration::from_nanos(held.turn.here.saturating_sub(now()));
            told(Instant::now() + wait);
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            held.is_used = true;
            if now().saturating_sub(held.turn.here) <= missed(qps) {
                return Ok(());
            }
        }
    }

    /// Notes a refusal of the service at the server. That the server cannot be reached says the next call.
    pub(super) async fn throttled(&self, qps: f64, end: Instant) {
        let (done, noted) = oneshot::channel();
        self.tell(Message::Throttled { qps, done });
        let _ = tokio::time::timeout_at(end, noted).await;
    }

    /// Puts a message on the clerk's desk. The first one that is not news of a turn starts the clerk.
    fn tell(&self, message: Message) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let message = match desk.as_ref() {
            Some(sender) => match sender.send(message) {
                Ok(()) => return,
                Err(unsent) => unsent.0,
            },
            None => message,
        };
        if matches!(message, Message::Used | Message::Back(_)) {
            return;
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        let clerk = Clerk::new(self.address.clone(), self.name.clone(), Arc::clone(&self.held));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build();
        let Ok(runtime) = runtime else {
            return;
        };
        let thread = std::thread::Builder::new().name("aigclens-pace".to_owned());
        if thread.spawn(move || runtime.block_on(clerk.work(receiver))).is_ok() {
            let _ = sender.send(message);
            *desk = Some(sender);
        }
    }
}

/// The clock that turns are mapped to. It goes on while the machine is suspended, so that turns of before are over after.
fn now() -> u64 {
    crate::ambient::since_boot().map_or_else(monotonic, nanos)
}

/// Where the machine has no such clock, the time since first asked.
fn monotonic() -> u64 {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    nanos(EPOCH.get_or_init(Instant::now).elapsed())
}

#[cfg(test)]
mod tests;
