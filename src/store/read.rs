//! Reading a store without writing to it, also while a scan of this or another process goes on: one snapshot, from the first
//! row that is read to the last.
use super::ending;
use super::fault;
use super::ledger::Desk;
use super::open::store_id;
use super::place;
use super::record::{Fingerprint, Spent};
use super::row::{self, COLUMNS, SEAL};
use super::schema::{self, Found, ROW, ROW_FROM};
use super::{ending::Outcome, record::By};
use crate::detection::Label;
use crate::encode;
use crate::error::Result;
use crate::standstill;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A store that is read.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

/// What a store holds, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    pub path: PathBuf,
    pub store_id: String,
    pub schema_version: i64,
    /// Which version of this package made it.
    pub created_by: String,
    pub created_ns: i64,
    /// Bytes of the database, without its write-ahead log.
    pub size: u64,
    pub items: u64,
    /// Contents by what is known of them.
    pub answered: u64,
    pub failed: u64,
    pub unresolved: u64,
    pub open: u64,
    /// Spent on the service, and on emulators.
    pub service: Spent,
    pub loopback: Spent,
    pub runs: Vec<RunInfo>,
}

/// One scan that wrote to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    pub service: String,
    pub endpoint: String,
    pub started_ns: i64,
    pub ended_ns: Option<i64>,
    pub pid: i64,
    pub host: String,
    pub version: String,
    /// Whether it wrote everything down before it ended.
    pub is_clean: bool,
}

/// One item as every output has it, and what belongs to it besides.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    /// Its place in the order of the items.
    pub position: i64,
    pub key: String,
    pub source: String,
    pub ok: bool,
    pub label: Option<String>,
    pub is_aigc: Option<bool>,
    pub confidence: Option<f64>,
    pub risk_level: Option<String>,
    pub evidence: Vec<String>,
    pub request_id: Option<String>,
    pub error_code: Option<String>,
    pub error: Option<String>,
    pub billing: String,
    pub duplicate_of: Option<String>,
    pub blake3: Option<String>,
    pub service: String,
    pub region: Option<String>,
    pub engine: Option<String>,
    pub latency_ms: Option<f64>,
    pub detected_at: Option<String>,
    pub labels: Vec<Label>,
    pub warnings: Vec<String>,
    pub raw: Option<Vec<u8>>,
    pub attempts: u32,
}

/// A request that may have been charged, and whose answer nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub key: String,
    pub source: String,
    pub service: String,
    pub endpoint: String,
    pub at_ns: i64,
    pub price: u64,
    pub region: Option<String>,
    pub request_id: Option<String>,
    /// The error's class; `Crashed` where the process ended before there was one, `Intended` where nobody has written an end:
    /// it is under way, or its process is gone.
    pub outcome: String,
    /// Whether the content has been answered in the meantime.
    pub is_answered: bool,
}

impl Reader {
    /// Opens a store that is there.
    pub fn open(path: &Path) -> Result<Self> {
        let _at_work = standstill::at_work();
        let path = place::resolve(path)?;
        if place::Identity::of(&path).is_none() {
            return Err(fault::refused(&path, "there is no such file"));
        }
        let connection = connect(&path)?;
        match schema::found(&connection).map_err(|error| fault::told(&path, &error))? {
            Found::Ours(schema::VERSION) => {}
            Found::Ours(version) if version > schema::VERSION => return Err(schema::newer(&path, version)),
            Found::Ours(version) => {
                let why = format!("its tables are of version {version}: a scan brings them up to date");
                return Err(fault::refused(&path, &why));
            }
            Found::Empty => return Err(fault::damaged(&path, "it is empty, or too short for a database")),
            Found::Foreign => return Err(fault::damaged(&path, "it is a database of another program")),
        }
        let reader = Self { connection, path };
        // One view of everything that is read from now on, whatever is written meanwhile (L26).
        reader.tell(reader.connection.execute_batch("BEGIN"))?;
        Ok(reader)
    }

    /// What the store holds, in numbers.
    pub fn info(&self) -> Result<Info> {
        let _at_work = standstill::at_work();
        self.tell(self.read_info())
    }

