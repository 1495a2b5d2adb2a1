//! From a path to a store that can be written: the lock, the file, its tables, and what a crash left behind.
use super::clerk::Clerk;
use super::fault;
use super::ledger::Desk;
use super::lock::{self, Lock};
use super::place::{self, Identity};
use super::read::Reader;
use super::record::{Question, Spent};
use super::rescue;
use super::schema::{self, Found};
use super::trouble::Reserve;
use crate::ambient::Ambient;
use crate::encode::hex;
use crate::error::{Error, Kind, Result};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long SQLite waits for a reader that is in its way.
const BUSY: Duration = Duration::from_secs(5);

/// The settings of every connection that writes: a commit is on the disk when it returns, and what is read is looked at.
pub(super) const SETTINGS: &str = "
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA mmap_size = 0;
    PRAGMA cache_size = -8192;
    PRAGMA temp_store = FILE;
    PRAGMA foreign_keys = OFF;
";

/// A file that is open, locked, and what is needed to look after it.
#[derive(Debug)]
pub(super) struct Keep {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) store_id: String,
    pub(super) reserve: Reserve,
    /// Given back last.
    pub(super) lock: Lock,
}

/// Opens or makes the store at a path.
pub(super) fn on_disk(path: &Path, question: &Question, ambient: &Ambient) -> Result<(Clerk, Spent)> {
    let path = place::resolve(path)?;
    let lock = Lock::take(&path)?;
    let is_made = place::make(&path)?;
    let connection = connect(&path)?;
    let tell = |error: &rusqlite::Error| fault::told(&path, error);
    let found = schema::found(&connection).map_err(|error| tell(&error))?;
    if connection.is_readonly("main").map_err(|error| tell(&error))? {
        return Err(fault::refused(&path, "it is read-only; make it writable, or give another file"));
    }
    let is_fresh = found == Found::Empty;
    match found {
        // SQLite takes a file that is shorter than its header for an empty one.
        Found::Empty if rustix::fs::stat(&path).is_ok_and(|status| status.st_size > 0) => {
            return Err(fault::damaged(&path, "it is too short for a database"));
        }
        Found::Empty => create(&connection, &path, ambient)?,
        Found::Foreign => return Err(fault::damaged(&path, "it is a database of another program")),
        Found::Ours(version) => schema::migrate(&connection, &path, version, schema::STEPS)?,
    }
    durable(&connection).map_err(|error| tell(&error))?;
    if is_made || is_fresh {
        place::sync_folder(&path)?;
    }
    let store_id = store_id(&connection).map_err(|error| tell(&error))?;
    let was_clean = !is_fresh && is_clean(&connection).map_err(|error| tell(&error))?;
    if !is_fresh && !was_clean {
        check(&connection, &path)?;
    }
    let (desk, spent) = begin(&connection, &path, &store_id, question, ambient)?;
    let identity = Identity::of(&path).ok_or_else(|| fault::refused(&path, "it was removed while it was opened"))?;
    let reserve = Reserve::set_aside(&path);
    let keep = Keep { path, identity, store_id, reserve, lock };
    Ok((Clerk::new(connection, desk, Some(keep), ambient.clone()), spent))
}

/// A store that is only looked into; nothing where it is not there.
pub(super) fn to_estimate(
    path: Option<&Path>,
    question: &Question,
    ambient: &Ambient,
) -> Result<Option<(Clerk, Spent)>> {
    let path = path.map(place::resolve).transpose()?.filter(|path| Identity::of(path).is_some());
    let Some(path) = path else { return Ok(None) };
    let Reader { connection, path } = Reader::open(&path)?;
    let look = || -> rusqlite::Result<(Desk, Spent)> {
        let desk = Desk::find(&connection, question)?;
        let spent = Desk::spent(&connection, question.is_loopback)?;
        connection.execute_batch("COMMIT")?;
        Ok((desk, spent))
    };
    let (desk, spent) = look().map_err(|error| fault::told(&path, &error))?;
    Ok(Some((Clerk::new(connection, desk, None, ambient.clone()), spent)))
}

fn connect(path: &Path) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(SETTINGS)?;
        Ok(connection)
    };
    open().map_err(|error| fault::told(path, &error))
}

fn create(connection: &Connection, path: &Path, ambient: &Ambient) -> Result<()> {
    schema::create(connection, &identifier(ambient), super::ending::nanos(ambient.now()))
        .map_err(|error| fault::told(path, &error))
}

fn identifier(ambient: &Ambient) -> String {
    let mut bytes = [0_u8; 16];
    // Where the system has no randomness to give, the time and this process have to do.
    if !ambient.random(&mut bytes) {
        let seed = format!("{} {}", ambient.now().as_nanos(), std::process::id());
        bytes = blake3::hash(seed.as_bytes()).as_bytes().first_chunk().copied().unwrap_or_default();
    }
    hex(&bytes)
}

/// Write-ahead log, each commit synced: what a caller was told of survives the machine's power.
fn durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;")
}

pub(super) fn store_id(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT value FROM meta WHERE name = 'store_id'", [], |row| row.get(0))
}

/// Whether the last run said good-bye, and left no intent open.
fn is_clean(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT coalesce((SELECT is_clean FROM run ORDER BY id DESC LIMIT 1), 1)
            AND NOT EXISTS (SELECT 1 FROM attempt WHERE state = 'intent')",
        [],
        |row| row.get(0),
    )
}

/// SQLite's own look at the whole file.
fn check(connection: &Connection, path: &Path) -> Result<()> {
    let said: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| fault::told(path, &error))?;
    if said == "ok" { Ok(()) } else { Err(fault::damaged(path, &said)) }
}

/// Begins a run, in one transaction: what was rescued is taken over, and every request whose end nobody wrote is in doubt.
fn begin(
    connection: &Connection,
    path: &Path,
    store_id: &str,
    question: &Question,
    ambient: &Ambient,
) -> Result<(Desk, Spent)> {
    let rescued = rescue::find(store_id, ambient)?;
    let at = ambient.now();
    let work = || -> rusqlite::Result<(Desk, Spent)> {
        let desk = Desk::open(connection, question, at, &lock::host())?;
        for line in rescued.iter().flat_map(|file| &file.lines) {
            // It is of the run that asked: what this one finds was there before.
            let run = line.run.unwrap_or(desk.run - 1);
            Desk { question: line.question, run }.settle(connection, &line.ending)?;
        }
        doubt(connection, super::ending::nanos(at))?;
        Ok((desk, Desk::spent(connection, question.is_loopback)?))
    };
    let begun = schema::in_transaction(connection, work).map_err(|error| fault::told(path, &error))?;
    for file in rescued {
        file.discard();
    }
    Ok(begun)
}

/// Requests whose end was never written: they may have been served (L03, M02).
fn doubt(connection: &Connection, at: i64) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE content SET tries = tries + 1, state = CASE state WHEN 'answered' THEN state ELSE 'unresolved' END
         WHERE id IN (SELECT content FROM attempt WHERE state = 'intent')",
        [],
    )?;
    connection.execute(
        "UPDATE attempt SET state = 'possibly_billed', outcome = 'Crashed', ended_ns = ?1 WHERE state = 'intent'",
        [at],
    )?;
    Ok(())
}

/// The error of a store that is not open any more.
pub(super) fn closed() -> Error {
    Error::new(Kind::Store, "the store is closed: open it again to go on")
}
