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
pub(super) struct Flights(Mutex<Reports>);

/// What is being asked about; who reports it, once somebody waits for that.
type Reports = HashMap<Fingerprint, Option<watch::Sender<Report>>>;

/// The one that asks. Others board again where it ends without a landing.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Arc<Flights>,
    fingerprint: Fingerprint,
}

#[derive(Debug)]
pub(super) enum Boarding {
    First(Flight),
    Second(watch::Receiver<Report>),
}

impl Flights {
    fn map(&self) -> MutexGuard<'_, Reports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn board(self: &Arc<Self>, fingerprint: Fingerprint) -> Boarding {
        match self.map().entry(fingerprint) {
            Entry::Occupied(mut known) => {
                let report = known.get_mut().get_or_insert_with(|| watch::Sender::new(None));
                Boarding::Second(report.subscribe())
            }
            Entry::Vacant(free) => {
                free.insert(None);
                Boarding::First(Flight { flights: Arc::clone(self), fingerprint })
            }
        }
    }
}

impl Flight {
    pub(super) fn land(self, landing: impl FnOnce() -> Landing) {
        let report = self.flights.map().get_mut(&self.fingerprint).and_then(Option::take);
        // Nobody may be waiting.
        if let Some(report) = report {
            let _ = report.send(Some(landing()));
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Whoever waits boards again once the reporter is gone.
        let report = self.flights.map().remove(&self.fingerprint);
        drop(report);
    }
}
