//! The storage of temporary uploads: PutObject in path style, signed with V4 or V1, checked and answered as OSS does.
use super::moderation;
use super::reply::{Refusal, Reply};
use super::request::Request;
use super::server::Shared;
use super::verify::WINDOW;
use super::world::{BUCKET, Token};
use crate::encode;
use crate::sign::{self, oss_v1, oss_v4};
use crc64fast::Digest;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// What is taken, which is more than the service takes, so that it is the service that refuses a large image.
pub(super) const LARGEST: usize = 64 * 1024 * 1024;
/// OSS's finer codes: V1 is refused for this account, and all others.
const V1_REFUSED: &str = "0002-00000080";
const OTHER: &str = "0002-00000000";

/// Stores an image whose request was accepted under a key.
pub(super) fn put(shared: &Shared, request: &Request, request_id: &str, key: String) -> Reply {
    let mut digest = Digest::new();
    digest.write(&request.body);
    let checksum = digest.sum64();
    shared.world().store(key, moderation::look(&request.body));
    Reply {
        status: 200,
        headers: vec![
            ("etag", format!("\"{checksum:032X}\"")),
            ("x-oss-hash-crc64ecma", checksum.to_string()),
            ("x-oss-request-id", request_id.to_owned()),
        ],
        body: bytes::Bytes::new(),
        code: "200".to_owned(),
    }
}

/// Checks a request whose clock is behind by an offset in seconds: the object's key, or why not.
pub(super) fn admitted(shared: &Shared, request: &Request, request_id: &str, offset: f64) -> Result<String, Reply> {
    accept(shared, request, offset).map_err(|(refusal, ec)| Reply::storage(request_id, &request.host(), &refusal, ec))
}

type Refused = (Refusal, &'static str);

fn refuse(status: u16, code: &str, message: impl Into<String>) -> Refused {
    (Refusal::new(status, code, message), OTHER)
}

/// The object's key, once everything about the request is right.
fn accept(shared: &Shared, request: &Request, offset: f64) -> Result<String, Refused> {
    if request.method != "PUT" || !request.query.is_empty() {
        return Err(refuse(405, "MethodNotAllowed", "The emulator's storage takes PutObject alone."));
    }
    let path = encode::decode(&request.path).unwrap_or_default();
    let (bucket, key) = path.strip_prefix('/').and_then(|path| path.split_once('/')).unwrap_or_default();
    if bucket != BUCKET {
        return Err(refuse(404, "NoSuchBucket", "The specified bucket does not exist."));
    }
    let authorization = request.header("authorization").unwrap_or_default();
    let (scheme, parts) = authorization.split_once(' ').unwrap_or_default();
    let signed = match scheme {
        oss_v4::ALGORITHM => v4(parts),
        "OSS" => v1(parts),
        _ => None,
    };
    let signed = signed.ok_or_else(|| refuse(403, "AccessDenied", "The request carries no OSS signature."))?;
    let world = shared.world();
    if signed.scope.is_none() && world.settings.refuse_v1 {
        let refusal =
            Refusal::new(403, "AccessDenied", "Signature version V1 is not allowed for this account; use V4.");
        return Err((refusal, V1_REFUSED));
    }
    let now = world.now();
    let token = world.token(signed.access_key_id).ok_or_else(|| {
        refuse(403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.")
    })?;
    let given = request.header("x-oss-security-token");
    if given.as_deref() != Some(token.security_token.expose()) {
        return Err(refuse(403, "InvalidSecurityToken", "The security token you provided is invalid."));
    }
    if token.expiration <= now {
        return Err(refuse(403, "SecurityTokenExpired", "The security token you provided has expired."));
    }
    let date = date(request).ok_or_else(|| refuse(403, "AccessDenied", "The request has no valid date header."))?;
    if (date - ahead(now, offset)).unsigned_abs() > WINDOW {
        let message = "The difference between the request time and the current time is too large.";
        return Err(refuse(403, "RequestTimeTooSkewed", message));
    }
    let (string_to_sign, signature) = expected(request, token, key, &signed);
    if signature != signed.signature {
        let message = format!(
            "The request signature we calculated does not match the signature you provided. StringToSign: {}",
            string_to_sign.replace('\n', " ")
        );
        return Err(refuse(403, "SignatureDoesNotMatch", message));
    }
    if !key.starts_with(&token.prefix) || key.len() == token.prefix.len() || key.len() > 1_023 {
        return Err(refuse(403, "AccessDenied", "The token does not allow this object name."));
    }
    Ok(key.to_owned())
}

/// What an `Authorization` header of either version says.
struct Signed<'a> {
    access_key_id: &'a str,
    signature: &'a str,
    /// Day and region, for V4.
    scope: Option<(&'a str, &'a str)>,
    additional: Vec<&'a str>,
}

fn v1(parts: &str) -> Option<Signed<'_>> {
    let (access_key_id, signature) = parts.split_once(':')?;
    Some(Signed { access_key_id, signature, scope: None, additional: Vec::new() })
}

