//! The file under an archive: opened once, read at any place by anybody, since nobody moves a cursor that others share.
use crate::error::{Error, Kind, Result};
use crate::image;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// A view of a file with a place of its own. Clones share the file.
#[derive(Debug, Clone)]
pub(super) struct Window {
    file: Arc<File>,
    at: u64,
    length: u64,
}

/// What the walk through a tar wants of what it reads.
pub(super) trait Source: Read {
    /// Passes over that many bytes; how many there were.
    fn skip(&mut self, count: u64) -> io::Result<u64>;
    /// The window at the present place, where it can be come back to.
    fn window(&self) -> Option<&Window>;
}

/// What can be read in one direction alone.
#[derive(Debug)]
pub(super) struct Stream<R>(R);

/// A regular file, opened without waiting for a pipe that nobody writes to.
pub(super) fn open(path: &Path) -> Result<Window> {
    let text = path.to_string_lossy();
    let failed = |kind: Kind, why: &str, errno: Option<i32>| {
        Error::new(kind, format!("cannot read the archive '{text}': {why}")).with_file(text.clone(), errno)
    };
    let problem = |problem: io::Error| match problem.kind() {
        io::ErrorKind::NotFound => failed(Kind::ImageFileNotFound, "there is no such file", problem.raw_os_error()),
        io::ErrorKind::PermissionDenied => {
            failed(Kind::ImageFile, "it may not be read by this user", problem.raw_os_error())
        }
        _ => failed(Kind::ImageFile, &problem.to_string(), problem.raw_os_error()),
    };
    let file = image::file::open(path).map_err(problem)?;
    let metadata = file.metadata().map_err(problem)?;
    if !metadata.is_file() {
        return Err(failed(Kind::ImageFile, "it is no regular file", None));
    }
    Ok(Window { file: Arc::new(file), at: 0, length: metadata.len() })
}

impl Window {
    /// The first bytes, by which a format is told.
    pub(super) fn start(&self) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        Self { at: 0, ..self.clone() }.take(8).read_to_end(&mut start)?;
        Ok(start)
    }

    /// How many bytes there are from here on.
    pub(super) fn remaining(&self) -> u64 {
        self.length.saturating_sub(self.at)
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let count = std::os::unix::fs::FileExt::read_at(&*self.file, buffer, self.at)?;
        #[cfg(windows)]
        let count = std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, self.at)?;
        self.at = self.at.saturating_add(u64::try_from(count).unwrap_or_default());
        Ok(count)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the file's begin"))?;
        Ok(self.at)
    }
}

impl Source for Window {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let count = count.min(self.remaining());
        self.at = self.at.saturating_add(count);
        Ok(count)
    }

    fn window(&self) -> Option<&Window> {
        Some(self)
    }
}

impl<R: Read> Stream<R> {
    pub(super) fn new(inner: R) -> Self {
        Self(inner)
    }
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Source for Stream<R> {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        io::copy(&mut (&mut self.0).take(count), &mut io::sink())
    }

    fn window(&self) -> Option<&Window> {
        None
    }
}
