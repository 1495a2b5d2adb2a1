//! STS, which gives temporary credentials: `AssumeRole`, signed by our own signer, and `AssumeRoleWithOIDC`, unsigned.
//!
//! Source: the API reference of STS, version 2015-04-01.
use super::answer::{self, SERVER};
use super::{Issued, LOAD_TIME, World, broken, profile};
use crate::ambient;
use crate::credential::{Credentials, Role, Sts};
use crate::encode;
use crate::error::{Error, Kind, Result};
use crate::http::{HeaderText, Request, Response};
use crate::redact::{self, Secret};
use crate::region::{self, Endpoint};
use crate::sign::{self, acs3};
use crate::skew::{Reading, Skew};
use crate::wire::{FORM, codes, json};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

const VERSION: &str = "2015-04-01";
const REGION: &str = "ALIBABA_CLOUD_STS_REGION";
const VPC: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";
/// Another host of STS: Alibaba Cloud's or this machine.
const ENDPOINT: &str = "AIGCLENS_STS_ENDPOINT";
pub(super) const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
const SESSION_NAME: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
/// How much of STS' own words goes into an error.
const EXCERPT: usize = 200;

/// The host: given in code, else of the environment, else the region's, else the one for all regions.
fn endpoint(sts: &Sts, ambient: &ambient::Ambient) -> Result<Endpoint> {
    if let Some(endpoint) = &sts.endpoint {
        return Ok(endpoint.clone());
    }
    if let Some(text) = ambient.variable(ENDPOINT) {
        return Endpoint::of_variable(ENDPOINT, &text);
    }
    let product = if sts.vpc.unwrap_or_else(|| profile::is_true(ambient, VPC)) { "sts-vpc" } else { "sts" };
    match sts.region.clone().or_else(|| ambient.variable(REGION)) {
        None => Endpoint::parse("sts.aliyuncs.com"),
        Some(region) => {
            region::check_region_id(&region).map_err(|error| answer::said_by(REGION, &error))?;
            Endpoint::parse(&format!("{product}.{region}.aliyuncs.com"))
        }
    }
}

/// What both operations ask for.
fn parameters(world: World<'_>, role: &Role) -> Result<Vec<(&'static str, String)>> {
    let variable = |name: &str| world.ambient.variable(name);
    let arn = role.arn.clone().or_else(|| variable(ROLE_ARN));
    let arn = arn.ok_or_else(|| broken(format!("the role to assume has no ARN; set {ROLE_ARN}")))?;
    let own = || format!("aigclens-{}", world.now().as_secs());
    let session = role.session_name.clone().or_else(|| variable(SESSION_NAME)).unwrap_or_else(own);
    let mut parameters =
        vec![("RoleArn", arn), ("RoleSessionName", session), ("DurationSeconds", role.seconds()?.to_string())];
    parameters.extend(role.policy.clone().map(|policy| ("Policy", policy)));
    parameters.extend(role.external_id.clone().map(|id| ("ExternalId", id)));
    Ok(parameters)
}

/// A session of the role, for other credentials.
pub(super) async fn assume(world: World<'_>, role: &Role, base: &Credentials) -> Result<Issued> {
    let endpoint = endpoint(&role.sts, world.ambient)?;
    let parameters = parameters(world, role)?;
    let clock = Skew::default();
    let mut is_second = false;
    loop {
        let (started, sent, offset) = (Instant::now(), world.now(), clock.offset_millis());
        let request = signed(world, &endpoint, &parameters, base, clock.correct(sent))?;
        let signature = request.signature();
        let mut secrets = base.secrets();
        secrets.extend([base.access_key_id.as_str(), signature.expose()]);
        let response = send(world, "AssumeRole", request).await?;
        let outcome = read("AssumeRole", &response, &secrets);
        let reading = Reading {
            sent,
            trip: started.elapsed(),
            date: response.header("date"),
            is_cached: response.headers.contains("age"),
        };
        let is_skew = |error: &Error| error.facts().code.as_deref().is_some_and(|c| c.starts_with("InvalidTimeStamp"));
        // A wrong clock of this machine is put right, once.
        if outcome.as_ref().is_err_and(is_skew) && clock.learn(reading, offset) && !is_second {
            is_second = true;
            continue;
        }
        return outcome;
    }
}

