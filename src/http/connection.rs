//! One HTTP/1.1 connection, and one exchange on it.
use super::body::Watched;
use super::failure::{self, Failure};
use super::progress::{GRACE, Progress};
use super::{BODY_CAP, Response};
use crate::error::Kind;
use ::http::Request;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// The largest head of an answer that is read.
const HEAD_CAP: usize = 64 * 1024;
/// An answered connection is ready for the next request within microseconds; one that is not is given up.
const RESETTLE: Duration = Duration::from_millis(100);
/// A connection that no request is on.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Watched>,
    progress: Progress,
    born: Instant,
    rested: Instant,
}

/// What became of a request.
pub(super) enum Exchange {
    /// A whole answer, and the connection if it can carry another request.
    Answered(Response, Option<Connection>),
    /// The connection had ended before it took the request, which comes back to be sent on another.
    Untaken(Request<Watched>, Failure),
    Failed(Failure),
}

impl Connection {
    /// Speaks HTTP/1.1 on a stream, whose bytes end up on one with that progress.
    pub(super) async fn begin(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        progress: Progress,
    ) -> Result<Self, Failure> {
        let handshake = Builder::new().max_buf_size(HEAD_CAP).handshake(TokioIo::new(stream)).await;
        let (sender, connection) =
            handshake.map_err(|error| Failure::new(Kind::Connect, false, format!("no connection: {error}")))?;
        tokio::spawn(async move {
            // Its errors reach whoever waits for an answer; an idle connection that ends is nobody's trouble.
            let _ = connection.await;
        });
        let now = Instant::now();
        Ok(Self { sender, progress, born: now, rested: now })
    }

    /// Whether it may carry another request.
    pub(super) fn is_fresh(&self, idle: Duration, age: Duration) -> bool {
        !self.sender.is_closed() && self.rested.elapsed() < idle && self.born.elapsed() < age
    }

    /// Whether it still rests, after a look at the socket: the end of a connection, or bytes that nobody asked for, may have
    /// lain there since the last answer (F09, E14). A client that waits for its answers drives its runtime while it waits
    /// and not in between, so that nobody has looked yet. One turn of the runtime asks the system and wakes the connection.
    /// It may have read by now what is there; if not it reads before it takes a request, and one that it has not begun
    /// comes back (`Exchange::Untaken`).
    pub(super) async fn is_quiet(&self) -> bool {
        tokio::task::yield_now().await;
        !self.sender.is_closed()
    }

    /// Sends a request and reads its whole answer. Only a connection that is ready again is given back, so that it can be
    /// taken before the caller learns of the answer: there are never more connections than requests under way. A request
    /// that the other side stops taking in is given up, and its connection with it (K09).
    pub(super) async fn exchange(mut self, request: Request<Watched>) -> Exchange {
        let taken = request.body().taken();
        let sending = self.sender.try_send_request(request);
        let answered = tokio::select! {
            biased;
            answered = sending => answered,
            () = self.progress.stalled() => return Exchange::Failed(stalled()),
        };
        let response = match answered {
            Ok(response) => response,
            Err(mut refused) => {
                let untaken = refused.take_message();
                let error = refused.into_error();
                return match untaken {
                    Some(request) => Exchange::Untaken(request, failure::broken(&error, false)),
                    None => Exchange::Failed(failure::broken(&error, taken.load(Ordering::Acquire))),
                };
            }
        };
        match read(response).await {
            Ok(response) => {
                let connection = self.settle().await;
                Exchange::Answered(response, connection)
            }
            Err(failure) => Exchange::Failed(failure),
        }
    }

    async fn settle(mut self) -> Option<Self> {
        let ready = tokio::time::timeout(RESETTLE, self.sender.ready()).await;
        self.rested = Instant::now();
        matches!(ready, Ok(Ok(()))).then_some(self)
    }
}

