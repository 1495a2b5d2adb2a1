//! Credentials as servers and programs write them: JSON of a few known shapes. What cannot be read is named, never shown.
use super::{Issued, Keep, broken};
use crate::credential::Credentials;
use crate::error::{Error, Result};
use crate::wire::json;
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a shape calls its fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub id: &'static str,
    pub secret: &'static str,
    pub token: &'static str,
    pub expiration: &'static str,
}

/// Of STS, the metadata service and credentials URIs.
pub(super) const SERVER: Names =
    Names { id: "AccessKeyId", secret: "AccessKeySecret", token: "SecurityToken", expiration: "Expiration" };
/// Of programs and profiles of the command line tool.
pub(super) const PROGRAM: Names =
    Names { id: "access_key_id", secret: "access_key_secret", token: "sts_token", expiration: "expiration" };

/// Reads a body as JSON.
pub(super) fn object(who: &str, body: &[u8]) -> Result<Value> {
    json::read(body).ok().filter(Value::is_object).ok_or_else(|| broken(format!("{who} gave no JSON object")))
}

/// The credentials of an object. Those of servers are temporary: without token and expiration they are none.
pub(super) fn read(who: &str, object: &Value, names: Names, is_temporary: bool) -> Result<Issued> {
    let text = |name: &str| json::text(object, name).filter(|text| !text.is_empty());
    let missing = |name: &str| broken(format!("{who} gave credentials without {name}"));
    let need = |name: &'static str| text(name).ok_or_else(|| missing(name));
    let (id, secret) = (need(names.id)?, need(names.secret)?);
    let token = if is_temporary { Some(need(names.token)?) } else { text(names.token) };
    let expiration = match json::field(object, names.expiration) {
        None | Some(Value::Null) if is_temporary => return Err(missing(names.expiration)),
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() && !is_temporary => None,
        Some(value) => Some(moment(value).ok_or_else(|| {
            broken(format!("{who} gave an {} that is no time such as 2026-01-31T12:00:00Z", names.expiration))
        })?),
    };
    let credentials = Credentials::new(&id, &secret, token.as_deref()).map_err(|error| said_by(who, &error))?;
    Ok(Issued { credentials: credentials.until(expiration), keep: Keep::Time })
}

/// The same error, with the place that it is about.
pub(super) fn said_by(who: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("{who}: {}", error.message()))
}

/// `2026-01-31T12:00:00Z`, or seconds since the epoch.
fn moment(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::String(text) => match OffsetDateTime::parse(text.trim(), &Rfc3339) {
            Ok(time) => time.unix_timestamp(),
            Err(_) => text.trim().parse().ok()?,
        },
        Value::Number(number) => number.as_i64()?,
        _ => return None,
    };
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const WHOLE: &str = r#"{"AccessKeyId":"STS.id","AccessKeySecret":"hunter2hunter2","SecurityToken":"token",
        "Expiration":"2026-01-31T12:00:00Z"}"#;

    fn server(body: &str) -> Result<Issued> {
        read("the server", &object("the server", body.as_bytes())?, SERVER, true)
    }

    #[test]
    fn a_whole_answer_is_read() {
        let found = server(WHOLE).unwrap().credentials;
        assert_eq!((found.access_key_id.as_str(), found.secrets()), ("STS.id", vec!["hunter2hunter2", "token"]));
        assert_eq!(found.expiration, Some(Duration::from_secs(1_769_860_800)));
    }

    /// A12: what is no answer is an error that shows nothing of it.
    #[test]
    fn html_and_half_answers_are_errors_that_show_nothing() {
        for body in [
            "<html>hunter2hunter2</html>",
            "[]",
            "",
            "{\"AccessKeyId\":\"hunter2hunter2\"}",
            &WHOLE.replace("2026", "x"),
        ] {
            let error = server(body).unwrap_err();
            assert_eq!(error.kind(), Kind::Credentials, "{body}");
            assert!(!error.message().contains("hunter2"), "{error}");
        }
        for name in ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"] {
            assert!(server(&WHOLE.replace(&format!("\"{name}\""), "\"x\"")).unwrap_err().message().contains(name));
        }
    }

    /// A02, A03: values of a provider are checked as those of a user are.
    #[test]
    fn white_space_and_line_ends_in_a_value_are_refused() {
        for bad in ["hunter2\\n", " hunter2", "hun\\r\\nter2"] {
            let error = server(&WHOLE.replace("hunter2hunter2", bad)).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.message().contains("the server") && !error.message().contains("hun"), "{error}");
        }
    }

    #[test]
    fn a_program_may_leave_token_and_expiration_out() {
        let read =
            |body: &str| read("it", &object("it", body.as_bytes()).unwrap(), PROGRAM, false).unwrap().credentials;
        let plain = read(r#"{"access_key_id":"a","access_key_secret":"b","expiration":""}"#);
        assert_eq!((plain.security_token.is_none(), plain.expiration), (true, None));
        let epoch = read(r#"{"access_key_id":"a","access_key_secret":"b","sts_token":"c","expiration":1769860800}"#);
        assert_eq!(epoch.expiration, Some(Duration::from_secs(1_769_860_800)));
    }
}
