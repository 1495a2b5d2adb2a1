use super::*;
use crate::ambient::Ambient;
use crate::config::{Network, Settings, Signature, Timeouts};
use crate::credential::{Credentials, Provider};
use crate::evidence::{Precheck, Sources};
use crate::http::scripted::{Scripted, answer};
use crate::http::{Failure, Transport};
use crate::region::Endpoint;
use crate::retry::Policy;
use crate::service::Experience;

const NOW: u64 = 1_800_000_000;

fn settings(endpoint: &str, upload_signature: UploadSignature) -> Settings {
    Settings {
        endpoint: Endpoint::parse(endpoint).unwrap(),
        failover: Vec::new(),
        vpc: false,
        provider: Provider::Explicit(Credentials::new("id", "secret", None).unwrap()),
        signature: Signature::Acs3,
        upload_signature,
        service: "aigcDetector_global".into(),
        precheck: Precheck::default(),
        skip_sources: Sources::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(15),
            total: Duration::from_secs(60),
            idle: Duration::from_secs(15),
        },
        policy: Policy { max_retries: 0, ..Policy::default() },

        qps: None,
        pace: crate::pace::Scope::Process,
        network: Network { proxy: None, trust_env: false, ca_file: None, user_agent: "test".into() },
    }
}

fn service(endpoint: &str, transport: Arc<dyn Transport>) -> Service {
    let settings = Arc::new(settings(endpoint, UploadSignature::V4));
    Service { settings, ambient: Ambient::fixed(NOW, &[]), transport, experience: experience() }
}

fn token_body(storage: &str, expiration: u64) -> String {
    format!(
        r#"{{"Code":200,"RequestId":"T-1","Data":{{"AccessKeyId":"STS.id","AccessKeySecret":"upload-secret","SecurityToken":"upload-token",
        "BucketName":"oss-cip-sg","FileNamePrefix":"upload/1xxb89/","OssInternetEndPoint":"{storage}",
        "OssInternalEndPoint":"https://oss-ap-southeast-1-internal.aliyuncs.com","Expiration":{expiration}}}}}"#
    )
}

fn token(storage: &str, expiration: u64) -> std::result::Result<Response, Failure> {
    answer(200, &[], &token_body(storage, expiration))
}

const CLOUD: &str = "https://green-cip.ap-southeast-1.aliyuncs.com";
const STORAGE: &str = "https://oss-ap-southeast-1.aliyuncs.com";

fn image() -> Image {
    Image { bytes: Bytes::from_static(b"picture"), crc64: 42, suffix: Some("png"), content_type: "image/png" }
}

fn terms() -> Terms {
    Terms::new(Duration::from_secs(60), Duration::from_secs(15), Policy { max_retries: 0, ..Policy::default() })
}

fn stored(crc64: &str) -> std::result::Result<Response, Failure> {
    answer(200, &[("x-oss-hash-crc64ecma", crc64), ("x-oss-request-id", "O-1")], "")
}

async fn uploaded(script: Vec<std::result::Result<Response, Failure>>) -> (Result<Uploaded>, Vec<Request>, Trail) {
    let transport = Arc::new(Scripted::new(script));
    let service = service(CLOUD, Arc::clone(&transport) as Arc<dyn Transport>);
    let mut trail = Trail::new();
    let result = upload(&TokenCache::default(), &service, &image(), terms(), &mut trail).await;
    (result, transport.requests(), trail)
}

