//! What a code means: error kind, what was charged, what to do. One row for each code of the service's page (the
//! business codes, inside an HTTP 200) and for each code of the gateway (a string, with an HTTP error).
//!
//! The numbers are not HTTP's: 403 is the rate limit, 404 means that *the image* could not be downloaded, 408 that the
//! account may not call. Every refusal is free of charge; a nonce that was used before is the one doubtful case, since an
//! earlier copy of the request must have arrived (A09).
use crate::attempt::Billing;
use crate::error::Kind;

/// The code of a success, the only one that is charged.
pub const SUCCESS: i64 = 200;

/// What follows from a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub kind: Kind,
    pub billing: Billing,
    /// What was wrong and what to do, for the message.
    pub advice: &'static str,
}

const fn free(kind: Kind, advice: &'static str) -> Meaning {
    Meaning { kind, billing: Billing::NotBilled, advice }
}

/// The table of the service's page of 2025-11-24.
pub const BUSINESS: [(i64, Meaning); 10] = [
    (400, free(Kind::InvalidParameter, "a request parameter is empty; check the source and the service name")),
    (
        401,
        free(Kind::InvalidParameter, "a request parameter is invalid; check the service name, the URL and the data id"),
    ),
    (402, free(Kind::InvalidParameter, "a request parameter has the wrong length; check the URL, data id and referer")),
    (403, free(Kind::Throttled, "the account's limit of calls per second is exceeded; call more slowly")),
    (404, free(Kind::ImageDownload, "the service could not download the image; check that the URL is public")),
    (405, free(Kind::ImageDownloadTimeout, "the service's download of the image took longer than 3 seconds")),
    (
        406,
        free(
            Kind::ImageTooLarge,
            "the image is too large for the service; the limit is 20 MB and 16,384 pixels a side",
        ),
    ),
    (407, free(Kind::UnsupportedImageFormat, "the service does not support the format of this image")),
    (
        408,
        free(
            Kind::AccountNotReady,
            "the account may not call this service; activate Image Moderation 2.0, settle overdue bills, or grant \
             AliyunYundunGreenWebFullAccess",
        ),
    ),
    (500, free(Kind::Server, "the service had an internal error; try again later")),
];

/// The meaning of a business code other than 200.
pub fn business(code: i64) -> Meaning {
    BUSINESS.iter().find(|(known, _)| *known == code).map_or(
        free(Kind::UnknownService, "the service refused the call with a code that its page does not list"),
        |(_, meaning)| *meaning,
    )
}

const WRONG_KEY: &str = "the access key id is not known or not active; check it and the account it belongs to";
const WRONG_SIGNATURE: &str =
    "the signature was refused; check that the access key secret belongs to the access key id";
const EXPIRED_TOKEN: &str = "the security token has expired; obtain new temporary credentials";
const WRONG_TOKEN: &str = "the security token was refused; it must belong to the access key it is used with";
const WRONG_CLOCK: &str =
    "the request's time was refused; this machine's clock must be within 15 minutes of the server's";
const REPLAYED: &str = "the nonce was used before: something between here and the service sent the request twice";
const SLOW_DOWN: &str = "the gateway throttled the call; call more slowly";
const NOT_PERMITTED: &str = "this identity may not call the service; grant it AliyunYundunGreenWebFullAccess";
const WRONG_HOST: &str = "the endpoint does not know this operation; check endpoint= and region=";
const WRONG_PARAMETER: &str = "the gateway refused a parameter of the request";
const SERVER: &str = "the service had an internal error; try again later";

