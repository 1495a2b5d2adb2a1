//! What the tests of the store are made of: folders, contents, calls.
use crate::ambient::Ambient;
use crate::attempt::{Attempt, Billing, Operation};
use crate::detection::{Engine, Label};
use crate::error::{Kind, Result};
use crate::store::{
    Answer, By, End, Failure, Fingerprint, Intent, Intention, Item, Known, Question, Settlement, Store,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A folder of one test's own, and its world: temporary files go there too.
pub(super) struct Place(pub(super) PathBuf);

impl Place {
    pub(super) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("aigclens-store-{name}-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("tmp")).unwrap();
        Self(std::fs::canonicalize(path).unwrap())
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("run.sqlite")
    }

    pub(super) fn ambient(&self) -> Ambient {
        let temporary = self.0.join("tmp");
        let system = Ambient::system();
        system.with_environment(move |name| (name == "TMPDIR").then(|| temporary.to_str().unwrap().to_owned()))
    }

    pub(super) fn open(&self) -> Result<Store> {
        Store::open(Some(&self.file()), &question(), &self.ambient())
    }

    /// The names in the folder, and in the one for temporary files.
    pub(super) fn names(&self) -> Vec<String> {
        let list = |folder: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(folder).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let mut names: Vec<String> = list(&self.0).into_iter().chain(list(&self.0.join("tmp"))).collect();
        names.sort_unstable();
        names.retain(|name| name != "tmp");
        names
    }

    /// What a crash at this moment would leave on the disk. Another process copies: a descriptor of ours would take SQLite's
    /// locks along when it is closed.
    pub(super) fn after_a_crash(&self) -> Self {
        let copy = Self::new("crash");
        for ending in ["", "-wal", "-lock", "-reserve"] {
            let from = format!("{}{ending}", self.file().display());
            if Path::new(&from).exists() {
                assert!(std::process::Command::new("cp").arg(&from).arg(&copy.0).status().unwrap().success());
            }
        }
        copy
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn question() -> Question {
    Question {
        service: "aigcDetector".to_owned(),
        endpoint: "https://green-cip.ap-southeast-1.aliyuncs.com".to_owned(),
        info_type: String::new(),
        is_loopback: false,
    }
}

pub(super) fn content(number: u32) -> Fingerprint {
    Fingerprint { by: By::Bytes, hash: *blake3::hash(&number.to_le_bytes()).as_bytes() }
}

pub(super) fn item(number: u32) -> Item {
    Item { key: format!("{number}.jpg").into(), source: format!("photos/{number}.jpg").into() }
}

pub(super) fn attempt(billing: Billing) -> Attempt {
    Attempt {
        operation: Operation::ImageModeration,
        billing,
        outcome: match billing {
            Billing::Billed => "ok",
            Billing::NotBilled => "ServerError",
            Billing::PossiblyBilled => "DetectTimeout",
        },
        code: (billing != Billing::PossiblyBilled).then(|| "200".to_owned()),
        request_id: Some("5C3F0F0A-1".to_owned()),
        region: Some("ap-southeast-1".to_owned()),
        elapsed: Duration::from_nanos(123_456_789),
    }
}

/// An answer whose every field says something of its own.
pub(super) fn answer(number: u32) -> Answer {
    let confidence = 81.880_001 + f64::from(number) / 7.0;
    let label = Label {
        name: "aigc".to_owned(),
        confidence: Some(confidence),
        description: Some("\u{7591}\u{4f3c} \"AI\"\n".to_owned()),
        risk_level: None,
    };
    Answer {
        label: Some("aigc".to_owned()),
        is_aigc: Some(number.is_multiple_of(2)),
        confidence: Some(confidence),
        risk_level: Some("high".to_owned()),
        labels: vec![
            label.clone(),
            Label { name: "nonLabel".to_owned(), confidence: None, description: None, ..label },
        ],
        warnings: vec!["data_id_mismatch".to_owned()],
        evidence: vec!["iptc:generated:trainedAlgorithmicMedia".to_owned()],
        request_id: Some(format!("REQUEST-{number}")),
        service: "aigcDetector".to_owned(),
        region: Some("ap-southeast-1".to_owned()),
        engine: Engine::Service,
        billing: Billing::Billed,
        attempts: 2,
        latency: Duration::from_nanos(412_345_678),
        at: Duration::new(1_764_000_000, 987_654_321),
        raw: format!("{{\"Code\":200,\"n\":{number}}} \0\u{ff}").into_bytes(),
    }
}

pub(super) fn failure(billing: Billing) -> Failure {
    Failure {
        kind: if billing == Billing::PossiblyBilled { Kind::DetectTimeout } else { Kind::ImageDownload },
        code: (billing == Billing::NotBilled).then(|| "404".to_owned()),
        message: "the service could not download the image".to_owned(),
        request_id: Some("REQUEST-F".to_owned()),
        billing,
        attempts: 3,
        evidence: vec![],
        at: Duration::new(1_764_000_001, 5),
        raw: Some(b"\xff\x00<html>".to_vec()),
    }
}

pub(super) fn intention(number: u32) -> Intention {
    Intention {
        fingerprint: content(number),
        item: item(number),
        before: Vec::new(),
        price: 600,
        key_suffix: "EFGH".to_owned(),
    }
}

pub(super) fn settlement(number: u32, intents: Vec<(Intent, Option<Attempt>)>, end: End) -> Settlement {
    Settlement { fingerprint: content(number), item: item(number), intents, end }
}

pub(super) fn answered(number: u32) -> End {
    End::Answered(std::sync::Arc::new(answer(number)))
}

pub(super) fn failed(billing: Billing) -> End {
    End::Failed(std::sync::Arc::new(failure(billing)))
}

/// Runs what a scan would await.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(super) fn look(store: &Store, number: u32) -> Result<Known> {
    wait(store.look(content(number), item(number)))
}

pub(super) fn intend(store: &Store, number: u32) -> Result<Intent> {
    wait(store.intend(intention(number)))
}

/// A whole call that is answered.
pub(super) fn answer_it(store: &Store, number: u32) {
    let intent = intend(store, number).unwrap();
    wait(store.settle(settlement(number, vec![(intent, Some(attempt(Billing::Billed)))], answered(number)))).unwrap();
}

/// The end of a call that was begun before.
pub(super) fn settle_it(store: &Store, number: u32, intent: Intent) {
    let intents = vec![(intent, Some(attempt(Billing::Billed)))];
    wait(store.settle(settlement(number, intents, answered(number)))).unwrap();
}

/// Random numbers whose beginning is printed, so that a failure can be had again.
pub(super) struct Seed(u64);

pub(super) fn seed(what: &str) -> Seed {
    let mut bytes = [0; 8];
    match std::env::var("AIGCLENS_STORE_SEED") {
        Ok(text) => bytes = text.parse::<u64>().unwrap().to_le_bytes(),
        Err(_) => assert!(Ambient::system().random(&mut bytes)),
    }
    let start = u64::from_le_bytes(bytes) | 1;
    println!("{what}: AIGCLENS_STORE_SEED={start}");
    Seed(start)
}

impl Seed {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
