//! Every signing vector of `tests/vectors/`, compared stage by stage, so that a fault shows where it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(clippy::disallowed_methods, reason = "the vectors are files")]
use aigclens::encode;
use aigclens::sign::{acs3, oss_v1, oss_v4, rpc, sha256_hex};
use serde_json::Value;
use std::path::Path;

/// All cases of a kind; their number is part of the test.
fn cases(kind: &str, expected: usize) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(kind);
    let mut cases: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert!(!text(&case, "provenance").is_empty(), "{} does not say where it comes from", path.display());
            (path.file_stem().unwrap().to_string_lossy().into_owned(), case)
        })
        .collect();
    cases.sort_by(|(left, _), (right, _)| left.cmp(right));
    assert_eq!(cases.len(), expected, "{kind}");
    cases
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} is missing"))
}

/// A member that not every case has.
fn maybe<'a>(case: &'a Value, name: &str) -> Option<&'a str> {
    case[name].as_str()
}

fn pairs<'a>(case: &'a Value, name: &str) -> Vec<(&'a str, &'a str)> {
    let fields = case[name].as_object().into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}

#[test]
fn percent_encoding() {
    for (name, case) in cases("percent_encode", 42) {
        assert_eq!(encode::percent(text(&case, "in")), text(&case, "rfc3986"), "{name}");
        assert_eq!(encode::form_value(text(&case, "in")), text(&case, "form"), "{name}");
        assert_eq!(encode::decode(text(&case, "rfc3986")).as_deref(), Some(text(&case, "in")), "{name}");
    }
}

#[test]
fn rpc_hmac_sha1() {
    let mut published = 0;
    for (name, case) in cases("rpc_v1", 13) {
        let parameters = [pairs(&case, "query"), pairs(&case, "body")].concat();
        let secret = text(&case, "access_key_secret");
        let canonicalized = rpc::canonicalized_query(&parameters);
        assert_eq!(canonicalized, text(&case, "canonicalized_query"), "{name}: canonicalized query");
        let string_to_sign = rpc::string_to_sign(text(&case, "method"), &canonicalized);
        assert_eq!(string_to_sign, text(&case, "string_to_sign"), "{name}: string to sign");
        assert_eq!(format!("{secret}&"), text(&case, "hmac_key"), "{name}: key");
        assert_eq!(rpc::signature(secret, &string_to_sign), text(&case, "signature"), "{name}: signature");
        assert_eq!(
            rpc::sign(text(&case, "method"), &parameters, secret),
            text(&case, "signature"),
            "{name}: all in one"
        );
        posted(&name, &case);
        published += usize::from(case["published"] == true);
    }
    assert_eq!(published, 4);
}

/// The form as the official client posts it: its fields sorted.
fn posted(name: &str, case: &Value) {
    let mut fields = pairs(case, "body");
    fields.sort_unstable();
    if let Some(form) = maybe(case, "form_body").filter(|_| !fields.is_empty()) {
        assert_eq!(encode::form(fields), form, "{name}: form body");
    }
}

#[test]
fn acs3_hmac_sha256() {
    let (mut published, mut bodies) = (0, 0);
    for (name, case) in cases("acs3", 14) {
        let (query, headers) = (pairs(&case, "query"), pairs(&case, "headers"));
        let payload_hash = text(&case, "hashed_payload");
        // One published case gives the hash of a body that it does not show.
        if name != "sdk_unit_test_duplicate_header_case" {
            assert_eq!(sha256_hex(text(&case, "form_body").as_bytes()), payload_hash, "{name}: payload hash");
            bodies += 1;
        }
        let request = acs3::Request {
            method: text(&case, "method"),
            path: text(&case, "pathname"),
            query: &query,
            headers: &headers,
            payload_hash,
        };
        assert_eq!(acs3::canonical_query(&request), text(&case, "canonical_query"), "{name}: canonical query");
        let signed_headers = acs3::signed_headers(&request);
        assert_eq!(signed_headers, text(&case, "signed_headers"), "{name}: signed headers");
        let canonical_request = acs3::canonical_request(&request);
        assert_eq!(canonical_request, text(&case, "canonical_request"), "{name}: canonical request");
        let string_to_sign = acs3::string_to_sign(&canonical_request);
        assert_eq!(string_to_sign, text(&case, "string_to_sign"), "{name}: string to sign");
        let (id, secret) = (text(&case, "access_key_id"), text(&case, "access_key_secret"));
        let signature = acs3::signature(secret, &string_to_sign);
        assert_eq!(signature, text(&case, "signature"), "{name}: signature");
        let authorization = acs3::authorization(id, &signed_headers, &signature);
        assert_eq!(authorization, text(&case, "authorization"), "{name}: authorization");
        assert_eq!(acs3::authorize(&request, id, secret), authorization, "{name}: all in one");
        posted(&name, &case);
        published += usize::from(case["published"] == true);
    }
    assert_eq!((published, bodies), (2, 13));
}

