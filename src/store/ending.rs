//! How a call ended, in the words that are written down: by the store into its tables, and in trouble into a rescue file.
use super::record::{Answer, By, End, Failure, Fingerprint, Intent, Settlement};
use crate::attempt::{Attempt, Billing};
use crate::detection::Label;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// What became of one intent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) id: i64,
    pub(super) state: String,
    pub(super) outcome: String,
    pub(super) code: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) region: Option<String>,
    pub(super) elapsed_ns: Option<i64>,
    pub(super) at_ns: i64,
}

/// What was found out about a content: the columns that an answer and a failure share, and their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) label: Option<String>,
    pub(super) is_aigc: Option<bool>,
    #[serde(with = "exact")]
    pub(super) confidence: Option<f64>,
    pub(super) risk_level: Option<String>,
    pub(super) labels: Option<String>,
    pub(super) warnings: Option<String>,
    pub(super) evidence: String,
    pub(super) request_id: Option<String>,
    pub(super) service: Option<String>,
    pub(super) region: Option<String>,
    pub(super) engine: Option<String>,
    pub(super) billing: String,
    pub(super) attempts: u32,
    pub(super) latency_ns: Option<i64>,
    pub(super) at_ns: i64,
    /// Of a failure only: the exception class, the service's code, the message.
    pub(super) error_kind: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) error: Option<String>,
    #[serde(with = "base64")]
    pub(super) raw: Option<Vec<u8>>,
}

/// A settlement, ready to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ending {
    pub(super) by: String,
    #[serde(with = "hexadecimal")]
    pub(super) hash: [u8; 32],
    pub(super) key: String,
    pub(super) source: String,
    pub(super) attempts: Vec<Ended>,
    /// Whether any request of the call may have been served: an outage is no try.
    pub(super) is_tried: bool,
    /// Nothing where nothing was decided.
    pub(super) outcome: Option<Outcome>,
}

impl Ended {
    /// A request that was made.
    pub(super) fn sent(intent: Intent, attempt: &Attempt, at_ns: i64) -> Self {
        Self {
            id: intent.0,
            state: attempt.billing.as_str().to_owned(),
            outcome: attempt.outcome.to_owned(),
            code: attempt.code.clone(),
            request_id: attempt.request_id.clone(),
            region: attempt.region.clone(),
            elapsed_ns: Some(nanos(attempt.elapsed)),
            at_ns,
        }
    }

    /// A request that was never sent.
    pub(super) fn unsent(intent: Intent, at_ns: i64) -> Self {
        Self {
            id: intent.0,
            state: Billing::NotBilled.as_str().to_owned(),
            outcome: "NotSent".to_owned(),
            code: None,
            request_id: None,
            region: None,
            elapsed_ns: None,
            at_ns,
        }
    }
}

impl Ending {
    pub(super) fn new(settlement: &Settlement, at_ns: i64) -> Self {
        let Settlement { fingerprint, item, intents, end } = settlement;
        let ended = |(intent, attempt): &(Intent, Option<Attempt>)| match attempt {
            Some(attempt) => Ended::sent(*intent, attempt, at_ns),
            None => Ended::unsent(*intent, at_ns),
        };
        Self {
            by: fingerprint.by.as_str().to_owned(),
            hash: fingerprint.hash,
            key: item.key.to_string(),
            source: item.source.to_string(),
            attempts: intents.iter().map(ended).collect(),
            is_tried: intents
                .iter()
                .flat_map(|(_, attempt)| attempt)
                .any(|attempt| attempt.billing != Billing::NotBilled),
            outcome: match end {
                End::Answered(answer) => Some(Outcome::of_answer(answer)),
                End::Failed(failure) => Some(Outcome::of_failure(failure)),
                End::Open => None,
            },
        }
    }

    /// Nothing for a kind of content that this version does not know.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        by(&self.by).map(|by| Fingerprint { by, hash: self.hash })
    }
}

impl Outcome {
    pub(super) fn of_answer(answer: &Answer) -> Self {
        Self {
            label: answer.label.clone(),
            is_aigc: answer.is_aigc,
            confidence: answer.confidence,
            risk_level: answer.risk_level.clone(),
            labels: Some(answer.labels.iter().map(written).collect::<Value>().to_string()),
            warnings: Some(json!(answer.warnings).to_string()),
            evidence: json!(answer.evidence).to_string(),
            request_id: answer.request_id.clone(),
            service: Some(answer.service.clone()),
            region: answer.region.clone(),
            engine: Some(answer.engine.as_str().to_owned()),
            billing: answer.billing.as_str().to_owned(),
            attempts: answer.attempts,
            latency_ns: Some(nanos(answer.latency)),
            at_ns: nanos(answer.at),
            error_kind: None,
            error_code: None,
            error: None,
            raw: Some(answer.raw.clone()),
        }
    }

    pub(super) fn of_failure(failure: &Failure) -> Self {
        Self {
            label: None,
            is_aigc: None,
            confidence: None,
            risk_level: None,
            labels: None,
            warnings: None,
            evidence: json!(failure.evidence).to_string(),
            request_id: failure.request_id.clone(),
            service: None,
            region: None,
            engine: None,
            billing: failure.billing.as_str().to_owned(),
            attempts: failure.attempts,
            latency_ns: None,
            at_ns: nanos(failure.at),
            error_kind: Some(failure.kind.name().to_owned()),
            error_code: failure.code.clone(),
            error: Some(failure.message.clone()),
            raw: failure.raw.clone(),
        }
    }
}

fn written(label: &Label) -> Value {
    json!({
        "name": label.name,
        "confidence": label.confidence,
        "description": label.description,
        "risk_level": label.risk_level,
    })
}

pub(super) fn by(word: &str) -> Option<By> {
    [By::Bytes, By::Url, By::Oss].into_iter().find(|by| by.as_str() == word)
}

/// Nanoseconds for a column: until the year 2262.
pub(super) fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// A number as its shortest text that reads back as the same.
mod exact {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde's form")]
    pub(super) fn serialize<S: Serializer>(number: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        number.map(|number| format!("{number:?}")).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

mod base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde's form")]
    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| STANDARD.decode(text).map_err(serde::de::Error::custom)).transpose()
    }
}

mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&crate::encode::hex(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().enumerate() {
            let pair = text.get(place * 2..place * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
            *byte = pair.ok_or_else(|| serde::de::Error::custom("no hash"))?;
        }
        Ok(hash)
    }
}
