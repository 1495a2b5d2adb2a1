//! Contents that are being asked about: an equal one waits for the answer instead of paying for its own.
use super::row::What;
use crate::store::Fingerprint;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How a flight ended: what became of the content, and the key of the item that asked.
#[derive(Debug, Clone)]
pub(super) struct Landing {
    pub(super) what: What,
    pub(super) first_key: String,
}

type Report = Option<Landing>;

#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Fingerprint, watch::Receiver<Report>>>);

/// The one that asks. Others board again where it ends without a landing.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Arc<Flights>,
    fingerprint: Fingerprint,
    report: watch::Sender<Report>,
}

#[derive(Debug)]
pub(super) enum Boarding {
    First(Flight),
    Second(watch::Receiver<Report>),
}

impl Flights {
    fn map(&self) -> MutexGuard<'_, HashMap<Fingerprint, watch::Receiver<Report>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn board(self: &Arc<Self>, fingerprint: Fingerprint) -> Boarding {
        match self.map().entry(fingerprint) {
            Entry::Occupied(known) => Boarding::Second(known.get().clone()),
            Entry::Vacant(free) => {
                let (report, receiver) = watch::channel(None);
                free.insert(receiver);
                Boarding::First(Flight { flights: Arc::clone(self), fingerprint, report })
            }
        }
    }
}

impl Flight {
    pub(super) fn land(self, landing: Landing) {
        // Nobody may be waiting.
        let _ = self.report.send(Some(landing));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.map().remove(&self.fingerprint);
    }
}
