//! The text that image generators write beside their images. It is recognised by its content: the keys are common words.
mod automatic;
mod comfy;
mod invoke;
mod midjourney;
mod novel;
mod programs;
mod tools;

use super::json::{Fields, finite};
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use std::borrow::Cow;

pub(super) use tools::tool;

/// The keys under which programs write parameters as plain text. A description or a title may speak of them.
const PLAIN: [&str; 4] = ["parameters", "UserComment", "Comment", "comment"];

/// What one text declares; for the texts of a file that belong together there is [`together`].
pub(super) fn read(key: impl AsRef<str>, value: impl AsRef<str>) -> Option<Evidence> {
    let (key, value) = (key.as_ref(), value.as_ref().trim_start_matches('\u{feff}').trim());
    if let Some(json) = object(value) {
        let json = finite(json);
        return from_json(&json);
    }
    match key {
        "hf-job-id" => job(value),
        "Dream" | "dream" => invoke::dream(value),
        "Description" | "ImageDescription" => midjourney::read(value),
        _ if PLAIN.contains(&key) => automatic::read(value),
        _ => None,
    }
}

/// A JSON object; in EXIF fields `ComfyUI` writes the name of what follows before it.
fn object(value: &str) -> Option<&str> {
    let named = ["prompt:", "workflow:", "Prompt:", "Workflow:"].iter().find_map(|name| value.strip_prefix(name));
    Some(named.unwrap_or(value).trim_start()).filter(|json| json.starts_with('{'))
}

fn from_json(json: &str) -> Option<Evidence> {
    // A graph may have any number of nodes and is read one by one.
    if let Some(graph) = comfy::read(json) {
        return Some(graph);
    }
    let fields = Fields::of(json)?;
    novel::wrapped(&fields)
        .or_else(|| novel::comment(&fields))
        .or_else(|| invoke::read(&fields))
        .or_else(|| programs::read(&fields))
}

/// The texts of one file, judged as a whole: some programs spread what they say over several of them. Each declaration
/// comes with the number of the text that it was found in.
pub(super) fn together(texts: &[(&str, &str)]) -> Vec<(usize, Evidence)> {
    let mut found: Vec<(usize, Evidence)> = Vec::new();
    let novel = novel::spread(texts);
    let easy = programs::spread(texts);
    for (index, (key, value)) in texts.iter().enumerate() {
        let belongs = novel.is_some() && novel::KEYS.contains(key);
        let named = || matches!(*key, "Software" | "Creator").then(|| tool(&format!("png:{key}"), value)).flatten();
        let evidence = if belongs { None } else { read(key, value).or_else(named) };
        found.extend(evidence.map(|evidence| (index, evidence)));
    }
    found.extend(novel);
    found.extend(easy);
    found.sort_by_key(|(index, _)| *index);
    one_a_program(found)
}

/// A program that speaks in several texts (a graph and the workflow behind it) makes one declaration: the firmest, with
/// what the others say.
pub(super) fn one_a_program(found: Vec<(usize, Evidence)>) -> Vec<(usize, Evidence)> {
    let mut kept: Vec<(usize, Evidence)> = Vec::new();
    for (index, evidence) in found {
        let same =
            kept.iter_mut().find(|(_, other)| other.detail == evidence.detail && other.source == evidence.source);
        let Some((at, other)) = same else {
            kept.push((index, evidence));
            continue;
        };
        let firmer = rank(&evidence) < rank(other);
        let lesser = if firmer {
            *at = index;
            std::mem::replace(other, evidence)
        } else {
            evidence
        };
        for (name, value) in lesser.fields {
            if !other.fields.iter().any(|(known, _)| *known == name) {
                *other = other.clone().with(name, value);
            }
        }
    }
    kept
}

fn rank(evidence: &Evidence) -> (bool, u8) {
    (evidence.kind != EvidenceKind::Generated, evidence.strength as u8)
}

/// The job of a hosted generator: a UUID. It tells where the image was made, not that a model made it.
fn job(value: &str) -> Option<Evidence> {
    let job = uuid::Uuid::try_parse(value).ok()?;
    let evidence =
        Evidence::new(EvidenceKind::Tool, EvidenceSource::GeneratorText, Strength::Weak, "job of a hosted generator");
    Some(evidence.with("hf-job-id", job.hyphenated().to_string()))
}

fn generated(program: &str) -> Evidence {
    Evidence::new(EvidenceKind::Generated, EvidenceSource::GeneratorText, Strength::Strong, program)
}

/// The evidence with those of these fields that say something.
fn with_all<'a>(evidence: Evidence, fields: impl IntoIterator<Item = (&'a str, Option<Cow<'a, str>>)>) -> Evidence {
    fields.into_iter().fold(evidence, |evidence, (name, value)| match value {
        Some(value) if !value.trim().is_empty() => evidence.with(name, value.trim()),
        _ => evidence,
    })
}

#[cfg(test)]
mod tests;
