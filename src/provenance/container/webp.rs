//! WebP: the chunks of a RIFF file.
use super::parts::Parts;
use crate::image::array;

/// The most chunks: an animation has two for each of its images.
const CHUNKS: u32 = 65_536;

pub(super) fn walk(parts: &mut Parts<'_>) {
    let size = parts.reach.size();
    let claimed = array::<4>(parts.reach, 4).map_or(0, |size| u64::from(u32::from_le_bytes(size)) + 8);
    // Who writes to a stream leaves the length empty.
    let end = if claimed > 12 { size.min(claimed) } else { size };
    if claimed > size {
        parts.truncated();
    }
    let mut at = 12;
    for _ in 0..CHUNKS {
        if at + 8 > end || parts.is_full() {
            return;
        }
        let Some([kind @ .., a, b, c, d]) = array::<8>(parts.reach, at) else { return };
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        at += 8;
        // What is no name is no chunk, as in a file with a hole.
        if length > end - at || !kind.iter().all(|letter| letter.is_ascii_graphic() || *letter == b' ') {
            return parts.truncated();
        }
        match &kind {
            b"XMP " => parts.xmp("webp:XMP", at, length),
            b"EXIF" => parts.exif("webp:EXIF", at, length),
            b"C2PA" => parts.store("webp:C2PA", at, length),
            _ => {}
        }
        // A chunk of odd length is followed by a byte of padding.
        at += length + (length & 1);
    }
    parts.too_large();
}