/// K10, K11: the object's name is the token's prefix, random characters and the sniffed suffix.
#[tokio::test]
async fn the_put_goes_to_the_token_s_bucket_under_a_random_name_signed_with_v4() {
    let (result, requests, trail) = uploaded(vec![token(STORAGE, NOW + 1800), stored("42")]).await;
    let uploaded = result.unwrap();
    assert!(uploaded.is_verified);
    let name = uploaded.key.strip_prefix("upload/1xxb89/").unwrap().strip_suffix(".png").unwrap();
    assert_eq!(uuid::Uuid::parse_str(name).unwrap().get_version_num(), 4);
    let put = &requests[1];
    assert_eq!(put.url.expose(), format!("https://oss-cip-sg.oss-ap-southeast-1.aliyuncs.com/{}", uploaded.key));
    let header =
        |wanted: &str| put.headers.iter().find(|(name, _)| *name == wanted).map(|(_, text)| text.expose().to_owned());
    assert_eq!(header("x-oss-security-token").as_deref(), Some("upload-token"));
    assert_eq!(header("content-type").as_deref(), Some("image/png"));
    assert!(
        header("authorization").unwrap().starts_with("OSS4-HMAC-SHA256 Credential=STS.id/20270115/ap-southeast-1/oss/")
    );
    let tried: Vec<_> = trail.iter().map(|attempt| (attempt.operation, attempt.billing, attempt.outcome)).collect();
    assert_eq!(
        tried,
        [(Operation::DescribeUploadToken, Billing::NotBilled, "ok"), (Operation::PutObject, Billing::NotBilled, "ok")]
    );
}

/// K06: a corrupted image is never paid for. A missing checksum is reported, not refused.
#[tokio::test]
async fn a_wrong_checksum_ends_the_call_and_a_missing_one_is_noted() {
    for wrong in ["43", "x", "-1"] {
        let (result, _, trail) = uploaded(vec![token(STORAGE, NOW + 1800), stored(wrong)]).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.billing()), (Kind::UploadIntegrity, Billing::NotBilled));
        assert_eq!(trail.len(), 2);
    }
    let unchecked = answer(200, &[("x-oss-request-id", "O-1")], "");
    let (result, _, _) = uploaded(vec![token(STORAGE, NOW + 1800), unchecked]).await;
    assert!(!result.unwrap().is_verified);
}

/// E12: a portal's page is no receipt for an upload, and asking about an image that is not there would be in vain.
#[tokio::test]
async fn a_success_that_the_storage_did_not_give_is_none() {
    let portal = || answer(200, &[("content-type", "text/html")], "<html>Log in</html>");
    let (result, _, trail) = uploaded(vec![token(STORAGE, NOW + 1800), portal()]).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.billing()), (Kind::ResponseDecode, Billing::NotBilled));
    assert_eq!(trail.last().map(|attempt| attempt.outcome), Some("ResponseDecodeError"));
}

/// K04: image bytes go to no host that the token merely names.
#[tokio::test]
async fn a_storage_host_that_is_not_alibaba_cloud_s_gets_nothing() {
    for storage in [
        "https://evil.example",
        "https://evilaliyuncs.com",
        "http://127.0.0.1:1",
        "https://aliyuncs.com.evil.example",
        "::",
    ] {
        let (result, requests, _) = uploaded(vec![token(storage, NOW + 1800), stored("42")]).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Upload, "{storage}");
        assert_eq!(requests.len(), 1, "{storage}");
    }
}

#[test]
fn the_storage_s_address_is_built_as_oss_clients_build_it() {
    let local = service("127.0.0.1:9", Arc::new(Scripted::default()));
    let cloud = service(CLOUD, Arc::new(Scripted::default()));
    let at = |service: &Service, storage_host: &str| {
        let envelope = crate::wire::envelope::Envelope {
            request_id: None,
            body: serde_json::from_str(&token_body(storage_host, 1)).unwrap(),
        };
        let storage = storage(service, &upload_token::read(&envelope).unwrap(), "upload/a b.png").unwrap();
        (storage.url, storage.region)
    };
    let in_region = |url: &str, region: &str| (url.to_owned(), region.to_owned());
    assert_eq!(
        at(&local, "http://127.0.0.1:9"),
        in_region("http://127.0.0.1:9/oss-cip-sg/upload/a%20b.png", DEFAULT_REGION)
    );
    assert_eq!(at(&local, "127.0.0.1:9"), in_region("http://127.0.0.1:9/oss-cip-sg/upload/a%20b.png", DEFAULT_REGION));
    // Without a scheme, and with the wrong one: TLS all the same.
    let expected = in_region("https://oss-cip-sg.oss-us-east-1.aliyuncs.com/upload/a%20b.png", "us-east-1");
    assert_eq!(at(&cloud, "oss-us-east-1.aliyuncs.com"), expected);
    assert_eq!(at(&cloud, "http://oss-us-east-1.aliyuncs.com"), expected);
    assert_eq!(at(&cloud, "https://oss-eu-west-1-internal.aliyuncs.com").1, "eu-west-1");
    assert_eq!(at(&cloud, "https://oss-accelerate.aliyuncs.com").1, "ap-southeast-1");
}

