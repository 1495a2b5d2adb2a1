//! What an image declares about its own making: read from its metadata, never from its pixels.
//!
//! A declaration can be false, and its absence means nothing. Read here: the IPTC digital source type and China's AIGC
//! label in XMP, the label in PNG and JPEG segments of its own, and the text that Stable Diffusion's programs leave in
//! PNG files. The emulator judges by this alone.
mod aigc_label;
mod container;
mod generator;
mod xmp;

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
}

/// Who declares it, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The IPTC photo metadata standard's `DigitalSourceType`.
    Iptc,
    /// The label that GB 45438-2025 makes mandatory in China.
    AigcLabel,
    /// The generation parameters that a program wrote beside the image.
    GeneratorText,
}

/// One declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub kind: EvidenceKind,
    pub source: Source,
    /// What was found, for people: a source type, a label's value, a program's name.
    pub detail: String,
}

/// All declarations that are found, in the order of the file. Hostile bytes give fewer, never an error.
pub fn read(bytes: &[u8]) -> Vec<Evidence> {
    let mut found = Vec::new();
    for part in container::parts(bytes) {
        match part {
            container::Part::Xmp(text) => found.extend(xmp::read(text)),
            container::Part::Text { key, value } if key == "AIGC" => found.extend(aigc_label::read(value)),
            container::Part::Text { key, value } => found.extend(generator::read(key, value)),
            container::Part::Label(text) => found.extend(aigc_label::read(text)),
        }
    }
    found
}

#[cfg(test)]
mod tests;
