//! `pace="host"`: the record in a small file that all processes of this user on this machine share, under a kernel lock.
//!
//! Read and written whole, with `pread` and `pwrite`: a mapped file would be 2 us faster and end the interpreter with a
//! signal when somebody shortens it. Nobody waits for the lock inside of the kernel: a process that is stopped while it
//! holds it keeps its file, and after a second the others go on with a new one, which has what the old one says. Where the file cannot be had, the pace is kept in
//! this process alone, and a warning says so.
mod codec;
mod place;

use super::local::Local;
use super::record::{Record, SECOND, nanos};
use crate::ambient;
use codec::{Boot, Found};
use rustix::fs::{FlockOperation, flock, fstat};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) use place::{Folder, folders};

/// After this long a file that could not be had is asked for again.
const AGAIN: u64 = 10 * SECOND;
/// A lock is held for microseconds. Whoever holds one for so long is stopped.
const STUCK: u64 = SECOND;
/// What a corrupted record may have forgotten is waited for, so long that a burst does not bring it back under a second.
const FORGOTTEN: u64 = SECOND + SECOND / 10;
/// No record is longer: 10,005 starts and what goes with them.
const LONGEST: u64 = 128 * 1024;

#[derive(Debug)]
pub(super) struct Host {
    folders: Vec<Folder>,
    name: String,
    boot: Boot,
    stuck: u64,
    state: Mutex<State>,
    /// Takes over while there is no file.
    local: Local,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    /// Since when another process has held the lock each time that it was asked for.
    held: Option<u64>,
    refused: Option<(u64, String)>,
}

/// A lock that ends with its scope.
struct Locked<'a>(&'a File);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let _ = flock(self.0, FlockOperation::Unlock);
    }
}

impl Host {
    /// Nothing is opened before it is needed. The name is a hash: the file names nobody.
    pub(super) fn new(folders: Vec<Folder>, name: &str) -> Self {
        Self {
            folders,
            name: place::file(name),
            boot: Boot::read(),
            stuck: STUCK,
            state: Mutex::default(),
            local: Local::since_boot(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the record at the present time; `None` while another process holds the lock.
    pub(super) fn change<T>(&self, mut change: impl FnMut(&mut Record, u64) -> T) -> Option<T> {
        let mut state = self.state();
        let now = ambient::since_boot().map_or(0, nanos);
        if state.refused.as_ref().is_some_and(|(since, _)| now.saturating_sub(*since) < AGAIN) {
            return Some(self.local.change(change));
        }
        match self.change_file(&mut state, &mut change) {
            Ok(changed) => {
                state.refused = None;
                changed
            }
            Err(problem) => {
                *state = State { refused: Some((now, problem)), ..State::default() };
                Some(self.local.change(change))
            }
        }
    }

    /// Why the pace is kept in this process alone, if it is.
    pub(super) fn warning(&self) -> Option<String> {
        let state = self.state();
        let (_, problem) = state.refused.as_ref()?;
        Some(format!("the pace is kept in this process alone, and not shared over the host: {problem}"))
    }

    fn change_file<T>(
        &self,
        state: &mut State,
        change: &mut impl FnMut(&mut Record, u64) -> T,
    ) -> Result<Option<T>, String> {
        let told = |error: io::Error| format!("using {} failed: {error}", self.name);
        let mut carried = None;
        // A file that was deleted is shared with nobody who comes later: its record goes into the next one.
        for _ in 0..3 {
            let file = match state.file.take() {
                Some(file) => file,
                None => place::open(&self.folders, &self.name)?,
            };
            let file = &*state.file.insert(file);
            match flock(file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    let now = ambient::since_boot().map_or(0, nanos);
                    if now.saturating_sub(*state.held.get_or_insert(now)) < self.stuck {
                        return Ok(None);
                    }
                    carried = self.read(file, now).map_err(told)?.0.record().or_else(|| Some(forgotten(now)));
                    place::discard(&self.folders, &self.name, file);
                    (state.file, state.held) = (None, None);
                    continue;
                }
                Err(error) => return Err(format!("locking {} failed: {error}", self.name)),
            }
            state.held = None;
            let locked = Locked(file);
            // Told under the lock, so that no start before it is later.
            let now = ambient::since_boot().map_or(0, nanos);
            let (found, is_deleted) = self.read(file, now).map_err(told)?;
            if is_deleted {
                carried = found.record().or(carried);
                drop(locked);
                state.file = None;
                continue;
            }
            let mut record = match found {
                Found::Record(record) => record,
                Found::Nothing => carried.take().unwrap_or_default(),
                Found::Corrupt => forgotten(now),
            };
            let changed = change(&mut record, now);
            file.write_all_at(&codec::encode(&record, &self.boot), 0).map_err(told)?;
            return Ok(Some(changed));
        }
        Err(format!("{} is deleted again and again", self.name))
    }

    /// What a file says, and whether it has lost its name.
    fn read(&self, file: &File, now: u64) -> io::Result<(Found, bool)> {
        let status = fstat(file)?;
        let length = u64::try_from(status.st_size).unwrap_or_default().min(LONGEST);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        let read = read_at(file, &mut bytes)?;
        Ok((codec::decode(bytes.get(..read).unwrap_or_default(), &self.boot, now), status.st_nlink == 0))
    }
}

/// Whatever was started in the last second is not known any more.
fn forgotten(now: u64) -> Record {
    Record { next: now + FORGOTTEN, ..Record::default() }
}

fn read_at(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
