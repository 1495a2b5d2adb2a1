use super::writers::{store, superbox, told};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn svg(metadata: &str) -> String {
    format!(
        "<?xml version='1.0'?><!DOCTYPE svg><svg xmlns='http://www.w3.org/2000/svg' xmlns:rdf='rdf#' xmlns:c2pa='c2pa#'>\
         <title>x &amp; y</title><g><path d='M0 0'/></g><metadata id='m'>{metadata}</metadata><rect/></svg>"
    )
}

fn manifest(store: &[u8]) -> String {
    format!("<c2pa:manifest>\n  {}\n</c2pa:manifest>", STANDARD.encode(store))
}

#[test]
fn a_manifest_in_base64_is_found_in_metadata_alone() {
    let store = store(&[b'm'; 100]);
    let file = svg(&manifest(&store));
    only(file.as_bytes(), "svg:metadata", &told(&store), b"\n  AAA");
    let marked = [&b"\xef\xbb\xbf"[..], file.as_bytes()].concat();
    only(&marked, "svg:metadata", &told(&store), b"\n  AAA");
    for number in [u16::to_le_bytes, u16::to_be_bytes] {
        let wide: Vec<u8> = format!("\u{feff}{file}").encode_utf16().flat_map(number).collect();
        assert_eq!(list(&wide).len(), 1);
        assert_eq!(list(&wide)[0].1, told(&store));
    }
    for near in [
        svg(&manifest(&superbox(&[9; 16], b"else", b"x"))),
        svg(&manifest(&store).replace("c2pa:", "other:")),
        svg(&manifest(&store).replace("manifest", "manifests")),
        svg(&manifest(&store).replace("AAA", "A=A")),
        svg(&format!("<!--{}-->", manifest(&store))),
        svg("<c2pa:manifest/>"),
        svg("").replace("<rect/>", &manifest(&store)),
        svg(&manifest(&store)).replace("metadata", "desc"),
        format!("{}{}", svg("").replace("</svg>", "</g>"), manifest(&store)),
    ] {
        nothing(near.as_bytes());
    }
}

#[test]
fn a_packet_keeps_the_namespaces_that_are_declared_around_it() {
    let file = svg("\n<rdf:RDF><rdf:Description a='1'/></rdf:RDF>");
    let told = "xmp <metadata xmlns:rdf=\"rdf#\" xmlns:c2pa=\"c2pa#\">\n<rdf:RDF><rdf:Description a='1'/></rdf:RDF></metadata>";
    only(file.as_bytes(), "svg:metadata", told, b"\n<rdf:RDF>");
    nothing(svg("<dc:title>no RDF</dc:title>").as_bytes());
    let iptc = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description \
                x:DigitalSourceType='http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia'/></rdf:RDF>";
    let bound = svg(iptc).replace("<metadata", "<metadata xmlns:x='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'");
    assert_eq!(inspect(&bound.as_bytes()).evidence.len(), 1);
    assert_eq!(inspect(&svg(iptc).as_bytes()).evidence, []);
}

#[test]
fn a_manifest_may_be_longer_than_what_is_looked_through_and_drawings_may_not() {
    let store = store(&vec![b'm'; 1_500_000]);
    let file = svg(&manifest(&store));
    let place = at(file.as_bytes(), b"<c2pa:manifest>") + 15;
    assert!(list(file.as_bytes()) == [(format!("svg:metadata@{place}"), told(&store))]);
    let drawing = format!("<path d='{}'/><title>", "M0 0 ".repeat(300_000));
    nothing(svg("<rdf:RDF/>").replace("<title>", &drawing).as_bytes());
    // Entities are not followed, and nesting has an end.
    let bomb = svg("<rdf:RDF>&a;&a;</rdf:RDF>").replace("<!DOCTYPE svg>", "<!DOCTYPE svg [<!ENTITY a 'aaaaaaaa'>]>");
    assert!(list(bomb.as_bytes())[0].1.ends_with("&a;&a;</rdf:RDF></metadata>"));
    nothing(svg(&format!("{}<rdf:RDF/>", "<g>".repeat(300))).as_bytes());
}
