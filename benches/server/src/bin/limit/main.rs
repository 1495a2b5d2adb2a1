//! `limit reqwest|hyper --url URL [--ca FILE] --at-once C --seconds S`: the least that a client in Rust can cost. It signs each
//! call with our signer, reads the answer as JSON, and does nothing else: no retries, pace, events or billing.
//!
//! It warms up and finds out how many calls last for S seconds, says `ready`, waits for a line, and measures. With `--rounds R
//! --served MS` instead, each of the C callers makes R calls, and what a call took beyond MS milliseconds is told.
mod call;
mod raw;

use call::{BODY, SERVICE, check, headers};
use rustix::time::{ClockId, clock_gettime};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Where the server is.
pub(crate) struct Place {
    is_secure: bool,
    /// With the port.
    host: String,
    name: String,
}

impl Place {
    fn read(url: &str) -> Outcome<Self> {
        let (scheme, host) = url.split_once("://").ok_or("--url is http://HOST:PORT or https://HOST:PORT")?;
        let name = host.split(':').next().unwrap_or(host).to_owned();
        Ok(Self { is_secure: scheme == "https", host: host.to_owned(), name })
    }
}

fn trust(ca: Option<&str>) -> Outcome<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(path) = ca {
        for certificate in CertificateDer::pem_file_iter(path)? {
            roots.add(certificate?)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// One of those that call at the same time.
enum Caller {
    Hyper(raw::Line),
    Reqwest { client: reqwest::Client, url: Arc<str>, host: String },
}

impl Caller {
    async fn call(&mut self) -> Outcome<()> {
        match self {
            Self::Hyper(line) => line.call().await,
            Self::Reqwest { client, url, host } => {
                let mut request = client.post(&**url).body(BODY);
                for (name, value) in headers(host) {
                    request = request.header(name, value);
                }
                check(&request.send().await?.bytes().await?)
            }
        }
    }
}

async fn callers(kind: &str, url: &str, ca: Option<&str>, at_once: usize) -> Outcome<Vec<Caller>> {
    let (place, config) = (Place::read(url)?, trust(ca)?);
    let mut callers = Vec::with_capacity(at_once);
    match kind {
        "hyper" => {
            let config = Arc::new(config);
            for _ in 0..at_once {
                callers.push(Caller::Hyper(raw::Line::open(&place, Arc::clone(&config)).await?));
            }
        }
        "reqwest" => {
            let client = reqwest::Client::builder()
                .tls_backend_preconfigured(config)
                .no_proxy()
                .tcp_nodelay(true)
                .pool_max_idle_per_host(usize::MAX)
                .build()?;
            let url: Arc<str> = Arc::from(format!("{url}/?Service={SERVICE}"));
            for _ in 0..at_once {
                let (client, url, host) = (client.clone(), Arc::clone(&url), place.host.clone());
                callers.push(Caller::Reqwest { client, url, host });
            }
        }
        _ => return Err("the first argument is reqwest or hyper".into()),
    }
    Ok(callers)
}

/// So many calls, shared by all callers; `took` gets what each took, if anyone wants it.
async fn calls(callers: Vec<Caller>, number: usize, mut took: Option<&mut Vec<Duration>>) -> Outcome<Vec<Caller>> {
    let (at_once, timed) = (callers.len(), took.is_some());
    let mut tasks = JoinSet::new();
    for (which, mut caller) in callers.into_iter().enumerate() {
        let share = number / at_once + usize::from(which < number % at_once);
        tasks.spawn(async move {
            let mut took = Vec::with_capacity(if timed { share } else { 0 });
            for _ in 0..share {
                let began = timed.then(Instant::now);
                caller.call().await?;
                took.extend(began.map(|began| began.elapsed()));
            }
            Outcome::Ok((caller, took))
        });
    }
    let mut callers = Vec::with_capacity(at_once);
    while let Some(done) = tasks.join_next().await {
        let (caller, spans) = done??;
        callers.push(caller);
        if let Some(took) = took.as_mut() {
            took.extend(spans);
        }
    }
    Ok(callers)
}

/// Quantiles of what each call took beyond the server's time, in milliseconds.
fn added(mut took: Vec<Duration>, served: f64) -> Value {
    took.sort_unstable();
    let at =
        |part: usize| took.get(took.len() * part / 100).or(took.last()).map_or(0.0, |took| 1e3 * took.as_secs_f64());
    json!({ "p50": at(50) - served, "p99": at(99) - served, "max": at(100) - served })
}

/// How many calls last so long.
async fn enough(all: &mut Vec<Caller>, seconds: f64) -> Outcome<usize> {
    let at_once = all.len();
    let mut number = 4 * at_once;
    loop {
        let began = Instant::now();
        *all = calls(std::mem::take(all), number, None).await?;
        let took = began.elapsed();
        if took.as_secs_f64() > seconds / 4.0 {
            return Ok(times(seconds, took / u32::try_from(number)?).max(2 * at_once));
        }
        number *= 2;
    }
}

/// How often `used` fits into `time`, at least once.
fn times(time: f64, used: Duration) -> usize {
    let times = (time / used.as_secs_f64().max(1e-6)).clamp(1.0, 1e6);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a million")]
    let times = times as usize;
    times
}

/// Processor time that this process has used, user and system.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

async fn measure(arguments: &[String]) -> Outcome<()> {
    let kind = arguments.get(1).map(String::as_str).unwrap_or_default();
    let url = option(arguments, "--url").ok_or("--url is missing")?;
    let at_once: usize = option(arguments, "--at-once").as_deref().unwrap_or("1").parse()?;
    let seconds: f64 = option(arguments, "--seconds").as_deref().unwrap_or("0.5").parse()?;
    let rounds: Option<usize> = option(arguments, "--rounds").as_deref().map(str::parse).transpose()?;
    let served: f64 = option(arguments, "--served").as_deref().unwrap_or("0").parse()?;
    let mut all = callers(kind, &url, option(arguments, "--ca").as_deref(), at_once).await?;
    all = calls(all, 4 * at_once, None).await?;
    let number = match rounds {
        Some(rounds) => rounds * at_once,
        None => enough(&mut all, seconds).await?,
    };
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let mut took = Vec::new();
    let (began, used) = (Instant::now(), cpu());
    calls(all, number, rounds.is_some().then_some(&mut took)).await?;
    let (wall, used) = (began.elapsed().as_secs_f64(), cpu().saturating_sub(used).as_secs_f64());
    let mut said = json!({ "calls": number, "right": number, "cpu": used, "wall": wall });
    if rounds.is_some() {
        said["added_ms"] = added(took, served);
    }
    println!("{said}");
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&arguments))
}
