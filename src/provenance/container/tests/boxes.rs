//! HEIC, HEIF and AVIF.
use super::writers::{Item, boxed, heic, store, superbox, told, wide_box};
use super::*;

const OWN: [u8; 16] = [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];
const XMP: [u8; 16] = [0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac];

fn manifest(purpose: &[u8], store: &[u8]) -> Vec<u8> {
    [&OWN[..], &[0; 4], purpose, &[0; 8], store].concat()
}

fn file(boxes: &[Vec<u8>]) -> Vec<u8> {
    [boxed(b"ftyp", b"avif\0\0\0\0mif1avif"), boxes.concat()].concat()
}

#[test]
fn manifests_and_packets_have_boxes_of_the_top_level() {
    let store = store(b"claim");
    let content = manifest(b"manifest\0", &store);
    let media = boxed(b"mdat", &[0; 30]);
    let to_the_end = [&[0, 0, 0, 0][..], b"uuid", &content].concat();
    for boxes in [
        vec![boxed(b"uuid", &content), media.clone()],
        vec![media.clone(), wide_box(b"uuid", &content)],
        vec![wide_box(b"mdat", &[0; 30]), to_the_end],
    ] {
        only(&file(&boxes), "heif:uuid", &told(&store), &store);
    }
    only(&file(&[boxed(b"uuid", &[&XMP[..], b"<x/>"].concat()), media.clone()]), "heif:uuid", "xmp <x/>", b"<x/>");
    let mut other = content.clone();
    other[3] ^= 1;
    for near in [
        boxed(b"uuid", &other),
        boxed(b"uuid", &manifest(b"merkle\0", &store)),
        boxed(b"uuid", &manifest(b"manifests\0", &store)),
        boxed(b"uuid", &manifest(b"manifest\0", &superbox(&[9; 16], b"else", b"x"))),
        boxed(b"uuid", &OWN),
        boxed(b"uuid", &XMP[..9]),
        boxed(b"free", &content),
        boxed(b"moov", &boxed(b"uuid", &content)),
    ] {
        nothing(&file(&[near, media.clone()]));
    }
}

#[test]
fn items_are_where_their_table_says_in_every_version_and_in_pieces() {
    for version in 0..=2 {
        for method in if version == 0 { 0..=0 } else { 0..=1 } {
            let exif = b"\0\0\0\x06Exif\0\0MM\0*the rest";
            let items = [
                Item { kind: b"hvc1", media: b"", method: 0, pieces: &[b"image"] },
                Item { kind: b"Exif", media: b"", method, pieces: &[exif] },
                Item { kind: b"mime", media: b"application/rdf+xml", method, pieces: &[b"<x>", b"in pieces", b"</x>"] },
            ];
            let whole = heic(version, &items);
            let expected = [
                (format!("heif:Exif@{}", at(&whole, b"MM\0*")), "exif MM\0*the rest".to_owned()),
                (format!("heif:mime@{}", at(&whole, b"<x>")), "xmp <x>in pieces</x>".to_owned()),
            ];
            assert_eq!(walk(&whole), (expected.to_vec(), vec![]), "version {version}, method {method}");
        }
    }
    let plain = heic(1, &[Item { kind: b"Exif", media: b"", method: 0, pieces: &[b"\0\0\0\0II*\0"] }]);
    only(&plain, "heif:Exif", "exif II*\0", b"II*\0");
}

#[test]
fn other_items_and_those_that_are_elsewhere_are_passed() {
    for (version, item) in [
        (1, Item { kind: b"mime", media: b"text/plain", method: 0, pieces: &[b"<x/>"] }),
        (1, Item { kind: b"mime", media: b"application/rdf+xml\0deflate", method: 0, pieces: &[b"<x/>"] }),
        (1, Item { kind: b"exif", media: b"", method: 0, pieces: &[b"\0\0\0\0II*\0"] }),
        (1, Item { kind: b"Exif", media: b"", method: 2, pieces: &[b"\0\0\0\0II*\0"] }),
        (1, Item { kind: b"Exif", media: b"", method: 0, pieces: &[b"\0\0"] }),
        (1, Item { kind: b"Exif", media: b"", method: 0, pieces: &[b"\xff\xff\xff\xffII*\0"] }),
        (1, Item { kind: b"Exif", media: b"", method: 0, pieces: &[] }),
        (1, Item { kind: b"mime", media: b"application/rdf+xml", method: 0, pieces: &[b""] }),
        (3, Item { kind: b"mime", media: b"application/rdf+xml", method: 0, pieces: &[b"<x/>"] }),
    ] {
        nothing(&heic(version, &[item]));
    }
    let item = Item { kind: b"mime", media: b"application/rdf+xml", method: 0, pieces: &[b"<x/>"] };
    let mut another_file = heic(0, &[item]);
    // Version and flags, sizes, count, the item's number: then which file.
    let place = at(&another_file, b"iloc") + 4 + 4 + 2 + 2 + 2;
    another_file[place + 1] = 1;
    nothing(&another_file);
}

#[test]
fn boxes_that_lie_end_the_walk() {
    let good = boxed(b"uuid", &[&XMP[..], b"<x/>"].concat());
    for size in [2_u32, 7, 0x7fff_ffff, 0xffff_ffff] {
        let mut lying = boxed(b"free", &[0; 9]);
        lying[..4].copy_from_slice(&size.to_be_bytes());
        let (found, warnings) = walk(&file(&[good.clone(), lying, good.clone()]));
        assert_eq!((found.len(), warnings), (1, vec!["truncated"]), "{size}");
    }
    for size in [0_u64, 15, u64::MAX, u64::MAX - 8] {
        let lying = [&[0, 0, 0, 1][..], b"free", &size.to_be_bytes()].concat();
        assert_eq!(list(&file(&[good.clone(), lying, good.clone()])).len(), 1, "{size}");
    }
}
