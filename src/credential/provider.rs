//! Where credentials may come from, as a description: nothing here reads or asks. `identity` does.
use super::Credentials;
use crate::error::{Error, Kind, Result};
use crate::region::{self, Endpoint};
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

/// A place to take credentials from. Asked at use, so that nothing is read at import or construction.
#[derive(Debug, Clone)]
pub enum Provider {
    /// Given in code.
    Explicit(Credentials),
    /// The first place that has some, in the order that `identity::chain` tells.
    Chain,
    Environment,
    /// A profile of `config.json` or `credentials.ini`: the default files, or one file of either kind.
    Profile {
        name: Option<String>,
        path: Option<PathBuf>,
    },
    /// The role of the ECS instance; without a name the one that the metadata service names.
    EcsRole {
        role: Option<String>,
        endpoint: Option<Endpoint>,
    },
    AssumeRole {
        role: Role,
        source: Box<Provider>,
    },
    Oidc(OidcRole),
    /// An address that answers with credentials; `None` is the one that the environment names.
    Uri(Option<String>),
    /// The program's own function.
    Custom(Arc<dyn Supply>),
}

/// The program's own source of credentials. It may block: it is given a thread of its own.
pub trait Supply: Debug + Send + Sync {
    fn supply(&self) -> Result<Credentials>;
}

/// How to reach STS, which gives temporary credentials. What is not said is read from the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sts {
    pub region: Option<String>,
    pub vpc: Option<bool>,
    pub endpoint: Option<Endpoint>,
}

impl Sts {
    pub fn new(region: Option<String>, vpc: Option<bool>, endpoint: Option<&str>) -> Result<Self> {
        if let Some(region) = &region {
            region::check_region_id(region)?;
        }
        Ok(Self { region, vpc, endpoint: endpoint.map(Endpoint::parse).transpose()? })
    }
}

/// The session of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Without one, that of `ALIBABA_CLOUD_ROLE_ARN`.
    pub arn: Option<String>,
    /// Without one, that of `ALIBABA_CLOUD_ROLE_SESSION_NAME`, or a name of our own.
    pub session_name: Option<String>,
    /// Seconds; STS takes 900 up to what the role allows.
    pub duration: Option<u64>,
    pub policy: Option<String>,
    pub external_id: Option<String>,
    pub sts: Sts,
}

impl Role {
    /// The length of a session when nobody says: an hour, as Alibaba Cloud's own packages ask for.
    pub const DURATION: u64 = 3_600;

    /// The length of the session, checked.
    pub fn seconds(&self) -> Result<u64> {
        match self.duration.unwrap_or(Self::DURATION) {
            seconds @ 900..=43_200 => Ok(seconds),
            other => Err(Error::new(
                Kind::Config,
                format!("a role's session lasts 900 to 43200 seconds, not {other}; change its duration"),
            )),
        }
    }
}

/// The session of a role that is had for a token of an identity provider (a pod of Kubernetes, mostly).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OidcRole {
    pub role: Role,
    /// Without one, that of `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`.
    pub provider_arn: Option<String>,
    /// Without one, that of `ALIBABA_CLOUD_OIDC_TOKEN_FILE`. Read anew for every session.
    pub token_file: Option<PathBuf>,
}
