//! One call of the service: credential, signature, send, decode. What happened is noted as an attempt, whatever happened.
use crate::ambient::{self, Ambient};
use crate::attempt::{Attempt, Billing, Operation};
use crate::config::{Settings, Signature};
use crate::credential::Credentials;
use crate::detection::Engine;
use crate::encode;
use crate::error::{Error, Kind, Result};
use crate::health::Health;
use crate::http::{Failure, HeaderText, Request, Response, Transport};
use crate::pace::Pace;
use crate::redact::Secret;
use crate::retry::{self, Policy, Quota, Retries};
use crate::sign::{self, acs3, rpc};
use crate::skew::{Reading, Skew};
use crate::wire::envelope::{self, Answer, Envelope};
use crate::wire::{FORM, VERSION};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

mod trail;

pub use trail::{CANCELLED, Flight, Trail, failed, with_trail};

/// What holds for one call: how long it may still take, and how persistent it is.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    end: Instant,
    attempt: Duration,
    policy: Policy,
}

impl Terms {
    pub fn new(total: Duration, attempt: Duration, policy: Policy) -> Self {
        Self { end: Instant::now() + total, attempt, policy }
    }

    /// The same, but for a region that is only tried: what costs nothing is not tried again there.
    #[must_use]
    pub const fn giving_way(self) -> Self {
        Self { policy: Policy { gives_way: true, ..self.policy }, ..self }
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

/// What a client learns from call to call. Uploads have a credit of their own, so that trouble with the storage does not
/// keep images that need no upload from being tried again (C11).
#[derive(Debug)]
pub struct Experience {
    paid: Quota,
    free: Quota,
    clock: Skew,
    storage_clock: Skew,
    pace: Pace,
    /// Whether this endpoint is worth asking.
    pub health: Health,
}

impl Experience {
    pub fn new(settings: &Settings) -> Self {
        Self {
            paid: Quota::default(),
            free: Quota::default(),
            clock: Skew::default(),
            storage_clock: Skew::default(),
            pace: Pace::new(settings.qps),
            health: Health::default(),
        }
    }

    /// The clock of whoever performs an operation.
    pub const fn clock(&self, operation: Operation) -> &Skew {
        match operation {
            Operation::PutObject => &self.storage_clock,
            Operation::ImageModeration | Operation::DescribeUploadToken => &self.clock,
        }
    }
}

/// The service at one endpoint, reached through one transport.
#[derive(Debug, Clone)]
pub struct Service {
    pub settings: Arc<Settings>,
    pub ambient: Ambient,
    pub transport: Arc<dyn Transport>,
    pub experience: Arc<Experience>,
}

/// A request that is about to be sent: what its answer says of the time is compared with this.
#[derive(Debug)]
pub struct Departure {
    started: Instant,
    sent: Duration,
    offset: i64,
}

/// A success, and who gave it.
#[derive(Debug)]
pub struct Success {
    pub envelope: Envelope,
    pub engine: Engine,
}

impl Service {
    /// Calls an operation, as often as the terms and the credit allow. An error carries the whole trail.
    pub async fn call(
        &self,
        operation: Operation,
        fields: &[(&str, &str)],
        terms: Terms,
        trail: &mut Trail,
    ) -> Result<Success> {
        let mut retries = self.retries(operation, terms);
        let call = self.persist(&mut retries, operation, fields, terms, &|| true, trail).await;
        call.and_then(|success| success.ok_or_else(|| Error::new(Kind::Internal, "a request that was not made")))
    }

    /// The attempts of one operation, none made yet.
    pub fn retries(&self, operation: Operation, terms: Terms) -> Retries<'_> {
        let quota = if operation.is_paid() { &self.experience.paid } else { &self.experience.free };
        Retries::new(terms.policy, operation, quota)
    }

    /// Goes on with the attempts of an operation until one succeeds or none is left. Nothing comes back, and nothing is
    /// sent, once what the request speaks of is no longer fresh: then it must be made anew (K07).
    pub async fn persist(
        &self,
        retries: &mut Retries<'_>,
        operation: Operation,
        fields: &[(&str, &str)],
        terms: Terms,
        is_fresh: &(dyn Fn() -> bool + Send + Sync),
        trail: &mut Trail,
    ) -> Result<Option<Success>> {
        loop {
            let asked = Instant::now();
            if operation.is_paid() {
                let turn = self.experience.pace.admit(terms.end).await;
                turn.map_err(|error| with_trail(error, trail))?;
            }
            if !is_fresh() {
                return Ok(None);
            }
            let signed = terms.next_attempt().and_then(|time| self.sign(operation, fields, time));
            let signed = signed.map_err(|error| with_trail(error, trail))?;
            let departure = self.depart(operation);
            let flight = self.takes_off(operation, asked.elapsed(), trail);
            let outcome = self.transport.send(signed.request).await;
            let (result, is_corrected) = match outcome {
                Ok(response) => {
                    let result = self.decode(operation, &response, &signed.credentials);
                    let is_corrected = self.learn(operation, &departure, &response, result.as_ref().err());
                    (result, is_corrected)
                }
                Err(failure) => (Err(unanswered(operation, failure)), false),
            };
            match self.note(operation, flight, result, trail) {
                Ok(success) => {
                    retries.succeeded();
                    return Ok(Some(success));
                }
                Err(error) => {
                    if operation.is_paid() && error.kind() == Kind::Throttled {
                        self.experience.pace.throttled();
                    }
                    self.rest(retries, operation, error, is_corrected, terms, trail).await?;
                }
            }
        }
    }

    /// Waits until the next attempt. The error comes back where there is none, or where the call would end before it: it
    /// says more than a time-out would (H02).
    pub async fn rest(
        &self,
        retries: &mut Retries<'_>,
        operation: Operation,
        error: Error,
        is_corrected: bool,
        terms: Terms,
        trail: &Trail,
    ) -> Result<()> {
        if error.kind() == Kind::Throttled {
            trail.throttled(operation, &error);
        }
        let Some(wait) = retries.failed(&error, is_corrected, &self.ambient) else {
            return Err(error);
        };
        if terms.left().map_or(true, |left| wait >= left) {
            return Err(error);
        }
        trail.retried(operation, error.kind().name(), wait);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// What the server's clock shows, as far as it is known.
    pub fn now(&self, operation: Operation) -> Duration {
        self.experience.clock(operation).correct(self.ambient.now())
    }

    /// Notes the time at which a request leaves.
    pub fn depart(&self, operation: Operation) -> Departure {
        let offset = self.experience.clock(operation).offset_millis();
        Departure { started: Instant::now(), sent: self.ambient.now(), offset }
    }

    /// Learns the server's time from an answer of its own, that is, one with an id or a code (B14). Says whether that puts
    /// right what the answer complains of.
    pub fn learn(
        &self,
        operation: Operation,
        departure: &Departure,
        response: &Response,
        error: Option<&Error>,
    ) -> bool {
        if error.is_some_and(|error| error.facts().request_id.is_none() && error.facts().code.is_none()) {
            return false;
        }
        let reading = Reading {
            sent: departure.sent,
            trip: departure.started.elapsed(),
            date: response.header("date"),
            is_cached: response.headers.contains_key("age"),
        };
        let is_notable = self.experience.clock(operation).learn(reading, departure.offset);
        let may_be_skew = |error: &Error| {
            let code = error.facts().code.as_deref();
            error.kind() == Kind::ClockSkew || code == Some("SignatureDoesNotMatch")
        };
        is_notable && error.is_some_and(may_be_skew)
    }

    /// A request is about to be sent, after the call has waited for its turn.
    pub fn takes_off(&self, operation: Operation, waited: Duration, trail: &mut Trail) -> Flight {
        let endpoint = &self.settings.endpoint;
        trail.depart(operation, endpoint.region.as_deref(), &endpoint.authority, waited)
    }

    /// Writes an attempt down and gives its error the trail.
    fn note(
        &self,
        operation: Operation,
        flight: Flight,
        result: Result<Success>,
        trail: &mut Trail,
    ) -> Result<Success> {
        self.experience.health.note(result.as_ref().err().map(Error::kind));
        let (region, elapsed) = (self.settings.endpoint.region.clone(), flight.elapsed());
        match result {
            Ok(success) => {
                let billing = if operation.is_paid() { Billing::Billed } else { Billing::NotBilled };
                let request_id = success.envelope.request_id.clone();
                let code = Some(crate::wire::codes::SUCCESS.to_string());
                trail.land(flight, Attempt { operation, billing, outcome: "ok", code, request_id, region, elapsed });
                Ok(success)
            }
            Err(error) => {
                trail.land(flight, failed(operation, &error, region, elapsed));
                Err(with_trail(error, trail))
            }
        }
    }

    fn decode(&self, operation: Operation, response: &Response, credentials: &Credentials) -> Result<Success> {
        let mut secrets = credentials.secrets();
        secrets.push(&credentials.access_key_id);
        let content_type = response.header("content-type");
        let answer = Answer { operation, status: response.status, content_type, body: &response.body };
        let envelope = envelope::open(answer, &secrets).map_err(|error| self.with_hint(error, response))?;
        let is_emulator = response.header("server").is_some_and(|server| server.starts_with("aigclens-emulator"))
            || envelope.request_id.as_ref().is_some_and(|id| id.starts_with("EMU-"));
        let engine = if is_emulator { Engine::Emulator } else { Engine::Service };
        Ok(Success { envelope, engine })
    }

    /// An error with the server's word on when to try again.
    pub fn with_hint(&self, mut error: Error, response: &Response) -> Error {
        let (own, common) = (response.header("x-acs-retry-after"), response.header("retry-after"));
        error.facts_mut().retry_after = retry::hint(own, common, self.ambient.now());
        error
    }

    /// Builds and signs a request: a fresh nonce and the present time for every attempt.
    pub fn sign(&self, operation: Operation, fields: &[(&str, &str)], time: Duration) -> Result<Signed> {
        let credentials = self.settings.provider.provide(&self.ambient)?;
        let nonce = self.nonce()?;
        let date = sign::iso_date(ambient::calendar(self.now(operation)));
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

/// The error for a request that got no answer.
pub fn unanswered(operation: Operation, failure: Failure) -> Error {
    let billing = match failure.sent && operation.is_paid() {
        true => Billing::PossiblyBilled,
        false => Billing::NotBilled,
    };
    Error::new(failure.kind, format!("{}: {}", operation.as_str(), failure.message)).with_billing(billing)
}

#[cfg(test)]
mod tests;
