//! The order to begin nothing more: given once, seen by whoever asks, and told to whoever waits for it.
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Halt {
    is_ordered: AtomicBool,
    told: Notify,
}

impl Halt {
    pub(super) fn order(&self) {
        self.is_ordered.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.is_ordered.load(Ordering::SeqCst)
    }

    /// Waits for the order.
    pub(super) async fn ordered(&self) {
        // One that is given from here on is heard.
        let told = self.told.notified();
        if !self.is_ordered() {
            told.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_told_and_whoever_comes_later_sees() {
        let halt = Arc::new(Halt::default());
        let waiting = {
            let halt = Arc::clone(&halt);
            tokio::spawn(async move { halt.ordered().await })
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!halt.is_ordered() && !waiting.is_finished());
        halt.order();
        waiting.await.unwrap();
        halt.ordered().await;
        assert!(halt.is_ordered());
    }
}
