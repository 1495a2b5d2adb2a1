//! A record shared by participants that pause, give up, are stopped and resume: whatever they do, no sliding second holds
//! more than 100 starts. The record is the one of a process and of a host alike.
use super::densest;
use crate::pace::record::{Record, SECOND, Start};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const MILLI: u64 = SECOND / 1_000;

/// What one participant does with its next turn.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// How long after its last call it asks.
    rest: u64,
    /// How late it wakes up for its turn.
    late: u64,
    gives_up: bool,
    throttled: bool,
    /// The whole host stands still, and everybody wakes up at once.
    stands_still: u64,
}

fn step() -> impl Strategy<Value = Step> {
    let rest = prop_oneof![
        8 => Just(0),
        4 => 0..20 * MILLI,
        1 => 0..3 * SECOND,
    ];
    let late = prop_oneof![8 => 0..2 * MILLI, 2 => 0..49 * MILLI, 1 => 0..5 * SECOND];
    // Short enough that nobody misses a turn, or long enough that all do.
    let still =
        prop_oneof![3_000 => Just(0), 30 => 20 * MILLI..50 * MILLI, 2 => 0..2 * SECOND, 1 => Just(600 * SECOND)];
    (rest, late, prop::bool::weighted(0.1), prop::bool::weighted(0.0005), still).prop_map(
        |(rest, late, gives_up, throttled, stands_still)| Step { rest, late, gives_up, throttled, stands_still },
    )
}

/// What is next for a participant at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Ask,
    Come(u64),
}

/// Plays the steps with so many participants; gives the starts in order, and the number of turns that were asked for.
fn play(steps: &[Step], participants: usize) -> (Vec<u64>, usize) {
    let mut record = Record::default();
    let mut events: BinaryHeap<Reverse<(u64, usize, Next)>> =
        (0..participants).map(|who| Reverse((SECOND, who, Next::Ask))).collect();
    let (mut now, mut starts, mut admissions) = (SECOND, Vec::new(), 0);
    let mut steps = steps.iter();
    while let Some(Reverse((at, who, next))) = events.pop() {
        // Everything that was due while the host stood still happens at its end, at one and the same time.
        now = at.max(now);
        let Some(step) = steps.next() else { break };
        now += step.stands_still;
        match next {
            Next::Ask => {
                admissions += 1;
                let turn = record.reserve(95.0, now, now + 60 * SECOND).unwrap();
                if step.gives_up {
                    record.give_back(turn);
                    events.push(Reverse((now + step.rest + 1, who, Next::Ask)));
                } else {
                    events.push(Reverse((turn + step.late, who, Next::Come(turn))));
                }
            }
            Next::Come(turn) => match record.start(95.0, now, turn) {
                Start::Gone => {
                    starts.push(now);
                    if step.throttled {
                        record.throttle(95.0, now);
                    }
                    events.push(Reverse((now + step.rest, who, Next::Ask)));
                }
                Start::Missed => events.push(Reverse((now, who, Next::Ask))),
                Start::Full(free) => events.push(Reverse((free + step.late, who, Next::Come(free)))),
            },
        }
    }
    assert!(record.is_plausible(now));
    (starts, admissions)
}

proptest! {
    // With fifteen thousand steps for each of eight crowds: a million admissions.
    #![proptest_config(Config { cases: 18, failure_persistence: None, max_shrink_iters: 200, ..Config::default() })]

    /// C07, C09, H20: pauses, cancelled waiters, late timers, and machines that stand still.
    #[test]
    fn no_sliding_second_holds_more_than_a_hundred_starts(steps in prop::collection::vec(step(), 15_000)) {
        for participants in [1, 2, 8, 16, 50, 120, 250, 400] {
            let (starts, asked) = play(&steps, participants);
            let most = densest(&starts);
            prop_assert!(most <= 100, "{most} with {participants} participants");
            prop_assert!(asked > 7_000 && starts.len() > asked / 4, "{} of {asked} were used", starts.len());
        }
    }
}

/// What a broken second look would let through is seen by the test above: with it, timers that are late together press more
/// than 100 turns into a second.
#[test]
fn the_turns_alone_would_not_keep_the_promise() {
    let mut record = Record::default();
    let turns: Vec<u64> = (0..200).map(|_| record.reserve(95.0, SECOND, u64::MAX).unwrap()).collect();
    let late: Vec<u64> = turns.iter().map(|turn| (*turn).max(SECOND + 49 * MILLI)).collect();
    assert!(densest(&late) > 100, "{}", densest(&late));
}

/// C08: eight participants with a turn each are served alike.
#[test]
fn those_who_always_ask_are_served_alike() {
    let mut record = Record::default();
    let mut counts = [0_usize; 8];
    let mut turns: Vec<u64> = (0..8).map(|_| record.reserve(95.0, SECOND, u64::MAX).unwrap()).collect();
    for _ in 0..8_000 {
        let who = (0..8).min_by_key(|who| turns[*who]).unwrap();
        if let Start::Full(free) = record.start(95.0, turns[who], turns[who]) {
            turns[who] = free;
        } else {
            counts[who] += 1;
            turns[who] = record.reserve(95.0, turns[who], u64::MAX).unwrap();
        }
    }
    assert!(counts.iter().all(|count| (990..=1_010).contains(count)), "{counts:?}");
}
