//! The answer of the service as a noun.
use crate::attempt::{Attempt, Billing};
use crate::evidence::Evidence;
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Alibaba Cloud.
    Service,
    /// The emulator: it reads declared labels and does not look at pixels.
    Emulator,
    /// Nobody: the image's own declaration was enough, and no call was made.
    Provenance,
}

impl Engine {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Emulator => "emulator",
            Self::Provenance => "provenance",
        }
    }
}

/// One label of an answer, verbatim.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    pub name: String,
    /// 0 to 100, or nothing where the service gave no usable number.
    pub confidence: Option<f64>,
    pub description: Option<String>,
    pub risk_level: Option<String>,
}

/// What the service said of one image.
#[derive(Debug, Clone)]
pub struct Detection {
    /// The label that decides, verbatim; nothing when the answer had none.
    pub label: Option<String>,
    pub is_aigc: Option<bool>,
    pub confidence: Option<f64>,
    pub risk_level: Option<String>,
    /// All labels in the order of the answer.
    pub labels: Vec<Label>,
    pub data_id: Option<String>,
    pub request_id: Option<String>,
    pub service: String,
    pub region: Option<String>,
    pub engine: Engine,
    pub billing: Billing,
    pub attempts: Vec<Attempt>,
    pub elapsed: Duration,
    /// The whole body as it was parsed.
    pub raw: Value,
    /// The same, byte for byte.
    pub body: Bytes,
    /// What is worth a look, as stable words: `no_labels`, `confidence_out_of_range`, `data_id_mismatch`, `small_image` ...
    pub warnings: Vec<&'static str>,
    /// What the bytes of a local image declare of their making.
    pub evidence: Vec<Evidence>,
}

/// What a label says about the question that this package asks; nothing for a label that is not known to answer it.
pub fn verdict(label: &str) -> Option<bool> {
    match label {
        "aigc" | "risk_aigc" => Some(true),
        "ugc" | "nonLabel" => Some(false),
        _ => None,
    }
}

/// The label that decides: the first that says generated, else the first that says not generated, else the first.
///
/// An answer that says both is read as generated (E07), since the service reports several findings of one image and
/// `nonLabel` or `ugc` beside `aigc` does not take the finding back.
pub fn deciding(labels: &[Label]) -> Option<&Label> {
    let find = |wanted| labels.iter().find(|label| verdict(&label.name) == Some(wanted));
    find(true).or_else(|| find(false)).or_else(|| labels.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Vec<Label> {
        let label =
            |name: &&str| Label { name: (*name).to_owned(), confidence: None, description: None, risk_level: None };
        names.iter().map(label).collect()
    }

    /// E06, E07.
    #[test]
    fn an_unknown_label_is_kept_and_never_read_as_not_generated() {
        for (names, decides, says) in [
            (&["aigc_v2"][..], Some("aigc_v2"), None),
            (&["ugc", "aigc"], Some("aigc"), Some(true)),
            (&["other", "nonLabel"], Some("nonLabel"), Some(false)),
            (&["risk_aigc"], Some("risk_aigc"), Some(true)),
            (&["AIGC"], Some("AIGC"), None),
            (&[], None, None),
        ] {
            let labels = labels(names);
            let label = deciding(&labels).map(|label| label.name.as_str());
            assert_eq!((label, label.and_then(verdict)), (decides, says), "{names:?}");
        }
    }
}
