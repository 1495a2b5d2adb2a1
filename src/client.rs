//! `detect`: from any source to a verdict. Reads as the story, top to bottom.
mod caught;

pub use caught::Caught;

use crate::ambient::Ambient;
use crate::attempt::{Attempt, Billing, Operation};
use crate::config::Settings;
use crate::detection::Detection;
use crate::error::{Error, Kind, Result};
use crate::http::Transport;
use crate::image::memory::{Memory, Room};
use crate::image::{self, CheckImage, DataId, ImageUrl, InfoType, Limits, OssObject, Referer, ServiceName, UrlPolicy};
use crate::retry::{OnAmbiguous, Policy};
use crate::service::{Experience, Service, Success, Terms, Trail, failed, with_trail};
use crate::upload::{self, Image, Shelf, TokenCache};
use crate::wire::moderation::{self, Reference};
use bytes::Bytes;
use crc64fast::Digest;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The service that this package is for; another name is passed on and marked in `warnings` (J16).
pub const SERVICE: &str = "aigcDetector_global";
/// Bytes from which checking and hashing an image is left to a thread of its own.
const SMALL: usize = 64 * 1024;

/// An image, wherever it is.
#[derive(Debug, Clone)]
pub enum Source {
    Url(String),
    Oss { bucket: String, key: String, region: Option<String> },
    OssUrl(String),
    Path(PathBuf),
    Bytes(Bytes),
}

/// One question; what is not given is the client's default.
#[derive(Debug, Clone)]
pub struct Call {
    pub source: Source,
    pub data_id: Option<String>,
    pub referer: Option<String>,
    pub service: Option<String>,
    pub info_type: Option<String>,
    pub timeout: Option<Duration>,
    pub total_timeout: Option<Duration>,
    pub max_retries: Option<u32>,
    pub on_ambiguous: Option<OnAmbiguous>,
}

impl Call {
    pub const fn new(source: Source) -> Self {
        Self {
            source,
            data_id: None,
            referer: None,
            service: None,
            info_type: None,
            timeout: None,
            total_timeout: None,
            max_retries: None,
            on_ambiguous: None,
        }
    }
}

/// What is refused before anything is sent.
#[derive(Debug, Clone, Copy)]
pub struct ImageRules {
    pub check: CheckImage,
    pub limits: Limits,
    pub urls: UrlPolicy,
}

/// A client: one endpoint, one identity, one pool of connections, one upload token.
#[derive(Debug, Clone)]
pub struct Client {
    service: Service,
    tokens: Arc<TokenCache>,
    rules: ImageRules,
    memory: Memory,
}

/// How far a call has got: what is left of it when it panics.
#[derive(Default)]
struct Progress {
    trail: Trail,
    /// From here on something may have been sent.
    is_asking: bool,
}

/// What was checked before the first packet.
struct Parameters {
    service: ServiceName,
    data_id: Option<DataId>,
    referer: Option<Referer>,
    info_type: Option<InfoType>,
}

/// An image that the service can be told of.
enum Ready {
    Url(ImageUrl),
    Oss(OssObject),
    Local(Image),
}

impl Client {
    pub fn new(settings: Arc<Settings>, ambient: Ambient, transport: Arc<dyn Transport>, rules: ImageRules) -> Self {
        let experience = Arc::new(Experience::new(&settings));
        let service = Service { settings, ambient, transport, experience };
        Self { service, tokens: Arc::default(), rules, memory: Memory::default() }
    }

    /// The same client on another transport: settings and upload token are shared.
    #[must_use]
    pub fn on(&self, transport: Arc<dyn Transport>) -> Self {
        let service = Service { transport, ..self.service.clone() };
        Self { service, tokens: Arc::clone(&self.tokens), rules: self.rules, memory: self.memory.clone() }
    }

    /// The same client with a share of memory that others have too.
    #[must_use]
    pub fn sharing(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// Asks the service about one image. A panic inside of the call is an error of the call (H18).
    pub async fn detect(&self, call: Call) -> Result<Detection> {
        let mut progress = Progress::default();
        let outcome = Caught::new(self.story(call, &mut progress)).await;
        outcome.unwrap_or_else(|| Err(self.panicked(progress)))
    }

    /// Nobody knows what a request was charged that was under way when the call panicked.
    fn panicked(&self, progress: Progress) -> Error {
        let error = Error::new(Kind::Internal, "the client failed inside: a panic; please report it");
        let mut trail = progress.trail;
        if progress.is_asking && Billing::worst(&trail) != Billing::Billed {
            let doubtful = error.clone().with_billing(Billing::PossiblyBilled);
            let region = self.service.settings.endpoint.region.clone();
            trail.push(failed(Operation::ImageModeration, &doubtful, region, Duration::ZERO));
        }
        with_trail(error, &trail)
    }

    async fn story(&self, call: Call, progress: &mut Progress) -> Result<Detection> {
        let started = Instant::now();
        let terms = self.terms(&call);
        let parameters = self.parameters(&call)?;
        let mut warnings = Vec::new();
        if parameters.service.as_str() != SERVICE {
            warnings.push("unknown_service");
        }
        let ready = self.prepare(call.source, terms, &mut warnings).await?;
        progress.is_asking = true;
        let trail = &mut progress.trail;
        let success = self.moderate(&ready, &parameters, terms, trail, &mut warnings).await?;
        self.conclude(&success, &parameters, trail.clone(), warnings, started.elapsed())
    }

    fn terms(&self, call: &Call) -> Terms {
        let Settings { timeouts, policy, .. } = &*self.service.settings;
        let policy = Policy {
            max_retries: call.max_retries.unwrap_or(policy.max_retries),
            on_ambiguous: call.on_ambiguous.unwrap_or(policy.on_ambiguous),
        };
        Terms::new(call.total_timeout.unwrap_or(timeouts.total), call.timeout.unwrap_or(timeouts.attempt), policy)
    }

    fn parameters(&self, call: &Call) -> Result<Parameters> {
        let settings = &self.service.settings;
        Ok(Parameters {
            service: ServiceName::parse(call.service.as_deref().unwrap_or(&settings.service))?,
            data_id: call.data_id.as_deref().map(DataId::parse).transpose()?,
            referer: call.referer.as_deref().map(Referer::parse).transpose()?,
            info_type: call.info_type.as_deref().map(InfoType::parse).transpose()?,
        })
    }

    /// Checks the source, and reads a local image once: the bytes that are checked are the bytes that are sent (I18).
    async fn prepare(&self, source: Source, terms: Terms, warnings: &mut Vec<&'static str>) -> Result<Ready> {
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
            object.region.clone_from(&self.service.settings.endpoint.region);
        }
        match object.region {
            Some(_) => Ok(object),
            None => Err(Error::new(
                Kind::InvalidParameter,
                "the bucket's region is not known; give it: OssObject(bucket, key, region='ap-southeast-1')",
            )),
        }
    }

