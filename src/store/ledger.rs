//! The statements of a running scan: looking, intending, settling. Each works inside of a transaction that its caller begins
//! and ends.
use super::ending::{Ended, Ending, Outcome, nanos};
use super::record::{Fingerprint, Intent, Intention, Item, Known, Past, Question, Spent};
use super::row::{self, COLUMNS, COUNT, Place, SEAL};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter, types::Value};
use std::sync::LazyLock;
use std::time::Duration;

/// Where a run writes: its question, and itself, by their numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Desk {
    pub(super) question: i64,
    pub(super) run: i64,
}

/// A content as it is known before something is added.
struct Standing {
    id: i64,
    known: Known,
    state: String,
    /// The item that was asked about first, once there is one.
    first: Option<(String, String)>,
}

/// All of a content, by its name.
static STANDING: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT id, state, tries, {SEAL}, {COLUMNS} FROM content WHERE hash = ?1 AND by = ?2 AND question = ?3")
});

/// The end of a content that was asked about.
static WRITE: LazyLock<String> = LazyLock::new(|| {
    let marks = (5..5 + COUNT).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    format!("UPDATE content SET state = ?2, run = ?3, \"check\" = ?4, ({COLUMNS}) = ({marks}) WHERE id = ?1")
});

impl Desk {
    /// Finds or makes the question, and begins a run of it.
    pub(super) fn open(
        connection: &Connection,
        question: &Question,
        at: Duration,
        host: &str,
    ) -> rusqlite::Result<Self> {
        let Question { service, endpoint, info_type, is_loopback } = question;
        connection.execute(
            "INSERT INTO question (service, endpoint, info_type, is_loopback) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            (service, endpoint, info_type, is_loopback),
        )?;
        let number = connection.query_row(
            "SELECT id FROM question WHERE service = ?1 AND endpoint = ?2 AND info_type = ?3",
            (service, endpoint, info_type),
            |row| row.get(0),
        )?;
        connection.execute(
            "INSERT INTO run (question, started_ns, pid, host, version) VALUES (?1, ?2, ?3, ?4, ?5)",
            (number, nanos(at), std::process::id(), host, env!("CARGO_PKG_VERSION")),
        )?;
        Ok(Self { question: number, run: connection.last_insert_rowid() })
    }

    /// The question's number, for reading only; one that no row has where it was never asked.
    pub(super) fn find(connection: &Connection, question: &Question) -> rusqlite::Result<Self> {
        let number = connection
            .query_row(
                "SELECT id FROM question WHERE service = ?1 AND endpoint = ?2 AND info_type = ?3",
                (&question.service, &question.endpoint, &question.info_type),
                |row| row.get(0),
            )
            .optional()?;
        Ok(Self { question: number.unwrap_or(-1), run: -1 })
    }

    /// What all runs spent on one side of the question: for money, or on this machine.
    pub(super) fn spent(connection: &Connection, is_loopback: bool) -> rusqlite::Result<Spent> {
        let mut sums = connection.prepare_cached(
            "SELECT attempt.state, count(*), coalesce(sum(attempt.price), 0) FROM attempt
             JOIN question ON question.id = attempt.question WHERE question.is_loopback = ?1 GROUP BY attempt.state",
        )?;
        let mut rows = sums.query([is_loopback])?;
        let mut spent = Spent::default();
        while let Some(row) = rows.next()? {
            let (calls, price): (u64, u64) = (unsigned(row.get(1)?), unsigned(row.get(2)?));
            match row.get::<_, String>(0)?.as_str() {
                "billed" => (spent.billed_calls, spent.billed) = (calls, price),
                "intent" | "possibly_billed" => {
                    spent.possibly_calls = spent.possibly_calls.saturating_add(calls);
                    spent.possibly = spent.possibly.saturating_add(price);
                }
                _ => {}
            }
        }
        Ok(spent)
    }

    /// What is known of a content; the item is noted if it is new, or has another content than before (L17).
    pub(super) fn look(
        &self,
        connection: &Connection,
        fingerprint: Fingerprint,
        item: &Item,
    ) -> rusqlite::Result<Known> {
        let standing = self.standing(connection, fingerprint)?;
        let (content, known) = standing.map_or((None, Known::Nothing), |one| (Some(one.id), one.known));
        self.note(connection, fingerprint, item, content)?;
        Ok(known)
    }

