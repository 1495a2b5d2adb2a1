//! A turn at the pace that may be taken at once. After a rest a line has five of them; when all are taken, all lines rest
//! again. The first of all makes a line, and is not counted.
use crate::world::{self, Folder};
use crate::{Problem, Step};
use aigclens::ambient::Ambient;
use aigclens::pace::{DEFAULT_QPS, Pace, Scope};
use std::time::Duration;
use tokio::time::Instant;

/// Few: what many leave behind in the heap is not the same each time.
const LINES: usize = 5;
/// Turns that a line has after a rest.
const BURST: usize = 5;
/// Longer than a start is remembered: what a turn finds does not depend on how long those before it took.
const REST: Duration = Duration::from_millis(1_200);
const LONG: Duration = Duration::from_secs(3_600);
const KEY_ID: &str = "LTAI5tBenchBenchBenchBen";

/// Turns of lines that are all there from the beginning, one line after the other.
fn turns(scope: &Scope, ambient: &Ambient, folder: Option<Folder>) -> Result<Step, Problem> {
    let runtime = world::runtime()?;
    let lines: Vec<Pace> = (0..LINES)
        .map(|number| Pace::new(Some(DEFAULT_QPS), scope.clone(), &format!("place-{number:03}"), ambient.clone()))
        .collect();
    let end = Instant::now() + LONG;
    for line in &lines {
        runtime.block_on(line.admit(KEY_ID, end))?;
        if let Some(warning) = line.warning() {
            return Err(warning.into());
        }
    }
    std::thread::sleep(REST);
    let mut taken = 0;
    Ok(Box::new(move || {
        let _kept = &folder;
        if taken == LINES * BURST {
            std::thread::sleep(REST);
            taken = 0;
        }
        let line = lines.get(taken / BURST);
        taken += 1;
        line.is_some_and(|line| runtime.block_on(line.admit(KEY_ID, end)).is_ok())
    }))
}

/// Among the clients of a process.
pub fn process() -> Result<Step, Problem> {
    turns(&Scope::Process, &world::ambient(), None)
}

/// Among all processes of a user: in a file, under a lock.
pub fn host() -> Result<Step, Problem> {
    let folder = Folder::new("pace")?;
    let path = folder.path().to_string_lossy().into_owned();
    let ambient = Ambient::fixed(world::NOW, &[("XDG_RUNTIME_DIR", "/nonexistent"), ("TMPDIR", &path)]);
    turns(&Scope::Host, &ambient, Some(folder))
}
