//! Who signs: finds credentials, keeps them while they are good, and hands out one consistent set for each attempt.
//!
//! One provider a file; the order of the default ones is told in [`chain`]. A provider answers in one of three ways. *Here*:
//! these are the credentials. *Absent*: nobody configured this place, so that the chain goes on to the next. An *error*:
//! somebody configured this place and it does not work; the chain ends, since going on would use an identity that the user
//! did not mean.
mod answer;
mod cache;
mod chain;
mod cli_profile;
mod custom;
mod ecs_role;
mod environment;
mod external;
mod file;
pub mod freshness;
mod ini_profile;
mod notices;
mod oidc_role;
mod profile;
mod ram_role;
mod sts;
mod uri;

pub use notices::{EXPOSED, STALE};

use crate::ambient::Ambient;
use crate::credential::{Credentials, Provider};
use crate::error::{Error, Kind, Result};
use crate::http::Transport;
use crate::skew::Skew;
use cache::Cache;
use notices::Notices;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long one search for credentials may take, whatever it asks (A12).
pub const LOAD_TIME: Duration = Duration::from_secs(5);

/// What providers may touch.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    pub ambient: &'a Ambient,
    pub transport: &'a dyn Transport,
    /// How far the service's clock is from ours: expirations are written by its clock.
    pub clock: &'a Skew,
    pub user_agent: &'a str,
}

impl World<'_> {
    fn now(&self) -> Duration {
        self.clock.correct(self.ambient.now())
    }
}

/// What a provider found, and how long it may be kept.
#[derive(Debug)]
struct Issued {
    credentials: Credentials,
    keep: Keep,
}

/// How long credentials without an expiration are used before their place is looked at again.
#[derive(Debug)]
enum Keep {
    /// Not at all: looking is cheap.
    Never,
    /// While the file is as it was, and a quarter of an hour at most.
    File(file::Stamp),
    /// A quarter of an hour, or what the expiration says.
    Time,
}

#[derive(Debug)]
enum Found {
    Here(Issued),
    /// Nothing is configured here; the text says what was looked for.
    Absent(String),
}

type Providing<'a> = Pin<Box<dyn Future<Output = Result<Found>> + Send + 'a>>;

/// One place that may have credentials.
trait Provide: Debug + Send + Sync {
    fn provide<'a>(&'a self, world: World<'a>, notices: &'a Notices) -> Providing<'a>;
}

fn provider_of(provider: &Provider) -> Box<dyn Provide> {
    match provider {
        Provider::Explicit(credentials) => Box::new(Fixed(credentials.clone())),
        Provider::Chain => Box::new(chain::Chain::default()),
        Provider::Environment => Box::new(environment::Environment),
        Provider::Profile { name, path } => Box::new(profile::Profile::new(name.clone(), path.clone())),
        Provider::EcsRole { role, endpoint } => Box::new(ecs_role::EcsRole::new(role.clone(), endpoint.clone())),
        Provider::AssumeRole { role, source } => Box::new(ram_role::RamRole::new(role.clone(), provider_of(source))),
        Provider::Oidc(role) => Box::new(oidc_role::Oidc(role.clone())),
        Provider::Uri(address) => Box::new(uri::Uri(address.clone())),
        Provider::Custom(supply) => Box::new(custom::Custom::new(Arc::clone(supply))),
    }
}

/// Credentials that are simply there: of a profile, or under a role.
#[derive(Debug)]
struct Fixed(Credentials);

impl Provide for Fixed {
    fn provide<'a>(&'a self, _: World<'a>, _: &'a Notices) -> Providing<'a> {
        let issued = Issued { credentials: self.0.clone(), keep: Keep::Never };
        Box::pin(std::future::ready(Ok(Found::Here(issued))))
    }
}

#[derive(Debug)]
enum Source {
    Fixed(Arc<Credentials>),
    Asked { provider: Box<dyn Provide>, cache: Cache },
}

/// The identity of one client in one process.
#[derive(Debug)]
pub struct Identity {
    source: Source,
    notices: Notices,
}

impl Identity {
    pub fn new(provider: &Provider) -> Self {
        let source = match provider {
            Provider::Explicit(credentials) => Source::Fixed(Arc::new(credentials.clone())),
            other => Source::Asked { provider: provider_of(other), cache: Cache::default() },
        };
        Self { source, notices: Notices::default() }
    }

    /// A consistent set for one attempt. May wait for a search, for 5 s at most; whoever drops it leaves the search to the
    /// next one.
    pub async fn credentials(&self, world: World<'_>) -> Result<Arc<Credentials>> {
        match &self.source {
            Source::Fixed(credentials) => alive(credentials, world.now()).map(|()| Arc::clone(credentials)),
            Source::Asked { provider, cache } => {
                let load = || load(&**provider, world, &self.notices);
                Box::pin(cache.get(world, &self.notices, load)).await
            }
        }
    }

    /// The service says that these have expired: they are not used again. Returns other ones, if there are any (A07).
    pub async fn replace(&self, used: &Arc<Credentials>, world: World<'_>) -> Option<Arc<Credentials>> {
        let Source::Asked { cache, .. } = &self.source else {
            return None;
        };
        cache.forget(used);
        let renewed = self.credentials(world).await.ok()?;
        (!renewed.is_same(used)).then_some(renewed)
    }

    /// What the user should know, each for `Detection.warnings`; taken out, so that it is said once.
    pub fn notices(&self) -> Vec<&'static str> {
        self.notices.take()
    }
}

fn alive(credentials: &Credentials, now: Duration) -> Result<()> {
    if credentials.expiration.is_none_or(|end| end > now) {
        return Ok(());
    }
    Err(Error::new(
        Kind::CredentialsExpired,
        "the credentials have expired already; obtain new ones, and check this machine's clock. Nothing was sent",
    ))
}

/// One search, bounded in time; what it finds is still good (A13).
async fn load(provider: &dyn Provide, world: World<'_>, notices: &Notices) -> Result<Issued> {
    let late = |_| {
        let seconds = LOAD_TIME.as_secs();
        Error::new(Kind::Credentials, format!("the credentials did not come within {seconds} s; nothing was sent"))
    };
    match tokio::time::timeout(LOAD_TIME, provider.provide(world, notices)).await.map_err(late)?? {
        Found::Here(issued) => alive(&issued.credentials, world.now()).map(|()| issued),
        Found::Absent(why) => Err(Error::new(Kind::CredentialsNotFound, format!("no credentials found; {why}"))),
    }
}

/// An error about a place that is configured and does not work.
fn broken(message: impl Into<String>) -> Error {
    Error::new(Kind::Credentials, message)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make the files they read")]
mod tests;
