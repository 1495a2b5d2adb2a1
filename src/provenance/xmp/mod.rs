//! XMP: the fields that say how an image was made.
mod packet;

use super::{Provenance, aigc_label, generator, source_type};
use crate::evidence::{Evidence, EvidenceKind, EvidenceSource, Strength};
use packet::{Property, decoded, properties};

impl Property {
    /// The name in [`Provenance::metadata`], and the name by the usual prefix, for the place.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::DigitalSourceType => ("xmp:DigitalSourceType", "Iptc4xmpExt:DigitalSourceType"),
            Self::SystemUsed => ("xmp:AISystemUsed", "Iptc4xmpExt:AISystemUsed"),
            Self::SystemVersionUsed => ("xmp:AISystemVersionUsed", "Iptc4xmpExt:AISystemVersionUsed"),
            Self::PromptInformation => ("xmp:AIPromptInformation", "Iptc4xmpExt:AIPromptInformation"),
            Self::PromptWriterName => ("xmp:AIPromptWriterName", "Iptc4xmpExt:AIPromptWriterName"),
            Self::AigcLabel => ("xmp:AIGC", "TC260:AIGC"),
            Self::Credit => ("xmp:Credit", "photoshop:Credit"),
            Self::CreatorTool => ("xmp:CreatorTool", "xmp:CreatorTool"),
            Self::UserComment => ("xmp:UserComment", "exif:UserComment"),
            Self::Provenance => ("xmp:provenance", "dcterms:provenance"),
            Self::Resource | Self::Item | Self::OfAnother => ("", ""),
        }
    }
}

/// The declarations of an XMP packet. What comes before a fault in the XML still counts.
pub(super) fn read(packet: &[u8], place: &str, found: &mut Provenance) {
    let packet = decoded(packet);
    let at = |property: Property| format!("{place}/{}", property.names().1);
    // The fields of the AI systems, and where the source type went that they belong to.
    let mut systems: Vec<(Property, String)> = Vec::new();
    let mut declared: Option<Evidence> = None;
    let mut rest: Vec<Evidence> = Vec::new();
    let whole = properties(&packet, &mut |property, value| {
        if property != Property::UserComment {
            found.note(property.names().0, value);
        }
        let evidence = match property {
            Property::DigitalSourceType => {
                let evidence = source_type::declared(value, EvidenceSource::Iptc)
                    .map(|evidence| evidence.with("DigitalSourceType", value.trim()).at(at(property)));
                let first = declared.is_none();
                if first { std::mem::replace(&mut declared, evidence) } else { evidence }
            }
            Property::AigcLabel => aigc_label::read(value),
            Property::Credit | Property::CreatorTool => generator::tool(property.names().0, value),
            Property::UserComment => {
                generator::read("UserComment", value).or_else(|| aigc_label::read_among_others(value))
            }
            Property::Provenance => {
                remote(value, found);
                None
            }
            Property::SystemUsed
            | Property::SystemVersionUsed
            | Property::PromptInformation
            | Property::PromptWriterName => {
                if systems.len() < SYSTEMS {
                    systems.push((property, value.to_owned()));
                }
                None
            }
            Property::Resource | Property::Item | Property::OfAnother => None,
        };
        if rest.len() < SYSTEMS {
            rest.extend(
                evidence.map(|evidence| if evidence.place.is_empty() { evidence.at(at(property)) } else { evidence }),
            );
        }
    });
    let own = declared.or_else(|| of_systems(&systems).map(|(property, evidence)| evidence.at(at(property))));
    let own = own.map(|own| {
        systems
            .iter()
            .fold(own, |own, (property, value)| own.with(property.names().0.trim_start_matches("xmp:"), value))
    });
    own.into_iter().chain(rest).for_each(|evidence| found.declare(evidence));
    if !whole {
        found.warn("xmp_unreadable");
    }
}

/// The most fields of AI systems, and of other declarations, of one packet.
const SYSTEMS: usize = 32;

/// An AI system that is named where no source type is: it was used, for what is not said.
fn of_systems(systems: &[(Property, String)]) -> Option<(Property, Evidence)> {
    let system = systems.iter().find(|(property, _)| *property == Property::SystemUsed);
    let (property, _) = *system.or(systems.first()).map(|(property, value)| (property, value)).as_ref()?;
    let detail = system.map_or("AI prompt", |(_, name)| name.as_str());
    Some((*property, Evidence::new(EvidenceKind::Generated, EvidenceSource::Iptc, Strength::Medium, detail)))
}

/// Where a manifest is kept that is not in the file. The first one counts; other schemes than the web's are no address.
fn remote(value: &str, found: &mut Provenance) {
    let is_web = ["http://", "https://"].iter().any(|scheme| value.starts_with(scheme));
    if is_web && found.remote_manifest.is_none() {
        found.remote_manifest = Some(crate::evidence::cut(value, 2048));
    }
}

#[cfg(test)]
mod tests;
