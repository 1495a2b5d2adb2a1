use super::*;
use crate::config::Signature;
use crate::config::{Network, Timeouts, UploadSignature};
use crate::credential::Provider;
use crate::evidence::{Precheck, Sources};
use crate::http::Request;
use crate::http::scripted::{Scripted, answer};
use crate::region::Endpoint;
use crate::retry::OnAmbiguous;
use std::sync::atomic::{AtomicU64, Ordering};

/// 24 November 2025, 16:00 UTC.
const NOW: u64 = 1_764_000_000;
const DATE: &str = "Mon, 24 Nov 2025 16:00:00 GMT";
const SUCCESS: &str = r#"{"Code":200,"RequestId":"R","Data":{"Result":[]}}"#;
const BUSY: &str = r#"{"Code":500,"RequestId":"R"}"#;
const SKEWED: &str = r#"{"Code":"InvalidTimeStamp.Expired","RequestId":"R"}"#;
const PAID: Operation = Operation::ImageModeration;

type Script = Vec<std::result::Result<Response, Failure>>;

struct Asked {
    result: Result<Success>,
    trail: Trail,
    service: Service,
    transport: Arc<Scripted>,
}

fn experience(settings: &Settings) -> Arc<Experience> {
    Arc::new(Experience::new(settings, Arc::new(Identity::new(&settings.provider)), &Ambient::fixed(0, &[])))
}

fn service(script: Script, clock: u64) -> (Service, Arc<Scripted>) {
    let transport = Arc::new(Scripted::new(script));
    let second = Duration::from_secs(1);
    let settings = Settings {
        endpoint: Endpoint::of_region("us-east-1", false).unwrap(),
        failover: Vec::new(),
        vpc: false,
        provider: Provider::Explicit(Credentials::new("id", "secret", None).unwrap()),
        signature: Signature::Acs3,
        upload_signature: UploadSignature::V4,
        service: "aigcDetector_global".into(),
        precheck: Precheck::default(),
        skip_sources: Sources::default(),
        timeouts: Timeouts { connect: second, attempt: 15 * second, total: 60 * second, idle: 15 * second },
        policy: Policy::default(),

        qps: None,
        pace: crate::pace::Scope::Process,
        network: Network { proxy: None, trust_env: false, ca_file: None, user_agent: "test/1".into() },
    };
    let experience = experience(&settings);
    let service = Service {
        settings: Arc::new(settings),
        ambient: Ambient::fixed(clock, &[]),
        transport: Arc::clone(&transport) as Arc<dyn Transport>,
        experience,
    };
    (service, transport)
}

fn terms(policy: Policy) -> Terms {
    Terms::new(Duration::from_secs(60), Duration::from_secs(15), policy)
}

async fn ask_at(clock: u64, script: Script, policy: Policy) -> Asked {
    let (service, transport) = service(script, clock);
    let mut trail = Trail::new();
    let result = service.call(PAID, &[], terms(policy), &mut trail).await;
    Asked { result, trail, service, transport }
}

async fn ask(script: Script) -> Asked {
    ask_at(NOW, script, Policy::default()).await
}

fn lost() -> std::result::Result<Response, Failure> {
    Err(Failure::new(Kind::AmbiguousOutcome, true, "the connection broke"))
}

fn unsent() -> std::result::Result<Response, Failure> {
    Err(Failure::new(Kind::Connect, false, "refused"))
}

fn dates(transport: &Scripted) -> Vec<String> {
    let date = |request: &Request| {
        request.headers.iter().find(|(name, _)| *name == "x-acs-date").unwrap().1.expose().to_owned()
    };
    transport.requests().iter().map(date).collect()
}

