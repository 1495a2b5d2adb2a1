//! Reading an image file: once, whole, and only if it is a file. The one place of the core that opens files of the user's.
use super::{Limits, probe};
use crate::error::{Error, Kind, Result};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The size of a file that may be read, known before any of it is in memory.
pub fn size(path: &Path, limits: &Limits) -> Result<u64> {
    look(path, limits).map(|(_, size)| size)
}

/// Reads a file of at most the limit's size. A fifo or device is refused without waiting for it (I02), a sparse giant
/// without reading it (I24); a file that changes its size meanwhile is read once more (I18).
pub fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    twice(|| read_once(path, limits))?
        .ok_or_else(|| refused(path, "the file keeps changing while it is read; try again when it is complete"))
}

/// What a look at a file finds, or a second one where the file changed during the first, or where its disk or server
/// stumbled: a file system of the network may have lost hold of it for a moment (I03).
fn twice<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    match look() {
        Ok(None) => look(),
        Err(error) if error.facts().errno.is_some_and(passes) => look(),
        found => found,
    }
}

#[cfg(unix)]
fn passes(errno: i32) -> bool {
    use rustix::io::Errno;
    [Errno::IO, Errno::STALE].iter().any(|known| known.raw_os_error() == errno)
}

#[cfg(not(unix))]
fn passes(_: i32) -> bool {
    false
}

/// An open file, and its size: refused if it is no regular file, or too large.
fn look(path: &Path, limits: &Limits) -> Result<(File, u64)> {
    let (file, size) = any(path)?;
    probe::check_size(size, limits).map_err(|error| named(path, error))?;
    Ok((file, size))
}

/// An open file of any size, and its size: refused if it is no regular file.
pub(super) fn any(path: &Path) -> Result<(File, u64)> {
    let file = open(path).map_err(|problem| failed(path, &problem))?;
    let metadata = file.metadata().map_err(|problem| failed(path, &problem))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a directory" } else { "not a regular file (a device, pipe or socket)" };
        return Err(refused(path, &format!("it is {what}; give an image file")));
    }
    Ok((file, metadata.len()))
}

/// Nothing if the file's size changed while it was read.
fn read_once(path: &Path, limits: &Limits) -> Result<Option<Vec<u8>>> {
    let (mut file, size) = look(path, limits)?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(size.saturating_add(1));
    // One byte more than the limit shows a file that grows, or one of those whose size is said to be nothing.
    let mut bounded = (&mut file).take(limits.max_bytes.saturating_add(1));
    bounded.read_to_end(&mut bytes).map_err(|problem| failed(path, &problem))?;
    probe::check_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX), limits).map_err(|error| named(path, error))?;
    Ok((bytes.len() == size).then_some(bytes))
}

/// Opens a file of the user's for reading, without waiting for anybody.
#[cfg(unix)]
#[allow(clippy::disallowed_methods, reason = "this is the room that opens files")]
pub fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    // NONBLOCK: opening a fifo that nobody writes to would wait for ever. NOCTTY: a terminal is not to become ours.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Opens a file of the user's for reading.
#[cfg(not(unix))]
#[allow(clippy::disallowed_methods, reason = "this is the room that opens files")]
pub fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(super) fn failed(path: &Path, problem: &io::Error) -> Error {
    let kind = if problem.kind() == io::ErrorKind::NotFound { Kind::ImageFileNotFound } else { Kind::ImageFile };
    let why = match problem.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read by this user".to_owned(),
        _ => problem.to_string(),
    };
    let hint = if looks_like_host(path) { "; for a URL write https:// in front of it" } else { "" };
    let text = path.to_string_lossy();
    Error::new(kind, format!("cannot read the image file '{text}': {why}{hint}"))
        .with_file(text, problem.raw_os_error())
}

