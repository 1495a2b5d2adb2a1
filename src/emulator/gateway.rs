//! The way of a request: the emulator's own pages, the storage, or a call that is verified before it is answered. A plan of
//! faults acts at its stages.
use super::faults::{self, Action, Caller, Fault, Paper, Stage, Told};
use super::reply::{Refusal, Reply, Summary};
use super::request::Request;
use super::server::Shared;
use super::verify::{self, Verified};
use super::{admin, moderation, storage};
use crate::region;
use serde_json::{Value, json};
use url::Url;

const VERSION: &str = "2022-03-02";

/// Answers a request. `faults` are those that have acted on it already.
pub(super) async fn answer(shared: &Shared, request: &Request, faults: Vec<String>) -> Told {
    if !is_for_us(shared, request) {
        return Told::Reply(Reply::admin(403, &json!({ "error": "the Host header is not of this machine" })));
    }
    if admin::is_page(&request.path) {
        // A web page of somebody else's must not steer an emulator through the browser of its user.
        if request.header("origin").is_some() {
            return Told::Reply(Reply::admin(403, &json!({ "error": "requests by web pages are not answered" })));
        }
        let query: Vec<_> = request.query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let target = format!("{}?{}", request.path, crate::encode::form(query));
        return Told::Reply(admin::answer(shared, &request.method, &target, &request.body));
    }
    let action = request.header("x-acs-action").or_else(|| request.parameter("Action").map(str::to_owned));
    let operation = faults::operation(&request.method, &request.path, action.as_deref());
    let request_id = shared.world().request_id();
    let mut way = Way { shared, request, operation, request_id, caller: Caller::default(), faults };
    if !shared.faults.is_active() {
        let reply = match way.admit(0.0) {
            Ok(admitted) => way.perform(admitted).await,
            Err(refused) => refused,
        };
        note(&way, &reply.summary());
        return Told::Reply(reply);
    }
    way.caller = Caller::of(request, &way.operation);
    way.go().await
}

/// A name that resolves to this machine by a trick of an attacker's is refused (DNS rebinding).
fn is_for_us(shared: &Shared, request: &Request) -> bool {
    let url = Url::parse(&format!("http://{}/", request.host()));
    !shared.is_loopback() || url.is_ok_and(|url| url.host().is_some_and(|host| region::is_loopback(&host)))
}

/// A request that was verified.
enum Admitted {
    Call(Verified),
    /// An object to be stored under this key.
    Object(String),
}

/// A request on its way.
struct Way<'a> {
    shared: &'a Shared,
    request: &'a Request,
    operation: String,
    request_id: String,
    caller: Caller,
    /// What went wrong on purpose, in order.
    faults: Vec<String>,
}

