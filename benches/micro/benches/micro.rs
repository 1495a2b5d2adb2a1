//! How long each case takes: `make bench-micro`.
use aigclens_micro::{CASES, Case, Step, case};
use divan::Bencher;

fn main() {
    divan::main();
}

fn names(is_bounded: bool) -> impl Iterator<Item = &'static str> {
    CASES.iter().filter(move |case| case.is_bounded == is_bounded).map(|case| case.name)
}

fn prepared(name: &str) -> Step {
    match case(name).and_then(Case::prepare) {
        Ok(step) => step,
        Err(problem) => panic!("{problem}"),
    }
}

#[divan::bench(args = names(false))]
fn steps(bencher: Bencher<'_, '_>, name: &str) {
    let mut step = prepared(name);
    bencher.bench_local(|| assert!(step(), "an operation went wrong"));
}

/// Those that can be had two dozens of times without waiting.
#[divan::bench(args = names(true), sample_count = 24, sample_size = 1)]
fn bounded(bencher: Bencher<'_, '_>, name: &str) {
    let mut step = prepared(name);
    bencher.bench_local(|| assert!(step(), "an operation went wrong"));
}
