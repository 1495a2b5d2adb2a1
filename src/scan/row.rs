//! What comes in, and what comes out: one row for each item, whatever becomes of it.
use crate::attempt::Billing;
use crate::client::{Content, Source};
use crate::error::{Error, Kind};
use crate::evidence::Evidence;
use crate::store::{Answer, By, Failure, Fingerprint, Item};
use std::sync::Arc;

/// One item as it is fed: a source, or what was wrong with it already.
#[derive(Debug, Clone)]
pub struct Input {
    pub item: Item,
    pub source: Result<Source, Error>,
}

impl Input {
    /// Bytes that it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        match &self.source {
            Ok(Source::Bytes(bytes)) => bytes.len(),
            Ok(Source::Member(member)) => member.held().map_or(0, |bytes| bytes.len()),
            _ => 0,
        }
    }
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Answered(Arc<Answer>),
    Failed(Arc<Failure>),
    /// Its own declaration was enough: nobody was asked, and nothing is written down, so that a later run may ask.
    Declared {
        /// Words for what is worth a look.
        warnings: Vec<&'static str>,
    },
}

/// What became of one item, and what it cost in this run.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The number of the item in the order of the input, from 0.
    pub number: u64,
    pub item: Item,
    pub what: What,
    /// What the item's bytes declare of themselves.
    pub evidence: Vec<String>,
    /// Nothing for an item that was refused before it was known what it is.
    pub fingerprint: Option<Fingerprint>,
    /// Nothing is paid for what is in the store already, nor for the second of two equal images.
    pub billing: Billing,
    pub is_cached: bool,
    pub duplicate_of: Option<String>,
}

/// The store's name for a content.
pub(super) fn fingerprint(content: Content) -> Fingerprint {
    let (by, hash) = match content {
        Content::Bytes(hash) => (By::Bytes, hash),
        Content::Url(hash) => (By::Url, hash),
        Content::Oss(hash) => (By::Oss, hash),
    };
    Fingerprint { by, hash }
}

/// Declarations as texts: who declares, what, and in which words.
pub(super) fn told(evidence: &[Evidence]) -> Vec<String> {
    evidence.iter().map(Evidence::text).collect()
}

/// An error as what the store remembers of it.
pub(super) fn failure(error: &Error, evidence: Vec<String>, at: std::time::Duration) -> Failure {
    let facts = error.facts();
    let paid = facts.attempts.iter().filter(|attempt| attempt.operation.is_paid()).count();
    let is_kept = error.billing() == Billing::Billed || error.kind() == Kind::ResponseSchema;
    Failure {
        kind: error.kind(),
        code: facts.code.clone(),
        message: error.message().to_owned(),
        request_id: facts.request_id.clone(),
        billing: error.billing(),
        attempts: u32::try_from(paid).unwrap_or(u32::MAX),
        evidence,
        at,
        raw: facts.raw.as_ref().filter(|_| is_kept).map(|raw| raw.clone().into_bytes()),
    }
}
