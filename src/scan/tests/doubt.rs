//! What is in doubt: no money is spent on it twice.
use super::*;

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
        input.item.key = key.to_owned();
        input
    };
    let inputs = [twin("first")].into_iter().chain((1..300).map(url)).chain([twin("second"), twin("third")]);
    let (rows, why) = run(&scan, inputs).await;
    assert!(why.is_none(), "{why:?}");
    assert_eq!(oracle.asked().iter().filter(|url| url.contains("/0.")).count(), 1);
    let bad: Vec<_> = rows.iter().filter(|row| !ok(row)).collect();
    assert_eq!((rows.len(), bad.len()), (302, 3));
    for row in bad {
        let is_first = row.item.key == "first";
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
