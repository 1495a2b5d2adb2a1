//! The metadata of PNG, JPEG and WebP files, found by walking their parts. No length is believed beyond the file's end.
use super::Provenance;
use super::part::{Content, Part};
use crate::image::{Format, Reach};
use std::borrow::Cow;

/// The longest metadata that is looked at: real ones have some thousand bytes.
const LONGEST: usize = 1024 * 1024;
/// The most parts that are looked at.
const MOST: usize = 256;
const PNG_XMP: &str = "XML:com.adobe.xmp";
const JPEG_XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The parts of a file, in their order.
pub(super) fn parts<'a>(reach: &'a dyn Reach, format: Format, found: &mut Provenance) -> Vec<Part<'a>> {
    let Some(bytes) = usize::try_from(reach.size()).ok().and_then(|size| reach.piece(0, size)) else {
        found.warn("truncated");
        return Vec::new();
    };
    let Cow::Borrowed(bytes) = bytes else { return Vec::new() };
    match format {
        Format::Png => png(bytes),
        Format::Jpeg => jpeg(bytes),
        Format::WebP => webp(bytes),
        _ => Vec::new(),
    }
}

fn part<'a>(name: &'static str, whole: &[u8], rest: &[u8], content: Content<'a>) -> Part<'a> {
    Part { name, at: (whole.len() - rest.len()) as u64, content }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// PNG's plain text is Latin-1 by the standard and UTF-8 in what many programs write.
fn latin_or_utf8(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), Cow::Borrowed)
}

fn png(bytes: &[u8]) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (Some(kind), Some(data)) = (after.get(..4), after.get(4..).and_then(|after| after.get(..length))) else {
            break;
        };
        if found.len() == MOST || kind == b"IEND" {
            break;
        }
        if length <= LONGEST {
            match kind {
                b"tEXt" => {
                    found.extend(split(data).map(|(key, value)| {
                        part(
                            "png:tEXt",
                            bytes,
                            rest,
                            Content::Text { key: latin_or_utf8(key), value: latin_or_utf8(value) },
                        )
                    }));
                }
                b"iTXt" => found.extend(international(data).map(|content| part("png:iTXt", bytes, rest, content))),
                // The guide to GB 45438 allows a chunk of this name.
                b"AIGC" => found.push(part("png:AIGC", bytes, rest, Content::Label(String::from_utf8_lossy(data)))),
                _ => {}
            }
        }
        rest = after.get(length.saturating_add(8)..).unwrap_or_default();
    }
    found
}

/// Keyword, compression flag and method, language, translated keyword, text. Compressed text is not read.
fn international(data: &[u8]) -> Option<Content<'_>> {
    let (key, rest) = split(data)?;
    if *rest.first()? != 0 {
        return None;
    }
    let (_language, rest) = split(rest.get(2..)?)?;
    let (_translated, text) = split(rest)?;
    let key = latin_or_utf8(key);
    Some(if key == PNG_XMP {
        Content::Xmp(Cow::Borrowed(text))
    } else {
        Content::Text { key, value: String::from_utf8_lossy(text) }
    })
}

fn jpeg(bytes: &[u8]) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xff, marker, after @ ..] = rest {
        match marker {
            // Fill bytes, and markers without a segment.
            0xff => rest = rest.get(1..).unwrap_or_default(),
            0x01 | 0xd0..=0xd8 => rest = after,
            // The image itself begins, or it all ends.
            0xda | 0xd9 => break,
            _ => {
                let Some((length, _)) = after.split_first_chunk::<2>() else {
                    break;
                };
                let length = usize::from(u16::from_be_bytes(*length));
                let Some(data) = after.get(2..length.max(2)) else { break };
                if found.len() == MOST {
                    break;
                }
                if matches!(marker, 0xe0..=0xef) {
                    found.extend(application(data).map(|content| part("jpeg:APP", bytes, rest, content)));
                }
                rest = after.get(length.max(2)..).unwrap_or_default();
            }
        }
    }
    found
}

fn application(data: &[u8]) -> Option<Content<'_>> {
    if let Some(packet) = data.strip_prefix(JPEG_XMP) {
        return Some(Content::Xmp(Cow::Borrowed(packet)));
    }
    let label = data.strip_prefix(b"AIGC").filter(|rest| rest.trim_ascii_start().starts_with(b"{"));
    label.map(|label| Content::Label(String::from_utf8_lossy(label)))
}

fn webp(bytes: &[u8]) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let (Some(kind), Some(length)) = (rest.get(..4), rest.get(4..8).and_then(|size| size.first_chunk())) {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(data) = rest.get(8..).and_then(|rest| rest.get(..length)) else {
            break;
        };
        if kind == b"XMP " && length <= LONGEST && found.len() < MOST {
            found.push(part("webp:XMP", bytes, rest, Content::Xmp(Cow::Borrowed(data))));
        }
        // A chunk of odd length is followed by a byte of padding.
        rest = rest.get(8_usize.saturating_add(length).saturating_add(length & 1)..).unwrap_or_default();
    }
    found
}
