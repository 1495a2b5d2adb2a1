//! An estimate as Python drives it: fed like a scan, and counted instead of asked.
use super::client::Client;
use super::scan::{feed, question};
use super::{convert, errors, interpreter, runtime};
use crate::error::{Error, Kind, Result as Outcome};
use crate::scan::{self as core, Retry};
use crate::store::Store;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use std::path::PathBuf;
use std::time::Duration;

/// How long a signal may wait to be noticed.
const TICK: Duration = Duration::from_millis(50);

/// A survey of this process; see `aigclens.estimate`.
#[pyclass(frozen, module = "aigclens._native")]
pub struct Survey {
    core: core::Survey,
}

#[pymethods]
impl Survey {
    /// Reads the store that is there, if one is named. The client's options for its calls are a tuple as `detect` takes it.
    #[new]
    #[pyo3(signature = (client, store, retry, call, /))]
    fn new(
        py: Python<'_>,
        client: &Client,
        store: Option<PathBuf>,
        retry: &str,
        call: &Bound<'_, PyTuple>,
    ) -> PyResult<Self> {
        let (call, _) = convert::terms(call)?;
        let begin = || -> Outcome<core::Survey> {
            let retry = Retry::parse(retry)?;
            let (client, settings, ambient) = client.parts()?;
            let question = question(&call, &settings);
            let io = runtime::io()
                .map(|io| io.handle.clone())
                .map_err(|error| Error::new(Kind::ResourceExhausted, error.to_string()))?;
            let rule = client.declaration_rule(&call);
            let store = Store::open_to_estimate(store.as_deref(), &question, &ambient)?;
            Ok(core::Survey::start(client, store, retry, rule, io))
        };
        let core = interpreter::detached(py, begin).map_err(|error| errors::raise(py, &error))?;
        Ok(Self { core })
    }

    fn room(&self) -> usize {
        self.core.room()
    }

    /// Feeds items as `Scan.feed` does.
    #[pyo3(signature = (items, /))]
    fn feed(&self, items: &Bound<'_, PyList>) -> PyResult<()> {
        feed(items, |input| self.core.feed(input))
    }

    /// Waits on this thread until there is room, with the interpreter released; signal handlers are run meanwhile.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        interpreter::detached(py, || {
            while !self.core.wait(TICK) {
                interpreter::attached(|py| py.check_signals())?;
            }
            Ok(())
        })
    }

    /// Nothing more will be fed: waits for the last item. Items, refused, duplicates, cached, declared, calls.
    fn finish(&self, py: Python<'_>) -> PyResult<(u64, u64, u64, u64, u64, u64)> {
        self.core.end();
        self.wait(py)?;
        if let Some(error) = self.core.take().why {
            return Err(errors::raise(py, &error));
        }
        let counts = self.core.counts();
        Ok((counts.items, counts.refused, counts.duplicates, counts.cached, counts.declared, counts.calls))
    }
}

impl Drop for Survey {
    fn drop(&mut self) {
        self.core.stop();
    }
}
