//! Where the shared file is, and how it is opened: in a folder that is this user's alone. In a folder that all can write,
//! somebody may have been there first; what is not ours is refused, never used and never removed.
use crate::ambient::Ambient;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Seconds after which a file that nobody wrote is removed.
const OLD: i64 = 86_400;

/// A folder of ours inside of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Folder {
    base: PathBuf,
    name: String,
    /// Whether the other must be ours too, and closed to all others: the user's run-time directory, unlike `/tmp`.
    is_private: bool,
}

/// The places to try: the user's run-time directory, also for processes whose environment does not name it, and the one for
/// temporary files.
pub(in super::super) fn folders(ambient: &Ambient) -> Vec<Folder> {
    let user = rustix::process::geteuid().as_raw();
    let private = |base: PathBuf| Folder { base, name: "aigclens".to_owned(), is_private: true };
    let absolute = |name: &str| ambient.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut folders: Vec<Folder> = absolute("XDG_RUNTIME_DIR").map(private).into_iter().collect();
    if folders.is_empty() {
        folders.push(private(PathBuf::from(format!("/run/user/{user}"))));
    }
    let base = absolute("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
    folders.push(Folder { base, name: format!("aigclens-{user}"), is_private: false });
    folders
}

/// The name of a file. Processes whose clocks begin at different times (time namespaces) cannot share one.
pub(super) fn file(name: &str) -> String {
    let clock = rustix::fs::readlink("/proc/self/ns/time", Vec::new()).unwrap_or_default();
    let clock: String = clock.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    format!("pace-{}-{clock}", name.get(..32).unwrap_or(name))
}

/// Opens the file in the first place that can be used, and makes what is missing. The last refusal is the one that is told.
pub(super) fn open(folders: &[Folder], name: &str) -> Result<File, String> {
    let mut refusal = "there is no place for it".to_owned();
    for folder in folders {
        match open_in(folder, name) {
            Ok(file) => return Ok(file),
            Err(problem) => refusal = problem,
        }
    }
    Err(refusal)
}

/// Takes a file away from its name, unless another has taken its place already: whoever comes next makes a new one.
pub(super) fn discard(folders: &[Folder], name: &str, file: &File) {
    let Ok(ours) = fstat(file) else { return };
    for (own, _) in folders.iter().filter_map(|folder| own(folder).ok()) {
        let found = statat(&own, name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)) {
            let _ = unlinkat(&own, name, AtFlags::empty());
        }
    }
}

/// A folder of ours, made if it is missing.
fn own(folder: &Folder) -> Result<(OwnedFd, PathBuf), String> {
    let path = folder.base.join(&folder.name);
    let directory = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let base = openat(CWD, &folder.base, directory, Mode::empty()).map_err(|error| told(&folder.base, error))?;
    if folder.is_private {
        ours(&base, &folder.base, FileType::Directory, Mode::WGRP | Mode::WOTH)?;
    }
    match mkdirat(&base, folder.name.as_str(), Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(told(&path, error)),
    }
    let own = openat(&base, folder.name.as_str(), directory | OFlags::NOFOLLOW, Mode::empty())
        .map_err(|error| told(&path, error))?;
    ours(&own, &path, FileType::Directory, Mode::RWXG | Mode::RWXO)?;
    Ok((own, path))
}

fn told(path: &Path, error: Errno) -> String {
    match error {
        Errno::LOOP | Errno::NOTDIR => format!("{} is no folder of its own (a link?)", path.display()),
        other => format!("{}: {other}", path.display()),
    }
}

fn open_in(folder: &Folder, name: &str) -> Result<File, String> {
    let (own, path) = own(folder)?;
    let path = path.join(name);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat(&own, name, flags, Mode::RUSR | Mode::WUSR).map_err(|error| told(&path, error))?;
    ours(&file, &path, FileType::RegularFile, Mode::RWXG | Mode::RWXO)?;
    if fstat(&file).is_ok_and(|status| status.st_size == 0) {
        sweep(&own, &file);
    }
    Ok(File::from(file))
}

/// Removes files that nobody has written for a day: each key and each emulator had one of its own. Whoever still has one
/// open notices, and carries its record on.
fn sweep(own: &OwnedFd, fresh: &OwnedFd) {
    let (Ok(now), Ok(entries)) = (fstat(fresh).map(|status| status.st_mtime), Dir::read_from(own)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_old = statat(own, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|status| status.st_mtime < now - OLD);
        if is_old && name.to_bytes().starts_with(b"pace-") {
            let _ = unlinkat(own, name, AtFlags::empty());
        }
    }
}

/// Refuses what belongs to another user or is open to others.
fn ours(file: &OwnedFd, path: &Path, kind: FileType, closed: Mode) -> Result<(), String> {
    let status = fstat(file).map_err(|error| format!("{}: {error}", path.display()))?;
    if FileType::from_raw_mode(status.st_mode) != kind {
        return Err(format!("{} is not what it should be", path.display()));
    }
    if status.st_uid != rustix::process::geteuid().as_raw() {
        return Err(format!("{} belongs to another user", path.display()));
    }
    if Mode::from_raw_mode(status.st_mode).intersects(closed) {
        return Err(format!("{} is open to other users; chmod go-rwx it", path.display()));
    }
    Ok(())
}