/// Gateway codes by their beginning; the first row that fits decides.
pub const GATEWAY: [(&str, Meaning); 28] = [
    ("InvalidAccessKeyId", free(Kind::Authentication, WRONG_KEY)),
    ("MissingAccessKeyId", free(Kind::Authentication, WRONG_KEY)),
    ("InvalidCredentials", free(Kind::Authentication, WRONG_KEY)),
    ("SignatureDoesNotMatch", free(Kind::Authentication, WRONG_SIGNATURE)),
    ("IncompleteSignature", free(Kind::Authentication, WRONG_SIGNATURE)),
    ("MissingSignature", free(Kind::Authentication, WRONG_SIGNATURE)),
    ("MissingTimestamp", free(Kind::Authentication, WRONG_SIGNATURE)),
    ("InvalidSecurityToken.Expired", free(Kind::CredentialsExpired, EXPIRED_TOKEN)),
    ("InvalidSecurityToken", free(Kind::Authentication, WRONG_TOKEN)),
    ("MissingSecurityToken", free(Kind::Authentication, WRONG_TOKEN)),
    ("InvalidTimeStamp", free(Kind::ClockSkew, WRONG_CLOCK)),
    ("IllegalTimestamp", free(Kind::ClockSkew, WRONG_CLOCK)),
    ("SignatureNonceUsed", Meaning { kind: Kind::NonceUsed, billing: Billing::PossiblyBilled, advice: REPLAYED }),
    ("Throttling", free(Kind::Throttled, SLOW_DOWN)),
    ("Forbidden", free(Kind::PermissionDenied, NOT_PERMITTED)),
    ("NoPermission", free(Kind::PermissionDenied, NOT_PERMITTED)),
    ("MissingAction", free(Kind::Config, WRONG_HOST)),
    ("MissingVersion", free(Kind::Config, WRONG_HOST)),
    ("InvalidAction", free(Kind::Config, WRONG_HOST)),
    ("InvalidApi", free(Kind::Config, WRONG_HOST)),
    ("InvalidProduct", free(Kind::Config, WRONG_HOST)),
    ("InvalidVersion", free(Kind::Config, WRONG_HOST)),
    ("UnsupportedHTTPMethod", free(Kind::Config, WRONG_HOST)),
    ("Missing", free(Kind::InvalidParameter, WRONG_PARAMETER)),
    ("InvalidParameter", free(Kind::InvalidParameter, WRONG_PARAMETER)),
    ("InternalError", free(Kind::Server, SERVER)),
    ("ServiceUnavailable", free(Kind::Server, SERVER)),
    ("SystemError", free(Kind::Server, SERVER)),
];

/// The meaning of a gateway code; the HTTP status decides only where the code is not known, since the documents disagree
/// on the status of nearly every code.
pub fn gateway(code: &str, http_status: u16) -> Meaning {
    let known = GATEWAY.iter().find(|(prefix, _)| starts_with_ignoring_case(code, prefix));
    known.map_or_else(|| status(http_status), |(_, meaning)| *meaning)
}

