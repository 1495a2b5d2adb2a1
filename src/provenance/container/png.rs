//! PNG: text chunks, EXIF, the chunk of the C2PA and that of the AIGC label, before and behind the image.
use super::super::part::Content;
use super::{parts::Parts, profile};
use crate::image::array;
use std::borrow::Cow;

const XMP: &[u8] = b"XML:com.adobe.xmp";
/// Keywords have 79 characters at most by the standard; a little more is forgiven.
const KEYWORD: usize = 128;
/// The most chunks: an image of half a gigabyte, in the usual pieces.
const CHUNKS: u32 = 65_536;

pub(super) fn walk(parts: &mut Parts<'_>) {
    let size = parts.reach.size();
    let mut at = 8;
    for _ in 0..CHUNKS {
        if parts.is_full() {
            return;
        }
        let Some([a, b, c, d, kind @ ..]) = array::<8>(parts.reach, at) else {
            return parts.truncated();
        };
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        at += 8;
        // What is no name is no chunk, as in a file with a hole.
        if length > size - at || !kind.iter().all(u8::is_ascii_alphabetic) {
            return parts.truncated();
        }
        match &kind {
            b"IEND" => return,
            b"tEXt" | b"zTXt" | b"iTXt" => {
                chunk(parts, kind, at, length);
            }
            b"eXIf" => parts.exif("png:eXIf", at, length),
            b"caBX" => parts.store("png:caBX", at, length),
            // The guide to GB 45438 allows a chunk of this name.
            b"AIGC" => {
                if let Some(label) = parts.text(at, length) {
                    parts.push("png:AIGC", at, Content::Label(lossy(label)));
                }
            }
            _ => {}
        }
        // Behind a chunk stands its checksum.
        at += length + 4;
    }
    parts.too_large();
}

fn chunk(parts: &mut Parts<'_>, kind: [u8; 4], at: u64, length: u64) -> Option<()> {
    let data = parts.text(at, length)?;
    let end = data.iter().take(KEYWORD).position(|byte| *byte == 0)?;
    let key = from_borrowed(&data, end);
    let after = end + 1;
    match &kind {
        b"tEXt" => keyed(parts, "png:tEXt", at, key, skip(data, after), false),
        b"zTXt" => {
            let text = (*data.get(after)? == 0).then(|| parts.inflate(data.get(after + 1..)?))??;
            keyed(parts, "png:zTXt", at, key, Cow::Owned(text), false);
        }
        _ => {
            // Compression flag and method, language, translated keyword, text.
            let is_compressed = *data.get(after)? != 0;
            let language = after + 2;
            let translated = language + zero(data.get(language..)?)? + 1;
            let start = translated + zero(data.get(translated..)?)? + 1;
            let text = match is_compressed {
                false => skip(data, start),
                true => Cow::Owned((*data.get(after + 1)? == 0).then(|| parts.inflate(data.get(start..)?))??),
            };
            keyed(parts, "png:iTXt", at, key, text, true);
        }
    }
    Some(())
}

fn keyed<'a>(
    parts: &mut Parts<'a>,
    name: &'static str,
    at: u64,
    key: Cow<'a, [u8]>,
    text: Cow<'a, [u8]>,
    is_utf8: bool,
) {
    if *key == *XMP {
        return parts.push(name, at, Content::Xmp(text));
    }
    if let Some(kind) = key.strip_prefix(b"Raw profile type ") {
        if let Some(content) = profile::read(kind, &text) {
            parts.push(name, at, content);
        }
        return;
    }
    let value = if is_utf8 { lossy(text) } else { latin_or_utf8(text) };
    parts.push(name, at, Content::Text { key: latin_or_utf8(key), value });
}

fn zero(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == 0)
}

fn from_borrowed<'a>(data: &Cow<'a, [u8]>, end: usize) -> Cow<'a, [u8]> {
    match data {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..end).unwrap_or_default()),
        Cow::Owned(bytes) => Cow::Owned(bytes.get(..end).unwrap_or_default().to_vec()),
    }
}

/// The rest, in the memory that it is in.
fn skip(data: Cow<'_, [u8]>, start: usize) -> Cow<'_, [u8]> {
    match data {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(start..).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.drain(..start.min(bytes.len()));
            Cow::Owned(bytes)
        }
    }
}

fn lossy(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
    }
}

/// PNG's plain text is Latin-1 by the standard and UTF-8 in what many programs write.
fn latin_or_utf8(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    let latin = |bytes: &[u8]| {
        let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
        let mut text = String::with_capacity(bytes.len() + high);
        text.extend(bytes.iter().map(|byte| char::from(*byte)));
        text
    };
    match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map_or_else(|_| Cow::Owned(latin(bytes)), Cow::Borrowed),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|error| latin(error.as_bytes()))),
    }
}
