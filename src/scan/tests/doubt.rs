//! What is in doubt, what is given up, and what breaks: no money is spent on it twice, and nothing is lost or hangs.
use super::*;
use std::sync::atomic::AtomicBool;

fn lost() -> std::result::Result<Response, Failure> {
    Err(Failure::new(Kind::AmbiguousOutcome, true, "gone"))
}

/// L01, M01: an equal image that comes long after the one whose answer was lost is not asked about in the same run.
#[tokio::test]
async fn a_lost_answer_is_not_asked_for_again_by_a_later_duplicate() {
    let oracle = Oracle::new(|_, url| if url.contains("/0.") { lost() } else { verdict(url) });
    let scan = begin(&oracle, private(), options());
    let twin = |key: &str| {
        let mut input = url(0);
        input.item.key = key.into();
        input
    };
    let inputs = [twin("first")].into_iter().chain((1..300).map(url)).chain([twin("second"), twin("third")]);
    let (rows, why) = run(&scan, inputs).await;
    assert!(why.is_none(), "{why:?}");
    assert_eq!(oracle.asked().iter().filter(|url| url.contains("/0.")).count(), 1);
    let bad: Vec<_> = rows.iter().filter(|row| !ok(row)).collect();
    assert_eq!((rows.len(), bad.len()), (302, 3));
    for row in bad {
        let is_first = &*row.item.key == "first";
        assert_eq!(row.billing == Billing::PossiblyBilled, is_first, "{row:?}");
        assert_eq!(row.duplicate_of.as_deref(), (!is_first).then_some("first"));
    }
    assert_eq!(scan.balance().possibly, price::LIST.micro_dollars);
}

/// L19, F18: what an outage makes of calls does not count against an image: it is asked about after it.
#[tokio::test]
async fn an_outage_uses_up_no_tries() {
    let folder = Folder::new("tries");
    let oracle = Oracle::new(|number, url| match number {
        0..8 => Err(Failure::new(Kind::Connect, false, "no route")),
        8 => lost(),
        _ => verdict(url),
    });
    for is_ok in [false, true] {
        let scan = begin(&oracle, folder.store(), options());
        let (rows, why) = run(&scan, [url(1)]).await;
        scan.close().unwrap();
        assert!(why.is_none() && rows.len() == 1 && ok(&rows[0]) == is_ok, "{why:?} {rows:?}");
    }
    assert_eq!(oracle.asked().len(), 10);
}

/// H17, M02: whoever waits for a turn when the scan is stopped gives it up: nothing is sent, and nothing is in doubt.
#[tokio::test]
async fn a_stop_does_not_wait_for_turns() {
    let folder = Folder::new("turns");
    let oracle = Oracle::new(|_, url| verdict(url));
    let client = paced(&oracle, 0.01);
    let mut options = options();
    options.call.total_timeout = Some(Duration::from_secs(3_600));
    let scan = Scan::start(client, folder.store(), options, ambient(), Handle::current());
    for number in 0..50 {
        scan.feed(url(number));
    }
    let is_waiting = async {
        let mut before = usize::MAX;
        while oracle.asked().is_empty() || oracle.asked().len() != before {
            before = oracle.asked().len();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), is_waiting).await.unwrap();
    let sent = oracle.asked().len();
    scan.stop();
    let (rows, why) = tokio::time::timeout(Duration::from_secs(20), run(&scan, [])).await.expect("it waits for turns");
    scan.close().unwrap();
    assert!(why.is_none(), "{why:?}");
    assert_eq!((rows.len(), oracle.asked().len()), (sent, sent));
    let spent = folder.store().spent();
    assert_eq!((spent.billed_calls, spent.possibly_calls), (u64::try_from(sent).unwrap(), 0));
}

/// J14: what is refused here, before anything is sent, is a row, and not what the store remembers of the image.
#[tokio::test]
async fn what_is_refused_here_is_not_held_against_the_image() {
    let folder = Folder::new("refused");
    let oracle = Oracle::new(|_, url| verdict(url));
    for (data_ids, oks) in [(DataIds::Key, 0), (DataIds::None, 30)] {
        let scan = begin(&oracle, folder.store(), Options { data_ids, ..options() });
        let (rows, why) = run(&scan, (0..30).map(url)).await;
        scan.close().unwrap();
        assert!(why.is_none(), "{why:?}");
        assert_eq!((rows.len(), rows.iter().filter(|row| ok(row)).count()), (30, oks));
    }
    assert_eq!(oracle.asked().len(), 30);
}

