//! Archives as Python sees them: images one after another, and handles by which the core reads them later.
use super::{errors, interpreter};
use crate::archive::{self as core, Step};
use crate::error::{Error, Kind};
use crate::image::{Format, Limits};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// An image inside of an archive, for the core alone.
#[pyclass(frozen, module = "aigclens._native")]
pub struct Member {
    core: core::Member,
}

impl Member {
    /// What the core takes.
    pub fn source(&self) -> core::Member {
        self.core.clone()
    }
}

#[pymethods]
impl Member {
    #[getter]
    fn name(&self) -> &str {
        self.core.name()
    }

    #[getter]
    fn shard(&self) -> &str {
        self.core.shard()
    }

    #[getter]
    fn size(&self) -> u64 {
        self.core.size()
    }

    /// Its bytes, if the service would take so many.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let read = || core::read(&self.core, Limits::default().max_bytes);
        let bytes = interpreter::detached(py, read).map_err(|error| errors::raise(py, &error))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn __repr__(&self) -> String {
        format!("<member '{}/{}'>", self.core.shard(), self.core.name())
    }
}

/// An archive on its way. An error is raised once, after everything before it, and ends the iteration.
#[pyclass(frozen, module = "aigclens._native")]
pub struct Archive {
    core: Mutex<core::Archive>,
}

#[pymethods]
impl Archive {
    /// Opens a tar, a tar under gzip, or a zip.
    #[new]
    #[pyo3(signature = (path, sidecars, /))]
    fn new(py: Python<'_>, path: PathBuf, sidecars: bool) -> PyResult<Self> {
        let archive = interpreter::detached(py, || core::open(&path)).map_err(|error| errors::raise(py, &error))?;
        let archive = if sidecars { archive.with_sidecars() } else { archive };
        Ok(Self { core: Mutex::new(archive) })
    }

    #[getter]
    fn skipped(&self) -> u64 {
        self.core.lock().unwrap_or_else(PoisonError::into_inner).skipped()
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    /// `(key, name, member, extra)`, the last a JSON object or `None`.
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        loop {
            let step = interpreter::detached(py, || self.core.lock().unwrap_or_else(PoisonError::into_inner).step());
            let item = match step {
                Step::Item(item) => item,
                Step::Error(error) => return Err(errors::raise(py, &error)),
                Step::End => return Ok(None),
                Step::Nothing => {
                    // A shard may have millions of members that are no image: Ctrl-C does not wait for them.
                    py.check_signals()?;
                    continue;
                }
            };
            let broken =
                |problem: serde_json::Error| errors::raise(py, &Error::new(Kind::Internal, problem.to_string()));
            let extra = item.extra.as_ref().map(serde_json::to_string).transpose().map_err(broken)?;
            let name = item.member.name().to_owned();
            let found = (item.key, name, Member { core: item.member }, extra);
            return found.into_pyobject(py).map(Some);
        }
    }
}

/// The endings of file names that stand for an image, in small letters and without the dot.
#[pyfunction]
pub fn image_suffixes() -> [&'static str; Format::SUFFIXES.len()] {
    Format::SUFFIXES
}
