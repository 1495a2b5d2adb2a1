//! XMP: a real XML reader that knows namespaces, not entities; a document type is skipped, never acted on.
use super::{Provenance, aigc_label, source_type};
use crate::evidence::{Evidence, EvidenceSource};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, QName, ResolveResult};
use quick_xml::reader::NsReader;
use std::borrow::Cow;

const IPTC: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const TC260: &str = "http://www.tc260.org.cn/ns/AIGC/1.0/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
/// Nesting beyond this is no metadata that a program wrote.
const DEEPEST: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    DigitalSourceType,
    AigcLabel,
    /// `rdf:resource`, which holds the value of the element it stands in.
    Resource,
}

fn property(namespace: &ResolveResult<'_>, local: &str) -> Option<Property> {
    let ResolveResult::Bound(Namespace(namespace)) = namespace else {
        return None;
    };
    match (*namespace, local) {
        (IPTC, "DigitalSourceType" | "DigitalSourcetype") => Some(Property::DigitalSourceType),
        (TC260, "AIGC") => Some(Property::AigcLabel),
        (RDF, "resource") => Some(Property::Resource),
        _ => None,
    }
}

/// The declarations of an XMP packet. What comes before a fault in the XML still counts.
pub(super) fn read(packet: &[u8], place: &str, found: &mut Provenance) {
    for evidence in declarations(&String::from_utf8_lossy(packet)) {
        found.declare(evidence.at(place));
    }
}

fn declarations(packet: &str) -> Vec<Evidence> {
    let mut reader = NsReader::from_str(packet);
    let mut found = Vec::new();
    // The property that is open, with the depth of its element and the text so far.
    let mut open: Option<(Property, usize, String)> = None;
    let mut depth = 0_usize;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth > DEEPEST {
                    break;
                }
                let of_element = element(&reader, start.name());
                attributes(&reader, &start, of_element, &mut found);
                if let (None, Some(property)) = (&open, of_element) {
                    open = Some((property, depth, String::new()));
                }
            }
            Event::Empty(start) => attributes(&reader, &start, element(&reader, start.name()), &mut found),
            Event::End(_) => {
                if let Some((property, _, text)) = open.take_if(|(_, level, _)| *level == depth) {
                    found.extend(judge(property, text.trim()));
                }
                depth = depth.saturating_sub(1);
            }
            Event::Text(text) => push(&mut open, &text.xml10_content()),
            Event::CData(text) => push(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => push(&mut open, character.encode_utf8(&mut [0; 4])),
                // The five that XML itself knows; a document's own entities are left out.
                _ => push(&mut open, quick_xml::escape::resolve_xml_entity(reference.as_ref()).unwrap_or_default()),
            },
            Event::Eof => break,
            _ => {}
        }
    }
    found
}

fn push(open: &mut Option<(Property, usize, String)>, text: &str) {
    if let Some((_, _, value)) = open {
        value.push_str(text);
    }
}

fn element(reader: &NsReader<&[u8]>, name: QName<'_>) -> Option<Property> {
    let (namespace, local) = reader.resolver().resolve_element(name);
    property(&namespace, local.as_ref())
}

fn attributes(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
    of_element: Option<Property>,
    found: &mut Vec<Evidence>,
) {
    for attribute in start.attributes().flatten() {
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        let named = match property(&namespace, local.as_ref()) {
            Some(Property::Resource) => of_element,
            named => named,
        };
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or(Cow::Borrowed(""));
        found.extend(named.and_then(|named| judge(named, value.trim())));
    }
}

fn judge(property: Property, value: &str) -> Option<Evidence> {
    match property {
        Property::DigitalSourceType => source_type::declared(value, EvidenceSource::Iptc),
        Property::AigcLabel => aigc_label::read(value),
        Property::Resource => None,
    }
}
