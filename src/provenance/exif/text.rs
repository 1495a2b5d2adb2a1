//! Text in EXIF fields, in the encodings that they say they have and in those that they have.
use std::borrow::Cow;

/// Up to the first zero: ASCII by the standard, in fact also UTF-8 and Latin-1.
pub(super) fn plain(bytes: &[u8]) -> Cow<'_, str> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..end).unwrap_or_default();
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), Cow::Borrowed)
}

/// A comment, whose first eight bytes name its encoding. Some programs leave them out.
pub(super) fn comment(bytes: &[u8], is_big_endian: bool) -> Cow<'_, str> {
    let Some((code, rest)) = bytes.split_at_checked(8) else { return plain(bytes) };
    match code.to_ascii_uppercase().as_slice() {
        b"UNICODE\0" => unicode(rest, is_big_endian),
        // JIS is seven bits wide: what matters here, names and JSON, reads the same.
        b"ASCII\0\0\0" | b"JIS\0\0\0\0\0" | b"UTF-8\0\0\0" | b"UTF8\0\0\0\0" | b"\0\0\0\0\0\0\0\0" => plain(rest),
        _ if matches!(code, [0xfe, 0xff, ..] | [0xff, 0xfe, ..]) => unicode(bytes, is_big_endian),
        _ => plain(bytes),
    }
}

/// UTF-16 in the byte order of its mark, else in that which makes more sense, else in that of the structure. Some write
/// UTF-8 under this name.
fn unicode(bytes: &[u8], is_big_endian: bool) -> Cow<'_, str> {
    match bytes {
        [0xfe, 0xff, rest @ ..] => return Cow::Owned(utf16(rest, u16::from_be_bytes)),
        [0xff, 0xfe, rest @ ..] => return Cow::Owned(utf16(rest, u16::from_le_bytes)),
        _ => {}
    }
    if bytes.iter().take(64).all(|byte| byte.is_ascii() && *byte != 0) || is_utf8(bytes) {
        return plain(bytes);
    }
    // Of what people write in any language, digits and spaces have a zero as their upper half.
    let zeros = |first: usize| bytes.iter().skip(first).step_by(2).take(512).filter(|byte| **byte == 0).count();
    let is_big = match zeros(0).cmp(&zeros(1)) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => is_big_endian,
    };
    Cow::Owned(utf16(bytes, if is_big { u16::from_be_bytes } else { u16::from_le_bytes }))
}

/// Text of some length in UTF-16 has zeros, of its spaces and signs, or is no UTF-8.
fn is_utf8(bytes: &[u8]) -> bool {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text = bytes.get(..end).unwrap_or_default();
    text.len() >= 32 && !text.contains(&0) && std::str::from_utf8(text).is_ok()
}

/// Up to the first zero.
pub(super) fn utf16(bytes: &[u8], number: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| number(*pair)).take_while(|unit| *unit != 0);
    char::decode_utf16(units).map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_encoding_is_not_always_right() {
        let text = "一只猫\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12";
        let wide = |number: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(number).collect::<Vec<u8>>();
        let plain = text.as_bytes().to_vec();
        for (code, bytes) in [
            (&b"UNICODE\0"[..], plain.clone()),
            (b"UNICODE\0", [&plain[..], b"\0\0"].concat()),
            (b"UNICODE\0", wide(u16::to_be_bytes)),
            (b"UNICODE\0", wide(u16::to_le_bytes)),
            (b"Unicode\0", wide(u16::to_le_bytes)),
            (b"UNICODE\0\xff\xfe", wide(u16::to_le_bytes)),
            (b"\xff\xfe", wide(u16::to_le_bytes)),
            (b"\xfe\xff", wide(u16::to_be_bytes)),
            (b"UTF-8\0\0\0", plain.clone()),
            (b"ascii\0\0\0", plain.clone()),
            (b"", plain),
        ] {
            assert_eq!(comment(&[code, &bytes].concat(), true), text, "{code:?}");
        }
        // Short texts of one script alone have no zeros in UTF-16.
        assert_eq!(comment(b"UNICODE\0\x4e\x2d\x56\xfd", true), "中国");
    }
}
