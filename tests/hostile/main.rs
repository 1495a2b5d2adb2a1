//! Bytes that were made to harm: whatever they are, reading what they declare gives less, and nothing worse. No panic, no
//! more memory than eight times the file and 64 KiB, no endless work.
//!
//! Time is printed and never asserted here; `make hostile` runs the same bytes in release code and holds 10 ms.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may panic, and print"
)]
#![allow(clippy::disallowed_methods, reason = "what is measured is real time")]

mod fixtures;
mod invariants;
mod monsters;
mod write;

use peak_alloc::PeakAlloc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counts what is allocated: of a buffer that grows, the old and the new one.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
/// Counts are of the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What `make hostile` holds.
const LIMIT: Duration = Duration::from_millis(10);
/// Of inputs of so many bytes at most.
const SMALL: usize = 64 * 1024;

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The inputs that took the longest, and those that took the most memory for their size.
#[derive(Default)]
struct Record {
    inputs: usize,
    times: Vec<(Duration, usize, String)>,
    peaks: Vec<(f64, usize, String)>,
    /// Small ones that took too long.
    slow: Vec<String>,
    /// Those that took too much memory.
    greedy: Vec<String>,
}

impl Record {
    /// Reads it, holds what must hold, and remembers the costs.
    fn read(&mut self, bytes: &[u8], name: impl Fn() -> String) {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let start = Instant::now();
        let found = aigclens::provenance::read(bytes);
        let mut time = start.elapsed();
        // Machines have other things to do: what was slow is looked at again.
        let is_slow = time > if cfg!(debug_assertions) { LIMIT } else { LIMIT / 20 };
        for _ in 0..if is_slow { 5 } else { 0 } {
            let start = Instant::now();
            let _ = aigclens::provenance::read(bytes);
            time = time.min(start.elapsed());
        }
        let peak = MEMORY.peak_usage().saturating_sub(before);
        if peak > bytes.len() * 8 + SMALL {
            self.greedy.push(format!("{peak} bytes of memory for {}: {}", bytes.len(), name()));
        }
        invariants::bounded(&found, bytes.len());
        self.inputs += 1;
        if time > LIMIT && bytes.len() <= SMALL {
            self.slow.push(format!("{:.1} ms, {} bytes: {}", time.as_secs_f64() * 1e3, bytes.len(), name()));
        }
        if self.times.last().is_none_or(|slowest| time > slowest.0) || self.times.len() < 8 {
            self.times.push((time, bytes.len(), name()));
            self.times.sort_by_key(|one| std::cmp::Reverse(one.0));
            self.times.truncate(8);
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        let ratio = peak as f64 / (bytes.len() as f64 * 8.0 + SMALL as f64);
        if self.peaks.last().is_none_or(|largest| ratio > largest.0) || self.peaks.len() < 5 {
            self.peaks.push((ratio, peak, name()));
            self.peaks.sort_by(|one, other| other.0.total_cmp(&one.0));
            self.peaks.truncate(5);
        }
    }

    /// Says what it cost, and that it was not too much.
    fn end(&self, of: &str) {
        println!("{of}: {} inputs; the slowest:", self.inputs);
        for (time, size, name) in &self.times {
            println!("  {:>9.3} ms {size:>9} bytes  {name}", time.as_secs_f64() * 1e3);
        }
        for (ratio, peak, name) in &self.peaks {
            println!("  {:>8.1} % of its memory, {peak:>9} bytes  {name}", ratio * 100.0);
        }
        let few: Vec<_> = self.greedy.iter().take(20).collect();
        assert!(self.greedy.is_empty(), "{} inputs took too much memory: {few:#?}", self.greedy.len());
    }
}

/// Every fixture with something done to it, once for each byte.
fn maimed(mut each: impl FnMut(&[u8], &dyn Fn() -> String)) {
    for (name, whole) in fixtures::all() {
        for at in 0..whole.len() {
            each(&whole[..at], &|| format!("{name} cut at {at}"));
            let mut bytes = whole.clone();
            for byte in [0, 0xff, whole[at] ^ 0x80] {
                bytes[at] = byte;
                each(&bytes, &|| format!("{name} with {byte:#04x} at {at}"));
            }
            for (width, byte) in [(2, 0xff), (4, 0xff), (8, 0xff), (4, 0x7f)] {
                bytes.copy_from_slice(&whole);
                let end = whole.len().min(at + width);
                bytes[at..end].fill(byte);
                each(&bytes, &|| format!("{name} with {width} times {byte:#04x} at {at}"));
            }
        }
    }
}

#[test]
fn every_fixture_is_read() {
    let _alone = alone();
    for (name, bytes) in fixtures::all() {
        let found = invariants::hold(&bytes);
        assert!(!found.evidence.is_empty(), "{name} declares something: {found:?}");
        assert_eq!(found.warnings, [""; 0], "{name}");
    }
}

/// Truncated anywhere, a byte that is another, a length that is the largest or nothing.
#[test]
fn small_harm_anywhere_does_nothing() {
    let _alone = alone();
    let mut record = Record::default();
    maimed(|bytes, name| record.read(bytes, name));
    assert!(record.inputs > 50_000, "{}", record.inputs);
    record.end("small harm");
}

#[test]
fn monsters_do_nothing() {
    let _alone = alone();
    let mut record = Record::default();
    for (name, bytes) in monsters::all() {
        record.read(&bytes, || name.to_owned());
    }
    record.end("monsters");
}

#[test]
fn a_deep_look_at_a_monster_does_nothing() {
    let _alone = alone();
    for (_, bytes) in monsters::all().into_iter().filter(|(_, bytes)| bytes.starts_with(b"\x89PNG")) {
        invariants::hold(&bytes);
    }
}

/// In release code, by `make hostile`: the least of six tries counts.
#[test]
#[ignore = "a measurement: make hostile"]
fn small_inputs_take_less_than_ten_milliseconds() {
    let _alone = alone();
    let mut record = Record::default();
    maimed(|bytes, name| record.read(bytes, name));
    for (name, bytes) in monsters::all() {
        record.read(&bytes, || name.to_owned());
    }
    record.end("all of them");
    assert!(record.slow.is_empty(), "over 10 ms: {:#?}", record.slow);
}

/// `make seeds`: the fixtures as seeds of the fuzz targets, each behind the byte that says how it is taken.
#[test]
#[ignore = "writes files: make seeds"]
fn seeds_are_written() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        assert!(bytes.len() < 4096, "{name} has {} bytes", bytes.len());
        let folder = root.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    let raw = |bytes: &[u8]| [&[0][..], bytes].concat();
    for (name, bytes) in fixtures::all() {
        let target = match name.split('_').next().unwrap() {
            "png" => "png_meta",
            "jpeg" | "webp" | "tiff" | "gif" | "svg" => "jpeg_exif_xmp",
            _ => "isobmff_jumbf",
        };
        write(target, name, &raw(&bytes));
        write("image_probe", name, &bytes);
    }
    write("jpeg_exif_xmp", "exif", &[&[2][..], &fixtures::exif(true, false, fixtures::PARAMETERS.as_bytes())].concat());
    write("jpeg_exif_xmp", "packet", &[&[3][..], &fixtures::packet()].concat());
    write("isobmff_jumbf", "store", &[&[1][..], &fixtures::manifest()].concat());
    let action = write::map(&[("action", write::word("c2pa.created"))]);
    let actions = write::map(&[("actions", write::array(&[action]))]);
    write("isobmff_jumbf", "actions", &[&[2][..], &actions].concat());
    for (name, value) in [("parameters", fixtures::PARAMETERS), ("prompt", fixtures::COMFY), ("label", fixtures::LABEL)]
    {
        write("png_meta", name, &[&[1, 0][..], value.as_bytes()].concat());
    }
}
