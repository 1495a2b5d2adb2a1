//! Whether a JUMBF superbox (ISO 19566-5) is a manifest store of the C2PA: other ones hold panoramas, masks and more.
use crate::image::{Reach, array};

/// The type that a store's description box gives.
const STORE: [u8; 16] = [0x63, 0x32, 0x70, 0x61, 0, 0x11, 0, 0x10, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// The size that the store which begins here claims, which may be more than there is; nothing for any other box.
pub(super) fn store(reach: &dyn Reach, at: u64, length: u64) -> Option<u64> {
    let end = at.checked_add(length)?;
    let (header, size) = match header(reach, at, b"jumb")? {
        (header, 0) => (header, length),
        (header, size) => (header, size),
    };
    let description = at + header;
    let (inner, _) = self::header(reach, description, b"jumd")?;
    let kind = description + inner;
    let is_inside = size >= header && kind.checked_add(17)? <= end;
    (is_inside && (array::<16>(reach, kind)? == STORE || is_labelled(reach, kind))).then_some(size)
}

/// A label is there if the toggles behind the type say so.
fn is_labelled(reach: &dyn Reach, kind: u64) -> bool {
    array::<6>(reach, kind + 16).is_some_and(|[toggles, label @ ..]| toggles & 2 == 2 && label == *b"c2pa\0")
}

/// How long a box's header is, and the size that it gives.
fn header(reach: &dyn Reach, at: u64, kind: &[u8; 4]) -> Option<(u64, u64)> {
    let [a, b, c, d, found @ ..] = array::<8>(reach, at)?;
    if found != *kind {
        return None;
    }
    match u32::from_be_bytes([a, b, c, d]) {
        1 => Some((16, u64::from_be_bytes(array(reach, at + 8)?))),
        size => Some((8, size.into())),
    }
}
