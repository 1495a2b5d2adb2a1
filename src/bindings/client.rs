//! The two doors of a client: `detect` waits on the calling thread, `submit` completes an event loop's future. Both run
//! the one `async fn` of the core.
use super::bridge::{Handle, Port, Queue};
use super::events::{Inbox, Observer};
use super::options::Options;
use super::runtime::{self, Owned, PerProcess};
use super::{convert, errors, interpreter};
use crate::ambient::Ambient;
use crate::client::{self as core, Call, ImageRules};
use crate::config::Settings;
use crate::credential::Credentials;
use crate::detection::Detection;
use crate::error::{Error, Kind, Result as Outcome};
use crate::event::{Detail, Listener};
use crate::http::{Pool, Transport, Trust};
use crate::redact;
use crate::scan::Scan;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long a Ctrl-C may wait to be noticed.
const SIGNAL_TICK: Duration = Duration::from_millis(50);
/// The same on a thread that is not known to be Python's main thread, where it hardly ever matters.
const QUIET_TICK: Duration = Duration::from_millis(250);
/// After such a pause a waiting connection may have been closed by the other side.
const PAUSE: Duration = Duration::from_millis(500);

/// A runtime and a client on connections of its own, for one waiting thread at a time.
struct Slot {
    runtime: Runtime,
    client: core::Client,
    used: Instant,
}

impl Slot {
    /// Goes on with a call for a while, then looks after signals and events, outside of the runtime, so that their handlers
    /// may themselves use a client. Says how the call ended, if it did.
    fn turn<F>(&self, running: &mut Pin<Box<F>>, tick: Duration, inbox: Option<&Inbox>) -> PyResult<Ended>
    where
        F: Future<Output = Outcome<Detection>> + Send,
    {
        let ended = self.runtime.block_on(async { tokio::time::timeout(tick, &mut *running).await });
        if ended.is_ok() {
            return Ok(ended.ok());
        }
        match inbox.filter(|inbox| inbox.has_news()) {
            None => tidings(None).map(|()| None),
            news => self.meanwhile(running, || tidings(news)),
        }
    }

    /// Does something else on this thread while another one goes on with the call, so that what Python code does cannot
    /// cost a call its time. Says how the call ended, if it did.
    fn meanwhile<F>(&self, running: &mut Pin<Box<F>>, work: impl FnOnce() -> PyResult<()>) -> PyResult<Ended>
    where
        F: Future<Output = Outcome<Detection>> + Send,
    {
        let (finished, stop) = tokio::sync::oneshot::channel::<()>();
        std::thread::scope(|scope| {
            let go_on = async {
                tokio::select! {
                    biased;
                    outcome = running => Some(outcome),
                    _ = stop => None,
                }
            };
            let driver = std::thread::Builder::new().name("aigclens-call".to_owned());
            let driver = driver.spawn_scoped(scope, || self.runtime.block_on(go_on));
            let told = work();
            drop(finished);
            let ended = driver.ok().and_then(|driver| driver.join().ok()).flatten();
            told.map(|()| ended)
        })
    }
}

/// How a call ended, if it has.
type Ended = Option<Outcome<Detection>>;

/// Runs signal handlers, and tells of events; not while the interpreter is shutting down.
fn tidings(inbox: Option<&Inbox>) -> PyResult<()> {
    interpreter::attached(|py| py.check_signals().and_then(|()| inbox.map_or(Ok(()), |inbox| inbox.tell(py))))
}

/// A call of the asynchronous door on its way to the I/O thread: its future is made there.
pub struct Errand {
    client: Arc<core::Client>,
    call: Call,
    number: u64,
    queue: Arc<Queue>,
    /// Ends with the call, where somebody hears of its steps.
    ending: Option<mpsc::Sender<Infallible>>,
}

impl Errand {
    pub async fn run(self) {
        let Self { client, call, number, queue, ending } = self;
        queue.complete(number, client.detect(call).await);
        // Let go of last, after all that the call has to say.
        drop(ending);
    }
}

/// Everything that does not survive a fork.
struct State {
    client: Arc<core::Client>,
    pool: Pool,
    slots: Mutex<Vec<Slot>>,
    /// Scans that ask through this client, which end with it.
    scans: Mutex<Vec<Weak<Scan>>>,
}

