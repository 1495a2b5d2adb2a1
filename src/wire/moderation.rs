//! ImageModeration: the form that is posted, and the answer read into labels.
use super::envelope::Envelope;
use super::json;
use crate::attempt::Billing;
use crate::detection::{self, Label};
use crate::error::{Error, Kind};
use serde_json::{Map, Value};

pub const ACTION: &str = "ImageModeration";

/// Which image is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    Url(&'a str),
    /// Without a region for objects of the temporary upload, as the official sample has it.
    Oss {
        bucket: &'a str,
        key: &'a str,
        region: Option<&'a str>,
    },
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub service: &'a str,
    pub image: Reference<'a>,
    pub data_id: Option<&'a str>,
    pub referer: Option<&'a str>,
    pub info_type: Option<&'a str>,
}

impl Request<'_> {
    /// `ServiceParameters`: a JSON *string*, compact (J15). The page's sample shows an object, the wire has a string.
    pub fn service_parameters(&self) -> String {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), Value::from(value));
            }
        };
        match self.image {
            Reference::Url(url) => put("imageUrl", Some(url)),
            Reference::Oss { bucket, key, region } => {
                put("ossRegionId", region);
                put("ossBucketName", Some(bucket));
                put("ossObjectName", Some(key));
            }
        }
        put("dataId", self.data_id);
        put("referer", self.referer);
        put("infoType", self.info_type);
        Value::Object(fields).to_string()
    }
}

/// What an answer says.
#[derive(Debug, Clone)]
pub struct Finding {
    pub labels: Vec<Label>,
    pub risk_level: Option<String>,
    pub data_id: Option<String>,
    pub warnings: Vec<&'static str>,
}

/// Reads a success. It was charged, so that everything that can be kept is kept; only an answer without `Data` is an
/// error (E01), and its body travels with it.
pub fn read(envelope: &Envelope, sent_data_id: Option<&str>) -> Result<Finding, Error> {
    let Some(data) = json::field(&envelope.body, "Data").filter(|data| data.is_object()) else {
        return Err(Error::new(
            Kind::ResponseSchema,
            "ImageModeration: the answer says success but has no Data; the call was charged, its body is in .raw",
        )
        .with_code("200")
        .with_http_status(200)
        .with_request_id(envelope.request_id.clone())
        .with_billing(Billing::Billed)
        .with_raw(envelope.body.to_string()));
    };
    let mut warnings = Vec::new();
    let entries: &[Value] = match json::field(data, "Result") {
        Some(Value::Array(entries)) => entries,
        Some(single @ Value::Object(_)) => std::slice::from_ref(single),
        _ => &[],
    };
    let labels: Vec<Label> = entries.iter().filter_map(|entry| label(entry, &mut warnings)).collect();
    if labels.is_empty() {
        warnings.push("no_labels");
    }
    let data_id = json::text(data, "DataId");
    if let (Some(sent), Some(echoed)) = (sent_data_id, &data_id)
        && sent != echoed
    {
        warnings.push("data_id_mismatch");
    }
    Ok(Finding { labels, risk_level: risk_level(data), data_id, warnings })
}

fn risk_level(object: &Value) -> Option<String> {
    json::text(object, "RiskLevel").filter(|level| !level.is_empty())
}

fn label(entry: &Value, warnings: &mut Vec<&'static str>) -> Option<Label> {
    let Some(name) = json::text(entry, "Label").filter(|name| !name.is_empty()) else {
        warnings.push("label_without_name");
        return None;
    };
    Some(Label {
        name,
        confidence: confidence(entry, warnings),
        description: json::text(entry, "Description"),
        risk_level: risk_level(entry),
    })
}