    /// What is known of a content, and nothing is written. What a killed run was about to ask is unresolved, as the
    /// next run will find it.
    pub(super) fn peek(&self, connection: &Connection, fingerprint: Fingerprint) -> rusqlite::Result<Known> {
        let Some(standing) = self.standing(connection, fingerprint)? else { return Ok(Known::Nothing) };
        if matches!(standing.known, Known::Nothing) {
            let mut open = connection
                .prepare_cached("SELECT tries + 1 FROM content WHERE id = ?1 AND id IN (SELECT content FROM attempt WHERE state = 'intent')")?;
            let tries: Option<i64> = open.query_row([standing.id], |row| row.get(0)).optional()?;
            if let Some(tries) = tries {
                return Ok(Known::Unresolved { tries: u32::try_from(tries).unwrap_or(u32::MAX) });
            }
        }
        Ok(standing.known)
    }

    /// Writes an intent, and how those before it ended.
    pub(super) fn intend(&self, connection: &Connection, intention: &Intention, at: Duration) -> rusqlite::Result<i64> {
        let Intention { fingerprint, item, before, price, key_suffix } = intention;
        for (intent, attempt) in before {
            end(connection, &Ended::sent(*intent, attempt, nanos(at)))?;
        }
        let content = self.content(connection, *fingerprint)?;
        self.note(connection, *fingerprint, item, Some(content))?;
        first(connection, content, item)?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO attempt (question, content, key, source, run, number, price, key_suffix, intended_ns, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'intent')",
        )?;
        insert.execute(params![
            self.question,
            content,
            item.key,
            item.source,
            self.run,
            signed(u64::try_from(before.len()).unwrap_or(0).saturating_add(1)),
            signed(*price),
            key_suffix,
            nanos(at)
        ])?;
        Ok(connection.last_insert_rowid())
    }

    /// Writes how a call ended. Writing the same once more changes nothing.
    pub(super) fn settle(&self, connection: &Connection, ending: &Ending) -> rusqlite::Result<()> {
        let mut is_news = false;
        for ended in &ending.attempts {
            is_news |= end(connection, ended)?;
        }
        let Some(fingerprint) = ending.fingerprint() else { return Ok(()) };
        let item = Item { key: ending.key.as_str().into(), source: ending.source.as_str().into() };
        let standing = self.standing(connection, fingerprint)?;
        let content = match &standing {
            Some(standing) => standing.id,
            None => self.content(connection, fingerprint)?,
        };
        self.note(connection, fingerprint, &item, Some(content))?;
        // The first answer stays, whatever is said later.
        if standing.as_ref().is_some_and(|one| matches!(one.known, Known::Answered(_))) {
            return Ok(());
        }
        let Some(outcome) = &ending.outcome else {
            if ending.is_tried && is_news {
                tried(connection, content)?;
            }
            // An answer that did not survive is none.
            let is_broken = standing.is_some_and(|one| one.state == "answered");
            if is_broken || ending.attempts.iter().any(|ended| ended.state == "possibly_billed") {
                connection
                    .prepare_cached("UPDATE content SET state = 'unresolved' WHERE id = ?1")?
                    .execute([content])?;
            }
            return Ok(());
        };
        // Written before, as of a rescue file that is read again.
        if !is_news && stored(connection, content)?.is_some_and(|stored| stored == *outcome) {
            return Ok(());
        }
        let is_answer = outcome.error_kind.is_none();
        if !is_answer {
            tried(connection, content)?;
        }
        let first = match standing.and_then(|one| one.first) {
            Some(known) => known,
            None => named(connection, content, &item)?,
        };
        let state = match (is_answer, outcome.billing.as_str()) {
            (true, _) => "answered",
            (false, "possibly_billed") => "unresolved",
            (false, _) => "failed",
        };
        self.write(connection, content, fingerprint, &first, state, outcome)
    }

    /// An intent that nobody heard of: nothing was sent.
    pub(super) fn unsend(connection: &Connection, intent: Intent, at: Duration) -> rusqlite::Result<()> {
        end(connection, &Ended::unsent(intent, nanos(at))).map(drop)
    }

    /// The key that a content was asked for with in the same way before; kept beside the store, and with it for this run
    /// only.
    pub(super) fn seen(
        connection: &Connection,
        fingerprint: Fingerprint,
        key: &str,
    ) -> rusqlite::Result<Option<String>> {
        connection
            .prepare_cached(
                "CREATE TABLE IF NOT EXISTS temp.seen (hash BLOB, by TEXT, key TEXT, PRIMARY KEY (hash, by)) WITHOUT ROWID",
            )?
            .execute([])?;
        let content = (&fingerprint.hash[..], fingerprint.by.as_str());
        let mut find = connection.prepare_cached("SELECT key FROM temp.seen WHERE hash = ?1 AND by = ?2")?;
        let first = find.query_row(content, |row| row.get(0)).optional()?;
        if first.is_none() {
            let mut insert = connection.prepare_cached("INSERT INTO temp.seen (hash, by, key) VALUES (?1, ?2, ?3)")?;
            insert.execute((content.0, content.1, key))?;
        }
        Ok(first)
    }

    /// Ends the run: everything it did is written.
    pub(super) fn leave(&self, connection: &Connection, at: Duration) -> rusqlite::Result<()> {
        connection.execute("UPDATE run SET ended_ns = ?2, is_clean = 1 WHERE id = ?1", (self.run, nanos(at))).map(drop)
    }

    /// The outcome's columns, with their checksum.
    fn write(
        &self,
        connection: &Connection,
        content: i64,
        fingerprint: Fingerprint,
        (first_key, first_source): &(String, String),
        state: &str,
        outcome: &Outcome,
    ) -> rusqlite::Result<()> {
        let place = Place { question: self.question, fingerprint, first_key, first_source, run: self.run };
        let mut update = connection.prepare_cached(&WRITE)?;
        let head: [Value; 4] = [content.into(), state.to_owned().into(), self.run.into(), outcome.check(&place).into()];
        update.execute(params_from_iter(head.into_iter().chain(values(outcome.clone()))))?;
        Ok(())
    }

    /// The number of a content, made if it is new.
    fn content(&self, connection: &Connection, fingerprint: Fingerprint) -> rusqlite::Result<i64> {
        let mut find =
            connection.prepare_cached("SELECT id FROM content WHERE hash = ?1 AND by = ?2 AND question = ?3")?;
        let key = (&fingerprint.hash[..], fingerprint.by.as_str(), self.question);
        if let Some(id) = find.query_row(key, |row| row.get(0)).optional()? {
            return Ok(id);
        }
        connection
            .prepare_cached("INSERT INTO content (hash, by, question, state) VALUES (?1, ?2, ?3, 'open')")?
            .execute(key)?;
        Ok(connection.last_insert_rowid())
    }

    /// Notes which content an item has. Nothing is written where that is known.
    fn note(
        &self,
        connection: &Connection,
        fingerprint: Fingerprint,
        item: &Item,
        content: Option<i64>,
    ) -> rusqlite::Result<()> {
        let mut find = connection
            .prepare_cached("SELECT id, content FROM item WHERE key = ?1 AND source = ?2 AND question = ?3")?;
        let noted: Option<(i64, i64)> = find
            .query_row((&item.key, &item.source, self.question), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if noted.is_some_and(|(_, noted)| Some(noted) == content) {
            return Ok(());
        }
        let content = match content {
            Some(content) => content,
            None => self.content(connection, fingerprint)?,
        };
        let check = row::item_check(self.question, &item.key, &item.source, fingerprint);
        match noted {
            Some((id, _)) => connection
                .prepare_cached("UPDATE item SET content = ?2, \"check\" = ?3 WHERE id = ?1")?
                .execute((id, content, check))?,
            None => connection
                .prepare_cached(
                    "INSERT INTO item (question, key, source, content, \"check\") VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((self.question, &item.key, &item.source, content, check))?,
        };
        Ok(())
    }

    fn standing(&self, connection: &Connection, fingerprint: Fingerprint) -> rusqlite::Result<Option<Standing>> {
        let mut find = connection.prepare_cached(&STANDING)?;
        let mut rows = find.query((&fingerprint.hash[..], fingerprint.by.as_str(), self.question))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (id, state) = (row.get(0)?, row.get::<_, String>(1)?);
        let tries = u32::try_from(row.get::<_, i64>(2)?).unwrap_or(u32::MAX);
        let known = match state.as_str() {
            "open" => Known::Nothing,
            "answered" | "failed" => {
                self.settled(row, fingerprint, state == "answered", tries).unwrap_or(Known::Unresolved { tries })
            }
            // Asked about again by the next run, not by this one.
            _ => match self.settled(row, fingerprint, false, tries) {
                Some(Known::Failed(past)) if past.is_of_this_run => Known::Failed(past),
                _ => Known::Unresolved { tries },
            },
        };
        let first = row.get(3).ok().zip(row.get(4).ok());
        Ok(Some(Standing { id, known, state, first }))
    }

    /// What a settled row says; nothing if it is not as it was written (L10): it is asked about again, never believed.
    fn settled(&self, row: &rusqlite::Row<'_>, fingerprint: Fingerprint, is_answer: bool, tries: u32) -> Option<Known> {
        let outcome = Outcome::sound(row, 3, self.question, fingerprint)?;
        let first_key = row.get(3).ok()?;
        let is_of_this_run = row.get::<_, i64>(5).ok()? == self.run;
        Some(if is_answer {
            Known::Answered(Box::new(Past { what: outcome.answer()?, first_key, is_of_this_run, tries }))
        } else {
            Known::Failed(Box::new(Past { what: outcome.failure()?, first_key, is_of_this_run, tries }))
        })
    }
}

/// Writes how an intent ended, unless that is known; whether it was not. A crash that was assumed gives way to what is known.
fn end(connection: &Connection, ended: &Ended) -> rusqlite::Result<bool> {
    let mut update = connection.prepare_cached(
        "UPDATE attempt SET state = ?2, outcome = ?3, code = ?4, request_id = ?5, region = ?6, elapsed_ns = ?7, ended_ns = ?8
         WHERE id = ?1 AND (state = 'intent' OR outcome = 'Crashed')",
    )?;
    let Ended { id, state, outcome, code, request_id, region, elapsed_ns, at_ns } = ended;
    Ok(update.execute((id, state, outcome, code, request_id, region, elapsed_ns, at_ns))? > 0)
}

/// One more call about a content that ended in failure or doubt.
fn tried(connection: &Connection, content: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE content SET tries = tries + 1 WHERE id = ?1")?.execute([content]).map(drop)
}

/// The outcome that a content has already, as far as it can be read.
fn stored(connection: &Connection, content: i64) -> rusqlite::Result<Option<Outcome>> {
    let mut find = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM content WHERE id = ?1"))?;
    find.query_row([content], |row| Ok(Outcome::read(row, 0).ok()))
}

/// The item that is asked about a content first gives it a name.
fn first(connection: &Connection, content: i64, item: &Item) -> rusqlite::Result<()> {
    let mut update = connection
        .prepare_cached("UPDATE content SET first_key = ?2, first_source = ?3 WHERE id = ?1 AND first_key IS NULL")?;
    update.execute((content, &item.key, &item.source)).map(drop)
}

/// The item that a content has its name of: this one, if it has none.
fn named(connection: &Connection, content: i64, item: &Item) -> rusqlite::Result<(String, String)> {
    first(connection, content, item)?;
    connection
        .prepare_cached("SELECT first_key, first_source FROM content WHERE id = ?1")?
        .query_row([content], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// An outcome in the order of its columns.
pub(super) fn values(one: Outcome) -> [Value; COUNT] {
    [
        one.label.into(),
        one.is_aigc.into(),
        one.confidence.into(),
        one.risk_level.into(),
        one.labels.into(),
        one.warnings.into(),
        one.evidence.into(),
        one.request_id.into(),
        one.service.into(),
        one.region.into(),
        one.engine.into(),
        one.billing.into(),
        i64::from(one.attempts).into(),
        one.latency_ns.into(),
        one.at_ns.into(),
        one.error_kind.into(),
        one.error_code.into(),
        one.error.into(),
        one.raw.into(),
    ]
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
