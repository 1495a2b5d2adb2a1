use super::record::{Record, SECOND, Start};
use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// A pace that no other test shares.
fn pace(qps: Option<f64>) -> Arc<Pace> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let place = format!("test {}", COUNT.fetch_add(1, Ordering::Relaxed));
    Arc::new(Pace::new(qps, Scope::Process, &place, Ambient::fixed(0, &[])))
}

fn soon(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// The most starts in any sliding second.
pub(super) fn densest(starts: &[u64]) -> usize {
    let (mut oldest, mut most) = (0, 0);
    for (index, start) in starts.iter().enumerate() {
        while start - starts[oldest] >= SECOND {
            oldest += 1;
        }
        most = most.max(index + 1 - oldest);
    }
    most
}

async fn run(pace: &Arc<Pace>, workers: usize, calls: usize, pause: impl Fn(usize) -> Duration + Copy) -> Vec<u64> {
    let (begin, starts) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let mut together = JoinSet::new();
    let pauses: Vec<Vec<Duration>> =
        (0..workers).map(|worker| (0..calls).map(|call| pause(worker * calls + call)).collect()).collect();
    for pauses in pauses {
        let (pace, starts) = (Arc::clone(pace), Arc::clone(&starts));
        together.spawn(async move {
            for pause in pauses {
                pace.admit("id", soon(600)).await.unwrap();
                starts.lock().unwrap().push(record::nanos(begin.elapsed()));
                tokio::time::sleep(pause).await;
            }
        });
    }
    together.join_all().await;
    let mut starts = starts.lock().unwrap().clone();
    starts.sort_unstable();
    starts
}

/// C07: programs of different rates keep the account's limit together, and each its own rate.
#[tokio::test(start_paused = true)]
async fn different_rates_keep_the_limit_together_and_a_slow_one_takes_no_more_than_its_turns() {
    let fast = pace(Some(95.0));
    let of = |qps| Arc::new(Pace::new(Some(qps), Scope::Process, &fast.place, Ambient::fixed(0, &[])));
    let (second, third, slow) = (of(90.0), of(60.0), of(0.01));
    let begin = Instant::now();
    for _ in 0..5 {
        slow.admit("id", soon(1)).await.unwrap();
    }
    assert_eq!(slow.admit("id", soon(60)).await.unwrap_err().kind(), Kind::PaceTimeout);
    assert!(begin.elapsed() < Duration::from_millis(100), "{:?}", begin.elapsed());
    let pause = |_| Duration::ZERO;
    let (one, two, three) =
        tokio::join!(run(&fast, 8, 100, pause), run(&second, 8, 100, pause), run(&third, 8, 100, pause));
    let mut all: Vec<u64> = [&one[..], &two, &three].concat();
    all.sort_unstable();
    assert!(densest(&all) <= 100, "{}", densest(&all));
    assert!(densest(&three) <= 65, "{}", densest(&three));
    let seconds = Duration::from_nanos(*all.last().unwrap()).as_secs_f64();
    assert!((24.0..27.0).contains(&seconds), "2,400 calls in {seconds} s");
}

/// C07: the whole rate is used, and no second holds more than 100 starts.
#[tokio::test(start_paused = true)]
async fn the_rate_is_used_and_kept_in_every_sliding_second() {
    for workers in [1, 16, 200] {
        let starts = run(&pace(Some(95.0)), workers, 4_000 / workers, |_| Duration::ZERO).await;
        let seconds = Duration::from_nanos(*starts.last().unwrap()).as_secs_f64();
        assert!((41.0..42.6).contains(&seconds), "{workers} workers: {seconds} s");
        assert!(densest(&starts) <= 100, "{}", densest(&starts));
    }
}

/// C07: timers that wake everybody up late cannot press more than 100 starts into a second: whoever would be the 101st waits
/// until the first of them is a second old, and a little more.
#[test]
fn the_hundred_and_first_start_of_a_second_has_to_wait() {
    let mut record = Record::default();
    for _ in 0..100 {
        assert_eq!(record.start(95.0, 7, 7), Start::Gone);
    }
    let free = 7 + SECOND + 40_000_000;
    assert_eq!(record.start(95.0, free - 1, free - 1), Start::Full(free));
    assert_eq!(record.start(95.0, free, free), Start::Gone);
    assert_eq!(record.starts.len(), 1);
    // Whoever is held up has missed the turn.
    assert_eq!(record.start(95.0, free + record::MISSED + 1, free), Start::Missed);
}

/// A rate below the others' does not wait for a second that the faster ones fill.
#[test]
fn a_slow_participant_is_not_starved_by_fast_ones() {
    let mut record = Record::default();
    let mut now = 0;
    for _ in 0..300 {
        now = record.reserve(95.0, now, u64::MAX).unwrap().max(now);
        while let Start::Full(free) = record.start(95.0, now, now) {
            now = free;
        }
    }
    assert!(record.starts.len() > 90);
    let at = record.reserve(10.0, now, u64::MAX).unwrap();
    let wait = match record.start(10.0, at, at) {
        Start::Full(free) => free - now,
        _ => at - now,
    };
    assert!(wait < SECOND / 10, "{wait}");
}

/// C07: rests and pauses save up a burst of five, and no more.
#[tokio::test(start_paused = true)]
async fn a_rest_saves_up_a_burst_of_five() {
    let pace = pace(Some(95.0));
    let wander = |call: usize| Duration::from_millis((call as u64 * 7_919) % 400 * u64::from(call.is_multiple_of(5)));
    let starts = run(&pace, 50, 200, wander).await;
    assert!(densest(&starts) <= 100, "{}", densest(&starts));
    tokio::time::advance(Duration::from_secs(600)).await;
    let starts = run(&pace, 20, 1, |_| Duration::ZERO).await;
    assert_eq!(starts.iter().filter(|start| **start == 0).count(), 5);
    assert!(densest(&starts) <= 20);
}

/// H20: those who all wake up late together ask for a new turn, and do not all go at once.
#[tokio::test(start_paused = true)]
async fn a_machine_that_stood_still_lets_nobody_rush() {
    let pace = pace(Some(95.0));
    let begin = Instant::now();
    let starts = Arc::new(Mutex::new(Vec::new()));
    let mut together = JoinSet::new();
    for _ in 0..90 {
        let (pace, starts) = (Arc::clone(&pace), Arc::clone(&starts));
        together.spawn(async move {
            pace.admit("id", soon(3_600)).await.unwrap();
            starts.lock().unwrap().push(begin.elapsed());
        });
    }
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(600)).await;
    together.join_all().await;
    let starts = starts.lock().unwrap();
    let after: Vec<_> = starts.iter().copied().filter(|start| *start >= Duration::from_secs(600)).collect();
    assert_eq!(starts.len(), 90);
    assert!(after.len() >= 85, "those who wait behind were still waiting");
    let first = *after.first().unwrap();
    let rushed = after.iter().filter(|start| start.saturating_sub(first) < Duration::from_millis(5)).count();
    assert!(rushed <= 7, "{after:?}");
}

