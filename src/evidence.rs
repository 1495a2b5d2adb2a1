//! What images declare about their own making, as nouns: declarations, who makes them, and what is done about them before
//! a paid call. [`crate::provenance`] reads them.
use crate::error::{Error, Kind, Result};

/// The longest detail, in characters.
const DETAIL: usize = 120;
/// The longest value of a field, in characters; what is longer is cut and ends in `…`.
const VALUE: usize = 4096;
/// The most fields of one declaration.
const FIELDS: usize = 48;

/// What a declaration says of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvidenceKind {
    /// Made by a generative model.
    Generated,
    /// Put together with parts that were.
    Composite,
    /// Edited by hand or by an algorithm without a generative model.
    Edited,
    /// Taken with a camera.
    Captured,
    /// Nothing is said of the making, but a program is named that is known for generating images.
    Tool,
}

impl EvidenceKind {
    pub const ALL: [Self; 5] = [Self::Generated, Self::Composite, Self::Edited, Self::Captured, Self::Tool];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Composite => "composite",
            Self::Edited => "edited",
            Self::Captured => "captured",
            Self::Tool => "tool",
        }
    }
}

/// Who declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvidenceSource {
    /// A manifest by the C2PA's specification.
    C2pa,
    /// The IPTC photo metadata standard, in XMP.
    Iptc,
    /// The label that GB 45438-2025 makes mandatory in China.
    AigcLabel,
    /// The generation parameters that a program wrote beside the image.
    GeneratorText,
    /// EXIF fields.
    Exif,
}

impl EvidenceSource {
    pub const ALL: [Self; 5] = [Self::C2pa, Self::Iptc, Self::AigcLabel, Self::GeneratorText, Self::Exif];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::C2pa => "c2pa",
            Self::Iptc => "iptc",
            Self::AigcLabel => "aigc_label",
            Self::GeneratorText => "generator_text",
            Self::Exif => "exif",
        }
    }
}

/// How much a declaration is worth, if it is not a lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strength {
    /// A statement in a standard's own words.
    Declared,
    /// What only a generator writes.
    Strong,
    /// A name, or a statement with a reservation.
    Medium,
    /// A hint.
    Weak,
}

impl Strength {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Strong => "strong",
            Self::Medium => "medium",
            Self::Weak => "weak",
        }
    }
}

/// One declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub kind: EvidenceKind,
    pub source: EvidenceSource,
    pub strength: Strength,
    /// What was found, for people, in one line: a source type, a label's meaning, a program's name.
    pub detail: String,
    /// What was found, field by field, in the order of the file.
    pub fields: Vec<(String, String)>,
    /// Where in the file: the part and its offset in bytes, such as `png:tEXt@57`, and what is inside of it.
    pub place: String,
}

impl Evidence {
    pub fn new(kind: EvidenceKind, source: EvidenceSource, strength: Strength, detail: impl AsRef<str>) -> Self {
        let mut detail: String = detail.as_ref().chars().take(DETAIL).collect();
        if detail.contains(char::is_control) {
            detail = detail.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
        }
        Self { kind, source, strength, detail, fields: Vec::new(), place: String::new() }
    }

    /// One more field. A long value is cut; those beyond the most are left out.
    #[must_use]
    pub fn with(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        if self.fields.len() < FIELDS {
            self.fields.push((cut(name.as_ref(), DETAIL), cut(value.as_ref(), VALUE)));
        }
        self
    }

    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// Who declares, what, and in which words, in one line: `iptc:generated:trainedAlgorithmicMedia`.
    pub fn text(&self) -> String {
        format!("{}:{}:{}", self.source.as_str(), self.kind.as_str(), self.detail)
    }
}

/// At most so many characters of a text; one that was cut ends in `…`.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// What is done about declarations before a paid call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precheck {
    /// They are not read.
    Off,
    /// They are on the result, beside the service's verdict.
    #[default]
    Report,
    /// An image that is declared as generated is not asked about.
    SkipDeclared,
}

