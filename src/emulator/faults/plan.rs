//! What a plan of faults says, read from JSON and checked whole: a seed, and rules of a stage, an action and a share.
use super::action::Action;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Where on the way of a request a fault acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::emulator) enum Stage {
    /// A connection was accepted, nothing was read.
    Accept,
    /// The head of a request was read, its body was not.
    MidRequest,
    /// Read and verified, nothing charged or stored.
    BeforeBilling,
    /// Charged or stored, no byte of the answer sent.
    AfterBilling,
    /// Half of the answer's head was sent.
    MidHeaders,
    /// Half of the answer's body was sent; of an answer without a body, all but the end of its head.
    MidBody,
    /// The whole answer was sent.
    AfterBody,
}

impl Stage {
    pub(super) const ALL: [Self; 7] = [
        Self::Accept,
        Self::MidRequest,
        Self::BeforeBilling,
        Self::AfterBilling,
        Self::MidHeaders,
        Self::MidBody,
        Self::AfterBody,
    ];

    pub(in crate::emulator) const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::MidRequest => "mid_request",
            Self::BeforeBilling => "before_billing",
            Self::AfterBilling => "after_billing",
            Self::MidHeaders => "mid_headers",
            Self::MidBody => "mid_body",
            Self::AfterBody => "after_body",
        }
    }
}

/// The operations by which a rule can be narrowed.
pub(super) const OPERATIONS: [&str; 3] = ["ImageModeration", "DescribeUploadToken", "PutObject"];

/// A rule as it is written. Which of the details belong to which action is in `action`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub stage: String,
    pub action: String,
    rate: Option<f64>,
    times: Option<u64>,
    nth: Option<u64>,
    operation: Option<String>,
    data_id: Option<String>,
    pub seconds: Option<f64>,
    pub interval: Option<f64>,
    pub offset: Option<f64>,
    pub keep: Option<f64>,
    pub by: Option<i64>,
    pub bytes: Option<usize>,
    pub count: Option<usize>,
    pub status: Option<u16>,
    pub text: Option<String>,
    pub body: Option<String>,
    pub content_type: Option<String>,
    pub location: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    pub ec: Option<String>,
    pub shape: Option<String>,
    pub retry_after: Option<String>,
    pub retry_after_ms: Option<String>,
}

/// The keys that every rule may have.
const COMMON: [&str; 7] = ["stage", "action", "rate", "times", "nth", "operation", "data_id"];

/// A rule that makes sense.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Rule {
    pub stage: Stage,
    pub action: Action,
    /// The share of the requests that it is for.
    pub rate: f64,
    pub times: Option<u64>,
    pub nth: Option<u64>,
    pub operation: Option<&'static str>,
    pub data_id: Option<String>,
    /// As it was written, for whoever asks.
    pub written: Value,
}

impl Rule {
    /// Reads a rule, or says in one line what is wrong with it.
    pub(in crate::emulator) fn read(value: &Value) -> Result<Self, String> {
        let fields: Map<String, Value> = value
            .as_object()
            .ok_or("a rule is an object with a stage and an action")?
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let written: Written =
            Written::deserialize(Value::Object(fields.clone())).map_err(|error| error.to_string())?;
        let stage = Stage::ALL.into_iter().find(|stage| stage.name() == written.stage).ok_or_else(|| {
            format!("stage is one of {}, not '{}'", Stage::ALL.map(Stage::name).join(", "), written.stage)
        })?;
        let action = Action::read(&written)?;
        let name = &written.action;
        let details = Action::details(name);
        if let Some(stray) =
            fields.keys().find(|key| !COMMON.contains(&key.as_str()) && !details.contains(&key.as_str()))
        {
            return Err(format!("{stray} is no detail of the action {name}"));
        }
        action.check_stage(name, stage)?;
        let operation = match &written.operation {
            None => None,
            Some(given) => Some(
                *OPERATIONS
                    .iter()
                    .find(|known| *known == given)
                    .ok_or_else(|| format!("operation is one of {}, not '{given}'", OPERATIONS.join(", ")))?,
            ),
        };
        if stage == Stage::Accept && operation.is_some() {
            return Err("operation is not known yet at the stage accept".into());
        }
        if matches!(stage, Stage::Accept | Stage::MidRequest) && written.data_id.is_some() {
            return Err(format!("data_id is not known yet at the stage {}", stage.name()));
        }
        if let (Some(only), Some(given)) = (action.only_for(), operation)
            && only != given
        {
            return Err(format!("the action {name} is for {only} alone"));
        }
        let rate = written.rate.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&rate) {
            return Err("rate is a number from 0 to 1".into());
        }
        if written.times == Some(0) || written.nth == Some(0) {
            return Err("times and nth are 1 or more".into());
        }
        Ok(Self {
            stage,
            action,
            rate,
            times: written.times,
            nth: written.nth,
            operation,
            data_id: written.data_id,
            written: Value::Object(fields),
        })
    }
}

