use super::writers::{Tiff, chunk, deflated, png, store, superbox, told};
use super::*;

fn text(key: &str, value: &[u8]) -> Vec<u8> {
    chunk(b"tEXt", &[key.as_bytes(), b"\0", value].concat())
}

fn compressed(key: &str, value: &[u8]) -> Vec<u8> {
    chunk(b"zTXt", &[key.as_bytes(), b"\0\0", &deflated(value)].concat())
}

fn international(key: &str, flag: u8, value: &[u8]) -> Vec<u8> {
    chunk(b"iTXt", &[key.as_bytes(), &[0, flag, 0], b"en-GB\0", "Schlüssel".as_bytes(), b"\0", value].concat())
}

#[test]
fn text_is_found_behind_the_image_in_all_its_forms() {
    let long = "é".repeat(3000);
    for (chunk, name, content) in [
        (text("parameters", b"a cat"), "png:tEXt", "text parameters=a cat".to_owned()),
        (text("Author", b"Ren\xe9"), "png:tEXt", "text Author=René".to_owned()),
        (text("Author", "René".as_bytes()), "png:tEXt", "text Author=René".to_owned()),
        (text("AIGC", b"{}"), "png:tEXt", "text AIGC={}".to_owned()),
        (text("empty", b""), "png:tEXt", "text empty=".to_owned()),
        (compressed("prompt", long.as_bytes()), "png:zTXt", format!("text prompt={long}")),
        (compressed("prompt", b"\xe9t\xe9"), "png:zTXt", "text prompt=été".to_owned()),
        (international("Titel", 0, "日本".as_bytes()), "png:iTXt", "text Titel=日本".to_owned()),
        (international("Titel", 1, &deflated("日本".as_bytes())), "png:iTXt", "text Titel=日本".to_owned()),
        (international("XML:com.adobe.xmp", 0, b"<x/>"), "png:iTXt", "xmp <x/>".to_owned()),
        (international("XML:com.adobe.xmp", 1, &deflated(b"<x/>")), "png:iTXt", "xmp <x/>".to_owned()),
    ] {
        only(&png(std::slice::from_ref(&chunk)), name, &content, &chunk[8..chunk.len() - 4]);
    }
}

#[test]
fn text_that_is_none_is_left_out_and_what_comes_behind_it_is_not() {
    let last = text("last", b"one");
    for broken in [
        chunk(b"tEXt", b"no zero at all"),
        chunk(b"tEXt", &[&[b'k'; 200][..], b"\0value"].concat()),
        chunk(b"tExt", b"key\0value"),
        chunk(b"zTXt", b"key\0\0no zlib"),
        chunk(b"zTXt", &[&b"key\0\x01"[..], &deflated(b"another method")].concat()),
        chunk(b"zTXt", &[&b"key\0\0"[..], &deflated(b"cut off cut off")[..12]].concat()),
        chunk(b"iTXt", b"key\0"),
        chunk(b"iTXt", b"key\0\0\0en"),
        chunk(b"iTXt", b"key\0\0\0en\0key"),
        international("key", 1, b"no zlib"),
        text("Raw profile type iptc", b"\niptc\n 2\n0a0b\n"),
        text("Raw profile type exif", b"\nexif\n 2\n0a0b\n"),
        text("Raw profile type exif", b"4949"),
    ] {
        let found = list(&png(&[broken.clone(), last.clone()]));
        assert_eq!(found.iter().map(|(_, told)| told.as_str()).collect::<Vec<_>>(), ["text last=one"], "{broken:?}");
    }
}

