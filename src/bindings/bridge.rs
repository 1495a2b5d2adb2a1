//! The asynchronous door: completed calls queue up for the event loop that asked, and one wake-up serves many of them.
//!
//! The I/O thread writes a byte to a socket pair whose other end the loop watches; it never attaches to Python, so that
//! neither a busy interpreter nor one that is shutting down can hold it up. Futures and results meet on the loop's thread.
use super::convert;
use super::desk::Ticket;
use super::events::Observer;
use super::interpreter;
use super::known::Known;
use super::runtime;
use crate::detection::Detection;
use crate::error::Result as Outcome;
use crate::event::{Detail, Event, Listener};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

#[cfg(unix)]
use std::io::{Read, Write};
#[cfg(unix)]
use std::os::{fd::AsRawFd, unix::net::UnixStream};

/// How long a drain goes on before it leaves the rest to the loop's next turn, where others have theirs first. In asyncio's
/// debug mode one future takes a third of it, since the loop notes a stack for each callback.
const TURN: Duration = Duration::from_micros(100);
/// How many outcomes that were told wait for the next ones, and how large no answer of them is.
const MOST_TOLD: usize = 64;
const LARGE: usize = 4 * 1024;
/// How long the last words of a call that is given up are waited for: the thread that drops it takes microseconds.
const LAST_WORDS: Duration = Duration::from_millis(100);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a call ended.
type Told = Box<Outcome<Detection>>;

/// What a loop is to be told.
enum News {
    Done(u64, Told),
    Heard(Observer, Event),
    /// There is something to take; what it is, its owner knows.
    Ready(u64),
}

impl News {
    const fn is_event(&self) -> bool {
        matches!(self, Self::Heard(..))
    }
}

/// Puts a call's events on the queue of the loop that asked.
pub struct Reporter {
    pub observer: Observer,
    pub queue: Arc<Queue>,
}

impl fmt::Debug for Reporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reporter").field("observer", &self.observer).finish_non_exhaustive()
    }
}

impl Listener for Reporter {
    fn hear(&self, event: Event) {
        self.queue.push(News::Heard(self.observer.clone(), event));
    }

    fn detail(&self) -> Detail {
        self.observer.detail()
    }
}

/// What the I/O thread sees of a loop: a list to append to, and a way to wake it.
pub struct Queue {
    news: Mutex<Vec<News>>,
    is_signalled: AtomicBool,
    /// What the loop is done with.
    told: Mutex<Vec<Told>>,
    #[cfg(unix)]
    writer: Option<UnixStream>,
    /// For loops that cannot watch a descriptor: the port's `drain`, called through `call_soon_threadsafe`.
    threadsafe: Mutex<Option<(Py<PyWeakrefReference>, Py<Port>)>>,
}

impl Queue {
    /// Called on the thread where outcomes are made. There the one that was told before is let go of, too: memory that goes
    /// from thread to thread is dear.
    pub fn complete(&self, call: u64, outcome: Outcome<Detection>) {
        let told = locked(&self.told).pop();
        let outcome = match told {
            Some(mut place) => {
                *place = outcome;
                place
            }
            None => Box::new(outcome),
        };
        self.push(News::Done(call, outcome));
    }

    /// Leaves an outcome that was told. A large one is let go of at once, and so is one too many.
    fn give_back(&self, outcome: Told) {
        let mut told = locked(&self.told);
        if told.len() < MOST_TOLD && outcome.as_ref().as_ref().is_ok_and(|found| found.body.len() < LARGE) {
            told.push(outcome);
        }
    }

    pub fn ready(&self, number: u64) {
        self.push(News::Ready(number));
    }

    fn push(&self, news: News) {
        locked(&self.news).push(news);
        self.signal();
    }

    /// Has the loop drain, if it is not about to.
    fn signal(&self) {
        if !self.is_signalled.swap(true, Ordering::AcqRel) {
            self.wake();
        }
    }

    fn wake(&self) {
        let is_threadsafe = locked(&self.threadsafe).is_some();
        if is_threadsafe {
            // The lock is not held while waiting for the interpreter, whose holder may want it.
            let _ = Python::try_attach(|py| {
                let target = locked(&self.threadsafe).as_ref().map(|(l, port)| (l.clone_ref(py), port.clone_ref(py)));
                let Some((event_loop, port)) = target else { return };
                let Some(event_loop) = event_loop.bind(py).upgrade() else {
                    return;
                };
                if let Ok(drain) = port.bind(py).getattr(intern!(py, "drain")) {
                    // A closed loop refuses; nobody waits for the result any more.
                    let _ = event_loop.call_method1(intern!(py, "call_soon_threadsafe"), (drain,));
                }
            });
            return;
        }
        #[cfg(unix)]
        if let Some(mut writer) = self.writer.as_ref() {
            // A full socket already holds a wake-up; a closed one has nobody to wake.
            let _ = writer.write(&[1]);
        }
    }
}

