use crate::ambient::Ambient;
use crate::attempt::Billing;
use crate::client::{Call, Client, ImageRules, SERVICE, Source};
use crate::config::{Network, Settings, Signature, Timeouts, UploadSignature};
use crate::credential::{Credentials, Provider};
use crate::error::Kind;
use crate::event::{Event, Listener, Step};
use crate::evidence::{Precheck, Sources};
use crate::http::scripted::answer;
use crate::http::{Failure, Request, Response, Sending, Transport};
use crate::image::{CheckImage, Limits, UrlPolicy};
use crate::region::Endpoint;
use crate::retry::{OnAmbiguous, Policy};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const HOME: &str = "green-cip.ap-southeast-1.aliyuncs.com";
const AWAY: &str = "green-cip.eu-west-1.aliyuncs.com";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55";

/// How a host is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Well,
    /// Body code 500, which is not charged.
    Failing,
    Refusing,
    /// Takes a request and says nothing.
    Mute,
    Throttling,
}

/// A world of hosts.
#[derive(Debug, Default)]
struct World {
    moods: Mutex<HashMap<String, Mood>>,
    asked: Mutex<Vec<(String, String)>>,
}

impl World {
    fn set(&self, host: &str, mood: Mood) {
        self.moods.lock().unwrap().insert(host.to_owned(), mood);
    }

    /// Hosts and actions since the last look.
    fn asked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn hosts(&self) -> Vec<String> {
        self.asked().into_iter().map(|(host, _)| host).collect()
    }

    fn respond(&self, request: &Request) -> Result<Response, Failure> {
        let header = |wanted: &str| request.headers.iter().find(|(name, _)| *name == wanted).map(|(_, v)| v.expose());
        let host = header("host").unwrap().to_owned();
        let action = header("x-acs-action").unwrap_or("PutObject").to_owned();
        self.asked.lock().unwrap().push((host.clone(), action.clone()));
        let mood = self.moods.lock().unwrap().get(&host).copied().unwrap_or(Mood::Well);
        let region = host.split('.').nth(1).unwrap().to_owned();
        match (mood, action.as_str()) {
            (Mood::Well, "PutObject") => answer(200, &[("x-oss-request-id", "R")], ""),
            (Mood::Well, "DescribeUploadToken") => answer(
                200,
                &[],
                &format!(
                    r#"{{"Code":200,"Data":{{"AccessKeyId":"STS.x","AccessKeySecret":"s","SecurityToken":"t","BucketName":"{region}",
                    "FileNamePrefix":"upload/p/","OssInternetEndPoint":"https://oss-{region}.aliyuncs.com","Expiration":1800001800}}}}"#
                ),
            ),
            (Mood::Well, _) => answer(200, &[], r#"{"Code":200,"RequestId":"R","Data":{"Result":[{"Label":"aigc"}]}}"#),
            (Mood::Failing, _) => answer(200, &[], r#"{"Code":500,"RequestId":"R"}"#),
            (Mood::Throttling, _) => answer(200, &[], r#"{"Code":403,"RequestId":"R"}"#),
            (Mood::Refusing, _) => Err(Failure::new(Kind::Connect, false, "refused")),
            (Mood::Mute, _) => Err(Failure::new(Kind::DetectTimeout, true, "nothing")),
        }
    }
}

impl Transport for World {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.respond(&request)
        })
    }
}

#[derive(Debug, Default)]
struct Ear(Mutex<Vec<String>>);

impl Listener for Ear {
    fn hear(&self, event: Event) {
        if let Step::Warned { message } = event.step {
            self.0.lock().unwrap().push(message);
        }
    }
}

