//! The text that image generators write beside their images, recognised by its content: its keys are common words.
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use serde_json::Value;

/// The generation parameters of A1111 and Forge (text) or Fooocus (JSON) under the key `parameters`.
pub(super) fn read(key: impl AsRef<str>, value: impl AsRef<str>) -> Option<Evidence> {
    if key.as_ref() != "parameters" {
        return None;
    }
    let value = value.as_ref();
    let program = if is_fooocus(value) {
        "Fooocus"
    } else if is_a1111(value) {
        "Stable Diffusion web UI"
    } else {
        return None;
    };
    Some(Evidence::new(EvidenceKind::Generated, EvidenceSource::GeneratorText, Strength::Strong, program))
}

/// `Steps: 20, Sampler: Euler a, CFG scale: 7, ...` on the last line, whatever the prompt above it says.
fn is_a1111(text: &str) -> bool {
    text.lines().rev().take(64).any(|line| {
        let has = |name: &str| line.split(", ").any(|part| part.trim_start().starts_with(name));
        let steps = line.trim_start().strip_prefix("Steps: ");
        steps.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
            && has("Sampler: ")
            && (has("CFG scale: ") || has("Seed: "))
    })
}

fn is_fooocus(text: &str) -> bool {
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return false;
    };
    let has = |name: &str| fields.contains_key(name);
    has("prompt") && has("sampler") && (has("steps") || has("guidance_scale") || has("base_model"))
}

/// A program that is known for generating images, named in a field of EXIF or XMP.
pub(super) fn tool(_field: &str, _value: &str) -> Option<Evidence> {
    None
}
