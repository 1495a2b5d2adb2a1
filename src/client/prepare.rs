//! What is done with a source before anything is sent: checked, and read once if it is local.
use super::{Client, ImageRules, Source};
use crate::error::{Error, Kind, Result};
use crate::image::memory::Room;
use crate::image::{self, ImageUrl, OssObject};
use crate::service::Terms;
use crate::upload::Image;
use bytes::Bytes;
use crc64fast::Digest;
use std::path::{Path, PathBuf};

/// Bytes from which checking and hashing an image is left to a thread of its own.
const SMALL: usize = 64 * 1024;

/// An image that the service can be told of.
pub(super) enum Ready {
    Url(ImageUrl),
    Oss(OssObject),
    Local(Image),
}

impl Client {
    /// Checks the source, and reads a local image once: the bytes that are checked are the bytes that are sent (I18).
    pub(super) async fn prepare(&self, source: Source, terms: Terms, warnings: &mut Vec<&'static str>) -> Result<Ready> {
        let rules = self.rules;
        match source {
            Source::Url(text) => {
                let (url, noted) = ImageUrl::parse(&text, rules.urls)?;
                warnings.extend(noted);
                Ok(Ready::Url(url))
            }
            Source::Oss { bucket, key, region } => {
                OssObject::new(&bucket, &key, region.as_deref()).and_then(|o| self.own_region(o)).map(Ready::Oss)
            }
            Source::OssUrl(text) => OssObject::parse(&text).and_then(|object| self.own_region(object)).map(Ready::Oss),
            Source::Bytes(bytes) if bytes.len() <= SMALL => local(bytes, rules, warnings).map(Ready::Local),
            Source::Bytes(bytes) => {
                blocking(terms, warnings, move |warnings| local(bytes, rules, warnings)).await.map(Ready::Local)
            }
            Source::Path(path) => self.read(path, terms, warnings).await.map(Ready::Local),
        }
    }

    /// Reads a file once there is room for it in memory (I23).
    async fn read(&self, path: PathBuf, terms: Terms, warnings: &mut Vec<&'static str>) -> Result<Image> {
        let (rules, memory, file) = (self.rules, self.memory.clone(), path.clone());
        let first = blocking(terms, warnings, move |warnings| {
            let size = image::file::size(&file, &rules.limits)?;
            match memory.claim(size) {
                Some(room) => fill(room, &file, rules, warnings).map(Ok),
                None => Ok(Err(size)),
            }
        });
        match first.await? {
            Ok(image) => Ok(image),
            Err(size) => {
                let room = self.memory.wait(size, terms.left()?).await?;
                blocking(terms, warnings, move |warnings| fill(room, &path, rules, warnings)).await
            }
        }
    }

    /// The service wants to know where a bucket of the user's is; without a word it is taken to be in the client's region.
    fn own_region(&self, mut object: OssObject) -> Result<OssObject> {
        if object.region.is_none() {
            object.region.clone_from(&self.settings.endpoint.region);
        }
        match object.region {
            Some(_) => Ok(object),
            None => Err(Error::new(
                Kind::InvalidParameter,
                "the bucket's region is not known; give it: OssObject(bucket, key, region='ap-southeast-1')",
            )),
        }
    }
}

fn local(bytes: Bytes, rules: ImageRules, warnings: &mut Vec<&'static str>) -> Result<Image> {
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

fn fill(room: Room, path: &Path, rules: ImageRules, warnings: &mut Vec<&'static str>) -> Result<Image> {
    local(room.fill(image::file::read(path, &rules.limits)?), rules, warnings)
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
