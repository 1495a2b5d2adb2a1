//! Percent-encoding: RFC 3986 as signatures want it, and form encoding as bodies carry it.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::{Duration, UNIX_EPOCH};

/// Unreserved are `A-Z a-z 0-9 - _ . ~` (RFC 3986, section 2.3); everything else is `%XX` in upper case.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const KEEP_SLASH: &AsciiSet = &STRICT.remove(b'/');

/// `*` is `%2A`, a space is `%20`, `~` stays: the encoding of every signature of the service.
pub fn percent(text: &str) -> String {
    utf8_percent_encode(text, STRICT).collect()
}

/// The same, with `/` left alone: object names in a path.
pub fn percent_path(text: &str) -> String {
    utf8_percent_encode(text, KEEP_SLASH).collect()
}

/// `application/x-www-form-urlencoded` as Alibaba's own client writes it: strict, but a space is `+`.
pub fn form_value(text: &str) -> String {
    let mut written = String::with_capacity(text.len() * 2);
    write_form_value(text, &mut written);
    written
}

fn write_form_value(text: &str, into: &mut String) {
    for (at, part) in text.split(' ').enumerate() {
        if at > 0 {
            into.push('+');
        }
        into.extend(utf8_percent_encode(part, STRICT));
    }
}

/// A form body with its fields in the order given.
pub fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut body = String::with_capacity(256);
    for (key, value) in fields {
        if !body.is_empty() {
            body.push('&');
        }
        write_form_value(key, &mut body);
        body.push('=');
        write_form_value(value, &mut body);
    }
    body
}

/// Reads an HTTP date (`Mon, 24 Nov 2025 16:00:05 GMT`, or one of its two old forms) as time since the Unix epoch.
pub fn http_date(text: &str) -> Option<Duration> {
    httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()
}

/// Reads a form or a query back; a value that is no UTF-8 after decoding is refused.
pub fn parse_form(text: &str) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode_plus(key)?, decode_plus(value)?))
        })
        .collect()
}

fn decode_plus(text: &str) -> Option<String> {
    decode(&text.replace('+', "%20"))
}

/// Percent-decoding, where `+` is itself.
pub fn decode(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 15)).copied().unwrap_or(b'0');
    let mut text = vec![[0; 2]; bytes.len()];
    for (pair, byte) in text.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(*byte)];
    }
    String::from_utf8(text.into_flattened()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let fields = [("a b", "+*~%7E/é"), ("empty", ""), ("中", "文")];
        let read = parse_form(&form(fields)).unwrap();
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(read, fields);
    }

    #[test]
    fn broken_utf8_is_refused_and_hex_is_lower_case() {
        assert_eq!(parse_form("a=%ff"), None);
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
