//! One request and its answer on a stream: both ways at once, since an answer may come before the request is read.
use super::framing::{Body, Flaw};
use super::head::{self, HEAD_CAP, Head};
use super::{BODY_CAP, Failure, Response, failure};
use crate::error::Kind;
use std::borrow::Cow;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most answers fit into so much, and are read at once.
const ROOM: usize = 4096;
/// A body up to this size is written together with its head.
const SMALL: usize = 16 * 1024;

/// A request as it is written.
pub(super) struct Outgoing<'a> {
    head: Cow<'a, [u8]>,
    body: &'a [u8],
    written: usize,
    /// Turns true when the first byte of it is taken: it may have been sent from then on.
    taken: &'a AtomicBool,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(head: &'a [u8], body: &'a [u8], taken: &'a AtomicBool) -> Self {
        let (head, body) = match body.len() <= SMALL {
            true => (Cow::Owned([head, body].concat()), &[] as &[u8]),
            false => (Cow::Borrowed(head), body),
        };
        Self { head, body, written: 0, taken }
    }

    /// Writes what is left, and all that lies in between.
    fn poll_write<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let head = self.head.get(self.written..).unwrap_or_default();
            let body = self.body.get(self.written.saturating_sub(self.head.len())..).unwrap_or_default();
            let stream = Pin::new(&mut *stream);
            let count = match (head.is_empty(), body.is_empty()) {
                (true, true) => return stream.poll_flush(context),
                (false, true) => ready!(stream.poll_write(context, head)),
                (true, false) => ready!(stream.poll_write(context, body)),
                (false, false) => {
                    ready!(stream.poll_write_vectored(context, &[IoSlice::new(head), IoSlice::new(body)]))
                }
            }?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.taken.store(true, Ordering::Release);
            self.written += count;
        }
    }
}

/// An answer as it is read. It is kept with its connection, whose next answer is read into the same memory.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    filled: usize,
    /// How much was there when a head was last looked for.
    looked: usize,
    found: Option<(Head, Body)>,
}

/// A whole answer, and whether its connection can carry another request.
pub(super) type Answer = (Response, bool);

impl Incoming {
    /// Reads until the answer is whole.
    fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<Answer, Failure>> {
        loop {
            if self.bytes.len() < self.filled + ROOM / 2 {
                self.bytes.resize((self.bytes.len() * 2).clamp(ROOM, HEAD_CAP + ROOM), 0);
            }
            let mut room = ReadBuf::new(self.bytes.get_mut(self.filled..).unwrap_or_default());
            let outcome = ready!(Pin::new(&mut *stream).poll_read(context, &mut room));
            let count = room.filled().len();
            outcome.map_err(|error| failure::broken(&error, true))?;
            if count == 0 {
                return Poll::Ready(self.ended());
            }
            self.filled += count;
            if let Some(answer) = self.look()? {
                return Poll::Ready(Ok(answer));
            }
        }
    }

    /// The other side has ended, which is how some answers end.
    fn ended(&mut self) -> Result<Answer, Failure> {
        let is_end = self.found.as_ref().is_some_and(|(_, body)| body.ends_with_connection());
        let found = if is_end { self.found.take() } else { None };
        found.map(|(head, body)| (response(head, body), false)).ok_or_else(|| broken("it was closed"))
    }

    /// Makes of the bytes what can be made.
    fn look(&mut self) -> Result<Option<Answer>, Failure> {
        let mut start = 0;
        while self.found.is_none() {
            let bytes = self.bytes.get(start..self.filled).unwrap_or_default();
            if bytes.is_empty() || !self.is_worth_a_look(start) {
                break;
            }
            self.looked = self.filled - start;
            let Some(head) = head::parse(bytes).map_err(|what| broken(&what))? else { break };
            (start, self.looked) = (start + head.length, 0);
            if !head.is_interim() {
                refuse_packed(&head)?;
                let body = Body::announced(&head).map_err(flawed)?;
                self.found = Some((head, body));
            }
        }
        if let Some((_, body)) = &mut self.found {
            let bytes = self.bytes.get(start..self.filled).unwrap_or_default();
            start += body.take(bytes).map_err(flawed)?;
        }
        self.bytes.copy_within(start..self.filled, 0);
        self.filled -= start;
        if !self.found.as_ref().is_some_and(|(_, body)| body.is_whole()) {
            return Ok(None);
        }
        // What follows an answer was not asked for: nobody knows what else comes on that connection (E14).
        let is_last = std::mem::take(&mut self.filled) > 0;
        self.looked = 0;
        Ok(self.found.take().map(|(head, body)| {
            let is_kept = body.is_kept && !is_last;
            (response(head, body), is_kept)
        }))
    }

