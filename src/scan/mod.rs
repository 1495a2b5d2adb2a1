//! Many images: fed lazily, asked about side by side, each paid for once, and every answer written down before it is
//! handed out. One engine for both doors; whoever waits for rows waits outside of it.
mod books;
mod flights;
mod halt;
mod item;
mod judge;
mod row;
mod survey;
mod tally;
mod weather;
mod window;

pub use books::Balance;
pub use row::{Input, Row, What};
pub use survey::{Counts, Survey};
pub use tally::Tally;
pub use window::Taken;

use crate::ambient::Ambient;
use crate::attempt::Billing;
use crate::client::{Call, Client};
use crate::error::{Error, Kind, Result};
use crate::store::{Known, Store};
use books::Books;
use flights::Flights;
use halt::Halt;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};
use weather::Weather;
use window::Window;

/// The most calls that may be in flight together.
pub const MOST_CONCURRENCY: usize = 256;
/// Image data that is held for a scan besides what the process's memory for files counts.
const BYTES: usize = 256 * 1024 * 1024;
/// Calls about one content over all runs that end in failure or doubt, after which it is left alone (L19).
const MOST_TRIES: u32 = 6;
/// Seconds that the calls of a scan wait for their turns at most, if all turns are its own. More calls side by side make
/// nothing faster; an upload would be stale before its turn came, and a crash would leave more of them in doubt.
const LINE: f64 = 300.0;
/// Items that are looked at and looked up ahead of those that are asked about.
const AHEAD: usize = 32;

/// Which of the items that an earlier run did not answer are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// None of them: what is known stands.
    None,
    /// Those whose outcome nobody knows: a crash, a lost answer.
    Unresolved,
    /// Those too that ended in an error.
    Errors,
}

impl Retry {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "unresolved" => Ok(Self::Unresolved),
            "errors" => Ok(Self::Errors),
            _ => Err(Error::new(Kind::Config, "retry is 'unresolved' (default), 'errors' or 'none'")),
        }
    }

    /// Whether a content is asked about that the store knows this of. What was paid for for certain never is again, also
    /// where its answer could not be read: its body is kept.
    fn asks(self, known: &Known) -> bool {
        match known {
            Known::Nothing => true,
            Known::Answered(_) => false,
            Known::Failed(past) => {
                let is_free = !past.is_of_this_run && past.what.billing != Billing::Billed;
                self == Self::Errors && is_free && past.tries < MOST_TRIES
            }
            Known::Unresolved { tries } => self != Self::None && *tries < MOST_TRIES,
        }
    }
}

/// What is sent as the service's own name for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataIds {
    None,
    /// The item's key.
    Key,
    /// The hash of its content, in hexadecimal.
    Hash,
}

impl DataIds {
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None => Ok(Self::None),
            Some("key") => Ok(Self::Key),
            Some("hash") => Ok(Self::Hash),
            Some(_) => Err(Error::new(Kind::Config, "data_id of a scan is 'key', 'hash' or None")),
        }
    }
}

/// How a scan goes about its work.
#[derive(Debug, Clone)]
pub struct Options {
    /// Paid calls in flight together.
    pub concurrency: usize,
    pub is_ordered: bool,
    /// Millionths of a dollar for all runs of the store.
    pub budget: Option<u64>,
    pub retry: Retry,
    pub data_ids: DataIds,
    /// How long an outage is sat out.
    pub patience: Duration,
    /// What every call has in common; its source is not looked at.
    pub call: Call,
}

impl Options {
    /// Reads a number of calls (M10).
    pub fn concurrency(value: i64) -> Result<usize> {
        let read = usize::try_from(value).ok().filter(|value| (1..=MOST_CONCURRENCY).contains(value));
        read.ok_or_else(|| Error::new(Kind::Config, format!("concurrency must be 1 to {MOST_CONCURRENCY}")))
    }

    /// How many of so many calls have their turns before long, at so many a second.
    pub fn at_pace(concurrency: usize, qps: Option<f64>) -> usize {
        let fits = |calls: &usize| qps.is_none_or(|qps| f64::from(u32::try_from(*calls).unwrap_or(0)) <= qps * LINE);
        (1..=concurrency).rev().find(fits).unwrap_or(1)
    }
}

#[derive(Debug)]
struct Engine {
    client: Client,
    books: Arc<Books>,
    flights: Arc<Flights>,
    weather: Arc<Weather>,
    window: Window,
    /// Places to look at an item.
    desks: Semaphore,
    /// Places to ask about one.
    seats: Semaphore,
    halt: Arc<Halt>,
    options: Options,
}

impl Engine {
    /// The outcome of something that is given up when the scan is stopped.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if self.halt.is_ordered() {
            return None;
        }
        tokio::pin!(work);
        // Most of it has nothing to wait for, and then nobody has to listen for the end.
        if let Poll::Ready(done) = std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            return Some(done);
        }
        tokio::select! {
            biased;
            () = self.halt.ordered() => None,
            done = &mut work => Some(done),
        }
    }

    /// A place of some, given up when the scan is stopped. Mostly one is free.
    async fn place<'a>(&self, places: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        if let (Ok(place), false) = (places.try_acquire(), self.halt.is_ordered()) {
            return Some(place);
        }
        self.unless_stopped(places.acquire()).await?.ok()
    }

    /// One item, from its being fed to its row being told of.
    async fn item(self: Arc<Self>, number: u64, bytes: usize, input: Input) {
        let row = self.story(number, input).await;
        if self.window.put(number, bytes, row) {
            // What else has come by now is told of together: each telling may wake a thread.
            tokio::task::yield_now().await;
            self.window.tell_all();
        }
    }

    fn stop(&self, why: Option<Error>) {
        self.window.stop(why);
        self.halt.order();
    }
}

