//! Labels that are nearly JSON: a colon or a comma too many, quotes of another kind. One that was cut
//! off is none.
use super::{Entry, KEYS, SERVICE, normal};
use std::borrow::Cow;

/// The most pieces between quotes that are looked at.
const PIECES: usize = 1024;

/// The known keys of such a text, with the text or the number that follows each; nothing where there is none.
pub(super) fn entries(text: &str) -> Option<Vec<Entry<'_>>> {
    let quote = if text.contains('"') { '"' } else { '\'' };
    // A quote behind the last brace belongs to a value that has braces in it.
    let (text, rest) = text.rsplit_once('}')?;
    if rest.contains(quote) {
        return None;
    }
    let pieces: Vec<&str> = text.split(quote).take(PIECES).map(|piece| piece.trim_end_matches('\\')).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(key) = pieces.get(at) {
        at += 1;
        let name = normal(key);
        if !KEYS.contains(&name.as_str()) && !SERVICE.contains(&name.as_str()) {
            continue;
        }
        let between = pieces.get(at).copied().unwrap_or_default().trim_matches([':', ' ', '\t', '\r', '\n']);
        // A number stands between the quotes of this key and the next one.
        let value = if between.is_empty() {
            at += 1;
            pieces.get(at).copied().unwrap_or_default()
        } else {
            between.split([',', '}']).next().unwrap_or_default().trim()
        };
        // Where the colon went into the key, what follows is a value or the end.
        let value = if value.starts_with([',', '}']) { "" } else { value };
        found.push((Cow::Borrowed(key.trim().trim_end_matches(':')), Cow::Borrowed(value)));
    }
    (!found.is_empty()).then_some(found)
}
