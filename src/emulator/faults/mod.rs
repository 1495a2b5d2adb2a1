//! Faults on purpose: a seeded plan says what goes wrong, at which stage of which requests. What was charged is decided by
//! the ledger at the moment of charging and stays, whatever becomes of the answer.
mod action;
mod effect;
mod gzip;
mod plan;
mod script;

pub(super) use action::Action;
pub(super) use effect::{Paper, Told};
pub(super) use plan::{Plan, Rule, Stage};
pub(super) use script::Script;

use super::request::Request;
use super::world::BUCKET;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who is asking for what, as far as a rule may want to know.
#[derive(Debug, Clone, Default)]
pub(super) struct Caller {
    pub operation: Option<String>,
    pub data_id: Option<String>,
    /// The uploaded object that is asked about.
    pub object: Option<String>,
}

/// The operation that a request is for, which its head alone tells.
pub(super) fn operation(method: &str, path: &str, action: Option<&str>) -> String {
    if method == "PUT" || path != "/" { "PutObject".to_owned() } else { action.unwrap_or_default().to_owned() }
}

impl Caller {
    pub(super) fn of(request: &Request, operation: &str) -> Self {
        let form = request.form();
        let text = form.iter().find(|(key, _)| key == "ServiceParameters").map(|(_, value)| value.as_str());
        let parameters: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
        let parameter = |name: &str| parameters.as_ref()?.get(name)?.as_str().map(str::to_owned);
        let object = parameter("ossObjectName").filter(|_| parameter("ossBucketName").as_deref() == Some(BUCKET));
        Self { operation: Some(operation.to_owned()), data_id: parameter("dataId"), object }
    }
}

/// A fault that was drawn for a request.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub stage: Stage,
    pub action: Arc<Action>,
    /// `stage:action`
    pub name: String,
}

#[derive(Debug)]
struct Armed {
    rule: Rule,
    action: Arc<Action>,
    name: String,
    random: Random,
    /// Requests that it is for.
    seen: u64,
    acted: u64,
}

/// The rules in force, and how often each has acted.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Looked at first, so that an emulator without a plan pays nothing.
    active: AtomicBool,
    armed: Mutex<(u64, Vec<Armed>)>,
}

impl Faults {
    fn armed(&self) -> MutexGuard<'_, (u64, Vec<Armed>)> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Puts a plan in force instead of whatever was.
    pub(super) fn set(&self, plan: Plan) {
        let mut armed = self.armed();
        self.active.store(!plan.rules.is_empty(), Ordering::Release);
        armed.0 = plan.seed;
        armed.1 = plan.rules.into_iter().enumerate().map(|(at, rule)| Armed::new(plan.seed, at, rule)).collect();
    }

    /// Puts one more rule in force.
    pub(super) fn add(&self, rule: Rule) {
        let mut armed = self.armed();
        let one = Armed::new(armed.0, armed.1.len(), rule);
        armed.1.push(one);
        self.active.store(true, Ordering::Release);
    }

    pub(super) fn clear(&self) {
        self.set(Plan { seed: 0, rules: Vec::new() });
    }

    /// Draws for one stage of one request: the first rule that is for it and whose turn it is. Each rule has a generator of
    /// its own, so that the same seed and order of the requests that it is for have the same outcome.
    pub(super) fn draw(&self, stage: Stage, caller: &Caller, is_clock: bool) -> Option<Fault> {
        if !self.is_active() {
            return None;
        }
        let mut armed = self.armed();
        let mut drawn = None;
        for one in &mut armed.1 {
            let fits =
                one.rule.stage == stage && matches!(*one.action, Action::Clock(_)) == is_clock && one.fits(caller);
            if fits && one.turn() && drawn.is_none() {
                one.acted += 1;
                drawn = Some(Fault { stage, action: Arc::clone(&one.action), name: one.name.clone() });
            }
        }
        drawn
    }

    /// The plan in force, and what acted how often.
    pub(super) fn to_json(&self) -> Value {
        let armed = self.armed();
        let mut sums = Map::new();
        for one in armed.1.iter().filter(|one| one.acted > 0) {
            let sum = sums.get(&one.name).and_then(Value::as_u64).unwrap_or(0) + one.acted;
            sums.insert(one.name.clone(), json!(sum));
        }
        let rules = armed.1.iter().map(|one| {
            let mut rule = one.rule.written.clone();
            if let Some(fields) = rule.as_object_mut() {
                fields.insert("seen".to_owned(), json!(one.seen));
                fields.insert("acted".to_owned(), json!(one.acted));
            }
            rule
        });
        json!({ "seed": armed.0, "rules": rules.collect::<Vec<_>>(), "acted": sums })
    }
}

impl Armed {
    fn new(seed: u64, at: usize, rule: Rule) -> Self {
        let action = rule.written.get("action").and_then(Value::as_str).unwrap_or_default();
        let name = format!("{}:{action}", rule.stage.name());
        let random = Random::new(seed, at);
        Self { action: Arc::new(rule.action.clone()), name, random, rule, seen: 0, acted: 0 }
    }

    fn fits(&self, caller: &Caller) -> bool {
        let operation = caller.operation.as_deref();
        let is_for = |wanted: Option<&str>| wanted.is_none() || wanted == operation;
        is_for(self.rule.operation)
            && is_for(self.action.only_for())
            && (self.rule.data_id.is_none() || self.rule.data_id == caller.data_id)
            && !(self.action.needs_json() && operation == Some("PutObject"))
            && !(*self.action == Action::ObjectLost && caller.object.is_none())
    }

    /// Whether it acts on this request, which it is for.
    fn turn(&mut self) -> bool {
        self.seen += 1;
        // Drawn for each request, so that what other rules do changes nothing for the later ones.
        let is_drawn = self.random.fraction() < self.rule.rate;
        is_drawn
            && self.rule.nth.is_none_or(|nth| nth == self.seen)
            && self.rule.times.is_none_or(|times| self.acted < times)
    }
}

/// `SplitMix64`: small, seeded, and good enough for what is no secret.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64, at: usize) -> Self {
        let mut random = Self(seed ^ (at as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests;
