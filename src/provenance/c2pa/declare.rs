//! What the manifests of a store mean for the image: statements of its own manifest, and those of what it was made from.
use super::binding;
use super::manifest::{Parsed, Statement, What};
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use crate::provenance::source_type;
use std::collections::{HashMap, VecDeque};

/// The most declarations of one store.
const MOST: usize = 32;

/// What a manifest's subject is to the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    /// The image itself, or what it was before it was edited.
    Whole,
    /// Something that went into it.
    Part,
    /// Nothing says what.
    Unknown,
}

/// How a manifest is reached from the active one.
#[derive(Debug, Clone)]
struct Way<'p> {
    share: Share,
    /// The relationship that decided about the share; nothing for the active manifest.
    relationship: Option<&'p str>,
}

/// The declarations of a store, in its order. Each is at `place`, its manifest's label and its assertion's.
pub(super) fn declarations(manifests: &[Parsed<'_>], place: &str) -> Vec<Evidence> {
    let mut found = Vec::new();
    for (manifest, way) in manifests.iter().zip(ways(manifests)) {
        for statement in &manifest.statements {
            if found.len() == MOST {
                return found;
            }
            found.extend(evidence(manifest, statement, &way, place));
        }
    }
    found
}

/// For each manifest what it is to the image. Those that make up the whole are found first; of the others each is a part,
/// however it is reached. Every manifest is passed at most twice, so that circles end.
fn ways<'p>(manifests: &'p [Parsed<'_>]) -> Vec<Way<'p>> {
    let by_label: HashMap<&str, usize> = manifests.iter().enumerate().map(|(at, one)| (one.label, at)).collect();
    let mut ways = vec![Way { share: Share::Unknown, relationship: None }; manifests.len()];
    let mut queue: VecDeque<usize> = VecDeque::new();
    if let Some(active) = ways.last_mut() {
        active.share = Share::Whole;
        queue.push_back(manifests.len() - 1);
    }
    for pass in [Share::Whole, Share::Part] {
        if pass == Share::Part {
            queue.extend((0..manifests.len()).filter(|at| ways.get(*at).is_some_and(|way| way.share == Share::Whole)));
        }
        while let Some(at) = queue.pop_front() {
            let (Some(manifest), Some(way)) = (manifests.get(at), ways.get(at).cloned()) else {
                continue;
            };
            for (place, link) in manifest.links.iter().enumerate() {
                let Some(target) = link.as_deref().and_then(|link| by_label.get(link)) else {
                    continue;
                };
                let relationship = relationship(manifest, place);
                let share = if way.share == Share::Part { Share::Part } else { share(manifest, relationship) };
                let Some(reached) = ways.get_mut(*target).filter(|reached| reached.share == Share::Unknown) else {
                    continue;
                };
                if share == pass {
                    let decisive = if way.share == Share::Part { way.relationship } else { relationship };
                    *reached = Way { share, relationship: decisive };
                    queue.push_back(*target);
                }
            }
        }
    }
    ways
}

fn relationship<'p>(manifest: &'p Parsed<'_>, place: usize) -> Option<&'p str> {
    manifest.shown.ingredients.get(place)?.relationship.as_deref()
}

/// What an ingredient is to the manifest's subject: its parent is the whole of it, and so is a component that nothing else
/// was put beside.
fn share(manifest: &Parsed<'_>, relationship: Option<&str>) -> Share {
    let made = |name: &str| manifest.shown.actions.iter().any(|action| action.action == name);
    match relationship {
        Some("parentOf") => Share::Whole,
        Some("inputTo") => Share::Part,
        _ if manifest.shown.ingredients.len() == 1 && !made("c2pa.created") && !made("c2pa.placed") => Share::Whole,
        _ => Share::Part,
    }
}

/// Whether the subject was there before the manifest's actions.
fn has_parent(manifest: &Parsed<'_>) -> bool {
    let shown = &manifest.shown;
    shown.ingredients.iter().any(|one| one.relationship.as_deref() == Some("parentOf"))
        || shown.actions.iter().any(|one| one.action == "c2pa.opened")
}

fn evidence(manifest: &Parsed<'_>, statement: &Statement<'_>, way: &Way<'_>, place: &str) -> Option<Evidence> {
    let action = match statement.what {
        What::Action(at) => Some(manifest.shown.actions.get(at)?),
        What::Metadata(_) | What::AiGenerated => None,
    };
    let written = match &statement.what {
        What::Action(_) => action?.digital_source_type.as_deref(),
        What::Metadata(value) => Some(value.as_str()),
        What::AiGenerated => None,
    };
    let (kind, word) = match written {
        Some(written) => source_type::meaning(written)?,
        None if matches!(statement.what, What::AiGenerated) => (EvidenceKind::Generated, "ai_generated_content"),
        None => return None,
    };
    let edit = action.is_some_and(|action| action.action != "c2pa.created");
    let kind = match kind {
        EvidenceKind::Generated if edit && has_parent(manifest) => EvidenceKind::Composite,
        kind => kind,
    };
    let kind = match (way.share, kind) {
        (Share::Whole, kind) => kind,
        (_, EvidenceKind::Generated | EvidenceKind::Composite) => EvidenceKind::Composite,
        // How a part was taken or edited says nothing about the whole.
        _ => return None,
    };
    let strength = if way.share == Share::Unknown { Strength::Medium } else { Strength::Declared };
    let shown = &manifest.shown;
    let fields = [
        ("manifest", Some(shown.label.as_str())),
        ("active", Some(if shown.is_active { "true" } else { "false" })),
        ("assertion", Some(statement.assertion)),
        ("action", action.map(|action| action.action.as_str())),
        ("digitalSourceType", written),
        ("softwareAgent", action.and_then(|action| action.software_agent.as_deref())),
        ("claim_generator", shown.claim_generator.as_deref()),
        ("relationship", way.relationship),
    ];
    let mut evidence = Evidence::new(kind, EvidenceSource::C2pa, strength, word);
    for (name, value) in fields {
        if let Some(value) = value {
            evidence = evidence.with(name, super::manifest::name(value));
        }
    }
    if !shown.soft_bindings.is_empty() {
        let described: Vec<_> = shown.soft_bindings.iter().map(|one| binding::described(one)).collect();
        evidence = evidence.with("soft_binding", super::manifest::name(&described.join(", ")));
    }
    Some(evidence.at(format!("{place}/{}/{}", shown.label, super::manifest::name(statement.assertion))))
}