#[tokio::test]
async fn the_older_signature_is_there_on_request() {
    let transport = Arc::new(Scripted::new([token(STORAGE, NOW + 1800), stored("42")]));
    let service = Service {
        settings: Arc::new(settings(CLOUD, UploadSignature::V1)),
        ambient: Ambient::fixed(NOW, &[]),
        transport: Arc::clone(&transport) as Arc<dyn Transport>,
        experience: experience(),
    };
    upload(&TokenCache::default(), &service, &image(), terms(), &mut Trail::new()).await.unwrap();
    let put = &transport.requests()[1];
    let names: Vec<_> = put.headers.iter().map(|(name, _)| *name).collect();
    assert!(names.contains(&"date") && !names.contains(&"x-oss-date"));
    assert!(
        put.headers.iter().any(|(name, text)| *name == "authorization" && text.expose().starts_with("OSS STS.id:"))
    );
}

/// One fetch serves all who wait, and the token is kept until shortly before its end.
#[tokio::test]
async fn the_token_is_fetched_once_for_many_and_again_before_it_ends() {
    let clock = Arc::new(std::sync::atomic::AtomicU64::new(NOW));
    let seen = Arc::clone(&clock);
    let ambient = Ambient::fixed(NOW, &[])
        .with_clock(move || Duration::from_secs(seen.load(std::sync::atomic::Ordering::SeqCst)));
    let script = (0..40).map(|_| stored("42"));
    let transport = Arc::new(Scripted::new(std::iter::once(token(STORAGE, NOW + 1800)).chain(script)));
    let service = Service {
        settings: Arc::new(settings(CLOUD, UploadSignature::V4)),
        ambient,
        transport: Arc::clone(&transport) as Arc<dyn Transport>,
        experience: experience(),
    };
    let (cache, one) = (Arc::new(TokenCache::default()), image());
    let mut together = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (cache, service, one) = (Arc::clone(&cache), service.clone(), one.clone());
        together.spawn(async move { upload(&cache, &service, &one, terms(), &mut Trail::new()).await.is_ok() });
    }
    assert_eq!(together.join_all().await, [true; 8]);
    let tokens = || transport.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!((tokens(), transport.requests().len()), (1, 9));
    // A quarter of 1,800 s is kept back.
    clock.store(NOW + 1349, std::sync::atomic::Ordering::SeqCst);
    upload(&cache, &service, &one, terms(), &mut Trail::new()).await.unwrap();
    assert_eq!(tokens(), 1);
    clock.store(NOW + 1350, std::sync::atomic::Ordering::SeqCst);
    let _ = upload(&cache, &service, &one, terms(), &mut Trail::new()).await;
    assert_eq!(tokens(), 2);
}

#[test]
fn the_margin_before_expiry_fits_the_lifetime() {
    let margin = |lifetime: u64| {
        lifetime - (refresh_at(Duration::from_secs(NOW), Duration::from_secs(NOW + lifetime)).as_secs() - NOW)
    };
    assert_eq!((margin(7200), margin(1800), margin(200), margin(60)), (900, 450, 75, 30));
}