    fn read_info(&self) -> rusqlite::Result<Info> {
        let connection = &self.connection;
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
        // As the next run will see it: what a killed one was about to ask is unresolved already.
        let state = |state: &str| {
            count(&format!(
                "SELECT count(*) FROM content WHERE '{state}' = CASE WHEN state <> 'answered'
                 AND id IN (SELECT content FROM attempt WHERE state = 'intent') THEN 'unresolved' ELSE state END"
            ))
        };
        let meta = |name: &str| {
            connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get::<_, String>(0))
        };
        let mut runs = connection.prepare(
            "SELECT service, endpoint, started_ns, ended_ns, pid, host, version, is_clean
             FROM run JOIN question ON question.id = run.question ORDER BY run.id",
        )?;
        let run = |row: &Row<'_>| {
            Ok(RunInfo {
                service: row.get(0)?,
                endpoint: row.get(1)?,
                started_ns: row.get(2)?,
                ended_ns: row.get(3)?,
                pid: row.get(4)?,
                host: row.get(5)?,
                version: row.get(6)?,
                is_clean: row.get(7)?,
            })
        };
        Ok(Info {
            path: self.path.clone(),
            store_id: store_id(connection)?,
            schema_version: schema::VERSION,
            created_by: meta("created_by")?,
            created_ns: meta("created_ns")?.parse().unwrap_or_default(),
            size: count("PRAGMA page_count")?.saturating_mul(count("PRAGMA page_size")?),
            items: count("SELECT count(*) FROM item")?,
            answered: state("answered")?,
            failed: state("failed")?,
            unresolved: state("unresolved")?,
            open: state("open")?,
            service: Desk::spent(connection, false)?,
            loopback: Desk::spent(connection, true)?,
            runs: runs.query_map([], run)?.collect::<rusqlite::Result<_>>()?,
        })
    }

    /// At most so many rows behind a position, in the order of the items. An item that nothing is known of has none.
    pub fn rows(&self, after: i64, limit: u32) -> Result<Vec<StoredRow>> {
        let _at_work = standstill::at_work();
        let read = || -> rusqlite::Result<Vec<StoredRow>> {
            let columns = COLUMNS.split(", ").map(|name| format!("content.{name}")).collect::<Vec<_>>().join(", ");
            let seal = SEAL.split(", ").map(|name| format!("content.{name}")).collect::<Vec<_>>().join(", ");
            let mut page = self.connection.prepare_cached(&format!(
                "SELECT {ROW}, item.id, item.question, item.\"check\", content.by, content.hash,
                 content.error_kind IS NULL AND content.billing IS NULL, {seal}, {columns}
                 {ROW_FROM} AND item.id > ?1 ORDER BY item.id LIMIT ?2"
            ))?;
            page.query_map((after, limit), stored)?.collect()
        };
        self.tell(read())
    }

    /// Every request that may have been charged, in the order of asking (L24).
    pub fn unresolved(&self) -> Result<Vec<Doubt>> {
        let _at_work = standstill::at_work();
        let read = || -> rusqlite::Result<Vec<Doubt>> {
            let mut list = self.connection.prepare(
                "SELECT attempt.key, attempt.source, question.service, question.endpoint, attempt.intended_ns,
                    attempt.price, attempt.region, attempt.request_id, coalesce(attempt.outcome, 'Intended'),
                    content.state = 'answered'
                 FROM attempt JOIN question ON question.id = attempt.question JOIN content ON content.id = attempt.content
                 WHERE attempt.state IN ('possibly_billed', 'intent') ORDER BY attempt.id",
            )?;
            let doubt = |row: &Row<'_>| {
                Ok(Doubt {
                    key: row.get(0)?,
                    source: row.get(1)?,
                    service: row.get(2)?,
                    endpoint: row.get(3)?,
                    at_ns: row.get(4)?,
                    price: row.get::<_, i64>(5)?.unsigned_abs(),
                    region: row.get(6)?,
                    request_id: row.get(7)?,
                    outcome: row.get(8)?,
                    is_answered: row.get(9)?,
                })
            };
            list.query_map([], doubt)?.collect()
        };
        self.tell(read())
    }

    fn tell<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|error| fault::told(&self.path, &error))
    }
}