fn client(world: &Arc<World>, failover: &[&str], max_retries: u32, on_ambiguous: OnAmbiguous) -> Client {
    let settings = Settings {
        endpoint: Endpoint::of_region("ap-southeast-1", false).unwrap(),
        failover: failover.iter().map(|name| Endpoint::elsewhere(name, false).unwrap()).collect(),
        vpc: false,
        provider: Provider::Explicit(Credentials::new("id", "the-secret", None).unwrap()),
        signature: Signature::Acs3,
        upload_signature: UploadSignature::V4,
        service: SERVICE.into(),
        precheck: Precheck::default(),
        skip_sources: Sources::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(15),
            total: Duration::from_secs(60),
            idle: Duration::from_secs(15),
        },
        policy: Policy { max_retries, on_ambiguous, gives_way: false },
        qps: None,
        pace: crate::pace::Scope::Process,
        network: Network { proxy: None, trust_env: false, ca_file: None, user_agent: "test/1".into() },
    };
    let urls = UrlPolicy { allow_private: false, encode: false };
    let rules = ImageRules { check: CheckImage::Error, limits: Limits::default(), urls };
    let transport = Arc::clone(world) as Arc<dyn Transport>;
    Client::new(Arc::new(settings), Ambient::fixed(1_800_000_000, &[]), transport, rules)
}

fn url() -> Call {
    Call::new(Source::Url("https://img.example/a.png".into()))
}

fn bytes() -> Call {
    Call::new(Source::Bytes(Bytes::from_static(PNG)))
}

/// M05: off unless asked for.
#[tokio::test(start_paused = true)]
async fn without_failover_every_call_stays_at_home() {
    let world = Arc::new(World::default());
    world.set(HOME, Mood::Failing);
    let client = client(&world, &[], 0, OnAmbiguous::Retry);
    for _ in 0..20 {
        assert_eq!(client.detect(url()).await.unwrap_err().kind(), Kind::Server);
    }
    assert_eq!(world.hosts(), vec![HOME; 20]);
}

/// M05, M06: four failures are none of another region's business; with the fifth the call goes on there, and the next ones
/// start there.
#[tokio::test(start_paused = true)]
async fn the_fifth_failure_in_a_row_moves_the_call_and_all_after_it() {
    for mood in [Mood::Failing, Mood::Refusing] {
        let world = Arc::new(World::default());
        world.set(HOME, mood);
        let client = client(&world, &["eu-west-1"], 0, OnAmbiguous::Retry);
        for _ in 0..4 {
            assert!(client.detect(url()).await.is_err());
        }
        assert_eq!(world.hosts(), vec![HOME; 4]);
        let ear = Arc::new(Ear::default());
        let found = client.detect(Call { listener: Some(ear.clone()), ..url() }).await.unwrap();
        assert_eq!(world.hosts(), [HOME, AWAY]);
        let trail: Vec<_> = found.attempts.iter().map(|one| (one.region.as_deref().unwrap(), one.billing)).collect();
        assert_eq!(trail, [("ap-southeast-1", Billing::NotBilled), ("eu-west-1", Billing::Billed)]);
        assert_eq!(found.region.as_deref(), Some("eu-west-1"));
        assert_eq!(ear.0.lock().unwrap().len(), 1);
        client.detect(url()).await.unwrap();
        assert_eq!(world.hosts(), [AWAY]);
    }
}

/// M06: an answer in between starts the count anew, and throttling does not count.
#[tokio::test(start_paused = true)]
async fn trouble_now_and_then_moves_nobody() {
    let world = Arc::new(World::default());
    let client = client(&world, &["eu-west-1"], 0, OnAmbiguous::Retry);
    for round in 0..24 {
        world.set(HOME, if round % 5 == 4 { Mood::Well } else { Mood::Failing });
        let _ = client.detect(url()).await;
    }
    world.set(HOME, Mood::Throttling);
    for _ in 0..10 {
        assert_eq!(client.detect(url()).await.unwrap_err().kind(), Kind::Throttled);
    }
    assert!(world.hosts().iter().all(|host| host == HOME));
}

