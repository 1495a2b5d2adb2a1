use super::*;
use crate::evidence::{EvidenceKind, EvidenceSource as Source};
use proptest::prelude::*;

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], kind, data, &[0; 4]].concat()
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0; 13]), chunks.concat(), chunk(b"IEND", b"")].concat()
}

fn text(key: &str, value: &str) -> Vec<u8> {
    chunk(b"tEXt", [key.as_bytes(), b"\0", value.as_bytes()].concat().as_slice())
}

fn png_xmp(packet: &str) -> Vec<u8> {
    png(&[chunk(b"iTXt", [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], packet.as_bytes()].concat().as_slice())])
}

fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let segment = |(marker, data): &(u8, Vec<u8>)| {
        [&[0xff, *marker][..], &u16::try_from(data.len() + 2).unwrap().to_be_bytes(), data].concat()
    };
    [vec![0xff, 0xd8], segments.iter().flat_map(segment).collect(), vec![0xff, 0xda, 0, 2, 1, 2, 0xff, 0xd9]].concat()
}

fn jpeg_xmp(packet: &str) -> Vec<u8> {
    jpeg(&[(0xe0, b"JFIF\0".to_vec()), (0xe1, [&b"http://ns.adobe.com/xap/1.0/\0"[..], packet.as_bytes()].concat())])
}

fn webp_xmp(packet: &str) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let padding = if data.len() % 2 == 1 { &[0][..] } else { &[] };
        [&kind[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data, padding].concat()
    };
    [&b"RIFF\0\0\0\0WEBP"[..], &chunk(b"VP8 ", &[0; 7]), &chunk(b"XMP ", packet.as_bytes())].concat()
}

