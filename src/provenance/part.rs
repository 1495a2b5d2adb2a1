//! A piece of an image file that may hold a declaration.
use std::borrow::Cow;

/// Metadata, and where it stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// The container and its part, such as `png:tEXt`.
    pub name: &'static str,
    /// Where the part's content begins in the file, in bytes.
    pub at: u64,
    pub content: Content<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// An XMP packet.
    Xmp(Cow<'a, [u8]>),
    /// A key and its value, of a PNG text chunk.
    Text { key: Cow<'a, str>, value: Cow<'a, str> },
    /// What follows `AIGC` in a segment or chunk of its own.
    Label(Cow<'a, str>),
    /// A TIFF structure with EXIF fields, from its byte order on.
    Exif(Cow<'a, [u8]>),
    /// The same, where it is the file itself.
    Tiff,
    /// A C2PA manifest store: one JUMBF superbox.
    C2pa(Cow<'a, [u8]>),
}

impl Part<'_> {
    /// For [`crate::evidence::Evidence::place`].
    pub(super) fn place(&self) -> String {
        format!("{}@{}", self.name, self.at)
    }
}
