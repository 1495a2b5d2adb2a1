//! `server [--latency MS] [--ports HTTP,HTTPS] --ca FILE`: serves on loopback until it is told to stop, or its standard
//! input ends, and says where in one line of JSON.
use aigclens_benches::counts::Counts;
use aigclens_benches::verify::{KEY_ID, SECRET};
use aigclens_benches::{serve, tls};
use serde_json::json;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket};

fn listener(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    socket.listen(4096)
}

fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let counts = Arc::new(Counts::default());
    if let Some(latency) = option(&arguments, "--latency") {
        counts.latency.store(latency.parse()?, Relaxed);
    }
    let ports = option(&arguments, "--ports").unwrap_or_else(|| "0,0".to_owned());
    let (plain, secure) = ports.split_once(',').ok_or("--ports takes HTTP,HTTPS")?;
    let (plain, secure): (u16, u16) = (plain.parse()?, secure.parse()?);
    let (acceptor, authority) = tls::acceptor()?;
    if let Some(path) = option(&arguments, "--ca") {
        std::fs::write(path, authority)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let (plain, secure) = (listener(plain)?, listener(secure)?);
        let http = format!("http://127.0.0.1:{}", plain.local_addr()?.port());
        let https = format!("https://127.0.0.1:{}", secure.local_addr()?.port());
        tokio::spawn(serve::accept(plain, None, Arc::from(http.as_str()), Arc::clone(&counts)));
        tokio::spawn(serve::accept(secure, Some(acceptor), Arc::from(https.as_str()), Arc::clone(&counts)));
        println!(
            "{}",
            json!({ "http": http, "https": https, "pid": std::process::id(), "key_id": KEY_ID, "secret": SECRET })
        );
        // Whoever started it is gone once its standard input ends.
        let mut nothing = [0; 64];
        while tokio::io::stdin().read(&mut nothing).await? > 0 {}
        Ok(())
    })
}
