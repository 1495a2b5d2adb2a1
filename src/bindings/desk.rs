//! Where calls are left for the I/O thread, which takes all that are there at once: waking it costs a system call and a
//! change of threads, each as much as a good part of a call.
use super::client::Errand;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Shorter than any time-out of a call that is not about to end.
const ALARM: Duration = Duration::from_millis(100);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is to be done, in the order of asking: who gives a turn up and asks again must not come before what was given up.
#[allow(clippy::large_enum_variant, reason = "nearly all are the large one, and a box for it would change threads")]
enum Order {
    Begin(Errand, Ticket),
    Drop(AbortHandle),
}

/// The list, and the bell.
#[derive(Default)]
pub struct Desk {
    left: Mutex<Vec<Order>>,
    bell: Notify,
}

impl Desk {
    /// Leaves a call. It begins soon after the next [`ring`](Self::ring).
    pub fn leave(&self, errand: Errand) -> Ticket {
        let ticket = Ticket::default();
        locked(&self.left).push(Order::Begin(errand, ticket.clone()));
        ticket
    }

    /// Drops a call on its own thread, soon and before whatever is left later. Safe after its end.
    pub fn give_up(&self, ticket: &Ticket) {
        if let Stage::Begun(task) = ticket.end() {
            locked(&self.left).push(Order::Drop(task));
            self.ring();
        }
    }

    /// Wakes whoever takes the calls; one who is awake already is not woken again.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Takes calls and runs them on this thread's runtime, for ever. While there are some it has a short alarm of its own
    /// set: each of a call's time-outs that were the runtime's next one would make the runtime wake itself, by a system
    /// call and another turn. A thread without calls sets none, and sleeps.
    pub async fn serve(&self) {
        let mut taken = Vec::new();
        loop {
            self.bell.notified().await;
            self.begin(&mut taken);
            let mut alarm = pin!(tokio::time::sleep(ALARM));
            let mut is_quiet = false;
            loop {
                tokio::select! {
                    biased;
                    () = self.bell.notified() => {
                        self.begin(&mut taken);
                        is_quiet = false;
                    }
                    () = &mut alarm => {
                        if is_quiet {
                            break;
                        }
                        is_quiet = true;
                        alarm.as_mut().reset(Instant::now() + ALARM);
                    }
                }
            }
        }
    }

    /// `taken` is empty before and after: the list and it change places, and none of them has to grow again.
    fn begin(&self, taken: &mut Vec<Order>) {
        std::mem::swap(taken, &mut *locked(&self.left));
        for order in taken.drain(..) {
            match order {
                Order::Begin(errand, ticket) => ticket.begin(errand),
                Order::Drop(task) => task.abort(),
            }
        }
    }
}

/// How a call is given up, whether it has begun or not.
#[derive(Clone, Default)]
pub struct Ticket(Arc<Mutex<Stage>>);

#[derive(Default)]
enum Stage {
    #[default]
    Left,
    Begun(AbortHandle),
    /// Of its own accord, or given up.
    Over,
}

impl Ticket {
    /// The call's task is made, and let go of, on the thread that runs it: memory that goes back and forth between threads
    /// is dear.
    fn begin(&self, errand: Errand) {
        let mut stage = locked(&self.0);
        if matches!(*stage, Stage::Left) {
            let own = self.clone();
            let task = tokio::spawn(async move {
                errand.run().await;
                own.end();
            });
            *stage = Stage::Begun(task.abort_handle());
        }
    }

    fn end(&self) -> Stage {
        std::mem::replace(&mut *locked(&self.0), Stage::Over)
    }
}
