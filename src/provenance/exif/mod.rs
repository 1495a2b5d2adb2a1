//! EXIF: the few fields that may say who or what made an image, and what they declare.
use super::ifd::{Budget, Field, Tiff};
use super::{Provenance, aigc_label, generator};
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use crate::image::Reach;
use std::borrow::Cow;

mod text;

/// The longest value that is looked at: the text of a generator may be some hundred thousand bytes.
const LONGEST: u64 = 1024 * 1024;
/// Where the directory of EXIF's own fields is.
const EXIF: u16 = 0x8769;
const USER_COMMENT: u16 = 0x9286;

/// The fields that are looked at: tag, and name in `metadata`.
const FIELDS: [(u16, &str); 8] = [
    (0x010f, "exif:Make"),
    (0x0110, "exif:Model"),
    (0x0131, "exif:Software"),
    (0x013b, "exif:Artist"),
    (0x010e, "exif:ImageDescription"),
    (USER_COMMENT, "exif:UserComment"),
    (0x9c9b, "exif:XPTitle"),
    (0x9c9c, "exif:XPComment"),
];

/// Values that were found so far, and how much more may be read. Values that lie upon each other count each for itself, so
/// that a small block cannot become a large one.
struct Found {
    values: Vec<(&'static str, String)>,
    left: u64,
}

pub(super) fn read(tiff: &dyn Reach, place: &str, found: &mut Provenance) {
    let Some(tiff) = Tiff::open(tiff) else { return found.warn("exif_unreadable") };
    let mut fields = Found { values: Vec::new(), left: tiff.reach.size().min(LONGEST) };
    let mut budget = Budget::default();
    let mut inner = None;
    let first = tiff.directory(tiff.first, &mut budget, &mut |field| match field.tag {
        EXIF => inner = inner.or_else(|| tiff.pointer(field)),
        _ => fields.look(&tiff, field),
    });
    let second = inner.map(|at| tiff.directory(at, &mut budget, &mut |field| fields.look(&tiff, field)));
    if first.is_none() || second.is_some_and(|second| second.is_none()) {
        found.warn("exif_unreadable");
    }
    for (name, value) in &fields.values {
        found.note(name, value);
    }
    declare(&fields.values, place, found);
}

impl Found {
    /// Keeps the value of a field that is looked at, the first of each.
    fn look(&mut self, tiff: &Tiff<'_>, field: Field) {
        let Some((_, name)) = FIELDS.iter().find(|(tag, _)| *tag == field.tag) else { return };
        let is_new = self.values.iter().all(|(known, _)| known != name);
        if !is_new || !field.is_bytes() || field.length > self.left {
            return;
        }
        self.left -= field.length;
        let bytes = usize::try_from(field.length).ok().and_then(|length| tiff.reach.piece(field.at, length));
        let Some(bytes) = bytes else { return };
        let value = match field.tag {
            USER_COMMENT => text::comment(&bytes, tiff.is_big_endian),
            // Windows writes these in its own way, whatever the byte order.
            0x9c9b | 0x9c9c => Cow::Owned(text::utf16(&bytes, u16::from_le_bytes)),
            _ => text::plain(&bytes),
        };
        let value = value.trim_end_matches(['\0', ' ']);
        if !value.is_empty() {
            self.values.push((name, value.to_owned()));
        }
    }
}

/// What the fields declare, each for itself and two of them together.
fn declare(values: &[(&'static str, String)], place: &str, found: &mut Provenance) {
    let value = |wanted: &str| values.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
    if let (Some(artist), Some(description)) = (value("exif:Artist"), value("exif:ImageDescription"))
        && is_signed_by_xai(artist, description)
    {
        let evidence = Evidence::new(EvidenceKind::Generated, EvidenceSource::Exif, Strength::Strong, "xAI Grok")
            .with("Artist", artist)
            .with("ImageDescription", description);
        found.declare(evidence.at(format!("{place}/Artist")));
    }
    let mut told = Vec::new();
    for (index, (name, value)) in values.iter().enumerate() {
        let field = name.strip_prefix("exif:").unwrap_or(name);
        told.extend(one(field, value).map(|evidence| (index, evidence.at(format!("{place}/{field}")))));
    }
    // ComfyUI writes its two graphs into two fields.
    for (_, evidence) in generator::one_a_program(told) {
        found.declare(evidence);
    }
}

fn one(field: &str, value: &str) -> Option<Evidence> {
    match field {
        "UserComment" | "XPComment" => {
            aigc_label::read_among_others(value).or_else(|| generator::read("UserComment", value))
        }
        // Tencent's label, which names the service and its user beside what the standard asks for.
        "ImageDescription" => aigc_label::read_among_others(value).or_else(|| prefixed(value)).or_else(|| {
            let described = generator::read("ImageDescription", value);
            described.or_else(|| generator::read("parameters", value))
        }),
        "Make" => prefixed(value).or_else(|| generator::tool(field, value)),
        "Model" => prefixed(value),
        "Software" => generator::tool(field, value),
        _ => None,
    }
}

/// The nodes of `ComfyUI` write `workflow:{...}` and `prompt:{...}` into fields that are not meant for it.
fn prefixed(value: &str) -> Option<Evidence> {
    let (key, json) = value.split_once(':').filter(|(_, json)| json.trim_start().starts_with('{'))?;
    let known = ["prompt", "workflow"].into_iter().find(|known| key.eq_ignore_ascii_case(known))?;
    generator::read(known, json.trim_start())
}

/// xAI signs what its model makes: the artist is a number of the request, and the description a signature in base64.
fn is_signed_by_xai(artist: &str, description: &str) -> bool {
    let Some(signature) = description.strip_prefix("Signature: ") else { return false };
    let signature = signature.trim_end();
    let digits = signature.trim_end_matches('=');
    let is_base64 = signature.len() >= 64
        && signature.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    is_base64 && is_uuid(artist.trim())
}

fn is_uuid(text: &str) -> bool {
    let is_right = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_right)
}