/// A connection that cannot write. Where the folder cannot be written either, SQLite can make no shared memory for the log;
/// without a log none is needed, as nobody can be writing there.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let open = |name: &Path, flags| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(name, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -16384;",
        )?;
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(connection)
    };
    open(path, flags)
        .or_else(|error| {
            let log = rustix::fs::stat(place::beside(path, "-wal")).ok();
            if error.sqlite_error_code() != Some(rusqlite::ErrorCode::CannotOpen)
                || log.is_some_and(|log| log.st_size > 0)
            {
                return Err(error);
            }
            let Some(name) = path.to_str() else { return Err(error) };
            let name = format!("file:{}?immutable=1", encode::percent_path(name));
            open(Path::new(&name), flags | OpenFlags::SQLITE_OPEN_URI)
        })
        .map_err(|error| fault::told(path, &error))
}

/// One row. Where it is not as it was written, it says so and nothing else: a wrong answer is worse than none (L10).
fn stored(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    let (key, source) = (text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default());
    let (position, question) = (row.get(20)?, row.get(21)?);
    let (is_empty, ok) = (row.get(25)?, row.get(2)?);
    let fingerprint = fingerprint(row);
    let outcome = fingerprint.and_then(|fingerprint| Outcome::sound(row, 26, question, fingerprint));
    let check = fingerprint.map(|fingerprint| row::item_check(question, &key, &source, fingerprint));
    let is_item_sound = check.is_some() && check == row.get(22).ok();
    let mut stored = StoredRow {
        position,
        key,
        source,
        ok,
        label: text(row, 3)?,
        is_aigc: row.get(4).unwrap_or_default(),
        confidence: row.get(5).unwrap_or_default(),
        risk_level: text(row, 6)?,
        evidence: Vec::new(),
        request_id: text(row, 8)?,
        error_code: text(row, 9)?,
        error: text(row, 10)?,
        billing: text(row, 11)?.unwrap_or_default(),
        duplicate_of: text(row, 13)?,
        blake3: text(row, 14)?,
        service: text(row, 15)?.unwrap_or_default(),
        region: text(row, 16)?,
        engine: text(row, 17)?,
        latency_ms: row.get(18).unwrap_or_default(),
        detected_at: text(row, 19)?,
        labels: Vec::new(),
        warnings: Vec::new(),
        raw: None,
        attempts: 0,
    };
    match outcome {
        Some(outcome) if is_item_sound && ok == outcome.error_kind.is_none() => {
            stored.evidence = row::texts(&outcome.evidence).unwrap_or_default();
            stored.labels = outcome.labels.as_deref().and_then(row::labels).unwrap_or_default();
            stored.warnings = outcome.warnings.as_deref().and_then(row::texts).unwrap_or_default();
            stored.raw = outcome.raw;
            stored.attempts = outcome.attempts;
        }
        // In doubt since a crash, and never answered: there is nothing to be checked.
        None if is_item_sound && is_empty && !ok => {}
        _ => stored.spoil(),
    }
    Ok(stored)
}

impl StoredRow {
    fn spoil(&mut self) {
        self.ok = false;
        self.error_code = Some("StoreDamaged".to_owned());
        self.error =
            Some("StoreDamaged: this row is not as it was written; scan again to have it asked about anew".to_owned());
        (self.label, self.is_aigc, self.confidence, self.risk_level) = (None, None, None, None);
        (self.request_id, self.duplicate_of, self.blake3) = (None, None, None);
        (self.region, self.engine, self.latency_ms, self.detected_at) = (None, None, None, None);
    }
}

fn fingerprint(row: &Row<'_>) -> Option<Fingerprint> {
    let by: By = ending::by(&row.get::<_, String>(23).ok()?)?;
    Some(Fingerprint { by, hash: row.get(24).ok()? })
}

/// A text, also one that a broken disk made unreadable.
fn text(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(place)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    })
}
