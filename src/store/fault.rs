//! What SQLite and the system say, in the words of our errors.
use crate::error::{Error, Kind};
use rusqlite::ErrorCode;
use rustix::io::Errno;
use std::path::Path;

/// What a failed statement means for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No room is left.
    Full,
    /// The disk failed: what was written may be there or not.
    Disk,
    /// The file does not hold what it should.
    Damaged,
    /// Somebody else writes to it, in spite of the lock.
    Busy,
    Other,
}

pub(super) fn trouble(error: &rusqlite::Error) -> Trouble {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Trouble::Full,
        Some(ErrorCode::SystemIoFailure) => Trouble::Disk,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Busy,
        // Nothing of SQLite's: a column of another type, or no text. Nobody but a broken disk writes such.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => Trouble::Damaged,
        Some(_) => Trouble::Other,
    }
}

/// Whether a statement failed for what it was to write, so that others would not.
pub(super) fn is_of_a_row(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ApiMisuse, ConstraintViolation, ParameterOutOfRange, TooBig, TypeMismatch, Unknown};
    let code = error.sqlite_error_code();
    matches!(code, Some(ApiMisuse | ConstraintViolation | ParameterOutOfRange | TooBig | TypeMismatch | Unknown))
}

/// The error of a statement.
pub(super) fn told(path: &Path, error: &rusqlite::Error) -> Error {
    match trouble(error) {
        Trouble::Full => full(path),
        Trouble::Damaged => damaged(path, &error.to_string()),
        Trouble::Busy => file(Kind::StoreLocked, path, "another program is writing to it; end that program first"),
        Trouble::Disk => refused(
            path,
            &format!(
                "its disk failed ({error}); see to the disk, then run again: the store is checked before it goes on"
            ),
        ),
        Trouble::Other => refused(path, &error.to_string()),
    }
}

pub(super) fn full(path: &Path) -> Error {
    file(Kind::StoreFull, path, "there is no room left on its disk; free some and run again, it goes on from here")
}

pub(super) fn damaged(path: &Path, why: &str) -> Error {
    file(Kind::StoreDamaged, path, &format!("it is damaged, or no store of aigclens ({why}); it was left as it is"))
}

pub(super) fn refused(path: &Path, why: &str) -> Error {
    file(Kind::Store, path, why)
}

/// An error of the system about a file.
pub(super) fn system(path: &Path, what: &str, errno: Errno) -> Error {
    let kind = if is_full(errno) { Kind::StoreFull } else { Kind::Store };
    Error::new(kind, format!("the store cannot be used: {what} {} failed: {errno}", path.display()))
        .with_file(path.to_string_lossy(), Some(errno.raw_os_error()))
}

pub(super) fn is_full(errno: Errno) -> bool {
    matches!(errno, Errno::NOSPC | Errno::DQUOT)
}

fn file(kind: Kind, path: &Path, why: &str) -> Error {
    Error::new(kind, format!("the store {} cannot be used: {why}", path.display()))
        .with_file(path.to_string_lossy(), None)
}

/// A file's name for building the names of its neighbours.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
