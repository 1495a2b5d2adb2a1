//! One interpreter of a process: what is remembered here of Python's classes belongs to the interpreter that loaded them.
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyModule;
use std::sync::OnceLock;

/// The `sys` of the interpreter that came first, kept alive so that no other is ever found at its address.
static FIRST: OnceLock<usize> = OnceLock::new();

/// Refuses to be loaded by a second interpreter, which would mix its classes with the first one's (H19).
pub fn claim(py: Python<'_>) -> PyResult<()> {
    let own: Py<PyModule> = py.import("sys")?.unbind();
    let address = own.as_ptr().addr();
    let first = *FIRST.get_or_init(|| {
        std::mem::forget(own);
        address
    });
    if first == address {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "aigclens is in use by another interpreter of this process; subinterpreters are not supported, use threads or processes",
    ))
}
