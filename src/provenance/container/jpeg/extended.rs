//! XMP that is longer than a segment: the packet names its continuation by a hash, and that comes in pieces.
use super::super::super::part::Content;
use super::super::parts::Parts;
use crate::image::{Reach, array};
use std::borrow::Cow;

/// The most pieces: with 64 kB each they are more than is looked at.
const MOST: usize = 256;
type Name = [u8; 32];

struct Piece {
    name: Name,
    /// Of the whole continuation, and of this piece in it.
    total: u32,
    offset: u32,
    at: u64,
    length: u64,
}

#[derive(Default)]
pub(super) struct Extended {
    pieces: Vec<Piece>,
    /// Where the packet is that names the continuation.
    standard: Option<(u64, u64)>,
}

impl Extended {
    /// Whether the packet is yet to come.
    pub(super) fn is_wanted(&self) -> bool {
        self.standard.is_none()
    }

    pub(super) fn standard(&mut self, at: u64, length: u64) {
        self.standard = Some((at, length));
    }

    /// A piece, from its name on: that, the length of the whole, where this one belongs, and its text.
    pub(super) fn note(&mut self, reach: &dyn Reach, at: u64, length: u64) {
        if length < 40 || self.pieces.len() >= MOST {
            return;
        }
        let numbers = array::<32>(reach, at).zip(array::<8>(reach, at + 32));
        if let Some((name, [a, b, c, d, e, f, g, h])) = numbers {
            let (total, offset) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
            self.pieces.push(Piece { name, total, offset, at: at + 40, length: length - 40 });
        }
    }

    /// The continuation that the packet names, if all of it is there. The standard has it ignored otherwise.
    pub(super) fn deliver(mut self, parts: &mut Parts<'_>) -> Option<()> {
        let (at, length) = self.standard.filter(|_| !self.pieces.is_empty())?;
        // It is in memory or in the page cache, and was counted when it was found.
        let packet = parts.reach.piece(at, usize::try_from(length).ok()?)?;
        let name = named(&packet)?;
        self.pieces.retain(|piece| piece.name == name);
        self.pieces.sort_by_key(|piece| piece.offset);
        let first = self.pieces.first()?;
        let (total, start) = (u64::from(first.total), first.at);
        let sum: u64 = self.pieces.iter().map(|piece| piece.length).sum();
        let length = parts.take(total.min(sum))?;
        let mut whole = Vec::with_capacity(length);
        for piece in &self.pieces {
            let from = whole.len();
            // Pieces that overlap, or leave a gap, or are of different wholes are no continuation.
            let to = from + usize::try_from(piece.length).ok()?;
            if u64::from(piece.offset) != from as u64 || u64::from(piece.total) != total || to > length {
                break;
            }
            whole.resize(to, 0);
            if !parts.reach.fill(piece.at, whole.get_mut(from..)?) {
                return None;
            }
        }
        if whole.len() as u64 == total {
            parts.push("jpeg:APP1", start, Content::Xmp(Cow::Owned(whole)));
        } else {
            parts.truncated();
        }
        Some(())
    }
}

/// The value of `xmpNote:HasExtendedXMP`: 32 hexadecimal digits behind the property's name.
fn named(packet: &[u8]) -> Option<Name> {
    const PROPERTY: &[u8] = b"HasExtendedXMP";
    let at = packet.windows(PROPERTY.len()).position(|window| window == PROPERTY)?;
    let rest = packet.get(at + PROPERTY.len()..)?;
    let quote = rest.iter().take(16).position(|byte| matches!(byte, b'"' | b'\'' | b'>'))?;
    rest.get(quote + 1..)?.trim_ascii_start().first_chunk().copied()
}
