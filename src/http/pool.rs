//! The connection pool: who waits for an answer holds a connection, and gives it back before the answer is handed on.
use super::body::Watched;
use super::connection::{Connection, Exchange};
use super::progress::Progress;
use super::{Failure, HeaderText, Request, Response, Sending, Transport, connect, failure, proxy, tls, tunnel};
use crate::ambient::Ambient;
use crate::config::{Network, Timeouts};
use crate::error::{Error, Kind, Result};
use ::http::uri::{PathAndQuery, Uri};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustls::pki_types::ServerName;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use std::{fmt, mem};
use tokio::io::{AsyncRead, AsyncWrite};
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
    idle: Mutex<HashMap<String, VecDeque<Connection>>>,
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
            idle: Mutex::default(),
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
            idle: Mutex::default(),
        }
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last, if one is left that may be used.
    fn take(&self, origin: &str) -> Option<Connection> {
        let mut idle = self.idle();
        let waiting = idle.get_mut(origin)?;
        while let Some(connection) = waiting.pop_back() {
            if connection.is_fresh(self.timeouts.idle, AGE) {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next request, and lets go of those that have waited too long.
    fn keep(&self, origin: &str, connection: Connection) {
        let mut idle = self.idle();
        let waiting = match idle.get_mut(origin) {
            Some(waiting) => waiting,
            None => idle.entry(origin.to_owned()).or_default(),
        };
        while waiting.front().is_some_and(|oldest| !oldest.is_fresh(self.timeouts.idle, AGE)) {
            waiting.pop_front();
        }
        waiting.push_back(connection);
    }

    /// Lets go of every connection that waits: after a failure of the network the others are hardly better (F20).
    fn flush(&self, origin: &str) {
        let stale = self.idle().get_mut(origin).map(mem::take);
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
    ) -> std::result::Result<Option<(Target, Option<HeaderValue>)>, Failure> {
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
        Ok(Some((proxy, way.basic_auth().cloned())))
    }

    async fn secure(
        &self,
        target: &Target,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        progress: Progress,
    ) -> std::result::Result<Connection, Failure> {
        if target.is_tls {
            Connection::begin(self.handshake(&target.host, stream).await?, progress).await
        } else {
            Connection::begin(stream, progress).await
        }
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
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
        mut message: ::http::Request<Watched>,
        target: &Target,
    ) -> std::result::Result<Response, Failure> {
        let origin = origin(request.url.expose());
        loop {
            let (connection, is_used) = match self.take(origin) {
                Some(connection) if connection.is_quiet().await => (connection, true),
                Some(_) => continue,
                // What is rare is kept out of the future that every call moves about.
                None => (Box::pin(self.connect(target, request.is_loopback)).await?, false),
            };
            match connection.exchange(message).await {
                Exchange::Answered(response, connection) => {
                    if let Some(connection) = connection {
                        self.keep(origin, connection);
                    }
                    return Ok(response);
                }
                // Not a second send: the connection had ended, and no byte of the request was written (F09).
                Exchange::Untaken(untaken, _) if is_used => message = untaken,
                Exchange::Untaken(_, failure) | Exchange::Failed(failure) => {
                    self.flush(origin);
                    return Err(failure);
                }
            }
        }
    }

    async fn within_time(&self, request: Request) -> std::result::Result<Response, Failure> {
        let time = request.time;
        let target = request.url.expose().parse().ok().and_then(Target::read);
        let target = target.ok_or_else(|| Failure::new(Kind::Internal, false, "the request's URL cannot be used"))?;
        let message = message(&request, &target).map_err(|error| unsent(&error))?;
        let taken = message.body().taken();
        let outcome = tokio::time::timeout(time, self.attempt(&request, message, &target)).await;
        outcome.unwrap_or_else(|_| {
            // Silence is how a network that has changed shows itself.
            self.flush(origin(request.url.expose()));
            Err(late(time, &taken))
        })
    }
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

/// What stands before the path of a URL.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(authority..).and_then(|rest| rest.find(['/', '?'])).map_or(url.len(), |at| authority + at);
    url.get(..end).unwrap_or_default()
}

fn message(request: &Request, target: &Target) -> Result<::http::Request<Watched>> {
    let refused = || Error::new(Kind::Internal, "the request cannot be written");
    let mut message = ::http::Request::new(Watched::new(request.body.clone()));
    *message.method_mut() = Method::from_bytes(request.method.as_bytes()).map_err(|_| refused())?;
    let path = target.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *message.uri_mut() = Uri::from(path);
    *message.headers_mut() = header_map(&request.headers)?;
    if !message.headers().contains_key("host") {
        let authority = target.uri.authority().ok_or_else(refused)?;
        message.headers_mut().insert("host", HeaderValue::from_str(authority.as_str()).map_err(|_| refused())?);
    }
    Ok(message)
}

fn header_map(headers: &[(&'static str, HeaderText)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::with_capacity(headers.len() + 2);
    for (name, text) in headers {
        let refused = || Error::new(Kind::Config, format!("the value of the header {name} cannot be sent"));
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| refused())?;
        value.set_sensitive(matches!(text, HeaderText::Sensitive(_)));
        map.insert(HeaderName::from_static(name), value);
    }
    Ok(map)
}
