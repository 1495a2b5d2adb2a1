//! A client's settings, and a service that always says the same.
use crate::Problem;
use aigclens::ambient::Ambient;
use aigclens::config::{Network, Settings, Signature, Timeouts, UploadSignature};
use aigclens::credential::{Credentials, Provider};
use aigclens::evidence::{Precheck, Sources};
use aigclens::http::{Request, Response, Sending, Transport};
use aigclens::pace::Scope;
use aigclens::region::Endpoint;
use aigclens::retry::Policy;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

pub const NOW: u64 = 1_796_000_000;
pub const IMAGE: &str = "https://images.example.com/2026/11/portrait-of-a-cat-4711.png?size=large";
pub const DATA_ID: &str = "portrait-4711";
const KEY_ID: &str = "LTAI5tBenchBenchBenchBen";
const SECRET: &str = "benchbenchbenchbenchbenchbench";

/// A time that stands still, and counted nonces.
pub fn ambient() -> Ambient {
    Ambient::fixed(NOW, &[])
}

pub fn credentials() -> Result<Credentials, Problem> {
    Ok(Credentials::new(KEY_ID, SECRET, None)?)
}

/// The defaults, without a pace.
pub fn settings() -> Result<Settings, Problem> {
    Ok(Settings {
        endpoint: Endpoint::of_region("ap-southeast-1", false)?,
        failover: Vec::new(),
        vpc: false,
        provider: Provider::Explicit(credentials()?),
        signature: Signature::Acs3,
        upload_signature: UploadSignature::V4,
        service: aigclens::client::SERVICE.to_owned(),
        precheck: Precheck::default(),
        skip_sources: Sources::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(15),
            total: Duration::from_secs(60),
            idle: Duration::from_secs(15),
        },
        policy: Policy::default(),
        qps: None,
        pace: Scope::Process,
        network: Network {
            proxy: None,
            trust_env: false,
            ca_file: None,
            user_agent: "aigclens/0.1.0 (Linux x86_64) python/3.11.7".to_owned(),
        },
    })
}

pub fn runtime() -> Result<Runtime, Problem> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Gives each request its answer, after a turn of the loop, and remembers nothing.
#[derive(Debug)]
pub struct Answering(pub fn(&Request) -> Response);

impl Transport for Answering {
    fn send(&self, request: Request) -> Sending<'_> {
        let answer = (self.0)(&request);
        Box::pin(async move {
            tokio::task::yield_now().await;
            drop(request);
            Ok(answer)
        })
    }
}

impl Answering {
    pub fn shared(answer: fn(&Request) -> Response) -> Arc<dyn Transport> {
        Arc::new(Self(answer))
    }
}

/// A folder for a case's files, gone with it.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Result<Self, Problem> {
        let path = std::env::temp_dir().join(format!("aigclens-micro-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
