//! TIFF: the file is its own EXIF block, and its directories may hold XMP and a C2PA manifest store.
use super::super::ifd::{Budget, Tiff};
use super::super::part::Content;
use super::parts::Parts;

const XMP: u16 = 700;
const C2PA: u16 = 0xcd41;
/// The most directories, one for each page.
const PAGES: u32 = 32;

pub(super) fn walk(parts: &mut Parts<'_>) {
    let Some(tiff) = Tiff::open(parts.reach) else { return parts.truncated() };
    parts.push("tiff:IFD0", tiff.first, Content::Tiff);
    let mut budget = Budget::default();
    let mut next = tiff.first;
    // A chain that comes back to where it was ends here too.
    for _ in 0..PAGES {
        if next == 0 {
            return;
        }
        let after = tiff.directory(next, &mut budget, &mut |field| match field.tag {
            XMP if field.is_bytes() => parts.xmp("tiff:700", field.at, field.length),
            C2PA if field.is_bytes() => parts.store("tiff:0xCD41", field.at, field.length),
            _ => {}
        });
        let Some(after) = after else { return parts.truncated() };
        next = after;
    }
}
