//! Runs one case so many times and says nothing: what is counted is done by the program that this one runs in.
//!
//!     count --list          each case, and how many operations its shorter run has
//!     count CASE TIMES
use aigclens_micro::{CASES, Problem, case};

fn main() -> Result<(), Problem> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    match given.as_slice() {
        ["--list"] => {
            for case in CASES {
                println!("{} {}", case.name, case.times);
            }
            Ok(())
        }
        [name, times] => run(name, times.parse()?),
        _ => Err("count --list, or count CASE TIMES".into()),
    }
}

fn run(name: &str, times: u32) -> Result<(), Problem> {
    let mut step = case(name)?.prepare()?;
    for _ in 0..times {
        if !step() {
            return Err(format!("{name}: an operation went wrong").into());
        }
    }
    Ok(())
}
