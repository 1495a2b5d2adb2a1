//! From fields to a signed request: a fresh nonce and the present time for every attempt.
use super::Service;
use crate::ambient;
use crate::attempt::Operation;
use crate::config::Signature;
use crate::credential::Credentials;
use crate::encode;
use crate::error::{Error, Kind, Result};
use crate::http::{HeaderText, Request};
use crate::redact::Secret;
use crate::sign::{self, acs3, rpc};
use crate::wire::{FORM, VERSION};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// A signed request, and the texts that must not come back in an error.
#[derive(Debug)]
pub struct Signed {
    pub request: Request,
    pub credentials: Arc<Credentials>,
}

impl Service {
    /// Builds and signs a request: a fresh nonce and the present time for every attempt.
    pub fn sign(
        &self,
        operation: Operation,
        fields: &[(&str, &str)],
        time: Duration,
        credentials: Arc<Credentials>,
    ) -> Result<Signed> {
        let nonce = self.nonce()?;
        let date = sign::iso_date(ambient::calendar(self.now(operation)));
        let body = encode::form(fields.iter().copied());
        let (path, headers) = match self.settings.signature {
            Signature::Acs3 => ("/".to_owned(), self.acs3_headers(operation, &body, &credentials, nonce, date)),
            Signature::HmacSha1 => {
                (rpc_path(operation, fields, &credentials, &nonce, &date), self.common_headers(operation, &body))
            }
        };
        let url = Secret::new(format!("{}{path}", self.settings.endpoint.url()));
        let body = Bytes::from(body);
        let is_loopback = self.settings.endpoint.is_loopback;
        Ok(Signed { request: Request { method: "POST", url, headers, body, is_loopback, time }, credentials })
    }

    pub(super) fn nonce(&self) -> Result<String> {
        let mut bytes = [0_u8; 16];
        if self.ambient.random(&mut bytes) {
            return Ok(encode::hex(&bytes));
        }
        Err(Error::new(Kind::Internal, "the operating system gave no random bytes for a nonce; nothing was sent"))
    }

    fn common_headers(&self, operation: Operation, body: &str) -> Vec<(&'static str, HeaderText)> {
        // The signature brings six more at most.
        let mut headers = Vec::with_capacity(12);
        headers.extend([
            ("host", HeaderText::Plain(self.settings.endpoint.authority.clone())),
            ("accept", HeaderText::Fixed("application/json")),
            ("user-agent", HeaderText::Plain(self.settings.network.user_agent.clone())),
            ("x-acs-action", HeaderText::Fixed(operation.as_str())),
            ("x-acs-version", HeaderText::Fixed(VERSION)),
        ]);
        if !body.is_empty() {
            headers.push(("content-type", HeaderText::Fixed(FORM)));
        }
        headers
    }

    fn acs3_headers(
        &self,
        operation: Operation,
        body: &str,
        credentials: &Credentials,
        nonce: String,
        date: String,
    ) -> Vec<(&'static str, HeaderText)> {
        let payload_hash = sign::sha256_hex(body.as_bytes());
        let mut headers = self.common_headers(operation, body);
        headers.push(("x-acs-date", HeaderText::Plain(date)));
        headers.push(("x-acs-signature-nonce", HeaderText::Plain(nonce)));
        headers.push(("x-acs-content-sha256", HeaderText::Plain(payload_hash.clone())));
        if let Some(token) = &credentials.security_token {
            headers.push(("x-acs-accesskey-id", HeaderText::Plain(credentials.access_key_id.clone())));
            headers.push(("x-acs-security-token", HeaderText::Sensitive(token.clone())));
        }
        let signed: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| acs3::is_signed(name))
            .map(|(name, text)| (*name, text.expose()))
            .collect();
        let request =
            acs3::Request { method: "POST", path: "/", query: &[], headers: &signed, payload_hash: &payload_hash };
        let authorization =
            acs3::authorize(&request, &credentials.access_key_id, credentials.access_key_secret.expose());
        headers.push(("authorization", HeaderText::Sensitive(Secret::new(authorization))));
        headers
    }
}

/// The older signature's request target: its parameters are in the query, signed together with the body's fields.
fn rpc_path(
    operation: Operation,
    fields: &[(&str, &str)],
    credentials: &Credentials,
    nonce: &str,
    date: &str,
) -> String {
    let mut query = vec![
        ("Action", operation.as_str()),
        ("Format", "JSON"),
        ("Version", VERSION),
        ("Timestamp", date),
        ("SignatureNonce", nonce),
        ("SignatureMethod", rpc::METHOD),
        ("SignatureVersion", rpc::VERSION),
        ("AccessKeyId", &credentials.access_key_id),
    ];
    if let Some(token) = &credentials.security_token {
        query.push(("SecurityToken", token.expose()));
    }
    let parameters: Vec<(&str, &str)> = query.iter().copied().chain(fields.iter().copied()).collect();
    let signature = rpc::sign("POST", &parameters, credentials.access_key_secret.expose());
    query.push(("Signature", &signature));
    let pairs: Vec<String> =
        query.iter().map(|(key, value)| format!("{}={}", encode::percent(key), encode::percent(value))).collect();
    format!("/?{}", pairs.join("&"))
}