fn signed(
    world: World<'_>,
    endpoint: &Endpoint,
    parameters: &[(&'static str, String)],
    base: &Credentials,
    now: Duration,
) -> Result<Request> {
    let mut nonce = [0_u8; 16];
    if !world.ambient.random(&mut nonce) {
        return Err(Error::new(Kind::Internal, "the operating system gave no random bytes for a nonce"));
    }
    let plain = |text: &str| HeaderText::Plain(text.to_owned());
    let payload_hash = sign::sha256_hex(b"");
    let mut headers = vec![
        ("host", plain(&endpoint.authority)),
        ("accept", plain("application/json")),
        ("user-agent", plain(world.user_agent)),
        ("x-acs-action", plain("AssumeRole")),
        ("x-acs-version", plain(VERSION)),
        ("x-acs-date", HeaderText::Plain(sign::iso_date(ambient::calendar(now)))),
        ("x-acs-signature-nonce", HeaderText::Plain(encode::hex(&nonce))),
        ("x-acs-content-sha256", plain(&payload_hash)),
    ];
    if let Some(token) = &base.security_token {
        headers.push(("x-acs-accesskey-id", plain(&base.access_key_id)));
        headers.push(("x-acs-security-token", HeaderText::Sensitive(token.clone())));
    }
    let listed: Vec<(&str, &str)> = headers.iter().map(|(name, text)| (*name, text.expose())).collect();
    let listed: Vec<(&str, &str)> = listed.into_iter().filter(|(name, _)| acs3::is_signed(name)).collect();
    let query: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request =
        acs3::Request { method: "POST", path: "/", query: &query, headers: &listed, payload_hash: &payload_hash };
    let authorization = acs3::authorize(&request, &base.access_key_id, base.access_key_secret.expose());
    headers.push(("authorization", HeaderText::Sensitive(Secret::new(authorization))));
    Ok(post(endpoint, &query, headers, Bytes::new()))
}

/// A session of the role, for a token of an identity provider. The token travels in the body, not in the URL.
pub(super) async fn assume_with_oidc(world: World<'_>, role: &Role, provider: &str, token: &str) -> Result<Issued> {
    const ACTION: &str = "AssumeRoleWithOIDC";
    let endpoint = endpoint(&role.sts, world.ambient)?;
    let parameters = parameters(world, role)?;
    let date = sign::iso_date(ambient::calendar(world.now()));
    let query = [("Action", ACTION), ("Format", "JSON"), ("Version", VERSION), ("Timestamp", date.as_str())];
    let fields = parameters.iter().map(|(name, value)| (*name, value.as_str()));
    let body = encode::form(fields.chain([("OIDCProviderArn", provider), ("OIDCToken", token)]));
    let plain = |text: &str| HeaderText::Plain(text.to_owned());
    let headers = vec![
        ("host", plain(&endpoint.authority)),
        ("accept", plain("application/json")),
        ("user-agent", plain(world.user_agent)),
        ("content-type", plain(FORM)),
    ];
    let response = send(world, ACTION, post(&endpoint, &query, headers, Bytes::from(body))).await?;
    read(ACTION, &response, &[token])
}

fn post(endpoint: &Endpoint, query: &[(&str, &str)], headers: Vec<(&'static str, HeaderText)>, body: Bytes) -> Request {
    let pairs: Vec<String> =
        query.iter().map(|(key, value)| format!("{}={}", encode::percent(key), encode::percent(value))).collect();
    let url = Secret::new(format!("{}/?{}", endpoint.url(), pairs.join("&")));
    Request { method: "POST", url, headers, body, is_loopback: endpoint.is_loopback, time: LOAD_TIME }
}

async fn send(world: World<'_>, action: &str, request: Request) -> Result<Response> {
    let sent = world.transport.send(request).await;
    sent.map_err(|failure| broken(format!("{action}: {}", failure.message)))
}

/// The credentials of an answer, or what STS said against it.
fn read(action: &str, response: &Response, secrets: &[&str]) -> Result<Issued> {
    let object = answer::object(&format!("{action} (HTTP {})", response.status), &response.body);
    if response.status == 200 {
        let object = object?;
        let credentials = json::field(&object, "Credentials").filter(|value| value.is_object());
        let credentials = credentials.ok_or_else(|| broken(format!("{action}: the answer has no Credentials")))?;
        return answer::read(action, credentials, SERVER, true);
    }
    let object = object.map_err(|error| Error::new(error.kind(), error.message()).with_http_status(response.status))?;
    let code = json::text(&object, "Code").unwrap_or_default();
    let said = json::text(&object, "Message").unwrap_or_default();
    let said = redact::excerpt(redact::scrub(&said, secrets).as_bytes(), EXCERPT);
    let advice = match code.split('.').next().unwrap_or_default() {
        "EntityNotExist" => "there is no such role; check its ARN",
        "NoPermission" => {
            "these credentials may not assume the role; check its trust policy and AliyunSTSAssumeRoleAccess"
        }
        _ => codes::gateway(&code, response.status).advice,
    };
    Err(broken(format!("{action} was refused: {advice} (code {code}: {said})"))
        .with_code(code)
        .with_http_status(response.status)
        .with_request_id(json::text(&object, "RequestId")))
}
