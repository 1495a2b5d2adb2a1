use super::*;
use crate::attempt::Billing;
use crate::client::{Call, Client, ImageRules, SERVICE, Source};
use crate::config::{Network, Settings, Signature, Timeouts, UploadSignature};
use crate::credential::{Credentials, Provider};
use crate::detection::{Detection, Engine};
use crate::evidence::{Precheck, Sources};
use crate::http::{Pool, Trust};
use crate::image::{CheckImage, Limits, UrlPolicy};
use crate::region::Endpoint;
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NOW: u64 = 1_795_500_000;

fn emulator(start: &Value) -> Emulator {
    Emulator::start(Config::parse(&start.to_string()).unwrap(), Ambient::fixed(NOW, &[])).unwrap()
}

fn control(emulator: &Emulator, method: &str, path: &str, body: &Value) -> Value {
    let (status, text) = emulator.control(method, &format!("/_emulator/{path}"), &body.to_string());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn billed(emulator: &Emulator) -> u64 {
    control(emulator, "GET", "ledger", &Value::Null)["billed"].as_u64().unwrap()
}

struct Asking {
    signature: Signature,
    upload_signature: UploadSignature,
    secret: &'static str,
    token: Option<&'static str>,
    check: CheckImage,
    now: u64,
}

const PLAIN: Asking = Asking {
    signature: Signature::Acs3,
    upload_signature: UploadSignature::V4,
    secret: ACCESS_KEY_SECRET,
    token: None,
    check: CheckImage::Off,
    now: NOW,
};

impl Asking {
    fn client(&self, emulator: &Emulator) -> Client {
        // Starting from the time, so that two clients of one test draw different nonces.
        let ambient = Ambient::system().with_clock({
            let now = Duration::from_secs(self.now);
            move || now
        });
        let timeouts = Timeouts {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(15),
            total: Duration::from_secs(60),
            idle: Duration::from_secs(15),
        };
        let network = Network { proxy: None, trust_env: false, ca_file: None, user_agent: "test/1".into() };
        let pool = Pool::new(timeouts, network.clone(), Trust::read(&network, &ambient).unwrap(), ambient.clone());
        let settings = Settings {
            endpoint: Endpoint::parse(&emulator.url()).unwrap(),
            failover: Vec::new(),
            vpc: false,
            provider: Provider::Explicit(Credentials::new(ACCESS_KEY_ID, self.secret, self.token).unwrap()),
            signature: self.signature,
            upload_signature: self.upload_signature,
            service: SERVICE.into(),
            precheck: Precheck::default(),
            skip_sources: Sources::default(),
            timeouts,
            policy: crate::retry::Policy { max_retries: 0, ..Default::default() },

            qps: None,
            pace: crate::pace::Scope::Process,
            network,
        };
        let urls = UrlPolicy { allow_private: true, encode: false };
        let rules = ImageRules { check: self.check, limits: Limits::default(), urls };
        Client::new(Arc::new(settings), ambient, Arc::new(pool), rules)
    }

    async fn ask(&self, emulator: &Emulator, source: Source) -> Result<Detection> {
        self.client(emulator).detect(Call::new(source)).await
    }
}

fn png(text: &str) -> Bytes {
    let chunk = |kind: &[u8], data: &[u8]| {
        [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], kind, data, &[0; 4]].concat()
    };
    let header = [&300_u32.to_be_bytes()[..], &300_u32.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let text = [b"parameters\0", text.as_bytes()].concat();
    let chunks = [chunk(b"IHDR", &header), chunk(b"tEXt", &text), chunk(b"IEND", b"")].concat();
    Bytes::from([b"\x89PNG\r\n\x1a\n".to_vec(), chunks].concat())
}

const GENERATED: &str = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1";

/// A server of one image: answers everything with these bytes, after the delay.
async fn image_server(status: &'static str, body: Bytes, delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cat.png?x=1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            tokio::time::sleep(delay).await;
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
    });
    url
}

