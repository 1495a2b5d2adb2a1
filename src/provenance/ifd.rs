//! The directories of a TIFF structure, classic and big, in either byte order: in a file, or in an EXIF block.
//!
//! Entries are told one by one and nothing is kept of them, so that a directory of many entries that all point to the same
//! bytes costs no memory.
use crate::image::{Reach, array};

/// The most entries of one directory.
const ENTRIES: u64 = 4096;

pub(super) struct Tiff<'a> {
    pub reach: &'a dyn Reach,
    pub is_big_endian: bool,
    /// Offsets of 64 bits.
    is_wide: bool,
    /// Where the first directory is.
    pub first: u64,
}

/// How many entries may still be looked at in all directories of a structure.
pub(super) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(4 * ENTRIES)
    }
}

/// What an entry says, with the place of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub tag: u16,
    pub kind: u16,
    pub at: u64,
    /// In bytes.
    pub length: u64,
}

/// An entry as it is written: a short value stands in the entry itself.
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    inside: u64,
    room: u64,
    offset: u64,
}

impl Field {
    /// Whether its value is bytes or letters.
    pub(super) fn is_bytes(self) -> bool {
        width(self.kind) == Some(1)
    }
}

/// The bytes of one value.
fn width(kind: u16) -> Option<u64> {
    match kind {
        // BYTE, ASCII, SBYTE, UNDEFINED, and UTF-8 since EXIF 3.0.
        1 | 2 | 6 | 7 | 129 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}

impl<'a> Tiff<'a> {
    /// By its byte order and its number.
    pub(super) fn open(reach: &'a dyn Reach) -> Option<Self> {
        let (is_big_endian, is_wide) = match array::<4>(reach, 0)? {
            [b'I', b'I', 42, 0] => (false, false),
            [b'M', b'M', 0, 42] => (true, false),
            [b'I', b'I', 43, 0] => (false, true),
            [b'M', b'M', 0, 43] => (true, true),
            _ => return None,
        };
        let mut tiff = Self { reach, is_big_endian, is_wide, first: 0 };
        tiff.first = if is_wide { tiff.u64(array(reach, 8)?) } else { tiff.u32(array(reach, 4)?).into() };
        Some(tiff)
    }

    fn u16(&self, bytes: [u8; 2]) -> u16 {
        if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn u64(&self, bytes: [u8; 8]) -> u64 {
        if self.is_big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) }
    }

    /// The place that a field of one number gives, such as that of the EXIF directory.
    pub(super) fn pointer(&self, field: Field) -> Option<u64> {
        match width(field.kind)? {
            4 => Some(self.u32(array(self.reach, field.at)?).into()),
            8 => Some(self.u64(array(self.reach, field.at)?)),
            _ => None,
        }
    }

    /// Tells of each entry of the directory there whose value is inside of the structure, and gives where the next one is
    /// (zero behind the last); nothing if this one is not all there.
    pub(super) fn directory(&self, at: u64, budget: &mut Budget, each: &mut dyn FnMut(Field)) -> Option<u64> {
        let count = match self.is_wide {
            false => self.u16(array(self.reach, at)?).into(),
            true => self.u64(array(self.reach, at)?),
        };
        let (head, size) = if self.is_wide { (8, 20) } else { (2, 12) };
        let start = at.checked_add(head)?;
        let looked_at = count.min(ENTRIES).min(budget.0);
        budget.0 -= looked_at;
        for number in 0..looked_at {
            let place = start.checked_add(number * size)?;
            let entry = if self.is_wide { self.wide(place)? } else { self.classic(place)? };
            if let Some(field) = self.field(entry) {
                each(field);
            }
        }
        let next = start.checked_add(count.checked_mul(size)?)?;
        Some(match self.is_wide {
            // Who writes an EXIF block may leave out that there is no other directory.
            false => array(self.reach, next).map_or(0, |next| self.u32(next).into()),
            true => array(self.reach, next).map_or(0, |next| self.u64(next)),
        })
    }

    fn classic(&self, place: u64) -> Option<Entry> {
        let [t0, t1, k0, k1, c0, c1, c2, c3, offset @ ..] = array::<12>(self.reach, place)?;
        Some(Entry {
            tag: self.u16([t0, t1]),
            kind: self.u16([k0, k1]),
            count: self.u32([c0, c1, c2, c3]).into(),
            inside: place + 8,
            room: 4,
            offset: self.u32(offset).into(),
        })
    }

    fn wide(&self, place: u64) -> Option<Entry> {
        let [t0, t1, k0, k1, c0, c1, c2, c3, c4, c5, c6, c7, offset @ ..] = array::<20>(self.reach, place)?;
        Some(Entry {
            tag: self.u16([t0, t1]),
            kind: self.u16([k0, k1]),
            count: self.u64([c0, c1, c2, c3, c4, c5, c6, c7]),
            inside: place + 12,
            room: 8,
            offset: self.u64(offset),
        })
    }

    /// Nothing for a type that is unknown, or a value that is not all there.
    fn field(&self, entry: Entry) -> Option<Field> {
        let length = width(entry.kind)?.checked_mul(entry.count)?;
        let at = if length <= entry.room { entry.inside } else { entry.offset };
        let is_there = at.checked_add(length).is_some_and(|end| end <= self.reach.size());
        is_there.then_some(Field { tag: entry.tag, kind: entry.kind, at, length })
    }
}
