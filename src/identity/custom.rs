//! The program's own function. It runs on a thread of its own; one that hangs is waited for no longer than 5 s, and is not
//! called a second time while it hangs.
//!
//! Never *absent*: whoever gives a function means it. Without an expiration, what it gives is kept for a quarter of an hour.
use super::notices::Notices;
use super::{Found, Issued, Keep, Provide, Providing, World, broken};
use crate::credential::{Credentials, Supply};
use crate::error::{Error, Kind, Result};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

#[derive(Debug)]
pub(super) struct Custom {
    supply: Arc<dyn Supply>,
    /// A call that somebody has given up waiting for: the next one waits for it, instead of calling again.
    running: Mutex<Option<JoinHandle<Result<Credentials>>>>,
}

impl Custom {
    pub(super) fn new(supply: Arc<dyn Supply>) -> Self {
        Self { supply, running: Mutex::default() }
    }

    async fn look(&self) -> Result<Found> {
        let mut running = self.running.lock().await;
        // What ended while nobody waited may be old.
        if running.as_ref().is_none_or(JoinHandle::is_finished) {
            let supply = Arc::clone(&self.supply);
            *running = Some(tokio::task::spawn_blocking(move || supply.supply()));
        }
        let Some(task) = running.as_mut() else {
            return Err(Error::new(Kind::Internal, "the credentials= function was not called"));
        };
        let outcome = task.await;
        *running = None;
        let credentials = outcome.map_err(|_| broken("the credentials= function was given up inside the client"))??;
        Ok(Found::Here(Issued { credentials, keep: Keep::Time }))
    }
}

impl Provide for Custom {
    fn provide<'a>(&'a self, _: World<'a>, _: &'a Notices) -> Providing<'a> {
        Box::pin(self.look())
    }
}
