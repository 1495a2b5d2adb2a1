//! Images whose own declaration is enough: rows that cost nothing and are kept nowhere.
use super::*;
use crate::evidence::{Precheck, Sources};
use crate::http::scripted::Scripted;
use crate::store::Reader;
use bytes::Bytes;

const HEADER: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55";

/// An image that says of itself what a generator writes; no two with different numbers are alike.
fn declaring(number: usize, key: &str) -> Input {
    let text = format!("parameters\0a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: {number}, Size: 1x1");
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    let bytes: Bytes = [HEADER, &length, b"tEXt", text.as_bytes(), &[0; 4]].concat().into();
    Input { item: Item { key: key.into(), source: key.into() }, source: Ok(Source::Bytes(bytes)) }
}

fn skipping() -> Options {
    let call = Call {
        precheck: Some(Precheck::SkipDeclared),
        skip_sources: Some(Sources::parse(["generator_text"]).unwrap()),
        ..options().call
    };
    Options { call, ..options() }
}

fn is_declared(row: &Row) -> bool {
    matches!(row.what, What::Declared { .. })
}

/// One that uploads, and is answered.
fn answering(options: Options, store: Store) -> Scan {
    let token = r#"{"Code":200,"Data":{"AccessKeyId":"STS.x","AccessKeySecret":"s","SecurityToken":"t","BucketName":"bkt",
        "FileNamePrefix":"upload/p/","OssInternetEndPoint":"https://oss-us-east-1.aliyuncs.com","Expiration":1800001800}}"#;
    let stored = crate::http::scripted::answer(200, &[("x-oss-request-id", "O")], "");
    let transport: Arc<dyn Transport> = Arc::new(Scripted::new([answer(token), stored, verdict("x")]));
    let asking = client(&Oracle::new(|_, url| verdict(url)), 0).on(&transport);
    Scan::start(asking, store, options, ambient(), Handle::current())
}

#[tokio::test]
async fn a_declared_image_costs_nothing_and_is_kept_nowhere() {
    let folder = Folder::new("declared");
    let oracle = Oracle::new(|_, url| verdict(url));
    // There is no money for any call.
    let scan = begin(&oracle, folder.store(), Options { budget: Some(0), is_ordered: true, ..skipping() });
    let (rows, why) = run(&scan, [declaring(1, "a"), declaring(2, "b"), declaring(1, "c"), declaring(1, "a")]).await;
    assert!(why.is_none(), "{why:?}");
    assert!(rows.iter().all(|row| is_declared(row) && row.billing == Billing::NotBilled && !row.is_cached));
    assert!(rows.iter().all(|row| row.evidence.len() == 1 && row.evidence[0].starts_with("generator_text:generated:")));
    // Which of two equal ones is first is decided by who looks first.
    let of_one: Vec<_> = [0, 2, 3].map(|at| rows[at].duplicate_of.as_deref()).into_iter().collect();
    assert_eq!(of_one.iter().filter(|first| first.is_none()).count(), 1, "{of_one:?}");
    assert_eq!((rows[1].duplicate_of.as_deref(), oracle.asked().len()), (None, 0));
    let What::Declared { warnings } = &rows[0].what else { panic!() };
    assert_eq!(warnings[..], ["truncated", "small_image"]);
    assert_eq!(scan.balance(), Balance { limit: Some(0), billed: 0, possibly: 0 });
    scan.close().unwrap();

    let reader = Reader::open(&folder.0.join("run.sqlite")).unwrap();
    let info = reader.info().unwrap();
    assert_eq!((info.items, info.open, info.answered, info.failed, info.unresolved), (0, 0, 0, 0, 0));
    assert!(reader.rows(0, 100).unwrap().is_empty() && reader.unresolved().unwrap().is_empty());
}

/// One that comes late, after the first has left, is a duplicate all the same.
#[tokio::test]
async fn duplicates_of_a_declared_image_are_duplicates() {
    let scan = begin(&Oracle::new(|_, url| verdict(url)), private(), skipping());
    for (key, first) in [("a", None), ("b", Some("a")), ("a", Some("a"))] {
        scan.feed(declaring(1, key));
        let mut taken = scan.take(1).rows;
        while taken.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            taken = scan.take(1).rows;
        }
        assert_eq!((taken[0].duplicate_of.as_deref(), is_declared(&taken[0])), (first, true));
    }
}

/// What was paid for is worth more than a declaration, and who wants the service's word later gets it.
#[tokio::test]
async fn the_service_is_asked_later_and_its_answer_wins_from_then_on() {
    let folder = Folder::new("declared-later");
    let scan = begin(&Oracle::new(|_, url| verdict(url)), folder.store(), skipping());
    let (rows, _) = run(&scan, [declaring(1, "a")]).await;
    assert!(is_declared(&rows[0]));
    scan.close().unwrap();
    let scan = answering(options(), folder.store());
    let (rows, why) = run(&scan, [declaring(1, "a")]).await;
    assert!(why.is_none(), "{why:?}");
    assert!(ok(&rows[0]) && rows[0].billing == Billing::Billed, "{rows:?}");
    assert_eq!(rows[0].evidence.len(), 1, "reported");
    scan.close().unwrap();
    let scan = begin(&Oracle::new(|_, url| verdict(url)), folder.store(), skipping());
    let (rows, _) = run(&scan, [declaring(1, "a"), declaring(2, "b")]).await;
    let found: Vec<_> = ["a", "b"]
        .map(|key| rows.iter().find(|row| &*row.item.key == key).unwrap())
        .map(|row| (ok(row), row.is_cached, is_declared(row)))
        .into();
    assert_eq!(found, [(true, true, false), (false, false, true)]);
    scan.close().unwrap();
}

#[tokio::test]
async fn with_off_nothing_is_read() {
    let off = Options { call: Call { precheck: Some(Precheck::Off), ..options().call }, ..options() };
    let scan = answering(off, private());
    let (rows, _) = run(&scan, [declaring(1, "a")]).await;
    assert!(ok(&rows[0]) && rows[0].evidence.is_empty(), "{rows:?}");
}

#[tokio::test]
async fn an_estimate_counts_what_a_scan_would_not_ask_about() {
    let asking = client(&Oracle::new(|_, url| verdict(url)), 0);
    let count = |options: Options| {
        let asking = asking.clone();
        async move {
            let rule = asking.declaration_rule(&options.call);
            let store = Store::open_to_estimate(None, &question(), &ambient()).unwrap();
            let survey = Survey::start(asking, store, Retry::Unresolved, rule, Handle::current());
            for input in [declaring(1, "a"), declaring(2, "b"), declaring(1, "c"), url(1)] {
                survey.feed(input);
            }
            survey.end();
            tokio::task::spawn_blocking(move || {
                while !survey.take().is_over {
                    survey.wait(Duration::from_millis(1));
                }
                survey.counts()
            })
            .await
            .unwrap()
        }
    };
    let all = Counts { items: 4, duplicates: 1, ..Counts::default() };
    assert_eq!(count(skipping()).await, Counts { declared: 2, calls: 1, ..all });
    assert_eq!(count(options()).await, Counts { calls: 3, ..all });
}
