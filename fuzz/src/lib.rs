//! What the targets share: the writers and the invariants of `tests/hostile/`, and how an input is taken apart.
#[path = "../../tests/hostile/invariants.rs"]
pub mod invariants;
#[path = "../../tests/hostile/write.rs"]
pub mod write;

use aigclens::image::Reach;
use std::borrow::Cow;

/// Bytes that are copied wherever they are asked for, as those of a file are.
struct Copied<'a>(&'a [u8]);

impl Reach for Copied<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn fill(&self, at: u64, into: &mut [u8]) -> bool {
        self.0.fill(at, into)
    }

    fn piece(&self, at: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        self.0.piece(at, length).map(|piece| Cow::Owned(piece.into_owned()))
    }
}

/// Reads it in every way that there is: all say the same, and hold the invariants.
pub fn hold(bytes: &[u8]) {
    let found = invariants::hold(bytes);
    assert_eq!(aigclens::provenance::inspect(&Copied(bytes)), found, "a file is read differently");
    // What is kept is a part of what was there: names and values of at most the file, counted in every place they are in.
    let kept: usize = found.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(kept <= bytes.len() * 8 + 64 * 1024, "{kept} bytes of metadata from {}", bytes.len());
}

/// The first byte says how the rest is taken.
pub fn mode(bytes: &[u8], modes: u8) -> Option<(u8, &[u8])> {
    bytes.split_first().map(|(first, rest)| (first % modes, rest))
}

/// Cuts an input into pieces: a byte that chooses, a length of a byte (or, from 200 on, 64 times as much), and so many
/// bytes; the last piece takes what is left.
pub fn pieces(mut rest: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let [choice, length, after @ ..] = rest {
        let length = usize::from(*length);
        let length = if length < 200 { length } else { (length - 199) * 64 };
        let (piece, behind) = after.split_at(length.min(after.len()));
        found.push((*choice, piece));
        rest = behind;
    }
    found
}
