//! An image that was looked at before it is asked about: a scan wants to know what it is first, and may know its answer.
use super::local::{self, Place};
use super::prepare::Ready;
use super::{Client, DeclarationRule, Source};
use crate::error::{Error, Kind, Result};
use crate::evidence::Evidence;
use crate::service::Terms;
use crate::upload::Image;
use bytes::Bytes;
use std::time::Duration;

/// How long an image may wait for room in memory: as long as an outage may hold up those before it.
const PATIENCE: Duration = Duration::from_secs(86_400);
/// Bytes from which hashing is left to a thread of its own.
const SMALL: usize = 64 * 1024;

/// A source that was checked and, if it is local, read.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub(super) ready: Ready,
    pub(super) warnings: Vec<&'static str>,
    /// What its bytes declare of their making.
    pub evidence: Vec<Evidence>,
    pub content: Content,
}

/// What tells one content from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// BLAKE3 of the bytes.
    Bytes([u8; 32]),
    /// BLAKE3 of the URL's text: what is behind it is not known here.
    Url([u8; 32]),
    /// BLAKE3 of bucket, region and key.
    Oss([u8; 32]),
}

/// What the bytes are, and what they say of themselves.
#[derive(Debug)]
struct Look {
    hash: [u8; 32],
    evidence: Vec<Evidence>,
}

impl DeclarationRule {
    fn look(self, bytes: &Bytes) -> Look {
        Look { hash: blake3::hash(bytes).into(), evidence: self.read(bytes) }
    }
}

impl Loaded {
    fn local(image: Image, look: Look, warnings: Vec<&'static str>) -> Self {
        let Look { hash, evidence } = look;
        Self { ready: Ready::Local(image), warnings, evidence, content: Content::Bytes(hash) }
    }

    /// What the service can be told of, for a question about it.
    fn remote(ready: Ready, warnings: Vec<&'static str>) -> Result<Self> {
        let content = match &ready {
            Ready::Url(url) => Content::Url(blake3::hash(url.as_str().as_bytes()).into()),
            Ready::Oss(object) => {
                let region = object.region.as_deref().unwrap_or_default();
                let parts = [region, &object.bucket, &object.key].join("/");
                Content::Oss(blake3::hash(parts.as_bytes()).into())
            }
            Ready::Local(_) => return Err(Error::new(Kind::Internal, "a local image was not read")),
        };
        Ok(Self { ready, warnings, evidence: Vec::new(), content })
    }

    /// Words for what is worth a look.
    pub fn warnings(&self) -> &[&'static str] {
        &self.warnings
    }
}

impl Client {
    /// Checks a source as `detect` would, and reads it if it is local. What is refused here costs nothing. Waiting for room
    /// in memory may take as long as it takes; reading is a call's time at most.
    pub async fn load(&self, source: Source, rule: DeclarationRule) -> Result<Loaded> {
        let (rules, timeouts) = (self.rules, self.settings.timeouts);
        let terms = Terms::new(timeouts.total, timeouts.attempt, self.settings.policy);
        let look = move |bytes: &Bytes| rule.look(bytes);
        let mut warnings = Vec::new();
        let place = match source {
            Source::Bytes(bytes) => {
                let (image, seen) = match bytes.len() <= SMALL {
                    true => local::check(bytes, rules, look, &mut warnings)?,
                    false => Box::pin(local::check_aside(bytes, rules, terms, look, &mut warnings)).await?,
                };
                return Ok(Loaded::local(image, seen, warnings));
            }
            Source::Path(path) => Place::File(path),
            Source::Member(member) => Place::Member(member),
            Source::Loaded(loaded) => return Ok(*loaded),
            remote => {
                let (ready, _) = self.prepare(remote, rule, terms, &mut warnings).await?;
                return Loaded::remote(ready, warnings);
            }
        };
        let memory = self.memory.clone();
        let reading = local::read(place, rules, memory, terms, Some(PATIENCE), look, &mut warnings);
        let (image, seen) = Box::pin(reading).await?;
        Ok(Loaded::local(image, seen, warnings))
    }
}
