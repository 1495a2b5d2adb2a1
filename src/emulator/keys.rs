//! The access keys that the emulator knows. There is one at the start; others can be added, switched off, rotated and left
//! to expire while it runs, as they are for an account.
use super::reply::Refusal;
use super::settings::REAL_KEY;
use crate::credential::Credentials;
use crate::redact::Secret;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};

/// One access key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub secret: Secret,
    /// If set, every call must carry it.
    pub security_token: Option<Secret>,
    /// By the emulator's clock; nothing for a key that lasts.
    pub expiration: Option<OffsetDateTime>,
    pub is_active: bool,
}

/// What is to be changed about a key, or a new one. What is not given stays as it is.
#[allow(clippy::option_option, reason = "`null` is something else than not given")]
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Temporary credentials with names of the emulator's own are made if there is none.
    pub access_key_id: Option<String>,
    access_key_secret: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    security_token: Option<Option<String>>,
    active: Option<bool>,
    /// Seconds from now on.
    pub lifetime: Option<f64>,
}

/// Tells `null` from not given.
#[allow(clippy::option_option, reason = "`null` is something else than not given")]
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Debug)]
pub(super) struct Keys {
    main: String,
    keys: BTreeMap<String, Key>,
}

impl Keys {
    pub(super) fn new(id: &str, secret: &Secret, security_token: Option<&Secret>) -> Self {
        let key =
            Key { secret: secret.clone(), security_token: security_token.cloned(), expiration: None, is_active: true };
        Self { main: id.to_owned(), keys: BTreeMap::from([(id.to_owned(), key)]) }
    }

    /// The key that the emulator was started with.
    pub(super) fn main(&self) -> Option<(&str, &Key)> {
        self.keys.get(&self.main).map(|key| (self.main.as_str(), key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Key)> {
        self.keys.iter()
    }

    /// The key of a call, if it may be used with this token at this time.
    pub(super) fn find(&self, id: &str, token: Option<&str>, now: OffsetDateTime) -> Result<&Key, Refusal> {
        let Some(key) = self.keys.get(id) else {
            return Err(Refusal::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."));
        };
        if !key.is_active {
            return Err(Refusal::new(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled."));
        }
        let wanted = key.security_token.as_ref().map(Secret::expose);
        match (wanted, token) {
            (Some(_), None) => {
                let message = "SecurityToken is mandatory for this action.";
                return Err(Refusal::new(400, "MissingSecurityToken", message));
            }
            (wanted, given) if wanted != given => {
                let message = "The security token does not belong to this access key.";
                return Err(Refusal::new(400, "InvalidSecurityToken.Malformed", message));
            }
            _ => {}
        }
        if key.expiration.is_some_and(|expiration| expiration <= now) {
            return Err(Refusal::new(400, "InvalidSecurityToken.Expired", "Specified security token is expired."));
        }
        Ok(key)
    }

    /// Adds or changes a key, whole or not at all. What was `made` is for one that says nothing itself.
    pub(super) fn change(
        &mut self,
        id: &str,
        change: Change,
        made: Option<(Secret, Secret)>,
        now: OffsetDateTime,
    ) -> Result<Key, String> {
        let (made_secret, made_token) = made.unzip();
        let old = self.keys.get(id);
        let secret = change.access_key_secret.map(Secret::new).or_else(|| old.map(|key| key.secret.clone()));
        let secret = secret.or(made_secret).ok_or("keys: a new key needs an access_key_secret")?;
        let security_token = match change.security_token {
            Some(token) => token.map(Secret::new),
            None => old.and_then(|key| key.security_token.clone()).or(made_token),
        };
        if id.starts_with(REAL_KEY) {
            return Err("keys: this looks like the id of a real access key, which an emulator must not be given".into());
        }
        Credentials::new(id, secret.expose(), security_token.as_ref().map(Secret::expose))
            .map_err(|error| error.message().to_owned())?;
        let expiration = match change.lifetime {
            None => old.and_then(|key| key.expiration),
            Some(seconds) if (0.0..=1e9).contains(&seconds) => {
                now.checked_add(Duration::saturating_seconds_f64(seconds))
            }
            Some(_) => return Err("keys: lifetime is a number of seconds from 0 to 1,000,000,000".into()),
        };
        let is_active = change.active.unwrap_or_else(|| old.is_none_or(|key| key.is_active));
        let key = Key { secret, security_token, expiration, is_active };
        self.keys.insert(id.to_owned(), key.clone());
        Ok(key)
    }
}
