//! The metadata of PNG, JPEG and WebP files, found by walking their parts. No length is believed beyond the file's end.
use crate::image::Format;
use std::borrow::Cow;

/// The longest metadata that is looked at: real ones have some thousand bytes.
const LONGEST: usize = 1024 * 1024;
/// The most parts that are looked at.
const MOST: usize = 256;
const PNG_XMP: &str = "XML:com.adobe.xmp";
const JPEG_XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// A piece of metadata.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Xmp(Cow<'a, str>),
    /// A key and its value, of a PNG text chunk.
    Text {
        key: Cow<'a, str>,
        value: Cow<'a, str>,
    },
    /// What follows `AIGC` in a segment or chunk of its own.
    Label(Cow<'a, str>),
}

pub(super) fn parts(bytes: &[u8]) -> Vec<Part<'_>> {
    match Format::sniff(bytes) {
        Some(Format::Png) => png(bytes),
        Some(Format::Jpeg) => jpeg(bytes),
        Some(Format::WebP) => webp(bytes),
        _ => Vec::new(),
    }
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
                    found.extend(
                        split(data)
                            .map(|(key, value)| Part::Text { key: latin_or_utf8(key), value: latin_or_utf8(value) }),
                    );
                }
                b"iTXt" => found.extend(international(data)),
                // The guide to GB 45438 allows a chunk of this name.
                b"AIGC" => found.push(Part::Label(String::from_utf8_lossy(data))),
                _ => {}
            }
        }
        rest = after.get(length.saturating_add(8)..).unwrap_or_default();
    }
    found
}

/// Keyword, compression flag and method, language, translated keyword, text. Compressed text is not read.
fn international(data: &[u8]) -> Option<Part<'_>> {
    let (key, rest) = split(data)?;
    if *rest.first()? != 0 {
        return None;
    }
    let (_language, rest) = split(rest.get(2..)?)?;
    let (_translated, text) = split(rest)?;
    let text = String::from_utf8_lossy(text);
    let key = latin_or_utf8(key);
    Some(if key == PNG_XMP { Part::Xmp(text) } else { Part::Text { key, value: text } })
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
                    found.extend(application(data));
                }
                rest = after.get(length.max(2)..).unwrap_or_default();
            }
        }
    }
    found
}

fn application(data: &[u8]) -> Option<Part<'_>> {
    if let Some(packet) = data.strip_prefix(JPEG_XMP) {
        return Some(Part::Xmp(String::from_utf8_lossy(packet)));
    }
    let label = data.strip_prefix(b"AIGC").filter(|rest| rest.trim_ascii_start().starts_with(b"{"));
    label.map(|label| Part::Label(String::from_utf8_lossy(label)))
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
            found.push(Part::Xmp(String::from_utf8_lossy(data)));
        }
        // A chunk of odd length is followed by a byte of padding.
        rest = rest.get(8_usize.saturating_add(length).saturating_add(length & 1)..).unwrap_or_default();
    }
    found
}
