//! Width and height from header bytes, and whether there is more than one frame. Nothing is decoded, and no number that a
//! file claims is believed beyond its end.
use super::{Format, isobmff};

pub(super) fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

pub(super) fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

pub(super) fn be_u64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_be_bytes)
}

fn le_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// Width and height in pixels; nothing where the header cannot be read. SVG has no pixels.
pub(super) fn of(format: Format, bytes: &[u8]) -> Option<(u32, u32)> {
    match format {
        Format::Png => png(bytes),
        Format::Bmp => bitmap(bytes.get(14..)?),
        Format::Ico => icon(bytes),
        Format::Heic | Format::Heif | Format::Avif => isobmff::dimensions(bytes),
        Format::Jpeg | Format::Gif | Format::WebP | Format::Tiff => {
            let size = imagesize::blob_size(bytes).ok()?;
            Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
        }
        Format::Svg => None,
    }
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    // The header comes first and has thirteen bytes, or this is no PNG.
    if be_u32(bytes, 8)? != 13 || bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    Some((be_u32(bytes, 16)?, be_u32(bytes, 20)?))
}

/// A bitmap header, as BMP has it behind its file header and ICO inside of an entry.
fn bitmap(header: &[u8]) -> Option<(u32, u32)> {
    if le_u32(header, 0)? == 12 {
        return Some((le_u16(header, 4)?.into(), le_u16(header, 6)?.into()));
    }
    // A negative height means that the rows come from the top; a negative width means nothing.
    let width = u32::try_from(le_u32(header, 4)?.cast_signed()).ok()?;
    Some((width, le_u32(header, 8)?.cast_signed().unsigned_abs()))
}

/// The last image of an icon: the one that the service looks at (I13).
fn icon(bytes: &[u8]) -> Option<(u32, u32)> {
    let count = usize::from(le_u16(bytes, 4)?);
    let entry = bytes.get(6 + 16 * count.checked_sub(1)?..)?;
    let image = bytes.get(le_u32(entry, 12)? as usize..).unwrap_or_default();
    if image.starts_with(b"\x89PNG") {
        return png(image);
    }
    let side = |at: usize| entry.get(at).map(|side| if *side == 0 { 256 } else { u32::from(*side) });
    // The bitmap of an icon is twice as high as the icon: its mask lies below it.
    let real = bitmap(image).map(|(width, height)| (width, height / 2));
    real.filter(|_| le_u32(image, 0) == Some(40)).or_else(|| Some((side(0)?, side(1)?)))
}

/// What walking a file's blocks tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    /// More than one: the service looks at the first (I12).
    pub is_animated: bool,
    /// The file ends before its image does (I15).
    pub is_truncated: bool,
}

pub(super) fn frames(format: Format, bytes: &[u8]) -> Frames {
    match format {
        Format::Png => png_frames(bytes),
        Format::Gif => gif_frames(bytes).unwrap_or(Frames { is_animated: false, is_truncated: true }),
        Format::WebP => Frames {
            is_animated: bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 2 == 2),
            is_truncated: le_u32(bytes, 4).is_some_and(|size| bytes.len() < size as usize),
        },
        Format::Jpeg => {
            // An embedded thumbnail, which has an end of its own, lies in the first half.
            let half = bytes.get(bytes.len() / 2..).unwrap_or_default();
            Frames { is_animated: false, is_truncated: !half.windows(2).rev().any(|pair| pair == [0xff, 0xd9]) }
        }
        _ => Frames::default(),
    }
}

fn png_frames(bytes: &[u8]) -> Frames {
    let mut found = Frames { is_animated: false, is_truncated: true };
    let mut at = 8_usize;
    while let (Some(length), Some(kind)) = (be_u32(bytes, at), bytes.get(at + 4..at + 8)) {
        match kind {
            b"acTL" => found.is_animated = be_u32(bytes, at + 8).is_some_and(|frames| frames > 1),
            b"IEND" => {
                found.is_truncated = false;
                break;
            }
            _ => {}
        }
        at = at.saturating_add(12).saturating_add(length as usize);
    }
    found
}