/// D11, F03, C10: trouble that passes is tried again, each attempt with a nonce and a line of its own.
#[tokio::test(start_paused = true)]
async fn trouble_that_passes_is_tried_again_under_a_new_nonce() {
    let asked = ask(vec![answer(200, &[], BUSY), unsent(), answer(200, &[], SUCCESS)]).await;
    assert!(asked.result.is_ok());
    let outcomes: Vec<_> = asked.trail.iter().map(|attempt| (attempt.outcome, attempt.billing)).collect();
    let free = Billing::NotBilled;
    assert_eq!(outcomes, [("ServerError", free), ("ConnectError", free), ("ok", Billing::Billed)]);
    let nonces: std::collections::HashSet<_> = asked
        .transport
        .requests()
        .iter()
        .map(|request| {
            request.headers.iter().find(|(name, _)| *name == "x-acs-signature-nonce").unwrap().1.expose().to_owned()
        })
        .collect();
    assert_eq!(nonces.len(), 3);
}

/// F06, H01: at most two sends may be charged, and the verdict says so.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_once_more_and_both_stand_in_the_trail() {
    let asked = ask(vec![lost(), answer(200, &[], SUCCESS)]).await;
    assert!(asked.result.is_ok());
    assert_eq!(asked.trail.iter().map(|a| a.billing).collect::<Vec<_>>(), [Billing::PossiblyBilled, Billing::Billed]);
    let asked = ask(vec![lost(), answer(200, &[], BUSY), answer(200, &[], SUCCESS)]).await;
    let error = asked.result.unwrap_err();
    assert_eq!((error.kind(), error.billing(), asked.trail.len()), (Kind::Server, Billing::PossiblyBilled, 2));
    let raise = Policy { on_ambiguous: OnAmbiguous::Raise, ..Policy::default() };
    let asked = ask_at(NOW, vec![lost(), answer(200, &[], SUCCESS)], raise).await;
    assert_eq!((asked.result.unwrap_err().kind(), asked.trail.len()), (Kind::AmbiguousOutcome, 1));
}

/// D15: a success inside of an HTTP error may have been charged: one further attempt at most, and none with `raise`.
#[tokio::test(start_paused = true)]
async fn a_success_inside_of_an_http_error_is_asked_for_once_more_at_most() {
    for status in [429, 500, 503] {
        let script = || vec![answer(status, &[], SUCCESS), answer(status, &[], SUCCESS), answer(200, &[], SUCCESS)];
        let asked = ask(script()).await;
        assert_eq!((asked.result.unwrap_err().billing(), asked.trail.len()), (Billing::PossiblyBilled, 2), "{status}");
        let raise = Policy { on_ambiguous: OnAmbiguous::Raise, ..Policy::default() };
        assert_eq!(ask_at(NOW, script(), raise).await.trail.len(), 1, "{status}");
    }
}

/// D02, D08, D10, A04: what would end the same way is not tried again.
#[tokio::test(start_paused = true)]
async fn what_would_end_the_same_way_is_not_tried_again() {
    for body in [
        r#"{"Code":401,"RequestId":"R"}"#,
        r#"{"Code":406,"RequestId":"R"}"#,
        r#"{"Code":408,"RequestId":"R"}"#,
        r#"{"Code":"InvalidAccessKeyId.NotFound","RequestId":"R"}"#,
    ] {
        let asked = ask(vec![answer(200, &[], body), answer(200, &[], SUCCESS)]).await;
        assert!(asked.result.is_err());
        assert_eq!(asked.trail.len(), 1, "{body}");
    }
}

/// H02: a wait that would outlast the call is not begun; the failure that was met is what is raised.
#[tokio::test(start_paused = true)]
async fn no_wait_is_begun_that_outlasts_the_call() {
    let throttled = || answer(200, &[("x-acs-retry-after", "4000")], r#"{"Code":403,"RequestId":"R"}"#);
    let (service, _) = service(vec![throttled(), throttled()], NOW);
    let terms = Terms::new(Duration::from_secs(3), Duration::from_secs(1), Policy::default());
    let started = Instant::now();
    let error = service.call(PAID, &[], terms, &mut Trail::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.facts().attempts.len()), (Kind::Throttled, 1));
    assert_eq!(started.elapsed(), Duration::ZERO);
    // A retry that was not made costs no credit.
    assert_eq!(service.experience.paid.left(), Quota::default().left());
}

