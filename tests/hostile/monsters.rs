//! Files that were made to cost a reader more than they cost their writer.
use crate::write::{
    EXIF, JPEG_XMP, XMP_KEY, a_box, app11, chunk, deflate, extension, gif, gif_c2pa, gif_xmp, isobmff, itext, jpeg,
    png, png_of, riff, segment, store, superbox, text, tiff, uuid_c2pa, webp, ztext,
};

const MIB: usize = 1024 * 1024;
const DEEP: usize = 100_000;

fn xmp(packet: &[u8]) -> Vec<u8> {
    png(&chunk(b"iTXt", &[XMP_KEY, packet].concat()))
}

fn xmp_in_jpeg(packet: &[u8]) -> Vec<u8> {
    jpeg(&segment(0xe1, &[JPEG_XMP, packet].concat()))
}

fn c2pa(manifests: &[u8]) -> Vec<u8> {
    png(&chunk(b"caBX", manifests))
}

fn exif(structure: &[u8]) -> [(&'static str, Vec<u8>); 2] {
    [("exif in jpeg", jpeg(&segment(0xe1, &[EXIF, structure].concat()))), ("as a tiff", structure.to_vec())]
}

/// Content that is nested as deep as it goes, or as wide.
fn nested() -> Vec<(&'static str, Vec<u8>)> {
    let boxes = |deep: usize| (0..deep).fold(vec![0; 8], |inner, _| a_box(b"jumb", &inner));
    let labelled = |deep: usize| (0..deep).fold(Vec::new(), |inner, _| superbox(b"c2ma", "a", &inner));
    let cbor = |bytes: Vec<u8>| c2pa(&store(&[("c2pa.actions.v2", &bytes)]));
    let rdf = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>";
    let all = |times: usize, one: &dyn Fn(usize) -> String| (0..times).map(one).collect::<Vec<_>>().concat();
    let namespaces = all(DEEP, &|one| format!(" xmlns:a{one}='u'"));
    let attributes = all(DEEP, &|one| format!(" a{one}='u'"));
    let few = all(5000, &|one| format!(" a{one}='u'"));
    let few_namespaces = all(3000, &|one| format!(" xmlns:a{one}='u'"));
    let used = all(1500, &|one| format!(" xmlns:a{one}='u'"));
    let users = all(5000, &|one| format!("<b{one}:c/>"));
    let entities = all(2000, &|one| format!("<!ENTITY e{one} '&e{};&e{};'>", one + 1, one + 1));
    let ingredients: Vec<u8> = (0..2000).flat_map(|_| superbox(b"c2ma", "urn:c2pa:1", b"")).collect();
    vec![
        ("boxes in boxes", c2pa(&boxes(2000))),
        ("labelled boxes in boxes", c2pa(&labelled(500))),
        ("arrays in CBOR", cbor(vec![0x81; DEEP])),
        ("endless arrays in CBOR", cbor(vec![0x9f; DEEP])),
        ("maps in CBOR", cbor([0xa1, 0x61, 0x61].repeat(DEEP))),
        ("tags in CBOR", cbor(vec![0xc6; DEEP])),
        ("an array of everything", cbor([&[0x9b][..], &[0xff; 8]].concat())),
        ("texts of everything", cbor([&[0x82, 0x7b][..], &[0xff; 8], &[0x5b], &[0x7f; 8]].concat())),
        ("an array of a million nothings", cbor([&[0x9a, 0, 0x0f, 0xff, 0xff][..], &vec![0xf6; MIB]].concat())),
        ("endless text in CBOR", cbor([&[0x7f][..], &[0x61, 0x61].repeat(30_000)].concat())),
        ("manifests of one name", c2pa(&superbox(b"c2pa", "c2pa", &ingredients))),
        ("a million boxes", c2pa(&superbox(b"c2pa", "c2pa", &a_box(b"free", b"").repeat(100_000)))),
        ("lists in JSON", png(&text("prompt", "[".repeat(DEEP).as_bytes()))),
        ("objects in JSON", png(&text("AIGC", "{\"AIGC\":".repeat(DEEP).as_bytes()))),
        ("objects in parameters", png(&text("parameters", "{\"prompt\":".repeat(DEEP).as_bytes()))),
        ("a million numbers", png(&text("prompt", format!("[{}1]", "1,".repeat(500_000)).as_bytes()))),
        ("a JSON of keys", png(&text("workflow", format!("{{{}\"a\":1}}", "\"a\":{},".repeat(100_000)).as_bytes()))),
        ("braces", png(&text("AIGC", "{".repeat(60_000).as_bytes()))),
        ("lines", png(&text("parameters", "Steps: 1, \n".repeat(5000).as_bytes()))),
        ("commas", png(&text("parameters", format!("Steps: 1{}", ", Sampler: ".repeat(5000)).as_bytes()))),
        ("elements in XML", xmp("<a>".repeat(DEEP).as_bytes())),
        ("elements in RDF", xmp(format!("{rdf}{}", "<rdf:Bag>".repeat(DEEP)).as_bytes())),
        ("namespaces", xmp(format!("{rdf}<rdf:Description{namespaces}/>").as_bytes())),
        ("attributes", xmp(format!("{rdf}<rdf:Description{attributes}/>").as_bytes())),
        ("namespaces in JPEG", xmp_in_jpeg(format!("{rdf}<rdf:Description{few_namespaces}/>").as_bytes())),
        ("attributes in JPEG", xmp_in_jpeg(format!("{rdf}<rdf:Description{few}/>").as_bytes())),
        ("prefixes that are not there", xmp_in_jpeg(format!("{rdf}<rdf:Description{used}>{users}").as_bytes())),
        ("entities of entities", xmp(format!("<!DOCTYPE x [{entities}]>{rdf}&e0;").as_bytes())),
        ("an attribute without end", xmp(format!("{rdf}<rdf:Description a='{}", "x".repeat(60_000)).as_bytes())),
        ("references", xmp(format!("{rdf}{}", "&#x41;".repeat(10_000)).as_bytes())),
        ("comments", xmp(format!("{rdf}{}", "<!--".repeat(15_000)).as_bytes())),
        ("angles", xmp("<".repeat(60_000).as_bytes())),
    ]
}

/// Little that says it is much.
fn inflated() -> Vec<(&'static str, Vec<u8>)> {
    let (small, large) = (deflate(&vec![0; MIB]), deflate(&vec![b' '; 10 * MIB]));
    let many = |one: &[u8], times: usize| one.repeat(times);
    let json = deflate("[".repeat(MIB).as_bytes());
    let packet = deflate("<a b='c'/>".repeat(MIB / 10).as_bytes());
    let compressed_xmp = [b"XML:com.adobe.xmp\0", &[1, 0, 0, 0][..], &packet].concat();
    vec![
        ("a MiB in zTXt", png(&ztext("parameters", &small))),
        ("10 MiB in zTXt", png(&ztext("parameters", &large))),
        ("10 MiB in iTXt", png(&itext("prompt", true, &large))),
        ("200 times a MiB", png(&many(&ztext("parameters", &small), 200))),
        ("200 times 10 MiB", png(&many(&itext("workflow", true, &large), 200))),
        ("a MiB of lists", png(&many(&ztext("prompt", &json), 50))),
        ("a MiB of XMP", png(&many(&chunk(b"iTXt", &compressed_xmp), 50))),
        ("a hundred AIGC", png(&many(&ztext("AIGC", &small), 100))),
        ("deflate in deflate", png(&ztext("Comment", &deflate(&large)))),
        ("no deflate", png(&ztext("parameters", &[0xff; 500]))),
        ("pixels of 10 MiB", png_of(1600, b"", &large)),
        ("pixels without end", png_of(u32::MAX, b"", &small)),
        ("no pixels", png_of(0, b"", &small)),
    ]
}

/// Many of one thing, or all of them in one place.
fn crowds() -> Vec<(&'static str, Vec<u8>)> {
    let value = b"Signature: ".repeat(5000);
    let far = |tag: u16| (tag, 2_u16, 50_000_u32, 0_u32);
    let directory = |entries: &mut dyn Iterator<Item = (u16, u16, u32, u32)>, tail: &[u8]| {
        let entries: Vec<u8> = entries
            .flat_map(|(tag, kind, many, at)| {
                [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &many.to_le_bytes(), &at.to_le_bytes()].concat()
            })
            .collect();
        let count = u16::try_from(entries.len() / 12).expect("so few");
        [b"II\x2a\0\x08\0\0\0", &count.to_le_bytes()[..], &entries, &[0; 4], tail].concat()
    };
    let mut same = (0..800).map(|one| far(if one % 2 == 0 { 0x10e } else { 0x13b }));
    let mut round = (0..800).map(|_| (0x8769, 4, 1, 8));
    let mut own = (0..4000).map(|_| (0x8769, 4, 1, 8));
    let chained = [b"II\x2a\0\x08\0\0\0", &[0, 0][..], &8_u32.to_le_bytes()].concat();
    let nothing: Vec<u8> = b"II\x2a\0\x08\0\0\0"
        .iter()
        .copied()
        .chain((0..8000_u32).flat_map(|one| [&[0, 0][..], &(14 + one * 6).to_le_bytes()].concat()))
        .collect();
    let names: [(&[u8; 4], &[u8], &[u8]); 1] = [(b"mime", b"application/rdf+xml\0", b"<a/>")];
    let packet = vec![b'x'; 30_000];
    let overlaps: Vec<u8> = (0..200).flat_map(|_| extension(30_000, 0, &packet[..300])).collect();
    let holes: Vec<u8> = (0..200).flat_map(|one| extension(u32::MAX, one * 20_000_000, &packet[..100])).collect();
    let instances: Vec<u8> = (0..60_000).flat_map(|one| app11(one, &a_box(b"jumb", b"x"), 100)).collect();
    let sequence: Vec<u8> = app11(1, &a_box(b"jumb", &vec![0; 60_000]), 1);
    let (again, tail) = (superbox(b"c2pa", "c2pa", b""), vec![0; 40_000]);
    let mut found = vec![
        ("300,000 chunks", png(&chunk(b"tEXt", b"").repeat(300_000))),
        ("5,000 chunks", png(&chunk(b"aaAa", b"").repeat(5000))),
        ("60,000 texts", png(&text("AIGC", b"{").repeat(60_000))),
        ("a thousand labels", png(&text("AIGC", b"{\"Label\":1}").repeat(1000))),
        ("300 stores", png(&chunk(b"caBX", &again).repeat(300))),
        ("15,000 segments", jpeg(&segment(0xe1, b"").repeat(15_000))),
        ("fill bytes", [&[0xff, 0xd8][..], &[0xff; 60_000]].concat()),
        ("60,000 boxes of APP11", jpeg(&instances)),
        ("a box in 60,000 segments", jpeg(&sequence)),
        ("extended XMP over itself", jpeg(&overlaps)),
        ("extended XMP of holes", jpeg(&holes)),
        ("a thousand XMP", webp(&riff(b"XMP ", b"<a/>").repeat(1000))),
        ("a million blocks", gif(&[&b"\x21\xff\x0bC2PA_GIF\x01\0\0"[..], &[1, 0].repeat(500_000)].concat())),
        (
            "a million bytes one by one",
            gif(&[b"\x21\xff\x0bXMP DataXMP", &b"\x01a".repeat(500_000)[..], b"\0"].concat()),
        ),
        ("20,000 extensions", gif(&b"\x21\xfe\x01a\0".repeat(20_000))),
        ("XMP in a GIF that does not end", gif(&gif_xmp(&[0xff; 60_000])).into_iter().take(60_000).collect()),
        ("a thousand stores in a GIF", gif(&gif_c2pa(&again).repeat(1000))),
        ("items", isobmff(b"heic", &names.repeat(1500), b"")),
        ("65,535 items", isobmff(b"heic", &names.repeat(65_535), b"")),
        ("a thousand uuid", isobmff(b"avif", &names, &uuid_c2pa(&again).repeat(900))),
        ("boxes of nothing", isobmff(b"avif", &names, &a_box(b"free", b"").repeat(8000))),
        ("overlapping extents", overlapping(2000, 16)),
        ("65,535 overlapping extents", overlapping(65_535, 1)),
        ("extents of extents", overlapping(16, 250)),
        ("a directory of itself", tiff(false, true, &[(0x8769, 4, 1, &16_u32.to_be_bytes())])),
        ("svg of elements", [&b"<svg xmlns='http://www.w3.org/2000/svg'>"[..], &b"<a>".repeat(DEEP)].concat()),
        ("svg of attributes", [&b"<svg xmlns='http://www.w3.org/2000/svg'"[..], &b" a='b'".repeat(10_000)].concat()),
        (
            "svg of manifests",
            [&b"<svg xmlns='http://www.w3.org/2000/svg'>"[..], &b"<c2pa:manifest>AAAA</c2pa:manifest>".repeat(1700)]
                .concat(),
        ),
        (
            "svg of letters",
            [&b"<svg xmlns='http://www.w3.org/2000/svg'><metadata><c2pa:manifest>"[..], &b"A".repeat(60_000)].concat(),
        ),
    ];
    found.extend(exif(&directory(&mut same, &value)));
    found.extend(exif(&directory(&mut round, &tail)));
    found.extend(exif(&directory(&mut own, b"")));
    found.extend(exif(&chained));
    found.extend(exif(&nothing));
    found
}

/// A still image whose items each have so many extents, all over the same bytes.
fn overlapping(items: u16, extents: u16) -> Vec<u8> {
    let entries: Vec<u8> = (1..=items)
        .flat_map(|id| {
            a_box(b"infe", &[&[2, 0, 0, 0][..], &id.to_be_bytes(), &[0, 0], b"mime\0application/rdf+xml\0"].concat())
        })
        .collect();
    let info = a_box(b"iinf", &[&[0; 4][..], &items.to_be_bytes(), &entries].concat());
    let extent = [&0_u32.to_be_bytes()[..], &0x7000_u32.to_be_bytes()].concat().repeat(usize::from(extents));
    let places: Vec<u8> =
        (1..=items).flat_map(|id| [&id.to_be_bytes()[..], &[0, 0], &extents.to_be_bytes(), &extent].concat()).collect();
    let places = a_box(b"iloc", &[&[0, 0, 0, 0, 0x44, 0][..], &items.to_be_bytes(), &places].concat());
    let meta = a_box(b"meta", &[&[0; 4][..], &a_box(b"hdlr", &[0; 24]), &info, &places].concat());
    [a_box(b"ftyp", b"heic\0\0\0\0heic"), meta, a_box(b"mdat", &vec![b'x'; 0x7000])].concat()
}

pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    [nested(), inflated(), crowds()].concat()
}
