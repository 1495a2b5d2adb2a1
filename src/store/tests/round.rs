//! What is written is what is read: intents, settlements, looks.
use super::world::*;
use crate::attempt::Billing;
use crate::store::{Answer, End, Intention, Item, Known, Past, Question, Settlement, Spent, Store};

fn past(known: Known) -> Past<Answer> {
    match known {
        Known::Answered(past) => *past,
        other => panic!("{other:?}"),
    }
}

/// L02: what is answered is known when the store is opened again, to the last bit of it, and needs no call.
#[test]
fn an_answer_is_the_same_in_the_next_run() {
    let place = Place::new("answer");
    let store = place.open().unwrap();
    assert_eq!(look(&store, 1).unwrap(), Known::Nothing);
    answer_it(&store, 1);
    let known = past(look(&store, 1).unwrap());
    assert_eq!((known.what, known.is_of_this_run, known.tries), (answer(1), true, 0));
    store.close().unwrap();
    store.close().unwrap();
    assert_eq!(place.names(), ["run.sqlite"], "nothing of it is left lying about");
    let store = place.open().unwrap();
    let known = past(wait(store.look(content(1), Item { key: "other".into(), source: "else".into() })).unwrap());
    assert_eq!((known.what, known.is_of_this_run, known.first_key.as_str()), (answer(1), false, "1.jpg"));
    assert_eq!(store.spent(), Spent { billed_calls: 1, billed: 600, ..Spent::default() });
}

/// M02: what an attempt cost stays known whatever came of its call, and what may have been charged counts as well.
#[test]
fn each_attempt_is_accounted_for() {
    let place = Place::new("account");
    let store = place.open().unwrap();
    let first = intend(&store, 1).unwrap();
    let doubtful = attempt(Billing::PossiblyBilled);
    let second = wait(store.intend(Intention { before: vec![(first, doubtful.clone())], ..intention(1) })).unwrap();
    let ends = vec![(first, Some(doubtful)), (second, Some(attempt(Billing::Billed)))];
    wait(store.settle(settlement(1, ends, answered(1)))).unwrap();
    let unsent = intend(&store, 2).unwrap();
    wait(store.settle(settlement(2, vec![(unsent, None)], End::Open))).unwrap();
    let refused = intend(&store, 3).unwrap();
    wait(store.settle(settlement(3, vec![(refused, Some(attempt(Billing::NotBilled)))], failed(Billing::NotBilled))))
        .unwrap();
    let lost = intend(&store, 4).unwrap();
    wait(store.settle(settlement(
        4,
        vec![(lost, Some(attempt(Billing::PossiblyBilled)))],
        failed(Billing::PossiblyBilled),
    )))
    .unwrap();
    assert_eq!(store.spent(), Spent::default(), "what was spent before this run");
    assert_eq!(look(&store, 2).unwrap(), Known::Nothing, "a request that was never sent is no try");
    match look(&store, 3).unwrap() {
        Known::Failed(past) => {
            assert_eq!((past.what, past.tries, past.first_key.as_str()), (failure(Billing::NotBilled), 1, "3.jpg"));
        }
        other => panic!("{other:?}"),
    }
    // For this run it has failed; the next one may ask again.
    assert!(matches!(look(&store, 4).unwrap(), Known::Failed(past) if past.is_of_this_run && past.tries == 1));
    drop(store);
    let store = place.open().unwrap();
    assert_eq!(look(&store, 4).unwrap(), Known::Unresolved { tries: 1 });
    let spent = Spent { billed_calls: 1, billed: 600, possibly_calls: 2, possibly: 1200 };
    assert_eq!(store.spent(), spent);
}

/// L18: an answer counts for its own question only, and what an emulator was asked is no money.
#[test]
fn another_service_or_endpoint_is_another_question() {
    let place = Place::new("question");
    let store = place.open().unwrap();
    answer_it(&store, 1);
    drop(store);
    for (question, spent) in [
        (Question { service: "aigcDetector_ultra".into(), ..question() }, 1),
        (Question { endpoint: "https://green-cip.us-west-1.aliyuncs.com".into(), ..question() }, 1),
        (Question { info_type: "customImage".into(), ..question() }, 1),
        (Question { endpoint: "http://127.0.0.1:1".into(), is_loopback: true, ..question() }, 0),
    ] {
        let store = Store::open(Some(&place.file()), &question, &place.ambient()).unwrap();
        assert_eq!(look(&store, 1).unwrap(), Known::Nothing, "{question:?}");
        assert_eq!(store.spent().billed_calls, spent, "{question:?}");
    }
}

#[test]
fn a_store_without_a_path_works_and_leaves_nothing() {
    let place = Place::new("nowhere");
    let store = Store::open(None, &question(), &place.ambient()).unwrap();
    answer_it(&store, 1);
    assert_eq!(past(look(&store, 1).unwrap()).what, answer(1));
    store.close().unwrap();
    assert_eq!(place.names(), [""; 0]);
    let told = look(&store, 1).unwrap_err();
    assert!(told.message().contains("closed"), "{told}");
}

/// L17: the same path with new content is asked about anew; the old answer stays with the old content.
#[test]
fn an_item_follows_its_content() {
    let place = Place::new("changed");
    let store = place.open().unwrap();
    answer_it(&store, 1);
    assert_eq!(wait(store.look(content(2), item(1))).unwrap(), Known::Nothing);
    let intent = wait(store.intend(Intention { item: item(1), ..intention(2) })).unwrap();
    let intents = vec![(intent, Some(attempt(Billing::Billed)))];
    wait(store.settle(Settlement { item: item(1), ..settlement(2, intents, answered(2)) })).unwrap();
    assert_eq!(past(wait(store.look(content(2), item(1))).unwrap()).what, answer(2));
    assert_eq!(past(wait(store.look(content(1), item(9))).unwrap()).what, answer(1));
}
