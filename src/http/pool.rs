//! The connection pool: who waits for an answer holds a connection, and gives it back before the answer is handed on.
use super::connection::{Connection, Exchange};
use super::exchange::Outgoing;
use super::progress::Progress;
use super::stream::Stream;
use super::{Failure, HeaderText, Request, Response, Sending, Transport, connect, failure, head, proxy, tls, tunnel};
use crate::ambient::Ambient;
use crate::config::{Network, Timeouts};
use crate::error::{Error, Kind, Result};
use crate::redact::Secret;
use ::http::Uri;
use rustls::pki_types::ServerName;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use std::{fmt, mem};
use tokio_rustls::TlsConnector;

/// The age at which a connection is replaced, so that a move of the service in DNS is followed.
const AGE: Duration = Duration::from_secs(600);

/// Pooled HTTP/1.1 connections. A pool belongs to the runtime that first used it, and to one process.
pub struct Pool {
    timeouts: Timeouts,
    network: Network,
    trust: Arc<tls::Trust>,
    /// Loading the operating system's certificates takes milliseconds: done once for all pools of a client, and not at
    /// all for one that only talks to an emulator.
    tls: Arc<OnceLock<Result<TlsConnector>>>,
    proxy: Arc<OnceLock<Result<Option<proxy::Choice>>>>,
    ambient: Ambient,
    idle: Arc<Idle>,
}

/// Connections that rest, by origin: those that were used last are behind.
type Resting = HashMap<String, VecDeque<Connection>>;

#[derive(Default)]
struct Idle {
    resting: Mutex<Resting>,
    /// Whether somebody comes by to let go of those that have rested too long.
    is_watched: AtomicBool,
}

/// Where a request goes, as its URL says.
struct Target {
    uri: Uri,
    is_tls: bool,
    host: String,
    port: u16,
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

impl Pool {
    pub fn new(timeouts: Timeouts, network: Network, trust: tls::Trust, ambient: Ambient) -> Self {
        Self {
            timeouts,
            network,
            trust: Arc::new(trust),
            tls: Arc::default(),
            proxy: Arc::default(),
            ambient,
            idle: Arc::default(),
        }
    }

    /// Another pool with the same settings and no connection yet, for another runtime.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self {
            timeouts: self.timeouts,
            network: self.network.clone(),
            trust: Arc::clone(&self.trust),
            tls: Arc::clone(&self.tls),
            proxy: Arc::clone(&self.proxy),
            ambient: self.ambient.clone(),
            idle: Arc::default(),
        }
    }

    /// The connection that was used last, if one is left that may be used.
    fn take(&self, origin: &str) -> Option<Connection> {
        let mut resting = self.idle.resting();
        let waiting = resting.get_mut(origin)?;
        while let Some(connection) = waiting.pop_back() {
            if connection.is_fresh(self.timeouts.idle, AGE) {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    fn keep(&self, origin: &str, connection: Connection) {
        let mut resting = self.idle.resting();
        match resting.get_mut(origin) {
            Some(waiting) => waiting.push_back(connection),
            None => resting.entry(origin.to_owned()).or_default().push_back(connection),
        }
        drop(resting);
        if !self.idle.is_watched.swap(true, Ordering::AcqRel) {
            tokio::spawn(watch(Arc::downgrade(&self.idle), self.timeouts.idle));
        }
    }

    /// Lets go of every connection that waits: after a failure of the network the others are hardly better (F20).
    fn flush(&self, origin: &str) {
        let stale = self.idle.resting().get_mut(origin).map(mem::take);
        drop(stale);
    }

    async fn connect(&self, target: &Target, is_loopback: bool) -> std::result::Result<Connection, Failure> {
        let time = self.timeouts.connect.min(self.timeouts.attempt);
        let connecting = async {
            let Some((proxy, authorization)) = self.proxy(target, is_loopback)? else {
                let stream = connect::tcp(&target.host, target.port).await?;
                let progress = stream.progress();
                return self.secure(target, stream, progress).await;
            };
            let authority = format!("{}:{}", target.host, target.port);
            let stream = connect::tcp(&proxy.host, proxy.port).await.map_err(failure::at_proxy)?;
            let progress = stream.progress();
            if proxy.is_tls {
                let stream = self.handshake(&proxy.host, stream).await.map_err(failure::at_proxy)?;
                let stream: Box<dyn Stream> = Box::new(stream);
                let stream = tunnel::open(stream, &authority, authorization.as_ref()).await?;
                return self.secure(target, stream, progress).await;
            }
            let stream = tunnel::open(stream, &authority, authorization.as_ref()).await?;
            self.secure(target, stream, progress).await
        };
        let late = |_| {
            let message = format!("no connection within {:.3} s; nothing was sent", time.as_secs_f64());
            Failure::new(Kind::ConnectTimeout, false, message)
        };
        tokio::time::timeout(time, connecting).await.map_err(late)?
    }

    fn proxy(
        &self,
        target: &Target,
        is_loopback: bool,
    ) -> std::result::Result<Option<(Target, Option<HeaderText>)>, Failure> {
        if is_loopback {
            return Ok(None);
        }
        let chosen = self.proxy.get_or_init(|| proxy::choose(&self.network, &self.ambient));
        let Some(choice) = chosen.as_ref().map_err(unsent)? else {
            return Ok(None);
        };
        let Some(way) = choice.intercept(&target.uri) else {
            return Ok(None);
        };
        let proxy = Target::read(way.uri().clone())
            .ok_or_else(|| Failure::new(Kind::Config, false, "the proxy's URL cannot be used; check its spelling"))?;
        let authorization = way.basic_auth().and_then(|value| value.to_str().ok());
        Ok(Some((proxy, authorization.map(|value| HeaderText::Sensitive(Secret::new(value))))))
    }

    async fn secure(
        &self,
        target: &Target,
        stream: impl Stream + 'static,
        progress: Progress,
    ) -> std::result::Result<Connection, Failure> {
        let stream: Box<dyn Stream> =
            if target.is_tls { Box::new(self.handshake(&target.host, stream).await?) } else { Box::new(stream) };
        Ok(Connection::begin(stream, progress))
    }

    async fn handshake<S: Stream>(
        &self,
        host: &str,
        stream: S,
    ) -> std::result::Result<tokio_rustls::client::TlsStream<S>, Failure> {
        let connector = self.tls.get_or_init(|| self.trust.connector()).as_ref().map_err(unsent)?;
        let name = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned())
            .map_err(|_| Failure::new(Kind::Tls, false, format!("'{host}' is no name that a certificate can have")))?;
        connector.connect(name, stream).await.map_err(|error| failure::handshake(&error))
    }

    async fn attempt(
        &self,
        request: &Request,
        origin: &str,
        head: &[u8],
        taken: &AtomicBool,
    ) -> std::result::Result<Response, Failure> {
        loop {
            let (connection, is_used) = match self.take(origin) {
                Some(connection) => match connection.quiet().await {
                    Some(connection) => (connection, true),
                    None => continue,
                },
                // What is rare is kept out of the future that every call moves about.
                None => (Box::pin(self.connect(&target(request)?, request.is_loopback)).await?, false),
            };
            match connection.exchange(Outgoing::new(head, &request.body, taken)).await {
                Exchange::Answered(response, connection) => {
                    if let Some(connection) = connection {
                        self.keep(origin, connection);
                    }
                    return Ok(response);
                }
                // Not a second send: the connection had ended, and no byte of the request was written (F09).
                Exchange::Untaken(_) if is_used => {}
                Exchange::Untaken(failure) | Exchange::Failed(failure) => {
                    self.flush(origin);
                    return Err(failure);
                }
            }
        }
    }

    async fn within_time(&self, request: Request) -> std::result::Result<Response, Failure> {
        let time = request.time;
        let (origin, path) = parts(request.url.expose());
        let head = message(&request, origin, path)?;
        let taken = AtomicBool::new(false);
        let outcome = tokio::time::timeout(time, self.attempt(&request, origin, &head, &taken)).await;
        outcome.unwrap_or_else(|_| {
            // Silence is how a network that has changed shows itself.
            self.flush(origin);
            Err(late(time, &taken))
        })
    }
}

impl Idle {
    fn resting(&self) -> MutexGuard<'_, Resting> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Comes by now and then, and lets go of the connections that have rested too long, until none is left.
async fn watch(idle: Weak<Idle>, rest: Duration) {
    loop {
        tokio::time::sleep(rest).await;
        let Some(idle) = idle.upgrade() else { return };
        let stale = {
            let mut resting = idle.resting();
            let stale: Vec<Connection> = resting.values_mut().flat_map(|waiting| stale(waiting, rest)).collect();
            resting.retain(|_, waiting| !waiting.is_empty());
            if resting.is_empty() {
                idle.is_watched.store(false, Ordering::Release);
                return;
            }
            stale
        };
        drop(stale);
    }
}

/// Those in front, which have rested longest.
fn stale(waiting: &mut VecDeque<Connection>, rest: Duration) -> Vec<Connection> {
    let fresh = waiting.iter().position(|one| one.is_fresh(rest, AGE)).unwrap_or(waiting.len());
    waiting.drain(..fresh).collect()
}

impl Transport for Pool {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.within_time(request))
    }
}

