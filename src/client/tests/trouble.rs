//! Faults that a script cannot play: panics, pauses of half an hour, files while there is no memory left.
use super::*;
use crate::attempt::Operation;
use crate::http::{Request, Sending};
use crate::image::memory::{MEMORY, Memory};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const NOW: u64 = 1_800_000_000;
const TOKEN: &str = r#"{"Code":200,"RequestId":"T","Data":{"AccessKeyId":"STS.id","AccessKeySecret":"s","SecurityToken":"t",
    "BucketName":"b","FileNamePrefix":"upload/1/","Expiration":1800007200,
    "OssInternetEndPoint":"https://oss-us-east-1.aliyuncs.com"}}"#;
const THROTTLED: &str = r#"{"Code":403,"RequestId":"R"}"#;

/// A transport that does something before it answers from its script.
struct Staged<F> {
    script: Scripted,
    stage: F,
}

impl<F> std::fmt::Debug for Staged<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Staged")
    }
}

impl<F: Fn(&Request) -> Duration + Send + Sync> Transport for Staged<F> {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(async move {
            tokio::time::sleep((self.stage)(&request)).await;
            self.script.send(request).await
        })
    }
}

fn action(request: &Request) -> &str {
    request.headers.iter().find(|(name, _)| *name == "x-acs-action").map_or("PutObject", |(_, text)| text.expose())
}

fn staged(
    script: Vec<std::result::Result<Response, Failure>>,
    ambient: Ambient,
    stage: impl Fn(&Request) -> Duration + Send + Sync + 'static,
) -> Client {
    let like = client(Signature::Acs3, &Arc::default());
    let transport = Arc::new(Staged { script: Scripted::new(script), stage });
    Client::new(Arc::clone(&like.settings), ambient, transport, like.rules)
}

fn local_call() -> Call {
    Call {
        max_retries: Some(2),
        timeout: Some(Duration::from_secs(7_200)),
        total_timeout: Some(Duration::from_secs(7_200)),
        ..Call::new(Source::Bytes(Bytes::from_static(PNG)))
    }
}

fn operations(found: &Detection) -> Vec<&'static str> {
    found.attempts.iter().map(|attempt| attempt.operation.as_str()).collect()
}

/// H18: the call ends with an error that says what it may have cost, and the next call goes on as if nothing had been.
#[tokio::test]
async fn a_panic_while_asking_is_an_error_that_may_have_been_charged() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let client = staged(vec![answer(200, &[], SUCCESS)], Ambient::fixed(NOW, &[]), move |_| {
        assert!(seen.fetch_add(1, Ordering::SeqCst) != 0, "planted");
        Duration::ZERO
    });
    let error = client.detect(Call::new(url())).await.unwrap_err();
    assert_eq!((error.kind(), error.billing()), (Kind::Internal, Billing::PossiblyBilled));
    let attempts = &error.facts().attempts;
    assert_eq!(
        (attempts.len(), attempts[0].operation, attempts[0].outcome),
        (1, Operation::ImageModeration, "InternalError")
    );
    assert!(!error.message().contains("planted"), "no debug words for users");
    assert_eq!(client.detect(Call::new(url())).await.unwrap().label.as_deref(), Some("aigc"));
    assert_eq!(count.load(Ordering::SeqCst), 2, "a panic is not tried again");
}

/// H18: what was asked before the panic stays on the error, and nothing is doubtful before anything was sent.
#[tokio::test]
async fn a_panic_keeps_what_is_known_of_the_call() {
    let client = staged(
        vec![answer(200, &[], TOKEN), answer(200, &[("x-oss-request-id", "R")], "")],
        Ambient::fixed(NOW, &[]),
        |request| {
            assert_ne!(action(request), "ImageModeration", "planted");
            Duration::ZERO
        },
    );
    let error = client.detect(local_call()).await.unwrap_err();
    let known: Vec<_> = error.facts().attempts.iter().map(|one| (one.operation.as_str(), one.billing)).collect();
    assert_eq!(
        known,
        [
            ("DescribeUploadToken", Billing::NotBilled),
            ("PutObject", Billing::NotBilled),
            ("ImageModeration", Billing::PossiblyBilled)
        ]
    );
    // A free request is under no doubt.
    let client = staged(vec![answer(200, &[], TOKEN)], Ambient::fixed(NOW, &[]), |request| {
        assert_ne!(action(request), "PutObject", "planted");
        Duration::ZERO
    });
    let error = client.detect(local_call()).await.unwrap_err();
    assert_eq!((error.kind(), error.billing()), (Kind::Internal, Billing::NotBilled));
    let known: Vec<_> = error.facts().attempts.iter().map(|one| (one.operation.as_str(), one.outcome)).collect();
    assert_eq!(known, [("DescribeUploadToken", "ok"), ("PutObject", "InternalError")]);
}

