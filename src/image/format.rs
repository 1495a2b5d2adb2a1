//! The format of an image, by its first bytes and never by its name (I06).

/// What the service takes, plus AVIF and HEIF, which its page of 2026-01 names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Png,
    Jpeg,
    Bmp,
    WebP,
    Tiff,
    Svg,
    Heic,
    Heif,
    Avif,
    Gif,
    Ico,
}

/// How much of a text is looked through for the root element of an SVG.
const PROLOG: usize = 64 * 1024;

impl Format {
    pub const ALL: [Self; 11] = [
        Self::Png,
        Self::Jpeg,
        Self::Bmp,
        Self::WebP,
        Self::Tiff,
        Self::Svg,
        Self::Heic,
        Self::Heif,
        Self::Avif,
        Self::Gif,
        Self::Ico,
    ];

    /// Every ending of a file's name that stands for one of them, in small letters and without the dot. An ending chooses
    /// what is looked at; what an image is, its bytes say.
    pub const SUFFIXES: [&str; 15] = [
        "png", "jpg", "jpeg", "jpe", "jfif", "bmp", "webp", "tif", "tiff", "svg", "heic", "heif", "avif", "gif", "ico",
    ];

    /// The name that people know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Svg => "SVG",
            Self::Heic => "HEIC",
            Self::Heif => "HEIF",
            Self::Avif => "AVIF",
            Self::Gif => "GIF",
            Self::Ico => "ICO",
        }
    }

    /// The usual ending of a file's name, without the dot.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Bmp => "bmp",
            Self::WebP => "webp",
            Self::Tiff => "tiff",
            Self::Svg => "svg",
            Self::Heic => "heic",
            Self::Heif => "heif",
            Self::Avif => "avif",
            Self::Gif => "gif",
            Self::Ico => "ico",
        }
    }

    /// The registered media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Bmp => "image/bmp",
            Self::WebP => "image/webp",
            Self::Tiff => "image/tiff",
            Self::Svg => "image/svg+xml",
            Self::Heic => "image/heic",
            Self::Heif => "image/heif",
            Self::Avif => "image/avif",
            Self::Gif => "image/gif",
            Self::Ico => "image/x-icon",
        }
    }

    /// The format of these bytes, or nothing that the service takes.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            // Canon's raw format hides in a TIFF (I17).
            [b'I', b'I', 0x2a, 0, _, _, _, _, b'C', b'R', ..] => None,
            [b'I', b'I', 0x2a | 0x2b, 0, ..] | [b'M', b'M', 0, 0x2a | 0x2b, ..] => Some(Self::Tiff),
            [0, 0, 1, 0, low, high, ..] if (*low, *high) != (0, 0) => Some(Self::Ico),
            // "BM" begins many a text; the size of the second header tells.
            [b'B', b'M', _, _, _, _, _, _, _, _, _, _, _, _, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0, ..] => {
                Some(Self::Bmp)
            }
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => brand(bytes),
            _ => is_svg(bytes).then_some(Self::Svg),
        }
    }
}

/// HEIC, AVIF and HEIF by the brands of the file type box.
fn brand(bytes: &[u8]) -> Option<Format> {
    let size = u32::from_be_bytes(bytes.first_chunk().copied()?) as usize;
    let brands = bytes.get(8..size.clamp(8, 512).min(bytes.len()))?;
    let of = |brand: &[u8]| match brand {
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"hevm" | b"hevs" => Some(Format::Heic),
        b"avif" | b"avis" => Some(Format::Avif),
        _ => None,
    };
    let major = brands.get(..4)?;
    let compatible = || brands.get(8..).unwrap_or_default().chunks_exact(4);
    match major {
        // These say "an image", and the compatible brands of which kind.
        b"mif1" | b"msf1" | b"mif2" | b"miaf" => compatible().find_map(of).or(Some(Format::Heif)),
        _ => of(major),
    }
}

