//! Who asks: the signature of a call, checked as the gateway checks it, with the same stages that the client signs with.
//! That both do not merely agree with each other is what Alibaba's own packages are run against this for.
use super::keys::Keys;
use super::reply::Refusal;
use super::request::Request;
use crate::sign::{acs3, rpc, sha256_hex};
use std::time::Duration;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// How far a request's time may be from the server's.
pub(super) const WINDOW: Duration = Duration::from_secs(15 * 60);

/// What a verified request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub access_key_id: String,
    pub action: String,
    pub version: String,
    pub nonce: String,
}

fn missing(name: &str) -> Refusal {
    Refusal::new(400, format!("Missing{name}"), format!("{name} is mandatory for this action."))
}

fn mismatch(string_to_sign: &str) -> Refusal {
    let message = format!(
        "Specified signature is not matched with our calculation. server string to sign is:{}",
        string_to_sign.replace('\n', " ")
    );
    Refusal::new(400, "SignatureDoesNotMatch", message)
}

/// Checks a request of either signature.
pub(super) fn verify(request: &Request, keys: &Keys, now: OffsetDateTime) -> Result<Verified, Refusal> {
    if request.header("authorization").is_some() {
        verify_acs3(request, keys, now)
    } else if request.parameter("Signature").is_some() || request.parameter("AccessKeyId").is_some() {
        verify_rpc(request, keys, now)
    } else {
        Err(missing("AccessKeyId"))
    }
}

/// `2026-11-24T01:57:50Z`, within the window.
fn timely(text: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    const FORMAT: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let Ok(date) = PrimitiveDateTime::parse(text, FORMAT) else {
        return Err(Refusal::new(
            400,
            "InvalidTimeStamp.Format",
            "Specified time stamp or date value is not well formatted.",
        ));
    };
    if (date.assume_utc() - now).unsigned_abs() > WINDOW {
        return Err(Refusal::new(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."));
    }
    Ok(())
}

fn verify_acs3(request: &Request, keys: &Keys, now: OffsetDateTime) -> Result<Verified, Refusal> {
    let incomplete =
        |what: &str| Refusal::new(400, "IncompleteSignature", format!("The signature is not complete: {what}."));
    let authorization = request.header("authorization").unwrap_or_default();
    let (algorithm, parts) = authorization.split_once(' ').unwrap_or_default();
    if algorithm != acs3::ALGORITHM {
        return Err(incomplete("the algorithm is not ACS3-HMAC-SHA256"));
    }
    let part = |name: &str| {
        let mut parts = parts.split(',').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let credential = part("Credential").ok_or_else(|| incomplete("Credential is missing"))?;
    let signed = part("SignedHeaders").ok_or_else(|| incomplete("SignedHeaders is missing"))?;
    let given = part("Signature").ok_or_else(|| incomplete("Signature is missing"))?;
    let key = keys.find(credential, request.header("x-acs-security-token").as_deref(), now)?;
    let need = |name: &str, called: &str| request.header(name).ok_or_else(|| missing(called));
    let (date, nonce) = (need("x-acs-date", "Timestamp")?, need("x-acs-signature-nonce", "SignatureNonce")?);
    let (action, version) = (need("x-acs-action", "Action")?, need("x-acs-version", "Version")?);
    let names: Vec<&str> = signed.split(';').collect();
    // What Alibaba's documents say must be signed wherever it is present.
    let must = request.headers.iter().map(|(name, _)| name.as_str()).filter(|name| acs3::is_signed(name));
    if let Some(unsigned) = must.into_iter().find(|name| !names.contains(name)) {
        return Err(incomplete(&format!("the header {unsigned} is not signed")));
    }
    let payload_hash = sha256_hex(&request.body);
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let query: Vec<(&str, &str)> = request.query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let signed = acs3::Request {
        method: &request.method,
        path: &request.path,
        query: &query,
        headers: &headers,
        payload_hash: &payload_hash,
    };
    let string_to_sign = acs3::string_to_sign(&acs3::canonical_request(&signed));
    if request.header("x-acs-content-sha256").is_some_and(|claimed| claimed != payload_hash)
        || acs3::signature(key.secret.expose(), &string_to_sign) != given
    {
        return Err(mismatch(&string_to_sign));
    }
    timely(&date, now)?;
    Ok(Verified { access_key_id: credential.to_owned(), action, version, nonce })
}

fn verify_rpc(request: &Request, keys: &Keys, now: OffsetDateTime) -> Result<Verified, Refusal> {
    let need = |name: &str| request.parameter(name).ok_or_else(|| missing(name));
    let access_key_id = need("AccessKeyId")?;
    let (given, date, nonce) = (need("Signature")?, need("Timestamp")?, need("SignatureNonce")?);
    let (action, version) = (need("Action")?, need("Version")?);
    for (name, value) in [("SignatureMethod", "HMAC-SHA1"), ("SignatureVersion", "1.0")] {
        if need(name)? != value {
            return Err(Refusal::new(400, format!("Invalid{name}"), format!("{name} must be {value}.")));
        }
    }
    let key = keys.find(access_key_id, request.parameter("SecurityToken"), now)?;
    let form = request.form();
    let parameters = request.query.iter().chain(&form).map(|(key, value)| (key.as_str(), value.as_str()));
    let parameters: Vec<(&str, &str)> = parameters.filter(|(key, _)| *key != "Signature").collect();
    let string_to_sign = rpc::string_to_sign(&request.method, &rpc::canonicalized_query(&parameters));
    if rpc::signature(key.secret.expose(), &string_to_sign) != *given {
        return Err(mismatch(&string_to_sign));
    }
    timely(date, now)?;
    Ok(Verified {
        access_key_id: access_key_id.to_owned(),
        action: action.to_owned(),
        version: version.to_owned(),
        nonce: nonce.to_owned(),
    })
}
