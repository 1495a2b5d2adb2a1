//! The requests of one call in the order of trying, and whoever wants to hear of them meanwhile.
use super::Gate;
use crate::ambient::Ambient;
use crate::attempt::{Attempt, Billing, Operation};
use crate::error::Error;
use crate::error::Result;
use crate::event::{self, Detail, Event, Listener, Step};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What an attempt ended with whose call was given up.
pub const CANCELLED: &str = "Cancelled";

/// The attempts of a call. Reads as a list of them.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    attempts: Vec<Attempt>,
    begun: u32,
    /// The request that is being sent or waited for, and where.
    under_way: Option<(Operation, Option<String>)>,
    watch: Option<Watch>,
    gate: Option<Arc<dyn Gate>>,
}

#[derive(Debug, Clone)]
struct Watch {
    listener: Arc<dyn Listener>,
    ambient: Ambient,
    call: u64,
    data_id: Option<String>,
}

impl Watch {
    fn tell(&self, attempt: u32, step: impl FnOnce() -> Step, detail: Detail) {
        if self.listener.detail() < detail {
            return;
        }
        let step = step();
        let Self { listener, ambient, call, data_id } = self;
        listener.hear(Event { call: *call, attempt, data_id: data_id.clone(), at: ambient.now(), step });
    }
}

impl Deref for Trail {
    type Target = [Attempt];

    fn deref(&self) -> &[Attempt] {
        &self.attempts
    }
}

impl Trail {
    /// One that nobody watches.
    pub const fn new() -> Self {
        Self { attempts: Vec::new(), begun: 0, under_way: None, watch: None, gate: None }
    }

    /// One whose steps a listener hears of.
    pub fn watched(listener: Arc<dyn Listener>, ambient: Ambient, data_id: Option<String>) -> Self {
        let watch = Watch { listener, ambient, call: event::next_call(), data_id };
        Self { watch: Some(watch), ..Self::new() }
    }

    /// The same, with somebody who must agree to each paid request.
    #[must_use]
    pub fn guarded(self, gate: Option<Arc<dyn Gate>>) -> Self {
        Self { gate, ..self }
    }

    pub const fn is_guarded(&self) -> bool {
        self.gate.is_some()
    }

    /// Whether another paid request may be made; at once where nobody is to be asked.
    pub async fn agree(&self, access_key_id: &str) -> Result<()> {
        match &self.gate {
            Some(gate) => gate.intend(&self.attempts, access_key_id).await,
            None => Ok(()),
        }
    }

    /// Ends once whoever agreed does not want the request any more; never where nobody was asked.
    pub async fn withdrawn(&self) -> Error {
        match &self.gate {
            Some(gate) => gate.withdrawn().await,
            None => std::future::pending().await,
        }
    }

    /// A request is about to be sent. The flight must be landed; one that is dropped was given up, and says so.
    pub fn depart(&mut self, operation: Operation, region: Option<&str>, endpoint: &str, waited: Duration) -> Flight {
        self.begun += 1;
        self.under_way = Some((operation, region.map(str::to_owned)));
        if let Some(watch) = &self.watch {
            let step = || {
                let (region, endpoint) = (region.map(str::to_owned), endpoint.to_owned());
                Step::Started { operation, region, endpoint, waited }
            };
            watch.tell(self.begun, step, Detail::Everything);
        }
        let watch = self.watch.as_ref().filter(|watch| watch.listener.detail() == Detail::Everything).cloned();
        let region = watch.as_ref().and(region).map(str::to_owned);
        Flight { watch, number: self.begun, operation, region, started: Instant::now() }
    }

    /// Writes down what became of a request.
    pub fn land(&mut self, mut flight: Flight, attempt: Attempt) {
        if let Some(watch) = flight.watch.take() {
            watch.tell(flight.number, || Step::Finished(attempt.clone()), Detail::Everything);
        }
        self.push(attempt);
    }

    /// Writes down an attempt that nobody hears of any more.
    pub fn push(&mut self, attempt: Attempt) {
        self.under_way = None;
        self.attempts.push(attempt);
    }

    /// The request that was begun and did not land.
    pub fn take_under_way(&mut self) -> Option<(Operation, Option<String>)> {
        self.under_way.take()
    }

    /// There will be another attempt.
    pub fn retried(&self, operation: Operation, outcome: &'static str, wait: Duration) {
        self.tell(|| Step::Retried { operation, outcome, wait }, Detail::Retries);
    }

    /// The service asked for fewer calls.
    pub fn throttled(&self, operation: Operation, error: &Error) {
        let facts = error.facts();
        let step = || Step::Throttled { operation, code: facts.code.clone(), retry_after: facts.retry_after };
        self.tell(step, Detail::Warnings);
    }

    /// Says what somebody should know.
    pub fn warn(&self, message: impl Into<String>) {
        self.tell(|| Step::Warned { message: message.into() }, Detail::Warnings);
    }

    fn tell(&self, step: impl FnOnce() -> Step, detail: Detail) {
        if let Some(watch) = &self.watch {
            watch.tell(self.begun, step, detail);
        }
    }

    /// The last attempt did not end as it seemed.
    pub fn amend(&mut self, outcome: &'static str) {
        if let Some(last) = self.attempts.last_mut() {
            last.outcome = outcome;
        }
    }

    /// The attempts of a call that has ended.
    pub fn take_attempts(&mut self) -> Vec<Attempt> {
        std::mem::take(&mut self.attempts)
    }
}