/// Whether a gateway code complains of the security token: expired, malformed, or of another key.
pub fn is_about_token(code: &str) -> bool {
    starts_with_ignoring_case(code, "InvalidSecurityToken")
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The meaning of an HTTP status that came without a code.
pub fn status(http_status: u16) -> Meaning {
    match http_status {
        300..=399 => free(Kind::UnexpectedRedirect, "the endpoint answered with a redirect, which is never followed"),
        401 => free(Kind::Authentication, WRONG_SIGNATURE),
        403 => free(Kind::PermissionDenied, NOT_PERMITTED),
        407 => {
            free(Kind::ProxyAuthentication, "the proxy wants a user name and password; put them into the proxy's URL")
        }
        429 => free(Kind::Throttled, SLOW_DOWN),
        511 => free(Kind::Server, "the network asks for a login first (captive portal); open a web page and log in"),
        500..=599 => free(Kind::Server, SERVER),
        200..=299 => Meaning {
            kind: Kind::ResponseDecode,
            billing: Billing::PossiblyBilled,
            advice: "the answer is not one of the service's; a proxy or a captive portal may have answered",
        },
        _ => free(Kind::UnknownService, "the answer is not one of the service's; check endpoint= and any proxy"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D02 to D12: every row of the seed's table, by meaning.
    #[test]
    fn each_business_code_has_its_kind_and_costs_nothing() {
        let expected = [
            (400, Kind::InvalidParameter),
            (401, Kind::InvalidParameter),
            (402, Kind::InvalidParameter),
            (403, Kind::Throttled),
            (404, Kind::ImageDownload),
            (405, Kind::ImageDownloadTimeout),
            (406, Kind::ImageTooLarge),
            (407, Kind::UnsupportedImageFormat),
            (408, Kind::AccountNotReady),
            (500, Kind::Server),
            (280, Kind::UnknownService),
            (-1, Kind::UnknownService),
            (i64::MAX, Kind::UnknownService),
        ];
        for (code, kind) in expected {
            assert_eq!((business(code).kind, business(code).billing), (kind, Billing::NotBilled), "{code}");
        }
    }

    /// A06: what the signature or the address of a call lacks is no parameter of the user's.
    #[test]
    fn a_call_that_lacks_its_frame_is_no_wrong_parameter() {
        for (code, kind) in [
            ("IncompleteSignature", Kind::Authentication),
            ("MissingAccessKeyId", Kind::Authentication),
            ("MissingSignature", Kind::Authentication),
            ("MissingSignatureNonce", Kind::Authentication),
            ("MissingSignatureMethod", Kind::Authentication),
            ("MissingTimestamp", Kind::Authentication),
            ("MissingTimeStamp", Kind::Authentication),
            ("MissingSecurityToken", Kind::Authentication),
            ("MissingAction", Kind::Config),
            ("MissingVersion", Kind::Config),
            ("InvalidVersion", Kind::Config),
            ("InvalidApi.NotFound", Kind::Config),
            ("MissingServiceParameters", Kind::InvalidParameter),
        ] {
            for http_status in [400, 403, 404] {
                let meaning = gateway(code, http_status);
                assert_eq!((meaning.kind, meaning.billing), (kind, Billing::NotBilled), "{code}");
            }
        }
    }

    /// A04 to A11, C01, and the codes of protocol section 4.3, whatever status they come with.
    #[test]
    fn a_gateway_code_decides_before_its_status() {
        for (code, kind) in [
            ("InvalidAccessKeyId.NotFound", Kind::Authentication),
            ("InvalidAccessKeyId.Inactive", Kind::Authentication),
            ("SignatureDoesNotMatch", Kind::Authentication),
            ("IncompleteSignature", Kind::Authentication),
            ("InvalidSecurityToken.Expired", Kind::CredentialsExpired),
            ("InvalidSecurityToken.Malformed", Kind::Authentication),
            ("InvalidTimeStamp.Expired", Kind::ClockSkew),
            ("InvalidTimeStamp.Format", Kind::ClockSkew),
            ("IllegalTimestamp", Kind::ClockSkew),
            ("SignatureNonceUsed", Kind::NonceUsed),
            ("Throttling", Kind::Throttled),
            ("Throttling.User", Kind::Throttled),
            ("Throttling.Api", Kind::Throttled),
            ("Forbidden.RAM", Kind::PermissionDenied),
            ("Forbidden", Kind::PermissionDenied),
            ("Forbidden.RiskControl", Kind::PermissionDenied),
            ("NoPermission", Kind::PermissionDenied),
            ("InvalidAction.NotFound", Kind::Config),
            ("InvalidApi.NotFound", Kind::Config),
            ("InvalidProduct.NotFound", Kind::Config),
            ("InvalidVersion", Kind::Config),
            ("UnsupportedHTTPMethod", Kind::Config),
            ("MissingService", Kind::InvalidParameter),
            ("InvalidParameter", Kind::InvalidParameter),
            ("InternalError", Kind::Server),
            ("ServiceUnavailable", Kind::Server),
        ] {
            for http_status in [400, 403, 404, 500] {
                assert_eq!(gateway(code, http_status).kind, kind, "{code} {http_status}");
            }
            let doubtful = kind == Kind::NonceUsed;
            assert_eq!(gateway(code, 400).billing == Billing::PossiblyBilled, doubtful, "{code}");
        }
    }

    /// E22, E23, C03, C10: answers without a code.
    #[test]
    fn a_bare_status_still_says_something() {
        for (http_status, kind) in [
            (301, Kind::UnexpectedRedirect),
            (407, Kind::ProxyAuthentication),
            (429, Kind::Throttled),
            (502, Kind::Server),
            (511, Kind::Server),
            (418, Kind::UnknownService),
            (204, Kind::ResponseDecode),
        ] {
            assert_eq!(gateway("Whatever", http_status).kind, kind, "{http_status}");
        }
    }
}