#[test]
fn oss_v1_header() {
    for (name, case) in cases("oss_v1", 6) {
        let headers = pairs(&case, "headers");
        let request = oss_v1::Request {
            method: text(&case, "method"),
            bucket: text(&case, "bucket"),
            key: text(&case, "key"),
            headers: &headers,
        };
        let string_to_sign = oss_v1::string_to_sign(&request);
        assert_eq!(string_to_sign, text(&case, "string_to_sign"), "{name}: string to sign");
        let (id, secret) = (text(&case, "access_key_id"), text(&case, "access_key_secret"));
        let signature = oss_v1::signature(secret, &string_to_sign);
        let authorization = text(&case, "authorization");
        assert_eq!(Some(signature.as_str()), authorization.rsplit(':').next(), "{name}: signature");
        assert_eq!(oss_v1::authorization(id, &signature), authorization, "{name}: authorization");
        assert_eq!(oss_v1::authorize(&request, id, secret), authorization, "{name}: all in one");
    }
}

#[test]
fn oss_v4_header() {
    let (mut requests, mut keys) = (0, 0);
    for (name, case) in cases("oss_v4", 8) {
        let (query, headers) = (pairs(&case, "query"), pairs(&case, "headers"));
        let additional = case["additional_headers"].as_array().into_iter().flatten();
        let additional: Vec<&str> = additional.map(|name| name.as_str().unwrap()).collect();
        let (_, date) = *headers.iter().find(|(name, _)| *name == "x-oss-date").unwrap();
        let request = oss_v4::Request {
            method: text(&case, "method"),
            bucket: text(&case, "bucket"),
            key: text(&case, "key"),
            query: &query,
            headers: &headers,
            additional_headers: &additional,
            date,
            region: text(&case, "region"),
        };
        let canonical_request = oss_v4::canonical_request(&request);
        if let Some(expected) = maybe(&case, "canonical_request") {
            assert_eq!(canonical_request, expected, "{name}: canonical request");
            requests += 1;
        }
        let string_to_sign = oss_v4::string_to_sign(&request, &canonical_request);
        assert_eq!(string_to_sign, text(&case, "string_to_sign"), "{name}: string to sign");
        let (id, secret) = (text(&case, "access_key_id"), text(&case, "access_key_secret"));
        let signing_key = oss_v4::signing_key(secret, &request);
        if let Some(expected) = maybe(&case, "signing_key_hex") {
            assert_eq!(encode::hex(&signing_key), expected, "{name}: signing key");
            keys += 1;
        }
        // One of Alibaba's packages writes ", " between the parts, the other ",": both are valid, ours is the shorter.
        let authorization = text(&case, "authorization").replace(", ", ",");
        let signature = oss_v4::signature(&signing_key, &string_to_sign);
        assert_eq!(oss_v4::authorization(&request, id, &signature), authorization, "{name}: authorization");
        assert_eq!(oss_v4::authorize(&request, id, secret), authorization, "{name}: all in one");
    }
    assert_eq!((requests, keys), (5, 5), "the unpublished cases have every stage");
}

/// A third witness: an implementation by others, which signs at its own time; ours must agree on what it signed.
#[tokio::test]
async fn another_implementation_of_oss_signs_the_same() {
    use reqsign_aliyun_oss::{Credential, RequestSigner, SigningVersion};
    use reqsign_core::{Context, SignRequest as _};
    let credential = Credential {
        access_key_id: "STS.id".into(),
        access_key_secret: "the+secret/==".into(),
        security_token: Some("the+token/==".into()),
        expires_in: None,
    };
    for key in ["upload/1xxb89/a.png", "a b~*+%é中.png", "a//b/'(!).png"] {
        for version in [SigningVersion::V1, SigningVersion::V4] {
            let uri = format!("https://bucket-1.oss-ap-southeast-1.aliyuncs.com/{}", encode::percent_path(key));
            let request = http::Request::put(uri).header("content-type", "image/png").body(()).unwrap();
            let (mut parts, ()) = request.into_parts();
            let signer = RequestSigner::new("bucket-1").with_region("ap-southeast-1").with_signing_version(version);
            signer.sign_request(&Context::new(), &mut parts, Some(&credential), None).await.unwrap();
            let headers: Vec<(&str, &str)> =
                parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            let header = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
            let theirs = header("authorization").unwrap().replace(", ", ",").replace("AdditionalHeaders=,", "");
            let (id, secret) = (&credential.access_key_id, &credential.access_key_secret);
            let ours = if let Some(date) = header("x-oss-date").filter(|_| version == SigningVersion::V4) {
                let additional =
                    theirs.split_once("AdditionalHeaders=").map(|(_, rest)| rest.split(',').next().unwrap());
                let additional: Vec<&str> = additional.map(|names| names.split(';').collect()).unwrap_or_default();
                let request = oss_v4::Request {
                    method: "PUT",
                    bucket: "bucket-1",
                    key,
                    query: &[],
                    headers: &headers,
                    additional_headers: &additional,
                    date,
                    region: "ap-southeast-1",
                };
                oss_v4::authorize(&request, id, secret)
            } else {
                oss_v1::authorize(
                    &oss_v1::Request { method: "PUT", bucket: "bucket-1", key, headers: &headers },
                    id,
                    secret,
                )
            };
            assert_eq!(ours, theirs, "{key}");
        }
    }
}
