//! Stores made by hand: boxes, CBOR out of JSON, manifests.
use serde_json::{Value, json};

pub(super) fn plain(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len() + 8).unwrap().to_be_bytes()[..], &kind, content].concat()
}

pub(super) fn superbox(letters: [u8; 4], label: &str, inside: &[Vec<u8>]) -> Vec<u8> {
    let ending = b"\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71";
    let description = [&letters[..], ending, &[3], label.as_bytes(), &[0]].concat();
    plain(*b"jumb", &[plain(*b"jumd", &description), inside.concat()].concat())
}

/// Definite lengths, as the C2PA's own library writes them.
pub(super) fn cbor(value: &Value) -> Vec<u8> {
    let head = |major: u8, length: usize| match u8::try_from(length) {
        Ok(small @ 0..=23) => vec![(major << 5) | small],
        Ok(byte) => vec![(major << 5) | 0x18, byte],
        Err(_) => [&[(major << 5) | 0x1a][..], &u32::try_from(length).unwrap().to_be_bytes()].concat(),
    };
    match value {
        Value::Null => vec![0xf6],
        Value::Bool(value) => vec![0xf4 + u8::from(*value)],
        Value::Number(number) => head(0, usize::try_from(number.as_u64().unwrap()).unwrap()),
        Value::String(text) => [head(3, text.len()), text.clone().into_bytes()].concat(),
        Value::Array(items) => [head(4, items.len()), items.iter().flat_map(cbor).collect()].concat(),
        Value::Object(map) => {
            let pairs = map.iter().flat_map(|(key, value)| [cbor(&json!(key)), cbor(value)].concat());
            [head(5, map.len()), pairs.collect()].concat()
        }
    }
}

/// An assertion in CBOR.
pub(super) fn assertion(label: &str, value: &Value) -> Vec<u8> {
    superbox(*b"cbor", label, &[plain(*b"cbor", &cbor(value))])
}

pub(super) fn in_json(label: &str, text: &str) -> Vec<u8> {
    superbox(*b"json", label, &[plain(*b"json", text.as_bytes())])
}

pub(super) fn actions(list: &Value) -> Vec<u8> {
    assertion("c2pa.actions.v2", &json!({ "actions": list }))
}

pub(super) fn iptc(word: &str) -> String {
    format!("http://cv.iptc.org/newscodes/digitalsourcetype/{word}")
}

/// Actions of one: a name and a source type.
pub(super) fn action(name: &str, word: &str) -> Vec<u8> {
    actions(&json!([{ "action": name, "digitalSourceType": iptc(word) }]))
}

pub(super) fn ingredient(label: &str, relationship: &str, manifest: &str) -> Vec<u8> {
    assertion(
        label,
        &json!({
            "dc:title": "a picture", "relationship": relationship,
            "activeManifest": { "url": format!("self#jumbf=/c2pa/{manifest}"), "hash": "x" },
        }),
    )
}

pub(super) fn manifest(label: &str, assertions: &[Vec<u8>]) -> Vec<u8> {
    let claim = json!({ "claim_generator_info": { "name": "Maker", "version": "1.2" }, "signature": "x" });
    superbox(
        *b"c2ma",
        label,
        &[
            superbox(*b"c2as", "c2pa.assertions", assertions),
            superbox(*b"c2cl", "c2pa.claim.v2", &[plain(*b"cbor", &cbor(&claim))]),
        ],
    )
}

pub(super) fn store(manifests: &[Vec<u8>]) -> Vec<u8> {
    superbox(*b"c2pa", "c2pa", manifests)
}
