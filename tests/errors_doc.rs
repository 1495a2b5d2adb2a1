//! `docs/errors.md` says what the tables say: it is made of them, and this test fails when it is not.
//! `WRITE_DOCS=1 cargo test --test errors_doc` writes it anew.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "what is tested is a file")]
use aigclens::attempt::{Billing, Operation};
use aigclens::error::{Error, Kind};
use aigclens::retry::{self, Class};
use aigclens::wire::codes::{self, Meaning};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
# Codes, exceptions, retries and money

Made from the tables of `src/wire/codes.rs` and `src/retry.rs` by `WRITE_DOCS=1 cargo test --test errors_doc`, and held true by
the same test.

*Tried again* holds with `max_retries=` above 0. *passing*: after a random wait below 50 ms that doubles each time; *throttled*:
the same from 1 s; *doubtful*: one further attempt at most, none with `on_ambiguous=\"raise\"`; *no*: it would end the same way.
A wrong clock (`ClockSkewError`, or `SignatureDoesNotMatch` with a clock that is off by more than four minutes) is put right and
tried again once; so are expired credentials, where their source has other ones. *Charged* is what `billing` says of that request.
";

fn retried(kind: Kind, billing: Billing) -> &'static str {
    let error = Error::new(kind, "").with_billing(billing);
    match retry::classify(Operation::ImageModeration, &error, false) {
        Class::Final | Class::Corrected if kind == Kind::ClockSkew => "once, with the clock put right",
        Class::Final | Class::Corrected if kind == Kind::CredentialsExpired => "once, with other credentials",
        Class::Final | Class::Corrected => "no",
        Class::Transient if kind == Kind::ImageDownloadTimeout => "passing, once",
        Class::Transient => "passing",
        Class::Throttled => "throttled",
        Class::Ambiguous => "doubtful",
    }
}

fn row(text: &mut String, code: &str, meaning: Meaning) {
    let Meaning { kind, billing, advice } = meaning;
    let (name, again, charged) = (kind.name(), retried(kind, billing), billing.as_str());
    writeln!(text, "| `{code}` | `{name}` | {again} | `{charged}` | {advice} |").unwrap();
}

fn table(text: &mut String, title: &str, note: &str, first: &str) {
    write!(
        text,
        "\n## {title}\n\n{note}\n\n| {first} | exception | tried again | charged | what it means, what to do |\n"
    )
    .unwrap();
    text.push_str("|---|---|---|---|---|\n");
}

/// Failures without an answer: how far the request got decides what it may have cost.
const UNANSWERED: [(Kind, Billing, &str); 12] = [
    (Kind::Dns, Billing::NotBilled, "the endpoint's name has no address; check region= and endpoint="),
    (Kind::Connect, Billing::NotBilled, "nobody listens, or the connection ended before the request was sent"),
    (Kind::ConnectTimeout, Billing::NotBilled, "no connection within connect_timeout="),
    (Kind::ResourceExhausted, Billing::NotBilled, "this machine has no file descriptor or port left"),
    (Kind::Tls, Billing::NotBilled, "the certificate is not trusted, not valid now, or for another name; see ca_file="),
    (Kind::Proxy, Billing::NotBilled, "the proxy cannot be reached or refuses"),
    (Kind::ProxyAuthentication, Billing::NotBilled, "the proxy wants a user name and password, which go into its URL"),
    (Kind::PaceTimeout, Billing::NotBilled, "the turn at the pace of qps= would come after total_timeout="),
    (Kind::PaceUnavailable, Billing::NotBilled, "the Redis server of pace= cannot be reached or refuses"),
    (Kind::DetectTimeout, Billing::PossiblyBilled, "sent, and no whole answer within timeout="),
    (Kind::AmbiguousOutcome, Billing::PossiblyBilled, "sent, and the connection broke before a whole answer came"),
    (
        Kind::ResponseDecode,
        Billing::PossiblyBilled,
        "an answer came that is none of the service's: packed, too large, a web page",
    ),
];

fn document() -> String {
    let mut text = HEAD.to_owned();
    table(&mut text, "Business codes", "Inside of an HTTP 200; 200 itself is the only one that is charged.", "code");
    for (code, meaning) in codes::BUSINESS {
        row(&mut text, &code.to_string(), meaning);
    }
    row(&mut text, "any other", codes::business(i64::MAX));
    table(
        &mut text,
        "Gateway codes",
        "By their beginning; the first row that fits decides, whatever the HTTP status.",
        "code",
    );
    for (code, meaning) in codes::GATEWAY {
        row(&mut text, code, meaning);
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
        ("502, 504", 504),
        ("5xx", 503),
        ("any other", 418),
    ] {
        row(&mut text, name, codes::status(status));
    }
    table(
        &mut text,
        "No answer",
        "Verdicts are those of the paid call; uploads and their tokens are free, and tried again freely.",
        "exception",
    );
    for (kind, billing, advice) in UNANSWERED {
        row(&mut text, kind.name(), Meaning { kind, billing, advice });
    }
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
fn no_failure_without_an_answer_is_left_out() {
    for kind in Kind::ALL {
        let class = retry::classify(Operation::ImageModeration, &Error::new(kind, ""), false);
        let listed = UNANSWERED.iter().any(|(listed, _, _)| *listed == kind);
        let answered = codes::BUSINESS.iter().any(|(_, meaning)| meaning.kind == kind)
            || codes::GATEWAY.iter().any(|(_, meaning)| meaning.kind == kind);
        let upload = matches!(kind, Kind::UploadIntegrity);
        assert!(class == Class::Final || listed || answered || upload, "{kind:?} is tried again and stands nowhere");
    }
}
