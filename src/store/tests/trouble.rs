//! A disk that is full or fails, and a file that is taken away: nothing that was paid for is lost.
use super::lock::{child, said};
use super::world::*;
use crate::error::Kind;
use crate::store::{End, Intent, Known, Reader, Store};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small disk of its own, or nothing where this test may not mount one.
pub(super) struct Disk(pub(super) PathBuf);

impl Disk {
    pub(super) fn new(place: &Place, kibibytes: u32) -> Option<Self> {
        let path = place.0.join("disk");
        std::fs::create_dir_all(&path).unwrap();
        let size = format!("size={kibibytes}k");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        if done.is_ok_and(|done| done.status.success()) {
            return Some(Self(path));
        }
        eprintln!("SKIPPED: a test of a full disk needs to mount a tmpfs");
        None
    }

    fn open(&self, place: &Place) -> crate::error::Result<Store> {
        Store::open(Some(&self.0.join("run.sqlite")), &question(), &place.ambient())
    }

    /// Takes all the room that is left.
    pub(super) fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        for size in [1 << 16, 4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }

    pub(super) fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn is_answered(store: &Store, number: u32) -> bool {
    matches!(look(store, number).unwrap(), Known::Answered(past) if past.what == answer(number))
}

/// Intents until the disk is full.
fn until_refused(store: &Store) -> crate::error::Error {
    (1_000..100_000).find_map(|number| intend(store, number).err()).expect("the disk is never full")
}

fn rescued(place: &Place) -> Vec<String> {
    place.names().into_iter().filter(|name| name.starts_with("aigclens-rescue-")).collect()
}

/// L06, L07: when the disk is full nothing more is begun, and the answers that are under way go where room was kept for
/// them. With room again, it goes on.
#[test]
fn on_a_full_disk_the_reserve_takes_what_is_under_way() {
    let place = Place::new("full");
    let Some(disk) = Disk::new(&place, 4096) else { return };
    let store = disk.open(&place).unwrap();
    answer_it(&store, 99);
    let under_way: Vec<Intent> = (0..16).map(|number| intend(&store, number).unwrap()).collect();
    disk.fill();
    let told = until_refused(&store);
    assert_eq!(told.kind(), Kind::StoreFull, "{told}");
    for (number, intent) in (0..).zip(under_way) {
        settle_it(&store, number, intent);
    }
    // Room or not, this run begins nothing any more.
    disk.free();
    assert_eq!(intend(&store, 50).unwrap_err().kind(), Kind::StoreFull);
    assert_eq!(store.close().unwrap_err().kind(), Kind::StoreFull);
    assert_eq!(rescued(&place), [""; 0]);
    let store = disk.open(&place).unwrap();
    assert!((0..16).chain([99]).all(|number| is_answered(&store, number)));
    assert_eq!(store.spent().billed_calls, 17);
    store.close().unwrap();
    assert_eq!(Reader::open(&disk.0.join("run.sqlite")).unwrap().verify(), [""; 0]);
}

/// Answers too large for the reserve.
fn settle_large(store: &Store, number: u32, intent: Intent) -> crate::error::Result<()> {
    let mut large = answer(number);
    large.raw = vec![b'x'; 1 << 20];
    let intents = vec![(intent, Some(attempt(crate::attempt::Billing::Billed)))];
    wait(store.settle(settlement(number, intents, End::Answered(std::sync::Arc::new(large)))))
}

/// L07: what the reserve is too small for is kept outside of the store, and taken over when it is opened next.
#[test]
fn what_the_reserve_cannot_take_is_kept_elsewhere() {
    let place = Place::new("rescue");
    let Some(disk) = Disk::new(&place, 4096) else { return };
    let store = disk.open(&place).unwrap();
    let under_way: Vec<Intent> = (0..4).map(|number| intend(&store, number).unwrap()).collect();
    disk.fill();
    until_refused(&store);
    for (number, intent) in (0..).zip(&under_way) {
        settle_large(&store, number, *intent).unwrap();
    }
    let files = rescued(&place);
    assert_eq!(files.len(), 1);
    let told = store.close().unwrap_err();
    assert!(told.kind() == Kind::StoreFull && told.message().contains(&files[0]), "{told}");
    // Room, but not enough of it: nothing is given up before it is in the store.
    disk.free();
    assert_eq!(disk.open(&place).unwrap_err().kind(), Kind::StoreFull);
    assert_eq!(rescued(&place), files);
    assert!(Command::new("mount").args(["-o", "remount,size=32m"]).arg(&disk.0).status().unwrap().success());
    let store = disk.open(&place).unwrap();
    assert_eq!(rescued(&place), [""; 0]);
    for number in 0..4 {
        assert!(matches!(look(&store, number).unwrap(), Known::Answered(past) if past.what.raw.len() == 1 << 20));
    }
    assert_eq!(store.spent().billed_calls, 4);
    store.close().unwrap();
    assert_eq!(Reader::open(&disk.0.join("run.sqlite")).unwrap().verify(), [""; 0]);
}

/// L07: and if there is no place left on this machine, that is an error, not silence.
#[test]
fn what_can_be_kept_nowhere_is_told() {
    let place = Place::new("nowhere");
    let store = place.open().unwrap();
    let id = Reader::open(&place.file()).unwrap().info().unwrap().store_id;
    let intent = intend(&store, 1).unwrap();
    let taken: Vec<PathBuf> = ["/tmp", "/var/tmp", place.0.join("tmp").to_str().unwrap()]
        .iter()
        .flat_map(|folder| (0..16).map(move |number| (folder.to_owned().to_owned(), number)))
        .map(|(folder, number)| Path::new(&folder).join(format!("aigclens-rescue-{id}-{number}.jsonl")))
        .collect();
    for path in &taken {
        std::fs::write(path, "somebody was here first").unwrap();
    }
    std::fs::rename(place.file(), place.0.join("moved.sqlite")).unwrap();
    let told = settle_large(&store, 1, intent).unwrap_err();
    drop(store);
    let untouched = taken.iter().all(|path| std::fs::read(path).unwrap() == b"somebody was here first");
    for path in &taken {
        std::fs::remove_file(path).unwrap();
    }
    assert!(told.kind() == Kind::Store && told.message().contains("could be kept nowhere"), "{told}");
    assert!(untouched);
}

/// L11: a store that is moved, deleted or replaced while it is open is noticed before anything else is begun; what was under
/// way is kept, and is there when the store is.
#[test]
fn a_store_that_is_taken_away_is_noticed() {
    type Deed = fn(&Place);
    let deeds: [(&str, Deed, Deed); 3] = [
        (
            "moved",
            |place| std::fs::rename(place.file(), place.0.join("aside")).unwrap(),
            |place| std::fs::rename(place.0.join("aside"), place.file()).unwrap(),
        ),
        (
            "replaced",
            |place| {
                std::fs::rename(place.file(), place.0.join("aside")).unwrap();
                std::fs::write(place.file(), "another").unwrap();
            },
            |place| std::fs::rename(place.0.join("aside"), place.file()).unwrap(),
        ),
        (
            "log",
            |place| std::fs::rename(place.0.join("run.sqlite-wal"), place.0.join("aside")).unwrap(),
            |place| std::fs::rename(place.0.join("aside"), place.0.join("run.sqlite-wal")).unwrap(),
        ),
    ];
    for (name, take, give_back) in deeds {
        let place = Place::new(name);
        let store = place.open().unwrap();
        answer_it(&store, 1);
        let intent = intend(&store, 2).unwrap();
        take(&place);
        let told = intend(&store, 3).unwrap_err();
        assert!(told.kind() == Kind::Store && told.message().contains("moved, deleted or replaced"), "{name}: {told}");
        settle_it(&store, 2, intent);
        assert_eq!(rescued(&place).len(), 1, "{name}");
        assert!(store.close().is_err());
        give_back(&place);
        let store = place.open().unwrap();
        assert!(is_answered(&store, 1) && is_answered(&store, 2), "{name}");
        assert_eq!((store.spent().billed_calls, store.spent().possibly_calls), (2, 0), "{name}");
        assert_eq!(rescued(&place), [""; 0], "{name}");
        store.close().unwrap();
        assert_eq!(Reader::open(&place.file()).unwrap().verify(), [""; 0], "{name}");
    }
}

/// L08: a write that fails in the middle, as of a broken disk: the file is not written again by this run, what was under way
/// is kept elsewhere, and the next run looks at the file before it goes on.
#[test]
fn after_a_failed_write_the_store_is_left_alone() {
    let place = Place::new("limit");
    let own = child("limit", &place.file());
    // Of the limit, the signal is ignored, as Python does: the write fails.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$@\"", "sh"]).arg(own.get_program()).args(own.get_args());
    limited.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut other = limited.spawn().unwrap();
    let told: Vec<String> = said(&mut other).collect();
    assert!(other.wait().unwrap().success(), "{told:?}");
    assert_eq!(told[0], "intend Some(Store)");
    let files = rescued(&place);
    assert!(files.len() == 1 && told[1].contains("disk failed") && told[1].contains(&files[0]), "{told:?}");
    let store = place.open().unwrap();
    assert!((0..5).all(|number| is_answered(&store, number)));
    assert_eq!(store.spent().billed_calls, 5);
    assert_eq!(rescued(&place), [""; 0]);
    store.close().unwrap();
    assert_eq!(Reader::open(&place.file()).unwrap().verify(), [""; 0]);
}

/// A store that is in trouble and has one settlement outside.
fn in_trouble(place: &Place) -> PathBuf {
    let store = place.open().unwrap();
    let intent = intend(&store, 1).unwrap();
    std::fs::rename(place.file(), place.0.join("aside")).unwrap();
    settle_it(&store, 1, intent);
    drop(store);
    std::fs::rename(place.0.join("aside"), place.file()).unwrap();
    place.0.join("tmp").join(&rescued(place)[0])
}

/// N05: what others put in the place of a rescue file is not read, and not removed.
#[test]
fn a_rescue_file_of_another_kind_is_not_taken_over() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    type Deed = fn(&Path, &Path);
    let deeds: [Deed; 3] = [
        |path, real| symlink(real, path).unwrap(),
        |path, real| {
            std::fs::copy(real, path).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o666)).unwrap();
        },
        |path, real| std::fs::hard_link(real, path).unwrap(),
    ];
    for deed in deeds {
        let place = Place::new("planted");
        let path = in_trouble(&place);
        let real = place.0.join("real");
        std::fs::rename(&path, &real).unwrap();
        deed(&path, &real);
        let store = place.open().unwrap();
        assert_eq!(look(&store, 1).unwrap(), Known::Unresolved { tries: 1 });
        assert!(path.is_symlink() || path.exists());
    }
}

