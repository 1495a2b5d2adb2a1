//! A request body that remembers whether the connection has begun to take it.
//!
//! The transport asks for the body only when it writes the request to a connection. While it has not asked, nothing was
//! sent, and a time-out at that moment is certainly free of charge.
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

#[derive(Debug)]
pub(super) struct Watched {
    bytes: Option<Bytes>,
    taken: Arc<AtomicBool>,
}

impl Watched {
    pub(super) fn new(bytes: Bytes) -> Self {
        // Nobody asks for an empty body, so that its flag says from the start what may be true.
        let taken = Arc::new(AtomicBool::new(bytes.is_empty()));
        Self { bytes: Some(bytes), taken }
    }

    /// The flag that turns true when the body is asked for.
    pub(super) fn taken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.taken)
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.taken.store(true, Ordering::Release);
        Poll::Ready(self.bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
