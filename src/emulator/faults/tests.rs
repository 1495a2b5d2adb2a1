//! The faults as they are on the wire: raw sockets, real bytes, real ends of connections.
use super::*;
use crate::ambient::Ambient;
use crate::emulator::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, Config, Emulator};
use crate::sign::{self, acs3};
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const NOW: u64 = 1_795_500_000;
static NONCE: AtomicU64 = AtomicU64::new(0);

fn emulator(rules: &Value) -> Emulator {
    let start = json!({ "settings": { "qps": 0, "judge": "hash" } });
    let emulator = Emulator::start(Config::parse(&start.to_string()).unwrap(), Ambient::fixed(NOW, &[])).unwrap();
    control(&emulator, "POST", "faults", &json!({ "seed": 7, "rules": rules }));
    emulator
}

fn control(emulator: &Emulator, method: &str, page: &str, body: &Value) -> Value {
    let (status, text) = emulator.control(method, &format!("/_emulator/{page}"), &body.to_string());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn charges(emulator: &Emulator) -> Vec<Value> {
    control(emulator, "GET", "ledger", &Value::Null)["entries"].as_array().unwrap().clone()
}

/// A signed call about a URL, as bytes: head and body.
fn call(data_id: &str) -> (String, String) {
    let parameters = json!({ "imageUrl": "https://img.example/a.png", "dataId": data_id }).to_string();
    let body = crate::encode::form([("Service", "aigcDetector_global"), ("ServiceParameters", parameters.as_str())]);
    let hash = sign::sha256_hex(body.as_bytes());
    let nonce = NONCE.fetch_add(1, Ordering::Relaxed).to_string();
    let date = sign::iso_date(crate::ambient::calendar(Duration::from_secs(NOW)));
    let headers = [
        ("host", "localhost"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-acs-action", "ImageModeration"),
        ("x-acs-version", "2022-03-02"),
        ("x-acs-date", &date),
        ("x-acs-signature-nonce", &nonce),
        ("x-acs-content-sha256", &hash),
    ];
    let request = acs3::Request { method: "POST", path: "/", query: &[], headers: &headers, payload_hash: &hash };
    let authorization = acs3::authorize(&request, ACCESS_KEY_ID, ACCESS_KEY_SECRET);
    let mut head = "POST / HTTP/1.1\r\n".to_owned();
    for (name, value) in headers.into_iter().chain([("authorization", authorization.as_str())]) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    (format!("{head}content-length: {}\r\n\r\n", body.len()), body)
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Fin,
    Rst,
    /// It is still there, and silent.
    Open,
}

/// What has to come is waited for as long as a busy machine may need; silence is believed after a moment.
const PATIENCE: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_millis(300);

/// What a connection is expected to bring: bytes or none, and then its end or silence.
#[derive(Debug, Clone, Copy)]
struct Expect {
    bytes: bool,
    end: End,
}

const ANSWER: Expect = Expect { bytes: true, end: End::Open };

/// Sends a call and reads whatever comes: all bytes, and how they end.
async fn exchange(emulator: &Emulator, expect: Expect) -> (Vec<u8>, End, Option<TcpStream>) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", emulator.port())).await else {
        // A reset can be faster than the system's word that there is a connection.
        return (Vec::new(), End::Rst, None);
    };
    let (head, body) = call("img-1");
    // A server that has ended the connection by now is what some of the tests are about.
    let _ = stream.write_all((head + &body).as_bytes()).await;
    let (bytes, end) = read(&mut stream, expect).await;
    (bytes, end, Some(stream))
}

async fn read(stream: &mut TcpStream, expect: Expect) -> (Vec<u8>, End) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 65_536]);
    loop {
        let must_come = expect.end != End::Open || expect.bytes && bytes.is_empty();
        let wait = if must_come { PATIENCE } else { SILENCE };
        match tokio::time::timeout(wait, stream.read(&mut buffer)).await {
            Err(_) => return (bytes, End::Open),
            Ok(Ok(0)) => return (bytes, End::Fin),
            Ok(Ok(length)) => bytes.extend_from_slice(&buffer[..length]),
            Ok(Err(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                return (bytes, End::Rst);
            }
        }
        if bytes.len() > 4 * 1024 * 1024 {
            return (bytes, End::Open);
        }
    }
}

/// The head, and what is behind it.
fn parts(bytes: &[u8]) -> (String, Vec<u8>) {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    (String::from_utf8(bytes[..at + 4].to_vec()).unwrap(), bytes[at + 4..].to_vec())
}

async fn with(rule: Value, expect: Expect) -> (Emulator, Vec<u8>, End, Option<TcpStream>) {
    let emulator = emulator(&json!([rule]));
    let (bytes, end, stream) = exchange(&emulator, expect).await;
    (emulator, bytes, end, stream)
}

