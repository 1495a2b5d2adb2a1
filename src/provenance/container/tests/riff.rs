//! WebP and GIF: chunks and blocks.
use super::writers::{extension, gif, gif_xmp, riff, store, sub_blocks, superbox, told, webp};
use super::*;

#[test]
fn the_chunks_of_a_webp_are_found_and_its_length_is_its_end() {
    only(&webp(&[riff(b"XMP ", b"<x/>")]), "webp:XMP", "xmp <x/>", b"<x/>");
    for data in [&b"II*\0rest"[..], b"Exif\0\0II*\0rest"] {
        only(&webp(&[riff(b"odd ", b"1"), riff(b"EXIF", data)]), "webp:EXIF", "exif II*\0rest", b"II*\0rest");
    }
    let store = store(b"claim");
    only(&webp(&[riff(b"C2PA", &store)]), "webp:C2PA", &told(&store), &store);
    nothing(&webp(&[riff(b"C2PA", &superbox(&[9; 16], b"else", b"x"))]));
    nothing(&webp(&[riff(b"xmp ", b"<x/>"), riff(b"exif", b"II*\0"), riff(b"c2pa", &store)]));
    // Behind the end of the image is something else.
    nothing(&[webp(&[]), riff(b"XMP ", b"<x/>")].concat());
    let mut streamed = [webp(&[]), riff(b"XMP ", b"<x/>")].concat();
    streamed[4..8].copy_from_slice(&[0; 4]);
    assert_eq!(list(&streamed).len(), 1);
    let cut = webp(&[riff(b"XMP ", b"<x/>"), riff(b"EXIF", b"II*\0rest")]);
    let (found, warnings) = walk(&cut[..cut.len() - 2]);
    assert_eq!((found.len(), warnings), (1, vec!["truncated"]));
}

#[test]
fn the_application_extensions_of_a_gif_are_found_behind_its_images() {
    let packet = "<x> a packet that is longer than one sub-block would be </x>".repeat(9);
    only(&gif(&[gif_xmp(packet.as_bytes())]), "gif:XMP", &format!("xmp {packet}"), packet.as_bytes());
    let store = store(&[b'm'; 700]);
    let file = gif(&[
        extension(b"NETSCAPE2.0", &sub_blocks(&[1, 0, 0])),
        extension(b"C2PA_GIF\x01\0\0", &sub_blocks(&store)),
        gif_xmp(b"<x/>"),
    ]);
    let found = list(&file);
    assert_eq!(found[0], (format!("gif:C2PA@{}", at(&file, &store[..200])), told(&store)));
    assert_eq!((found.len(), found[1].1.as_str()), (2, "xmp <x/>"));
}

#[test]
fn other_extensions_and_packets_without_their_trailer_are_passed() {
    let store = store(b"m");
    for near in [
        extension(b"XMP DataXMP", &sub_blocks(b"<x/>")),
        extension(b"XMP DataXMP", &sub_blocks(&[b'x'; 400])),
        extension(b"XMP DataXMQ", &sub_blocks(&[b'x'; 400])),
        extension(b"C2PA_GIF\x01\0\x01", &sub_blocks(&store)),
        extension(b"C2PA_GIF\x01\0\0", &sub_blocks(&superbox(&[9; 16], b"else", b"x"))),
        extension(b"C2PA_GIF\x01\0\0", &sub_blocks(b"")),
    ] {
        let last = gif(&[near, gif_xmp(b"<last/>")]);
        assert_eq!(list(&last).iter().map(|(_, told)| told.as_str()).collect::<Vec<_>>(), ["xmp <last/>"]);
    }
    nothing(&[gif(&[]), gif_xmp(b"<x/>")].concat());
    let whole = gif(&[gif_xmp(b"<x/>")]);
    assert_eq!(walk(&whole[..whole.len() - 1]).1, ["truncated"]);
    assert_eq!(walk(&whole[..whole.len() - 2]), (vec![], vec!["truncated"]));
}
