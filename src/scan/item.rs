//! The way of one item, top to bottom: looked at, looked up, asked about once for all that are equal, written down.
use super::books::Entry;
use super::flights::{Boarding, Landing};
use super::judge::{Verdict, judge};
use super::row::{Input, Row, What, failure, fingerprint, told};
use super::weather::{Pass, Sign};
use super::{DataIds, Engine, MOST_TRIES};
use crate::attempt::{Attempt, Billing};
use crate::client::{Call, Caught, Loaded, Source};
use crate::detection::Detection;
use crate::encode;
use crate::error::{Error, Kind, Result};
use crate::evidence::Precheck;
use crate::service::Gate;
use crate::store::{Answer, End, Failure, Fingerprint, Item, Known, Past};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Calls about one item in one run that end with trouble which passes, before it is a row with an error.
const ROUNDS: u32 = 3;

/// Tries in vain after which an item rests that had no turn.
const RESTED: usize = 4;

/// The scan was stopped before the item's turn: it has no row, and the next run finds it as it was.
struct Left;

/// How a call about an item ended.
enum Next {
    Row(Box<Row>),
    /// It goes back and is asked about again; whether this counts against it.
    Again {
        counts: bool,
        /// It rests as long as after so many tries in vain.
        tries: usize,
    },
}

/// An item whose content is known.
struct Subject {
    number: u64,
    item: Item,
    fingerprint: Fingerprint,
    evidence: Vec<String>,
    /// Whether that is enough not to ask.
    is_declared: bool,
    loaded: Loaded,
}

impl Subject {
    /// A row about something that is known already. Of two items of one run the second is a duplicate, whatever its key.
    fn repeated(&self, what: What, first_key: String, is_of_this_run: bool) -> Row {
        let row = self.row(what, !is_of_this_run, &first_key);
        Row { duplicate_of: row.duplicate_of.or_else(|| is_of_this_run.then_some(first_key)), ..row }
    }

    /// A row about this item, which cost nothing.
    fn row(&self, what: What, is_cached: bool, first_key: &str) -> Row {
        Row {
            number: self.number,
            item: self.item.clone(),
            what,
            evidence: self.evidence.clone(),
            fingerprint: Some(self.fingerprint),
            billing: Billing::NotBilled,
            is_cached,
            duplicate_of: (*first_key != *self.item.key).then(|| first_key.to_owned()),
        }
    }
}

impl Engine {
    /// What becomes of an item; nothing where the scan was stopped before its turn.
    pub(super) async fn story(self: &Arc<Self>, number: u64, input: Input) -> Option<Row> {
        let Input { item, source } = input;
        let desk = self.place(&self.desks).await?;
        let fingerprint = OnceLock::new();
        // A panic about one item is that item's row, and ends nothing else.
        let row = Caught::new(async {
            match self.look_at(number, item.clone(), source).await? {
                Ok(subject) => {
                    let _ = fingerprint.set(subject.fingerprint);
                    self.find_out(subject).await
                }
                Err(row) => Ok(row),
            }
        });
        let row = row.await;
        drop(desk);
        if let Some(row) = row {
            return row.ok();
        }
        let fingerprint = fingerprint.into_inner();
        // It may have been while a request was under way.
        let billing = if fingerprint.is_some() { Billing::PossiblyBilled } else { Billing::NotBilled };
        Some(broken(number, item, fingerprint, billing))
    }

    /// Reads and checks the image. One that is refused here costs nothing, and is a row.
    async fn look_at(
        &self,
        number: u64,
        item: Item,
        source: Result<Source>,
    ) -> std::result::Result<std::result::Result<Subject, Row>, Left> {
        let rule = self.client.declaration_rule(&self.options.call);
        let loaded = match source {
            Ok(source) => self.unless_stopped(self.client.load(source, rule)).await.ok_or(Left)?,
            Err(error) => Err(error),
        };
        Ok(match loaded {
            Ok(loaded) => {
                let (fingerprint, evidence) = (fingerprint(loaded.content), told(&loaded.evidence));
                let is_declared = rule.suffices(&loaded.evidence);
                Ok(Subject { number, item, fingerprint, evidence, is_declared, loaded })
            }
            Err(error) => {
                let what = What::Failed(Arc::new(failure(&error, Vec::new(), self.books.ambient.now())));
                let (evidence, billing) = (Vec::new(), Billing::NotBilled);
                Err(Row {
                    number,
                    item,
                    what,
                    evidence,
                    fingerprint: None,
                    billing,
                    is_cached: false,
                    duplicate_of: None,
                })
            }
        })
    }

