//! Reading the service's JSON: lenient where a number or a character is odd, strict where two readings are possible.
use serde_json::Value;
use std::collections::HashSet;

/// What `serde_json` calls a number and a raw value inside of itself.
const OWN_KEYS: &str = "$serde_json";

/// Why a body is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Not JSON, cut short, or nested too deeply.
    NotJson,
    /// Not UTF-8; what can be read with replacement characters is attached to nothing but the billing verdict.
    NotUtf8,
    /// A key stands twice in one object, so that its value depends on the reader (E16).
    DuplicateKey,
}

/// Reads a body. A byte order mark is skipped; `NaN` and infinities become strings and lone surrogates the replacement
/// character (E05, E15): the rest of the answer was paid for and stays readable.
pub fn read(body: &[u8]) -> Result<Value, Unreadable> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotUtf8)?;
    read_text(text)
}

/// The same after replacing what is not UTF-8: only good enough to see whether a charge was made.
pub fn read_lossy(body: &[u8]) -> Option<Value> {
    read_text(&String::from_utf8_lossy(body)).ok()
}

fn read_text(text: &str) -> Result<Value, Unreadable> {
    let (value, is_plain) = match serde_json::from_str::<Value>(text) {
        Ok(value) => (value, true),
        Err(_) => (serde_json::from_str(&mended(text)).map_err(|_| Unreadable::NotJson)?, false),
    };
    if is_plain && has_all_keys(&value, text) {
        return Ok(value);
    }
    if has_duplicate_key(text) { Err(Unreadable::DuplicateKey) } else { Ok(value) }
}

/// Whether each key of a text went into its value, so that none stands there twice: a second one takes the first one's
/// place, and the value has fewer than there are colons. The common case, without a look at a single key.
fn has_all_keys(value: &Value, text: &str) -> bool {
    // The reader has keys of its own, with another meaning, which could be written with escapes.
    !text.contains(OWN_KEYS) && !text.contains("\\u") && entries(value) == colons(text)
}

/// How many keys a value has, at all depths, which the reader bounds.
fn entries(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(entries).sum(),
        Value::Object(fields) => fields.values().map(|value| 1 + entries(value)).sum(),
        _ => 0,
    }
}

/// How many keys a text has that is known to be JSON.
fn colons(text: &str) -> usize {
    let (mut found, mut is_string, mut is_escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_string,
            b'"' => is_string = !is_string,
            b':' if !is_string => found += 1,
            _ => {}
        }
    }
    found
}

/// Splits a text into string literals (with their quotes) and what is between them.
fn pieces(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (is_string, end) = if rest.starts_with('"') {
            (true, string_end(rest))
        } else {
            (false, rest.find('"').unwrap_or(rest.len()))
        };
        let (piece, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some((is_string, piece))
    })
}

/// The length of the string literal that the text begins with, or all of it when the literal never ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn mended(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for (is_string, piece) in pieces(text) {
        if is_string {
            whole.push_str(&without_lone_surrogates(piece));
        } else {
            whole.push_str(
                &piece
                    .replace("-Infinity", "\"-Infinity\"")
                    .replace("NaN", "\"NaN\"")
                    .replace("Infinity", "\"Infinity\"")
                    .replace("\"-\"Infinity\"\"", "\"-Infinity\""),
            );
        }
    }
    whole
}

fn without_lone_surrogates(literal: &str) -> String {
    let mut clean = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        let unit = |text: &str| {
            text.strip_prefix("\\u").and_then(|digits| digits.get(..4)).and_then(|d| u16::from_str_radix(d, 16).ok())
        };
        let taken = match unit(escape) {
            Some(0xd800..=0xdbff) => match escape.get(6..).and_then(unit) {
                Some(0xdc00..=0xdfff) => 12,
                _ => 0,
            },
            Some(0xdc00..=0xdfff) => 0,
            Some(_) => 6,
            None => escape.chars().take(2).map(char::len_utf8).sum(),
        };
        if taken == 0 {
            clean.push_str("\\ufffd");
            rest = escape.get(6..).unwrap_or_default();
        } else {
            clean.push_str(escape.get(..taken).unwrap_or(escape));
            rest = escape.get(taken..).unwrap_or_default();
        }
    }
    clean.push_str(rest);
    clean
}

/// Looks through a text that is known to be JSON.
fn has_duplicate_key(text: &str) -> bool {
    let mut open: Vec<Option<HashSet<String>>> = Vec::new();
    let mut last_string: Option<&str> = None;
    for (is_string, piece) in pieces(text) {
        if is_string {
            last_string = Some(piece);
            continue;
        }
        for character in piece.chars() {
            match character {
                '{' => open.push(Some(HashSet::new())),
                '[' => open.push(None),
                '}' | ']' => drop(open.pop()),
                ':' => {
                    let key =
                        last_string.map(|literal| serde_json::from_str(literal).unwrap_or_else(|_| literal.to_owned()));
                    if let (Some(Some(keys)), Some(key)) = (open.last_mut(), key)
                        && !keys.insert(key)
                    {
                        return true;
                    }
                }
                _ => {}
            }
        }
    }
    false
}

