use super::*;
use crate::evidence::{Evidence, EvidenceKind, Strength};
use made::{action, actions, assertion, in_json, ingredient, iptc, manifest, store, superbox};
use serde_json::json;

mod hostile;
mod made;

use EvidenceKind::{Captured, Composite, Edited, Generated};

const AI: &str = "trainedAlgorithmicMedia";

fn inspected(bytes: &[u8]) -> Provenance {
    let mut found = Provenance::default();
    read(bytes, "here", &mut found);
    found
}

fn kinds(manifests: &[Vec<u8>]) -> Vec<EvidenceKind> {
    inspected(&store(manifests)).evidence.iter().map(|one| one.kind).collect()
}

fn field<'e>(evidence: &'e Evidence, name: &str) -> Option<&'e str> {
    evidence.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_manifest_and_its_declaration_with_all_fields() {
    let found = inspected(&store(&[manifest(
        "urn:c2pa:1",
        &[
            assertion("c2pa.soft-binding", &json!({ "alg": "com.adobe.trustmark.P", "blocks": [] })),
            assertion("c2pa.soft-binding__1", &json!({ "alg": "org.example.mark" })),
            actions(&json!([
                { "action": "c2pa.opened" },
                { "action": "c2pa.created", "digitalSourceType": iptc(AI), "softwareAgent": { "name": "GPT-4o" } },
            ])),
        ],
    )]));
    let [one] = &found.evidence[..] else { panic!("{found:?}") };
    assert_eq!((one.kind, one.strength, one.detail.as_str()), (Generated, Strength::Declared, AI));
    assert_eq!(one.place, "here/urn:c2pa:1/c2pa.actions.v2");
    let fields: Vec<_> = one.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("manifest", "urn:c2pa:1"),
            ("active", "true"),
            ("assertion", "c2pa.actions.v2"),
            ("action", "c2pa.created"),
            ("digitalSourceType", iptc(AI).as_str()),
            ("softwareAgent", "GPT-4o"),
            ("claim_generator", "Maker 1.2"),
            ("soft_binding", "com.adobe.trustmark.P (Adobe), org.example.mark"),
        ]
    );
    let [shown] = &found.manifests[..] else { panic!("{found:?}") };
    assert_eq!((shown.label.as_str(), shown.is_active), ("urn:c2pa:1", true));
    assert_eq!(shown.assertions, ["c2pa.soft-binding", "c2pa.soft-binding__1", "c2pa.actions.v2"]);
    assert_eq!(shown.actions.len(), 2);
    assert_eq!(found.warnings, [""; 0]);
}

#[test]
fn source_types_under_every_spelling_and_action() {
    for (value, expected) in [
        (iptc(AI), Some(Generated)),
        (iptc(AI).replace("http:", "https:"), Some(Generated)),
        (AI.to_owned(), Some(Generated)),
        ("c2pa.trainedAlgorithmicData".to_owned(), Some(Generated)),
        ("http://c2pa.org/digitalsourcetype/trainedAlgorithmicData".to_owned(), Some(Generated)),
        (iptc("compositeWithTrainedAlgorithmicMedia"), Some(Composite)),
        (iptc("humanEdits"), Some(Edited)),
        (iptc("digitalCapture"), Some(Captured)),
        (iptc("algorithmicMedia"), None),
        (iptc("digitalCreation"), None),
        (format!("http://example.com/{AI}"), None),
        (format!("about {AI}"), None),
    ] {
        let made = [actions(&json!([{ "action": "c2pa.created", "digitalSourceType": value }]))];
        assert_eq!(kinds(&[manifest("m", &made)]), Vec::from_iter(expected), "{value}");
    }
    for (made, expected) in [
        (vec![action("c2pa.created", AI)], vec![Generated]),
        (vec![action("c2pa.edited", AI)], vec![Generated]),
        (vec![action("c2pa.edited", AI), ingredient("c2pa.ingredient.v3", "parentOf", "gone")], vec![Composite]),
        (vec![action("c2pa.edited", AI), actions(&json!([{ "action": "c2pa.opened" }]))], vec![Composite]),
        (vec![action("c2pa.edited", AI), ingredient("c2pa.ingredient", "componentOf", "gone")], vec![Generated]),
        (vec![action("c2pa.created", AI), ingredient("c2pa.ingredient.v3", "parentOf", "gone")], vec![Generated]),
    ] {
        assert_eq!(kinds(&[manifest("m", &made)]), expected);
    }
}

