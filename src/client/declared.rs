//! What is done about the declarations of a local image: they are read with its bytes, and may be enough to save the call.
use super::{Call, Client, Parameters};
use crate::attempt::Billing;
use crate::detection::{self, Detection, Engine};
use crate::evidence::{Evidence, Precheck, Sources};
use crate::image::DataId;
use crate::provenance;
use bytes::Bytes;
use serde_json::{Map, Value};
use std::time::Duration;

/// The label of an image that is declared to be generated: the service's own word for one.
pub const LABEL: &str = "aigc";

/// Whether declarations are read, and whose are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclarationRule {
    precheck: Precheck,
    sources: Sources,
}

impl DeclarationRule {
    /// What these bytes declare; nothing where nobody wants to know.
    pub(super) fn read(self, bytes: &[u8]) -> Vec<Evidence> {
        match self.precheck {
            Precheck::Off => Vec::new(),
            Precheck::Report | Precheck::SkipDeclared => provenance::read(bytes).evidence,
        }
    }

    /// Whether an image with these declarations is not asked about.
    pub fn suffices(self, evidence: &[Evidence]) -> bool {
        self.precheck == Precheck::SkipDeclared && self.sources.suffice(evidence).is_some()
    }
}

impl Client {
    /// The call's own rule, or the client's.
    pub fn declaration_rule(&self, call: &Call) -> DeclarationRule {
        DeclarationRule {
            precheck: call.precheck.unwrap_or(self.settings.precheck),
            sources: call.skip_sources.unwrap_or(self.settings.skip_sources),
        }
    }
}

/// The result of a call that was not made. It has no score, since nobody gave one.
pub(super) fn detection(
    parameters: Parameters,
    evidence: Vec<Evidence>,
    warnings: Vec<&'static str>,
    elapsed: Duration,
) -> Detection {
    Detection {
        label: Some(LABEL.to_owned()),
        is_aigc: detection::verdict(LABEL),
        confidence: None,
        risk_level: None,
        labels: Vec::new(),
        data_id: parameters.data_id.as_ref().map(DataId::as_str).map(str::to_owned),
        request_id: None,
        service: parameters.service.as_str().to_owned(),
        region: None,
        engine: Engine::Provenance,
        billing: Billing::NotBilled,
        attempts: Vec::new(),
        elapsed,
        raw: Value::Object(Map::new()),
        body: Bytes::new(),
        warnings,
        evidence,
    }
}
