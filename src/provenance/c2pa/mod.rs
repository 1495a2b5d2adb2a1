//! C2PA manifest stores: what they declare, not whether it is true. Nothing is verified here: neither hashes nor
//! signatures.
//!
//! `jumbf` walks the boxes and `cbor` what is in them, where they lie; `manifest` and `assertion` take out what is said,
//! and `declare` says what it means for the image.
mod assertion;
mod binding;
mod cbor;
mod declare;
mod jumbf;
mod manifest;

use super::Provenance;

/// Reads a store: one JUMBF superbox. What is whole of a broken one still counts.
pub(super) fn read(store: &[u8], place: &str, found: &mut Provenance) {
    let Some(store) = manifest::store(store) else {
        found.warn("c2pa_unreadable");
        return;
    };
    for (is_so, word) in
        [(store.truncated, "truncated"), (store.compressed, "c2pa_compressed"), (store.too_large, "c2pa_too_large")]
    {
        if is_so {
            found.warn(word);
        }
    }
    for evidence in declare::declarations(&store.manifests, place) {
        found.declare(evidence);
    }
    for parsed in store.manifests {
        found.list(parsed.shown);
    }
}

#[cfg(test)]
mod tests;
