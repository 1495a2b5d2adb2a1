//! One SQLite file per scan: what was asked, what was about to be asked, and every answer.
//!
//! [`Store`] writes: one thread owns the file (`clerk`), and whoever asks it is answered after it is durable. `open` is the
//! way from a path to it, `ledger` has the statements, `row` the checksum of each answer, `schema` the tables. `place` and
//! `lock` say where a store may be and who may write to it; `trouble` and `rescue` keep what was paid for when the disk is
//! full or fails. Without a path, `memory` answers the same questions (`packed` is how it
//! keeps an answer), and `spill` has what it cannot hold.
mod audit;
mod clerk;
mod ending;
mod fault;
mod ledger;
mod lock;
mod memory;
mod open;
mod packed;
mod place;
mod read;
mod record;
mod rescue;
mod row;
mod schema;
mod spill;
mod trouble;

pub use lock::is_written_here;
pub use read::{Doubt, Info, Reader, RunInfo, StoredRow};
pub use record::{
    Answer, By, End, Failure, Fingerprint, Intent, Intention, Item, Known, Past, Question, Settlement, Spent,
};

use crate::ambient::Ambient;
use crate::error::{Error, Kind, Result};
use crate::standstill;
use clerk::{Clerk, Command};
use ending::{Ending, nanos};
use memory::Memory;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A store that a scan writes to. One thread of its own does the writing; many requests share one transaction, and
/// whoever asked is answered after it is durable. Without a file there is nothing to wait for, and no thread.
#[derive(Debug)]
pub struct Store {
    books: Books,
    spent: Spent,
    ambient: Ambient,
    /// The process that opened it: in a child of a fork, nobody is there to write.
    process: u32,
}

/// Who remembers.
#[derive(Debug)]
enum Books {
    File {
        queue: mpsc::Sender<Command>,
        clerk: Mutex<Option<JoinHandle<Result<()>>>>,
    },
    /// Nothing once it is closed.
    Memory(Box<Mutex<Option<Memory>>>),
}

impl Store {
    /// Opens or makes the store at a path and takes its lock; without a path, one that ends with this value and is on no
    /// disk for long. Blocks.
    pub fn open(path: Option<&Path>, question: &Question, ambient: &Ambient) -> Result<Self> {
        match path {
            Some(path) => {
                let _at_work = standstill::at_work();
                let (clerk, spent) = open::on_disk(path, question, ambient)?;
                Self::begin(clerk, spent, ambient)
            }
            None => Ok(Self::in_memory(Memory::default(), ambient)),
        }
    }

    /// Looks into the store at a path, if it is there, for an estimate: nothing is made and nothing written, no lock is
    /// taken, and a scan may be writing to it. [`Self::peek`], [`Self::seen_before`] and [`Self::spent`] answer; what would
    /// write fails. Blocks.
    pub fn open_to_estimate(path: Option<&Path>, question: &Question, ambient: &Ambient) -> Result<Self> {
        let _at_work = standstill::at_work();
        match open::to_estimate(path, question, ambient)? {
            Some((clerk, spent)) => Self::begin(clerk, spent, ambient),
            None => Ok(Self::in_memory(Memory::default(), ambient)),
        }
    }

    fn in_memory(memory: Memory, ambient: &Ambient) -> Self {
        let books = Books::Memory(Box::new(Mutex::new(Some(memory))));
        Self { books, spent: Spent::default(), ambient: ambient.clone(), process: std::process::id() }
    }

    fn begin(clerk: Clerk, spent: Spent, ambient: &Ambient) -> Result<Self> {
        let (queue, commands) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("aigclens-store".to_owned())
            .spawn(move || clerk.work(&commands))
            .map_err(|problem| {
                Error::new(Kind::ResourceExhausted, format!("no thread could be started for the store: {problem}"))
            })?;
        let books = Books::File { queue, clerk: Mutex::new(Some(thread)) };
        Ok(Self { books, spent, ambient: ambient.clone(), process: std::process::id() })
    }

    /// What was spent on the question's side before this run, unresolved intents included.
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// What is known of a content; notes that this item has it.
    pub async fn look(&self, fingerprint: Fingerprint, item: Item) -> Result<Known> {
        match &self.books {
            Books::File { queue, .. } => self.ask(queue, |to| Command::Look(fingerprint, item, to)).await,
            Books::Memory(memory) => recall(memory, |memory| memory.look(fingerprint)),
        }
    }

