//! HEIC, HEIF and AVIF: boxes of the top level, and the items of `meta` that hold EXIF or XMP.
use super::super::part::Content;
use super::parts::Parts;
use crate::image::{Reach, array};
use std::borrow::Cow;

mod items;

const C2PA: [u8; 16] = [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];
const XMP: [u8; 16] = [0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac];
/// Version and flags, and `manifest` with its zero.
const MANIFEST: &[u8; 13] = b"\0\0\0\0manifest\0";
/// The most boxes of one level.
const BOXES: usize = 4096;

/// A box: its kind, and where its content begins and ends.
#[derive(Clone, Copy)]
struct Box {
    kind: [u8; 4],
    start: u64,
    end: u64,
}

/// The boxes between two places. One that claims more than there is ends the walk.
struct Boxes<'a> {
    reach: &'a dyn Reach,
    at: u64,
    end: u64,
    left: usize,
    is_cut: bool,
}

fn boxes(reach: &dyn Reach, at: u64, end: u64) -> Boxes<'_> {
    Boxes { reach, at, end, left: BOXES, is_cut: false }
}

impl Iterator for Boxes<'_> {
    type Item = Box;

    fn next(&mut self) -> Option<Box> {
        if self.at.checked_add(8)? > self.end || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let [a, b, c, d, kind @ ..] = array::<8>(self.reach, self.at)?;
        let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
            // To the end.
            0 => (8, self.end - self.at),
            1 => (16, u64::from_be_bytes(array(self.reach, self.at + 8)?)),
            size => (8, size.into()),
        };
        let end = self.at.checked_add(size).filter(|end| size >= header && *end <= self.end);
        self.is_cut = end.is_none();
        let found = Box { kind, start: self.at + header, end: end? };
        self.at = found.end;
        Some(found)
    }
}

pub(super) fn walk(parts: &mut Parts<'_>) {
    let mut top = boxes(parts.reach, 0, parts.reach.size());
    for found in &mut top {
        if parts.is_full() {
            return;
        }
        match &found.kind {
            b"uuid" => own(parts, found),
            b"meta" => meta(parts, found),
            _ => {}
        }
    }
    if top.is_cut {
        parts.truncated();
    }
}

/// A box of somebody's own, by its long name.
fn own(parts: &mut Parts<'_>, found: Box) {
    let content = found.start + 16;
    if content > found.end {
        return;
    }
    match array::<16>(parts.reach, found.start) {
        Some(XMP) => parts.xmp("heif:uuid", content, found.end - content),
        // Its purpose may also be hashes of the image, or an update.
        Some(C2PA) if array(parts.reach, content) == Some(*MANIFEST) => {
            // Behind it stands where the hashes are, in eight bytes.
            let store = content + MANIFEST.len() as u64 + 8;
            if store <= found.end {
                parts.store("heif:uuid", store, found.end - store);
            }
        }
        _ => {}
    }
}

fn meta(parts: &mut Parts<'_>, meta: Box) {
    // A full box: four bytes of version and flags come first.
    let (mut info, mut places, mut data) = (None, None, None);
    for found in boxes(parts.reach, meta.start.saturating_add(4), meta.end) {
        match &found.kind {
            b"iinf" => info = Some(found),
            b"iloc" => places = Some(found),
            b"idat" => data = Some(found),
            _ => {}
        }
    }
    let Some((info, places)) = info.zip(places) else { return };
    let mut wanted = items::wanted(parts.reach, info);
    if !wanted.is_empty() {
        items::locate(parts.reach, places, data, &mut wanted);
    }
    for item in wanted {
        deliver(parts, &item);
    }
}

/// An item, put together from its extents.
fn deliver(parts: &mut Parts<'_>, item: &items::Item) -> Option<()> {
    let first = item.extents.first()?;
    let length = item.extents.iter().try_fold(0_u64, |sum, extent| sum.checked_add(extent.length))?;
    let size = parts.take(length)?;
    let whole = match item.extents.as_slice() {
        [one] => parts.reach.piece(one.at, size)?,
        several => {
            let mut whole = vec![0; size];
            let mut rest = whole.as_mut_slice();
            for extent in several {
                let (into, after) = rest.split_at_mut_checked(usize::try_from(extent.length).ok()?)?;
                if !parts.reach.fill(extent.at, into) {
                    parts.truncated();
                    return None;
                }
                rest = after;
            }
            Cow::Owned(whole)
        }
    };
    if item.is_xmp {
        parts.push("heif:mime", first.at, Content::Xmp(whole));
        return Some(());
    }
    // How much stands before the TIFF header: nothing, or the name that JPEG has there.
    let offset = usize::try_from(u32::from_be_bytes(*whole.first_chunk()?)).ok()?.checked_add(4)?;
    let tiff = match whole {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(offset..)?),
        Cow::Owned(mut bytes) => {
            // Where it points behind the end there is nothing, in a file as in memory.
            if offset > bytes.len() {
                return None;
            }
            bytes.drain(..offset);
            Cow::Owned(bytes)
        }
    };
    parts.push("heif:Exif", first.at + offset as u64, Content::Exif(tiff));
    Some(())
}
