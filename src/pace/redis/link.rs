//! The connection to a Redis server: opened when needed, given up at the first fault, every wait bounded.
use super::mapping::{Mapping, Trip};
use super::now;
use crate::error::{Error, Kind, Result};
use crate::redact::{self, Secret};
use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError};
use std::time::Duration;

pub(super) const SCRIPT: &str = include_str!("turns.lua");
/// Name resolution, connection, TLS and log-in.
const CONNECTING: Duration = Duration::from_secs(2);
/// One command.
const ANSWERING: Duration = Duration::from_secs(1);
/// Round trips that a new connection begins with, so that one that was held up says nothing of the clocks.
const TRIPS: usize = 3;

/// Where a server is, and how to log in.
#[derive(Debug, Clone)]
pub(super) struct Address {
    url: Secret,
    shown: String,
}

impl Address {
    pub(super) fn is_whole(url: &str) -> bool {
        Client::open(url).is_ok()
    }

    pub(super) fn of(url: &Secret) -> Self {
        Self { url: url.clone(), shown: redact::url(url.expose()) }
    }

    pub(super) fn unavailable(&self, problem: &str) -> Error {
        Error::new(
            Kind::PaceUnavailable,
            format!("the pace's server {} cannot be used: {problem}; nothing was sent", self.shown),
        )
    }

    /// What is wrong, in our words: the server's could repeat what it was sent.
    fn explain(&self, error: &RedisError) -> Error {
        self.unavailable(match error.kind() {
            _ if error.is_timeout() => "it did not answer in time",
            _ if error.is_connection_refusal() => "the connection was refused",
            ErrorKind::AuthenticationFailed => "the user name or password was refused",
            ErrorKind::Io => "the connection failed",
            ErrorKind::InvalidClientConfig => "its address or certificate cannot be used",
            _ => match error.code() {
                Some("NOAUTH") => "it wants a password",
                Some("WRONGPASS") => "the user name or password was refused",
                Some("NOPERM") => "the user may not run the script (EVAL) on keys aigclens:pace:*",
                Some("READONLY") => "it is a read-only replica",
                Some("OOM") => "it is out of memory",
                Some("LOADING" | "BUSY" | "MASTERDOWN") => "it is busy",
                _ => "it refused the command",
            },
        })
    }
}

#[derive(Debug)]
pub(super) struct Link {
    address: Address,
    open: Option<Open>,
}

struct Open {
    connection: MultiplexedConnection,
    mapping: Mapping,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.mapping.fmt(formatter)
    }
}

/// What the script is asked for.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub what: &'static str,
    pub qps: f64,
    pub wanted: usize,
    /// Turns later than this are not taken.
    pub within: Duration,
    pub back: &'a [u64],
}

/// Its answer: the turns, when the next one would be, and how the server's times are mapped to ours.
#[derive(Debug)]
pub(super) struct Answer {
    pub mapping: Mapping,
    pub next: u64,
    pub turns: Vec<u64>,
}

impl Link {
    pub(super) fn new(address: Address) -> Self {
        Self { address, open: None }
    }

    /// Runs the script. A connection that broke while nobody looked is replaced once.
    pub(super) async fn ask(&mut self, name: &str, request: &Request<'_>) -> Result<Answer> {
        let is_new = self.open.is_none();
        let mut outcome = self.ask_once(name, request).await;
        if outcome.as_ref().is_err_and(|error| !is_new && error.is_io_error() && !error.is_timeout()) {
            outcome = self.ask_once(name, request).await;
        }
        outcome.map_err(|error| self.address.explain(&error))
    }

    async fn ask_once(&mut self, name: &str, request: &Request<'_>) -> std::result::Result<Answer, RedisError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        let Open { mut connection, mapping } = open;
        let mut command = ::redis::cmd("EVAL");
        command
            .arg(SCRIPT)
            .arg(2)
            .arg(format!("aigclens:pace:{{{name}}}"))
            .arg(format!("aigclens:pace:{{{name}}}:back"));
        let within = u64::try_from(request.within.as_micros()).unwrap_or(u64::MAX).min(86_400_000_000);
        command.arg(request.what).arg(request.qps).arg(request.wanted).arg(within).arg(request.back);
        let sent = now();
        let numbers: Vec<u64> = command.query_async(&mut connection).await?;
        let received = now();
        let [there, next, turns @ ..] = numbers.as_slice() else {
            return Err((ErrorKind::UnexpectedReturnType, "an answer without times").into());
        };
        let mapping = mapping.with(Trip { sent, received, there: *there });
        self.open = Some(Open { connection, mapping });
        Ok(Answer { mapping, next: *next, turns: turns.to_vec() })
    }

    async fn connect(&self) -> std::result::Result<Open, RedisError> {
        let client = Client::open(self.address.url.expose())?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECTING)).set_response_timeout(Some(ANSWERING));
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = tokio::time::timeout(CONNECTING, connecting)
            .await
            .map_err(|_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))??;
        let mut mapping: Option<Mapping> = None;
        for _ in 0..TRIPS {
            let sent = now();
            let (seconds, micros): (u64, u64) = ::redis::cmd("TIME").query_async(&mut connection).await?;
            let trip = Trip { sent, received: now(), there: seconds * 1_000_000 + micros };
            mapping = Some(mapping.map_or_else(|| Mapping::of(trip), |mapping| mapping.with(trip)));
        }
        let mapping = mapping.unwrap_or(Mapping::of(Trip { sent: 0, received: 0, there: 0 }));
        Ok(Open { connection, mapping })
    }
}