/// A field by its documented name, or by the same name in lower camel case (E08).
pub fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let mut other = None;
    for (key, value) in object.as_object()? {
        if key == name {
            return Some(value);
        }
        if is_camel(key, name) {
            other = Some(value);
        }
    }
    other
}

/// Whether a key is a name but for its first letter, which is small.
fn is_camel(key: &str, name: &str) -> bool {
    let (Some((first, rest)), Some((capital, others))) = (key.split_at_checked(1), name.split_at_checked(1)) else {
        return false;
    };
    rest == others && first.eq_ignore_ascii_case(capital) && !first.bytes().any(|letter| letter.is_ascii_uppercase())
}

/// A field as text; numbers are written out, everything else is no text.
pub fn text(object: &Value, name: &str) -> Option<String> {
    match field(object, name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// E05.
    #[test]
    fn numbers_are_kept_as_written_and_no_number_spoils_the_rest() {
        let value = read(br#"{"a":81.880001,"b":1e999,"c":NaN,"d":-Infinity,"e":"NaN","f":Infinity}"#).unwrap();
        assert_eq!(value["a"].to_string(), "81.880001");
        assert_eq!(value["b"].to_string(), "1e+999");
        assert_eq!(
            (&value["c"], &value["d"], &value["e"], &value["f"]),
            (&json!("NaN"), &json!("-Infinity"), &json!("NaN"), &json!("Infinity"))
        );
    }

    /// E15.
    #[test]
    fn a_byte_order_mark_and_lone_surrogates_do_not_hide_the_answer() {
        let value = read(b"\xef\xbb\xbf{\"a\":\"x\\ud800y\\udc00\\ud83d\\ude00\\\\ud800\"}").unwrap();
        assert_eq!(value["a"], json!("x\u{fffd}y\u{fffd}\u{1f600}\\ud800"));
        assert_eq!(read(b"{\"a\":\"\xff\"}"), Err(Unreadable::NotUtf8));
        assert_eq!(read_lossy(b"{\"Code\":200,\"a\":\"\xff\"}").unwrap()["Code"].to_string(), "200");
    }

    /// E12, E13, E17.
    #[test]
    fn what_is_not_json_is_refused_whatever_its_depth() {
        let deep = "[".repeat(100_000);
        for body in ["", "<html>", "{\"a\":\"b", "{\"a\":1}x", deep.as_str(), "\"\\"] {
            assert_eq!(read(body.as_bytes()), Err(Unreadable::NotJson), "{body:.20}");
        }
    }

    /// E16.
    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_depth() {
        for body in [r#"{"Code":200,"Code":500}"#, r#"{"d":[{"a":1,"\u0061":2}]}"#] {
            assert_eq!(read(body.as_bytes()), Err(Unreadable::DuplicateKey), "{body}");
        }
        assert!(read(br#"{"a":{"a":"a"},"b":[{"a":1},{"a":1}],"c":"\"a\":1,\"a\":1"}"#).is_ok());
        // A raw value brings keys that no colon of the text stands for: they make up for none that is missing.
        let hidden = r#"{"a":1,"a":2,"b":{"$serde_json::private::RawValue":"{\"x\":1,\"y\":2}"}}"#;
        for body in [hidden.to_owned(), hidden.replace("$serde", "\\u0024serde")] {
            assert_eq!(read(body.as_bytes()), Err(Unreadable::DuplicateKey), "{body}");
        }
    }

    #[test]
    fn both_spellings_of_a_key_are_read() {
        let value = json!({"requestId": "r", "Code": 7});
        assert_eq!((text(&value, "RequestId").as_deref(), text(&value, "Code").as_deref()), (Some("r"), Some("7")));
        assert_eq!(text(&json!({"Code": null}), "Code"), None);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300), text in "[\\\\{}\":,a-fu0-9dNI]{0,80}") {
            let _ = (read(&body), read_lossy(&body), read(text.as_bytes()));
        }

        #[test]
        fn what_the_plain_reader_reads_is_read_the_same(text in "\\PC{0,40}", number in any::<f64>()) {
            let body = json!({"t": text, "n": [number, {"x": null}]}).to_string();
            prop_assert_eq!(read(body.as_bytes()).unwrap(), serde_json::from_str::<Value>(&body).unwrap());
        }
    }
}
