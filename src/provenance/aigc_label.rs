//! The AIGC label of GB 45438-2025 (guide TC260-PG-20258A): JSON, written with many a quirk.
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use serde_json::Value;

/// At least one of these must be there, in any case of letters.
const KEYS: [&str; 7] =
    ["label", "contentproducer", "produceid", "reservedcode1", "contentpropagator", "propagateid", "reservedcode2"];

/// Reads a label. All three of its values declare generated content: certainly (1), possibly (2), suspected (3); so do
/// labels whose value is a word, which some programs write.
pub(super) fn read(text: impl AsRef<str>) -> Option<Evidence> {
    let text = text.as_ref();
    let json = text.get(text.find('{')?..)?;
    // The first value counts: some writers leave something behind it.
    let value: Value = serde_json::Deserializer::from_str(json).into_iter().next()?.ok()?;
    let label = value.get("AIGC").filter(|inner| inner.is_object()).unwrap_or(&value).as_object()?;
    let known = label.iter().find(|(key, _)| KEYS.contains(&normal(key).as_str()));
    known?;
    let written = label.iter().find(|(key, _)| normal(key) == "label").map(|(_, value)| match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    });
    let detail = written.unwrap_or_default();
    Some(Evidence::new(EvidenceKind::Generated, EvidenceSource::AigcLabel, Strength::Declared, detail))
}

/// Some write `"ReservedCode2:"`, some lower case.
fn normal(key: &str) -> String {
    key.trim_end_matches(':').trim().to_ascii_lowercase()
}
