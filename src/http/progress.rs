//! Whether a connection still takes what is written to it.
//!
//! A body of megabytes is written in many pieces. When the other side stops reading, the system's buffers fill up and no
//! piece is taken any more; waiting for the time-out of a whole attempt would then be waiting for nothing (K09). What the
//! system has taken and the network has not delivered cannot be seen from here: that is what the time-out is for.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// How long a connection may take not a single byte while some are waiting: the AWS SDKs' grace for less than 1 B/s.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked after.
const GLANCE: Duration = Duration::from_millis(500);

/// Since when a connection has taken nothing; nothing if it takes what it is given.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<Mutex<Option<Instant>>>);

impl Progress {
    fn note<T>(&self, outcome: &Poll<io::Result<T>>) {
        let mut blocked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Poll::Ready(_) => *blocked = None,
            Poll::Pending => *blocked = Some(blocked.unwrap_or_else(Instant::now)),
        }
    }

    fn is_stalled(&self) -> bool {
        let blocked = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocked.is_some_and(|since| since.elapsed() >= GRACE)
    }

    /// Returns when the connection has taken nothing for the length of the grace.
    pub(super) async fn stalled(&self) {
        while !self.is_stalled() {
            tokio::time::sleep(GLANCE).await;
        }
    }
}

/// A stream that notes whether it is written to without success.
#[derive(Debug)]
pub(super) struct Metered<S> {
    stream: S,
    progress: Progress,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, progress: Progress::default() }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    pub(super) const fn inner(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress.note(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.progress.note(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
