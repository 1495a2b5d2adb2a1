//! What the file holds, and how it came to be so: the tables, their version, and the steps from one version to the next.
//! `docs/store.md` tells it to those who read the file with other tools.
use super::fault;
use crate::error::{Error, Result};
use rusqlite::Connection;
use std::path::Path;

/// "aigc", in the place where SQLite's file format has a number for the kind of file.
pub(super) const APPLICATION: i64 = 0x6169_6763;
/// The version of the tables that this code writes.
pub(super) const VERSION: i64 = 1;

/// How the tables of one version become those of the next: the step at index `n` starts from version `n`.
pub(super) type Step = fn(&Connection) -> rusqlite::Result<()>;
pub(super) const STEPS: &[Step] = &[|_| Ok(())];

/// The tables. Times are nanoseconds since the epoch, amounts millionths of a dollar, lists JSON.
const TABLES: &str = r#"
CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE question (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    info_type TEXT NOT NULL,
    is_loopback INTEGER NOT NULL,
    UNIQUE (service, endpoint, info_type)
);

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    question INTEGER NOT NULL REFERENCES question (id),
    started_ns INTEGER NOT NULL,
    ended_ns INTEGER,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    is_clean INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    question INTEGER NOT NULL REFERENCES question (id),
    by TEXT NOT NULL CHECK (by IN ('bytes', 'url', 'oss')),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'failed', 'unresolved')),
    tries INTEGER NOT NULL DEFAULT 0,
    first_key TEXT,
    first_source TEXT,
    run INTEGER REFERENCES run (id),
    label TEXT,
    is_aigc INTEGER,
    confidence REAL,
    risk_level TEXT,
    labels TEXT,
    warnings TEXT,
    evidence TEXT,
    request_id TEXT,
    service TEXT,
    region TEXT,
    engine TEXT,
    billing TEXT,
    attempts INTEGER,
    latency_ns INTEGER,
    at_ns INTEGER,
    error_kind TEXT,
    error_code TEXT,
    error TEXT,
    raw BLOB,
    "check" INTEGER,
    UNIQUE (hash, by, question)
);

CREATE TABLE item (
    id INTEGER PRIMARY KEY,
    question INTEGER NOT NULL REFERENCES question (id),
    key TEXT NOT NULL,
    source TEXT NOT NULL,
    content INTEGER NOT NULL REFERENCES content (id),
    "check" INTEGER NOT NULL,
    UNIQUE (key, source, question)
);

CREATE TABLE attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    question INTEGER NOT NULL REFERENCES question (id),
    content INTEGER NOT NULL REFERENCES content (id),
    key TEXT NOT NULL,
    source TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES run (id),
    number INTEGER NOT NULL,
    price INTEGER NOT NULL,
    key_suffix TEXT NOT NULL,
    intended_ns INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intent', 'billed', 'not_billed', 'possibly_billed')),
    outcome TEXT,
    code TEXT,
    request_id TEXT,
    region TEXT,
    elapsed_ns INTEGER,
    ended_ns INTEGER
);

CREATE INDEX attempt_by_content ON attempt (content, state, price, question);
CREATE INDEX attempt_intended ON attempt (id) WHERE state = 'intent';
CREATE INDEX attempt_doubtful ON attempt (id) WHERE state = 'possibly_billed';
"#;

/// The columns of every output, in their order. What a content cost is told once, on the row of the item that was asked
/// about; the store as a whole is read as one run, so nothing of it is cached.
pub(super) const ROW: &str = "
    item.key AS key,
    item.source AS source,
    content.state = 'answered' AS ok,
    content.label AS label,
    content.is_aigc AS is_aigc,
    content.confidence AS confidence,
    content.risk_level AS risk_level,
    coalesce(content.evidence, '[]') AS evidence,
    content.request_id AS request_id,
    CASE WHEN content.state = 'answered' THEN NULL
         ELSE coalesce(content.error_code, content.error_kind, 'AmbiguousOutcomeError') END AS error_code,
    CASE WHEN content.state = 'answered' THEN NULL
         WHEN content.error_kind IS NULL
         THEN 'AmbiguousOutcomeError: the scan ended while the request was under way; what became of it is not known'
         ELSE content.error_kind || ': ' || content.error END AS error,
    CASE WHEN item.key <> content.first_key OR item.source <> content.first_source THEN 'not_billed'
         WHEN EXISTS (SELECT 1 FROM attempt WHERE attempt.content = content.id AND attempt.state = 'billed')
         THEN 'billed'
         WHEN EXISTS (SELECT 1 FROM attempt WHERE attempt.content = content.id
                      AND attempt.state IN ('intent', 'possibly_billed'))
         THEN 'possibly_billed'
         ELSE 'not_billed' END AS billing,
    0 AS cached,
    CASE WHEN item.key <> content.first_key OR item.source <> content.first_source
         THEN content.first_key END AS duplicate_of,
    CASE WHEN content.by = 'bytes' THEN lower(hex(content.hash)) END AS blake3,
    coalesce(content.service, question.service) AS service,
    content.region AS region,
    content.engine AS engine,
    content.latency_ns / 1e6 AS latency_ms,
    CASE WHEN content.state = 'answered'
         THEN strftime('%Y-%m-%dT%H:%M:%fZ', content.at_ns / 1000000 / 1000.0, 'unixepoch') END AS detected_at";

