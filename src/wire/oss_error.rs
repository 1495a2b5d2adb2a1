//! The errors of OSS: XML with a code. None of them costs anything.
use crate::error::{Error, Kind};
use crate::redact;
use quick_xml::Reader;
use quick_xml::events::Event;

/// The fields of `<Error>` that are of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OssError {
    pub code: String,
    pub message: String,
    pub request_id: Option<String>,
    /// The finer code, for example `0002-00000080`: this bucket refuses signature V1.
    pub ec: Option<String>,
}

/// Reads `<Error><Code/><Message/>...`; what is not XML gives empty fields.
pub fn read(body: &[u8]) -> OssError {
    let text = String::from_utf8_lossy(body.get(..body.len().min(64 * 1024)).unwrap_or_default()).into_owned();
    let mut reader = Reader::from_str(&text);
    let mut error = OssError::default();
    let mut element = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => start.local_name().as_ref().clone_into(&mut element),
            Ok(Event::End(_)) => element.clear(),
            Ok(Event::Text(content)) => {
                let content: &str = content.as_ref();
                let content = content.trim().to_owned();
                match element.as_str() {
                    "Code" => error.code = content,
                    "Message" => error.message.push_str(&content),
                    "RequestId" => error.request_id = Some(content),
                    "EC" => error.ec = Some(content),
                    _ => {}
                }
            }
            Ok(Event::Eof) | Err(_) => return error,
            Ok(_) => {}
        }
    }
}

/// The finer code of a bucket that takes uploads signed with V4 alone, as newer accounts' do.
const V1_REFUSED: &str = "0002-00000080";

/// Whether the token that the upload was made with is no longer of use, so that the next call must ask for another.
pub fn spoils_token(code: &str) -> bool {
    matches!(
        code,
        "InvalidAccessKeyId"
            | "InvalidSecurityToken"
            | "SecurityTokenExpired"
            | "AccessKeyIdAndSecurityTokenNotMatch"
            | "SignatureDoesNotMatch"
            | "AccessDenied"
            | "NoSuchBucket"
    )
}

/// The error for an answer of OSS that is not a success.
pub fn refusal(status: u16, body: &[u8], secrets: &[&str]) -> Error {
    let refused = read(body);
    let (kind, advice) = match (refused.code.as_str(), status) {
        _ if refused.ec.as_deref() == Some(V1_REFUSED) => {
            (Kind::Upload, "the storage takes signature V4 only; leave upload_signature= at its default")
        }
        ("RequestTimeTooSkewed", _) => {
            (Kind::ClockSkew, "this machine's clock must be within 15 minutes of the server's")
        }
        ("SlowDown" | "QpsLimitExceeded" | "DownloadTrafficRateLimitExceeded", _) | (_, 429) => {
            (Kind::Throttled, "the upload was throttled; call more slowly")
        }
        ("EntityTooLarge", _) | (_, 413) => (Kind::ImageTooLarge, "the image is too large for the upload"),
        ("InvalidDigest" | "BadDigest", _) => (Kind::UploadIntegrity, "the image was changed on its way; try again"),
        (_, 300..=399) => (Kind::UnexpectedRedirect, "the storage answered with a redirect, which is never followed"),
        (_, 407) => (Kind::Proxy, "the proxy wants a user name and password; put them into the proxy's URL"),
        (_, 500..=599) => (Kind::Server, "the storage had an internal error; try again later"),
        _ => (Kind::Upload, "the temporary storage refused the image; nothing was charged"),
    };
    let said = redact::excerpt(redact::scrub(&refused.message, secrets).as_bytes(), 200);
    let code = if refused.code.is_empty() { format!("HTTP {status}") } else { refused.code.clone() };
    let ec = refused.ec.map(|ec| format!(", EC {ec}")).unwrap_or_default();
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let mut error = Error::new(kind, format!("PutObject: {advice} (code {code}{ec}{said})"))
        .with_http_status(status)
        .with_request_id(refused.request_id);
    if !refused.code.is_empty() {
        error = error.with_code(refused.code);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENIED: &[u8] = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>no s3cret</Message>\
        <RequestId>5C3D</RequestId><HostId>h</HostId><EC>0002-00000080</EC><StringToSign>PUT</StringToSign></Error>";

    #[test]
    fn the_fields_are_read_and_secrets_taken_out() {
        let error = refusal(403, DENIED, &["s3cret"]);
        assert_eq!((error.kind(), error.facts().code.as_deref()), (Kind::Upload, Some("AccessDenied")));
        assert_eq!(error.facts().request_id.as_deref(), Some("5C3D"));
        assert!(error.message().contains("upload_signature="));
        assert!(error.message().contains("0002-00000080") && !error.message().contains("s3cret"));
    }

    /// B13, C11, K05.
    #[test]
    fn the_kind_follows_the_code_then_the_status() {
        let kind =
            |status, code: &str| refusal(status, format!("<Error><Code>{code}</Code></Error>").as_bytes(), &[]).kind();
        assert_eq!(kind(403, "RequestTimeTooSkewed"), Kind::ClockSkew);
        assert_eq!(kind(503, "SlowDown"), Kind::Throttled);
        assert_eq!(kind(500, "InternalError"), Kind::Server);
        assert_eq!(refusal(502, b"<html>", &[]).kind(), Kind::Server);
        assert_eq!(refusal(301, b"", &[]).kind(), Kind::UnexpectedRedirect);
        assert!(spoils_token("InvalidSecurityToken") && !spoils_token("EntityTooLarge"));
    }
}
