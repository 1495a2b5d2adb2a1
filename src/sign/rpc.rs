//! RPC signature version 1.0 (HMAC-SHA1), the older way: key id, token and signature travel in the query. Opt-in.
//!
//! Source: "RPC mechanism" of Alibaba Cloud's SDK documentation. What is signed is the decoded parameters of query and
//! form body together, so the spelling on the wire need not be the spelling that was signed.
use super::hmac_sha1_base64;
use crate::encode;

pub const METHOD: &str = "HMAC-SHA1";
pub const VERSION: &str = "1.0";

/// Stage 1: every parameter except `Signature`, sorted and percent-encoded.
pub fn canonicalized_query(parameters: &[(&str, &str)]) -> String {
    super::canonical_query(parameters)
}

/// Stage 2: the string to sign; the values end up encoded twice.
pub fn string_to_sign(method: &str, canonicalized_query: &str) -> String {
    format!("{method}&{}&{}", encode::percent("/"), encode::percent(canonicalized_query))
}

/// Stage 3: the signature in base64. The key is the secret and an ampersand.
pub fn signature(access_key_secret: &str, string_to_sign: &str) -> String {
    hmac_sha1_base64(format!("{access_key_secret}&").as_bytes(), string_to_sign.as_bytes())
}

/// All stages in one: the value of the `Signature` parameter.
pub fn sign(method: &str, parameters: &[(&str, &str)], access_key_secret: &str) -> String {
    signature(access_key_secret, &string_to_sign(method, &canonicalized_query(parameters)))
}
