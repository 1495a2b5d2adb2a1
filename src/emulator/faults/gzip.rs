//! A packed answer that nobody asked for: small, or a bomb.

/// CRC-32 as gzip has it, one byte at a time.
const TABLE: [u32; 256] = {
    let mut table = [0_u32; 256];
    let mut at = 0;
    while at < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "below 256")]
        let mut value = at as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        #[allow(clippy::indexing_slicing, reason = "within the table, and evaluated by the compiler")]
        {
            table[at] = value;
        }
        at += 1;
    }
    table
};

fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        let at = usize::from(crc.to_le_bytes()[0] ^ byte);
        TABLE.get(at).copied().unwrap_or_default() ^ (crc >> 8)
    })
}

/// Bits in the order of DEFLATE: the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, length: u32) {
        self.pending |= value << self.count;
        self.count += length;
        while self.count >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// A Huffman code, whose first bit is its highest.
    fn code(&mut self, code: u32, length: u32) {
        self.put(code.reverse_bits() >> (32 - length), length);
    }

    fn literal(&mut self, byte: u8) {
        match byte {
            0..=143 => self.code(0x30 + u32::from(byte), 8),
            _ => self.code(0x190 + u32::from(byte) - 144, 9),
        }
    }
}

/// A gzip file of the bytes and as many blanks behind them, which JSON allows: 13 bits for every 258 of them.
pub(super) fn pack(bytes: &[u8], blanks: usize) -> Vec<u8> {
    let mut bits = Bits { bytes: vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255], ..Bits::default() };
    // One last block with the fixed codes.
    bits.put(0b011, 3);
    for byte in bytes {
        bits.literal(*byte);
    }
    let mut left = blanks;
    if left > 0 {
        bits.literal(b' ');
        left -= 1;
    }
    while left >= 258 {
        // "Again 258 bytes from one byte before."
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
        left -= 258;
    }
    for _ in 0..left {
        bits.literal(b' ');
    }
    bits.code(0, 7);
    bits.put(0, 7);
    let crc = crc32(bytes.iter().copied().chain(std::iter::repeat_n(b' ', blanks)));
    bits.bytes.extend(crc.to_le_bytes());
    let length = u32::try_from((bytes.len() + blanks) & 0xFFFF_FFFF).unwrap_or_default();
    bits.bytes.extend(length.to_le_bytes());
    bits.bytes
}
