//! What an image declares of itself: on the result, or enough to save the call.
use super::*;
use crate::evidence::{EvidenceKind, EvidenceSource, Strength};

/// A1111's text, which only a generator writes.
const PARAMETERS: &str = "a cat\nNegative prompt: text\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 1x1";

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[..], kind, content, &[0; 4]].concat()
}

/// A PNG with such a text.
fn saying(key: &str, value: &str) -> Source {
    let text = [key.as_bytes(), b"\0", value.as_bytes()].concat();
    Source::Bytes([PNG, &chunk(b"tEXt", &text)[..]].concat().into())
}

fn generated() -> Source {
    saying("parameters", PARAMETERS)
}

/// One that was put together with generated parts, by its XMP.
fn composite() -> Source {
    let packet = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType=
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"/></rdf:RDF></x:xmpmeta>"#;
    let text = ["XML:com.adobe.xmp\0\0\0\0\0", packet].concat();
    Source::Bytes([PNG, &chunk(b"iTXt", text.as_bytes())[..]].concat().into())
}

fn skipping(source: Source, sources: &[&str]) -> Call {
    let skip_sources = Some(Sources::parse(sources).unwrap());
    Call { precheck: Some(Precheck::SkipDeclared), skip_sources, ..Call::new(source) }
}

/// Token, upload and verdict.
fn script() -> Vec<std::result::Result<Response, Failure>> {
    let token = r#"{"Code":200,"Data":{"AccessKeyId":"STS.x","AccessKeySecret":"s","SecurityToken":"t","BucketName":"bkt",
        "FileNamePrefix":"upload/p/","OssInternetEndPoint":"https://oss-us-east-1.aliyuncs.com","Expiration":1800001800}}"#;
    vec![answer(200, &[], token), answer(200, &[("x-oss-request-id", "O")], ""), answer(200, &[], SUCCESS)]
}

#[tokio::test]
async fn a_declaration_that_is_enough_saves_the_call() {
    let call = Call { data_id: Some("img-1".into()), ..skipping(generated(), &["generator_text"]) };
    let (result, transport) = asked(Vec::new(), call).await;
    let found = result.unwrap();
    assert!(transport.requests().is_empty());
    assert_eq!((found.label.as_deref(), found.is_aigc, found.confidence), (Some("aigc"), Some(true), None));
    assert_eq!((found.engine, found.billing), (Engine::Provenance, Billing::NotBilled));
    assert_eq!((found.risk_level, found.request_id, found.region), (None, None, None));
    assert_eq!((found.data_id.as_deref(), found.service.as_str()), (Some("img-1"), SERVICE));
    assert!(found.labels.is_empty() && found.attempts.is_empty() && found.body.is_empty());
    assert_eq!(found.raw, serde_json::json!({}));
    assert_eq!(found.warnings, ["truncated", "small_image"]);
    let [one] = &found.evidence[..] else { panic!("{:?}", found.evidence) };
    assert_eq!(
        (one.kind, one.source, one.strength),
        (EvidenceKind::Generated, EvidenceSource::GeneratorText, Strength::Strong)
    );
}

/// Wrong parameters are wrong, whatever the image says.
#[tokio::test]
async fn a_saved_call_is_checked_all_the_same() {
    let call = Call { data_id: Some("a b".into()), ..skipping(generated(), &["generator_text"]) };
    assert_eq!(asked(Vec::new(), call).await.0.unwrap_err().kind(), Kind::InvalidParameter);
    let call = Call { service: Some("other".into()), ..skipping(generated(), &["generator_text"]) };
    let found = asked(Vec::new(), call).await.0.unwrap();
    assert_eq!((found.service.as_str(), found.warnings[0]), ("other", "unknown_service"));
}

#[tokio::test]
async fn what_is_not_enough_is_asked_about_and_reported() {
    for (call, count) in [
        (Call::new(generated()), 1),
        (skipping(generated(), &["c2pa", "iptc", "aigc_label", "exif"]), 1),
        (skipping(composite(), &["c2pa", "iptc", "aigc_label", "generator_text", "exif"]), 1),
        (skipping(saying("parameters", "exposure: 1/60"), &["generator_text"]), 0),
        (Call { precheck: Some(Precheck::Off), ..Call::new(generated()) }, 0),
    ] {
        let (result, transport) = asked(script(), call).await;
        let found = result.unwrap();
        assert_eq!((found.engine, found.billing), (Engine::Service, Billing::Billed));
        assert_eq!((found.evidence.len(), transport.requests().len()), (count, 3), "{:?}", found.evidence);
    }
}

#[tokio::test]
async fn a_url_declares_nothing_here() {
    let (result, transport) = asked(vec![answer(200, &[], SUCCESS)], skipping(url(), &["c2pa"])).await;
    assert!(result.unwrap().evidence.is_empty());
    assert_eq!(transport.requests().len(), 1);
}

/// The call's own word counts before the client's.
#[tokio::test]
async fn the_rule_of_a_call_is_its_own_or_the_client_s() {
    let transport = Arc::new(Scripted::new([]));
    let mut asking = client(Signature::Acs3, &transport);
    let settings = Settings {
        precheck: Precheck::SkipDeclared,
        skip_sources: Sources::parse(["generator_text"]).unwrap(),
        ..Settings::clone(&asking.settings)
    };
    asking.settings = Arc::new(settings);
    assert_eq!(asking.detect(Call::new(generated())).await.unwrap().engine, Engine::Provenance);
    for other in [
        Call { precheck: Some(Precheck::Report), ..Call::new(generated()) },
        Call { skip_sources: Some(Sources::parse(["c2pa"]).unwrap()), ..Call::new(generated()) },
    ] {
        assert!(!asking.declaration_rule(&other).suffices(&crate::provenance::read(b"").evidence));
        assert!(asking.detect(other).await.is_err(), "there is nothing in the script");
    }
}

/// Read from a file, on the thread that reads it.
#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "the test makes the file")]
async fn a_file_and_a_large_image_are_read_as_well() {
    let Source::Bytes(bytes) = generated() else { panic!() };
    let path = std::env::temp_dir().join(format!("aigclens-declared-{}.png", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    let (found, transport) = asked(Vec::new(), skipping(Source::Path(path.clone()), &["generator_text"])).await;
    std::fs::remove_file(&path).unwrap();
    assert_eq!((found.unwrap().engine, transport.requests().len()), (Engine::Provenance, 0));
    let large = [&bytes[..], &chunk(b"IDAT", &vec![0; 200_000])[..]].concat();
    let (found, _) = asked(Vec::new(), skipping(Source::Bytes(large.into()), &["generator_text"])).await;
    assert_eq!(found.unwrap().engine, Engine::Provenance);
}
