use super::*;
use std::sync::Arc;
use tokio::task::JoinSet;

fn soon(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// The most starts in any sliding second.
fn densest(starts: &[Duration]) -> usize {
    let within = |at: usize| starts[at..].iter().take_while(|start| start.saturating_sub(starts[at]) < SECOND).count();
    (0..starts.len()).map(within).max().unwrap_or(0)
}

async fn run(
    pace: &Arc<Pace>,
    workers: usize,
    calls: usize,
    pause: impl Fn(usize) -> Duration + Copy,
) -> Vec<Duration> {
    let (begin, starts) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let mut together = JoinSet::new();
    let pauses: Vec<Vec<Duration>> =
        (0..workers).map(|worker| (0..calls).map(|call| pause(worker * calls + call)).collect()).collect();
    for pauses in pauses {
        let (pace, starts) = (Arc::clone(pace), Arc::clone(&starts));
        together.spawn(async move {
            for pause in pauses {
                pace.admit(soon(600)).await.unwrap();
                starts.lock().unwrap().push(begin.elapsed());
                tokio::time::sleep(pause).await;
            }
        });
    }
    together.join_all().await;
    let mut starts = starts.lock().unwrap().clone();
    starts.sort_unstable();
    starts
}

/// C07: the whole rate is used, and no second holds more than 100 starts.
#[tokio::test(start_paused = true)]
async fn the_rate_is_used_and_kept_in_every_sliding_second() {
    for workers in [1, 16, 200] {
        let starts = run(&Arc::new(Pace::new(Some(95.0))), workers, 4_000 / workers, |_| Duration::ZERO).await;
        let seconds = starts.last().unwrap().as_secs_f64();
        assert!((41.0..43.0).contains(&seconds), "{workers} workers: {seconds} s");
        assert!(densest(&starts) <= 100, "{}", densest(&starts));
    }
}

/// C07: timers that wake everybody up late cannot press more than 100 starts into a second: whoever would be the 101st waits
/// until the first of them is a second old.
#[tokio::test(start_paused = true)]
async fn the_hundred_and_first_start_of_a_second_has_to_wait() {
    let pace = Pace::new(Some(95.0));
    let begin = Instant::now();
    for _ in 0..100 {
        assert_eq!(pace.start(95.0, begin), None);
    }
    let almost = Duration::from_millis(999);
    assert_eq!(pace.start(95.0, begin + almost), Some(begin + SECOND));
    pace.admit(soon(10)).await.unwrap();
    assert_eq!(begin.elapsed(), SECOND);
    for _ in 0..99 {
        assert_eq!(pace.start(95.0, Instant::now()), None);
    }
    // No room before the end: refused, not waited for.
    let end = Instant::now() + almost;
    assert_eq!(pace.admit(end).await.unwrap_err().kind(), Kind::PaceTimeout);
}

/// C07: rests and pauses save up a burst of five, and no more.
#[tokio::test(start_paused = true)]
async fn a_rest_saves_up_a_burst_of_five() {
    let pace = Arc::new(Pace::new(Some(95.0)));
    let wander = |call: usize| Duration::from_millis((call as u64 * 7_919) % 400 * u64::from(call.is_multiple_of(5)));
    let starts = run(&pace, 50, 200, wander).await;
    assert!(densest(&starts) <= 100, "{}", densest(&starts));
    tokio::time::advance(Duration::from_secs(600)).await;
    let starts = run(&pace, 20, 1, |_| Duration::ZERO).await;
    assert_eq!(starts.iter().filter(|start| start.is_zero()).count(), 5);
    assert!(densest(&starts) <= 20);
}

/// H20: those who all wake up late together ask for a new turn, and do not all go at once.
#[tokio::test(start_paused = true)]
async fn a_machine_that_stood_still_lets_nobody_rush() {
    let pace = Arc::new(Pace::new(Some(95.0)));
    let begin = Instant::now();
    let starts = Arc::new(Mutex::new(Vec::new()));
    let mut together = JoinSet::new();
    for _ in 0..90 {
        let (pace, starts) = (Arc::clone(&pace), Arc::clone(&starts));
        together.spawn(async move {
            pace.admit(soon(3_600)).await.unwrap();
            starts.lock().unwrap().push(begin.elapsed());
        });
    }
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(600)).await;
    together.join_all().await;
    let starts = starts.lock().unwrap();
    let after: Vec<_> = starts.iter().copied().filter(|start| *start >= Duration::from_secs(600)).collect();
    assert_eq!(starts.len(), 90);
    let first = *after.first().unwrap();
    assert!(
        after.iter().filter(|start| start.saturating_sub(first) < Duration::from_millis(5)).count() <= 10,
        "{after:?}"
    );
}

/// C09: turns that nobody comes for go to others.
#[tokio::test(start_paused = true)]
async fn a_turn_given_up_is_given_to_another() {
    let pace = Arc::new(Pace::new(Some(95.0)));
    for _ in 0..1_000 {
        let mut together = JoinSet::new();
        for _ in 0..100 {
            let pace = Arc::clone(&pace);
            together.spawn(async move { pace.admit(soon(600)).await });
        }
        tokio::task::yield_now().await;
        together.abort_all();
        while together.join_next().await.is_some() {}
    }
    let begin = Instant::now();
    pace.admit(soon(600)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

/// H03: a turn that would come too late is not waited for.
#[tokio::test(start_paused = true)]
async fn a_turn_beyond_the_end_is_refused_at_once() {
    let pace = Pace::new(Some(1.0));
    for _ in 0..5 {
        pace.admit(soon(2)).await.unwrap();
    }
    let begin = Instant::now();
    let end = Instant::now() + Duration::from_millis(500);
    assert_eq!(pace.admit(end).await.unwrap_err().kind(), Kind::PaceTimeout);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    // The refusal took no turn away.
    pace.admit(soon(2)).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
}

/// C05: falls to seven tenths at once, to a floor in a storm, and comes back.
#[tokio::test(start_paused = true)]
async fn a_throttled_rate_falls_and_comes_back() {
    let pace = Pace::new(Some(95.0));
    let rate = |pace: &Pace| pace.state().throttled.map_or(95.0, |throttled| throttled.rate(Instant::now()).min(95.0));
    pace.throttled();
    pace.throttled();
    assert!((rate(&pace) - 95.0 * 0.7).abs() < 0.01, "{}", rate(&pace));
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!((rate(&pace) - 95.0).abs() < 0.01);
    for _ in 0..100 {
        pace.throttled();
        tokio::time::advance(SECOND / 2).await;
    }
    assert!((FLOOR..10.0).contains(&rate(&pace)), "{}", rate(&pace));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!((rate(&pace) - 95.0).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn no_pace_never_waits() {
    let pace = Pace::new(None);
    let begin = Instant::now();
    for _ in 0..10_000 {
        pace.admit(begin).await.unwrap();
    }
    pace.throttled();
    assert_eq!(begin.elapsed(), Duration::ZERO);
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
