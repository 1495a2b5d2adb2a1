//! Settlements that the store could not take: kept outside of it, and taken over when it is opened next.
//!
//! The file is in the folder for temporary files, named after the store, this user's alone, and each line of it is synced.
//! In a folder that all can write somebody may have been there first: what is not ours is neither written nor read.
use super::ending::Ending;
use super::fault;
use crate::ambient::Ambient;
use crate::error::Result;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, fsync, openat, statat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// How many files of one store are looked for: a new one is made for each time that went wrong and was not made up for.
const FILES: u32 = 16;

/// One settlement.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) question: i64,
    /// The run that asked.
    #[serde(default)]
    pub(super) run: Option<i64>,
    pub(super) ending: Ending,
}

/// A file that was found, and what it says.
#[derive(Debug)]
pub(super) struct Rescued {
    path: PathBuf,
    pub(super) lines: Vec<Line>,
    /// Whether all of it could be read; the end of the last line may be missing, then it was never promised.
    is_whole: bool,
}

/// A file that settlements are added to.
#[derive(Debug)]
pub(super) struct Rescue {
    file: File,
    pub(super) path: PathBuf,
    /// Whether its last line may be there in part only.
    is_torn: bool,
}

impl Rescue {
    /// Makes a new file in the first folder that takes it.
    pub(super) fn make(store_id: &str, ambient: &Ambient) -> std::result::Result<Self, Errno> {
        let mut refusal = Errno::NOENT;
        for path in paths(store_id, ambient) {
            let flags =
                OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => {
                    sync_folder(&path)?;
                    return Ok(Self { file: File::from(file), path, is_torn: false });
                }
                Err(errno) => refusal = errno,
            }
        }
        Err(refusal)
    }

    /// Adds settlements; they are durable when this returns.
    pub(super) fn add(&mut self, lines: &[Line]) -> std::io::Result<()> {
        // What comes behind a torn line begins one of its own.
        let mut text = if self.is_torn { "\n".to_owned() } else { String::new() };
        for line in lines {
            let json = serde_json::to_string(line)?;
            text.extend([&format!("{:016x} ", sum(json.as_bytes())), &json, "\n"]);
        }
        self.is_torn = true;
        self.file.write_all(text.as_bytes())?;
        self.is_torn = false;
        self.file.sync_all()
    }
}

impl Rescued {
    /// What was taken over is not needed any more. What could not be read stays, under a name that is not looked for again.
    pub(super) fn discard(self) {
        if self.is_whole {
            let _ = unlinkat(CWD, &self.path, AtFlags::empty());
        } else {
            let _ = std::fs::rename(&self.path, self.path.with_extension("unread"));
        }
        let _ = sync_folder(&self.path);
    }
}

/// Finds what was rescued for a store.
pub(super) fn find(store_id: &str, ambient: &Ambient) -> Result<Vec<Rescued>> {
    paths(store_id, ambient)
        .into_iter()
        .filter_map(|path| read(&path).transpose())
        .collect::<std::result::Result<_, (PathBuf, Errno)>>()
        .map_err(|(path, errno)| fault::system(&path, "reading what was rescued from", errno))
}

fn read(path: &Path) -> std::result::Result<Option<Rescued>, (PathBuf, Errno)> {
    let told = |errno| (path.to_owned(), errno);
    if statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).is_err() {
        return Ok(None);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(CWD, path, flags, Mode::empty()) else { return Ok(None) };
    if !is_ours(&file) {
        return Ok(None);
    }
    let mut text = Vec::new();
    File::from(file)
        .read_to_end(&mut text)
        .map_err(|problem| told(problem.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)))?;
    let mut rescued = Rescued { path: path.to_owned(), lines: Vec::new(), is_whole: true };
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n").map(parse) {
            Some(Some(line)) => rescued.lines.push(line),
            Some(None) => rescued.is_whole = false,
            None => {}
        }
    }
    Ok(Some(rescued))
}

fn parse(line: &[u8]) -> Option<Line> {
    let (head, json) = line.split_at_checked(17)?;
    let head = std::str::from_utf8(head).ok()?.strip_suffix(' ')?;
    if u64::from_str_radix(head, 16).ok()? != sum(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn sum(bytes: &[u8]) -> u64 {
    let mut digest = crc64fast::Digest::new();
    digest.write(bytes);
    digest.sum64()
}

/// A regular file with one name, of this user, closed to all others.
fn is_ours(file: &OwnedFd) -> bool {
    fstat(file).is_ok_and(|status| {
        FileType::from_raw_mode(status.st_mode) == FileType::RegularFile
            && status.st_uid == rustix::process::geteuid().as_raw()
            && !Mode::from_raw_mode(status.st_mode).intersects(Mode::RWXG | Mode::RWXO)
            && status.st_nlink == 1
    })
}

fn paths(store_id: &str, ambient: &Ambient) -> Vec<PathBuf> {
    let own = ambient.variable("TMPDIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let mut folders: Vec<PathBuf> = own.into_iter().chain(["/tmp".into(), "/var/tmp".into()]).collect();
    folders.dedup();
    let name = |number| format!("aigclens-rescue-{store_id}-{number}.jsonl");
    folders.iter().flat_map(|folder| (0..FILES).map(|number| folder.join(name(number)))).collect()
}

fn sync_folder(path: &Path) -> std::result::Result<(), Errno> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    openat(CWD, path.parent().unwrap_or_else(|| Path::new("/")), flags, Mode::empty()).and_then(fsync)
}
