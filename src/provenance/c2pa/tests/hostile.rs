//! Bytes that mean harm, or are broken.
use super::made::{cbor, plain};
use super::*;
use crate::provenance::c2pa::cbor::Node;
use proptest::prelude::*;

/// A store with everything in it.
fn rich() -> Vec<u8> {
    store(&[
        manifest("a", &[action("c2pa.created", AI), assertion("c2pa.soft-binding", &json!({ "alg": "x.y" }))]),
        manifest(
            "b",
            &[
                ingredient("c2pa.ingredient.v3", "parentOf", "a"),
                in_json("stds.iptc", r#"{"Iptc4xmpExt:DigitalSourceType":"trainedAlgorithmicMedia"}"#),
                assertion("c2pa.ai_generated_content", &json!({ "ai_generated": true })),
            ],
        ),
    ])
}

#[test]
fn a_store_cut_off_anywhere_gives_what_is_there() {
    let whole = rich();
    assert_eq!(inspected(&whole).evidence.len(), 3);
    let mut most = 0;
    for length in 0..whole.len() {
        let found = inspected(&whole[..length]);
        let count = found.evidence.len();
        assert!(count >= most, "{length} bytes say less than fewer did");
        most = count;
        assert!(!found.warnings.is_empty(), "{length}");
    }
    assert_eq!(most, 3);
}

#[test]
fn every_length_at_its_most_and_every_bit_turned() {
    let whole = rich();
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0xff, whole[at] ^ 1, whole[at] ^ 0x80, 0x9f, 0xbf, 0x5b, 0x7b, 0x9b, 0xbb, 0xdb] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            inspected(&bytes);
        }
        for filling in [[0xff; 8], [0; 8], [0, 0, 0, 1, b'j', b'u', b'm', b'b']] {
            let mut bytes = whole.clone();
            let end = (at + 8).min(bytes.len());
            bytes[at..end].copy_from_slice(&filling[..end - at]);
            inspected(&bytes);
        }
    }
}

#[test]
fn lengths_to_the_end_and_long_ones_are_read() {
    let mut open = rich();
    open[..4].copy_from_slice(&0_u32.to_be_bytes());
    assert_eq!(inspected(&open).evidence.len(), 3);
    let mut long = rich();
    let size = u64::try_from(long.len() + 8).unwrap().to_be_bytes();
    long.splice(0..8, [&1_u32.to_be_bytes()[..], b"jumb", &size].concat());
    let found = inspected(&long);
    assert_eq!((found.evidence.len(), found.warnings.len()), (3, 0));
}

#[test]
fn nesting_and_claims_without_end() {
    let inside = |content: Vec<u8>| {
        let nested = superbox(*b"cbor", "c2pa.actions.v2", &[plain(*b"cbor", &content)]);
        inspected(&store(&[manifest("m", &[nested, action("c2pa.created", AI)])]))
    };
    let mut boxes = Vec::new();
    for _ in 0..1000 {
        boxes = superbox(*b"c2ma", "m", &[boxes]);
    }
    inspected(&store(&[boxes]));
    inspected(&b"\0\0\0\0jumb".repeat(100_000));
    for one in [&b"\x81"[..], b"\x9f", b"\xa1\x67actions", b"\xbf\x67actions", b"\xc1", b"\x5f", b"\x7f", b"\xff"] {
        let key = b"\xa1\x67actions";
        for whole in [one.repeat(100_000), [&key[..], &one.repeat(100_000)].concat()] {
            assert_eq!(inside(whole).evidence.len(), 1, "the assertion beside it counts");
        }
    }
    for claim in [&b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", b"\x7b\xff"] {
        let actions = [b"\xa1\x67actions", claim, &cbor(&json!({ "action": "c2pa.opened" }))].concat();
        assert_eq!(inside(actions).evidence.len(), 1);
    }
    let deep = [b"{\"a\":".repeat(100_000), b"1".to_vec()].concat();
    let deep = superbox(*b"json", "stds.iptc", &[plain(*b"json", &deep)]);
    assert_eq!(inspected(&store(&[manifest("m", &[deep, action("c2pa.created", AI)])])).evidence.len(), 1);
}

