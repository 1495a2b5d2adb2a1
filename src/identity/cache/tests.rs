use super::*;
use crate::ambient::Ambient;
use crate::credential::{Provider, Supply};
use crate::error::Kind;
use crate::http::scripted::Scripted;
use crate::identity::{Identity, STALE};
use crate::skew::{Reading, Skew};
use std::sync::atomic::AtomicUsize;

const START: u64 = 1_764_000_000;

/// A clock that a test moves, and a source that counts how often it is asked.
struct Stage0 {
    seconds: Arc<AtomicU64>,
    ambient: Ambient,
    transport: Scripted,
    clock: Skew,
    cache: Cache,
    notices: Notices,
    asked: AtomicUsize,
    fails: std::sync::atomic::AtomicBool,
    lifetime: Option<u64>,
}

impl Stage0 {
    fn new(lifetime: Option<u64>) -> Self {
        let seconds = Arc::new(AtomicU64::new(START));
        let own = Arc::clone(&seconds);
        // The randomness of this world counts from 0, so that jitter makes the margins a tenth shorter.
        let ambient = Ambient::fixed(0, &[]).with_clock(move || Duration::from_secs(own.load(Ordering::SeqCst)));
        Self {
            seconds,
            ambient,
            transport: Scripted::default(),
            clock: Skew::default(),
            cache: Cache::default(),
            notices: Notices::default(),
            asked: AtomicUsize::new(0),
            fails: false.into(),
            lifetime,
        }
    }

