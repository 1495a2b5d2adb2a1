//! One small file a container, whole and right, with every kind of metadata that it can carry. They are also the seeds of
//! the fuzz targets.
use crate::write::{
    EXIF, JPEG_XMP, XMP_KEY, a_box, app11, array, chunk, deflate, extension, gif, gif_c2pa, gif_xmp, isobmff, itext,
    jpeg, map, png, riff, segment, store, text, tiff, uuid_c2pa, webp, word, ztext,
};

pub const PARAMETERS: &str = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, Model: x";
pub const COMFY: &str = r#"{"3":{"class_type":"KSampler","inputs":{"seed":1,"steps":20,"model":["4",0]}},"4":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"x"}}}"#;
pub const LABEL: &str = r#"{"AIGC":{"Label":"1","ContentProducer":"001191","ProduceID":"p"}}"#;
const IPTC: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

pub fn packet() -> Vec<u8> {
    let label = r#"{"Label":"1","ProduceID":"p"}"#.replace('"', "&quot;");
    format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description xmlns:i='http://iptc.org/std/Iptc4xmpExt/2008-02-29/' \
         xmlns:t='http://www.tc260.org.cn/ns/AIGC/1.0/' xmlns:xmp='http://ns.adobe.com/xap/1.0/' \
         i:DigitalSourceType='{IPTC}' t:AIGC='{label}'><xmp:CreatorTool>Firefly</xmp:CreatorTool>\
         <i:AISystemUsed>a &lt;b&gt;</i:AISystemUsed></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

fn comment(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_be_bytes);
    b"UNICODE\0".iter().copied().chain(units).collect()
}

/// A directory that points to an EXIF directory is not needed: readers take the comment from either.
pub fn exif(is_little: bool, is_big: bool, comment: &[u8]) -> Vec<u8> {
    let signature = format!("Signature: {}", "QUJD".repeat(20));
    let artist = b"6ba7b810-9dad-11d1-80b4-00c04fd430c8\0";
    let size = if is_little { [2, 0] } else { [0, 2] };
    let many = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(0);
    // The EXIF directory is written behind the first one, which has six entries.
    let (head, width, few, counts) = if is_big { (16, 20, 8, 8) } else { (8, 12, 4, 2) };
    let software = b"Ideogram AI\0";
    let behind = signature.len() + artist.len() + software.len();
    let at = u32::try_from(head + counts + 6 * width + few + behind).unwrap_or(0);
    let at = if is_little { at.to_le_bytes() } else { at.to_be_bytes() };
    let first = tiff(
        is_little,
        is_big,
        &[
            (0x100, 3, 1, &size),
            (0x101, 3, 1, &size),
            (0x10e, 2, many(signature.as_bytes()), signature.as_bytes()),
            (0x131, 2, many(software), software),
            (0x13b, 2, many(artist), artist),
            (0x8769, 4, 1, &at),
        ],
    );
    // Offsets of a directory count from the start of the file, so that this one is made to stand where it will.
    let second = tiff(is_little, is_big, &[(0x9286, 7, many(comment), comment)]);
    let mut second = second.get(head..).unwrap_or_default().to_vec();
    let place = counts + 4 + if is_big { 8 } else { 4 };
    let moved = u32::try_from(first.len() + counts + width + few).unwrap_or(0);
    let moved = if is_little { moved.to_le_bytes() } else { moved.to_be_bytes() };
    let gap = if is_big && !is_little { 4 } else { 0 };
    if let Some(slot) = second.get_mut(place + gap..place + gap + 4) {
        slot.copy_from_slice(&moved);
    }
    [first, second].concat()
}

pub fn manifest() -> Vec<u8> {
    let action = map(&[
        ("action", word("c2pa.created")),
        ("digitalSourceType", word(IPTC)),
        ("softwareAgent", map(&[("name", word("a model"))])),
    ]);
    let ingredient = map(&[("dc:title", word("x")), ("relationship", word("parentOf"))]);
    store(&[
        ("c2pa.actions.v2", &map(&[("actions", array(&[action]))])),
        ("c2pa.ingredient.v3", &ingredient),
        ("c2pa.soft-binding", &map(&[("alg", word("com.digimarc.validate.1"))])),
    ])
}