/// Nothing where the file ends too early.
fn gif_frames(bytes: &[u8]) -> Option<Frames> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table(*bytes.get(10)?);
    let mut images = 0;
    loop {
        match *bytes.get(at)? {
            0x2c => {
                images += 1;
                if images > 1 {
                    return Some(Frames { is_animated: true, is_truncated: false });
                }
                at += 11 + table(*bytes.get(at + 9)?);
            }
            0x21 => at += 2,
            _ => return Some(Frames::default()),
        }
        loop {
            let size = usize::from(*bytes.get(at)?);
            at += 1 + size;
            if size == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn icon_of(entries: &[(u8, u8, Vec<u8>)]) -> Vec<u8> {
        let mut file = vec![0, 0, 1, 0, u8::try_from(entries.len()).unwrap(), 0];
        let mut offset = 6 + 16 * entries.len();
        for (width, height, image) in entries {
            file.extend([*width, *height, 0, 0, 1, 0, 32, 0]);
            file.extend(u32::try_from(image.len()).unwrap().to_le_bytes());
            file.extend(u32::try_from(offset).unwrap().to_le_bytes());
            offset += image.len();
        }
        file.extend(entries.iter().flat_map(|(_, _, image)| image.clone()));
        file
    }

    /// I13.
    #[test]
    fn an_icon_is_as_large_as_its_last_image() {
        let dib =
            |width: u32, height: u32| [&40_u32.to_le_bytes()[..], &width.to_le_bytes(), &height.to_le_bytes()].concat();
        let png = |side: u32| {
            [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &side.to_be_bytes(), &side.to_be_bytes(), &[8, 0, 0, 0, 0]].concat()
        };
        assert_eq!(of(Format::Ico, &icon_of(&[(16, 16, dib(16, 32)), (48, 48, dib(48, 96))])), Some((48, 48)));
        assert_eq!(of(Format::Ico, &icon_of(&[(16, 16, dib(16, 32)), (0, 0, png(20_000))])), Some((20_000, 20_000)));
        assert_eq!(of(Format::Ico, &icon_of(&[(0, 0, vec![])])), Some((256, 256)));
        assert_eq!(of(Format::Ico, &[0, 0, 1, 0, 9, 0, 1, 1]), None);
    }

    #[test]
    fn both_kinds_of_bitmap_header() {
        let core = [&b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0"[..], &[0x80, 2, 0xe0, 1]].concat();
        assert_eq!(of(Format::Bmp, &core), Some((640, 480)));
        let top_down =
            [&b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0"[..], &640_i32.to_le_bytes(), &(-480_i32).to_le_bytes()];
        assert_eq!(of(Format::Bmp, &top_down.concat()), Some((640, 480)));
    }

    /// I12, I15.
    #[test]
    fn frames_and_missing_ends() {
        let image = [&[0x2c][..], &[0; 9], &[2, 1, 0, 0]].concat();
        let gif = |images: usize| {
            [&b"GIF89a\x01\0\x01\0\0\0\0"[..], b"\x21\xf9\x04\0\0\0\0\0", &image.repeat(images), b";"].concat()
        };
        assert_eq!(frames(Format::Gif, &gif(1)), Frames::default());
        assert!(frames(Format::Gif, &gif(2)).is_animated);
        assert!(frames(Format::Gif, &gif(1)[..22]).is_truncated);
        let chunk = |kind: &[u8], data: &[u8]| {
            [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], kind, data, &[0; 4]].concat()
        };
        let png = |chunks: &[Vec<u8>]| [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat();
        let animated = png(&[chunk(b"acTL", &[0, 0, 0, 5, 0, 0, 0, 0]), chunk(b"IEND", b"")]);
        assert_eq!(frames(Format::Png, &animated), Frames { is_animated: true, is_truncated: false });
        assert!(frames(Format::Png, &png(&[chunk(b"IDAT", b"xx")])).is_truncated);
        assert!(frames(Format::Png, b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT").is_truncated);
        assert!(frames(Format::WebP, b"RIFF\x12\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0").is_animated);
        assert!(frames(Format::WebP, b"RIFF\xff\0\0\0WEBPVP8 ").is_truncated);
        assert!(!frames(Format::Jpeg, b"\xff\xd8\xff\xe0....\xff\xd9trailer").is_truncated);
        assert!(frames(Format::Jpeg, b"\xff\xd8\xff\xe0\xff\xd9................").is_truncated);
    }

    const MAGIC: [&[u8]; 10] = [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBPVP8X",
        b"RIFF\0\0\0\0WEBPVP8L",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"\0\0\x01\0\x02\0",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x60meta\0\0\0\0\0\0\0\x50iprp\0\0\0\x30ipco\0\0\0\x14ispe",
        b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0",
    ];

    proptest! {
        /// I16: whatever follows the magic bytes, reading ends and does not panic.
        #[test]
        fn hostile_headers_are_survived(start in 0..MAGIC.len(), tail in proptest::collection::vec(any::<u8>(), 0..600)) {
            let bytes = [MAGIC[start], &tail].concat();
            if let Some(format) = Format::sniff(&bytes) {
                let _ = of(format, &bytes);
                let _ = frames(format, &bytes);
            }
        }
    }
}
