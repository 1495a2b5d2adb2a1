//! Whether the service will take an image, decided from its header before anything is sent or paid.
use super::{Format, dimensions};
use crate::error::{Error, Kind, Result};

/// The day of the service's page that names the limits below, as ISO 8601.
pub const LIMITS_AS_OF: &str = "2025-11-24";

/// The limits of the service's page of [`LIMITS_AS_OF`]. They are data: editions of the service differ (I26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// "20 MB", read generously: 20 MiB.
    pub max_bytes: u64,
    /// From here on a warning: the page may mean 20,000,000 bytes.
    pub advised_max_bytes: u64,
    pub max_side: u32,
    pub max_pixels: u64,
    /// HEIC's "longest side must be less than 8,192 pixels".
    pub heic_max_side: u32,
    /// Below 200 by 200 the page promises no good verdict.
    pub advised_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 20 * 1024 * 1024,
            advised_max_bytes: 20_000_000,
            max_side: 16_384,
            max_pixels: 250_000_000,
            heic_max_side: 8_191,
            advised_side: 200,
        }
    }
}

/// What to do with an image that the service's page does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckImage {
    /// Raise before anything is sent.
    Error,
    /// Send it, and say so in `warnings`.
    Warn,
    /// Send it. Only emptiness and the size in bytes are looked at.
    Off,
}

impl CheckImage {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "off" => Ok(Self::Off),
            _ => Err(Error::new(Kind::Config, "check_image is 'error', 'warn' or 'off'")),
        }
    }
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub format: Option<Format>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Stable words: `small_image`, `over_20_mb`, `animated_first_frame`, `truncated`; under `warn` also what would have
    /// been an error: `unsupported_format`, `unreadable_header`, `too_large`.
    pub warnings: Vec<&'static str>,
}

/// Refuses an image of too many bytes, whatever the mode (I07).
pub(super) fn check_size(bytes: u64, limits: &Limits) -> Result<()> {
    if bytes <= limits.max_bytes {
        return Ok(());
    }
    Err(Error::new(
        Kind::ImageTooLarge,
        format!(
            "the image has {bytes} bytes; the service takes {} at most; send a smaller copy of it",
            limits.max_bytes
        ),
    ))
}

