//! A way through a proxy: CONNECT, and the refusals that a proxy has for it.
use super::Failure;
use crate::error::Kind;
use ::http::{HeaderValue, Method, Request, Uri};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Asks the proxy at the other end of a stream for a tunnel to `host:port`.
pub(super) async fn open(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &str,
    authorization: Option<&HeaderValue>,
) -> Result<TokioIo<Upgraded>, Failure> {
    let refused = |hint: &str| Failure::new(Kind::Proxy, false, format!("the proxy could not be used: {hint}"));
    let broken = |error: hyper::Error| refused(&format!("it did not answer properly ({error})"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection.with_upgrades());
    let uri: Uri = target.parse().map_err(|_| refused("the endpoint's name cannot be asked for"))?;
    let host = HeaderValue::from_str(target).map_err(|_| refused("the endpoint's name cannot be asked for"))?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = uri;
    request.headers_mut().insert("host", host);
    if let Some(value) = authorization {
        request.headers_mut().insert("proxy-authorization", value.clone());
    }
    let response = sender.send_request(request).await.map_err(broken)?;
    match response.status().as_u16() {
        200..=299 => Ok(TokioIo::new(hyper::upgrade::on(response).await.map_err(broken)?)),
        407 => Err(Failure::new(
            Kind::ProxyAuthentication,
            false,
            "the proxy wants a user name and password, which go into its URL (http://user:password@host:port)",
        )),
        status => Err(refused(&format!("it refused the connection with HTTP {status}"))),
    }
}