impl Precheck {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "off" => Ok(Self::Off),
            "report" => Ok(Self::Report),
            "skip_declared" => Ok(Self::SkipDeclared),
            _ => {
                let why = format!("precheck is 'report', 'skip_declared' or 'off', not '{}'", cut(text, 40));
                Err(Error::new(Kind::Config, why))
            }
        }
    }
}

/// A choice of sources: whose word is enough to save a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources(u8);

impl Default for Sources {
    /// Every source.
    fn default() -> Self {
        Self(EvidenceSource::ALL.iter().fold(0, |bits, source| bits | Self::bit(*source)))
    }
}

impl Sources {
    const fn bit(source: EvidenceSource) -> u8 {
        1 << source as u8
    }

    pub fn parse<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Result<Self> {
        let mut bits = 0;
        for name in names {
            let name = name.as_ref();
            let source = EvidenceSource::ALL.iter().find(|source| source.as_str() == name);
            let source = source.ok_or_else(|| refused(&format!("not '{}'", cut(name, 40))))?;
            bits |= Self::bit(*source);
        }
        if bits == 0 { Err(refused("at least one")) } else { Ok(Self(bits)) }
    }

    pub const fn has(self, source: EvidenceSource) -> bool {
        self.0 & Self::bit(source) != 0
    }

    /// The declaration that saves a call: without a reservation, that the image is generated, by one of these sources.
    pub fn suffice(self, evidence: &[Evidence]) -> Option<&Evidence> {
        evidence.iter().find(|one| {
            one.kind == EvidenceKind::Generated
                && matches!(one.strength, Strength::Declared | Strength::Strong)
                && self.has(one.source)
        })
    }
}

fn refused(why: &str) -> Error {
    let names = EvidenceSource::ALL.map(|source| source.as_str()).join(", ");
    Error::new(Kind::Config, format!("skip_sources takes {names}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: EvidenceKind, source: EvidenceSource, strength: Strength) -> Evidence {
        Evidence::new(kind, source, strength, "x")
    }

    #[test]
    fn only_a_plain_declaration_by_a_source_that_was_named_saves_a_call() {
        use EvidenceKind::{Captured, Composite, Edited, Generated, Tool};
        use EvidenceSource::{AigcLabel, C2pa, Exif, Iptc};
        use Strength::{Declared, Medium, Strong, Weak};
        let sources = Sources::parse(["c2pa", "aigc_label"]).unwrap();
        for (evidence, enough) in [
            (of(Generated, C2pa, Declared), true),
            (of(Generated, AigcLabel, Strong), true),
            (of(Generated, AigcLabel, Medium), false),
            (of(Generated, AigcLabel, Weak), false),
            (of(Generated, Iptc, Declared), false),
            (of(Composite, C2pa, Declared), false),
            (of(Edited, C2pa, Declared), false),
            (of(Captured, C2pa, Declared), false),
            (of(Tool, C2pa, Strong), false),
        ] {
            let found = [of(Captured, Exif, Declared), evidence];
            assert_eq!(sources.suffice(&found).is_some(), enough, "{found:?}");
        }
        for source in EvidenceSource::ALL {
            assert!(Sources::default().suffice(&[of(Generated, source, Declared)]).is_some());
        }
    }

    #[test]
    fn words_are_checked_and_values_cut() {
        assert_eq!(Precheck::parse("skip_declared").unwrap(), Precheck::SkipDeclared);
        assert!(
            Precheck::parse("skip").unwrap_err().message().ends_with("'report', 'skip_declared' or 'off', not 'skip'")
        );
        assert!(Sources::parse(["iptc", "synthid"]).unwrap_err().message().contains("not 'synthid'"));
        assert!(Sources::parse([""; 0]).unwrap_err().message().contains("at least one"));
        let evidence = of(EvidenceKind::Generated, EvidenceSource::Iptc, Strength::Declared);
        let long = evidence.with("prompt", "é".repeat(VALUE + 1));
        let value = &long.fields.first().unwrap().1;
        assert_eq!((value.chars().count(), value.ends_with('…')), (VALUE, true));
        let lines = Evidence::new(EvidenceKind::Tool, EvidenceSource::Exif, Strength::Medium, "a\nb");
        assert_eq!(lines.text(), "exif:tool:a b");
    }
}
