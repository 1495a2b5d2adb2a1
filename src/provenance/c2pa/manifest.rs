//! From the boxes of a store to manifests: what they say, not yet what it means.
use super::assertion::{self, Data};
use super::cbor::Node;
use super::jumbf::{Boxes, Superbox};
use crate::evidence::cut;
use crate::provenance::found::Manifest;
use std::borrow::Cow;

/// The longest label, name or title that is kept, in characters and in bytes.
const NAME: usize = 160;
const NAME_BYTES: usize = 256;
/// The most manifests of a store that are read: the last ones, since the very last speaks of the file itself.
const MANIFESTS: usize = 256;
/// The most assertions, and the most actions and ingredients, that are kept of a store.
const ASSERTIONS: usize = 4096;
const STEPS: usize = 512;
/// The most bytes by which the actions of a store are completed.
const ROOM: usize = 16 * 1024;
/// The most algorithms of soft bindings that are kept of a manifest.
const BINDINGS: usize = 16;

/// What a manifest says about how something was made.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    pub assertion: &'a str,
    pub what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// An action: its place in the manifest's list.
    Action(usize),
    /// A source type among the metadata.
    Metadata(String),
    /// `c2pa.ai_generated_content`.
    AiGenerated,
}

/// One manifest, with what is wanted for its meaning beside what is shown of it.
#[derive(Debug, Default)]
pub(super) struct Parsed<'a> {
    pub label: &'a str,
    pub shown: Manifest,
    pub statements: Vec<Statement<'a>>,
    /// For each of its ingredients the label of their manifest, uncut.
    pub links: Vec<Option<Cow<'a, str>>>,
}

/// All of a store, in its order.
#[derive(Debug, Default)]
pub(super) struct Store<'a> {
    pub manifests: Vec<Parsed<'a>>,
    pub too_large: bool,
    pub compressed: bool,
    pub truncated: bool,
    assertions: usize,
    steps: usize,
    room: usize,
}

/// Reads a store; nothing for what is none.
pub(super) fn store(bytes: &[u8]) -> Option<Store<'_>> {
    let stores = Boxes(bytes).filter_map(|plain| Some((Superbox::of(plain)?, plain.whole)));
    let (outer, whole) = { stores }.find(|(outer, _)| outer.is(*b"c2pa"))?;
    let manifests = || outer.inside.clone().filter_map(Superbox::of).filter(is_manifest);
    let beyond = manifests().count().saturating_sub(MANIFESTS);
    let mut store = Store { too_large: beyond > 0, truncated: !whole, room: ROOM, ..Store::default() };
    // What has no room is left out at the end, so the one that speaks of the file itself goes first.
    let last = manifests().last();
    let active = last.map(|last| store.manifest(&last, true));
    let others = manifests().skip(beyond);
    let count = manifests().count().saturating_sub(beyond).saturating_sub(1);
    for other in others.take(count) {
        let parsed = store.manifest(&other, false);
        store.manifests.push(parsed);
    }
    store.manifests.extend(active);
    Some(store)
}

/// Standard, update and compressed manifests.
fn is_manifest(found: &Superbox<'_>) -> bool {
    [*b"c2ma", *b"c2um", *b"c2cm"].iter().any(|letters| found.is(*letters))
}

impl<'a> Store<'a> {
    fn manifest(&mut self, found: &Superbox<'a>, is_active: bool) -> Parsed<'a> {
        let mut parsed = Parsed { label: found.label, ..Parsed::default() };
        parsed.shown.label = name(found.label);
        parsed.shown.is_active = is_active;
        for inner in found.inside.clone() {
            if inner.kind == *b"brob" {
                self.compressed = true;
            }
            let Some(inner) = Superbox::of(inner) else {
                continue;
            };
            match inner.label {
                "c2pa.assertions" => {
                    for assertion in inner.inside.filter_map(Superbox::of) {
                        self.assertion(&mut parsed, &assertion);
                    }
                }
                "c2pa.claim" | "c2pa.claim.v2" => {
                    if let Some(Data::Cbor(claim)) = Data::of(&inner) {
                        parsed.shown.claim_generator = generator(claim).map(|found| name(&found));
                    }
                }
                _ => {}
            }
        }
        parsed
    }

    fn assertion(&mut self, parsed: &mut Parsed<'a>, found: &Superbox<'a>) {
        if self.assertions >= ASSERTIONS {
            self.too_large = true;
            return;
        }
        self.assertions += 1;
        parsed.shown.assertions.push(name(found.label));
        let Some(data) = Data::of(found) else {
            return;
        };
        // Assertions of the same kind are told apart by `__1`, `__2`; versions have the ending `.v2`.
        let kind = found.label.split("__").next().unwrap_or_default();
        let statement = |what| Statement { assertion: found.label, what };
        match (kind, data) {
            ("c2pa.actions" | "c2pa.actions.v2", Data::Cbor(node)) => {
                let mut room = self.room;
                for action in assertion::actions(node, &mut room) {
                    if !self.step() {
                        break;
                    }
                    if action.digital_source_type.is_some() {
                        parsed.statements.push(statement(What::Action(parsed.shown.actions.len())));
                    }
                    parsed.shown.actions.push(action);
                }
                self.room = room;
            }
            ("c2pa.ingredient" | "c2pa.ingredient.v2" | "c2pa.ingredient.v3", Data::Cbor(node)) if self.step() => {
                let (ingredient, link) = assertion::ingredient(node);
                parsed.shown.ingredients.push(ingredient);
                parsed.links.push(link);
            }
            ("c2pa.soft-binding", Data::Cbor(node)) => {
                let algorithm = node.get("alg").and_then(Node::text);
                if let Some(algorithm) = algorithm.filter(|_| parsed.shown.soft_bindings.len() < BINDINGS) {
                    parsed.shown.soft_bindings.push(name(&algorithm));
                }
            }
            ("c2pa.ai_generated_content", data) if data.boolean("ai_generated") != Some(false) && self.step() => {
                parsed.statements.push(statement(What::AiGenerated));
            }
            (kind, data) if is_metadata(kind) => {
                if let Some(word) = data.source_type().filter(|_| self.step()) {
                    parsed.statements.push(statement(What::Metadata(name(&word))));
                }
            }
            _ => {}
        }
    }

    /// Whether there is room for one more action or ingredient.
    fn step(&mut self) -> bool {
        self.steps += 1;
        self.too_large |= self.steps > STEPS;
        self.steps <= STEPS
    }
}

fn is_metadata(kind: &str) -> bool {
    matches!(kind, "c2pa.metadata" | "cawg.metadata") || kind.starts_with("stds.iptc")
}

/// The program that made a claim: by its information, or else by the text of version 1.
fn generator(claim: Node<'_>) -> Option<Cow<'_, str>> {
    let info = claim.get("claim_generator_info");
    let first = info.map(|info| if info.is_map() { info } else { info.items().next().unwrap_or(info) });
    first.and_then(assertion::program).map(Cow::Owned).or_else(|| claim.get("claim_generator")?.text())
}

/// A name of any kind, as it is kept: in one line, and not too long.
pub(super) fn name(text: &str) -> String {
    let mut name = cut(text, NAME);
    let end = name.char_indices().map(|(at, one)| at + one.len_utf8()).take_while(|end| *end <= NAME_BYTES).last();
    name.truncate(end.unwrap_or_default());
    if name.contains(char::is_control) { name.replace(char::is_control, " ") } else { name }
}
