//! What holds for the provenance of any bytes. The fuzz targets hold it too.
use aigclens::provenance::{Provenance, inspect_deep, read};

/// Reads bytes twice, plainly and deeply, and fails on anything that must not be.
pub fn hold(bytes: &[u8]) -> Provenance {
    let found = read(bytes);
    bounded(&found, bytes.len());
    assert_eq!(found, read(bytes), "the same bytes are read differently the second time");
    let deep = inspect_deep(bytes);
    bounded(&deep, bytes.len());
    assert_eq!(deep.format, found.format);
    assert!(deep.evidence.len() >= found.evidence.len(), "a deep look sees less");
    found
}

/// Nothing is without a place, of endless length, or fit to draw on a terminal.
pub fn bounded(found: &Provenance, size: usize) {
    assert!(found.evidence.len() <= 256 && found.manifests.len() <= 256 && found.metadata.len() <= 256);
    for one in &found.evidence {
        assert!(!one.place.is_empty(), "no place: {one:?}");
        assert!(one.place.chars().count() <= 2048, "a place without end: {} bytes", one.place.len());
        let offset = one.place.split_once('@').map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        let offset: usize = offset.and_then(|offset| offset.parse().ok()).expect("a place has an offset");
        assert!(offset <= size, "{} in {size} bytes", one.place);
        assert!(!one.detail.contains(char::is_control), "{:?}", one.detail);
        assert!(one.detail.chars().count() <= 120, "{:?}", one.detail);
        assert!(one.fields.len() <= 48, "{} fields", one.fields.len());
        for (name, value) in &one.fields {
            assert!(name.chars().count() <= 120 && value.chars().count() <= 4096, "{name}");
        }
    }
    for (name, value) in &found.metadata {
        assert!(name.starts_with("xmp:") || name.starts_with("exif:"), "{name:?}");
        assert!(value.chars().count() <= 4096, "{name}");
    }
    for (place, word) in found.warnings.iter().enumerate() {
        assert!(Provenance::WARNINGS.contains(word), "{word}");
        assert!(!found.warnings[..place].contains(word), "{word} twice");
    }
    assert!(found.remote_manifest.as_ref().is_none_or(|url| url.chars().count() <= 4096));
}
