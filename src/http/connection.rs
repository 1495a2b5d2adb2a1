//! One HTTP/1.1 connection, and one exchange on it.
use super::exchange::{Incoming, Outgoing, Way};
use super::progress::{GRACE, Progress};
use super::stream::Stream;
use super::{Failure, Response};
use crate::error::Kind;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

/// A connection that no request is on.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    progress: Progress,
    /// Memory for answers.
    incoming: Incoming,
    born: Instant,
    rested: Instant,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("born", &self.born).finish_non_exhaustive()
    }
}

/// What became of a request.
#[allow(clippy::large_enum_variant, reason = "the large one is what nearly every exchange comes to")]
pub(super) enum Exchange {
    /// A whole answer, and the connection if it can carry another request.
    Answered(Response, Option<Connection>),
    /// The connection had ended before it took a byte of the request, which may be sent on another.
    Untaken(Failure),
    Failed(Failure),
}

/// What lies in a socket that nobody has read from.
enum Rest {
    Nothing,
    Something,
    /// The end, or trouble.
    End,
    /// The system does not say.
    Unknown,
}

impl Connection {
    /// Speaks HTTP/1.1 on a stream, whose bytes end up on one with that progress.
    pub(super) fn begin(stream: Box<dyn Stream>, progress: Progress) -> Self {
        let now = Instant::now();
        Self { stream, progress, incoming: Incoming::default(), born: now, rested: now }
    }

    /// Whether it may carry another request, as far as its age says.
    pub(super) fn is_fresh(&self, idle: Duration, age: Duration) -> bool {
        self.rested.elapsed() < idle && self.born.elapsed() < age
    }

    /// The connection if it still rests, after a look at the socket: the end of a connection, or bytes that nobody asked for, may have
    /// lain there since the last answer (F09, E14). Nobody reads from a resting connection, so that the system is asked,
    /// which knows at once.
    pub(super) async fn quiet(mut self) -> Option<Self> {
        let is_quiet = match self.rest() {
            Rest::Nothing => true,
            Rest::End => false,
            Rest::Something if !self.stream.is_layered() => false,
            // It may be talk of the layer's own, such as tickets of TLS, which reading takes away; the runtime learns in one
            // turn that there is something to read.
            Rest::Something | Rest::Unknown => {
                tokio::task::yield_now().await;
                let mut byte = [0];
                let mut room = ReadBuf::new(&mut byte);
                let stream = &mut self.stream;
                poll_fn(|context| Poll::Ready(Pin::new(&mut *stream).poll_read(context, &mut room).is_pending())).await
            }
        };
        is_quiet.then_some(self)
    }

    #[cfg(unix)]
    fn rest(&self) -> Rest {
        use rustix::io::Errno;
        use rustix::net::{RecvFlags, recv};
        let Some(socket) = self.stream.socket() else { return Rest::Unknown };
        match recv(socket, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((0, _)) => Rest::End,
            Ok(_) => Rest::Something,
            Err(Errno::AGAIN) => Rest::Nothing,
            Err(Errno::INTR) => Rest::Unknown,
            Err(_) => Rest::End,
        }
    }

    #[cfg(not(unix))]
    fn rest(&self) -> Rest {
        Rest::Unknown
    }

    /// Sends a request and reads its whole answer. The connection is given back with it, so that it can be taken before the
    /// caller learns of the answer: there are never more connections than requests under way. A request that the other side
    /// stops taking in is given up, and its connection with it (K09).
    pub(super) async fn exchange(mut self, outgoing: Outgoing<'_>) -> Exchange {
        let Self { stream, progress, incoming, .. } = &mut self;
        let mut way = Way::new(outgoing, incoming);
        // Most requests are written at once; only one that is not has to be watched.
        let begun = poll_fn(|context| match way.poll(stream, context) {
            Poll::Pending if !way.is_written() => Poll::Ready(None),
            polled => polled.map(Some),
        });
        let answered = if let Some(answered) = begun.await {
            answered
        } else {
            tokio::select! {
                biased;
                answered = poll_fn(|context| way.poll(stream, context)) => answered,
                () = progress.stalled() => Err(stalled()),
            }
        };
        let is_taken = way.is_taken();
        match answered {
            Ok((response, is_kept)) => {
                self.rested = Instant::now();
                Exchange::Answered(response, is_kept.then_some(self))
            }
            Err(failure) if is_taken => Exchange::Failed(failure),
            Err(failure) => Exchange::Untaken(failure),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stream.part();
    }
}

/// Part of a request was sent, and the rest is not taken.
fn stalled() -> Failure {
    let message =
        format!("the other side has taken no byte of the request for {} s; it was not sent whole", GRACE.as_secs());
    Failure::new(Kind::DetectTimeout, true, message)
}

#[cfg(test)]
mod tests {
    use super::super::progress::Metered;
    use super::*;
    use std::sync::atomic::AtomicBool;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    /// A connection whose other end is in the hands of the test; 64 KiB may be on the way.
    fn connection() -> (Connection, DuplexStream) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let stream = Metered::new(near);
        let progress = stream.progress();
        (Connection::begin(Box::new(stream), progress), far)
    }

    fn put<'a>(body: &'a [u8], taken: &'a AtomicBool) -> Outgoing<'a> {
        Outgoing::new(b"PUT / HTTP/1.1\r\n\r\n", body, taken)
    }

    /// K09: seen after the grace, long before the time-out of an attempt (15 s by default).
    #[tokio::test(start_paused = true)]
    async fn an_upload_that_is_not_taken_is_given_up_after_the_grace() {
        let (connection, mut far) = connection();
        let started = Instant::now();
        let server = tokio::spawn(async move {
            far.read_exact(&mut [0; 1_000]).await.unwrap();
            far.read_exact(&mut vec![0; 100_000]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
            far
        });
        let (body, taken) = (vec![7; 1_000_000], AtomicBool::new(false));
        let exchange = tokio::time::timeout(Duration::from_secs(15), connection.exchange(put(&body, &taken)));
        let Ok(Exchange::Failed(failure)) = exchange.await else { panic!("there was no answer") };
        assert_eq!((failure.kind, failure.sent), (Kind::DetectTimeout, true));
        assert!(failure.message.contains("no byte"), "{}", failure.message);
        assert!((GRACE..GRACE + Duration::from_secs(1)).contains(&started.elapsed()), "{:?}", started.elapsed());
        server.abort();
    }

    /// K09: slow is not stalled, however long it takes; and an answer that takes its time is no stalled upload.
    #[tokio::test(start_paused = true)]
    async fn a_slow_upload_and_a_slow_answer_are_waited_for() {
        let (connection, mut far) = connection();
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
        let (body, taken) = (vec![7; 300_000], AtomicBool::new(false));
        let Exchange::Answered(response, _) = connection.exchange(put(&body, &taken)).await else {
            panic!("there was an answer")
        };
        assert_eq!(&response.body[..], b"ok");
        assert!(started.elapsed() > Duration::from_secs(60), "{:?}", started.elapsed());
    }
}
