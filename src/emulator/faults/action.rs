//! What a fault does, and at which stages that makes sense.
use super::plan::{Stage, Written};
use std::time::Duration;

/// The longest that anything is held, unless a plan says otherwise.
const HELD: f64 = 60.0;
/// The largest that a plan may ask for: lines, headers, an unpacked answer.
const LARGEST: usize = 64 * 1024 * 1024;

/// How a call too many is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Shape {
    /// Code 403 inside of an HTTP 200.
    Body,
    /// HTTP 400 with `Throttling.User`.
    Gateway,
    /// A bare HTTP 429.
    Http,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::emulator) enum Action {
    Delay(Duration),
    Stall(Duration),
    Fin,
    Rst,
    /// Bytes that are no answer; the SSH banner is one.
    Garbage(String),
    ContentLength(i64),
    TwoLengths,
    Html(u16),
    Redirect {
        status: u16,
        location: String,
    },
    /// The answer packed, with as many blanks behind it as are given.
    Gzip(usize),
    Endless {
        bytes: usize,
        interval: Duration,
        limit: Duration,
    },
    Trickle {
        bytes: usize,
        interval: Duration,
    },
    Truncate(f64),
    Status {
        status: u16,
        body: String,
        content_type: String,
        retry: RetryAfter,
    },
    Headers {
        count: usize,
        bytes: usize,
    },
    DuplicateKeys,
    DeepNesting(usize),
    InvalidUtf8,
    Informational(usize),
    NoContent,
    Http10,
    Throttle {
        shape: Shape,
        retry: RetryAfter,
    },
    ExpiredToken,
    /// The words of whoever answers: JSON of the gateway, XML of the storage.
    Refuse {
        status: u16,
        code: String,
        message: String,
        ec: String,
    },
    Crc,
    ObjectLost,
    NonceUsed,
    /// A clock that is ahead by so many seconds, for one request.
    Clock(f64),
}

/// What an answer says of when to come again, verbatim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::emulator) struct RetryAfter {
    /// `x-acs-retry-after`
    pub milliseconds: Option<String>,
    /// `Retry-After`
    pub common: Option<String>,
}

impl RetryAfter {
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let named = [("x-acs-retry-after", &self.milliseconds), ("retry-after", &self.common)];
        named.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))).collect()
    }

    fn of(written: &Written) -> Self {
        Self { milliseconds: written.retry_after_ms.clone(), common: written.retry_after.clone() }
    }
}

/// Every action by its name, and the details that it may be given.
const NAMES: [(&str, &[&str]); 29] = [
    ("delay", &["seconds"]),
    ("stall", &["seconds"]),
    ("fin", &[]),
    ("rst", &[]),
    ("garbage", &["text"]),
    ("banner", &[]),
    ("content_length", &["by"]),
    ("two_lengths", &[]),
    ("html", &["status"]),
    ("redirect", &["status", "location"]),
    ("gzip", &["bytes"]),
    ("endless", &["bytes", "interval", "seconds"]),
    ("trickle", &["bytes", "interval"]),
    ("truncate", &["keep"]),
    ("status", &["status", "body", "content_type", "retry_after", "retry_after_ms"]),
    ("headers", &["count", "bytes"]),
    ("duplicate_keys", &[]),
    ("deep_nesting", &["count"]),
    ("invalid_utf8", &[]),
    ("informational", &["count"]),
    ("no_content", &[]),
    ("http10", &[]),
    ("throttle", &["shape", "retry_after", "retry_after_ms"]),
    ("expired_token", &[]),
    ("refuse", &["status", "code", "message", "ec"]),
    ("crc", &[]),
    ("object_lost", &[]),
    ("nonce_used", &[]),
    ("clock", &["offset"]),
];

fn span(name: &str, value: Option<f64>, default: f64) -> Result<Duration, String> {
    let seconds = value.unwrap_or(default);
    let found = Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds <= 3_600.0);
    found.ok_or_else(|| format!("{name} is a number of seconds from 0 to 3,600"))
}

fn size(name: &str, value: Option<usize>, default: usize) -> Result<usize, String> {
    let size = value.unwrap_or(default);
    if (1..=LARGEST).contains(&size) { Ok(size) } else { Err(format!("{name} is from 1 to {LARGEST}")) }
}

fn status(value: Option<u16>, default: u16, range: std::ops::Range<u16>) -> Result<u16, String> {
    let status = value.unwrap_or(default);
    if range.contains(&status) {
        return Ok(status);
    }
    Err(format!("status is from {} to {}", range.start, range.end - 1))
}