/// F05, F06, F07, F14: every end of a connection at every stage, and what was charged by then.
#[tokio::test]
async fn a_connection_ends_at_its_stage_and_the_charge_stays() {
    let whole = with(json!({ "stage": "after_body", "action": "fin" }), Expect { bytes: true, end: End::Fin }).await.1;
    let (head, body) = parts(&whole);
    let mut cases = JoinSet::new();
    for (action, ending) in [("fin", End::Fin), ("rst", End::Rst), ("stall", End::Open)] {
        for (stage, length, charged) in [
            ("accept", 0, 0),
            ("mid_request", 0, 0),
            ("before_billing", 0, 0),
            ("after_billing", 0, 1),
            ("mid_headers", head.len() / 2, 1),
            ("mid_body", head.len() + body.len() / 2, 1),
            ("after_body", whole.len(), 1),
        ] {
            cases.spawn(async move {
                let expect = Expect { bytes: length > 0, end: ending };
                let (emulator, bytes, end, _stream) = with(json!({ "stage": stage, "action": action }), expect).await;
                assert_eq!((bytes.len(), end), (length, ending), "{stage} {action}");
                let entries = charges(&emulator);
                assert_eq!(entries.len(), charged, "{stage} {action}");
                let name = format!("{stage}:{action}");
                if charged == 1 {
                    assert_eq!(entries[0]["fault"], name);
                }
                assert_eq!(control(&emulator, "GET", "faults", &Value::Null)["acted"][&name], 1);
                if stage != "accept" {
                    let requests = control(&emulator, "GET", "requests", &Value::Null);
                    assert_eq!(requests[0]["faults"], json!([name]));
                }
            });
        }
    }
    cases.join_all().await;
}

#[tokio::test]
async fn a_stall_ends_when_the_client_leaves_or_its_time_is_over() {
    for stage in ["accept", "before_billing", "mid_body"] {
        let rule = json!({ "stage": stage, "action": "stall", "seconds": 3600 });
        let (emulator, _, end, stream) = with(rule, Expect { bytes: stage == "mid_body", end: End::Open }).await;
        assert_eq!(end, End::Open);
        drop(stream);
        let gone = async {
            while control(&emulator, "GET", "connections", &Value::Null)["open"] != 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.unwrap();
        let rule = json!({ "stage": stage, "action": "stall", "seconds": 0.01 });
        let (_, _, end, _) = with(rule, Expect { bytes: false, end: End::Fin }).await;
        assert_ne!(end, End::Open, "{stage}");
    }
}

#[tokio::test]
async fn a_delay_changes_nothing_else() {
    for stage in Stage::ALL {
        let rule = json!({ "stage": stage.name(), "action": "delay", "seconds": 0.01 });
        let (emulator, bytes, end, _) = with(rule, ANSWER).await;
        let (head, body) = parts(&bytes);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && end == End::Open, "{head}");
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["Code"], 200);
        assert_eq!(charges(&emulator).len(), 1, "{}", stage.name());
    }
}

/// A connection that a fault has played on is served on, where the fault says so.
#[tokio::test]
async fn a_connection_goes_on_after_a_fault() {
    for rule in [
        json!({ "stage": "mid_body", "action": "delay", "seconds": 0, "times": 1 }),
        json!({ "stage": "after_billing", "action": "trickle", "times": 1 }),
        json!({ "stage": "after_billing", "action": "two_lengths", "times": 1 }),
        json!({ "stage": "after_billing", "action": "informational", "count": 3, "times": 1 }),
    ] {
        let (emulator, _, end, stream) = with(rule.clone(), ANSWER).await;
        let mut stream = stream.unwrap();
        assert_eq!(end, End::Open, "{rule}");
        let (head, body) = call("img-2");
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        let (bytes, _) = read(&mut stream, ANSWER).await;
        assert!(bytes.starts_with(b"HTTP/1.1 200 OK"), "{rule}");
        assert_eq!(control(&emulator, "GET", "connections", &Value::Null)["accepted"], 1);
        assert_eq!(charges(&emulator).len(), 2);
    }
}

