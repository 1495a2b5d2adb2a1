//! Who hears of calls: one listener for all calls of an observer, as long as it is the same one.
use super::bridge::{Queue, Reporter};
use super::events::Observer;
use crate::event::{Detail, Listener};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// The observer that came last, and its listener.
#[derive(Default)]
pub struct Known(Mutex<Option<(Observer, Arc<dyn Listener>)>>);

impl Known {
    /// Who hears of a call on the loop of this queue, from `(callable, detail)`.
    pub fn listener(&self, parts: &Bound<'_, PyAny>, queue: &Arc<Queue>) -> PyResult<Option<Arc<dyn Listener>>> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((observer, listener)) = latest.as_ref()
            && observer.is(parts)?
        {
            return Ok(Some(Arc::clone(listener)));
        }
        drop(latest);
        let Some(observer) = Observer::read(parts)? else {
            return Ok(None);
        };
        let reporter = Reporter { observer: observer.clone(), queue: Arc::clone(queue) };
        let listener: Arc<dyn Listener> = Arc::new(reporter);
        // Whoever hears of everything is a call's own, and holds what its caller's context holds.
        if observer.detail() != Detail::Everything {
            let new = Some((observer, Arc::clone(&listener)));
            let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), new);
            // Not under the lock: what goes with it may be Python's.
            drop(before);
        }
        Ok(Some(listener))
    }
}