fn plain(name: &str, text: Option<&str>) -> Result<(), String> {
    let is_plain = text.is_none_or(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
    if is_plain { Ok(()) } else { Err(format!("{name} is printable ASCII, since it goes into a header")) }
}

impl Action {
    /// The names of the details that an action may be given.
    pub(super) fn details(name: &str) -> &'static [&'static str] {
        NAMES.iter().find(|(known, _)| *known == name).map_or(&[], |(_, details)| details)
    }

    pub(super) fn read(written: &Written) -> Result<Self, String> {
        for (name, text) in [
            ("content_type", &written.content_type),
            ("location", &written.location),
            ("ec", &written.ec),
            ("retry_after", &written.retry_after),
            ("retry_after_ms", &written.retry_after_ms),
        ] {
            plain(name, text.as_deref())?;
        }
        let text = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
        Ok(match written.action.as_str() {
            "delay" => Self::Delay(span("seconds", written.seconds, 1.0)?),
            "stall" => Self::Stall(span("seconds", written.seconds, HELD)?),
            "fin" => Self::Fin,
            "rst" => Self::Rst,
            "garbage" => Self::Garbage(text(&written.text, "%!PS-Adobe-3.0\r\n\r\n\u{0}\u{1}\u{2}")),
            "banner" => Self::Garbage("SSH-2.0-OpenSSH_10.0\r\n".to_owned()),
            "content_length" => match written.by.unwrap_or(10) {
                0 => {
                    return Err(
                        "by is how much longer (or, below 0, shorter) than the body the header says it is".into()
                    );
                }
                by => Self::ContentLength(by),
            },
            "two_lengths" => Self::TwoLengths,
            "html" => Self::Html(status(written.status, 200, 200..600)?),
            "redirect" => Self::Redirect {
                status: status(written.status, 302, 300..400)?,
                location: text(&written.location, "http://127.0.0.1:9/elsewhere"),
            },
            "gzip" => Self::Gzip(written.bytes.map_or(Ok(0), |bytes| size("bytes", Some(bytes), 1))?),
            "endless" => Self::Endless {
                bytes: size("bytes", written.bytes, 16 * 1024)?,
                interval: span("interval", written.interval, 0.0)?,
                limit: span("seconds", written.seconds, HELD)?,
            },
            "trickle" => Self::Trickle {
                bytes: size("bytes", written.bytes, 1)?,
                interval: span("interval", written.interval, 0.0)?,
            },
            "truncate" => match written.keep.unwrap_or(0.5) {
                keep if (0.0..1.0).contains(&keep) => Self::Truncate(keep),
                _ => return Err("keep is the share of the body that is sent, from 0 to below 1".into()),
            },
            "status" => Self::Status {
                status: status(written.status, 503, 200..600)?,
                body: text(&written.body, ""),
                content_type: text(&written.content_type, "text/plain"),
                retry: RetryAfter::of(written),
            },
            "headers" => Self::Headers {
                count: size("count", written.count, if written.bytes.is_some() { 1 } else { 100_000 })?,
                bytes: size("bytes", written.bytes, 8)?,
            },
            "duplicate_keys" => Self::DuplicateKeys,
            "deep_nesting" => Self::DeepNesting(size("count", written.count, 100_000)?),
            "invalid_utf8" => Self::InvalidUtf8,
            "informational" => Self::Informational(size("count", written.count, 1_000)?),
            "no_content" => Self::NoContent,
            "http10" => Self::Http10,
            "throttle" => Self::Throttle {
                shape: match written.shape.as_deref() {
                    None | Some("body") => Shape::Body,
                    Some("gateway") => Shape::Gateway,
                    Some("http") => Shape::Http,
                    Some(_) => return Err("shape is body, gateway or http".into()),
                },
                retry: RetryAfter::of(written),
            },
            "expired_token" => Self::ExpiredToken,
            "refuse" => Self::Refuse {
                status: status(written.status, 403, 400..600)?,
                code: written.code.clone().filter(|code| !code.is_empty()).ok_or("refuse needs a code")?,
                message: text(&written.message, "Refused by a plan of faults."),
                ec: text(&written.ec, "0002-00000000"),
            },
            "crc" => Self::Crc,
            "object_lost" => Self::ObjectLost,
            "nonce_used" => Self::NonceUsed,
            "clock" => match written.offset.unwrap_or(3_600.0) {
                offset if (-1e9..=1e9).contains(&offset) => Self::Clock(offset),
                _ => return Err("offset is a number of seconds within 1,000,000,000 of 0".into()),
            },
            other => {
                let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                return Err(format!("action is one of {}, not '{other}'", names.join(", ")));
            }
        })
    }

    /// Refuses an action at a stage where it cannot be done, or where it would make the service lie about a charge: what
    /// says that nothing was charged belongs before the charge.
    pub(super) fn check_stage(&self, name: &str, stage: Stage) -> Result<(), String> {
        use Stage::{AfterBilling, BeforeBilling, MidRequest};
        let stages: &[Stage] = match self {
            Self::Delay(_) | Self::Stall(_) | Self::Fin | Self::Rst | Self::Garbage(_) => &Stage::ALL,
            Self::Html(200 | 502 | 504) | Self::Status { status: 200 | 502 | 504, .. } => {
                &[MidRequest, BeforeBilling, AfterBilling]
            }
            Self::Html(_) | Self::Status { .. } | Self::Redirect { .. } | Self::Throttle { .. } => {
                &[MidRequest, BeforeBilling]
            }
            Self::ExpiredToken | Self::Refuse { .. } | Self::ObjectLost | Self::Clock(_) => &[BeforeBilling],
            Self::Crc => &[AfterBilling],
            _ => &[BeforeBilling, AfterBilling],
        };
        if stages.contains(&stage) {
            return Ok(());
        }
        let names: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
        Err(format!("the action {name} acts at {}, not at {}", names.join(", "), stage.name()))
    }

    /// The one operation that an action is about.
    pub(super) const fn only_for(&self) -> Option<&'static str> {
        match self {
            Self::Crc => Some("PutObject"),
            Self::ObjectLost | Self::NonceUsed => Some("ImageModeration"),
            _ => None,
        }
    }

    /// Whether it changes the JSON of an answer, which the storage's have none of.
    pub(super) const fn needs_json(&self) -> bool {
        matches!(self, Self::Truncate(_) | Self::DuplicateKeys | Self::DeepNesting(_) | Self::InvalidUtf8)
    }
}
