//! Bytes that were made to do harm, and files that are read where they are.
use super::writers::{
    Item, TIFFS, boxed, chunk, deflated, extension, gif, gif_xmp, heic, jpeg, png, riff, segment, store, sub_blocks,
    webp,
};
use super::*;
use crate::image::FileReach;
use base64::Engine;
use std::borrow::Cow;

/// One file of each container, with everything in it that is looked for.
fn fixtures() -> Vec<Vec<u8>> {
    let tiff =
        TIFFS[0].exif(&[(0x0131, 2, b"a program\0")], &[(0x9286, 7, b"ASCII\0\0\0{\"AIGC\":{\"Label\":\"1\"}}")]);
    let (named, store) = ([b"Exif\0\0", &tiff[..]].concat(), store(b"a claim"));
    let packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>HasExtendedXMP='0123456789ABCDEF0123456789ABCDEF'</x:xmpmeta>";
    let digits = crate::encode::hex(&named);
    let profile = format!("Raw profile type exif\0\nexif\n{:8}\n{digits}\n", named.len());
    let exif_item = [&[0, 0, 0, 6][..], &named].concat();
    let items = [
        Item { kind: b"Exif", media: b"", method: 1, pieces: &[&exif_item] },
        Item { kind: b"mime", media: b"application/rdf+xml", method: 0, pieces: &[&packet[..9], &packet[9..]] },
    ];
    let own = [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];
    let manifest = boxed(b"uuid", &[&own[..], b"\0\0\0\0manifest\0", &[0; 8], &store].concat());
    let jumbf = |number: u8, body: &[u8]| {
        segment(0xeb, &[&[b'J', b'P', 0, 1, 0, 0, 0, number][..], &store[..8], body].concat())
    };
    let extended =
        [&b"http://ns.adobe.com/xmp/extension/\x000123456789ABCDEF0123456789ABCDEF\0\0\0\x04\0\0\0\0"[..], b"<e/>"];
    let drawing = format!(
        "<svg xmlns:c2pa='c'><metadata><c2pa:manifest>{}</c2pa:manifest><rdf:RDF>x</rdf:RDF></metadata></svg>",
        base64::engine::general_purpose::STANDARD.encode(&store)
    );
    let mut all = vec![
        png(&[
            chunk(b"tEXt", b"parameters\0a cat"),
            chunk(b"zTXt", &[&b"prompt\0\0"[..], &deflated(&[b'x'; 100])].concat()),
            chunk(b"iTXt", &[&b"XML:com.adobe.xmp\0\0\0\0\0"[..], packet].concat()),
            chunk(b"tEXt", profile.as_bytes()),
            chunk(b"eXIf", &tiff),
            chunk(b"caBX", &store),
            chunk(b"AIGC", b"{\"Label\":\"1\"}"),
        ]),
        jpeg(&[
            segment(0xe1, &named),
            segment(0xe1, &[&b"http://ns.adobe.com/xap/1.0/\0"[..], packet].concat()),
            segment(0xe1, &extended.concat()),
            jumbf(1, &store[8..41]),
            jumbf(2, &store[41..]),
            segment(0xe9, b"AIGC{\"Label\":\"1\"}"),
        ]),
        webp(&[riff(b"EXIF", &named), riff(b"XMP ", packet), riff(b"C2PA", &store)]),
        [heic(0, &items[1..]), manifest.clone()].concat(),
        [heic(1, &items), manifest.clone()].concat(),
        [heic(2, &items), manifest].concat(),
        gif(&[gif_xmp(packet), extension(b"C2PA_GIF\x01\0\0", &sub_blocks(&store))]),
        drawing.clone().into_bytes(),
        format!("\u{feff}{drawing}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ];
    all.extend(
        TIFFS.map(|tiff| tiff.pages(&[&[(0x131, 2, b"a program\0"), (700, 1, packet), (0xcd41, 7, &store)], &[]])),
    );
    all
}

/// A file with these bytes, for as long as it is held.
struct Written(std::path::PathBuf);

impl Written {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("aigclens-container-{name}-{}", std::process::id())))
    }

    #[allow(clippy::disallowed_methods, reason = "tests make the files they read")]
    fn look(&self, bytes: &[u8]) -> Provenance {
        std::fs::write(&self.0, bytes).unwrap();
        let reach = FileReach::open(&self.0).unwrap();
        let found = inspect(&reach);
        assert!(reach.problem().is_none());
        found
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_fixtures_are_found_to_be_full() {
    let counts: Vec<usize> = fixtures().iter().map(|fixture| list(fixture).len()).collect();
    assert_eq!(counts, [7, 5, 3, 2, 3, 3, 2, 2, 2, 3, 3, 3, 3]);
    for fixture in fixtures() {
        assert_eq!(walk(&fixture).1, [""; 0]);
    }
}

#[test]
fn a_file_tells_what_its_bytes_tell_wherever_it_ends() {
    let written = Written::new("same");
    for fixture in fixtures() {
        let distant = [&fixture[..], &vec![0; 200_000]].concat();
        for bytes in [&fixture[..], &distant, &fixture[..fixture.len() / 2], &fixture[..fixture.len() * 3 / 4]] {
            assert_eq!(written.look(bytes), inspect(&bytes));
        }
    }
    // What is wanted stands far behind the first look.
    let far = png(&[chunk(b"IDAT", &vec![1; 300_000]), chunk(b"tEXt", b"k\0v"), chunk(b"eXIf", &vec![b'M'; 90_000])]);
    assert_eq!(written.look(&far), inspect(&far.as_slice()));
}

#[test]
fn no_truncation_makes_it_panic_or_find_more() {
    for fixture in fixtures() {
        let whole = list(&fixture).len();
        for end in 0..fixture.len() {
            let found = inspect(&&fixture[..end]);
            assert!(found.evidence.len() <= 8);
            if found.format.is_some() {
                assert!(list(&fixture[..end]).len() <= whole, "{end}");
            }
        }
    }
}

#[test]
fn no_flip_makes_it_panic() {
    for fixture in fixtures() {
        let mut flipped = fixture.clone();
        for place in 0..fixture.len() {
            for bits in [0x01, 0x80, 0xff] {
                flipped[place] ^= bits;
                inspect(&flipped.as_slice());
                flipped[place] ^= bits;
            }
        }
    }
}

#[test]
fn no_length_at_its_maximum_makes_it_panic() {
    for fixture in fixtures() {
        for width in [2, 4, 8] {
            for place in 0..fixture.len().saturating_sub(width) {
                for byte in [0x7f, 0xff] {
                    let mut lying = fixture.clone();
                    lying[place..place + width].fill(byte);
                    inspect(&lying.as_slice());
                }
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_behind_a_beginning_make_it_panic(
        number in 0_usize..13,
        keep in 0_usize..400,
        tail in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
    ) {
        let fixture = &fixtures()[number];
        inspect(&[&fixture[..keep.min(fixture.len())], &tail].concat().as_slice());
    }
}

/// A beginning, and then the same bytes over and over for a hundred gigabytes, as in a file with a hole.
struct Endless {
    head: Vec<u8>,
    again: Vec<u8>,
    looks: std::cell::Cell<u64>,
}

impl Reach for Endless {
    fn size(&self) -> u64 {
        100 << 30
    }

    fn fill(&self, at: u64, into: &mut [u8]) -> bool {
        self.looks.set(self.looks.get() + 1);
        assert!(self.looks.get() < 600_000, "looks without an end");
        let head = self.head.len() as u64;
        for (at, byte) in (at..self.size()).zip(into.iter_mut()) {
            let index = |number: u64| usize::try_from(number).unwrap();
            let behind = || index((at - head) % self.again.len() as u64);
            let found = if at < head { self.head.get(index(at)) } else { self.again.get(behind()) };
            *byte = *found.unwrap();
        }
        at + into.len() as u64 <= self.size()
    }

    fn piece(&self, at: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        let mut bytes = vec![0; length];
        self.fill(at, &mut bytes).then_some(Cow::Owned(bytes))
    }
}

/// A file of any length is looked at in a bounded number of steps.
#[test]
fn what_has_no_end_is_not_followed_to_it() {
    let heads: [&[u8]; 8] = [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8",
        b"RIFF\0\0\0\0WEBP",
        b"RIFF\xff\xff\xff\xffWEBP",
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
        b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
        b"GIF89a\0\0\0\0\0\0\0",
        b"<svg xmlns='http://www.w3.org/2000/svg'><metadata>",
    ];
    let agains: [&[u8]; 9] = [
        b"\0",
        b"\xff",
        b"\0\0\0\0IDAT\0\0\0\0",
        b"ABCD\0\0\0\0",
        b"\0\0\0\x08free",
        b"\x21\xfe\0",
        b"\xff\xd0",
        b"<g/>",
        b"\0\0\0\0tEXt\0\0\0\0",
    ];
    for head in heads {
        for again in agains {
            let reach = Endless { head: head.to_vec(), again: again.to_vec(), looks: std::cell::Cell::default() };
            inspect(&reach);
        }
    }
}
