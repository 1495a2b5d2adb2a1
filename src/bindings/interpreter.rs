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

/// Does something with the interpreter on a thread that waits, unless it is shutting down. A thread that comes back then is
/// ended by Python in the middle of our frames, which ends the process with a crash: it stays here, and goes with the
/// process. The main thread is the one that shuts down, and goes on.
pub fn attached(work: impl FnOnce(Python<'_>) -> PyResult<()>) -> PyResult<()> {
    match Python::try_attach(work) {
        Some(done) => done,
        None if is_main_thread() => Ok(()),
        None => loop {
            std::thread::park();
        },
    }
}

/// Whether this is the process's first thread, where Python runs its signal handlers.
pub fn is_main_thread() -> bool {
    #[cfg(target_os = "linux")]
    return rustix::thread::gettid() == rustix::process::getpid();
    #[cfg(not(target_os = "linux"))]
    return true;
}