    async fn moderate(
        &self,
        ready: &Ready,
        parameters: &Parameters,
        terms: Terms,
        trail: &mut Trail,
        warnings: &mut Vec<&'static str>,
    ) -> Result<Success> {
        let mut retries = self.service.retries(Operation::ImageModeration, terms);
        let mut is_second_upload = false;
        loop {
            let uploaded;
            let mut shelf = None;
            let image = match ready {
                Ready::Url(url) => Reference::Url(url.as_str()),
                Ready::Oss(object) => {
                    Reference::Oss { bucket: &object.bucket, key: &object.key, region: object.region.as_deref() }
                }
                Ready::Local(image) => {
                    uploaded = upload::upload(&self.tokens, &self.service, image, terms, trail)
                        .await
                        .map_err(|error| with_trail(error, trail))?;
                    shelf = Some(Shelf::new(&self.service.ambient));
                    if !uploaded.is_verified && !warnings.contains(&"upload_not_verified") {
                        warnings.push("upload_not_verified");
                    }
                    Reference::Oss { bucket: &uploaded.bucket, key: &uploaded.key, region: None }
                }
            };
            let request = moderation::Request {
                service: parameters.service.as_str(),
                image,
                data_id: parameters.data_id.as_ref().map(DataId::as_str),
                referer: parameters.referer.as_ref().map(Referer::as_str),
                info_type: parameters.info_type.as_ref().map(InfoType::as_str),
            };
            let service_parameters = request.service_parameters();
            let fields = [("Service", request.service), ("ServiceParameters", service_parameters.as_str())];
            let is_fresh = || shelf.as_ref().is_none_or(Shelf::is_fresh);
            let operation = Operation::ImageModeration;
            let outcome = self.service.persist(&mut retries, operation, &fields, terms, &is_fresh, trail).await;
            match outcome {
                // It took so long that the storage may have let go of the image: uploaded again (K07).
                Ok(None) => {}
                Ok(Some(success)) => return Ok(success),
                // The storage lost what was uploaded: once more from the start (D06).
                Err(error) if is_lost(&error, ready) && !is_second_upload && retries.may_go_on() => {
                    is_second_upload = true;
                }
                Err(error) => return Err(with_trail(error, trail)),
            }
        }
    }

    fn conclude(
        &self,
        success: &Success,
        parameters: &Parameters,
        trail: Trail,
        mut warnings: Vec<&'static str>,
        elapsed: Duration,
    ) -> Result<Detection> {
        let sent = parameters.data_id.as_ref().map(DataId::as_str);
        let finding = moderation::read(&success.envelope, sent).map_err(|error| spoiled(error, trail.clone()))?;
        for warning in finding.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let (deciding, is_aigc) = moderation::verdict(&finding.labels);
        Ok(Detection {
            label: deciding.map(|label| label.name.clone()),
            is_aigc,
            confidence: deciding.and_then(|label| label.confidence),
            risk_level: finding.risk_level,
            data_id: finding.data_id,
            request_id: success.envelope.request_id.clone(),
            service: parameters.service.as_str().to_owned(),
            region: self.service.settings.endpoint.region.clone(),
            engine: success.engine,
            billing: Billing::worst(&trail),
            attempts: trail,
            elapsed,
            raw: success.envelope.body.clone(),
            warnings,
            labels: finding.labels,
        })
    }
}

/// Whether the service did not find what we have uploaded ourselves.
fn is_lost(error: &Error, ready: &Ready) -> bool {
    error.kind() == Kind::ImageDownload && matches!(ready, Ready::Local(_))
}

/// A success that could not be read: it stays charged, and its attempt says what became of it.
fn spoiled(mut error: Error, mut trail: Trail) -> Error {
    if let Some(last) = trail.last_mut() {
        *last = Attempt { outcome: error.kind().name(), ..last.clone() };
    }
    error.facts_mut().attempts = trail;
    error
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

#[cfg(test)]
mod tests;