/// Whether a text's root element is `svg`. Only the prolog is skipped over; nothing is parsed (I14).
fn is_svg(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(PROLOG)).unwrap_or_default();
    let text = match head {
        [0xff, 0xfe, rest @ ..] | [0xfe, 0xff, rest @ ..] => {
            rest.iter().copied().filter(|byte| *byte != 0).collect::<Vec<u8>>()
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        [first, ..] if *first == b'<' || first.is_ascii_whitespace() => head.to_vec(),
        _ => return false,
    };
    let mut rest = text.trim_ascii_start();
    loop {
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', ..] => doctype_end(rest),
            _ => break,
        };
        let Some(at) = rest.windows(end.len()).position(|window| window == end) else {
            return false;
        };
        rest = rest.get(at + end.len()..).unwrap_or_default().trim_ascii_start();
    }
    let Some(name) = rest.strip_prefix(b"<") else {
        return false;
    };
    let length = name.iter().take_while(|byte| !byte.is_ascii_whitespace() && !b"/>".contains(byte)).count();
    let name = name.get(..length).unwrap_or_default();
    name == b"svg" || name.ends_with(b":svg")
}

/// A document type with an internal subset ends in `]>`, one without in `>`.
fn doctype_end(declaration: &[u8]) -> &'static [u8] {
    let first = declaration.iter().find(|byte| **byte == b'[' || **byte == b'>');
    if first == Some(&b'[') { b"]>" } else { b">" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ending_of_every_format_is_known() {
        for format in Format::ALL {
            assert!(Format::SUFFIXES.contains(&format.suffix()), "{format:?}");
        }
    }

    /// I05, I06, I14, I17.
    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let svg_with_prolog: &[u8] =
            b"\xef\xbb\xbf <?xml version='1.0'?>\n<!-- <html> --><!DOCTYPE svg [<!ENTITY a \"b\">]>\n<svg:svg x='1'/>";
        let cases: [(&[u8], Option<Format>); 30] = [
            (b"\x89PNG\r\n\x1a\n", Some(Format::Png)),
            (b"\xff\xd8\xff\xe0", Some(Format::Jpeg)),
            (b"GIF87a", Some(Format::Gif)),
            (b"GIF89a..", Some(Format::Gif)),
            (b"GIF90a", None),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Format::WebP)),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"II*\0\x08\0\0\0", Some(Format::Tiff)),
            (b"MM\0*\0\0\0\x08", Some(Format::Tiff)),
            (b"II+\0\x08\0\0\0", Some(Format::Tiff)),
            (b"II*\0\x10\0\0\0CR\x02\0", None),
            (b"\0\0\x01\0\x01\0", Some(Format::Ico)),
            (b"\0\0\x01\0\0\0", None),
            (b"\0\0\x02\0\x01\0", None),
            (b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0", Some(Format::Bmp)),
            (b"BMW is a car maker, and this a text", None),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some(Format::Heic)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some(Format::Heic)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Some(Format::Avif)),
            (b"\0\0\0\x14ftypmif1\0\0\0\0mif1avif", Some(Format::Heif)),
            (b"\0\0\0\x14ftypavif\0\0\0\0miaf", Some(Format::Avif)),
            (b"\0\0\0\x18ftypisom\0\0\0\0isomheic", None),
            (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", None),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Some(Format::Svg)),
            (svg_with_prolog, Some(Format::Svg)),
            (b"<!DOCTYPE html><html><svg></svg></html>", None),
            (b"<svgish/>", None),
            (b"\xff\xfe<\0s\0v\0g\0 \0/\0>\0", Some(Format::Svg)),
            (b"%PDF-1.7", None),
            (b"", None),
        ];
        for (bytes, format) in cases {
            assert_eq!(Format::sniff(bytes), format, "{:?}", String::from_utf8_lossy(bytes));
        }
        for other in [&b"PK\x03\x04"[..], b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n", b"8BPS", b"hello"] {
            assert_eq!(Format::sniff(other), None);
        }
    }
}
