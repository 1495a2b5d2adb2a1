//! One writer at a time: the kernel's lock on a file beside the store says who. What the file says is for people; the lock
//! of a process that is gone is gone with it, and a child does not inherit its parent's.
use super::fault;
use super::place::{Identity, beside};
use crate::error::{Error, Kind, Result};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, fcntl_lock, fstat, ftruncate, openat};
use rustix::io::{Errno, pread, pwrite};
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, TryLockError};

/// The stores that this process writes to: the kernel's lock does not hold a process against itself. A child of a fork has
/// another number, and none of them.
static OPEN: Mutex<Option<HashSet<(Identity, u32)>>> = Mutex::new(None);
/// How often the table above is asked for. It is held for some system calls at most; who was forked in such a moment must
/// not wait for a thread that is not there.
const PATIENCE: u32 = 100_000;

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: Option<OwnedFd>,
    entry: (Identity, u32),
}

impl Lock {
    /// Takes the lock of a store at once, or says who has it.
    pub(super) fn take(store: &Path) -> Result<Self> {
        let path = beside(store, "-lock");
        let pid = std::process::id();
        let mut table = table(store)?;
        let open = table.get_or_insert_with(HashSet::new);
        // Who removes the file holds its lock; whoever opened it just before locks a file without a name, and looks again.
        for _ in 0..64 {
            // Before a second descriptor is opened: closing it would give the lock back.
            if Identity::of(&path).is_some_and(|identity| open.contains(&(identity, pid))) {
                return Err(taken(store, "another scan of this process is writing to it"));
            }
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let file = openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR)
                .map_err(|errno| fault::system(&path, "making", errno))?;
            match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::AGAIN | Errno::ACCESS) => return Err(taken(store, &holder(&file))),
                Err(errno) => return Err(fault::system(&path, "locking", errno)),
            }
            let status = fstat(&file).map_err(|errno| fault::system(&path, "looking at", errno))?;
            let identity = Identity::from_status(&status);
            if Identity::of(&path) != Some(identity) {
                continue;
            }
            let text = format!("{pid} {}\n", host());
            ftruncate(&file, 0)
                .and_then(|()| pwrite(&file, text.as_bytes(), 0))
                .map_err(|errno| fault::system(&path, "writing", errno))?;
            open.insert((identity, pid));
            return Ok(Self { path, file: Some(file), entry: (identity, pid) });
        }
        Err(taken(store, "its lock is made and removed again and again"))
    }
}

/// Whether a scan of this process is writing to the store of this name. Nothing is opened for it: closing a descriptor of
/// the lock, or of the store, would give this process's locks back.
pub fn is_written_here(store: &Path) -> bool {
    let lock = std::fs::canonicalize(store).ok().and_then(|store| Identity::of(&beside(&store, "-lock")));
    let Some(identity) = lock else { return false };
    table(store).is_ok_and(|table| table.as_ref().is_some_and(|open| open.contains(&(identity, std::process::id()))))
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.entry.1 != std::process::id() {
            return;
        }
        // The name first, while the lock is still held.
        if Identity::of(&self.path) == Some(self.entry.0) {
            let _ = rustix::fs::unlink(&self.path);
        }
        // In one step for this process: a lock taken in between would be given back by the descriptor that is closed here.
        let mut table = table(&self.path);
        drop(self.file.take());
        if let Ok(Some(open)) = table.as_mut().map(|table| table.as_mut()) {
            open.remove(&self.entry);
        }
    }
}

fn table(store: &Path) -> Result<MutexGuard<'static, Option<HashSet<(Identity, u32)>>>> {
    for _ in 0..PATIENCE {
        match OPEN.try_lock() {
            Ok(table) => return Ok(table),
            Err(TryLockError::Poisoned(table)) => return Ok(table.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    Err(taken(store, "another thread is opening a store"))
}

fn taken(store: &Path, who: &str) -> Error {
    Error::new(
        Kind::StoreLocked,
        format!("the store {} is in use: {who}; wait until it has ended, or give another file", store.display()),
    )
    .with_file(store.to_string_lossy(), None)
}

/// Who wrote its name into the lock file.
fn holder(file: &OwnedFd) -> String {
    let mut bytes = [0_u8; 512];
    let read = pread(file, &mut bytes, 0).unwrap_or(0);
    let text = String::from_utf8_lossy(bytes.get(..read).unwrap_or_default()).into_owned();
    match text.trim_end().split_once(' ') {
        Some((pid, host)) if !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("process {pid} on {host} is writing to it")
        }
        _ => "another process is writing to it".to_owned(),
    }
}

/// This machine's own name.
pub(super) fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}
