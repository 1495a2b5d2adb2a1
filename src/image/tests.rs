//! Files of the largest size that are made to keep whoever reads them busy.
use super::isobmff::tests::heic;
use super::{CheckImage, Limits, check};
use crate::error::Kind;
use std::time::Duration;
use tokio::time::Instant;

const LARGEST: usize = 20 * 1024 * 1024;

/// A beginning, and then the same piece until the file is as large as one may be.
fn filled(start: &[u8], piece: &[u8]) -> Vec<u8> {
    let mut file = start.to_vec();
    file.extend(piece.iter().copied().cycle().take(LARGEST - start.len()));
    file
}

fn tiff(directory: &[u8], next: u32) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0"[..], directory, &next.to_le_bytes()].concat()
}

/// A TIFF entry: tag, kind, count, value or place.
fn entry(tag: u16, kind: u16, count: u32, value: u32) -> Vec<u8> {
    [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
}

fn nested(depth: usize) -> Vec<u8> {
    let mut file = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec();
    for level in 0..depth {
        let left = u32::try_from((depth - level) * 12).unwrap();
        file.extend([&left.to_be_bytes()[..], b"meta", &[0; 4]].concat());
    }
    file
}

/// I16: every one is answered within the bound for a machine with much else to do (milliseconds on one that is free), and
/// none is taken for an image of sensible size.
#[test]
fn files_that_lead_in_circles_or_into_the_depth_are_left_soon() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\0\0\0\0....";
    let many: Vec<u8> = (0..u16::MAX).flat_map(|_| entry(254, 4, u32::MAX, 8)).collect();
    let circle = tiff(&[&[1, 0][..], &entry(254, 4, 1, 0)].concat(), 8);
    let files: [(&str, Vec<u8>); 10] = [
        ("a PNG of empty chunks", filled(png, b"\0\0\0\0teXt....")),
        ("a PNG chunk of 4 GiB", filled(png, b"\xff\xff\xff\xffIDAT")),
        ("a GIF of empty extensions", filled(b"GIF89a\0\0\0\0\0\0\0", b"\x21\xf9\0")),
        ("a JPEG of fill bytes", filled(b"\xff\xd8", b"\xff")),
        ("a JPEG of tiny segments", filled(b"\xff\xd8", b"\xff\xe1\0\x02")),
        ("a TIFF whose directory is its own next", circle),
        ("a TIFF of 65,535 giant entries", tiff(&[&[0xff, 0xff][..], &many].concat(), 8)),
        ("a TIFF whose directory lies behind its end", b"II*\0\xff\xff\xff\xff".to_vec()),
        ("a HEIC of empty boxes", filled(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\0\0\0\x08free")),
        ("a HEIC of boxes in boxes", nested(1_000_000)),
    ];
    for (name, file) in files {
        let started = Instant::now();
        let error = check(&file, CheckImage::Error, &Limits::default()).expect_err(name);
        assert!(matches!(error.kind(), Kind::ImageFile | Kind::ImageTooLarge | Kind::UnsupportedImageFormat), "{name}");
        assert!(started.elapsed() < Duration::from_secs(20), "{name}: {:?}", started.elapsed());
        // Told to go on, it goes on as soon.
        assert!(check(&file, CheckImage::Warn, &Limits::default()).is_ok(), "{name}");
    }
}

/// I16: sides of zero, and sides beyond all measure, in what says them in so many words.
#[test]
fn sides_that_cannot_be_are_refused_whatever_the_format() {
    let le = |value: u32| value.to_le_bytes();
    for (width, height) in [(0_u32, 100_u32), (100, 0), (0, 0), (1 << 31, 1 << 31), (u32::MAX, u32::MAX)] {
        let bitmap = [&b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0"[..], &le(width), &le(height), &[0; 32]].concat();
        let tags = [&[2, 0][..], &entry(256, 4, 1, width), &entry(257, 4, 1, height)].concat();
        for (name, file) in [("BMP", bitmap), ("TIFF", tiff(&tags, 0)), ("HEIC", heic(width, height, false))] {
            let error = check(&file, CheckImage::Error, &Limits::default()).expect_err(name);
            assert!(matches!(error.kind(), Kind::ImageFile | Kind::ImageTooLarge), "{name}: {error}");
        }
    }
}