    /// What is known of a content; nothing is noted.
    pub async fn peek(&self, fingerprint: Fingerprint) -> Result<Known> {
        match &self.books {
            Books::File { queue, .. } => self.ask(queue, |to| Command::Peek(fingerprint, to)).await,
            Books::Memory(memory) => recall(memory, |memory| memory.peek(fingerprint)),
        }
    }

    /// Writes down that a paid request is about to be made. It is durable when this returns.
    pub async fn intend(&self, intention: Intention) -> Result<Intent> {
        match &self.books {
            Books::File { queue, .. } => {
                self.here()?;
                let (to, answer) = oneshot::channel();
                queue.send(Command::Intend(Box::new(intention), to)).map_err(|_| open::closed())?;
                Listener { answer, queue }.hear().await
            }
            Books::Memory(memory) => recall(memory, |memory| memory.intend(intention)),
        }
    }

    /// Writes down how a call ended. Durable when this returns; an error means that it could be written nowhere. It is
    /// written too where the caller does not wait for it.
    pub async fn settle(&self, settlement: Settlement) -> Result<()> {
        match &self.books {
            Books::File { queue, .. } => {
                let ending = Ending::new(&settlement, nanos(self.ambient.now()));
                self.ask(queue, |to| Command::Settle(Box::new(ending), to)).await
            }
            Books::Memory(memory) => recall(memory, |memory| memory.settle(settlement)),
        }
    }

    /// Whether a content of this fingerprint was asked for here before, in this run, and by an item of which key: for what
    /// is never written into the store.
    pub async fn seen_before(&self, fingerprint: Fingerprint, key: String) -> Result<Option<String>> {
        match &self.books {
            Books::File { queue, .. } => self.ask(queue, |to| Command::Seen(fingerprint, key, to)).await,
            Books::Memory(memory) => recall(memory, |memory| memory.seen(fingerprint, key)),
        }
    }

    /// Ends the run: what is queued is written, the file is tidied up and let go of. Blocks; harmless when repeated. An
    /// error says what the trouble was, and where answers are that the file could not take.
    pub fn close(&self) -> Result<()> {
        self.here()?;
        match &self.books {
            Books::File { queue, clerk } => {
                // Whoever comes second waits until the first has let go of the file.
                let mut clerk = clerk.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(thread) = clerk.take() else { return Ok(()) };
                let _ = queue.send(Command::Close);
                thread.join().unwrap_or_else(|_| {
                    Err(Error::new(Kind::Internal, "the thread of the store broke down; please report it"))
                })
            }
            Books::Memory(memory) => {
                let taken = memory.lock().unwrap_or_else(PoisonError::into_inner).take();
                let _at_work = standstill::at_work();
                drop(taken);
                Ok(())
            }
        }
    }

    async fn ask<T>(
        &self,
        queue: &mpsc::Sender<Command>,
        command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
    ) -> Result<T> {
        self.here()?;
        let (to, answer) = oneshot::channel();
        queue.send(command(to)).map_err(|_| open::closed())?;
        answer.await.unwrap_or_else(|_| Err(open::closed()))
    }

    fn here(&self) -> Result<()> {
        if self.process == std::process::id() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Store,
            "the store was opened before the process was forked: open it in the child, after the parent has closed it",
        ))
    }
}

/// Asks the books in memory. Not whose process it is: this takes no system call, and a child of a fork has no scan that asks.
fn recall<T>(memory: &Mutex<Option<Memory>>, work: impl FnOnce(&mut Memory) -> Result<T>) -> Result<T> {
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    work(memory.as_mut().ok_or_else(open::closed)?)
}

/// Somebody who waits for an intent. If it stops waiting, the intent may be written all the same: then it was never sent.
struct Listener<'a> {
    answer: oneshot::Receiver<Result<Intent>>,
    queue: &'a mpsc::Sender<Command>,
}

impl Listener<'_> {
    async fn hear(mut self) -> Result<Intent> {
        (&mut self.answer).await.unwrap_or_else(|_| Err(open::closed()))
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        // What was heard is not here any more.
        self.answer.close();
        if let Ok(Ok(intent)) = self.answer.try_recv() {
            let _ = self.queue.send(Command::Orphan(intent));
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.here().is_ok() {
            let _ = self.close();
            return;
        }
        // The parent's thread is not here to be waited for.
        if let Books::File { clerk, .. } = &self.books
            && let Ok(mut thread) = clerk.try_lock()
        {
            std::mem::forget(thread.take());
        }
    }
}

#[cfg(test)]
mod tests;
