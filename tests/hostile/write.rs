//! Writers of image files that hold metadata, right to the last length and checksum. The fuzz targets use them too, to get
//! arbitrary bytes past the containers.
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use std::io::Write as _;

pub const XMP_KEY: &[u8] = b"XML:com.adobe.xmp\0\0\0\0\0";
pub const JPEG_XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
pub const JPEG_EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
pub const EXIF: &[u8] = b"Exif\0\0";
/// The tail of the types of C2PA's boxes.
const ISO: [u8; 12] = [0, 0x11, 0, 0x10, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

fn be32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn be16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes()
}

pub fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).and_then(|()| encoder.finish()).unwrap_or_default()
}

pub fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(data);
    [&be32(data.len())[..], kind, data, &sum.sum().to_be_bytes()].concat()
}

/// So wide and high, of eight-bit RGBA, with these chunks before the pixels, which are given deflated.
pub fn png_of(side: u32, chunks: &[u8], pixels: &[u8]) -> Vec<u8> {
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let ends = [chunk(b"IHDR", &header), chunks.to_vec(), chunk(b"IDAT", pixels), chunk(b"IEND", b"")];
    [b"\x89PNG\r\n\x1a\n".to_vec(), ends.concat()].concat()
}

pub fn png(chunks: &[u8]) -> Vec<u8> {
    png_of(2, chunks, &deflate(&[0; 18]))
}

pub fn text(key: &str, value: &[u8]) -> Vec<u8> {
    chunk(b"tEXt", &[key.as_bytes(), b"\0", value].concat())
}

pub fn ztext(key: &str, deflated: &[u8]) -> Vec<u8> {
    chunk(b"zTXt", &[key.as_bytes(), b"\0\0", deflated].concat())
}

pub fn itext(key: &str, is_deflated: bool, value: &[u8]) -> Vec<u8> {
    chunk(b"iTXt", &[key.as_bytes(), &[0, u8::from(is_deflated), 0], b"en\0key\0", value].concat())
}

pub fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, marker][..], &be16(data.len() + 2), data].concat()
}

pub fn jpeg(segments: &[u8]) -> Vec<u8> {
    let frame = segment(0xc0, &[8, 0, 2, 0, 2, 1, 1, 0x11, 0]);
    [&[0xff, 0xd8][..], segments, &frame, &segment(0xda, &[1, 1, 0, 0, 63, 0]), &[1, 2, 0xff, 0xd9]].concat()
}

/// A part of an extended packet of XMP: whose it is, how long it is in all, and where this belongs.
pub fn extension(whole: u32, at: u32, data: &[u8]) -> Vec<u8> {
    let head = [JPEG_EXTENSION, b"0123456789ABCDEF0123456789ABCDEF", &whole.to_be_bytes(), &at.to_be_bytes()].concat();
    segment(0xe1, &[head, data.to_vec()].concat())
}

/// A box in application segments of at most so many bytes each.
pub fn app11(instance: u16, superbox: &[u8], most: usize) -> Vec<u8> {
    let (head, body) = superbox.split_at(superbox.len().min(8));
    let parts = body.chunks(most.max(1)).zip(1_u32..).map(|(part, sequence)| {
        segment(0xeb, &[b"JP", &instance.to_be_bytes()[..], &sequence.to_be_bytes(), head, part].concat())
    });
    parts.collect::<Vec<_>>().concat()
}

pub fn riff(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let padding: &[u8] = if data.len() % 2 == 1 { &[0] } else { &[] };
    [kind, &u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes(), data, padding].concat()
}

pub fn webp(chunks: &[u8]) -> Vec<u8> {
    let body =
        [&b"WEBP"[..], &riff(b"VP8X", &[0x2c, 0, 0, 0, 1, 0, 0, 1, 0, 0]), &riff(b"VP8L", &[0x2f, 0, 0]), chunks];
    riff(b"RIFF", &body.concat())
}

/// One entry of a directory of TIFF: its tag, type, how many, and its bytes.
pub type Entry<'a> = (u16, u16, u32, &'a [u8]);

