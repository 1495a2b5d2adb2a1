//! A request as it came, decoded once.
use crate::encode;
use bytes::Bytes;

/// Everything of a request that a signature or an answer depends on.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub method: String,
    /// As it is on the wire, percent-encoded.
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Request {
    /// Nothing if the query is not UTF-8 once it is decoded.
    pub(super) fn new(
        method: &str,
        path: &str,
        query: Option<&str>,
        headers: Vec<(String, String)>,
        body: Bytes,
    ) -> Option<Self> {
        let query = encode::parse_form(query.unwrap_or_default())?;
        Some(Self { method: method.to_owned(), path: path.to_owned(), query, headers, body })
    }

    /// A header's value; those of a repeated one are joined.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = values.next()?.to_owned();
        Some(values.fold(first, |joined, value| format!("{joined},{value}")))
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The fields of a form body; none if it is not one.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        let is_form =
            self.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let text = std::str::from_utf8(&self.body).ok().filter(|_| is_form);
        text.and_then(encode::parse_form).unwrap_or_default()
    }

    /// The authority that the request was sent to.
    pub(super) fn host(&self) -> String {
        self.header("host").unwrap_or_default()
    }
}