#[test]
fn exif_labels_and_manifests_have_chunks_of_their_own() {
    let tiff = Tiff { is_big_endian: true, is_wide: false }.pages(&[&[(0x131, 2, b"a program\0")]]);
    let exif = format!("exif {}", String::from_utf8_lossy(&tiff));
    only(&png(&[chunk(b"eXIf", &tiff)]), "png:eXIf", &exif, &tiff);
    only(&png(&[chunk(b"eXIf", &[b"Exif\0\0", &tiff[..]].concat())]), "png:eXIf", &exif, &tiff);
    only(&png(&[chunk(b"AIGC", b"{\"Label\":\"1\"}")]), "png:AIGC", "label {\"Label\":\"1\"}", b"{\"Label");
    let store = store(b"claim");
    only(&png(&[chunk(b"caBX", &store)]), "png:caBX", &told(&store), &store);
    only(&png(&[chunk(b"caBX", &[&store[..], b"rest"].concat())]), "png:caBX", &told(&store), &store);
    only(
        &png(&[chunk(b"caBX", &superbox(&[9; 16], b"c2pa", b"x"))]),
        "png:caBX",
        &told(&superbox(&[9; 16], b"c2pa", b"x")),
        &superbox(&[9; 16], b"c2pa", b"x"),
    );
    // The letters are there, and the toggles say that they are no label.
    let mut unlabelled = superbox(&[9; 16], b"c2pa", b"x");
    unlabelled[32] = 1;
    for near in [
        unlabelled,
        superbox(&[9; 16], b"c2pb", b"x"),
        superbox(&[9; 16], b"c2pa.x", b"x"),
        b"c2pa".to_vec(),
        store[..30].to_vec(),
    ] {
        nothing(&png(&[chunk(b"caBX", &near)]));
    }
    nothing(&png(&[chunk(b"cabx", &store), chunk(b"aigc", b"{}"), chunk(b"exif", &tiff)]));
    nothing(&[png(&[]), chunk(b"caBX", &store)].concat());
}

#[test]
fn profiles_of_imagemagick_are_read_from_their_digits() {
    let tiff = Tiff { is_big_endian: false, is_wide: false }.pages(&[&[(0x131, 2, b"a program\0")]]);
    let written = |name: &str, data: &[u8]| {
        let digits: Vec<String> = data.iter().map(|byte| format!("{byte:02x}")).collect();
        let lines: Vec<String> = digits.chunks(36).map(|line| line.concat()).collect();
        format!("\n{name}\n{:8}\n{}\n", data.len(), lines.join("\n")).into_bytes()
    };
    let exif = format!("exif {}", String::from_utf8_lossy(&tiff));
    let named = [b"Exif\0\0", &tiff[..]].concat();
    let xmp = [&b"http://ns.adobe.com/xap/1.0/\0"[..], b"<x/>"].concat();
    for (kind, data, content) in [
        ("exif", &named, exif.as_str()),
        ("exif", &tiff, &exif),
        ("APP1", &named, &exif),
        ("APP1", &xmp, "xmp <x/>"),
        ("xmp", &b"<y/>".to_vec(), "xmp <y/>"),
    ] {
        let key = format!("Raw profile type {kind}");
        for chunk in [text(&key, &written(kind, data)), compressed(&key, &written(kind, data))] {
            let found = list(&png(&[chunk]));
            assert_eq!(found.iter().map(|(_, told)| told.as_str()).collect::<Vec<_>>(), [content], "{kind}");
        }
    }
}

#[test]
fn there_are_bounds_for_text_and_for_what_it_inflates_to() {
    let large = vec![b'a'; 1024 * 1024 + 1];
    assert_eq!(walk(&png(&[text("k", &large)])), (vec![], vec!["metadata_too_large"]));
    // A bomb in a small file, and one that the file is large enough for.
    let bomb = compressed("k", &large[1..500_000]);
    assert_eq!(walk(&png(std::slice::from_ref(&bomb))), (vec![], vec!["metadata_too_large"]));
    assert_eq!(list(&png(&[chunk(b"IDAT", &large), bomb.clone()])).len(), 1);
    // All of them together count too.
    let (found, warnings) = walk(&png(&[vec![chunk(b"IDAT", &large)], vec![bomb; 8]].concat()));
    assert_eq!((found.len(), warnings), (4, vec!["metadata_too_large"]));
    let (found, warnings) = walk(&png(&vec![text("k", b"v"); 300]));
    assert_eq!((found.len(), warnings), (256, vec!["metadata_too_large"]));
}

#[test]
fn a_file_that_ends_too_early_says_what_it_said_before() {
    let whole = png(&[text("first", b"1"), text("second", b"2")]);
    let cut = at(&whole, b"second") + 3;
    let (found, warnings) = walk(&whole[..cut]);
    assert_eq!((found.len(), warnings), (1, vec!["truncated"]));
}
