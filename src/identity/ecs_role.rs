//! The role of an ECS instance, from the metadata service at 100.100.100.200. Version 2 of it: a token is asked for first.
//! Version 1, without a token, only where the service says that it has none, and unless `ALIBABA_CLOUD_IMDSV1_DISABLED=true`.
//!
//! In the chain, *absent* when switched off, when nothing answers within a second, when what answers is no metadata service,
//! or when the instance has no role. Everything else is an *error*, and so is all of that once a role was asked for by name.
use super::answer::{self, SERVER};
use super::notices::Notices;
use super::{Found, Issued, Provide, Providing, World, broken, profile};
use crate::ambient::Ambient;
use crate::error::{Error, Kind, Result};
use crate::http::{Failure, HeaderText, Request, Response};
use crate::redact::Secret;
use crate::region::Endpoint;
use crate::wire::json;
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const HOST: &str = "http://100.100.100.200";
const DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
const NO_V1: &str = "ALIBABA_CLOUD_IMDSV1_DISABLED";
const ROLE: &str = "ALIBABA_CLOUD_ECS_METADATA";
/// Another place of the metadata service, for tests: this machine only.
const ENDPOINT: &str = "AIGCLENS_METADATA_ENDPOINT";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const TIME: Duration = Duration::from_secs(1);
/// How long a chain believes that there is no metadata service, seconds: the wait of a second is not for every call.
const QUIET: u64 = 300;

#[derive(Debug)]
pub(super) struct EcsRole {
    role: Option<String>,
    endpoint: Option<Endpoint>,
    is_link: bool,
    /// Seconds since the epoch.
    quiet_until: AtomicU64,
}

/// Why there are no credentials: nobody said that there were any, or something is wrong.
enum Trouble {
    Absent(String),
    Broken(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// One visit at the service.
struct Visit<'a> {
    world: World<'a>,
    base: String,
    /// Whether nobody asked for a role of this instance in particular.
    is_guess: bool,
}

impl EcsRole {
    pub(super) fn new(role: Option<String>, endpoint: Option<Endpoint>) -> Self {
        Self { role, endpoint, is_link: false, quiet_until: AtomicU64::new(0) }
    }

    /// The link of the chain, which must not fail where nobody has a metadata service.
    pub(super) fn link() -> Self {
        Self { is_link: true, ..Self::new(None, None) }
    }

