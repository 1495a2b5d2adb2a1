//! `docs/errors.md` says what the tables say: it is made of them, and this test fails when it is not.
//! `WRITE_DOCS=1 cargo test --test errors_doc` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "what is tested is a file")]
use aigclens::attempt::{Billing, Operation};
use aigclens::error::{Error, Kind};
use aigclens::http::Failure;
use aigclens::retry::{self, Class};
use aigclens::service::unanswered;
use aigclens::wire::codes::{self, Meaning};
use aigclens::wire::envelope::{self, Answer};
use aigclens::wire::{moderation, oss_error};
use std::fmt::Write as _;
use std::path::Path;

const PAID: Operation = Operation::ImageModeration;

const HEAD: &str = "\
# Codes, exceptions, retries and money

Made from the tables of `src/wire/codes.rs`, `src/wire/oss_error.rs` and `src/retry.rs` by
`WRITE_DOCS=1 cargo test --test errors_doc`, and held true by the same test. [faults.md](faults.md) has the other direction.

*Tried again* holds by default (`max_retries=2`; with 0 there is no further attempt). *passing*: after a random wait below 50 ms
that doubles each time; *throttled*: the same from 1 s; *doubtful*: one further attempt at most, none with
`on_ambiguous=\"raise\"`; *once*: after its cause was put right; *no*: it would end the same way. *Charged* is what `billing` says
of that request, *unsent* of one that was never made, which `billing` calls `not_billed` too.

A wrong clock (`ClockSkewError`, or `SignatureDoesNotMatch` with a clock that is off by more than four minutes) is put right and
tried again once; so are expired credentials, where their source has other ones. An image that the service does not find though
the client had uploaded it (code 404) is uploaded anew and asked about once more. Upload token and upload are free: whatever
happens to them is `not_billed`, and a lost answer is tried again without doubt.
";

fn again(operation: Operation, error: &Error) -> &'static str {
    let kind = error.kind();
    match retry::classify(operation, error, false) {
        Class::Final | Class::Corrected if kind == Kind::ClockSkew => "once, with the clock put right",
        Class::Final | Class::Corrected
            if kind == Kind::CredentialsExpired
                || operation.is_paid() && error.facts().code.as_deref().is_some_and(codes::is_about_token) =>
        {
            "once, with other credentials"
        }
        Class::Final | Class::Corrected if kind == Kind::ImageDownload => "no; once for an upload",
        Class::Final | Class::Corrected => "no",
        Class::Transient if matches!(kind, Kind::ImageDownloadTimeout | Kind::UploadIntegrity) => "passing, once",
        Class::Transient => "passing",
        Class::Throttled => "throttled",
        Class::Ambiguous => "doubtful",
    }
}

fn line(text: &mut String, what: &str, error: &Error, again: &str, charged: &str, advice: &str) {
    writeln!(text, "| {what} | `{}` | {again} | {charged} | {advice} |", error.kind().name()).unwrap();
}

/// A row about an answer or failure of an operation, as the core judges it.
fn row(text: &mut String, operation: Operation, what: &str, error: &Error, advice: &str) {
    let charged = format!("`{}`", error.billing().as_str());
    line(text, what, error, again(operation, error), &charged, advice);
}

fn meant(text: &mut String, code: &str, meaning: Meaning) {
    let error = Error::new(meaning.kind, "").with_billing(meaning.billing).with_code(code);
    row(text, PAID, &format!("`{code}`"), &error, meaning.advice);
}

fn table(text: &mut String, title: &str, note: &str, first: &str) {
    write!(
        text,
        "\n## {title}\n\n{note}\n\n| {first} | exception | tried again | charged | what it means, what to do |\n"
    )
    .unwrap();
    text.push_str("|---|---|---|---|---|\n");
}

