//! Errors as facts: what kind, what was asked, what was charged. The words are for people, the facts for programs.
use crate::attempt::{Attempt, Billing};
use std::fmt;
use std::time::Duration;

/// What went wrong, by meaning. Each kind is one exception class in Python, of the name that [`Kind::name`] gives.
///
/// The kinds say nothing about retrying or billing by themselves where that depends on how far a request got; the table
/// in `wire::codes` decides that for answers, the transport's map for everything without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    // Before any packet.
    Config,
    Credentials,
    CredentialsNotFound,
    CredentialsExpired,
    InvalidParameter,
    InvalidUrl,
    ImageFile,
    ImageFileNotFound,
    ImageTooLarge,
    UnsupportedImageFormat,
    UnsupportedSource,
    ClientClosed,
    PaceTimeout,
    PaceUnavailable,
    // No connection: nothing was sent.
    Connect,
    ConnectTimeout,
    Dns,
    Tls,
    Proxy,
    ProxyAuthentication,
    ResourceExhausted,
    // Sent, and the outcome is unknown.
    AmbiguousOutcome,
    DetectTimeout,
    ResponseDecode,
    NonceUsed,
    // An answer came.
    ResponseSchema,
    UnexpectedRedirect,
    Authentication,
    ClockSkew,
    PermissionDenied,
    AccountNotReady,
    Throttled,
    ImageDownload,
    ImageDownloadTimeout,
    Server,
    UnknownService,
    Upload,
    UploadIntegrity,
    // A scan ends, or cannot begin.
    Budget,
    ScanPaused,
    Store,
    StoreLocked,
    StoreFull,
    StoreDamaged,
    // Ours.
    Internal,
}

impl Kind {
    pub const ALL: [Self; 45] = [
        Self::Config,
        Self::Credentials,
        Self::CredentialsNotFound,
        Self::CredentialsExpired,
        Self::InvalidParameter,
        Self::InvalidUrl,
        Self::ImageFile,
        Self::ImageFileNotFound,
        Self::ImageTooLarge,
        Self::UnsupportedImageFormat,
        Self::UnsupportedSource,
        Self::ClientClosed,
        Self::PaceTimeout,
        Self::PaceUnavailable,
        Self::Connect,
        Self::ConnectTimeout,
        Self::Dns,
        Self::Tls,
        Self::Proxy,
        Self::ProxyAuthentication,
        Self::ResourceExhausted,
        Self::AmbiguousOutcome,
        Self::DetectTimeout,
        Self::ResponseDecode,
        Self::NonceUsed,
        Self::ResponseSchema,
        Self::UnexpectedRedirect,
        Self::Authentication,
        Self::ClockSkew,
        Self::PermissionDenied,
        Self::AccountNotReady,
        Self::Throttled,
        Self::ImageDownload,
        Self::ImageDownloadTimeout,
        Self::Server,
        Self::UnknownService,
        Self::Upload,
        Self::UploadIntegrity,
        Self::Budget,
        Self::ScanPaused,
        Self::Store,
        Self::StoreLocked,
        Self::StoreFull,
        Self::StoreDamaged,
        Self::Internal,
    ];

