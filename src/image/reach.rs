//! Bytes that can be reached wherever they are, so that whoever wants a header does not read the whole.
use super::file;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// An image's bytes: in memory, or in a file of which only what is asked for is read.
pub trait Reach {
    /// How many there are.
    fn size(&self) -> u64;

    /// Fills this with the bytes from there on; `false`, and nothing is known of it, where they are not all there.
    fn fill(&self, at: u64, into: &mut [u8]) -> bool;

    /// Exactly so many bytes from there on; nothing where they are not all there.
    fn piece(&self, at: u64, length: usize) -> Option<Cow<'_, [u8]>>;
}

/// So many bytes from there on, as an array.
pub fn array<const N: usize>(reach: &dyn Reach, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    reach.fill(at, &mut bytes).then_some(bytes)
}

impl Reach for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn fill(&self, at: u64, into: &mut [u8]) -> bool {
        let found = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..into.len()));
        found.inspect(|found| into.copy_from_slice(found)).is_some()
    }

    fn piece(&self, at: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        let at = usize::try_from(at).ok()?;
        self.get(at..)?.get(..length).map(Cow::Borrowed)
    }
}

/// The first look at a file: most metadata is in it, and so is the image's header.
const FIRST: usize = 8 * 1024;
/// A look somewhere else in it, where a header of some bytes is expected.
const JUMP: usize = 1024;
/// The most that is read ahead of somebody who goes on from byte to byte.
const AHEAD: usize = 64 * 1024;
/// Who goes on in steps of less than this is better served with what lies ahead; who leaps is not.
const STEP: usize = 512;

/// A file of which only what is asked for is read, and a little ahead.
///
/// An error of the disk in the middle reads as the end of the file; [`FileReach::problem`] tells of it afterwards.
#[derive(Debug)]
pub struct FileReach {
    file: File,
    size: u64,
    path: PathBuf,
    window: RefCell<Window>,
}

/// What was read last.
#[derive(Debug, Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
    /// How many looks it was good for.
    looks: usize,
    problem: Option<io::Error>,
}

impl FileReach {
    /// Opens a file of any size for a look at its metadata. A fifo or device is refused without waiting for it.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, size) = file::any(path)?;
        Ok(Self { file, size, path: path.to_owned(), window: RefCell::default() })
    }

    /// Why a part of the file could not be read, if there was such a part.
    pub fn problem(&self) -> Option<Error> {
        self.window.borrow().problem.as_ref().map(|problem| file::failed(&self.path, problem))
    }

    fn holds(&self, at: u64, length: usize) -> bool {
        at.checked_add(length as u64).is_some_and(|end| end <= self.size)
    }

    /// Everything from there on that is asked for, or `false` and why.
    fn read(&self, at: u64, into: &mut [u8], problem: &mut Option<io::Error>) -> bool {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match read_at(&self.file, rest, at.saturating_add(done as u64)) {
                Ok(0) => return false,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    problem.get_or_insert(error);
                    return false;
                }
            }
        }
        true
    }

    /// Moves the window to where these bytes begin, unless they are in it.
    fn show(&self, window: &mut Window, at: u64, length: usize) -> bool {
        if window.slice(at, length).is_some() {
            window.looks += 1;
            return true;
        }
        let last = window.bytes.len();
        let is_near = at >= window.start && at - window.start < (last as u64).saturating_add(STEP as u64);
        let is_onward = is_near && window.looks.saturating_mul(STEP) >= last;
        let ahead = match last {
            0 => FIRST,
            _ if is_onward => last.saturating_mul(2).clamp(JUMP, AHEAD),
            _ => JUMP,
        };
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        window.start = at;
        window.looks = 1;
        window.bytes.resize(ahead.max(length).min(left), 0);
        let Window { bytes, problem, .. } = window;
        // Where reading ahead strikes a bad place, what was asked for may still be there.
        let is_read = self.read(at, bytes, problem) || {
            bytes.truncate(length);
            self.read(at, bytes, problem)
        };
        if !is_read {
            bytes.clear();
        }
        is_read
    }
}

impl Window {
    fn slice(&self, at: u64, length: usize) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..from.checked_add(length)?)
    }
}

impl Reach for FileReach {
    fn size(&self) -> u64 {
        self.size
    }

    fn fill(&self, at: u64, into: &mut [u8]) -> bool {
        if !self.holds(at, into.len()) {
            return false;
        }
        let mut window = self.window.borrow_mut();
        if into.len() > FIRST && window.slice(at, into.len()).is_none() {
            return self.read(at, into, &mut window.problem);
        }
        if !self.show(&mut window, at, into.len()) {
            return false;
        }
        window.slice(at, into.len()).inspect(|found| into.copy_from_slice(found)).is_some()
    }

