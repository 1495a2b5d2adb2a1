//! The assertions that say how something was made: actions, ingredients, and what metadata says in passing.
use super::cbor::Node;
use super::jumbf::Superbox;
use super::manifest::name;
use crate::provenance::found::{Action, Ingredient};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The most programs and templates of one assertion that actions can be completed by.
const SHARED: usize = 64;

/// The content of an assertion or a claim.
#[derive(Debug, Clone, Copy)]
pub(super) enum Data<'a> {
    Cbor(Node<'a>),
    Json(&'a [u8]),
}

impl<'a> Data<'a> {
    pub(super) fn of(found: &Superbox<'a>) -> Option<Self> {
        found.inside.clone().find_map(|inner| match &inner.kind {
            b"cbor" => Some(Self::Cbor(Node::new(inner.content))),
            b"json" => Some(Self::Json(inner.content)),
            _ => None,
        })
    }

    /// The value of a key at the top, if it is true or false.
    pub(super) fn boolean(self, key: &str) -> Option<bool> {
        match self {
            Self::Cbor(node) => node.get(key)?.boolean(),
            Self::Json(text) => match json(text, &|name| name == key)? {
                Scalar::Boolean(value) => Some(value),
                Scalar::Text(_) | Scalar::Other => None,
            },
        }
    }

    /// The IPTC's property, under whatever prefix, at the top.
    pub(super) fn source_type(self) -> Option<String> {
        match self {
            Self::Cbor(node) => {
                let mut named = node.entries().filter(|(key, _)| key.text().is_some_and(|key| is_source_type(&key)));
                named.find_map(|(_, value)| value.text().map(Cow::into_owned))
            }
            Self::Json(text) => match json(text, &is_source_type)? {
                Scalar::Text(value) => Some(value),
                Scalar::Boolean(_) | Scalar::Other => None,
            },
        }
    }
}

fn is_source_type(key: &str) -> bool {
    let local = key.rsplit([':', '/']).next().unwrap_or(key);
    matches!(local, "DigitalSourceType" | "DigitalSourcetype" | "digitalSourceType")
}

/// The actions of an assertion, completed by its templates and its list of programs, as long as there is room for so
/// many bytes more than are written.
pub(super) fn actions<'n>(assertion: Node<'n>, room: &'n mut usize) -> impl Iterator<Item = Action> {
    let [list, programs, templates] = assertion.pick(["actions", "softwareAgents", "templates"]);
    let items = |node: Option<Node<'n>>| node.map(Node::items).into_iter().flatten();
    let programs: Vec<_> = items(programs).take(SHARED).map(program).collect();
    let templates: Vec<_> = items(templates).take(SHARED).map(|node| action(node, &programs, room)).collect();
    items(list).map(move |node| {
        let mut action = action(node, &programs, room);
        for template in templates.iter().filter(|one| one.action == action.action || one.action == "*") {
            complete(&mut action.digital_source_type, template.digital_source_type.as_ref(), room);
            complete(&mut action.software_agent, template.software_agent.as_ref(), room);
        }
        action
    })
}

/// Fills in what is not said.
fn complete(said: &mut Option<String>, shared: Option<&String>, room: &mut usize) {
    if let (None, Some(shared)) = (&said, shared)
        && let Some(left) = room.checked_sub(shared.len())
    {
        *room = left;
        *said = Some(shared.clone());
    }
}

fn action(node: Node<'_>, programs: &[Option<String>], room: &mut usize) -> Action {
    let [named, source_type, parameters, agent, index] =
        node.pick(["action", "digitalSourceType", "parameters", "softwareAgent", "softwareAgentIndex"]);
    let text = |node: Option<Node<'_>>| node?.text().map(|text| name(&text));
    let mut action = Action {
        action: text(named).unwrap_or_default(),
        digital_source_type: text(source_type).or_else(|| text(parameters?.get("digitalSourceType"))),
        software_agent: agent.and_then(program),
    };
    let index = index.and_then(Node::number).and_then(|index| usize::try_from(index).ok());
    let listed = index.and_then(|index| programs.get(index)?.as_ref());
    complete(&mut action.software_agent, listed, room);
    action
}

/// A program's name, alone or with its version.
pub(super) fn program(node: Node<'_>) -> Option<String> {
    if let Some(text) = node.text() {
        return Some(name(&text));
    }
    let [program, version] = node.pick(["name", "version"]);
    let program = program?.text()?;
    Some(match version.and_then(Node::text) {
        Some(version) => name(&format!("{program} {version}")),
        None => name(&program),
    })
}

/// An ingredient, and the label of its manifest, uncut.
pub(super) fn ingredient(node: Node<'_>) -> (Ingredient, Option<Cow<'_, str>>) {
    let text = |key| node.get(key).and_then(Node::text).map(|text| name(&text));
    let link = ["activeManifest", "c2pa_manifest"].iter().find_map(|key| manifest_of(node.get(key)?));
    let ingredient =
        Ingredient { title: text("dc:title"), relationship: text("relationship"), manifest: link.as_deref().map(name) };
    (ingredient, link)
}

/// The manifest that a reference names: `self#jumbf=/c2pa/LABEL`, alone or with a hash.
fn manifest_of(reference: Node<'_>) -> Option<Cow<'_, str>> {
    let label = |url: &str| {
        let at = url.find("jumbf=")? + "jumbf=".len();
        let path = url.get(at..)?;
        let start = at + path.strip_prefix('/').map_or(0, |_| 1);
        let within = url.get(start..)?.strip_prefix("c2pa/")?;
        let from = url.len() - within.len();
        Some(from..from + within.split('/').next().map_or(0, str::len))
    };
    match reference.text().or_else(|| reference.get("url")?.text())? {
        Cow::Borrowed(url) => url.get(label(url)?).map(Cow::Borrowed),
        Cow::Owned(url) => url.get(label(&url)?).map(|label| Cow::Owned(label.to_owned())),
    }
}

/// What is kept of a value in JSON.
enum Scalar {
    Text(String),
    Boolean(bool),
    Other,
}

/// The first value at the top whose key is wanted. Nothing else is built of the text.
fn json(text: &[u8], wanted: &dyn Fn(&str) -> bool) -> Option<Scalar> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(text);
    // What comes before a fault still counts.
    let _ = reader.deserialize_map(Top { wanted, found: &mut found });
    found
}

struct Top<'t> {
    wanted: &'t dyn Fn(&str) -> bool,
    found: &'t mut Option<Scalar>,
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(wanted) = map.next_key_seed(Key(self.wanted))? {
            if wanted && self.found.is_none() {
                *self.found = Some(map.next_value_seed(Value)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Whether a key is wanted.
struct Key<'t>(&'t dyn Fn(&str) -> bool);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok((self.0)(text))
    }
}

/// A value, if it is a text, true or false.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Scalar, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Scalar;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(name(text)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    /// An object, and every number: their digits are kept as they were written.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}
