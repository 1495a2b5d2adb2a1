//! What goes back: the three shapes of answers that the service, its gateway and its storage have.
use crate::encode;
use bytes::Bytes;
use serde_json::{Value, json};

/// What the emulator calls itself.
pub(super) const SERVER: &str = concat!("aigclens-emulator/", env!("CARGO_PKG_VERSION"));

/// An answer, before it becomes HTTP.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    /// The code inside, for the list of requests.
    pub code: String,
}

/// The status of an answer and the code inside.
pub(super) type Summary = (u16, String);

const JSON: &str = "application/json;charset=utf-8";

impl Reply {
    fn json(status: u16, code: impl Into<String>, request_id: &str, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", JSON.to_owned()), ("x-acs-request-id", request_id.to_owned())],
            body: Bytes::from(body.to_string()),
            code: code.into(),
        }
    }

    /// A success.
    pub(super) fn success(request_id: &str, data: &Value) -> Self {
        let body = json!({ "Msg": "OK", "Code": 200, "Data": data, "RequestId": request_id });
        Self::json(200, "200", request_id, &body)
    }

    /// A refusal by the service itself: a number inside of an HTTP 200.
    pub(super) fn business(request_id: &str, code: i64, message: &str) -> Self {
        Self::json(200, code.to_string(), request_id, &json!({ "Msg": message, "Code": code, "RequestId": request_id }))
    }

    /// A refusal by the gateway: a text with an HTTP error.
    pub(super) fn gateway(request_id: &str, host: &str, refusal: &Refusal) -> Self {
        let body = json!({
            "RequestId": request_id,
            "Message": refusal.message,
            "Recommend": format!("https://error-center.aliyun.com/status/search?Keyword={}&source=PopGw", encode::percent(&refusal.code)),
            "HostId": host,
            "Code": refusal.code,
        });
        let mut reply = Self::json(refusal.status, refusal.code.clone(), request_id, &body);
        if let Some(milliseconds) = refusal.retry_after {
            reply.headers.push(("x-acs-retry-after", milliseconds.to_string()));
        }
        reply
    }

    /// A refusal by the storage: XML.
    pub(super) fn storage(request_id: &str, host: &str, refusal: &Refusal, ec: &str) -> Self {
        let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n  <Code>{}</Code>\n  <Message>{}</Message>\n  \
             <RequestId>{}</RequestId>\n  <HostId>{}</HostId>\n  <EC>{ec}</EC>\n</Error>\n",
            escape(&refusal.code),
            escape(&refusal.message),
            escape(request_id),
            escape(host),
        );
        Self {
            status: refusal.status,
            headers: vec![
                ("content-type", "application/xml".to_owned()),
                ("x-oss-request-id", request_id.to_owned()),
                ("x-oss-ec", ec.to_owned()),
            ],
            body: Bytes::from(body),
            code: refusal.code.clone(),
        }
    }

    pub(super) fn summary(&self) -> Summary {
        (self.status, self.code.clone())
    }

    /// The date that it carries, or else this one.
    pub(super) fn date<'a>(&'a self, now: &'a str) -> &'a str {
        self.headers.iter().find(|(name, _)| *name == "date").map_or(now, |(_, date)| date)
    }

    /// The status line and the headers as they go over the wire, with some more.
    pub(super) fn head(&self, date: &str, more: &[(&'static str, String)]) -> String {
        let reason = http::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason.unwrap_or("Unknown"));
        let common = [("server", SERVER), ("date", self.date(date))];
        let own = self.headers.iter().filter(|(name, _)| *name != "date");
        let own = own.chain(more).map(|(name, value)| (*name, value.as_str()));
        for (name, value) in common.into_iter().chain(own) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head + "\r\n"
    }

    /// An answer of the emulator's own pages.
    pub(super) fn admin(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", JSON.to_owned())],
            body: Bytes::from(body.to_string()),
            code: status.to_string(),
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub code: String,
    pub message: String,
    /// In milliseconds.
    pub retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), retry_after: None }
    }
}
