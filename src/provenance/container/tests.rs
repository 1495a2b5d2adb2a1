//! Each part of each container, built by small writers of its own, and what must not be taken for one.
use super::super::part::Content;
use super::super::{Provenance, inspect};
use super::*;

mod boxes;
mod fields;
mod hostile;
mod jpeg;
mod png;
mod riff;
mod svg;
mod tiff;
mod writers;

/// What a walk finds: the places, and what is there.
fn list(bytes: &[u8]) -> Vec<(String, String)> {
    walk(bytes).0
}

fn walk(bytes: &[u8]) -> (Vec<(String, String)>, Vec<&'static str>) {
    let mut found = Provenance::default();
    let format = Format::sniff(bytes).expect("a format");
    let parts = parts(&bytes, format, &mut found);
    let told = parts.iter().map(|part| (part.place(), told(&part.content))).collect();
    (told, found.warnings)
}

fn told(content: &Content<'_>) -> String {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match content {
        Content::Xmp(packet) => format!("xmp {}", lossy(packet)),
        Content::Text { key, value } => format!("text {key}={value}"),
        Content::Label(text) => format!("label {text}"),
        Content::Exif(tiff) => format!("exif {}", lossy(tiff)),
        Content::Tiff => "tiff".to_owned(),
        Content::C2pa(store) => format!("c2pa {}", lossy(store)),
    }
}

/// Where these bytes are in the file.
fn at(file: &[u8], wanted: &[u8]) -> usize {
    file.windows(wanted.len()).position(|window| window == wanted).expect("there")
}

/// That this is the only part, that it is where its content stands in the file, and that nothing is wrong.
#[track_caller]
fn only(file: &[u8], name: &str, content: &str, bytes: &[u8]) {
    let expected = (format!("{name}@{}", at(file, bytes)), content.to_owned());
    assert_eq!(walk(file), (vec![expected], vec![]));
}

#[track_caller]
fn nothing(file: &[u8]) {
    assert_eq!(list(file), []);
}
