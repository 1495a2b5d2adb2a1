//! When the disk is full or fails: a reserve that is given up, and a place outside of the store. Nothing that was paid for
//! is lost.
use super::fault;
use super::place::beside;
use super::rescue::{Line, Rescue};
use crate::ambient::Ambient;
use crate::error::{Error, Kind};
use rustix::fs::{CWD, Mode, OFlags, openat, unlink};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Enough for the answers of many calls in flight.
const RESERVE: usize = 1 << 20;

/// Room on the store's disk that is kept free for the answers of calls that are under way when it runs full.
#[derive(Debug)]
pub(super) struct Reserve(Option<PathBuf>);

impl Reserve {
    /// Sets it aside. Where there is no room for it, the store is written as long as it can be.
    pub(super) fn set_aside(store: &Path) -> Self {
        let path = beside(store, "-reserve");
        // One that a crash left is made anew: it may not have been whole.
        let _ = unlink(&path);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(file) = openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR) else { return Self(None) };
        let mut file = File::from(file);
        // Written, not only asked for: some file systems promise room that they do not have.
        if file.write_all(&vec![0x5A; RESERVE]).and_then(|()| file.sync_data()).is_err() {
            let _ = unlink(&path);
            return Self(None);
        }
        Self(Some(path))
    }

    /// Gives it up; whether there was one.
    pub(super) fn give_up(&mut self) -> bool {
        self.0.take().is_some_and(|path| unlink(&path).is_ok())
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// A store that takes no new work, and why.
#[derive(Debug)]
pub(super) struct Poison {
    error: Error,
    /// Whether the database may still be written: it may when the disk is only full.
    pub(super) is_writable: bool,
    rescue: Option<Rescue>,
}

impl Poison {
    pub(super) fn new(error: Error) -> Self {
        Self { is_writable: error.kind() == Kind::StoreFull, error, rescue: None }
    }

    /// What everybody is told from now on.
    pub(super) fn told(&self) -> Error {
        match &self.rescue {
            Some(rescue) => self.error.clone().adding(&format!(
                "(answers that had been paid for are kept in {}, and are taken over when the store is opened again)",
                rescue.path.display()
            )),
            None => self.error.clone(),
        }
    }

    /// Keeps settlements outside of the store.
    pub(super) fn rescue(&mut self, lines: &[Line], store_id: &str, ambient: &Ambient) -> Result<(), Error> {
        let failed = |why: String| {
            self.error.clone().adding(&format!("(and an answer that was paid for could be kept nowhere: {why})"))
        };
        if self.rescue.is_none() {
            self.rescue = Some(Rescue::make(store_id, ambient).map_err(|errno| failed(errno.to_string()))?);
        }
        let Some(rescue) = &mut self.rescue else { return Ok(()) };
        rescue.add(lines).map_err(|problem| failed(problem.to_string()))
    }
}

/// What SQLite calls a failure of the disk may be a quota: a small file tells.
pub(super) fn is_quota(store: &Path) -> bool {
    let path = beside(store, "-probe");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let is_full = |problem: &std::io::Error| {
        problem.raw_os_error().is_some_and(|errno| fault::is_full(Errno::from_raw_os_error(errno)))
    };
    match openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => {
            let written = File::from(file).write_all(&vec![0x5A; 1 << 16]);
            let _ = unlink(&path);
            written.is_err_and(|problem| is_full(&problem))
        }
        Err(errno) => fault::is_full(errno),
    }
}
