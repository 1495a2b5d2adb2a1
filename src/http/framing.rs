//! Where the body of an answer ends (RFC 9112, section 6), and what belongs to it. What is said in two ways is refused.
use super::BODY_CAP;
use super::head::Head;
use bytes::Bytes;

/// The most bytes that chunks may bring besides their data, extensions and trailers, before they are taken for an attack.
const MOST_EXTRAS: usize = 16 * 1024;

/// Why a body is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is larger than is read.
    TooLarge,
    /// Its end cannot be told.
    Malformed(&'static str),
}

#[derive(Debug)]
enum End {
    /// After so many bytes more.
    Length(usize),
    Chunks(Chunks),
    Connection,
}

/// A body that is being read.
#[derive(Debug)]
pub(super) struct Body {
    end: End,
    bytes: Vec<u8>,
    /// Whether the connection may carry another request after it, as far as the answer says.
    pub(super) is_kept: bool,
}

impl Body {
    /// The body that a head announces.
    pub(super) fn announced(head: &Head) -> Result<Self, Flaw> {
        let headers = &head.headers;
        let is_kept = match head.is_current {
            true => !headers.lists("connection", "close"),
            false => headers.lists("connection", "keep-alive"),
        };
        if matches!(head.status, 101 | 204 | 304) {
            return Ok(Self { end: End::Length(0), bytes: Vec::new(), is_kept: is_kept && head.status != 101 });
        }
        let length = length(headers.all("content-length"))?;
        if headers.contains("transfer-encoding") {
            // A length beside it says something else, and is how answers are smuggled in: the last word on this connection.
            let is_kept = is_kept && length.is_none();
            let last = headers.all("transfer-encoding").last().unwrap_or_default();
            let last = last.rsplit(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
            return Ok(match last.eq_ignore_ascii_case(b"chunked") {
                true => Self { end: End::Chunks(Chunks::default()), bytes: Vec::new(), is_kept },
                false => Self { end: End::Connection, bytes: Vec::new(), is_kept: false },
            });
        }
        match length {
            Some(length) if length > BODY_CAP => Err(Flaw::TooLarge),
            Some(length) => Ok(Self { end: End::Length(length), bytes: Vec::with_capacity(length), is_kept }),
            None => Ok(Self { end: End::Connection, bytes: Vec::new(), is_kept: false }),
        }
    }

    /// Takes what belongs to it from the front of the bytes, and says how many that were.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Flaw> {
        let taken = match &mut self.end {
            End::Length(left) => {
                let taken = bytes.len().min(*left);
                self.bytes.extend_from_slice(bytes.get(..taken).unwrap_or_default());
                *left -= taken;
                taken
            }
            End::Chunks(chunks) => chunks.take(bytes, &mut self.bytes)?,
            End::Connection => {
                self.bytes.extend_from_slice(bytes);
                bytes.len()
            }
        };
        if self.bytes.len() > BODY_CAP { Err(Flaw::TooLarge) } else { Ok(taken) }
    }

    pub(super) const fn is_whole(&self) -> bool {
        match &self.end {
            End::Length(left) => *left == 0,
            End::Chunks(chunks) => matches!(chunks.place, Place::Done),
            End::Connection => false,
        }
    }

    /// Whether the end of the connection is its end too.
    pub(super) const fn ends_with_connection(&self) -> bool {
        matches!(self.end, End::Connection)
    }

    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from(self.bytes)
    }
}

/// The length that the headers agree on.
fn length<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Option<usize>, Flaw> {
    let mut found = None;
    for one in values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        let is_number = !one.is_empty() && one.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(one).ok().filter(|_| is_number).and_then(|text| text.parse::<usize>().ok());
        let number = number.ok_or(Flaw::Malformed("its length is no number"))?;
        if found.is_some_and(|known| known != number) {
            return Err(Flaw::Malformed("it has two lengths"));
        }
        found = Some(number);
    }
    Ok(found)
}

/// Where in a chunked body the next byte stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the size of a chunk, whose first digit is still to come or not.
    #[default]
    Size,
    Sized,
    Extension,
    SizeEnd,
    Data,
    DataEnd,
    DataLineEnd,
    /// At the beginning of a line of trailers, in one, at its end.
    Trailers,
    Trailer,
    TrailerEnd,
    LastEnd,
    Done,
}

#[derive(Debug, Default)]
struct Chunks {
    place: Place,
    left: usize,
    extras: usize,
}

impl Chunks {
    fn take(&mut self, bytes: &[u8], into: &mut Vec<u8>) -> Result<usize, Flaw> {
        let mut rest = bytes;
        while let (Some(first), false) = (rest.first().copied(), self.place == Place::Done) {
            if self.place == Place::Data {
                let (data, behind) = rest.split_at_checked(self.left).unwrap_or((rest, &[]));
                if into.len() + data.len() > BODY_CAP {
                    return Err(Flaw::TooLarge);
                }
                into.extend_from_slice(data);
                self.left -= data.len();
                rest = behind;
                if self.left == 0 {
                    self.place = Place::DataEnd;
                }
                continue;
            }
            self.place = self.next(first)?;
            rest = rest.get(1..).unwrap_or_default();
        }
        Ok(bytes.len() - rest.len())
    }

    fn next(&mut self, byte: u8) -> Result<Place, Flaw> {
        let flawed = |what| Err(Flaw::Malformed(what));
        match (self.place, byte) {
            (Place::Size | Place::Sized, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit =
                    char::from(byte).to_digit(16).and_then(|digit| usize::try_from(digit).ok()).unwrap_or_default();
                let left = self.left.checked_mul(16).and_then(|left| left.checked_add(digit));
                self.left = left.ok_or(Flaw::Malformed("a chunk is larger than anything"))?;
                Ok(Place::Sized)
            }
            (Place::Sized | Place::Extension, b'\r') => Ok(Place::SizeEnd),
            (Place::Sized, b';' | b' ' | b'\t') | (Place::Extension, _) if byte != b'\n' => {
                self.extra()?;
                Ok(Place::Extension)
            }
            (Place::SizeEnd, b'\n') => Ok(if self.left == 0 { Place::Trailers } else { Place::Data }),
            (Place::DataEnd, b'\r') => Ok(Place::DataLineEnd),
            (Place::DataLineEnd, b'\n') => Ok(Place::Size),
            (Place::Trailers, b'\r') => Ok(Place::LastEnd),
            (Place::Trailer, b'\r') => Ok(Place::TrailerEnd),
            (Place::Trailers | Place::Trailer, _) if byte != b'\n' => {
                self.extra()?;
                Ok(Place::Trailer)
            }
            (Place::TrailerEnd, b'\n') => Ok(Place::Trailers),
            (Place::LastEnd, b'\n') => Ok(Place::Done),
            (Place::Size | Place::Sized, _) => flawed("the size of a chunk is no number"),
            _ => flawed("a chunk does not end where it should"),
        }
    }

    /// One more byte of what nobody needs.
    fn extra(&mut self) -> Result<(), Flaw> {
        self.extras += 1;
        if self.extras > MOST_EXTRAS { Err(Flaw::Malformed("its chunks bring more than data")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