#[tokio::test]
async fn every_way_in_is_answered_with_either_signature_and_charged_once() {
    let emulator = emulator(&json!({ "settings": { "qps": 0 } }));
    let url = image_server("200 OK", png(GENERATED), Duration::ZERO).await;
    let mut expected = 0;
    for signature in [Signature::Acs3, Signature::HmacSha1] {
        for upload_signature in [UploadSignature::V4, UploadSignature::V1] {
            let asking = Asking { signature, upload_signature, ..PLAIN };
            for source in [Source::Bytes(png(GENERATED)), Source::Url(url.clone())] {
                let found = asking.ask(&emulator, source).await.unwrap();
                expected += 1;
                assert_eq!((found.label.as_deref(), found.confidence), (Some("aigc"), Some(90.0)));
                assert_eq!((found.engine, found.billing), (Engine::Emulator, Billing::Billed));
                assert!(found.request_id.unwrap().starts_with("EMU-"));
            }
            let plain = asking.ask(&emulator, Source::Bytes(png("nothing"))).await.unwrap();
            expected += 1;
            assert_eq!((plain.label.as_deref(), plain.confidence), (Some("nonLabel"), None));
        }
    }
    assert_eq!(billed(&emulator), expected);
    assert_eq!(control(&emulator, "GET", "ledger", &Value::Null)["total"], "0.0072");
}

/// D02 to D12: each code by its cause.
#[tokio::test]
async fn every_business_code_has_a_cause() {
    let emulator = emulator(&json!({ "settings": { "qps": 0, "fetch_timeout": 0.05 } }));
    let code = async |source: Source| {
        let error = PLAIN.ask(&emulator, source).await.unwrap_err();
        error.facts().code.clone().unwrap()
    };
    let gone = image_server("404 Not Found", Bytes::new(), Duration::ZERO).await;
    assert_eq!(code(Source::Url(gone)).await, "404");
    assert_eq!(code(Source::Url("http://127.0.0.1:9/nobody".into())).await, "404");
    assert_eq!(code(Source::Url("https://img.example/elsewhere.png".into())).await, "404");
    let slow = image_server("200 OK", png(""), Duration::from_secs(600)).await;
    assert_eq!(code(Source::Url(slow)).await, "405");
    let large = image_server("200 OK", Bytes::from(vec![0; 20 * 1024 * 1024 + 1]), Duration::ZERO).await;
    control(&emulator, "POST", "settings", &json!({ "fetch_timeout": 60 }));
    assert_eq!(code(Source::Url(large)).await, "406");
    assert_eq!(code(Source::Bytes(Bytes::from_static(b"hello"))).await, "407");
    let oss = |region: Option<&str>| Source::Oss {
        bucket: "somebody".into(),
        key: "a.png".into(),
        region: region.map(str::to_owned),
    };
    assert_eq!(code(oss(Some("cn-shanghai"))).await, "404");
    control(&emulator, "POST", "settings", &json!({ "account_ready": false }));
    assert_eq!(code(Source::Bytes(png(""))).await, "408");
    control(&emulator, "POST", "settings", &json!({ "account_ready": true, "qps": 1 }));
    control(&emulator, "POST", "answers", &json!({ "data_id": null, "label": "nonLabel" }));
    let url = || Source::Url("https://img.example/a.png".into());
    PLAIN.ask(&emulator, url()).await.unwrap();
    assert_eq!(code(url()).await, "403");
    control(&emulator, "POST", "settings", &json!({ "throttle_shape": "gateway" }));
    assert_eq!(code(url()).await, "Throttling.User");
    control(&emulator, "POST", "settings", &json!({ "qps": 0, "judge": { "label": "aigc", "confidence": 42.5 } }));
    control(&emulator, "POST", "answers", &json!({ "code": 500, "times": 1 }));
    assert_eq!(code(url()).await, "500");
    PLAIN.ask(&emulator, url()).await.unwrap();
    assert_eq!(billed(&emulator), 2);
}