/// A request under way.
#[derive(Debug)]
#[must_use]
pub struct Flight {
    watch: Option<Watch>,
    number: u32,
    operation: Operation,
    region: Option<String>,
    started: Instant,
}

impl Flight {
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Flight {
    /// Given up after it was begun: it may have arrived, and been charged (H06).
    fn drop(&mut self) {
        let Some(watch) = self.watch.take() else {
            return;
        };
        let billing = if self.operation.is_paid() { Billing::PossiblyBilled } else { Billing::NotBilled };
        let attempt = Attempt {
            operation: self.operation,
            billing,
            outcome: CANCELLED,
            code: None,
            request_id: None,
            region: self.region.take(),
            elapsed: self.started.elapsed(),
        };
        watch.tell(self.number, || Step::Finished(attempt), Detail::Everything);
    }
}

/// The attempt that an error stands for.
pub fn failed(operation: Operation, error: &Error, region: Option<String>, elapsed: Duration) -> Attempt {
    let facts = error.facts();
    Attempt {
        operation,
        billing: facts.billing.unwrap_or(Billing::NotBilled),
        outcome: error.kind().name(),
        code: facts.code.clone(),
        request_id: facts.request_id.clone(),
        region,
        elapsed,
    }
}

/// An error that carries every request of its call.
pub fn with_trail(mut error: Error, trail: &Trail) -> Error {
    error.facts_mut().attempts.clone_from(&trail.attempts);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use std::sync::Mutex;

    #[derive(Debug)]
    struct Ear(Mutex<Vec<Event>>, Detail);

    impl Listener for Ear {
        fn hear(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }

        fn detail(&self) -> Detail {
            self.1
        }
    }

    fn watched(detail: Detail) -> (Arc<Ear>, Trail) {
        let ear = Arc::new(Ear(Mutex::default(), detail));
        let trail = Trail::watched(ear.clone(), Ambient::fixed(7, &[]), Some("id".into()));
        (ear, trail)
    }

    /// Every step is heard once, with the numbers that join them.
    #[tokio::test(start_paused = true)]
    async fn a_listener_hears_each_step_in_order() {
        let (ear, mut trail) = watched(Detail::Everything);
        let operation = Operation::ImageModeration;
        let error = Error::new(Kind::Throttled, "slower").with_code("403").with_billing(Billing::NotBilled);
        for is_refused in [true, false] {
            let flight = trail.depart(operation, Some("r"), "host", Duration::from_secs(1));
            tokio::time::advance(Duration::from_secs(2)).await;
            let elapsed = flight.elapsed();
            let attempt = failed(operation, &error, Some("r".into()), elapsed);
            if is_refused {
                trail.land(flight, attempt);
                trail.throttled(operation, &error);
                trail.retried(operation, error.kind().name(), Duration::from_secs(3));
            } else {
                trail.land(flight, Attempt { outcome: "ok", ..attempt });
            }
        }
        let heard = ear.0.lock().unwrap();
        let numbers: Vec<_> = heard.iter().map(|event| event.attempt).collect();
        assert_eq!(numbers, [1, 1, 1, 1, 2, 2]);
        assert!(heard.iter().all(|event| event.call == heard[0].call && event.at == Duration::from_secs(7)));
        assert!(heard.iter().all(|event| event.data_id.as_deref() == Some("id")));
        assert!(matches!(&heard[0].step, Step::Started { waited, .. } if *waited == Duration::from_secs(1)));
        assert!(
            matches!(&heard[1].step, Step::Finished(a) if a.outcome == "ThrottledError" && a.elapsed.as_secs() == 2)
        );
        assert!(matches!(&heard[2].step, Step::Throttled { code: Some(code), .. } if code == "403"));
        assert!(matches!(&heard[3].step, Step::Retried { wait, .. } if *wait == Duration::from_secs(3)));
        assert!(matches!(&heard[5].step, Step::Finished(a) if a.outcome == "ok"));
        assert_eq!(trail.len(), 2);
    }

    /// H06: whoever gives a call up after a request was begun hears that it may have been charged.
    #[test]
    fn a_request_that_is_given_up_may_have_been_charged() {
        let (ear, mut trail) = watched(Detail::Everything);
        drop(trail.depart(Operation::ImageModeration, None, "host", Duration::ZERO));
        drop(trail.depart(Operation::PutObject, None, "host", Duration::ZERO));
        let verdicts: Vec<_> = ear
            .0
            .lock()
            .unwrap()
            .iter()
            .filter_map(|event| match &event.step {
                Step::Finished(attempt) => Some((attempt.outcome, attempt.billing)),
                _ => None,
            })
            .collect();
        assert_eq!(verdicts, [(CANCELLED, Billing::PossiblyBilled), (CANCELLED, Billing::NotBilled)]);
    }

    #[test]
    fn less_detail_is_less_to_hear() {
        for (detail, count) in [(Detail::Warnings, 2), (Detail::Retries, 3), (Detail::Everything, 5)] {
            let (ear, mut trail) = watched(detail);
            let operation = Operation::ImageModeration;
            let error = Error::new(Kind::Throttled, "slower");
            let flight = trail.depart(operation, None, "host", Duration::ZERO);
            trail.land(flight, failed(operation, &error, None, Duration::ZERO));
            trail.throttled(operation, &error);
            trail.retried(operation, "ThrottledError", Duration::ZERO);
            trail.warn("look");
            assert_eq!(ear.0.lock().unwrap().len(), count);
        }
    }

    #[test]
    fn two_calls_have_two_numbers() {
        assert_ne!(event::next_call(), event::next_call());
    }
}
