//! Fetching an image by its URL, as the service does: in three seconds, and here from this machine only.
use crate::image::Limits;
use crate::region;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;
use url::Url;

/// The business codes of what can go wrong.
pub(super) const NOT_DOWNLOADED: i64 = 404;
pub(super) const TOO_SLOW: i64 = 405;
pub(super) const TOO_LARGE: i64 = 406;

/// Whether the emulator fetches from there: loopback over plain http. It reaches out to no other machine.
pub(super) fn is_local(url: &Url) -> bool {
    url.scheme() == "http" && url.host().is_some_and(|host| region::is_loopback(&host))
}

/// The image's bytes, or the business code of the failure.
pub(super) async fn download(url: &Url, referer: Option<&str>, time: Duration) -> Result<Bytes, i64> {
    match tokio::time::timeout(time, fetch(url, referer)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(TOO_SLOW),
    }
}

async fn fetch(url: &Url, referer: Option<&str>) -> Result<Bytes, i64> {
    let host = url.host_str().ok_or(NOT_DOWNLOADED)?;
    let port = url.port_or_known_default().ok_or(NOT_DOWNLOADED)?;
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(|_| NOT_DOWNLOADED)?;
    let handshake = hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|_| NOT_DOWNLOADED)?;
    // Ends by itself once the sender and the answer are gone.
    tokio::spawn(connection);
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = hyper::Request::get(target)
        .header("host", format!("{host}:{port}"))
        .header("user-agent", "aigclens-emulator")
        .header("connection", "close");
    if let Some(referer) = referer {
        request = request.header("referer", referer);
    }
    let request = request.body(Empty::new()).map_err(|_| NOT_DOWNLOADED)?;
    let answer = sender.send_request(request).await.map_err(|_| NOT_DOWNLOADED)?;
    if answer.status() != 200 {
        return Err(NOT_DOWNLOADED);
    }
    let limit = usize::try_from(Limits::default().max_bytes).unwrap_or(usize::MAX);
    let body = Limited::new(answer.into_body(), limit).collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|problem| if problem.is::<LengthLimitError>() { TOO_LARGE } else { NOT_DOWNLOADED })
}
