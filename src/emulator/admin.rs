//! The emulator's own pages under `/_emulator/`: what was charged, what was asked, and what to answer next.
use super::answers::Answer;
use super::reply::Reply;
use super::server::Shared;
use super::settings::{Change, Judge, Settings, ThrottleShape};
use crate::encode;
use serde_json::{Value, json};

/// Where they are.
pub(super) const PREFIX: &str = "/_emulator";
const HELP: [&str; 8] = [
    "GET  /_emulator/                                what this is",
    "GET  /_emulator/ledger?after=0&limit=1000       what was charged",
    "GET  /_emulator/requests                        the last 1,000 requests",
    "GET  /_emulator/connections                     connections accepted and open",
    "POST /_emulator/answers                         script an answer",
    "DELETE /_emulator/answers                       forget the scripts",
    "GET, POST /_emulator/settings                   read or change the settings",
    "POST /_emulator/reset                           back to the start",
];

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
        ("POST", "reset") => {
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
