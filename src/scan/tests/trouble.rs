//! Trouble in a scan: the account, the network, lost answers, crashes.
use super::*;

fn failed(kind: Kind, is_sent: bool) -> std::result::Result<Response, Failure> {
    Err(Failure::new(kind, is_sent, "gone"))
}

fn failure(row: &Row) -> &crate::store::Failure {
    match &row.what {
        What::Failed(failure) => failure,
        _ => panic!("{row:?}"),
    }
}

/// A04, A17, D10: the account's trouble ends the scan, costs no item, and the next run goes on.
#[tokio::test]
async fn trouble_with_the_account_stops_at_once_and_burns_nothing() {
    let folder = Folder::new("account");
    let oracle = Oracle::new(|number, url| if number < 20 { verdict(url) } else { refusal(408) });
    let scan = begin(&oracle, folder.store(), options());
    let (rows, why) = run(&scan, (0..500).map(url)).await;
    scan.close().unwrap();
    assert_eq!(why.unwrap().kind(), Kind::AccountNotReady);
    assert_eq!((rows.len(), rows.iter().filter(|row| ok(row)).count()), (20, 20));
    assert!(oracle.asked().len() <= 20 + 8, "{}", oracle.asked().len());
    let well = Oracle::new(|_, url| verdict(url));
    let scan = begin(&well, folder.store(), options());
    let (rows, why) = run(&scan, (0..500).map(url)).await;
    scan.close().unwrap();
    assert!(why.is_none() && rows.iter().all(ok));
    assert_eq!((rows.len(), well.asked().len()), (500, 480));
}

