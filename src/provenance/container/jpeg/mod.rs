//! JPEG: the application segments before the image.
use super::super::part::Content;
use super::parts::Parts;
use crate::image::array;
use std::borrow::Cow;

mod extended;
mod segments;

pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// The same as some programs leave it, who put a name of their own over its first four bytes.
const XMP_OVERWRITTEN: &[u8] = b"XMP\0://ns.adobe.com/xap/1.0/\0";
const EXTENDED: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const NAMES: [&str; 16] = [
    "jpeg:APP0",
    "jpeg:APP1",
    "jpeg:APP2",
    "jpeg:APP3",
    "jpeg:APP4",
    "jpeg:APP5",
    "jpeg:APP6",
    "jpeg:APP7",
    "jpeg:APP8",
    "jpeg:APP9",
    "jpeg:APP10",
    "jpeg:APP11",
    "jpeg:APP12",
    "jpeg:APP13",
    "jpeg:APP14",
    "jpeg:APP15",
];
/// The most markers, of which fill bytes are some.
const MARKERS: u32 = 65_536;

pub(super) fn walk(parts: &mut Parts<'_>) {
    let size = parts.reach.size();
    let mut segments = segments::Segments::default();
    let mut extended = extended::Extended::default();
    let mut at = 2;
    for _ in 0..MARKERS {
        let Some([0xff, marker]) = array::<2>(parts.reach, at) else {
            parts.truncated();
            break;
        };
        match marker {
            // Fill bytes, and markers without a segment.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            // The image itself begins, or it all ends.
            0xda | 0xd9 => break,
            _ => {
                let Some(length) = array::<2>(parts.reach, at + 2) else {
                    parts.truncated();
                    break;
                };
                let (data, length) = (at + 4, u64::from(u16::from_be_bytes(length)).max(2) - 2);
                if length > size - data {
                    parts.truncated();
                    break;
                }
                match marker {
                    0xe1 => first(parts, &mut extended, data, length),
                    0xeb => segments.note(parts.reach, data, length),
                    _ => {}
                }
                if let Some(name) = marker.checked_sub(0xe0).and_then(|number| NAMES.get(usize::from(number))) {
                    label(parts, name, data, length);
                }
                at = data + length;
            }
        }
    }
    extended.deliver(parts);
    segments.deliver(parts);
}

/// EXIF and XMP have their names before them.
fn first(parts: &mut Parts<'_>, extended: &mut extended::Extended, at: u64, length: u64) {
    let mut head = [0; EXTENDED.len()];
    let known = usize::try_from(length).map_or(head.len(), |length| length.min(head.len()));
    let Some(head) = head.get_mut(..known).filter(|_| parts.reach.size() >= at + length) else { return };
    if !parts.reach.fill(at, head) {
        return;
    }
    let name = XMP.len() as u64;
    if head.starts_with(b"Exif\0") && length >= 6 {
        parts.exif("jpeg:APP1", at, length);
    } else if head.starts_with(XMP) || head.starts_with(XMP_OVERWRITTEN) {
        if extended.is_wanted() {
            extended.standard(at + name, length - name);
        }
        parts.xmp("jpeg:APP1", at + name, length - name);
    } else if head == EXTENDED {
        let name = EXTENDED.len() as u64;
        extended.note(parts.reach, at + name, length - name);
    }
}

/// A bare label, as some programs write it near the JFIF header.
fn label(parts: &mut Parts<'_>, name: &'static str, at: u64, length: u64) {
    if length < 6 || array::<4>(parts.reach, at) != Some(*b"AIGC") {
        return;
    }
    let Some(text) = parts.text(at + 4, length - 4) else { return };
    // As the names of other segments do, this one may end with a zero.
    let mut text_itself = text.iter().skip_while(|byte| matches!(byte, 0 | b':' | b'=') || byte.is_ascii_whitespace());
    if text_itself.next() != Some(&b'{') {
        return;
    }
    let text = match text {
        Cow::Borrowed(text) => String::from_utf8_lossy(text),
        Cow::Owned(text) => Cow::Owned(String::from_utf8_lossy(&text).into_owned()),
    };
    parts.push(name, at + 4, Content::Label(text));
}
