//! Names of programs and services that make images with models, as they stand in fields for any program's name.
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};

/// A name in lower case, its words parted by spaces; how it is told; and when it was listed here. Only names that no camera
/// and no ordinary editor writes: an editor that can also generate (Photoshop, Canva) says nothing by its name.
const TOOLS: &[(&str, &str, &str)] = &[
    ("adobe firefly", "Adobe Firefly", "2026-11-25"),
    ("automatic1111", "Stable Diffusion web UI", "2026-11-25"),
    ("bing image creator", "Bing Image Creator", "2026-11-25"),
    ("black forest labs", "FLUX", "2026-11-25"),
    ("chatgpt", "ChatGPT", "2026-11-25"),
    ("comfyui", "ComfyUI", "2026-11-25"),
    ("craiyon", "Craiyon", "2026-11-25"),
    ("dall e", "DALL-E", "2026-11-25"),
    ("dalle", "DALL-E", "2026-11-25"),
    ("dall e 3", "DALL-E", "2026-11-25"),
    ("diffusionbee", "DiffusionBee", "2026-11-25"),
    ("draw things", "Draw Things", "2026-11-25"),
    ("dreamstudio", "DreamStudio", "2026-11-25"),
    ("easy diffusion", "Easy Diffusion", "2026-11-25"),
    ("flux 1", "FLUX", "2026-11-25"),
    ("flux 2", "FLUX", "2026-11-25"),
    ("fooocus", "Fooocus", "2026-11-25"),
    ("google ai", "Google AI", "2026-11-25"),
    ("google gemini", "Google AI", "2026-11-25"),
    ("google imagen", "Google AI", "2026-11-25"),
    ("gpt image", "GPT Image", "2026-11-25"),
    ("grok imagine", "Grok", "2026-11-25"),
    ("ideogram", "Ideogram AI", "2026-11-25"),
    ("ideogram ai", "Ideogram AI", "2026-11-25"),
    ("invokeai", "InvokeAI", "2026-11-25"),
    ("krea ai", "Krea", "2026-11-25"),
    ("leonardo ai", "Leonardo.Ai", "2026-11-25"),
    ("mage space", "Mage", "2026-11-25"),
    ("meta ai", "Meta AI", "2026-11-25"),
    ("midjourney", "Midjourney", "2026-11-25"),
    ("nano banana", "Google AI", "2026-11-25"),
    ("nightcafe", "NightCafe", "2026-11-25"),
    ("novelai", "NovelAI", "2026-11-25"),
    ("openai", "OpenAI", "2026-11-25"),
    ("playground ai", "Playground", "2026-11-25"),
    ("recraft", "Recraft", "2026-11-25"),
    ("reve com", "Reve", "2026-11-25"),
    ("seaart", "SeaArt", "2026-11-25"),
    ("seedream", "Seedream", "2026-11-25"),
    ("stability ai", "Stability AI", "2026-11-25"),
    ("stable diffusion", "Stable Diffusion", "2026-11-25"),
    ("stableswarmui", "SwarmUI", "2026-11-25"),
    ("swarmui", "SwarmUI", "2026-11-25"),
    ("tensor art", "Tensor.Art", "2026-11-25"),
    ("wombo dream", "WOMBO Dream", "2026-11-25"),
    ("xai grok", "Grok", "2026-11-25"),
    ("即梦", "Jimeng", "2026-11-25"),
    ("即梦ai", "Jimeng", "2026-11-25"),
    ("豆包", "Doubao", "2026-11-25"),
    ("豆包ai", "Doubao", "2026-11-25"),
    ("通义万相", "Tongyi Wanxiang", "2026-11-25"),
];
/// A program's name is short: in a longer text, a name is what the text is about.
const LONGEST: usize = 200;

/// The known generator that is named in a field such as `exif:Software` or `xmp:CreatorTool`, word by word. It is a hint:
/// nothing is said of how the image was made.
pub(in crate::provenance) fn tool(field: &str, value: &str) -> Option<Evidence> {
    if value.len() > LONGEST {
        return None;
    }
    let lower = value.to_lowercase();
    let words: Vec<&str> = lower.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let text = format!(" {} ", words.join(" "));
    let named = |known: &str| {
        text.match_indices(known).any(|(at, _)| {
            let (before, after) =
                (text.get(..at).unwrap_or_default(), text.get(at + known.len()..).unwrap_or_default());
            before.ends_with(' ') && after.starts_with(' ')
        })
    };
    let (_, name, listed) = TOOLS.iter().find(|(known, ..)| named(known))?;
    let source = match field.split(':').next() {
        Some("xmp") => EvidenceSource::Iptc,
        Some("png") => EvidenceSource::GeneratorText,
        _ => EvidenceSource::Exif,
    };
    let evidence = Evidence::new(EvidenceKind::Tool, source, Strength::Medium, name);
    Some(evidence.with(field, value.trim()).with("listed", listed))
}
