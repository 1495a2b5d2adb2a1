//! Credentials: an access key pair, with a security token where they are temporary.
use crate::ambient::Ambient;
use crate::error::{Error, Kind, Result};
use crate::redact::{self, Secret};
use std::fmt;

/// The environment variables of Alibaba Cloud's own tools.
pub const ACCESS_KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
pub const ACCESS_KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
pub const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// One consistent set: the key pair and, if temporary, the token that belongs to it.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub access_key_secret: Secret,
    pub security_token: Option<Secret>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &redact::access_key_id(&self.access_key_id))
            .field("access_key_secret", &self.access_key_secret)
            .field("security_token", &self.security_token)
            .finish()
    }
}

impl Credentials {
    /// Refuses what copying and pasting gets wrong (A02) and what could smuggle a header (A03).
    pub fn new(access_key_id: &str, access_key_secret: &str, security_token: Option<&str>) -> Result<Self> {
        check("access key id", access_key_id)?;
        check("access key secret", access_key_secret)?;
        if let Some(token) = security_token {
            check("security token", token)?;
        }
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            access_key_secret: Secret::new(access_key_secret),
            security_token: security_token.map(Secret::new),
        })
    }

    /// From the environment, read now. No variable set: `None`. Half of a pair set: an error, since going on to another
    /// source would use an identity that the user did not mean.
    pub fn from_environment(ambient: &Ambient) -> Result<Option<Self>> {
        match (ambient.variable(ACCESS_KEY_ID), ambient.variable(ACCESS_KEY_SECRET)) {
            (Some(id), Some(secret)) => Self::new(&id, &secret, ambient.variable(SECURITY_TOKEN).as_deref()).map(Some),
            (None, None) => Ok(None),
            (id, _) => {
                let (set, missing) = match id {
                    Some(_) => (ACCESS_KEY_ID, ACCESS_KEY_SECRET),
                    None => (ACCESS_KEY_SECRET, ACCESS_KEY_ID),
                };
                Err(Error::new(
                    Kind::CredentialsNotFound,
                    format!("{set} is set but {missing} is not; set both or neither"),
                ))
            }
        }
    }

    /// The values that must never appear in a text.
    pub fn secrets(&self) -> Vec<&str> {
        let mut secrets = vec![self.access_key_secret.expose()];
        secrets.extend(self.security_token.as_ref().map(Secret::expose));
        secrets
    }
}

fn check(what: &str, value: &str) -> Result<()> {
    let problem = if value.is_empty() {
        "is empty"
    } else if value.trim() != value {
        "starts or ends with white space (copied with a line end?)"
    } else if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        "contains a space, a control or a non-ASCII character"
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Config, format!("the {what} {problem}; check how it was copied")))
}

/// What to say when no source had credentials (A01): what was tried, and the ways out.
pub fn not_found() -> Error {
    Error::new(
        Kind::CredentialsNotFound,
        format!(
            "no credentials found; tried: credentials= (not given), environment ({ACCESS_KEY_ID} and {ACCESS_KEY_SECRET} are \
             not set). Ways out: set both variables; pass credentials=aigclens.Credentials(...); or try without an account on \
             the emulator: aigclens.Client.local(), or 'aigclens demo' in a shell"
        ),
    )
}

/// Where a client takes its credentials from. Asked at each use, so that nothing is read at import or construction.
#[derive(Debug, Clone)]
pub enum Provider {
    Explicit(Credentials),
    Environment,
}

impl Provider {
    /// A consistent set for one attempt.
    pub fn provide(&self, ambient: &Ambient) -> Result<Credentials> {
        match self {
            Self::Explicit(credentials) => Ok(credentials.clone()),
            Self::Environment => Credentials::from_environment(ambient)?.ok_or_else(not_found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A02, A03.
    #[test]
    fn copied_white_space_and_header_injection_are_refused_without_echoing_the_value() {
        for bad in ["", " hunter2", "hunter2\n", "hun\r\nter2", "hun ter2", "huntér2"] {
            let error = Credentials::new("id", bad, None).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(!error.message().contains("hun"), "{error}");
            assert_eq!(Credentials::new(bad, "s", None).unwrap_err().kind(), Kind::Config);
            assert_eq!(Credentials::new("id", "s", Some(bad)).unwrap_err().kind(), Kind::Config);
        }
    }

    /// A01.
    #[test]
    fn the_environment_is_asked_at_use_and_the_error_names_the_ways_out() {
        let empty = Ambient::fixed(0, &[]);
        let error = Provider::Environment.provide(&empty).unwrap_err();
        assert_eq!(error.kind(), Kind::CredentialsNotFound);
        for part in [ACCESS_KEY_ID, ACCESS_KEY_SECRET, "credentials=", "Client.local()", "aigclens demo"] {
            assert!(error.message().contains(part), "{part} is missing in: {error}");
        }
        let set = Ambient::fixed(0, &[(ACCESS_KEY_ID, "id"), (ACCESS_KEY_SECRET, "secret"), (SECURITY_TOKEN, "token")]);
        let credentials = Provider::Environment.provide(&set).unwrap();
        assert_eq!(credentials.secrets(), ["secret", "token"]);
        assert!(!format!("{credentials:?}").contains("secret\""));
    }

    #[test]
    fn half_a_pair_is_an_error_and_no_silent_fallback() {
        let half = Ambient::fixed(0, &[(ACCESS_KEY_SECRET, "hunter2hunter2")]);
        let error = Provider::Environment.provide(&half).unwrap_err();
        assert!(error.message().contains(ACCESS_KEY_ID) && !error.message().contains("hunter2"));
    }
}
