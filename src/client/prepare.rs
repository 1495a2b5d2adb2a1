//! What is done with a source before anything is sent: checked, and read once if it is local.
use super::local::{self, Place};
use super::{Client, Source};
use crate::error::{Error, Kind, Result};
use crate::image::{ImageUrl, OssObject};
use crate::service::Terms;
use crate::upload::Image;
use bytes::Bytes;

/// Bytes from which checking and hashing an image is left to a thread of its own.
const SMALL: usize = 64 * 1024;

/// An image that the service can be told of.
#[derive(Debug, Clone)]
pub(super) enum Ready {
    Url(ImageUrl),
    Oss(OssObject),
    Local(Image),
}

impl Client {
    /// Checks the source, and reads a local image once: the bytes that are checked are the bytes that are sent (I18).
    pub(super) async fn prepare(
        &self,
        source: Source,
        terms: Terms,
        warnings: &mut Vec<&'static str>,
    ) -> Result<Ready> {
        let rules = self.rules;
        match source {
            Source::Loaded(loaded) => {
                warnings.extend(loaded.warnings);
                Ok(loaded.ready)
            }
            Source::Url(text) => {
                let (url, noted) = ImageUrl::parse(&text, rules.urls)?;
                warnings.extend(noted);
                Ok(Ready::Url(url))
            }
            Source::Oss { bucket, key, region } => {
                OssObject::new(&bucket, &key, region.as_deref()).and_then(|o| self.own_region(o)).map(Ready::Oss)
            }
            Source::OssUrl(text) => OssObject::parse(&text).and_then(|object| self.own_region(object)).map(Ready::Oss),
            Source::Bytes(bytes) if bytes.len() <= SMALL => local::check(bytes, rules, warnings).map(Ready::Local),
            Source::Bytes(bytes) => local::check_aside(bytes, rules, terms, warnings).await.map(Ready::Local),
            Source::Path(path) => self.read(Place::File(path), terms, warnings).await,
            Source::Member(member) => self.read(Place::Member(member), terms, warnings).await,
        }
    }

    async fn read(&self, place: Place, terms: Terms, warnings: &mut Vec<&'static str>) -> Result<Ready> {
        let look = |_: &Bytes| ();
        let read = local::read(place, self.rules, self.memory.clone(), terms, None, look, warnings);
        read.await.map(|(image, ())| Ready::Local(image))
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
