//! What a client can be told, checked when it is told.
use crate::credential::Provider;
use crate::error::{Error, Kind, Result};
use crate::evidence::{Precheck, Sources};
use crate::pace::Scope;
use crate::redact::Secret;
use crate::region::Endpoint;
use crate::retry::Policy;
use std::path::PathBuf;
use std::time::Duration;

/// How calls are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    Acs3,
    HmacSha1,
}

impl Signature {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "acs3-hmac-sha256" => Ok(Self::Acs3),
            "hmac-sha1" => Ok(Self::HmacSha1),
            _ => Err(refuse("signature", "'acs3-hmac-sha256' (default) or 'hmac-sha1'")),
        }
    }
}

/// How uploads are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadSignature {
    V4,
    V1,
}

impl UploadSignature {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "v4" => Ok(Self::V4),
            "v1" => Ok(Self::V1),
            _ => Err(refuse("upload_signature", "'v4' (default) or 'v1'")),
        }
    }
}

/// The time-outs of a client; each can be given per client, two of them per call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, connection and TLS handshake.
    pub connect: Duration,
    /// One request, from asking for a connection to the last byte of the answer.
    pub attempt: Duration,
    /// The whole call, reading and uploading a local image included.
    pub total: Duration,
    /// How long a connection is kept for the next call. The service closes its side after 25 s.
    pub idle: Duration,
}

/// The longest time-out that is accepted, a day: beyond it a number is a mistake (milliseconds?).
const LONGEST: f64 = 86_400.0;

/// Reads a time-out in seconds (H04).
pub fn seconds(name: &str, value: f64) -> Result<Duration> {
    if value.is_finite() && value > 0.0 && value <= LONGEST {
        Ok(Duration::from_secs_f64(value))
    } else {
        Err(refuse(name, "a number of seconds above 0 and at most 86400"))
    }
}

fn refuse(name: &str, wanted: &str) -> Error {
    Error::new(Kind::Config, format!("{name} must be {wanted}"))
}

/// How to get out to the network.
#[derive(Debug, Clone)]
pub struct Network {
    /// A proxy given in code, which wins over the environment. May hold a password, hence a secret.
    pub proxy: Option<Secret>,
    /// Whether `HTTPS_PROXY`, `NO_PROXY`, `REQUESTS_CA_BUNDLE` and their like are honoured.
    pub trust_env: bool,
    /// Certificates to trust besides the operating system's, PEM.
    pub ca_file: Option<PathBuf>,
    pub user_agent: String,
}

/// Everything that stays the same over a client's calls.
#[derive(Debug, Clone)]
pub struct Settings {
    pub endpoint: Endpoint,
    /// Where else to ask while the endpoint is not well, in order.
    pub failover: Vec<Endpoint>,
    /// Whether uploads take the token's internal endpoint.
    pub vpc: bool,
    pub provider: Provider,
    pub signature: Signature,
    pub upload_signature: UploadSignature,
    /// A free string: the console's "copy a service" makes names of its own.
    pub service: String,
    /// What is done about what a local image declares of itself, before it is asked about.
    pub precheck: Precheck,
    /// Whose declaration saves the call, where one does.
    pub skip_sources: Sources,
    pub timeouts: Timeouts,
    pub policy: Policy,
    /// Paid calls a second; `None` for no pace.
    pub qps: Option<f64>,
    /// Who shares that pace.
    pub pace: Scope,
    pub network: Network,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H04.
    #[test]
    fn a_time_out_is_a_positive_finite_number_of_seconds() {
        assert_eq!(seconds("timeout", 0.25).unwrap(), Duration::from_millis(250));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(seconds("timeout", bad).unwrap_err().kind(), Kind::Config, "{bad}");
        }
    }

    #[test]
    fn an_unknown_signature_names_the_known_ones() {
        assert_eq!(Signature::parse("hmac-sha1").unwrap(), Signature::HmacSha1);
        assert!(Signature::parse("v2").unwrap_err().message().contains("hmac-sha1"));
        assert!(UploadSignature::parse("4").unwrap_err().message().contains("'v4'"));
    }
}
