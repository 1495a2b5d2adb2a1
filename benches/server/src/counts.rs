//! What the server has seen since it was last told to forget.
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// One set of counters for the whole program.
#[derive(Debug, Default)]
pub struct Counts {
    pub requests: AtomicU64,
    pub tokens: AtomicU64,
    pub uploads: AtomicU64,
    pub upload_bytes: AtomicU64,
    /// Connections that were accepted.
    pub connections: AtomicU64,
    pub open: AtomicU64,
    pub most_open: AtomicU64,
    /// Signatures that were right, and those that were not.
    pub verified: AtomicU64,
    pub refused: AtomicU64,
    /// Whether signatures are looked at.
    pub verifies: AtomicBool,
    /// Milliseconds that each answer waits.
    pub latency: AtomicU64,
}

impl Counts {
    pub fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
        let open = self.open.fetch_add(1, Relaxed) + 1;
        self.most_open.fetch_max(open, Relaxed);
    }

    pub fn disconnected(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    /// Counts whether a signature is right, while that is asked for.
    pub fn checked(&self, is_right: impl FnOnce() -> bool) {
        if self.verifies.load(Relaxed) {
            let counter = if is_right() { &self.verified } else { &self.refused };
            counter.fetch_add(1, Relaxed);
        }
    }

    pub fn reset(&self) {
        for counter in [
            &self.requests,
            &self.tokens,
            &self.uploads,
            &self.upload_bytes,
            &self.connections,
            &self.verified,
            &self.refused,
        ] {
            counter.store(0, Relaxed);
        }
        self.most_open.store(self.open.load(Relaxed), Relaxed);
    }

    pub fn to_json(&self) -> String {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        json!({
            "requests": read(&self.requests),
            "tokens": read(&self.tokens),
            "uploads": read(&self.uploads),
            "upload_bytes": read(&self.upload_bytes),
            "connections": read(&self.connections),
            "open": read(&self.open),
            "most_open": read(&self.most_open),
            "verified": read(&self.verified),
            "refused": read(&self.refused),
        })
        .to_string()
    }
}
