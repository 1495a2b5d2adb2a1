//! Whoever must agree before a request that costs money: a scan, which keeps its books before anything is sent.
use crate::attempt::Attempt;
use crate::error::{Error, Result};
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// The future that a gate answers with.
pub type Intending<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
/// The future that waits for a gate to take its word back.
pub type Withdrawing<'a> = Pin<Box<dyn Future<Output = Error> + Send + 'a>>;

/// Asked before each paid request of a call, and before its turn at the pace is waited for. What it refuses is not sent.
pub trait Gate: Send + Sync + Debug {
    /// With all attempts of the call so far, the free ones among them, and the id of the access key that will sign.
    fn intend<'a>(&'a self, attempts: &'a [Attempt], access_key_id: &'a str) -> Intending<'a>;

    /// Ends with an error once a request that was agreed to is not wanted any more: one that waits for its turn is not sent.
    fn withdrawn(&self) -> Withdrawing<'_>;
}