/// A whole plan.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Plan {
    pub seed: u64,
    pub rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outline {
    #[serde(default)]
    seed: u64,
    rules: Vec<Value>,
}

impl Plan {
    pub(in crate::emulator) fn read(json: &[u8]) -> Result<Self, String> {
        let outline: Outline = serde_json::from_slice(json).map_err(|error| format!("faults: {error}"))?;
        let read = |(at, rule): (usize, &Value)| {
            Rule::read(rule).map_err(|problem| format!("faults: rule {}: {problem}", at + 1))
        };
        let rules = outline.rules.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { seed: outline.seed, rules })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plan_that_makes_no_sense_is_refused_in_one_line() {
        for (rule, words) in [
            (json!({ "stage": "later", "action": "fin" }), "stage is one of accept, "),
            (json!({ "stage": "accept", "action": "explode" }), "action is one of delay, "),
            (json!({ "stage": "accept" }), "action"),
            (json!({ "stage": "accept", "action": "html" }), "acts at mid_request"),
            (
                json!({ "stage": "after_billing", "action": "html", "status": 502 }),
                "acts at mid_request, before_billing,",
            ),
            (json!({ "stage": "after_billing", "action": "throttle" }), "not at after_billing"),
            (json!({ "stage": "before_billing", "action": "fin", "seconds": 1 }), "seconds is no detail"),
            (json!({ "stage": "before_billing", "action": "fin", "speed": 1 }), "speed"),
            (json!({ "stage": "before_billing", "action": "fin", "rate": 1.5 }), "rate is a number from 0 to 1"),
            (json!({ "stage": "before_billing", "action": "fin", "times": 0 }), "times and nth"),
            (json!({ "stage": "before_billing", "action": "fin", "operation": "GetObject" }), "operation is one of"),
            (json!({ "stage": "accept", "action": "fin", "operation": "PutObject" }), "not known yet"),
            (json!({ "stage": "mid_request", "action": "fin", "data_id": "x" }), "not known yet"),
            (
                json!({ "stage": "after_billing", "action": "crc", "operation": "ImageModeration" }),
                "for PutObject alone",
            ),
            (json!({ "stage": "before_billing", "action": "delay", "seconds": -1 }), "seconds is a number"),
            (json!({ "stage": "before_billing", "action": "refuse" }), "refuse needs a code"),
            (json!({ "stage": "before_billing", "action": "redirect", "location": "a\r\nb" }), "printable ASCII"),
            (json!({ "stage": "before_billing", "action": "redirect", "status": 200 }), "status is from 300 to 399"),
            (json!({ "stage": "before_billing", "action": "content_length", "by": 0 }), "by is"),
            (json!({ "stage": "before_billing", "action": "truncate", "keep": 1 }), "keep is"),
            (json!({ "stage": "before_billing", "action": "gzip", "bytes": 1_000_000_000 }), "bytes is from 1 to"),
            (json!({ "stage": "before_billing", "action": "clock", "offset": 1e10 }), "offset is"),
            (json!("fin"), "a rule is an object"),
        ] {
            let plan = json!({ "rules": [{ "stage": "accept", "action": "fin" }, rule] });
            let message = Plan::read(plan.to_string().as_bytes()).unwrap_err();
            assert!(message.starts_with("faults: rule 2: ") && message.contains(words), "{message}");
            assert!(!message.contains('\n'));
            assert!(Rule::read(&rule).unwrap_err().contains(words));
        }
        for plan in [json!([]), json!({}), json!({ "rules": [], "speed": 1 }), json!({ "seed": -1, "rules": [] })] {
            assert!(Plan::read(plan.to_string().as_bytes()).unwrap_err().starts_with("faults: "));
        }
    }
}