fn packet(inside: &str) -> String {
    format!(
        "<?xpacket begin='\u{feff}'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF \
         xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>{inside}</rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    )
}

fn attribute(word: &str) -> String {
    packet(&format!(
        "<rdf:Description xmlns:q='http://iptc.org/std/Iptc4xmpExt/2008-02-29/' \
         q:DigitalSourceType='http://cv.iptc.org/newscodes/digitalsourcetype/{word}'/>"
    ))
}

fn one(bytes: &[u8]) -> Option<(EvidenceKind, Source)> {
    let found = read(bytes).evidence;
    assert!(found.len() <= 1, "{found:?}");
    found.first().map(|evidence| (evidence.kind, evidence.source))
}

#[test]
fn every_source_type_has_its_meaning_in_every_container() {
    for (word, kind) in [
        ("trainedAlgorithmicMedia", Some(EvidenceKind::Generated)),
        ("compositeWithTrainedAlgorithmicMedia", Some(EvidenceKind::Composite)),
        ("compositeSynthetic", Some(EvidenceKind::Composite)),
        ("humanEdits", Some(EvidenceKind::Edited)),
        ("digitalCapture", Some(EvidenceKind::Captured)),
        ("algorithmicMedia", None),
        ("softwareImage", None),
        ("trainedAlgorithmicMediaX", None),
    ] {
        let expected = kind.map(|kind| (kind, Source::Iptc));
        for image in [png_xmp(&attribute(word)), jpeg_xmp(&attribute(word)), webp_xmp(&attribute(word))] {
            assert_eq!(one(&image), expected, "{word}");
        }
    }
}

#[test]
fn elements_resources_and_other_prefixes_are_read_and_other_namespaces_are_not() {
    let element = |namespace: &str, inside: &str| {
        packet(&format!("<rdf:Description xmlns:Iptc4xmpExt='{namespace}'>{inside}</rdf:Description>"))
    };
    let iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
    let word = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
    let written = format!("<Iptc4xmpExt:DigitalSourceType> {word}\n</Iptc4xmpExt:DigitalSourceType>");
    let resource = format!("<Iptc4xmpExt:DigitalSourceType rdf:resource='{word}'/>");
    let generated = Some((EvidenceKind::Generated, Source::Iptc));
    assert_eq!(one(&png_xmp(&element(iptc, &written))), generated);
    assert_eq!(one(&png_xmp(&element(iptc, &resource))), generated);
    assert_eq!(one(&png_xmp(&element("http://example.com/", &written))), None);
    assert_eq!(one(&png_xmp(&format!("the words {word} in a text"))), None);
    let entity = format!(
        "<!DOCTYPE x [<!ENTITY e '{word}'>]>{}",
        element(iptc, "<Iptc4xmpExt:DigitalSourceType>&e;</Iptc4xmpExt:DigitalSourceType>")
    );
    assert_eq!(one(&png_xmp(&entity)), None, "a document's own entities are not followed");
}

#[test]
fn the_aigc_label_in_its_carriers_and_with_its_quirks() {
    let plain = r#"{"Label":"1","ContentProducer":"001191","ProduceID":"p"}"#;
    let label = Some((EvidenceKind::Generated, Source::AigcLabel));
    let escaped = plain.replace('"', "&quot;");
    let tc260 = "xmlns:TC260='http://www.tc260.org.cn/ns/AIGC/1.0/'";
    for image in [
        png(&[text("AIGC", plain)]),
        png(&[text("AIGC", r#"{"AIGC":{"label":2}} and more"#)]),
        png(&[text("AIGC", r#"{"ReservedCode2:":"x"}"#)]),
        png(&[chunk(b"AIGC", plain.as_bytes())]),
        jpeg(&[(0xe0, b"JFIF\0".to_vec()), (0xe9, format!("AIGC{plain}").into_bytes())]),
        png_xmp(&packet(&format!("<rdf:Description {tc260} TC260:AIGC='{escaped}'/>"))),
        jpeg_xmp(&packet(&format!("<rdf:Description {tc260}><TC260:AIGC>{escaped}</TC260:AIGC></rdf:Description>"))),
        webp_xmp(&packet(&format!(
            "<rdf:Description {tc260}><TC260:AIGC><![CDATA[{plain}]]></TC260:AIGC></rdf:Description>"
        ))),
    ] {
        assert_eq!(one(&image), label, "{}", String::from_utf8_lossy(&image));
    }
    for near in ["yes", "{}", r#"{"title":"AIGC"}"#, "{broken", "[1]"] {
        assert_eq!(one(&png(&[text("AIGC", near)])), None, "{near}");
    }
    assert_eq!(one(&png(&[text("Comment", plain)])), None);
    assert_eq!(one(&jpeg(&[(0xfe, format!("AIGC{plain}").into_bytes())])), None, "a comment is no application segment");
}

#[test]
fn generation_parameters_are_judged_by_their_content() {
    let generated = Some((EvidenceKind::Generated, Source::GeneratorText));
    let a1111 = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512";
    let fooocus = r#"{"prompt": "a cat", "sampler": "dpmpp", "steps": 30, "base_model": "x"}"#;
    assert_eq!(one(&png(&[text("parameters", a1111)])), generated);
    assert_eq!(one(&png(&[text("parameters", fooocus)])), generated);
    for near in
        ["Steps: many, Sampler: x", "exposure=1/60", "{\"prompt\": \"x\"}", "In 20 Steps: 20 ways to a Sampler: ", ""]
    {
        assert_eq!(one(&png(&[text("parameters", near)])), None, "{near}");
    }
    assert_eq!(one(&png(&[text("Description", a1111)])), None);
}

#[test]
fn what_is_behind_the_image_or_broken_is_left_alone() {
    assert_eq!(read(b"").evidence, []);
    assert_eq!(read(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXtparameters\0x").evidence, []);
    assert_eq!(read(&[jpeg(&[]), jpeg_xmp(&attribute("trainedAlgorithmicMedia"))].concat()).evidence, []);
    assert_eq!(read(&png_xmp(&"<a>".repeat(100_000))).evidence, []);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        start in prop_oneof![Just(&b"\x89PNG\r\n\x1a\n"[..]), Just(&b"\xff\xd8"[..]), Just(&b"RIFF\0\0\0\0WEBP"[..])],
        tail in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        read(&[start, &tail].concat());
    }

    #[test]
    fn no_packet_makes_it_panic(inside in "[ -~é<>&;:'\"=/]{0,200}", at in 0_usize..400) {
        let whole = packet(&format!("<rdf:Description {inside}/>"));
        let mut found = Provenance::default();
        xmp::read(whole.as_bytes(), "", &mut found);
        xmp::read(whole.as_bytes().get(..at).unwrap_or(whole.as_bytes()), "", &mut found);
        aigc_label::read(&inside);
        generator::read("parameters", &inside);
    }
}
