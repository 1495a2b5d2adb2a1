//! JSON of unknown origin, entry by entry: no tree of it is built, so that a short text cannot become much memory, and
//! nesting is skipped without recursion.
use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The most entries of an object that are kept.
const MOST: usize = 256;

/// Calls this for each entry of the object at the start of a text; what stands behind the object is left alone. `false`
/// where there is no whole object, and then the calls so far mean nothing.
pub(super) fn entries<'a>(json: &'a str, each: &mut dyn FnMut(&str, &'a RawValue)) -> bool {
    serde_json::Deserializer::from_str(json).deserialize_map(Entries(each)).is_ok()
}

/// The same for the elements of an array.
pub(super) fn elements<'a>(json: &'a str, each: &mut dyn FnMut(&'a RawValue)) -> bool {
    serde_json::Deserializer::from_str(json).deserialize_seq(Elements(each)).is_ok()
}

struct Entries<'a, 'f>(&'f mut dyn FnMut(&str, &'a RawValue));

impl<'a> Visitor<'a> for Entries<'a, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<String, &'a RawValue>()? {
            (self.0)(&key, value);
        }
        Ok(())
    }
}

struct Elements<'a, 'f>(&'f mut dyn FnMut(&'a RawValue));

impl<'a> Visitor<'a> for Elements<'a, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<&'a RawValue>()? {
            (self.0)(value);
        }
        Ok(())
    }
}

/// The first entries of an object, in their order; their values are not read until they are asked for.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    pub(super) fn of(json: &'a str) -> Option<Self> {
        let mut found = Vec::new();
        let whole = entries(json, &mut |key, value| {
            if found.len() < MOST {
                found.push((key.to_owned(), value));
            }
        });
        whole.then_some(Self(found))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), *value))
    }

    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The object that is the value of this entry.
    pub(super) fn inner(&self, name: &str) -> Option<Self> {
        self.raw(name).and_then(|value| Self::of(value.get()))
    }

    /// The value of this entry, where it is a text.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).and_then(text)
    }

    /// The value of this entry, where it is a text that says something, or a number.
    pub(super) fn scalar(&self, name: &str) -> Option<Cow<'a, str>> {
        let raw = self.raw(name)?;
        let number = || raw.get().starts_with(|first: char| first.is_ascii_digit() || first == '-');
        text(raw).or_else(|| number().then(|| Cow::Borrowed(raw.get()))).filter(|value| !value.trim().is_empty())
    }
}

/// The text that a value is.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let json = value.get();
    // What has nothing to decode is not copied.
    let plain = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|inside| !inside.contains('\\'));
    plain.map(Cow::Borrowed).or_else(|| serde_json::from_str(json).ok().map(Cow::Owned))
}

/// A value for people: a text as it is, all else as its JSON.
pub(super) fn shown(value: &RawValue) -> Cow<'_, str> {
    text(value).unwrap_or_else(|| Cow::Borrowed(value.get()))
}

/// Python writes numbers that JSON does not know; they become `null` outside of texts.
pub(super) fn finite(json: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !json.contains("NaN") && !json.contains("Infinity") {
        return Cow::Borrowed(json);
    }
    let mut made = String::with_capacity(json.len());
    let (mut rest, mut quoted) = (json, false);
    while let Some(character) = rest.chars().next() {
        let word = if quoted { None } else { WORDS.iter().find(|word| rest.starts_with(**word)) };
        let length = if let Some(word) = word {
            made.push_str("null");
            word.len()
        } else {
            let escape = quoted && character == '\\';
            quoted ^= character == '"';
            let next = if escape { rest.chars().nth(1).map_or(0, char::len_utf8) } else { 0 };
            let length = character.len_utf8() + next;
            made.push_str(rest.get(..length).unwrap_or_default());
            length
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Cow::Owned(made)
}
