//! How much image data may be in memory at once: a thousand calls made together must not read a thousand files.
use crate::error::{Error, Kind, Result};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// 256 MiB: a dozen of the largest images that the service takes.
pub const MEMORY: u32 = 256 * 1024 * 1024;

/// A share of memory for files that calls have read and not yet sent. Clones share it. Bytes that a caller passes are in
/// memory already and take nothing from it.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Semaphore>);

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(usize::try_from(MEMORY).unwrap_or(Semaphore::MAX_PERMITS))))
    }
}

/// Room for one image, given back when the last copy of its bytes is dropped.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

struct Held {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    /// Bytes that take up this room as long as they exist.
    pub fn fill(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: self })
    }

    /// How many bytes it is for.
    pub fn bytes(&self) -> usize {
        self.0.num_permits()
    }
}

/// What is larger than all of the memory waits until it is alone.
fn share(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(MEMORY).min(MEMORY)
}

impl Memory {
    /// Room for an image of so many bytes, if there is some now. Whoever waits comes first.
    pub fn claim(&self, bytes: u64) -> Option<Room> {
        Arc::clone(&self.0).try_acquire_many_owned(share(bytes)).ok().map(Room)
    }

    /// Waits for room in the order of asking, no longer than that (I23).
    pub async fn wait(&self, bytes: u64, time: Duration) -> Result<Room> {
        let late = || {
            let message = format!(
                "the call's total time-out passed while {} MiB of other images were under way; nothing was sent",
                MEMORY / 1024 / 1024
            );
            Error::new(Kind::DetectTimeout, message)
        };
        let waiting = Arc::clone(&self.0).acquire_many_owned(share(bytes));
        let room = tokio::time::timeout(time, waiting).await.map_err(|_| late())?;
        room.map(Room).map_err(|_| late())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: u64 = 20 * 1024 * 1024;

    /// I23: twelve of the largest images are in memory together, the thirteenth waits for one to go.
    #[tokio::test(start_paused = true)]
    async fn room_is_given_until_there_is_none_and_comes_back_with_the_bytes() {
        let memory = Memory::default();
        let mut held: Vec<Bytes> = (0..12).map(|_| memory.claim(IMAGE).unwrap().fill(vec![1, 2, 3])).collect();
        assert!(memory.claim(IMAGE).is_none());
        assert_eq!(memory.claim(IMAGE / 2).map(|room| room.bytes()), Some(10 * 1024 * 1024), "what is left is given");
        let error = memory.wait(IMAGE, Duration::from_secs(3)).await.unwrap_err();
        assert_eq!((error.kind(), error.billing().as_str()), (Kind::DetectTimeout, "not_billed"));
        let copy = held[0].clone();
        held.remove(0);
        assert!(memory.claim(IMAGE).is_none(), "a copy of the bytes is still there");
        let (waited, ()) = tokio::join!(memory.wait(IMAGE, Duration::from_secs(3)), async { drop(copy) });
        assert!(waited.is_ok());
    }

    /// I23: first come, first served: a stream of small images does not keep a large one waiting.
    #[tokio::test(start_paused = true)]
    async fn nobody_overtakes_who_waits() {
        let memory = Memory::default();
        let all = memory.claim(u64::from(MEMORY)).unwrap();
        let large = tokio::spawn({
            let memory = memory.clone();
            async move { memory.wait(u64::MAX, Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;
        assert!(memory.claim(1).is_none());
        drop(all);
        let room = large.await.unwrap().unwrap();
        assert_eq!((room.bytes(), memory.claim(1).is_none()), (usize::try_from(MEMORY).unwrap(), true));
    }

    /// I23, C09: giving up while waiting takes nothing away.
    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_nothing_behind() {
        let memory = Memory::default();
        let all = memory.claim(u64::from(MEMORY)).unwrap();
        for _ in 0..1_000 {
            memory.wait(IMAGE, Duration::from_millis(1)).await.unwrap_err();
        }
        drop(all);
        assert!(memory.claim(u64::from(MEMORY)).is_some());
    }
}
