//! Local images: a token (cached, one fetch for all who wait), the PUT, and the checksum of what arrived.
use crate::ambient::{self, Ambient};
use crate::attempt::{Attempt, Billing, Operation};
use crate::config::UploadSignature;
use crate::encode;
use crate::error::{Error, Kind, Result};
use crate::http::{HeaderText, Request, Response};
use crate::identity::freshness;
use crate::redact::Secret;
use crate::region::{self, DEFAULT_REGION};
use crate::service::{Service, Terms, Trail, failed, unanswered, with_trail};
use crate::sign::{self, oss_v1, oss_v4};
use crate::wire::oss_error;
use crate::wire::upload_token::{self, UploadToken};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

const OPERATION: Operation = Operation::PutObject;
/// A token is not used so late that an upload could outlive it: a minute, and the time that one request may take.
const SHORTEST_MARGIN: Duration = Duration::from_secs(75);

/// The token in use. One belongs to a client, and so to one endpoint: token and bucket are of the endpoint's region.
#[derive(Debug, Default)]
pub struct TokenCache {
    slot: Mutex<Option<Cached>>,
}

#[derive(Debug, Clone)]
struct Cached {
    token: Arc<UploadToken>,
    refresh_at: Duration,
}

/// When a token is to be replaced: as credentials are, in the last quarter of its life.
fn refresh_at(now: Duration, expiration: Duration) -> Duration {
    let lifetime = expiration.saturating_sub(now);
    let margin = freshness::advisory(lifetime).max(SHORTEST_MARGIN.min(lifetime / 2));
    expiration.saturating_sub(margin)
}

impl TokenCache {
    /// The cached token, or a new one. Whoever finds it stale fetches while the others wait; if that call is given up,
    /// the next in line fetches. An expired one that the server just issued means that our clock is wrong: it is used,
    /// not kept.
    async fn token(&self, service: &Service, terms: Terms, trail: &mut Trail) -> Result<Arc<UploadToken>> {
        // All wait for credentials together; one behind another, each would wait for a search of its own.
        service.credentials(terms).await.map_err(|error| with_trail(error, trail))?;
        let wait = tokio::time::timeout(terms.left()?, self.slot.lock());
        let mut slot = wait.await.map_err(|_| {
            Error::new(
                Kind::DetectTimeout,
                "the call's total time-out passed while another call was fetching the upload token",
            )
        })?;
        if let Some(cached) =
            slot.as_ref().filter(|cached| service.now(Operation::DescribeUploadToken) < cached.refresh_at)
        {
            return Ok(Arc::clone(&cached.token));
        }
        *slot = None;
        let success = service.call(Operation::DescribeUploadToken, &[], terms, trail).await?;
        let token = Arc::new(
            upload_token::read(&success.envelope).map_err(|error| with_trail(success.without_echo(error), trail))?,
        );
        let now = service.now(Operation::DescribeUploadToken);
        if token.expiration > now {
            *slot = Some(Cached { token: Arc::clone(&token), refresh_at: refresh_at(now, token.expiration) });
        }
        Ok(token)
    }

    /// Forgets a token that the storage refused, unless another has taken its place already. Whoever fetches one meanwhile
    /// has forgotten it, and is not waited for beyond the end of the call.
    async fn forget(&self, token: &Arc<UploadToken>, terms: Terms) {
        let Ok(mut slot) = tokio::time::timeout(terms.left().unwrap_or_default(), self.slot.lock()).await else {
            return;
        };
        if slot.as_ref().is_some_and(|cached| Arc::ptr_eq(&cached.token, token)) {
            *slot = None;
        }
    }
}

/// An image ready to be uploaded: checked, and its checksum known.
#[derive(Debug, Clone)]
pub struct Image {
    pub bytes: Bytes,
    /// CRC-64/XZ, which OSS calls `crc64ecma`.
    pub crc64: u64,
    /// The sniffed format's, for the object's name.
    pub suffix: Option<&'static str>,
    pub content_type: &'static str,
}

/// The storage keeps an image for 30 minutes (the service's page of 2025-11-24); it is not spoken of in the last five.
const SHELF_LIFE: Duration = Duration::from_secs(25 * 60);

/// How long an image has been in the storage, by whichever clock says more: the one that no correction moves, or the one
/// that goes on while a machine sleeps.
#[derive(Debug)]
pub struct Shelf {
    ambient: Ambient,
    by_clock: Duration,
    since: Instant,
}

impl Shelf {
    /// An image that has just been stored.
    pub fn new(ambient: &Ambient) -> Self {
        Self { ambient: ambient.clone(), by_clock: ambient.now(), since: Instant::now() }
    }

    pub fn is_fresh(&self) -> bool {
        self.since.elapsed().max(self.ambient.now().saturating_sub(self.by_clock)) < SHELF_LIFE
    }
}

/// Where an image went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    pub bucket: String,
    pub key: String,
    /// Whether the storage answered with the checksum of what it received.
    pub is_verified: bool,
}

