//! The items of a `meta` box: which of them hold metadata (`iinf`), and where they are (`iloc`).
use super::{Box, boxes};
use crate::image::{Reach, array};

/// The most items with metadata; files have one of each kind.
const WANTED: usize = 16;
/// The most pieces of one.
const EXTENTS: usize = 64;
/// The most entries of `iloc` that are looked through: images are cut into hundreds of tiles.
const ENTRIES: u32 = 65_536;

pub(super) struct Item {
    id: u32,
    pub is_xmp: bool,
    pub extents: Vec<Extent>,
}

pub(super) struct Extent {
    pub at: u64,
    pub length: u64,
}

/// The items of the kinds that are looked for.
pub(super) fn wanted(reach: &dyn Reach, info: Box) -> Vec<Item> {
    let mut found = Vec::new();
    let Some([version, ..]) = array::<4>(reach, info.start) else { return found };
    let entries = info.start + if version == 0 { 6 } else { 8 };
    for entry in boxes(reach, entries, info.end).filter(|entry| entry.kind == *b"infe") {
        if found.len() == WANTED {
            break;
        }
        found.extend(item(reach, entry));
    }
    found
}

/// An entry: version and flags, the item's number, its protection, its type, its name, and of `mime` a media type.
fn item(reach: &dyn Reach, entry: Box) -> Option<Item> {
    let [version, ..] = array::<4>(reach, entry.start)?;
    let (id, kind) = match version {
        2 => (u32::from(u16::from_be_bytes(array(reach, entry.start + 4)?)), entry.start + 8),
        3 => (u32::from_be_bytes(array(reach, entry.start + 4)?), entry.start + 10),
        _ => return None,
    };
    let is_xmp = match array::<4>(reach, kind).filter(|_| kind + 4 <= entry.end)? {
        [b'E', b'x', b'i', b'f'] => false,
        [b'm', b'i', b'm', b'e'] => {
            let text = reach.piece(kind + 4, usize::try_from(entry.end - kind - 4).ok()?.min(256))?;
            let mut names = text.split(|byte| *byte == 0).skip(1);
            (names.next()? == b"application/rdf+xml" && names.next().unwrap_or_default().is_empty()).then_some(true)?
        }
        _ => return None,
    };
    Some(Item { id, is_xmp, extents: Vec::new() })
}

/// Reads numbers of the widths that a box gives.
struct Numbers<'a> {
    reach: &'a dyn Reach,
    at: u64,
    end: u64,
}

impl Numbers<'_> {
    fn next(&mut self, width: u8) -> Option<u64> {
        let after = self.at.checked_add(width.into()).filter(|after| *after <= self.end)?;
        let number = match width {
            0 => 0,
            2 => u16::from_be_bytes(array(self.reach, self.at)?).into(),
            4 => u32::from_be_bytes(array(self.reach, self.at)?).into(),
            8 => u64::from_be_bytes(array(self.reach, self.at)?),
            _ => return None,
        };
        self.at = after;
        Some(number)
    }
}

/// Fills in where the items are. An entry that cannot be read ends it.
pub(super) fn locate(reach: &dyn Reach, places: Box, data: Option<Box>, wanted: &mut [Item]) -> Option<()> {
    let [version, _, _, _, sizes, more, ..] = array::<8>(reach, places.start)?;
    let (offset, length, base) = (sizes >> 4, sizes & 15, more >> 4);
    let index = if version == 0 { 0 } else { more & 15 };
    let wide = if version < 2 { 2 } else { 4 };
    if version > 2 {
        return None;
    }
    let mut numbers = Numbers { reach, at: places.start + 6, end: places.end };
    let mut left = wanted.len();
    let count = numbers.next(wide)?;
    for _ in 0..count.min(ENTRIES.into()) {
        let id = numbers.next(wide)?;
        // How the place is meant: in the file, in the box `idat`, or in another item.
        let method = if version == 0 { 0 } else { numbers.next(2)? & 15 };
        // Where this is not zero, the item is in another file.
        let elsewhere = numbers.next(2)?;
        let base = numbers.next(base)?;
        let extents = numbers.next(2)?;
        let width = u64::from(index) + u64::from(offset) + u64::from(length);
        let end = numbers.at.checked_add(extents * width)?;
        let space = match method {
            0 => Some((0, reach.size())),
            1 => data.map(|data| (data.start, data.end)),
            _ => None,
        };
        let item = wanted.iter_mut().find(|item| u64::from(item.id) == id && item.extents.is_empty());
        if let Some((item, (start, limit))) = item.zip(space.filter(|_| elsewhere == 0)) {
            for _ in 0..extents.min(EXTENTS as u64) {
                numbers.next(index)?;
                let at = start.checked_add(base)?.checked_add(numbers.next(offset)?)?;
                let length = numbers.next(length)?;
                // Of nothing, or beyond where it should be.
                if length == 0 || at.checked_add(length).is_none_or(|end| end > limit) {
                    item.extents.clear();
                    break;
                }
                item.extents.push(Extent { at, length });
            }
            left -= 1;
            if left == 0 {
                break;
            }
        }
        numbers.at = end;
    }
    Some(())
}
