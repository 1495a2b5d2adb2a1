//! A fork from Python waits until no thread is in the middle of something that the child would find half done (H13).
use crate::standstill;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::time::Duration;

/// How long a fork waits for the transaction of a store; SQLite itself waits up to 5 s for another program.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has these functions called around each fork of Python's.
pub fn watch_forks(py: Python<'_>) -> PyResult<()> {
    let os = py.import("os")?;
    if !os.hasattr("register_at_fork")? {
        return Ok(());
    }
    let hooks = PyDict::new(py);
    hooks.set_item("before", wrap_pyfunction!(before_fork, py)?)?;
    hooks.set_item("after_in_parent", wrap_pyfunction!(after_fork_in_parent, py)?)?;
    hooks.set_item("after_in_child", wrap_pyfunction!(after_fork_in_child, py)?)?;
    os.call_method("register_at_fork", (), Some(&hooks)).map(drop)
}

/// With the interpreter's lock, so that no other thread can be in here, or wait for what this one has.
#[pyfunction]
fn before_fork() {
    standstill::hold(PATIENCE);
}

#[pyfunction]
fn after_fork_in_parent() {
    standstill::go_on(false);
}

#[pyfunction]
fn after_fork_in_child() {
    standstill::go_on(true);
}