/// `Credential=id/day/region/oss/aliyun_v4_request, AdditionalHeaders=a;b, Signature=hex`, with or without the spaces.
fn v4(parts: &str) -> Option<Signed<'_>> {
    let part = |name: &str| {
        let mut parts = parts.split(',').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let credential: Vec<&str> = part("Credential")?.split('/').collect();
    let [access_key_id, day, region, "oss", "aliyun_v4_request"] = credential[..] else {
        return None;
    };
    let additional = part("AdditionalHeaders").map(|names| names.split(';').collect()).unwrap_or_default();
    Some(Signed { access_key_id, signature: part("Signature")?, scope: Some((day, region)), additional })
}

fn expected(request: &Request, token: &Token, key: &str, signed: &Signed<'_>) -> (String, String) {
    let headers: Vec<(&str, &str)> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let secret = token.secret.expose();
    match signed.scope {
        None => {
            let request = oss_v1::Request { method: "PUT", bucket: BUCKET, key, headers: &headers };
            let string_to_sign = oss_v1::string_to_sign(&request);
            let signature = oss_v1::signature(secret, &string_to_sign);
            (string_to_sign, signature)
        }
        Some((day, region)) => {
            let date = request.header("x-oss-date").unwrap_or_default();
            // The scope's day is the date's, or the signature fails.
            let date = if date.starts_with(day) { date } else { String::new() };
            let request = oss_v4::Request {
                method: "PUT",
                bucket: BUCKET,
                key,
                query: &[],
                headers: &headers,
                additional_headers: &signed.additional,
                date: &date,
                region,
            };
            let string_to_sign = oss_v4::string_to_sign(&request, &oss_v4::canonical_request(&request));
            let signature = oss_v4::signature(&oss_v4::signing_key(secret, &request), &string_to_sign);
            (string_to_sign, signature)
        }
    }
}

/// `x-oss-date` as V4 writes it, or `date` as HTTP does.
fn date(request: &Request) -> Option<OffsetDateTime> {
    const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
    const HTTP: &[BorrowedFormatItem<'_>] =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let text = request.header("x-oss-date").or_else(|| request.header("date"))?;
    let date = PrimitiveDateTime::parse(&text, COMPACT).or_else(|_| PrimitiveDateTime::parse(&text, HTTP)).ok()?;
    Some(date.assume_utc())
}

/// What a clock shows that is ahead by so many seconds.
pub(super) fn ahead(now: OffsetDateTime, offset: f64) -> OffsetDateTime {
    now.saturating_add(time::Duration::saturating_seconds_f64(offset))
}

/// The answer to DescribeUploadToken.
pub(super) fn token(shared: &Shared, request: &Request, request_id: &str) -> Reply {
    let mut world = shared.world();
    let (id, token) = world.issue_token();
    let endpoint = shared.storage_url(&request.host());
    let data = serde_json::json!({
        "AccessKeyId": id,
        "AccessKeySecret": token.secret.expose(),
        "SecurityToken": token.security_token.expose(),
        "BucketName": BUCKET,
        "FileNamePrefix": token.prefix,
        "OssInternetEndPoint": endpoint,
        "OssInternalEndPoint": endpoint,
        "Expiration": token.expiration.unix_timestamp(),
    });
    Reply::success(request_id, &data)
}

/// The date of an answer, by the emulator's clock.
pub(super) fn http_date(now: OffsetDateTime) -> String {
    sign::http_date(now)
}