/// H02, H03: a retry that gets no turn at the pace ends with what it was for, and with its doubt about money.
#[tokio::test(start_paused = true)]
async fn a_retry_without_a_turn_ends_with_the_failure_that_was_met() {
    for (last, kind, billing) in
        [(unsent(), Kind::Connect, Billing::NotBilled), (lost(), Kind::AmbiguousOutcome, Billing::PossiblyBilled)]
    {
        let script = vec![unsent(), unsent(), unsent(), unsent(), last, answer(200, &[], SUCCESS)];
        let (mut service, transport) = service(script, NOW);
        let id = format!("slow-{}", kind.name());
        let provider = Provider::Explicit(Credentials::new(&id, "secret", None).unwrap());
        let settings = Settings { qps: Some(0.01), provider, ..Settings::clone(&service.settings) };
        service.experience = experience(&settings);
        service.settings = Arc::new(settings);
        let policy = Policy { max_retries: 9, ..Policy::default() };
        let error = service.call(PAID, &[], terms(policy), &mut Trail::new()).await.unwrap_err();
        assert_eq!((error.kind(), error.billing(), error.facts().attempts.len()), (kind, billing, 5));
        assert_eq!(transport.requests().len(), 5);
        // A first attempt without a turn is one that was not sent.
        let error = service.call(PAID, &[], terms(policy), &mut Trail::new()).await.unwrap_err();
        assert_eq!((error.kind(), error.facts().attempts.len()), (Kind::PaceTimeout, 0));
    }
}

