//! Local images: read once there is room for them, checked, and their checksum known; off the thread that waits for answers.
use super::ImageRules;
use crate::archive;
use crate::error::{Error, Kind, Result};
use crate::image::memory::{Memory, Room};
use crate::image::{self, Limits, file};
use crate::service::Terms;
use crate::upload::Image;
use bytes::Bytes;
use crc64fast::Digest;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// Checks bytes that are in memory, at once, and looks at them.
pub(super) fn check<T>(
    bytes: Bytes,
    rules: ImageRules,
    look: impl FnOnce(&Bytes) -> T,
    warnings: &mut Vec<&'static str>,
) -> Result<(Image, T)> {
    let probe = image::check(&bytes, rules.check, &rules.limits)?;
    warnings.extend(probe.warnings);
    let mut digest = Digest::new();
    digest.write(&bytes);
    let seen = look(&bytes);
    let image = Image {
        crc64: digest.sum64(),
        suffix: probe.format.map(|format| format.suffix()),
        content_type: probe.format.map_or("application/octet-stream", |format| format.content_type()),
        bytes,
    };
    Ok((image, seen))
}

/// The same with many bytes, on a thread of its own.
pub(super) async fn check_aside<T: Send + 'static>(
    bytes: Bytes,
    rules: ImageRules,
    terms: Terms,
    look: impl FnOnce(&Bytes) -> T + Send + 'static,
    warnings: &mut Vec<&'static str>,
) -> Result<(Image, T)> {
    blocking(terms, warnings, move |warnings| check(bytes, rules, look, warnings)).await
}

/// Where a local image is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    File(PathBuf),
    Member(archive::Member),
}

impl Place {
    /// Known before any of it is in memory.
    fn size(&self, limits: &Limits) -> Result<u64> {
        match self {
            Self::File(path) => file::size(path, limits),
            Self::Member(member) => Ok(member.size().min(limits.max_bytes)),
        }
    }

    fn read(&self, limits: &Limits) -> Result<Vec<u8>> {
        match self {
            Self::File(path) => file::read(path, limits),
            Self::Member(member) => archive::read(member, limits.max_bytes),
        }
    }
}

/// Reads an image once there is room for it in memory (I23), and looks at its bytes on the same thread. The wait for room
/// is a part of the call's time, unless it may be a long one of its own.
pub(super) async fn read<T: Send + 'static>(
    place: Place,
    rules: ImageRules,
    memory: Memory,
    terms: Terms,
    patience: Option<Duration>,
    look: impl FnOnce(&Bytes) -> T + Clone + Send + 'static,
    warnings: &mut Vec<&'static str>,
) -> Result<(Image, T)> {
    let (own, known, later) = (memory.clone(), place.clone(), look.clone());
    let first = blocking(terms, warnings, move |warnings| {
        let size = known.size(&rules.limits)?;
        match own.claim(size) {
            Some(room) => fill(room, &known, rules, look, warnings).map(Ok),
            None => Ok(Err(size)),
        }
    });
    match first.await? {
        Ok(image) => Ok(image),
        Err(size) => {
            let began = Instant::now();
            let room = memory.wait(size, patience.map_or_else(|| terms.left(), Ok)?).await?;
            let terms = if patience.is_some() { terms.later(began.elapsed()) } else { terms };
            blocking(terms, warnings, move |warnings| fill(room, &place, rules, later, warnings)).await
        }
    }
}

fn fill<T>(
    room: Room,
    place: &Place,
    rules: ImageRules,
    look: impl FnOnce(&Bytes) -> T,
    warnings: &mut Vec<&'static str>,
) -> Result<(Image, T)> {
    check(room.fill(place.read(&rules.limits)?), rules, look, warnings)
}

/// Leaves work on a file or a large image to a thread of its own, no longer than the call may take.
pub(super) async fn blocking<T: Send + 'static>(
    terms: Terms,
    warnings: &mut Vec<&'static str>,
    work: impl FnOnce(&mut Vec<&'static str>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let task = tokio::task::spawn_blocking(move || {
        let mut noted = Vec::new();
        work(&mut noted).map(|done| (done, noted))
    });
    let late = |_| Error::new(Kind::DetectTimeout, "the call's total time-out passed while the image was being read");
    let joined = tokio::time::timeout(terms.left()?, task).await.map_err(late)?;
    let (done, noted) =
        joined.map_err(|_| Error::new(Kind::Internal, "reading the image failed inside the client"))??;
    warnings.extend(noted);
    Ok(done)
}
