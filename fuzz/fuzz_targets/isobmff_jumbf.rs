//! ISO base media (HEIC, AVIF), C2PA's boxes and their CBOR: raw, or a store in a PNG, or an assertion in a store that is
//! right, or items and boxes in an image that is.
#![no_main]
use aigclens_fuzz::write::{a_box, app11, chunk, isobmff, jpeg, png, store, superbox, uuid_c2pa};
use aigclens_fuzz::{hold, mode, pieces};
use libfuzzer_sys::fuzz_target;

const LABELS: [&str; 8] = [
    "c2pa.actions",
    "c2pa.actions.v2",
    "c2pa.ingredient",
    "c2pa.ingredient.v3",
    "c2pa.ai_generated_content",
    "c2pa.soft-binding",
    "stds.schema-org.CreativeWork",
    "c2pa.hash.data",
];
const KINDS: [&[u8; 4]; 6] = [b"jumb", b"jumd", b"cbor", b"json", b"uuid", b"bfdb"];

fn label(choice: u8) -> &'static str {
    LABELS[usize::from(choice) % LABELS.len()]
}

fn in_png(store: &[u8]) -> Vec<u8> {
    png(&chunk(b"caBX", store))
}

fuzz_target!(|bytes: &[u8]| {
    match mode(bytes, 7) {
        Some((0, raw)) => hold(raw),
        Some((1, data)) => hold(&in_png(data)),
        Some((2, [choice, content @ ..])) => hold(&in_png(&store(&[(label(*choice), content)]))),
        Some((3, rest)) => {
            let assertions: Vec<_> = pieces(rest).into_iter().map(|(choice, data)| (label(choice), data)).collect();
            hold(&jpeg(&app11(1, &store(&assertions), 60_000)));
        }
        // Boxes that are right on the outside, in a manifest that is.
        Some((4, rest)) => {
            let boxes: Vec<u8> = pieces(rest)
                .into_iter()
                .flat_map(|(choice, data)| match choice % 2 {
                    0 => a_box(KINDS[usize::from(choice / 2) % KINDS.len()], data),
                    _ => superbox(b"c2ma", label(choice / 2), data),
                })
                .collect();
            hold(&in_png(&superbox(b"c2pa", "c2pa", &superbox(b"c2ma", "urn:c2pa:1", &boxes))));
        }
        Some((5, rest)) => {
            let items: Vec<(&[u8; 4], &[u8], &[u8])> = pieces(rest)
                .into_iter()
                .map(|(choice, data)| match choice % 3 {
                    0 => (b"Exif", &b""[..], data),
                    1 => (b"mime", &b"application/rdf+xml\0"[..], data),
                    _ => (b"hvc1", &b""[..], data),
                })
                .collect();
            hold(&isobmff(b"heic", &items, b""));
        }
        Some((6, data)) => hold(&isobmff(b"avif", &[], &uuid_c2pa(data))),
        _ => hold(bytes),
    }
});
