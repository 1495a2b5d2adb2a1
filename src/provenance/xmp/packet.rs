//! An XMP packet as properties and their values: a real XML reader that knows namespaces, not entities; a document type is
//! skipped, never acted on. What a packet may cost is bounded.
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, QName, ResolveResult};
use quick_xml::reader::NsReader;
use std::borrow::Cow;

const IPTC: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const TC260: &str = "http://www.tc260.org.cn/ns/AIGC/1.0/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const MEDIA: &str = "http://ns.adobe.com/xap/1.0/mm/";
const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
const TERMS: &str = "http://purl.org/dc/terms/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
/// Nesting beyond this is no metadata that a program wrote.
const DEEPEST: usize = 64;
/// The most declarations of namespaces, and of names that are looked up in them: the product bounds the time.
const NAMESPACES: usize = 2048;
const LOOKUPS: usize = 2048;
/// The most items of a list.
const ITEMS: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    DigitalSourceType,
    SystemUsed,
    SystemVersionUsed,
    PromptInformation,
    PromptWriterName,
    AigcLabel,
    Credit,
    CreatorTool,
    UserComment,
    Provenance,
    /// `rdf:resource`, which holds the value of the element it stands in.
    Resource,
    /// `rdf:li`, one of several values.
    Item,
    /// What is inside of it speaks of another image: one that this one was made from.
    OfAnother,
}

/// Whether a name is worth looking up: most are not.
fn is_wanted(local: &str) -> bool {
    matches!(
        local,
        "DigitalSourceType"
            | "DigitalSourcetype"
            | "AISystemUsed"
            | "AISystemVersionUsed"
            | "AIPromptInformation"
            | "AIPromptWriterName"
            | "AIGC"
            | "Credit"
            | "CreatorTool"
            | "UserComment"
            | "provenance"
            | "resource"
            | "li"
            | "Pantry"
            | "Ingredients"
            | "DerivedFrom"
            | "History"
    )
}

fn property(namespace: &ResolveResult<'_>, local: &str) -> Option<Property> {
    let ResolveResult::Bound(Namespace(namespace)) = namespace else {
        return None;
    };
    match (*namespace, local) {
        (IPTC, "DigitalSourceType" | "DigitalSourcetype") => Some(Property::DigitalSourceType),
        (IPTC, "AISystemUsed") => Some(Property::SystemUsed),
        (IPTC, "AISystemVersionUsed") => Some(Property::SystemVersionUsed),
        (IPTC, "AIPromptInformation") => Some(Property::PromptInformation),
        (IPTC, "AIPromptWriterName") => Some(Property::PromptWriterName),
        (TC260, "AIGC") => Some(Property::AigcLabel),
        (PHOTOSHOP, "Credit") => Some(Property::Credit),
        (XMP, "CreatorTool") => Some(Property::CreatorTool),
        (EXIF, "UserComment") => Some(Property::UserComment),
        (TERMS, "provenance") => Some(Property::Provenance),
        (RDF, "resource") => Some(Property::Resource),
        (RDF, "li") => Some(Property::Item),
        (MEDIA, "Pantry" | "Ingredients" | "DerivedFrom" | "History") => Some(Property::OfAnother),
        _ => None,
    }
}

/// The packet is no XML from here on, or it would take more time or memory than it may.
struct Stop;

/// A property that is open: its values are its items, or else its text.
struct Open {
    property: Property,
    depth: usize,
    text: String,
    items: Vec<String>,
}

struct Packet<'a, 'f> {
    reader: NsReader<&'a [u8]>,
    open: Option<Open>,
    /// The depth of the element that speaks of another image.
    other: Option<usize>,
    depth: usize,
    namespaces: usize,
    lookups: usize,
    each: &'f mut dyn FnMut(Property, &str),
}

/// Calls this for each value of each property that is known, in the order of the packet. `false` where the packet could not
/// be read to its end; what came before counts.
pub(super) fn properties(packet: &str, each: &mut dyn FnMut(Property, &str)) -> bool {
    let reader = NsReader::from_str(packet);
    let mut said = |property, value: &str| {
        if !value.is_empty() {
            each(property, value);
        }
    };
    let each = &mut said;
    let mut packet = Packet { reader, open: None, other: None, depth: 0, namespaces: 0, lookups: 0, each };
    packet.read().is_ok()
}

impl Packet<'_, '_> {
    /// To the end of the root element, or to where it cannot go on.
    fn read(&mut self) -> Result<(), Stop> {
        loop {
            match self.reader.read_event().map_err(|_| Stop)? {
                Event::Start(start) => {
                    self.depth += 1;
                    let property = self.element(&start)?;
                    self.begin(property);
                }
                Event::Empty(start) => {
                    self.depth += 1;
                    let property = self.element(&start)?;
                    self.begin(property);
                    self.end();
                    if self.depth == 0 {
                        return Ok(());
                    }
                }
                Event::End(_) => {
                    self.end();
                    if self.depth == 0 {
                        return Ok(());
                    }
                }
                Event::Text(text) => self.push(&text.xml10_content()),
                Event::CData(text) => self.push(&text.xml10_content()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => self.push(character.encode_utf8(&mut [0; 4])),
                    // The five that XML itself knows; a document's own entities are left out.
                    _ => self.push(resolve_xml_entity(reference.as_ref()).unwrap_or_default()),
                },
                Event::Eof => return Err(Stop),
                _ => {}
            }
        }
    }

