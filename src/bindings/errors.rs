//! Errors on their way up: each kind is the exception class of its name in `aigclens.errors`.
use super::convert;
use crate::error::{Error, Kind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// The exception for an error. If even that fails, the failure itself is raised: nothing is swallowed.
pub fn raise(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, error).map_or_else(|failure| failure, PyErr::from_value)
}

fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let module = MODULE.get_or_try_init(py, || py.import("aigclens.errors").map(Bound::unbind))?;
    let facts = error.facts();
    let keywords = PyDict::new(py);
    keywords.set_item("code", facts.code.as_deref())?;
    keywords.set_item("http_status", facts.http_status)?;
    keywords.set_item("request_id", facts.request_id.as_deref())?;
    keywords.set_item("attempts", convert::attempts(py, &facts.attempts)?)?;
    keywords.set_item("billing", error.billing().as_str())?;
    keywords.set_item("retryable", error.kind().retryable())?;
    keywords.set_item("raw", facts.raw.as_deref())?;
    keywords.set_item("errno", facts.errno)?;
    keywords.set_item("filename", facts.filename.as_deref())?;
    module.bind(py).getattr(error.kind().name())?.call((error.message(),), Some(&keywords))
}

/// An exception on its way down: one of ours is the error that it stands for, every other is a fault of the input.
pub fn read(exception: &Bound<'_, PyAny>) -> Error {
    let name = exception.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    let message = exception.str().map(|text| text.to_string()).unwrap_or_default();
    match Kind::ALL.into_iter().find(|kind| kind.name() == name) {
        Some(kind) => Error::new(kind, message),
        None if name == "InputError" => Error::new(Kind::InvalidParameter, message),
        None => Error::new(Kind::UnsupportedSource, format!("{name}: {message}")),
    }
}
