//! A scan as Python drives it: fed and emptied by whoever iterates, on a thread or on an event loop.
use super::bridge::Port;
use super::client::Client;
use super::events::{Inbox, Observer};
use super::{convert, errors, interpreter, rows, runtime};
use crate::client::{Call, Source};
use crate::config::{Settings, seconds};
use crate::error::{Error, Kind, Result as Outcome};
use crate::event::Listener;
use crate::scan::{self as core, DataIds, Input, Options, Retry};
use crate::store::{Item, Question, Store};
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a signal, or an event, may wait to be noticed.
const TICK: Duration = Duration::from_millis(50);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `aigclens.scanning.engine` gives each of them.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ScanOptions {
    concurrency: i64,
    ordered: bool,
    budget: Option<u64>,
    retry: String,
    data_id: Option<String>,
    patience: f64,
}

impl ScanOptions {
    fn read(self, call: Call) -> Outcome<Options> {
        Ok(Options {
            concurrency: Options::concurrency(self.concurrency)?,
            is_ordered: self.ordered,
            budget: self.budget,
            retry: Retry::parse(&self.retry)?,
            data_ids: DataIds::parse(self.data_id.as_deref())?,
            patience: seconds("patience", self.patience)?,
            call,
        })
    }
}

/// What the calls of a scan ask, and where.
pub fn question(call: &Call, settings: &Settings) -> Question {
    Question {
        service: call.service.clone().unwrap_or_else(|| settings.service.clone()),
        endpoint: settings.endpoint.url(),
        info_type: call.info_type.clone().unwrap_or_default(),
        is_loopback: settings.endpoint.is_loopback,
    }
}

/// Reads items: tuples of key, shown source, and what `aigclens.sources` made of it, or an exception.
pub fn feed(items: &Bound<'_, PyList>, mut take: impl FnMut(Input)) -> PyResult<()> {
    for one in items {
        let (key, source, parts): (PyBackedStr, PyBackedStr, Bound<'_, PyAny>) = one.extract()?;
        let item = Item { key: (*key).into(), source: (*source).into() };
        let found = match parts.cast::<PyTuple>() {
            Ok(parts) => convert::source(parts).map_err(|error| errors::read(error.value(items.py()))),
            Err(_) => Err(errors::read(&parts)),
        };
        take(Input { item, source: found });
    }
    Ok(())
}

/// Rows, what they come to, whether nothing more will come, and why that is so before its time.
type Taken<'py> = (Bound<'py, PyList>, Bound<'py, PyTuple>, bool, Option<Bound<'py, PyAny>>);

/// Endings of what may be a list of images or an archive of them, though it is a URL: whoever feeds it looks at it.
const MANY: [&str; 11] = ["csv", "gz", "jsonl", "lst", "ndjson", "parquet", "tar", "tgz", "tsv", "txt", "zip"];

/// A text that is the URL of one image at first sight, as those of most lists are: key, shown source and URL in one.
fn plain_url<'a>(element: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    let text = element.cast_exact::<PyString>().ok()?.to_str().ok()?;
    let is_url = text.starts_with("https://") || text.starts_with("http://");
    if !is_url || !text.is_ascii() || text.contains('\0') {
        return None;
    }
    let path = text.split_once('?').map_or(text, |(path, _)| path);
    let (_, ending) = path.rsplit_once('.')?;
    (!MANY.iter().any(|many| many.eq_ignore_ascii_case(ending))).then_some(text)
}

/// A scan of this process; see `aigclens.scanning.Scan`.
#[pyclass(frozen, module = "aigclens._native")]
pub struct Scan {
    core: Mutex<Option<Arc<core::Scan>>>,
    /// What was spent when it was let go of.
    last: Mutex<Option<core::Balance>>,
    inbox: Option<(Arc<Inbox>, Observer)>,
    /// What is asked of, for rows that nobody answered.
    asked: rows::Asked,
    pid: u32,
}

impl Scan {
    /// A child of a fork has none of the threads that its parent's scan runs on, and must not touch its store (H13).
    fn core(&self, py: Python<'_>) -> PyResult<Arc<core::Scan>> {
        let message = if self.pid == std::process::id() {
            if let Some(core) = &*locked(&self.core) {
                return Ok(Arc::clone(core));
            }
            "the scan is closed; run it again to go on"
        } else {
            "this scan belongs to the process that began it; begin one in this process, with a store of its own"
        };
        Err(errors::raise(py, &Error::new(Kind::Store, message)))
    }

    fn tell(&self, py: Python<'_>) -> PyResult<()> {
        self.inbox.as_ref().filter(|(inbox, _)| inbox.has_news()).map_or(Ok(()), |(inbox, _)| inbox.tell(py))
    }