/// C02, C04: the server's word is waited for, in milliseconds.
#[tokio::test(start_paused = true)]
async fn a_throttled_call_waits_as_long_as_it_is_told() {
    let throttled = answer(200, &[("x-acs-retry-after", "1500")], r#"{"Code":403,"RequestId":"R"}"#);
    let started = Instant::now();
    let asked = ask(vec![throttled, answer(200, &[], SUCCESS)]).await;
    assert!(asked.result.is_ok());
    assert_eq!(started.elapsed().as_millis(), 1_500);
}

/// B02, B07: learned, signed again with the server's time, and kept for the next call.
#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_put_right_and_stays_so() {
    for (ours, body) in [
        (NOW - 36_000, SKEWED),
        (NOW + 36_000, SKEWED),
        (NOW - 300, r#"{"Code":"SignatureDoesNotMatch","RequestId":"R"}"#),
    ] {
        let script = vec![
            answer(400, &[("date", DATE)], body),
            answer(200, &[("date", DATE)], SUCCESS),
            answer(200, &[("date", DATE)], SUCCESS),
        ];
        let asked = ask_at(ours, script, Policy::default()).await;
        assert!(asked.result.is_ok());
        asked.service.call(PAID, &[], terms(Policy::default()), &mut Trail::new()).await.unwrap();
        assert_eq!(dates(&asked.transport)[1..], ["2025-11-24T16:00:00Z", "2025-11-24T16:00:00Z"]);
    }
}

/// B03: learned even where no attempt is left. B06: a small difference is no reason to try again. B08: nor is no date.
#[tokio::test(start_paused = true)]
async fn only_a_notable_correction_is_a_reason_to_try_again() {
    let none = Policy { max_retries: 0, ..Policy::default() };
    let asked = ask_at(NOW - 3_600, vec![answer(400, &[("date", DATE)], SKEWED)], none).await;
    assert_eq!(asked.result.unwrap_err().kind(), Kind::ClockSkew);
    assert_eq!(asked.service.now(PAID).as_secs(), NOW);
    let headers: [(u64, &[(&'static str, &str)]); 3] =
        [(NOW - 120, &[("date", DATE)]), (NOW - 3_600, &[]), (NOW - 3_600, &[("date", DATE), ("age", "9")])];
    for (ours, headers) in headers {
        let script = vec![answer(400, headers, SKEWED), answer(200, &[], SUCCESS)];
        let asked = ask_at(ours, script, Policy::default()).await;
        assert_eq!((asked.result.unwrap_err().kind(), asked.trail.len()), (Kind::ClockSkew, 1));
    }
}

/// B14: a page of a captive portal does not set the clock.
#[tokio::test(start_paused = true)]
async fn the_time_is_learned_from_the_service_alone() {
    let page = answer(503, &[("date", "Tue, 24 Nov 2020 16:00:00 GMT")], "<html>log in</html>");
    let asked = ask(vec![page, answer(200, &[], SUCCESS)]).await;
    assert!(asked.result.is_ok());
    assert_eq!(asked.service.now(PAID).as_secs(), NOW);
}

/// B12: a clock that jumps between two attempts is signed with, and nothing waits by it.
#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_disturbs_no_wait() {
    let (mut service, transport) = service(vec![answer(200, &[], BUSY), answer(200, &[], SUCCESS)], NOW);
    let ticks = AtomicU64::new(0);
    service.ambient = Ambient::fixed(NOW, &[]).with_clock(move || {
        let jump = if ticks.fetch_add(1, Ordering::SeqCst) == 0 { 0 } else { 86_400 };
        Duration::from_secs(NOW - jump)
    });
    let started = Instant::now();
    service.call(PAID, &[], terms(Policy::default()), &mut Trail::new()).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(100));
    assert_eq!(dates(&transport).len(), 2);
}

/// C06, and the sum that `make outage` shows on real sockets.
#[tokio::test(start_paused = true)]
async fn an_outage_costs_thirty_five_further_requests() {
    let (service, transport) = service((0..1_100).map(|_| answer(200, &[], BUSY)).collect(), NOW);
    for _ in 0..1_000 {
        service.call(PAID, &[], terms(Policy::default()), &mut Trail::new()).await.unwrap_err();
    }
    assert_eq!(transport.requests().len(), 1_035);
}

const EXPIRED: &str = r#"{"Code":"InvalidSecurityToken.Expired","RequestId":"R"}"#;

/// Gives another key each time, or always the same.
#[derive(Debug)]
struct Supplied(AtomicU64, bool);

impl crate::credential::Supply for Supplied {
    fn supply(&self) -> Result<Credentials> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        Credentials::new(&format!("id-{}", if self.1 { number } else { 0 }), "secret", Some("token"))
    }
}

fn supplied(script: Script, does_rotate: bool) -> (Service, Arc<Scripted>) {
    let (mut service, transport) = service(script, NOW);
    let provider = Provider::Custom(Arc::new(Supplied(AtomicU64::new(0), does_rotate)));
    let settings = Settings { provider, ..(*service.settings).clone() };
    service.experience = experience(&settings);
    service.settings = Arc::new(settings);
    (service, transport)
}

fn signers(transport: &Scripted) -> Vec<String> {
    let id = |request: &Request| {
        request.headers.iter().find(|(name, _)| *name == "x-acs-accesskey-id").unwrap().1.expose().to_owned()
    };
    transport.requests().iter().map(id).collect()
}

/// A07, A08: credentials that the service calls expired are replaced, and the request is signed anew, once.
#[tokio::test]
async fn an_expired_token_is_replaced_and_the_request_signed_anew_once() {
    let expired = || answer(400, &[], EXPIRED);
    let (service, transport) = supplied(vec![expired(), answer(200, &[], SUCCESS), answer(200, &[], SUCCESS)], true);
    let mut trail = Trail::new();
    assert!(service.call(PAID, &[], terms(Policy::default()), &mut trail).await.is_ok());
    assert_eq!(signers(&transport), ["id-0", "id-1"]);
    assert_eq!(trail.iter().map(|attempt| attempt.outcome).collect::<Vec<_>>(), ["CredentialsExpired", "ok"]);
    assert!(service.call(PAID, &[], terms(Policy::default()), &mut trail).await.is_ok());
    assert_eq!(signers(&transport)[2], "id-1", "what works is kept");

    // A token that belongs to another key: the place that gave both is asked again.
    let mixed = answer(400, &[], &EXPIRED.replace(".Expired", ".MismatchWithAccessKey"));
    let (service, transport) = supplied(vec![mixed, answer(200, &[], SUCCESS)], true);
    assert!(service.call(PAID, &[], terms(Policy::default()), &mut Trail::new()).await.is_ok());
    assert_eq!(signers(&transport), ["id-0", "id-1"]);

    let (service, transport) = supplied(vec![expired(), expired(), answer(200, &[], SUCCESS)], true);
    let error = service.call(PAID, &[], terms(Policy::default()), &mut Trail::new()).await.unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (Kind::CredentialsExpired, 2));
}

/// A07: a source that has nothing else ends the call at once.
#[tokio::test]
async fn the_same_credentials_again_are_no_replacement() {
    for (script_ends, does_rotate, policy) in [
        (1, false, Policy::default()),
        // Without retries the call ends; the next one has the new credentials.
        (1, true, Policy { max_retries: 0, ..Policy::default() }),
    ] {
        let script = vec![answer(400, &[], EXPIRED), answer(200, &[], SUCCESS)];
        let (service, transport) = supplied(script, does_rotate);
        let error = service.call(PAID, &[], terms(policy), &mut Trail::new()).await.unwrap_err();
        assert_eq!((error.kind(), transport.requests().len()), (Kind::CredentialsExpired, script_ends));
        assert!(service.call(PAID, &[], terms(policy), &mut Trail::new()).await.is_ok());
        assert_eq!(signers(&transport)[1] == "id-1", does_rotate);
    }
}

/// A network that never answers.
#[derive(Debug)]
struct Silent;
impl Transport for Silent {
    fn send(&self, _: Request) -> crate::http::Sending<'_> {
        Box::pin(std::future::pending())
    }
}

