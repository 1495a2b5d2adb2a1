//! The emulator: the service and its storage on loopback, so that a newcomer, a test, a demo and a benchmark run the real
//! client over real HTTP with real signatures, without an account.
//!
//! It verifies every signature, timestamp and nonce, limits calls per second, answers each documented code for its real
//! cause, and keeps a ledger of what would have been charged. It looks at no pixels: its verdict repeats what an image
//! declares about itself, and its answers are marked as its own (`server: aigclens-emulator`, request ids `EMU-...`).
mod admin;
mod answers;
mod download;
mod faults;
mod gateway;
mod judge;
mod keys;
mod ledger;
mod moderation;
mod reply;
mod request;
mod server;
mod settings;
mod storage;
mod verify;
mod world;

pub use settings::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, Config};

use crate::ambient::Ambient;
use crate::error::{Error, Kind, Result};
use server::Shared;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use world::World;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// A running emulator, in a thread and a runtime of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Emulator {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    /// The process that the thread lives in: a child of a fork has no such thread to wait for.
    pid: u32,
}

fn listen(runtime: &Runtime, address: SocketAddr) -> io::Result<TcpListener> {
    let _guard = runtime.enter();
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port that was just given up is free again; one that is listened on stays taken.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Emulator {
    /// Starts listening; once this returns, calls are answered.
    pub fn start(config: Config, ambient: Ambient) -> Result<Self> {
        let wanted = SocketAddr::new(config.host, config.port);
        let failed = |problem: io::Error| {
            Error::new(Kind::Config, format!("emulator: cannot listen on {wanted}: {problem}; port 0 picks a free one"))
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = listen(&runtime, wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::new(World::new(config, ambient), address));
        let (stop, stopped) = oneshot::channel();
        let serving = server::serve(listener, Arc::clone(&shared), stopped);
        let thread = std::thread::Builder::new()
            .name("aigclens-emulator".to_owned())
            .spawn(move || {
                runtime.block_on(serving);
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        let running = Running { stop, thread, pid: std::process::id() };
        Ok(Self { shared, running: Mutex::new(Some(running)) })
    }

    /// For example `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        self.shared.url()
    }

    pub fn port(&self) -> u16 {
        self.shared.address().port()
    }

    pub fn access_key_id(&self) -> String {
        self.shared.world().config.access_key_id.clone()
    }

    pub fn access_key_secret(&self) -> String {
        let world = self.shared.world();
        world.keys.main().map(|(_, key)| key.secret.expose().to_owned()).unwrap_or_default()
    }

    pub fn security_token(&self) -> Option<String> {
        let world = self.shared.world();
        world.keys.main().and_then(|(_, key)| key.security_token.as_ref().map(|token| token.expose().to_owned()))
    }

    /// Asks one of the emulator's pages without a detour through HTTP: status and JSON.
    pub fn control(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        let reply = admin::answer(&self.shared, method, target, body.as_bytes());
        (reply.status, String::from_utf8_lossy(&reply.body).into_owned())
    }

    /// Drops all connections and ends the thread. Harmless when repeated, and in a child of a fork.
    pub fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { stop, thread, pid }) = running else {
            return;
        };
        if pid != std::process::id() {
            std::mem::forget((stop, thread));
            return;
        }
        let _ = stop.send(());
        let _ = thread.join();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests;
