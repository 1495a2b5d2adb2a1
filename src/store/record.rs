//! What a store remembers, as nouns: questions, contents, intents, answers.
use crate::attempt::{Attempt, Billing};
use crate::detection::{Engine, Label};
use crate::error::Kind;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// What is asked, and where. An answer counts for the same question only: neither another service nor another endpoint,
/// and so no emulator, can stand in for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    pub service: String,
    /// `https://host`, or an emulator's `http://127.0.0.1:port`.
    pub endpoint: String,
    /// Empty where nothing further is asked for.
    pub info_type: String,
    /// Whether the endpoint is on this machine: what is spent there is no money.
    pub is_loopback: bool,
}

/// What a content is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum By {
    /// BLAKE3 of the bytes of a local image.
    Bytes,
    /// BLAKE3 of the URL's text: the bytes behind it are not known here.
    Url,
    /// BLAKE3 of `bucket/key` and region of an object.
    Oss,
}

impl By {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Url => "url",
            Self::Oss => "oss",
        }
    }
}

/// The name of a content, whatever its file or place is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    pub by: By,
    pub hash: [u8; 32],
}

impl Hash for Fingerprint {
    /// A part of it is enough for a table: it is as good as random.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (parts, _) = self.hash.as_chunks::<16>();
        state.write(parts.first().map_or(&[], |part| part));
    }
}

/// One input: the user's own name for it, and where it is. Shared, since it is written down and handed on at each step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item {
    pub key: Arc<str>,
    pub source: Arc<str>,
}

/// The service's answer about a content.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub label: Option<String>,
    pub is_aigc: Option<bool>,
    pub confidence: Option<f64>,
    pub risk_level: Option<String>,
    pub labels: Vec<Label>,
    pub warnings: Vec<String>,
    pub evidence: Vec<String>,
    pub request_id: Option<String>,
    pub service: String,
    pub region: Option<String>,
    pub engine: Engine,
    /// What the call cost over all of its attempts.
    pub billing: Billing,
    pub attempts: u32,
    pub latency: Duration,
    /// When the answer was received, since the epoch.
    pub at: Duration,
    /// The answer's body, byte for byte as it was received (without secrets that it may echo).
    pub raw: Vec<u8>,
}

/// A call that ended without an answer that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub kind: Kind,
    /// The service's code, where there was one.
    pub code: Option<String>,
    /// One line.
    pub message: String,
    pub request_id: Option<String>,
    pub billing: Billing,
    pub attempts: u32,
    pub evidence: Vec<String>,
    pub at: Duration,
    /// A body that was paid for and cannot be read is kept all the same.
    pub raw: Option<Vec<u8>>,
}

impl Failure {
    /// The service's code, or else the error's own name.
    pub fn error_code(&self) -> &str {
        self.code.as_deref().unwrap_or_else(|| self.kind.name())
    }
}

/// How one call about a content ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Answered(Arc<Answer>),
    Failed(Arc<Failure>),
    /// Nothing is decided: an outage, or the scan was stopped before the paid request. Attempts still count.
    Open,
}

/// What a store knows of a content.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    Nothing,
    Answered(Box<Past<Answer>>),
    Failed(Box<Past<Failure>>),
    /// A request was sent, or was about to be, whose outcome nobody knows (a crash), and none has answered since. What
    /// this run itself has no answer to is [`Self::Failed`] for the rest of it.
    Unresolved {
        tries: u32,
    },
}

/// Something that was settled, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Past<T> {
    pub what: T,
    /// The key of the item that was asked about first.
    pub first_key: String,
    /// Whether this run settled it.
    pub is_of_this_run: bool,
    /// Calls that were made about this content, over all runs, and ended in failure or doubt.
    pub tries: u32,
}

/// An intent that was written: a paid request may be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intent(pub i64);

/// A paid request that is about to be made.
#[derive(Debug, Clone)]
pub struct Intention {
    pub fingerprint: Fingerprint,
    pub item: Item,
    /// The intents of this call that were written before, and what became of them as far as it is known: written down in
    /// the same transaction.
    pub before: Vec<(Intent, Attempt)>,
    /// Millionths of a dollar that it may cost.
    pub price: u64,
    /// The last four characters of the access key's id, or fewer.
    pub key_suffix: String,
}

/// The end of a call: what became of its intents, and of the content.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub fingerprint: Fingerprint,
    pub item: Item,
    /// Each intent of the call with its attempt; `None` for one whose request was never sent.
    pub intents: Vec<(Intent, Option<Attempt>)>,
    pub end: End,
}

/// What was spent for a question's side (real service, or emulators), over all runs: calls, and millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    pub billed_calls: u64,
    pub billed: u64,
    pub possibly_calls: u64,
    pub possibly: u64,
}