    fn piece(&self, at: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        if !self.holds(at, length) {
            return None;
        }
        let mut bytes = vec![0; length];
        self.fill(at, &mut bytes).then_some(Cow::Owned(bytes))
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make the files they read")]
mod tests {
    use super::*;
    use crate::error::Kind;

    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str, bytes: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("aigclens-reach-{name}-{}", std::process::id()));
            std::fs::write(&path, bytes).unwrap();
            Self(path)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap()).collect()
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]
        #[test]
        fn a_file_gives_what_its_bytes_give(looks in proptest::collection::vec((0_u64..300_000, 0_usize..70_000), 1..40)) {
            let bytes = pattern(250_001);
            let file = Temporary::new("same", &bytes);
            let reach = FileReach::open(&file.0).unwrap();
            let whole: &dyn Reach = &bytes.as_slice();
            for (at, length) in looks {
                assert_eq!(reach.piece(at, length), whole.piece(at, length), "{at}+{length}");
                assert_eq!(array::<4>(&reach, at), array::<4>(whole, at), "{at}");
            }
            assert_eq!(reach.size(), whole.size());
            assert!(reach.problem().is_none());
        }
    }

    #[test]
    fn only_a_little_more_than_what_is_asked_for_is_read() {
        let file = Temporary::new("window", &pattern(1_000_000));
        let reach = FileReach::open(&file.0).unwrap();
        let last = |at: u64| {
            array::<8>(&reach, at).unwrap();
            let window = reach.window.borrow();
            (window.start, window.bytes.len())
        };
        assert_eq!(last(0), (0, FIRST));
        assert_eq!(last(8190), (8190, JUMP), "a leap to what is next");
        assert_eq!(last(8600), (8190, JUMP));
        assert_eq!(last(9210), (9210, 2 * JUMP), "onward");
        assert_eq!(last(500_000), (500_000, JUMP), "a jump");
        assert_eq!(last(0), (0, JUMP), "back");
        assert_eq!(last(999_992), (999_992, 8), "the end");
        assert!(array::<8>(&reach, 999_993).is_none());
        assert!(array::<8>(&reach, u64::MAX).is_none());
        assert!(reach.piece(0, usize::MAX).is_none());
    }

    #[test]
    fn a_file_that_shrinks_ends_where_it_ends_now() {
        let file = Temporary::new("shrinks", &pattern(100_000));
        let reach = FileReach::open(&file.0).unwrap();
        File::options().write(true).open(&file.0).unwrap().set_len(50_000).unwrap();
        assert!(array::<8>(&reach, 49_992).is_some());
        assert!(array::<8>(&reach, 49_993).is_none());
        assert!(reach.piece(0, 60_000).is_none());
        assert!(reach.problem().is_none());
    }

    /// I02, I20, I24.
    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused_and_a_giant_is_not_read() {
        let kind = |path: &str| FileReach::open(Path::new(path)).map(|_| ()).unwrap_err().kind();
        assert_eq!(kind("/dev/zero"), Kind::ImageFile);
        assert_eq!(kind("/"), Kind::ImageFile);
        assert_eq!(kind("/nowhere/at/all"), Kind::ImageFileNotFound);
        let file = Temporary::new("giant", b"");
        File::options().write(true).open(&file.0).unwrap().set_len(1 << 40).unwrap();
        let reach = FileReach::open(&file.0).unwrap();
        assert_eq!(array::<2>(&reach, (1 << 40) - 2), Some([0, 0]));
        assert_eq!(reach.window.borrow().bytes.len(), 2);
    }

    /// I03: trouble of the disk is the end of what is read, and is not forgotten.
    #[cfg(target_os = "linux")]
    #[test]
    fn trouble_below_the_file_is_remembered() {
        let path = PathBuf::from("/proc/self/mem");
        // Its first page is nobody's, and reading it is an I/O error on every Linux.
        let reach = FileReach { file: File::open(&path).unwrap(), size: 4096, path, window: RefCell::default() };
        assert!(reach.problem().is_none());
        assert!(array::<8>(&reach, 0).is_none());
        assert!(reach.piece(0, 4096).is_none());
        assert_eq!(reach.problem().unwrap().facts().errno, Some(5));
        assert!(reach.problem().unwrap().message().contains("/proc/self/mem"));
    }
}
