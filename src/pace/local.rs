//! `pace="process"`: the record in this process's memory.
use super::record::{Record, nanos};
use crate::ambient;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Local {
    /// Where time begins; `None` for the time since the machine was started.
    epoch: Option<Instant>,
    record: Mutex<Record>,
}

impl Local {
    pub(super) fn new() -> Self {
        Self { epoch: Some(Instant::now()), record: Mutex::default() }
    }

    /// On the clock of the host's file, whose place it can take.
    pub(super) fn since_boot() -> Self {
        Self { epoch: None, record: Mutex::default() }
    }

    /// Changes the record at the present time, which is the same for all: it is told under the lock.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Record, u64) -> T) -> T {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.epoch.map_or_else(|| ambient::since_boot().unwrap_or_default(), |epoch| epoch.elapsed());
        change(&mut record, nanos(now))
    }
}
