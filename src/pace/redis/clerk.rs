//! The one of a process who talks to the server: collects who asks, leases turns for them, hands them out in order, and
//! brings back what nobody took.
use super::link::{Address, Answer, Link, Request};
use super::{Turn, lease, now};
use crate::error::{Error, Result};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// What a caller needs to hear of its turn.
const CLOSE: u64 = 1_000_000;

/// Whether a turn's time is so long past that its user would be late for sure.
fn is_over(turn: Turn, qps: f64) -> bool {
    now().saturating_sub(turn.here) > super::missed(qps).saturating_sub(CLOSE)
}

/// What is said to the clerk.
#[derive(Debug)]
pub(super) enum Message {
    Ask {
        qps: f64,
        end: Instant,
        reply: oneshot::Sender<Result<Offer>>,
    },
    /// A turn was used.
    Used,
    /// A turn was not.
    Back(Turn),
    Throttled {
        qps: f64,
        done: oneshot::Sender<()>,
    },
}

/// A turn on its way to a caller, who may be gone: then it comes back.
#[derive(Debug)]
pub(super) struct Offer {
    turn: Option<Turn>,
    held: Arc<AtomicUsize>,
    desk: mpsc::UnboundedSender<Turn>,
}

impl Offer {
    pub(super) fn keep(mut self) -> Turn {
        self.turn.take().unwrap_or(Turn { here: 0, there: 0 })
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.held.fetch_sub(1, Ordering::AcqRel);
            let _ = self.desk.send(turn);
        }
    }
}

struct Asker {
    qps: f64,
    end: Instant,
    reply: oneshot::Sender<Result<Offer>>,
}

pub(super) struct Clerk {
    name: String,
    link: Link,
    held: Arc<AtomicUsize>,
    askers: VecDeque<Asker>,
    /// Turns that came back, by the server's time.
    spare: BTreeMap<u64, Turn>,
    lost: (mpsc::UnboundedSender<Turn>, mpsc::UnboundedReceiver<Turn>),
}

impl Clerk {
    pub(super) fn new(address: Address, name: String, held: Arc<AtomicUsize>) -> Self {
        let (askers, spare, lost) = (VecDeque::new(), BTreeMap::new(), mpsc::unbounded_channel());
        Self { name, link: Link::new(address), held, askers, spare, lost }
    }

    /// Works until nobody can ask any more.
    pub(super) async fn work(mut self, mut desk: mpsc::UnboundedReceiver<Message>) {
        loop {
            tokio::select! {
                message = desk.recv() => match message {
                    Some(message) => self.take(message).await,
                    None => return,
                },
                Some(turn) = self.lost.1.recv() => self.keep(turn),
            }
            while let Ok(message) = desk.try_recv() {
                self.take(message).await;
            }
            while let Ok(turn) = self.lost.1.try_recv() {
                self.keep(turn);
            }
            self.serve().await;
        }
    }

    async fn take(&mut self, message: Message) {
        match message {
            Message::Ask { qps, end, reply } => self.askers.push_back(Asker { qps, end, reply }),
            Message::Used => {}
            Message::Back(turn) => self.keep(turn),
            Message::Throttled { qps, done } => {
                let request = Request { what: "throttled", qps, wanted: 0, within: Duration::ZERO, back: &[] };
                let _ = self.link.ask(&self.name, &request).await;
                let _ = done.send(());
            }
        }
    }

    fn keep(&mut self, turn: Turn) {
        self.spare.insert(turn.there, turn);
    }

    /// Hands out what is there, and leases more when what callers hold is running out.
    async fn serve(&mut self) {
        loop {
            self.askers.retain(|asker| !asker.reply.is_closed());
            self.hand_out();
            let Some(first) = self.askers.front() else {
                return self.bring_back().await;
            };
            let (qps, most) = (first.qps, lease(first.qps));
            if self.held.load(Ordering::Acquire) > most / 2 {
                return;
            }
            let latest = self.askers.iter().map(|asker| asker.end).max().unwrap_or_else(Instant::now);
            let within = latest.saturating_duration_since(Instant::now());
            let wanted = self.askers.len().min(most);
            let request = Request { what: "lease", qps, wanted, within, back: &[] };
            match self.link.ask(&self.name, &request).await {
                // Turns that are over by now, since this process was held up, are asked for again.
                Ok(Answer { mapping, next, turns }) => {
                    let is_last = turns.is_empty();
                    self.spare
                        .extend(turns.into_iter().map(|there| (there, Turn { here: mapping.here(there), there })));
                    self.hand_out();
                    let next = Instant::now() + Duration::from_nanos(mapping.here(next).saturating_sub(now()));
                    self.refuse(|asker| (asker.end <= next).then(super::super::late));
                    if is_last {
                        return;
                    }
                }
                Err(error) => return self.refuse(|_| Some(error.clone())),
            }
        }
    }

    /// Gives each asker, in order, the earliest turn that is left, unless the turn is too late for it.
    fn hand_out(&mut self) {
        while let Some((there, turn)) = self.spare.first_key_value().map(|(there, turn)| (*there, *turn)) {
            let Some(asker) = self.askers.pop_front() else {
                return;
            };
            if is_over(turn, asker.qps) {
                self.spare.remove(&there);
                self.askers.push_front(asker);
                continue;
            }
            let wait = Duration::from_nanos(turn.here.saturating_sub(now()));
            if Instant::now() + wait >= asker.end {
                let _ = asker.reply.send(Err(super::super::late()));
                continue;
            }
            self.spare.remove(&there);
            self.held.fetch_add(1, Ordering::AcqRel);
            let offer = Offer { turn: Some(turn), held: Arc::clone(&self.held), desk: self.lost.0.clone() };
            // An asker that has gone drops the offer, which comes back.
            let _ = asker.reply.send(Ok(offer));
        }
    }

    fn refuse(&mut self, refusal: impl Fn(&Asker) -> Option<Error>) {
        for asker in std::mem::take(&mut self.askers) {
            match refusal(&asker) {
                Some(error) => drop(asker.reply.send(Err(error))),
                None => self.askers.push_back(asker),
            }
        }
    }

    /// What nobody here wants may be of use to another process.
    async fn bring_back(&mut self) {
        let soon = now() + 20 * CLOSE;
        let back: Vec<u64> = self.spare.values().filter(|turn| turn.here > soon).map(|turn| turn.there).collect();
        self.spare.clear();
        if !back.is_empty() {
            let request = Request { what: "back", qps: 1.0, wanted: 0, within: Duration::ZERO, back: &back };
            let _ = self.link.ask(&self.name, &request).await;
        }
    }
}
