//! The emulator's verdict. It looks at no pixel: it repeats what the image declares, with confidences that are fixed and
//! documented, so that nobody takes them for the service's.
use super::settings::Judge;
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
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
/// | generated: a standard's own statement, by C2PA, IPTC or AIGC label (`declared`) | `aigc` 95.0 |
/// | generated: what only a generator writes, its text or EXIF pair (`strong`) | `aigc` 90.0 |
/// | generated, with a reservation (`medium`); or the name of a tool that generates (`medium`) | `aigc` 75.0 |
/// | composite, but for a hint | `aigc` 60.0 |
/// | captured, but for a hint, where the label `ugc` is on | `ugc` 90.0 |
/// | anything else, hints alone (`weak`), or nothing | `nonLabel` without a confidence |
///
/// The first line that holds is the answer.
fn declared(evidence: &[Evidence], ugc_label: bool) -> Verdict {
    use EvidenceKind::{Captured, Composite, Edited, Generated, Tool};
    let score = |one: &Evidence| match (one.kind, one.strength) {
        (_, Strength::Weak) | (Captured | Edited, _) => None,
        (Generated, Strength::Declared) => Some(95.0),
        (Generated, Strength::Strong) => Some(90.0),
        (Generated | Tool, _) => Some(75.0),
        (Composite, _) => Some(60.0),
    };
    let mut best: Option<(f64, &Evidence)> = None;
    for (score, one) in evidence.iter().filter_map(|one| score(one).map(|score| (score, one))) {
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, one));
        }
    }
    if let Some((confidence, one)) = best {
        return Verdict::new("aigc", Some(confidence), said(one));
    }
    match evidence.iter().find(|one| one.kind == Captured && one.strength != Strength::Weak) {
        Some(one) if ugc_label => Verdict::new("ugc", Some(90.0), said(one)),
        _ => Verdict::new("nonLabel", None, "Emulator: the image declares nothing about AI"),
    }
}

/// What a verdict goes by, in words.
fn said(one: &Evidence) -> String {
    let by = match one.source {
        EvidenceSource::Iptc => "IPTC digital source type",
        EvidenceSource::AigcLabel => "AIGC label",
        EvidenceSource::GeneratorText => "generator's text",
        EvidenceSource::C2pa => "C2PA manifest",
        EvidenceSource::Exif => "EXIF fields",
    };
    format!("Emulator: declared by {by} {}", one.detail).trim_end().to_owned()
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

    #[test]
    fn the_table_holds_and_no_confidence_is_invented() {
        use EvidenceKind::{Captured, Composite, Edited, Generated, Tool};
        use EvidenceSource::{AigcLabel, C2pa, Exif, GeneratorText, Iptc};
        use Strength::{Declared, Medium, Strong, Weak};
        for (found, ugc, label, confidence, risk) in [
            (&[(Generated, C2pa, Declared)][..], false, "aigc", Some(95.0), "high"),
            (&[(Generated, Iptc, Declared)], false, "aigc", Some(95.0), "high"),
            (&[(Generated, AigcLabel, Declared)], false, "aigc", Some(95.0), "high"),
            (&[(Generated, GeneratorText, Strong)], false, "aigc", Some(90.0), "high"),
            (&[(Generated, Exif, Strong)], false, "aigc", Some(90.0), "high"),
            (&[(Generated, AigcLabel, Medium)], false, "aigc", Some(75.0), "medium"),
            (&[(Generated, AigcLabel, Weak)], true, "nonLabel", None, "none"),
            (&[(Generated, GeneratorText, Weak)], true, "nonLabel", None, "none"),
            (&[(Tool, Exif, Medium)], true, "aigc", Some(75.0), "medium"),
            (&[(Tool, Exif, Weak)], true, "nonLabel", None, "none"),
            (&[(Composite, Iptc, Declared)], false, "aigc", Some(60.0), "medium"),
            (&[(Captured, Iptc, Declared)], false, "nonLabel", None, "none"),
            (&[(Captured, Iptc, Declared)], true, "ugc", Some(90.0), "none"),
            (&[(Captured, Exif, Weak)], true, "nonLabel", None, "none"),
            (&[(Edited, Iptc, Declared)], true, "nonLabel", None, "none"),
            (&[], true, "nonLabel", None, "none"),
            // The strongest says it, wherever it stands; a hint does not hide what is said plainly.
            (&[(Captured, Iptc, Declared), (Composite, C2pa, Declared)], true, "aigc", Some(60.0), "medium"),
            (&[(Tool, Exif, Medium), (Generated, C2pa, Declared)], true, "aigc", Some(95.0), "high"),
            (&[(Generated, AigcLabel, Weak), (Captured, Iptc, Declared)], true, "ugc", Some(90.0), "none"),
        ] {
            let found: Vec<_> =
                found.iter().map(|(kind, source, strength)| Evidence::new(*kind, *source, *strength, "x")).collect();
            let verdict = verdict(&Judge::Provenance, &found, "", ugc);
            let read = (verdict.label.as_str(), verdict.confidence, verdict.risk_level());
            assert_eq!(read, (label, confidence, risk), "{found:?}");
        }
    }

    #[test]
    fn the_hash_decides_the_same_way_each_time() {
        assert_eq!(hashed("00000064ff").confidence, Some(1.0));
        assert_eq!((hashed("01ff").label.as_str(), hashed("01ff").confidence), ("nonLabel", None));
    }
}
