//! Who may write: one, and the kernel says who. Other processes are this test's own binary, started again.
use super::world::*;
use crate::error::Kind;
use crate::store::{Known, Reader, Store};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const ROLE: &str = "AIGCLENS_STORE_TEST_ROLE";
const FILE: &str = "AIGCLENS_STORE_TEST_FILE";

/// This binary once more, with the store and the part that it plays.
pub(super) fn child(role: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "--test-threads=1", "store::tests::lock::what_a_child_does"])
        .envs([(ROLE, role), (FILE, file.to_str().unwrap())])
        .env("TMPDIR", file.parent().unwrap().join("tmp"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// No test by itself: the part of the other process.
#[test]
fn what_a_child_does() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let file = std::path::PathBuf::from(std::env::var(FILE).unwrap());
    let open = |file: &Path| Store::open(Some(file), &question(), &crate::ambient::Ambient::system());
    let say = |what: &str| {
        println!("\nSAY {what}");
        std::io::stdout().flush().unwrap();
    };
    match role.as_str() {
        "hold" => {
            let _store = open(&file).unwrap();
            say("held");
            let _ = std::io::stdin().read(&mut [0]);
        }
        "work" => {
            let store = open(&file).unwrap();
            for number in 0.. {
                answer_it(&store, number);
                say(&number.to_string());
            }
        }
        "begin" => {
            for number in 0.. {
                say(&number.to_string());
                open(&file.with_file_name(format!("{number}.sqlite"))).unwrap().close().unwrap();
            }
        }
        // The limit of a file's size stands for a disk that fails in the middle of a write.
        "limit" => {
            let store = open(&file).unwrap();
            let under_way: Vec<_> = (0..5).map(|number| (number, intend(&store, number).unwrap())).collect();
            let refused = (100..100_000).find_map(|number| intend(&store, number).err());
            say(&format!("intend {:?}", refused.map(|error| error.kind())));
            for (number, intent) in under_way {
                settle_it(&store, number, intent);
            }
            say(&format!("close {}", store.close().unwrap_err()));
        }
        other => panic!("{other}"),
    }
}

/// What a child said, line by line.
pub(super) fn said(child: &mut Child) -> impl Iterator<Item = String> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(|line| line.ok()).filter_map(|line| line.strip_prefix("SAY ").map(str::to_owned))
}

/// L12, L13: a second process fails at once and is told who is in its way; when that one is gone, killed even, the file it
/// left is no lock any more.
#[test]
fn a_second_process_is_told_who_the_first_is() {
    let place = Place::new("second");
    let mut other = child("hold", &place.file()).spawn().unwrap();
    assert_eq!(said(&mut other).next().as_deref(), Some("held"));
    let told = place.open().unwrap_err();
    assert_eq!(told.kind(), Kind::StoreLocked);
    let host = super::super::lock::host();
    assert!(told.message().contains(&format!("process {} on {host}", other.id())), "{told}");
    // Reading is free.
    Reader::open(&place.file()).unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(place.names().contains(&"run.sqlite-lock".to_owned()), "a killed process takes nothing away");
    let store = place.open().unwrap();
    assert_eq!(look(&store, 1).unwrap(), Known::Nothing);
}

/// L12: the kernel's lock does not hold a process against itself; our own table does. Also through a link.
#[test]
fn a_second_scan_of_this_process_is_refused() {
    let place = Place::new("same");
    let store = place.open().unwrap();
    let link = place.0.join("link.sqlite");
    std::os::unix::fs::symlink(place.file(), &link).unwrap();
    for path in [place.file(), link] {
        let told = Store::open(Some(&path), &question(), &place.ambient()).unwrap_err();
        assert_eq!(told.kind(), Kind::StoreLocked, "{told}");
        assert!(told.message().contains("another scan of this process"), "{told}");
    }
    // And the refusal has not given the lock back.
    let mut other = child("hold", &place.file()).spawn().unwrap();
    assert_eq!(said(&mut other).next(), None);
    assert!(!other.wait().unwrap().success());
    drop(store);
    place.open().unwrap();
}

/// L13: a lock file of a process that is long gone, whose number may be another's by now, or of another machine.
#[test]
fn a_file_alone_is_no_lock() {
    let place = Place::new("stale");
    for text in ["1 elsewhere\n", "", "\0\u{fffd} garbage", &format!("{} localhost\n", std::process::id())] {
        std::fs::write(place.0.join("run.sqlite-lock"), text).unwrap();
        place.open().unwrap().close().unwrap();
        assert_eq!(place.names(), ["run.sqlite"]);
    }
}

/// A store belongs to the process that opened it: in a child of a fork nobody is there to write, and nothing hangs.
#[test]
fn a_forked_child_is_told_to_open_its_own() {
    let place = Place::new("fork");
    let mut store = place.open().unwrap();
    store.process += 1;
    let told = look(&store, 1).unwrap_err();
    assert!(told.message().contains("forked"), "{told}");
    assert!(store.close().is_err());
    store.process -= 1;
    store.close().unwrap();
}

/// L03, L05, L25: killed at any moment, a process has lost nothing of what it was told was written.
#[test]
fn a_killed_process_has_lost_nothing_it_was_told_of() {
    let place = Place::new("killed");
    let mut seed = seed("kills");
    for _ in 0..12 {
        let mut other = child("work", &place.file()).spawn().unwrap();
        let last: u32 = said(&mut other).nth(usize::try_from(seed.below(40)).unwrap()).unwrap().parse().unwrap();
        other.kill().unwrap();
        other.wait().unwrap();
        let store = place.open().unwrap();
        for number in 0..=last {
            let known = look(&store, number).unwrap();
            assert!(matches!(known, Known::Answered(past) if past.what == answer(number)), "{number} of {last}");
        }
        store.close().unwrap();
        let reader = Reader::open(&place.file()).unwrap();
        assert_eq!(reader.verify(), [""; 0]);
        let doubts = reader.unresolved().unwrap().len();
        assert!(doubts <= 12, "{doubts}: one request was under way at each kill");
    }
}

/// L04: killed while stores are made, each is there whole or can be made.
#[test]
fn a_store_is_made_whole_or_not_at_all() {
    let place = Place::new("made");
    let mut seed = seed("making");
    for _ in 0..15 {
        let mut other = child("begin", &place.file()).spawn().unwrap();
        let last: u32 = said(&mut other).nth(usize::try_from(seed.below(3)).unwrap()).unwrap().parse().unwrap();
        for _ in 0..seed.below(400) {
            std::thread::yield_now();
        }
        other.kill().unwrap();
        other.wait().unwrap();
        for number in 0..=last {
            let file = place.0.join(format!("{number}.sqlite"));
            let store = Store::open(Some(&file), &question(), &place.ambient()).unwrap();
            answer_it(&store, 1);
            store.close().unwrap();
            assert_eq!(Reader::open(&file).unwrap().verify(), [""; 0]);
            std::fs::remove_file(file).unwrap();
        }
    }
}
