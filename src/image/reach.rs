//! Bytes that can be reached wherever they are, so that whoever wants a header does not read the whole.
use std::borrow::Cow;

/// An image's bytes: in memory, or in a file of which only what is asked for is read.
pub trait Reach {
    /// How many there are.
    fn size(&self) -> u64;

    /// Fills this with the bytes from there on; `false`, and nothing is known of it, where they are not all there.
    fn fill(&self, at: u64, into: &mut [u8]) -> bool;

    /// Exactly so many bytes from there on; nothing where they are not all there.
    fn piece(&self, at: u64, length: usize) -> Option<Cow<'_, [u8]>>;
}

/// So many bytes from there on, as an array.
pub fn array<const N: usize>(reach: &dyn Reach, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    reach.fill(at, &mut bytes).then_some(bytes)
}

impl Reach for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn fill(&self, at: u64, into: &mut [u8]) -> bool {
        let found = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..into.len()));
        found.inspect(|found| into.copy_from_slice(found)).is_some()
    }

    fn piece(&self, at: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        let at = usize::try_from(at).ok()?;
        self.get(at..)?.get(..length).map(Cow::Borrowed)
    }
}
