//! HTTP: connections, bodies with a limit, answers with a date.
use super::faults::{Caller, Faults, Script, Stage, Told, operation};
use super::reply::{Reply, SERVER};
use super::request::Request;
use super::world::World;
use super::{admin, gateway, storage};
use crate::standstill::{self, AtWork};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// The largest body of a call; only an upload has more.
const LARGEST_CALL: usize = 1024 * 1024;
/// How long a connection may be idle: what the service's `keep-alive` header says.
const IDLE: Duration = Duration::from_secs(25);

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    pub faults: Faults,
    address: SocketAddr,
    accepted: AtomicU64,
    open: AtomicU64,
}

/// The world, for one at a time. No fork meets it taken: a child can ask for the key of its parent's emulator.
pub(super) struct Worlds<'a> {
    world: MutexGuard<'a, World>,
    #[expect(dead_code, reason = "let go of after the world")]
    at_work: AtWork,
}

impl Deref for Worlds<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Worlds<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Shared {
    pub(super) fn new(world: World, address: SocketAddr) -> Self {
        Self {
            world: Mutex::new(world),
            faults: Faults::default(),
            address,
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
        }
    }

    pub(super) fn world(&self) -> Worlds<'_> {
        let at_work = standstill::at_work();
        Worlds { world: self.world.lock().unwrap_or_else(PoisonError::into_inner), at_work }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        format!("http://{address}")
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// Where uploads go: here, by the name under which a client of another machine knows this one.
    pub(super) fn storage_url(&self, host: &str) -> String {
        if self.address.ip().is_unspecified() && !host.is_empty() { format!("http://{host}") } else { self.url() }
    }

    pub(super) fn connections(&self) -> Value {
        json!({ "accepted": self.accepted.load(Ordering::Acquire), "open": self.open.load(Ordering::Acquire) })
    }
}

/// Serves until told to stop; then every connection is dropped.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stop => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                // Too many open files: those that are open will end.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
}

struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.accepted.fetch_add(1, Ordering::AcqRel);
        shared.open.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let open = Open::new(shared);
    let mut served = Some(stream);
    if let Some(fault) = open.0.faults.draw(Stage::Accept, &Caller::default(), false) {
        served = match served.take() {
            Some(stream) => fault.script().play(stream).await,
            None => None,
        };
    }
    while let Some(stream) = served.take() {
        served = serve_one(&open.0, stream).await;
    }
}

/// Serves a connection until it ends, or until a fault takes it over and gives it back.
async fn serve_one(shared: &Shared, stream: TcpStream) -> Option<TcpStream> {
    let (hand_over, mut taken_over) = mpsc::channel(1);
    let hand_over = &hand_over;
    let service = service_fn(move |request| handle(shared, hand_over, request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let script: Script = tokio::select! {
        // A client that goes away in the middle is no event.
        _ = &mut connection => return None,
        script = taken_over.recv() => script?,
    };
    script.play(connection.into_parts().io.into_inner()).await
}

async fn handle(
    shared: &Shared,
    hand_over: &mpsc::Sender<Script>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    match tell(shared, request).await {
        Told::Reply(reply) => Ok(response(shared, reply)),
        Told::Play(script) => {
            // From now on the connection is not the HTTP server's, which gets no answer to write.
            let _ = hand_over.try_send(script);
            std::future::pending().await
        }
    }
}

async fn tell(shared: &Shared, request: hyper::Request<Incoming>) -> Told {
    let (head, body) = request.into_parts();
    let mut faults = Vec::new();
    if shared.faults.is_active()
        && let Some(told) = interrupt(shared, &head, &mut faults).await
    {
        return told;
    }
    let limit = if head.method == "PUT" { storage::LARGEST } else { LARGEST_CALL };
    let announced = body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX);
    let reading = tokio::time::timeout(IDLE, Limited::new(body, limit).collect());
    let body = if announced { None } else { reading.await.ok().and_then(Result::ok) };
    let Some(body) = body else {
        return Told::Reply(Reply::admin(413, &json!({ "error": "the body is too large or broken off" })));
    };
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let (path, query) = (head.uri.path(), head.uri.query());
    match Request::new(head.method.as_str(), path, query, headers, body.to_bytes()) {
        Some(request) => gateway::answer(shared, &request, faults).await,
        None => Told::Reply(Reply::admin(400, &json!({ "error": "the query is not UTF-8" }))),
    }
}

/// A fault while the body of a request is still to be read.
async fn interrupt(shared: &Shared, head: &http::request::Parts, faults: &mut Vec<String>) -> Option<Told> {
    let (method, path) = (head.method.as_str(), head.uri.path());
    if admin::is_page(path) {
        return None;
    }
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let parameters = crate::encode::parse_form(head.uri.query().unwrap_or_default()).unwrap_or_default();
    let parameter = parameters.iter().find(|(key, _)| key == "Action").map(|(_, value)| value.as_str());
    let operation = operation(method, path, header("x-acs-action").or(parameter));
    let caller = Caller { operation: Some(operation.clone()), ..Caller::default() };
    let fault = shared.faults.draw(Stage::MidRequest, &caller, false)?;
    if let Some(span) = fault.delay() {
        faults.push(fault.name.clone());
        tokio::time::sleep(span).await;
        return None;
    }
    Some(gateway::early(shared, &fault, method, path, header("host").unwrap_or_default(), &operation))
}

fn response(shared: &Shared, reply: Reply) -> hyper::Response<Full<Bytes>> {
    let mut builder = hyper::Response::builder()
        .status(reply.status)
        .header("server", SERVER)
        .header("date", reply.date(&storage::http_date(shared.world().now())));
    for (name, value) in reply.headers.into_iter().filter(|(name, _)| *name != "date") {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(reply.body)).unwrap_or_default()
}
