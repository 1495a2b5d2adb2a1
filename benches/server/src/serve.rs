//! Connections and requests. One thread: on a machine of two cores the other one is the client's.
use crate::counts::Counts;
use crate::{answers, verify};
use bytes::Bytes;
use crc64fast::Digest;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Accepts for ever. `endpoint` is where tokens say that uploads go.
pub async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, endpoint: Arc<str>, counts: Arc<Counts>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files: those that are open will end.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (tls, endpoint, counts) = (tls.clone(), Arc::clone(&endpoint), Arc::clone(&counts));
        tokio::spawn(async move {
            counts.connected();
            match tls {
                None => connection(stream, endpoint, Arc::clone(&counts)).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, endpoint, Arc::clone(&counts)).await;
                    }
                }
            }
            counts.disconnected();
        });
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, endpoint: Arc<str>, counts: Arc<Counts>) {
    let service = service_fn(move |request| {
        let (endpoint, counts) = (Arc::clone(&endpoint), Arc::clone(&counts));
        async move { Ok::<_, Infallible>(answer(request, &endpoint, &counts).await) }
    });
    let mut server = http1::Builder::new();
    server.pipeline_flush(true);
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, endpoint: &str, counts: &Counts) -> Response<Full<Bytes>> {
    let (parts, mut body) = request.into_parts();
    if let Some(order) = parts.uri.path().strip_prefix("/_bench/") {
        return ordered(order, parts.uri.query().unwrap_or_default(), counts);
    }
    let response = if parts.method == Method::PUT {
        let mut digest = Digest::new();
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                digest.write(data);
                counts.upload_bytes.fetch_add(data.len() as u64, Relaxed);
            }
        }
        counts.uploads.fetch_add(1, Relaxed);
        counts.checked(|| verify::is_right_upload(&parts));
        answers::stored(digest.sum64())
    } else {
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        called(&parts, &body, endpoint, counts)
    };
    let latency = counts.latency.load(Relaxed);
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    response
}

fn called(parts: &Parts, body: &[u8], endpoint: &str, counts: &Counts) -> Response<Full<Bytes>> {
    counts.checked(|| verify::is_right(parts, body));
    if parts.headers.get("x-acs-action").is_some_and(|action| action == "DescribeUploadToken") {
        counts.tokens.fetch_add(1, Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        answers::token(endpoint, now)
    } else {
        counts.requests.fetch_add(1, Relaxed);
        answers::moderation()
    }
}

/// `stats`, `reset`, `latency?50`, `verify?1`.
fn ordered(order: &str, value: &str, counts: &Counts) -> Response<Full<Bytes>> {
    match order {
        "stats" => {}
        "reset" => counts.reset(),
        "latency" => counts.latency.store(value.parse().unwrap_or(0), Relaxed),
        "verify" => counts.verifies.store(value == "1", Relaxed),
        _ => {
            let mut response = Response::new(Full::new(Bytes::new()));
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
    }
    answers::json(Bytes::from(counts.to_json()))
}