/// One event loop's end of the bridge. It belongs to the process that made it.
#[pyclass(frozen, weakref, module = "aigclens._native")]
pub struct Port {
    queue: Arc<Queue>,
    waiting: Mutex<HashMap<u64, Py<PyAny>>>,
    next: AtomicU64,
    event_loop: Py<PyWeakrefReference>,
    /// What was taken from the queue, and is still to be told.
    taken: Mutex<VecDeque<News>>,
    known: Known,
    #[cfg(unix)]
    reader: Option<UnixStream>,
    pid: u32,
}

impl Port {
    /// Notes a future that waits for a call, and gives the call its number.
    pub fn register(&self, future: Py<PyAny>) -> (u64, Arc<Queue>) {
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        locked(&self.waiting).insert(call, future);
        (call, Arc::clone(&self.queue))
    }

    /// Who hears of a call on this loop, from `(callable, detail)`.
    pub fn listener(&self, parts: &Bound<'_, PyAny>) -> PyResult<Option<Arc<dyn Listener>>> {
        self.known.listener(parts, &self.queue)
    }

    /// Tells of events, and leaves the futures to the loop.
    fn tell(&self, py: Python<'_>) -> PyResult<()> {
        self.take();
        let taken = std::mem::take(&mut *locked(&self.taken));
        let (heard, rest): (VecDeque<News>, VecDeque<News>) = taken.into_iter().partition(News::is_event);
        *locked(&self.taken) = rest;
        let mut raised = Ok(());
        for one in heard {
            raised = raised.and(self.pass_on(py, one));
        }
        raised
    }

    /// Takes what has arrived.
    fn take(&self) {
        locked(&self.taken).extend(locked(&self.queue.news).drain(..));
    }

    /// Passes on what was taken, in its order, until all is or the time is up, which is looked at after each. Then the
    /// first exception that an observer let through is raised.
    fn pass_on_until(&self, py: Python<'_>, mut is_over: impl FnMut() -> bool) -> PyResult<()> {
        let mut raised = Ok(());
        loop {
            let next = locked(&self.taken).pop_front();
            let Some(one) = next else { return raised };
            raised = raised.and(self.pass_on(py, one));
            if is_over() {
                break;
            }
        }
        if !locked(&self.taken).is_empty() {
            self.queue.signal();
        }
        raised
    }

    fn pass_on(&self, py: Python<'_>, news: News) -> PyResult<()> {
        match news {
            News::Done(call, outcome) => {
                if let Some(future) = self.forget(call) {
                    settle(future.bind(py), convert::outcome(py, &outcome));
                }
                self.queue.give_back(outcome);
            }
            News::Heard(observer, event) => return observer.tell(py, &event),
            News::Ready(number) => {
                if let Some(future) = self.forget(number) {
                    settle(future.bind(py), Ok(py.None().into_bound(py)));
                }
            }
        }
        Ok(())
    }

    fn forget(&self, call: u64) -> Option<Py<PyAny>> {
        locked(&self.waiting).remove(&call)
    }
}

#[cfg(unix)]
fn pair() -> Option<(UnixStream, UnixStream)> {
    let (reader, writer) = UnixStream::pair().ok()?;
    reader.set_nonblocking(true).ok()?;
    writer.set_nonblocking(true).ok()?;
    Some((reader, writer))
}

