//! The emulator's own pages under `/_emulator/`: what was charged, what was asked, and what to answer next.
use super::answers::Answer;
use super::faults::{Plan, Rule};
use super::keys::{self, Key};
use super::reply::Reply;
use super::server::Shared;
use super::settings::{Change, Judge, Settings, ThrottleShape};
use crate::encode;
use crate::redact::Secret;
use crate::sign;
use serde_json::{Value, json};

/// Where they are.
const PREFIX: &str = "/_emulator";
const HELP: [&str; 12] = [
    "GET  /_emulator/                                what this is",
    "GET  /_emulator/ledger?after=0&limit=1000       what was charged",
    "GET  /_emulator/requests                        the last 1,000 requests",
    "GET  /_emulator/connections                     connections accepted and open",
    "POST /_emulator/answers                         script an answer",
    "DELETE /_emulator/answers                       forget the scripts",
    "GET, POST /_emulator/settings                   read or change the settings",
    "GET, POST, DELETE /_emulator/faults             the plan of faults, and what acted how often",
    "POST /_emulator/faults/rule                     one more rule",
    "GET /_emulator/keys                             the access keys that are known",
    "POST /_emulator/keys                            add, change, rotate or switch off a key; temporary credentials",
    "POST /_emulator/reset                           back to the start",
];

/// Whether a path is that of such a page.
pub(super) fn is_page(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers one of the pages. `target` is the path with its query.
pub(super) fn answer(shared: &Shared, method: &str, target: &str, body: &[u8]) -> Reply {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.strip_prefix(PREFIX).unwrap_or(path).trim_matches('/');
    let outcome = match (method, path) {
        ("GET", "") => Ok(index(shared)),
        ("GET", "ledger") => ledger(shared, query),
        ("GET", "requests") => Ok(shared.world().requests()),
        ("GET", "connections") => Ok(shared.connections()),
        ("GET", "answers") => Ok(json!({ "count": shared.world().answers.len() })),
        ("POST", "answers") => script(shared, body),
        ("DELETE", "answers") => {
            shared.world().answers.clear();
            Ok(json!({ "count": 0 }))
        }
        ("GET", "settings") => Ok(settings(&shared.world().settings)),
        ("POST", "settings") => change(shared, body),
        ("GET", "faults") => Ok(shared.faults.to_json()),
        ("POST", "faults") => Plan::read(body).map(|plan| {
            shared.faults.set(plan);
            shared.faults.to_json()
        }),
        ("POST", "faults/rule") => rule(shared, body),
        ("DELETE", "faults") => {
            shared.faults.clear();
            Ok(shared.faults.to_json())
        }
        ("GET", "keys") => Ok(keys(shared)),
        ("POST", "keys") => change_key(shared, body),
        ("POST", "reset") => {
            shared.faults.clear();
            shared.world().reset();
            Ok(json!({ "reset": true }))
        }
        _ => {
            return Reply::admin(404, &json!({ "error": format!("no such page: {method} {target}"), "pages": HELP }));
        }
    };
    match outcome {
        Ok(body) => Reply::admin(200, &body),
        Err(message) => Reply::admin(400, &json!({ "error": message })),
    }
}

fn index(shared: &Shared) -> Value {
    let world = shared.world();
    json!({
        "name": "aigclens-emulator",
        "version": env!("CARGO_PKG_VERSION"),
        "note": "This is no Alibaba Cloud service. It looks at no pixels: it repeats what images declare about themselves.",
        "url": shared.url(),
        "access_key_id": world.config.access_key_id,
        "settings": settings(&world.settings),
        "pages": HELP,
    })
}

fn settings(settings: &Settings) -> Value {
    json!({
        "qps": settings.qps,
        "throttle_shape": match settings.throttle_shape { ThrottleShape::Body => "body", ThrottleShape::Gateway => "gateway" },
        "account_ready": settings.account_ready,
        "ugc_label": settings.ugc_label,
        "judge": match &settings.judge {
            Judge::Provenance => json!("provenance"),
            Judge::Hash => json!("hash"),
            Judge::Fixed { label, confidence } => json!({ "label": label, "confidence": confidence }),
        },
        "clock_offset": settings.clock_offset,
        "token_lifetime": settings.token_lifetime.as_secs_f64(),
        "fetch_timeout": settings.fetch_timeout.as_secs_f64(),
        "refuse_v1": settings.refuse_v1,
    })
}

fn rule(shared: &Shared, body: &[u8]) -> Result<Value, String> {
    let written: Value = serde_json::from_slice(body).map_err(|problem| format!("faults: {problem}"))?;
    shared.faults.add(Rule::read(&written).map_err(|problem| format!("faults: {problem}"))?);
    Ok(shared.faults.to_json())
}

fn expiration(key: &Key) -> Option<String> {
    key.expiration.map(sign::iso_date)
}

/// The keys without their secrets.
fn keys(shared: &Shared) -> Value {
    let world = shared.world();
    let shown = |(id, key): (&String, &Key)| {
        json!({
            "access_key_id": id,
            "active": key.is_active,
            "temporary": key.security_token.is_some(),
            "expiration": expiration(key),
        })
    };
    Value::Array(world.keys.iter().map(shown).collect())
}

/// Whoever changes a key is told it whole: it opens nothing but this emulator.
fn change_key(shared: &Shared, body: &[u8]) -> Result<Value, String> {
    let change: keys::Change = serde_json::from_slice(body).map_err(|problem| format!("keys: {problem}"))?;
    let (id, key) = shared.world().change_key(change)?;
    Ok(json!({
        "access_key_id": id,
        "access_key_secret": key.secret.expose(),
        "security_token": key.security_token.as_ref().map(Secret::expose),
        "active": key.is_active,
        "expiration": expiration(&key),
    }))
}

fn ledger(shared: &Shared, query: &str) -> Result<Value, String> {
    let query = encode::parse_form(query).ok_or("the query is not UTF-8")?;
    let number = |name: &str, default: usize| match query.iter().find(|(key, _)| key == name) {
        Some((_, value)) => value.parse().map_err(|_| format!("{name} is a whole number")),
        None => Ok(default),
    };
    let world = shared.world();
    let micro_dollars = world.config.micro_dollars;
    Ok(world.ledger.to_json(micro_dollars, number("after", 0)?, number("limit", usize::MAX)?))
}

fn script(shared: &Shared, body: &[u8]) -> Result<Value, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|problem| format!("answers: {problem}"))?;
    answer.check()?;
    let mut world = shared.world();
    world.answers.add(answer);
    Ok(json!({ "count": world.answers.len() }))
}

fn change(shared: &Shared, body: &[u8]) -> Result<Value, String> {
    let change: Change = serde_json::from_slice(body).map_err(|problem| format!("settings: {problem}"))?;
    let mut world = shared.world();
    world.settings.apply(change).map_err(|error| error.message().to_owned())?;
    Ok(settings(&world.settings))
}
