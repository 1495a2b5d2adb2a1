//! What rows that are handed out together come to, for a summary that would otherwise count them one by one in Python.
use super::row::{Row, What};
use crate::attempt::Billing;
use crate::client::LABEL;
use crate::detection::Engine;

/// Confidences of 0 to 100 in ten bins, the last of which has its upper end too.
pub(super) type Bins = [u64; 10];

/// Names in the order of their coming, and how often each came.
pub(super) type Named<T> = Vec<(T, u64)>;

/// Counted as `aigclens.scanning.counts` counts a row.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally<'a> {
    pub ok: u64,
    pub cached: u64,
    pub duplicates: u64,
    pub not_billed: u64,
    pub errors: Named<&'a str>,
    /// By the deciding label, or none.
    pub labels: Named<Option<&'a str>>,
    pub engines: Named<&'static str>,
    pub confidence: Bins,
    /// Of each label that has a confidence, whether it decides or not.
    pub label_confidence: Vec<(&'a str, Bins)>,
}

/// The place of a name, made if it is new.
fn of<T: PartialEq, C: Default>(counts: &mut Vec<(T, C)>, name: T) -> Option<&mut C> {
    let place = counts.iter().position(|(known, _)| *known == name).unwrap_or(counts.len());
    if place == counts.len() {
        counts.push((name, C::default()));
    }
    counts.get_mut(place).map(|(_, count)| count)
}

fn count<T: PartialEq>(counts: &mut Named<T>, name: T) {
    if let Some(count) = of(counts, name) {
        *count += 1;
    }
}

/// What is no number is counted nowhere.
fn note(bins: &mut Bins, confidence: Option<f64>) {
    let Some(confidence) = confidence.filter(|confidence| !confidence.is_nan()) else { return };
    let bin = (1..10_u8).filter(|bin| confidence >= f64::from(*bin) * 10.0).count();
    if let Some(count) = bins.get_mut(bin) {
        *count += 1;
    }
}

impl<'a> Tally<'a> {
    pub fn add(&mut self, row: &'a Row) {
        self.cached += u64::from(row.is_cached);
        self.duplicates += u64::from(row.duplicate_of.is_some());
        self.not_billed += u64::from(row.billing == Billing::NotBilled);
        match &row.what {
            What::Answered(answer) => {
                self.ok += 1;
                count(&mut self.engines, answer.engine.as_str());
                count(&mut self.labels, answer.label.as_deref());
                if answer.is_aigc == Some(true) {
                    note(&mut self.confidence, answer.confidence);
                }
                for label in answer.labels.iter().filter(|label| label.confidence.is_some()) {
                    if let Some(bins) = of(&mut self.label_confidence, label.name.as_str()) {
                        note(bins, label.confidence);
                    }
                }
            }
            What::Declared { .. } => {
                self.ok += 1;
                count(&mut self.engines, Engine::Provenance.as_str());
                count(&mut self.labels, Some(LABEL));
            }
            What::Failed(failure) => count(&mut self.errors, failure.error_code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the histogram of a summary has it, at the edges too.
    #[test]
    fn a_confidence_falls_into_one_of_ten_bins() {
        let below = |limit: f64| f64::from_bits(limit.to_bits() - 1);
        let ends = [(0.0, 0), (10.0, 1), (90.0, 9), (100.0, 9), (101.0, 9), (-1.0, 0)];
        for (confidence, bin) in ends.into_iter().chain([(below(10.0), 0), (below(90.0), 8)]) {
            let mut bins = Bins::default();
            note(&mut bins, Some(confidence));
            assert_eq!(bins.iter().position(|count| *count == 1), Some(bin), "{confidence}");
        }
        let mut bins = Bins::default();
        note(&mut bins, Some(f64::NAN));
        note(&mut bins, None);
        assert_eq!(bins, Bins::default());
    }

    #[test]
    fn names_are_counted_in_the_order_of_their_coming() {
        let mut names = Named::default();
        for name in ["b", "a", "b"] {
            count(&mut names, name);
        }
        assert_eq!(names, [("b", 2), ("a", 1)]);
    }
}