    /// A head that comes byte by byte is not read anew for each of them: where it may have ended, or where there is twice
    /// as much of it.
    fn is_worth_a_look(&self, start: usize) -> bool {
        let bytes = self.bytes.get(start..self.filled).unwrap_or_default();
        let new = bytes.get(self.looked.saturating_sub(3)..).unwrap_or_default();
        bytes.len() >= 2 * self.looked
            || bytes.len() >= HEAD_CAP
            || new.windows(2).any(|two| two == b"\n\r" || two == b"\n\n")
    }
}

/// A request and its answer under way.
pub(super) struct Way<'a> {
    outgoing: Outgoing<'a>,
    incoming: &'a mut Incoming,
    /// How the writing ended.
    written: Option<io::Result<()>>,
}

impl<'a> Way<'a> {
    pub(super) const fn new(outgoing: Outgoing<'a>, incoming: &'a mut Incoming) -> Self {
        Self { outgoing, incoming, written: None }
    }

    /// Whether nothing more is to be written.
    pub(super) const fn is_written(&self) -> bool {
        self.written.is_some()
    }

    /// Whether a byte of the request was taken, so that it may have been sent.
    pub(super) fn is_taken(&self) -> bool {
        self.outgoing.taken.load(Ordering::Acquire)
    }

    /// Writes and reads as far as it goes now. A request that is not taken as a whole leaves nothing that another one could
    /// follow; what was answered before the writing failed is read all the same (F13).
    pub(super) fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<Answer, Failure>> {
        if self.written.is_none()
            && let Poll::Ready(outcome) = self.outgoing.poll_write(stream, context)
        {
            if let (Err(error), false) = (&outcome, self.is_taken()) {
                return Poll::Ready(Err(failure::broken(error, false)));
            }
            self.written = Some(outcome);
        }
        let read = ready!(self.incoming.poll_read(stream, context));
        Poll::Ready(match (read, &self.written) {
            (Ok((response, is_kept)), written) => Ok((response, is_kept && matches!(written, Some(Ok(()))))),
            (Err(failure), Some(Err(error))) if failure.kind == Kind::AmbiguousOutcome => {
                Err(failure::broken(error, true))
            }
            // What came before anything was taken, was no answer.
            (Err(failure), _) if !self.is_taken() => Err(Failure { kind: Kind::Connect, sent: false, ..failure }),
            (Err(failure), _) => Err(failure),
        })
    }
}

fn response(head: Head, body: Body) -> Response {
    Response { status: head.status, headers: head.headers, body: body.into_bytes() }
}

/// A packed body is refused unread: nobody asked for one (E19).
fn refuse_packed(head: &Head) -> Result<(), Failure> {
    match head.headers.all("content-encoding").all(|value| value.eq_ignore_ascii_case(b"identity")) {
        true => Ok(()),
        false => Err(Failure::new(
            Kind::ResponseDecode,
            true,
            "the answer is packed (content-encoding), which was not asked for",
        )),
    }
}

fn flawed(flaw: Flaw) -> Failure {
    match flaw {
        Flaw::TooLarge => {
            let message = format!("the answer is larger than {} MiB", BODY_CAP / (1024 * 1024));
            Failure::new(Kind::ResponseDecode, true, message)
        }
        Flaw::Malformed(what) => broken(what),
    }
}

fn broken(what: &str) -> Failure {
    failure::broken(&io::Error::other(what.to_owned()), true)
}

#[cfg(test)]
mod tests;
