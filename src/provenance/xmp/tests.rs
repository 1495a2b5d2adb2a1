use super::*;
use std::time::{Duration, Instant};

const IPTC: &str = "xmlns:e='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'";
const WORD: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

fn packet(inside: &str) -> String {
    format!(
        "<?xpacket begin='\u{feff}' id='x'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><r:RDF \
         xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>{inside}</r:RDF></x:xmpmeta>\n  <?xpacket end='w'?>"
    )
}

fn of(bytes: &[u8]) -> Provenance {
    let mut found = Provenance::default();
    read(bytes, "t", &mut found);
    found
}

fn inside(text: &str) -> Provenance {
    let found = of(packet(text).as_bytes());
    assert_eq!(found.warnings, [""; 0], "{text}");
    found
}

fn words(found: &Provenance) -> Vec<(String, Strength, String)> {
    found.evidence.iter().map(|one| (one.text(), one.strength, one.place.clone())).collect()
}

fn notes(found: &Provenance) -> Vec<(&str, &str)> {
    found.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn a_source_type_is_read_in_every_shape_that_rdf_has_for_it() {
    let expected = [(
        "iptc:generated:trainedAlgorithmicMedia".to_owned(),
        Strength::Declared,
        "t/Iptc4xmpExt:DigitalSourceType".to_owned(),
    )];
    for shape in [
        format!("<r:Description {IPTC} e:DigitalSourceType='{WORD}'/>"),
        format!("<r:Description {IPTC} e:DigitalSourcetype='{WORD}'/>"),
        format!("<r:Description {IPTC}><e:DigitalSourceType>{WORD}</e:DigitalSourceType></r:Description>"),
        format!("<r:Description {IPTC}><e:DigitalSourceType r:resource='{WORD}'/></r:Description>"),
        format!(
            "<r:Description {IPTC}><e:DigitalSourceType r:resource='{WORD}'></e:DigitalSourceType></r:Description>"
        ),
        format!(
            "<r:Description {IPTC}><e:DigitalSourceType>\n<r:Bag>\n<r:li>{WORD}</r:li>\n</r:Bag>\n</e:DigitalSourceType>\
             </r:Description>"
        ),
        format!(
            "<r:Description {IPTC}><e:DigitalSourceType><r:Seq><r:li r:resource='{WORD}'/></r:Seq></e:DigitalSourceType>\
             </r:Description>"
        ),
        format!(
            "<r:Description {IPTC}><e:DigitalSourceType r:parseType='Resource'><r:value>{WORD}</r:value>\
             </e:DigitalSourceType></r:Description>"
        ),
        format!(
            "<r:Description xmlns:o='urn:o'><o:made r:parseType='Resource'><e:DigitalSourceType {IPTC}>{WORD}\
             </e:DigitalSourceType></o:made></r:Description>"
        ),
        format!(
            "<r:Description xmlns:o='urn:o'><o:made><r:Description {IPTC} e:DigitalSourceType='{WORD}'/></o:made>\
             </r:Description>"
        ),
        format!("<r:Description {IPTC}><e:DigitalSourceType><![CDATA[{WORD}]]></e:DigitalSourceType></r:Description>"),
        format!("<DigitalSourceType xmlns='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'>{WORD}</DigitalSourceType>"),
    ] {
        let found = inside(&shape);
        assert_eq!(words(&found), expected, "{shape}");
        assert_eq!(notes(&found), [("xmp:DigitalSourceType", WORD)], "{shape}");
    }
}

#[test]
fn what_speaks_of_another_image_or_by_another_namespace_is_left_alone() {
    let media = "xmlns:m='http://ns.adobe.com/xap/1.0/mm/'";
    for near in [
        format!(
            "<r:Description {media} {IPTC}><m:Pantry><r:Bag><r:li e:DigitalSourceType='{WORD}'/></r:Bag></m:Pantry></r:Description>"
        ),
        format!(
            "<r:Description {media} {IPTC}><m:DerivedFrom r:parseType='Resource'><e:DigitalSourceType>{WORD}</e:DigitalSourceType></m:DerivedFrom></r:Description>"
        ),
        format!("<r:Description xmlns:e='urn:other' e:DigitalSourceType='{WORD}'/>"),
        format!("<r:Description {IPTC}><e:Other>{WORD}</e:Other></r:Description>"),
        format!("<r:Description {IPTC} DigitalSourceType='{WORD}'/>"),
        format!("<r:Description {IPTC} e:DigitalSourceType=''/>"),
        format!("<!-- <e:DigitalSourceType {IPTC}>{WORD}</e:DigitalSourceType> -->"),
    ] {
        let found = inside(&near);
        assert_eq!((words(&found), notes(&found)), (vec![], vec![]), "{near}");
    }
    let behind = format!(
        "<r:Description {media} {IPTC}><m:Pantry><r:Bag><r:li/></r:Bag></m:Pantry>\
         <e:DigitalSourceType>{WORD}</e:DigitalSourceType></r:Description>"
    );
    assert_eq!(inside(&behind).evidence.len(), 1, "behind it, the image's own counts");
}

#[test]
fn the_fields_of_ai_systems_belong_to_the_source_type_or_speak_for_themselves() {
    let fields = format!(
        "<r:Description {IPTC} e:AISystemVersionUsed='2 &amp; 3'><e:AISystemUsed><r:Bag><r:li>Model A</r:li>\
         <r:li>Model B</r:li></r:Bag></e:AISystemUsed><e:AIPromptInformation><r:Alt><r:li xml:lang='x-default'>a cat\
         </r:li></r:Alt></e:AIPromptInformation><e:AIPromptWriterName>Ann</e:AIPromptWriterName></r:Description>"
    );
    let alone = inside(&fields);
    let place = "t/Iptc4xmpExt:AISystemUsed".to_owned();
    assert_eq!(words(&alone), [("iptc:generated:Model A".to_owned(), Strength::Medium, place)]);
    let expected = [
        ("AISystemVersionUsed", "2 & 3"),
        ("AISystemUsed", "Model A"),
        ("AISystemUsed", "Model B"),
        ("AIPromptInformation", "a cat"),
        ("AIPromptWriterName", "Ann"),
    ];
    let named = |found: &Provenance| found.evidence.first().unwrap().fields.clone();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    assert_eq!(named(&alone), expected.iter().map(owned).collect::<Vec<_>>());
    let noted: Vec<_> = expected.iter().map(|(name, value)| (format!("xmp:{name}"), *value)).collect();
    assert_eq!(notes(&alone), noted.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>());
    let both = inside(&format!("{fields}<r:Description {IPTC} e:DigitalSourceType='{WORD}'/>"));
    assert_eq!(both.evidence.len(), 1);
    assert_eq!(
        (both.evidence[0].detail.as_str(), both.evidence[0].strength),
        ("trainedAlgorithmicMedia", Strength::Declared)
    );
    let source_type = ("DigitalSourceType".to_owned(), WORD.to_owned());
    assert_eq!(named(&both), [vec![source_type], named(&alone)].concat());
    let only = inside(&format!("<r:Description {IPTC} e:AIPromptInformation='x'/>"));
    assert_eq!(only.evidence[0].text(), "iptc:generated:AI prompt");
}

#[test]
fn credits_tools_and_addresses() {
    let namespaces = "xmlns:p='http://ns.adobe.com/photoshop/1.0/' xmlns:m='http://ns.adobe.com/xap/1.0/' \
                      xmlns:d='http://purl.org/dc/terms/'";
    for (attribute, expected) in [
        ("p:Credit='Made with Google AI'", Some("iptc:tool:Google AI")),
        ("p:Credit='Edited with Google AI'", Some("iptc:tool:Google AI")),
        ("p:Credit='Ann Example / Agency'", None),
        ("m:CreatorTool='Adobe Firefly'", Some("iptc:tool:Adobe Firefly")),
        ("m:CreatorTool='Midjourney 7'", Some("iptc:tool:Midjourney")),
        ("m:CreatorTool='Adobe Photoshop 26.1 (Windows)'", None),
    ] {
        let found = inside(&format!("<r:Description {namespaces} {attribute}/>"));
        assert_eq!(words(&found).first().map(|(text, ..)| text.as_str()), expected, "{attribute}");
        assert!(found.evidence.iter().all(|one| one.strength == Strength::Medium));
        assert_eq!(found.metadata.len(), 1, "{attribute}");
    }
    let remote = |value: &str| inside(&format!("<r:Description {namespaces} d:provenance='{value}'/>")).remote_manifest;
    assert_eq!(remote("https://example.com/a.c2pa?x=1&amp;y=2").unwrap(), "https://example.com/a.c2pa?x=1&y=2");
    assert_eq!((remote("self#jumbf=c2pa/x"), remote("file:///etc/passwd")), (None, None));
    let comment = "&quot;c&quot;:&quot;a cat&quot;,&quot;uc&quot;:&quot;&quot;,&quot;model&quot;:&quot;m&quot;,\
                   &quot;sampler&quot;:&quot;s&quot;,&quot;seed&quot;:1,&quot;steps&quot;:4,&quot;scale&quot;:1";
    let found =
        inside(&format!("<r:Description xmlns:x='http://ns.adobe.com/exif/1.0/' x:UserComment='{{{comment}}}'/>"));
    assert_eq!(found.evidence[0].text(), "generator_text:generated:Draw Things");
}

#[test]
fn every_encoding_of_xml_is_read() {
    let text = packet(&format!("<r:Description {IPTC} e:DigitalSourceType='{WORD}' e:AISystemUsed='模型 🖼'/>"));
    let utf16 =
        |big: bool| text.encode_utf16().flat_map(move |one| if big { one.to_be_bytes() } else { one.to_le_bytes() });
    let utf32 = |big: bool| {
        text.chars().flat_map(move |one| if big { u32::from(one).to_be_bytes() } else { u32::from(one).to_le_bytes() })
    };
    for bytes in [
        text.clone().into_bytes(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        utf16(true).collect(),
        utf16(false).collect(),
        [0xfe, 0xff].into_iter().chain(utf16(true)).collect(),
        [0xff, 0xfe].into_iter().chain(utf16(false)).collect(),
        utf32(true).collect(),
        utf32(false).collect(),
        [0, 0, 0xfe, 0xff].into_iter().chain(utf32(true)).collect(),
        [0xff, 0xfe, 0, 0].into_iter().chain(utf32(false)).collect(),
    ] {
        let found = of(&bytes);
        assert_eq!(found.evidence.len(), 1, "{:?}", bytes.get(..8));
        let fields = [("DigitalSourceType", WORD), ("AISystemUsed", "模型 🖼")];
        let owned = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found.evidence[0].fields, owned);
    }
}

#[test]
fn what_comes_before_a_fault_counts_and_the_fault_is_told() {
    let whole = packet(&format!("<r:Description {IPTC} e:DigitalSourceType='{WORD}'/>"));
    let cut = whole.find("</r:RDF>").unwrap();
    let found = of(&whole.as_bytes()[..cut]);
    assert_eq!((found.evidence.len(), found.warnings), (1, vec!["xmp_unreadable"]));
    let long = packet(&format!(
        "<r:Description {IPTC}><e:AIPromptInformation>{}</e:AIPromptInformation></r:Description>",
        "é".repeat(10_000)
    ));
    assert_eq!(of(long.as_bytes()).metadata[0].1.chars().count(), 4096);
    for end in 0..whole.len() {
        of(&whole.as_bytes()[..end]);
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "real time is what is asked about, with much room")]
fn packets_made_to_take_time_do_not() {
    let many = |count: usize, make: fn(usize) -> String| (0..count).map(make).collect::<String>();
    let resolved = format!("{IPTC} xmlns:p='http://ns.adobe.com/photoshop/1.0/'");
    for (name, text) in [
        ("nesting", "<a>".repeat(300_000)),
        ("attributes", format!("<r:Description {}/>", many(60_000, |n| format!(" a{n}='1'")))),
        ("equal attributes", format!("<r:Description {resolved} {}/>", " p:Credit='x'".repeat(60_000))),
        ("namespaces", format!("<r:Description {}/>", many(60_000, |n| format!(" xmlns:a{n}='u'")))),
        (
            "both",
            format!(
                "<r:Description {}>{}</r:Description>",
                many(30_000, |n| format!(" xmlns:a{n}='u'")),
                "<a1:AIGC/>".repeat(30_000)
            ),
        ),
        (
            "items",
            format!(
                "<r:Description {resolved}><p:Credit>{}</p:Credit></r:Description>",
                "<r:li>x</r:li>".repeat(60_000)
            ),
        ),
        ("open", "<e:AIGC ".repeat(100_000)),
        (
            "references",
            format!("<r:Description {resolved}><p:Credit>{}</p:Credit></r:Description>", "&amp;".repeat(150_000)),
        ),
        (
            "entities",
            format!(
                "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>{}]><x>&a99;</x>",
                many(100, |n| format!("<!ENTITY a{} '&a{n};&a{n};&a{n};&a{n};'>", n + 1))
            ),
        ),
        ("quotes", "'\"<".repeat(200_000)),
    ] {
        let started = Instant::now();
        let found = of(packet(&text).as_bytes());
        // In a release some milliseconds; what grows by the square takes minutes.
        assert!(started.elapsed() < Duration::from_secs(5), "{name}: {:?}", started.elapsed());
        assert!(found.metadata.len() <= 256 && found.evidence.len() <= 64, "{name}");
    }
}