/// C09: turns that nobody comes for go to others, and whoever comes first goes first.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_cancelled_waiters_leave_no_trace_and_the_order_is_kept() {
    let pace = pace(Some(95.0));
    for _ in 0..1_000 {
        let mut together = JoinSet::new();
        for _ in 0..100 {
            let pace = Arc::clone(&pace);
            together.spawn(async move { pace.admit("id", soon(600)).await });
        }
        tokio::task::yield_now().await;
        together.abort_all();
        while together.join_next().await.is_some() {}
    }
    let begin = Instant::now();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut together = JoinSet::new();
    for number in 0..95 {
        let (pace, order) = (Arc::clone(&pace), Arc::clone(&order));
        together.spawn(async move {
            pace.admit("id", soon(600)).await.unwrap();
            order.lock().unwrap().push(number);
        });
    }
    together.join_all().await;
    assert!(begin.elapsed() < Duration::from_millis(1_200), "{:?}", begin.elapsed());
    assert_eq!(*order.lock().unwrap(), (0..95).collect::<Vec<_>>());
}

/// H03: a turn that would come too late is not waited for, also at the end of a line.
#[tokio::test(start_paused = true)]
async fn a_turn_beyond_the_end_is_refused_at_once() {
    let pace = pace(Some(1.0));
    for _ in 0..5 {
        pace.admit("id", soon(2)).await.unwrap();
    }
    let begin = Instant::now();
    let end = Instant::now() + Duration::from_millis(500);
    assert_eq!(pace.admit("id", end).await.unwrap_err().kind(), Kind::PaceTimeout);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    // The refusal took no turn away.
    pace.admit("id", soon(2)).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    // Ten wait: the eleventh would have to wait eleven seconds.
    let mut together = JoinSet::new();
    for _ in 0..10 {
        let pace = Arc::clone(&pace);
        together.spawn(async move { pace.admit("id", soon(60)).await });
    }
    tokio::time::advance(Duration::from_millis(1)).await;
    let begin = Instant::now();
    assert_eq!(pace.admit("id", soon(10)).await.unwrap_err().kind(), Kind::PaceTimeout);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert!(pace.admit("id", soon(12)).await.is_ok());
}

