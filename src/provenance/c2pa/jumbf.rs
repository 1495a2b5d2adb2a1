//! JUMBF, the boxes of a manifest store (ISO/IEC 19566-5): walked where they lie. No length is believed beyond the end.
/// `jumb`, the box that holds others behind a description of itself.
pub(super) const SUPERBOX: [u8; 4] = *b"jumb";
const DESCRIPTION: [u8; 4] = *b"jumd";
/// What follows the four letters in the types that C2PA and ISO have given out.
const TYPE_ENDING: [u8; 12] = [0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71];
/// Bits of the description that say what it has.
const HAS_LABEL: u8 = 0b10;

/// One box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain<'a> {
    pub kind: [u8; 4],
    pub content: &'a [u8],
    /// Whether as much of it is there as it says.
    pub whole: bool,
}

/// The boxes that lie one after the other in these bytes. One that claims more than there is has what there is, and is
/// the last.
#[derive(Debug, Clone)]
pub(super) struct Boxes<'a>(pub &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = Plain<'a>;

    fn next(&mut self) -> Option<Plain<'a>> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (claimed, content) = match u32::from_be_bytes(*length) {
            // To the end of all.
            0 => (rest.len() as u64, rest),
            1 => {
                let (long, rest) = rest.split_first_chunk::<8>()?;
                (u64::from_be_bytes(*long).checked_sub(16)?, rest)
            }
            short => (u64::from(short).checked_sub(8)?, rest),
        };
        let length = usize::try_from(claimed).unwrap_or(usize::MAX);
        let (content, rest, whole) = match content.split_at_checked(length) {
            Some((content, rest)) => (content, rest, true),
            None => (content, &[][..], false),
        };
        self.0 = rest;
        Some(Plain { kind: *kind, content, whole })
    }
}

/// A superbox: what it is, by its description, and the boxes in it.
#[derive(Debug, Clone)]
pub(super) struct Superbox<'a> {
    kind: &'a [u8; 16],
    /// Empty where it has none.
    pub label: &'a str,
    pub inside: Boxes<'a>,
}

impl<'a> Superbox<'a> {
    /// Nothing for another box, or one that does not begin with a description.
    pub(super) fn of(plain: Plain<'a>) -> Option<Self> {
        let mut inside = Boxes(plain.content);
        let description = inside.next().filter(|first| plain.kind == SUPERBOX && first.kind == DESCRIPTION)?;
        let (kind, rest) = description.content.split_first_chunk::<16>()?;
        let (toggles, rest) = rest.split_first()?;
        // What follows the label (an id, a hash, a private box) says nothing that is wanted here.
        let label = if toggles & HAS_LABEL == 0 { &[][..] } else { rest.split(|byte| *byte == 0).next()? };
        Some(Self { kind, label: std::str::from_utf8(label).ok()?, inside })
    }

    /// Whether it is of the type with these four letters.
    pub(super) fn is(&self, letters: [u8; 4]) -> bool {
        self.kind.starts_with(&letters) && self.kind.ends_with(&TYPE_ENDING)
    }
}
