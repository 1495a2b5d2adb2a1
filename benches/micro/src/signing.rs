//! From fields to a signed request.
use crate::world::{self, Answering, DATA_ID, IMAGE};
use crate::{Problem, Step};
use aigclens::attempt::Operation;
use aigclens::client::SERVICE;
use aigclens::encode;
use aigclens::http::{Headers, Response};
use aigclens::identity::Identity;
use aigclens::service::{Experience, Service};
use aigclens::sign::acs3;
use aigclens::wire::moderation::{Reference, Request};
use bytes::Bytes;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const ASKED: Request<'_> =
    Request { service: SERVICE, image: Reference::Url(IMAGE), data_id: Some(DATA_ID), referer: None, info_type: None };
const HASH: &str = "5bf8a37c4f0dcf9b7bfe1d2d5d4b2a3d9c0e8f1a6b7c8d9e0f1a2b3c4d5e6f70";
const HEADERS: [(&str, &str); 7] = [
    ("host", "green-cip.ap-southeast-1.aliyuncs.com"),
    ("x-acs-action", "ImageModeration"),
    ("x-acs-version", "2022-03-02"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("x-acs-date", "2026-11-29T09:33:20Z"),
    ("x-acs-signature-nonce", "00000000000000000000000000000001"),
    ("x-acs-content-sha256", HASH),
];

/// The body of a request: its parameters as JSON, in a form.
pub fn form() -> Result<Step, Problem> {
    Ok(Box::new(|| {
        let parameters = black_box(&ASKED).service_parameters();
        let body = encode::form([("Service", ASKED.service), ("ServiceParameters", parameters.as_str())]);
        black_box(body).len() > IMAGE.len()
    }))
}

/// The stages of the signature alone.
pub fn authorize() -> Result<Step, Problem> {
    let credentials = world::credentials()?;
    Ok(Box::new(move || {
        let request =
            acs3::Request { method: "POST", path: "/", query: &[], headers: black_box(&HEADERS), payload_hash: HASH };
        let header = acs3::authorize(&request, &credentials.access_key_id, credentials.access_key_secret.expose());
        black_box(header).starts_with(acs3::ALGORITHM)
    }))
}

/// A whole request: nonce, date, body, hash, headers, signature.
pub fn sign() -> Result<Step, Problem> {
    let settings = world::settings()?;
    let ambient = world::ambient();
    let identity = Arc::new(Identity::new(&settings.provider));
    let experience = Arc::new(Experience::new(&settings, identity, &ambient));
    let nothing = |_: &_| Response { status: 500, headers: Headers::default(), body: Bytes::new() };
    let service = Service { settings: Arc::new(settings), ambient, transport: Answering::shared(nothing), experience };
    let credentials = Arc::new(world::credentials()?);
    let parameters = ASKED.service_parameters();
    Ok(Box::new(move || {
        let fields = [("Service", ASKED.service), ("ServiceParameters", parameters.as_str())];
        let (operation, time) = (Operation::ImageModeration, Duration::from_secs(15));
        let signed = service.sign(operation, black_box(&fields), time, Arc::clone(&credentials));
        black_box(signed).is_ok_and(|signed| signed.request.headers.len() == 10)
    }))
}