/// A number from 0 to 100, or nothing: a missing score is never read as 0 (E04, E05).
fn confidence(entry: &Value, warnings: &mut Vec<&'static str>) -> Option<f64> {
    let value = json::field(entry, "Confidence").filter(|value| !value.is_null())?;
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let usable = number.filter(|number: &f64| (0.0..=100.0).contains(number));
    if usable.is_none() {
        warnings.push("confidence_out_of_range");
    }
    usable
}

/// The label that decides, and what it says.
pub fn verdict(labels: &[Label]) -> (Option<&Label>, Option<bool>) {
    let deciding = detection::deciding(labels);
    (deciding, deciding.and_then(|label| detection::verdict(&label.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn finding(data: Value) -> Finding {
        let envelope = Envelope { request_id: None, body: json!({"Code": 200, "Data": data}) };
        read(&envelope, Some("sent")).unwrap()
    }

    fn scored(confidence: Value) -> (Option<f64>, Vec<&'static str>) {
        let found = finding(json!({"Result": [{"Label": "aigc", "Confidence": confidence}]}));
        (found.labels[0].confidence, found.warnings)
    }

    /// The sample answer of the service's page.
    #[test]
    fn the_sample_answer_reads_as_printed() {
        let found = finding(json!({"DataId": "sent", "Result": [
            {"Label": "aigc", "Confidence": 81.88, "Description": "Suspected to be generated by AIGC"}]}));
        let (label, is_aigc) = verdict(&found.labels);
        assert_eq!(
            (label.unwrap().name.as_str(), label.unwrap().confidence, is_aigc),
            ("aigc", Some(81.88), Some(true))
        );
        assert_eq!((found.risk_level, found.warnings.len()), (None, 0));
    }

    /// E04, E05.
    #[test]
    fn a_confidence_is_a_number_from_0_to_100_or_nothing() {
        for (written, read) in [(json!("81.88"), 81.88), (json!(81), 81.0), (json!(0), 0.0), (json!(100.0), 100.0)] {
            assert_eq!(scored(written), (Some(read), vec![]));
        }
        assert_eq!(scored(Value::Null), (None, vec![]));
        for odd in
            [json!("NaN"), json!(-5), json!(250), json!("high"), json!([1]), serde_json::from_str("1e999").unwrap()]
        {
            assert_eq!(scored(odd), (None, vec!["confidence_out_of_range"]));
        }
    }

    /// E01.
    #[test]
    fn a_success_without_data_is_billed_and_its_body_is_kept() {
        for body in [json!({"Code": 200}), json!({"Code": 200, "Data": null}), json!({"Code": 200, "Data": "x"})] {
            let error = read(&Envelope { request_id: Some("r".into()), body }, None).unwrap_err();
            assert_eq!((error.kind(), error.billing()), (Kind::ResponseSchema, Billing::Billed));
            assert!(error.facts().raw.as_ref().unwrap().contains("200"));
        }
    }

    /// E02, E03, E07, E08, E10.
    #[test]
    fn odd_shapes_are_read_and_marked() {
        for empty in [json!({}), json!({"Result": null}), json!({"Result": []})] {
            assert_eq!(finding(empty).warnings, ["no_labels"]);
        }
        let camel =
            finding(json!({"dataId": "other", "result": [{"label": "ugc", "riskLevel": "low"}, {"label": "ugc"}, 7]}));
        assert_eq!(camel.labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(), ["ugc", "ugc"]);
        assert_eq!(camel.labels[0].risk_level.as_deref(), Some("low"));
        assert_eq!(camel.warnings, ["label_without_name", "data_id_mismatch"]);
    }

    /// J15.
    #[test]
    fn the_parameters_are_a_compact_json_string() {
        let image = Reference::Oss { bucket: "b", key: "k/\"é", region: None };
        let request =
            Request { service: "s", image, data_id: Some("d"), referer: None, info_type: Some("customImage") };
        assert_eq!(
            request.service_parameters(),
            r#"{"ossBucketName":"b","ossObjectName":"k/\"é","dataId":"d","infoType":"customImage"}"#
        );
    }
}