/// K07: a machine that slept between upload and retry: the wall clock knows, the other one has stood still.
#[tokio::test(start_paused = true)]
async fn an_image_that_lay_too_long_is_uploaded_again_before_it_is_asked_about() {
    for (minutes, expected) in [(24, 0), (26, 1)] {
        let clock = Arc::new(AtomicU64::new(NOW));
        let (read, set) = (Arc::clone(&clock), clock);
        let ambient = Ambient::fixed(NOW, &[]).with_clock(move || Duration::from_secs(read.load(Ordering::SeqCst)));
        let stored = || answer(200, &[("x-oss-request-id", "R")], "");
        let again = if expected == 1 { vec![stored()] } else { vec![] };
        let script = [
            vec![answer(200, &[], TOKEN), stored(), answer(200, &[], THROTTLED)],
            again,
            vec![answer(200, &[], SUCCESS)],
        ];
        let client = staged(script.concat(), ambient, move |request| {
            if action(request) == "ImageModeration" {
                set.store(NOW + minutes * 60, Ordering::SeqCst);
            }
            Duration::ZERO
        });
        let found = client.detect(local_call()).await.unwrap();
        let again = &["PutObject"][..expected];
        let wanted =
            [&["DescribeUploadToken", "PutObject", "ImageModeration"][..], again, &["ImageModeration"]].concat();
        assert_eq!(operations(&found), wanted, "{minutes} minutes");
    }
}

/// K07: the same where the clock of the machine stands still and only time passes.
#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_half_an_hour_is_followed_by_a_new_upload() {
    let stored = || answer(200, &[("x-oss-request-id", "R")], "");
    let script = vec![
        answer(200, &[], TOKEN),
        stored(),
        answer(200, &[], THROTTLED),
        stored(),
        answer(200, &[], THROTTLED),
        answer(200, &[], SUCCESS),
    ];
    let count = AtomicUsize::new(0);
    let client = staged(script, Ambient::fixed(NOW, &[]), move |request| {
        let is_first = action(request) == "ImageModeration" && count.fetch_add(1, Ordering::SeqCst) == 0;
        Duration::from_secs(if is_first { 1_560 } else { 1 })
    });
    let found = client.detect(local_call()).await.unwrap();
    assert_eq!(
        operations(&found)[1..],
        ["PutObject", "ImageModeration", "PutObject", "ImageModeration", "ImageModeration"],
        "the second retry has a fresh image"
    );
}

/// I23: a file is not read while there is no memory for it, and the call's own time ends the waiting.
#[tokio::test]
async fn files_wait_for_memory_and_no_longer_than_their_call() {
    let script =
        || vec![answer(200, &[], TOKEN), answer(200, &[("x-oss-request-id", "R")], ""), answer(200, &[], SUCCESS)];
    let path = std::env::temp_dir().join(format!("aigclens-memory-{}.png", std::process::id()));
    write(&path, PNG);
    let memory = Memory::default();
    let client = staged(script(), Ambient::fixed(NOW, &[]), |_| Duration::ZERO).sharing(memory.clone());
    let call = |total: u64| Call {
        total_timeout: Some(Duration::from_millis(total)),
        ..Call::new(Source::Path(path.clone()))
    };
    let all = memory.claim(u64::from(MEMORY)).unwrap();
    let error = client.detect(call(50)).await.unwrap_err();
    assert_eq!((error.kind(), error.facts().attempts.len()), (Kind::DetectTimeout, 0));
    assert!(error.message().contains("256 MiB"), "{error}");
    let (found, ()) = tokio::join!(client.detect(call(60_000)), async { drop(all) });
    assert_eq!(found.unwrap().label.as_deref(), Some("aigc"));
    // The script remembers what was sent, and so the bytes.
    assert!(memory.claim(u64::from(MEMORY)).is_none());
    drop(client);
    assert!(memory.claim(u64::from(MEMORY)).is_some(), "all of it came back");
    std::fs::remove_file(path).unwrap();
}

#[allow(clippy::disallowed_methods, reason = "tests make the files they read")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}
