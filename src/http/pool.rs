//! The connection pool: the one file that names `reqwest`.
use super::failure::{self, Failure};
use super::{BODY_CAP, HeaderText, Request, Response, Sending, Transport, body, proxy, tls};
use crate::ambient::Ambient;
use crate::config::{Network, Timeouts};
use crate::error::{Error, Kind, Result};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longer than any answer takes, shorter than a vanished peer may hold a connection.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Pooled HTTP/1.1 connections. A pool belongs to the runtime that first used it, and to one process.
///
/// There are three kinds of connection, each made when it is first needed: to loopback without TLS (the emulator: no
/// certificates are loaded), to loopback with TLS, and to the world, which alone may go through a proxy.
pub struct Pool {
    timeouts: Timeouts,
    network: Network,
    trust: Arc<tls::Trust>,
    /// Loading the operating system's certificates takes milliseconds: done once for all pools of a client.
    tls: Arc<OnceLock<Result<rustls::ClientConfig>>>,
    ambient: Ambient,
    loopback_plain: OnceLock<Result<reqwest::Client>>,
    loopback_tls: OnceLock<Result<reqwest::Client>>,
    remote: OnceLock<Result<(reqwest::Client, bool)>>,
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
            ambient,
            loopback_plain: OnceLock::new(),
            loopback_tls: OnceLock::new(),
            remote: OnceLock::new(),
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
            ambient: self.ambient.clone(),
            loopback_plain: OnceLock::new(),
            loopback_tls: OnceLock::new(),
            remote: OnceLock::new(),
        }
    }

    fn tls(&self) -> Result<rustls::ClientConfig> {
        self.tls.get_or_init(|| self.trust.client_config()).clone()
    }

    fn client(&self, request: &Request) -> Result<(&reqwest::Client, bool)> {
        let is_tls = request.url.expose().starts_with("https:");
        let lane = match (request.is_loopback, is_tls) {
            (true, false) => self.loopback_plain.get_or_init(|| self.build(tls::trust_nobody()?, None)),
            (true, true) => self.loopback_tls.get_or_init(|| self.build(self.tls()?, None)),
            (false, _) => {
                let remote = self.remote.get_or_init(|| {
                    let choice = proxy::choose(&self.network, &self.ambient)?;
                    Ok((self.build(self.tls()?, choice.as_ref())?, choice.is_some()))
                });
                return remote.as_ref().map(|(client, proxied)| (client, *proxied)).map_err(Clone::clone);
            }
        };
        lane.as_ref().map(|client| (client, false)).map_err(Clone::clone)
    }

    fn build(&self, tls: rustls::ClientConfig, proxy: Option<&proxy::Choice>) -> Result<reqwest::Client> {
        let unusable =
            |error: &reqwest::Error| Error::new(Kind::Config, format!("the connection could not be set up: {error}"));
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(self.timeouts.connect.min(self.timeouts.attempt))
            .pool_idle_timeout(self.timeouts.idle)
            .pool_max_idle_per_host(usize::MAX)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE);
        if let Some(choice) = proxy {
            // The error would print the proxy's URL, which may hold a password.
            let proxy = reqwest::Proxy::https(&choice.url)
                .map_err(|_| Error::new(Kind::Config, "the proxy's URL cannot be used; check its spelling"))?;
            builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&choice.except)));
        }
        builder.build().map_err(|error| unusable(&error.without_url()))
    }

    async fn attempt(&self, request: Request) -> std::result::Result<Response, Failure> {
        let unsent = |error: Error| Failure::new(error.kind(), false, error.message());
        let (client, through_proxy) = self.client(&request).map_err(unsent)?;
        let url = request.url.expose();
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Failure::new(Kind::Internal, false, "the method is not one"))?;
        let headers = header_map(&request.headers).map_err(unsent)?;
        let (body, taken) = body::Watched::new(request.body.clone());
        let sending = async {
            let sent = client.request(method, url).headers(headers).body(reqwest::Body::wrap(body)).send().await;
            let response = sent.map_err(|error| translate(&error, taken.load(Ordering::Acquire), through_proxy))?;
            read(response).await
        };
        match tokio::time::timeout(request.time, sending).await {
            Ok(outcome) => outcome,
            Err(_) if taken.load(Ordering::Acquire) => Err(Failure::new(
                Kind::DetectTimeout,
                true,
                format!("no whole answer within {:.3} s after the request was sent", request.time.as_secs_f64()),
            )),
            Err(_) => Err(Failure::new(
                Kind::ConnectTimeout,
                false,
                format!("no connection within {:.3} s; nothing was sent", request.time.as_secs_f64()),
            )),
        }
    }
}

impl Transport for Pool {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.attempt(request))
    }
}

fn header_map(headers: &[(&'static str, HeaderText)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, text) in headers {
        let refused = || Error::new(Kind::Config, format!("the value of the header {name} cannot be sent"));
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| refused())?;
        value.set_sensitive(matches!(text, HeaderText::Sensitive(_)));
        map.insert(HeaderName::from_static(name), value);
    }
    Ok(map)
}

fn translate(error: &reqwest::Error, was_sent: bool, through_proxy: bool) -> Failure {
    if error.is_connect() {
        failure::connecting(error, error.is_dns(), error.is_timeout(), through_proxy)
    } else {
        failure::broken(error, was_sent)
    }
}

/// Reads the whole body, up to the cap. A packed body is refused unread: we asked for none (E18, E19).
async fn read(mut response: reqwest::Response) -> std::result::Result<Response, Failure> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let packed = headers.get("content-encoding").filter(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if packed.is_some() {
        return Err(Failure::new(
            Kind::ResponseDecode,
            true,
            "the answer is packed (content-encoding), which was not asked for",
        ));
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_CAP => {
                return Err(Failure::new(Kind::ResponseDecode, true, "the answer is larger than 1 MiB"));
            }
            Ok(Some(chunk)) if body.is_empty() => {
                body = chunk.try_into_mut().unwrap_or_else(|chunk| BytesMut::from(&*chunk));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => {
                return Ok(Response { status, headers, body: Bytes::from(body) });
            }
            Err(error) => return Err(failure::broken(&error.without_url(), true)),
        }
    }
}