/// Every container with everything that it carries.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let (packet, manifest, exif_of) = (packet(), manifest(), exif(true, false, &comment(PARAMETERS)));
    let labelled = exif(false, false, &[&b"ASCII\0\0\0"[..], LABEL.as_bytes()].concat());
    let ai = [
        text("parameters", PARAMETERS.as_bytes()),
        text("AIGC", LABEL.as_bytes()),
        ztext("prompt", &deflate(COMFY.as_bytes())),
        itext("workflow", true, &deflate(b"{\"nodes\":[],\"links\":[]}")),
        itext("Comment", false, br#"{"prompt":"x","steps":28,"sampler":"k"}"#),
        text("Software", b"NovelAI"),
        chunk(b"AIGC", LABEL.as_bytes()),
    ];
    let exif_segment = segment(0xe1, &[EXIF, &exif_of[..]].concat());
    let xmp_segment = segment(0xe1, &[JPEG_XMP, &packet[..]].concat());
    let long = u32::try_from(packet.len()).unwrap_or(0);
    let (one, other) = packet.split_at(300);
    let half = extension(long, 0, one);
    let rest = extension(long, 300, other);
    let noted = packet_with_extension();
    let mime: &[u8] = b"application/rdf+xml\0";
    let heif_exif = [&[0, 0, 0, 0][..], &exif_of].concat();
    let items: [(&[u8; 4], &[u8], &[u8]); 3] =
        [(b"hvc1", b"", &[0; 8]), (b"Exif", b"", &heif_exif), (b"mime", mime, &packet)];
    let store_type = map(&[("ai_generated", vec![0xf5])]);
    let flux = store(&[("c2pa.ai_generated_content", &store_type)]);
    let tags: [(u16, u16, u32, &[u8]); 4] = [
        (0x100, 3, 1, &[2, 0]),
        (0x101, 3, 1, &[2, 0]),
        (700, 1, long, &packet),
        (0xcd41, 7, u32::try_from(manifest.len()).unwrap_or(0), &manifest),
    ];
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='2' height='2'><metadata><c2pa:manifest \
         xmlns:c2pa='http://c2pa.org/manifest'>{}</c2pa:manifest></metadata>{}</svg>",
        base64(&manifest),
        String::from_utf8_lossy(&packet),
    );
    vec![
        ("png_text", png(&ai.concat())),
        (
            "png_boxes",
            png(&[chunk(b"eXIf", &exif_of), chunk(b"caBX", &manifest), chunk(b"iTXt", &[XMP_KEY, &packet].concat())]
                .concat()),
        ),
        ("jpeg_exif", jpeg(&[segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), exif_segment].concat())),
        ("jpeg_xmp", jpeg(&[xmp_segment, segment(0xe9, [b"AIGC", LABEL.as_bytes()].concat().as_slice())].concat())),
        ("jpeg_extended", jpeg(&[segment(0xe1, &[JPEG_XMP, &noted[..]].concat()), rest, half].concat())),
        ("jpeg_app11", jpeg(&app11(1, &manifest, 300))),
        ("jpeg_flux", jpeg(&app11(7, &flux, 60_000))),
        ("jpeg_label", jpeg(&segment(0xe1, &[EXIF, &labelled[..]].concat()))),
        ("webp", webp(&[riff(b"EXIF", &exif_of), riff(b"XMP ", &packet), riff(b"C2PA", &manifest)].concat())),
        ("heic", isobmff(b"heic", &items, b"")),
        ("avif", isobmff(b"avif", &items[..1], &uuid_c2pa(&manifest))),
        ("tiff_ii", exif(true, false, &comment(PARAMETERS))),
        ("tiff_mm", labelled),
        ("tiff_big_ii", exif(true, true, &comment(PARAMETERS))),
        ("tiff_big_mm", exif(false, true, &comment(PARAMETERS))),
        ("tiff_tags", tiff(true, false, &tags)),
        ("gif", gif(&[gif_xmp(&packet), gif_c2pa(&manifest)].concat())),
        ("svg", svg.into_bytes()),
        ("free_box", isobmff(b"avif", &items[2..], &a_box(b"free", &[0; 3]))),
    ]
}

fn packet_with_extension() -> Vec<u8> {
    let note = "<rdf:Description xmlns:n='http://ns.adobe.com/xmp/note/' \
                n:HasExtendedXMP='0123456789ABCDEF0123456789ABCDEF'/>";
    format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         {note}</rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |six: u32| LETTERS.get(six as usize & 63).map_or('A', |letter| char::from(*letter));
    let three = bytes.chunks(3).map(|part| {
        let all = (0..3).fold(0, |all, place| all << 8 | u32::from(part.get(place).copied().unwrap_or(0)));
        (0..4).map(|place| if place > part.len() { '=' } else { letter(all >> (18 - 6 * place)) }).collect::<String>()
    });
    three.collect()
}