impl Way<'_> {
    /// The way of a request while there is a plan of faults.
    async fn go(mut self) -> Told {
        let offset = self.draw(Stage::BeforeBilling, true).map_or(0.0, |fault| match *fault.action {
            Action::Clock(offset) => offset,
            _ => 0.0,
        });
        let admitted = self.admit(offset);
        if admitted.is_ok()
            && let Some(fault) = self.draw(Stage::BeforeBilling, false)
        {
            if let Some(span) = fault.delay() {
                tokio::time::sleep(span).await;
            } else if *fault.action == Action::ObjectLost {
                self.shared.world().lose(self.caller.object.as_deref().unwrap_or_default());
            } else {
                let uncharged = self.paper(&self.request.host(), "").uncharged();
                return self.tell(vec![fault], uncharged, offset);
            }
        }
        // Drawn before the charge, so that the ledger can say what becomes of the answer.
        let stages = [Stage::AfterBilling, Stage::MidHeaders, Stage::MidBody, Stage::AfterBody];
        let later: Vec<Fault> = stages.into_iter().filter_map(|stage| self.draw(stage, false)).collect();
        let reply = match admitted {
            Ok(admitted) => self.perform(admitted).await,
            Err(refused) => refused,
        };
        for span in later.iter().filter_map(Fault::delay) {
            tokio::time::sleep(span).await;
        }
        self.tell(later, reply, offset)
    }

    fn draw(&mut self, stage: Stage, is_clock: bool) -> Option<Fault> {
        let fault = self.shared.faults.draw(stage, &self.caller, is_clock)?;
        self.faults.push(fault.name.clone());
        Some(fault)
    }

    /// Who asks, and whether they may, by a clock that is ahead by so many seconds.
    fn admit(&self, offset: f64) -> Result<Admitted, Reply> {
        if self.operation == "PutObject" {
            return storage::admitted(self.shared, self.request, &self.request_id, offset).map(Admitted::Object);
        }
        let refused = |refusal: Refusal| Reply::gateway(&self.request_id, &self.request.host(), &refusal);
        verified(self.shared, self.request, offset).map(Admitted::Call).map_err(refused)
    }

    async fn perform(&self, admitted: Admitted) -> Reply {
        let (shared, request, request_id) = (self.shared, self.request, self.request_id.as_str());
        let verified = match admitted {
            Admitted::Object(key) => return storage::put(shared, request, request_id, key),
            Admitted::Call(verified) => verified,
        };
        match verified.action.as_str() {
            "ImageModeration" => {
                let fault = (!self.faults.is_empty()).then(|| self.faults.join(" "));
                moderation::answer(shared, request, request_id, &verified.access_key_id, fault).await
            }
            "DescribeUploadToken" => storage::token(shared, request, request_id),
            other => {
                let message = format!("Specified api is not found, the emulator does not know the action {other}.");
                Reply::gateway(request_id, &request.host(), &Refusal::new(404, "InvalidAction.NotFound", message))
            }
        }
    }

    fn paper<'b>(&'b self, host: &'b str, date: &'b str) -> Paper<'b> {
        Paper { operation: &self.operation, request_id: &self.request_id, host, date }
    }

    /// Answers, unless one of the faults does something else instead: the first one that is no delay.
    fn tell(&self, faults: Vec<Fault>, mut reply: Reply, offset: f64) -> Told {
        let now = storage::ahead(self.shared.world().now(), offset);
        let date = storage::http_date(now);
        reply.headers.push(("date", date.clone()));
        let (meant, host) = (reply.summary(), self.request.host());
        let told = match faults.into_iter().find(|fault| fault.delay().is_none()) {
            Some(fault) => fault.tell(reply, &self.paper(&host, &date)),
            None => Told::Reply(reply),
        };
        note(self, &told.summary().unwrap_or(meant));
        told
    }
}

fn verified(shared: &Shared, request: &Request, offset: f64) -> Result<Verified, Refusal> {
    let mut world = shared.world();
    if request.method != "POST" {
        return Err(Refusal::new(400, "UnsupportedHTTPMethod", "The API only supports the POST method."));
    }
    let now = storage::ahead(world.now(), offset);
    let verified = verify::verify(request, &world.keys, now)?;
    if !world.draw(&verified.access_key_id, &verified.nonce) {
        return Err(Refusal::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."));
    }
    if verified.version != VERSION {
        return Err(Refusal::new(400, "InvalidVersion", "Specified parameter Version is not valid."));
    }
    Ok(verified)
}

/// Lists a request with its answer (the one that was meant for it where none was sent whole), and the faults that acted.
fn note(way: &Way<'_>, (status, code): &Summary) {
    let request = way.request;
    let form = request.form();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let parameters = field("ServiceParameters").and_then(|text| serde_json::from_str::<Value>(text).ok());
    way.shared.world().note(json!({
        "method": request.method,
        "path": request.path,
        "action": way.operation,
        "service": field("Service"),
        "parameters": parameters,
        "user_agent": request.header("user-agent"),
        "bytes": request.body.len(),
        "status": status,
        "code": code,
        "request_id": way.request_id,
        "faults": way.faults,
    }));
}

/// What a fault answers to a request whose body was not read.
pub(super) fn early(shared: &Shared, fault: &Fault, method: &str, path: &str, host: &str, operation: &str) -> Told {
    let mut world = shared.world();
    let request_id = world.request_id();
    let date = storage::http_date(world.now());
    let paper = Paper { operation, request_id: &request_id, host, date: &date };
    let reply = paper.uncharged();
    let meant = reply.summary();
    let told = fault.tell(reply, &paper);
    let (status, code) = told.summary().unwrap_or(meant);
    world.note(json!({
        "method": method,
        "path": path,
        "action": operation,
        "status": status,
        "code": code,
        "request_id": request_id,
        "faults": [fault.name],
    }));
    told
}
