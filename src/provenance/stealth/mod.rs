//! Generation parameters in the last bits of a PNG's pixels, column by column: of the alpha values, or of red, green and
//! blue in turn. A name, the length in bits, and the text, which may be packed by gzip.
use super::{Provenance, generator};
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use flate2::bufread::GzDecoder;
use png::{BitDepth, ColorType, Decoder, Limits, Reader, Transformations};
use std::io::{Cursor, Read};

/// The most pixels that are decoded, and the longest side: one row is in memory at a time.
const PIXELS: u64 = 64_000_000;
const SIDE: u32 = 32_768;
/// The longest text, packed and unpacked, in bytes; a small file may not hold that much either.
const LONGEST: usize = 1024 * 1024;
const LEAST: usize = 32 * 1024;
/// The names, of 15 characters each, with what holds the bits and whether the text is packed.
const NAMES: [(&[u8; 15], Channel, bool); 4] = [
    (b"stealth_pnginfo", Channel::Alpha, false),
    (b"stealth_pngcomp", Channel::Alpha, true),
    (b"stealth_rgbinfo", Channel::Colours, false),
    (b"stealth_rgbcomp", Channel::Colours, true),
];
/// The name and the length, in bytes and bits.
const HEAD: usize = 19;
const HEAD_BITS: usize = HEAD * 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Alpha,
    Colours,
}

/// What is hidden in the pixels of a PNG. Other files are left alone: their pixels do not come out as they went in.
pub(super) fn read(bytes: &[u8], found: &mut Provenance) {
    let header = match open(bytes).map(|reader| (reader.info().interlaced, reader.info().size())) {
        Ok(header) => header,
        Err(word) => return word.into_iter().for_each(|word| found.warn(word)),
    };
    if header.0 {
        // Its rows come in another order: all of them would have to be kept.
        return found.warn("stealth_interlaced");
    }
    for channel in [Channel::Alpha, Channel::Colours] {
        let Some(head) = bits(bytes, channel, 0, HEAD_BITS) else { continue };
        let Some((_, _, packed)) = NAMES.iter().find(|(name, of, _)| *of == channel && head.starts_with(*name)) else {
            continue;
        };
        let length = head.last_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length)) as usize;
        let most = bytes.len().saturating_mul(4).clamp(LEAST, LONGEST);
        let text = Some(length)
            .filter(|length| length.div_ceil(8) <= most)
            .and_then(|length| bits(bytes, channel, HEAD_BITS, length / 8 * 8))
            .and_then(|data| if *packed { unpacked(&data, most) } else { String::from_utf8(data).ok() });
        let place = if channel == Channel::Alpha { "png:pixels/alpha" } else { "png:pixels/rgb" };
        found.declare(judge(text.as_deref()).at(place));
    }
}

/// The name alone is written by generators' extensions only; what they made is said by the text.
fn judge(text: Option<&str>) -> Evidence {
    text.and_then(|text| generator::read("parameters", text)).unwrap_or_else(|| {
        Evidence::new(EvidenceKind::Tool, EvidenceSource::GeneratorText, Strength::Medium, "stealth pnginfo")
    })
}

/// A PNG that may be decoded here; or the warning that it may not, or nothing where it is none.
fn open(bytes: &[u8]) -> Result<Reader<Cursor<&[u8]>>, Option<&'static str>> {
    // A row of the widest image, twice, and what inflating takes.
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 4 * 1024 * 1024 });
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height) = decoder.read_header_info().map_err(|_| None)?.size();
    if width.max(height) > SIDE || u64::from(width) * u64::from(height) > PIXELS {
        return Err(Some("stealth_too_large"));
    }
    decoder.read_info().map_err(|_| None)
}

/// So many bits of a channel from this one on, as bytes; nothing where the pixels do not have them all.
fn bits(bytes: &[u8], channel: Channel, from: usize, count: usize) -> Option<Vec<u8>> {
    let mut reader = open(bytes).ok()?;
    let (width, height) = reader.info().size();
    let (width, height) = (width as usize, height as usize);
    let (samples, read) = match (reader.info().color_type, reader.info().bit_depth, channel) {
        (ColorType::Rgba, BitDepth::Eight, Channel::Alpha) => (4, 3..4),
        (ColorType::Rgba, BitDepth::Eight, Channel::Colours) => (4, 0..3),
        (ColorType::Rgb, BitDepth::Eight, Channel::Colours) => (3, 0..3),
        _ => return None,
    };
    let of_pixel = read.len();
    let of_column = height * of_pixel;
    let to = from.checked_add(count)?;
    if to > width * of_column {
        return None;
    }
    let (first, last) = (from / of_column, to.saturating_sub(1) / of_column);
    // Where all is in one column, the rows below it are not even inflated.
    let rows = if first == last { (to - last * of_column).div_ceil(of_pixel) } else { height };
    let mut made = vec![0_u8; count / 8];
    for row in 0..rows {
        let line = reader.next_row().ok()??;
        let columns = line.data().chunks_exact(samples).enumerate().take(last + 1).skip(first);
        for (column, pixel) in columns {
            for (number, value) in pixel.get(read.clone())?.iter().enumerate() {
                let place = column * of_column + row * of_pixel + number;
                let wanted = place.checked_sub(from).filter(|place| *place < count);
                if let Some((byte, bit)) = wanted.and_then(|at| Some((made.get_mut(at / 8)?, 7 - at % 8))) {
                    *byte |= (value & 1) << bit;
                }
            }
        }
    }
    Some(made)
}

fn unpacked(data: &[u8], most: usize) -> Option<String> {
    let mut made = Vec::new();
    GzDecoder::new(data).take(most as u64 + 1).read_to_end(&mut made).ok()?;
    String::from_utf8(made).ok().filter(|text| text.len() <= most)
}

#[cfg(test)]
mod tests;
