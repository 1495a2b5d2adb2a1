//! The file for what a scan without a store cannot keep at hand: written in batches, seldom read, and no promise of anything
//! beyond this process.
use super::ending;
use super::ledger;
use super::memory::{Content, Outcome, State};
use super::open::SETTINGS;
use super::packed::Packed;
use super::record::Fingerprint;
use super::row::{COLUMNS, COUNT};
use crate::standstill;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use std::sync::Arc;

/// Words of the filter: 8 MiB, of which only what is used becomes memory.
const WORDS: usize = 1 << 20;
/// Bits for each content.
const BITS: usize = 4;

/// The columns of a failure where there is none.
const NOTHING: [Value; COUNT] = [const { Value::Null }; COUNT];

#[derive(Debug)]
pub(super) struct Spill {
    connection: Connection,
    filter: Filter,
}

impl Spill {
    pub(super) fn make() -> rusqlite::Result<Self> {
        let _at_work = standstill::at_work();
        let connection = Connection::open("")?;
        connection.execute_batch(SETTINGS)?;
        connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
        connection.execute_batch(&format!(
            "CREATE TABLE content (hash BLOB, by TEXT, first_key TEXT, seen TEXT, tries INTEGER, state TEXT, answer BLOB,
             {COLUMNS}, UNIQUE (hash, by))"
        ))?;
        Ok(Self { connection, filter: Filter(vec![0; WORDS]) })
    }

    /// Whether a content may be here; where this says no, it is not.
    pub(super) fn may_have(&self, fingerprint: Fingerprint) -> bool {
        self.filter.has(fingerprint)
    }

    /// All of them in one transaction; what was written of one before is replaced.
    pub(super) fn write<'a>(
        &mut self,
        contents: impl Iterator<Item = (Fingerprint, &'a Content)>,
    ) -> rusqlite::Result<()> {
        let _at_work = standstill::at_work();
        let writing = self.connection.transaction()?;
        {
            let marks = (1..=7 + COUNT).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
            let mut insert = writing.prepare_cached(&format!("INSERT OR REPLACE INTO content VALUES ({marks})"))?;
            for (fingerprint, content) in contents {
                // An answer is there as it was kept; a failure has columns.
                let (answer, columns) = match &content.outcome {
                    Some(Outcome::Answer(answer)) => (answer.bytes().to_vec().into(), NOTHING),
                    Some(Outcome::Failure(failure)) => {
                        (Value::Null, ledger::values(ending::Outcome::of_failure(failure)))
                    }
                    None => (Value::Null, NOTHING),
                };
                let head: [Value; 7] = [
                    fingerprint.hash.to_vec().into(),
                    fingerprint.by.as_str().to_owned().into(),
                    content.first_key.as_deref().map(str::to_owned).into(),
                    content.seen.clone().into(),
                    i64::from(content.tries).into(),
                    content.state.as_str().to_owned().into(),
                    answer,
                ];
                insert.execute(params_from_iter(head.into_iter().chain(columns)))?;
                self.filter.note(fingerprint);
            }
        }
        writing.commit()
    }

    pub(super) fn find(&self, fingerprint: Fingerprint) -> rusqlite::Result<Option<Content>> {
        let _at_work = standstill::at_work();
        let mut find = self.connection.prepare_cached(&format!(
            "SELECT first_key, seen, tries, state, answer, billing IS NOT NULL, {COLUMNS} FROM content
             WHERE hash = ?1 AND by = ?2"
        ))?;
        find.query_row((&fingerprint.hash[..], fingerprint.by.as_str()), read).optional()
    }
}

fn unreadable() -> rusqlite::Error {
    rusqlite::Error::InvalidColumnName("outcome".to_owned())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Content> {
    let (state, answer, is_failure): (String, Option<Vec<u8>>, bool) = (row.get(3)?, row.get(4)?, row.get(5)?);
    let outcome = match answer {
        Some(answer) => Some(Outcome::Answer(Packed::read(answer).ok_or_else(unreadable)?)),
        None if is_failure => {
            let failure = ending::Outcome::read(row, 6)?.failure().ok_or_else(unreadable)?;
            Some(Outcome::Failure(Arc::new(failure)))
        }
        None => None,
    };
    Ok(Content {
        first_key: row.get(0)?,
        seen: row.get(1)?,
        tries: row.get(2)?,
        state: State::parse(&state).ok_or_else(unreadable)?,
        outcome,
        open: 0,
    })
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Unresolved => "unresolved",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Answered, Self::Failed, Self::Unresolved].into_iter().find(|one| one.as_str() == word)
    }
}

/// Which contents may be in the file: a few bits for each, so that a new one does not ask the file. Its size is fixed; with tens
/// of millions of contents it sends more and more of the new ones to the file in vain, and is still right.
#[derive(Debug)]
struct Filter(Vec<u64>);

impl Filter {
    /// Where a content's bits are. A fingerprint is as good as random.
    fn places(fingerprint: Fingerprint) -> impl Iterator<Item = (usize, u64)> {
        let (parts, _) = fingerprint.hash.as_chunks::<8>();
        let parts: [Option<u64>; BITS] = std::array::from_fn(|which| parts.get(which).copied().map(u64::from_le_bytes));
        parts.into_iter().flatten().map(|part| {
            let word = usize::try_from(part >> 6).unwrap_or_default() % WORDS;
            (word, 1 << (part & 63))
        })
    }

    fn has(&self, fingerprint: Fingerprint) -> bool {
        Self::places(fingerprint).all(|(word, bit)| self.0.get(word).is_some_and(|bits| bits & bit != 0))
    }

    fn note(&mut self, fingerprint: Fingerprint) {
        for (word, bit) in Self::places(fingerprint) {
            if let Some(bits) = self.0.get_mut(word) {
                *bits |= bit;
            }
        }
    }
}