/// A server that was wrong about the time once misleads a few calls, and ends no scan; one that refuses the time for good
/// does, and burns nothing.
#[tokio::test]
async fn a_wrong_clock_is_learned_from_before_it_ends_the_scan() {
    let skewed = || answer(r#"{"Code":"InvalidTimeStamp.Expired","RequestId":"R"}"#);
    let once = Oracle::new(move |number, url| if (10..16).contains(&number) { skewed() } else { verdict(url) });
    let scan = begin(&once, private(), options());
    let (rows, why) = run(&scan, (0..100).map(url)).await;
    assert!(why.is_none(), "{why:?}");
    assert_eq!((rows.len(), rows.iter().filter(|row| ok(row)).count()), (100, 100));
    let ever = Oracle::new(move |number, url| if number < 10 { verdict(url) } else { skewed() });
    let scan = begin(&ever, private(), options());
    let (rows, why) = run(&scan, (0..100).map(url)).await;
    assert_eq!(why.unwrap().kind(), Kind::ClockSkew);
    assert_eq!((rows.len(), rows.iter().filter(|row| ok(row)).count()), (10, 10));
    assert!(ever.asked().len() <= 10 + 3 * (4 + AHEAD), "no more rounds than each item at hand has");
}

/// F18, K12: an outage of the network makes the scan wait; no item fails, and each is answered afterwards.
#[tokio::test]
async fn an_outage_is_sat_out() {
    let oracle = Oracle::new(|number, url| match number {
        10..20 => failed(Kind::Connect, false),
        _ => verdict(url),
    });
    let scan = begin(&oracle, private(), options());
    let (rows, why) = run(&scan, (0..100).map(url)).await;
    assert!(why.is_none(), "{why:?}");
    assert_eq!((rows.len(), rows.iter().filter(|row| ok(row)).count()), (100, 100));
    assert_eq!(oracle.asked().len(), 110);
}

/// C06, F18: one that lasts ends the scan without a row lost or burned.
#[tokio::test]
async fn an_outage_without_end_ends_the_scan_and_fails_no_item() {
    let oracle = Oracle::new(|number, url| if number < 10 { verdict(url) } else { refusal(500) });
    let scan = begin(&oracle, private(), options());
    let (rows, why) = run(&scan, (0..100).map(url)).await;
    let why = why.unwrap();
    assert_eq!(why.kind(), Kind::ScanPaused);
    assert!(why.message().contains("again"), "{why}");
    assert_eq!((rows.len(), rows.iter().filter(|row| ok(row)).count()), (10, 10));
}

/// L19: an image that the service always stumbles over is a row with an error, and the others go on.
#[tokio::test]
async fn one_poisoned_item_is_a_row_and_no_outage() {
    let oracle = Oracle::new(|_, url| if url.contains("/7.") { refusal(500) } else { verdict(url) });
    let scan = begin(&oracle, private(), options());
    let (rows, why) = run(&scan, (0..100).map(url)).await;
    assert!(why.is_none());
    let bad: Vec<_> = rows.iter().filter(|row| !ok(row)).collect();
    assert_eq!((rows.len(), bad.len(), failure(bad[0]).kind), (100, 1, Kind::Server));
    assert_eq!(oracle.asked().len(), 102, "three rounds for the one, one call for each other");
}

/// L19: over all runs, an image that comes to nothing is left alone in the end.
#[tokio::test]
async fn an_image_is_not_asked_about_for_ever() {
    let folder = Folder::new("poison");
    let oracle = Oracle::new(|_, _| refusal(404));
    for _ in 0..20 {
        let scan = begin(&oracle, folder.store(), Options { retry: Retry::Errors, ..options() });
        let (rows, _) = run(&scan, [url(1)]).await;
        assert!(!ok(&rows[0]));
        scan.close().unwrap();
    }
    assert!((2..=8).contains(&oracle.asked().len()), "{}", oracle.asked().len());
}

/// D03: twenty refusals of the parameters in a row are not twenty bad images.
#[tokio::test]
async fn refused_parameters_in_a_row_end_the_scan_with_a_diagnosis() {
    let oracle = Oracle::new(|_, _| refusal(401));
    let scan = begin(&oracle, private(), options());
    let (rows, why) = run(&scan, (0..500).map(url)).await;
    let why = why.unwrap();
    assert_eq!(why.kind(), Kind::ScanPaused);
    assert!(why.message().contains("service="), "{why}");
    assert!((20..=24).contains(&rows.len()), "{}", rows.len());
}

/// M01, L24: a lost answer may have been paid for: the row says so, the budget counts it, a run asks again if it is wanted.
#[tokio::test]
async fn a_lost_answer_counts_and_is_asked_again_only_if_that_is_wanted() {
    let folder = Folder::new("lost");
    let price = price::LIST.micro_dollars;
    let oracle =
        Oracle::new(|number, url| if number == 2 { failed(Kind::AmbiguousOutcome, true) } else { verdict(url) });
    let scan = begin(&oracle, folder.store(), options());
    let (rows, _) = run(&scan, (0..5).map(url)).await;
    assert_eq!(scan.balance(), Balance { limit: None, billed: 4 * price, possibly: price });
    scan.close().unwrap();
    let lost: Vec<_> = rows.iter().filter(|row| !ok(row)).collect();
    assert_eq!((lost.len(), lost[0].billing), (1, Billing::PossiblyBilled));
    for (retry, asked) in [(Retry::None, 5), (Retry::Unresolved, 6), (Retry::Unresolved, 6)] {
        let scan = begin(&oracle, folder.store(), Options { retry, ..options() });
        let (rows, _) = run(&scan, (0..5).map(url)).await;
        assert_eq!((rows.len(), oracle.asked().len()), (5, asked), "{retry:?}");
        assert_eq!(scan.balance().possibly, price, "what may have been charged stays so");
        scan.close().unwrap();
    }
}

/// M01: further attempts of one call are reserved and entered each for itself.
#[tokio::test]
async fn each_attempt_of_a_call_has_its_own_entry_and_its_own_money() {
    let price = price::LIST.micro_dollars;
    let fate = |number, url: &str| match number {
        0 => failed(Kind::AmbiguousOutcome, true),
        _ => verdict(url),
    };
    for (budget, billed, possibly, is_ok) in
        [(None, 1, 1, true), (Some(price), 0, 1, false), (Some(2 * price), 1, 1, true)]
    {
        let oracle = Oracle::new(fate);
        let client = client(&oracle, 2);
        let folder = Folder::new("attempts");
        let scan = Scan::start(client, folder.store(), Options { budget, ..options() }, ambient(), Handle::current());
        let (rows, why) = run(&scan, [url(0)]).await;
        scan.close().unwrap();
        assert_eq!(
            scan.balance(),
            Balance { limit: budget, billed: billed * price, possibly: possibly * price },
            "{budget:?}"
        );
        assert_eq!((rows.len(), rows.iter().all(ok)), (1, is_ok), "{budget:?} {rows:?}");
        assert!(why.is_none_or(|why| why.kind() == Kind::Budget));
        // What the next run finds is what this one knew.
        let spent = folder.store().spent();
        assert_eq!((spent.billed, spent.possibly), (billed * price, possibly * price), "{budget:?}");
    }
}

/// L03, M02, L24: a process that dies leaves intents, each counted as perhaps paid for, and asked again by the next run.
#[tokio::test]
async fn what_was_in_flight_at_a_crash_is_known_to_the_next_run() {
    let folder = Folder::new("crash");
    let oracle = Oracle::new(|_, url| verdict(url));
    let scan = begin(&oracle, folder.store(), options());
    for number in 0..100 {
        scan.feed(url(number));
    }
    while oracle.asked().len() < 10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // What a crash leaves on the disk is what is there now.
    let copy = Folder::new("crashed");
    for entry in std::fs::read_dir(&folder.0).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.0.join(entry.file_name())).unwrap();
    }
    scan.stop();
    run(&scan, []).await;
    scan.close().unwrap();
    let store = copy.store();
    let spent = store.spent();
    assert!((1..=4).contains(&spent.possibly_calls), "{spent:?}");
    let well = Oracle::new(|_, url| verdict(url));
    let scan = begin(&well, store, options());
    let (rows, why) = run(&scan, (0..100).map(url)).await;
    scan.close().unwrap();
    assert!(why.is_none() && rows.len() == 100 && rows.iter().all(ok));
    assert_eq!(well.asked().len(), 100 - usize::try_from(spent.billed_calls).unwrap());
}
