//! Events on their way up: noted where they happen, told on a thread of Python's, never on one of the core's own.
use crate::event::{Detail, Event, Listener, Step};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A callable of `aigclens.events`, and how much it wants to hear.
#[derive(Clone)]
pub struct Observer {
    callable: Arc<Py<PyAny>>,
    detail: Detail,
}

impl fmt::Debug for Observer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Observer").field("detail", &self.detail).finish_non_exhaustive()
    }
}

impl Observer {
    /// From `(callable, detail)`: 0, 1 or 2; `None` for nobody.
    pub fn read(parts: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let (callable, detail) = Self::parts(parts)?;
        if callable.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { callable: Arc::new(callable.unbind()), detail }))
    }

    fn parts<'py>(parts: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Detail)> {
        let parts = parts.cast::<PyTuple>()?;
        let detail = match parts.get_item(1)?.extract::<u8>()? {
            0 => Detail::Warnings,
            1 => Detail::Retries,
            _ => Detail::Everything,
        };
        Ok((parts.get_item(0)?, detail))
    }

    /// Whether this is what `read` would make of it.
    pub fn is(&self, parts: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (callable, detail) = Self::parts(parts)?;
        Ok(self.callable.is(&callable) && self.detail == detail)
    }

    pub const fn detail(&self) -> Detail {
        self.detail
    }

    /// Calls it. It deals with exceptions of users' code itself; what comes out is meant for the caller (`KeyboardInterrupt`).
    pub fn tell(&self, py: Python<'_>, event: &Event) -> PyResult<()> {
        self.callable.bind(py).call1((fields(py, event)?,)).map(drop)
    }
}

/// `aigclens.events.read` makes a dataclass of this.
fn fields<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyTuple>> {
    let common = (event.call, event.attempt, event.data_id.as_deref(), event.at.as_secs_f64());
    let (kind, rest) = match &event.step {
        Step::Started { operation, region, endpoint, waited } => (
            "started",
            (operation.as_str(), region.as_deref(), endpoint.as_str(), waited.as_secs_f64())
                .into_pyobject(py)?
                .into_any(),
        ),
        Step::Finished(one) => (
            "finished",
            (
                one.operation.as_str(),
                one.outcome,
                one.billing.as_str(),
                one.code.as_deref(),
                one.request_id.as_deref(),
                one.region.as_deref(),
                one.elapsed.as_secs_f64(),
            )
                .into_pyobject(py)?
                .into_any(),
        ),
        Step::Retried { operation, outcome, wait } => {
            ("retried", (operation.as_str(), *outcome, wait.as_secs_f64()).into_pyobject(py)?.into_any())
        }
        Step::Throttled { operation, code, retry_after } => (
            "throttled",
            (operation.as_str(), code.as_deref(), retry_after.map(|wait| wait.as_secs_f64()))
                .into_pyobject(py)?
                .into_any(),
        ),
        Step::Warned { message } => ("warned", (message.as_str(),).into_pyobject(py)?.into_any()),
    };
    (kind, common, rest).into_pyobject(py)
}

/// What a waiting thread has yet to be told.
#[derive(Debug)]
pub struct Inbox {
    observer: Observer,
    events: Mutex<Vec<Event>>,
}

impl Inbox {
    pub fn new(observer: Observer) -> Self {
        Self { observer, events: Mutex::default() }
    }

    pub fn has_news(&self) -> bool {
        !self.events.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Tells what has arrived, on the thread that waits. Everything is told; then the first exception is raised.
    pub fn tell(&self, py: Python<'_>) -> PyResult<()> {
        let events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        let mut raised = Ok(());
        for event in &events {
            raised = raised.and(self.observer.tell(py, event));
        }
        raised
    }
}

impl Listener for Inbox {
    fn hear(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    fn detail(&self) -> Detail {
        self.observer.detail()
    }
}
