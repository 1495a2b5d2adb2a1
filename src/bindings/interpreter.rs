//! One interpreter of a process: what is remembered here of Python's classes belongs to the interpreter that loaded them.
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyModule;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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

/// Whether the program has come to its end: handlers of `atexit` run, and the interpreter is about to shut down.
static ENDING: AtomicBool = AtomicBool::new(false);
/// Threads that are on their way to the interpreter.
static COMING: AtomicUsize = AtomicUsize::new(0);
/// How long the end of a program waits for these: they have work of microseconds.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Has `ending` called at exit. A thread that comes to the interpreter once that is shutting down is ended by Python in the
/// middle of our frames, which ends the process with a crash; and before Python 3.13 nobody says whether it is.
pub fn watch_end(py: Python<'_>) -> PyResult<()> {
    let ending = wrap_pyfunction!(ending, py)?;
    py.import("atexit")?.call_method1("register", (ending,))?;
    Ok(())
}

/// No thread but the main one comes any more, and those that are on their way arrive first.
#[pyfunction]
#[allow(clippy::disallowed_methods, reason = "a wait is bounded, no time is told")]
fn ending(py: Python<'_>) {
    ENDING.store(true, Ordering::SeqCst);
    py.detach(|| {
        let begun = Instant::now();
        while COMING.load(Ordering::SeqCst) > 0 && begun.elapsed() < LAST_WORK {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// A thread's way to the interpreter. One that sets out after the end of the program stays here, and goes with the process.
/// The main thread is the one that shuts down, and goes on.
struct Coming;

impl Coming {
    fn set_out() -> Self {
        COMING.fetch_add(1, Ordering::SeqCst);
        let coming = Self;
        if ENDING.load(Ordering::SeqCst) && !is_main_thread() {
            drop(coming);
            stay();
        }
        coming
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        COMING.fetch_sub(1, Ordering::SeqCst);
    }
}

fn stay() -> ! {
    loop {
        std::thread::park();
    }
}

/// Does something with the interpreter on a thread that waits, unless it is shutting down.
pub fn attached(work: impl FnOnce(Python<'_>) -> PyResult<()>) -> PyResult<()> {
    let coming = Coming::set_out();
    let done = Python::try_attach(|py| {
        drop(coming);
        work(py)
    });
    match done {
        Some(done) => done,
        None if is_main_thread() => Ok(()),
        None => stay(),
    }
}

/// Does something without the interpreter, which others have meanwhile.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (done, coming) = py.detach(|| {
        let done = work();
        (done, Coming::set_out())
    });
    drop(coming);
    done
}

/// Whether this is the process's first thread, where Python runs its signal handlers.
pub fn is_main_thread() -> bool {
    #[cfg(target_os = "linux")]
    return rustix::thread::gettid() == rustix::process::getpid();
    #[cfg(not(target_os = "linux"))]
    return true;
}