/// E12 to E22, C01 to C04, C10: the bytes of everything that is told instead of an answer.
#[tokio::test]
async fn what_is_told_instead_of_an_answer_is_what_its_name_says() {
    let rows: [(Value, End, fn(&str, &[u8])); 27] = [
        (json!({ "action": "garbage", "text": "nonsense" }), End::Fin, |_, all| assert_eq!(all, b"nonsense")),
        (json!({ "action": "banner" }), End::Fin, |_, all| assert!(all.starts_with(b"SSH-2.0-"))),
        (json!({ "action": "content_length", "by": 7 }), End::Fin, |head, body| {
            assert_eq!(length(head), body.len() + 7);
        }),
        (json!({ "action": "content_length", "by": -7 }), End::Open, |head, body| {
            assert_eq!(length(head), body.len() - 7);
        }),
        (json!({ "action": "two_lengths" }), End::Open, |head, body| {
            assert!(head.contains("content-length: 5\r\n") && head.contains("transfer-encoding: chunked\r\n"));
            assert!(body.ends_with(b"\r\n0\r\n\r\n"));
        }),
        (json!({ "action": "html" }), End::Open, |head, body| {
            assert!(
                head.starts_with("HTTP/1.1 200 OK") && head.contains("text/html") && body.starts_with(b"<!doctype")
            );
        }),
        (json!({ "action": "html", "status": 502 }), End::Open, |head, _| assert!(head.starts_with("HTTP/1.1 502 "))),
        (json!({ "action": "redirect", "status": 308, "location": "http://x/" }), End::Open, |head, _| {
            assert!(head.starts_with("HTTP/1.1 308 ") && head.contains("location: http://x/\r\n"));
        }),
        (json!({ "action": "gzip" }), End::Open, |head, body| {
            assert!(head.contains("content-encoding: gzip\r\n") && body.starts_with(&[0x1F, 0x8B, 8]));
        }),
        (json!({ "action": "endless", "bytes": 65536 }), End::Open, |head, body| {
            assert!(head.contains("transfer-encoding: chunked\r\n") && body.len() > 3 * 1024 * 1024);
        }),
        (json!({ "action": "trickle", "bytes": 3 }), End::Open, |head, body| assert_eq!(length(head), body.len())),
        (json!({ "action": "truncate" }), End::Open, |head, body| {
            assert_eq!(length(head), body.len());
            assert!(serde_json::from_slice::<Value>(body).is_err() && body.starts_with(b"{"));
        }),
        (json!({ "action": "status", "status": 418, "body": "tea", "retry_after": "9" }), End::Open, |head, body| {
            assert!(head.starts_with("HTTP/1.1 418 ") && head.contains("retry-after: 9\r\n") && body == b"tea");
        }),
        (json!({ "action": "headers" }), End::Open, |head, _| assert!(head.matches("\r\nx-more-").count() == 100_000)),
        (json!({ "action": "headers", "bytes": 1_048_576 }), End::Open, |head, _| assert!(head.len() > 1_048_576)),
        (json!({ "action": "duplicate_keys" }), End::Open, |_, body| {
            assert_eq!(String::from_utf8_lossy(body).matches("\"Code\"").count(), 2);
        }),
        (json!({ "action": "deep_nesting", "count": 1000 }), End::Open, |_, body| {
            assert!(String::from_utf8_lossy(body).contains(&"[".repeat(1000)));
        }),
        (json!({ "action": "invalid_utf8" }), End::Open, |_, body| assert!(std::str::from_utf8(body).is_err())),
        (json!({ "action": "informational", "count": 5 }), End::Open, |head, rest| {
            let all = head.to_owned() + &String::from_utf8_lossy(rest);
            assert_eq!((all.matches("HTTP/1.1 103 ").count(), all.matches("HTTP/1.1 500 ").count()), (5, 0));
        }),
        (json!({ "action": "no_content" }), End::Open, |head, body| {
            assert!(head.starts_with("HTTP/1.1 204 ") && length(head) == body.len() && !body.is_empty());
        }),
        (json!({ "action": "http10" }), End::Fin, |head, _| {
            assert!(head.starts_with("HTTP/1.0 200 ") && !head.contains("content-length"));
        }),
        (json!({ "action": "throttle", "retry_after_ms": "1500" }), End::Open, |head, body| {
            assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("x-acs-retry-after: 1500\r\n"));
            assert_eq!(code(body), json!(403));
        }),
        (json!({ "action": "throttle", "shape": "gateway" }), End::Open, |head, body| {
            assert!(head.starts_with("HTTP/1.1 400 "));
            assert_eq!(code(body), json!("Throttling.User"));
        }),
        (json!({ "action": "throttle", "shape": "http" }), End::Open, |head, _| {
            assert!(head.starts_with("HTTP/1.1 429 "));
        }),
        (json!({ "action": "expired_token" }), End::Open, |_, body| {
            assert_eq!(code(body), json!("InvalidSecurityToken.Expired"));
        }),
        (json!({ "action": "refuse", "code": "Forbidden.RAM" }), End::Open, |head, body| {
            assert!(head.starts_with("HTTP/1.1 403 "));
            assert_eq!(code(body), json!("Forbidden.RAM"));
        }),
        (json!({ "action": "clock", "offset": 3600 }), End::Open, |head, body| {
            assert_eq!(code(body), json!("InvalidTimeStamp.Expired"));
            let ahead = sign::http_date(crate::ambient::calendar(Duration::from_secs(NOW + 3600)));
            assert!(head.contains(&format!("date: {ahead}\r\n")), "{head}");
        }),
    ];
    let mut cases = JoinSet::new();
    for (mut rule, ending, check) in rows {
        rule["stage"] = json!("before_billing");
        cases.spawn(async move {
            let (emulator, bytes, end, _) = with(rule.clone(), Expect { bytes: true, end: ending }).await;
            let plain = ["garbage", "banner"].contains(&rule["action"].as_str().unwrap());
            let (head, body) = if plain { (String::new(), bytes) } else { parts(&bytes) };
            check(&head, &body);
            assert_eq!(end, ending, "{rule}");
            assert_eq!(charges(&emulator).len(), 0, "{rule}");
        });
    }
    cases.join_all().await;
}

