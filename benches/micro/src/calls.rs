//! Whole calls, from a source to a verdict, without a network: a transport that has the answers ready.
use crate::answers::AIGC;
use crate::world::{self, Answering, DATA_ID, IMAGE};
use crate::{Problem, Step};
use aigclens::client::{Call, Client, ImageRules, Source};
use aigclens::http::{Headers, Request, Response};
use aigclens::image::{CheckImage, Limits, UrlPolicy};
use bytes::Bytes;
use std::hint::black_box;
use std::sync::Arc;

const TOKEN: &str = r#"{"Msg":"OK","Code":200,"Data":{"AccessKeyId":"STS.NSbench","AccessKeySecret":
"benchbenchbenchbenchbenchstorage","SecurityToken":"CAISyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
"BucketName":"oss-cip-bench","FileNamePrefix":"upload/1xxb89/","OssInternetEndPoint":
"https://oss-ap-southeast-1.aliyuncs.com","OssInternalEndPoint":"https://oss-ap-southeast-1-internal.aliyuncs.com",
"Expiration":1796001800},"RequestId":"70ED13B0-BC22-576D-9CCF-1CC12FEAC477"}"#;
/// Pixels that are uploaded, which nobody looks at.
const PIXELS: usize = 20_000;

fn headers(pairs: &[(&'static str, &'static str)]) -> Headers {
    pairs.iter().copied().collect()
}

fn json(body: &'static str) -> Response {
    let headers = headers(&[
        ("date", "Sun, 29 Nov 2026 09:33:20 GMT"),
        ("content-type", "application/json;charset=utf-8"),
        ("content-length", "221"),
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=25"),
        ("access-control-allow-origin", "*"),
        ("x-acs-request-id", "70ED13B0-BC22-576D-9CCF-1CC12FEAC477"),
        ("x-acs-trace-id", "2d7e5ba0b3c3a6d0e3a4c0f6f2c0d1e2"),
        ("etag", "2kFZxT6YzN5eJ0e1H0l8Q4w2"),
    ]);
    Response { status: 200, headers, body: Bytes::from_static(body.as_bytes()) }
}

/// Moderation, a token, or what storage says, by what was asked.
fn answer(request: &Request) -> Response {
    let is_token = |(name, value): &(&str, aigclens::http::HeaderText)| {
        *name == "x-acs-action" && value.expose() == "DescribeUploadToken"
    };
    if request.method == "PUT" {
        let headers = headers(&[("x-oss-request-id", "5C3D9778CC1C2AEDF85B587F"), ("x-oss-server-time", "21")]);
        return Response { status: 200, headers, body: Bytes::new() };
    }
    json(if request.headers.iter().any(is_token) { TOKEN } else { AIGC })
}

fn calls(source: Source) -> Result<Step, Problem> {
    let rules = ImageRules {
        check: CheckImage::Error,
        limits: Limits::default(),
        urls: UrlPolicy { allow_private: false, encode: false },
    };
    let client = Client::new(Arc::new(world::settings()?), world::ambient(), Answering::shared(answer), rules);
    let runtime = world::runtime()?;
    Ok(Box::new(move || {
        let call = Call { data_id: Some(DATA_ID.to_owned()), ..Call::new(source.clone()) };
        let found = runtime.block_on(client.detect(call));
        black_box(found).is_ok_and(|found| found.is_aigc == Some(true))
    }))
}

/// An image by its URL: one request.
pub fn url() -> Result<Step, Problem> {
    calls(Source::Url(IMAGE.to_owned()))
}

/// An image of 20 kB: looked at, uploaded under a token that is there already, asked about.
pub fn bytes() -> Result<Step, Problem> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x02\0\x08\0\0\0\0\xd1\x38\x26\x55".to_vec();
    png.extend(u32::try_from(PIXELS)?.to_be_bytes());
    png.extend(b"IDAT");
    png.extend(std::iter::repeat_n(0x55, PIXELS + 4));
    png.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
    calls(Source::Bytes(Bytes::from(png)))
}
