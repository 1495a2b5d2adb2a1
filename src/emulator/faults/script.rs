//! What is played on a bare connection, once it was taken out of the hands of the HTTP server.
use bytes::Bytes;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

/// How long an ended connection is read from, so that what is still unread does not turn its end into a reset.
const LINGER: Duration = Duration::from_secs(5);
/// How often a connection that must not be read from is asked whether its peer has left.
const GLANCE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone)]
pub(super) enum Step {
    Write(Bytes),
    Wait(Duration),
    /// The bytes in pieces of a size, with a rest after each.
    Trickle(Bytes, usize, Duration),
    /// The bytes again and again, with a rest after each time, for so long.
    Forever(Bytes, Duration, Duration),
}

/// How a script ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Ending {
    /// The connection is served on.
    Keep,
    Fin,
    Rst,
    /// Silence until the peer leaves, so long at most. What it sends is read.
    Silence(Duration),
    /// The same, and nothing is read: the peer's writes get stuck.
    Deaf(Duration),
}

#[derive(Debug, Clone)]
pub(in crate::emulator) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) ending: Ending,
}

impl Script {
    pub(super) fn ends(ending: Ending) -> Self {
        Self { steps: Vec::new(), ending }
    }

    pub(super) fn writes(bytes: impl Into<Bytes>, ending: Ending) -> Self {
        Self { steps: vec![Step::Write(bytes.into())], ending }
    }

    /// Plays it. The connection comes back if it is to be served on.
    pub(in crate::emulator) async fn play(self, mut stream: TcpStream) -> Option<TcpStream> {
        for step in self.steps {
            // A peer that has left is the end of every script.
            step.play(&mut stream).await.ok()?;
        }
        match self.ending {
            Ending::Keep => return Some(stream),
            Ending::Fin => {
                if stream.shutdown().await.is_ok() {
                    let _ = tokio::time::timeout(LINGER, drain(&mut stream)).await;
                }
            }
            // Dropped with nothing to wait for: the system sends a reset.
            Ending::Rst => drop(stream.set_zero_linger()),
            Ending::Silence(limit) => drop(tokio::time::timeout(limit, drain(&mut stream)).await),
            Ending::Deaf(limit) => drop(tokio::time::timeout(limit, left(&stream)).await),
        }
        None
    }
}

impl Step {
    async fn play(self, stream: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Write(bytes) => stream.write_all(&bytes).await,
            Self::Wait(span) => {
                tokio::time::sleep(span).await;
                Ok(())
            }
            Self::Trickle(bytes, size, rest) => {
                for piece in bytes.chunks(size.max(1)) {
                    stream.write_all(piece).await?;
                    pause(rest).await;
                }
                Ok(())
            }
            Self::Forever(bytes, rest, limit) => {
                let writing = async {
                    loop {
                        stream.write_all(&bytes).await?;
                        pause(rest).await;
                    }
                };
                tokio::time::timeout(limit, writing).await.unwrap_or(Ok(()))
            }
        }
    }
}

/// Rests, or lets others have their turn.
async fn pause(rest: Duration) {
    if rest.is_zero() { tokio::task::yield_now().await } else { tokio::time::sleep(rest).await }
}

/// Reads until the peer has nothing more to say.
async fn drain(stream: &mut TcpStream) {
    let mut buffer = [0; 4_096];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// Waits until the peer has left, without reading from it.
async fn left(stream: &TcpStream) {
    while stream.ready(Interest::READABLE).await.is_ok_and(|ready| !ready.is_read_closed()) {
        tokio::time::sleep(GLANCE).await;
    }
}
