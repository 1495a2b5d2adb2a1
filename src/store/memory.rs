//! The books of a scan that keeps nothing: the same questions and answers as a file's, told at once from this process's memory,
//! without a thread and without SQL. What it holds is bounded: the oldest of it moves into a file of its own (`spill`), which
//! no other program sees and which is gone with this value, and is read again where a late duplicate asks for it.
use super::fault;
use super::packed::Packed;
use super::record::{End, Failure, Fingerprint, Intent, Intention, Known, Past, Settlement};
use super::spill::Spill;
use crate::attempt::Billing;
use crate::error::{Error, Result};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

/// Bytes that are kept at hand: the answers of some twenty-eight thousand calls, for which the table need not grow once more.
const MOST: usize = 18 * 1024 * 1024;
/// The part of them that moves into the file together.
const SHARE: usize = 8;

/// What is found out about a content.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Answer(Packed),
    Failure(Arc<Failure>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    #[default]
    Open,
    Answered,
    Failed,
    /// Something may have been paid for, and there is no answer.
    Unresolved,
}

/// What is remembered of a content.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Content {
    /// The key of the item that was asked about first.
    pub(super) first_key: Option<Arc<str>>,
    /// The key that it was met with first, where nobody is asked about it.
    pub(super) seen: Option<String>,
    pub(super) tries: u32,
    pub(super) state: State,
    pub(super) outcome: Option<Outcome>,
    /// Requests that may be on their way.
    pub(super) open: u32,
}

/// What is at hand, by the content's name.
#[derive(Debug)]
pub(super) struct Memory {
    contents: HashMap<Fingerprint, Content>,
    /// The same names, the oldest first.
    ages: VecDeque<Fingerprint>,
    /// Requests that may be on their way.
    intents: HashMap<Intent, Fingerprint>,
    next: i64,
    bytes: usize,
    most: usize,
    spill: Option<Spill>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl Memory {
    /// One that keeps so many bytes at hand.
    pub(super) fn of(most: usize) -> Self {
        let (contents, ages, intents) = (HashMap::new(), VecDeque::new(), HashMap::new());
        Self { contents, ages, intents, next: 1, bytes: 0, most, spill: None }
    }

    /// What is known of a content, to one that may ask about it: requests under way are its own affair.
    pub(super) fn look(&mut self, fingerprint: Fingerprint) -> Result<Known> {
        self.recall(fingerprint)?;
        let known = self.contents.get(&fingerprint).map_or(Known::Nothing, Content::known);
        self.bound()?;
        Ok(known)
    }

    /// What is known of a content. What is just being asked about is unresolved.
    pub(super) fn peek(&mut self, fingerprint: Fingerprint) -> Result<Known> {
        self.recall(fingerprint)?;
        let known = match self.contents.get(&fingerprint) {
            Some(content) if content.state == State::Open && content.open > 0 => {
                Known::Unresolved { tries: content.tries.saturating_add(1) }
            }
            Some(content) => content.known(),
            None => Known::Nothing,
        };
        self.bound()?;
        Ok(known)
    }

    /// Notes that a paid request is about to be made, and how those before it ended.
    pub(super) fn intend(&mut self, intention: Intention) -> Result<Intent> {
        let Intention { fingerprint, item, before, .. } = intention;
        for (intent, _) in before {
            self.end(intent);
        }
        let content = self.content(fingerprint)?;
        content.open = content.open.saturating_add(1);
        let before = content.bytes();
        content.first_key.get_or_insert(item.key);
        let after = content.bytes();
        self.bytes = (self.bytes + after).saturating_sub(before);
        let intent = Intent(self.next);
        self.next += 1;
        self.intents.insert(intent, fingerprint);
        self.bound()?;
        Ok(intent)
    }

    /// Notes how a call ended. Noting the same once more changes nothing.
    pub(super) fn settle(&mut self, settlement: Settlement) -> Result<()> {
        self.note(settlement)?;
        self.bound()
    }

    fn note(&mut self, settlement: Settlement) -> Result<()> {
        let Settlement { fingerprint, item, intents, end } = settlement;
        let mut is_news = false;
        for (intent, _) in &intents {
            is_news |= self.end(*intent);
        }
        let billings = || intents.iter().filter_map(|(_, attempt)| attempt.as_ref()).map(|attempt| attempt.billing);
        let content = self.content(fingerprint)?;
        // The first answer stays, whatever is said later.
        if content.state == State::Answered {
            return Ok(());
        }
        let (state, outcome) = match end {
            End::Answered(answer) => (State::Answered, Outcome::Answer(Packed::pack(&answer))),
            End::Failed(failure) if failure.billing == Billing::PossiblyBilled => {
                (State::Unresolved, Outcome::Failure(failure))
            }
            End::Failed(failure) => (State::Failed, Outcome::Failure(failure)),
            End::Open => {
                if is_news && billings().any(|billing| billing != Billing::NotBilled) {
                    content.tries = content.tries.saturating_add(1);
                }
                if billings().any(|billing| billing == Billing::PossiblyBilled) {
                    content.state = State::Unresolved;
                }
                return Ok(());
            }
        };
        if !is_news && content.outcome.as_ref() == Some(&outcome) {
            return Ok(());
        }
        if state != State::Answered {
            content.tries = content.tries.saturating_add(1);
        }
        let before = content.bytes();
        content.first_key.get_or_insert(item.key);
        (content.state, content.outcome) = (state, Some(outcome));
        let after = content.bytes();
        self.bytes = (self.bytes + after).saturating_sub(before);
        Ok(())
    }

    /// The key that a content was met with before; the first time, it is noted.
    pub(super) fn seen(&mut self, fingerprint: Fingerprint, key: String) -> Result<Option<String>> {
        let content = self.content(fingerprint)?;
        let first = content.seen.clone();
        if first.is_none() {
            let bytes = key.len();
            content.seen = Some(key);
            self.bytes += bytes;
        }
        self.bound()?;
        Ok(first)
    }

    /// Bytes at hand.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let counted: usize = self.contents.values().map(Content::bytes).sum();
        assert_eq!(counted, self.bytes, "what is counted is what there is");
        self.bytes
    }

