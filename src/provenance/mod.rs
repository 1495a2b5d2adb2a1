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
mod part;
mod source_type;
mod stealth;
mod xmp;

pub use found::{Action, Ingredient, Manifest, Provenance};

use crate::image::{Format, Reach, array};
use part::Content;

/// Reads the metadata of an image. Hostile bytes give less, never an error.
pub fn read(bytes: &[u8]) -> Provenance {
    inspect(&bytes)
}

/// The same, wherever the bytes are: no more of them is read than is needed.
pub fn inspect(reach: &dyn Reach) -> Provenance {
    let mut found = Provenance { format: format(reach), ..Provenance::default() };
    let parts = found.format.map(|format| container::parts(reach, format, &mut found));
    for part in parts.unwrap_or_default() {
        let place = part.place();
        match part.content {
            Content::Xmp(packet) => xmp::read(&packet, &place, &mut found),
            Content::Text { key, value } if key == "AIGC" => label(&value, &place, &mut found),
            Content::Text { key, value } => {
                if let Some(evidence) = generator::read(key, value) {
                    found.declare(evidence.at(place));
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
