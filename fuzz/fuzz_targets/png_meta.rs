//! PNG: raw, or a text behind each known keyword, or chunks of every kind with right lengths and checksums, or pixels.
#![no_main]
use aigclens_fuzz::write::{XMP_KEY, chunk, deflate, itext, png, png_of, text, ztext};
use aigclens_fuzz::{hold, mode, pieces};
use libfuzzer_sys::fuzz_target;

const KEYS: [&str; 14] = [
    "parameters",
    "prompt",
    "workflow",
    "AIGC",
    "Comment",
    "Software",
    "Source",
    "Title",
    "Description",
    "Dream",
    "sd-metadata",
    "invokeai_metadata",
    "hf-job-id",
    "Author",
];

fn key(choice: u8) -> &'static str {
    KEYS[usize::from(choice) % KEYS.len()]
}

fn one(choice: u8, data: &[u8]) -> Vec<u8> {
    let key = key(choice / 9);
    match choice % 9 {
        0 => text(key, data),
        1 => ztext(key, &deflate(data)),
        2 => itext(key, false, data),
        3 => itext(key, true, &deflate(data)),
        4 => chunk(b"eXIf", data),
        5 => chunk(b"caBX", data),
        6 => chunk(b"iTXt", &[XMP_KEY, data].concat()),
        7 => ztext(key, data),
        _ => {
            let (kind, data) = data.split_at(data.len().min(4));
            chunk(kind, data)
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    match mode(bytes, 4) {
        Some((0, raw)) => hold(raw),
        Some((1, [choice, data @ ..])) => hold(&png(&one(*choice, data))),
        Some((2, rest)) => {
            let chunks: Vec<u8> = pieces(rest).into_iter().flat_map(|(choice, data)| one(choice, data)).collect();
            hold(&png(&chunks));
        }
        // Pixels: the side, then what is deflated.
        Some((3, [side, pixels @ ..])) => hold(&png_of(u32::from(*side), b"", &deflate(pixels))),
        _ => hold(bytes),
    }
});
