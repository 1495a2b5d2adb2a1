//! Where a store may be: what is looked at before anything is made or opened there.
use super::fault;
use crate::error::Result;
use rustix::fs::{CWD, FileType, Mode, OFlags, fsync, openat, stat};
use rustix::io::Errno;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A file's identity: the device it is on, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

impl Identity {
    /// Of what a name leads to. By name: a second descriptor of a database, once closed, would take SQLite's locks along.
    pub(super) fn of(path: &Path) -> Option<Self> {
        stat(path).ok().map(|status| Self::from_status(&status))
    }

    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "the types differ between systems")]
    pub(super) fn from_status(status: &rustix::fs::Stat) -> Self {
        Self { device: status.st_dev as u64, number: status.st_ino as u64 }
    }
}

/// The real path of a store that is there or may be made; refused if it is no regular file, or where SQLite cannot keep it
/// safe.
pub(super) fn resolve(path: &Path) -> Result<PathBuf> {
    let real = match std::fs::canonicalize(path) {
        Ok(real) => real,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => absent(path)?,
        Err(problem) => return Err(unreachable(path, "finding", &problem)),
    };
    match stat(&real) {
        Ok(status) => match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => network(&real, &real)?,
            FileType::Directory => return Err(fault::refused(path, "it is a directory; give the name of a file")),
            _ => return Err(fault::refused(path, "it is no regular file (a device, pipe or socket)")),
        },
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(fault::system(path, "looking at", errno)),
    }
    network(folder(&real), &real)?;
    Ok(real)
}

/// The path of a file that is not there: its folder has to be.
fn absent(path: &Path) -> Result<PathBuf> {
    if path.is_symlink() {
        return Err(fault::refused(path, "it is a link to nothing"));
    }
    let name = path.file_name().ok_or_else(|| fault::refused(path, "its name is none of a file"))?;
    let parent = folder(path);
    let folder = std::fs::canonicalize(parent).map_err(|problem| match problem.kind() {
        std::io::ErrorKind::NotFound => {
            fault::refused(path, &format!("the folder {} does not exist; make it first", parent.display()))
                .with_file(path.to_string_lossy(), problem.raw_os_error())
        }
        _ => unreachable(path, "finding the folder of", &problem),
    })?;
    Ok(folder.join(name))
}

fn unreachable(path: &Path, what: &str, problem: &std::io::Error) -> crate::error::Error {
    match problem.raw_os_error() {
        Some(errno) => fault::system(path, what, Errno::from_raw_os_error(errno)),
        None => fault::refused(path, &problem.to_string()),
    }
}

pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// The file beside the store whose name ends like this.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Makes an empty file that is this user's alone, where there is none. Whether it made one.
pub(super) fn make(path: &Path) -> Result<bool> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(CWD, path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(_) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(errno) => Err(fault::system(path, "making", errno)),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    openat(CWD, folder(path), flags, Mode::empty())
        .and_then(fsync)
        .map_err(|errno| fault::system(folder(path), "writing", errno))
}

/// File systems that are served by another machine or another process: locks and shared memory do not hold there, and
/// SQLite's write-ahead log comes apart. By the numbers of Linux' statfs(2) and its headers.
#[cfg(target_os = "linux")]
const NETWORK: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x7461_636F, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x7375_7245, "Coda"),
    (0x0000_564C, "NCP"),
    (0xAAD7_AAEA, "PanFS"),
    (0x1983_0326, "BeeGFS"),
    (0x2030_5342, "OrangeFS"),
    (0x786F_4256, "VirtualBox shared folder"),
    (0xBACB_ACBC, "VMware shared folder"),
    (0x0001_3661, "acfs"),
];

/// The name of a network file system by its number.
#[cfg(target_os = "linux")]
pub(super) fn network_name(number: u32) -> Option<&'static str> {
    NETWORK.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cfg(target_os = "linux")]
fn network(place: &Path, store: &Path) -> Result<()> {
    let status = rustix::fs::statfs(place).map_err(|errno| fault::system(place, "looking at", errno))?;
    // The type's width and sign differ between machines; the numbers have 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the numbers have 32 bits")]
    match network_name(status.f_type as u32) {
        Some(name) => Err(fault::refused(
            store,
            &format!(
                "it is on a network file system ({name}), where SQLite cannot keep it safe; give a path on a local disk"
            ),
        )),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "as on Linux")]
fn network(_: &Path, _: &Path) -> Result<()> {
    Ok(())
}