    /// What the element is, after its attributes were looked at.
    fn element(&mut self, start: &BytesStart<'_>) -> Result<Option<Property>, Stop> {
        if self.depth > DEEPEST {
            return Err(Stop);
        }
        let property = self.lookup(start.name(), false)?;
        let mut resource = None;
        // Whether an attribute stands there twice is not asked: that takes time by the square of their number.
        for attribute in start.attributes().with_checks(false).flatten() {
            if attribute.key.as_namespace_binding().is_some() {
                self.namespaces += 1;
                if self.namespaces > NAMESPACES {
                    return Err(Stop);
                }
                continue;
            }
            let Some(named) = self.lookup(attribute.key, true)? else { continue };
            let value =
                || attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or(Cow::Borrowed(&attribute.value));
            match named {
                Property::Resource => resource = Some(value().trim().to_owned()),
                Property::Item | Property::OfAnother => {}
                named if self.open.is_none() && self.other.is_none() => (self.each)(named, value().trim()),
                _ => {}
            }
        }
        if let Some(value) = resource {
            match (&mut self.open, property) {
                (Some(open), _) if open.items.len() < ITEMS => open.items.push(value),
                (None, Some(property)) if self.other.is_none() && stands_alone(property) => {
                    (self.each)(property, &value);
                }
                _ => {}
            }
        }
        Ok(property)
    }

    fn lookup(&mut self, name: QName<'_>, is_attribute: bool) -> Result<Option<Property>, Stop> {
        let local = name.local_name();
        let local = local.as_ref();
        if !is_wanted(local) || (local == "li" && self.open.is_none()) {
            return Ok(None);
        }
        self.lookups += 1;
        if self.lookups > LOOKUPS {
            return Err(Stop);
        }
        let resolver = self.reader.resolver();
        let (namespace, local) =
            if is_attribute { resolver.resolve_attribute(name) } else { resolver.resolve_element(name) };
        Ok(property(&namespace, local.as_ref()))
    }

    fn begin(&mut self, property: Option<Property>) {
        match property {
            Some(Property::OfAnother) => self.other = self.other.or(Some(self.depth)),
            Some(Property::Item) => {
                // What stood between the items is no value.
                if let Some(open) = &mut self.open {
                    open.text.clear();
                }
            }
            Some(property) if self.open.is_none() && self.other.is_none() && stands_alone(property) => {
                self.open = Some(Open { property, depth: self.depth, text: String::new(), items: Vec::new() });
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        if let Some(open) = self.open.take_if(|open| open.depth == self.depth) {
            let items = open.items.iter().map(String::as_str).chain(open.items.is_empty().then_some(open.text.trim()));
            items.for_each(|value| (self.each)(open.property, value));
        } else if let Some(open) = &mut self.open {
            // The end of an item, or of what is inside of one.
            let text = std::mem::take(&mut open.text);
            let value = text.trim();
            if !value.is_empty() && open.items.len() < ITEMS {
                open.items.push(value.to_owned());
            }
        }
        self.other.take_if(|depth| *depth == self.depth);
        self.depth = self.depth.saturating_sub(1);
    }

    fn push(&mut self, text: &str) {
        if let Some(open) = &mut self.open {
            open.text.push_str(text);
        }
    }
}

const fn stands_alone(property: Property) -> bool {
    !matches!(property, Property::Resource | Property::Item | Property::OfAnother)
}

/// A packet as text: UTF-8, or UTF-16 and UTF-32 of either order, by its mark or by its first character, `<`.
pub(super) fn decoded(packet: &[u8]) -> Cow<'_, str> {
    let wide = |skip: usize, size: usize, big: bool| {
        let units = packet.get(skip..).unwrap_or_default().chunks_exact(size).map(|unit| {
            let fold = |value: u32, byte: &u8| (value << 8) | u32::from(*byte);
            if big { unit.iter().fold(0, fold) } else { unit.iter().rev().fold(0, fold) }
        });
        if size == 4 {
            return Cow::Owned(units.map(|unit| char::from_u32(unit).unwrap_or('\u{fffd}')).collect());
        }
        let units = units.map(|unit| u16::try_from(unit).unwrap_or_default());
        Cow::Owned(char::decode_utf16(units).map(|one| one.unwrap_or('\u{fffd}')).collect())
    };
    match packet {
        [0xff, 0xfe, 0, 0, ..] => wide(4, 4, false),
        [0, 0, 0xfe, 0xff, ..] => wide(4, 4, true),
        [b'<', 0, 0, 0, ..] => wide(0, 4, false),
        [0, 0, 0, b'<', ..] => wide(0, 4, true),
        [0xff, 0xfe, ..] => wide(2, 2, false),
        [0xfe, 0xff, ..] => wide(2, 2, true),
        [b'<', 0, ..] => wide(0, 2, false),
        [0, b'<', ..] => wide(0, 2, true),
        _ => String::from_utf8_lossy(packet.strip_prefix(b"\xef\xbb\xbf").unwrap_or(packet)),
    }
}