/// Where a row comes from: every item that something is known of.
pub(super) const ROW_FROM: &str = "
FROM item
JOIN content ON content.id = item.content
JOIN question ON question.id = item.question
WHERE content.state <> 'open'";

/// What a database is by its header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Empty,
    Ours(i64),
    Foreign,
}

/// Reads the header; nothing else of a file that is not ours is looked at.
pub(super) fn found(connection: &Connection) -> rusqlite::Result<Found> {
    let number = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    if number("page_count")? == 0 {
        return Ok(Found::Empty);
    }
    Ok(match number("application_id")? {
        APPLICATION => Found::Ours(number("user_version")?),
        _ => Found::Foreign,
    })
}

/// Makes all tables, and the header, in one transaction: a store is there whole or not at all (L04).
pub(super) fn create(connection: &Connection, store_id: &str, at: i64) -> rusqlite::Result<()> {
    let whole = || -> rusqlite::Result<()> {
        connection.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};\n{TABLES}\n
             CREATE VIEW rows AS SELECT {ROW} {ROW_FROM} ORDER BY item.id;"
        ))?;
        let mut insert = connection.prepare("INSERT INTO meta (name, value) VALUES (?1, ?2)")?;
        for (name, value) in [
            ("store_id", store_id),
            ("created_ns", &at.to_string()),
            ("created_by", concat!("aigclens ", env!("CARGO_PKG_VERSION"))),
        ] {
            insert.execute((name, value))?;
        }
        Ok(())
    };
    in_transaction(connection, whole)
}

/// Brings an older file up to date, one version after another, in one transaction. A copy of it as it was stays beside it.
pub(super) fn migrate(connection: &Connection, path: &Path, from: i64, steps: &[Step]) -> Result<()> {
    let wanted = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if from > wanted {
        return Err(newer(path, from));
    }
    let first = usize::try_from(from).map_err(|_| fault::damaged(path, "its version is no number that can be"))?;
    let missing = steps.get(first..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let copy = path.with_file_name(format!("{}.version-{from}", fault::file_name(path)));
    let copy = copy.to_str().ok_or_else(|| fault::refused(path, "its name cannot be written for a copy"))?.to_owned();
    connection
        .execute("VACUUM INTO ?1", [&copy])
        .map_err(|error| fault::told(path, &error).adding(&format!("(while a copy was made as {copy})")))?;
    let whole = || -> rusqlite::Result<()> {
        for step in missing {
            step(connection)?;
        }
        connection.execute_batch(&format!("PRAGMA user_version = {wanted}"))
    };
    in_transaction(connection, whole).map_err(|error| fault::told(path, &error))
}

/// The error of a file that a later version of this package made.
pub(super) fn newer(path: &Path, version: i64) -> Error {
    let why = format!(
        "it was made by a newer version of aigclens (tables of version {version}; this one knows {VERSION}): upgrade \
         aigclens, or give another file"
    );
    fault::refused(path, &why)
}

/// Runs what is given in one transaction, or leaves everything as it was.
pub(super) fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    match work().and_then(|done| connection.execute_batch("COMMIT").map(|()| done)) {
        Ok(done) => Ok(done),
        Err(error) => {
            // SQLite may have rolled back by itself already.
            let _ = connection.execute_batch("ROLLBACK");
            Err(error)
        }
    }
}
