//! Why there is no answer. Only a connection that was never made, or a request of which no byte was taken, proves that
//! nothing was sent.
use crate::error::Kind;
use std::error::Error as StdError;
use std::io;

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    /// Whether the request may have left this machine.
    pub sent: bool,
    /// One line for people, without the URL.
    pub message: String,
}

impl Failure {
    pub fn new(kind: Kind, sent: bool, message: impl Into<String>) -> Self {
        Self { kind, sent, message: message.into() }
    }
}

/// The innermost cause of an error, which is the one that says something.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// Looks for a cause of a given type; an `io::Error` hides the error it was made of behind `get_ref`, at any depth.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        current = match hidden {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// Why there is no TLS on a connection.
pub(super) fn handshake(error: &io::Error) -> Failure {
    if let Some(tls) = cause::<rustls::Error>(error) {
        return Failure::new(Kind::Tls, false, format!("the TLS handshake failed: {}", tls_reason(tls)));
    }
    // The other side went away in the middle (G02): the next attempt may find it in a better mood.
    Failure::new(Kind::Connect, false, format!("the connection ended during the TLS handshake: {error}"))
}

/// The same failure, met on the way to a proxy.
pub(super) fn at_proxy(failure: Failure) -> Failure {
    match failure.kind {
        Kind::ResourceExhausted => failure,
        _ => Failure::new(Kind::Proxy, false, format!("the proxy could not be used: {}", failure.message)),
    }
}

fn tls_reason(error: &rustls::Error) -> String {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    match error {
        rustls::Error::InvalidCertificate(UnknownIssuer) => {
            "the server's certificate is signed by an authority that is not trusted here; a company's own authority goes into \
             ca_file= or SSL_CERT_FILE"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "the server's certificate is for another host name".to_owned()
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "the server's certificate has expired (or this machine's clock is ahead)".to_owned()
        }
        rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            "the server's certificate is not valid yet (or this machine's clock is behind)".to_owned()
        }
        // The verifier's own words for the rest are lists of bytes.
        rustls::Error::InvalidCertificate(_) => {
            "the server's certificate cannot be verified: it is malformed, not signed by the authority that it names, or an \
             authority's own, as self-signed ones often are; the server needs one that an authority in ca_file= or \
             SSL_CERT_FILE has issued"
                .to_owned()
        }
        rustls::Error::InvalidMessage(_) => {
            "the other side does not speak TLS; check endpoint=, its port, and any proxy".to_owned()
        }
        other => other.to_string(),
    }
}

/// Why an answer did not come, or not whole, once there was a connection.
pub(super) fn broken(error: &(dyn StdError + 'static), was_sent: bool) -> Failure {
    if !was_sent {
        return Failure::new(
            Kind::Connect,
            false,
            format!("the connection ended before the request was sent: {}", innermost(error)),
        );
    }
    Failure::new(
        Kind::AmbiguousOutcome,
        true,
        format!("the connection broke before a whole answer came: {}", innermost(error)),
    )
}
