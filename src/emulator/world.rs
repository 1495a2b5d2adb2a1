//! Everything that an emulator remembers, behind one lock that is never held while waiting.
use super::answers::Answers;
use super::keys::{self, Key, Keys};
use super::ledger::Ledger;
use super::settings::{Config, Settings};
use crate::ambient::Ambient;
use crate::evidence::Evidence;
use crate::redact::Secret;
use crate::sign;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

/// How long a nonce is remembered, which is how long the documents say that a request is valid.
const NONCE_LIFE: Duration = Duration::from_secs(31 * 60);
/// How long an uploaded image is kept.
const OBJECT_LIFE: Duration = Duration::from_secs(30 * 60);
/// How many seconds temporary credentials are valid unless something else is asked for, as those of STS are.
const TEMPORARY_LIFE: f64 = 3_600.0;
/// How many requests are listed.
const REQUESTS: usize = 1_000;
/// The bucket of temporary uploads.
pub(super) const BUCKET: &str = "oss-cip-emulator";

/// Temporary credentials for uploads under one prefix.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub secret: Secret,
    pub security_token: Secret,
    pub prefix: String,
    /// By the emulator's clock.
    pub expiration: OffsetDateTime,
}

/// What is kept of an image: not its bytes, only what a verdict needs.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    /// The business code of an image that is refused.
    pub refusal: Option<i64>,
    pub evidence: Vec<Evidence>,
    pub sha256: String,
}

#[derive(Debug)]
pub(super) struct World {
    pub config: Config,
    pub settings: Settings,
    pub ambient: Ambient,
    pub ledger: Ledger,
    pub answers: Answers,
    pub keys: Keys,
    tokens: HashMap<String, Token>,
    objects: HashMap<String, (Looked, Duration)>,
    stored: VecDeque<(Duration, String)>,
    nonces: HashSet<String>,
    drawn: VecDeque<(Duration, String)>,
    calls: VecDeque<Instant>,
    requests: VecDeque<Value>,
    seq: u64,
}

impl World {
    pub(super) fn new(config: Config, ambient: Ambient) -> Self {
        Self {
            settings: config.settings.clone(),
            keys: Keys::new(&config.access_key_id, &config.access_key_secret, config.security_token.as_ref()),
            config,
            ambient,
            ledger: Ledger::default(),
            answers: Answers::default(),
            tokens: HashMap::new(),
            objects: HashMap::new(),
            stored: VecDeque::new(),
            nonces: HashSet::new(),
            drawn: VecDeque::new(),
            calls: VecDeque::new(),
            requests: VecDeque::new(),
            seq: 0,
        }
    }

    /// Back to the start, but for the nonces: a captured request must not become valid again.
    pub(super) fn reset(&mut self) {
        let nonces = (std::mem::take(&mut self.nonces), std::mem::take(&mut self.drawn));
        *self = Self::new(self.config.clone(), self.ambient.clone());
        (self.nonces, self.drawn) = nonces;
    }

    /// Adds or changes an access key. One without an id is made up: temporary, with a token, as the credentials service
    /// (STS) would give it out.
    pub(super) fn change_key(&mut self, mut change: keys::Change) -> Result<(String, Key), String> {
        let draw = |world: &mut Self| world.unique().simple().to_string();
        let (id, made) = if let Some(id) = change.access_key_id.take() {
            (id, None)
        } else {
            let id = format!("STS.EMU{}", draw(self).get(..20).unwrap_or_default());
            change.lifetime.get_or_insert(TEMPORARY_LIFE);
            (id, Some((Secret::new(draw(self)), Secret::new(format!("EMU/{}+{}==", draw(self), draw(self))))))
        };
        let now = self.now();
        let key = self.keys.change(&id, change, made, now)?;
        Ok((id, key))
    }

    /// What the emulator's clock shows.
    pub(super) fn now(&self) -> OffsetDateTime {
        self.ambient.utc().saturating_add(time::Duration::saturating_seconds_f64(self.settings.clock_offset))
    }

