//! The order of the rooms, held by a test: a room may name only rooms above it, Python is known to one of them alone, and
//! no file has two jobs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(clippy::disallowed_methods, reason = "what is tested are files")]
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// From the ground up. Rooms of one line do not know each other, unless the line says `within`: then they may.
const STOREYS: [(&[&str], bool); 13] = [
    (&["ambient", "attempt", "budget", "encode", "error", "event", "evidence", "price", "redact", "standstill"], true),
    (&["health", "pace", "retry", "skew"], false),
    (&["config", "credential", "detection", "region"], true),
    (&["image"], false),
    (&["archive", "provenance", "store"], false),
    (&["sign", "wire"], false),
    (&["http"], false),
    (&["identity"], false),
    (&["service", "upload"], true),
    (&["client"], false),
    (&["scan"], false),
    (&["emulator"], false),
    (&["bindings"], false),
];
/// No file is longer; the plan says about 400.
const LONGEST: usize = 450;
/// Crates that a few places alone may name, so that another could take their place.
const KEEPERS: [(&str, &[&str]); 6] = [
    ("pyo3", &["bindings/"]),
    ("tokio_rustls", &["http/"]),
    ("hyper", &["http/proxy.rs", "emulator/"]),
    ("httparse", &["http/head.rs"]),
    ("getrandom", &["ambient.rs"]),
    ("rusqlite", &["store/"]),
];
/// Names for rooms that say nothing.
const VAGUE: [&str; 6] = ["utils", "util", "helpers", "common", "manager", "misc"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

/// Every source file: its path below `src/`, and its text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&root().join("src"), "rs", &mut found);
    let name = |path: &Path| path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

fn room(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

/// Without comments, and without what only tests see.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs")
}

/// The rooms that a text names: `crate::room`, or a list behind `crate::{`.
fn named(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => {
                let (mut depth, mut part) = (0, String::new());
                for character in list.chars() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => rooms.extend(first_word(&std::mem::take(&mut part))),
                        other if depth == 0 => part.push(other),
                        _ => {}
                    }
                }
                rooms.extend(first_word(&part));
            }
            None => rooms.extend(first_word(after)),
        }
    }
    rooms
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

fn storey(room: &str) -> Option<usize> {
    STOREYS.iter().position(|(rooms, _)| rooms.contains(&room))
}

/// What a file names and may not.
fn trespasses(file: &str, text: &str) -> Vec<String> {
    let own = room(file);
    let Some(level) = storey(own) else {
        return vec![format!("{file}: the room {own} has no place in the order")];
    };
    let text = code(text);
    let mut found = Vec::new();
    for other in named(&text).iter().filter(|other| other.as_str() != own) {
        let allowed = storey(other).is_some_and(|above| above < level || above == level && STOREYS[level].1);
        if !allowed {
            found.push(format!("{file}: {own} names {other}"));
        }
    }
    for (library, keepers) in KEEPERS {
        let is_named = text.contains(&format!("{library}::")) || text.contains(&format!("use {library}"));
        if is_named && !keepers.iter().any(|keeper| file.starts_with(keeper)) {
            found.push(format!("{file}: {library} belongs to {}", keepers.join(" and ")));
        }
    }
    found
}

#[test]
fn a_room_names_only_rooms_above_it() {
    let sources = sources();
    assert!(sources.len() > 40, "the sources were not found");
    let found: Vec<_> = sources.iter().filter(|(file, _)| file != "lib.rs" && !is_test(file)).collect();
    let trespasses: Vec<_> = found.iter().flat_map(|(file, text)| trespasses(file, text)).collect();
    assert_eq!(trespasses, Vec::<String>::new());
}

#[test]
fn a_planted_trespass_is_caught() {
    for (file, text) in [
        ("sign/acs3.rs", "use crate::http::Pool;"),
        ("sign/mod.rs", "use crate::wire::json;"),
        ("error.rs", "fn f() { crate::region::is_loopback(); }"),
        ("image/file.rs", "use crate::{encode, client::Client};"),
        ("client.rs", "use crate::{\n    encode::{self, hex},\n    emulator,\n};"),
        ("wire/json.rs", "use pyo3::prelude::*;"),
        ("service.rs", "fn f() -> hyper::Request<()> { todo!() }"),
        ("upload.rs", "use crate::nowhere::Thing;"),
        ("unknown.rs", ""),
    ] {
        assert_eq!(trespasses(file, text).len(), 1, "{file}: {text}");
    }
    for (file, text) in [
        ("client.rs", "use crate::{encode::{self, hex}, upload}; // crate::bindings"),
        ("sign/oss_v4.rs", "use crate::sign::hmac; use super::rpc;"),
        ("wire/json.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::client::Client; }"),
    ] {
        assert_eq!(trespasses(file, text), Vec::<String>::new());
    }
}

#[test]
fn every_room_of_the_order_is_there_and_declared() {
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for room in STOREYS.iter().flat_map(|(rooms, _)| *rooms) {
        assert!(library.contains(&format!("mod {room};")), "{room} is not declared");
    }
    let declared = library.lines().filter(|line| line.trim_start_matches("pub ").starts_with("mod ")).count();
    assert_eq!(declared, STOREYS.iter().map(|(rooms, _)| rooms.len()).sum::<usize>());
}

#[test]
fn no_file_is_too_long_and_none_has_a_name_that_says_nothing() {
    let mut found = Vec::new();
    for (folder, ending) in
        [("src", "rs"), ("tests", "rs"), ("tests", "py"), ("python", "py"), ("python", "pyi"), ("examples", "py")]
    {
        let folder = root().join(folder);
        if folder.is_dir() {
            files(&folder, ending, &mut found);
        }
    }
    for path in found {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines: it has two jobs", path.display());
        let stem = path.file_stem().unwrap().to_string_lossy();
        assert!(!VAGUE.contains(&stem.as_ref()), "{} has a name that says nothing", path.display());
    }
}