/// M05: an attempt that may have been charged is never repeated in another region.
#[tokio::test(start_paused = true)]
async fn a_doubtful_attempt_does_not_move() {
    for (on_ambiguous, attempts) in [(OnAmbiguous::Raise, 1), (OnAmbiguous::Retry, 2)] {
        let world = Arc::new(World::default());
        world.set(HOME, Mood::Failing);
        let client = client(&world, &["eu-west-1"], 1, on_ambiguous);
        for _ in 0..2 {
            assert!(client.detect(url()).await.is_err());
        }
        world.asked();
        world.set(HOME, Mood::Mute);
        let error = client.detect(url()).await.unwrap_err();
        assert_eq!((error.kind(), error.billing()), (Kind::DetectTimeout, Billing::PossiblyBilled));
        assert_eq!(world.hosts(), vec![HOME; attempts]);
        // The outage is known by now: the next call begins elsewhere.
        client.detect(url()).await.unwrap();
        assert_eq!(world.hosts(), [AWAY]);
    }
}

/// M05: token and upload belong to a region, and are made anew in the other one.
#[tokio::test(start_paused = true)]
async fn an_image_is_uploaded_anew_in_the_other_region() {
    let world = Arc::new(World::default());
    let client = client(&world, &["eu-west-1"], 0, OnAmbiguous::Retry);
    client.detect(bytes()).await.unwrap();
    world.set(HOME, Mood::Failing);
    for _ in 0..4 {
        assert!(client.detect(url()).await.is_err());
    }
    world.asked();
    let found = client.detect(bytes()).await.unwrap();
    let asked = world.asked();
    let asked: Vec<_> = asked.iter().map(|(host, action)| (host.as_str(), action.as_str())).collect();
    assert_eq!(
        asked,
        [
            ("ap-southeast-1.oss-ap-southeast-1.aliyuncs.com", "PutObject"),
            (HOME, "ImageModeration"),
            (AWAY, "DescribeUploadToken"),
            ("eu-west-1.oss-eu-west-1.aliyuncs.com", "PutObject"),
            (AWAY, "ImageModeration"),
        ]
    );
    assert_eq!(found.billing, Billing::Billed);
}

/// M06: after half a minute one call tries at home, once; while it fails, calls succeed elsewhere; when it succeeds, all
/// return.
#[tokio::test(start_paused = true)]
async fn one_call_probes_and_brings_the_others_home() {
    let world = Arc::new(World::default());
    world.set(HOME, Mood::Refusing);
    let client = client(&world, &["eu-west-1"], 2, OnAmbiguous::Retry);
    while world.hosts().iter().all(|host| host == HOME) {
        let _ = client.detect(url()).await;
    }
    tokio::time::advance(Duration::from_secs(31)).await;
    client.detect(url()).await.unwrap();
    assert_eq!(world.hosts(), [HOME, AWAY]);
    tokio::time::advance(Duration::from_secs(31)).await;
    client.detect(url()).await.unwrap();
    assert_eq!(world.hosts(), [AWAY]);
    world.set(HOME, Mood::Well);
    tokio::time::advance(Duration::from_secs(31)).await;
    let mut together = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = client.clone();
        together.spawn(async move { client.detect(url()).await.unwrap() });
    }
    while together.join_next().await.is_some() {}
    assert_eq!(world.hosts().iter().filter(|host| *host == HOME).count(), 1);
    client.detect(url()).await.unwrap();
    assert_eq!(world.hosts(), [HOME]);
}

/// Where every region is out, the client's own is asked: nobody is refused without a try.
#[tokio::test(start_paused = true)]
async fn with_all_regions_out_the_own_one_is_asked() {
    let world = Arc::new(World::default());
    world.set(HOME, Mood::Refusing);
    world.set(AWAY, Mood::Failing);
    let client = client(&world, &["eu-west-1"], 0, OnAmbiguous::Retry);
    for _ in 0..20 {
        assert!(client.detect(url()).await.is_err());
    }
    world.asked();
    assert_eq!(client.detect(url()).await.unwrap_err().kind(), Kind::Connect);
    assert_eq!(world.hosts(), [HOME]);
    world.set(HOME, Mood::Well);
    client.detect(url()).await.unwrap();
    client.detect(url()).await.unwrap();
    assert_eq!(world.hosts(), [HOME, HOME]);
}
