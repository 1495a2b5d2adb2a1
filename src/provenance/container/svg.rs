//! SVG: what stands in `metadata`, by a real XML reader. A document type is skipped, never acted on.
use super::super::part::Content;
use super::parts::Parts;
use crate::image::Reach;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::borrow::Cow;

/// How much of the text is looked through: drawings are long, and their metadata comes first.
const LONGEST: u64 = 1024 * 1024;
/// Nesting beyond this is no drawing that a program made.
const DEEPEST: usize = 256;
/// The most declarations of namespaces that are handed on with a packet.
const NAMESPACES: usize = 4 * 1024;
/// The most attributes that are looked through for them.
const ATTRIBUTES: usize = 256;
/// How much of a manifest beyond that is looked at at once.
const PIECE: usize = 64 * 1024;

pub(super) fn walk(parts: &mut Parts<'_>) {
    let size = parts.reach.size().min(LONGEST);
    let Some(bytes) = usize::try_from(size).ok().and_then(|size| parts.reach.piece(0, size)) else { return };
    match text(&bytes) {
        (start, Cow::Borrowed(text)) => metadata(parts, text, Some(start)),
        (_, Cow::Owned(text)) => metadata(parts, &text, None),
    };
}

/// The text, and where in the file it begins. What is not UTF-8 is so from there on, or is UTF-16.
fn text(bytes: &[u8]) -> (u64, Cow<'_, str>) {
    let wide = |bytes: &[u8], number: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| number(*pair));
        char::decode_utf16(units).map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => (2, Cow::Owned(wide(rest, u16::from_le_bytes))),
        [0xfe, 0xff, rest @ ..] => (2, Cow::Owned(wide(rest, u16::from_be_bytes))),
        _ => {
            let (start, bytes) = bytes.strip_prefix(b"\xef\xbb\xbf").map_or((0, bytes), |rest| (3, rest));
            let known = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
            (start, Cow::Borrowed(known))
        }
    }
}

/// Reads up to the end of `metadata`, or to the first fault. `start` is where the text begins in the file, if its bytes are
/// the file's.
fn metadata(parts: &mut Parts<'_>, text: &str, start: Option<u64>) -> Option<()> {
    // Most drawings have none, and are long.
    if !text.contains("metadata") {
        return None;
    }
    let mut reader = Reader::from_str(text);
    let mut namespaces = String::new();
    let mut depth = 0_usize;
    // The depth and the beginning of `metadata`, and whether there is an RDF in it.
    let mut open: Option<(usize, usize, bool)> = None;
    loop {
        let before = usize::try_from(reader.buffer_position()).ok()?;
        match reader.read_event().ok()? {
            Event::Start(element) => {
                let name = element.local_name();
                let at = usize::try_from(reader.buffer_position()).ok()?;
                match (&mut open, name.as_ref()) {
                    (None, "metadata") => {
                        declared(&mut namespaces, &element);
                        open = Some((depth, at, false));
                    }
                    (None, _) if depth == 0 => declared(&mut namespaces, &element),
                    (Some(_), "manifest") if is_c2pa(element.name().as_ref()) => manifest(parts, text, at, start),
                    (Some((.., has_rdf)), "RDF" | "xmpmeta") => *has_rdf = true,
                    _ => {}
                }
                depth += 1;
                if depth > DEEPEST {
                    return None;
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if let Some((_, from, has_rdf)) = open.take_if(|(level, ..)| *level == depth) {
                    if has_rdf {
                        packet(parts, text.get(from..before)?, &namespaces, start.unwrap_or_default() + from as u64);
                    }
                    let after = usize::try_from(reader.buffer_position()).ok()?;
                    if parts.is_full() || !text.get(after..)?.contains("metadata") {
                        return Some(());
                    }
                }
            }
            Event::Eof => return Some(()),
            _ => {}
        }
    }
}

fn is_c2pa(name: &str) -> bool {
    name.split_once(':').is_some_and(|(prefix, _)| prefix == "c2pa")
}

/// The namespaces that an element declares: a packet inside of it may make use of them.
fn declared(namespaces: &mut String, element: &BytesStart<'_>) {
    for attribute in element.attributes().with_checks(false).flatten().take(ATTRIBUTES) {
        let (name, value) = (attribute.key.as_ref(), attribute.value.as_ref());
        let is_known = namespaces.contains(&format!(" {name}="));
        if name.starts_with("xmlns:") && !is_known && namespaces.len() + name.len() + value.len() < NAMESPACES {
            let quote = if value.contains('"') { '\'' } else { '"' };
            for piece in [" ", name, "=", quote.encode_utf8(&mut [0; 4]), value, quote.encode_utf8(&mut [0; 4])] {
                namespaces.push_str(piece);
            }
        }
    }
}

/// What is in `metadata`, as a document of its own.
fn packet(parts: &mut Parts<'_>, inside: &str, namespaces: &str, at: u64) {
    if parts.is_full() || parts.take(inside.len() as u64).is_none() {
        return;
    }
    let packet = ["<metadata", namespaces, ">", inside, "</metadata>"].concat();
    parts.push("svg:metadata", at, Content::Xmp(Cow::Owned(packet.into_bytes())));
}

/// A manifest store in base64, from here to the next tag. It may be longer than what is looked through otherwise.
fn manifest(parts: &mut Parts<'_>, text: &str, at: usize, start: Option<u64>) {
    let rest = text.get(at..).unwrap_or_default().as_bytes();
    let found = match (start, rest.iter().position(|byte| *byte == b'<')) {
        (_, Some(end)) => rest.get(..end).unwrap_or_default().iter().copied().filter(is_digit).collect(),
        (Some(start), None) => to_tag(parts.reach, start + at as u64),
        // What is UTF-16 ends with what was looked through.
        (None, None) => return parts.truncated(),
    };
    let digits: Vec<u8> = found;
    if parts.is_full() || parts.take_store(digits.len() as u64 / 4 * 3).is_none() {
        return;
    }
    if let Ok(store) = STANDARD.decode(digits) {
        parts.gathered("svg:metadata", start.unwrap_or_default() + at as u64, store);
    }
}

fn is_digit(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn to_tag(reach: &dyn Reach, mut at: u64) -> Vec<u8> {
    let mut digits = Vec::new();
    loop {
        let left = usize::try_from(reach.size().saturating_sub(at)).unwrap_or(usize::MAX);
        let Some(piece) = reach.piece(at, left.min(PIECE)).filter(|piece| !piece.is_empty()) else { return digits };
        let end = piece.iter().position(|byte| *byte == b'<').unwrap_or(piece.len());
        digits.extend(piece.get(..end).unwrap_or_default().iter().copied().filter(is_digit));
        at += piece.len() as u64;
        // Beyond this no store is looked at.
        if end < piece.len() || digits.len() > 48 * 1024 * 1024 {
            return digits;
        }
    }
}
