//! What belongs to one process: a child of a fork makes its own and never touches its parent's.
//!
//! After a fork only the forking thread lives on. A runtime whose thread is gone, a pool of shared sockets or a mutex that
//! another thread held would hang or corrupt the child. So everything of that kind lives in a [`PerProcess`], which
//! compares process ids at each use, builds anew in the child, and leaks the parent's: dropping a runtime of threads that
//! do not exist hangs too.
use super::desk::Desk;
use crate::image::memory::Memory;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle, Runtime};

/// A value and the process that made it.
pub struct Owned<T> {
    pid: u32,
    pub value: T,
}

/// A slot that is filled once in each process, without a lock.
pub struct PerProcess<T>(ArcSwapOption<Owned<T>>);

impl<T> PerProcess<T> {
    pub fn empty() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// This process's value, made now if there is none. `pid` is what `std::process::id` says now: who asks for several asks
    /// the system once.
    pub fn get_or_try_init<E>(&self, pid: u32, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<Owned<T>>, E> {
        let current = self.0.load();
        if let Some(owned) = current.as_ref().filter(|owned| owned.pid == pid) {
            return Ok(Arc::clone(owned));
        }
        let made = Arc::new(Owned { pid, value: make()? });
        let previous = self.0.compare_and_swap(&*current, Some(Arc::clone(&made)));
        match previous.as_ref() {
            // Another thread of this process was first: its value stands, ours is dropped.
            Some(winner) if winner.pid == pid => Ok(Arc::clone(winner)),
            Some(inherited) => {
                std::mem::forget(Arc::clone(inherited));
                Ok(made)
            }
            None => Ok(made),
        }
    }

    /// Takes this process's value out; an inherited one is leaked.
    pub fn take(&self) -> Option<Arc<Owned<T>>> {
        let taken = self.0.swap(None)?;
        if taken.pid == std::process::id() {
            return Some(taken);
        }
        std::mem::forget(taken);
        None
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// A runtime for one thread at a time.
pub fn current_thread() -> std::io::Result<Runtime> {
    // Blocking threads read files and resolve names; a fork server of many workers must not have hundreds each.
    Builder::new_current_thread().enable_all().max_blocking_threads(16).thread_name("aigclens-file").build()
}

/// The I/O thread, as others see it.
pub struct Io {
    pub handle: Handle,
    pub desk: Desk,
}

static IO: PerProcess<Arc<Io>> = PerProcess(ArcSwapOption::const_empty());

/// The runtime of the asynchronous door: one thread that lives as long as the process and never attaches to Python.
/// Started by the first asynchronous call, so that a program that forks before has no thread to warn about.
pub fn io() -> std::io::Result<Arc<Io>> {
    io_of(std::process::id())
}

/// The same for who knows which process this is.
pub fn io_of(pid: u32) -> std::io::Result<Arc<Io>> {
    let owned = IO.get_or_try_init(pid, || {
        let runtime = current_thread()?;
        let io = Arc::new(Io { handle: runtime.handle().clone(), desk: Desk::default() });
        let served = Arc::clone(&io);
        std::thread::Builder::new()
            .name("aigclens-io".to_owned())
            .spawn(move || runtime.block_on(served.desk.serve()))?;
        Ok::<_, std::io::Error>(io)
    })?;
    Ok(Arc::clone(&owned.value))
}

static MEMORY: PerProcess<Memory> = PerProcess(ArcSwapOption::const_empty());

/// What all clients of this process may hold of images: a child of a fork begins with none of it taken.
pub fn memory() -> Memory {
    let owned = MEMORY.get_or_try_init(std::process::id(), || Ok::<_, std::convert::Infallible>(Memory::default()));
    match owned {
        Ok(owned) => owned.value.clone(),
        Err(never) => match never {},
    }
}