/// Checks an image against the limits. Emptiness and the size in bytes are errors in every mode.
pub fn check(bytes: &[u8], mode: CheckImage, limits: &Limits) -> Result<Probe> {
    if bytes.is_empty() {
        return Err(Error::new(Kind::ImageFile, "the image is empty: it has 0 bytes"));
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    check_size(length, limits)?;
    let format = Format::sniff(bytes);
    let mut probe = Probe { format, width: None, height: None, warnings: Vec::new() };
    if mode == CheckImage::Off {
        return Ok(probe);
    }
    if length > limits.advised_max_bytes {
        probe.warnings.push("over_20_mb");
    }
    if let Err((error, word)) = measure(bytes, limits, &mut probe) {
        if mode == CheckImage::Error {
            return Err(error);
        }
        probe.warnings.push(word);
    }
    Ok(probe)
}

fn measure(bytes: &[u8], limits: &Limits, probe: &mut Probe) -> std::result::Result<(), (Error, &'static str)> {
    let Some(format) = probe.format else {
        let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
        let message = format!(
            "the first bytes are of no image format that the service takes ({}); check_image='warn' sends it all the same",
            names.join(", ")
        );
        return Err((Error::new(Kind::UnsupportedImageFormat, message), "unsupported_format"));
    };
    if format == Format::Svg {
        return Ok(());
    }
    let frames = dimensions::frames(format, bytes);
    if frames.is_animated {
        probe.warnings.push("animated_first_frame");
    }
    if frames.is_truncated {
        probe.warnings.push("truncated");
    }
    let name = format.name();
    let Some((width, height)) = dimensions::of(format, bytes).filter(|(width, height)| *width > 0 && *height > 0)
    else {
        let message = format!("the {name} header cannot be read or claims no pixels; the file is damaged");
        return Err((Error::new(Kind::ImageFile, message), "unreadable_header"));
    };
    (probe.width, probe.height) = (Some(width), Some(height));
    if width < limits.advised_side || height < limits.advised_side {
        probe.warnings.push("small_image");
    }
    let is_heic = matches!(format, Format::Heic | Format::Heif | Format::Avif);
    let max_side = if is_heic { limits.heic_max_side.min(limits.max_side) } else { limits.max_side };
    let pixels = u64::from(width) * u64::from(height);
    let message = if width.max(height) > max_side {
        format!("the {name} image is {width} by {height} pixels; the longest side may have {max_side}")
    } else if pixels > limits.max_pixels {
        format!("the {name} image has {pixels} pixels ({width} by {height}); the service takes {}", limits.max_pixels)
    } else {
        return Ok(());
    };
    Err((Error::new(Kind::ImageTooLarge, message), "too_large"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::isobmff::tests::heic;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0], &[0; 4]].concat();
        [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &header, b"\0\0\0\0IEND\xae\x42\x60\x82"].concat()
    }

    fn kind(bytes: &[u8]) -> Option<Kind> {
        check(bytes, CheckImage::Error, &Limits::default()).err().map(|error| error.kind())
    }

    /// I08, I09, I10, I16.
    #[test]
    fn sides_and_pixels_up_to_the_limit_and_one_beyond() {
        for (image, expected) in [
            (png(16_384, 200), None),
            (png(16_385, 200), Some(Kind::ImageTooLarge)),
            (png(200, 16_385), Some(Kind::ImageTooLarge)),
            (png(15_625, 16_000), None),
            (png(16_129, 15_501), Some(Kind::ImageTooLarge)),
            (png(16_384, 16_384), Some(Kind::ImageTooLarge)),
            (png(1 << 31, 1 << 31), Some(Kind::ImageTooLarge)),
            (png(0, 100), Some(Kind::ImageFile)),
            (heic(8_191, 100, false), None),
            (heic(8_192, 100, false), Some(Kind::ImageTooLarge)),
            (heic(100, 8_192, true), Some(Kind::ImageTooLarge)),
        ] {
            assert_eq!(kind(&image), expected, "{:?}", dimensions::of(Format::sniff(&image).unwrap(), &image));
        }
    }

    /// I04, I07, I24.
    #[test]
    fn emptiness_and_bytes_are_refused_in_every_mode() {
        let limits = Limits::default();
        for mode in [CheckImage::Error, CheckImage::Warn, CheckImage::Off] {
            assert_eq!(check(b"", mode, &limits).unwrap_err().kind(), Kind::ImageFile);
            let mut image = png(300, 300);
            image.resize(20 * 1024 * 1024, 0);
            let probe = check(&image, mode, &limits).unwrap();
            assert_eq!(probe.warnings.contains(&"over_20_mb"), mode != CheckImage::Off);
            image.push(0);
            assert_eq!(check(&image, mode, &limits).unwrap_err().kind(), Kind::ImageTooLarge);
        }
        let mut image = png(300, 300);
        image.resize(20_000_000, 0);
        assert_eq!(check(&image, CheckImage::Error, &limits).unwrap().warnings, Vec::<&str>::new());
    }

    /// I05, I11, I16, I17 and decision 7: the same rules as warnings, or not at all.
    #[test]
    fn the_mode_decides_what_becomes_of_the_other_rules() {
        let limits = Limits::default();
        for (bytes, word, expected) in [
            (&b"hello"[..], "unsupported_format", Kind::UnsupportedImageFormat),
            (b"\xff\xd8\xff\xe0", "unreadable_header", Kind::ImageFile),
            (b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR", "unreadable_header", Kind::ImageFile),
            (&png(20_000, 300), "too_large", Kind::ImageTooLarge),
        ] {
            assert_eq!(kind(bytes), Some(expected), "{word}");
            assert!(check(bytes, CheckImage::Warn, &limits).unwrap().warnings.contains(&word));
            assert_eq!(check(bytes, CheckImage::Off, &limits).unwrap().warnings, Vec::<&str>::new());
        }
        assert_eq!(check(&png(199, 300), CheckImage::Error, &limits).unwrap().warnings, ["small_image"]);
        assert!(check(b"<svg/>", CheckImage::Error, &limits).unwrap().warnings.is_empty());
        assert_eq!(CheckImage::parse("loud").unwrap_err().kind(), Kind::Config);
    }
}
