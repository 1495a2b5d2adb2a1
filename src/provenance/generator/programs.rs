//! Programs that write one JSON object: Fooocus, `SwarmUI`, Easy Diffusion, Draw Things.
use super::super::json::Fields;
use super::{generated, with_all};
use crate::evidence::Evidence;
use std::borrow::Cow;

pub(super) fn read(fields: &Fields<'_>) -> Option<Evidence> {
    swarm(fields).or_else(|| fooocus(fields)).or_else(|| easy(fields)).or_else(|| draw_things(fields)).or_else(|| {
        // Some programs put the plain text into an object.
        fields.text("parameters").and_then(|text| super::automatic::read(&text))
    })
}

/// `StableSwarmUI`, later `SwarmUI`: `{"sui_image_params": {...}}`.
fn swarm(fields: &Fields<'_>) -> Option<Evidence> {
    let inner = fields.inner("sui_image_params").filter(|inner| inner.has("prompt") || inner.has("model"))?;
    let named = [
        ("prompt", "prompt"),
        ("negative_prompt", "negativeprompt"),
        ("model", "model"),
        ("seed", "seed"),
        ("steps", "steps"),
        ("sampler", "sampler"),
        ("version", "swarm_version"),
    ];
    Some(with_all(generated("SwarmUI"), named.map(|(name, key)| (name, inner.scalar(key)))))
}

fn fooocus(fields: &Fields<'_>) -> Option<Evidence> {
    let numbered = fields.has("steps") && fields.has("seed");
    let own = fields.has("base_model") || fields.has("guidance_scale") || numbered;
    // Easy Diffusion has a guidance scale as well, and names its sampler in another way.
    if !own || !fields.has("prompt") || !fields.has("sampler") {
        return None;
    }
    let named = [
        ("prompt", "prompt"),
        ("negative_prompt", "negative_prompt"),
        ("model", "base_model"),
        ("seed", "seed"),
        ("steps", "steps"),
        ("sampler", "sampler"),
        ("version", "version"),
    ];
    Some(with_all(generated("Fooocus"), named.map(|(name, key)| (name, fields.scalar(key)))))
}

/// The names that Easy Diffusion gives its settings, and the same for people.
const EASY: [[&str; 7]; 2] = [
    [
        "prompt",
        "negative_prompt",
        "use_stable_diffusion_model",
        "seed",
        "num_inference_steps",
        "sampler_name",
        "guidance_scale",
    ],
    ["Prompt", "Negative Prompt", "Stable Diffusion model", "Seed", "Steps", "Sampler", "Guidance Scale"],
];

fn easy(fields: &Fields<'_>) -> Option<Evidence> {
    easily(&|name| fields.scalar(name))
}

/// Easy Diffusion writes each of its settings as a text of its own into a PNG.
pub(super) fn spread(texts: &[(&str, &str)]) -> Option<(usize, Evidence)> {
    let find = |name: &str| texts.iter().position(|(key, _)| *key == name);
    let evidence = easily(&|name| find(name).and_then(|at| texts.get(at)).map(|(_, value)| Cow::Borrowed(*value)))?;
    EASY.iter().find_map(|names| find(names[2])).map(|at| (at, evidence))
}

fn easily<'a>(value: &dyn Fn(&str) -> Option<Cow<'a, str>>) -> Option<Evidence> {
    let [prompt, negative, model, seed, steps, sampler, _] = EASY
        .iter()
        .find(|[prompt, _, model, seed, steps, _, guidance]| {
            [prompt, model, seed, steps, guidance].iter().all(|name| value(name).is_some())
        })?
        .map(value);
    Some(with_all(
        generated("Easy Diffusion"),
        [
            ("prompt", prompt),
            ("negative_prompt", negative),
            ("model", model),
            ("seed", seed),
            ("steps", steps),
            ("sampler", sampler),
        ],
    ))
}

/// `{"c": "a cat", "uc": "dog", "model": ..., "sampler": ..., "scale": ..., "seed": ..., "steps": ...}`.
fn draw_things(fields: &Fields<'_>) -> Option<Evidence> {
    if !["c", "uc", "model", "sampler", "seed", "steps", "scale"].iter().all(|name| fields.has(name)) {
        return None;
    }
    let named = [
        ("prompt", "c"),
        ("negative_prompt", "uc"),
        ("model", "model"),
        ("seed", "seed"),
        ("steps", "steps"),
        ("sampler", "sampler"),
    ];
    Some(with_all(generated("Draw Things"), named.map(|(name, key)| (name, fields.scalar(key)))))
}