/// Waiting for credentials ends with the call.
#[tokio::test(start_paused = true)]
async fn the_wait_for_credentials_is_part_of_the_calls_time() {
    let (mut service, transport) = service(vec![], NOW);
    let provider = Provider::Uri(Some("http://127.0.0.1:9/x".into()));
    service.experience = experience(&Settings { provider, ..(*service.settings).clone() });
    service.transport = Arc::new(Silent);
    let terms = Terms::new(Duration::from_secs(2), Duration::from_secs(15), Policy::default());
    let started = Instant::now();
    let error = service.call(PAID, &[], terms, &mut Trail::new()).await.unwrap_err();
    assert_eq!((error.kind(), started.elapsed().as_secs(), transport.requests().len()), (Kind::DetectTimeout, 2, 0));
}

/// A server that echoes what it was sent may put it into an answer, which is kept for long.
#[tokio::test]
async fn a_body_is_kept_as_it_came_unless_it_repeats_a_secret() {
    let mut success = ask(vec![answer(200, &[], SUCCESS)]).await.result.unwrap();
    assert_eq!(success.body_to_keep(), SUCCESS);
    success.credentials = Arc::new(Credentials::new("LTAI5tExample", "hunter2!", Some("token-of-sts")).unwrap());
    let signature = success.signature.expose().to_owned();
    for secret in ["LTAI5tExample", "hunter2!", "token-of-sts", signature.as_str()] {
        success.body = Bytes::from(format!(r#"{{"Code":200,"Data":{{}},"Echo":"{secret}"}}"#));
        let kept = String::from_utf8(success.body_to_keep().to_vec()).unwrap();
        assert!(kept.contains(r#"{"Code":200,"Data":{}"#) && !kept.contains(secret), "{kept}");
    }
}

/// A10: a million nonces drawn by 16 threads at once, each of 128 bits of the operating system's randomness. Nothing of it
/// is kept in this process, so that a fork has nothing to copy.
#[test]
fn a_million_nonces_are_all_different() {
    let (mut service, _) = service(vec![], NOW);
    service.ambient = Ambient::system();
    let draw = |service: &Service| {
        let nonces: Vec<u128> =
            (0..62_500).map(|_| u128::from_str_radix(&service.nonce().unwrap(), 16).unwrap()).collect();
        nonces
    };
    let mut all: Vec<u128> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| draw(&service))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1_000_000);
    // Each bit is set about half of the time: 3,500 is seven times the standard deviation.
    for bit in 0..128 {
        let set = all.iter().filter(|nonce| *nonce >> bit & 1 == 1).count();
        assert!(set.abs_diff(500_000) < 3_500, "bit {bit}: {set}");
    }
}
