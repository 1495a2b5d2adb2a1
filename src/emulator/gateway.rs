//! The way of a request: the emulator's own pages, the storage, or a call that is verified before it is answered.
use super::reply::{Refusal, Reply};
use super::request::Request;
use super::server::Shared;
use super::verify::{self, Verified};
use super::{admin, moderation, storage};
use crate::region;
use serde_json::{Value, json};
use url::Url;

const VERSION: &str = "2022-03-02";

pub(super) async fn answer(shared: &Shared, request: &Request) -> Reply {
    if !is_for_us(shared, request) {
        return Reply::admin(403, &json!({ "error": "the Host header is not of this machine" }));
    }
    if request.path == admin::PREFIX || request.path.starts_with("/_emulator/") {
        // A web page of somebody else's must not steer an emulator through the browser of its user.
        if request.header("origin").is_some() {
            return Reply::admin(403, &json!({ "error": "requests by web pages are not answered" }));
        }
        let query: Vec<_> = request.query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let target = format!("{}?{}", request.path, crate::encode::form(query));
        return admin::answer(shared, &request.method, &target, &request.body);
    }
    let request_id = shared.world().request_id();
    let (action, reply) = if request.method == "PUT" || request.path != "/" {
        ("PutObject".to_owned(), storage::put(shared, request, &request_id))
    } else {
        call(shared, request, &request_id).await
    };
    note(shared, request, &request_id, &action, &reply);
    reply
}

/// A name that resolves to this machine by a trick of an attacker's is refused (DNS rebinding).
fn is_for_us(shared: &Shared, request: &Request) -> bool {
    let url = Url::parse(&format!("http://{}/", request.host()));
    !shared.is_loopback() || url.is_ok_and(|url| url.host().is_some_and(|host| region::is_loopback(&host)))
}

async fn call(shared: &Shared, request: &Request, request_id: &str) -> (String, Reply) {
    let named = || {
        let action = request.header("x-acs-action").or_else(|| request.parameter("Action").map(str::to_owned));
        action.unwrap_or_default()
    };
    let verified = match admitted(shared, request) {
        Ok(verified) => verified,
        Err(refusal) => return (named(), Reply::gateway(request_id, &request.host(), &refusal)),
    };
    let reply = match verified.action.as_str() {
        "ImageModeration" => moderation::answer(shared, request, request_id).await,
        "DescribeUploadToken" => storage::token(shared, request, request_id),
        other => {
            let message = format!("Specified api is not found, the emulator does not know the action {other}.");
            Reply::gateway(request_id, &request.host(), &Refusal::new(404, "InvalidAction.NotFound", message))
        }
    };
    (verified.action, reply)
}

fn admitted(shared: &Shared, request: &Request) -> Result<Verified, Refusal> {
    let mut world = shared.world();
    if request.method != "POST" {
        return Err(Refusal::new(400, "UnsupportedHTTPMethod", "The API only supports the POST method."));
    }
    let now = world.now();
    let verified = verify::verify(request, world.account(), now)?;
    let id = world.config.access_key_id.clone();
    if !world.draw(&id, &verified.nonce) {
        return Err(Refusal::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."));
    }
    if verified.version != VERSION {
        return Err(Refusal::new(400, "InvalidVersion", "Specified parameter Version is not valid."));
    }
    Ok(verified)
}

fn note(shared: &Shared, request: &Request, request_id: &str, action: &str, reply: &Reply) {
    let form = request.form();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let parameters = field("ServiceParameters").and_then(|text| serde_json::from_str::<Value>(text).ok());
    shared.world().note(json!({
        "method": request.method,
        "path": request.path,
        "action": action,
        "service": field("Service"),
        "parameters": parameters,
        "user_agent": request.header("user-agent"),
        "bytes": request.body.len(),
        "status": reply.status,
        "code": reply.code,
        "request_id": request_id,
    }));
}