/// A client of the service; see `aigclens.Client` and `aigclens.AsyncClient`.
#[pyclass(frozen, module = "aigclens._native")]
pub struct Client {
    settings: Arc<Settings>,
    rules: ImageRules,
    trust: Trust,
    ambient: Ambient,
    state: PerProcess<State>,
    is_closed: AtomicBool,
}

impl Client {
    fn state(&self, pid: u32) -> Outcome<Arc<Owned<State>>> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(Error::new(Kind::ClientClosed, "the client is closed; make a new one"));
        }
        self.state.get_or_try_init(pid, || {
            let pool = Pool::new(
                self.settings.timeouts,
                self.settings.network.clone(),
                self.trust.clone(),
                self.ambient.clone(),
            );
            let transport = Arc::new(pool.sibling());
            let client = core::Client::new(Arc::clone(&self.settings), self.ambient.clone(), transport, self.rules);
            let client = Arc::new(client.sharing(runtime::memory()));
            Ok(State { client, pool, slots: Mutex::default(), scans: Mutex::default() })
        })
    }
}

impl Client {
    /// What a scan is made with: a client on connections that outlive one waiting thread, its settings, and the world.
    pub fn parts(&self) -> Outcome<(core::Client, Arc<Settings>, Ambient)> {
        let state = self.state(std::process::id())?;
        Ok(((*state.value.client).clone(), Arc::clone(&self.settings), self.ambient.clone()))
    }

    /// A scan begins nothing more once this client is closed.
    pub fn end_with_this(&self, scan: &Arc<Scan>) -> Outcome<()> {
        let state = self.state(std::process::id())?;
        let mut scans = state.value.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.retain(|scan| scan.strong_count() > 0);
        scans.push(Arc::downgrade(scan));
        Ok(())
    }
}

fn internal(problem: impl std::fmt::Display) -> Error {
    Error::new(Kind::Internal, format!("the client failed inside: {problem}; please report it"))
}

impl State {
    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot that was used last, whose connections are the freshest.
    #[allow(clippy::disallowed_methods, reason = "a pause is measured, no time is told")]
    fn slot(&self) -> Outcome<Slot> {
        if let Some(slot) = self.slots().pop() {
            if slot.used.elapsed() > PAUSE {
                // Nobody has looked after these connections: two turns let them notice that the other side has closed.
                slot.runtime.block_on(async {
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                });
            }
            return Ok(slot);
        }
        let runtime = runtime::current_thread().map_err(internal)?;
        let transport: Arc<dyn Transport> = Arc::new(self.pool.sibling());
        let client = self.client.on(&transport);
        Ok(Slot { runtime, client, used: Instant::now() })
    }

    /// Runs a call on the calling thread.
    #[allow(clippy::disallowed_methods, reason = "a pause is measured, no time is told")]
    fn wait(&self, mut call: Call, observer: Option<Observer>) -> PyResult<Outcome<Detection>> {
        let inbox = observer.map(|observer| Arc::new(Inbox::new(observer)));
        call.listener = inbox.clone().map(|inbox| inbox as Arc<dyn Listener>);
        let mut slot = match self.slot() {
            Ok(slot) => slot,
            Err(error) => return Ok(Err(error)),
        };
        let tick = if interpreter::is_main_thread() { SIGNAL_TICK } else { QUIET_TICK };
        let client = slot.client.clone();
        let mut running = Box::pin(async move { client.detect(call).await });
        let outcome = loop {
            match slot.turn(&mut running, tick, inbox.as_deref()) {
                Ok(None) => {}
                Ok(Some(outcome)) => break Ok(outcome),
                Err(raised) => break Err(raised),
            }
        };
        // Dropping an unfinished call drops its connection; the runtime must be at hand for that.
        let guard = slot.runtime.enter();
        drop(running);
        drop(guard);
        // A call that was given up has something to say of that.
        let news = inbox.as_ref().filter(|inbox| inbox.has_news());
        let told = news.map_or(Ok(()), |inbox| Python::try_attach(|py| inbox.tell(py)).unwrap_or(Ok(())));
        let outcome = outcome.and_then(|outcome| told.map(|()| outcome));
        slot.used = Instant::now();
        self.slots().push(slot);
        outcome
    }
}

