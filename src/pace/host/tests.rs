//! With real files, in folders of the tests' own.
#![allow(clippy::disallowed_methods, reason = "what is tested are files")]
use super::*;
use crate::ambient::Ambient;
use crate::error::Kind;
use crate::pace::book::Book;
use crate::pace::{Pace, Scope};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// A folder for temporary files of one test's own.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("aigclens-test-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn ambient(&self) -> Ambient {
        let path = self.0.to_str().unwrap();
        Ambient::fixed(0, &[("XDG_RUNTIME_DIR", "/nonexistent"), ("TMPDIR", path)])
    }

    fn own(&self) -> PathBuf {
        self.0.join(format!("aigclens-{}", rustix::process::geteuid().as_raw()))
    }

    fn host(&self) -> Host {
        Host::new(folders(&self.ambient()), "0123456789abcdef0123456789abcdef")
    }

    fn file(&self) -> PathBuf {
        std::fs::read_dir(self.own()).unwrap().next().unwrap().unwrap().path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn next(host: &Host) -> u64 {
    host.change(|record, _| record.next).unwrap()
}

fn reserve(host: &Host) {
    host.change(|record, now| record.reserve(95.0, now, u64::MAX)).unwrap().unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn two_share_a_file_that_is_closed_to_others_and_names_nobody() {
    let temporary = Temporary::new("share");
    let (one, two) = (temporary.host(), temporary.host());
    reserve(&one);
    assert_eq!(next(&one), next(&two));
    assert!(next(&two) > 0 && one.warning().is_none());
    assert_eq!((mode(&temporary.own()), mode(&temporary.file())), (0o700, 0o600));
    let pace = Pace::new(Some(95.0), Scope::Host, "place", temporary.ambient());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(pace.admit("LTAI5tPlantedKeyId", Instant::now() + Duration::from_secs(9))).unwrap();
    for entry in std::fs::read_dir(temporary.own()).unwrap() {
        let path = entry.unwrap().path();
        let text = format!("{} {}", path.display(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        assert!(!text.contains("PlantedKeyId"));
    }
}

#[test]
fn what_is_corrupt_is_replaced_and_waits_for_what_it_may_have_forgotten() {
    let temporary = Temporary::new("corrupt");
    let host = temporary.host();
    reserve(&host);
    for garbage in [&b"x"[..], &[0; 4096], b"aigpace9 of a version to come", &vec![0xFF; 200_000]] {
        std::fs::write(temporary.file(), garbage).unwrap();
        let first = host.change(|record, now| record.reserve(95.0, now, u64::MAX).unwrap() - now).unwrap();
        assert!(first > SECOND, "{first}");
        // And it is a record again.
        assert_eq!(host.change(|record, _| record.starts.len()), Some(0));
        assert_eq!(next(&temporary.host()), next(&host));
    }
}

#[test]
fn a_record_of_before_the_machine_was_started_is_forgotten() {
    let temporary = Temporary::new("boot");
    let host = temporary.host();
    reserve(&host);
    let old = Record { next: 5 * SECOND, ..Record::default() };
    std::fs::write(temporary.file(), codec::encode(&old, &Boot::of(b"before"))).unwrap();
    assert_eq!(next(&host), 0);
}

#[test]
fn a_deleted_file_takes_no_turns_with_it() {
    let temporary = Temporary::new("deleted");
    let host = temporary.host();
    reserve(&host);
    let before = next(&host);
    std::fs::remove_dir_all(temporary.own()).unwrap();
    assert_eq!(next(&host), before);
    assert_eq!(next(&temporary.host()), before, "who comes later shares the new file");
}

/// H20: a process that is stopped while it holds the lock keeps its file; the others go on with what it says.
#[test]
fn a_lock_that_nobody_gives_back_is_left_behind() {
    let temporary = Temporary::new("stuck");
    let mut host = temporary.host();
    reserve(&host);
    let before = next(&host);
    let holder = File::options().read(true).write(true).open(temporary.file()).unwrap();
    flock(&holder, FlockOperation::LockExclusive).unwrap();
    assert_eq!(host.change(|record, _| record.next), None, "it may be given back in a moment");
    assert_eq!(host.change(|record, _| record.next), None);
    host.stuck = 0;
    assert_eq!(next(&host), before);
    reserve(&host);
    let after = next(&host);
    assert!(after > before);
    assert_eq!(next(&temporary.host()), after, "who comes later shares the new file");
    // The one that was stopped has the old file, notices, and comes along.
    drop(holder);
    let mut torn = temporary.host();
    torn.stuck = 0;
    let holder = File::options().read(true).write(true).open(temporary.file()).unwrap();
    flock(&holder, FlockOperation::LockExclusive).unwrap();
    std::fs::write(temporary.file(), "half of a rec").unwrap();
    let wait = torn.change(|record, now| record.reserve(95.0, now, u64::MAX).unwrap() - now).unwrap();
    assert!(wait > SECOND, "what was being written may be a start: {wait}");
}

#[test]
fn files_that_nobody_has_written_for_a_day_are_removed_when_another_is_made() {
    let temporary = Temporary::new("old");
    let host = temporary.host();
    reserve(&host);
    let (before, old) = (next(&host), temporary.file());
    let foreign = temporary.own().join("notes");
    std::fs::write(&foreign, "").unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for path in [&old, &foreign] {
        File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }
    reserve(&Host::new(folders(&temporary.ambient()), "fedcba9876543210fedcba9876543210"));
    assert!(!old.exists() && foreign.exists());
    assert_eq!(next(&host), before, "whoever still uses it goes on");
    assert!(old.exists());
}

#[test]
fn a_link_that_somebody_planted_is_refused_and_the_pace_goes_on_alone() {
    let (temporary, elsewhere) = (Temporary::new("link"), Temporary::new("elsewhere"));
    std::fs::set_permissions(&elsewhere.0, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink(&elsewhere.0, temporary.own()).unwrap();
    let host = temporary.host();
    reserve(&host);
    assert!(next(&host) > 0);
    let warning = host.warning().unwrap();
    assert!(warning.contains("this process alone") && warning.contains("a link?"), "{warning}");
    assert_eq!(std::fs::read_dir(&elsewhere.0).unwrap().count(), 0);
    // The same for the file inside of a folder of ours.
    std::fs::remove_file(temporary.own()).unwrap();
    let fresh = temporary.host();
    reserve(&fresh);
    let (file, target) = (temporary.file(), elsewhere.0.join("target"));
    std::fs::write(&target, "precious").unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&target, &file).unwrap();
    let host = temporary.host();
    reserve(&host);
    assert!(host.warning().unwrap().contains("a link?"));
    assert_eq!(std::fs::read(&target).unwrap(), b"precious");
}

#[test]
fn a_folder_that_others_can_write_or_that_cannot_be_made_is_not_used() {
    let temporary = Temporary::new("open");
    std::fs::create_dir(temporary.own()).unwrap();
    std::fs::set_permissions(temporary.own(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let host = temporary.host();
    reserve(&host);
    assert!(host.warning().unwrap().contains("open to other users"));
    std::fs::set_permissions(temporary.own(), std::fs::Permissions::from_mode(0o700)).unwrap();
    // Only the superuser can give a folder away.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(temporary.own(), Some(12_345), None).unwrap();
        let host = temporary.host();
        reserve(&host);
        assert!(host.warning().unwrap().contains("another user"));
    }
    // Not even the superuser can make a folder there.
    let ambient = Ambient::fixed(0, &[("XDG_RUNTIME_DIR", "/proc/self"), ("TMPDIR", "/proc/self")]);
    let host = Host::new(folders(&ambient), "0123456789abcdef0123456789abcdef");
    reserve(&host);
    assert!(next(&host) > 0 && host.warning().is_some());
}

/// H03: a lock that is held by a process that is stopped costs a call its time-out, and no more.
#[tokio::test(start_paused = true)]
async fn a_lock_that_is_never_released_ends_with_the_calls_time_out() {
    let temporary = Temporary::new("held");
    let host = temporary.host();
    reserve(&host);
    let other = File::options().read(true).write(true).open(temporary.file()).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    let (book, begin) = (Book::Host(host), Instant::now());
    let error = book.pass(95.0, begin + Duration::from_secs(3), |_| {}).await.unwrap_err();
    assert_eq!((error.kind(), begin.elapsed()), (Kind::PaceTimeout, Duration::from_secs(3)));
    assert!(error.message().contains("stopped"), "{error}");
    book.throttled(95.0).await;
    assert_eq!(begin.elapsed(), Duration::from_secs(4));
    flock(&other, FlockOperation::Unlock).unwrap();
    book.pass(95.0, begin + Duration::from_secs(9), |_| {}).await.unwrap();
}
