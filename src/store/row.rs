//! A content's row: from its columns to what is known of it, and the checksum that tells a row of ours from what a broken
//! disk made of it.
use super::ending::Outcome;
use super::record::{Answer, Failure, Fingerprint};
use crate::attempt::Billing;
use crate::detection::{Engine, Label};
use crate::error::Kind;
use rusqlite::Row;
use serde_json::Value;
use std::time::Duration;

/// The columns of an outcome, in the order in which they are read and written.
pub(super) const COLUMNS: &str = "label, is_aigc, confidence, risk_level, labels, warnings, evidence, request_id, service, \
     region, engine, billing, attempts, latency_ns, at_ns, error_kind, error_code, error, raw";
pub(super) const COUNT: usize = 19;

/// What stands before them in a row that is read whole.
pub(super) const SEAL: &str = "first_key, first_source, run, \"check\"";

/// What a row says besides its outcome and belongs to it: all of this is under the checksum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) question: i64,
    pub(super) fingerprint: Fingerprint,
    pub(super) first_key: &'a str,
    pub(super) first_source: &'a str,
    pub(super) run: i64,
}

impl Outcome {
    /// Reads the columns from the given index on.
    pub(super) fn read(row: &Row<'_>, from: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            label: row.get(from)?,
            is_aigc: row.get(from + 1)?,
            confidence: row.get(from + 2)?,
            risk_level: row.get(from + 3)?,
            labels: row.get(from + 4)?,
            warnings: row.get(from + 5)?,
            evidence: row.get(from + 6)?,
            request_id: row.get(from + 7)?,
            service: row.get(from + 8)?,
            region: row.get(from + 9)?,
            engine: row.get(from + 10)?,
            billing: row.get(from + 11)?,
            attempts: row.get(from + 12)?,
            latency_ns: row.get(from + 13)?,
            at_ns: row.get(from + 14)?,
            error_kind: row.get(from + 15)?,
            error_code: row.get(from + 16)?,
            error: row.get(from + 17)?,
            raw: row.get(from + 18)?,
        })
    }

    /// CRC-64 over every column and where the row belongs, each field with its length before it.
    pub(super) fn check(&self, place: &Place<'_>) -> i64 {
        let mut sum = Sum(crc64fast::Digest::new());
        sum.number(place.question);
        sum.text(Some(place.fingerprint.by.as_str()));
        sum.bytes(Some(&place.fingerprint.hash));
        sum.text(Some(place.first_key));
        sum.text(Some(place.first_source));
        sum.number(place.run);
        for text in [&self.label, &self.risk_level, &self.labels, &self.warnings, &self.request_id, &self.service] {
            sum.text(text.as_deref());
        }
        for text in [&self.region, &self.engine, &self.error_kind, &self.error_code, &self.error] {
            sum.text(text.as_deref());
        }
        sum.text(Some(&self.evidence));
        sum.text(Some(&self.billing));
        sum.bytes(self.is_aigc.map(|is_aigc| [u8::from(is_aigc)]).as_ref().map(<[u8; 1]>::as_slice));
        sum.bytes(self.confidence.map(|number| number.to_bits().to_le_bytes()).as_ref().map(<[u8; 8]>::as_slice));
        sum.bytes(self.latency_ns.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
        sum.number(i64::from(self.attempts));
        sum.number(self.at_ns);
        sum.bytes(self.raw.as_deref());
        sum.value()
    }

    /// Reads a whole row: the state, what is under the checksum besides, and the columns; nothing if it is not as it was written.
    pub(super) fn sound(row: &Row<'_>, from: usize, question: i64, fingerprint: Fingerprint) -> Option<Self> {
        let (first_key, first_source): (String, String) = (row.get(from).ok()?, row.get(from + 1).ok()?);
        let (run, check): (i64, i64) = (row.get(from + 2).ok()?, row.get(from + 3).ok()?);
        let outcome = Self::read(row, from + 4).ok()?;
        let place = Place { question, fingerprint, first_key: &first_key, first_source: &first_source, run };
        (outcome.check(&place) == check).then_some(outcome)
    }

    /// The answer that this is; nothing for a failure, and for words that this version does not know.
    pub(super) fn answer(self) -> Option<Answer> {
        if self.error_kind.is_some() {
            return None;
        }
        Some(Answer {
            label: self.label,
            is_aigc: self.is_aigc,
            confidence: self.confidence,
            risk_level: self.risk_level,
            labels: labels(&self.labels?)?,
            warnings: texts(&self.warnings?)?,
            evidence: texts(&self.evidence)?,
            request_id: self.request_id,
            service: self.service?,
            region: self.region,
            engine: [Engine::Service, Engine::Emulator]
                .into_iter()
                .find(|one| Some(one.as_str()) == self.engine.as_deref())?,
            billing: billing(&self.billing)?,
            attempts: self.attempts,
            latency: span(self.latency_ns?)?,
            at: span(self.at_ns)?,
            raw: self.raw?,
        })
    }

    /// The failure that this is; nothing for an answer.
    pub(super) fn failure(self) -> Option<Failure> {
        let name = self.error_kind?;
        Some(Failure {
            kind: Kind::ALL.into_iter().find(|kind| kind.name() == name)?,
            code: self.error_code,
            message: self.error?,
            request_id: self.request_id,
            billing: billing(&self.billing)?,
            attempts: self.attempts,
            evidence: texts(&self.evidence)?,
            at: span(self.at_ns)?,
            raw: self.raw,
        })
    }
}

/// The checksum of an item's row: it belongs to a content, whatever that one's number is.
pub(super) fn item_check(question: i64, key: &str, source: &str, content: Fingerprint) -> i64 {
    let mut sum = Sum(crc64fast::Digest::new());
    sum.number(question);
    sum.text(Some(key));
    sum.text(Some(source));
    sum.text(Some(content.by.as_str()));
    sum.bytes(Some(&content.hash));
    sum.value()
}

struct Sum(crc64fast::Digest);

impl Sum {
    fn bytes(&mut self, bytes: Option<&[u8]>) {
        let length = bytes.map_or(u64::MAX, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX - 1));
        self.0.write(&length.to_le_bytes());
        self.0.write(bytes.unwrap_or_default());
    }

    fn text(&mut self, text: Option<&str>) {
        self.bytes(text.map(str::as_bytes));
    }

    fn number(&mut self, number: i64) {
        self.0.write(&number.to_le_bytes());
    }

    fn value(&self) -> i64 {
        i64::from_le_bytes(self.0.sum64().to_le_bytes())
    }
}

fn billing(word: &str) -> Option<Billing> {
    [Billing::Billed, Billing::NotBilled, Billing::PossiblyBilled].into_iter().find(|one| one.as_str() == word)
}

fn span(nanos: i64) -> Option<Duration> {
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

pub(super) fn texts(json: &str) -> Option<Vec<String>> {
    serde_json::from_str(json).ok()
}

/// Labels as they were written: each an object with its four attributes.
pub(super) fn labels(json: &str) -> Option<Vec<Label>> {
    let list: Vec<Value> = serde_json::from_str(json).ok()?;
    let text = |label: &Value, name: &str| label.get(name).and_then(Value::as_str).map(str::to_owned);
    list.iter()
        .map(|label| {
            Some(Label {
                name: text(label, "name")?,
                confidence: label.get("confidence").and_then(Value::as_f64),
                description: text(label, "description"),
                risk_level: text(label, "risk_level"),
            })
        })
        .collect()
}