/// C05: falls to seven tenths at once, to a floor in a storm, and comes back.
#[test]
fn a_throttled_rate_falls_and_comes_back() {
    let (mut record, mut now) = (Record::default(), SECOND);
    record.throttle(95.0, now);
    record.throttle(95.0, now + 1);
    assert!((record.rate(95.0, now) - 95.0 * 0.7).abs() < 0.01, "{}", record.rate(95.0, now));
    assert!((record.rate(95.0, now + 30 * SECOND) - 95.0).abs() < 0.01);
    for _ in 0..100 {
        record.throttle(95.0, now);
        now += SECOND / 2;
    }
    assert!((1.0..10.0).contains(&record.rate(95.0, now)), "{}", record.rate(95.0, now));
    assert!((record.rate(95.0, now + 60 * SECOND) - 95.0).abs() < 0.01);
}

/// C05: in a storm of sixty seconds in which every call is refused, starts become a few a second, and nobody starves; after
/// it the whole rate is back.
#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_slows_everybody_down_and_passes() {
    let pace = pace(Some(95.0));
    let begin = Instant::now();
    let counts: Arc<Mutex<Vec<(usize, Duration)>>> = Arc::default();
    let mut together = JoinSet::new();
    for worker in 0..16 {
        let (pace, counts) = (Arc::clone(&pace), Arc::clone(&counts));
        together.spawn(async move {
            while begin.elapsed() < Duration::from_secs(100) {
                pace.admit("id", soon(600)).await.unwrap();
                counts.lock().unwrap().push((worker, begin.elapsed()));
                if begin.elapsed() < Duration::from_secs(60) {
                    pace.throttled("id").await;
                }
            }
        });
    }
    together.join_all().await;
    let counts = counts.lock().unwrap();
    let between = |from: u64, to: u64| {
        counts
            .iter()
            .filter(|(_, at)| (from..to).contains(&at.as_secs()))
            .map(|(worker, _)| *worker)
            .collect::<Vec<_>>()
    };
    let storm = between(20, 60);
    assert!((40..160).contains(&storm.len()), "{} starts in 40 s", storm.len());
    for worker in 0..16 {
        assert!(storm.contains(&worker), "{worker} starved");
    }
    assert!(between(80, 90).len() >= 940, "{}", between(80, 90).len());
}

/// Clients of one key and place share one pace; another key or place has its own.
#[tokio::test(start_paused = true)]
async fn a_pace_is_shared_by_key_and_place() {
    let make = |place: &str| Pace::new(Some(1.0), Scope::Process, place, Ambient::fixed(0, &[]));
    let (one, two, elsewhere) = (make("shared"), make("shared"), make("elsewhere"));
    let begin = Instant::now();
    for _ in 0..5 {
        one.admit("id", soon(9)).await.unwrap();
    }
    two.admit("other id", soon(9)).await.unwrap();
    elsewhere.admit("id", soon(9)).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
    two.admit("id", soon(9)).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn no_pace_never_waits() {
    let pace = pace(None);
    let begin = Instant::now();
    for _ in 0..10_000 {
        pace.admit("id", begin).await.unwrap();
    }
    pace.throttled("id").await;
    assert_eq!((begin.elapsed(), pace.warning()), (Duration::ZERO, None));
}

/// M10.
#[test]
fn a_rate_is_checked() {
    assert!(
        qps(95.0, false).is_ok() && qps(100.0, false).is_ok() && qps(0.5, false).is_ok() && qps(500.0, true).is_ok()
    );
    for bad in [0.0, -1.0, 101.0, 1e9, f64::NAN, f64::INFINITY] {
        assert_eq!(qps(bad, false).unwrap_err().kind(), Kind::Config, "{bad}");
    }
    assert!(qps(101.0, false).unwrap_err().message().contains("i_have_a_higher_quota"));
}

#[test]
fn a_scope_is_checked_and_shows_no_password() {
    assert!(matches!(Scope::parse("process"), Ok(Scope::Process)));
    assert!(matches!(Scope::parse("host"), Ok(Scope::Host)));
    let good = Scope::parse("rediss://user:hunter2@redis.example:6380/3").unwrap();
    assert!(matches!(good, Scope::Redis(_)) && !format!("{good:?}").contains("hunter2"));
    for bad in ["", "Host", "machine", "http://h", "redis://", "redis://u:hunter2@h:port/0", "redis://u:hunter2@h/base"]
    {
        let error = Scope::parse(bad).unwrap_err();
        assert!(error.kind() == Kind::Config && !error.message().contains("hunter2"), "{bad}: {error}");
    }
}

mod simulation;
