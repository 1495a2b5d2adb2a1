//! OSS signature version 4 (OSS4-HMAC-SHA256) in the header: the default for uploads.
//!
//! Source: Alibaba Cloud's OSS developer reference and its official Python packages.
use super::{hmac_sha256, sha256_hex};
use crate::encode;

pub const ALGORITHM: &str = "OSS4-HMAC-SHA256";
/// What stands for the body's hash: OSS does not sign the payload of a PUT.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub bucket: &'a str,
    /// The object name as it is, not encoded.
    pub key: &'a str,
    /// Decoded query parameters.
    pub query: &'a [(&'a str, &'a str)],
    /// Candidates: signed are `content-type`, `content-md5`, every `x-oss-*`, and the additional ones named.
    pub headers: &'a [(&'a str, &'a str)],
    /// Lower-case names of further headers to sign.
    pub additional_headers: &'a [&'a str],
    /// For example `20240701T120000Z`, also sent as `x-oss-date`.
    pub date: &'a str,
    /// For example `ap-southeast-1`, without the `oss-` of the endpoint.
    pub region: &'a str,
}

fn canonical_query(parameters: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> =
        parameters.iter().map(|(key, value)| (encode::percent(key), encode::percent(value))).collect();
    pairs.sort();
    let pairs = pairs.into_iter().map(|(key, value)| if value.is_empty() { key } else { format!("{key}={value}") });
    pairs.collect::<Vec<_>>().join("&")
}

/// Stage 1: the canonical request.
pub fn canonical_request(request: &Request<'_>) -> String {
    let mut headers: Vec<(String, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .filter(|(name, _)| {
            name == "content-type"
                || name == "content-md5"
                || name.starts_with("x-oss-")
                || request.additional_headers.contains(&name.as_str())
        })
        .collect();
    headers.sort();
    let mut lines = String::new();
    for (name, value) in headers {
        lines.push_str(&name);
        lines.push(':');
        lines.push_str(value);
        lines.push('\n');
    }
    format!(
        "{}\n/{}/{}\n{}\n{}\n{}\n{UNSIGNED_PAYLOAD}",
        request.method,
        encode::percent(request.bucket),
        encode::percent_path(request.key),
        canonical_query(request.query),
        lines,
        additional(request),
    )
}

fn additional(request: &Request<'_>) -> String {
    let mut names = request.additional_headers.to_vec();
    names.sort_unstable();
    names.join(";")
}

/// `20240701/ap-southeast-1/oss/aliyun_v4_request`.
pub fn scope(request: &Request<'_>) -> String {
    let day = request.date.split('T').next().unwrap_or_default();
    format!("{day}/{}/oss/aliyun_v4_request", request.region)
}

/// Stage 2: the string to sign.
pub fn string_to_sign(request: &Request<'_>, canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}\n{}\n{}", request.date, scope(request), sha256_hex(canonical_request.as_bytes()))
}

/// Stage 3a: the key of the day, region and product.
pub fn signing_key(access_key_secret: &str, request: &Request<'_>) -> Vec<u8> {
    let first = format!("aliyun_v4{access_key_secret}").into_bytes();
    scope(request).split('/').fold(first, |key, part| hmac_sha256(&key, part.as_bytes()))
}

/// Stage 3: the signature, lower-case hexadecimal.
pub fn signature(signing_key: &[u8], string_to_sign: &str) -> String {
    encode::hex(&hmac_sha256(signing_key, string_to_sign.as_bytes()))
}

/// Stage 4: the `Authorization` header.
pub fn authorization(request: &Request<'_>, access_key_id: &str, signature: &str) -> String {
    let additional = match additional(request) {
        names if names.is_empty() => String::new(),
        names => format!(",AdditionalHeaders={names}"),
    };
    format!("{ALGORITHM} Credential={access_key_id}/{}{additional},Signature={signature}", scope(request))
}

/// All stages in one: the `Authorization` header of a request.
pub fn authorize(request: &Request<'_>, access_key_id: &str, access_key_secret: &str) -> String {
    let string_to_sign = string_to_sign(request, &canonical_request(request));
    let signature = signature(&signing_key(access_key_secret, request), &string_to_sign);
    authorization(request, access_key_id, &signature)
}