    /// The name of the exception class, which is also the `outcome` of an attempt.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "ConfigError",
            Self::Credentials => "CredentialsError",
            Self::CredentialsNotFound => "CredentialsNotFound",
            Self::CredentialsExpired => "CredentialsExpired",
            Self::InvalidParameter => "InvalidParameter",
            Self::InvalidUrl => "InvalidUrl",
            Self::ImageFile => "ImageFileError",
            Self::ImageFileNotFound => "ImageFileNotFound",
            Self::ImageTooLarge => "ImageTooLarge",
            Self::UnsupportedImageFormat => "UnsupportedImageFormat",
            Self::UnsupportedSource => "UnsupportedSource",
            Self::ClientClosed => "ClientClosed",
            Self::PaceTimeout => "PaceTimeout",
            Self::PaceUnavailable => "PaceUnavailable",
            Self::Connect => "ConnectError",
            Self::ConnectTimeout => "ConnectTimeout",
            Self::Dns => "DnsError",
            Self::Tls => "TlsError",
            Self::Proxy => "ProxyError",
            Self::ProxyAuthentication => "ProxyAuthenticationError",
            Self::ResourceExhausted => "ResourceExhausted",
            Self::AmbiguousOutcome => "AmbiguousOutcomeError",
            Self::DetectTimeout => "DetectTimeout",
            Self::ResponseDecode => "ResponseDecodeError",
            Self::NonceUsed => "NonceUsedError",
            Self::ResponseSchema => "ResponseSchemaError",
            Self::UnexpectedRedirect => "UnexpectedRedirect",
            Self::Authentication => "AuthenticationError",
            Self::ClockSkew => "ClockSkewError",
            Self::PermissionDenied => "PermissionDenied",
            Self::AccountNotReady => "AccountNotReady",
            Self::Throttled => "ThrottledError",
            Self::ImageDownload => "ImageDownloadError",
            Self::ImageDownloadTimeout => "ImageDownloadTimeout",
            Self::Server => "ServerError",
            Self::UnknownService => "UnknownServiceError",
            Self::Upload => "UploadError",
            Self::UploadIntegrity => "UploadIntegrityError",
            Self::Budget => "BudgetExceeded",
            Self::ScanPaused => "ScanPaused",
            Self::Store => "StoreError",
            Self::StoreLocked => "StoreLocked",
            Self::StoreFull => "StoreFull",
            Self::StoreDamaged => "StoreDamaged",
            Self::Internal => "InternalError",
        }
    }

    /// Whether the same call may succeed later without being changed. This is advice for callers; it does not say that
    /// trying again is free of charge (see [`Error::billing`]).
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::ConnectTimeout
                | Self::Dns
                | Self::PaceTimeout
                | Self::PaceUnavailable
                | Self::Proxy
                | Self::ResourceExhausted
                | Self::AmbiguousOutcome
                | Self::DetectTimeout
                | Self::ResponseDecode
                | Self::NonceUsed
                | Self::Throttled
                | Self::ImageDownload
                | Self::ImageDownloadTimeout
                | Self::Server
                | Self::UploadIntegrity
                | Self::StoreLocked
                | Self::StoreFull
        )
    }
}

/// One failed call. The message is a single line that says what was wrong and what to do; it never holds a secret.
#[derive(Debug, Clone)]
pub struct Error {
    kind: Kind,
    message: String,
    facts: Box<Facts>,
}

/// The facts about a failed call, all optional.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The code as the service wrote it: a business code such as `404`, or a gateway code such as `Throttling.User`.
    pub code: Option<String>,
    pub http_status: Option<u16>,
    pub request_id: Option<String>,
    pub attempts: Vec<Attempt>,
    /// The answer's own text, shortened and with secrets taken out.
    pub raw: Option<String>,
    /// The operating system's error number and the file concerned, for errors about files.
    pub errno: Option<i32>,
    pub filename: Option<String>,
    /// How this last request was charged, where it is not what the attempts say.
    pub billing: Option<Billing>,
    /// How long the server asks to wait before the next try.
    pub retry_after: Option<Duration>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: one_line(&message.into()), facts: Box::default() }
    }

    pub const fn kind(&self) -> Kind {
        self.kind
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    /// What the call cost, over all of its requests.
    pub fn billing(&self) -> Billing {
        match self.facts.billing {
            Some(verdict) if self.facts.attempts.is_empty() => verdict,
            _ => Billing::worst(&self.facts.attempts),
        }
    }

    /// The same error with more words behind its own.
    #[must_use]
    pub fn adding(mut self, words: &str) -> Self {
        self.message = one_line(&format!("{} {words}", self.message));
        self
    }

    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.facts.code = Some(code.into());
        self
    }

    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.facts.http_status = Some(status);
        self
    }

    #[must_use]
    pub fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.facts.request_id = request_id;
        self
    }

    #[must_use]
    pub fn with_raw(mut self, raw: impl Into<String>) -> Self {
        self.facts.raw = Some(raw.into());
        self
    }

    #[must_use]
    pub fn with_file(mut self, filename: impl Into<String>, errno: Option<i32>) -> Self {
        self.facts.filename = Some(filename.into());
        self.facts.errno = errno;
        self
    }

    /// How the request that failed was charged, until the attempts say so.
    #[must_use]
    pub fn with_billing(mut self, billing: Billing) -> Self {
        self.facts.billing = Some(billing);
        self
    }
}

/// Folds whatever would break a log line: line ends and control characters become visible escapes.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => line.push(' '),
            control if control.is_control() => line.extend(control.escape_default()),
            // Bidirectional marks reorder what a terminal shows, and two separators end a line for some readers.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(character.escape_unicode());
            }
            other => line.push(other),
        }
    }
    line
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_kind_has_a_class_name_of_its_own() {
        let names: HashSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }

    /// N04.
    #[test]
    fn a_message_is_one_line_whatever_it_was_made_from() {
        let error = Error::new(Kind::Server, "a\r\nb\u{1b}[31m\u{202e}c\u{200f}\u{2028}\u{7}\u{9b}");
        assert_eq!(error.message(), "a  b\\u{1b}[31m\\u{202e}c\\u{200f}\\u{2028}\\u{7}\\u{9b}");
    }
}