    /// A request has ended; whether that is news.
    fn end(&mut self, intent: Intent) -> bool {
        let Some(fingerprint) = self.intents.remove(&intent) else { return false };
        if let Some(content) = self.contents.get_mut(&fingerprint) {
            content.open = content.open.saturating_sub(1);
        }
        true
    }

    /// A content to write to, made if it is new.
    fn content(&mut self, fingerprint: Fingerprint) -> Result<&mut Content> {
        self.recall(fingerprint)?;
        Ok(match self.contents.entry(fingerprint) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let content = Content::default();
                self.bytes += content.bytes();
                self.ages.push_back(fingerprint);
                free.insert(content)
            }
        })
    }

    /// Brings back what was moved into the file. Whoever wants it takes it before the next [`Self::bound`].
    fn recall(&mut self, fingerprint: Fingerprint) -> Result<()> {
        let Some(spill) = &self.spill else { return Ok(()) };
        if !spill.may_have(fingerprint) || self.contents.contains_key(&fingerprint) {
            return Ok(());
        }
        if let Some(content) = spill.find(fingerprint).map_err(|error| told(&error))? {
            self.bytes += content.bytes();
            self.ages.push_back(fingerprint);
            self.contents.insert(fingerprint, content);
        }
        Ok(())
    }

    /// Moves the oldest into the file where there is too much at hand; they stay where the file cannot take them.
    fn bound(&mut self) -> Result<()> {
        if self.bytes <= self.most {
            return Ok(());
        }
        let mut left = (self.most / SHARE).max(1);
        let (mut oldest, mut staying) = (Vec::new(), VecDeque::new());
        while left > 0
            && let Some(fingerprint) = self.ages.pop_front()
        {
            match self.contents.get(&fingerprint) {
                // One that is being asked about is wanted again at once.
                Some(content) if content.open > 0 => staying.push_back(fingerprint),
                Some(content) => {
                    left = left.saturating_sub(content.bytes());
                    oldest.push(fingerprint);
                }
                None => {}
            }
        }
        let moved = self.write(&mut oldest);
        match &moved {
            Ok(()) => {
                for fingerprint in &oldest {
                    let gone = self.contents.remove(fingerprint);
                    self.bytes = self.bytes.saturating_sub(gone.map_or(0, |content| content.bytes()));
                }
            }
            Err(_) => staying.extend(oldest),
        }
        self.ages.extend(staying);
        moved.map_err(|error| told(&error))
    }

    fn write(&mut self, oldest: &mut [Fingerprint]) -> rusqlite::Result<()> {
        // Neighbours in the index are written together.
        oldest.sort_unstable();
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::make()?),
        };
        spill.write(oldest.iter().filter_map(|one| self.contents.get(one).map(|content| (*one, content))))
    }
}

impl Content {
    fn known(&self) -> Known {
        let (tries, is_of_this_run) = (self.tries, true);
        let first_key = || self.first_key.as_deref().unwrap_or_default().to_owned();
        match (self.state, &self.outcome) {
            (State::Open, _) => Known::Nothing,
            (State::Answered, Some(Outcome::Answer(answer))) => match answer.unpack() {
                Some(what) => Known::Answered(Box::new(Past { what, first_key: first_key(), is_of_this_run, tries })),
                None => Known::Unresolved { tries },
            },
            (_, Some(Outcome::Failure(failure))) => {
                let what = Failure::clone(failure);
                Known::Failed(Box::new(Past { what, first_key: first_key(), is_of_this_run, tries }))
            }
            _ => Known::Unresolved { tries },
        }
    }

    /// What it takes in memory, roughly, with its places in the tables.
    fn bytes(&self) -> usize {
        let keys = self.first_key.as_ref().map_or(0, |key| key.len()) + self.seen.as_ref().map_or(0, String::len);
        size_of::<Self>() + 2 * size_of::<Fingerprint>() + keys + self.outcome.as_ref().map_or(0, Outcome::bytes)
    }
}

impl Outcome {
    fn bytes(&self) -> usize {
        // Of texts that are short, the allocation counts.
        const TEXT: usize = 48;
        match self {
            Self::Answer(answer) => answer.bytes().len(),
            Self::Failure(failure) => {
                let texts = 2 + failure.evidence.len();
                let raw = failure.raw.as_ref().map_or(0, Vec::len);
                size_of::<Failure>() + texts * TEXT + failure.message.len() + raw
            }
        }
    }
}

fn told(error: &rusqlite::Error) -> Error {
    fault::told(Path::new("(temporary)"), error)
}
