//! What became of one request: the facts that results and errors both carry.
use std::time::Duration;

/// Whether a request was charged for.
///
/// The service charges for an answered call only (business code 200), so three verdicts are possible once a request
/// may have left this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Billing {
    /// The answer was a success: one call was charged.
    Billed,
    /// Nothing was sent, the operation is free, or the answer refused the call.
    NotBilled,
    /// The request may have been served, but no complete answer proves it either way.
    PossiblyBilled,
}

impl Billing {
    /// The word that users see, on results, exceptions and in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billed => "billed",
            Self::NotBilled => "not_billed",
            Self::PossiblyBilled => "possibly_billed",
        }
    }

    /// The verdict over several requests: one charge outweighs a doubt, a doubt outweighs none.
    #[must_use]
    pub fn worst(attempts: &[Attempt]) -> Self {
        let has = |wanted| attempts.iter().any(|attempt| attempt.billing == wanted);
        if has(Self::Billed) {
            Self::Billed
        } else if has(Self::PossiblyBilled) {
            Self::PossiblyBilled
        } else {
            Self::NotBilled
        }
    }
}

/// The requests that a call can be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Free: asks for a place to upload a local image to.
    DescribeUploadToken,
    /// Free: puts the image there.
    PutObject,
    /// The paid call.
    ImageModeration,
}

impl Operation {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DescribeUploadToken => "DescribeUploadToken",
            Self::PutObject => "PutObject",
            Self::ImageModeration => "ImageModeration",
        }
    }

    /// Only the moderation itself has a price; the other two are free of charge.
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::ImageModeration)
    }
}

/// One request that was tried, in the order of trying.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub operation: Operation,
    pub billing: Billing,
    /// `ok`, or the name of the error that this request ended with.
    pub outcome: &'static str,
    /// The code of the answer as the service wrote it, if there was an answer with one.
    pub code: Option<String>,
    pub request_id: Option<String>,
    pub region: Option<String>,
    /// From before the connection was asked for to the last byte of the answer.
    pub elapsed: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(billing: Billing) -> Attempt {
        Attempt {
            operation: Operation::ImageModeration,
            billing,
            outcome: "ok",
            code: None,
            request_id: None,
            region: None,
            elapsed: Duration::ZERO,
        }
    }

    #[test]
    fn a_charge_outweighs_a_doubt_and_a_doubt_outweighs_nothing() {
        use Billing::{Billed, NotBilled, PossiblyBilled};
        assert_eq!(Billing::worst(&[]), NotBilled);
        assert_eq!(Billing::worst(&[attempt(NotBilled), attempt(PossiblyBilled)]), PossiblyBilled);
        assert_eq!(Billing::worst(&[attempt(PossiblyBilled), attempt(Billed), attempt(NotBilled)]), Billed);
    }
}