    /// The answer that there is, or the one that somebody is waiting for, or one that is to be asked for.
    async fn find_out(self: &Arc<Self>, subject: Subject) -> std::result::Result<Row, Left> {
        loop {
            match self.flights.board(subject.fingerprint) {
                Boarding::Second(mut report) => {
                    let landed = self.unless_stopped(report.wait_for(Option::is_some)).await.ok_or(Left)?;
                    if let Ok(Some(Landing { what, first_key })) = landed.map(|landing| landing.clone()) {
                        if !matches!(what, What::Declared { .. }) {
                            self.note(&subject).await;
                        }
                        return Ok(subject.repeated(what, first_key, true));
                    }
                }
                Boarding::First(flight) => {
                    if let Some(row) = self.declared(&subject).await? {
                        let first_key = row.duplicate_of.clone().unwrap_or_else(|| subject.item.key.to_string());
                        flight.land(|| Landing { what: row.what.clone(), first_key });
                        return Ok(row);
                    }
                    let known = self.books.store.look(subject.fingerprint, subject.item.clone()).await;
                    let known = known.map_err(|error| self.give_up(error))?;
                    if let Some(row) = self.known(&subject, known) {
                        return Ok(row);
                    }
                    let row = self.ask(&subject).await?;
                    flight.land(|| Landing { what: row.what.clone(), first_key: subject.item.key.to_string() });
                    return Ok(row);
                }
            }
        }
    }

    /// The row of an item whose own declaration is enough, unless there is an answer, which was paid for. The store learns
    /// nothing of it: whoever wants the service's verdict later finds the item as if it had never been met.
    async fn declared(&self, subject: &Subject) -> std::result::Result<Option<Row>, Left> {
        if !subject.is_declared {
            return Ok(None);
        }
        let known = self.books.store.peek(subject.fingerprint).await.map_err(|error| self.give_up(error))?;
        if matches!(known, Known::Answered(_)) {
            return Ok(None);
        }
        let what = What::Declared { warnings: subject.loaded.warnings().to_vec() };
        let seen = self.books.store.seen_before(subject.fingerprint, subject.item.key.to_string()).await;
        Ok(Some(match seen.map_err(|error| self.give_up(error))? {
            Some(first_key) => subject.repeated(what, first_key, true),
            None => subject.row(what, false, &subject.item.key),
        }))
    }

    /// The store learns that one more item has this content. That it could not be told is no reason to lose the row.
    async fn note(&self, subject: &Subject) {
        let _ = self.books.store.look(subject.fingerprint, subject.item.clone()).await;
    }

    /// A row from what the store knows, unless the service is to be asked.
    fn known(&self, subject: &Subject, known: Known) -> Option<Row> {
        if self.options.retry.asks(&known) {
            return None;
        }
        match known {
            Known::Nothing => None,
            Known::Answered(past) => {
                let Past { what, first_key, is_of_this_run, .. } = *past;
                Some(subject.repeated(What::Answered(Arc::new(what)), first_key, is_of_this_run))
            }
            Known::Failed(past) => {
                let Past { what, first_key, is_of_this_run, .. } = *past;
                Some(subject.repeated(What::Failed(Arc::new(what)), first_key, is_of_this_run))
            }
            Known::Unresolved { tries } => {
                let message = match tries >= MOST_TRIES {
                    true => {
                        format!("left alone after {tries} calls that came to nothing; see `aigclens store unresolved`")
                    }
                    false => {
                        "an earlier call may have been charged, and its answer got lost; retry='unresolved' asks again"
                            .to_owned()
                    }
                };
                let error = Error::new(Kind::AmbiguousOutcome, message);
                let failure = failure(&error, subject.evidence.clone(), self.books.ambient.now());
                Some(subject.row(What::Failed(Arc::new(failure)), true, &subject.item.key))
            }
        }
    }

    /// Asks the service until there is an answer, or an error that is one about this image.
    async fn ask(self: &Arc<Self>, subject: &Subject) -> std::result::Result<Row, Left> {
        let mut rounds = 0;
        loop {
            let seat = self.place(&self.seats).await.ok_or(Left)?;
            let pass = self.unless_stopped(self.weather.pass()).await.ok_or(Left)?;
            let pass = pass.map_err(|error| self.give_up(error))?;
            let entry =
                self.unless_stopped(self.books.begin(subject.fingerprint, subject.item.clone())).await.ok_or(Left)?;
            let entry = entry.map_err(|error| self.give_up(error))?;
            // From here on nothing is given up: what was sent is waited for, and written down.
            let outcome = self.client.detect(self.call(subject, &entry)).await;
            match self.conclude(subject, &entry, &pass, outcome, rounds + 1 >= ROUNDS).await? {
                Next::Row(row) => return Ok(*row),
                Next::Again { counts, tries } => {
                    rounds += u32::from(counts);
                    drop((pass, seat));
                    self.unless_stopped(tokio::time::sleep(self.weather.rest(tries))).await.ok_or(Left)?;
                }
            }
        }
    }

    fn call(&self, subject: &Subject, entry: &Arc<Entry>) -> Call {
        let data_id = match self.options.data_ids {
            DataIds::None => None,
            DataIds::Key => Some(subject.item.key.to_string()),
            DataIds::Hash => Some(encode::hex(&subject.fingerprint.hash)),
        };
        Call {
            source: Source::Loaded(Box::new(subject.loaded.clone())),
            data_id,
            // What is declared was looked at before.
            precheck: Some(Precheck::Off),
            gate: Some(Arc::clone(entry) as Arc<dyn Gate>),
            ..self.options.call.clone()
        }
    }

