//! What can be said to an emulator, at its start and while it runs: one JSON object, its keys named here alone.
use crate::error::{Error, Kind, Result};
use crate::price;
use crate::redact::Secret;
use serde::Deserialize;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;

/// The key pair that the emulator knows unless another is given. It is no secret: it opens nothing else.
pub const ACCESS_KEY_ID: &str = "emulator-access-key-id";
pub const ACCESS_KEY_SECRET: &str = "emulator-access-key-secret";
/// What the id of a real access key begins with.
pub(super) const REAL_KEY: &str = "LTAI";

/// How a call too many is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThrottleShape {
    /// As the service does: code 403 inside of an HTTP 200.
    Body,
    /// As the gateway does: HTTP 400 with `Throttling.User`.
    Gateway,
}

/// Who decides about an image that no scripted answer is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Judge {
    /// What the image declares about itself.
    Provenance,
    /// A verdict drawn from the hash of the image: always the same for the same bytes.
    Hash,
    /// Always this.
    Fixed { label: String, confidence: Option<f64> },
}

impl Judge {
    /// Whether the verdict depends on what is in the image.
    pub const fn reads_images(&self) -> bool {
        matches!(self, Self::Provenance)
    }
}

impl<'de> Deserialize<'de> for Judge {
    /// By hand: numbers of any precision and serde's untagged enums do not go together.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let fixed = || {
            let fields =
                value.as_object().filter(|fields| fields.keys().all(|key| key == "label" || key == "confidence"))?;
            let label = fields.get("label")?.as_str().filter(|label| !label.is_empty())?;
            let confidence = match fields.get("confidence") {
                None | Some(Value::Null) => None,
                Some(number) => Some(number.as_f64().filter(|number| (0.0..=100.0).contains(number))?),
            };
            Some(Self::Fixed { label: label.to_owned(), confidence })
        };
        match value.as_str() {
            Some("provenance") => Ok(Self::Provenance),
            Some("hash") => Ok(Self::Hash),
            _ => fixed().ok_or_else(|| {
                serde::de::Error::custom("judge is 'provenance', 'hash' or {\"label\": ..., \"confidence\": 0 to 100}")
            }),
        }
    }
}

/// What a request may change. A key that is not given stays as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub qps: Option<u32>,
    pub throttle_shape: Option<ThrottleShape>,
    pub account_ready: Option<bool>,
    pub ugc_label: Option<bool>,
    pub judge: Option<Judge>,
    pub clock_offset: Option<f64>,
    pub token_lifetime: Option<f64>,
    pub fetch_timeout: Option<f64>,
    pub refuse_v1: Option<bool>,
}

/// What holds while the emulator runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Answered calls in any second; 0 for no limit.
    pub qps: u32,
    pub throttle_shape: ThrottleShape,
    /// Whether the account may call: `false` answers 408.
    pub account_ready: bool,
    /// Whether the label `ugc` is switched on, as it can be in the service's console.
    pub ugc_label: bool,
    pub judge: Judge,
    /// How far the emulator's clock is ahead of this machine's, in seconds.
    pub clock_offset: f64,
    pub token_lifetime: Duration,
    /// How long a download of an image may take.
    pub fetch_timeout: Duration,
    /// Whether uploads signed with OSS V1 are refused, as new accounts and buckets do.
    pub refuse_v1: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            qps: 100,
            throttle_shape: ThrottleShape::Body,
            account_ready: true,
            ugc_label: false,
            judge: Judge::Provenance,
            clock_offset: 0.0,
            token_lifetime: Duration::from_secs(3600),
            fetch_timeout: Duration::from_secs(3),
            refuse_v1: false,
        }
    }
}

fn invalid(message: impl std::fmt::Display) -> Error {
    Error::new(Kind::Config, format!("emulator: {message}"))
}

fn seconds(name: &str, value: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(value) {
        Ok(duration) if value <= 1e9 => Ok(duration),
        _ => Err(invalid(format_args!("{name} is a number of seconds from 0 to 1,000,000,000"))),
    }
}

impl Settings {
    /// Takes a change over, whole or not at all.
    pub fn apply(&mut self, change: Change) -> Result<()> {
        let mut next = self.clone();
        if let Some(offset) = change.clock_offset {
            if !(-1e9..=1e9).contains(&offset) {
                return Err(invalid("clock_offset is a number of seconds within 1,000,000,000 of 0"));
            }
            next.clock_offset = offset;
        }
        if let Some(lifetime) = change.token_lifetime {
            next.token_lifetime = seconds("token_lifetime", lifetime)?;
        }
        if let Some(timeout) = change.fetch_timeout {
            next.fetch_timeout = seconds("fetch_timeout", timeout)?;
        }
        next.qps = change.qps.unwrap_or(next.qps);
        next.throttle_shape = change.throttle_shape.unwrap_or(next.throttle_shape);
        next.account_ready = change.account_ready.unwrap_or(next.account_ready);
        next.ugc_label = change.ugc_label.unwrap_or(next.ugc_label);
        next.judge = change.judge.unwrap_or(next.judge);
        next.refuse_v1 = change.refuse_v1.unwrap_or(next.refuse_v1);
        *self = next;
        Ok(())
    }
}

/// What is fixed once an emulator has started.
#[derive(Debug, Clone)]
pub struct Config {
    pub host: IpAddr,
    /// 0 picks a free one.
    pub port: u16,
    pub access_key_id: String,
    pub access_key_secret: Secret,
    /// If set, every call must carry it.
    pub security_token: Option<Secret>,
    /// What an answered call costs in the ledger, in millionths of a dollar.
    pub micro_dollars: u64,
    pub settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    host: Option<String>,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    allow_non_loopback: bool,
    access_key_id: Option<String>,
    access_key_secret: Option<String>,
    security_token: Option<String>,
    micro_dollars: Option<u64>,
    #[serde(default)]
    settings: Change,
}

impl Config {
    /// Reads the start's object. Whatever is not loopback must be asked for by name, and a key that looks real is refused.
    pub fn parse(json: &str) -> Result<Self> {
        let start: Start = serde_json::from_str(json).map_err(invalid)?;
        let host = match start.host.as_deref() {
            None | Some("localhost") => IpAddr::from([127, 0, 0, 1]),
            Some(text) => text.parse().map_err(|_| invalid("host is an IP address, such as 127.0.0.1"))?,
        };
        if !host.is_loopback() && !start.allow_non_loopback {
            return Err(invalid("host is not a loopback address; allow_non_loopback says that this is meant"));
        }
        let access_key_id = start.access_key_id.unwrap_or_else(|| ACCESS_KEY_ID.to_owned());
        if access_key_id.starts_with(REAL_KEY) {
            return Err(invalid("this looks like the id of a real access key, which an emulator must not be given"));
        }
        let secret = start.access_key_secret.unwrap_or_else(|| ACCESS_KEY_SECRET.to_owned());
        crate::credential::Credentials::new(&access_key_id, &secret, start.security_token.as_deref())?;
        let mut settings = Settings::default();
        settings.apply(start.settings)?;
        Ok(Self {
            host,
            port: start.port,
            access_key_id,
            access_key_secret: Secret::new(secret),
            security_token: start.security_token.map(Secret::new),
            micro_dollars: start.micro_dollars.unwrap_or(price::LIST.micro_dollars),
            settings,
        })
    }
}