/// What is refused or fails before anything is sent: it ends the call at once.
const UNSENT: [(Kind, &str, &str); 17] = [
    (Kind::Config, "an option, endpoint or variable", "it is wrong; the message names it and what it may be"),
    (Kind::CredentialsNotFound, "no credentials", "no place has some; the message lists the places and the ways out"),
    (
        Kind::Credentials,
        "a source of credentials",
        "it is configured and does not work, or took longer than 5 s; mend it. The next call asks it again",
    ),
    (
        Kind::CredentialsExpired,
        "credentials on arrival",
        "they have expired already; obtain new ones and check this machine's clock",
    ),
    (Kind::InvalidParameter, "a parameter", "it is empty, malformed or too long; the message says what it may be"),
    (
        Kind::InvalidUrl,
        "a URL",
        "it is no single public URL of at most 2,048 characters; see `encode_url=`, `allow_private_urls=`",
    ),
    (Kind::ImageFile, "a file", "it cannot be read, is empty, damaged or no regular file; see `errno` and `filename`"),
    (Kind::ImageFileNotFound, "a file", "there is none of this name"),
    (
        Kind::ImageTooLarge,
        "an image",
        "too many bytes or pixels; make it smaller, or see `check_image=` and `image_limits=`",
    ),
    (
        Kind::UnsupportedImageFormat,
        "an image",
        "no image, or of a format that the service does not take; convert it, or see `check_image=`",
    ),
    (
        Kind::UnsupportedSource,
        "an object",
        "no image that this package knows how to read; pass a path, a URL, bytes or a PIL image",
    ),
    (Kind::ClientClosed, "a client", "it was closed; make a new one"),
    (
        Kind::PaceTimeout,
        "a turn at the pace",
        "it would come after `total_timeout=`; allow more time, or make fewer calls at once",
    ),
    (
        Kind::PaceUnavailable,
        "the Redis server of `pace=`",
        "it cannot be reached or refuses; mend it, or use `pace=\"host\"`",
    ),
    (
        Kind::DetectTimeout,
        "the time of the call",
        "`total_timeout=` passed while a file, credentials or a token were waited for",
    ),
    (
        Kind::ResponseSchema,
        "an upload token",
        "it lacks a field that the message names; nothing was uploaded. Report it",
    ),
    (
        Kind::Internal,
        "this package",
        "a fault inside; please report it. `possibly_billed` if the paid request was under way",
    ),
];

/// What ends a scan, or keeps one from beginning. What is in flight then is finished and recorded.
const SCANS: [(Kind, &str, &str); 6] = [
    (Kind::Budget, "the budget", "the next call would pass it; a larger budget goes on where this one ended"),
    (
        Kind::ScanPaused,
        "one refusal after another, or an outage",
        "the message has the diagnosis; once its cause is put right, the same scan goes on",
    ),
    (
        Kind::Store,
        "the store",
        "it cannot be opened or written: read-only, on a network file system, replaced meanwhile",
    ),
    (Kind::StoreLocked, "the store", "another process is writing to it; wait for it, or use another file"),
    (Kind::StoreFull, "the store's disk", "it has no room; make some, and run the scan again"),
    (Kind::StoreDamaged, "the store's file", "it is none of ours, or damaged; `aigclens store verify` says more"),
];

/// Failures without an answer: whether the request may have left decides what it may have cost.
const UNANSWERED: [(Kind, bool, &str, &str); 11] = [
    (Kind::Dns, false, "name", "the endpoint's name has no address; check region= and endpoint="),
    (Kind::Connect, false, "connect", "nobody listens, or the connection ended before the request was sent"),
    (Kind::ConnectTimeout, false, "connect", "no connection within connect_timeout="),
    (Kind::ResourceExhausted, false, "connect", "this machine has no file descriptor, port or memory left"),
    (Kind::Tls, false, "TLS", "the certificate is not trusted, not valid now, or for another name; see ca_file="),
    (Kind::Proxy, false, "proxy", "the proxy cannot be reached or refuses"),
    (Kind::ProxyAuthentication, false, "proxy", "the proxy wants a user name and password, which go into its URL"),
    (Kind::DetectTimeout, true, "time-out", "sent, and no whole answer within timeout="),
    (Kind::DetectTimeout, true, "stall", "the other side took no byte of the request for 5 s"),
    (Kind::AmbiguousOutcome, true, "reset, end", "sent, and the connection broke before a whole answer came"),
    (
        Kind::ResponseDecode,
        true,
        "size, packing",
        "an answer came that is too large or packed, which was not asked for",
    ),
];