    async fn look(&self, world: World<'_>) -> Result<Found> {
        let role = self.role.clone().or_else(|| world.ambient.variable(ROLE));
        let is_guess = self.is_link && role.is_none();
        if profile::is_true(world.ambient, DISABLED) {
            let why = format!("switched off by {DISABLED}");
            return if self.is_link { Ok(Found::Absent(why)) } else { Err(broken(format!("the ECS role is {why}"))) };
        }
        let base = self.endpoint.as_ref().map_or_else(|| base(world.ambient), |endpoint| Ok(endpoint.url()))?;
        let silent = || format!("no metadata service of ECS answers at {base}");
        let seconds = world.ambient.now().as_secs();
        if is_guess && seconds < self.quiet_until.load(Ordering::Acquire) {
            return Ok(Found::Absent(silent()));
        }
        let visit = Visit { world, base: base.clone(), is_guess };
        match visit.credentials(role).await {
            Ok(issued) => Ok(Found::Here(issued)),
            Err(Trouble::Absent(why)) => {
                self.quiet_until.store(seconds.saturating_add(QUIET), Ordering::Release);
                Ok(Found::Absent(why))
            }
            Err(Trouble::Broken(error)) => Err(error),
        }
    }
}

fn base(ambient: &Ambient) -> Result<String> {
    let Some(text) = ambient.variable(ENDPOINT) else {
        return Ok(HOST.to_owned());
    };
    let endpoint = Endpoint::parse(&text)?;
    if endpoint.is_loopback {
        return Ok(endpoint.url());
    }
    Err(Error::new(Kind::Config, format!("{ENDPOINT} must name this machine; it is for tests")))
}

impl Visit<'_> {
    async fn ask(
        &self,
        method: &'static str,
        path: &str,
        header: Option<(&'static str, HeaderText)>,
    ) -> std::result::Result<Response, Failure> {
        let agent = ("user-agent", HeaderText::Plain(self.world.user_agent.to_owned()));
        let request = Request {
            method,
            url: Secret::new(format!("{}{path}", self.base)),
            headers: std::iter::once(agent).chain(header).collect(),
            body: Bytes::new(),
            // Never through a proxy: the service answers for the machine that asks.
            is_loopback: true,
            time: TIME,
        };
        self.world.transport.send(request).await
    }

    /// What is wrong is nothing to speak of where nobody said that this is an ECS instance.
    fn trouble(&self, what: &str) -> Trouble {
        let text = format!("the metadata service of ECS at {} {what}", self.base);
        if self.is_guess { Trouble::Absent(text) } else { Trouble::Broken(broken(text)) }
    }

    async fn credentials(&self, role: Option<String>) -> std::result::Result<Issued, Trouble> {
        let token = self.token().await?;
        let role = match role {
            Some(role) => role,
            None => self.role(token.as_ref()).await?,
        };
        if role.is_empty() || !role.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(broken("the name of the ECS role holds characters that no role has").into());
        }
        let path = format!("{ROLES}{role}");
        let who = format!("the metadata service, asked for the role {role},");
        let response = self.get(&path, token.as_ref()).await?;
        if response.status != 200 {
            return Err(broken(format!("{who} answered HTTP {}; check the instance's role", response.status)).into());
        }
        let object = answer::object(&who, &response.body)?;
        if json::text(&object, "Code").is_none_or(|code| code != "Success") {
            return Err(broken(format!("{who} did not say Success; check the instance's role")).into());
        }
        Ok(answer::read(&who, &object, SERVER, true)?)
    }

    async fn get(&self, path: &str, token: Option<&Secret>) -> std::result::Result<Response, Trouble> {
        let header = token.map(|token| ("x-aliyun-ecs-metadata-token", HeaderText::Sensitive(token.clone())));
        let failed = |failure: Failure| broken(format!("the metadata service of ECS: {}", failure.message));
        Ok(self.ask("GET", path, header).await.map_err(failed)?)
    }

    async fn token(&self) -> std::result::Result<Option<Secret>, Trouble> {
        let lifetime = ("x-aliyun-ecs-metadata-token-ttl-seconds", HeaderText::Plain("21600".to_owned()));
        let response = self.ask("PUT", "/latest/api/token", Some(lifetime)).await;
        let response = response.map_err(|_| self.trouble("does not answer"))?;
        let text = std::str::from_utf8(&response.body).unwrap_or_default().trim();
        let is_token = !text.is_empty() && text.len() <= 4_096 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if response.status == 200 && is_token {
            return Ok(Some(Secret::new(text)));
        }
        // Refused is not the same as unknown: only a service without tokens is asked in the old way.
        if matches!(response.status, 404 | 405) && !profile::is_true(self.world.ambient, NO_V1) {
            return Ok(None);
        }
        Err(self.trouble(&format!("gave no token (HTTP {})", response.status)))
    }

    async fn role(&self, token: Option<&Secret>) -> std::result::Result<String, Trouble> {
        let response = self.get(ROLES, token).await?;
        let text = std::str::from_utf8(&response.body).unwrap_or_default();
        let name = text.lines().next().unwrap_or_default().trim();
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        match response.status {
            200 if is_name => Ok(name.to_owned()),
            404 => Err(self.trouble("says that this instance has no role")),
            // Whoever gives tokens is a metadata service, and should name a role.
            status if token.is_some() => {
                Err(broken(format!("the metadata service of ECS names no role (HTTP {status})")).into())
            }
            _ => Err(self.trouble("is something else")),
        }
    }
}

impl Provide for EcsRole {
    fn provide<'a>(&'a self, world: World<'a>, _: &'a Notices) -> Providing<'a> {
        Box::pin(self.look(world))
    }
}
