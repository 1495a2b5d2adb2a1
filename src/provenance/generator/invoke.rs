//! The three generations of `InvokeAI`: `Dream` (a command line), `sd-metadata`, and `invokeai_metadata` beside the graph.
use super::super::json::{Fields, elements, entries};
use super::{generated, with_all};
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use std::borrow::Cow;

const PROGRAM: &str = "InvokeAI";

/// `"a cat [dog]" -s 50 -S 2980747362 -W 512 -H 768 -C 5 -A k_lms`.
pub(super) fn dream(text: &str) -> Option<Evidence> {
    let (prompt, options) = text.strip_prefix('"')?.rsplit_once('"')?;
    let mut words = options.split_whitespace();
    let (mut seed, mut steps, mut sampler) = (None, None, None);
    while let Some(word) = words.next() {
        let option = [("-S", &mut seed), ("-s", &mut steps), ("-A", &mut sampler)]
            .into_iter()
            .find_map(|(name, option)| word.strip_prefix(name).map(|value| (option, value)));
        // Older versions write the value behind the letter, without a space.
        if let Some((option, value)) = option {
            *option = if value.is_empty() { words.next() } else { Some(value) };
        }
    }
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !steps.is_some_and(number) || !seed.is_some_and(number) {
        return None;
    }
    let fields = [("prompt", Some(prompt)), ("seed", seed), ("steps", steps), ("sampler", sampler)];
    Some(with_all(generated(PROGRAM), fields.map(|(name, value)| (name, value.map(Cow::Borrowed)))))
}

pub(super) fn read(fields: &Fields<'_>) -> Option<Evidence> {
    metadata(fields).or_else(|| older(fields)).or_else(|| graph(fields))
}

/// `invokeai_metadata`, of 3.0 and later.
fn metadata(fields: &Fields<'_>) -> Option<Evidence> {
    let own = fields.has("generation_mode") || fields.has("app_version") || fields.has("rand_device");
    if !own || !fields.has("positive_prompt") || !(fields.has("seed") || fields.has("steps")) {
        return None;
    }
    let model = fields.inner("model");
    let model = model.as_ref().and_then(|model| model.text("name").or_else(|| model.text("model_name")));
    Some(with_all(
        generated(PROGRAM),
        [
            ("prompt", fields.text("positive_prompt")),
            ("negative_prompt", fields.text("negative_prompt")),
            ("model", model),
            ("seed", fields.scalar("seed")),
            ("steps", fields.scalar("steps")),
            ("sampler", fields.text("scheduler")),
            ("version", fields.text("app_version")),
        ],
    ))
}

/// `sd-metadata`, of 2.x.
fn older(fields: &Fields<'_>) -> Option<Evidence> {
    let image = fields.inner("image")?;
    let own = fields.text("app_id").is_some_and(|id| id.to_ascii_lowercase().contains("invokeai"));
    let like = fields.has("model_weights") && image.has("sampler");
    if !(own || like) || !image.has("prompt") || !image.has("seed") {
        return None;
    }
    let mut prompt = image.text("prompt");
    if let Some(list) = image.raw("prompt").filter(|_| prompt.is_none()) {
        elements(list.get(), &mut |part| {
            prompt = prompt.take().or_else(|| Fields::of(part.get())?.text("prompt"));
        });
    }
    Some(with_all(
        generated(PROGRAM),
        [
            ("prompt", prompt),
            ("model", fields.text("model_weights")),
            ("seed", image.scalar("seed")),
            ("steps", image.scalar("steps")),
            ("sampler", image.text("sampler")),
            ("version", fields.text("app_version")),
        ],
    ))
}

/// `invokeai_graph`, of 4.0 and later: nodes by their names, and edges. One that makes no image is only the program's.
fn graph(fields: &Fields<'_>) -> Option<Evidence> {
    let nodes = fields.raw("nodes").filter(|_| fields.has("edges"))?;
    let (mut known, mut generates) = (0_usize, false);
    entries(nodes.get(), &mut |_, node| {
        let Some(node) = Fields::of(node.get()) else { return };
        let Some(kind) = node.text("type").filter(|_| node.has("id") && node.has("is_intermediate")) else { return };
        known += 1;
        generates |= kind.contains("denoise") || kind.ends_with("text_to_image");
    });
    (known > 0).then(|| {
        let (kind, strength) = if generates {
            (EvidenceKind::Generated, Strength::Strong)
        } else {
            (EvidenceKind::Tool, Strength::Medium)
        };
        Evidence::new(kind, EvidenceSource::GeneratorText, strength, PROGRAM)
    })
}
