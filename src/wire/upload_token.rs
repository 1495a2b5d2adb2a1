//! DescribeUploadToken: temporary credentials and a place for one's image, free of charge.
use super::envelope::Envelope;
use super::json;
use crate::credential::Credentials;
use crate::error::{Error, Kind, Result};
use serde_json::Value;
use std::time::Duration;

pub const ACTION: &str = "DescribeUploadToken";

/// A place to upload to. It belongs to the region of the endpoint that issued it.
#[derive(Debug, Clone)]
pub struct UploadToken {
    pub credentials: Credentials,
    pub bucket: String,
    /// Ends in a slash; every object name begins with it.
    pub prefix: String,
    /// With or without scheme.
    pub internet_endpoint: String,
    pub internal_endpoint: Option<String>,
    /// Since the Unix epoch, by the server's clock.
    pub expiration: Duration,
}

/// Reads a token; a missing field is named (K02).
pub fn read(envelope: &Envelope) -> Result<UploadToken> {
    let broken = |what: &str| {
        Error::new(
            Kind::ResponseSchema,
            format!("{ACTION}: the answer has no usable {what}; nothing was uploaded or charged"),
        )
        .with_code("200")
        .with_http_status(200)
        .with_request_id(envelope.request_id.clone())
    };
    let data = json::field(&envelope.body, "Data").filter(|data| data.is_object()).ok_or_else(|| broken("Data"))?;
    let text = |name: &str| json::text(data, name).filter(|text| !text.is_empty());
    let need = |name: &str| text(name).ok_or_else(|| broken(name));
    let credentials = Credentials::new(&need("AccessKeyId")?, &need("AccessKeySecret")?, Some(&need("SecurityToken")?))
        .map_err(|_| broken("credentials"))?;
    Ok(UploadToken {
        credentials,
        bucket: need("BucketName")?,
        prefix: need("FileNamePrefix")?,
        internet_endpoint: need("OssInternetEndPoint")?,
        internal_endpoint: text("OssInternalEndPoint"),
        expiration: json::field(data, "Expiration").and_then(epoch).ok_or_else(|| broken("Expiration"))?,
    })
}

/// Seconds since the epoch; milliseconds and text are understood too (K02).
fn epoch(value: &Value) -> Option<Duration> {
    let number: f64 = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let seconds = if number > 1e11 { number / 1_000.0 } else { number };
    (seconds.is_finite() && (0.0..1e11).contains(&seconds)).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn envelope(expiration: Value) -> Envelope {
        Envelope {
            request_id: None,
            body: json!({"Code": 200, "Data": {
                "AccessKeyId": "STS.id", "AccessKeySecret": "secret", "SecurityToken": "token", "BucketName": "oss-cip-sg",
                "FileNamePrefix": "upload/1xxb89/", "OssInternetEndPoint": "https://oss-ap-southeast-1.aliyuncs.com",
                "OssInternalEndPoint": "https://oss-ap-southeast-1-internal.aliyuncs.com", "Expiration": expiration}}),
        }
    }

    /// K02.
    #[test]
    fn an_expiration_in_milliseconds_or_as_text_is_understood() {
        for written in [json!(1_720_577_200), json!("1720577200"), json!(1_720_577_200_000_u64)] {
            assert_eq!(read(&envelope(written)).unwrap().expiration.as_secs(), 1_720_577_200);
        }
        for odd in [json!(null), json!("soon"), json!(-1), json!(true)] {
            assert!(read(&envelope(odd)).unwrap_err().message().contains("Expiration"));
        }
    }

    /// K02.
    #[test]
    fn a_missing_field_is_named_and_no_secret_is_shown() {
        for name in
            ["AccessKeyId", "AccessKeySecret", "SecurityToken", "BucketName", "FileNamePrefix", "OssInternetEndPoint"]
        {
            let mut broken = envelope(json!(1));
            broken.body["Data"].as_object_mut().unwrap().remove(name);
            let error = read(&broken).unwrap_err();
            assert_eq!(error.kind(), Kind::ResponseSchema);
            assert!(error.message().contains(name), "{error}");
        }
        let none = Envelope { request_id: None, body: json!({"Code": 200, "Data": null}) };
        assert!(read(&none).unwrap_err().message().contains("Data"));
        let shown = format!("{:?}", read(&envelope(json!(1))).unwrap());
        assert!(!shown.contains("\"secret\"") && !shown.contains("\"token\""));
    }
}