/// A04, A05, A08, B01, B02.
#[tokio::test]
async fn who_may_not_ask_is_refused_by_the_gateway() {
    let emulator = emulator(&json!({ "settings": { "qps": 0 } }));
    control(&emulator, "POST", "answers", &json!({ "label": "aigc", "confidence": 1.5 }));
    for signature in [Signature::Acs3, Signature::HmacSha1] {
        for (asking, expected) in [
            (Asking { signature, secret: "wrong", ..PLAIN }, "SignatureDoesNotMatch"),
            (Asking { signature, now: NOW + 901, ..PLAIN }, "InvalidTimeStamp.Expired"),
            (Asking { signature, now: NOW - 901, ..PLAIN }, "InvalidTimeStamp.Expired"),
            (Asking { signature, token: Some("stray"), ..PLAIN }, "InvalidSecurityToken.Malformed"),
        ] {
            let error = asking.ask(&emulator, Source::Url("https://img.example/a".into())).await.unwrap_err();
            assert_eq!(error.facts().code.as_deref(), Some(expected));
            assert_eq!(error.billing(), Billing::NotBilled);
        }
        let late = Asking { signature, now: NOW + 899, ..PLAIN };
        late.ask(&emulator, Source::Url("https://img.example/a".into())).await.unwrap();
    }
    assert_eq!(billed(&emulator), 2);
}

#[tokio::test]
async fn with_a_security_token_each_call_must_carry_it() {
    let emulator = emulator(&json!({ "security_token": "the/token+==", "settings": { "judge": "hash" } }));
    for signature in [Signature::Acs3, Signature::HmacSha1] {
        let url = || Source::Url("https://img.example/a".into());
        Asking { signature, token: Some("the/token+=="), ..PLAIN }.ask(&emulator, url()).await.unwrap();
        let error = Asking { signature, ..PLAIN }.ask(&emulator, url()).await.unwrap_err();
        assert_eq!(error.facts().code.as_deref(), Some("MissingSecurityToken"));
    }
}

#[tokio::test]
async fn uploads_are_refused_as_the_storage_refuses_them() {
    let emulator = emulator(&json!({ "settings": { "refuse_v1": true } }));
    let v1 = Asking { upload_signature: UploadSignature::V1, ..PLAIN };
    let error = v1.ask(&emulator, Source::Bytes(png(""))).await.unwrap_err();
    assert_eq!((error.facts().code.as_deref(), error.facts().http_status), (Some("AccessDenied"), Some(403)));
    PLAIN.ask(&emulator, Source::Bytes(png(""))).await.unwrap();
    control(&emulator, "POST", "settings", &json!({ "token_lifetime": 0 }));
    let error = PLAIN.ask(&emulator, Source::Bytes(png(""))).await.unwrap_err();
    assert_eq!(error.facts().code.as_deref(), Some("SecurityTokenExpired"));
}

#[tokio::test]
async fn scripts_answer_by_data_id_url_and_content_and_the_last_one_wins() {
    let emulator = emulator(&json!({}));
    let hash = crate::sign::sha256_hex(&png("x"));
    for script in [
        json!({ "label": "nonLabel" }),
        json!({ "sha256": hash.to_uppercase(), "labels": [{ "label": "aigc", "confidence": 7.25 }, { "label": "ugc" }] }),
        json!({ "url": "https://img.example/b", "code": "Forbidden.RAM", "http_status": 403 }),
        json!({ "data_id": "img-7", "label": "ugc", "confidence": 33, "data": { "AccountId": "1" } }),
    ] {
        control(&emulator, "POST", "answers", &script);
    }
    let by_hash = PLAIN.ask(&emulator, Source::Bytes(png("x"))).await.unwrap();
    assert_eq!((by_hash.labels.len(), by_hash.confidence), (2, Some(7.25)));
    let refused = PLAIN.ask(&emulator, Source::Url("https://img.example/b".into())).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::PermissionDenied);
    let call = Call { data_id: Some("img-7".into()), ..Call::new(Source::Url("https://img.example/b".into())) };
    let by_id = PLAIN.client(&emulator).detect(call).await.unwrap();
    assert_eq!((by_id.label.as_deref(), by_id.data_id.as_deref()), (Some("ugc"), Some("img-7")));
    assert_eq!(by_id.raw["Data"]["AccountId"], "1");
    let other = PLAIN.ask(&emulator, Source::Url("https://img.example/c".into())).await.unwrap();
    assert_eq!(other.label.as_deref(), Some("nonLabel"));
    control(&emulator, "POST", "reset", &Value::Null);
    assert_eq!(billed(&emulator), 0);
}

