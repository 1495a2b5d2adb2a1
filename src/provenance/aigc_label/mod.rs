//! The AIGC label of GB 45438-2025 (guide TC260-PG-20258A): JSON, written with many a quirk.
use super::json::{Fields, shown};
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use std::borrow::Cow;

/// The keys of the guide, in any case of letters.
const KEYS: [&str; 7] =
    ["label", "contentproducer", "produceid", "reservedcode1", "contentpropagator", "propagateid", "reservedcode2"];
/// The keys of Tencent's label, which has both.
const SERVICE: [&str; 2] = ["serviceprovider", "serviceuser"];
/// How often what is written as HTML is decoded: some programs encode what is encoded.
const ROUNDS: usize = 2;

/// Reads a label where one is meant to be: in a part that is named `AIGC`. One known key is enough.
pub(super) fn read(text: impl AsRef<str>) -> Option<Evidence> {
    written(text.as_ref(), false)
}

/// Reads a label that stands in a field for any text, such as EXIF's `UserComment`: it says `AIGC`, or has more than one
/// of the known keys. A word such as `label` alone is not enough there.
pub(super) fn read_among_others(text: impl AsRef<str>) -> Option<Evidence> {
    let text = text.as_ref();
    // Nearly all texts of such a field are no label: a look costs less than reading them.
    let may = ["AIGC", "aigc", "ContentProducer", "contentproducer", "ServiceProvider", "serviceprovider"];
    let may = may.iter().any(|word| text.contains(word));
    may.then(|| written(text, true)).flatten()
}

fn written(text: &str, among_others: bool) -> Option<Evidence> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        if let Some(label) = label(&text, among_others) {
            return Some(label);
        }
        if !text.contains('&') {
            return None;
        }
        text = Cow::Owned(unescaped(&text));
    }
    label(&text, among_others)
}

/// The object at the first brace, the object in its entry `AIGC`, or the JSON in that entry's text.
fn label(text: &str, among_others: bool) -> Option<Evidence> {
    let fields = Fields::of(text.get(text.find('{')?..)?)?;
    let Some((_, inner)) = fields.iter().find(|(key, _)| normal(key) == "aigc") else {
        return judge(&fields, among_others);
    };
    let inner = shown(inner);
    let judged =
        inner.find('{').and_then(|start| Fields::of(inner.get(start..)?)).and_then(|inner| judge(&inner, false));
    judged.or_else(|| judge(&fields, among_others))
}

fn judge(fields: &Fields<'_>, among_others: bool) -> Option<Evidence> {
    let count =
        |keys: &[&str]| keys.iter().filter(|known| fields.iter().any(|(key, _)| normal(key) == **known)).count();
    let enough = if among_others { 2 } else { 1 };
    if count(&KEYS) < enough && count(&SERVICE) < SERVICE.len() {
        return None;
    }
    let value = |name: &str| fields.iter().find(|(key, _)| normal(key) == name).map(|(_, value)| shown(value));
    let word = value("label").unwrap_or_default();
    let (detail, strength) = match word.trim() {
        "1" => ("generated", Strength::Declared),
        "2" => ("possibly generated", Strength::Medium),
        "3" => ("suspected", Strength::Weak),
        "" | "null" => ("labelled", Strength::Declared),
        // A number that the standard does not know may mean anything.
        other if other.bytes().all(|byte| byte.is_ascii_digit()) => (other, Strength::Medium),
        other => (other, Strength::Declared),
    };
    let mut evidence = Evidence::new(EvidenceKind::Generated, EvidenceSource::AigcLabel, strength, detail);
    if let Some(code) = value("contentproducer").as_deref().and_then(producer_code) {
        evidence = evidence.with("producer_code", code);
    }
    Some(fields.iter().fold(evidence, |evidence, (key, value)| evidence.with(key, shown(value))))
}

/// The social credit code in a producer's number: `001`, one character, the code of 18, and five more.
fn producer_code(producer: &str) -> Option<&str> {
    let producer = producer.trim();
    let shaped = producer.len() == 27 && producer.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let code = producer.strip_prefix("001").filter(|_| shaped)?;
    code.get(1..19)
}

/// Some write `"ReservedCode2:"`, some lower case.
fn normal(key: &str) -> String {
    key.trim().trim_end_matches([':', '：']).trim().to_ascii_lowercase()
}

/// The characters that HTML needs to write JSON in an attribute; all else stays as it is.
fn unescaped(text: &str) -> String {
    const NAMES: [(&str, char); 12] = [
        ("&quot;", '"'),
        ("&#34;", '"'),
        ("&#x22;", '"'),
        ("&#X22;", '"'),
        ("&apos;", '\''),
        ("&#39;", '\''),
        ("&#x27;", '\''),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&#123;", '{'),
        ("&#125;", '}'),
        ("&amp;", '&'),
    ];
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        made.push_str(before);
        let (length, character) =
            NAMES.iter().find(|(name, _)| from.starts_with(name)).map_or((1, '&'), |(name, one)| (name.len(), *one));
        made.push(character);
        rest = from.get(length..).unwrap_or_default();
    }
    made.push_str(rest);
    made
}

#[cfg(test)]
mod tests;
