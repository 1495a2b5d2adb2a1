//! The metadata of image files, found by walking their parts. Only headers and the metadata itself are read; no length is
//! believed beyond the file's end; what is skipped costs no memory.
mod gif;
mod inflate;
mod isobmff;
mod jpeg;
mod jumbf;
mod parts;
mod png;
mod profile;
mod svg;
mod tiff;
mod webp;

use super::Provenance;
use super::part::Part;
use crate::image::{Format, Reach};
use parts::Parts;

/// The parts of a file, in their order.
pub(super) fn parts<'a>(reach: &'a dyn Reach, format: Format, found: &mut Provenance) -> Vec<Part<'a>> {
    let mut parts = Parts::new(reach);
    match format {
        Format::Png => png::walk(&mut parts),
        Format::Jpeg => jpeg::walk(&mut parts),
        Format::WebP => webp::walk(&mut parts),
        Format::Heic | Format::Heif | Format::Avif => isobmff::walk(&mut parts),
        Format::Tiff => tiff::walk(&mut parts),
        Format::Gif => gif::walk(&mut parts),
        Format::Svg => svg::walk(&mut parts),
        // They have no place for metadata.
        Format::Bmp | Format::Ico => {}
    }
    parts.finish(found)
}

#[cfg(test)]
mod tests;