/// Answers that contradict themselves, or that nobody can read: status, body, what it is, what to do.
const STRANGE: [(u16, &[u8], &str, &str); 10] = [
    (200, b"<html>", "HTTP 200 without JSON", "a proxy or a login page may have answered; open a web page and log in"),
    (
        200,
        b"{}",
        "HTTP 200 without a code",
        "something else than the service answered; check `endpoint=` and any proxy",
    ),
    (
        200,
        b"{\"Code\":500,\"Code\":200}",
        "a key that stands twice",
        "which one counts would be a guess; see `raw` and the bill",
    ),
    (
        200,
        b"{\"Code\":200,\"Data\":\"\xff\"}",
        "no UTF-8, code 200 readable",
        "it was charged and cannot be used; see `raw`",
    ),
    (200, b"{\"Code\":200}", "code 200 without `Data`", "it was charged and lacks the result; see `raw`"),
    (302, b"{\"Code\":200}", "code 200 in HTTP 3xx", "it contradicts itself; see `raw` and the bill"),
    (400, b"{\"Code\":200}", "code 200 in HTTP 400", "it contradicts itself; see `raw` and the bill"),
    (403, b"{\"Code\":200}", "code 200 in HTTP 403", "it contradicts itself; see `raw` and the bill"),
    (429, b"{\"Code\":200}", "code 200 in HTTP 429", "it contradicts itself; see `raw` and the bill"),
    (503, b"{\"Code\":200}", "code 200 in HTTP 5xx", "it contradicts itself; see `raw` and the bill"),
];

/// The codes and statuses of the storage, as `oss_error` knows them; the last is what it does not know.
const STORAGE: [(u16, &str); 22] = [
    (403, "RequestTimeTooSkewed"),
    (503, "SlowDown"),
    (503, "QpsLimitExceeded"),
    (503, "DownloadTrafficRateLimitExceeded"),
    (400, "EntityTooLarge"),
    (400, "InvalidDigest"),
    (400, "BadDigest"),
    (403, "InvalidAccessKeyId"),
    (403, "InvalidSecurityToken"),
    (403, "SecurityTokenExpired"),
    (403, "AccessKeyIdAndSecurityTokenNotMatch"),
    (403, "SignatureDoesNotMatch"),
    (403, "AccessDenied"),
    (404, "NoSuchBucket"),
    (429, ""),
    (413, ""),
    (302, ""),
    (407, ""),
    (500, ""),
    (503, ""),
    (403, ""),
    (400, "any other"),
];

/// What goes wrong with an upload besides a refusal of the storage.
const UPLOAD: [(Kind, &str, &str); 3] = [
    (Kind::Upload, "a host that is not Alibaba Cloud's", "the upload token names it; the image was not sent anywhere"),
    (Kind::UploadIntegrity, "another checksum", "the image was damaged on its way; nothing is asked about it"),
    (
        Kind::ResponseDecode,
        "HTTP 200 of somebody else",
        "a proxy or a login page may have answered; the image is nowhere",
    ),
];

fn strange(status: u16, body: &[u8]) -> Error {
    match envelope::open(Answer { operation: PAID, status, content_type: None, body }, &[]) {
        Err(error) => error,
        Ok(success) => moderation::read(&success, None).expect_err("it lacks its data"),
    }
}

