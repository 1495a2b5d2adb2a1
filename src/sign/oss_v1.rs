//! OSS signature version 1 (HMAC-SHA1) in the header. Alibaba is retiring it: new accounts and buckets refuse it.
//!
//! Source: "Include signatures in the Authorization header (V1)" of Alibaba Cloud's OSS developer reference.
use super::hmac_sha1_base64;

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub bucket: &'a str,
    /// The object name as it is, not encoded.
    pub key: &'a str,
    /// Read from here: `content-md5`, `content-type`, `date` and every `x-oss-*`; names may be in any case.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Stage 1: the string to sign.
pub fn string_to_sign(request: &Request<'_>) -> String {
    let header = |wanted: &str| {
        request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map_or("", |(_, value)| value.trim())
    };
    let mut own: Vec<(String, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .filter(|(name, _)| name.starts_with("x-oss-"))
        .collect();
    own.sort();
    let mut text =
        format!("{}\n{}\n{}\n{}\n", request.method, header("content-md5"), header("content-type"), header("date"));
    for (name, value) in own {
        text.push_str(&name);
        text.push(':');
        text.push_str(value);
        text.push('\n');
    }
    text.push('/');
    text.push_str(request.bucket);
    text.push('/');
    text.push_str(request.key);
    text
}

/// Stage 2: the signature in base64.
pub fn signature(access_key_secret: &str, string_to_sign: &str) -> String {
    hmac_sha1_base64(access_key_secret.as_bytes(), string_to_sign.as_bytes())
}

/// Stage 3: the `Authorization` header.
pub fn authorization(access_key_id: &str, signature: &str) -> String {
    format!("OSS {access_key_id}:{signature}")
}

/// All stages in one: the `Authorization` header of a request.
pub fn authorize(request: &Request<'_>, access_key_id: &str, access_key_secret: &str) -> String {
    authorization(access_key_id, &signature(access_key_secret, &string_to_sign(request)))
}
