//! `detect`: from any source to a verdict. Reads as the story, top to bottom.
mod caught;
mod declared;
mod loaded;
mod local;
mod moderate;
mod prepare;
mod route;

pub use caught::Caught;
pub use declared::{DeclarationRule, LABEL};
pub use loaded::{Content, Loaded};

use crate::ambient::Ambient;
use crate::archive;
use crate::attempt::Billing;
use crate::config::Settings;
use crate::detection::Detection;
use crate::error::{Error, Kind, Result};
use crate::event::Listener;
use crate::evidence::{Precheck, Sources};
use crate::http::Transport;
use crate::identity::Identity;
use crate::image::memory::Memory;
use crate::image::{CheckImage, DataId, InfoType, Limits, Referer, ServiceName, UrlPolicy};
use crate::retry::{OnAmbiguous, Policy};
use crate::service::{Experience, Gate, Service, Success, Terms, Trail, failed, with_trail};
use crate::wire::moderation;
use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use moderate::Asked;
use route::Site;

/// The service that this package is for; another name is passed on and marked in `warnings` (J16).
pub const SERVICE: &str = "aigcDetector_global";

/// An image, wherever it is.
#[derive(Debug, Clone)]
pub enum Source {
    Url(String),
    Oss {
        bucket: String,
        key: String,
        region: Option<String>,
    },
    OssUrl(String),
    Path(PathBuf),
    Bytes(Bytes),
    /// Inside of a tar or zip file.
    Member(archive::Member),
    /// One that [`Client::load`] has looked at.
    Loaded(Box<Loaded>),
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
    pub precheck: Option<Precheck>,
    pub skip_sources: Option<Sources>,
    /// Who hears of each step.
    pub listener: Option<Arc<dyn Listener>>,
    /// Who must agree to each paid request.
    pub gate: Option<Arc<dyn Gate>>,
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
            precheck: None,
            skip_sources: None,
            listener: None,
            gate: None,
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

/// A client: one identity, one pool of connections, and for each region what was learned there.
#[derive(Debug, Clone)]
pub struct Client {
    settings: Arc<Settings>,
    ambient: Ambient,
    sites: Arc<[Site]>,
    rules: ImageRules,
    memory: Memory,
}

/// What was checked before the first packet.
struct Parameters {
    service: ServiceName,
    data_id: Option<DataId>,
    referer: Option<Referer>,
    info_type: Option<InfoType>,
}

impl Client {
    pub fn new(settings: Arc<Settings>, ambient: Ambient, transport: Arc<dyn Transport>, rules: ImageRules) -> Self {
        let identity = Arc::new(Identity::new(&settings.provider));
        let site = |settings: Arc<Settings>| {
            let experience = Arc::new(Experience::new(&settings, Arc::clone(&identity), &ambient));
            let (ambient, transport) = (ambient.clone(), Arc::clone(&transport));
            Site { service: Service { settings, ambient, transport, experience }, tokens: Arc::default() }
        };
        let sites = route::settings(Arc::clone(&settings)).into_iter().map(site).collect();
        Self { settings, ambient, sites, rules, memory: Memory::default() }
    }

    /// The same client on another transport: settings, upload tokens and what was learned are shared.
    #[must_use]
    pub fn on(&self, transport: &Arc<dyn Transport>) -> Self {
        let site = |site: &Site| {
            let service = Service { transport: Arc::clone(transport), ..site.service.clone() };
            Site { service, tokens: Arc::clone(&site.tokens) }
        };
        Self { sites: self.sites.iter().map(site).collect(), ..self.clone() }
    }

