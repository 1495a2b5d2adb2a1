//! Small writers of every container.
use std::io::Write;

pub(super) fn be32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_be_bytes()
}

pub(super) fn be16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_be_bytes()
}

pub(super) fn deflated(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

pub(super) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&be32(data.len())[..], kind, data, &[0; 4]].concat()
}

pub(super) fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    let image = [chunk(b"IDAT", &[7; 40]), chunk(b"IDAT", &[7; 3])].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &[0; 13]), &image, &chunks.concat(), &chunk(b"IEND", b"")].concat()
}

pub(super) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, marker][..], &be16(data.len() + 2), data].concat()
}

pub(super) fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    let jfif = segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
    let image = [segment(0xdb, &[1; 65]), segment(0xda, &[1, 2, 3])].concat();
    [&[0xff, 0xd8][..], &jfif, &segments.concat(), &image, &[9, 9, 9, 0xff, 0xd9]].concat()
}

pub(super) fn riff(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = if data.len() % 2 == 1 { &[0][..] } else { &[] };
    [&kind[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data, padding].concat()
}

pub(super) fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [&b"WEBP"[..], &riff(b"VP8X", &[0; 10]), &riff(b"VP8 ", &[0; 7]), &chunks.concat()].concat();
    [&b"RIFF"[..], &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

pub(super) fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&be32(content.len() + 8)[..], kind, content].concat()
}

/// A box with its size in 64 bits.
pub(super) fn wide_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&be32(1)[..], kind, &(content.len() as u64 + 16).to_be_bytes(), content].concat()
}

pub(super) const C2PA: [u8; 16] = *b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71";

/// A JUMBF superbox of a type, with a label.
pub(super) fn superbox(kind: &[u8; 16], label: &[u8], content: &[u8]) -> Vec<u8> {
    let description = boxed(b"jumd", &[&kind[..], &[3], label, &[0]].concat());
    boxed(b"jumb", &[description, boxed(b"json", content)].concat())
}

/// A manifest store, as far as a container is concerned.
pub(super) fn store(content: &[u8]) -> Vec<u8> {
    superbox(&C2PA, b"c2pa", content)
}

/// As a walk tells of it.
pub(super) fn told(store: &[u8]) -> String {
    format!("c2pa {}", String::from_utf8_lossy(store))
}

/// A TIFF structure of one directory, in either byte order, classic or big; each value is where the entry points to.
pub(super) struct Tiff {
    pub is_big_endian: bool,
    pub is_wide: bool,
}

pub(super) const TIFFS: [Tiff; 4] = [
    Tiff { is_big_endian: false, is_wide: false },
    Tiff { is_big_endian: true, is_wide: false },
    Tiff { is_big_endian: false, is_wide: true },
    Tiff { is_big_endian: true, is_wide: true },
];

/// Tag, type, and value.
pub(super) type Entry<'a> = (u16, u16, &'a [u8]);

