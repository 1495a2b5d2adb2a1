use super::*;

fn error(kind: Kind) -> Error {
    Error::new(kind, "x")
}

fn doubtful(kind: Kind) -> Error {
    error(kind).with_billing(Billing::PossiblyBilled)
}

fn world() -> Ambient {
    Ambient::fixed(1_000, &[])
}

const PAID: Operation = Operation::ImageModeration;

/// The table, row by row. Every kind is in it.
#[test]
fn every_kind_has_its_row() {
    use Class::{Final, Throttled, Transient};
    for kind in Kind::ALL {
        let expected = match kind {
            Kind::Throttled => Throttled,
            Kind::Connect
            | Kind::ConnectTimeout
            | Kind::Dns
            | Kind::Proxy
            | Kind::ResourceExhausted
            | Kind::Server
            | Kind::ImageDownloadTimeout
            | Kind::UploadIntegrity
            | Kind::AmbiguousOutcome
            | Kind::DetectTimeout
            | Kind::ResponseDecode
            | Kind::NonceUsed => Transient,
            _ => Final,
        };
        assert_eq!(classify(PAID, &error(kind), false), expected, "{kind:?}");
        assert_eq!(classify(PAID, &error(kind), true), Class::Corrected, "{kind:?}");
    }
}

/// A09, H01, E12: a doubt about money is a class of its own, for the paid call alone (K01, K05).
#[test]
fn a_doubt_about_money_is_one_for_the_paid_call_alone() {
    for kind in [Kind::AmbiguousOutcome, Kind::DetectTimeout, Kind::ResponseDecode, Kind::NonceUsed] {
        assert_eq!(classify(PAID, &doubtful(kind), false), Class::Ambiguous, "{kind:?}");
        assert_eq!(classify(Operation::PutObject, &doubtful(kind), false), Class::Transient, "{kind:?}");
    }
    // E15: unreadable, but its code says that it was charged.
    assert_eq!(classify(PAID, &error(Kind::ResponseDecode).with_billing(Billing::Billed), false), Class::Final);
    // D15: a success inside of an HTTP error; E16: an answer that contradicts itself inside of a 200 is not tried again.
    let contradiction = |status| doubtful(Kind::ResponseSchema).with_http_status(status);
    assert_eq!(classify(PAID, &contradiction(503), false), Class::Ambiguous);
    assert_eq!(classify(PAID, &contradiction(200), false), Class::Final);
    // D15: neither what a status means without a doubt, nor a correction, makes it a trouble that is free of charge.
    for (kind, status) in [(Kind::Server, 503), (Kind::Throttled, 429), (Kind::Authentication, 401)] {
        for is_corrected in [false, true] {
            let error = doubtful(kind).with_http_status(status);
            assert_eq!(classify(PAID, &error, is_corrected), Class::Ambiguous, "{kind:?}");
        }
    }
}

#[test]
fn three_attempts_by_default_and_none_again_without_retries() {
    let quota = Quota::default();
    let mut retries = Retries::new(Policy::default(), PAID, &quota);
    let mut attempts = 1;
    while retries.failed(&error(Kind::Server), false, &world()).is_some() {
        attempts += 1;
    }
    assert_eq!(attempts, 3);
    assert_eq!(quota.left(), QUOTA - 2 * TRANSIENT_COST);
    let none = Policy { max_retries: 0, ..Policy::default() };
    assert_eq!(Retries::new(none, PAID, &quota).failed(&error(Kind::Server), false, &world()), None);
}

/// F06, H01: one further attempt at most, whatever becomes of it; none with `raise`.
#[test]
fn after_a_doubt_there_is_one_further_attempt_at_most() {
    let quota = Quota::default();
    let many = Policy { max_retries: 20, on_ambiguous: OnAmbiguous::Retry, gives_way: false };
    for second in [doubtful(Kind::DetectTimeout), error(Kind::Throttled), error(Kind::Connect)] {
        let mut retries = Retries::new(many, PAID, &quota);
        assert!(retries.failed(&error(Kind::Connect), false, &world()).is_some());
        assert!(retries.failed(&doubtful(Kind::AmbiguousOutcome), false, &world()).is_some());
        assert_eq!(retries.failed(&second, false, &world()), None);
    }
    let raise = Policy { on_ambiguous: OnAmbiguous::Raise, ..many };
    assert_eq!(Retries::new(raise, PAID, &quota).failed(&doubtful(Kind::DetectTimeout), false, &world()), None);
}

/// D07, K06.
#[test]
fn a_slow_image_and_a_damaged_upload_are_tried_once_more() {
    let quota = Quota::default();
    for (operation, kind) in [(PAID, Kind::ImageDownloadTimeout), (Operation::PutObject, Kind::UploadIntegrity)] {
        let many = Policy { max_retries: 9, ..Policy::default() };
        let mut retries = Retries::new(many, operation, &quota);
        assert!(retries.failed(&error(kind), false, &world()).is_some());
        assert_eq!(retries.failed(&error(kind), false, &world()), None, "{kind:?}");
    }
}

