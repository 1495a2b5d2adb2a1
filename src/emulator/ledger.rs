//! What was charged: one line for each answered call, never changed afterwards.
use crate::price::dollars;
use serde_json::{Value, json};

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

impl Ledger {
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The sums at a price, and the entries behind number `after`, `limit` of them.
    pub(super) fn to_json(&self, micro_dollars: u64, after: usize, limit: usize) -> Value {
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
            "price_per_call": dollars(micro_dollars),
            "billed": billed,
            "total": dollars(micro_dollars.saturating_mul(billed)),
            "entries": entries.collect::<Vec<_>>(),
        })
    }
}
