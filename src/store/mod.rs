//! One SQLite file per scan: what was asked, what was about to be asked, and every answer.
mod record;

pub use record::{
    Answer, By, End, Failure, Fingerprint, Intent, Intention, Item, Known, Past, Question, Settlement, Spent,
};

use crate::ambient::Ambient;
use crate::error::{Error, Kind, Result};
use std::path::Path;

/// A store that a scan writes to. One thread of its own does the writing; many requests share one transaction, and
/// whoever asked is answered after it is durable.
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// Opens or makes the store at a path and takes its lock; without a path, one that ends with this value and is on no
    /// disk for long. Blocks.
    pub fn open(_path: Option<&Path>, _question: &Question, _ambient: &Ambient) -> Result<Self> {
        Err(Error::new(Kind::Store, "not there yet"))
    }

    /// What was spent on the question's side before this run, unresolved intents included.
    pub fn spent(&self) -> Spent {
        Spent::default()
    }

    /// What is known of a content; notes that this item has it.
    pub async fn look(&self, _fingerprint: Fingerprint, _item: Item) -> Result<Known> {
        Ok(Known::Nothing)
    }

    /// Writes down that a paid request is about to be made. It is durable when this returns.
    pub async fn intend(&self, _intention: Intention) -> Result<Intent> {
        Ok(Intent(0))
    }

    /// Writes down how a call ended. Durable when this returns; an error means that it could be written nowhere.
    pub async fn settle(&self, _settlement: Settlement) -> Result<()> {
        Ok(())
    }

    /// Whether a first content of this fingerprint is seen for the first time in this run; for estimates, which write
    /// nothing into the store.
    pub async fn seen_before(&self, _fingerprint: Fingerprint) -> Result<bool> {
        Ok(false)
    }

    /// Ends the run: what is queued is written, the file is tidied up and let go of. Blocks; harmless when repeated.
    pub fn close(&self) -> Result<()> {
        Ok(())
    }
}
