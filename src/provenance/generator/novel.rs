//! `NovelAI`: a text for each of title, description, software, source and parameters; or all of them as one JSON object,
//! in EXIF and in the pixels.
use super::super::json::Fields;
use super::{generated, with_all};
use crate::evidence::Evidence;
use std::borrow::Cow;

const PROGRAM: &str = "NovelAI";
pub(super) const KEYS: [&str; 7] =
    ["Title", "Description", "Software", "Source", "Comment", "Generation time", "Generation_time"];
const TITLES: [&str; 2] = ["AI generated image", "NovelAI generated image"];
/// What its source begins with: the model's name, with a hash behind it.
const SOURCES: [&str; 2] = ["Stable Diffusion", "NovelAI Diffusion"];

/// The texts of a PNG. At least two of them say the program's own: a title or a name alone says too little.
pub(super) fn spread(texts: &[(&str, &str)]) -> Option<(usize, Evidence)> {
    let find = |name: &str| texts.iter().position(|(key, _)| *key == name);
    let value = |name: &str| find(name).and_then(|index| texts.get(index)).map(|(_, value)| value.trim());
    let comment = value("Comment").and_then(|json| comment(&Fields::of(json)?));
    let signs = [
        value("Software") == Some(PROGRAM),
        value("Title").is_some_and(|title| TITLES.contains(&title)),
        value("Source").is_some_and(|source| SOURCES.iter().any(|name| source.starts_with(name))),
        comment.is_some(),
    ];
    // A model's name as the source is no sign of this program beside a title of somebody's own.
    if signs.iter().filter(|sign| **sign).count() < 2 || !(signs[0] || comment.is_some()) {
        return None;
    }
    let at = ["Comment", "Software", "Title", "Source"].iter().find_map(|name| find(name))?;
    let evidence = comment.unwrap_or_else(|| generated(PROGRAM));
    let prompt = evidence.fields.iter().all(|(name, _)| name != "prompt").then(|| value("Description")).flatten();
    let more = [("prompt", prompt), ("model", value("Source"))];
    Some((at, with_all(evidence, more.map(|(name, value)| (name, value.map(Cow::Borrowed))))))
}

/// The same as one object: `{"Software": "NovelAI", "Comment": "{...}"}`.
pub(super) fn wrapped(fields: &Fields<'_>) -> Option<Evidence> {
    let texts: Vec<_> = KEYS.iter().filter_map(|key| Some((*key, fields.text(key)?))).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(key, value)| (*key, value.as_ref())).collect();
    spread(&texts).map(|(_, evidence)| evidence)
}

/// The parameters: what is not wanted is called `uc` by this program alone, beside a sampler, steps and a scale.
pub(super) fn comment(fields: &Fields<'_>) -> Option<Evidence> {
    let own = fields.has("uc") || fields.has("v4_prompt") || fields.has("signed_hash");
    // Draw Things writes a `uc` too, beside a prompt that is called `c`.
    if !own || fields.has("c") || !["sampler", "steps", "scale", "seed"].iter().all(|name| fields.has(name)) {
        return None;
    }
    Some(with_all(
        generated(PROGRAM),
        [
            ("prompt", fields.text("prompt")),
            ("negative_prompt", fields.text("uc")),
            ("seed", fields.scalar("seed")),
            ("steps", fields.scalar("steps")),
            ("sampler", fields.text("sampler")),
        ],
    ))
}
