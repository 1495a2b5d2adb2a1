//! The options of a client: one dictionary from Python, checked whole before anything is made of it.
use super::identity;
use crate::ambient::Ambient;
use crate::client::ImageRules;
use crate::config::{Network, Settings, Signature, Timeouts, UploadSignature, seconds};
use crate::error::{Error, Kind, Result as Outcome};
use crate::evidence::{Precheck, Sources};
use crate::image::{CheckImage, Limits, ServiceName, UrlPolicy};
use crate::pace;
use crate::redact::Secret;
use crate::region::Endpoint;
use crate::retry::{self, OnAmbiguous, Policy};
use pyo3::prelude::*;
use std::path::PathBuf;

/// `aigclens.client.ClientOptions`, each of them given.
#[derive(FromPyObject)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option that Python names")]
#[pyo3(from_item_all)]
pub struct Options {
    region: Option<String>,
    endpoint: Option<String>,
    vpc: bool,
    failover: Vec<String>,
    /// A provider as `aigclens.credentials` describes it.
    credentials: Py<PyAny>,
    signature: String,
    upload_signature: String,
    service: String,
    connect_timeout: f64,
    timeout: f64,
    total_timeout: f64,
    idle_timeout: f64,
    max_retries: i64,
    on_ambiguous: String,
    qps: Option<f64>,
    pace: String,
    i_have_a_higher_quota: bool,
    proxy: Option<String>,
    trust_env: bool,
    ca_file: Option<PathBuf>,
    check_image: String,
    /// Bytes, side, pixels, side of HEIC.
    image_limits: Option<(u64, u32, u64, u32)>,
    allow_private_urls: Option<bool>,
    encode_url: bool,
    user_agent: Option<String>,
    precheck: String,
    skip_sources: Option<Vec<String>>,
}

impl Options {
    /// What they mean; the first that is wrong is the error.
    pub fn read(self, py: Python<'_>, ambient: &Ambient) -> Outcome<(Settings, ImageRules)> {
        let endpoint = Endpoint::resolve(self.region.as_deref(), self.vpc, self.endpoint.as_deref(), ambient)?;
        // Where the environment points every client to an emulator, none of them leaves it.
        let is_led = self.endpoint.is_none() && endpoint.is_loopback;
        let failover = if is_led { Vec::new() } else { failover(&self.failover, self.vpc, &endpoint)? };
        let rules = ImageRules {
            check: CheckImage::parse(&self.check_image)?,
            limits: limits(self.image_limits),
            urls: UrlPolicy {
                // The emulator fetches from this machine; the real service could not, and would learn a private URL.
                allow_private: self.allow_private_urls.unwrap_or(endpoint.is_loopback),
                encode: self.encode_url,
            },
        };
        ServiceName::parse(&self.service).map_err(|error| Error::new(Kind::Config, error.message()))?;
        let settings = Settings {
            endpoint,
            failover,
            vpc: self.vpc,
            provider: identity::provider(self.credentials.bind(py))?,
            signature: Signature::parse(&self.signature)?,
            upload_signature: UploadSignature::parse(&self.upload_signature)?,
            service: self.service,
            precheck: Precheck::parse(&self.precheck)?,
            skip_sources: self.skip_sources.map_or_else(|| Ok(Sources::default()), Sources::parse)?,
            timeouts: Timeouts {
                connect: seconds("connect_timeout", self.connect_timeout)?,
                attempt: seconds("timeout", self.timeout)?,
                total: seconds("total_timeout", self.total_timeout)?,
                idle: seconds("idle_timeout", self.idle_timeout)?,
            },
            policy: Policy {
                max_retries: retry::max_retries(self.max_retries)?,
                on_ambiguous: OnAmbiguous::parse(&self.on_ambiguous)?,
                gives_way: false,
            },
            qps: self.qps.map(|value| pace::qps(value, self.i_have_a_higher_quota)).transpose()?,
            pace: pace::Scope::parse(&self.pace)?,
            network: Network {
                proxy: self.proxy.map(Secret::new),
                trust_env: self.trust_env,
                ca_file: self.ca_file,
                user_agent: agent(self.user_agent)?,
            },
        };
        Ok((settings, rules))
    }
}

/// Where else to ask; a region twice would be asked twice for one outage.
fn failover(names: &[String], vpc: bool, endpoint: &Endpoint) -> Outcome<Vec<Endpoint>> {
    let mut known = vec![endpoint.authority.clone()];
    let mut others = Vec::new();
    for name in names {
        let other = Endpoint::elsewhere(name, vpc)?;
        if known.contains(&other.authority) {
            return Err(Error::new(
                Kind::Config,
                format!("failover names {} twice, or the client's own", other.name()),
            ));
        }
        if other.is_loopback != endpoint.is_loopback {
            let message = format!("failover names {}, which is no place to go from {}", other.name(), endpoint.name());
            return Err(Error::new(Kind::Config, format!("{message}: one is on this machine, the other is not")));
        }
        known.push(other.authority.clone());
        others.push(other);
    }
    Ok(others)
}

/// The documented limits, or those that the user has.
fn limits(given: Option<(u64, u32, u64, u32)>) -> Limits {
    given.map_or_else(Limits::default, |(max_bytes, max_side, max_pixels, heic_max_side)| Limits {
        max_bytes,
        max_side,
        max_pixels,
        heic_max_side,
        ..Limits::default()
    })
}

/// The product's name first, what the user adds behind it. A header of the user's own making is refused (A03).
fn agent(addition: Option<String>) -> Outcome<String> {
    let own = format!("aigclens/{} ({}; {})", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    match addition {
        None => Ok(own),
        Some(text) if !text.is_empty() && text.bytes().all(|byte| (32..127).contains(&byte)) => {
            Ok(format!("{own} {text}"))
        }
        Some(_) => Err(Error::new(Kind::Config, "user_agent must be printable ASCII on one line")),
    }
}
