//! Where a store may be, and which files are one.
use super::world::*;
use crate::error::{Error, Kind};
use crate::store::schema::{self, STEPS, Step};
use crate::store::{Reader, Store};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn refusal(path: &Path, place: &Place) -> Error {
    Store::open(Some(path), &question(), &place.ambient()).unwrap_err()
}

#[test]
fn a_store_and_its_neighbours_are_closed_to_others() {
    let place = Place::new("mode");
    let store = place.open().unwrap();
    answer_it(&store, 1);
    for name in ["run.sqlite", "run.sqlite-wal", "run.sqlite-shm", "run.sqlite-lock", "run.sqlite-reserve"] {
        let mode = std::fs::metadata(place.0.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// L10: what is not ours is left as it is.
#[test]
fn a_file_of_another_kind_is_never_written_over() {
    let place = Place::new("foreign");
    let foreign = place.0.join("foreign.sqlite");
    let made = rusqlite::Connection::open(&foreign).unwrap();
    made.execute_batch("CREATE TABLE photos (name TEXT); INSERT INTO photos VALUES ('a.jpg')").unwrap();
    drop(made);
    let text = place.0.join("notes.txt");
    std::fs::write(&text, "not a database, and of some length. ".repeat(300)).unwrap();
    let short = place.0.join("short.txt");
    std::fs::write(&short, "x").unwrap();
    for path in [foreign, text, short] {
        let before = std::fs::read(&path).unwrap();
        let told = refusal(&path, &place);
        assert_eq!(told.kind(), Kind::StoreDamaged, "{told}");
        assert!(told.message().contains("it was left as it is"), "{told}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(Reader::open(&path).unwrap_err().kind(), Kind::StoreDamaged);
    }
}

#[test]
fn what_is_no_regular_file_in_a_folder_that_is_there_is_refused() {
    let place = Place::new("nofile");
    std::os::unix::fs::symlink(place.0.join("nothing"), place.0.join("dangling")).unwrap();
    for (path, says) in [
        (place.0.clone(), "a directory"),
        ("/dev/null".into(), "no regular file"),
        (place.0.join("dangling"), "a link to nothing"),
        (place.0.join("missing/run.sqlite"), "missing does not exist; make it first"),
        (place.0.join("run.sqlite/.."), "none of a file"),
    ] {
        let told = refusal(&path, &place);
        assert_eq!(told.kind(), Kind::Store, "{told}");
        assert!(told.message().contains(says), "{told}");
    }
    assert!(Reader::open(&place.file()).unwrap_err().message().contains("no such file"));
    assert_eq!(place.names(), ["dangling"]);
}

/// L09: a folder or file that cannot be written is told before any call is made; reading works all the same.
#[test]
fn what_is_read_only_is_told_at_once() {
    let place = Place::new("readonly");
    let store = place.open().unwrap();
    answer_it(&store, 1);
    store.close().unwrap();
    let mount = |options: &[&str]| {
        Command::new("mount").args(options).arg(&place.0).output().is_ok_and(|done| done.status.success())
    };
    let bind = ["--bind", place.0.to_str().unwrap()];
    if !mount(&bind) {
        eprintln!("SKIPPED: what_is_read_only_is_told_at_once needs to mount");
        return;
    }
    assert!(mount(&["-o", "remount,bind,ro"]));
    let (told, new) = (refusal(&place.file(), &place), refusal(&place.0.join("new.sqlite"), &place));
    let rows = Reader::open(&place.file()).and_then(|reader| reader.rows(0, 9));
    assert!(Command::new("umount").arg(&place.0).status().unwrap().success());
    for told in [told, new] {
        assert_eq!(told.kind(), Kind::Store, "{told}");
        assert!(told.message().contains("Read-only"), "{told}");
    }
    assert_eq!(rows.unwrap().len(), 1);
    assert_eq!(place.names(), ["run.sqlite"]);
}

/// L09: a single file that may not be written.
#[test]
fn a_file_without_permission_is_told_at_once() {
    let place = Place::new("permission");
    place.open().unwrap().close().unwrap();
    let flag =
        |flag| Command::new("chattr").arg(flag).arg(place.file()).output().is_ok_and(|done| done.status.success());
    // For root, permission bits are no bar; this flag is.
    if rustix::process::geteuid().is_root() {
        if !flag("+i") {
            eprintln!("SKIPPED: a_file_without_permission_is_told_at_once needs chattr on this file system");
            return;
        }
    } else {
        std::fs::set_permissions(place.file(), PermissionsExt::from_mode(0o400)).unwrap();
    }
    let told = refusal(&place.file(), &place);
    flag("-i");
    assert_eq!(told.kind(), Kind::Store, "{told}");
    assert!(told.message().contains("read-only") || told.message().contains("permitted"), "{told}");
}

/// L14: file systems by the numbers that Linux gives them; those of a disk are not among them.
#[test]
#[cfg(target_os = "linux")]
fn network_file_systems_are_known_by_their_number() {
    use crate::store::place::network_name;
    for (number, name) in [
        (0x6969, "NFS"),
        (0xFF53_4D42, "CIFS"),
        (0xFE53_4D42, "SMB2"),
        (0x517B, "SMB"),
        (0x0102_1997, "9p"),
        (0x6573_5546, "FUSE"),
        (0x00C3_6400, "Ceph"),
        (0x0BD0_0BD0, "Lustre"),
        (0x4750_4653, "GPFS"),
        (0x7461_636F, "OCFS2"),
    ] {
        assert_eq!(network_name(number), Some(name), "{number:x}");
    }
    // ext, XFS, Btrfs, tmpfs, overlay, ZFS, F2FS.
    for number in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1, 0xF2F5_2010] {
        assert_eq!(network_name(number), None, "{number:x}");
    }
}

/// L14: on a real one of its kind nothing is made before it is refused.
#[test]
#[cfg(target_os = "linux")]
fn a_store_on_fuse_is_refused() {
    let place = Place::new("fuse");
    let mounted = place.0.join("mounted");
    let below = place.0.join("below");
    std::fs::create_dir_all(&mounted).unwrap();
    std::fs::create_dir_all(&below).unwrap();
    let bindfs = Command::new("bindfs").arg(&below).arg(&mounted).output();
    if !bindfs.is_ok_and(|done| done.status.success()) {
        eprintln!("SKIPPED: a_store_on_fuse_is_refused needs bindfs and /dev/fuse");
        return;
    }
    let told = refusal(&mounted.join("run.sqlite"), &place);
    let left = std::fs::read_dir(&below).unwrap().count();
    assert!(Command::new("umount").arg(&mounted).status().unwrap().success());
    assert_eq!((told.kind(), left), (Kind::Store, 0), "{told}");
    assert!(told.message().contains("FUSE"), "{told}");
}

/// L16: a later version's store is not touched.
#[test]
fn a_store_of_a_newer_version_is_refused() {
    let place = Place::new("newer");
    place.open().unwrap().close().unwrap();
    rusqlite::Connection::open(place.file()).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let before = std::fs::read(place.file()).unwrap();
    for told in [refusal(&place.file(), &place), Reader::open(&place.file()).unwrap_err()] {
        assert_eq!(told.kind(), Kind::Store);
        assert!(told.message().contains("newer version"), "{told}");
    }
    assert_eq!(std::fs::read(place.file()).unwrap(), before);
}

/// L16, L04: an older store is brought up to date step by step, all of them or none, and a copy of what it was stays.
#[test]
fn a_store_of_an_older_version_is_brought_up_to_date() {
    let place = Place::new("older");
    let old = rusqlite::Connection::open(place.file()).unwrap();
    old.execute_batch("CREATE TABLE word (text TEXT); INSERT INTO word VALUES ('old'); PRAGMA user_version = 0")
        .unwrap();
    let first: Step =
        |connection| connection.execute_batch("ALTER TABLE word ADD COLUMN size INTEGER; UPDATE word SET size = 3");
    let second: Step = |connection| connection.execute_batch("UPDATE word SET text = 'new'");
    let broken: Step = |connection| connection.execute_batch("UPDATE word SET nothing = 1");
    let version = |connection: &rusqlite::Connection| {
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert!(schema::migrate(&old, &place.file(), 0, &[first, broken]).is_err());
    assert_eq!(version(&old), 0);
    assert!(old.prepare("SELECT size FROM word").is_err(), "the first step was taken back");
    std::fs::remove_file(place.0.join("run.sqlite.version-0")).unwrap();
    schema::migrate(&old, &place.file(), 0, &[first, second]).unwrap();
    assert_eq!(version(&old), 2);
    let word = |connection: &rusqlite::Connection| {
        connection.query_row("SELECT text FROM word", [], |row| row.get::<_, String>(0)).unwrap()
    };
    let copy = rusqlite::Connection::open(place.0.join("run.sqlite.version-0")).unwrap();
    assert_eq!((word(&old).as_str(), word(&copy).as_str(), version(&copy)), ("new", "old", 0));
    let told = schema::migrate(&old, &place.file(), 3, &[first, second]).unwrap_err();
    assert!(told.message().contains("newer"), "{told}");
    assert_eq!(STEPS.len(), usize::try_from(schema::VERSION).unwrap());
}

#[test]
fn a_link_to_a_store_is_the_store() {
    let place = Place::new("link");
    let store = place.open().unwrap();
    answer_it(&store, 1);
    store.close().unwrap();
    let link = place.0.join("link.sqlite");
    std::os::unix::fs::symlink("run.sqlite", &link).unwrap();
    Store::open(Some(&link), &question(), &place.ambient()).unwrap().close().unwrap();
    assert_eq!(place.names(), ["link.sqlite", "run.sqlite"]);
    assert_eq!(Reader::open(&link).unwrap().info().unwrap().runs.len(), 2);
}
