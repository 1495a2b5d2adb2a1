//! What a fork must not meet half done: the locks that are nobody's own, SQLite's and ours.
//!
//! A child of a fork has every lock as it was at that moment, and of all threads only the one that forked: what another one
//! held stays locked for ever. SQLite has such locks for the whole process, which opening, closing and writing take whatever
//! the file. So whoever uses SQLite without Python's lock is [`at_work`] meanwhile, and a fork waits in [`hold`] until nobody is.
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug)]
struct Work {
    /// Threads that are at work.
    threads: usize,
    /// Threads that are about to fork and wait for them to end it; nobody else begins.
    forks: usize,
}

static WORK: Mutex<Work> = Mutex::new(Work { threads: 0, forks: 0 });
static CHANGED: Condvar = Condvar::new();

thread_local! {
    /// How often this thread is at work within its work.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Kept while this thread forks.
    static HELD: RefCell<Option<MutexGuard<'static, Work>>> = const { RefCell::new(None) };
}

fn work() -> MutexGuard<'static, Work> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that is at work, until this is let go of.
#[derive(Debug)]
pub struct AtWork {
    /// It belongs to its thread.
    here: PhantomData<*const ()>,
}

/// Begins work that no fork may meet; waits while somebody forks. Work within work is part of it.
pub fn at_work() -> AtWork {
    let depth = DEPTH.get();
    DEPTH.set(depth + 1);
    if depth == 0 {
        let held = CHANGED.wait_while(work(), |work| work.forks > 0);
        held.unwrap_or_else(PoisonError::into_inner).threads += 1;
    }
    AtWork { here: PhantomData }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let depth = DEPTH.get().saturating_sub(1);
        DEPTH.set(depth);
        if depth == 0 {
            let mut work = work();
            work.threads = work.threads.saturating_sub(1);
            if work.threads == 0 {
                CHANGED.notify_all();
            }
        }
    }
}

/// Before a fork, on the thread that forks: waits until nobody is at work, for so long at most, and lets nobody begin. A disk
/// that takes longer than that is not waited for: then the child may find a lock taken. Whoever is at work never waits for
/// Python's lock, which the caller has: so this ends, and between here and [`go_on`] it must not be given away.
pub fn hold(patience: Duration) {
    let mut work = work();
    work.forks += 1;
    let (work, _) =
        CHANGED.wait_timeout_while(work, patience, |work| work.threads > 0).unwrap_or_else(PoisonError::into_inner);
    // Locked until the fork is done: the child shall not find this lock as another thread's either.
    HELD.set(Some(work));
}

/// After it, on the same thread. In the child nobody else is at work any more.
pub fn go_on(is_child: bool) {
    if let Some(mut work) = HELD.take() {
        *work = match is_child {
            true => Work { threads: 0, forks: 0 },
            false => Work { threads: work.threads, forks: work.forks.saturating_sub(1) },
        };
        drop(work);
        CHANGED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{self, Sender};
    use std::thread::Scope;

    /// A thread that is at work, in work within work, until it is told to end it.
    fn worker<'scope>(scope: &'scope Scope<'scope, '_>, is_over: &'static AtomicBool) -> Sender<()> {
        let ((begun, has_begun), (end, ends)) = (mpsc::channel(), mpsc::channel());
        scope.spawn(move || {
            let (outer, inner) = (at_work(), at_work());
            begun.send(()).unwrap();
            ends.recv().unwrap();
            drop(outer);
            is_over.store(true, Ordering::SeqCst);
            drop(inner);
        });
        has_begun.recv().unwrap();
        end
    }

    /// H13. One test, since there is one such lock in the process.
    #[test]
    fn a_fork_waits_for_work_and_work_waits_for_a_fork() {
        static IS_OVER: AtomicBool = AtomicBool::new(false);
        let long = Duration::from_secs(60);
        std::thread::scope(|scope| {
            let end = worker(scope, &IS_OVER);
            end.send(()).unwrap();
            hold(long);
            assert!(IS_OVER.load(Ordering::SeqCst), "work within work is waited for as well");
            let later = scope.spawn(|| {
                drop(at_work());
                IS_OVER.store(false, Ordering::SeqCst);
            });
            assert!(IS_OVER.load(Ordering::SeqCst), "nobody begins meanwhile");
            go_on(false);
            later.join().unwrap();
            assert!(!IS_OVER.load(Ordering::SeqCst));

            let end = worker(scope, &IS_OVER);
            hold(Duration::ZERO);
            assert!(!IS_OVER.load(Ordering::SeqCst), "who takes too long is not waited for");
            go_on(true);
            end.send(()).unwrap();
        });
        assert!(IS_OVER.load(Ordering::SeqCst));
        drop(at_work());
    }
}
