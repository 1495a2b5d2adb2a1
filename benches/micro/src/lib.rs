//! What a call is made of, one step at a time. Each case has a world that stands still: its time, its nonces and its answers
//! are always the same, so that a run differs from another in what the code does, and in nothing else.
mod answers;
mod books;
mod calls;
mod pacing;
mod signing;
mod world;

use std::error::Error;

/// Why a case cannot be had.
pub type Problem = Box<dyn Error + Send + Sync>;
/// One operation; whether it went as it should.
pub type Step = Box<dyn FnMut() -> bool>;

/// One step of the core.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    /// How many operations a shorter and a longer run, of twice as many, are told apart by.
    pub times: u32,
    /// Whether it has to wait when two dozens of operations are done.
    pub is_bounded: bool,
    prepare: fn() -> Result<Step, Problem>,
}

impl Case {
    const fn new(name: &'static str, times: u32, prepare: fn() -> Result<Step, Problem>) -> Self {
        Self { name, times, is_bounded: false, prepare }
    }

    const fn bounded(self) -> Self {
        Self { is_bounded: true, ..self }
    }

    /// Makes everything that an operation needs, and has one done that nobody counts.
    pub fn prepare(&self) -> Result<Step, Problem> {
        let mut step = (self.prepare)()?;
        match step() {
            true => Ok(step),
            false => Err(format!("{}: the first operation went wrong", self.name).into()),
        }
    }
}

/// All cases, in the order of a call.
pub const CASES: &[Case] = &[
    Case::new("form", 500, signing::form),
    Case::new("authorize", 200, signing::authorize),
    Case::new("sign", 200, signing::sign),
    Case::new("read-aigc", 500, answers::aigc),
    Case::new("read-nonlabel", 500, answers::non_label),
    Case::new("read-labels", 300, answers::labels),
    Case::new("read-refusal", 300, answers::refusal),
    Case::new("pace-process", 100, pacing::process).bounded(),
    Case::new("pace-host", 100, pacing::host).bounded(),
    Case::new("store-memory", 500, books::memory),
    Case::new("store-file", 100, books::file),
    Case::new("detect", 150, calls::url),
    Case::new("upload", 80, calls::bytes),
];

/// The case of a name.
pub fn case(name: &str) -> Result<&'static Case, Problem> {
    CASES.iter().find(|case| case.name == name).ok_or_else(|| format!("there is no case {name:?}").into())
}
