//! The record as bytes: a header with a checksum over all that follows, then numbers of eight bytes each.
use super::super::record::{Fastest, Record, Throttled};
use crc64fast::Digest;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;

/// With the version of what follows: a record of another version is not read, it is replaced.
const MAGIC: &[u8; 8] = b"aigpace1";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Which start of the machine the times belong to, as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Boot([u8; 16]);

impl Boot {
    #[allow(clippy::disallowed_methods, reason = "a file of the kernel, not of the user")]
    pub(super) fn read() -> Self {
        Self::of(&std::fs::read(BOOT_ID).unwrap_or_default())
    }

    pub(super) fn of(id: &[u8]) -> Self {
        let mut boot = [0; 16];
        boot.iter_mut().zip(Sha256::digest(id)).for_each(|(place, byte)| *place = byte);
        Self(boot)
    }
}

/// What a file holds.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Record(Record),
    /// Nothing yet, or what was written before the machine was started anew.
    Nothing,
    Corrupt,
}

impl Found {
    pub(super) fn record(self) -> Option<Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Nothing | Self::Corrupt => None,
        }
    }
}

fn checksum(boot: &[u8], body: &[u8]) -> [u8; 8] {
    let mut digest = Digest::new();
    digest.write(boot);
    digest.write(body);
    digest.sum64().to_le_bytes()
}

pub(super) fn encode(record: &Record, boot: &Boot) -> Vec<u8> {
    let throttled = record.throttled.unwrap_or(Throttled { at: 0, rate: 0.0 });
    let fastest = record.fastest.unwrap_or(Fastest { qps: 0.0, at: 0 });
    let lengths = [record.returned.len() as u64, record.starts.len() as u64];
    let times = [throttled.at, throttled.rate.to_bits(), fastest.at, fastest.qps.to_bits()];
    let count = 7 + record.returned.len() + record.starts.len();
    let mut body = Vec::with_capacity(8 * count);
    let numbers = std::iter::once(&record.next).chain(&times).chain(&lengths);
    for number in numbers.chain(&record.returned).chain(&record.starts) {
        body.extend_from_slice(&number.to_le_bytes());
    }
    [MAGIC.as_slice(), &checksum(&boot.0, &body), &boot.0, &(body.len() as u64).to_le_bytes(), &body].concat()
}

/// Reads a record; what no participant can have written is corrupt. Bytes after it are those of a longer one before.
pub(super) fn decode(bytes: &[u8], boot: &Boot, now: u64) -> Found {
    if bytes.is_empty() {
        return Found::Nothing;
    }
    let Some((written, body)) = split(bytes) else {
        return Found::Corrupt;
    };
    if written != *boot {
        return Found::Nothing;
    }
    match read(body).filter(|record| record.is_plausible(now)) {
        Some(record) => Found::Record(record),
        None => Found::Corrupt,
    }
}

fn split(bytes: &[u8]) -> Option<(Boot, &[u8])> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let (boot, rest) = rest.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let body = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    (magic == MAGIC && *sum == checksum(boot, body)).then_some((Boot(*boot), body))
}

fn read(body: &[u8]) -> Option<Record> {
    let (numbers, rest) = body.as_chunks::<8>();
    let mut numbers = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes));
    let mut number = || numbers.next();
    let next = number()?;
    let throttled = Throttled { at: number()?, rate: f64::from_bits(number()?) };
    let fastest = Fastest { at: number()?, qps: f64::from_bits(number()?) };
    let (returned, starts) = (usize::try_from(number()?).ok()?, usize::try_from(number()?).ok()?);
    let returned: Vec<u64> = numbers.by_ref().take(returned).collect();
    let found: VecDeque<u64> = numbers.collect();
    (rest.is_empty() && found.len() == starts).then_some(Record {
        next,
        returned,
        starts: found,
        throttled: (throttled.rate != 0.0).then_some(throttled),
        fastest: (fastest.qps != 0.0).then_some(fastest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn full() -> Record {
        Record {
            next: 9_000,
            returned: vec![7_000, 8_000],
            starts: (0..100).collect(),
            throttled: Some(Throttled { at: 500, rate: 66.5 }),
            fastest: Some(Fastest { qps: 95.0, at: 600 }),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let boot = Boot::of(b"one");
        for record in [Record::default(), full()] {
            let mut bytes = encode(&record, &boot);
            bytes.extend([0xAA; 64]);
            assert_eq!(decode(&bytes, &boot, 1_000), Found::Record(record));
        }
        assert_eq!(decode(&[], &boot, 0), Found::Nothing);
    }

    #[test]
    fn another_start_of_the_machine_begins_anew_and_times_to_come_are_corrupt() {
        let bytes = encode(&full(), &Boot::of(b"one"));
        assert_eq!(decode(&bytes, &Boot::of(b"two"), 1_000), Found::Nothing);
        assert_eq!(decode(&bytes, &Boot::of(b"one"), 50), Found::Corrupt);
        let far = Record { next: u64::MAX, ..Record::default() };
        assert_eq!(decode(&encode(&far, &Boot::of(b"one")), &Boot::of(b"one"), 50), Found::Corrupt);
    }

    proptest! {
        #[test]
        fn what_is_torn_or_changed_is_never_read_as_a_record(cut in 1_usize..900, at in 0_usize..900, bit in 0_u8..8) {
            let (boot, mut bytes) = (Boot::of(b"one"), encode(&full(), &Boot::of(b"one")));
            prop_assume!(cut < bytes.len() && at < bytes.len());
            prop_assert_eq!(decode(&bytes[..cut], &boot, 1_000), Found::Corrupt);
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&bytes, &boot, 1_000), Found::Corrupt);
        }

        #[test]
        fn no_bytes_end_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = decode(&bytes, &Boot::of(b"one"), 1_000);
        }
    }
}