async fn raw(emulator: &Emulator, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 65_536];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn strangers_get_no_answer_worth_having() {
    let emulator = emulator(&json!({}));
    let index = raw(&emulator, "GET /_emulator/ HTTP/1.1\r\nhost: localhost:1\r\n\r\n").await;
    assert!(index.starts_with("HTTP/1.1 200") && index.contains("no Alibaba Cloud service"), "{index}");
    for (request, status) in [
        ("GET /_emulator/ledger HTTP/1.1\r\nhost: evil.example\r\n\r\n", "403"),
        ("GET /_emulator/ledger HTTP/1.1\r\nhost: localhost.evil.example:80\r\n\r\n", "403"),
        (
            "POST /_emulator/reset HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\ncontent-length: 0\r\n\r\n",
            "403",
        ),
        ("GET /_emulator/nothing HTTP/1.1\r\nhost: localhost\r\n\r\n", "404"),
        ("GET /_emulator/ledger?after=x HTTP/1.1\r\nhost: localhost\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "400"),
        ("PUT /bucket/key HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n", "404"),
        ("POST /?a=%ff HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2000000\r\n\r\n", "413"),
    ] {
        let answer = raw(&emulator, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
    }
    assert_eq!(control(&emulator, "GET", "requests", &Value::Null).as_array().unwrap().len(), 3);
}

#[test]
fn a_start_or_a_change_that_makes_no_sense_is_refused_whole() {
    for start in [
        json!({ "host": "0.0.0.0" }),
        json!({ "host": "example.com" }),
        json!({ "access_key_id": "LTAI5tReal" }),
        json!({ "access_key_secret": "a b" }),
        json!({ "settings": { "judge": "coin" } }),
        json!({ "settings": { "judge": { "label": "aigc", "confidence": "1" } } }),
        json!({ "settings": { "judge": { "label": "aigc", "risk": 1 } } }),
        json!({ "settings": { "judge": { "label": "aigc", "confidence": 101 } } }),
        json!({ "settings": { "token_lifetime": -1 } }),
        json!({ "speed": 1 }),
    ] {
        assert_eq!(Config::parse(&start.to_string()).unwrap_err().kind(), Kind::Config, "{start}");
    }
    let emulator = emulator(&json!({}));
    control(
        &emulator,
        "POST",
        "faults",
        &json!({ "seed": 7, "rules": [{ "stage": "accept", "action": "fin", "nth": 9 }] }),
    );
    for (path, body) in [
        ("faults", json!({ "rules": [{ "stage": "accept", "action": "html" }] })),
        ("faults/rule", json!({ "stage": "accept", "action": "html" })),
        ("settings", json!({ "qps": 5, "clock_offset": 1e300 })),
        ("settings", json!({ "qps": -1 })),
        ("answers", json!({ "label": "aigc", "code": 500 })),
        ("answers", json!({})),
        ("answers", json!({ "label": "aigc", "times": 0 })),
    ] {
        let (status, text) = emulator.control("POST", &format!("/_emulator/{path}"), &body.to_string());
        assert_eq!(status, 400, "{text}");
    }
    assert_eq!(control(&emulator, "GET", "settings", &Value::Null)["qps"], 100);
    let kept = control(&emulator, "GET", "faults", &Value::Null);
    assert_eq!(
        (&kept["seed"], kept["rules"].as_array().unwrap().len(), &kept["rules"][0]["nth"]),
        (&json!(7), 1, &json!(9))
    );
    control(&emulator, "POST", "reset", &Value::Null);
    assert_eq!(control(&emulator, "GET", "faults", &Value::Null)["rules"], json!([]));
    let taken = json!({ "port": emulator.port() });
    assert!(Emulator::start(Config::parse(&taken.to_string()).unwrap(), Ambient::system()).is_err());
    emulator.stop();
    emulator.stop();
    drop(Emulator::start(Config::parse(&taken.to_string()).unwrap(), Ambient::system()).unwrap());
}

/// A04, A07: keys are added, rotated, switched off and left to expire while it runs.
#[test]
fn keys_change_while_it_runs() {
    let emulator = emulator(&json!({}));
    let now = crate::ambient::calendar(Duration::from_secs(NOW));
    let temporary = control(&emulator, "POST", "keys", &json!({ "lifetime": 900 }));
    let (id, token) = (temporary["access_key_id"].as_str().unwrap(), temporary["security_token"].as_str().unwrap());
    let find = |id: &str, token: Option<&str>, after: u64| {
        let world = emulator.shared.world();
        let found = world.keys.find(id, token, now + Duration::from_secs(after));
        found.map(|key| key.secret.expose().to_owned()).map_err(|refusal| refusal.code)
    };
    assert_eq!(find(id, Some(token), 899).unwrap(), temporary["access_key_secret"].as_str().unwrap());
    assert_eq!(find(id, Some(token), 900).unwrap_err(), "InvalidSecurityToken.Expired");
    assert_eq!(find(id, None, 0).unwrap_err(), "MissingSecurityToken");
    assert_eq!(find(id, Some("other"), 0).unwrap_err(), "InvalidSecurityToken.Malformed");
    control(&emulator, "POST", "keys", &json!({ "access_key_id": "second", "access_key_secret": "s2" }));
    assert_eq!(find("second", None, 0).unwrap(), "s2");
    control(&emulator, "POST", "keys", &json!({ "access_key_id": ACCESS_KEY_ID, "active": false }));
    assert_eq!(find(ACCESS_KEY_ID, None, 0).unwrap_err(), "InvalidAccessKeyId.Inactive");
    control(
        &emulator,
        "POST",
        "keys",
        &json!({ "access_key_id": ACCESS_KEY_ID, "active": true, "security_token": "t" }),
    );
    assert_eq!(find(ACCESS_KEY_ID, Some("t"), 0).unwrap(), ACCESS_KEY_SECRET);
    assert_eq!(emulator.security_token().as_deref(), Some("t"));
    control(&emulator, "POST", "keys", &json!({ "access_key_id": ACCESS_KEY_ID, "security_token": null }));
    assert_eq!(find(ACCESS_KEY_ID, None, 0).unwrap(), ACCESS_KEY_SECRET);
    let listed = control(&emulator, "GET", "keys", &Value::Null);
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert!(!listed.to_string().contains("s2"), "the list shows no secret");
    for wrong in [
        json!({ "access_key_id": "new" }),
        json!({ "access_key_id": "LTAI5tReal", "access_key_secret": "s" }),
        json!({ "access_key_id": "a b", "access_key_secret": "s" }),
        json!({ "lifetime": -1 }),
        json!({ "colour": 1 }),
    ] {
        assert_eq!(emulator.control("POST", "/_emulator/keys", &wrong.to_string()).0, 400, "{wrong}");
    }
    control(&emulator, "POST", "reset", &Value::Null);
    assert_eq!(find("second", None, 0).unwrap_err(), "InvalidAccessKeyId.NotFound");
}