#[pymethods]
impl Port {
    #[new]
    #[pyo3(signature = (event_loop, /))]
    fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        #[cfg(unix)]
        let (reader, writer) = pair().map_or((None, None), |(reader, writer)| (Some(reader), Some(writer)));
        Ok(Self {
            queue: Arc::new(Queue {
                news: Mutex::default(),
                is_signalled: AtomicBool::new(false),
                told: Mutex::default(),
                #[cfg(unix)]
                writer,
                threadsafe: Mutex::new(None),
            }),
            waiting: Mutex::default(),
            taken: Mutex::default(),
            known: Known::default(),
            next: AtomicU64::new(0),
            event_loop: PyWeakrefReference::new(event_loop)?.unbind(),
            #[cfg(unix)]
            reader,
            pid: std::process::id(),
        })
    }

    /// The descriptor to watch, or -1 where there is none.
    fn fileno(&self) -> i32 {
        #[cfg(unix)]
        return self.reader.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        #[cfg(not(unix))]
        return -1;
    }

    /// Whether it is a loop's own, in this process.
    #[pyo3(signature = (event_loop, /))]
    fn serves(&self, event_loop: &Bound<'_, PyAny>) -> bool {
        let own = self.event_loop.bind(event_loop.py()).upgrade();
        self.pid == std::process::id() && own.is_some_and(|own| own.is(event_loop))
    }

    /// The process that this port belongs to.
    #[getter]
    fn pid(&self) -> u32 {
        self.pid
    }

    /// Wakes the loop through `call_soon_threadsafe`, for loops that watch no descriptors.
    fn use_threadsafe(slf: Py<Self>, py: Python<'_>) {
        let port = slf.get();
        *locked(&port.queue.threadsafe) = Some((port.event_loop.clone_ref(py), slf.clone_ref(py)));
    }

    /// Completes the futures whose calls have ended, and tells of events. Called on the loop's own thread. What takes too
    /// long together goes on in the loop's next turn.
    fn drain(&self, py: Python<'_>) -> PyResult<()> {
        #[cfg(unix)]
        if let Some(mut reader) = self.reader.as_ref() {
            let _ = reader.read(&mut [0_u8; 64]);
        }
        // The flag falls before the list is taken, so that whatever is appended after it wakes the loop again.
        self.queue.is_signalled.store(false, Ordering::Release);
        self.take();
        let began = now();
        self.pass_on_until(py, || now().duration_since(began) >= TURN)
    }

    /// Forgets who waits. The loop is closed or gone.
    fn close(&self) {
        // Taken out first: a future that goes may take its task with it, which comes back to forget itself.
        let waiting = std::mem::take(&mut *locked(&self.waiting));
        let threadsafe = locked(&self.queue.threadsafe).take();
        self.take();
        let news = std::mem::take(&mut *locked(&self.taken));
        let told = std::mem::take(&mut *locked(&self.queue.told));
        drop((waiting, threadsafe, news, told));
    }
}

/// Gives a future its result or its exception, unless it was cancelled meanwhile.
fn settle<'py>(future: &Bound<'py, PyAny>, value: PyResult<Bound<'py, PyAny>>) {
    let py = future.py();
    let settled = match value {
        Ok(found) => future.call_method1(intern!(py, "set_result"), (found,)),
        Err(error) => future.call_method1(intern!(py, "set_exception"), (error.into_value(py),)),
    };
    let Err(error) = settled else { return };
    // Asked only now: it is hardly ever so, since who cancels a call has its future forgotten.
    let is_done = future.call_method0(intern!(py, "done")).and_then(|done| done.is_truthy());
    if !matches!(is_done, Ok(true)) {
        error.write_unraisable(py, Some(future));
    }
}

#[allow(clippy::disallowed_methods, reason = "a turn is measured, no time is told")]
fn now() -> Instant {
    Instant::now()
}

/// A call under way.
#[pyclass(frozen, module = "aigclens._native")]
pub struct Handle {
    ticket: Ticket,
    port: Py<Port>,
    call: u64,
    /// Ends with the call, where somebody hears of its steps.
    ended: Option<Mutex<mpsc::Receiver<Infallible>>>,
}

impl Handle {
    pub fn new(ticket: Ticket, port: Py<Port>, call: u64, ended: Option<mpsc::Receiver<Infallible>>) -> Self {
        Self { ticket, port, call, ended: ended.map(Mutex::new) }
    }
}

#[pymethods]
impl Handle {
    /// Drops the request and its connection; the future is left to its owner. Safe after the end. What a call has to say of
    /// its being given up is told before this returns: the loop may be about to close.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        let pid = std::process::id();
        if self.port.get().pid != pid {
            // The thread that would drop it is the parent's, and so are the locks on the way there.
            return Ok(());
        }
        if let Ok(io) = runtime::io_of(pid) {
            io.desk.give_up(&self.ticket);
        }
        drop(self.port.get().forget(self.call));
        let Some(ended) = &self.ended else {
            return Ok(());
        };
        interpreter::detached(py, || locked(ended).recv_timeout(LAST_WORDS).ok());
        self.port.get().tell(py)
    }
}
