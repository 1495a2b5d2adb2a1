//! One signed call, and what is read of its answer.
use crate::Outcome;
use aigclens::sign::{acs3, sha256_hex};
use aigclens_benches::verify::{KEY_ID, SECRET};
use serde_json::Value;

pub(crate) const BODY: &str =
    "ServiceParameters=%7B%22imageUrl%22%3A%22https%3A%2F%2Fimages.example.com%2Fcat.png%22%7D";
pub(crate) const SERVICE: &str = "aigcDetector_global";

/// The headers of one call to a host, with a time and a nonce of its own.
pub(crate) fn headers(host: &str) -> Vec<(&'static str, String)> {
    let now = time::OffsetDateTime::from(std::time::SystemTime::now());
    let (date, nonce) = (aigclens::sign::iso_date(now), uuid::Uuid::new_v4().to_string());
    let payload_hash = sha256_hex(BODY.as_bytes());
    let mut headers = vec![
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("host", host.to_owned()),
        ("x-acs-action", "ImageModeration".to_owned()),
        ("x-acs-content-sha256", payload_hash.clone()),
        ("x-acs-date", date),
        ("x-acs-signature-nonce", nonce),
        ("x-acs-version", "2022-03-02".to_owned()),
    ];
    let signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = acs3::Request {
        method: "POST",
        path: "/",
        query: &[("Service", SERVICE)],
        headers: &signed,
        payload_hash: &payload_hash,
    };
    let authorization = acs3::authorize(&request, KEY_ID, SECRET);
    headers.push(("authorization", authorization));
    headers
}

/// Reads the answer as JSON; it is right if its label is `aigc`.
pub(crate) fn check(body: &[u8]) -> Outcome<()> {
    let answer: Value = serde_json::from_slice(body)?;
    match answer.pointer("/Data/Result/0/Label").and_then(Value::as_str) {
        Some("aigc") => Ok(()),
        other => Err(format!("the answer's label is {other:?}").into()),
    }
}