    /// Waits on this thread, with the interpreter released, and runs signal handlers meanwhile.
    fn until(
        &self,
        py: Python<'_>,
        time: Duration,
        is_done: impl Fn(Duration) -> bool + Send + Sync,
    ) -> PyResult<bool> {
        interpreter::detached(py, || {
            let mut left = time;
            loop {
                let tick = left.min(TICK);
                let done = is_done(tick);
                interpreter::attached(|py| py.check_signals().and_then(|()| self.tell(py)))?;
                left = left.saturating_sub(tick);
                if done || left.is_zero() {
                    return Ok(done);
                }
            }
        })
    }
}

#[pymethods]
impl Scan {
    /// Opens the store and begins. The client's options for its calls are a tuple as `detect` takes it.
    #[new]
    #[pyo3(signature = (client, store, options, call, /))]
    fn new(
        py: Python<'_>,
        client: &Client,
        store: Option<PathBuf>,
        options: ScanOptions,
        call: &Bound<'_, PyTuple>,
    ) -> PyResult<Self> {
        let (mut call, observer) = convert::terms(call)?;
        let inbox = observer.map(|observer| (Arc::new(Inbox::new(observer.clone())), observer));
        call.listener = inbox.as_ref().map(|(inbox, _)| Arc::clone(inbox) as Arc<dyn Listener>);
        let begin = || -> Outcome<(Arc<core::Scan>, rows::Asked)> {
            let (parts, settings, ambient) = client.parts()?;
            let question = question(&call, &settings);
            // Whoever waits for a turn behind all others of the scan is not late.
            let line = settings.qps.map_or(0.0, |qps| f64::from(u32::try_from(options.concurrency).unwrap_or(0)) / qps);
            let total = call.total_timeout.unwrap_or(settings.timeouts.total);
            call.total_timeout = Some(total.saturating_add(Duration::try_from_secs_f64(line).unwrap_or_default()));
            let mut options = options.read(call)?;
            options.concurrency = Options::at_pace(options.concurrency, settings.qps);
            let io = runtime::io()
                .map(|io| io.handle.clone())
                .map_err(|error| Error::new(Kind::ResourceExhausted, error.to_string()))?;
            let store = Store::open(store.as_deref(), &question, &ambient)?;
            let asked = rows::Asked { service: question.service, region: settings.endpoint.region.clone() };
            let core = Arc::new(core::Scan::start(parts, store, options, ambient, io));
            client.end_with_this(&core)?;
            Ok((core, asked))
        };
        let (core, asked) = interpreter::detached(py, begin).map_err(|error| errors::raise(py, &error))?;
        let core = Mutex::new(Some(core));
        Ok(Self { core, last: Mutex::default(), inbox, asked, pid: std::process::id() })
    }

