//! Soft bindings: watermarks and fingerprints that a manifest says are in the pixels. They declare nothing about the
//! making, and are not looked for.

/// Who is behind an algorithm, by how its name begins, in the C2PA's list of soft binding algorithms.
const VENDORS: [(&str, &str); 22] = [
    ("com.adobe.", "Adobe"),
    ("com.digimarc.", "Digimarc"),
    ("com.imatag.", "Imatag"),
    ("ai.steg.", "Steg.AI"),
    ("castlabs.", "castLabs"),
    ("com.castlabs.", "castLabs"),
    ("com.google.", "Google SynthID"),
    ("ai.trufo.", "Trufo"),
    ("app.overlai.", "Overlai"),
    ("tv.kinetiq.", "Kinetiq"),
    ("com.nagra.", "NAGRA"),
    ("com.verimatrix.", "Verimatrix"),
    ("com.mentaport.", "Mentaport"),
    ("com.digicaps.", "Digicaps"),
    ("com.sonicorigin.", "SonicOrigin"),
    ("com.microsoft.", "Microsoft"),
    ("ai.contentlens.", "ContentLens"),
    ("com.aiwatermark.", "Meta Seal"),
    ("com.markany.", "MarkAny"),
    ("me.reconize.", "Reconize"),
    ("io.iscc.", "ISCC"),
    ("org.atsc.", "ATSC"),
];

/// An algorithm with its vendor, where that is known: `com.adobe.trustmark.P (Adobe)`.
pub(super) fn described(algorithm: &str) -> String {
    let begins = |prefix: &str| algorithm.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    match VENDORS.iter().find(|(prefix, _)| begins(prefix)) {
        Some((_, vendor)) => format!("{algorithm} ({vendor})"),
        None => algorithm.to_owned(),
    }
}