impl Tiff {
    fn number(&self, number: usize, width: usize) -> Vec<u8> {
        let bytes = (number as u64).to_be_bytes();
        let mut bytes = bytes[8 - width..].to_vec();
        if !self.is_big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn word(&self) -> usize {
        if self.is_wide { 8 } else { 4 }
    }

    /// How long a directory is, with its values.
    fn length(&self, entries: &[Entry<'_>]) -> usize {
        let (head, size) = if self.is_wide { (8, 20) } else { (2, 12) };
        let values: usize = entries.iter().map(|(.., value)| value.len()).filter(|length| *length > self.word()).sum();
        head + size * entries.len() + self.word() + values
    }

    fn directory(&self, at: usize, entries: &[Entry<'_>], next: usize) -> Vec<u8> {
        let (head, size) = if self.is_wide { (8, 20) } else { (2, 12) };
        let mut values = Vec::new();
        let start = at + head + size * entries.len() + self.word();
        let mut bytes = self.number(entries.len(), head);
        for (tag, kind, value) in entries {
            bytes.extend(self.number((*tag).into(), 2));
            bytes.extend(self.number((*kind).into(), 2));
            let width = match kind {
                4 => 4,
                16 => 8,
                _ => 1,
            };
            bytes.extend(self.number(value.len() / width, self.word()));
            if value.len() <= self.word() {
                bytes.extend([value.to_vec(), vec![0; self.word() - value.len()]].concat());
            } else {
                bytes.extend(self.number(start + values.len(), self.word()));
                values.extend_from_slice(value);
            }
        }
        bytes.extend(self.number(next, self.word()));
        bytes.extend(values);
        bytes
    }

    fn header(&self) -> Vec<u8> {
        let order = if self.is_big_endian { b"MM" } else { b"II" };
        match self.is_wide {
            false => [&order[..], &self.number(42, 2), &self.number(8, 4)].concat(),
            true => [&order[..], &self.number(43, 2), &self.number(8, 2), &[0, 0], &self.number(16, 8)].concat(),
        }
    }

    /// Directories one behind the other.
    pub(super) fn pages(&self, pages: &[&[Entry<'_>]]) -> Vec<u8> {
        let mut bytes = self.header();
        for (number, entries) in pages.iter().enumerate() {
            let at = bytes.len();
            let next = if number + 1 == pages.len() { 0 } else { at + self.length(entries) };
            bytes.extend(self.directory(at, entries, next));
        }
        bytes
    }

    /// A directory, and EXIF's own that it points to.
    pub(super) fn exif(&self, first: &[Entry<'_>], inner: &[Entry<'_>]) -> Vec<u8> {
        let kind = if self.is_wide { 16 } else { 4 };
        let with = |place: usize| {
            let pointer = self.number(place, self.word());
            let all = [first, &[(0x8769, kind, pointer.as_slice())]].concat();
            (self.length(&all), self.directory(self.header().len(), &all, 0))
        };
        let place = self.header().len() + with(0).0;
        [self.header(), with(place).1, self.directory(place, inner, 0)].concat()
    }
}

pub(super) fn sub_blocks(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for block in data.chunks(255) {
        bytes.push(u8::try_from(block.len()).unwrap());
        bytes.extend_from_slice(block);
    }
    bytes.push(0);
    bytes
}

pub(super) fn extension(name: &[u8; 11], data: &[u8]) -> Vec<u8> {
    [&[0x21, 0xff, 11][..], name, data].concat()
}

pub(super) fn gif_xmp(packet: &[u8]) -> Vec<u8> {
    let trailer: Vec<u8> = (0..=255).rev().collect();
    extension(b"XMP DataXMP", &[packet, &[1], &trailer, &[0]].concat())
}

/// With a global and a local color table, a comment, and an image of several sub-blocks before the extensions.
pub(super) fn gif(extensions: &[Vec<u8>]) -> Vec<u8> {
    let screen = [&b"GIF89a\x01\0\x01\0\x80\0\0"[..], &[0; 6]].concat();
    let image = [&b"\x2c\0\0\0\0\x01\0\x01\0\x80"[..], &[0; 6], &[2], &sub_blocks(&[0x21; 300])].concat();
    let comment = [&[0x21, 0xfe][..], &sub_blocks(b"!\xff\x0bXMP DataXMP")].concat();
    [screen, comment, image, extensions.concat(), vec![0x3b]].concat()
}

/// An item of a `meta` box: its type and media type, the method by which it is placed, and its pieces.
pub(super) struct Item<'a> {
    pub kind: &'a [u8; 4],
    pub media: &'a [u8],
    pub method: u16,
    pub pieces: &'a [&'a [u8]],
}

/// An HEIC file whose items are in `mdat` or `idat`, by `iloc` of this version; the pieces stand apart.
pub(super) fn heic(version: u8, items: &[Item<'_>]) -> Vec<u8> {
    let build = |data_at: usize| {
        let (mut info, mut places, mut inside, mut outside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (number, item) in items.iter().enumerate() {
            let id = number + 1;
            let names = if item.kind == b"mime" { [item.media, b"\0"].concat() } else { Vec::new() };
            let entry = [&[2, 0, 0, 0][..], &be16(id), &[0, 0], item.kind, b"name\0", &names].concat();
            info.extend(boxed(b"infe", &entry));
            places.extend(if version == 2 { be32(id).to_vec() } else { be16(id).to_vec() });
            places.extend(if version == 0 { vec![] } else { item.method.to_be_bytes().to_vec() });
            places.extend([0, 0, 0, 0, 0, 0]);
            places.extend(be16(item.pieces.len()));
            for piece in item.pieces {
                let (data, start) = if item.method == 1 { (&mut inside, 0) } else { (&mut outside, data_at) };
                data.extend_from_slice(b"gap");
                places.extend(if version == 0 { vec![] } else { vec![0, 0] });
                places.extend([be32(start + data.len()), be32(piece.len())].concat());
                data.extend_from_slice(piece);
            }
        }
        let info = boxed(b"iinf", &[&[0; 4][..], &be16(items.len()), &info].concat());
        let count = if version == 2 { be32(items.len()).to_vec() } else { be16(items.len()).to_vec() };
        let sizes = if version == 0 { [0x44, 0x40] } else { [0x44, 0x42] };
        let places = boxed(b"iloc", &[&[version, 0, 0, 0][..], &sizes, &count, &places].concat());
        let data = boxed(b"idat", &inside);
        let meta = boxed(b"meta", &[&[0; 4][..], &boxed(b"hdlr", &[0; 24]), &info, &places, &data].concat());
        let head = [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), meta].concat();
        (head.len() + 8, [head, boxed(b"mdat", &outside)].concat())
    };
    build(build(0).0).1
}