/// Part of a request was sent, and the rest is not taken.
fn stalled() -> Failure {
    let message =
        format!("the other side has taken no byte of the request for {} s; it was not sent whole", GRACE.as_secs());
    Failure::new(Kind::DetectTimeout, true, message)
}

/// Reads the whole body, up to the cap. A packed body is refused unread: we asked for none (E18, E19).
async fn read(response: ::http::Response<Incoming>) -> Result<Response, Failure> {
    let (head, mut incoming) = response.into_parts();
    let (status, headers) = (head.status.as_u16(), head.headers);
    let packed = headers.get("content-encoding").filter(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if packed.is_some() {
        return Err(Failure::new(
            Kind::ResponseDecode,
            true,
            "the answer is packed (content-encoding), which was not asked for",
        ));
    }
    let mut body = BytesMut::new();
    let mut first = None;
    while let Some(frame) = incoming.frame().await {
        let Ok(chunk) = frame.map_err(|error| failure::broken(&error, true))?.into_data() else {
            continue;
        };
        if body.len() + chunk.len() + first.as_ref().map_or(0, Bytes::len) > BODY_CAP {
            return Err(Failure::new(Kind::ResponseDecode, true, "the answer is larger than 1 MiB"));
        }
        // Most answers come in one piece, which is kept without a copy.
        match (first.take(), body.is_empty()) {
            (None, true) => first = Some(chunk),
            (earlier, _) => {
                body.extend_from_slice(&earlier.unwrap_or_default());
                body.extend_from_slice(&chunk);
            }
        }
    }
    Ok(Response { status, headers, body: first.unwrap_or_else(|| body.freeze()) })
}

#[cfg(test)]
mod tests {
    use super::super::progress::Metered;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    /// A connection whose other end is in the hands of the test; 64 KiB may be on the way.
    async fn connection() -> (Connection, DuplexStream) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let stream = Metered::new(near);
        let progress = stream.progress();
        (Connection::begin(stream, progress).await.unwrap(), far)
    }

    fn put(length: usize) -> Request<Watched> {
        let mut request = Request::new(Watched::new(Bytes::from(vec![7; length])));
        *request.method_mut() = ::http::Method::PUT;
        request
    }

    /// K09: seen after the grace, long before the time-out of an attempt (15 s by default).
    #[tokio::test(start_paused = true)]
    async fn an_upload_that_is_not_taken_is_given_up_after_the_grace() {
        let (connection, mut far) = connection().await;
        let started = Instant::now();
        let server = tokio::spawn(async move {
            far.read_exact(&mut [0; 1_000]).await.unwrap();
            far.read_exact(&mut vec![0; 100_000]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
            far
        });
        let exchange = tokio::time::timeout(Duration::from_secs(15), connection.exchange(put(1_000_000)));
        let Ok(Exchange::Failed(failure)) = exchange.await else { panic!("there was no answer") };
        assert_eq!((failure.kind, failure.sent), (Kind::DetectTimeout, true));
        assert!(failure.message.contains("no byte"), "{}", failure.message);
        assert!((GRACE..GRACE + Duration::from_secs(1)).contains(&started.elapsed()), "{:?}", started.elapsed());
        server.abort();
    }

    /// K09: slow is not stalled, however long it takes; and an answer that takes its time is no stalled upload.
    #[tokio::test(start_paused = true)]
    async fn a_slow_upload_and_a_slow_answer_are_waited_for() {
        let (connection, mut far) = connection().await;
        let started = Instant::now();
        tokio::spawn(async move {
            let (mut taken, mut part) = (0, vec![0; 20_000]);
            while taken < 300_000 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                taken += far.read(&mut part).await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(20)).await;
            far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            far
        });
        let Exchange::Answered(response, _) = connection.exchange(put(300_000)).await else {
            panic!("there was an answer")
        };
        assert_eq!(&response.body[..], b"ok");
        assert!(started.elapsed() > Duration::from_secs(60), "{:?}", started.elapsed());
    }
}
