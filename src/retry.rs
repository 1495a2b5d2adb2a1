//! Whether to try again, and when: one table over what went wrong and what it may have cost.
//!
//! The numbers are those of the AWS SDKs' standard mode ("Retry Behavior 2.1"): three attempts, full jitter below
//! `base * 2^i` with a base of 50 ms (1 s where the service throttles) and a ceiling of 20 s, and a quota that keeps a
//! client from hammering a service that is down.
use crate::ambient::Ambient;
use crate::attempt::{Billing, Operation};
use crate::error::{Error, Kind, Result};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Tries again after the first attempt, unless the client or the call says otherwise.
pub const MAX_RETRIES: u32 = 2;
/// More than this is a mistake; the quota would end it long before.
const MOST_RETRIES: u32 = 20;
const BASE: Duration = Duration::from_millis(50);
const THROTTLED_BASE: Duration = Duration::from_secs(1);
const CEILING: Duration = Duration::from_secs(20);
/// How much longer than its own backoff a client waits at the server's word.
const HINT_ROOM: Duration = Duration::from_secs(5);
const QUOTA: u32 = 500;
const TRANSIENT_COST: u32 = 14;
const THROTTLED_COST: u32 = 5;
/// Requests for an image that the service fails to download in time: the image's host is slow, and more will not help.
const DOWNLOAD_ATTEMPTS: u32 = 2;

/// What to do after a request that may have been charged, and whose outcome nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnAmbiguous {
    /// One further attempt, which may be charged as well.
    Retry,
    /// None: the caller decides.
    Raise,
}

impl OnAmbiguous {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "retry" => Ok(Self::Retry),
            "raise" => Ok(Self::Raise),
            _ => Err(Error::new(Kind::Config, "on_ambiguous must be 'retry' (default) or 'raise'")),
        }
    }
}

/// How persistent a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub max_retries: u32,
    pub on_ambiguous: OnAmbiguous,
    /// Whether there is another region to go to: trouble that passes, and that cost nothing, is not waited for.
    pub gives_way: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_retries: MAX_RETRIES, on_ambiguous: OnAmbiguous::Retry, gives_way: false }
    }
}

/// Checks a number of retries (M10).
pub fn max_retries(value: i64) -> Result<u32> {
    let refused = || Error::new(Kind::Config, format!("max_retries must be a whole number from 0 to {MOST_RETRIES}"));
    u32::try_from(value).ok().filter(|number| *number <= MOST_RETRIES).ok_or_else(refused)
}

/// What an error calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Trying again unchanged would end the same way.
    Final,
    /// Trouble that passes, and that cost nothing.
    Transient,
    /// Too many calls: wait longer.
    Throttled,
    /// The request may have been charged.
    Ambiguous,
    /// Once, since the clock has been put right meanwhile.
    Corrected,
}

/// The table: what an error of an operation calls for. `is_corrected` says that what was wrong has been put right.
pub fn classify(operation: Operation, error: &Error, is_corrected: bool) -> Class {
    if error.facts().billing == Some(Billing::Billed) {
        // Paid for already: asking again would pay twice for certain.
        return Class::Final;
    }
    let doubtful = operation.is_paid() && error.facts().billing == Some(Billing::PossiblyBilled);
    match error.kind() {
        Kind::AmbiguousOutcome | Kind::DetectTimeout | Kind::ResponseDecode | Kind::NonceUsed if doubtful => {
            Class::Ambiguous
        }
        // A doubt outweighs whatever else the answer says (D15).
        _ if doubtful && error.facts().http_status.is_some_and(|status| status != 200) => Class::Ambiguous,
        _ if doubtful => Class::Final,
        _ if is_corrected => Class::Corrected,
        Kind::Throttled => Class::Throttled,
        Kind::Connect
        | Kind::ConnectTimeout
        | Kind::Dns
        | Kind::Proxy
        | Kind::ResourceExhausted
        | Kind::Server
        | Kind::ImageDownloadTimeout
        | Kind::UploadIntegrity
        // These four are free of charge here, or certainly refused: no doubt that costs anything.
        | Kind::AmbiguousOutcome
        | Kind::DetectTimeout
        | Kind::ResponseDecode
        | Kind::NonceUsed => Class::Transient,
        _ => Class::Final,
    }
}

/// A client's credit for trying again: spent by retries, earned by successes. During an outage it runs out after 35
/// retries, and every further call fails at its first attempt.
#[derive(Debug)]
pub struct Quota(AtomicU32);

impl Default for Quota {
    fn default() -> Self {
        Self(AtomicU32::new(QUOTA))
    }
}

