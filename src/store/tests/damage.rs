//! What a broken disk makes of a store: cut off anywhere, bits flipped anywhere. Never a panic, never a wrong answer.
use super::world::*;
use crate::error::Kind;
use crate::store::{Known, Reader, Store, StoredRow};
use std::collections::HashMap;
use std::path::Path;

const ANSWERS: u32 = 6;

/// The bytes of a small store and of its log; with the log, the newest answers are there alone.
struct Whole {
    database: Vec<u8>,
    log: Vec<u8>,
}

fn whole(with_log: bool) -> Whole {
    let place = Place::new("whole");
    let store = place.open().unwrap();
    for number in 0..ANSWERS {
        answer_it(&store, number);
    }
    intend(&store, 90).unwrap();
    let after = place.after_a_crash();
    if !with_log {
        after.open().unwrap().close().unwrap();
    }
    let read = |name: &str| std::fs::read(after.0.join(name)).unwrap_or_default();
    Whole { database: read("run.sqlite"), log: read("run.sqlite-wal") }
}

/// The same in small pages: so many lengths can be tried in seconds.
fn small() -> Vec<u8> {
    let place = Place::new("small");
    put(&place, &whole(false).database, &[]);
    let connection = rusqlite::Connection::open(place.file()).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM; PRAGMA journal_mode = WAL;")
        .unwrap();
    drop(connection);
    std::fs::read(place.file()).unwrap()
}

/// Puts files there, and nothing beside them.
fn put(place: &Place, database: &[u8], log: &[u8]) {
    for name in place.names() {
        let _ = std::fs::remove_file(place.0.join(name));
    }
    std::fs::write(place.file(), database).unwrap();
    if !log.is_empty() {
        std::fs::write(place.0.join("run.sqlite-wal"), log).unwrap();
    }
}

fn rows(path: &Path) -> Option<Vec<StoredRow>> {
    let rows = Reader::open(path).and_then(|reader| {
        reader.verify();
        reader.unresolved().and_then(|_| reader.rows(0, 1000))
    });
    match rows {
        Ok(rows) => Some(rows),
        Err(error) => {
            assert!(matches!(error.kind(), Kind::StoreDamaged | Kind::Store), "{:?}: {error}", error.kind());
            None
        }
    }
}

/// Looks at a store in every way: what it says must be true, and may be little. How many answers are there.
fn examine(place: &Place, truth: &HashMap<String, StoredRow>, is_written: bool) -> usize {
    for row in rows(&place.file()).unwrap_or_default().into_iter().filter(|row| row.ok) {
        let true_row = truth.get(&row.key).unwrap_or_else(|| panic!("an item that never was: {row:?}"));
        // What a row cost, and its place, are not of the answer.
        let plain = |row: StoredRow| StoredRow { billing: String::new(), position: 0, ..row };
        assert_eq!(plain(row.clone()), plain(true_row.clone()));
    }
    let opened = if is_written {
        place.open()
    } else {
        Store::open_to_estimate(Some(&place.file()), &question(), &place.ambient())
    };
    let store = match opened {
        Ok(store) => store,
        Err(error) => {
            assert!(matches!(error.kind(), Kind::StoreDamaged | Kind::Store), "{:?}: {error}", error.kind());
            return 0;
        }
    };
    let mut answers = 0;
    for number in (0..ANSWERS).chain([90, 91]) {
        let known = if is_written { look(&store, number) } else { wait(store.peek(content(number))) };
        match known {
            Ok(Known::Answered(past)) => {
                assert_eq!((past.what, past.first_key), (answer(number), item(number).key.to_string()));
                answers += 1;
            }
            Ok(Known::Failed(past)) => panic!("nothing failed: {past:?}"),
            Ok(Known::Nothing | Known::Unresolved { .. }) => {}
            Err(error) => assert!(matches!(error.kind(), Kind::StoreDamaged | Kind::Store), "{error}"),
        }
    }
    answers
}

fn truth() -> HashMap<String, StoredRow> {
    let place = Place::new("truth");
    let Whole { database, log } = whole(false);
    put(&place, &database, &log);
    rows(&place.file()).unwrap().into_iter().filter(|row| row.ok).map(|row| (row.key.clone(), row)).collect()
}

