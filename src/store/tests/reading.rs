//! Reading: rows, numbers, doubts, and the check of it all.
use super::world::*;
use crate::attempt::Billing;
use crate::store::{Item, Reader, Spent};

/// A store with an answer and its duplicate, a failure, a doubt, a crash and something that nothing is known of.
fn mixed(place: &Place) -> Place {
    let store = place.open().unwrap();
    answer_it(&store, 1);
    wait(store.look(content(1), Item { key: "copy.jpg".into(), source: "photos/copy.jpg".into() })).unwrap();
    for (number, billing) in [(2, Billing::NotBilled), (3, Billing::PossiblyBilled)] {
        let intent = intend(&store, number).unwrap();
        wait(store.settle(settlement(number, vec![(intent, Some(attempt(billing)))], failed(billing)))).unwrap();
    }
    intend(&store, 4).unwrap();
    look(&store, 5).unwrap();
    let after = place.after_a_crash();
    after.open().unwrap().close().unwrap();
    after
}

#[test]
fn rows_have_the_columns_of_every_output() {
    let place = mixed(&Place::new("rows"));
    let reader = Reader::open(&place.file()).unwrap();
    let rows = reader.rows(0, 100).unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let error = row.error.as_deref().map(|error| error.split(':').next().unwrap());
            (
                row.key.as_str(),
                row.ok,
                row.error_code.as_deref(),
                error,
                row.billing.as_str(),
                row.duplicate_of.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("1.jpg", true, None, None, "billed", None),
            ("copy.jpg", true, None, None, "not_billed", Some("1.jpg")),
            ("2.jpg", false, Some("404"), Some("ImageDownloadError"), "not_billed", None),
            ("3.jpg", false, Some("DetectTimeout"), Some("DetectTimeout"), "possibly_billed", None),
            ("4.jpg", false, Some("AmbiguousOutcomeError"), Some("AmbiguousOutcomeError"), "possibly_billed", None),
        ]
    );
    let (row, told) = (&rows[0], answer(1));
    assert_eq!((row.label.clone(), row.is_aigc, row.confidence), (told.label, told.is_aigc, told.confidence));
    assert_eq!((&row.labels, &row.warnings, &row.evidence), (&told.labels, &told.warnings, &told.evidence));
    assert_eq!((row.raw.as_ref(), row.attempts, row.latency_ms), (Some(&told.raw), 2, Some(412.345_678)));
    assert_eq!(row.detected_at.as_deref(), Some("2025-11-24T16:00:00.987Z"));
    assert_eq!(row.blake3.as_deref(), Some(crate::encode::hex(&content(1).hash).as_str()));
    assert_eq!(row.engine.as_deref(), Some("service"));
    assert_eq!((rows[3].engine.as_deref(), rows[3].detected_at.as_deref()), (None, None));
    // In pages, nothing is told twice or left out.
    let mut keys = Vec::new();
    let mut after = 0;
    while let Some(row) = reader.rows(after, 1).unwrap().pop() {
        after = row.position;
        keys.push(row.key);
    }
    assert_eq!(keys, shown.iter().map(|row| row.0).collect::<Vec<_>>());
}

/// L24: every request that may have been charged is listed, with whether there has been an answer since.
#[test]
fn doubts_are_listed_until_they_are_answered_and_after() {
    let place = mixed(&Place::new("doubts"));
    let list = || {
        let doubts = Reader::open(&place.file()).unwrap().unresolved().unwrap();
        doubts.into_iter().map(|doubt| (doubt.key, doubt.outcome, doubt.is_answered)).collect::<Vec<_>>()
    };
    let told = |answered| {
        vec![
            ("3.jpg".to_owned(), "DetectTimeout".to_owned(), false),
            ("4.jpg".to_owned(), "Crashed".to_owned(), answered),
        ]
    };
    assert_eq!(list(), told(false));
    let store = place.open().unwrap();
    answer_it(&store, 4);
    intend(&store, 6).unwrap();
    let now = [told(true), vec![("6.jpg".to_owned(), "Intended".to_owned(), false)]].concat();
    assert_eq!(list(), now, "also while a scan is writing");
}

/// L26: what is read is one moment of the store, whatever is written meanwhile.
#[test]
fn a_reader_sees_one_moment() {
    let place = Place::new("moment");
    let store = place.open().unwrap();
    answer_it(&store, 1);
    let reader = Reader::open(&place.file()).unwrap();
    assert_eq!(reader.rows(0, 1).unwrap().len(), 1);
    for number in 2..200 {
        answer_it(&store, number);
    }
    assert_eq!(reader.rows(0, 1000).unwrap().len(), 1);
    assert_eq!(Reader::open(&place.file()).unwrap().rows(0, 1000).unwrap().len(), 199);
    drop(reader);
    store.close().unwrap();
}

#[test]
fn the_numbers_add_up() {
    let place = mixed(&Place::new("numbers"));
    let info = Reader::open(&place.file()).unwrap().info().unwrap();
    assert_eq!((info.items, info.answered, info.failed, info.unresolved, info.open), (6, 1, 1, 2, 1));
    let spent = Spent { billed_calls: 1, billed: 600, possibly_calls: 2, possibly: 1200 };
    assert_eq!((info.service, info.loopback, info.schema_version), (spent, Spent::default(), 1));
    let runs: Vec<_> = info.runs.iter().map(|run| (run.is_clean, run.ended_ns.is_some())).collect();
    assert_eq!(runs, [(false, false), (true, true)]);
    assert_eq!((info.store_id.len(), info.size % 4096), (32, 0));
}

/// An estimate reads what is there, while a scan is writing, and makes nothing where nothing is.
#[test]
fn an_estimate_writes_nothing() {
    let place = Place::new("estimate");
    let estimate =
        || crate::store::Store::open_to_estimate(Some(&place.file()), &question(), &place.ambient()).unwrap();
    let store = estimate();
    assert_eq!(wait(store.peek(content(1))).unwrap(), crate::store::Known::Nothing);
    assert_eq!(place.names(), [""; 0]);
    let scan = place.open().unwrap();
    answer_it(&scan, 1);
    let store = estimate();
    assert!(
        matches!(wait(store.peek(content(1))).unwrap(), crate::store::Known::Answered(past) if past.what == answer(1))
    );
    assert_eq!(store.spent().billed_calls, 1);
    let seen = |number| wait(store.seen_before(content(number), String::new())).unwrap().is_some();
    assert_eq!((seen(1), seen(1), seen(2), seen(2)), (false, true, false, true));
    assert!(look(&store, 3).is_err() && intend(&store, 3).is_err());
    store.close().unwrap();
    scan.close().unwrap();
    assert_eq!(Reader::open(&place.file()).unwrap().info().unwrap().items, 1);
}

#[test]
fn a_store_of_ours_verifies() {
    let place = mixed(&Place::new("verify"));
    assert_eq!(Reader::open(&place.file()).unwrap().verify(), [""; 0]);
}