/// B02: a correction is believed once.
#[test]
fn a_correction_is_believed_once_and_does_not_wait() {
    let quota = Quota::default();
    let mut retries = Retries::new(Policy::default(), PAID, &quota);
    assert_eq!(retries.failed(&error(Kind::ClockSkew), true, &world()), Some(Duration::ZERO));
    assert_eq!(retries.failed(&error(Kind::ClockSkew), true, &world()), None);
}

/// D06: what is tried again at once is a retry like any other: counted, paid for, and none after the last one.
#[test]
fn a_retry_without_a_rest_counts_as_one() {
    let quota = Quota::default();
    let mut retries = Retries::new(Policy { max_retries: 2, ..Policy::default() }, PAID, &quota);
    assert!(retries.at_once());
    assert_eq!(quota.left(), QUOTA - TRANSIENT_COST);
    assert!(retries.failed(&error(Kind::Server), false, &world()).is_some());
    assert!(!retries.at_once());
    assert_eq!(retries.failed(&error(Kind::Server), false, &world()), None);
}

/// C06: an outage costs 35 retries, and a recovery gives the credit back.
#[test]
fn an_outage_ends_in_failing_fast_and_success_earns_the_credit_back() {
    let quota = Quota::default();
    let mut extra = 0;
    for _ in 0..10_000 {
        let mut retries = Retries::new(Policy::default(), PAID, &quota);
        while retries.failed(&error(Kind::Server), false, &world()).is_some() {
            extra += 1;
        }
    }
    assert_eq!(extra, 35);
    for _ in 0..4 {
        Retries::new(Policy::default(), PAID, &quota).succeeded();
    }
    let mut retries = Retries::new(Policy::default(), PAID, &quota);
    assert!(retries.failed(&error(Kind::Server), false, &world()).is_some());
    let left = quota.left();
    retries.succeeded();
    assert_eq!(quota.left(), left + TRANSIENT_COST);
    for _ in 0..2 * QUOTA {
        Retries::new(Policy::default(), PAID, &quota).succeeded();
    }
    assert_eq!(quota.left(), QUOTA);
}

#[test]
fn backoff_doubles_up_to_a_ceiling_with_full_jitter() {
    let whole = |base, retry| backoff(base, retry, 1.0);
    assert_eq!([whole(BASE, 0), whole(BASE, 1), whole(BASE, 5)].map(|d| d.as_millis()), [50, 100, 1_600]);
    assert_eq!(whole(THROTTLED_BASE, 2), Duration::from_secs(4));
    for retry in [9, 31, 32, u32::MAX] {
        assert_eq!(whole(THROTTLED_BASE, retry), CEILING, "{retry}");
    }
    assert_eq!((backoff(BASE, 0, 0.0), backoff(BASE, 0, 0.5)), (Duration::ZERO, Duration::from_millis(25)));
}

/// C03, C04.
#[test]
fn hints_are_read_leniently_and_clamped() {
    let now = Duration::from_secs(1_764_000_000);
    let seconds = Duration::from_secs;
    for (milliseconds, retry_after, wanted) in [
        (Some("1500"), None, Some(Duration::from_millis(1_500))),
        (Some("1500"), Some("9"), Some(Duration::from_millis(1_500))),
        (Some("0"), Some("9"), Some(seconds(9))),
        (Some("-1"), None, None),
        (Some("abc"), None, None),
        (None, Some("3"), Some(seconds(3))),
        (None, Some("-3"), None),
        (None, Some("1000000000000"), Some(seconds(1_000_000_000_000))),
        (None, Some("Mon, 24 Nov 2025 16:00:05 GMT"), Some(seconds(5))),
        (None, Some("Mon, 24 Nov 2025 15:00:00 GMT"), None),
        (None, Some("soon"), None),
        (None, None, None),
    ] {
        assert_eq!(hint(milliseconds, retry_after, now), wanted, "{milliseconds:?} {retry_after:?}");
    }
    let own = seconds(2);
    assert_eq!(hinted(own, Some(seconds(1))), own);
    assert_eq!(hinted(own, Some(seconds(4))), seconds(4));
    assert_eq!(hinted(own, Some(seconds(1_000_000_000_000))), seconds(7));
    assert_eq!(hinted(own, None), own);
}

/// M10.
#[test]
fn the_policy_is_checked() {
    assert_eq!((max_retries(0).unwrap(), max_retries(20).unwrap()), (0, 20));
    for bad in [-1, 21, i64::MAX] {
        assert_eq!(max_retries(bad).unwrap_err().kind(), Kind::Config, "{bad}");
    }
    assert_eq!(OnAmbiguous::parse("raise").unwrap(), OnAmbiguous::Raise);
    assert_eq!(OnAmbiguous::parse("probe").unwrap_err().kind(), Kind::Config);
}
