//! Local images: read once there is room for them, checked, and their checksum known; off the thread that waits for answers.
use super::ImageRules;
use crate::error::{Error, Kind, Result};
use crate::image::memory::{Memory, Room};
use crate::image::{self, file};
use crate::service::Terms;
use crate::upload::Image;
use bytes::Bytes;
use crc64fast::Digest;
use std::path::{Path, PathBuf};

/// Checks bytes that are in memory, at once.
pub(super) fn check(bytes: Bytes, rules: ImageRules, warnings: &mut Vec<&'static str>) -> Result<Image> {
    let probe = image::check(&bytes, rules.check, &rules.limits)?;
    warnings.extend(probe.warnings);
    let mut digest = Digest::new();
    digest.write(&bytes);
    Ok(Image {
        crc64: digest.sum64(),
        suffix: probe.format.map(|format| format.suffix()),
        content_type: probe.format.map_or("application/octet-stream", |format| format.content_type()),
        bytes,
    })
}

/// Checks many bytes on a thread of its own.
pub(super) async fn check_aside(
    bytes: Bytes,
    rules: ImageRules,
    terms: Terms,
    warnings: &mut Vec<&'static str>,
) -> Result<Image> {
    blocking(terms, warnings, move |warnings| check(bytes, rules, warnings)).await
}

/// Reads a file once there is room for it in memory (I23).
pub(super) async fn read(
    path: PathBuf,
    rules: ImageRules,
    memory: Memory,
    terms: Terms,
    warnings: &mut Vec<&'static str>,
) -> Result<Image> {
    let (own, known) = (memory.clone(), path.clone());
    let first = blocking(terms, warnings, move |warnings| {
        let size = file::size(&known, &rules.limits)?;
        match own.claim(size) {
            Some(room) => fill(room, &known, rules, warnings).map(Ok),
            None => Ok(Err(size)),
        }
    });
    match first.await? {
        Ok(image) => Ok(image),
        Err(size) => {
            let room = memory.wait(size, terms.left()?).await?;
            blocking(terms, warnings, move |warnings| fill(room, &path, rules, warnings)).await
        }
    }
}

fn fill(room: Room, path: &Path, rules: ImageRules, warnings: &mut Vec<&'static str>) -> Result<Image> {
    check(room.fill(file::read(path, &rules.limits)?), rules, warnings)
}

/// Leaves work on a file or a large image to a thread of its own, no longer than the call may take.
async fn blocking<T: Send + 'static>(
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