impl Drop for State {
    fn drop(&mut self) {
        for slot in self.slots().drain(..) {
            // Not the plain drop, which waits for files that are still being read.
            let Slot { runtime, client, .. } = slot;
            let guard = runtime.enter();
            drop(client);
            drop(guard);
            runtime.shutdown_background();
        }
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (options, /))]
    fn new(py: Python<'_>, options: Options) -> PyResult<Self> {
        let ambient = Ambient::system();
        let build = || -> Outcome<Self> {
            let (settings, rules) = options.read(py, &ambient)?;
            let trust = Trust::read(&settings.network, &ambient)?;
            Ok(Self {
                settings: Arc::new(settings),
                rules,
                trust,
                ambient: ambient.clone(),
                state: PerProcess::empty(),
                is_closed: AtomicBool::new(false),
            })
        };
        build().map_err(|error| errors::raise(py, &error))
    }

    /// Where calls go, for example `https://green-cip.ap-southeast-1.aliyuncs.com`.
    #[getter]
    fn endpoint(&self) -> String {
        self.settings.endpoint.url()
    }

    #[getter]
    fn region(&self) -> Option<&str> {
        self.settings.endpoint.region.as_deref()
    }

    /// Whether the endpoint is on this machine.
    #[getter]
    fn is_loopback(&self) -> bool {
        self.settings.endpoint.is_loopback
    }

    #[getter]
    fn closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Waits for the answer with the interpreter released; a signal handler that raises ends the call.
    #[pyo3(signature = (source, options, /))]
    fn detect<'py>(
        &self,
        py: Python<'py>,
        source: &Bound<'py, PyAny>,
        options: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (mut call, observer) = convert::terms(options)?;
        call.source = convert::given(source)?;
        let state = self.state(std::process::id()).map_err(|error| errors::raise(py, &error))?;
        let outcome = interpreter::detached(py, || state.value.wait(call, observer))?;
        convert::outcome(py, &outcome)
    }

    /// Starts a call whose outcome goes to the future of the port's loop.
    #[pyo3(signature = (port, future, source, options, /))]
    fn submit<'py>(
        &self,
        py: Python<'py>,
        port: Py<Port>,
        future: Py<PyAny>,
        source: &Bound<'py, PyAny>,
        options: &Bound<'py, PyTuple>,
    ) -> PyResult<Handle> {
        let asked = port.get();
        let mut call = convert::options(options)?;
        let listener = asked.listener(&options.get_item(3)?)?;
        call.source = convert::given(source)?;
        let pid = std::process::id();
        let state = self.state(pid).map_err(|error| errors::raise(py, &error))?;
        let io = runtime::io_of(pid).map_err(|error| errors::raise(py, &internal(error)))?;
        let (number, queue) = asked.register(future);
        let is_watched = listener.as_ref().is_some_and(|listener| listener.detail() == Detail::Everything);
        let (ending, ended) = is_watched.then(mpsc::channel).unzip();
        call.listener = listener;
        let client = Arc::clone(&state.value.client);
        let ticket = io.desk.leave(Errand { client, call, number, queue, ending });
        io.desk.ring();
        Ok(Handle::new(ticket, port, number, ended))
    }

    /// Closes the connections. Calls under way end as they would; later ones raise `ClientClosed`, and so do scans.
    fn close(&self, py: Python<'_>) {
        self.is_closed.store(true, Ordering::Release);
        interpreter::detached(py, || {
            let state = self.state.take();
            let scans = state.iter().flat_map(|state| {
                std::mem::take(&mut *state.value.scans.lock().unwrap_or_else(PoisonError::into_inner))
            });
            for scan in scans.filter_map(|scan| scan.upgrade()) {
                let message = "the client was closed in the middle of the scan; make a new one and run the scan again";
                scan.stop_because(Error::new(Kind::ClientClosed, message));
            }
        });
    }
}

/// Says what is wrong with credentials before a client is made of them (A02).
#[pyfunction]
#[pyo3(signature = (access_key_id, access_key_secret, security_token, /))]
pub fn check_credentials(
    py: Python<'_>,
    access_key_id: &str,
    access_key_secret: &str,
    security_token: Option<&str>,
) -> PyResult<()> {
    let checked = Credentials::new(access_key_id, access_key_secret, security_token);
    checked.map(drop).map_err(|error| errors::raise(py, &error))
}

/// The id of an access key with its middle taken out.
#[pyfunction]
#[pyo3(signature = (access_key_id, /))]
pub fn redacted_id(access_key_id: &str) -> String {
    redact::access_key_id(access_key_id)
}
