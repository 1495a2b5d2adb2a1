//! ACS3-HMAC-SHA256, Alibaba Cloud's signature version 3: everything travels in headers.
//!
//! Source: "V3 request structure and signature" of Alibaba Cloud's SDK documentation, and its official Python packages.
use super::{hmac_sha256, sha256_hex};
use crate::encode;
use std::borrow::Cow;

pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What is signed. Header names may be in any case and in any order; what is listed is signed, nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Decoded query parameters.
    pub query: &'a [(&'a str, &'a str)],
    pub headers: &'a [(&'a str, &'a str)],
    /// Lower-case hexadecimal SHA-256 of the exact bytes of the body; also sent as `x-acs-content-sha256`.
    pub payload_hash: &'a str,
}

/// Whether a header of ours is to be signed: the host, the content type and everything of Alibaba's own. What a proxy
/// may rewrite (`user-agent`, `accept`) stays out.
pub fn is_signed(name: &str) -> bool {
    let begins = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-acs-"));
    begins || name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case("content-type")
}

/// Stage 1a: sorted, percent-encoded query.
pub fn canonical_query(request: &Request<'_>) -> String {
    super::canonical_query(request.query)
}

/// A header as it is signed; most are so already, and are not copied.
type Group<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Lower-case names with trimmed values, sorted; the values of a repeated name are sorted and joined with a comma.
fn grouped<'a>(headers: &[(&'a str, &'a str)]) -> Vec<Group<'a>> {
    let mut lower: Vec<(Cow<'a, str>, &str)> =
        headers.iter().map(|(name, value)| (lower_case(name), value.trim())).collect();
    lower.sort_unstable();
    let mut groups: Vec<Group<'a>> = Vec::with_capacity(lower.len());
    for (name, value) in lower {
        match groups.last_mut() {
            Some((last, joined)) if *last == name => {
                let joined = joined.to_mut();
                joined.push(',');
                joined.push_str(value);
            }
            _ => groups.push((name, Cow::Borrowed(value))),
        }
    }
    groups
}

fn lower_case(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

fn names(groups: &[Group<'_>]) -> String {
    let mut names = String::with_capacity(128);
    for (at, (name, _)) in groups.iter().enumerate() {
        if at > 0 {
            names.push(';');
        }
        names.push_str(name);
    }
    names
}

/// Stage 1b: the names of the signed headers, joined with semicolons.
pub fn signed_headers(request: &Request<'_>) -> String {
    names(&grouped(request.headers))
}

/// Stage 1: the canonical request.
pub fn canonical_request(request: &Request<'_>) -> String {
    let groups = grouped(request.headers);
    canonical(request, &groups, &names(&groups))
}

fn canonical(request: &Request<'_>, groups: &[Group<'_>], names: &str) -> String {
    let mut text = String::with_capacity(1024);
    let query = canonical_query(request);
    for line in [request.method, request.path, &query] {
        text.push_str(line);
        text.push('\n');
    }
    for (name, value) in groups {
        for part in [name, ":", value, "\n"] {
            text.push_str(part);
        }
    }
    for part in ["\n", names, "\n", request.payload_hash] {
        text.push_str(part);
    }
    text
}

/// Stage 2: the string to sign.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// Stage 3: the signature, lower-case hexadecimal. The key is the plain secret.
pub fn signature(access_key_secret: &str, string_to_sign: &str) -> String {
    encode::hex(&hmac_sha256(access_key_secret.as_bytes(), string_to_sign.as_bytes()))
}

/// Stage 4: the `Authorization` header.
pub fn authorization(access_key_id: &str, signed_headers: &str, signature: &str) -> String {
    format!("{ALGORITHM} Credential={access_key_id},SignedHeaders={signed_headers},Signature={signature}")
}

/// All stages in one: the `Authorization` header of a request.
pub fn authorize(request: &Request<'_>, access_key_id: &str, access_key_secret: &str) -> String {
    let groups = grouped(request.headers);
    let names = names(&groups);
    let signature = signature(access_key_secret, &string_to_sign(&canonical(request, &groups, &names)));
    authorization(access_key_id, &names, &signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_may_rewrite_is_not_signed() {
        let names = ["Host", "content-type", "X-Acs-Date", "user-agent", "accept", "accept-encoding", "content-length"];
        let signed: Vec<_> = names.into_iter().filter(|name| is_signed(name)).collect();
        assert_eq!(signed, ["Host", "content-type", "X-Acs-Date"]);
    }

    #[test]
    fn a_repeated_header_is_joined_in_sorted_order_and_values_are_trimmed() {
        let headers = [("x-acs-b", " 2 "), ("X-ACS-a", "z"), ("x-acs-A", "y")];
        let request = Request { method: "POST", path: "/", query: &[], headers: &headers, payload_hash: "h" };
        assert_eq!(canonical_request(&request), "POST\n/\n\nx-acs-a:y,z\nx-acs-b:2\n\nx-acs-a;x-acs-b\nh");
    }
}