#[test]
fn what_an_ingredient_was_made_with_counts_by_its_relationship() {
    let generated = manifest("made", &[action("c2pa.created", AI)]);
    let is = |relationship| ingredient("c2pa.ingredient.v3", relationship, "made");
    let did = |name: &str| actions(&json!([{ "action": name }]));
    for (active, expected) in [
        (vec![is("parentOf")], Generated),
        (vec![is("parentOf"), did("c2pa.opened"), did("c2pa.cropped")], Generated),
        (vec![is("componentOf"), did("c2pa.opened")], Generated),
        (vec![is("componentOf"), did("c2pa.placed")], Composite),
        (vec![is("componentOf"), did("c2pa.created")], Composite),
        (vec![is("componentOf"), ingredient("c2pa.ingredient.v3__1", "parentOf", "gone")], Composite),
        (vec![is("componentOf"), ingredient("c2pa.ingredient.v3__1", "componentOf", "gone")], Composite),
        (vec![is("inputTo")], Composite),
        (vec![is("inputTo"), did("c2pa.opened")], Composite),
    ] {
        assert_eq!(kinds(&[generated.clone(), manifest("active", &active)]), [expected], "{active:?}");
    }
    // How a part was taken says nothing of the whole; how the parent was, does.
    let taken = manifest("made", &[action("c2pa.created", "digitalCapture")]);
    assert_eq!(kinds(&[taken.clone(), manifest("active", &[is("inputTo")])]), []);
    assert_eq!(kinds(&[taken.clone(), manifest("active", &[is("parentOf")])]), [Captured]);
    let filled = manifest("active", &[is("parentOf"), action("c2pa.edited", AI)]);
    assert_eq!(kinds(&[taken, filled]), [Captured, Composite]);
}