    /// The same client with a share of memory that others have too.
    #[must_use]
    pub fn sharing(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// Asks the service about one image. A panic inside of the call is an error of the call (H18).
    pub async fn detect(&self, mut call: Call) -> Result<Detection> {
        let mut trail = match call.listener.take() {
            Some(listener) => Trail::watched(listener, self.ambient.clone(), call.data_id.clone()),
            None => Trail::new(),
        }
        .guarded(call.gate.take());
        let outcome = Caught::new(self.story(call, &mut trail)).await;
        outcome.unwrap_or_else(|| Err(panicked(trail)))
    }

    async fn story(&self, call: Call, trail: &mut Trail) -> Result<Detection> {
        let started = Instant::now();
        let terms = self.terms(&call);
        let parameters = self.parameters(&call)?;
        let mut warnings = Vec::new();
        if parameters.service.as_str() != SERVICE {
            warnings.push("unknown_service");
        }
        let rule = self.declaration_rule(&call);
        let (ready, evidence) = self.prepare(call.source, rule, terms, &mut warnings).await?;
        if rule.suffices(&evidence) {
            return Ok(declared::detection(parameters, evidence, warnings, started.elapsed()));
        }
        let asked = Asked { ready, parameters, terms };
        let (success, site) = self.moderate_somewhere(&asked, trail, &mut warnings).await?;
        warnings.extend(site.service.experience.identity().notices());
        let found = conclude(success, site, &asked.parameters, trail, warnings, started.elapsed())?;
        Ok(Detection { evidence, ..found })
    }

    fn terms(&self, call: &Call) -> Terms {
        let Settings { timeouts, policy, .. } = &*self.settings;
        let policy = Policy {
            max_retries: call.max_retries.unwrap_or(policy.max_retries),
            on_ambiguous: call.on_ambiguous.unwrap_or(policy.on_ambiguous),
            ..*policy
        };
        Terms::new(call.total_timeout.unwrap_or(timeouts.total), call.timeout.unwrap_or(timeouts.attempt), policy)
    }

    fn parameters(&self, call: &Call) -> Result<Parameters> {
        let settings = &self.settings;
        Ok(Parameters {
            service: ServiceName::parse(call.service.as_deref().unwrap_or(&settings.service))?,
            data_id: call.data_id.as_deref().map(DataId::parse).transpose()?,
            referer: call.referer.as_deref().map(Referer::parse).transpose()?,
            info_type: call.info_type.as_deref().map(InfoType::parse).transpose()?,
        })
    }
}

fn conclude(
    success: Success,
    site: &Site,
    parameters: &Parameters,
    trail: &mut Trail,
    mut warnings: Vec<&'static str>,
    elapsed: Duration,
) -> Result<Detection> {
    let sent = parameters.data_id.as_ref().map(DataId::as_str);
    let finding =
        moderation::read(&success.envelope, sent).map_err(|error| spoiled(success.without_echo(error), trail))?;
    for warning in finding.warnings {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    let (deciding, is_aigc) = moderation::verdict(&finding.labels);
    let body = if trail.is_guarded() { success.body_to_keep() } else { success.body.clone() };
    Ok(Detection {
        label: deciding.map(|label| label.name.clone()),
        is_aigc,
        confidence: deciding.and_then(|label| label.confidence),
        risk_level: finding.risk_level,
        data_id: finding.data_id,
        request_id: success.envelope.request_id,
        service: parameters.service.as_str().to_owned(),
        region: site.service.settings.endpoint.region.clone(),
        engine: success.engine,
        billing: Billing::worst(trail),
        elapsed,
        body,
        raw: success.envelope.body,
        warnings,
        labels: finding.labels,
        attempts: trail.take_attempts(),
        evidence: Vec::new(),
    })
}

/// Nobody knows what a request came to that was under way when its call panicked.
fn panicked(mut trail: Trail) -> Error {
    let error = Error::new(Kind::Internal, "the client failed inside: a panic; please report it");
    if let Some((operation, region)) = trail.take_under_way() {
        let billing = if operation.is_paid() { Billing::PossiblyBilled } else { Billing::NotBilled };
        trail.push(failed(operation, &error.clone().with_billing(billing), region, Duration::ZERO));
    }
    with_trail(error, &trail)
}

/// A success that could not be read: it stays charged, and its attempt says what became of it.
fn spoiled(error: Error, trail: &mut Trail) -> Error {
    trail.amend(error.kind().name());
    with_trail(error, trail)
}

#[cfg(test)]
mod tests;
