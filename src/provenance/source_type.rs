//! Digital source types: the IPTC's words for how an image came to be, which XMP and C2PA share.
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};

/// The vocabularies that a word may be written out with, after `http://` or `https://`.
const VOCABULARIES: [&str; 2] = ["cv.iptc.org/newscodes/digitalsourcetype/", "c2pa.org/digitalsourcetype/"];
/// The words with a meaning here.
const WORDS: [(&str, EvidenceKind); 14] = [
    ("trainedAlgorithmicMedia", EvidenceKind::Generated),
    ("trainedAlgorithmicData", EvidenceKind::Generated),
    ("compositeWithTrainedAlgorithmicMedia", EvidenceKind::Composite),
    ("compositeSynthetic", EvidenceKind::Composite),
    ("humanEdits", EvidenceKind::Edited),
    ("algorithmicallyEnhanced", EvidenceKind::Edited),
    ("minorHumanEdits", EvidenceKind::Edited),
    ("composite", EvidenceKind::Edited),
    ("compositeCapture", EvidenceKind::Edited),
    ("digitalCapture", EvidenceKind::Captured),
    ("computationalCapture", EvidenceKind::Captured),
    ("negativeFilm", EvidenceKind::Captured),
    ("positiveFilm", EvidenceKind::Captured),
    ("print", EvidenceKind::Captured),
];

/// The meaning of a source type and its bare word, by the IPTC's definitions: which are made by a trained model, which
/// contain something that was, and which are not. A drawing program's `algorithmicMedia` is no AI. Writers differ in the
/// case of letters, in a slash at the end, and in the prefix of a short form.
pub(super) fn meaning(value: &str) -> Option<(EvidenceKind, &'static str)> {
    let value = value.trim().trim_end_matches('/');
    let (_, rest) = value.split_once("://").unwrap_or(("", value));
    let known = VOCABULARIES.into_iter().chain(["digsrctype:", "c2pa."]);
    let word = known.fold(rest, |rest, prefix| after(rest, prefix).unwrap_or(rest));
    WORDS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(word, kind)| (kind, word))
}

/// What stands behind a prefix, in whatever case that is.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// A plain statement of a source type.
pub(super) fn declared(value: &str, source: EvidenceSource) -> Option<Evidence> {
    let (kind, word) = meaning(value)?;
    Some(Evidence::new(kind, source, Strength::Declared, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_however_it_is_written_out() {
        for value in [
            "trainedAlgorithmicMedia",
            "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
            "https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia/",
            "HTTP://CV.IPTC.ORG/NewsCodes/DigitalSourceType/TrainedAlgorithmicMedia",
            "digsrctype:trainedAlgorithmicMedia",
            "trainedalgorithmicmedia",
            " trainedAlgorithmicMedia\n",
        ] {
            assert_eq!(meaning(value), Some((EvidenceKind::Generated, "trainedAlgorithmicMedia")), "{value}");
        }
        for value in ["c2pa.trainedAlgorithmicData", "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"] {
            assert_eq!(meaning(value), Some((EvidenceKind::Generated, "trainedAlgorithmicData")), "{value}");
        }
    }

    #[test]
    fn other_words_have_no_meaning() {
        for value in [
            "",
            "/",
            "algorithmicMedia",
            "untrainedAlgorithmicMedia",
            "trainedAlgorithmicMedia2",
            "not trainedAlgorithmicMedia",
            "http://example.com/trainedAlgorithmicMedia",
            "http://cv.iptc.org/newscodes/other/trainedAlgorithmicMedia",
            "数字",
        ] {
            assert_eq!(meaning(value), None, "{value}");
        }
    }
}
