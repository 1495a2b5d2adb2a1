//! Signatures, pure: time, nonce and credential come in as arguments, text goes out, each stage by its own name.
//!
//! [`acs3`] is the default for calls, [`rpc`] the opt-in older one; [`oss_v4`] is the default for uploads, [`oss_v1`] the
//! older one. `tests/vectors/` compares every stage with values that Alibaba's documents and packages give.
pub mod acs3;
pub mod oss_v1;
pub mod oss_v4;
pub mod rpc;

use crate::encode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// `2026-11-24T01:57:50Z`: the date of ACS3 (`x-acs-date`) and RPC (`Timestamp`).
pub fn iso_date(moment: OffsetDateTime) -> String {
    const FORMAT: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    moment.format(FORMAT).unwrap_or_default()
}

/// `20261124T015750Z`: the date of OSS V4 (`x-oss-date`).
pub fn compact_date(moment: OffsetDateTime) -> String {
    const FORMAT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
    moment.format(FORMAT).unwrap_or_default()
}

/// `Tue, 24 Nov 2026 01:57:50 GMT`: the date of HTTP and of OSS V1.
pub fn http_date(moment: OffsetDateTime) -> String {
    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    moment.format(FORMAT).unwrap_or_default()
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    encode::hex(&Sha256::digest(bytes))
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length; the error is the type's, not ours.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        },
    )
}

fn hmac_sha1_base64(key: &[u8], text: &[u8]) -> String {
    Hmac::<Sha1>::new_from_slice(key).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(text);
            STANDARD.encode(mac.finalize().into_bytes())
        },
    )
}

/// `key=value` pairs in code-point order of the keys, both percent-encoded; an empty value keeps its `=`.
fn canonical_query(parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_by_key(|(key, _)| *key);
    let pairs = sorted.iter().map(|(key, value)| format!("{}={}", encode::percent(key), encode::percent(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_three_spellings_of_a_date() {
        let moment = datetime!(2026-11-04 01:07:05 UTC);
        assert_eq!(iso_date(moment), "2026-11-04T01:07:05Z");
        assert_eq!(compact_date(moment), "20261104T010705Z");
        assert_eq!(http_date(moment), "Wed, 04 Nov 2026 01:07:05 GMT");
    }

    #[test]
    fn the_hash_of_nothing_is_the_known_one() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
