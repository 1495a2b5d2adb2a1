//! What an error of one call means for the scan: is it about the image, about the moment, or about all calls to come?
use super::weather::Sign;
use crate::attempt::Billing;
use crate::error::{Error, Kind};

/// What to do with an item whose call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is a row with an error.
    Row(Sign),
    /// The account, the credentials or the client: no call would fare better. The scan ends, the item is left for the next
    /// run.
    Stop,
    /// The item goes back and waits; this does not count against it.
    Wait(Sign),
    /// The item goes back; after a few rounds it is a row with an error.
    Again(Sign),
    /// The item goes back, since the client learns from the refusal; after a few rounds the scan ends.
    AgainOrStop(Sign),
}

impl Verdict {
    /// What it comes to in the last round.
    pub(super) const fn at_last(self) -> Self {
        match self {
            Self::Again(sign) => Self::Row(sign),
            Self::AgainOrStop(_) => Self::Stop,
            Self::Stop | Self::Row(_) | Self::Wait(_) => self,
        }
    }
}

/// The table. What was paid for, or may have been, is never asked again by itself.
pub(super) fn judge(error: &Error) -> Verdict {
    use Verdict::{Again, AgainOrStop, Row, Stop, Wait};
    let kind = error.kind();
    match kind {
        Kind::Config
        | Kind::Credentials
        | Kind::CredentialsNotFound
        | Kind::CredentialsExpired
        | Kind::Authentication
        | Kind::PermissionDenied
        | Kind::AccountNotReady
        | Kind::ProxyAuthentication
        | Kind::Tls
        | Kind::ClientClosed
        | Kind::Budget
        | Kind::ScanPaused
        | Kind::Store
        | Kind::StoreLocked
        | Kind::StoreFull
        | Kind::StoreDamaged => Stop,
        _ if error.billing() != Billing::NotBilled => Row(doubtful(kind)),
        // Calls side by side learn the server's time from each other's answers: one that was wrong misleads a few.
        Kind::ClockSkew => AgainOrStop(Sign::Fair),
        Kind::Connect
        | Kind::ConnectTimeout
        | Kind::Dns
        | Kind::Proxy
        | Kind::ResourceExhausted
        | Kind::PaceUnavailable
        | Kind::Throttled => Wait(Sign::Outage),
        // Others take the turns: it says nothing of the service.
        Kind::PaceTimeout => Wait(Sign::Silent),
        Kind::Server
        | Kind::DetectTimeout
        | Kind::AmbiguousOutcome
        | Kind::ResponseDecode
        | Kind::NonceUsed
        | Kind::UnexpectedRedirect
        | Kind::Upload
        | Kind::UploadIntegrity
        | Kind::ResponseSchema => Again(Sign::Bad),
        Kind::InvalidParameter | Kind::UnknownService if error.facts().code.is_some() => Row(Sign::Refusal),
        Kind::InvalidParameter
        | Kind::UnknownService
        | Kind::InvalidUrl
        | Kind::ImageFile
        | Kind::ImageFileNotFound
        | Kind::ImageTooLarge
        | Kind::UnsupportedImageFormat
        | Kind::UnsupportedSource
        | Kind::ImageDownload
        | Kind::ImageDownloadTimeout
        | Kind::Internal => Row(Sign::Fair),
    }
}

/// A lost answer is a bad sign; one that was read, and lacks something, shows that the service is there.
const fn doubtful(kind: Kind) -> Sign {
    match kind {
        Kind::DetectTimeout | Kind::AmbiguousOutcome | Kind::ResponseDecode | Kind::Server => Sign::Bad,
        _ => Sign::Fair,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(kind: Kind) -> Verdict {
        judge(&Error::new(kind, "").with_billing(Billing::NotBilled))
    }

    /// A04, A11, A17, D10, F18, C06: the account stops a scan, the network makes it wait, an image is one row.
    #[test]
    fn the_account_stops_the_network_waits_and_an_image_is_a_row() {
        for kind in [Kind::Authentication, Kind::PermissionDenied, Kind::AccountNotReady, Kind::CredentialsNotFound] {
            assert_eq!(free(kind), Verdict::Stop, "{kind:?}");
        }
        for kind in [Kind::Connect, Kind::Dns, Kind::ConnectTimeout, Kind::Proxy, Kind::Throttled] {
            assert_eq!(free(kind), Verdict::Wait(Sign::Outage), "{kind:?}");
        }
        for kind in [Kind::ImageDownload, Kind::ImageFileNotFound, Kind::UnsupportedImageFormat, Kind::InvalidUrl] {
            assert_eq!(free(kind), Verdict::Row(Sign::Fair), "{kind:?}");
        }
        assert_eq!(free(Kind::Server), Verdict::Again(Sign::Bad));
        assert_eq!(free(Kind::ClockSkew).at_last(), Verdict::Stop);
    }

    /// D03: only an answer of the service is a refusal of it.
    #[test]
    fn a_parameter_that_is_refused_here_is_no_refusal_of_the_service() {
        assert_eq!(free(Kind::InvalidParameter), Verdict::Row(Sign::Fair));
        let answered = Error::new(Kind::InvalidParameter, "").with_code("401").with_billing(Billing::NotBilled);
        assert_eq!(judge(&answered), Verdict::Row(Sign::Refusal));
    }

    /// What may have been charged is asked again by nobody but the user; the scan's money comes before its progress.
    #[test]
    fn whatever_may_have_been_paid_is_a_row() {
        for kind in Kind::ALL {
            for billing in [Billing::Billed, Billing::PossiblyBilled] {
                let verdict = judge(&Error::new(kind, "").with_billing(billing));
                assert!(matches!(verdict, Verdict::Row(_) | Verdict::Stop), "{kind:?} {billing:?}");
            }
        }
    }
}
