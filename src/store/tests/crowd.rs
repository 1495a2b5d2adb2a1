//! Many at once, over and over, and with names that nobody should have.
use super::world::*;
use crate::attempt::Billing;
use crate::store::{By, End, Fingerprint, Intent, Intention, Item, Known, Reader, Settlement, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The log of a store, to its last byte: whatever is written is written there first.
fn log(place: &Place) -> (u64, blake3::Hash) {
    let bytes = std::fs::read(place.0.join("run.sqlite-wal")).unwrap();
    (u64::try_from(bytes.len()).unwrap(), blake3::hash(&bytes))
}

/// L02: looking at what is known writes nothing, however often.
#[test]
fn a_second_look_writes_nothing() {
    let place = Place::new("look");
    let store = place.open().unwrap();
    answer_it(&store, 1);
    look(&store, 2).unwrap();
    let before = log(&place);
    for _ in 0..100 {
        look(&store, 1).unwrap();
        look(&store, 2).unwrap();
        wait(store.peek(content(3))).unwrap();
        wait(store.seen_before(content(3), String::new())).unwrap();
    }
    assert_eq!(log(&place), before);
    look(&store, 3).unwrap();
    assert_ne!(log(&place), before, "and this is how it would show");
}

/// Many calls share their commits, and each is told of its own.
#[test]
fn a_crowd_is_served_together() {
    let place = Place::new("crowd");
    let store = Arc::new(place.open().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let calls: Vec<_> = (0..300)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    assert_eq!(store.look(content(number), item(number)).await.unwrap(), Known::Nothing);
                    let intent = store.intend(intention(number)).await.unwrap();
                    let intents = vec![(intent, Some(attempt(Billing::Billed)))];
                    store.settle(settlement(number, intents, answered(number))).await.unwrap();
                    match store.look(content(number), item(number)).await.unwrap() {
                        Known::Answered(past) => assert_eq!(past.what, answer(number)),
                        other => panic!("{other:?}"),
                    }
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
    });
    store.close().unwrap();
    let reader = Reader::open(&place.file()).unwrap();
    assert_eq!((reader.info().unwrap().answered, reader.verify().len()), (300, 0));
}

/// An intent whose caller was gone before it heard of it was never sent, and is not counted; what a caller does not wait for
/// is written all the same.
#[test]
fn who_does_not_wait_sends_nothing() {
    let place = Place::new("gone");
    let store = place.open().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let gone = |future| tokio::time::timeout(Duration::ZERO, future);
        for number in 0..50 {
            // Who hears of it in time is one who could send.
            if let Ok(Ok(intent)) = gone(Box::pin(store.intend(intention(number)))).await {
                store.settle(settlement(number, vec![(intent, None)], End::Open)).await.unwrap();
            }
        }
        let intent = store.intend(intention(60)).await.unwrap();
        let intents = vec![(intent, Some(attempt(Billing::Billed)))];
        let settled = Box::pin(store.settle(settlement(60, intents, answered(60))));
        let _ = tokio::time::timeout(Duration::ZERO, settled).await;
    });
    store.close().unwrap();
    let store = place.open().unwrap();
    assert_eq!((store.spent().possibly_calls, store.spent().billed_calls), (0, 1));
    assert!(matches!(look(&store, 60).unwrap(), Known::Answered(_)));
    store.close().unwrap();
    assert_eq!(Reader::open(&place.file()).unwrap().verify(), [""; 0]);
}

/// L19: how often a content was asked about in vain is counted over all runs.
#[test]
fn tries_are_counted_over_all_runs() {
    let place = Place::new("tries");
    for tries in 1..4 {
        let store = place.open().unwrap();
        let intent = intend(&store, 1).unwrap();
        let intents = vec![(intent, Some(attempt(Billing::NotBilled)))];
        wait(store.settle(settlement(1, intents, failed(Billing::NotBilled)))).unwrap();
        let known = look(&store, 1).unwrap();
        assert!(matches!(known, Known::Failed(ref past) if past.tries == tries), "{known:?}");
        store.close().unwrap();
    }
}

