//! What was found in one image.
use crate::evidence::{Evidence, cut};
use crate::image::Format;

/// The longest value of a metadata field, in characters.
const VALUE: usize = 4096;
/// The most metadata fields, manifests and declarations that are kept of one image.
const MOST: usize = 256;

/// What an image declares about its own making, and the metadata that was read for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// By the first bytes; nothing for what is no image that is known here.
    pub format: Option<Format>,
    /// All declarations that were found, in the order of the file.
    pub evidence: Vec<Evidence>,
    /// The C2PA manifests of the file in their order: the last one is usually the active one, the others its ingredients'.
    pub manifests: Vec<Manifest>,
    /// The fields of XMP and EXIF that are looked at, as `xmp:CreatorTool` or `exif:Software`, with their values.
    pub metadata: Vec<(String, String)>,
    /// Where the XMP says that a manifest is kept. It is never fetched.
    pub remote_manifest: Option<String>,
    /// Stable words for what could not be read, of [`Provenance::WARNINGS`].
    pub warnings: Vec<&'static str>,
}

impl Provenance {
    /// Every word that can stand in [`Provenance::warnings`].
    pub const WARNINGS: [&str; 9] = [
        "truncated",
        "metadata_too_large",
        "xmp_unreadable",
        "exif_unreadable",
        "c2pa_unreadable",
        "c2pa_compressed",
        "c2pa_too_large",
        "stealth_interlaced",
        "stealth_too_large",
    ];

    pub(super) fn declare(&mut self, evidence: Evidence) {
        if self.evidence.len() < MOST {
            self.evidence.push(evidence);
        }
    }

    pub(super) fn note(&mut self, name: &str, value: &str) {
        if self.metadata.len() < MOST {
            self.metadata.push((name.to_owned(), cut(value, VALUE)));
        }
    }

    pub(super) fn warn(&mut self, word: &'static str) {
        if !self.warnings.contains(&word) {
            self.warnings.push(word);
        }
    }

    pub(super) fn list(&mut self, manifest: Manifest) {
        if self.manifests.len() < MOST {
            self.manifests.push(manifest);
        }
    }
}

/// A C2PA manifest, as it is written: nothing of it is verified here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Its name in the store, such as `urn:c2pa:...`.
    pub label: String,
    /// Whether it speaks of the file itself, and not of what the file was made from.
    pub is_active: bool,
    /// The program that made the claim, with its version where it is known.
    pub claim_generator: Option<String>,
    /// The labels of its assertions, in their order.
    pub assertions: Vec<String>,
    pub actions: Vec<Action>,
    pub ingredients: Vec<Ingredient>,
    /// Algorithms of watermarks or fingerprints that the manifest says are in the pixels. They are not looked for here.
    pub soft_bindings: Vec<String>,
}

/// What was done, by an assertion `c2pa.actions`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Action {
    /// Such as `c2pa.created`.
    pub action: String,
    /// As it is written.
    pub digital_source_type: Option<String>,
    pub software_agent: Option<String>,
}

/// What the asset was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ingredient {
    pub title: Option<String>,
    /// `parentOf`, `componentOf` or `inputTo`.
    pub relationship: Option<String>,
    /// The label of its own manifest, where it has one.
    pub manifest: Option<String>,
}
