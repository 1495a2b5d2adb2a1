//! What a connection is made of: a socket, and whatever lies on top of it.
use super::progress::Metered;
use std::pin::Pin;
use std::task::{Context, Waker};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A stream that knows its socket.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The socket at the bottom; none in tests.
    fn socket(&self) -> Option<&TcpStream>;

    /// Whether what lies in the socket is not yet what the other side says, but a layer's own talk.
    fn is_layered(&self) -> bool {
        false
    }

    /// Says that nothing more will come, where there is a way to say it, without waiting for its being heard.
    fn part(&mut self) {}
}

impl Stream for Metered<TcpStream> {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self.inner())
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    fn socket(&self) -> Option<&TcpStream> {
        self.get_ref().0.socket()
    }

    fn is_layered(&self) -> bool {
        true
    }

    fn part(&mut self) {
        let _ = Pin::new(self).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

impl Stream for Box<dyn Stream> {
    fn socket(&self) -> Option<&TcpStream> {
        self.as_ref().socket()
    }

    fn is_layered(&self) -> bool {
        self.as_ref().is_layered()
    }

    fn part(&mut self) {
        self.as_mut().part();
    }
}

#[cfg(test)]
impl Stream for Metered<tokio::io::DuplexStream> {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}