/// Uploads an image under a name of random characters: never the user's file name (K11), unique over processes (K10).
/// PUT of the same object again is harmless, so that a doubtful outcome costs nothing and is tried again (K05).
pub async fn upload(
    cache: &TokenCache,
    service: &Service,
    image: &Image,
    terms: Terms,
    trail: &mut Trail,
) -> Result<Uploaded> {
    let mut retries = service.retries(OPERATION, terms);
    let mut is_renewed = false;
    'token: loop {
        let token = cache.token(service, terms, trail).await?;
        let key = object_key(service, &token, image.suffix)?;
        loop {
            let (error, is_corrected) = match put(service, &token, &key, image, terms, trail).await? {
                Put::Stored { is_verified } => {
                    retries.succeeded();
                    return Ok(Uploaded { bucket: token.bucket.clone(), key, is_verified });
                }
                Put::Refused { error, is_corrected } => (error, is_corrected),
            };
            if error.facts().code.as_deref().is_some_and(oss_error::spoils_token) {
                cache.forget(&token, terms).await;
                if !is_renewed {
                    // Once with a fresh token (K03).
                    is_renewed = true;
                    continue 'token;
                }
            }
            service.rest(&mut retries, OPERATION, error, is_corrected, terms, trail).await?;
        }
    }
}

/// What became of one PUT.
enum Put {
    Stored { is_verified: bool },
    Refused { error: Error, is_corrected: bool },
}

/// One PUT, noted in the trail.
async fn put(
    service: &Service,
    token: &UploadToken,
    key: &str,
    image: &Image,
    terms: Terms,
    trail: &mut Trail,
) -> Result<Put> {
    let request = terms.next_attempt().and_then(|time| put_request(service, token, key, image, time));
    let request = request.map_err(|error| with_trail(error, trail))?;
    let departure = service.depart(OPERATION);
    let flight = service.takes_off(OPERATION, Duration::ZERO, trail);
    let signature = request.signature();
    let outcome = service.transport.send(request).await;
    let elapsed = flight.elapsed();
    let mut secrets = token.credentials.secrets();
    secrets.push(signature.expose());
    let (checked, is_corrected) = match outcome {
        Ok(response) => {
            let checked = check(&response, image, &secrets).map_err(|error| service.with_hint(error, &response));
            let is_corrected = service.learn(OPERATION, &departure, &response, checked.as_ref().err());
            (checked, is_corrected)
        }
        Err(failure) => (Err(unanswered(OPERATION, failure)), false),
    };
    // A storage that is out is as good as a service that is out; one that is well does not prove that the service is.
    if let Err(error) = &checked {
        service.experience.health.note(Some(error.kind()));
    }
    let region = service.settings.endpoint.region.clone();
    match checked {
        Ok((request_id, is_verified)) => {
            let attempt = Attempt {
                operation: OPERATION,
                billing: Billing::NotBilled,
                outcome: "ok",
                code: Some("200".to_owned()),
                request_id,
                region,
                elapsed,
            };
            trail.land(flight, attempt);
            Ok(Put::Stored { is_verified })
        }
        Err(error) => {
            trail.land(flight, failed(OPERATION, &error, region, elapsed));
            Ok(Put::Refused { error: with_trail(error, trail), is_corrected })
        }
    }
}

fn object_key(service: &Service, token: &UploadToken, suffix: Option<&str>) -> Result<String> {
    // A URL cannot carry such a part: it would be resolved on its way, and what is signed would not be what is asked for.
    if token.prefix.split('/').any(|part| part == "." || part == "..") {
        return Err(Error::new(
            Kind::Upload,
            "the upload token names a place with '.' or '..' in it; the image was not sent",
        ));
    }
    let mut random = [0_u8; 16];
    if !service.ambient.random(&mut random) {
        return Err(Error::new(
            Kind::Internal,
            "the operating system gave no random bytes for an object name; nothing was sent",
        ));
    }
    let name = uuid::Builder::from_random_bytes(random).into_uuid().hyphenated().to_string();
    let suffix = suffix.map(|suffix| format!(".{suffix}")).unwrap_or_default();
    Ok(format!("{}{name}{suffix}", token.prefix))
}

/// Where the storage is: the token's word, as far as it may be trusted.
#[derive(Debug, PartialEq, Eq)]
struct Storage {
    url: String,
    authority: String,
    region: String,
    is_loopback: bool,
}