fn length(head: &str) -> usize {
    let after = head.split("content-length: ").nth(1).unwrap();
    after.split("\r\n").next().unwrap().parse().unwrap()
}

fn code(body: &[u8]) -> Value {
    serde_json::from_slice::<Value>(body).unwrap()["Code"].clone()
}

/// F21: what is not read fills the pipe until the peer cannot write any more.
#[tokio::test]
async fn a_server_that_does_not_read_stops_the_writer() {
    let emulator = emulator(&json!([{ "stage": "accept", "action": "stall" }]));
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let large = vec![0; 64 * 1024 * 1024];
    assert!(tokio::time::timeout(SILENCE, stream.write_all(&large)).await.is_err());
}

/// The same seed and order of requests have the same outcome, and another seed another one.
#[tokio::test]
async fn a_seed_decides() {
    let drawn = |seed: u64| {
        let faults = Faults::default();
        let rules = json!({ "seed": seed, "rules": [
            { "stage": "before_billing", "action": "fin", "rate": 0.3 },
            { "stage": "before_billing", "action": "rst", "rate": 0.3, "data_id": "odd" },
        ] });
        faults.set(Plan::read(rules.to_string().as_bytes()).unwrap());
        let draw = |number: usize| {
            let caller = Caller { data_id: (number % 2 == 1).then(|| "odd".to_owned()), ..Caller::default() };
            faults.draw(Stage::BeforeBilling, &caller, false).map(|fault| fault.name)
        };
        (0..1_000).map(draw).collect::<Vec<_>>()
    };
    let first = drawn(7);
    assert_eq!(first, drawn(7));
    assert_ne!(first, drawn(8));
    let count = |name: &str| first.iter().flatten().filter(|found| *found == name).count();
    let (fins, resets) = (count("before_billing:fin"), count("before_billing:rst"));
    assert!((240..=360).contains(&fins), "{fins}");
    // Only odd ones, and only where the first rule did not act.
    assert!((70..=140).contains(&resets), "{resets}");
}

#[test]
fn a_rule_acts_on_whom_it_is_for_and_as_often_as_it_says() {
    let faults = Faults::default();
    let rules = json!({ "rules": [
        { "stage": "before_billing", "action": "fin", "nth": 3, "operation": "ImageModeration" },
        { "stage": "before_billing", "action": "rst", "times": 2, "operation": "PutObject" },
        { "stage": "before_billing", "action": "object_lost" },
        { "stage": "before_billing", "action": "truncate", "data_id": "x" },
    ] });
    faults.set(Plan::read(rules.to_string().as_bytes()).unwrap());
    let draw = |operation: &str, data_id: Option<&str>, object: Option<&str>| {
        let caller = Caller {
            operation: Some(operation.to_owned()),
            data_id: data_id.map(str::to_owned),
            object: object.map(str::to_owned),
        };
        let name = faults.draw(Stage::BeforeBilling, &caller, false).map(|fault| fault.name);
        name.unwrap_or_default().replace("before_billing:", "")
    };
    let puts: Vec<_> = (0..3).map(|_| draw("PutObject", Some("x"), None)).collect();
    assert_eq!(puts, ["rst", "rst", ""]);
    let calls: Vec<_> = (0..4).map(|_| draw("ImageModeration", None, None)).collect();
    assert_eq!(calls, ["", "", "fin", ""]);
    assert_eq!(draw("ImageModeration", None, Some("upload/1")), "object_lost");
    assert_eq!(draw("ImageModeration", Some("x"), None), "truncate");
    faults.clear();
    assert_eq!(draw("PutObject", None, None), "");
}

#[test]
fn what_is_packed_is_small_and_ends_as_gzip_does() {
    let bomb = gzip::pack(b"{}", 1_000_000);
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    let length = u32::from_le_bytes(bomb[bomb.len() - 4..].try_into().unwrap());
    assert_eq!(length, 1_000_002);
}
