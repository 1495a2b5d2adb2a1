//! The parameters of the Stable Diffusion web UI, which many other programs write too.
use super::{generated, with_all};
use crate::evidence::Evidence;
use std::borrow::Cow;

/// How many lines from the end on are looked at: some programs add theirs behind the parameters.
const LINES: usize = 64;
const NEGATIVE: &str = "Negative prompt:";

/// A prompt, `Negative prompt: ...`, and a line `Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, ...`.
pub(super) fn read(text: &str) -> Option<Evidence> {
    let line = text.lines().rev().take(LINES).find(|line| are_parameters(line))?;
    let value = |name: &str| {
        let found = line.split(", ").find_map(|part| part.trim_start().strip_prefix(name)?.strip_prefix(": "));
        found.map(Cow::Borrowed)
    };
    // Where the line stands in the text: everything before it is the prompts.
    let before = text.get(..line.as_ptr().addr().saturating_sub(text.as_ptr().addr())).unwrap_or_default();
    let (prompt, negative) = before.split_once(NEGATIVE).unwrap_or((before, ""));
    let program = program(value("Version").as_deref().unwrap_or_default());
    Some(with_all(
        generated(program),
        [
            ("prompt", Some(Cow::Borrowed(prompt))),
            ("negative_prompt", Some(Cow::Borrowed(negative))),
            ("model", value("Model")),
            ("seed", value("Seed")),
            ("steps", value("Steps")),
            ("sampler", value("Sampler")),
            ("version", value("Version")),
        ],
    ))
}

fn are_parameters(line: &str) -> bool {
    let steps = line.trim_start().strip_prefix("Steps: ");
    let has = |name: &str| line.split(", ").any(|part| part.trim_start().starts_with(name));
    steps.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        && has("Sampler: ")
        && (has("CFG scale: ") || has("Seed: "))
}

/// By the version that a program writes at the end; the web UI itself writes `v1.10.1`, Forge `f2.0.1v1.10.1`.
fn program(version: &str) -> &'static str {
    let forge = version.strip_prefix('f').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    match version.split(' ').next().unwrap_or_default() {
        "Fooocus" => "Fooocus",
        "ComfyUI" => "ComfyUI",
        "neo" => "Stable Diffusion web UI Forge",
        _ if forge => "Stable Diffusion web UI Forge",
        _ => "Stable Diffusion web UI",
    }
}
