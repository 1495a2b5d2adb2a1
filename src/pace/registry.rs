//! The lines of this process, one for each account and way of sharing, whoever asks: many clients, one pace.
//!
//! A child of a fork starts with none. What it inherits may be locked by a thread that it does not have, so it is never
//! touched and never dropped.
use super::line::Line;
use arc_swap::ArcSwapOption;
use std::collections::HashMap;
use std::sync::Arc;

/// A hash of what a line is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(pub String);

#[derive(Debug)]
struct Lines {
    pid: u32,
    lines: HashMap<Key, Arc<Line>>,
}

static LINES: ArcSwapOption<Lines> = ArcSwapOption::const_empty();

/// This process's line, made now if there is none. Without a lock: a fork may come at any time.
pub(super) fn line(key: &Key, make: impl FnOnce() -> Line) -> Arc<Line> {
    let pid = std::process::id();
    let mut make = Some(make);
    let mut made = None;
    loop {
        let current = LINES.load();
        let own = current.as_ref().filter(|lines| lines.pid == pid);
        if let Some(line) = own.and_then(|lines| lines.lines.get(key)) {
            return Arc::clone(line);
        }
        let line = match (made.take(), make.take()) {
            (Some(line), _) => line,
            (None, Some(make)) => Arc::new(make()),
            (None, None) => continue,
        };
        // Lines of identities that nobody uses any more are let go when a new one comes.
        let mut lines: HashMap<Key, Arc<Line>> = own.map(|lines| lines.lines.clone()).unwrap_or_default();
        lines.retain(|_, line| Arc::strong_count(line) > 2 || !line.is_idle());
        lines.insert(key.clone(), Arc::clone(&line));
        let previous = LINES.compare_and_swap(&*current, Some(Arc::new(Lines { pid, lines })));
        if previous.as_ref().map(Arc::as_ptr) == current.as_ref().map(Arc::as_ptr) {
            if let Some(inherited) = previous.as_ref().filter(|lines| lines.pid != pid) {
                std::mem::forget(Arc::clone(inherited));
            }
            return line;
        }
        made = Some(line);
    }
}
