//! JUMBF boxes in APP11 (ISO 19566-5, Annex D): a box that is longer than a segment is cut, and its header repeated in each.
use super::super::{jumbf, parts::Parts};
use crate::image::{Reach, array};

/// The most segments: 64 kB each.
const MOST: usize = 4096;

/// One of the segments of a box.
struct Segment {
    /// Which of the boxes, by the number that the writer gave it.
    instance: u16,
    sequence: u32,
    /// Where the box's header begins, how long that is, and where the segment ends.
    at: u64,
    header: u64,
    end: u64,
    /// As the header gives it.
    size: u64,
}

#[derive(Default)]
pub(super) struct Segments(Vec<Segment>);

impl Segments {
    /// An APP11 segment: `JP`, instance, sequence number, and the header of a box.
    pub(super) fn note(&mut self, reach: &dyn Reach, at: u64, length: u64) {
        if length < 16 || self.0.len() >= MOST {
            return;
        }
        let Some([b'J', b'P', i0, i1, n0, n1, n2, n3, s0, s1, s2, s3, b'j', b'u', b'm', b'b']) = array(reach, at)
        else {
            return;
        };
        let (header, size) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            1 => (16, array(reach, at + 16).map_or(0, u64::from_be_bytes)),
            size => (8, size.into()),
        };
        if length < 8 + header {
            return;
        }
        let (instance, sequence) = (u16::from_be_bytes([i0, i1]), u32::from_be_bytes([n0, n1, n2, n3]));
        self.0.push(Segment { instance, sequence, at: at + 8, header, end: at + length, size });
    }

    /// Puts each box together, in the order of their first segments.
    pub(super) fn deliver(mut self, parts: &mut Parts<'_>) {
        // The sort is stable: of two with one number the first counts.
        self.0.sort_by_key(|segment| (segment.instance, segment.sequence));
        self.0.dedup_by_key(|segment| (segment.instance, segment.sequence));
        let mut boxes: Vec<&[Segment]> = self.0.chunk_by(|one, next| one.instance == next.instance).collect();
        boxes.sort_by_key(|segments| segments.first().map(|first| first.at));
        for segments in boxes {
            match segments {
                [one] => parts.store("jpeg:APP11", one.at, one.end - one.at),
                [first, ..] if !parts.is_full() => {
                    gather(parts, first, segments);
                }
                _ => {}
            }
        }
    }
}

fn gather(parts: &mut Parts<'_>, first: &Segment, segments: &[Segment]) -> Option<()> {
    jumbf::store(parts.reach, first.at, first.end - first.at)?;
    let bodies: u64 = segments.iter().map(|segment| segment.end - segment.at - segment.header).sum();
    let size = if first.size == 0 { u64::MAX } else { first.size };
    let size = parts.take_store((first.header + bodies).min(size))?;
    let mut whole = Vec::with_capacity(size);
    let mut expected = first.sequence;
    for segment in segments.iter().take_while(|segment| whole_so_far(&mut expected, segment.sequence)) {
        let from = if segment.at == first.at { segment.at } else { segment.at + segment.header };
        let start = whole.len();
        let length = usize::try_from(segment.end - from).ok()?.min(size - start);
        whole.resize(start + length, 0);
        if !parts.reach.fill(from, whole.get_mut(start..)?) {
            return None;
        }
    }
    parts.gathered("jpeg:APP11", first.at, whole);
    Some(())
}

/// What is behind a missing segment belongs somewhere else.
fn whole_so_far(expected: &mut u32, sequence: u32) -> bool {
    let is_next = *expected == sequence;
    *expected = expected.wrapping_add(1);
    is_next
}
