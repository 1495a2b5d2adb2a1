//! The world outside: wall clock, randomness, environment. Touched here and nowhere else (clippy refuses it elsewhere),
//! and handed to the rest as arguments, so that tests say what time it is.
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// Where the core gets the time, random bytes and environment variables from.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Fn() -> Duration + Send + Sync>,
    entropy: Arc<dyn Fn(&mut [u8]) -> bool + Send + Sync>,
    environment: Arc<dyn Fn(&str) -> Option<String> + Send + Sync>,
}

/// A time since the Unix epoch as a calendar date, UTC. One beyond the calendar's end reads as the epoch.
pub fn calendar(time: Duration) -> OffsetDateTime {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Time since the machine was started, its suspensions included: the same for all of its processes, and never set by hand.
/// `None` where the system has no such clock.
pub fn since_boot() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
        Some(Duration::new(seconds, nanos))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

impl fmt::Debug for Ambient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ambient")
    }
}

impl Ambient {
    /// The real world. Variables are read when asked for, never at import, so that a program may set them late.
    #[allow(clippy::disallowed_methods, reason = "this is the room that touches clock, entropy and environment")]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            entropy: Arc::new(|buffer| getrandom::fill(buffer).is_ok()),
            environment: Arc::new(|name| std::env::var(name).ok()),
        }
    }

    /// A world of one's own, for tests: a fixed time, counted "random" bytes, the variables given.
    pub fn fixed(unix_seconds: u64, variables: &[(&str, &str)]) -> Self {
        let variables: HashMap<String, String> =
            variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let counter = std::sync::atomic::AtomicU64::new(0);
        Self {
            clock: Arc::new(move || Duration::from_secs(unix_seconds)),
            entropy: Arc::new(move |buffer| {
                let count = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
                for (byte, source) in buffer.iter_mut().rev().zip(count.iter().rev().chain(std::iter::repeat(&0))) {
                    *byte = *source;
                }
                true
            }),
            environment: Arc::new(move |name| variables.get(name).cloned()),
        }
    }

    /// Replaces the clock: seconds since the epoch, as a function.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Replaces the environment.
    #[must_use]
    pub fn with_environment(mut self, read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.environment = Arc::new(read);
        self
    }

    /// Wall time since the Unix epoch.
    pub fn now(&self) -> Duration {
        (self.clock)()
    }

    /// The same as a calendar date, UTC. A clock beyond the calendar's end reads as the epoch.
    pub fn utc(&self) -> OffsetDateTime {
        calendar(self.now())
    }

    /// Fills the buffer with the operating system's randomness; `false` when it has none to give.
    pub fn random(&self, buffer: &mut [u8]) -> bool {
        (self.entropy)(buffer)
    }

    /// A random number from 0 to below 1; 0 when the operating system has none to give.
    pub fn fraction(&self) -> f64 {
        let mut bytes = [0_u8; 4];
        let _ = self.random(&mut bytes);
        f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }

    /// A variable of the environment; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_world_stands_still_and_counts_its_randomness() {
        let world = Ambient::fixed(1_000, &[("A", "1"), ("EMPTY", "")]);
        assert_eq!(world.utc().unix_timestamp(), 1_000);
        let (mut first, mut second) = ([0_u8; 16], [0_u8; 16]);
        assert!(world.random(&mut first) && world.random(&mut second));
        assert_ne!(first, second);
        assert_eq!((world.variable("A"), world.variable("EMPTY"), world.variable("B")), (Some("1".into()), None, None));
    }

    #[test]
    fn the_system_draws_different_bytes_each_time() {
        let world = Ambient::system();
        let (mut first, mut second) = ([0_u8; 16], [0_u8; 16]);
        assert!(world.random(&mut first) && world.random(&mut second));
        assert_ne!(first, second);
        assert!(world.utc().year() >= 2026);
    }
}
