//! The outer shape of every answer: status, code, request id. What it decides is whether the call succeeded.
use super::codes::{self, Meaning};
use super::json::{self, Unreadable};
use crate::attempt::{Billing, Operation};
use crate::error::{Error, Kind};
use crate::redact;
use serde_json::Value;

/// How much of an unreadable body goes into an error.
const EXCERPT: usize = 200;
/// How much of a refused answer an error keeps for inspection.
const KEPT: usize = 16 * 1024;

/// A success: HTTP 200 with business code 200, body readable.
#[derive(Debug, Clone)]
pub struct Envelope {
    pub request_id: Option<String>,
    pub body: Value,
}

/// An answer as it came off the wire.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub operation: Operation,
    pub status: u16,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

/// What the code of an answer looks like: business codes are integers (or integers in quotes, D13), gateway codes words.
fn code_of(body: &Value) -> Option<(String, Option<i64>)> {
    let text = json::text(body, "Code")?;
    let number = text.parse::<i64>().ok();
    Some((text, number))
}

/// Separates successes from everything else. `secrets` are taken out of whatever text goes into an error.
pub fn open(answer: Answer<'_>, secrets: &[&str]) -> Result<Envelope, Error> {
    let body = match json::read(answer.body) {
        Ok(body) if body.is_object() => body,
        other => return Err(unreadable(answer, other.err(), secrets)),
    };
    let request_id = json::text(&body, "RequestId");
    let Some((code, number)) = code_of(&body) else {
        return Err(unreadable(answer, None, secrets).with_request_id(request_id));
    };
    if answer.status == 200 && number == Some(codes::SUCCESS) {
        return Ok(Envelope { request_id, body });
    }
    let mut meaning = match (answer.status, number) {
        // An error status around a success contradicts itself: refused by its status, charged perhaps (D15).
        (status, Some(codes::SUCCESS)) => Meaning { billing: Billing::PossiblyBilled, ..codes::status(status) },
        (200, Some(business)) => codes::business(business),
        (status, _) => codes::gateway(&code, status),
    };
    if !answer.operation.is_paid() {
        meaning.billing = Billing::NotBilled;
    }
    let said = ["Msg", "Message"].iter().find_map(|name| json::text(&body, name)).unwrap_or_default();
    let said = redact::excerpt(redact::scrub(&said, secrets).as_bytes(), EXCERPT);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let message = format!("{}: {} (code {code}{said})", answer.operation.as_str(), meaning.advice);
    let raw = redact::excerpt(redact::scrub(&String::from_utf8_lossy(answer.body), secrets).as_bytes(), KEPT);
    Err(Error::new(meaning.kind, message)
        .with_code(code)
        .with_http_status(answer.status)
        .with_request_id(request_id)
        .with_billing(meaning.billing)
        .with_raw(raw))
}

