//! Whether a store is as it was written: SQLite's own check of the file, the checksum of every row, and what must be true of
//! the rows together.
use super::ending::{Outcome, by};
use super::read::Reader;
use super::record::Fingerprint;
use super::row::{self, COLUMNS, SEAL};
use rusqlite::Row;

/// How many problems of one kind are told.
const MOST: usize = 100;

/// What must never be found: what it means, and the rows that show it.
const NEVER: &[(&str, &str)] = &[
    (
        "is answered, and no request about it was charged",
        "SELECT 'content ' || id FROM content WHERE state = 'answered'
         AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.content = content.id AND attempt.state = 'billed')",
    ),
    (
        "is there twice",
        "SELECT 'content ' || lower(hex(hash)) FROM content NOT INDEXED GROUP BY hash, by, question HAVING count(*) > 1",
    ),
    (
        "has a state that there is none of",
        "SELECT 'content ' || id FROM content
         WHERE state NOT IN ('open', 'answered', 'failed', 'unresolved')",
    ),
    (
        "is there twice",
        "SELECT 'item ' || min(id) FROM item NOT INDEXED GROUP BY key, source, question HAVING count(*) > 1",
    ),
    (
        "belongs to a content that is not there",
        "SELECT 'item ' || id FROM item NOT INDEXED
         WHERE content NOT IN (SELECT id FROM content NOT INDEXED)",
    ),
    (
        "belongs to a content that is not there",
        "SELECT 'attempt ' || id FROM attempt NOT INDEXED
         WHERE content NOT IN (SELECT id FROM content NOT INDEXED)",
    ),
    (
        "has ended, and nobody knows how",
        "SELECT 'attempt ' || id FROM attempt NOT INDEXED
         WHERE (state = 'intent') <> (outcome IS NULL)",
    ),
    ("was made in no run", "SELECT 'attempt ' || id FROM attempt NOT INDEXED WHERE run NOT IN (SELECT id FROM run)"),
];

impl Reader {
    /// Every problem of the store as a line of text; none for one that is whole.
    pub fn verify(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut look = |what: &str, found: rusqlite::Result<Vec<String>>| match found {
            Ok(found) => problems.extend(found),
            Err(error) => problems.push(format!("{what} could not be read: {error}")),
        };
        look("the file", self.integrity());
        look("an answer", self.contents());
        look("an item", self.items());
        for (means, sql) in NEVER {
            look("a row", self.list(sql).map(|rows| rows.iter().map(|row| format!("{row} {means}")).collect()));
        }
        problems
    }

    fn integrity(&self) -> rusqlite::Result<Vec<String>> {
        let said = self.list(&format!("PRAGMA integrity_check({MOST})"))?;
        Ok(said.into_iter().filter(|line| line != "ok").map(|line| format!("the file: {line}")).collect())
    }

    fn list(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        self.connection.prepare(sql)?.query_map([], |row| row.get(0))?.take(MOST).collect()
    }

    /// The checksum of everything that was found out about a content.
    fn contents(&self) -> rusqlite::Result<Vec<String>> {
        let mut all = self.connection.prepare(&format!(
            "SELECT id, state, by, hash, question, {SEAL}, {COLUMNS} FROM content NOT INDEXED
             WHERE state IN ('answered', 'failed') OR billing IS NOT NULL OR \"check\" IS NOT NULL"
        ))?;
        let is_sound = |row: &Row<'_>| -> Option<bool> {
            let fingerprint = Fingerprint { by: by(&row.get::<_, String>(2).ok()?)?, hash: row.get(3).ok()? };
            let outcome = Outcome::sound(row, 5, row.get(4).ok()?, fingerprint)?;
            let is_answered = row.get::<_, String>(1).ok()? == "answered";
            Some(if is_answered { outcome.answer().is_some() } else { outcome.failure().is_some() })
        };
        broken(all.query([])?, "content", |row| is_sound(row).unwrap_or(false))
    }

    fn items(&self) -> rusqlite::Result<Vec<String>> {
        let mut all = self.connection.prepare(
            "SELECT item.id, item.question, item.key, item.source, item.\"check\", content.by, content.hash
             FROM item NOT INDEXED JOIN content ON content.id = item.content",
        )?;
        let is_sound = |row: &Row<'_>| -> Option<bool> {
            let (key, source): (String, String) = (row.get(2).ok()?, row.get(3).ok()?);
            let fingerprint = Fingerprint { by: by(&row.get::<_, String>(5).ok()?)?, hash: row.get(6).ok()? };
            Some(row::item_check(row.get(1).ok()?, &key, &source, fingerprint) == row.get::<_, i64>(4).ok()?)
        };
        broken(all.query([])?, "item", |row| is_sound(row).unwrap_or(false))
    }
}

/// The rows that are not as they were written.
fn broken(
    mut rows: rusqlite::Rows<'_>,
    what: &str,
    is_sound: impl Fn(&Row<'_>) -> bool,
) -> rusqlite::Result<Vec<String>> {
    let mut problems = Vec::new();
    while let Some(row) = rows.next()? {
        if problems.len() < MOST && !is_sound(row) {
            problems.push(format!("{what} {} is not as it was written", row.get::<_, i64>(0)?));
        }
    }
    Ok(problems)
}