/// `example.com/cat.png`: probably a URL whose scheme was forgotten.
fn looks_like_host(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let Some((host, _)) = text.split_once('/') else {
        return text.starts_with("www.");
    };
    let top = host.rsplit('.').next().unwrap_or_default();
    host.contains('.') && !host.starts_with('.') && top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn refused(path: &Path, why: &str) -> Error {
    let text = path.to_string_lossy();
    Error::new(Kind::ImageFile, format!("cannot use '{text}': {why}")).with_file(text, None)
}

fn named(path: &Path, error: Error) -> Error {
    let text = path.to_string_lossy();
    Error::new(error.kind(), format!("'{text}': {}", error.message())).with_file(text, None)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make the files they read")]
mod tests {
    use super::*;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("aigclens-file-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn kind(path: &Path) -> Kind {
        read(path, &Limits::default()).unwrap_err().kind()
    }

    /// I01, I02, I19, I20.
    #[cfg(unix)]
    #[test]
    fn what_is_no_readable_regular_file_is_refused_at_once() {
        let folder = Folder::new("kinds");
        let at = |name: &str| folder.0.join(name);
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for (path, expected) in [
            (at("missing"), Kind::ImageFileNotFound),
            (at("dangling"), Kind::ImageFileNotFound),
            (at("loop"), Kind::ImageFile),
            (at("fifo"), Kind::ImageFile),
            (at("socket"), Kind::ImageFile),
            (folder.0.clone(), Kind::ImageFile),
            ("/dev/zero".into(), Kind::ImageFile),
            ("/dev/tty".into(), Kind::ImageFile),
        ] {
            assert_eq!(kind(&path), expected, "{}", path.display());
        }
        let error = read(&at("a\nb\u{202e}.png"), &Limits::default()).unwrap_err();
        assert!(!error.message().contains(['\n', '\u{202e}']));
        assert_eq!(error.facts().errno, Some(2));
        let named = read(Path::new("example.com/cat.png"), &Limits::default()).unwrap_err();
        assert!(named.message().contains("https://"), "{named}");
    }

    /// I07, I24.
    #[test]
    fn a_giant_is_refused_by_its_size_and_the_limit_itself_is_read() {
        let folder = Folder::new("sizes");
        let path = folder.0.join("sparse");
        let file = File::create(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        assert_eq!(kind(&path), Kind::ImageTooLarge);
        file.set_len(20 * 1024 * 1024).unwrap();
        assert_eq!(read(&path, &Limits::default()).unwrap().len(), 20 * 1024 * 1024);
    }

    /// I18: read once more, and no more than that.
    #[test]
    fn a_file_that_changed_is_read_a_second_time() {
        let mut looks = vec![Some(1), None].into_iter().rev();
        assert_eq!(twice(|| Ok(looks.next().unwrap())).unwrap(), Some(1));
        let mut count = 0;
        let never: Option<()> = twice(|| {
            count += 1;
            Ok(None)
        })
        .unwrap();
        assert_eq!((never, count), (None, 2));
    }

    /// I03: a disk or server that stumbles is asked once more; a refusal is final.
    #[cfg(unix)]
    #[test]
    fn trouble_below_the_file_is_given_a_second_chance() {
        use rustix::io::Errno;
        let trouble = |errno: Errno| failed(Path::new("a.png"), &io::Error::from_raw_os_error(errno.raw_os_error()));
        for (errno, looks) in [(Errno::IO, 2), (Errno::STALE, 2), (Errno::ACCESS, 1), (Errno::NOENT, 1)] {
            let mut count = 0;
            let outcome: Result<Option<()>> = twice(|| {
                count += 1;
                Err(trouble(errno))
            });
            assert_eq!((outcome.unwrap_err().facts().errno, count), (Some(errno.raw_os_error()), looks));
            let mut outcomes = vec![Ok(Some(7)), Err(trouble(errno))];
            assert_eq!(twice(|| outcomes.pop().unwrap()).is_ok(), looks == 2);
        }
        // Its first page is nobody's, and reading it is an I/O error on every Linux.
        #[cfg(target_os = "linux")]
        assert_eq!(read(Path::new("/proc/self/mem"), &Limits::default()).unwrap_err().facts().errno, Some(5));
    }

    /// I18: a file of `/proc` says that it has no bytes and gives some, as a file that grows does.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_whose_size_is_not_what_was_said_is_an_error_and_no_half_image() {
        assert_eq!(kind(Path::new("/proc/self/status")), Kind::ImageFile);
    }
}