/// A TIFF of the given order of bytes, ordinary or big, with one directory and what is behind it.
pub fn tiff(is_little: bool, is_big: bool, entries: &[Entry<'_>]) -> Vec<u8> {
    let n16 = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
    let n32 = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
    let n64 = |n: u64| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
    let long = |n: usize| if is_big { n64(n as u64).to_vec() } else { n32(u32::try_from(n).unwrap_or(0)).to_vec() };
    let (head, width, few) = if is_big { (16, 20, 8) } else { (8, 12, 4) };
    let order: &[u8] = if is_little { b"II" } else { b"MM" };
    let version = if is_big { [n16(43), n16(8), n16(0)].concat() } else { n16(42).to_vec() };
    let count = if is_big {
        n64(entries.len() as u64).to_vec()
    } else {
        n16(u16::try_from(entries.len()).unwrap_or(0)).to_vec()
    };
    let mut behind = Vec::new();
    let end = head + count.len() + entries.len() * width + few;
    let mut directory = count;
    for (tag, kind, many, data) in entries {
        directory.extend([n16(*tag), n16(*kind)].concat());
        directory.extend(long(*many as usize));
        if data.len() <= few {
            directory.extend(data.iter().copied().chain(std::iter::repeat(0)).take(few));
        } else {
            directory.extend(long(end + behind.len()));
            behind.extend_from_slice(data);
        }
    }
    [order, &version, &long(head), &directory, &long(0), &behind].concat()
}

pub fn sub_blocks(data: &[u8]) -> Vec<u8> {
    let blocks = data.chunks(255).map(|part| [&[u8::try_from(part.len()).unwrap_or(255)][..], part].concat());
    blocks.chain([vec![0]]).collect::<Vec<_>>().concat()
}

pub fn gif(extensions: &[u8]) -> Vec<u8> {
    let frame = b"\x2c\0\0\0\0\x02\0\x02\0\0\x02\x02\x84\x51\0";
    [&b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\xff\xff"[..], extensions, frame, b";"].concat()
}

/// Without blocks, as the XMP specification has it: the packet is followed by a ramp that leads any reader out of it.
pub fn gif_xmp(packet: &[u8]) -> Vec<u8> {
    let ramp: Vec<u8> = [1].into_iter().chain((0..=255).rev()).chain([0]).collect();
    [&b"\x21\xff\x0bXMP DataXMP"[..], packet, &ramp].concat()
}

pub fn gif_c2pa(store: &[u8]) -> Vec<u8> {
    [&b"\x21\xff\x0bC2PA_GIF\x01\0\0"[..], &sub_blocks(store)].concat()
}

/// A box of ISO base media, and of JUMBF.
pub fn a_box(kind: &[u8], data: &[u8]) -> Vec<u8> {
    [&be32(data.len() + 8)[..], kind, data].concat()
}

/// A still image of the brand with items of a type and content each, and more boxes before its data.
pub fn isobmff(brand: &[u8], items: &[(&[u8; 4], &[u8], &[u8])], more: &[u8]) -> Vec<u8> {
    let start = a_box(b"ftyp", &[brand, &[0; 4], brand, b"mif1"].concat());
    let handler = a_box(b"hdlr", b"\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let primary = a_box(b"pitm", &[0, 0, 0, 0, 0, 1]);
    let entries = items.iter().zip(1_usize..).map(|((kind, tail, _), id)| {
        a_box(b"infe", &[&[2, 0, 0, 0][..], &be16(id), &[0, 0], *kind, b"\0", tail].concat())
    });
    let info = [vec![0; 4], be16(items.len()).to_vec(), entries.collect::<Vec<_>>().concat()].concat();
    let size = a_box(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2]);
    let properties = [a_box(b"ipco", &size), a_box(b"ipma", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1])].concat();
    let rest = [handler, primary, a_box(b"iinf", &info), a_box(b"iprp", &properties)].concat();
    let locations = 16 + items.len() * 14;
    let data_at = start.len() + 12 + rest.len() + locations + more.len() + 8;
    let mut places = [&[0, 0, 0, 0, 0x44, 0][..], &be16(items.len())].concat();
    let mut at = data_at;
    for ((_, _, content), id) in items.iter().zip(1_usize..) {
        places.extend([&be16(id)[..], &[0, 0, 0, 1], &be32(at), &be32(content.len())].concat());
        at += content.len();
    }
    let meta = a_box(b"meta", &[vec![0; 4], rest, a_box(b"iloc", &places)].concat());
    let data: Vec<u8> = items.iter().flat_map(|(_, _, content)| content.iter().copied()).collect();
    [start, meta, more.to_vec(), a_box(b"mdat", &data)].concat()
}

/// C2PA's store in a box of ISO base media.
pub fn uuid_c2pa(store: &[u8]) -> Vec<u8> {
    let id = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";
    a_box(b"uuid", &[&id[..], &[0; 4], b"manifest\0", &[0; 8], store].concat())
}

pub fn superbox(kind: &[u8; 4], label: &str, content: &[u8]) -> Vec<u8> {
    let description = a_box(b"jumd", &[kind, &ISO[..], &[3], label.as_bytes(), b"\0"].concat());
    a_box(b"jumb", &[description, content.to_vec()].concat())
}

/// A manifest store: one manifest of assertions in CBOR, and its claim.
pub fn store(assertions: &[(&str, &[u8])]) -> Vec<u8> {
    let boxes = assertions.iter().map(|(label, content)| superbox(b"cbor", label, &a_box(b"cbor", content)));
    let assertions = superbox(b"c2as", "c2pa.assertions", &boxes.collect::<Vec<_>>().concat());
    let claim = map(&[("claim_generator", word("a program 1.0")), ("dc:title", word("x"))]);
    let claim = superbox(b"c2cl", "c2pa.claim.v2", &a_box(b"cbor", &claim));
    let signature = superbox(b"c2cs", "c2pa.signature", &a_box(b"cbor", &[0xd2, 0x84, 0x40, 0xa0, 0xf6, 0x40]));
    superbox(b"c2pa", "c2pa", &superbox(b"c2ma", "urn:c2pa:1", &[assertions, claim, signature].concat()))
}

fn head(major: u8, number: usize) -> Vec<u8> {
    match u8::try_from(number) {
        Ok(few @ 0..24) => vec![(major << 5) + few],
        Ok(some) => vec![(major << 5) + 24, some],
        Err(_) => [&[(major << 5) + 26][..], &be32(number)].concat(),
    }
}

pub fn word(text: &str) -> Vec<u8> {
    [head(3, text.len()), text.as_bytes().to_vec()].concat()
}

pub fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len()), items.concat()].concat()
}

pub fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    [head(5, fields.len()), fields.iter().flat_map(|(name, value)| [word(name), value.clone()].concat()).collect()]
        .concat()
}
