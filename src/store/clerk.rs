//! The one thread that writes: it takes what is queued, does all of it in one transaction, and answers everybody once that is
//! on the disk.
use super::ending::Ending;
use super::fault::{self, Trouble};
use super::ledger::Desk;
use super::open::Keep;
use super::place::Identity;
use super::record::{Fingerprint, Intent, Intention, Item, Known};
use super::rescue::Line;
use super::trouble::{self, Poison};
use crate::ambient::Ambient;
use crate::error::{Error, Result};
use crate::standstill;
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot::Sender;

/// How much one transaction takes.
const BATCH: usize = 512;

/// Something to be done, and who wants to know.
#[derive(Debug)]
pub(super) enum Command {
    Look(Fingerprint, Item, Sender<Result<Known>>),
    Peek(Fingerprint, Sender<Result<Known>>),
    Intend(Box<Intention>, Sender<Result<Intent>>),
    Settle(Box<Ending>, Sender<Result<()>>),
    Seen(Fingerprint, String, Sender<Result<Option<String>>>),
    /// An intent that its caller never heard of.
    Orphan(Intent),
    Close,
}

/// What was found out, held back until it is durable.
enum Answer {
    Known(Known),
    Intent(i64),
    Settled,
    Seen(Option<String>),
}

#[derive(Debug)]
pub(super) struct Clerk {
    connection: Connection,
    desk: Desk,
    keep: Option<Keep>,
    ambient: Ambient,
    poison: Option<Poison>,
    /// The write-ahead log's identity, once there is one.
    log: Option<Identity>,
    /// Intents that were written for somebody who was gone by then.
    orphans: Vec<Intent>,
}

impl Clerk {
    pub(super) fn new(connection: Connection, desk: Desk, keep: Option<Keep>, ambient: Ambient) -> Self {
        Self { connection, desk, keep, ambient, poison: None, log: None, orphans: Vec::new() }
    }