/// Image bytes go to Alibaba Cloud's storage over TLS, or to loopback if the service itself is there (K04).
fn storage(service: &Service, token: &UploadToken, key: &str) -> Result<Storage> {
    let chosen = match (service.settings.vpc, &token.internal_endpoint) {
        (true, Some(internal)) => internal,
        _ => &token.internet_endpoint,
    };
    let refuse = |why: &str| {
        Error::new(
            Kind::Upload,
            format!("the upload token names a storage host that is {why}; the image was not sent anywhere"),
        )
    };
    let text = if chosen.contains("://") { chosen.clone() } else { format!("https://{chosen}") };
    let url = Url::parse(&text).map_err(|_| refuse("not a host name"))?;
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
    let is_loopback = url.host().is_some_and(|host| region::is_loopback(&host));
    if is_loopback && !service.settings.endpoint.is_loopback {
        return Err(refuse("on this machine, though the service is not"));
    }
    if !is_loopback && !region::is_cloud_host(&host) {
        return Err(refuse("not Alibaba Cloud's"));
    }
    // A bare loopback host means the emulator's plain http; the cloud is always spoken to over TLS.
    let scheme = if is_loopback && (url.scheme() == "http" || !chosen.contains("://")) { "http" } else { "https" };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = encode::percent_path(key);
    let (authority, path) = if region::is_ip_address(&host) || is_loopback {
        (format!("{host}{port}"), format!("/{}/{path}", token.bucket))
    } else {
        (format!("{}.{host}{port}", token.bucket), format!("/{path}"))
    };
    let label = host.split('.').next().unwrap_or_default();
    let named = label.strip_prefix("oss-").map(|label| label.strip_suffix("-internal").unwrap_or(label));
    let fallback = service.settings.endpoint.region.as_deref().unwrap_or(DEFAULT_REGION);
    Ok(Storage {
        url: format!("{scheme}://{authority}{path}"),
        authority,
        region: named.filter(|region| !region.starts_with("accelerate")).unwrap_or(fallback).to_owned(),
        is_loopback,
    })
}

fn put_request(service: &Service, token: &UploadToken, key: &str, image: &Image, time: Duration) -> Result<Request> {
    let storage = storage(service, token, key)?;
    let now = ambient::calendar(service.now(OPERATION));
    let plain = |text: &str| HeaderText::Plain(text.to_owned());
    let mut headers = vec![
        ("host", plain(&storage.authority)),
        ("user-agent", plain(&service.settings.network.user_agent)),
        ("content-type", plain(image.content_type)),
    ];
    if let Some(security_token) = &token.credentials.security_token {
        headers.push(("x-oss-security-token", HeaderText::Sensitive(security_token.clone())));
    }
    let date = sign::compact_date(now);
    match service.settings.upload_signature {
        UploadSignature::V4 => {
            headers.push(("x-oss-date", plain(&date)));
            headers.push(("x-oss-content-sha256", plain(oss_v4::UNSIGNED_PAYLOAD)));
        }
        UploadSignature::V1 => headers.push(("date", HeaderText::Plain(sign::http_date(now)))),
    }
    let listed: Vec<(&str, &str)> = headers.iter().map(|(name, text)| (*name, text.expose())).collect();
    let (id, secret) = (&token.credentials.access_key_id, token.credentials.access_key_secret.expose());
    let authorization = match service.settings.upload_signature {
        UploadSignature::V4 => oss_v4::authorize(
            &oss_v4::Request {
                method: "PUT",
                bucket: &token.bucket,
                key,
                query: &[],
                headers: &listed,
                additional_headers: &[],
                date: &date,
                region: &storage.region,
            },
            id,
            secret,
        ),
        UploadSignature::V1 => oss_v1::authorize(
            &oss_v1::Request { method: "PUT", bucket: &token.bucket, key, headers: &listed },
            id,
            secret,
        ),
    };
    headers.push(("authorization", HeaderText::Sensitive(Secret::new(authorization))));
    Ok(Request {
        method: "PUT",
        url: Secret::new(storage.url),
        headers,
        body: image.bytes.clone(),
        is_loopback: storage.is_loopback,
        time,
    })
}

/// The storage's request id, and whether its checksum confirmed ours. A wrong checksum ends the call before it costs
/// anything (K06), and so does an answer that the storage did not give: it always names its request or the checksum.
fn check(response: &Response, image: &Image, secrets: &[&str]) -> Result<(Option<String>, bool)> {
    if response.status != 200 {
        return Err(oss_error::refusal(response.status, &response.body, secrets));
    }
    let request_id = response.header("x-oss-request-id").map(str::to_owned);
    if request_id.is_none() && !response.headers.contains("x-oss-hash-crc64ecma") {
        return Err(Error::new(
            Kind::ResponseDecode,
            "PutObject: the answer is not one of the storage's; a proxy or a captive portal may have answered, and nothing \
             was charged",
        )
        .with_http_status(200));
    }
    match response.header("x-oss-hash-crc64ecma").map(str::parse::<u64>) {
        None => Ok((request_id, false)),
        Some(Ok(received)) if received == image.crc64 => Ok((request_id, true)),
        Some(_) => Err(Error::new(
            Kind::UploadIntegrity,
            "PutObject: the storage's checksum is not that of the image, which was damaged on its way; nothing was charged, try again",
        )
        .with_http_status(200)
        .with_request_id(request_id)),
    }
}

#[cfg(test)]
mod tests;
