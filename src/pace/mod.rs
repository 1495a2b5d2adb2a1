//! The rate at which paid calls start: evenly, below the account's limit, and slower for a while after the service throttles.
//! It is shared by all who use the same access key at the same place: in one process, on one host, or on several.
//!
//! A caller is told when it may go and sleeps once (GCRA: each turn moves the next one on). What keeps the promise is a
//! second look at the moment of starting: the last starts are remembered, so that no sliding second ever holds more than
//! the rate and the burst, whatever timers, pauses and schedulers do in between.
mod book;
#[cfg(target_os = "linux")]
mod host;
mod line;
mod local;
mod record;
mod redis;
mod registry;

use crate::ambient::Ambient;
use crate::encode;
use crate::error::{Error, Kind, Result};
use crate::redact::Secret;
use arc_swap::ArcSwapOption;
use book::Book;
#[cfg(target_os = "linux")]
use host::Host;
use line::Line;
use local::Local;
use redis::Redis;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;

/// Calls a second, unless said otherwise: the account's limit is 100 over all of its programs.
pub const DEFAULT_QPS: f64 = 95.0;
/// The account's limit, as the service's page has it.
const ACCOUNT_QPS: f64 = 100.0;

/// Checks a rate (M10). A rate above the account's own limit must be meant.
pub fn qps(value: f64, has_higher_quota: bool) -> Result<f64> {
    let refuse = |wanted: &str| Err(Error::new(Kind::Config, format!("qps must be {wanted}")));
    if !(value.is_finite() && (0.01..=10_000.0).contains(&value)) {
        return refuse("a number of calls a second from 0.01 to 10,000, or None for no pace");
    }
    if value > ACCOUNT_QPS && !has_higher_quota {
        return refuse("at most 100, the account's limit; with a higher one pass i_have_a_higher_quota=True too");
    }
    Ok(value)
}

/// Who shares a pace.
#[derive(Debug, Clone)]
pub enum Scope {
    /// The clients of one process.
    Process,
    /// All processes of this user on one host.
    Host,
    /// Whoever uses the same Redis server. Its URL may hold a password.
    Redis(Secret),
}

impl Scope {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "process" => Ok(Self::Process),
            "host" => Ok(Self::Host),
            url if url.starts_with("redis://") || url.starts_with("rediss://") => {
                redis::check(url).map(|()| Self::Redis(Secret::new(url)))
            }
            _ => Err(Error::new(
                Kind::Config,
                "pace must be 'host' (default), 'process', or the URL of a Redis server: redis://... or rediss://...",
            )),
        }
    }
}

/// The pace of the calls to one endpoint, whoever's key they are signed with.
#[derive(Debug)]
pub struct Pace {
    qps: Option<f64>,
    scope: Scope,
    /// Region or authority: what the account's limit holds for.
    place: String,
    ambient: Ambient,
    current: ArcSwapOption<Current>,
    has_warned: AtomicBool,
}

/// The lines of the key that was used last.
#[derive(Debug)]
struct Current {
    pid: u32,
    key_id: String,
    /// Of all who use the key, whatever their rates are: it goes at the account's rate, and keeps its limit.
    account: Arc<Line>,
    /// Of those who have the same rate, where that is a slower one. In the account's line alone, a turn of a slow one would
    /// take minutes from the fast ones.
    slower: Option<Arc<Line>>,
}

impl Pace {
    /// `None` is no pace at all.
    pub fn new(qps: Option<f64>, scope: Scope, place: &str, ambient: Ambient) -> Self {
        let (place, current, has_warned) = (place.to_owned(), ArcSwapOption::empty(), AtomicBool::new(false));
        Self { qps, scope, place, ambient, current, has_warned }
    }

    /// Waits for a turn of an access key, no longer than until `end`; whoever gives up gives its turn back.
    pub async fn admit(&self, key_id: &str, end: Instant) -> Result<()> {
        match self.qps {
            // A call without a pace does not carry what waiting takes.
            Some(qps) => Box::pin(self.turn(qps, key_id, end)).await,
            None => Ok(()),
        }
    }

    async fn turn(&self, qps: f64, key_id: &str, end: Instant) -> Result<()> {
        let lines = self.lines(key_id);
        if let Some(slower) = &lines.slower {
            slower.admit(qps, end).await?;
        }
        lines.account.admit(qps.max(DEFAULT_QPS), end).await
    }

    /// The service throttled a call of an access key. Refusals of calls that were under way together count once.
    pub async fn throttled(&self, key_id: &str) {
        let Some(qps) = self.qps else { return };
        let lines = self.lines(key_id);
        if let Some(slower) = &lines.slower {
            slower.throttled(qps).await;
        }
        lines.account.throttled(qps.max(DEFAULT_QPS)).await;
    }

    /// Why the pace is shared with fewer than it was meant to be, if so: the host's file cannot be had. Said once.
    pub fn warning(&self) -> Option<String> {
        let warning = self.current.load().as_ref().and_then(|current| current.account.warning())?;
        (!self.has_warned.swap(true, Ordering::Relaxed)).then_some(warning)
    }

    fn lines(&self, key_id: &str) -> Arc<Current> {
        let pid = std::process::id();
        let current = self.current.load();
        if let Some(current) = current.as_ref().filter(|current| current.pid == pid && current.key_id == key_id) {
            return Arc::clone(current);
        }
        // A hash, so that neither a file's name nor a server's keys say whose they are.
        let line = |name: String| registry::line(&self.sharing(&name), || Line::new(self.book(&name)));
        let rate = self.qps.filter(|qps| *qps < DEFAULT_QPS);
        let current = Arc::new(Current {
            pid,
            key_id: key_id.to_owned(),
            account: line(hash(&[key_id, &self.place])),
            slower: rate.map(|qps| line(hash(&[key_id, &self.place, &qps.to_string()]))),
        });
        let previous = self.current.swap(Some(Arc::clone(&current)));
        if let Some(inherited) = previous.filter(|previous| previous.pid != pid) {
            // A thread that this process does not have may hold its locks.
            std::mem::forget(inherited);
        }
        current
    }

    /// What those have in common who share a line in this process.
    fn sharing(&self, name: &str) -> registry::Key {
        registry::Key(match &self.scope {
            Scope::Process => hash(&["process", name]),
            #[cfg(target_os = "linux")]
            Scope::Host => hash(&["host", name, &format!("{:?}", host::folders(&self.ambient))]),
            #[cfg(not(target_os = "linux"))]
            Scope::Host => hash(&["host", name]),
            Scope::Redis(url) => hash(&["redis", name, url.expose()]),
        })
    }

    fn book(&self, name: &str) -> Book {
        match &self.scope {
            Scope::Process => Book::Process(Local::new()),
            #[cfg(target_os = "linux")]
            Scope::Host => Book::Host(Host::new(host::folders(&self.ambient), name)),
            #[cfg(not(target_os = "linux"))]
            Scope::Host => Book::Alone(Local::new()),
            Scope::Redis(url) => Book::Redis(Redis::new(url, name)),
        }
    }
}

fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    encode::hex(&digest.finalize())
}

fn late() -> Error {
    Error::new(
        Kind::PaceTimeout,
        "the call's total time-out would pass before its turn at the pace of qps=; nothing was sent",
    )
}

#[cfg(test)]
mod tests;
