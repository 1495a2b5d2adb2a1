use super::*;

fn said(text: &str) -> Option<(String, Strength)> {
    read(text).map(|evidence| {
        assert_eq!((evidence.kind, evidence.source), (EvidenceKind::Generated, EvidenceSource::AigcLabel));
        (evidence.detail, evidence.strength)
    })
}

fn field(evidence: &Evidence, name: &str) -> Option<String> {
    evidence.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

#[test]
fn each_value_of_the_label_has_its_meaning_and_its_reservation() {
    for (text, detail, strength) in [
        (r#"{"Label":"1"}"#, "generated", Strength::Declared),
        (r#"{"Label":1}"#, "generated", Strength::Declared),
        (r#"{"Label":"2"}"#, "possibly generated", Strength::Medium),
        (r#"{"label": 2}"#, "possibly generated", Strength::Medium),
        (r#"{"LABEL":" 3 "}"#, "suspected", Strength::Weak),
        (r#"{"Label":"AIGC"}"#, "AIGC", Strength::Declared),
        (r#"{"Label":"0"}"#, "0", Strength::Medium),
        (r#"{"Label":"","ProduceID":"x"}"#, "labelled", Strength::Declared),
        (r#"{"Label":null}"#, "labelled", Strength::Declared),
        (r#"{"ReservedCode2:":"x"}"#, "labelled", Strength::Declared),
        (r#"{"ServiceProvider":"t","ServiceUser":"u"}"#, "labelled", Strength::Declared),
    ] {
        assert_eq!(said(text), Some((detail.to_owned(), strength)), "{text}");
    }
}

#[test]
fn the_quirks_of_writers_are_read() {
    let plain = r#"{"Label":"1","ContentProducer":"p","Note":"a & b <c>"}"#;
    let once = plain.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let twice = once.replace('&', "&amp;");
    let numbered = plain.replace('"', "&#34;");
    let in_text = format!(r#"{{"AIGC":{}}}"#, serde_json::to_string(plain).unwrap());
    let wrapped = format!(r#"{{"aigc":{plain}}}"#);
    for text in [
        plain.to_owned(),
        format!("AIGC{plain}"),
        format!(" {plain} and more"),
        format!("{plain}\0\0"),
        once,
        twice,
        numbered,
        in_text,
        wrapped,
    ] {
        assert_eq!(said(&text), Some(("generated".to_owned(), Strength::Declared)), "{text}");
        assert_eq!(field(&read(&text).unwrap(), "Note").unwrap(), "a & b <c>", "{text}");
    }
}

#[test]
fn all_keys_are_kept_as_they_are_written_and_the_producer_is_taken_apart() {
    let text = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","X":{"a":[1,2]},"n":1.50,"b":true}"#;
    let evidence = read(text).unwrap();
    let fields: Vec<_> = evidence.fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("producer_code", "91110102MACQD9K640"),
            ("Label", "1"),
            ("ContentProducer", "001191110102MACQD9K64010000"),
            ("X", r#"{"a":[1,2]}"#),
            ("n", "1.50"),
            ("b", "true"),
        ]
    );
    for other in ["001191110102MACQD9K6401000", "002191110102MACQD9K64010000", "001191110102MACQD9K6401000-", ""] {
        let text = format!(r#"{{"ContentProducer":"{other}"}}"#);
        assert_eq!(field(&read(&text).unwrap(), "producer_code"), None, "{other}");
    }
}

#[test]
fn what_is_no_label_is_none() {
    for near in [
        "",
        "yes",
        "{}",
        "[1]",
        "{broken",
        r#"{"title":"AIGC"}"#,
        r#"{"Label":"1""#,
        r#"{"ServiceProvider":"t"}"#,
        r#"{"AIGC":"1"}"#,
        r#"{"Labels":"1"}"#,
        "&quot;Label&quot;",
        "&&&&",
    ] {
        assert_eq!(said(near), None, "{near}");
    }
}

/// What is nearly JSON, by writers that put it together by hand.
#[test]
fn a_label_that_is_no_json_is_read_where_it_says_enough() {
    let plain = r#"{"Label":"1","ContentProducer":"p","ProduceID":"7","ReservedCode2":""}"#;
    for text in [
        r#"{"Label":"1","ContentProducer":"p","ProduceID":"7","ReservedCode2:""}"#.to_owned(),
        r#"{"Label":"1","ContentProducer":"p","ProduceID":"7","ReservedCode2":: ""}"#.to_owned(),
        r#"{"Label":1,"ContentProducer":"p","ProduceID":7,"ReservedCode2":"",}"#.to_owned(),
        plain.replace('"', "'"),
        plain.replace('"', r#"\""#),
        format!(r#"{{"AIGC":{plain}"#),
    ] {
        for found in [read(&text), read_among_others(&text)] {
            let found = found.unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.detail.as_str(), found.strength), ("generated", Strength::Declared), "{text}");
            assert_eq!(field(&found, "ContentProducer").as_deref(), Some("p"), "{text}");
            assert_eq!(field(&found, "ProduceID").as_deref(), Some("7"), "{text}");
        }
    }
    for near in
        [r#"{"Label":"1","x":""#, r#"{"Label" "Label" "Label""#, r#"a label {"of "wine" 'ProduceID'"#, "{'", "{\""]
    {
        assert_eq!(said(near), None, "{near}");
    }
}

#[test]
fn keys_in_any_case_an_entry_in_an_entry_and_signs_by_number() {
    let plain = r#"{"LABEL":"1","CONTENTPRODUCER":"p","ReservedCode1":"x"}"#;
    let nested = format!(r#"{{"AIGC":{{"AIGC":{plain}}}}}"#);
    let thrice = (0..3).fold(plain.to_owned(), |text, _| text.replace('&', "&amp;").replace('"', "&quot;"));
    let tencent = r#"{"Label":"1","ServiceProvider":"t"}"#.to_owned();
    for text in [plain.to_owned(), nested, plain.replace('"', "&#034;"), plain.replace('"', "&#x22;"), thrice, tencent]
    {
        assert_eq!(read_among_others(&text).unwrap().detail, "generated", "{text}");
    }
}

#[test]
fn a_field_for_any_text_needs_more_than_a_common_word() {
    for near in [r#"{"label":"beach"}"#, r#"{"Label":"1"}"#, r#"{"label":"AIGC"}"#, "AIGC is near {}", "a photo"] {
        assert_eq!(read_among_others(near), None, "{near}");
    }
    for label in [
        r#"{"AIGC":{"Label":"1"}}"#,
        r#"{"Label":"1","ContentProducer":"p"}"#,
        r#"{"ServiceProvider":"t","ServiceUser":"u","Time":"1"}"#,
    ] {
        assert!(read_among_others(label).is_some(), "{label}");
    }
}

#[test]
fn hostile_json_is_read_in_linear_time_and_little_memory() {
    let deep = "{\"Label\":".repeat(100_000);
    assert_eq!(read(&deep), None);
    let nested = format!(r#"{{"Label":"1","x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(said(&nested).unwrap().0, "generated", "nesting is skipped, not followed");
    let many = r#""k":0,"#.repeat(50_000);
    let evidence = read(format!(r#"{{"Label":"1",{many}"z":0}}"#)).unwrap();
    assert!(evidence.fields.len() <= 48);
    assert_eq!(read("&amp;".repeat(100_000)), None);
    let quotes = "&quot;".repeat(100_000);
    assert_eq!(read(format!("{{{quotes}")), None);
    let text = r#"{"AIGC":"{\"Label\":\"1\"}"} &quot;"#;
    for end in 0..=text.len() {
        read(text.get(..end).unwrap());
    }
}
