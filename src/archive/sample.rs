//! What belongs together in an archive, and what it is called. The rules are those of `WebDataset`: the files of one sample follow
//! each other and share their path up to the first dot of the name, which is the sample's key.
use super::{Head, Item, Member, What};
use crate::image::Format;
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// A description beside an image is no larger.
pub(super) const SIDECAR_LIMIT: u64 = 1024 * 1024;
/// Images of one sample that wait for what lies beside them: so many, and so many bytes in memory.
const MOST_WAITING: usize = 64;
const MOST_HELD: usize = 64 * 1024 * 1024;

/// What a member is to its sample.
pub(super) enum Part {
    Image(Name),
    Sidecar(Sidecar),
    Nothing,
}

/// The name of an image: key of its sample, and the rest of the file's name.
#[derive(Debug, Clone)]
pub(super) struct Name {
    key: String,
    rest: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sidecar {
    Json,
    Text,
    Class,
}

/// The sample under way.
#[derive(Debug, Default)]
pub(super) struct Samples {
    collecting: bool,
    key: Option<String>,
    /// Whether an image of it was named already, by the key alone.
    named: bool,
    waiting: Vec<(String, Member)>,
    held: usize,
    extra: Map<String, Value>,
    skipped: u64,
}

impl Samples {
    pub(super) fn collect(&mut self) {
        self.collecting = true;
    }

    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// What the next member is. The sample before it is complete if this belongs to another one.
    pub(super) fn meet(&mut self, head: &Head, ready: &mut VecDeque<Item>) -> Part {
        if head.what == What::Folder {
            return Part::Nothing;
        }
        let Some(name) = split(&head.name).filter(|_| matches!(head.what, What::File | What::Sparse)) else {
            self.skipped = self.skipped.saturating_add(1);
            return Part::Nothing;
        };
        if self.key.as_ref() != Some(&name.key) {
            self.flush(ready);
            self.key = Some(name.key.clone());
            self.named = false;
        }
        if is_image(&name.rest) {
            return Part::Image(name);
        }
        match Sidecar::of(&name.rest) {
            Some(kind) if self.collecting && head.what == What::File => return Part::Sidecar(kind),
            Some(_) => {}
            None => self.skipped = self.skipped.saturating_add(1),
        }
        Part::Nothing
    }

    pub(super) fn image(&mut self, name: Name, member: Member, ready: &mut VecDeque<Item>) {
        let key = match std::mem::replace(&mut self.named, true) {
            false => name.key,
            true => format!("{}.{}", name.key, name.rest),
        };
        if !self.collecting {
            ready.push_back(Item { key, member, extra: None });
            return;
        }
        self.held = self.held.saturating_add(member.held().map_or(0, |bytes| bytes.len()));
        self.waiting.push((key, member));
        // A sample without end is none: what waits goes with what is known of it.
        if self.waiting.len() >= MOST_WAITING || self.held > MOST_HELD {
            self.release(ready);
        }
    }

    pub(super) fn sidecar(&mut self, kind: Sidecar, head: &Head, bytes: Result<Vec<u8>, String>) {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(why) => {
                let text = format!("'{}' was not read: {why}", text(&head.name));
                self.extra.insert("sidecar_error".to_owned(), Value::String(text));
                return;
            }
        };
        let plain = || Value::String(text(&bytes).trim_end_matches(['\n', '\r']).to_owned());
        match kind {
            Sidecar::Json => match serde_json::from_slice(&bytes) {
                Ok(Value::Object(fields)) => self.extra.extend(fields),
                Ok(other) => drop(self.extra.insert("json".to_owned(), other)),
                Err(_) => drop(self.extra.insert("json".to_owned(), plain())),
            },
            Sidecar::Text => drop(self.extra.insert("txt".to_owned(), plain())),
            Sidecar::Class => {
                let number = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse::<i64>().ok());
                self.extra.insert("cls".to_owned(), number.map_or_else(plain, Value::from));
            }
        }
    }

    /// Hands out what waits: its sample is complete.
    pub(super) fn flush(&mut self, ready: &mut VecDeque<Item>) {
        self.release(ready);
        self.extra.clear();
        self.key = None;
    }

    fn release(&mut self, ready: &mut VecDeque<Item>) {
        self.held = 0;
        let extra = &self.extra;
        let with = |(key, member)| Item { key, member, extra: Some(extra.clone()) };
        ready.extend(self.waiting.drain(..).map(with));
    }
}

impl Sidecar {
    fn of(rest: &str) -> Option<Self> {
        match rest.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "txt" => Some(Self::Text),
            "cls" => Some(Self::Class),
            _ => None,
        }
    }
}

/// Splits a name at the first dot behind its last slash. Hidden files belong to programs and not to samples.
fn split(name: &[u8]) -> Option<Name> {
    let name = text(name);
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = base + name.get(base..)?.find('.')?;
    (dot > base).then(|| Name {
        key: name.get(..dot).unwrap_or_default().into(),
        rest: name.get(dot + 1..).unwrap_or_default().into(),
    })
}

fn is_image(rest: &str) -> bool {
    let last = rest.rsplit('.').next().unwrap_or_default();
    Format::SUFFIXES.iter().any(|suffix| suffix.eq_ignore_ascii_case(last))
}

/// A name as text: bytes that are no UTF-8 become `\xff`, so that nothing is lost and everything can be stored.
pub(super) fn text(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}
