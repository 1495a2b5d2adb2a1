//! What was paid for finds a place, and comes back as what it was.
use super::world::*;
use crate::attempt::Billing;
use crate::error::Kind;
use crate::store::{End, Known, Reader, Store};
use rusqlite::Connection;

fn rescued(place: &Place) -> Vec<String> {
    place.names().into_iter().filter(|name| name.starts_with("aigclens-rescue-")).collect()
}

/// L07, L26: an answer that another program keeps out of the file for too long is kept elsewhere, once for all that wait;
/// nothing is begun meanwhile.
#[test]
fn what_another_program_keeps_out_is_kept_elsewhere() {
    let place = Place::new("busy");
    let store = place.open().unwrap();
    let intents: Vec<_> = (0..8).map(|number| intend(&store, number).unwrap()).collect();
    let other = Connection::open(place.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = std::time::Instant::now();
    wait(async {
        let ends = (0..).zip(&intents).map(|(number, intent)| {
            let intents = vec![(*intent, Some(attempt(Billing::Billed)))];
            Box::pin(store.settle(settlement(number, intents, answered(number))))
        });
        let mut ends: Vec<_> = ends.collect();
        let mut ended = Vec::new();
        std::future::poll_fn(|context| {
            ends.retain_mut(|end| match end.as_mut().poll(context) {
                std::task::Poll::Ready(done) => {
                    ended.push(done);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if ends.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        for end in ended {
            end.unwrap();
        }
    });
    assert!(began.elapsed().as_secs() < 20, "each of them waited for itself");
    assert_eq!(intend(&store, 50).unwrap_err().kind(), Kind::StoreLocked);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let files = rescued(&place);
    let told = store.close().unwrap_err();
    assert!(told.kind() == Kind::StoreLocked && told.message().contains(&files[0]), "{told}");
    let store = place.open().unwrap();
    for number in 0..8 {
        assert!(matches!(look(&store, number).unwrap(), Known::Answered(past) if past.what == answer(number)));
    }
    assert_eq!((store.spent().billed_calls, store.spent().possibly_calls), (8, 0));
    store.close().unwrap();
    assert_eq!(rescued(&place), [""; 0]);
    assert_eq!(Reader::open(&place.file()).unwrap().verify(), [""; 0]);
}

/// A store in trouble, with the ends of two calls outside: an answer, and a failure in doubt.
fn in_trouble(place: &Place) {
    let store = place.open().unwrap();
    let intents = [1, 2].map(|number| intend(&store, number).unwrap());
    std::fs::rename(place.file(), place.0.join("aside")).unwrap();
    settle_it(&store, 1, intents[0]);
    let doubtful = vec![(intents[1], Some(attempt(Billing::PossiblyBilled)))];
    wait(store.settle(settlement(2, doubtful, failed(Billing::PossiblyBilled)))).unwrap();
    drop(store);
    std::fs::rename(place.0.join("aside"), place.file()).unwrap();
}

/// L02, L07: what was rescued is of the run that paid for it, not of the one that takes it over.
#[test]
fn what_was_rescued_is_of_the_run_that_asked() {
    let place = Place::new("whose");
    in_trouble(&place);
    let store = place.open().unwrap();
    assert!(matches!(look(&store, 1).unwrap(), Known::Answered(past) if !past.is_of_this_run));
    assert_eq!(look(&store, 2).unwrap(), Known::Unresolved { tries: 1 });
}

/// L07: what could be written to a rescue file only in part spoils nothing that is added to it later.
#[test]
fn a_failed_rescue_does_not_spoil_the_next() {
    let place = Place::new("spoiled");
    let Some(disk) = super::trouble::Disk::new(&place, 1024) else { return };
    let temporary = disk.0.clone();
    let ambient = crate::ambient::Ambient::system()
        .with_environment(move |name| (name == "TMPDIR").then(|| temporary.to_str().unwrap().to_owned()));
    let open = || Store::open(Some(&place.file()), &question(), &ambient).unwrap();
    let store = open();
    let intents = [1, 2, 3].map(|number| intend(&store, number).unwrap());
    std::fs::rename(place.file(), place.0.join("aside")).unwrap();
    settle_it(&store, 1, intents[0]);
    disk.fill();
    let mut large = answer(2);
    large.raw = vec![b'x'; 1 << 20];
    let ends = vec![(intents[1], Some(attempt(Billing::Billed)))];
    let told = wait(store.settle(settlement(2, ends, End::Answered(std::sync::Arc::new(large))))).unwrap_err();
    assert!(told.message().contains("could be kept nowhere"), "{told}");
    disk.free();
    settle_it(&store, 3, intents[2]);
    drop(store);
    std::fs::rename(place.0.join("aside"), place.file()).unwrap();
    let store = open();
    for number in [1, 3] {
        assert!(
            matches!(look(&store, number).unwrap(), Known::Answered(past) if past.what == answer(number)),
            "{number}"
        );
    }
    assert_eq!((store.spent().billed_calls, store.spent().possibly_calls), (2, 1));
}
