//! A process that is gone without a word: what it was told of is there, what it had begun is in doubt.
use super::world::*;
use crate::attempt::Billing;
use crate::store::{End, Known, Spent};

/// L03, L24, L25, M02: after a crash every answer is there that was told of, and every intent counts as possibly charged.
#[test]
fn a_crash_loses_no_answer_and_leaves_every_open_intent_in_doubt() {
    let place = Place::new("crashed");
    let store = place.open().unwrap();
    for number in 0..20 {
        answer_it(&store, number);
    }
    for number in 20..23 {
        intend(&store, number).unwrap();
    }
    // One that had failed for certain is asked about again.
    let intent = intend(&store, 23).unwrap();
    let ends = vec![(intent, Some(attempt(Billing::NotBilled)))];
    wait(store.settle(settlement(23, ends, failed(Billing::NotBilled)))).unwrap();
    intend(&store, 23).unwrap();
    let after = place.after_a_crash();
    let store = after.open().unwrap();
    let spent = Spent { billed_calls: 20, billed: 12_000, possibly_calls: 4, possibly: 2_400 };
    assert_eq!(store.spent(), spent);
    for number in 0..20 {
        assert!(matches!(look(&store, number).unwrap(), Known::Answered(past) if past.what == answer(number)));
    }
    for (number, tries) in [(20, 1), (21, 1), (22, 1), (23, 2)] {
        assert_eq!(look(&store, number).unwrap(), Known::Unresolved { tries });
    }
    // And an answer ends the doubt about the content, not that about the money.
    answer_it(&store, 20);
    drop(store);
    let store = after.open().unwrap();
    assert_eq!(store.spent(), Spent { billed_calls: 21, billed: 12_600, ..spent });
    assert!(matches!(look(&store, 20).unwrap(), Known::Answered(past) if past.tries == 1));
}

/// L24: a call that was broken off in doubt stays in doubt; one that was sent and refused is as open as before.
#[test]
fn a_call_that_was_stopped_decides_nothing() {
    let place = Place::new("stopped");
    let store = place.open().unwrap();
    for (number, billing, known) in
        [(1, Billing::NotBilled, Known::Nothing), (2, Billing::PossiblyBilled, Known::Unresolved { tries: 1 })]
    {
        let intent = intend(&store, number).unwrap();
        wait(store.settle(settlement(number, vec![(intent, Some(attempt(billing)))], End::Open))).unwrap();
        assert_eq!(look(&store, number).unwrap(), known);
    }
}
