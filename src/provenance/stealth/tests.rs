use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

const TEXT: &str = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64";

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn message(name: &str, length: usize, data: &[u8]) -> Vec<u8> {
    [name.as_bytes(), &u32::try_from(length).unwrap().to_be_bytes(), data].concat()
}

/// A PNG with these bits in its pixels, column by column.
fn png(width: u32, height: u32, color: ColorType, read: std::ops::Range<usize>, message: &[u8]) -> Vec<u8> {
    let samples = color.samples();
    let mut pixels = vec![0x7e_u8; width as usize * height as usize * samples];
    let mut bits = message.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    'all: for x in 0..width as usize {
        for y in 0..height as usize {
            for sample in read.clone() {
                let Some(bit) = bits.next() else { break 'all };
                pixels[(y * width as usize + x) * samples + sample] |= bit;
            }
        }
    }
    encode(width, height, color, &pixels)
}

fn encode(width: u32, height: u32, color: ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    let mut encoder = png::Encoder::new(&mut made, width, height);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    made
}

fn found(bytes: &[u8]) -> Vec<(EvidenceKind, String, String)> {
    let mut found = Provenance::default();
    read(bytes, &mut found);
    found.evidence.into_iter().map(|one| (one.kind, one.detail, one.place)).collect()
}

#[test]
fn each_of_the_four_carriers_is_read_in_images_of_any_shape() {
    let data = packed(TEXT);
    for (name, read, colors, place) in [
        ("stealth_pnginfo", 3..4, &[ColorType::Rgba][..], "png:pixels/alpha"),
        ("stealth_pngcomp", 3..4, &[ColorType::Rgba], "png:pixels/alpha"),
        ("stealth_rgbinfo", 0..3, &[ColorType::Rgba, ColorType::Rgb], "png:pixels/rgb"),
        ("stealth_rgbcomp", 0..3, &[ColorType::Rgba, ColorType::Rgb], "png:pixels/rgb"),
    ] {
        let data = if name.ends_with("comp") { &data[..] } else { TEXT.as_bytes() };
        let message = message(name, data.len() * 8, data);
        for color in colors {
            // Among them: the head in one column, in two, in very many, and an image of one row.
            for (width, height) in [(64, 64), (8, 200), (16, 152), (300, 7), (2000, 1)] {
                let image = png(width, height, *color, read.clone(), &message);
                let expected = (EvidenceKind::Generated, "Stable Diffusion web UI".to_owned(), place.to_owned());
                assert_eq!(found(&image), [expected], "{name} {width}x{height} {color:?}");
            }
        }
    }
}

#[test]
fn a_name_without_parameters_is_a_hint_and_no_name_is_nothing() {
    let hint = |place: &str| vec![(EvidenceKind::Tool, "stealth pnginfo".to_owned(), place.to_owned())];
    let long = u32::MAX as usize;
    for message in [
        message("stealth_pnginfo", 8, b"x"),
        message("stealth_pnginfo", long, TEXT.as_bytes()),
        message("stealth_pnginfo", 0, b""),
        message("stealth_pngcomp", 64, b"no gzip!"),
        message("stealth_pnginfo", 16, &[0xff, 0xfe]),
    ] {
        assert_eq!(found(&png(64, 64, ColorType::Rgba, 3..4, &message)), hint("png:pixels/alpha"));
    }
    let whole = message("stealth_pnginfo", TEXT.len() * 8, TEXT.as_bytes());
    assert_eq!(found(&png(64, 64, ColorType::Rgba, 0..3, &whole)), [], "the name of another channel");
    assert_eq!(found(&png(64, 64, ColorType::Rgba, 3..4, &message("stealth_pngfoos", 8, b"x"))), []);
    assert_eq!(found(&png(4, 4, ColorType::Rgba, 3..4, &whole)), [], "no room for a name");
    assert_eq!(found(b"\xff\xd8\xff"), []);
    assert_eq!(found(b""), []);
}

#[test]
fn what_would_take_much_memory_is_refused() {
    let zeros = "\0".repeat(2 * LONGEST);
    let bomb = packed(&zeros);
    let image = png(256, 256, ColorType::Rgba, 3..4, &message("stealth_pngcomp", bomb.len() * 8, &bomb));
    assert_eq!(found(&image).first().unwrap().0, EvidenceKind::Tool);
    let mut huge = png(8, 8, ColorType::Rgba, 3..4, b"");
    huge[16..20].copy_from_slice(&1_000_000_u32.to_be_bytes());
    // The header's checksum is that of another width: such a file is none; with its own it is too large.
    assert_eq!(found(&huge), []);
    let wide = encode(SIDE + 1, 1, ColorType::Rgb, &vec![0; 3 * (SIDE as usize + 1)]);
    let mut provenance = Provenance::default();
    read(&wide, &mut provenance);
    assert_eq!((provenance.evidence.len(), provenance.warnings), (0, vec!["stealth_too_large"]));
}

#[test]
fn an_interlaced_image_is_refused_with_a_warning() {
    let mut image = png(64, 64, ColorType::Rgba, 3..4, &message("stealth_pnginfo", 8, b"x"));
    image[28] = 1;
    let mut checksum = flate2::Crc::new();
    checksum.update(&image[12..29]);
    image[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    let mut provenance = Provenance::default();
    read(&image, &mut provenance);
    assert_eq!((provenance.evidence.len(), provenance.warnings), (0, vec!["stealth_interlaced"]));
}

#[test]
fn truncations_and_flips_end_quietly() {
    let data = packed(TEXT);
    let image = png(40, 40, ColorType::Rgba, 3..4, &message("stealth_pngcomp", data.len() * 8, &data));
    for end in 0..image.len() {
        found(&image[..end]);
    }
    for at in 0..image.len() {
        let mut flipped = image.clone();
        flipped[at] ^= 0x5a;
        found(&flipped);
    }
}
