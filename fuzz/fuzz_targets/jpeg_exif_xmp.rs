//! JPEG, WebP, TIFF, GIF and SVG: raw, or an EXIF structure or an XMP packet in them, or segments with right lengths.
#![no_main]
use aigclens_fuzz::write::{
    EXIF, JPEG_EXTENSION, JPEG_XMP, app11, gif, gif_c2pa, gif_xmp, jpeg, riff, segment, sub_blocks, webp,
};
use aigclens_fuzz::{hold, mode, pieces};
use libfuzzer_sys::fuzz_target;

fn a_segment(choice: u8, data: &[u8]) -> Vec<u8> {
    let data = &data[..data.len().min(60_000)];
    match choice % 8 {
        0 => segment(0xe1, &[EXIF, data].concat()),
        1 => segment(0xe1, &[JPEG_XMP, data].concat()),
        2 => segment(0xe1, &[JPEG_EXTENSION, data].concat()),
        3 => segment(0xeb, &[b"JP", data].concat()),
        4 => segment(0xe9, &[b"AIGC", data].concat()),
        5 => segment(0xed, data),
        6 => app11(1, data, usize::from(choice)),
        _ => segment(choice, data),
    }
}

fn a_chunk(choice: u8, data: &[u8]) -> Vec<u8> {
    riff([b"EXIF", b"XMP ", b"C2PA", b"ICCP"][usize::from(choice) % 4], data)
}

fuzz_target!(|bytes: &[u8]| {
    match mode(bytes, 9) {
        Some((0, raw)) => hold(raw),
        Some((1, rest)) => hold(&jpeg(
            &pieces(rest).into_iter().flat_map(|(choice, data)| a_segment(choice, data)).collect::<Vec<_>>(),
        )),
        Some((2, exif)) => {
            hold(exif);
            hold(&jpeg(&a_segment(0, exif)));
        }
        Some((3, packet)) => hold(&jpeg(&a_segment(1, packet))),
        Some((4, rest)) => {
            hold(&webp(&pieces(rest).into_iter().flat_map(|(choice, data)| a_chunk(choice, data)).collect::<Vec<_>>()))
        }
        Some((5, packet)) => hold(&gif(&gif_xmp(packet))),
        Some((6, store)) => hold(&gif(&gif_c2pa(store))),
        Some((7, data)) => hold(&gif(&[&b"\x21\xff\x0bXMP DataXMP"[..], &sub_blocks(data)].concat())),
        Some((8, inside)) => hold(&[b"<svg xmlns='http://www.w3.org/2000/svg'>", inside].concat()),
        _ => hold(bytes),
    }
});