    fn world(&self) -> World<'_> {
        World { ambient: &self.ambient, transport: &self.transport, clock: &self.clock, user_agent: "test/1" }
    }

    /// Takes a turn of the runtime, as a request would.
    async fn load(&self) -> Result<Issued> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Credentials, format!("failure {number}")));
        }
        let end = self.lifetime.map(|seconds| self.world().now() + Duration::from_secs(seconds));
        let credentials = Credentials::new(&format!("id-{number}"), "secret", None).unwrap().until(end);
        Ok(Issued { credentials, keep: Keep::Time })
    }

    async fn get(&self) -> Result<Arc<Credentials>> {
        self.cache.get(self.world(), &self.notices, || self.load()).await
    }

    async fn id(&self) -> String {
        self.get().await.unwrap().access_key_id.clone()
    }

    fn after(&self, seconds: u64) {
        self.seconds.store(START + seconds, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A12: N waiters, one search.
#[tokio::test(start_paused = true)]
async fn many_who_wait_make_one_search() {
    let stage = Stage0::new(Some(900));
    let found = futures(50, || stage.id()).await;
    assert!(found.iter().all(|id| id == "id-0"));
    assert_eq!(stage.asked(), 1);
}

/// All of them at once, on one thread.
async fn futures<F: Future>(count: usize, make: impl Fn() -> F) -> Vec<F::Output> {
    let mut running: Vec<_> = (0..count).map(|_| Box::pin(make())).collect();
    let mut done: Vec<Option<F::Output>> = (0..count).map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in running.iter_mut().zip(done.iter_mut()).filter(|(_, slot)| slot.is_none()) {
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// A16: the shortest session is replaced once, after three quarters of it, and not at every call.
#[tokio::test(start_paused = true)]
async fn a_session_of_900_seconds_is_replaced_at_three_quarters() {
    let stage = Stage0::new(Some(900));
    for (second, id, asked) in [(0, "id-0", 1), (300, "id-0", 1), (674, "id-0", 1), (698, "id-1", 2), (700, "id-1", 2)]
    {
        stage.after(second);
        assert_eq!((stage.id().await.as_str(), stage.asked()), (id, asked), "second {second}");
    }
}

/// One replaces, the others go on with what is still good.
#[tokio::test(start_paused = true)]
async fn in_the_advisory_window_one_call_searches_and_no_other_waits() {
    let stage = Stage0::new(Some(3_600));
    stage.id().await;
    stage.after(2_800);
    let mut found = futures(20, || stage.id()).await;
    found.sort();
    assert_eq!((stage.asked(), found[0].as_str(), found[18].as_str(), found[19].as_str()), (2, "id-0", "id-0", "id-1"));
}

/// A14: kept in use, tried again after a pause, said once a minute.
#[tokio::test(start_paused = true)]
async fn a_failure_in_the_advisory_window_is_a_warning_once_a_minute() {
    let stage = Stage0::new(Some(3_600));
    stage.id().await;
    stage.fails.store(true, Ordering::SeqCst);
    let mut said = Vec::new();
    for second in [2_800, 2_801, 2_820, 2_831, 2_862, 2_893] {
        stage.after(second);
        assert_eq!(stage.id().await, "id-0");
        said.push((stage.asked(), stage.notices.take().len()));
    }
    assert_eq!(said, [(2, 1), (2, 0), (2, 0), (3, 0), (4, 1), (5, 0)]);
    assert_eq!(STALE, "credentials_not_refreshed");
}

/// A15: everybody who waits gets the error of the one search; the next call searches again.
#[tokio::test(start_paused = true)]
async fn a_failure_in_the_mandatory_window_is_everybodys_and_the_next_call_tries_again() {
    let stage = Stage0::new(Some(3_600));
    stage.id().await;
    stage.after(3_340);
    stage.fails.store(true, Ordering::SeqCst);
    let failed = futures(20, || stage.get()).await;
    assert!(failed.iter().all(|outcome| outcome.as_ref().unwrap_err().message() == "failure 1"));
    assert_eq!(stage.asked(), 2);
    assert_eq!(stage.get().await.unwrap_err().message(), "failure 2");
    stage.fails.store(false, Ordering::SeqCst);
    assert_eq!(stage.id().await, "id-3");
}

/// A call that is given up leaves the search to the next in line.
#[tokio::test(start_paused = true)]
async fn who_gives_up_hands_the_search_on() {
    let stage = Stage0::new(Some(900));
    let (first, second) = tokio::join!(tokio::time::timeout(Duration::from_millis(3), stage.id()), stage.id());
    assert!(first.is_err());
    assert_eq!((second.as_str(), stage.asked()), ("id-1", 2));
}

/// Times are those of the service's clock: ours is an hour behind.
#[tokio::test(start_paused = true)]
async fn expirations_are_compared_with_the_servers_time() {
    let stage = Stage0::new(Some(3_600));
    stage.id().await;
    let reading = Reading {
        sent: Duration::from_secs(START),
        trip: Duration::ZERO,
        date: Some("Mon, 24 Nov 2025 17:00:00 GMT"),
        is_cached: false,
    };
    assert!(stage.clock.learn(reading, 0));
    assert_eq!(stage.id().await, "id-1");
}

/// What has no expiration is asked for again after a quarter of an hour.
#[tokio::test(start_paused = true)]
async fn what_says_no_end_is_kept_for_a_quarter_of_an_hour() {
    let stage = Stage0::new(None);
    for (second, id) in [(0, "id-0"), (899, "id-0"), (900, "id-1")] {
        stage.after(second);
        assert_eq!(stage.id().await, id);
    }
}

/// A source whose every answer is another key, whose secret and token say which key they belong to.
#[derive(Debug)]
struct Rotating(AtomicUsize);

impl Supply for Rotating {
    fn supply(&self) -> Result<Credentials> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let part = |what: &str| format!("{what}-{number}");
        Credentials::new(&part("id"), &part("secret"), Some(&part("token")))
    }
}

/// A08: 64 threads sign while the credentials rotate under them; key, secret and token are always of one set.
#[test]
fn a_key_never_meets_the_secret_or_token_of_another() {
    let identity = Identity::new(&Provider::Custom(Arc::new(Rotating(AtomicUsize::new(0)))));
    let seen = Mutex::new(std::collections::HashSet::new());
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let stage = Stage0::new(None);
                runtime.block_on(async {
                    for turn in 0..40 {
                        let used = identity.credentials(stage.world()).await.unwrap();
                        let number = used.access_key_id.strip_prefix("id-").unwrap();
                        assert_eq!(used.secrets(), [format!("secret-{number}"), format!("token-{number}")]);
                        seen.lock().unwrap().insert(number.to_owned());
                        if turn % 5 == 0 {
                            identity.replace(&used, stage.world()).await;
                        }
                    }
                });
            });
        }
    });
    assert!(seen.lock().unwrap().len() > 3, "the credentials did not rotate");
}

/// A12: one that hangs ends within its time, and is not called again while it hangs.
#[tokio::test]
async fn a_source_that_hangs_is_waited_for_once_and_then_again() {
    #[derive(Debug)]
    struct Hanging(Mutex<std::sync::mpsc::Receiver<()>>, Arc<AtomicUsize>);
    impl Supply for Hanging {
        fn supply(&self) -> Result<Credentials> {
            self.1.fetch_add(1, Ordering::SeqCst);
            let _ = self.0.lock().unwrap().recv();
            Credentials::new("id", "secret", None)
        }
    }
    let (release, hang) = std::sync::mpsc::channel();
    let calls = Arc::new(AtomicUsize::new(0));
    let identity = Identity::new(&Provider::Custom(Arc::new(Hanging(Mutex::new(hang), Arc::clone(&calls)))));
    let stage = Stage0::new(None);
    for _ in 0..2 {
        let given_up = tokio::time::timeout(Duration::from_millis(50), identity.credentials(stage.world())).await;
        assert!(given_up.is_err());
    }
    // It ends while somebody waits for it; what ends while nobody does may be old, and is asked for again.
    let (given, ()) = tokio::join!(identity.credentials(stage.world()), async { release.send(()).unwrap() });
    assert_eq!(given.unwrap().access_key_id, "id");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