/// L07: what was taken over once changes nothing when it comes again, and outweighs a crash that was assumed meanwhile.
#[test]
fn what_was_rescued_counts_once_and_late_as_well() {
    let place = Place::new("late");
    let path = in_trouble(&place);
    let kept = place.0.join("kept");
    std::fs::rename(&path, &kept).unwrap();
    let store = place.open().unwrap();
    assert_eq!(look(&store, 1).unwrap(), Known::Unresolved { tries: 1 });
    assert_eq!(store.spent().possibly_calls, 1);
    drop(store);
    for _ in 0..2 {
        assert!(Command::new("cp").arg("-p").arg(&kept).arg(&path).status().unwrap().success());
        let store = place.open().unwrap();
        assert!(is_answered(&store, 1));
        assert_eq!((store.spent().billed_calls, store.spent().possibly_calls), (1, 0));
        drop(store);
        assert!(!path.exists());
    }
}

/// L07: the last line of a rescue file may be torn, then it was never promised; a broken one is set aside, the rest is read.
#[test]
fn a_torn_rescue_file_gives_what_it_has() {
    let place = Place::new("torn");
    let path = in_trouble(&place);
    let text = std::fs::read_to_string(&path).unwrap();
    let broken = text.replacen("REQUEST", "BEQUEST", 1);
    assert_ne!(text, broken);
    for (text, is_left) in [(format!("{text}{}", &text[..text.len() / 2]), false), (format!("{broken}{text}"), true)] {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let store = place.open().unwrap();
        assert!(is_answered(&store, 1) && !path.exists());
        assert_eq!(path.with_extension("unread").exists(), is_left);
    }
}
