//! EXIF fields, and what they declare.
use super::writers::{Entry, TIFFS, Tiff, chunk, png};
use super::*;
use crate::evidence::{EvidenceKind, EvidenceSource, Strength};

const INTEL: Tiff = Tiff { is_big_endian: false, is_wide: false };

fn look(first: &[Entry<'_>], inner: &[Entry<'_>]) -> Provenance {
    inspect(&png(&[chunk(b"eXIf", &INTEL.exif(first, inner))]).as_slice())
}

fn fields(found: &Provenance) -> Vec<(&str, &str)> {
    found.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn wide(text: &str, number: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(number).collect()
}

#[test]
fn the_fields_are_read_in_every_byte_order_from_both_directories() {
    for tiff in TIFFS {
        let title = wide("Titel", u16::to_le_bytes);
        let block = tiff.exif(
            &[
                (0x010e, 2, b"A description\0"),
                (0x010f, 2, b"Maker\0"),
                (0x0110, 2, b"M1\0"),
                (0x0131, 2, "Über\0 left over".as_bytes()),
                (0x0132, 2, b"2026:01:01 00:00:00\0"),
                (0x013b, 129, b"Ren\xe9 "),
                (0x9c9b, 1, &title),
            ],
            &[(0x9286, 7, b"ASCII\0\0\0a comment\0\0"), (0x9286, 7, b"ASCII\0\0\0another")],
        );
        let found = inspect(&png(&[chunk(b"eXIf", &block)]).as_slice());
        let expected = [
            ("exif:ImageDescription", "A description"),
            ("exif:Make", "Maker"),
            ("exif:Model", "M1"),
            ("exif:Software", "Über"),
            ("exif:Artist", "René"),
            ("exif:XPTitle", "Titel"),
            ("exif:UserComment", "a comment"),
        ];
        assert_eq!(fields(&found), expected);
        assert_eq!((found.evidence, found.warnings), (vec![], vec![]));
    }
}

#[test]
fn comments_are_read_in_the_encoding_that_they_are_in() {
    let unicode = |text: Vec<u8>| [b"UNICODE\0".to_vec(), text].concat();
    for (bytes, expected) in [
        (b"ASCII\0\0\0plain".to_vec(), "plain"),
        (b"JIS\0\0\0\0\0{\"a\":1}".to_vec(), "{\"a\":1}"),
        ([&[0; 8][..], "öffentlich".as_bytes()].concat(), "öffentlich"),
        (b"no prefix at all".to_vec(), "no prefix at all"),
        (b"short".to_vec(), "short"),
        (unicode(wide("Größe 日本", u16::to_le_bytes)), "Größe 日本"),
        (unicode(wide("Größe 日本", u16::to_be_bytes)), "Größe 日本"),
        (unicode(wide("\u{feff}日本", u16::to_be_bytes)), "日本"),
        (unicode(wide("\u{feff}日本", u16::to_le_bytes)), "日本"),
        // Nothing speaks for one order but that of the structure.
        (unicode(wide("日本", u16::to_le_bytes)), "日本"),
        (unicode(b"really ASCII".to_vec()), "really ASCII"),
        (unicode(wide("odd", u16::to_be_bytes)[..5].to_vec()), "od"),
        (unicode(vec![0, b'y', 0xd8, 0, 0, b'x']), "y\u{fffd}x"),
    ] {
        assert_eq!(fields(&look(&[], &[(0x9286, 7, &bytes)])), [("exif:UserComment", expected)], "{bytes:?}");
    }
    assert_eq!(fields(&look(&[(0x9286, 2, b"ASCII\0\0\0")], &[])), []);
}

const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

#[test]
fn a_number_and_a_signature_together_are_xai_and_neither_is_alone() {
    let signature = format!("Signature: {}+/==", "Ab9".repeat(20));
    let pair = |artist: &str, description: &str| {
        let (artist, description) = (format!("{artist}\0"), format!("{description}\0"));
        look(&[(0x010e, 2, description.as_bytes()), (0x013b, 2, artist.as_bytes())], &[]).evidence
    };
    let found = pair(UUID, &signature);
    assert_eq!(found.len(), 1);
    let one = &found[0];
    assert_eq!((one.kind, one.source, one.strength), (EvidenceKind::Generated, EvidenceSource::Exif, Strength::Strong));
    assert_eq!(one.detail, "xAI Grok");
    assert!(one.place.starts_with("png:eXIf@") && one.place.ends_with("/Artist"), "{}", one.place);
    for (artist, description) in [
        ("Jane Doe", signature.as_str()),
        (UUID, "Signature: short"),
        (UUID, &signature.replace("Signature: ", "Signature:")),
        (UUID, &signature.replace("Signature: ", "signature: ")),
        (UUID, &signature.replace('+', "-")),
        (UUID, &signature.replace("Ab9Ab9", "Ab9 Ab")),
        (UUID, &signature[..signature.len() - 5]),
        (UUID, &format!("{signature}==")),
        (&UUID.replace('-', ""), &signature),
        (&UUID.replace('f', "g"), &signature),
        (&UUID[1..], &signature),
        ("", &signature),
        (UUID, ""),
    ] {
        assert_eq!(pair(artist, description), [], "{artist} {description}");
    }
}

#[test]
fn labels_and_generation_parameters_are_found_in_the_fields_that_carry_them() {
    let label = r#"{"AIGC":{"Label":"1","ContentProducer":"p"}}"#;
    let tencent = r#"{"Label":"1","ProduceID":"x","ServiceProvider":"a","ServiceUser":"b"}"#;
    let parameters = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1";
    let ascii = |text: &str| [&b"ASCII\0\0\0"[..], text.as_bytes()].concat();
    let unicode = |text: &str| [&b"UNICODE\0"[..], &wide(text, u16::to_be_bytes)].concat();
    for (tag, value, source, place) in [
        (0x9286, ascii(label), EvidenceSource::AigcLabel, "/UserComment"),
        (0x9286, unicode(label), EvidenceSource::AigcLabel, "/UserComment"),
        (0x9286, unicode(parameters), EvidenceSource::GeneratorText, "/UserComment"),
        (0x9286, parameters.as_bytes().to_vec(), EvidenceSource::GeneratorText, "/UserComment"),
        (0x010e, tencent.as_bytes().to_vec(), EvidenceSource::AigcLabel, "/ImageDescription"),
        (0x010e, parameters.as_bytes().to_vec(), EvidenceSource::GeneratorText, "/ImageDescription"),
    ] {
        let found = look(&[], &[(tag, 7, &value)]).evidence;
        assert_eq!(found.iter().map(|one| one.source).collect::<Vec<_>>(), [source], "{tag:x}");
        assert!(found[0].place.ends_with(place));
    }
    for (tag, value) in [
        (0x9286, "AIGC is a word"),
        (0x9286, r#"{"Label":"1"}"#),
        (0x010e, r#"{"Label":"1"}"#),
        (0x0131, parameters),
        (0x013b, label),
    ] {
        assert_eq!(look(&[(tag, 2, value.as_bytes())], &[]).evidence, [], "{value}");
    }
}

#[test]
fn a_directory_that_lies_gives_what_is_there_and_values_upon_each_other_stay_small() {
    let block = INTEL.exif(&[(0x0131, 2, b"program\0\0")], &[(0x9286, 7, b"ASCII\0\0\0comment")]);
    let with = |block: &[u8]| inspect(&png(&[chunk(b"eXIf", block)]).as_slice());
    assert_eq!(with(b"no TIFF").warnings, ["exif_unreadable"]);
    assert_eq!(with(&block[..20]).warnings, ["exif_unreadable"]);
    let mut many = block.clone();
    many[8] = 200;
    assert_eq!(fields(&with(&many)).len(), 2);
    assert_eq!(with(&many).warnings, ["exif_unreadable"]);
    // All eight fields have the whole block as their value.
    let mut same = INTEL.exif(&[0x10e, 0x10f, 0x110, 0x131, 0x13b].map(|tag| (tag, 2, &[b'x'; 4000][..])), &[]);
    let length = u32::try_from(same.len()).unwrap();
    for entry in 0..5 {
        let place = 10 + 12 * entry + 4;
        same[place..place + 8].copy_from_slice(&[(length - 100).to_le_bytes(), 100_u32.to_le_bytes()].concat());
    }
    assert_eq!(with(&same).metadata.len(), 1);
}

/// What another writer writes is read, and what another reader reads is the same.
#[test]
fn it_agrees_with_another_writer_and_reader() {
    use ::exif::experimental::Writer;
    use ::exif::{Field, In, Reader, Tag, Value};
    let tags = [
        (Tag::Make, "exif:Make"),
        (Tag::Model, "exif:Model"),
        (Tag::Software, "exif:Software"),
        (Tag::Artist, "exif:Artist"),
        (Tag::ImageDescription, "exif:ImageDescription"),
        (Tag::UserComment, "exif:UserComment"),
    ];
    proptest::proptest!(|(values in proptest::collection::vec("[!-~]([ -~]{0,90}[!-~])?", 6), little: bool, is_there in 1_u8..64)| {
        let mut fields: Vec<Field> = Vec::new();
        for (number, (tag, _)) in tags.iter().enumerate().filter(|(number, _)| is_there >> number & 1 == 1) {
            let value = match *tag {
                Tag::UserComment => Value::Undefined([b"ASCII\0\0\0", values[number].as_bytes()].concat(), 0),
                _ => Value::Ascii(vec![values[number].clone().into_bytes()]),
            };
            fields.push(Field { tag: *tag, ifd_num: In::PRIMARY, value });
        }
        // The thumbnail's fields are not the image's.
        let thumbnail = Value::Ascii(vec![b"thumbnail".to_vec()]);
        fields.push(Field { tag: Tag::ImageDescription, ifd_num: In::THUMBNAIL, value: thumbnail });
        let mut writer = Writer::new();
        for field in &fields {
            writer.push_field(field);
        }
        let mut block = std::io::Cursor::new(Vec::new());
        writer.write(&mut block, little).unwrap();
        let block = block.into_inner();
        let other = Reader::new().read_raw(block.clone()).unwrap();
        let mut expected: Vec<(&str, String)> = Vec::new();
        for (tag, name) in tags {
            let text = other.get_field(tag, In::PRIMARY).map(|field| match &field.value {
                Value::Ascii(lines) => String::from_utf8(lines[0].clone()).unwrap(),
                Value::Undefined(bytes, _) => String::from_utf8(bytes[8..].to_vec()).unwrap(),
                other => panic!("{other:?}"),
            });
            expected.extend(text.map(|text| (name, text)));
        }
        let found = inspect(&png(&[chunk(b"eXIf", &block)]).as_slice());
        let mut own: Vec<(&str, String)> = found.metadata.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        own.sort();
        expected.sort();
        assert_eq!(own, expected);
    });
}
