//! Small files with secrets: read whole, off the runtime's thread, and only if they are files.
use super::broken;
use crate::error::Result;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// More than this is no profile.
const LARGEST: u64 = 1024 * 1024;

/// What a file looked like when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    path: PathBuf,
    modified: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    fn of(path: &Path, metadata: &std::fs::Metadata) -> Self {
        Self { path: path.to_owned(), modified: metadata.modified().ok(), length: metadata.len() }
    }

    /// Whether the file still looks so.
    pub(super) async fn is_same(&self) -> bool {
        let path = self.path.clone();
        let now = tokio::task::spawn_blocking(move || Some(Self::of(&path, &std::fs::metadata(&path).ok()?)));
        now.await.ok().flatten().is_some_and(|now| now == *self)
    }
}

/// A file's text, without a byte order mark.
#[derive(Debug)]
pub(super) struct Text {
    pub text: String,
    pub stamp: Stamp,
    /// Whether others than the owner may read it.
    pub is_exposed: bool,
}

/// Reads a file; `None` where there is none.
pub(super) async fn read(path: &Path) -> Result<Option<Text>> {
    let own = path.to_owned();
    let outcome = tokio::task::spawn_blocking(move || read_now(&own))
        .await
        .unwrap_or_else(|_| Err(io::Error::other("reading it failed inside the client")));
    match outcome {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(broken(format!("cannot read '{}': {error}", path.display()))),
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the place that reads profiles and tokens")]
fn read_now(path: &Path) -> io::Result<Text> {
    let refuse = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
    // Looked at first: opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(refuse("it is not a regular file"));
    }
    let file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(refuse("it is larger than 1 MB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Text { text, stamp: Stamp::of(path, &metadata), is_exposed: is_exposed(&metadata) })
}

#[cfg(unix)]
fn is_exposed(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_exposed(_: &std::fs::Metadata) -> bool {
    false
}