fn stored(text: &mut String, status: u16, code: &str) {
    let error = oss_error::refusal(status, format!("<Error><Code>{code}</Code></Error>").as_bytes(), &[]);
    let (advice, _) = error.message().trim_start_matches("PutObject: ").split_once(" (code ").unwrap();
    let again =
        if oss_error::spoils_token(code) { "once, with a new token" } else { again(Operation::PutObject, &error) };
    let what = if code.is_empty() { format!("HTTP {status}") } else { format!("`{code}`") };
    line(text, &what.replace("`any other`", "any other"), &error, again, "`not_billed`", advice);
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    table(&mut text, "Business codes", "Inside of an HTTP 200; 200 itself is the only one that is charged.", "code");
    for (code, meaning) in codes::BUSINESS {
        meant(&mut text, &code.to_string(), meaning);
    }
    meant(&mut text, "any other", codes::business(i64::MAX));
    let note = "By their beginning; the first row that fits decides, whatever the HTTP status.";
    table(&mut text, "Gateway codes", note, "code");
    for (code, meaning) in codes::GATEWAY {
        meant(&mut text, code, meaning);
    }
    table(&mut text, "HTTP status alone", "Where an answer has no code that is known.", "status");
    for (name, status) in [
        ("2xx", 204),
        ("3xx", 302),
        ("401", 401),
        ("403", 403),
        ("407", 407),
        ("429", 429),
        ("511", 511),
        ("5xx", 503),
        ("any other", 418),
    ] {
        meant(&mut text, name, codes::status(status));
    }
    let note =
        "That contradict themselves, or that nobody can read. The charge stays in doubt unless code 200 is readable.";
    table(&mut text, "Strange answers", note, "answer");
    for (status, body, what, advice) in STRANGE {
        let mut error = strange(status, body);
        if status == 200 && what.contains("Data") {
            // As `conclude` has it: the attempt was a success, and stays one.
            error = error.with_billing(Billing::Billed);
        }
        row(&mut text, PAID, what, &error, advice);
    }
    let note = "Only what certainly never left costs nothing. Verdicts are those of the paid call.";
    table(&mut text, "Without an answer", note, "failure");
    for (kind, is_sent, what, advice) in UNANSWERED {
        row(&mut text, PAID, what, &unanswered(PAID, Failure::new(kind, is_sent, "")), advice);
    }
    let note = "These end the call at once. A call that had made attempts before carries them in `attempts`.";
    table(&mut text, "Before anything is sent", note, "what");
    for (kind, what, advice) in UNSENT {
        line(&mut text, what, &Error::new(kind, ""), "no", "unsent", advice);
    }
    let note = "Uploads of local images. Nothing here is charged, and the paid call is not made for an image that is not there. A\n\
                token that is refused is replaced once, which takes no attempt.";
    table(&mut text, "Storage", note, "answer");
    for (status, code) in STORAGE {
        stored(&mut text, status, code);
    }
    for (kind, what, advice) in UPLOAD {
        row(&mut text, Operation::PutObject, what, &Error::new(kind, ""), advice);
    }
    let note = "They come after every finished row was handed out; running the scan again goes on.";
    table(&mut text, "Scans", note, "what");
    for (kind, what, advice) in SCANS {
        line(&mut text, what, &Error::new(kind, ""), "no", "unsent", advice);
    }
    text.push_str(
        "\n## Warnings\n\nThe result stands, and says the same in `warnings`. `MismatchWarning`: the answer is for another data id.\n\
         `CredentialsWarning`: others may read the file of the credentials, or they could not be replaced yet and are still good.\n",
    );
    text
}

#[test]
fn the_document_says_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let wanted = document();
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = wanted.lines().zip(found.lines()).find(|(wanted, found)| wanted != found);
    assert_eq!(difference, None, "docs/errors.md is out of date");
    assert_eq!(found, wanted, "docs/errors.md is out of date");
}

#[test]
fn every_kind_of_error_has_a_row() {
    let text = document();
    for kind in Kind::ALL {
        assert!(text.contains(&format!("| `{}` |", kind.name())), "{kind:?} stands nowhere");
    }
}

/// What is tried again must stand where its retries are told, not only among what ends a call at once.
#[test]
fn no_failure_without_an_answer_is_left_out() {
    for kind in Kind::ALL {
        let class = retry::classify(PAID, &Error::new(kind, ""), false);
        let unanswered = UNANSWERED.iter().any(|(listed, ..)| *listed == kind);
        let answered = codes::BUSINESS.iter().any(|(_, meaning)| meaning.kind == kind)
            || codes::GATEWAY.iter().any(|(_, meaning)| meaning.kind == kind);
        let upload = UPLOAD.iter().any(|(listed, ..)| *listed == kind);
        assert!(
            class == Class::Final || unanswered || answered || upload,
            "{kind:?} is tried again and stands nowhere"
        );
    }
}

/// The codes of the storage are arms of a `match`, which nobody can list but its source.
#[test]
fn no_code_of_the_storage_is_left_out() {
    let source = include_str!("../src/wire/oss_error.rs").split("#[cfg(test)]").next().unwrap();
    let (_, rules) = source.split_once("pub fn spoils_token").unwrap();
    let mut count = 0;
    for code in rules.split('"').skip(1).step_by(2) {
        let is_code = code.len() > 4 && code.starts_with(char::is_uppercase) && code.chars().all(char::is_alphabetic);
        if is_code {
            count += 1;
            assert!(STORAGE.iter().any(|(_, listed)| *listed == code), "{code} stands nowhere");
        }
    }
    assert!(count > 10, "{count}");
}
