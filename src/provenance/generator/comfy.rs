//! The graphs of `ComfyUI`: the one that ran (`prompt`) and the one on the screen (`workflow`). The program also loads,
//! scales and saves photographs, so what counts is whether a node generates.
use super::super::json::{Fields, elements, entries, text};
use super::generated;
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use serde_json::value::RawValue;

const PROGRAM: &str = "ComfyUI";
/// A node is switched off: muted, or passed by.
const OFF: [&str; 2] = ["2", "4"];
/// Nodes that ask a remote service for an image; they have no sampler.
const SERVICES: [&str; 22] = [
    "openaidalle",
    "openaigptimage",
    "fluxpro",
    "fluxkontext",
    "flux2",
    "ideogramv",
    "recraft",
    "stabilitystable",
    "geminiimage",
    "geminiimagenode",
    "bytedanceimage",
    "bytedanceseedream",
    "lumaimage",
    "klingimage",
    "googleimagen",
    "runwaytexttoimage",
    "runwayimage",
    "grokimage",
    "reveimage",
    "briaimage",
    "wantexttoimage",
    "wanimagetoimage",
];

/// Reads either graph, or an object that has both as its entries.
pub(super) fn read(json: &str) -> Option<Evidence> {
    let mut seen = Seen::default();
    let mut inner = Vec::new();
    let whole = entries(json, &mut |key, value| match key {
        "nodes" => seen.screen(value),
        "links" | "last_node_id" => seen.linked = true,
        "definitions" => seen.definitions(value),
        "prompt" | "workflow" if inner.len() < 2 => inner.push(value),
        _ => seen.node(key, value),
    });
    if !whole {
        return None;
    }
    if !seen.is_graph() && !inner.is_empty() {
        for value in inner {
            let decoded = text(value);
            let graph = decoded.as_deref().unwrap_or(value.get());
            entries(graph, &mut |key, value| match key {
                "nodes" => seen.screen(value),
                "links" | "last_node_id" => seen.linked = true,
                "definitions" => seen.definitions(value),
                _ => seen.node(key, value),
            });
            if seen.is_graph() {
                return Some(seen.judge(graph));
            }
        }
    }
    seen.is_graph().then(|| seen.judge(json))
}

/// What was seen of a graph so far.
#[derive(Default)]
struct Seen {
    /// Nodes of a graph that ran.
    ran: usize,
    /// Nodes of a graph on the screen, which has links beside them.
    shown: usize,
    linked: bool,
    generates: bool,
    /// The number of the node that holds the prompt, and of the one that holds what is not wanted.
    positive: Option<String>,
    negative: Option<String>,
    /// The first of each name.
    fields: Vec<(&'static str, String)>,
}

impl Seen {
    fn is_graph(&self) -> bool {
        self.ran > 0 || (self.shown > 0 && self.linked)
    }

    /// A node of a graph that ran: `{"class_type": "KSampler", "inputs": {...}}`.
    fn node(&mut self, _number: &str, value: &RawValue) {
        let Some((class, inputs)) = Fields::of(value.get()).and_then(|node| {
            let inputs = node.inner("inputs")?;
            Some((node.text("class_type")?.into_owned(), inputs))
        }) else {
            return;
        };
        self.ran += 1;
        let sampled = inputs.has("seed") || inputs.has("noise_seed");
        if generates(&class) || (sampled && inputs.has("steps") && inputs.has("cfg")) {
            self.generates = true;
            let link = |name: &str| {
                let mut first = None;
                elements(inputs.raw(name)?.get(), &mut |element| {
                    first.get_or_insert_with(|| text(element).map(|number| number.into_owned()));
                });
                first.flatten()
            };
            self.positive = self.positive.take().or_else(|| link("positive"));
            self.negative = self.negative.take().or_else(|| link("negative"));
        }
        for (name, keys) in [
            ("model", &["ckpt_name", "unet_name", "model_name"][..]),
            ("seed", &["seed", "noise_seed"]),
            ("steps", &["steps"]),
            ("sampler", &["sampler_name"]),
        ] {
            let upscaler = name == "model" && class.contains("Upscale");
            let value = keys.iter().find_map(|key| inputs.scalar(key)).filter(|_| !upscaler);
            if let Some(value) = value.filter(|_| !self.fields.iter().any(|(known, _)| *known == name)) {
                self.fields.push((name, value.into_owned()));
            }
        }
    }

    /// The nodes of a graph on the screen: `[{"type": "KSampler", "mode": 0, ...}]`.
    fn screen(&mut self, nodes: &RawValue) {
        elements(nodes.get(), &mut |node| {
            let Some(node) = Fields::of(node.get()) else { return };
            let Some(class) = node.text("type") else { return };
            self.shown += 1;
            let off = node.raw("mode").is_some_and(|mode| OFF.contains(&mode.get()));
            self.generates |= !off && generates(&class);
        });
    }

    /// Graphs that stand as one node on the screen.
    fn definitions(&mut self, value: &RawValue) {
        let Some(graphs) = Fields::of(value.get()).and_then(|definitions| definitions.raw("subgraphs")) else {
            return;
        };
        elements(graphs.get(), &mut |graph| {
            if let Some(nodes) = Fields::of(graph.get()).and_then(|graph| graph.raw("nodes")) {
                self.screen(nodes);
            }
        });
    }

    fn judge(self, graph: &str) -> Evidence {
        if !self.generates {
            return Evidence::new(EvidenceKind::Tool, EvidenceSource::GeneratorText, Strength::Medium, PROGRAM);
        }
        let mut evidence = generated(PROGRAM);
        for (name, number) in [("prompt", &self.positive), ("negative_prompt", &self.negative)] {
            if let Some(words) = number.as_deref().and_then(|number| words(graph, number)) {
                evidence = evidence.with(name, words.trim());
            }
        }
        self.fields.into_iter().fold(evidence, |evidence, (name, value)| evidence.with(name, value))
    }
}

/// The text that this node holds, where it is plainly there.
fn words(graph: &str, number: &str) -> Option<String> {
    let mut found = None;
    entries(graph, &mut |key, node| {
        if key == number && found.is_none() {
            let inputs = Fields::of(node.get()).and_then(|node| node.inner("inputs"));
            let text = inputs.and_then(|inputs| inputs.text("text").or_else(|| inputs.text("prompt")));
            found = text.filter(|text| !text.trim().is_empty()).map(|text| text.into_owned());
        }
    });
    found
}

/// Whether a node of this class makes an image, by itself or with a model: a sampler, but not what only chooses one.
fn generates(class: &str) -> bool {
    let class = class.to_ascii_lowercase();
    let sampler = class.contains("sampler") && !class.ends_with("select") && !class.contains("upscalewithmodel");
    sampler || SERVICES.iter().any(|name| class.starts_with(name))
}
