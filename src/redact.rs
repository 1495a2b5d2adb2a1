//! Secrets as a type. What a [`Secret`] holds is named only where it is signed with or sent.
use crate::encode;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A secret string: wiped when dropped, and shown by no formatter.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself, for signing and sending only.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("** redacted **")
    }
}

/// An access key id as people may see it: its last four characters.
pub fn access_key_id(id: &str) -> String {
    let count = id.chars().count();
    let tail: String = id.chars().skip(count.saturating_sub(4)).collect();
    if count > 4 { format!("...{tail}") } else { "...".to_owned() }
}

/// A URL as people may see it: no user name, no password, and no query, since a presigned URL carries its signature there.
pub fn url(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (shown, rest) = text.split_at(end);
    let shown = match shown.split_once("://") {
        Some((scheme, tail)) => {
            let authority_end = tail.find('/').unwrap_or(tail.len());
            let (authority, path) = tail.split_at(authority_end);
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => shown.to_owned(),
    };
    if rest.starts_with('?') { format!("{shown}?...") } else { shown }
}

const REDACTED: &str = "[redacted]";
/// A piece of a secret at the end of a text, where it was cut off, that is long enough to be one.
const PIECE: usize = 6;

/// Whether a body has a text in it. For bodies of a few hundred bytes and texts that are looked for once: the searches of
/// libraries take longer to be made ready for a text than this takes (docs/decisions/0031).
pub fn holds(body: &[u8], text: &str) -> bool {
    /// As many places are looked at together, in a few instructions.
    const STEP: usize = 32;
    let text = text.as_bytes();
    let (Some(first), Some(last)) = (text.first(), text.last()) else { return true };
    // Where it may begin, and for each such place the byte that it would end with.
    let ends = body.get(text.len() - 1..).unwrap_or_default();
    let begins = body.get(..ends.len()).unwrap_or_default();
    let is_at = |at: usize| body.get(at) == Some(first) && body.get(at..at + text.len()) == Some(text);
    let (steps, rest) = begins.as_chunks::<STEP>();
    let is_found = steps.iter().zip(ends.as_chunks::<STEP>().0).enumerate().any(|(step, (begins, ends))| {
        let mut fits = 0;
        for (begin, end) in begins.iter().zip(ends) {
            fits |= u8::from(begin == first) & u8::from(end == last);
        }
        fits > 0 && (step * STEP..(step + 1) * STEP).any(is_at)
    });
    is_found || (begins.len() - rest.len()..begins.len()).any(is_at)
}

/// Takes known secrets out of a text that came from elsewhere, however they are written there, and cuts the string to sign
/// that a server may echo.
pub fn scrub(text: &str, secrets: &[&str]) -> String {
    let mut clean = text.to_owned();
    let mut written: Vec<String> =
        secrets.iter().filter(|secret| secret.len() >= 4).flat_map(|one| ways(one)).collect();
    // The longest first: a short one inside of it would leave its ends.
    written.sort_unstable_by_key(|way| std::cmp::Reverse(way.len()));
    for way in &written {
        if clean.contains(way.as_str()) {
            clean = clean.replace(way.as_str(), REDACTED);
        }
        let cut_off = (PIECE..way.len()).rev().find(|end| way.get(..*end).is_some_and(|piece| clean.ends_with(piece)));
        if let Some(end) = cut_off {
            clean.truncate(clean.len() - end);
            clean.push_str(REDACTED);
        }
    }
    for marker in ["string to sign", "StringToSign", "stringToSign", "SignatureProvided", "server string"] {
        if let Some(at) = clean.find(marker) {
            clean.truncate(at + marker.len());
            clean.push(' ');
            clean.push_str(REDACTED);
        }
    }
    clean
}

/// A secret as a URL, a form, a string to sign, JSON or XML has it.
fn ways(secret: &str) -> Vec<String> {
    let once = encode::percent(secret);
    let json = secret.replace('\\', "\\\\").replace('"', "\\\"");
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    vec![
        encode::percent(&once),
        encode::form_value(secret),
        json.replace('/', "\\/"),
        json,
        xml.replace('"', "&quot;"),
        xml,
        once,
        secret.to_owned(),
    ]
}

/// A text of somebody else's that may hold secrets which nobody knows: long words go, and shorter ones with a digit, as keys
/// and tokens are such; and it is cut short.
pub fn opaque(text: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "+/=_.-".contains(c);
    let mut clean = String::new();
    let mut word = String::new();
    for letter in text.chars().take(400).chain([' ']) {
        if is_of_word(letter) {
            word.push(letter);
            continue;
        }
        let is_opaque = word.len() >= 24 || word.len() >= 12 && word.bytes().any(|byte| byte.is_ascii_digit());
        clean.push_str(if is_opaque { "[redacted]" } else { &word });
        word.clear();
        clean.push(letter);
    }
    clean.trim_end().to_owned()
}

/// The beginning of a body that could not be read, printable and short.
pub fn excerpt(body: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(body.get(..body.len().min(limit * 4)).unwrap_or_default());
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_formatter_shows_a_secret() {
        assert_eq!(
            format!("{:?} {:#?}", Secret::new("hunter2"), Secret::new("hunter2")),
            "** redacted ** ** redacted **"
        );
        assert_eq!(Secret::new("hunter2").expose(), "hunter2");
    }

    #[test]
    fn what_a_body_holds_is_found_wherever_it_is() {
        let text = "needle-of-some-length-0123456789abcdef";
        for length in 1..=text.len() {
            let text = &text[..length];
            for before in (0..70).chain([1000]) {
                for after in [0, 1, 31, 32, 33] {
                    let (mut body, rest) = (vec![b'n'; before], vec![b'n'; after]);
                    body.extend_from_slice(text.as_bytes());
                    body.extend(rest);
                    assert!(holds(&body, text), "{length} {before} {after}");
                    if let Some(byte) = body.get_mut(before + length / 2).filter(|_| length > 1) {
                        *byte = b'!';
                        assert!(!holds(&body, text), "{length} {before} {after}");
                    }
                }
            }
        }
        assert!(holds(b"", "") && holds(b"a", "") && !holds(b"", "a") && !holds(b"ab", "abc"));
    }

    /// N14: a server that echoes what it was sent may write it in many ways, and break off in the middle.
    #[test]
    fn a_secret_is_known_in_disguise_and_in_pieces() {
        let secret = "a+b/c=d&e\"f0123456789";
        let once = encode::percent(secret);
        for echo in [
            once.clone(),
            encode::percent(&once),
            "a+b/c=d&amp;e\"f0123456789".to_owned(),
            "a+b\\/c=d&e\\\"f0123456789".to_owned(),
            "a+b/c=d&e\\\"f0123456789".to_owned(),
            secret[..12].to_owned(),
            once[..once.len() - 1].to_owned(),
        ] {
            assert_eq!(scrub(&format!("said: {echo}"), &["f012", secret]), "said: [redacted]", "{echo}");
        }
        assert_eq!(scrub("a+b is no secret", &[secret]), "a+b is no secret");
    }

    #[test]
    fn an_access_key_id_shows_its_last_four_characters() {
        assert_eq!(access_key_id("LTAI5tABCDEFGH"), "...EFGH");
        assert_eq!(access_key_id("abc"), "...");
    }

    #[test]
    fn a_url_shows_neither_user_nor_query() {
        assert_eq!(url("https://u:p@h.example/a/b.png?Signature=x#f"), "https://h.example/a/b.png?...");
        assert_eq!(url("https://h.example/a@b"), "https://h.example/a@b");
    }

    #[test]
    fn known_secrets_and_echoed_strings_to_sign_are_cut() {
        let text = scrub("bad key s3cr3t, server StringToSign:POST%2Fa", &["s3cr3t", ""]);
        assert_eq!(text, "bad key [redacted], server StringToSign [redacted]");
    }

    #[test]
    fn a_text_of_unknown_origin_keeps_its_words_and_loses_what_looks_like_a_key() {
        assert_eq!(opaque("no entry 'a1' for hunter2hunter2 in vault"), "no entry 'a1' for [redacted] in vault");
        assert_eq!(opaque("x".repeat(1_000).as_str()), "[redacted]");
        assert_eq!(opaque("x ".repeat(1_000).as_str()).len(), 399);
        assert_eq!(opaque("key=LTAI5tSecretSecret/+=="), "[redacted]");
    }
}
