//! Whether a request is signed by the benchmark's own key, by the same pure functions that sign it.
use crate::answers::{BUCKET, TOKEN_SECRET};
use aigclens::sign::{acs3, oss_v1, oss_v4, sha256_hex};
use hyper::http::request::Parts;

/// The key of every client here.
pub const KEY_ID: &str = "LTAI5tBenchBenchBenchBen";
pub const SECRET: &str = "benchbenchbenchbenchbenchbench";

/// Of a call to the service: ACS3.
pub fn is_right(parts: &Parts, body: &[u8]) -> bool {
    signature(parts, body).is_some_and(|(expected, given)| expected == given)
}

/// Of an upload to the storage: version 4, or the older one that `oss2` uses.
pub fn is_right_upload(parts: &Parts) -> bool {
    upload_signature(parts).is_some_and(|(expected, given)| expected == given)
}

fn upload_signature(parts: &Parts) -> Option<(String, String)> {
    let listed = parts.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers: Vec<(&str, &str)> = listed.collect();
    let header = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let key = plain(parts.uri.path().strip_prefix('/')?.strip_prefix(BUCKET)?.strip_prefix('/')?);
    let authorization = header("authorization")?;
    if let Some(signed) = authorization.strip_prefix("OSS ") {
        let request = oss_v1::Request { method: "PUT", bucket: BUCKET, key: &key, headers: &headers };
        let expected = oss_v1::signature(TOKEN_SECRET, &oss_v1::string_to_sign(&request));
        return Some((expected, signed.split_once(':')?.1.to_owned()));
    }
    let signed = authorization.strip_prefix(oss_v4::ALGORITHM)?;
    let part = |name: &str| signed.split(',').find_map(|part| part.trim().strip_prefix(name));
    let request = oss_v4::Request {
        method: "PUT",
        bucket: BUCKET,
        key: &key,
        query: &[],
        headers: &headers,
        additional_headers: &[],
        date: header("x-oss-date")?,
        region: part("Credential=")?.split('/').nth(2)?,
    };
    let string_to_sign = oss_v4::string_to_sign(&request, &oss_v4::canonical_request(&request));
    let expected = oss_v4::signature(&oss_v4::signing_key(TOKEN_SECRET, &request), &string_to_sign);
    Some((expected, part("Signature=")?.to_owned()))
}

fn signature(parts: &Parts, body: &[u8]) -> Option<(String, String)> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header("authorization")?.strip_prefix("ACS3-HMAC-SHA256 ")?;
    let part = |name: &str| authorization.split(',').find_map(|part| part.trim().strip_prefix(name));
    let names: Vec<&str> = part("SignedHeaders=")?.split(';').collect();
    let headers: Vec<(&str, &str)> =
        names.iter().map(|name| header(name).map(|value| (*name, value))).collect::<Option<_>>()?;
    let query: Vec<(String, String)> = parts.uri.query().map(decoded).unwrap_or_default();
    let query: Vec<(&str, &str)> = query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let payload_hash = sha256_hex(body);
    let request = acs3::Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: &query,
        headers: &headers,
        payload_hash: &payload_hash,
    };
    let string_to_sign = acs3::string_to_sign(&acs3::canonical_request(&request));
    Some((acs3::signature(SECRET, &string_to_sign), part("Signature=")?.to_owned()))
}

fn decoded(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (plain(key), plain(value)))
        .collect()
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (first, _) => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