/// K03: a token that the storage refuses is replaced once, and the image goes to the new token's place.
#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let refused =
        || answer(403, &[], "<Error><Code>InvalidSecurityToken</Code><Message>upload-token</Message></Error>");
    let token = || token(STORAGE, NOW + 1800);
    let transport = Arc::new(Scripted::new([token(), refused(), token(), stored("42")]));
    let one = service(CLOUD, Arc::clone(&transport) as Arc<dyn Transport>);
    let mut trail = Trail::new();
    assert!(upload(&TokenCache::default(), &one, &image(), terms(), &mut trail).await.is_ok());
    let outcomes: Vec<_> = trail.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, ["ok", "UploadError", "ok", "ok"]);
    let transport = Arc::new(Scripted::new([token(), refused(), token(), refused(), token(), stored("42")]));
    let one = service(CLOUD, Arc::clone(&transport) as Arc<dyn Transport>);
    let error = upload(&TokenCache::default(), &one, &image(), terms(), &mut Trail::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.facts().code.as_deref()), (Kind::Upload, Some("InvalidSecurityToken")));
    assert!(!error.message().contains("upload-token"));
    assert_eq!((error.facts().attempts.len(), transport.requests().len()), (4, 4));
}

/// K05, K06: the same object again while the trouble passes; a damaged one once more, and then no payment for it.
#[tokio::test(start_paused = true)]
async fn an_upload_is_tried_again_under_the_same_name() {
    let persistent = Terms::new(Duration::from_secs(60), Duration::from_secs(15), Policy::default());
    let down = || answer(503, &[], "<Error><Code>ServiceUnavailable</Code></Error>");
    for (second, third, is_fine) in
        [(down(), stored("42"), true), (stored("41"), stored("42"), true), (stored("41"), stored("41"), false)]
    {
        let transport = Arc::new(Scripted::new([token(STORAGE, NOW + 1800), second, third, stored("42")]));
        let one = service(CLOUD, Arc::clone(&transport) as Arc<dyn Transport>);
        let mut trail = Trail::new();
        let outcome = upload(&TokenCache::default(), &one, &image(), persistent, &mut trail).await;
        assert_eq!(outcome.is_ok(), is_fine, "{trail:?}");
        let requests = transport.requests();
        assert_eq!(requests.len(), 3);
        assert_eq!(requests[1].url.expose(), requests[2].url.expose());
    }
}

#[tokio::test]
async fn a_place_that_a_url_cannot_carry_is_refused() {
    for prefix in ["upload/../", "./", "a/./b/"] {
        let body =
            token_body("https://oss-ap-southeast-1.aliyuncs.com", 1_800_003_600).replace("upload/1xxb89/", prefix);
        let (outcome, requests, _) = uploaded(vec![crate::http::scripted::answer(200, &[], &body)]).await;
        assert_eq!(outcome.unwrap_err().kind(), Kind::Upload, "{prefix}");
        assert_eq!(requests.len(), 1, "the image went nowhere");
    }
}

/// K03: a refused token is forgotten, and nobody waits for that beyond the end of the call, whoever holds the cache.
#[tokio::test(start_paused = true)]
async fn forgetting_a_token_ends_with_the_call() {
    let (cache, token) = (TokenCache::default(), token_body(STORAGE, NOW + 3_600));
    let envelope = crate::wire::envelope::Envelope { request_id: None, body: serde_json::from_str(&token).unwrap() };
    let token = Arc::new(upload_token::read(&envelope).unwrap());
    *cache.slot.lock().await = Some(Cached { token: Arc::clone(&token), refresh_at: Duration::MAX });
    let held = cache.slot.lock().await;
    let waited = tokio::time::timeout(Duration::from_secs(3_600), cache.forget(&token, terms())).await;
    assert!(waited.is_ok());
    drop(held);
    cache.forget(&token, terms()).await;
    assert!(cache.slot.lock().await.is_none());
}

fn experience() -> Arc<Experience> {
    let settings = settings(CLOUD, UploadSignature::V4);
    let identity = Arc::new(crate::identity::Identity::new(&settings.provider));
    Arc::new(Experience::new(&settings, identity, &Ambient::fixed(0, &[])))
}
