mod declared;
mod doubt;
mod trouble;

use super::*;
use crate::attempt::Billing;
use crate::client::{ImageRules, Source};
use crate::config::{Network, Settings, Signature, Timeouts, UploadSignature};
use crate::credential::{Credentials, Provider};
use crate::evidence::{Precheck, Sources};
use crate::http::{Failure, Request, Response, Sending, Transport};
use crate::image::{CheckImage, Limits, UrlPolicy};
use crate::price;
use crate::region::Endpoint;
use crate::retry::Policy;
use crate::store::{Item, Question};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What becomes of the request with this number, for this URL.
type Fate = dyn Fn(usize, &str) -> std::result::Result<Response, Failure> + Send + Sync;

/// A service that answers each request after a while, by a function.
struct Oracle {
    fate: Box<Fate>,
    asked: Mutex<Vec<String>>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
}

impl std::fmt::Debug for Oracle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Oracle")
    }
}

impl Oracle {
    fn new(fate: impl Fn(usize, &str) -> std::result::Result<Response, Failure> + Send + Sync + 'static) -> Arc<Self> {
        let (asked, in_flight, most) = (Mutex::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { fate: Box::new(fate), asked, in_flight, most })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Transport for Oracle {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(async move {
            let fields = crate::encode::parse_form(std::str::from_utf8(&request.body).unwrap()).unwrap();
            let parameters: serde_json::Value = serde_json::from_str(&fields[1].1).unwrap();
            let url = parameters["imageUrl"].as_str().unwrap().to_owned();
            let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            let number = {
                let mut asked = self.asked.lock().unwrap();
                asked.push(url.clone());
                asked.len() - 1
            };
            // Later ones are answered first, so that order is nobody's accident.
            tokio::time::sleep(Duration::from_millis(10 - u64::try_from(number % 7).unwrap())).await;
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            (self.fate)(number, &url)
        })
    }
}

#[allow(clippy::unnecessary_wraps, reason = "a fate is an answer or a failure")]
fn answer(body: &str) -> std::result::Result<Response, Failure> {
    Ok(Response { status: 200, headers: crate::http::Headers::default(), body: bytes::Bytes::from(body.to_owned()) })
}

/// A verdict that names the image, so that rows which were mixed up would show.
fn verdict(url: &str) -> std::result::Result<Response, Failure> {
    answer(&format!(
        r#"{{"Code":200,  "RequestId":"R-{url}","Data":{{"Result":[{{"Label":"aigc","Confidence":81.880001}}]}}}}"#
    ))
}

fn refusal(code: u16) -> std::result::Result<Response, Failure> {
    answer(&format!(r#"{{"Code":{code},"RequestId":"R","Msg":"no"}}"#))
}

fn client(oracle: &Arc<Oracle>, max_retries: u32) -> Client {
    client_of(oracle, max_retries, None)
}

/// One that waits for turns, so many a second.
fn paced(oracle: &Arc<Oracle>, qps: f64) -> Client {
    client_of(oracle, 0, Some(qps))
}

fn client_of(oracle: &Arc<Oracle>, max_retries: u32, qps: Option<f64>) -> Client {
    let settings = Settings {
        endpoint: Endpoint::of_region("us-east-1", false).unwrap(),
        failover: Vec::new(),
        vpc: false,
        provider: Provider::Explicit(Credentials::new("LTAI-the-id", "secret", None).unwrap()),
        signature: Signature::Acs3,
        upload_signature: UploadSignature::V4,
        service: "aigcDetector_global".into(),
        precheck: Precheck::default(),
        skip_sources: Sources::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(15),
            total: Duration::from_secs(60),
            idle: Duration::from_secs(15),
        },
        policy: Policy { max_retries, ..Policy::default() },
        qps,
        pace: crate::pace::Scope::Process,
        network: Network { proxy: None, trust_env: false, ca_file: None, user_agent: "test/1".into() },
    };
    let urls = UrlPolicy { allow_private: false, encode: false };
    let rules = ImageRules { check: CheckImage::Error, limits: Limits::default(), urls };
    Client::new(Arc::new(settings), ambient(), Arc::clone(oracle) as Arc<dyn Transport>, rules)
}

fn ambient() -> Ambient {
    Ambient::fixed(1_800_000_000, &[])
}

fn options() -> Options {
    Options {
        concurrency: 4,
        is_ordered: false,
        budget: None,
        retry: Retry::Unresolved,
        data_ids: DataIds::None,
        // So are its rests a thousand times shorter than usual.
        patience: Duration::from_millis(900),
        call: Call::new(Source::Url(String::new())),
    }
}

fn question() -> Question {
    Question {
        service: "aigcDetector_global".into(),
        endpoint: "https://green-cip.us-east-1.aliyuncs.com".into(),
        info_type: String::new(),
        is_loopback: false,
    }
}

/// A folder of its own for a store, gone with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("aigclens-scan-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> Store {
        Store::open(Some(&self.0.join("run.sqlite")), &question(), &ambient()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn begin(oracle: &Arc<Oracle>, store: Store, options: Options) -> Scan {
    Scan::start(client(oracle, 0), store, options, ambient(), Handle::current())
}

fn private() -> Store {
    Store::open(None, &question(), &ambient()).unwrap()
}

fn url(name: impl std::fmt::Display) -> Input {
    let text = format!("https://img.example/{name}.png");
    Input { item: Item { key: text.as_str().into(), source: text.as_str().into() }, source: Ok(Source::Url(text)) }
}

/// Feeds as there is room, and takes whatever comes.
async fn run(scan: &Scan, inputs: impl IntoIterator<Item = Input>) -> (Vec<Row>, Option<Error>) {
    let mut inputs = inputs.into_iter();
    let (mut rows, mut is_ended) = (Vec::new(), false);
    loop {
        while !is_ended && scan.room() > 0 {
            if let Some(input) = inputs.next() {
                scan.feed(input);
            } else {
                scan.end();
                is_ended = true;
            }
        }
        let taken = scan.take(usize::MAX);
        rows.extend(taken.rows);
        if taken.is_over {
            return (rows, taken.why);
        }
        let (sender, news) = tokio::sync::oneshot::channel();
        scan.wake(move || sender.send(()).unwrap_or_default());
        news.await.unwrap();
    }
}

fn keys(rows: &[Row]) -> HashSet<&str> {
    rows.iter().map(|row| &*row.item.key).collect()
}

fn ok(row: &Row) -> bool {
    matches!(row.what, What::Answered(_))
}

#[tokio::test]
async fn each_item_is_one_row_and_at_most_so_many_calls_are_in_flight() {
    let oracle = Oracle::new(|_, url| verdict(url));
    let scan = begin(&oracle, private(), options());
    let (rows, why) = run(&scan, (0..300).map(url)).await;
    assert!(why.is_none());
    assert_eq!((rows.len(), keys(&rows).len(), oracle.asked().len()), (300, 300, 300));
    assert_eq!(oracle.most.load(Ordering::SeqCst), 4);
    for row in &rows {
        let What::Answered(answer) = &row.what else { panic!("{row:?}") };
        assert_eq!(answer.request_id.as_deref(), Some(format!("R-{}", row.item.key).as_str()));
        assert_eq!((row.billing, row.is_cached, row.duplicate_of.as_ref()), (Billing::Billed, false, None));
        assert!(answer.raw.starts_with(b"{\"Code\":200,  "), "the body is kept byte for byte");
    }
    let price = price::LIST.micro_dollars;
    assert_eq!(scan.balance(), Balance { limit: None, billed: 300 * price, possibly: 0 });
}

#[tokio::test]
async fn rows_come_in_the_order_of_the_input_if_that_is_wanted() {
    let oracle = Oracle::new(|number, url| if number % 5 == 0 { refusal(404) } else { verdict(url) });
    let scan = begin(&oracle, private(), Options { is_ordered: true, ..options() });
    let (rows, _) = run(&scan, (0..100).map(url)).await;
    let numbers: Vec<_> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

/// L01, I21: equal contents are asked about once, whether they come together or one after another.
#[tokio::test]
async fn duplicates_share_one_call_also_one_that_fails() {
    let oracle = Oracle::new(|_, url| if url.contains("/3.") { refusal(404) } else { verdict(url) });
    let scan = begin(&oracle, private(), options());
    let inputs = (0..200).map(|number| {
        let mut input = url(number % 10);
        input.item.key = format!("item-{number}").into();
        input
    });
    let (rows, why) = run(&scan, inputs).await;
    assert!(why.is_none());
    assert_eq!((rows.len(), keys(&rows).len(), oracle.asked().len()), (200, 200, 10));
    assert_eq!(rows.iter().filter(|row| row.duplicate_of.is_none()).count(), 10);
    assert_eq!(rows.iter().filter(|row| row.billing == Billing::Billed).count(), 9);
    assert_eq!(rows.iter().filter(|row| !ok(row)).count(), 20);
    assert!(rows.iter().all(|row| !row.is_cached));
}

/// L02: what is in the store is not asked about again; and a key that stands twice is a duplicate the second time.
#[tokio::test]
async fn a_second_run_asks_nothing() {
    let folder = Folder::new("again");
    let oracle = Oracle::new(|_, url| if url.contains("/3.") { refusal(404) } else { verdict(url) });
    for round in 0..2 {
        let scan = begin(&oracle, folder.store(), options());
        let (rows, why) = run(&scan, (0..50).map(|number| url(number % 25))).await;
        assert!(why.is_none());
        scan.close().unwrap();
        assert_eq!((rows.len(), oracle.asked().len()), (50, 25), "{round}");
        assert_eq!(rows.iter().filter(|row| row.is_cached).count(), 50 * round);
        assert_eq!(rows.iter().filter(|row| row.duplicate_of.is_some()).count(), 25 * (1 - round), "{round}");
        assert_eq!(rows.iter().filter(|row| ok(row)).count(), 48);
    }
    // Failures are asked again where that is wanted.
    let scan = begin(&oracle, folder.store(), Options { retry: Retry::Errors, ..options() });
    run(&scan, (0..25).map(url)).await;
    scan.close().unwrap();
    assert_eq!(oracle.asked().len(), 26);
}

/// M01, M02, M03: the budget is for all runs of the store, and the call that would pass it is not sent.
#[tokio::test]
async fn a_budget_ends_a_scan_before_the_call_that_would_pass_it() {
    let folder = Folder::new("budget");
    let price = price::LIST.micro_dollars;
    // A fifth is refused, which costs nothing.
    let oracle = Oracle::new(|number, url| if number % 5 == 4 { refusal(500) } else { verdict(url) });
    for (calls, billed) in [(0, 0), (10, 10), (10, 10), (25, 25)] {
        let scan = begin(&oracle, folder.store(), Options { budget: Some(calls * price + price - 1), ..options() });
        let (rows, why) = run(&scan, (0..200).map(url)).await;
        assert_eq!(why.unwrap().kind(), Kind::Budget);
        assert_eq!(scan.balance().billed, billed * price);
        assert_eq!(rows.iter().filter(|row| ok(row)).count(), usize::try_from(billed).unwrap());
        scan.close().unwrap();
    }
}

/// L22, H17: a scan that is stopped hands out, and writes down, what was in flight, and begins nothing more.
#[tokio::test]
async fn what_is_in_flight_is_finished_when_a_scan_is_stopped() {
    let folder = Folder::new("stop");
    let oracle = Oracle::new(|_, url| verdict(url));
    let scan = begin(&oracle, folder.store(), options());
    for number in 0..100 {
        scan.feed(url(number));
    }
    while oracle.asked().len() < 10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scan.stop();
    let began = oracle.asked().len();
    let (rows, why) = run(&scan, []).await;
    assert!(why.is_none());
    // A call that was about to leave may still have.
    assert!(oracle.asked().len() <= began + 4);
    assert_eq!(rows.len(), oracle.asked().len());
    scan.close().unwrap();
    let scan = begin(&oracle, folder.store(), options());
    let (rows, _) = run(&scan, (0..100).map(url)).await;
    assert_eq!((rows.len(), oracle.asked().len()), (100, 100));
    scan.close().unwrap();
}

#[tokio::test]
async fn an_item_that_was_wrong_already_is_a_row_that_costs_nothing() {
    let oracle = Oracle::new(|_, url| verdict(url));
    let scan = begin(&oracle, private(), options());
    let wrong = Input { source: Err(Error::new(Kind::InvalidUrl, "row 7 is empty")), ..url(0) };
    let missing = Input { source: Ok(Source::Path("/nowhere/at/all.png".into())), ..url(1) };
    let (rows, _) = run(&scan, [wrong, missing]).await;
    let mut kinds: Vec<_> = rows
        .iter()
        .map(|row| match &row.what {
            What::Failed(failure) => (failure.kind.name(), row.billing, row.fingerprint),
            _ => panic!("{row:?}"),
        })
        .collect();
    kinds.sort_unstable_by_key(|(name, ..)| *name);
    assert_eq!(kinds, [("ImageFileNotFound", Billing::NotBilled, None), ("InvalidUrl", Billing::NotBilled, None)]);
    assert!(oracle.asked().is_empty());
}

/// K07, L24: with few calls a second, no more of them are prepared than can be made before what they uploaded is stale.
#[test]
fn a_slow_pace_keeps_the_line_short() {
    for (qps, wanted, seats) in
        [(None, 256, 256), (Some(95.0), 256, 256), (Some(0.1), 256, 30), (Some(0.01), 16, 3), (Some(0.001), 16, 1)]
    {
        assert_eq!(Options::at_pace(wanted, qps), seats, "{qps:?}");
    }
}

/// I23: bytes that the caller holds count too; one item larger than all of the room is still taken.
#[tokio::test]
async fn the_window_is_bounded_in_items_and_in_bytes() {
    let oracle = Oracle::new(|_, url| verdict(url));
    let scan = begin(&oracle, private(), options());
    assert_eq!(scan.room(), 2 * 4 + 4 * AHEAD);
    let huge = bytes::Bytes::from(vec![0; BYTES]);
    scan.feed(Input { source: Ok(Source::Bytes(huge)), ..url(0) });
    assert_eq!(scan.room(), 0);
    let (rows, _) = run(&scan, []).await;
    assert_eq!(rows.len(), 1);
}
