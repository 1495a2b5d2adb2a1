//! Credentials: an access key pair, with a security token where they are temporary; and the places that may have them.
mod provider;

pub use provider::{OidcRole, Provider, Role, Sts, Supply};

use crate::error::{Error, Kind, Result};
use crate::redact::{self, Secret};
use std::fmt;
use std::time::Duration;

/// One consistent set: the key pair and, if temporary, the token that belongs to it.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub access_key_secret: Secret,
    pub security_token: Option<Secret>,
    /// Since the Unix epoch; `None` where nobody said that they end.
    pub expiration: Option<Duration>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &redact::access_key_id(&self.access_key_id))
            .field("access_key_secret", &self.access_key_secret)
            .field("security_token", &self.security_token)
            .field("expiration", &self.expiration)
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
            expiration: None,
        })
    }

    /// The same, with the time at which they end.
    #[must_use]
    pub fn until(mut self, expiration: Option<Duration>) -> Self {
        self.expiration = expiration;
        self
    }

    /// Whether these are the other's id, secret and token.
    pub fn is_same(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id && self.secrets() == other.secrets()
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
}