impl Quota {
    fn spend(&self, cost: u32) -> bool {
        let take = |left: u32| left.checked_sub(cost);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    fn earn(&self, amount: u32) {
        let add = |left: u32| Some((left + amount).min(QUOTA));
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
    }

    pub fn left(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }
}

/// The attempts of one operation of one call.
#[derive(Debug)]
pub struct Retries<'a> {
    policy: Policy,
    operation: Operation,
    quota: &'a Quota,
    /// Retries made, each paid from the quota.
    made: u32,
    /// What the last retry cost, which a success gives back.
    spent: u32,
    has_doubt: bool,
    is_corrected: bool,
}

impl<'a> Retries<'a> {
    pub const fn new(policy: Policy, operation: Operation, quota: &'a Quota) -> Self {
        Self { policy, operation, quota, made: 0, spent: 0, has_doubt: false, is_corrected: false }
    }

    /// Whether one more attempt would be within the policy.
    const fn may_go_on(&self) -> bool {
        !self.has_doubt && self.made < self.policy.max_retries
    }

    /// The operation succeeded.
    pub fn succeeded(&self) {
        self.quota.earn(if self.made == 0 { 1 } else { self.spent });
    }

    /// One more attempt after what no rest would help against; says whether there may be one, which then counts as a retry.
    pub fn at_once(&mut self) -> bool {
        let is_allowed = self.may_go_on() && self.quota.spend(TRANSIENT_COST);
        if is_allowed {
            self.made += 1;
            self.spent = TRANSIENT_COST;
        }
        is_allowed
    }

    /// The retry that was allowed last is not made: it costs nothing.
    pub fn withdrawn(&mut self) {
        self.quota.earn(std::mem::take(&mut self.spent));
        self.made = self.made.saturating_sub(1);
    }

    /// The operation failed: how long to wait before the next attempt, or `None` if there is none. `is_corrected` says that
    /// the cause has been put right, which is believed once.
    pub fn failed(&mut self, error: &Error, is_corrected: bool, ambient: &Ambient) -> Option<Duration> {
        let class = classify(self.operation, error, is_corrected && !self.is_corrected);
        // The attempt after a doubtful one is the last one, however it ends.
        if self.has_doubt || self.made >= self.policy.max_retries {
            return None;
        }
        match class {
            Class::Final => return None,
            Class::Ambiguous if self.policy.on_ambiguous == OnAmbiguous::Raise => return None,
            Class::Ambiguous => self.has_doubt = true,
            Class::Corrected => self.is_corrected = true,
            Class::Transient if error.kind() == Kind::ImageDownloadTimeout && self.made + 1 >= DOWNLOAD_ATTEMPTS => {
                return None;
            }
            Class::Transient if self.policy.gives_way => return None,
            Class::Transient if error.kind() == Kind::UploadIntegrity && self.made > 0 => return None,
            Class::Transient | Class::Throttled => {}
        }
        let cost = if class == Class::Throttled { THROTTLED_COST } else { TRANSIENT_COST };
        if !self.quota.spend(cost) {
            return None;
        }
        let base = if class == Class::Throttled { THROTTLED_BASE } else { BASE };
        let own = backoff(base, self.made, ambient.fraction());
        self.made += 1;
        self.spent = cost;
        // What was corrected needs no rest.
        Some(if class == Class::Corrected { Duration::ZERO } else { hinted(own, error.facts().retry_after) })
    }
}

/// Full jitter: anything from nothing to the whole.
fn backoff(base: Duration, retry: u32, fraction: f64) -> Duration {
    base.saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX)).min(CEILING).mul_f64(fraction.clamp(0.0, 1.0))
}

/// The server's wish, but no less than the own backoff and no more than five seconds longer.
fn hinted(own: Duration, hint: Option<Duration>) -> Duration {
    hint.map_or(own, |hint| hint.clamp(own, own + HINT_ROOM))
}

/// Reads the hint of an answer: milliseconds in `x-acs-retry-after`, else seconds or a date in `Retry-After`. What is
/// nothing, negative or unreadable counts as not said (C03, C04).
pub fn hint(milliseconds: Option<&str>, retry_after: Option<&str>, now: Duration) -> Option<Duration> {
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|number| *number > 0);
    if let Some(value) = milliseconds.and_then(number) {
        return Some(Duration::from_millis(value));
    }
    let text = retry_after?;
    let by_date = || crate::encode::http_date(text)?.checked_sub(now).filter(|wait| !wait.is_zero());
    number(text).map(Duration::from_secs).or_else(by_date)
}

#[cfg(test)]
mod tests;