    /// 32 hexadecimal digits that were never given out before.
    fn unique(&mut self) -> uuid::Uuid {
        let mut random = [0; 16];
        if !self.ambient.random(&mut random) {
            // Without randomness a count still tells one from the other; nothing here is secret.
            self.seq += 1;
            random = (u128::from(self.seq) << 64).to_be_bytes();
        }
        uuid::Builder::from_random_bytes(random).into_uuid()
    }

    pub(super) fn request_id(&mut self) -> String {
        format!("EMU-{}", self.unique().hyphenated().encode_upper(&mut uuid::Uuid::encode_buffer()))
    }

    /// Whether a nonce is new. It is remembered from now on.
    pub(super) fn draw(&mut self, access_key_id: &str, nonce: &str) -> bool {
        let now = self.ambient.now();
        while self.drawn.front().is_some_and(|(at, _)| *at + NONCE_LIFE < now) {
            if let Some((_, old)) = self.drawn.pop_front() {
                self.nonces.remove(&old);
            }
        }
        let key = format!("{access_key_id}\n{nonce}");
        if !self.nonces.insert(key.clone()) {
            return false;
        }
        self.drawn.push_back((now, key));
        true
    }

    /// Whether one more call fits into the last second.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let limit = self.settings.qps as usize;
        if limit == 0 {
            return true;
        }
        while self.calls.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
            self.calls.pop_front();
        }
        if self.calls.len() >= limit {
            return false;
        }
        self.calls.push_back(now);
        true
    }

    /// New temporary credentials: their id, and the rest.
    pub(super) fn issue_token(&mut self) -> (String, Token) {
        let draw = |world: &mut Self| world.unique().simple().to_string();
        let id = format!("STS.EMU{}", draw(self).get(..20).unwrap_or_default());
        let token = Token {
            secret: Secret::new(draw(self)),
            security_token: Secret::new(format!("EMU/{}+{}==", draw(self), draw(self))),
            prefix: format!("upload/{}/", draw(self).get(..7).unwrap_or_default()),
            expiration: self.now() + self.settings.token_lifetime,
        };
        let now = self.now();
        self.tokens.retain(|_, token| token.expiration + OBJECT_LIFE > now);
        self.tokens.insert(id.clone(), token.clone());
        (id, token)
    }

    pub(super) fn token(&self, access_key_id: &str) -> Option<&Token> {
        self.tokens.get(access_key_id)
    }

    pub(super) fn store(&mut self, key: String, looked: Looked) {
        let now = self.ambient.now();
        while self.stored.front().is_some_and(|(at, _)| *at + OBJECT_LIFE < now) {
            if let Some((at, old)) = self.stored.pop_front() {
                // An object that was written again lives on.
                if self.objects.get(&old).is_some_and(|(_, written)| *written == at) {
                    self.objects.remove(&old);
                }
            }
        }
        self.stored.push_back((now, key.clone()));
        self.objects.insert(key, (looked, now));
    }

    /// Loses an object, as storage may.
    pub(super) fn lose(&mut self, key: &str) {
        self.objects.remove(key);
    }

    pub(super) fn object(&self, key: &str) -> Option<&Looked> {
        let (looked, written) = self.objects.get(key)?;
        (*written + OBJECT_LIFE >= self.ambient.now()).then_some(looked)
    }

    /// Lists a request, the newest last.
    pub(super) fn note(&mut self, mut request: Value) {
        self.seq += 1;
        if let Some(fields) = request.as_object_mut() {
            fields.insert("seq".to_owned(), json!(self.seq));
            fields.insert("time".to_owned(), json!(sign::iso_date(self.now())));
        }
        if self.requests.len() == REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    pub(super) fn requests(&self) -> Value {
        Value::Array(self.requests.iter().cloned().collect())
    }
}