#[test]
fn a_list_that_claims_too_much_still_has_what_it_has() {
    let one = cbor(&json!({ "action": "c2pa.created", "digitalSourceType": iptc(AI) }));
    let bytes = [b"\xa1\x67actions\x9b\xff\xff\xff\xff\xff\xff\xff\xff", &one[..]].concat();
    let list = superbox(*b"cbor", "c2pa.actions", &[plain(*b"cbor", &bytes)]);
    assert_eq!(kinds(&[manifest("m", &[list])]), [Generated]);
}

#[test]
fn what_is_kept_is_bounded_and_the_last_manifest_is_among_it() {
    let mut many: Vec<_> = (0..10_000)
        .map(|at| {
            let next = ingredient("c2pa.ingredient.v3", "parentOf", &format!("m{}", (at + 9_999) % 10_000));
            manifest(&format!("m{at}"), &[next, action("c2pa.edited", "humanEdits")])
        })
        .collect();
    let found = inspected(&store(&many));
    assert_eq!((found.manifests.len(), found.evidence.len()), (256, 32));
    assert_eq!(found.warnings, ["c2pa_too_large"]);
    assert_eq!(found.manifests.iter().filter(|one| one.is_active).count(), 1);
    assert_eq!(found.manifests.last().map(|one| (one.label.as_str(), one.is_active)), Some(("m9999", true)));
    // The others take all the room there is; the active one's word still counts.
    let full = actions(&json!(vec![json!({ "action": "c2pa.edited" }); 5000]));
    many = vec![manifest("full", &[full]), manifest("active", &[action("c2pa.created", AI)])];
    let found = inspected(&store(&many));
    assert_eq!(found.evidence.iter().map(|one| one.kind).collect::<Vec<_>>(), [Generated]);
    assert!(found.manifests[0].actions.len() <= 512);
    let long = manifest(&"x".repeat(100_000), &[action(&"é".repeat(5000), AI)]);
    let found = inspected(&store(&[long]));
    assert!(found.evidence[0].fields.iter().all(|(_, value)| value.len() <= 256));
    assert!(found.evidence[0].place.len() < 1000);
}

#[test]
fn templates_do_not_multiply_a_small_file_without_end() {
    let long = "x".repeat(150);
    let template = json!({ "action": "*", "digitalSourceType": long, "softwareAgent": long });
    let list = assertion(
        "c2pa.actions.v2",
        &json!({ "templates": [template], "actions": vec![json!({ "action": "a" }); 500] }),
    );
    let found = inspected(&store(&[manifest("m", &[list])]));
    let texts = |one: &crate::provenance::Action| [one.digital_source_type.clone(), one.software_agent.clone()];
    let kept: usize = found.manifests[0].actions.iter().flat_map(texts).flatten().map(|text| text.len()).sum();
    assert!((15_000..=16 * 1024).contains(&kept), "{kept}");
}

#[test]
fn indefinite_lengths_tags_and_texts_in_pieces() {
    // {_ "actions": 55799([_ {"action": (_ "c2pa.", "created")}])}
    let bytes = b"\xbf\x67actions\xd9\xd9\xf7\x9f\xa1\x66action\x7f\x65c2pa.\x67created\xff\xff\xff";
    let list = superbox(*b"cbor", "c2pa.actions", &[plain(*b"cbor", bytes)]);
    let found = inspected(&store(&[manifest("m", &[list])]));
    assert_eq!(found.manifests[0].actions.iter().map(|one| one.action.as_str()).collect::<Vec<_>>(), ["c2pa.created"]);
}

proptest! {
    #[test]
    fn whatever_was_written_is_found_again(
        before in proptest::collection::vec("[a-m]{1,8}", 0..6), value in "\\PC{0,40}", wanted in "[n-z]{1,30}",
    ) {
        let mut map = serde_json::Map::new();
        for key in before {
            map.insert(key, json!([{ "k": [1, 300, 70_000, true, null] }, "text"]));
        }
        map.insert(wanted.clone(), json!(value));
        map.insert("zz~".to_owned(), json!(true));
        let bytes = cbor(&serde_json::Value::Object(map));
        let node = Node::new(&bytes);
        let found = node.get(&wanted).and_then(Node::text);
        prop_assert_eq!(found.as_deref(), Some(value.as_str()));
        prop_assert_eq!(node.get("zz~").and_then(Node::boolean), Some(true));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>()) {
        inspected(&bytes);
        let mut whole = rich();
        let at = at.index(whole.len());
        let end = (at + bytes.len()).min(whole.len());
        whole[at..end].copy_from_slice(&bytes[..end - at]);
        inspected(&whole);
    }
}
