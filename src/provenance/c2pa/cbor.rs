//! CBOR (RFC 8949), read where it lies: nothing is built of it, and nothing calls itself.
//!
//! A [`Node`] is the place of one item. Going through its children passes over each of them without an allocation; a
//! question a level costs one pass more over the bytes, and the questions that are asked are few.
use std::borrow::Cow;

/// Nesting beyond this is no manifest that a program wrote: what is deeper is not passed over.
const DEEPEST: usize = 64;
/// The longest text, in bytes, that is put together of pieces.
const LONGEST: usize = 64 * 1024;

/// One item and all that is behind it: where it ends is seen when it is walked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a>(&'a [u8]);

/// The beginning of an item: its major type, and its argument where it has one (none: of indefinite length).
#[derive(Debug, Clone, Copy)]
struct Head {
    major: u8,
    argument: Option<u64>,
}

const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
const FALSE: u64 = 20;
const TRUE: u64 = 21;

fn head(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let major = first >> 5;
    let (argument, rest) = match first & 0x1f {
        small @ 0..=23 => (Some(u64::from(small)), rest),
        24 => rest.split_first().map(|(value, rest)| (Some(u64::from(*value)), rest))?,
        25 => rest.split_first_chunk().map(|(value, rest)| (Some(u64::from(u16::from_be_bytes(*value))), rest))?,
        26 => rest.split_first_chunk().map(|(value, rest)| (Some(u64::from(u32::from_be_bytes(*value))), rest))?,
        27 => rest.split_first_chunk().map(|(value, rest)| (Some(u64::from_be_bytes(*value)), rest))?,
        31 if matches!(major, BYTES..=MAP | SIMPLE) => (None, rest),
        _ => return None,
    };
    Some((Head { major, argument }, rest))
}

impl Head {
    /// What ends an item of indefinite length.
    const fn is_break(self) -> bool {
        self.major == SIMPLE && self.argument.is_none()
    }

    /// How many items are in it: nothing for one of indefinite length.
    const fn children(self) -> Option<u64> {
        match (self.major, self.argument) {
            (MAP, Some(pairs)) => Some(pairs.saturating_mul(2)),
            (ARRAY, Some(items)) => Some(items),
            (TAG, _) => Some(1),
            (_, Some(_)) => Some(0),
            (_, None) => None,
        }
    }
}

/// What is behind the first item of these bytes; nothing where it does not end there, or is nested too deeply.
fn behind(mut bytes: &[u8]) -> Option<&[u8]> {
    // For each open item how many are still to come in it, and nothing where a break will tell.
    let mut open = [Some(0_u64); DEEPEST];
    let mut depth = 0_usize;
    *open.first_mut()? = Some(1);
    loop {
        // Items that are complete are closed.
        while *open.get(depth)? == Some(0) {
            match depth.checked_sub(1) {
                None => return Some(bytes),
                Some(outer) => depth = outer,
            }
        }
        let (head, rest) = head(bytes)?;
        bytes = rest;
        if head.is_break() {
            // Only what has no length may end so.
            let ended = open.get_mut(depth)?;
            if ended.is_some() {
                return None;
            }
            *ended = Some(0);
            continue;
        }
        if let (BYTES | TEXT, Some(length)) = (head.major, head.argument) {
            bytes = bytes.get(usize::try_from(length).ok()?..)?;
        }
        if let Some(Some(left)) = open.get_mut(depth) {
            *left = left.saturating_sub(1);
        }
        match head.children() {
            Some(0) => {}
            children => {
                depth += 1;
                *open.get_mut(depth)? = children;
            }
        }
    }
}

impl<'a> Node<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The beginning of the item, its tags passed over.
    fn head(self) -> Option<(Head, &'a [u8])> {
        let mut bytes = self.0;
        loop {
            let (found, rest) = head(bytes)?;
            if found.major != TAG {
                return Some((found, rest));
            }
            bytes = rest;
        }
    }

    /// A text; one in pieces is put together.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        let (head, mut rest) = self.head().filter(|(head, _)| head.major == TEXT)?;
        if let Some(length) = head.argument {
            return std::str::from_utf8(rest.get(..usize::try_from(length).ok()?)?).ok().map(Cow::Borrowed);
        }
        let mut whole = String::new();
        loop {
            let (piece, behind) = self::head(rest)?;
            if piece.is_break() {
                return Some(Cow::Owned(whole));
            }
            let length =
                piece.argument.filter(|_| piece.major == TEXT).and_then(|length| usize::try_from(length).ok())?;
            let (text, behind) = behind.split_at_checked(length)?;
            if whole.len().saturating_add(length) > LONGEST {
                return None;
            }
            whole.push_str(std::str::from_utf8(text).ok()?);
            rest = behind;
        }
    }

    pub(super) fn boolean(self) -> Option<bool> {
        match self.head()?.0 {
            Head { major: SIMPLE, argument: Some(FALSE) } => Some(false),
            Head { major: SIMPLE, argument: Some(TRUE) } => Some(true),
            _ => None,
        }
    }

    /// A number from nought on.
    pub(super) fn number(self) -> Option<u64> {
        self.head().filter(|(head, _)| head.major == 0)?.0.argument
    }

    pub(super) fn is_map(self) -> bool {
        self.head().is_some_and(|(head, _)| head.major == MAP)
    }

    /// The items of an array; none of anything else.
    pub(super) fn items(self) -> Items<'a> {
        Items::of(self, ARRAY)
    }

    /// The pairs of a map; none of anything else.
    pub(super) fn entries(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> {
        let mut items = Items::of(self, MAP);
        std::iter::from_fn(move || Some((items.next()?, items.next()?)))
    }

    /// The value of a key, in a map.
    pub(super) fn get(self, key: &str) -> Option<Self> {
        let [value] = self.pick([key]);
        value
    }

    /// The values of some keys of a map, in one pass. Of a key that comes twice the first counts.
    pub(super) fn pick<const N: usize>(self, keys: [&str; N]) -> [Option<Self>; N] {
        let mut found = [None; N];
        for (name, value) in self.entries() {
            let Some(name) = name.text() else {
                continue;
            };
            let wanted = keys.iter().zip(&mut found).find(|(key, found)| **key == name && found.is_none());
            if let Some((_, place)) = wanted {
                *place = Some(value);
            }
            if found.iter().all(Option::is_some) {
                break;
            }
        }
        found
    }
}

/// The children of an item. One that is cut off is the last.
#[derive(Debug)]
pub(super) struct Items<'a> {
    left: Option<u64>,
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    fn of(node: Node<'a>, major: u8) -> Self {
        match node.head() {
            Some((head, rest)) if head.major == major => Self { left: head.children(), rest },
            _ => Self { left: Some(0), rest: &[] },
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        let item = self.rest;
        if self.left == Some(0) || head(item)?.0.is_break() {
            self.left = Some(0);
            return None;
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.rest = behind(item).unwrap_or_default();
        Some(Node(item))
    }
}