/// A scan under way. Its items run on the runtime whose handle it was given; whoever drops it leaves what is in flight to
/// end, and to be written down, there.
#[derive(Debug)]
pub struct Scan {
    engine: Arc<Engine>,
    runtime: Handle,
}

impl Scan {
    pub fn start(client: Client, store: Store, options: Options, ambient: Ambient, runtime: Handle) -> Self {
        let concurrency = options.concurrency;
        let halt = Arc::new(Halt::default());
        let engine = Engine {
            client,
            books: Books::open(store, options.budget, Arc::clone(&halt), ambient),
            flights: Arc::default(),
            weather: Weather::new(options.patience),
            window: Window::new(2 * concurrency + 4 * AHEAD, BYTES, options.is_ordered),
            desks: Semaphore::new(concurrency + AHEAD),
            seats: Semaphore::new(concurrency),
            halt,
            options,
        };
        Self { engine: Arc::new(engine), runtime }
    }

    /// How many more items may be fed now. None while there is room for a few only: they are fed together.
    pub fn room(&self) -> usize {
        let room = self.engine.window.room();
        if room < AHEAD && !self.engine.window.is_idle() { 0 } else { room }
    }

    /// How many items have been fed.
    pub fn fed(&self) -> u64 {
        self.engine.window.fed()
    }

    /// One more item. Whoever feeds more than there is room for holds it all in memory.
    pub fn feed(&self, input: Input) {
        self.feed_all(vec![input]);
    }

    /// So many more items, in this order: the runtime's thread is woken once for all of them.
    pub fn feed_all(&self, inputs: Vec<Input>) {
        if inputs.is_empty() {
            return;
        }
        let numbered: Vec<(u64, usize, Input)> = inputs
            .into_iter()
            .map(|input| {
                let bytes = input.bytes();
                (self.engine.window.enter(bytes), bytes, input)
            })
            .collect();
        let engine = Arc::clone(&self.engine);
        self.runtime.spawn(async move {
            for (number, bytes, input) in numbered {
                tokio::spawn(Arc::clone(&engine).item(number, bytes, input));
            }
        });
    }

    /// Nothing more will be fed.
    pub fn end(&self) {
        self.engine.window.end();
    }

    /// Nothing more is begun; what is in flight is finished and written down. Harmless when repeated.
    pub fn stop(&self) {
        self.engine.stop(None);
    }

    /// The same, and why: this is told once everything in flight has its row.
    pub fn stop_because(&self, why: Error) {
        self.engine.stop(Some(why));
    }

    pub fn is_stopped(&self) -> bool {
        self.engine.window.is_stopped()
    }

    /// Whether there are rows to take, or nothing more will come.
    pub fn has_news(&self) -> bool {
        self.engine.window.has_news()
    }

    /// Takes rows that are ready, without waiting.
    pub fn take(&self, most: usize) -> Taken {
        self.engine.window.take(most)
    }

    /// Waits on this thread for news.
    pub fn wait(&self, time: Duration) -> bool {
        self.engine.window.wait(time)
    }

    /// Calls back once there are news.
    pub fn wake(&self, waker: impl FnOnce() + Send + 'static) {
        self.engine.window.wake(Box::new(waker));
    }

    /// Nobody waits for news any more.
    pub fn forget_waker(&self) {
        self.engine.window.forget_waker();
    }

    /// Why nothing is sent just now, if that is so.
    pub fn paused(&self) -> Option<String> {
        self.engine.weather.why()
    }

    pub fn balance(&self) -> Balance {
        self.engine.books.balance()
    }

    /// Whether everything that was fed has ended.
    pub fn is_over(&self) -> bool {
        self.engine.window.is_over()
    }

    /// Waits on this thread until everything that was fed has ended, no longer than that. Says whether it has.
    pub fn wait_over(&self, time: Duration) -> bool {
        self.engine.window.wait_over(time)
    }

    /// Lets go of the store. Blocks; to be called once nothing is in flight.
    pub fn close(&self) -> Result<()> {
        self.engine.books.store.close()
    }

    /// Stops, and lets go of the store once nothing is in flight, without anybody waiting for it.
    pub fn leave(&self) {
        self.stop();
        let engine = Arc::clone(&self.engine);
        self.runtime.spawn(async move {
            let (over, ended) = tokio::sync::oneshot::channel();
            engine.window.when_over(Box::new(move || over.send(()).unwrap_or_default()));
            if ended.await.is_err() {
                return;
            }
            let _ = tokio::task::spawn_blocking(move || engine.books.store.close()).await;
        });
    }
}

#[cfg(test)]
mod tests;