    /// Works until it is told to close, or nobody is left who could tell it.
    pub(super) fn work(mut self, queue: &Receiver<Command>) -> Result<()> {
        while let Ok(first) = queue.recv() {
            let _at_work = standstill::at_work();
            let mut batch = vec![first];
            while batch.len() < BATCH {
                match queue.try_recv() {
                    Ok(command) => batch.push(command),
                    Err(_) => break,
                }
            }
            let is_last = batch.iter().any(|command| matches!(command, Command::Close));
            batch.retain(|command| !matches!(command, Command::Close));
            let (orphans, batch): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|command| matches!(command, Command::Orphan(_)));
            self.orphans.extend(orphans.iter().filter_map(Command::orphan));
            self.serve(batch);
            if is_last {
                break;
            }
        }
        let _at_work = standstill::at_work();
        self.close()
    }

    fn serve(&mut self, batch: Vec<Command>) {
        if self.poison.is_some() {
            return self.salvage(batch);
        }
        match self.write(&batch) {
            Ok(answers) => {
                for (command, answer) in batch.into_iter().zip(answers) {
                    self.reply(command, answer);
                }
            }
            Err(Failed::Here(error)) => self.fail(batch, error),
            Err(Failed::Place(error)) => {
                self.poison = Some(Poison::new(error));
                self.salvage(batch);
            }
        }
    }

    /// All of a batch in one transaction, durable when this returns.
    fn write(&mut self, batch: &[Command]) -> std::result::Result<Vec<Answer>, Failed> {
        self.stay()?;
        let before = self.connection.total_changes();
        let begin =
            if batch.iter().all(Command::only_reads) && self.orphans.is_empty() { "BEGIN" } else { "BEGIN IMMEDIATE" };
        self.connection.execute_batch(begin)?;
        let done = self.apply(batch).and_then(|answers| self.connection.execute_batch("COMMIT").map(|()| answers));
        let answers = done.inspect_err(|_| {
            // SQLite may have rolled back by itself already.
            let _ = self.connection.execute_batch("ROLLBACK");
        })?;
        self.orphans.clear();
        if self.connection.total_changes() != before {
            self.stay()?;
        }
        Ok(answers)
    }

    fn apply(&self, batch: &[Command]) -> rusqlite::Result<Vec<Answer>> {
        let at = self.ambient.now();
        for orphan in &self.orphans {
            Desk::unsend(&self.connection, *orphan, at)?;
        }
        batch
            .iter()
            .map(|command| {
                Ok(match command {
                    Command::Look(fingerprint, item, _) => {
                        Answer::Known(self.desk.look(&self.connection, *fingerprint, item)?)
                    }
                    Command::Peek(fingerprint, _) => Answer::Known(self.desk.peek(&self.connection, *fingerprint)?),
                    Command::Intend(intention, _) => {
                        Answer::Intent(self.desk.intend(&self.connection, intention, at)?)
                    }
                    Command::Settle(ending, _) => {
                        self.desk.settle(&self.connection, ending)?;
                        Answer::Settled
                    }
                    Command::Seen(fingerprint, key, _) => {
                        Answer::Seen(Desk::seen(&self.connection, *fingerprint, key)?)
                    }
                    Command::Orphan(_) | Command::Close => Answer::Settled,
                })
            })
            .collect()
    }

    fn reply(&mut self, command: Command, answer: Answer) {
        match (command, answer) {
            (Command::Look(_, _, to) | Command::Peek(_, to), Answer::Known(known)) => drop(to.send(Ok(known))),
            (Command::Intend(_, to), Answer::Intent(id)) => {
                // Whoever does not hear of its intent sends nothing.
                let is_heard = to.send(Ok(Intent(id))).is_ok();
                self.orphans.extend((!is_heard).then_some(Intent(id)));
            }
            (Command::Settle(_, to), Answer::Settled) => drop(to.send(Ok(()))),
            (Command::Seen(_, _, to), Answer::Seen(seen)) => drop(to.send(Ok(seen))),
            _ => {}
        }
    }

    /// A transaction failed: who is to blame for it?
    fn fail(&mut self, batch: Vec<Command>, error: rusqlite::Error) {
        let mut trouble = fault::trouble(&error);
        let told = match &self.keep {
            Some(keep) if trouble == Trouble::Disk && trouble::is_quota(&keep.path) => {
                trouble = Trouble::Full;
                fault::full(&keep.path)
            }
            _ => fault::told(self.path(), &error),
        };
        let is_own = self.keep.is_none() || fault::is_of_a_row(&error);
        if trouble == Trouble::Other && is_own {
            // A fault of one is not to be a fault of all.
            if batch.len() > 1 {
                for command in batch {
                    self.serve(vec![command]);
                }
                return;
            }
            for command in batch {
                command.refuse(&told);
            }
            return;
        }
        self.poison = Some(Poison::new(told));
        self.salvage(batch);
    }

    /// Nothing new is begun; what has ended is kept wherever it can be.
    fn salvage(&mut self, batch: Vec<Command>) {
        let (settlements, others): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|command| matches!(command, Command::Settle(..)));
        let kept = self.keep_all(&settlements);
        for command in settlements {
            match &kept {
                Ok(()) => self.reply(command, Answer::Settled),
                Err(error) => command.refuse(error),
            }
        }
        if let Some(told) = self.poison.as_ref().map(Poison::told) {
            for command in others {
                command.refuse(&told);
            }
        }
    }

    fn keep_all(&mut self, settlements: &[Command]) -> Result<()> {
        let Some(mut poison) = self.poison.take() else { return Ok(()) };
        let kept = self.keep_somewhere(&mut poison, settlements);
        self.poison = Some(poison);
        kept
    }

    fn keep_somewhere(&mut self, poison: &mut Poison, settlements: &[Command]) -> Result<()> {
        if settlements.is_empty() {
            return Ok(());
        }
        if poison.is_writable {
            if let Some(keep) = &mut self.keep {
                keep.reserve.give_up();
            }
            match self.write(settlements) {
                Ok(_) => return Ok(()),
                Err(Failed::Place(_)) => poison.is_writable = false,
                Err(Failed::Here(error)) => poison.is_writable = fault::trouble(&error) == Trouble::Full,
            }
        }
        let Some(keep) = &self.keep else { return Err(poison.told()) };
        let Desk { question, run } = self.desk;
        let lines: Vec<Line> = settlements
            .iter()
            .filter_map(|command| match command {
                Command::Settle(ending, _) => Some(Line { question, run: Some(run), ending: (**ending).clone() }),
                _ => None,
            })
            .collect();
        poison.rescue(&lines, &keep.store_id, &self.ambient)
    }

    /// Whether the files are still the ones that were opened (L11): a commit into a deleted file is none.
    fn stay(&mut self) -> std::result::Result<(), Failed> {
        let Some(keep) = &self.keep else { return Ok(()) };
        let log = Identity::of(&super::place::beside(&keep.path, "-wal"));
        let is_log_gone = self.log.is_some() && log != self.log;
        if Identity::of(&keep.path) != Some(keep.identity) || is_log_gone {
            return Err(Failed::Place(fault::refused(
                &keep.path,
                "it was moved, deleted or replaced while it was open; put it back, or begin another one",
            )));
        }
        self.log = log;
        Ok(())
    }

    fn path(&self) -> &Path {
        self.keep.as_ref().map_or_else(|| Path::new("(temporary)"), |keep| keep.path.as_path())
    }

    /// Says good-bye, and lets go of the file. A store in trouble is left as it is: the next who opens it looks at it first.
    fn close(mut self) -> Result<()> {
        if self.poison.is_none() && self.keep.is_some() {
            let at = self.ambient.now();
            let work = |connection: &Connection| {
                for orphan in &self.orphans {
                    Desk::unsend(connection, *orphan, at)?;
                }
                self.desk.leave(connection, at)
            };
            let left = super::schema::in_transaction(&self.connection, || work(&self.connection)).and_then(|()| {
                let mut busy = self.connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)")?;
                busy.query_row([], |_| Ok(()))
            });
            if let Err(error) = left {
                self.poison = Some(Poison::new(fault::told(self.path(), &error)));
            }
        }
        if self.poison.as_ref().is_some_and(|poison| !poison.is_writable) {
            let config = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            let _ = self.connection.set_db_config(config, true);
        }
        let told = self.poison.as_ref().map(Poison::told);
        // The database first, then the reserve, the lock last.
        drop(self.connection);
        if let Some(Keep { reserve, lock, .. }) = self.keep {
            drop(reserve);
            drop(lock);
        }
        told.map_or(Ok(()), Err)
    }
}

/// Why nothing was written.
enum Failed {
    Here(rusqlite::Error),
    /// The file is not where it was.
    Place(Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Here(error)
    }
}

impl Command {
    const fn only_reads(&self) -> bool {
        matches!(self, Self::Look(..) | Self::Peek(..) | Self::Seen(..))
    }

    const fn orphan(&self) -> Option<Intent> {
        match self {
            Self::Orphan(intent) => Some(*intent),
            _ => None,
        }
    }

    fn refuse(self, error: &Error) {
        match self {
            Self::Look(_, _, to) | Self::Peek(_, to) => drop(to.send(Err(error.clone()))),
            Self::Intend(_, to) => drop(to.send(Err(error.clone()))),
            Self::Settle(_, to) => drop(to.send(Err(error.clone()))),
            Self::Seen(_, _, to) => drop(to.send(Err(error.clone()))),
            Self::Orphan(_) | Self::Close => {}
        }
    }
}
