//! One call of the service: credential, signature, send, decode. What happened is noted as an attempt, whatever happened.
use crate::ambient::Ambient;
use crate::attempt::{Attempt, Billing, Operation};
use crate::config::{Settings, Signature};
use crate::credential::Credentials;
use crate::detection::Engine;
use crate::encode;
use crate::error::{Error, Kind, Result};
use crate::http::{Failure, HeaderText, Request, Response, Transport};
use crate::redact::Secret;
use crate::sign::{self, acs3, rpc};
use crate::wire::envelope::{self, Answer, Envelope};
use crate::wire::{FORM, VERSION};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The requests of one call, in the order of trying.
pub type Trail = Vec<Attempt>;

/// How long a call may still take.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Instant,
    attempt: Duration,
}

impl Deadline {
    pub fn new(total: Duration, attempt: Duration) -> Self {
        Self { end: Instant::now() + total, attempt }
    }

    /// The time for the next request: that of an attempt, or what is left of the call; nothing left is an error.
    pub fn next_attempt(&self) -> Result<Duration> {
        Ok(self.attempt.min(self.left()?))
    }

    /// What is left of the whole call.
    pub fn left(&self) -> Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(
                Kind::DetectTimeout,
                "the call's total time-out passed before the next request was sent",
            ));
        }
        Ok(left)
    }
}

/// A signed request, and the texts that must not come back in an error.
#[derive(Debug)]
pub struct Signed {
    pub request: Request,
    pub credentials: Credentials,
}

/// The service at one endpoint, reached through one transport.
#[derive(Debug, Clone)]
pub struct Service {
    pub settings: Arc<Settings>,
    pub ambient: Ambient,
    pub transport: Arc<dyn Transport>,
}

/// A success, and who gave it.
#[derive(Debug)]
pub struct Success {
    pub envelope: Envelope,
    pub engine: Engine,
}

impl Service {
    /// Calls an operation once. The attempt is noted in the trail; an error carries the whole trail.
    pub async fn call(
        &self,
        operation: Operation,
        fields: &[(&str, &str)],
        deadline: Deadline,
        trail: &mut Trail,
    ) -> Result<Success> {
        let signed = self.sign(operation, fields, deadline.next_attempt()?)?;
        let started = Instant::now();
        let outcome = self.transport.send(signed.request).await;
        let elapsed = started.elapsed();
        let result = match outcome {
            Ok(response) => decode(operation, &response, &signed.credentials),
            Err(failure) => Err(unanswered(operation, failure)),
        };
        self.note(operation, elapsed, result, trail)
    }

    /// Writes an attempt down and gives its error the trail.
    fn note(
        &self,
        operation: Operation,
        elapsed: Duration,
        result: Result<Success>,
        trail: &mut Trail,
    ) -> Result<Success> {
        let region = self.settings.endpoint.region.clone();
        match result {
            Ok(success) => {
                let billing = if operation.is_paid() { Billing::Billed } else { Billing::NotBilled };
                let request_id = success.envelope.request_id.clone();
                let code = Some(crate::wire::codes::SUCCESS.to_string());
                trail.push(Attempt { operation, billing, outcome: "ok", code, request_id, region, elapsed });
                Ok(success)
            }
            Err(error) => {
                trail.push(failed(operation, &error, region, elapsed));
                Err(with_trail(error, trail))
            }
        }
    }

    /// Builds and signs a request: a fresh nonce and the present time for every attempt.
    pub fn sign(&self, operation: Operation, fields: &[(&str, &str)], time: Duration) -> Result<Signed> {
        let credentials = self.settings.provider.provide(&self.ambient)?;
        let nonce = self.nonce()?;
        let date = sign::iso_date(self.ambient.utc());
        let body = encode::form(fields.iter().copied());
        let (path, headers) = match self.settings.signature {
            Signature::Acs3 => ("/".to_owned(), self.acs3_headers(operation, &body, &credentials, &nonce, date)),
            Signature::HmacSha1 => {
                (rpc_path(operation, fields, &credentials, &nonce, &date), self.common_headers(operation, &body))
            }
        };
        let url = Secret::new(format!("{}{path}", self.settings.endpoint.url()));
        let body = Bytes::from(body);
        let is_loopback = self.settings.endpoint.is_loopback;
        Ok(Signed { request: Request { method: "POST", url, headers, body, is_loopback, time }, credentials })
    }

    fn nonce(&self) -> Result<String> {
        let mut bytes = [0_u8; 16];
        if self.ambient.random(&mut bytes) {
            return Ok(encode::hex(&bytes));
        }
        Err(Error::new(Kind::Internal, "the operating system gave no random bytes for a nonce; nothing was sent"))
    }

    fn common_headers(&self, operation: Operation, body: &str) -> Vec<(&'static str, HeaderText)> {
        let mut headers = vec![
            ("host", HeaderText::Plain(self.settings.endpoint.authority.clone())),
            ("accept", HeaderText::Plain("application/json".to_owned())),
            ("user-agent", HeaderText::Plain(self.settings.network.user_agent.clone())),
            ("x-acs-action", HeaderText::Plain(operation.as_str().to_owned())),
            ("x-acs-version", HeaderText::Plain(VERSION.to_owned())),
        ];
        if !body.is_empty() {
            headers.push(("content-type", HeaderText::Plain(FORM.to_owned())));
        }
        headers
    }

    fn acs3_headers(
        &self,
        operation: Operation,
        body: &str,
        credentials: &Credentials,
        nonce: &str,
        date: String,
    ) -> Vec<(&'static str, HeaderText)> {
        let payload_hash = sign::sha256_hex(body.as_bytes());
        let mut headers = self.common_headers(operation, body);
        headers.push(("x-acs-date", HeaderText::Plain(date)));
        headers.push(("x-acs-signature-nonce", HeaderText::Plain(nonce.to_owned())));
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

fn decode(operation: Operation, response: &Response, credentials: &Credentials) -> Result<Success> {
    let mut secrets = credentials.secrets();
    secrets.push(&credentials.access_key_id);
    let content_type = response.header("content-type");
    let answer = Answer { operation, status: response.status, content_type, body: &response.body };
    let envelope = envelope::open(answer, &secrets)?;
    let is_emulator = response.header("server").is_some_and(|server| server.starts_with("aigclens-emulator"))
        || envelope.request_id.as_ref().is_some_and(|id| id.starts_with("EMU-"));
    let engine = if is_emulator { Engine::Emulator } else { Engine::Service };
    Ok(Success { envelope, engine })
}

/// The error for a request that got no answer.
pub fn unanswered(operation: Operation, failure: Failure) -> Error {
    let billing = match failure.sent && operation.is_paid() {
        true => Billing::PossiblyBilled,
        false => Billing::NotBilled,
    };
    Error::new(failure.kind, format!("{}: {}", operation.as_str(), failure.message)).with_billing(billing)
}

/// The attempt that an error stands for.
pub fn failed(operation: Operation, error: &Error, region: Option<String>, elapsed: Duration) -> Attempt {
    let facts = error.facts();
    Attempt {
        operation,
        billing: facts.billing.unwrap_or(Billing::NotBilled),
        outcome: error.kind().name(),
        code: facts.code.clone(),
        request_id: facts.request_id.clone(),
        region,
        elapsed,
    }
}

/// An error that carries every request of its call.
pub fn with_trail(mut error: Error, trail: &Trail) -> Error {
    error.facts_mut().attempts.clone_from(trail);
    error
}
