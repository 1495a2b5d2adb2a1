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

/// Why a connection was not made. `through_proxy` says that one was in use.
pub(super) fn connecting(
    error: &(dyn StdError + 'static),
    is_dns: bool,
    is_timeout: bool,
    through_proxy: bool,
) -> Failure {
    if let Some(tls) = cause::<rustls::Error>(error) {
        return Failure::new(Kind::Tls, false, format!("the TLS handshake failed: {}", tls_reason(tls)));
    }
    let text = innermost(error).to_string();
    if is_dns {
        return Failure::new(Kind::Dns, false, format!("the host name could not be resolved: {text}"));
    }
    let whole = chain(error);
    if through_proxy && (whole.contains("tunnel") || whole.contains("proxy")) {
        let hint =
            if whole.contains("auth") { "it wants a user name and password" } else { "it refused the connection" };
        return Failure::new(Kind::Proxy, false, format!("the proxy could not be used ({hint}): {text}"));
    }
    if is_timeout {
        return Failure::new(Kind::ConnectTimeout, false, "no connection within the connect time-out");
    }
    Failure::new(Kind::Connect, false, format!("no connection: {text}"))
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut current = error.source();
    while let Some(cause) = current {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        current = cause.source();
    }
    text.to_ascii_lowercase()
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
