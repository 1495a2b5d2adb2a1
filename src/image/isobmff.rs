//! The size of the primary image of an HEIC, HEIF or AVIF file: `meta` -> `pitm`, `iprp` -> `ipco`, `ipma`.
//!
//! Boxes are walked, never entered deeper than these three levels; a box that claims more than there is ends the walk.
use super::dimensions::{be_u16, be_u32, be_u64};

/// The boxes of one level: kind and content.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let kind = rest.get(4..8)?;
        let (header, size) = match be_u32(rest, 0)? {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(be_u64(rest, 8)?).ok()?),
            size => (8, size as usize),
        };
        let content = rest.get(header..size)?;
        rest = rest.get(size..)?;
        Some((kind, content))
    })
}

fn child<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, content)| content)
}

/// Width and height of the primary item as it is shown. Without a primary item, those of the largest.
pub(super) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    // `meta` is a full box: four bytes of version and flags come first.
    let meta = child(bytes, b"meta")?.get(4..)?;
    let properties = child(meta, b"iprp")?;
    let container = child(properties, b"ipco")?;
    let primary = child(meta, b"pitm").and_then(|content| match content.first()? {
        0 => be_u16(content, 4).map(u32::from),
        _ => be_u32(content, 4),
    });
    let associations = child(properties, b"ipma");
    let of_primary = primary.zip(associations).and_then(|(item, associations)| associated(associations, item));
    let all: Vec<(&[u8], &[u8])> = boxes(container).take(usize::from(u16::MAX)).collect();
    let extent = |content: &[u8]| Some((be_u32(content, 4)?, be_u32(content, 8)?));
    if let Some(indices) = of_primary {
        let own = || indices.iter().filter_map(|index| all.get(index.checked_sub(1)?));
        let size = own().find(|(kind, _)| *kind == b"ispe").and_then(|(_, content)| extent(content));
        let is_turned =
            own().any(|(kind, content)| *kind == b"irot" && content.first().is_some_and(|turn| turn & 1 == 1));
        if let Some((width, height)) = size {
            return Some(if is_turned { (height, width) } else { (width, height) });
        }
    }
    let sizes = all.iter().filter(|(kind, _)| *kind == b"ispe").filter_map(|(_, content)| extent(content));
    sizes.max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))
}

/// The numbers, from one, of an item's properties.
fn associated(content: &[u8], item: u32) -> Option<Vec<usize>> {
    let version = *content.first()?;
    let is_wide = content.get(3)? & 1 == 1;
    let count = be_u32(content, 4)?;
    let mut at = 8_usize;
    for _ in 0..count {
        let id = if version == 0 { be_u16(content, at).map(u32::from)? } else { be_u32(content, at)? };
        at += if version == 0 { 2 } else { 4 };
        let number = usize::from(*content.get(at)?);
        at += 1;
        let width = if is_wide { 2 } else { 1 };
        let own = content.get(at..at.checked_add(number * width)?)?;
        if id == item {
            // The topmost bit says "essential"; the rest is the number.
            let index = |pair: &[u8]| match pair {
                [high, low] => usize::from(u16::from_be_bytes([high & 0x7f, *low])),
                [one] => usize::from(one & 0x7f),
                _ => 0,
            };
            return Some(own.chunks_exact(width).map(index).collect());
        }
        at += number * width;
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
        [&size[..], kind, content].concat()
    }

    fn ispe(width: u32, height: u32) -> Vec<u8> {
        boxed(b"ispe", &[&[0; 4][..], &width.to_be_bytes(), &height.to_be_bytes()].concat())
    }

    /// A file whose thumbnail (item 2) is larger on paper than its primary image (item 1), which is turned.
    pub(crate) fn heic(width: u32, height: u32, is_turned: bool) -> Vec<u8> {
        let container = [ispe(320, 240), ispe(width, height), boxed(b"irot", &[u8::from(is_turned)])].concat();
        let associations = [&[0; 4][..], &2_u32.to_be_bytes(), &[0, 2, 1, 1], &[0, 1, 2, 0x82, 3]].concat();
        let properties = [boxed(b"ipco", &container), boxed(b"ipma", &associations)].concat();
        let meta = [&[0; 4][..], &boxed(b"pitm", &[0, 0, 0, 0, 0, 1]), &boxed(b"iprp", &properties)].concat();
        [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), boxed(b"meta", &meta), boxed(b"mdat", &[0; 16])].concat()
    }

    #[test]
    fn the_primary_image_counts_and_rotation_turns_it() {
        assert_eq!(dimensions(&heic(4032, 3024, false)), Some((4032, 3024)));
        assert_eq!(dimensions(&heic(4032, 3024, true)), Some((3024, 4032)));
        let mut renamed = heic(4032, 3024, false);
        let at = renamed.windows(4).position(|window| window == b"pitm").unwrap();
        renamed[at] = b'x';
        assert_eq!(dimensions(&renamed), Some((4032, 3024)), "the largest");
    }

    /// I16.
    #[test]
    fn boxes_that_lie_end_the_walk() {
        let mut file = heic(100, 100, false);
        let at = file.windows(4).position(|window| window == b"meta").unwrap();
        for size in [0xffff_ffff_u32, 2, 7, 1] {
            file[at - 4..at].copy_from_slice(&size.to_be_bytes());
            assert_eq!(dimensions(&file), None, "{size}");
        }
    }
}