/// L23: a clock that is set back, or to the end of time, changes neither the order of things nor what is known.
#[test]
fn the_clock_may_jump() {
    let place = Place::new("clock");
    let times = [1_764_000_000, 5, 0, u64::MAX, 1_764_000_001];
    let tick = Arc::new(AtomicU64::new(0));
    let clock = tick.clone();
    let ambient = place.ambient().with_clock(move || {
        let tick = clock.fetch_add(1, Ordering::Relaxed);
        Duration::from_secs(times[usize::try_from(tick).unwrap() % times.len()])
    });
    let store = Store::open(Some(&place.file()), &question(), &ambient).unwrap();
    for number in 0..20 {
        answer_it(&store, number);
    }
    store.close().unwrap();
    let reader = Reader::open(&place.file()).unwrap();
    let keys: Vec<_> = reader.rows(0, 99).unwrap().into_iter().map(|row| row.key).collect();
    assert_eq!(keys, (0..20).map(|number| item(number).key.to_string()).collect::<Vec<_>>());
    assert_eq!(reader.verify(), [""; 0]);
}

/// Names with line ends, NUL, quotes and 10 kB are names like any other.
#[test]
fn any_text_is_a_name() {
    let place = Place::new("names");
    let store = place.open().unwrap();
    let long = "\u{1f4f7}".repeat(2_500);
    let names = ["", "a\nb\r", "nul\0l", "'; DROP TABLE item; --", "=1+1", "\u{202e}", "\u{fffd}", long.as_str()];
    for name in names {
        let item = Item { key: name.into(), source: format!("{name}{name}").into() };
        let fingerprint = Fingerprint { by: By::Url, hash: *blake3::hash(name.as_bytes()).as_bytes() };
        let intention = Intention { fingerprint, item: item.clone(), key_suffix: String::new(), ..intention(0) };
        let intent: Intent = wait(store.intend(intention)).unwrap();
        let intents = vec![(intent, Some(attempt(Billing::Billed)))];
        wait(store.settle(Settlement { fingerprint, item: item.clone(), intents, end: answered(7) })).unwrap();
        match wait(store.look(fingerprint, item)).unwrap() {
            Known::Answered(past) => assert_eq!((past.first_key.as_str(), past.what), (name, answer(7))),
            other => panic!("{other:?}"),
        }
    }
    store.close().unwrap();
    let reader = Reader::open(&place.file()).unwrap();
    let rows = reader.rows(0, 99).unwrap();
    assert_eq!(rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), names);
    assert!(rows.iter().all(|row| row.ok && row.blake3.is_none()));
    assert_eq!(reader.verify(), [""; 0]);
}

/// How long a look at something known takes; run by hand: `cargo test --release looks_at_a_million -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn looks_at_a_million() {
    let count: u32 = std::env::var("AIGCLENS_STORE_LOOKS").map_or(1_000_000, |text| text.parse().unwrap());
    let place = Place::new("million");
    let url = |number: u32| Item {
        key: format!("https://images.example.com/archive/{number:09}/photo.jpg?size=large").into(),
        source: "".into(),
    };
    let name = |number: u32| Fingerprint { by: By::Url, hash: *blake3::hash(url(number).key.as_bytes()).as_bytes() };
    let measure = |what: &str, start: std::time::Instant| {
        println!("{what}: {:.1} us each", start.elapsed().as_secs_f64() * 1e6 / f64::from(count));
    };
    let run = |store: Arc<Store>, settles: bool| {
        wait(async {
            for start in (0..count).step_by(256) {
                let numbers = start..(start + 256).min(count);
                if settles {
                    let work = numbers.clone().map(|number| {
                        let (store, fingerprint, item) = (store.clone(), name(number), url(number));
                        async move {
                            let intention = Intention { fingerprint, item: item.clone(), ..intention(0) };
                            let intent = store.intend(intention).await.unwrap();
                            let intents = vec![(intent, Some(attempt(Billing::Billed)))];
                            store.settle(Settlement { fingerprint, item, intents, end: answered(1) }).await.unwrap();
                        }
                    });
                    join(work.collect()).await;
                } else {
                    let work = numbers.clone().map(|number| {
                        let (store, fingerprint, item) = (store.clone(), name(number), url(number));
                        async move {
                            let known = store.look(fingerprint, item).await.unwrap();
                            assert!(matches!(known, Known::Answered(_)));
                        }
                    });
                    join(work.collect()).await;
                }
            }
        });
    };
    for (what, settles) in [("intend and settle", true), ("look", false)] {
        let start = std::time::Instant::now();
        let store = Arc::new(place.open().unwrap());
        measure("open", start);
        run(store.clone(), settles);
        measure(what, start);
        store.close().unwrap();
    }
    println!("{} bytes", std::fs::metadata(place.file()).unwrap().len());
}

async fn join<F: Future<Output = ()>>(work: Vec<F>) {
    let mut work: Vec<_> = work.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        work.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if work.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