#[test]
fn ingredients_of_ingredients_and_circles() {
    let link = |relationship, to| ingredient("c2pa.ingredient.v2", relationship, to);
    let source = || manifest("a", &[action("c2pa.created", AI)]);
    let found = inspected(&store(&[
        source(),
        manifest("b", &[link("parentOf", "a")]),
        manifest("c", &[link("parentOf", "b"), link("componentOf", "gone")]),
    ]));
    assert_eq!(found.evidence[0].kind, Generated);
    assert_eq!(field(&found.evidence[0], "relationship"), Some("parentOf"));
    assert_eq!(field(&found.evidence[0], "active"), Some("false"));
    let found = inspected(&store(&[
        source(),
        manifest("b", &[link("parentOf", "a")]),
        manifest("c", &[link("inputTo", "b"), link("parentOf", "gone")]),
    ]));
    assert_eq!(found.evidence[0].kind, Composite, "a part of the whole, whatever it was of the part");
    assert_eq!(field(&found.evidence[0], "relationship"), Some("inputTo"));
    // Reached both ways, the nearer one counts.
    assert_eq!(kinds(&[source(), manifest("c", &[link("inputTo", "a"), link("parentOf", "a")])]), [Generated]);
    // Circles, and what nothing refers to.
    let circle = [
        manifest("a", &[action("c2pa.created", AI), link("parentOf", "b")]),
        manifest("b", &[link("parentOf", "a"), link("parentOf", "b")]),
    ];
    assert_eq!(kinds(&circle), [Generated]);
    let apart = inspected(&store(&[circle.concat(), manifest("c", &[])]));
    assert_eq!((apart.evidence[0].kind, apart.evidence[0].strength), (Composite, Strength::Medium));
    assert_eq!(apart.manifests.iter().map(|one| one.is_active).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn other_assertions_that_declare() {
    let metadata = |value: &str| format!(r#"{{"@context":{{}},"n":[1.5e9],"Iptc4xmpExt:DigitalSourceType":{value}}}"#);
    let url = format!("\"{}\"", iptc(AI));
    for (made, expected) in [
        (assertion("c2pa.ai_generated_content", &json!({ "model": "x", "ai_generated": true })), Some(Generated)),
        (assertion("c2pa.ai_generated_content__1", &json!({ "model": "x" })), Some(Generated)),
        (assertion("c2pa.ai_generated_content", &json!({ "ai_generated": false })), None),
        (in_json("c2pa.ai_generated_content", r#"{"ai_generated": true}"#), Some(Generated)),
        (in_json("c2pa.ai_generated_content", r#"{"a": {"b": [1]}, "ai_generated": false}"#), None),
        (in_json("stds.iptc", &metadata(&url)), Some(Generated)),
        (in_json("cawg.metadata", &metadata(&url)), Some(Generated)),
        (assertion("c2pa.metadata", &json!({ "Iptc4xmpExt:DigitalSourceType": iptc(AI) })), Some(Generated)),
        (in_json("stds.iptc", &metadata("7")), None),
        (in_json("stds.iptc", &metadata("[]")), None),
        (in_json("stds.schema-org.CreativeWork", &metadata(&url)), None),
        (in_json("stds.iptc", &format!(r#"{{"dc:description":{url}}}"#)), None),
        (in_json("stds.iptc", &format!(r#"{{"inner":{{"DigitalSourceType":{url}}}}}"#)), None),
        (assertion("c2pa.soft-binding", &json!({ "alg": "com.google.synthid.1" })), None),
        (assertion("com.example.actions", &json!({ "actions": [{ "digitalSourceType": iptc(AI) }] })), None),
        (assertion("c2pa.ingredient.v3", &json!({ "dc:title": iptc(AI), "description": AI })), None),
        (actions(&json!([{ "action": "c2pa.created", "description": iptc(AI) }])), None),
    ] {
        assert_eq!(kinds(&[manifest("m", std::slice::from_ref(&made))]), Vec::from_iter(expected), "{made:?}");
    }
}

#[test]
fn actions_are_completed_and_counted_over_all_assertions() {
    let found = inspected(&store(&[manifest(
        "m",
        &[
            assertion(
                "c2pa.actions.v2",
                &json!({
                    "actions": [
                        { "action": "c2pa.edited", "softwareAgentIndex": 1 },
                        { "action": "c2pa.created", "parameters": { "digitalSourceType": iptc("digitalCapture") } },
                        { "action": "c2pa.drawing", "softwareAgent": "Brush" },
                    ],
                    "softwareAgents": [{ "name": "One" }, { "name": "Two", "version": "2.0" }],
                    "templates": [
                        { "action": "c2pa.edited", "digitalSourceType": iptc(AI), "softwareAgent": "never" },
                        { "action": "c2pa.filtered", "digitalSourceType": iptc(AI) },
                    ],
                }),
            ),
            assertion("c2pa.actions__1", &json!({ "actions": [{ "action": "c2pa.opened" }] })),
        ],
    )]));
    let shown: Vec<_> = found.manifests[0].actions.iter().collect();
    let agents: Vec<_> = shown.iter().map(|one| one.software_agent.as_deref()).collect();
    assert_eq!(agents, [Some("Two 2.0"), None, Some("Brush"), None]);
    assert_eq!(shown[0].digital_source_type, Some(iptc(AI)), "by the template of its name");
    assert_eq!(shown[2].digital_source_type, None);
    let kinds: Vec<_> = found.evidence.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Composite, Captured], "what was opened in the second assertion is the parent of all");
}

#[test]
fn references_claims_and_kinds_of_manifests() {
    let old = |url: &str| {
        let reference = json!({ "relationship": "parentOf", "c2pa_manifest": { "url": url, "hash": "x" } });
        let found = inspected(&store(&[manifest("m", &[assertion("c2pa.ingredient", &reference)])]));
        found.manifests[0].ingredients[0].manifest.clone()
    };
    assert_eq!(old("self#jumbf=/c2pa/a:urn:uuid:1").as_deref(), Some("a:urn:uuid:1"));
    assert_eq!(old("self#jumbf=c2pa/one/c2pa.claim").as_deref(), Some("one"));
    assert_eq!(old("self#jumbf=c2pa.assertions/x"), None);
    assert_eq!(old("https://example.com/c2pa/x"), None);

    let claim = |version: &str, value| superbox(*b"c2cl", version, &[made::plain(*b"cbor", &made::cbor(&value))]);
    let by = |claim| inspected(&store(&[superbox(*b"c2um", "m", &[claim])])).manifests[0].claim_generator.clone();
    let both = json!({ "claim_generator": "Old/1", "claim_generator_info": [{ "name": "New" }, { "name": "lib" }] });
    assert_eq!(by(claim("c2pa.claim", both)).as_deref(), Some("New"));
    assert_eq!(by(claim("c2pa.claim", json!({ "claim_generator": "Old/1 lib/2" }))).as_deref(), Some("Old/1 lib/2"));
    assert_eq!(by(claim("c2pa.claim.v2", json!({}))), None);
    assert_eq!(by(claim("c2pa.other", json!({ "claim_generator": "x" }))), None);

    let packed = superbox(*b"c2cm", "m", &[made::plain(*b"brob", b"jumb....")]);
    let found = inspected(&store(&[packed]));
    assert_eq!((found.warnings, found.manifests.len()), (vec!["c2pa_compressed"], 1));
}

#[test]
fn what_is_no_store_declares_nothing() {
    let named = manifest("c2pa", &[action("c2pa.created", AI)]);
    for bytes in [&b""[..], b"c2pa", b"trainedAlgorithmicMedia c2pa.created", b"\0\0\0\x08jumb", &named] {
        let found = inspected(bytes);
        assert_eq!((found.evidence, found.warnings), (vec![], vec!["c2pa_unreadable"]));
    }
    let other = superbox(*b"xxxx", "c2pa", &[manifest("m", &[action("c2pa.created", AI)])]);
    assert_eq!(inspected(&other).evidence, []);
    assert_eq!(inspected(&store(&[superbox(*b"json", "m", &[])])).manifests, []);
}
