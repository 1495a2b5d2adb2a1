//! EXIF and XMP as `ImageMagick` writes them into text chunks: the profile's name, its length, and all of it in hexadecimal.
use super::super::part::Content;
use std::borrow::Cow;

/// The metadata in a text whose key is `Raw profile type` and this.
pub(super) fn read<'a>(kind: &[u8], text: &[u8]) -> Option<Content<'a>> {
    if !matches!(kind, b"exif" | b"EXIF" | b"APP1" | b"app1" | b"xmp" | b"XMP") {
        return None;
    }
    let profile = decode(text)?;
    if let Some(packet) = profile.strip_prefix(super::jpeg::XMP) {
        return Some(Content::Xmp(Cow::Owned(packet.to_vec())));
    }
    if matches!(kind, b"xmp" | b"XMP") {
        return Some(Content::Xmp(Cow::Owned(profile)));
    }
    let tiff = if profile.starts_with(b"Exif\0") { profile.get(6..)?.to_vec() } else { profile };
    (tiff.starts_with(b"II") || tiff.starts_with(b"MM")).then_some(Content::Exif(Cow::Owned(tiff)))
}

/// A line break, the name, the length in bytes, and lines of digits.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.trim_ascii_start().splitn(3, |byte| *byte == b'\n');
    let (_name, length, digits) = (lines.next()?, lines.next()?, lines.next()?);
    let length: usize = std::str::from_utf8(length).ok()?.trim().parse().ok()?;
    let mut bytes = Vec::with_capacity(length.min(digits.len() / 2));
    let mut high = None;
    for byte in digits {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\n' | b'\r' | b' ' => continue,
            _ => break,
        };
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    bytes.truncate(length);
    Some(bytes)
}