    /// Writes down how a call ended. A row, or nothing where the item goes back.
    async fn conclude(
        &self,
        subject: &Subject,
        entry: &Entry,
        pass: &Pass,
        outcome: Result<Detection>,
        is_last: bool,
    ) -> std::result::Result<Next, Left> {
        let row = |what: What, billing: Billing| {
            Next::Row(Box::new(Row { billing, ..subject.row(what, false, &subject.item.key) }))
        };
        match outcome {
            Ok(mut found) => {
                self.weather.heard(pass, Sign::Fair, None);
                let (attempts, billing) = (std::mem::take(&mut found.attempts), found.billing);
                let answer = answer(found, &attempts, subject.evidence.clone(), self.books.ambient.now());
                let answer = Arc::new(answer);
                let closed = entry.close(attempts, End::Answered(Arc::clone(&answer))).await;
                self.written(closed);
                Ok(row(What::Answered(answer), billing))
            }
            Err(error) => {
                let attempts: &[Attempt] = &error.facts().attempts;
                let mut verdict = judge(&error);
                if is_last {
                    verdict = verdict.at_last();
                }
                let sign = match verdict {
                    // Nothing was sent: the service had no part in it.
                    Verdict::Row(Sign::Fair) if attempts.is_empty() => None,
                    Verdict::Row(sign) | Verdict::Again(sign) | Verdict::AgainOrStop(sign) | Verdict::Wait(sign) => {
                        Some(sign)
                    }
                    Verdict::Stop => None,
                };
                let diagnosis = sign.and_then(|sign| self.weather.heard(pass, sign, Some(&error)));
                // What waits for better weather is not counted against the item.
                let is_row = matches!(verdict, Verdict::Row(_)) && !(is_last && self.is_about_the_weather(&error));
                if is_row && attempts.is_empty() {
                    // Refused here, before anything was sent: it says nothing of the image, nor of the service.
                    let closed = entry.close(attempts.to_vec(), End::Open).await;
                    closed.map_err(|error| self.give_up(error))?;
                    let failure = failure(&error, subject.evidence.clone(), self.books.ambient.now());
                    return Ok(row(What::Failed(Arc::new(failure)), Billing::NotBilled));
                }
                if !is_row {
                    let closed = entry.close(attempts.to_vec(), End::Open).await;
                    closed.map_err(|error| self.give_up(error))?;
                    let counts = !matches!(verdict, Verdict::Wait(_)) && !self.is_about_the_weather(&error);
                    if verdict == Verdict::Stop {
                        return Err(self.give_up(error));
                    }
                    // Whoever had no turn in a long time would not have one in a second: each round is written down.
                    let tries = if verdict == Verdict::Wait(Sign::Silent) { RESTED } else { 0 };
                    return Ok(Next::Again { counts, tries });
                }
                let failure: Arc<Failure> =
                    Arc::new(failure(&error, subject.evidence.clone(), self.books.ambient.now()));
                let billing = error.billing();
                let closed = entry.close(attempts.to_vec(), End::Failed(Arc::clone(&failure))).await;
                self.written(closed);
                if let Some(diagnosis) = diagnosis {
                    self.stop(Some(diagnosis));
                }
                Ok(row(What::Failed(failure), billing))
            }
        }
    }

    /// Whether an item that has come to its last round failed since everything does just now.
    fn is_about_the_weather(&self, error: &Error) -> bool {
        error.billing() == Billing::NotBilled && self.weather.why().is_some()
    }

    /// A row that could be written nowhere is handed out all the same, as the last of its scan: it was paid for.
    fn written(&self, closed: Result<()>) {
        if let Err(error) = closed {
            self.stop(Some(error));
        }
    }

    /// Nothing more is begun. What is in flight ends as it would.
    fn give_up(&self, error: Error) -> Left {
        self.stop(Some(error));
        Left
    }
}

/// The row of an item about which this program broke down. It tells no time: the clock may be what broke.
fn broken(number: u64, item: Item, fingerprint: Option<Fingerprint>, billing: Billing) -> Row {
    let error = Error::new(Kind::Internal, "the scan failed inside about this item: a panic; please report it");
    let what = What::Failed(Arc::new(failure(&error.with_billing(billing), Vec::new(), Duration::ZERO)));
    Row { number, item, what, evidence: Vec::new(), fingerprint, billing, is_cached: false, duplicate_of: None }
}

fn answer(found: Detection, attempts: &[Attempt], evidence: Vec<String>, at: Duration) -> Answer {
    let paid = attempts.iter().filter(|attempt| attempt.operation.is_paid()).count();
    Answer {
        label: found.label,
        is_aigc: found.is_aigc,
        confidence: found.confidence,
        risk_level: found.risk_level,
        labels: found.labels,
        warnings: found.warnings.iter().map(|word| (*word).to_owned()).collect(),
        evidence,
        request_id: found.request_id,
        service: found.service,
        region: found.region,
        engine: found.engine,
        billing: found.billing,
        attempts: u32::try_from(paid).unwrap_or(u32::MAX),
        latency: found.elapsed,
        at,
        raw: found.body.to_vec(),
    }
}