    /// How many items may be fed now.
    fn room(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.core(py)?.room())
    }

    /// Feeds items as [`feed`] reads them.
    #[pyo3(signature = (items, /))]
    fn feed(&self, py: Python<'_>, items: &Bound<'_, PyList>) -> PyResult<()> {
        let core = self.core(py)?;
        let mut inputs = Vec::with_capacity(items.len());
        // Those before one that cannot be read are fed all the same.
        let read = feed(items, |input| inputs.push(input));
        core.feed_all(inputs);
        read
    }

    /// How many items have been fed.
    #[getter]
    fn fed(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.core(py)?.fed())
    }

    /// Feeds the plain URLs that an iterator gives next: so many at most, for so many seconds, and up to an element that is
    /// none. Says how many there were, and has that element, if there was one. Raises what the iterator does, and
    /// `StopIteration` at its end, once those before are fed.
    #[pyo3(signature = (elements, most, time, /))]
    fn pull<'py>(
        &self,
        py: Python<'py>,
        elements: &Bound<'py, PyAny>,
        most: usize,
        time: f64,
    ) -> PyResult<(usize, Bound<'py, PyTuple>)> {
        let core = self.core(py)?;
        let (began, time) = (Instant::now(), Duration::try_from_secs_f64(time).unwrap_or_default());
        let mut elements = elements.try_iter()?;
        let mut inputs = Vec::with_capacity(most);
        let mut other = Ok(PyTuple::empty(py));
        while inputs.len() < most {
            let element = match elements.next() {
                Some(Ok(element)) => element,
                Some(Err(raised)) => {
                    other = Err(raised);
                    break;
                }
                None => {
                    other = Err(PyStopIteration::new_err(()));
                    break;
                }
            };
            let Some(url) = plain_url(&element) else {
                other = PyTuple::new(py, [element]);
                break;
            };
            let name: Arc<str> = url.into();
            let item = Item { key: Arc::clone(&name), source: name };
            inputs.push(Input { item, source: Ok(Source::Url(url.to_owned())) });
            if began.elapsed() >= time {
                break;
            }
        }
        let count = inputs.len();
        core.feed_all(inputs);
        Ok((count, other?))
    }

    /// Nothing more will be fed.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        self.core(py)?.end();
        Ok(())
    }

    /// Nothing more is begun; what is in flight ends as it would. Harmless when repeated.
    fn stop(&self) {
        if self.pid == std::process::id()
            && let Some(core) = &*locked(&self.core)
        {
            core.stop();
        }
    }

    #[getter]
    fn stopped(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.is_stopped())
    }

    #[getter]
    fn has_news(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.has_news())
    }

    /// Rows that are ready, each with its extra columns out of `extras` by its number; what they come to; whether nothing
    /// more will come; and the exception that this is so before its time.
    #[pyo3(signature = (most, extras, /))]
    fn take<'py>(&self, py: Python<'py>, most: usize, extras: &Bound<'py, PyDict>) -> PyResult<Taken<'py>> {
        let taken = self.core(py)?.take(most);
        self.tell(py)?;
        let rows = rows::rows(py, &taken.rows, &self.asked, extras)?;
        let why = taken.why.map(|error| errors::raise(py, &error).into_value(py).into_bound(py).into_any());
        Ok((rows, rows::tally(py, &taken.rows)?, taken.is_over, why))
    }

    /// Waits for news on this thread, so many seconds at most. Says whether there are some.
    #[pyo3(signature = (time, /))]
    fn wait(&self, py: Python<'_>, time: f64) -> PyResult<bool> {
        let core = self.core(py)?;
        self.until(py, Duration::try_from_secs_f64(time).unwrap_or_default(), |tick| core.wait(tick))
    }

    /// Settles a future of the port's loop once there are news.
    #[pyo3(signature = (port, future, /))]
    fn wake(&self, py: Python<'_>, port: Py<Port>, future: Py<PyAny>) -> PyResult<()> {
        let (number, queue) = port.get().register(future);
        self.core(py)?.wake(move || queue.ready(number));
        Ok(())
    }

    /// Tells of what happened since the last time.
    fn hear(&self, py: Python<'_>) -> PyResult<()> {
        self.tell(py)
    }

    /// Why nothing is sent just now, if that is so.
    #[getter]
    fn paused(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.core(py)?.paused())
    }

    /// The budget, what is billed and what is billed perhaps, over all runs of the store; micro-dollars.
    #[getter]
    fn balance(&self, py: Python<'_>) -> PyResult<(Option<u64>, u64, u64)> {
        let last = if self.pid == std::process::id() { *locked(&self.last) } else { None };
        let balance = last.map_or_else(|| self.core(py).map(|core| core.balance()), Ok)?;
        Ok((balance.limit, balance.billed, balance.possibly))
    }

    /// Whether nothing is in flight, and nothing more will be.
    #[getter]
    fn over(&self) -> bool {
        self.pid != std::process::id() || locked(&self.core).as_ref().is_none_or(|core| core.is_over())
    }

    /// Stops, and lets go of the store once nothing is in flight, without waiting for that; `close` may still do so.
    fn leave(&self) {
        if self.pid == std::process::id()
            && let Some(core) = &*locked(&self.core)
        {
            core.leave();
        }
    }

    /// Stops, waits for what is in flight so many seconds at most, and lets go of the store. Says whether it could; if not,
    /// the store is let go of once that is over. A signal handler that raises ends the waiting.
    #[pyo3(signature = (time, /))]
    fn close(&self, py: Python<'_>, time: f64) -> PyResult<bool> {
        if self.pid != std::process::id() {
            return Ok(true);
        }
        let taken = locked(&self.core).clone();
        let Some(core) = taken else { return Ok(true) };
        core.stop();
        let time = Duration::try_from_secs_f64(time).unwrap_or_default();
        let waited = self.until(py, time, |tick| core.wait_over(tick));
        *locked(&self.last) = Some(core.balance());
        drop(locked(&self.core).take());
        match waited {
            Ok(true) => {
                interpreter::detached(py, || core.close()).map_err(|error| errors::raise(py, &error))?;
                self.tell(py)?;
                Ok(true)
            }
            Ok(false) => {
                core.leave();
                Ok(false)
            }
            Err(raised) => {
                core.leave();
                Err(raised)
            }
        }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        let taken = self.core.get_mut().map_or_else(|poisoned| poisoned.into_inner().take(), Option::take);
        match taken {
            // Its threads are the parent's, and so is the store.
            Some(core) if self.pid != std::process::id() => std::mem::forget(core),
            Some(core) => core.leave(),
            None => {}
        }
    }
}
