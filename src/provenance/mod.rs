//! What an image declares about its own making: read from its metadata, never from its pixels.
//!
//! A declaration can be false, and its absence means nothing. `container` finds the pieces of a file that may hold
//! declarations, and one reader for each kind of them says what they declare.
mod aigc_label;
mod c2pa;
mod container;
mod exif;
mod found;
mod generator;
mod ifd;
mod json;
mod part;
mod source_type;
mod stealth;
mod xmp;

pub use found::{Action, Ingredient, Manifest, Provenance};

use crate::evidence::Evidence;
use crate::image::{Format, Reach, array};
use part::{Content, Part};

/// Reads the metadata of an image. Hostile bytes give less, never an error.
pub fn read(bytes: &[u8]) -> Provenance {
    inspect(&bytes)
}

/// The same, wherever the bytes are: no more of them is read than is needed.
pub fn inspect(reach: &dyn Reach) -> Provenance {
    let mut found = Provenance { format: format(reach), ..Provenance::default() };
    let parts = found.format.map(|format| container::parts(reach, format, &mut found)).unwrap_or_default();
    let mut spoken = spoken(&parts).into_iter().peekable();
    for (index, part) in parts.into_iter().enumerate() {
        let place = part.place();
        match part.content {
            Content::Xmp(packet) => xmp::read(&packet, &place, &mut found),
            Content::Text { key, value } if key == "AIGC" => label(&value, &place, &mut found),
            Content::Text { .. } => {
                while let Some((_, evidence)) = spoken.next_if(|(at, _)| *at == index) {
                    found.declare(evidence.at(place.clone()));
                }
            }
            Content::Label(text) => label(&text, &place, &mut found),
            Content::Exif(tiff) => exif::read(&&*tiff, &place, &mut found),
            Content::Tiff => exif::read(reach, &place, &mut found),
            Content::C2pa(store) => c2pa::read(&store, &place, &mut found),
        }
    }
    found
}

/// The same with the pixels of a PNG decoded, for what generators hide in their last bits.
pub fn inspect_deep(bytes: &[u8]) -> Provenance {
    let mut found = read(bytes);
    stealth::read(bytes, &mut found);
    found
}

/// What the texts of the file declare together, with the number of the part that each declaration is of.
fn spoken(parts: &[Part<'_>]) -> Vec<(usize, Evidence)> {
    let texts = parts.iter().enumerate().filter_map(|(index, part)| match &part.content {
        Content::Text { key, value } if key != "AIGC" => Some((index, (key.as_ref(), value.as_ref()))),
        _ => None,
    });
    let (numbers, texts): (Vec<_>, Vec<_>) = texts.unzip();
    let found = generator::together(&texts).into_iter();
    found.filter_map(|(at, evidence)| Some((*numbers.get(at)?, evidence))).collect()
}

fn label(text: &str, place: &str, found: &mut Provenance) {
    if let Some(evidence) = aigc_label::read(text) {
        found.declare(evidence.at(place));
    }
}

/// How much of a file tells its format: an SVG may have a long prologue.
const HEAD: usize = 64 * 1024;

fn format(reach: &dyn Reach) -> Option<Format> {
    let few = array::<64>(reach, 0).and_then(|few| Format::sniff(&few));
    few.or_else(|| {
        let most = usize::try_from(reach.size()).unwrap_or(HEAD).min(HEAD);
        Format::sniff(&reach.piece(0, most)?)
    })
}

#[cfg(test)]
mod tests;