/// An answer that is none of the service's JSON (E12 to E17, C10, E22, E23).
fn unreadable(answer: Answer<'_>, why: Option<Unreadable>, secrets: &[&str]) -> Error {
    // First the whole text, then a piece of it: a secret that is cut in two is known by nobody.
    let clean = redact::scrub(&String::from_utf8_lossy(answer.body), secrets);
    let excerpt = redact::excerpt(clean.as_bytes(), EXCERPT);
    let content_type = answer.content_type.unwrap_or("no content type");
    let mut meaning = codes::status(answer.status);
    if answer.status == 200 {
        match why {
            Some(Unreadable::DuplicateKey) => meaning.kind = Kind::ResponseSchema,
            // The code is readable even if the rest is not: then the charge is certain.
            Some(Unreadable::NotUtf8) => {
                let lossy = json::read_lossy(answer.body);
                if lossy.as_ref().and_then(code_of).is_some_and(|(_, number)| number == Some(codes::SUCCESS)) {
                    meaning.billing = Billing::Billed;
                }
            }
            _ => {}
        }
    }
    if !answer.operation.is_paid() {
        meaning.billing = Billing::NotBilled;
    }
    let problem = match why {
        Some(Unreadable::DuplicateKey) => "a key stands twice in the answer",
        Some(Unreadable::NotUtf8) => "the answer is not UTF-8",
        Some(Unreadable::NotJson) => "the answer is not JSON",
        None => "the answer has no code",
    };
    let message = format!(
        "{}: {}; HTTP {}, {problem} ({content_type}): {excerpt:?}",
        answer.operation.as_str(),
        meaning.advice,
        answer.status,
    );
    let raw = redact::excerpt(clean.as_bytes(), KEPT);
    Error::new(meaning.kind, message).with_http_status(answer.status).with_billing(meaning.billing).with_raw(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(status: u16, body: &str) -> Result<Envelope, Error> {
        let body = body.as_bytes();
        open(
            Answer { operation: Operation::ImageModeration, status, content_type: Some("text/html"), body },
            &["s3cret"],
        )
    }

    fn refused(status: u16, body: &str) -> (Kind, Billing) {
        let error = opened(status, body).unwrap_err();
        (error.kind(), error.billing())
    }

    /// D01, D13, E11.
    #[test]
    fn a_success_is_code_200_in_http_200_as_number_or_text() {
        for body in [r#"{"Code":200,"RequestId":"ABCD-XYZ"}"#, r#"{"code":"200","requestId":"ABCD-XYZ"}"#] {
            assert_eq!(opened(200, body).unwrap().request_id.as_deref(), Some("ABCD-XYZ"));
        }
        assert_eq!(opened(200, r#"{"Code":200}"#).unwrap().request_id, None);
    }

    /// D05, D10, D12, D13, D14, D15, E25.
    #[test]
    fn a_refusal_is_read_from_the_right_table() {
        use Billing::{NotBilled, PossiblyBilled};
        assert_eq!(refused(200, r#"{"Code":403}"#), (Kind::Throttled, NotBilled));
        assert_eq!(refused(200, r#"{"Code":"403"}"#), (Kind::Throttled, NotBilled));
        assert_eq!(refused(200, r#"{"Code":408}"#), (Kind::AccountNotReady, NotBilled));
        for odd in ["99999999999999999999", "2e2", "200.0", "1e400"] {
            assert_eq!(refused(200, &format!("{{\"Code\":{odd}}}")), (Kind::ResponseDecode, PossiblyBilled), "{odd}");
        }
        assert_eq!(refused(200, r#"{"Code":-0}"#), (Kind::UnknownService, NotBilled));
        assert_eq!(refused(200, r#"{"Code":588}"#), (Kind::UnknownService, NotBilled));
        assert_eq!(refused(403, r#"{"Code":"Forbidden.RAM"}"#), (Kind::PermissionDenied, NotBilled));
        assert_eq!(refused(400, r#"{"Code":"Throttling.User"}"#), (Kind::Throttled, NotBilled));
        assert_eq!(refused(500, r#"{"Code":200}"#), (Kind::Server, PossiblyBilled));
        assert_eq!(refused(400, r#"{"Code":"SignatureNonceUsed"}"#), (Kind::NonceUsed, PossiblyBilled));
    }

    /// E12, E13, E15, E16, C10, E22.
    #[test]
    fn what_is_no_answer_is_possibly_billed_only_where_it_could_be() {
        use Billing::{Billed, NotBilled, PossiblyBilled};
        for body in ["", "null", "[]", "\"ok\"", "7", "<html>", "{\"Code\":200,\"Da", "{}"] {
            assert_eq!(refused(200, body), (Kind::ResponseDecode, PossiblyBilled), "{body}");
        }
        assert_eq!(refused(200, r#"{"Code":200,"Code":500}"#), (Kind::ResponseSchema, PossiblyBilled));
        assert_eq!(refused(503, "<html>down</html>"), (Kind::Server, NotBilled));
        assert_eq!(refused(302, ""), (Kind::UnexpectedRedirect, NotBilled));
        let broken = b"{\"Code\":200,\"Msg\":\"\xff\"}";
        let error =
            open(Answer { operation: Operation::ImageModeration, status: 200, content_type: None, body: broken }, &[])
                .unwrap_err();
        assert_eq!((error.kind(), error.billing()), (Kind::ResponseDecode, Billed));
    }

    #[test]
    fn a_free_operation_is_never_billed_and_no_secret_comes_back() {
        let body = br#"{"Code":"SignatureNonceUsed","Message":"s3cret, StringToSign=abc"}"#;
        let answer = Answer { operation: Operation::DescribeUploadToken, status: 400, content_type: None, body };
        let error = open(answer, &["s3cret"]).unwrap_err();
        assert_eq!(error.billing(), Billing::NotBilled);
        let shown = format!("{error} {:?}", error.facts());
        assert!(!shown.contains("s3cret") && !shown.contains("abc"), "{shown}");
    }
}
