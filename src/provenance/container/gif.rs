//! GIF: application extensions. Images and other extensions are passed by their sub-blocks.
use super::parts::Parts;
use crate::image::{Reach, array};

/// The most blocks and sub-blocks: those of 64 MB.
const BLOCKS: u32 = 262_144;
/// What stands behind an XMP packet, so that programs that know nothing of it find their way: 1, 255, 254, ... 0, 0.
const TRAILER: u64 = 258;

pub(super) fn walk(parts: &mut Parts<'_>) {
    let mut left = BLOCKS;
    if blocks(parts, &mut left).is_none() {
        parts.truncated();
    }
}

/// Nothing where the file ends too early.
fn blocks(parts: &mut Parts<'_>, left: &mut u32) -> Option<()> {
    let reach = parts.reach;
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table(array::<1>(reach, 10)?[0]);
    loop {
        *left = left.checked_sub(1)?;
        if parts.is_full() {
            return Some(());
        }
        match array::<1>(reach, at)? {
            [0x2c] => {
                let [.., flags] = array::<10>(reach, at)?;
                // Behind its color table an image says how long its codes are.
                at = sub_blocks(reach, at + 10 + table(flags) + 1, left, |_, _| ())?;
            }
            [0x21] => {
                let data = at + 2;
                match array::<13>(reach, at + 1) {
                    Some([0xff, 11, name @ ..]) => at = application(parts, &name, data + 12, left)?,
                    _ => at = sub_blocks(reach, data, left, |_, _| ())?,
                }
            }
            [0x3b] => return Some(()),
            _ => return None,
        }
    }
}

/// An extension, by the eight letters of its name and the three bytes that prove it; and where it ends.
fn application(parts: &mut Parts<'_>, name: &[u8; 11], at: u64, left: &mut u32) -> Option<u64> {
    let reach = parts.reach;
    let mut length = 0;
    let end = sub_blocks(reach, at, left, |_, size| length += u64::from(size));
    match name {
        // The packet is written plainly, and only looks like sub-blocks.
        b"XMP DataXMP" => {
            let end = end?;
            let packet = end.saturating_sub(TRAILER);
            if packet >= at && array::<3>(reach, packet) == Some([1, 0xff, 0xfe]) {
                parts.xmp("gif:XMP", at, packet - at);
            }
            Some(end)
        }
        b"C2PA_GIF\x01\0\0" if !parts.is_full() => {
            let end = end?;
            let size = parts.take_store(length)?;
            let (mut whole, mut again) = (Vec::with_capacity(size), BLOCKS);
            sub_blocks(reach, at, &mut again, |from, size| {
                let start = whole.len();
                whole.resize(start + usize::from(size), 0);
                whole.get_mut(start..).map(|into| reach.fill(from, into));
            })?;
            parts.gathered("gif:C2PA", at + 1, whole);
            Some(end)
        }
        _ => end,
    }
}

/// Tells of each sub-block's data, and gives where they end.
fn sub_blocks(reach: &dyn Reach, mut at: u64, left: &mut u32, mut each: impl FnMut(u64, u8)) -> Option<u64> {
    loop {
        *left = left.checked_sub(1)?;
        let [size] = array::<1>(reach, at)?;
        at += 1;
        if size == 0 {
            return Some(at);
        }
        each(at, size);
        at += u64::from(size);
    }
}
