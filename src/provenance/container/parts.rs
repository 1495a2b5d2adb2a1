//! What a walk has found so far, and how much more of it may be looked at.
use super::super::Provenance;
use super::super::part::{Content, Part};
use super::{inflate, jumbf};
use crate::image::{Reach, array};
use std::borrow::Cow;

/// The most parts of one file.
const MOST: usize = 256;
/// The longest text, XMP packet or EXIF block: real ones have some thousand bytes.
const LONGEST: u64 = 1024 * 1024;
/// The most of these in one file, together.
const TEXTS: u64 = 2 * LONGEST;
/// The most of C2PA manifest stores: they may hold thumbnails.
const STORES: u64 = 32 * 1024 * 1024;
/// What compressed text may come to in a file, however small it is: with the tables of the decoder less than 64 KiB.
const SMALLEST: u64 = 12 * 1024;

pub(super) struct Parts<'a> {
    pub reach: &'a dyn Reach,
    found: Vec<Part<'a>>,
    /// How many bytes of each may still be looked at. Nothing can be more than the file, whatever its parts claim, and
    /// however many of them lie upon each other.
    texts: u64,
    inflated: u64,
    stores: u64,
    is_too_large: bool,
    is_truncated: bool,
}

impl<'a> Parts<'a> {
    pub(super) fn new(reach: &'a dyn Reach) -> Self {
        let size = reach.size();
        Self {
            reach,
            found: Vec::new(),
            texts: size.min(TEXTS),
            inflated: size.saturating_mul(4).clamp(SMALLEST, TEXTS),
            stores: size.min(STORES),
            is_too_large: false,
            is_truncated: false,
        }
    }

    pub(super) fn finish(self, found: &mut Provenance) -> Vec<Part<'a>> {
        if self.is_too_large {
            found.warn("metadata_too_large");
        }
        if self.is_truncated {
            found.warn("truncated");
        }
        self.found
    }

    /// Whether there is no room for another part, so that a walk may end.
    pub(super) fn is_full(&mut self) -> bool {
        self.is_too_large |= self.found.len() >= MOST;
        self.found.len() >= MOST
    }

    pub(super) fn push(&mut self, name: &'static str, at: u64, content: Content<'a>) {
        if !self.is_full() {
            self.found.push(Part { name, at, content });
        }
    }

    /// The file ends inside of something.
    pub(super) fn truncated(&mut self) {
        self.is_truncated = true;
    }

    /// The file goes on for longer than it is looked at.
    pub(super) fn too_large(&mut self) {
        self.is_too_large = true;
    }

    /// Room for so much text, if there is any left.
    pub(super) fn take(&mut self, length: u64) -> Option<usize> {
        if length > LONGEST.min(self.texts) {
            self.is_too_large = true;
            return None;
        }
        self.texts -= length;
        usize::try_from(length).ok()
    }

    /// Text, XMP or EXIF that stands in the file.
    pub(super) fn text(&mut self, at: u64, length: u64) -> Option<Cow<'a, [u8]>> {
        let length = self.take(length)?;
        self.reach.piece(at, length)
    }

    /// What was compressed as zlib does it. A stream that is broken, or longer than is looked at, gives nothing.
    pub(super) fn inflate(&mut self, stream: &[u8]) -> Option<Vec<u8>> {
        let most = usize::try_from(self.inflated.min(LONGEST)).ok()?;
        let Ok(text) = inflate::text(stream, most) else {
            // What it took to find that out is not free either.
            self.inflated /= 2;
            self.is_too_large = true;
            return None;
        };
        let length = text.as_ref().map_or(0, |text| text.len() as u64);
        self.inflated -= length.min(self.inflated);
        text
    }

    pub(super) fn xmp(&mut self, name: &'static str, at: u64, length: u64) {
        if let Some(packet) = self.text(at, length) {
            self.push(name, at, Content::Xmp(packet));
        }
    }

    /// An EXIF block, with or without the name that JPEG has before it. The beginning of a very long one is enough: its
    /// fields come before the thumbnail and the maker's own data.
    pub(super) fn exif(&mut self, name: &'static str, at: u64, length: u64) {
        let head = array::<6>(self.reach, at).filter(|_| length >= 6);
        let skip = if head.is_some_and(|head| head.starts_with(b"Exif\0")) { 6 } else { 0 };
        let room = LONGEST.min(self.texts);
        let length = length - skip;
        self.is_too_large |= length > room;
        if let Some(tiff) = self.text(at + skip, length.min(room)) {
            self.push(name, at + skip, Content::Exif(tiff));
        }
    }

    /// A C2PA manifest store, if the box that begins here is one. Its own length counts, up to the end of what holds it.
    pub(super) fn store(&mut self, name: &'static str, at: u64, length: u64) {
        let Some(size) = jumbf::store(self.reach, at, length) else { return };
        self.is_truncated |= size > length;
        let Some(size) = self.take_store(size.min(length)) else { return };
        if let Some(store) = self.reach.piece(at, size) {
            self.push(name, at, Content::C2pa(store));
        }
    }

    /// Room for so much of manifest stores, if there is any left.
    pub(super) fn take_store(&mut self, length: u64) -> Option<usize> {
        if length > self.stores {
            self.is_too_large = true;
            return None;
        }
        self.stores -= length;
        usize::try_from(length).ok()
    }

    /// A manifest store that was put together from its pieces.
    pub(super) fn gathered(&mut self, name: &'static str, at: u64, store: Vec<u8>) {
        let whole = store.as_slice();
        let Some(size) = jumbf::store(&whole, 0, whole.len() as u64) else { return };
        self.is_truncated |= size > whole.len() as u64;
        self.push(name, at, Content::C2pa(Cow::Owned(store)));
    }
}
