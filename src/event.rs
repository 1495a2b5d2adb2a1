//! What a client tells of its work while it works: one event for each step of each attempt. None ever holds a secret.
use crate::attempt::{Attempt, Operation};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Something that happened on the way of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The number of the call, unique in this process: what joins the events of one call.
    pub call: u64,
    /// The number of the attempt within its call, from 1; 0 where there was none yet.
    pub attempt: u32,
    /// The caller's own name for the image.
    pub data_id: Option<String>,
    /// When, since the epoch.
    pub at: Duration,
    pub step: Step,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A request is about to be sent.
    Started { operation: Operation, region: Option<String>, endpoint: String, waited: Duration },
    /// A request ended, one way or another. Each `Started` has one.
    Finished(Attempt),
    /// There will be another attempt, after a rest.
    Retried { operation: Operation, outcome: &'static str, wait: Duration },
    /// The service asked for fewer calls.
    Throttled { operation: Operation, code: Option<String>, retry_after: Option<Duration> },
    /// Something that somebody should know, though the call goes on.
    Warned { message: String },
}

/// How much somebody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// `Throttled` and `Warned`.
    Warnings,
    /// `Retried` too.
    Retries,
    Everything,
}

/// Whoever wants to know. Called in the middle of the work, so that it must only note what it hears.
pub trait Listener: Send + Sync + Debug {
    fn hear(&self, event: Event);

    /// What is beyond this detail is not even made.
    fn detail(&self) -> Detail {
        Detail::Everything
    }
}

/// The next call's number.
pub fn next_call() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    CALLS.fetch_add(1, Ordering::Relaxed)
}
