//! Against a real server, which each test starts for itself. Where none is installed, they say so and prove nothing.
#![allow(clippy::disallowed_methods, reason = "what is tested is a real server")]
use super::*;
use crate::ambient::Ambient;
use crate::pace::record::{Record, SECOND, Throttled};
use crate::pace::tests::densest;
use crate::pace::{Pace, Scope};
use proptest::prelude::*;
use std::process::{Child, Command, Stdio};
use tokio::task::JoinSet;

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// `None`, and a word on standard error, where no server is installed.
    fn start(options: &[&str]) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(options)
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            eprintln!("SKIPPED: redis-server is not installed");
            return None;
        };
        let server = Self { child, port };
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not listen");
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    fn pace(&self, qps: f64) -> Arc<Pace> {
        pace(&self.url(), qps)
    }

    async fn connection(&self) -> ::redis::aio::MultiplexedConnection {
        ::redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pace(url: &str, qps: f64) -> Arc<Pace> {
    Arc::new(Pace::new(Some(qps), Scope::parse(url).unwrap(), "place", Ambient::fixed(0, &[])))
}

fn soon(millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(millis)
}

/// C07, C08: two of different processes, as their lines are not shared, keep the pace together.
#[tokio::test]
async fn two_lines_share_one_rate() {
    let Some(server) = Server::start(&[]) else { return };
    // Two addresses of one server are two lines, as in two processes.
    let both = [server.pace(95.0), pace(&format!("redis://localhost:{}/0", server.port), 95.0)];
    let begin = Instant::now();
    let starts: Arc<Mutex<Vec<(usize, u64)>>> = Arc::default();
    let mut together = JoinSet::new();
    for worker in 0..32 {
        let (pace, starts) = (Arc::clone(&both[worker % 2]), Arc::clone(&starts));
        together.spawn(async move {
            while begin.elapsed() < Duration::from_secs(3) {
                pace.admit("id", soon(60_000)).await.unwrap();
                starts.lock().unwrap().push((worker % 2, nanos(begin.elapsed())));
            }
        });
    }
    together.join_all().await;
    let starts = starts.lock().unwrap();
    let mut times: Vec<u64> = starts.iter().map(|(_, at)| *at).collect();
    times.sort_unstable();
    assert!(densest(&times) <= 100, "{}", densest(&times));
    // How fair it is, and how much of the rate is used, is for `make pace` to say: a busy machine may stall one of them.
    let ours = starts.iter().filter(|(line, _)| *line == 0).count();
    assert!(ours > 5 && starts.len() - ours > 5, "{ours} of {}", starts.len());
}

/// C09: those who go away give back what was leased for them, and a lease is no longer than the line.
#[tokio::test]
async fn cancelled_waiters_give_their_turns_back() {
    let Some(server) = Server::start(&[]) else { return };
    let pace = server.pace(95.0);
    for _ in 0..100 {
        let mut together = JoinSet::new();
        for _ in 0..100 {
            let pace = Arc::clone(&pace);
            together.spawn(async move { pace.admit("id", soon(600_000)).await });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        together.abort_all();
        while together.join_next().await.is_some() {}
    }
    // Ten thousand turns would be a hundred seconds.
    let begin = Instant::now();
    pace.admit("id", soon(60_000)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    // Another process gets what this one gave back, and what this one did not take.
    let other = self::pace(&format!("redis://localhost:{}/0", server.port), 95.0);
    let begin = Instant::now();
    other.admit("id", soon(60_000)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

/// H03.
#[tokio::test]
async fn a_turn_beyond_the_end_is_refused_at_once_and_takes_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let pace = server.pace(0.2);
    pace.admit("id", soon(5_000)).await.unwrap();
    let begin = Instant::now();
    for _ in 0..50 {
        assert_eq!(pace.admit("id", soon(3_000)).await.unwrap_err().kind(), Kind::PaceTimeout);
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(pace.admit("id", soon(6_000)).await.is_ok());
    assert!(begin.elapsed() > Duration::from_secs(3));
}

/// C05: refusals fall together and once, whoever saw them; the keys name nobody and end by themselves.
#[tokio::test]
async fn a_refusal_slows_all_down_and_the_keys_expire() {
    let Some(server) = Server::start(&[]) else { return };
    let pace = server.pace(95.0);
    pace.admit("LTAI5tPlantedKeyId", soon(5_000)).await.unwrap();
    pace.throttled("LTAI5tPlantedKeyId").await;
    pace.throttled("LTAI5tPlantedKeyId").await;
    let mut connection = server.connection().await;
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].starts_with("aigclens:pace:{") && !keys[0].contains("Planted"), "{keys:?}");
    let rate: f64 = ::redis::cmd("HGET").arg(&keys[0]).arg("rate").query_async(&mut connection).await.unwrap();
    assert!((rate - 95.0).abs() < f64::EPSILON, "the rate that was too much: once");
    let life: i64 = ::redis::cmd("PTTL").arg(&keys[0]).query_async(&mut connection).await.unwrap();
    assert!((50_000..=70_000).contains(&life), "{life}");
    // Seven tenths of it: the next turns are 15 ms apart.
    let begin = Instant::now();
    for _ in 0..20 {
        pace.admit("LTAI5tPlantedKeyId", soon(5_000)).await.unwrap();
    }
    assert!(begin.elapsed() > Duration::from_millis(270), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_a_clear_error_without_the_password() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error =
        pace(&format!("redis://:hunter2@127.0.0.1:{closed}/0"), 95.0).admit("id", soon(9_000)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::PaceUnavailable);
    assert!(error.message().contains("refused") && !error.message().contains("hunter2"), "{error}");
    // One that takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let begin = Instant::now();
    let error = pace(&format!("redis://{address}/0"), 95.0).admit("id", soon(60_000)).await.unwrap_err();
    assert!(error.kind() == Kind::PaceUnavailable && error.message().contains("in time"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(20));
    let error = pace(&format!("redis://{address}/1"), 95.0).admit("id", soon(300)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::PaceTimeout);
    let Some(server) = Server::start(&["--requirepass", "correct horse"]) else { return };
    for (user, problem) in [("", "wants a password"), (":hunter2@", "password was refused")] {
        let url = format!("redis://{user}127.0.0.1:{}/0", server.port);
        let error = pace(&url, 95.0).admit("id", soon(9_000)).await.unwrap_err();
        assert!(error.kind() == Kind::PaceUnavailable && error.message().contains(problem), "{user}: {error}");
        assert!(!error.message().contains("hunter2"));
    }
    let url = format!("redis://:correct%20horse@127.0.0.1:{}/0", server.port);
    pace(&url, 95.0).admit("id", soon(9_000)).await.unwrap();
}

/// A server that was started anew, and one whose clock was set back.
#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let Some(server) = Server::start(&[]) else { return };
    let pace = server.pace(95.0);
    pace.admit("id", soon(9_000)).await.unwrap();
    let mut connection = server.connection().await;
    let _: ::redis::Value =
        ::redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query_async(&mut connection).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    pace.admit("id", soon(9_000)).await.unwrap();
    // As if it had been an hour later before.
    let mut connection = server.connection().await;
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let (seconds, _): (u64, u64) = ::redis::cmd("TIME").query_async(&mut connection).await.unwrap();
    let hour = (seconds + 3_600) * 1_000_000;
    let _: ::redis::Value = ::redis::cmd("HSET")
        .arg(&keys[0])
        .arg("next")
        .arg(hour + 20_000)
        .arg("seen")
        .arg(hour)
        .query_async(&mut connection)
        .await
        .unwrap();
    pace.admit("id", soon(2_000)).await.unwrap();
}

/// What the script says: its time, when the next turn would be, and the turns.
async fn script(connection: &mut ::redis::aio::MultiplexedConnection, what: &str, wanted: u64) -> Vec<u64> {
    let mut command = ::redis::cmd("EVAL");
    command.arg(link::SCRIPT).arg(2).arg("one").arg("two").arg(what).arg(95).arg(wanted).arg(60_000_000);
    command.query_async(connection).await.unwrap()
}

/// C05, C08: the server's script and a host's record come to the same rates.
#[tokio::test]
async fn the_script_and_the_record_have_the_same_arithmetic() {
    let Some(server) = Server::start(&[]) else { return };
    let mut connection = server.connection().await;
    let turns = script(&mut connection, "lease", 20).await.split_off(2);
    assert!(turns.windows(2).all(|pair| pair[1] - pair[0] == 10_527), "{turns:?}");
    let throttled_at = script(&mut connection, "throttled", 0).await[0];
    // Refusals of the next half second are the same ones.
    script(&mut connection, "throttled", 0).await;
    let turns = script(&mut connection, "lease", 400).await.split_off(2);
    let throttled = Some(Throttled { at: throttled_at * 1_000, rate: 95.0 });
    let record = Record { throttled, ..Record::default() };
    for pair in turns.windows(2) {
        let wanted = 1e6 / record.rate(95.0, pair[0] * 1_000);
        let found = Duration::from_micros(pair[1] - pair[0]).as_secs_f64() * 1e6;
        assert!((found - wanted).abs() <= 1.0 + wanted / 1_000.0, "{found} instead of {wanted}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// C07: the turns of the script, with rests between them, reached as late as is allowed or not at all, and mapped to a
    /// clock that is off by 7 ms in either direction for each lease.
    #[test]
    fn no_second_is_too_full_however_late_turns_are_reached(
        leases in prop::collection::vec((1_usize..=10, -7_i64..=7, prop_oneof![4 => Just(0_u64), 1 => 0_u64..2_000]), 100),
        late in prop::collection::vec(prop_oneof![Just(0_u64), Just(1), 0..=u64::MAX], 1_000),
    ) {
        let (mut next, mut starts, mut late) = (SECOND, Vec::new(), late.into_iter().cycle());
        for (turns, error, rest) in leases {
            next += rest * 1_000_000;
            for _ in 0..turns {
                let late = match late.next() {
                    Some(1) => missed(95.0),
                    Some(late) => late % (missed(95.0) + 1),
                    None => 0,
                };
                starts.push(next.saturating_add_signed(error * 1_000_000) + late);
                next += 10_527_000;
            }
        }
        starts.sort_unstable();
        prop_assert!(densest(&starts) <= 100, "{}", densest(&starts));
    }
}
