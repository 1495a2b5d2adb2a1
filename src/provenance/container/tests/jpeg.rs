use super::writers::{be16, be32, jpeg, segment, store, superbox, told};
use super::*;

fn xmp(packet: &str) -> Vec<u8> {
    segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat())
}

const NAME: &str = "0123456789ABCDEF0123456789ABCDEF";

fn extended(name: &str, total: usize, offset: usize, text: &[u8]) -> Vec<u8> {
    let head = [&b"http://ns.adobe.com/xmp/extension/\0"[..], name.as_bytes(), &be32(total), &be32(offset)];
    segment(0xe1, &[&head.concat()[..], text].concat())
}

/// A box cut into segments of so many bytes, with its header in each.
fn cut(whole: &[u8], header: usize, instance: usize, size: usize) -> Vec<Vec<u8>> {
    let piece = |(number, body): (usize, &[u8])| {
        let head = [&b"JP"[..], &be16(instance), &be32(number + 1), &whole[..header]].concat();
        segment(0xeb, &[&head, body].concat())
    };
    whole[header..].chunks(size).enumerate().map(piece).collect()
}

#[test]
fn exif_and_xmp_are_told_by_their_names() {
    only(&jpeg(&[xmp("<x/>")]), "jpeg:APP1", "xmp <x/>", b"<x/>");
    for name in [b"Exif\0\0", b"Exif\0\xff"] {
        only(&jpeg(&[segment(0xe1, &[&name[..], b"MM\0*"].concat())]), "jpeg:APP1", "exif MM\0*", b"MM\0*");
    }
    // Fill bytes may stand before a marker.
    only(&jpeg(&[vec![0xff; 3], xmp("<x/>")]), "jpeg:APP1", "xmp <x/>", b"<x/>");
    for near in [
        segment(0xe2, b"Exif\0\0MM\0*"),
        segment(0xe1, b"exif\0\0MM\0*"),
        segment(0xe1, b"Exif\0"),
        segment(0xe1, b"http://ns.adobe.com/xap/1.0/<x/>"),
        segment(0xfe, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
    ] {
        nothing(&jpeg(&[near]));
    }
}

#[test]
fn what_is_behind_the_image_is_another_one() {
    nothing(&[jpeg(&[]), jpeg(&[xmp("<x/>")])].concat());
    let whole = jpeg(&[]);
    let scan = at(&whole, &[0xff, 0xda]) + 10;
    nothing(&[&whole[..scan], &xmp("<x/>"), &whole[scan..]].concat());
}

#[test]
fn a_label_may_stand_bare_in_any_application_segment() {
    for (marker, name) in [(0xe0, "jpeg:APP0"), (0xe1, "jpeg:APP1"), (0xe9, "jpeg:APP9"), (0xef, "jpeg:APP15")] {
        only(&jpeg(&[segment(marker, b"AIGC{\"Label\":1}")]), name, "label {\"Label\":1}", b"{\"Label\"");
        only(&jpeg(&[segment(marker, b"AIGC\0{\"Label\":1}")]), name, "label \0{\"Label\":1}", b"\0{\"Label\"");
    }
    for near in [
        segment(0xfe, b"AIGC{\"Label\":1}"),
        segment(0xe9, b"AIGC"),
        segment(0xe9, b"AIGC is a word"),
        segment(0xe9, b"aigc{\"Label\":1}"),
        segment(0xe9, b" AIGC{\"Label\":1}"),
    ] {
        nothing(&jpeg(&[near]));
    }
}

#[test]
fn extended_xmp_is_put_together_by_its_name_and_offsets() {
    let main = xmp(&format!("<a xmpNote:HasExtendedXMP=\"{NAME}\"/>"));
    let element = xmp(&format!("<xmpNote:HasExtendedXMP>{NAME}</xmpNote:HasExtendedXMP>"));
    let other = "F".repeat(32);
    let pieces = || [extended(NAME, 9, 4, b"56789"), extended(&other, 4, 0, b"else"), extended(NAME, 9, 0, b"1234")];
    for main in [&main, &element] {
        let file = jpeg(&[vec![main.clone()], pieces().to_vec()].concat());
        let found = list(&file);
        assert_eq!((found.len(), found[1].1.as_str()), (2, "xmp 123456789"));
        assert_eq!(found[1].0, format!("jpeg:APP1@{}", at(&file, b"1234\xff\xdb")));
    }
    let without = |pieces: &[Vec<u8>]| list(&jpeg(&[vec![main.clone()], pieces.to_vec()].concat())).len();
    assert_eq!(without(&[extended(NAME, 9, 0, b"1234")]), 1, "a piece is missing");
    assert_eq!(without(&[extended(NAME, 9, 0, b"1234"), extended(NAME, 9, 5, b"6789")]), 1, "a gap");
    assert_eq!(without(&[extended(NAME, 8, 0, b"1234"), extended(NAME, 8, 3, b"56789")]), 1, "an overlap");
    assert_eq!(without(&[extended(NAME, 9, 0, b"1234"), extended(NAME, 8, 4, b"56789")]), 1, "of two wholes");
    assert_eq!(without(&[extended(NAME, usize::try_from(u32::MAX).unwrap(), 0, b"1234")]), 1, "a lie");
    assert_eq!(without(&[extended(&other, 4, 0, b"else")]), 1, "named by nobody");
    nothing(&jpeg(&pieces()));
}

#[test]
fn a_box_in_segments_is_put_together_whatever_stands_between_them() {
    let one = store(&[b'1'; 300]);
    let wide = {
        let size = (one.len() + 8) as u64;
        [&be32(1)[..], b"jumb", &size.to_be_bytes(), &one[8..]].concat()
    };
    for (whole, header) in [(&one, 8), (&wide, 16)] {
        for size in [60, 64, 100, 1000] {
            let file = jpeg(&cut(whole, header, 7, size));
            only(&file, "jpeg:APP11", &told(whole), &whole[..60]);
        }
    }
    let other = superbox(&[9; 16], b"panorama", &[b'2'; 200]);
    let second = store(&[b'3'; 100]);
    let (ones, others, seconds) = (cut(&one, 8, 1, 120), cut(&other, 8, 2, 120), cut(&second, 8, 3, 90));
    let file = jpeg(&[
        seconds[0].clone(),
        ones[2].clone(),
        others[0].clone(),
        xmp("<x/>"),
        ones[0].clone(),
        segment(0xeb, b"HDR_RI ver=11"),
        ones[1].clone(),
        others[1].clone(),
        seconds[1].clone(),
        ones[1].clone(),
    ]);
    let stores: Vec<String> = list(&file).into_iter().map(|(_, told)| told).collect();
    assert_eq!(stores, ["xmp <x/>".to_owned(), told(&second), told(&one)]);
    // What is behind a missing segment is not pushed up.
    let (found, warnings) = walk(&jpeg(&[ones[0].clone(), ones[2].clone()]));
    assert_eq!((found.len(), warnings), (1, vec!["truncated"]));
    assert_eq!(found[0].1, told(&one[..128]));
    nothing(&jpeg(&[ones[1].clone(), ones[2].clone()]));
    nothing(&jpeg(&others));
    nothing(&jpeg(&[segment(0xea, &[&b"JP\0\x01\0\0\0\x01"[..], &second].concat())]));
}

#[test]
fn lengths_are_not_believed() {
    let whole = jpeg(&[xmp("<x/>")]);
    let place = at(&whole, b"http") - 2;
    for length in [0, 1, 0xffff_usize] {
        let mut file = whole.clone();
        file[place..place + 2].copy_from_slice(&be16(length));
        nothing(&file);
    }
    let store = store(b"x");
    for size in [0_u32, 1, 7, 9, 0x7fff_ffff, 0xffff_ffff] {
        let mut lying = store.clone();
        lying[..4].copy_from_slice(&size.to_be_bytes());
        let file = jpeg(&cut(&lying, 8, 1, 1000));
        let expected = usize::from(matches!(size, 0 | 9..));
        assert_eq!(list(&file).len(), expected, "{size}");
    }
}