/// A clock that breaks down when it is told to.
fn breaking(at: &Arc<AtomicBool>) -> Ambient {
    let at = Arc::clone(at);
    ambient().with_clock(move || {
        assert!(!at.swap(false, Ordering::SeqCst), "a panic that this test asks for");
        Duration::from_secs(1_800_000_000)
    })
}

/// H18: a panic about one image is a row of its own, and no other waits for the money that was set aside for it.
#[tokio::test]
async fn a_panic_is_a_row_and_gives_back_what_it_held() {
    let folder = Folder::new("panic");
    let price = price::LIST.micro_dollars;
    let breaks = Arc::new(AtomicBool::new(false));
    let oracle = Oracle::new({
        let breaks = Arc::clone(&breaks);
        move |number, url| {
            breaks.store(number == 0, Ordering::SeqCst);
            verdict(url)
        }
    });
    let options = Options { budget: Some(2 * price), concurrency: 1, ..options() };
    let scan = Scan::start(client(&oracle, 0), folder.store(), options, breaking(&breaks), Handle::current());
    let all = tokio::time::timeout(Duration::from_secs(20), run(&scan, (0..3).map(url))).await;
    let (rows, why) = all.expect("it waits for money that nobody has");
    scan.close().unwrap();
    assert_eq!(why.unwrap().kind(), Kind::Budget);
    assert_eq!(rows.len(), 2);
    let What::Failed(failure) = &rows[0].what else { panic!("{rows:?}") };
    assert_eq!((failure.kind, rows[0].billing), (Kind::Internal, Billing::PossiblyBilled));
    assert!(ok(&rows[1]));
    assert_eq!((scan.balance().billed, scan.balance().possibly), (price, price));
    let spent = folder.store().spent();
    assert_eq!((spent.billed, spent.possibly), (price, price), "as the next run finds it");
}

/// H17: however often a scan is left, its store is let go of after the last call in flight, whose answer is kept.
#[tokio::test]
async fn a_scan_that_is_left_twice_keeps_what_is_in_flight() {
    let folder = Folder::new("left");
    let oracle = Oracle::new(|_, url| verdict(url));
    let scan = begin(&oracle, folder.store(), Options { concurrency: 1, ..options() });
    scan.feed(url(0));
    while oracle.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    // Its answer is some milliseconds away: longer than it takes to ask for an end.
    scan.leave();
    scan.leave();
    while !scan.is_over() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scan.close().unwrap();
    let taken = scan.take(9);
    drop(scan);
    assert!(taken.why.is_none() && taken.rows.iter().all(ok), "{taken:?}");
    let spent = folder.store().spent();
    assert_eq!((spent.billed_calls, spent.possibly_calls), (1, 0));
}

/// What was paid for is never asked for again, also where its answer cannot be read, and its body is kept.
#[tokio::test]
async fn an_answer_that_was_paid_for_and_cannot_be_read_is_not_paid_for_again() {
    let folder = Folder::new("unreadable");
    let oracle = Oracle::new(|_, url| if url.contains("/0.") { answer(r#"{"Code":200}"#) } else { refusal(404) });
    for (round, asked) in [2, 3, 4].into_iter().enumerate() {
        let scan = begin(&oracle, folder.store(), Options { retry: Retry::Errors, ..options() });
        let (rows, why) = run(&scan, (0..2).map(url)).await;
        scan.close().unwrap();
        assert!(why.is_none() && rows.len() == 2, "{why:?}");
        assert_eq!(oracle.asked().len(), asked, "the refusal, which was free, is asked about again");
        let row = rows.iter().find(|row| row.item.key.contains("/0.")).unwrap();
        let What::Failed(failure) = &row.what else { panic!("{row:?}") };
        assert_eq!((failure.kind, failure.raw.as_deref()), (Kind::ResponseSchema, Some(&br#"{"Code":200}"#[..])));
        assert_eq!((row.billing == Billing::Billed, row.is_cached), (round == 0, round > 0));
        assert_eq!(scan.balance().billed, price::LIST.micro_dollars);
    }
}
