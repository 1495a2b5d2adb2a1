//! The emulator's verdict. It looks at no pixel: it repeats what the image declares, with confidences that are fixed and
//! documented, so that nobody takes them for the service's.
use super::settings::Judge;
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource};
use serde_json::{Value, json};

/// A label of the service's with its confidence, if it has one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub label: String,
    pub confidence: Option<f64>,
    pub description: String,
}

impl Verdict {
    fn new(label: &str, confidence: Option<f64>, description: impl Into<String>) -> Self {
        Self { label: label.to_owned(), confidence, description: description.into() }
    }

    /// The risk that the service's console would derive with its initial thresholds.
    pub(super) fn risk_level(&self) -> &'static str {
        match (self.label.as_str(), self.confidence) {
            ("aigc", Some(confidence)) if confidence >= 90.0 => "high",
            ("aigc", Some(confidence)) if confidence >= 60.0 => "medium",
            ("aigc", _) => "low",
            _ => "none",
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self.confidence {
            Some(confidence) => {
                json!({ "Label": self.label, "Confidence": confidence, "Description": self.description })
            }
            None => json!({ "Label": self.label, "Description": self.description }),
        }
    }
}

/// The verdict on an image with these declarations and this SHA-256.
pub(super) fn verdict(judge: &Judge, evidence: &[Evidence], sha256: &str, ugc_label: bool) -> Verdict {
    match judge {
        Judge::Provenance => declared(evidence, ugc_label),
        Judge::Hash => hashed(sha256),
        Judge::Fixed { label, confidence } => Verdict::new(label, *confidence, "Emulator: the same for every image"),
    }
}

/// | declared | answer |
/// |---|---|
/// | generated, by IPTC source type or AIGC label | `aigc` 95.0 |
/// | generated, by a generator's text | `aigc` 90.0 |
/// | composite | `aigc` 60.0 |
/// | captured, where the label `ugc` is on | `ugc` 90.0 |
/// | anything else, or nothing | `nonLabel` without a confidence |
fn declared(evidence: &[Evidence], ugc_label: bool) -> Verdict {
    let find = |kind: EvidenceKind| evidence.iter().find(|one| one.kind == kind);
    let said = |one: &Evidence| {
        let by = match one.source {
            EvidenceSource::Iptc => "IPTC digital source type",
            EvidenceSource::AigcLabel => "AIGC label",
            EvidenceSource::GeneratorText => "generator's text",
            EvidenceSource::C2pa => "C2PA manifest",
            EvidenceSource::Exif => "EXIF fields",
        };
        format!("Emulator: declared by {by} {}", one.detail).trim_end().to_owned()
    };
    if let Some(one) = find(EvidenceKind::Generated) {
        let certain = evidence
            .iter()
            .any(|one| one.kind == EvidenceKind::Generated && one.source != EvidenceSource::GeneratorText);
        return Verdict::new("aigc", Some(if certain { 95.0 } else { 90.0 }), said(one));
    }
    if let Some(one) = find(EvidenceKind::Composite) {
        return Verdict::new("aigc", Some(60.0), said(one));
    }
    match find(EvidenceKind::Captured) {
        Some(one) if ugc_label => Verdict::new("ugc", Some(90.0), said(one)),
        _ => Verdict::new("nonLabel", None, "Emulator: the image declares nothing about AI"),
    }
}

/// Half of all images are `aigc`, with a confidence of two decimals.
fn hashed(sha256: &str) -> Verdict {
    let number = |range: std::ops::Range<usize>| sha256.get(range).and_then(|text| u32::from_str_radix(text, 16).ok());
    let description = "Emulator: drawn from the hash of the image";
    if number(0..2).unwrap_or(0) % 2 == 1 {
        return Verdict::new("nonLabel", None, description);
    }
    let confidence = f64::from(number(2..8).unwrap_or(0) % 10_001) / 100.0;
    Verdict::new("aigc", Some(confidence), description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Strength;

    #[test]
    fn the_table_holds_and_no_confidence_is_invented() {
        let of = |kind, source| vec![Evidence::new(kind, source, Strength::Declared, "x")];
        for (evidence, ugc, label, confidence, risk) in [
            (of(EvidenceKind::Generated, EvidenceSource::Iptc), false, "aigc", Some(95.0), "high"),
            (of(EvidenceKind::Generated, EvidenceSource::AigcLabel), false, "aigc", Some(95.0), "high"),
            (of(EvidenceKind::Generated, EvidenceSource::GeneratorText), false, "aigc", Some(90.0), "high"),
            (of(EvidenceKind::Composite, EvidenceSource::Iptc), false, "aigc", Some(60.0), "medium"),
            (of(EvidenceKind::Captured, EvidenceSource::Iptc), false, "nonLabel", None, "none"),
            (of(EvidenceKind::Captured, EvidenceSource::Iptc), true, "ugc", Some(90.0), "none"),
            (of(EvidenceKind::Edited, EvidenceSource::Iptc), true, "nonLabel", None, "none"),
            (vec![], true, "nonLabel", None, "none"),
        ] {
            let verdict = verdict(&Judge::Provenance, &evidence, "", ugc);
            assert_eq!((verdict.label.as_str(), verdict.confidence, verdict.risk_level()), (label, confidence, risk));
        }
        let both =
            [of(EvidenceKind::Captured, EvidenceSource::Iptc), of(EvidenceKind::Generated, EvidenceSource::AigcLabel)]
                .concat();
        assert_eq!(verdict(&Judge::Provenance, &both, "", true).label, "aigc");
    }

    #[test]
    fn the_hash_decides_the_same_way_each_time() {
        assert_eq!(hashed("00000064ff").confidence, Some(1.0));
        assert_eq!((hashed("01ff").label.as_str(), hashed("01ff").confidence), ("nonLabel", None));
    }
}
