//! A server's clock on ours: the midpoint of a round trip, known as exactly as the trip was short. A slow trip (this
//! process was stopped in its middle) does not move what a quick one has shown. Pure.

/// How fast two clocks may drift apart, in parts of a million.
const DRIFT: i64 = 100;

/// One round trip: when it began and ended here, in nanoseconds, and the server's time in it, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trip {
    pub sent: u64,
    pub received: u64,
    pub there: u64,
}

/// What is to be taken from the server's time, and how far that may be off; all in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mapping {
    offset: i64,
    error: i64,
    at: u64,
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Mapping {
    pub(super) fn of(trip: Trip) -> Self {
        let error = signed(trip.received.saturating_sub(trip.sent)) / 2;
        let middle = signed(trip.sent).saturating_add(error);
        Self { offset: signed(trip.there).saturating_mul(1_000).saturating_sub(middle), error, at: trip.received }
    }

    /// How far it may be off by now.
    pub(super) fn error(&self, now: u64) -> i64 {
        self.error.saturating_add(signed(now.saturating_sub(self.at)) / 1_000_000 * DRIFT)
    }

    /// With one more trip: the more exact of the two, unless they contradict each other: then a clock was set.
    #[must_use]
    pub(super) fn with(self, trip: Trip) -> Self {
        let (other, old) = (Self::of(trip), self.error(trip.received));
        let apart = other.offset.saturating_sub(self.offset).saturating_abs();
        if other.error <= old || apart > old.saturating_add(other.error) { other } else { self }
    }

    /// A time of the server, here.
    pub(super) fn here(&self, there: u64) -> u64 {
        u64::try_from(signed(there).saturating_mul(1_000).saturating_sub(self.offset)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: u64 = 1_700_000_000_000_000;
    const MILLI: u64 = 1_000_000;

    /// A trip that begins at `sent` and is looked at there after `out`, `back` before it ends here.
    fn trip(sent: u64, out: u64, back: u64, ahead: u64) -> Trip {
        Trip { sent, received: sent + out + back, there: (THERE + ahead) + (sent + out) / 1_000 }
    }

    #[test]
    fn the_midpoint_is_off_by_half_of_the_trip_at_most() {
        for (out, back) in [(MILLI, MILLI), (2 * MILLI, 0), (0, 2 * MILLI), (0, 0)] {
            let mapping = Mapping::of(trip(500 * MILLI, out, back, 0));
            assert!(mapping.here(THERE + 700_000).abs_diff(700 * MILLI) <= MILLI, "{out} {back}");
        }
    }

    /// H20: a process that was stopped between asking and hearing keeps the mapping that it had.
    #[test]
    fn a_slow_trip_moves_nothing_and_a_clock_that_was_set_does() {
        let exact = Mapping::of(trip(500 * MILLI, MILLI, MILLI, 0));
        let paused = exact.with(trip(600 * MILLI, MILLI, 2_000 * MILLI, 0));
        assert_eq!(paused, exact);
        // After days, what it knows is worth less than a trip of a twentieth of a second.
        let late = 100_000_000 * MILLI;
        assert_ne!(exact.with(trip(late, 25 * MILLI, 25 * MILLI, 0)), exact);
        let set = exact.with(trip(600 * MILLI, MILLI, 5 * MILLI, 3_600_000_000));
        assert!(set.here(THERE + 3_600_000_000 + 700_000).abs_diff(700 * MILLI) <= 3 * MILLI);
    }

    #[test]
    fn the_first_trip_is_replaced_by_a_better_one() {
        let paused = Mapping::of(trip(500 * MILLI, MILLI, 2_000 * MILLI, 0));
        let better = paused.with(trip(3_000 * MILLI, MILLI, MILLI, 0));
        assert!(better.here(THERE + 4_000_000).abs_diff(4_000 * MILLI) <= MILLI);
        assert!(better.error(3_002 * MILLI) <= 1_000_000);
    }
}