/// L10: cut off at every byte, the store opens with true answers or says that it is damaged. A log that is cut off holds
/// what was complete before.
#[test]
fn a_store_that_is_cut_off_says_so() {
    let place = Place::new("cut");
    let truth = truth();
    assert_eq!(truth.len(), usize::try_from(ANSWERS).unwrap());
    let database = small();
    put(&place, &database, &[]);
    assert_eq!(examine(&place, &truth, true), truth.len());
    for length in (0..database.len()).rev() {
        let file = std::fs::File::options().write(true).open(place.file()).unwrap();
        file.set_len(u64::try_from(length).unwrap()).unwrap();
        // The long look here and there.
        match Reader::open(&place.file()) {
            Ok(_) => panic!("cut off at {length}, it opens"),
            Err(error) => assert_eq!(error.kind(), Kind::StoreDamaged, "{length}: {error}"),
        }
        if length % 4096 < 2 || length % 977 == 0 {
            assert_eq!(examine(&place, &truth, length > 0), 0, "{length}");
            put(&place, &database[..length], &[]);
        }
    }
}

/// L10: the same for the log: what was complete before the cut is there, and nothing else.
#[test]
fn a_log_that_is_cut_off_holds_what_was_complete() {
    let place = Place::new("cutlog");
    let truth = truth();
    let Whole { database, log } = whole(true);
    put(&place, &database, &log);
    assert_eq!(examine(&place, &truth, true), truth.len());
    let mut before = 0;
    for length in (0..log.len()).filter(|length| length % 509 == 0 || (length + 4096).is_multiple_of(4120)) {
        put(&place, &database, &log[..length]);
        let answers = examine(&place, &truth, false);
        assert!(answers >= before, "{length}: {answers} of {before}");
        before = answers;
    }
    assert!(before >= truth.len() - 1);
}

/// L10: bits flipped anywhere, in the store or its log, some of them several at once, as a broken disk would.
#[test]
fn a_flipped_bit_is_never_believed() {
    let place = Place::new("flips");
    let truth = truth();
    let mut seed = seed("flips");
    let mut complete = 0;
    for (whole, flips) in [(whole(false), 1600), (whole(true), 600)] {
        for flip in 0..flips {
            let (mut database, mut log) = (whole.database.clone(), whole.log.clone());
            let of_log = !log.is_empty() && flip % 2 == 0;
            let target = if of_log { &mut log } else { &mut database };
            for _ in 0..=(flip % 5) / 4 * 7 {
                let place = usize::try_from(seed.below(u64::try_from(target.len()).unwrap())).unwrap();
                target[place] ^= 1 << seed.below(8);
            }
            put(&place, &database, &log);
            complete += usize::from(examine(&place, &truth, flip % 8 == 0) == truth.len());
        }
    }
    assert!(complete > 200, "{complete}: most flips hit nothing that matters here");
}

/// L10: a page of zeros in the middle, and at the end, as after a crash of the machine.
#[test]
fn a_page_of_zeros_is_never_believed() {
    let place = Place::new("zeros");
    let truth = truth();
    let whole = whole(false);
    for start in (0..whole.database.len()).step_by(4096) {
        let mut database = whole.database.clone();
        database[start..start + 4096].fill(0);
        put(&place, &database, &[]);
        examine(&place, &truth, true);
    }
}

/// L10: and the check finds what the checksums cover, of which a reader tells nothing.
#[test]
fn the_check_finds_a_changed_answer() {
    let place = Place::new("changed");
    let whole = whole(false);
    let needle = b"REQUEST-3";
    let at = whole.database.windows(needle.len()).position(|window| window == needle).unwrap();
    let mut database = whole.database.clone();
    database[at + needle.len() - 1] = b'8';
    put(&place, &database, &[]);
    let reader = Reader::open(&place.file()).unwrap();
    let problems = reader.verify();
    assert!(problems.iter().any(|line| line.contains("is not as it was written")), "{problems:?}");
    let spoilt: Vec<_> = reader.rows(0, 99).unwrap().into_iter().filter(|row| !row.ok).collect();
    assert!(spoilt.iter().any(|row| row.key == "3.jpg" && row.error_code.as_deref() == Some("StoreDamaged")));
    drop(reader);
    // It is asked about again, and what is answered then is known.
    let store = place.open().unwrap();
    assert!(matches!(look(&store, 3).unwrap(), Known::Unresolved { .. }));
    answer_it(&store, 3);
    assert!(matches!(look(&store, 3).unwrap(), Known::Answered(past) if past.what == answer(3)));
    store.close().unwrap();
    assert_eq!(Reader::open(&place.file()).unwrap().verify(), [""; 0]);
}
