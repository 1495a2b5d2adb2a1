//! One call of the service: credential, signature, send, decode. What happened is noted as an attempt, whatever happened.
use crate::ambient::Ambient;
use crate::attempt::{Attempt, Billing, Operation};
use crate::config::Settings;
use crate::credential::Credentials;
use crate::detection::Engine;
use crate::error::{Error, Kind, Result};
use crate::health::Health;
use crate::http::{Failure, Response, Transport};
use crate::identity::Identity;
use crate::pace::Pace;
use crate::redact::{self, Secret};
use crate::retry::{self, Policy, Quota, Retries};
use crate::skew::{Reading, Skew};
use crate::wire::envelope::{self, Answer, Envelope};
use bytes::Bytes;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

mod credentials;
mod gate;
mod signing;
mod trail;

pub use gate::{Gate, Intending, Withdrawing};
pub use signing::Signed;
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

    /// The same, ending later.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        Self { end: self.end + by, ..self }
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
    identity: Arc<Identity>,
}

impl Experience {
    /// Nothing is learned yet. The identity is shared by the regions of a client.
    pub fn new(settings: &Settings, identity: Arc<Identity>, ambient: &Ambient) -> Self {
        let endpoint = &settings.endpoint;
        // The limit is the region's; an emulator has one of its own.
        let place = endpoint.region.as_ref().filter(|_| !endpoint.is_loopback).unwrap_or(&endpoint.authority);
        Self {
            paid: Quota::default(),
            free: Quota::default(),
            clock: Skew::default(),
            storage_clock: Skew::default(),
            pace: Pace::new(settings.qps, settings.pace.clone(), place, ambient.clone()),
            health: Health::default(),
            identity,
        }
    }

    /// Who signs.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// When paid calls may start.
    pub const fn pace(&self) -> &Pace {
        &self.pace
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
    /// The body as it came.
    pub body: Bytes,
    /// What its request was signed with, which it may echo.
    credentials: Arc<Credentials>,
    signature: Secret,
}

impl Success {
    /// The body to be kept for long: as it came, unless it repeats a secret.
    pub fn body_to_keep(&self) -> Bytes {
        let secrets = secrets(&self.credentials, &self.signature);
        let is_told = |secret: &str| secret.len() >= 4 && redact::holds(&self.body, secret);
        match secrets.iter().any(|secret| is_told(secret)) {
            true => Bytes::from(redact::scrub(&String::from_utf8_lossy(&self.body), &secrets)),
            false => self.body.clone(),
        }
    }

    /// An error about its content, without what it may echo.
    pub fn without_echo(&self, mut error: Error) -> Error {
        if let Some(raw) = error.facts_mut().raw.as_mut() {
            *raw = redact::scrub(raw, &secrets(&self.credentials, &self.signature));
        }
        error
    }
}

fn secrets<'a>(credentials: &'a Credentials, signature: &'a Secret) -> Vec<&'a str> {
    let mut secrets = credentials.secrets();
    secrets.extend([credentials.access_key_id.as_str(), signature.expose()]);
    secrets
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
        // What a retry was for says more than why there is none, and does not say that nothing was sent (H02).
        let mut met: Option<Error> = None;
        loop {
            let asked = Instant::now();
            let credentials = self.credentials(terms).await;
            let credentials = credentials.map_err(|error| with_trail(met.take().unwrap_or(error), trail))?;
            if operation.is_paid() {
                let agreed = trail.agree(&credentials.access_key_id).await;
                agreed.map_err(|error| with_trail(met.take().unwrap_or(error), trail))?;
                let admission = self.experience.pace.admit(&credentials.access_key_id, terms.end);
                let mut admission = std::pin::pin!(admission);
                // Where there is a turn at once, nobody has to listen for its being given up.
                let turn = match poll_fn(|context| Poll::Ready(admission.as_mut().poll(context))).await {
                    Poll::Ready(turn) => turn,
                    Poll::Pending => tokio::select! {
                        biased;
                        error = trail.withdrawn() => Err(error),
                        turn = admission => turn,
                    },
                };
                turn.map_err(|error| with_trail(met.take().unwrap_or(error), trail))?;
                if let Some(warning) = self.experience.pace.warning() {
                    trail.warn(warning);
                }
            }
            if !is_fresh() {
                return Ok(None);
            }
            let signed = terms.next_attempt().and_then(|time| self.sign(operation, fields, time, credentials));
            let signed = signed.map_err(|error| with_trail(met.take().unwrap_or(error), trail))?;
            let departure = self.depart(operation);
            let flight = self.takes_off(operation, asked.elapsed(), trail);
            let signature = signed.request.signature();
            let outcome = self.transport.send(signed.request).await;
            let (result, is_corrected) = match outcome {
                Ok(response) => {
                    let result = self.decode(operation, &response, &signed.credentials, signature);
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
                        Box::pin(self.experience.pace.throttled(&signed.credentials.access_key_id)).await;
                    }
                    met = Some(error.clone());
                    let is_corrected = is_corrected || Box::pin(self.renewed(&error, &signed.credentials, terms)).await;
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
            retries.withdrawn();
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
            is_cached: response.headers.contains("age"),
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

    fn decode(
        &self,
        operation: Operation,
        response: &Response,
        credentials: &Arc<Credentials>,
        signature: Secret,
    ) -> Result<Success> {
        let content_type = response.header("content-type");
        let answer = Answer { operation, status: response.status, content_type, body: &response.body };
        let envelope = envelope::open(answer, &secrets(credentials, &signature)).map_err(|error| {
            let error = credentials::named(error, credentials);
            self.with_hint(error, response)
        })?;
        let is_emulator = response.header("server").is_some_and(|server| server.starts_with("aigclens-emulator"))
            || envelope.request_id.as_ref().is_some_and(|id| id.starts_with("EMU-"));
        let engine = if is_emulator { Engine::Emulator } else { Engine::Service };
        let body = response.body.clone();
        Ok(Success { envelope, engine, body, credentials: Arc::clone(credentials), signature })
    }

    /// An error with the server's word on when to try again.
    pub fn with_hint(&self, mut error: Error, response: &Response) -> Error {
        let (own, common) = (response.header("x-acs-retry-after"), response.header("retry-after"));
        error.facts_mut().retry_after = retry::hint(own, common, self.ambient.now());
        error
    }
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
