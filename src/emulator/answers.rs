//! Scripted answers: for this data id, URL or content, say that.
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A business code (a number, inside of an HTTP 200) or a gateway code (a text, with an HTTP error).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Code {
    Business(i64),
    Gateway(String),
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let code = value.as_i64().map(Self::Business);
        let code =
            code.or_else(|| value.as_str().filter(|text| !text.is_empty()).map(|text| Self::Gateway(text.to_owned())));
        code.ok_or_else(|| serde::de::Error::custom("code is a whole number or a text"))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptedLabel {
    pub label: String,
    pub confidence: Option<f64>,
    pub description: Option<String>,
    pub risk_level: Option<String>,
}

/// What to answer, to which questions, and how often. Without any of the first three: to every question.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub data_id: Option<String>,
    /// A URL, or `oss://bucket/key` for an object of the user's.
    pub url: Option<String>,
    /// Of the image's bytes, hexadecimal.
    pub sha256: Option<String>,
    pub label: Option<String>,
    pub confidence: Option<f64>,
    pub risk_level: Option<String>,
    /// Several labels instead of one.
    pub labels: Option<Vec<ScriptedLabel>>,
    /// Further members of the answer's `Data`.
    pub data: Option<Map<String, Value>>,
    /// A refusal instead of a verdict.
    pub code: Option<Code>,
    pub http_status: Option<u16>,
    pub message: Option<String>,
    /// How often; for ever if not given.
    pub times: Option<u32>,
}

/// What is asked about, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Question<'a> {
    pub data_id: Option<&'a str>,
    pub url: Option<&'a str>,
    pub sha256: Option<&'a str>,
}

impl Answer {
    /// Says in one line what is wrong with a script.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.code.is_some() == (self.label.is_some() || self.labels.is_some()) {
            return Err("an answer has either a code or a label (or labels)");
        }
        if self.label.is_some() && self.labels.is_some() {
            return Err("an answer has either label or labels");
        }
        if self.http_status.is_some_and(|status| !(200..600).contains(&status)) {
            return Err("http_status is from 200 to 599");
        }
        if self.times == Some(0) {
            return Err("times is 1 or more");
        }
        Ok(())
    }

    fn fits(&self, question: Question<'_>) -> bool {
        let fits = |wanted: &Option<String>, given: Option<&str>| wanted.is_none() || wanted.as_deref() == given;
        let content = match (&self.sha256, question.sha256) {
            (Some(wanted), Some(given)) => wanted.eq_ignore_ascii_case(given),
            (wanted, _) => wanted.is_none(),
        };
        content && fits(&self.data_id, question.data_id) && fits(&self.url, question.url)
    }

    /// Whether it would fit if the content were the right one.
    fn may_fit(&self, question: Question<'_>) -> bool {
        self.fits(Question { sha256: self.sha256.as_deref(), ..question })
    }

    /// The members of `Result`.
    pub(super) fn result(&self) -> Vec<Value> {
        let of = |label: &str, confidence: Option<f64>, description: Option<&str>, risk_level: Option<&str>| {
            let mut result =
                json!({ "Label": label, "Description": description.unwrap_or("Scripted in the emulator") });
            if let Some(fields) = result.as_object_mut() {
                fields.extend(confidence.map(|value| ("Confidence".to_owned(), json!(value))));
                fields.extend(risk_level.map(|level| ("RiskLevel".to_owned(), json!(level))));
            }
            result
        };
        match (&self.labels, &self.label) {
            (Some(labels), _) => labels
                .iter()
                .map(|one| of(&one.label, one.confidence, one.description.as_deref(), one.risk_level.as_deref()))
                .collect(),
            (None, Some(label)) => vec![of(label, self.confidence, None, None)],
            (None, None) => Vec::new(),
        }
    }
}

/// The scripts in force. The one that was added last and fits is used.
#[derive(Debug, Default)]
pub(super) struct Answers {
    scripts: Vec<Answer>,
}

impl Answers {
    pub(super) fn add(&mut self, answer: Answer) {
        self.scripts.push(answer);
    }

    pub(super) fn clear(&mut self) {
        self.scripts.clear();
    }

    /// Whether some script wants to know the content.
    pub(super) fn len(&self) -> usize {
        self.scripts.len()
    }

    /// The script for a question. One that was used up is gone. While the content is not known, there is none if it
    /// depends on the content which one is right.
    pub(super) fn take(&mut self, question: Question<'_>) -> Option<Answer> {
        let is_open = question.sha256.is_none();
        let right = |script: &Answer| script.fits(question) || is_open && script.may_fit(question);
        let at = self.scripts.iter().rposition(right)?;
        if !self.scripts.get(at)?.fits(question) {
            return None;
        }
        let script = self.scripts.get_mut(at)?;
        let answer = script.clone();
        match script.times.as_mut() {
            Some(1) => drop(self.scripts.remove(at)),
            Some(times) => *times -= 1,
            None => {}
        }
        Some(answer)
    }
}
