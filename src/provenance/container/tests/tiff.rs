use super::writers::{Entry, TIFFS, Tiff, store, superbox, told};
use super::*;

#[test]
fn packets_and_manifests_are_found_on_every_page_in_every_byte_order() {
    let store = store(b"claim");
    for tiff in TIFFS {
        let program: Entry<'_> = (0x131, 2, b"program\0\0");
        let file =
            tiff.pages(&[&[program, (700, 1, b"<first page/>")], &[(700, 7, b"<second/>"), (0xcd41, 7, &store)]]);
        let expected = [
            (format!("tiff:IFD0@{}", if tiff.is_wide { 16 } else { 8 }), "tiff".to_owned()),
            (format!("tiff:700@{}", at(&file, b"<first")), "xmp <first page/>".to_owned()),
            (format!("tiff:700@{}", at(&file, b"<second")), "xmp <second/>".to_owned()),
            (format!("tiff:0xCD41@{}", at(&file, &store)), told(&store)),
        ];
        assert_eq!(walk(&file), (expected.to_vec(), vec![]));
        let found = inspect(&file.as_slice());
        assert_eq!(found.metadata, [("exif:Software".to_owned(), "program".to_owned())]);
    }
}

#[test]
fn other_tags_and_types_and_boxes_are_passed() {
    let other = superbox(&[9; 16], b"else", b"x");
    for entry in [(701, 1, &b"<x/>...."[..]), (700, 4, b"<x/>...."), (0xcd41, 7, &other), (0xcd40, 7, &store(b"x"))] {
        assert_eq!(list(&TIFFS[0].pages(&[&[entry]])).len(), 1, "{entry:?}");
    }
}

#[test]
fn a_chain_without_end_and_directories_beyond_the_file_end_the_walk() {
    let tiff = Tiff { is_big_endian: true, is_wide: false };
    let file = tiff.pages(&[&[(700, 1, b"<packet/>")]]);
    let next = file.len() - 9 - 4;
    let mut endless = file.clone();
    endless[next..next + 4].copy_from_slice(&8_u32.to_be_bytes());
    // What it may be in all is what the file has.
    let (found, warnings) = walk(&endless);
    assert!((2..=6).contains(&found.len()), "{found:?}");
    assert_eq!(warnings, ["metadata_too_large"]);
    let store = store(b"claim");
    let mut stores = tiff.pages(&[&[(0xcd41, 7, &store)]]);
    let next = stores.len() - store.len() - 4;
    stores[next..next + 4].copy_from_slice(&8_u32.to_be_bytes());
    assert_eq!((list(&stores).len(), walk(&stores).1), (2, vec!["metadata_too_large"]));
    let next = file.len() - 9 - 4;
    let mut beyond = file.clone();
    beyond[next..next + 4].copy_from_slice(&[0xff; 4]);
    assert_eq!(walk(&beyond).1, ["truncated"]);
    let mut many = file.clone();
    many[8..10].copy_from_slice(&[0xff; 2]);
    assert_eq!((list(&many).len(), walk(&many).1), (2, vec!["truncated"]));
    let mut long = file;
    long[14..18].copy_from_slice(&[0xff; 4]);
    assert_eq!(list(&long).len(), 1);
}
