//! A store as Python reads it. Its face is `aigclens.store.Store`.
use super::{convert, errors, interpreter};
use crate::error::{Error, Kind, Result as Outcome};
use crate::standstill;
use crate::store::{self, Doubt, Reader, RunInfo, Spent, StoredRow};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use std::path::PathBuf;
use std::sync::Mutex;

/// Rows that are read at once.
const PAGE: u32 = 512;

/// Whether a scan of this process is writing to this file.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub fn is_written_here(path: PathBuf) -> bool {
    store::is_written_here(&path)
}

/// A store that is open for reading; see `aigclens.store.Store`.
#[pyclass(frozen, module = "aigclens._native")]
pub struct StoreReader {
    reader: Mutex<Option<Reader>>,
    process: u32,
}

impl StoreReader {
    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&Reader) -> Outcome<T> + Send) -> PyResult<T> {
        let read = || {
            // In a child of a fork the file's locks are not held, and the snapshot could be written over.
            if self.process != std::process::id() {
                return Err(Error::new(
                    Kind::Store,
                    "the store was opened before the process was forked: open it anew",
                ));
            }
            let reader = self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            match reader.as_ref() {
                Some(reader) => work(reader),
                None => Err(Error::new(Kind::Store, "the store is closed: open it again to read it")),
            }
        };
        interpreter::detached(py, read).map_err(|error| errors::raise(py, &error))
    }
}

#[pymethods]
impl StoreReader {
    #[new]
    #[pyo3(signature = (path, /))]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let reader = interpreter::detached(py, || Reader::open(&path)).map_err(|error| errors::raise(py, &error))?;
        Ok(Self { reader: Mutex::new(Some(reader)), process: std::process::id() })
    }

    /// What the fields of `StoreInfo` are made of.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let info = self.with(py, Reader::info)?;
        let counts = (info.items, info.answered, info.failed, info.unresolved, info.open);
        let runs = PyList::new(py, info.runs.iter().map(run))?;
        let path = info.path.into_os_string();
        (
            path,
            info.store_id,
            info.schema_version,
            info.created_by,
            info.created_ns,
            info.size,
            counts,
            spent(info.service),
            spent(info.loopback),
            runs,
        )
            .into_pyobject(py)
    }

    /// The rows behind a position as arguments of `ScanRow`, and the position of the last.
    #[pyo3(signature = (after, /))]
    fn rows<'py>(&self, py: Python<'py>, after: i64) -> PyResult<(Bound<'py, PyList>, i64)> {
        let page = self.with(py, |reader| reader.rows(after, PAGE))?;
        let last = page.last().map_or(after, |row| row.position);
        let rows = page.iter().map(|one| row(py, one)).collect::<PyResult<Vec<_>>>()?;
        Ok((PyList::new(py, rows)?, last))
    }

    /// Arguments of `UnresolvedCall`.
    fn unresolved<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let doubts = self.with(py, Reader::unresolved)?;
        PyList::new(py, doubts.into_iter().map(doubt))
    }

    fn verify(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |reader| Ok(reader.verify()))
    }

    /// Lets go of the file; harmless when repeated.
    fn close(&self, py: Python<'_>) {
        interpreter::detached(py, || {
            if self.process == std::process::id() {
                // Not while waiting for a reader, who may be waiting for a fork.
                let reader = self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
                let _at_work = standstill::at_work();
                drop(reader);
            } else if let Ok(mut reader) = self.reader.try_lock() {
                // In a child of a fork, closing would be on the parent's behalf; and who was reading is not here.
                std::mem::forget(reader.take());
            }
        });
    }
}

fn spent(spent: Spent) -> (u64, u64, u64, u64) {
    (spent.billed_calls, spent.billed, spent.possibly_calls, spent.possibly)
}

fn run(run: &RunInfo) -> (&str, &str, i64, Option<i64>, i64, &str, &str, bool) {
    let RunInfo { service, endpoint, started_ns, ended_ns, pid, host, version, is_clean } = run;
    (service, endpoint, *started_ns, *ended_ns, *pid, host, version, *is_clean)
}

fn doubt(one: Doubt) -> (String, String, String, String, i64, u64, Option<String>, Option<String>, String, bool) {
    let Doubt { key, source, service, endpoint, at_ns, price, region, request_id, outcome, is_answered } = one;
    (key, source, service, endpoint, at_ns, price, region, request_id, outcome, is_answered)
}

fn row<'py>(py: Python<'py>, row: &StoredRow) -> PyResult<Bound<'py, PyTuple>> {
    let labels = convert::labels(py, &row.labels)?;
    let body = row.raw.as_deref().map(|raw| PyBytes::new(py, raw));
    let parts = [
        (&row.key, &row.source, row.ok, &row.label, row.is_aigc, row.confidence, &row.risk_level).into_pyobject(py)?,
        (PyTuple::new(py, &row.evidence)?, &row.request_id, &row.error_code, &row.error).into_pyobject(py)?,
        (&row.billing, false, &row.duplicate_of, &row.blake3, &row.service, &row.region).into_pyobject(py)?,
        (&row.engine, row.latency_ms, &row.detected_at).into_pyobject(py)?,
        (labels, PyTuple::new(py, &row.warnings)?, body, row.attempts).into_pyobject(py)?,
    ];
    PyTuple::new(py, parts.iter().flat_map(|part| part.iter()).collect::<Vec<_>>())
}
