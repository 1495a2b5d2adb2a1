//! The AIGC label of GB 45438-2025 (guide TC260-PG-20258A): JSON, written with many a quirk.
use super::json::{Fields, shown};
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use std::borrow::Cow;

mod loose;

/// A key and its value, as people read it.
type Entry<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The keys of the guide, in any case of letters.
const KEYS: [&str; 7] =
    ["label", "contentproducer", "produceid", "reservedcode1", "contentpropagator", "propagateid", "reservedcode2"];
/// The keys of Tencent's label, which has both.
const SERVICE: [&str; 2] = ["serviceprovider", "serviceuser"];
/// How often what is written as HTML is decoded: some programs encode what is encoded.
const ROUNDS: usize = 3;
/// How often the entry `AIGC` may stand in itself.
const NESTED: usize = 3;

/// Reads a label where one is meant to be: in a part that is named `AIGC`. One known key is enough.
pub(super) fn read(text: impl AsRef<str>) -> Option<Evidence> {
    written(text.as_ref(), false)
}

/// Reads a label that stands in a field for any text, such as EXIF's `UserComment`: it says `AIGC`, or has more than one
/// of the known keys. A word such as `label` alone is not enough there.
pub(super) fn read_among_others(text: impl AsRef<str>) -> Option<Evidence> {
    let text = text.as_ref();
    // Nearly all texts of such a field are no label: a look costs less than reading them.
    let may = ["aigc", "contentproducer", "contentpropagator", "produceid", "propagateid", "serviceprovider"];
    let lower = text.to_ascii_lowercase();
    let may = may.iter().any(|word| lower.contains(word));
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

/// The object at the first brace; or, where that is no JSON, what can be made out of it.
fn label(text: &str, among_others: bool) -> Option<Evidence> {
    let json = text.get(text.find('{')?..)?;
    strict(json, among_others, NESTED).or_else(|| {
        let entries = loose::entries(json);
        // A text that is broken has to say more.
        entries.filter(|entries| known(entries, &KEYS) >= 2).and_then(|entries| judge(&entries, true))
    })
}

/// An object, the object in its entry `AIGC`, or the JSON in that entry's text.
fn strict(json: &str, among_others: bool, left: usize) -> Option<Evidence> {
    let fields = Fields::of(json)?;
    let inner = fields.iter().find(|(key, _)| normal(key) == "aigc").map(|(_, inner)| shown(inner));
    let inner = inner.filter(|_| left > 0);
    let within = inner.and_then(|inner| strict(inner.get(inner.find('{')?..)?, false, left - 1));
    within.or_else(|| {
        let entries: Vec<_> = fields.iter().map(|(key, value)| (Cow::Borrowed(key), shown(value))).collect();
        judge(&entries, among_others)
    })
}

/// How many of these keys there are.
fn known(entries: &[Entry<'_>], keys: &[&str]) -> usize {
    keys.iter().filter(|known| entries.iter().any(|(key, _)| normal(key) == **known)).count()
}

fn judge(entries: &[Entry<'_>], among_others: bool) -> Option<Evidence> {
    let (keys, service) = (known(entries, &KEYS), known(entries, &SERVICE));
    let enough = if among_others { keys + service >= 2 } else { keys > 0 || service == SERVICE.len() };
    if !enough {
        return None;
    }
    let value = |name: &str| entries.iter().find(|(key, _)| normal(key) == name).map(|(_, value)| value.as_ref());
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
    if let Some(code) = value("contentproducer").and_then(producer_code) {
        evidence = evidence.with("producer_code", code);
    }
    Some(entries.iter().fold(evidence, |evidence, (key, value)| evidence.with(key, value.as_ref())))
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

/// The characters that HTML needs to write JSON in an attribute, by name or by number; all else stays as it is.
fn unescaped(text: &str) -> String {
    const NAMES: [(&str, char); 5] = [("&quot;", '"'), ("&apos;", '\''), ("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&')];
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        made.push_str(before);
        let named = NAMES.iter().find(|(name, _)| from.starts_with(name)).map(|(name, one)| (name.len(), *one));
        let (length, character) = named.or_else(|| numbered(from)).unwrap_or((1, '&'));
        made.push(character);
        rest = from.get(length..).unwrap_or_default();
    }
    made.push_str(rest);
    made
}

/// A sign of ASCII by its number, as in `&#34;` and `&#x22;`, and how long that is.
fn numbered(text: &str) -> Option<(usize, char)> {
    let digits = text.strip_prefix("&#")?;
    let end = digits.bytes().take(8).position(|byte| byte == b';')?;
    let number = digits.get(..end)?;
    let value = match number.strip_prefix(['x', 'X']) {
        Some(number) => u8::from_str_radix(number, 16),
        None => number.parse(),
    };
    let value = value.ok().filter(|value| (0x20..0x7f).contains(value))?;
    Some((end + 3, char::from(value)))
}

#[cfg(test)]
mod tests;