impl Target {
    fn read(uri: Uri) -> Option<Self> {
        let is_tls = uri.scheme_str() == Some("https");
        let host = uri.host()?.to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Some(Self { uri, is_tls, host, port })
    }
}

fn unsent(error: &Error) -> Failure {
    Failure::new(error.kind(), false, error.message())
}

fn late(time: Duration, taken: &AtomicBool) -> Failure {
    let seconds = time.as_secs_f64();
    if taken.load(Ordering::Acquire) {
        let message = format!("no whole answer within {seconds:.3} s after the request was sent");
        return Failure::new(Kind::DetectTimeout, true, message);
    }
    Failure::new(Kind::ConnectTimeout, false, format!("no connection within {seconds:.3} s; nothing was sent"))
}

/// What stands before the path of a URL, and the path with its query.
fn parts(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url.bytes().skip(authority).position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let (origin, rest) = url.split_at_checked(end.map_or(url.len(), |end| authority + end)).unwrap_or_default();
    (origin, rest.split_once('#').map_or(rest, |(path, _)| path))
}

fn target(request: &Request) -> std::result::Result<Target, Failure> {
    request.url.expose().parse().ok().and_then(Target::read).ok_or_else(unusable)
}

fn unusable() -> Failure {
    Failure::new(Kind::Internal, false, "the request's URL cannot be used")
}

/// The head of a request.
fn message(request: &Request, origin: &str, path: &str) -> std::result::Result<Vec<u8>, Failure> {
    let authority = origin.rsplit(['/', '@']).next().unwrap_or_default();
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unusable());
    }
    let path = if path.starts_with('/') { Cow::Borrowed(path) } else { Cow::Owned(format!("/{path}")) };
    head::write(request, authority, &path).map_err(|error| unsent(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_an_origin_and_a_path() {
        for (url, origin, path) in [
            ("http://h:8/p/q?r=/#s", "http://h:8", "/p/q?r=/"),
            ("https://h", "https://h", ""),
            ("https://h?q=a/b", "https://h", "?q=a/b"),
            ("http://u:p@h#x", "http://u:p@h", ""),
        ] {
            assert_eq!(parts(url), (origin, path), "{url}");
        }
    }
}
