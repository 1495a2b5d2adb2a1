//! What is done with a source before anything is sent: checked, and read once if it is local.
use super::local::{self, Place};
use super::{Client, DeclarationRule, Source};
use crate::error::{Error, Kind, Result};
use crate::evidence::Evidence;
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
    /// Checks the source, and reads a local image once: the bytes that are checked are the bytes that are sent (I18), and
    /// whose declarations are read.
    pub(super) async fn prepare(
        &self,
        source: Source,
        rule: DeclarationRule,
        terms: Terms,
        warnings: &mut Vec<&'static str>,
    ) -> Result<(Ready, Vec<Evidence>)> {
        let rules = self.rules;
        let silent = |ready| (ready, Vec::new());
        let spoken = |(image, evidence)| (Ready::Local(image), evidence);
        match source {
            Source::Loaded(loaded) => {
                warnings.extend(loaded.warnings);
                Ok((loaded.ready, loaded.evidence))
            }
            Source::Url(text) => {
                let (url, noted) = ImageUrl::parse(&text, rules.urls)?;
                warnings.extend(noted);
                Ok(silent(Ready::Url(url)))
            }
            Source::Oss { bucket, key, region } => OssObject::new(&bucket, &key, region.as_deref())
                .and_then(|o| self.own_region(o))
                .map(Ready::Oss)
                .map(silent),
            Source::OssUrl(text) => {
                OssObject::parse(&text).and_then(|object| self.own_region(object)).map(Ready::Oss).map(silent)
            }
            Source::Bytes(bytes) if bytes.len() <= SMALL => {
                local::check(bytes, rules, |bytes| rule.read(bytes), warnings).map(spoken)
            }
            Source::Bytes(bytes) => {
                let look = move |bytes: &Bytes| rule.read(bytes);
                Box::pin(local::check_aside(bytes, rules, terms, look, warnings)).await.map(spoken)
            }
            Source::Path(path) => self.read(Place::File(path), rule, terms, warnings).await.map(spoken),
            Source::Member(member) => self.read(Place::Member(member), rule, terms, warnings).await.map(spoken),
        }
    }

    async fn read(
        &self,
        place: Place,
        rule: DeclarationRule,
        terms: Terms,
        warnings: &mut Vec<&'static str>,
    ) -> Result<(Image, Vec<Evidence>)> {
        let look = move |bytes: &Bytes| rule.read(bytes);
        Box::pin(local::read(place, self.rules, self.memory.clone(), terms, None, look, warnings)).await
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
