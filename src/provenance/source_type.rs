//! Digital source types: the IPTC's words for how an image came to be, which XMP and C2PA share.
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};

/// The vocabularies that a word may be written out with, after `http://` or `https://`.
const VOCABULARIES: [&str; 2] = ["cv.iptc.org/newscodes/digitalsourcetype/", "c2pa.org/digitalsourcetype/"];

/// The meaning of a source type and its bare word, by the IPTC's definitions: which are made by a trained model, which
/// contain something that was, and which are not. A drawing program's `algorithmicMedia` is no AI.
pub(super) fn meaning(value: &str) -> Option<(EvidenceKind, &str)> {
    let (_, rest) = value.split_once("://").unwrap_or(("", value));
    let word = VOCABULARIES.iter().find_map(|vocabulary| rest.strip_prefix(vocabulary)).unwrap_or(rest);
    let word = word.strip_prefix("c2pa.").unwrap_or(word);
    let kind = match word {
        "trainedAlgorithmicMedia" | "trainedAlgorithmicData" => EvidenceKind::Generated,
        "compositeWithTrainedAlgorithmicMedia" | "compositeSynthetic" => EvidenceKind::Composite,
        "humanEdits" | "algorithmicallyEnhanced" | "minorHumanEdits" | "composite" | "compositeCapture" => {
            EvidenceKind::Edited
        }
        "digitalCapture" | "computationalCapture" | "negativeFilm" | "positiveFilm" | "print" => EvidenceKind::Captured,
        _ => return None,
    };
    Some((kind, word))
}

/// A plain statement of a source type.
pub(super) fn declared(value: &str, source: EvidenceSource) -> Option<Evidence> {
    let (kind, word) = meaning(value)?;
    Some(Evidence::new(kind, source, Strength::Declared, word))
}
