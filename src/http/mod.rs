//! The transport: one request out, one answer or one failure back. Nothing here retries, follows a redirect or unpacks a
//! body, so that every send is one that the caller asked for and every byte is one that was signed or received.
mod connect;
mod connection;
mod exchange;
mod failure;
mod framing;
mod head;
mod headers;
mod pool;
mod progress;
mod proxy;
pub mod scripted;
mod stream;
mod tls;
mod tunnel;

pub use failure::Failure;
pub use headers::Headers;
pub use pool::Pool;
pub use tls::Trust;

use crate::redact::Secret;
use bytes::Bytes;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// The largest answer that is read; the service's are a few hundred bytes.
pub const BODY_CAP: usize = 1024 * 1024;

/// The value of a header, which may be a secret.
#[derive(Debug, Clone)]
pub enum HeaderText {
    Fixed(&'static str),
    Plain(String),
    Sensitive(Secret),
}

impl HeaderText {
    pub fn expose(&self) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::Plain(text) => text,
            Self::Sensitive(secret) => secret.expose(),
        }
    }
}

/// One request, ready to be sent as it is.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: &'static str,
    /// May carry a signature in its query (RPC): never shown.
    pub url: Secret,
    pub headers: Vec<(&'static str, HeaderText)>,
    pub body: Bytes,
    /// Loopback is reached without a proxy, whatever the settings say.
    pub is_loopback: bool,
    /// From asking for a connection to the last byte of the answer.
    pub time: Duration,
}

impl Request {
    /// What it is signed with, in a header or in the URL: a secret for as long as the request could be sent again.
    pub fn signature(&self) -> Secret {
        let header = self.headers.iter().find(|(name, _)| *name == "authorization").map(|(_, text)| text.expose());
        let signature = match header {
            // `... Signature=<hex>` of ACS3 and OSS V4, `OSS <id>:<base64>` of OSS V1.
            Some(text) => {
                let parted = text.strip_prefix("OSS ").map_or_else(|| text.rsplit_once('='), |it| it.rsplit_once(':'));
                parted.map(|(_, it)| it.to_owned())
            }
            None => self.url.expose().rsplit_once("&Signature=").and_then(|(_, it)| crate::encode::decode(it)),
        };
        Secret::new(signature.unwrap_or_default())
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Bytes,
}

impl Response {
    /// A header's value, where it is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

/// The future that a transport answers with.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send + 'a>>;

/// Something that sends requests: the connection pool, or a script in tests.
pub trait Transport: Send + Sync + Debug {
    fn send(&self, request: Request) -> Sending<'_>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(headers: Vec<(&'static str, HeaderText)>, url: &str) -> String {
        let (body, time) = (Bytes::new(), Duration::ZERO);
        let request = Request { method: "POST", url: Secret::new(url), headers, body, is_loopback: true, time };
        request.signature().expose().to_owned()
    }

    /// N14: what is to be kept out of errors is found in each way of signing.
    #[test]
    fn the_signature_of_each_way_of_signing_is_known() {
        for (authorization, signature) in [
            ("ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-date,Signature=0a1b", "0a1b"),
            ("OSS4-HMAC-SHA256 Credential=id/x/aliyun_v4_request,AdditionalHeaders=host,Signature=2c3d", "2c3d"),
            ("OSS id:b/4+Zg==", "b/4+Zg=="),
        ] {
            let header = HeaderText::Sensitive(Secret::new(authorization));
            assert_eq!(signed(vec![("authorization", header)], "https://h/"), signature);
        }
        assert_eq!(signed(Vec::new(), "https://h/?SignatureNonce=n&Signature=b%2F4%2BZg%3D%3D"), "b/4+Zg==");
    }
}
