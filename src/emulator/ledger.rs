//! What was charged: one line for each answered call, never changed afterwards.
use serde_json::{Value, json};

/// 0.60 USD for 1,000 calls, in millionths of a dollar for one.
const MICRO_DOLLARS: u64 = 600;

/// One charged call.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub time: String,
    pub request_id: String,
    pub access_key_id: String,
    pub service: String,
    pub data_id: Option<String>,
    /// `url`, `oss` or `upload`.
    pub source: &'static str,
    pub label: Option<String>,
    pub confidence: Option<f64>,
    /// What goes wrong on purpose from here on.
    pub fault: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
}

/// An amount of millionths of a dollar as dollars, exactly.
fn dollars(micro: u64) -> String {
    let text = format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
    let short = text.trim_end_matches('0');
    // Cents are always shown.
    let length = text.find('.').map_or(text.len(), |dot| (dot + 3).max(short.len()));
    text.get(..length).unwrap_or(&text).to_owned()
}

impl Ledger {
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The sums, and the entries behind number `after`, `limit` of them.
    pub(super) fn to_json(&self, after: usize, limit: usize) -> Value {
        let billed = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let entries = self.entries.iter().enumerate().skip(after).take(limit).map(|(at, entry)| {
            json!({
                "seq": at + 1,
                "time": entry.time,
                "request_id": entry.request_id,
                "access_key_id": entry.access_key_id,
                "service": entry.service,
                "data_id": entry.data_id,
                "source": entry.source,
                "label": entry.label,
                "confidence": entry.confidence,
                "fault": entry.fault,
            })
        });
        json!({
            "currency": "USD",
            "price_per_call": dollars(MICRO_DOLLARS),
            "billed": billed,
            "total": dollars(MICRO_DOLLARS.saturating_mul(billed)),
            "entries": entries.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (micro, text) in
            [(0, "0.00"), (600, "0.0006"), (60_000, "0.06"), (600_000, "0.60"), (1_234_567, "1.234567")]
        {
            assert_eq!(dollars(micro), text);
        }
    }
}
