//! What others made wrong, on purpose or not.
use super::*;
use crate::error::Kind;
use proptest::prelude::*;

fn stored(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip(members, ::zip::CompressionMethod::Stored)
}

fn deflated(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip(members, ::zip::CompressionMethod::Deflated)
}

/// Places of a zip's signatures.
fn places(bytes: &[u8], signature: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(signature)).collect()
}

/// Changes a field in the local headers and in the directory.
fn patch(bytes: &mut [u8], local: usize, central: usize, value: &[u8]) {
    for (signature, offset) in [(&b"PK\x03\x04"[..], local), (b"PK\x01\x02", central)] {
        for at in places(bytes, signature) {
            bytes[at + offset..at + offset + value.len()].copy_from_slice(value);
        }
    }
}

fn refusal(bytes: &[u8]) -> Error {
    let made = Made::new(bytes);
    let item = made.open().next().unwrap().unwrap();
    read(&item.member, LIMIT).unwrap_err()
}

/// A bomb is refused by what it declares, and if it lies, after what it declared.
#[test]
fn no_more_is_unpacked_than_was_declared_and_is_allowed() {
    let bomb = deflated(&[("bomb.png", &vec![0; 30 << 20])]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(refusal(&bomb).kind(), Kind::ImageTooLarge);
    let mut lying = bomb.clone();
    patch(&mut lying, 22, 24, &1000_u32.to_le_bytes());
    let error = refusal(&lying);
    assert!(error.message().contains("larger than its declared"), "{error}");
    let mut boasting = deflated(&[("small.png", b"small")]);
    patch(&mut boasting, 22, 24, &1000_u32.to_le_bytes());
    let error = refusal(&boasting);
    assert!(error.message().contains("declares 1000 bytes and gives 5"), "{error}");
    // One in a tar under gzip is passed over, and what follows is found.
    let made = Made::new(&gzip(&tar(&[("bomb.png", &vec![0; 30 << 20]), ("b.png", b"image")])));
    let items: Vec<_> = made.open().map(Result::unwrap).collect();
    assert_eq!(read(&items[0].member, LIMIT).unwrap_err().kind(), Kind::ImageTooLarge);
    assert!(items[0].member.held().is_none() && items[1].member.held().is_some());
    assert_eq!((items[1].key.as_str(), read(&items[1].member, LIMIT).unwrap()), ("b", b"image".to_vec()));
    let made = Made::new(&tar(&[("a.png", &[1; 600])]));
    let item = made.open().next().unwrap().unwrap();
    assert_eq!(read(&item.member, 599).unwrap_err().kind(), Kind::ImageTooLarge);
    assert_eq!(read(&item.member, 600).unwrap().len(), 600);
}

#[test]
fn a_zip_that_cannot_be_unpacked_says_why_for_each_member() {
    let mut encrypted = stored(&[("a.png", b"secret")]);
    patch(&mut encrypted, 6, 8, &[1, 0]);
    assert!(refusal(&encrypted).message().contains("encrypted"), "{}", refusal(&encrypted));
    let mut other = stored(&[("a.png", b"packed")]);
    patch(&mut other, 8, 10, &[14, 0]);
    assert!(refusal(&other).message().contains("pack it with deflate"), "{}", refusal(&other));
    let mut changed = stored(&[("a.png", b"unchanged")]);
    let at = places(&changed, b"unchanged")[0];
    changed[at] = b'U';
    let error = refusal(&changed);
    assert!(error.message().contains("damaged"), "{error}");
    assert_eq!((error.kind(), error.facts().filename.is_some()), (Kind::ImageFile, true));
    let mut twice = stored(&[("a.png", b"one"), ("b.png", b"two")]);
    for at in places(&twice, b"b.png") {
        twice[at] = b'a';
    }
    let (found, error) = Made::new(&twice).all();
    assert!(found.is_empty() && error.unwrap().contains("same name"));
}

#[test]
fn what_is_no_archive_is_refused_with_what_it_is() {
    let of = |bytes: &[u8]| Made::new(bytes).all().1.unwrap();
    assert!(of(b"").contains("empty"));
    assert!(of(b"<html>404 Not Found</html>").contains("no tar"));
    assert!(of(&[b'x'; 5000]).contains("no tar"));
    assert!(of(b"\x28\xb5\x2f\xfd....").contains("zstd"));
    assert!(of(b"BZh91AY&SY").contains("bzip2"));
    assert!(of(b"\xfd7zXZ\0..").contains("xz"));
    assert!(of(b"7z\xbc\xaf\x27\x1c").contains("7z"));
    assert!(of(b"Rar!\x1a\x07").contains("rar"));
    assert!(of(b"PK\x03\x04 and nothing more").contains("damaged or cut short"));
    assert!(of(&gzip(b"one line of text")).contains("no tar"));
    assert_eq!(open(Path::new("/nonexistent/a.tar")).unwrap_err().kind(), Kind::ImageFileNotFound);
    assert!(open(&std::env::temp_dir()).unwrap_err().message().contains("no regular file"));
}

/// What came before the damage is kept.
#[test]
fn a_tar_that_is_cut_or_damaged_gives_what_came_before_and_one_error() {
    let whole = tar(&[("a.png", &[1; 700]), ("b.png", &[2; 700]), ("c.png", &[3; 700])]);
    let of = |bytes: &[u8]| {
        let (found, error) = Made::new(bytes).all();
        (found.into_iter().map(|(key, ..)| key).collect::<String>(), error.unwrap_or_default())
    };
    assert_eq!(of(&whole), ("abc".to_owned(), String::new()));
    for (cut, keys, why) in [
        (1536 + 512 + 100, "a", "cut short inside of 'b.png'"),
        (1536 + 100, "a", "cut short inside of a header at byte 1536"),
        (3 * 1536, "abc", "ends without the mark"),
        (3 * 1536 - 200, "abc", "ends without the mark"),
    ] {
        let (found, error) = of(&whole[..cut]);
        assert!(found == keys && error.contains(why), "{cut}: {found} {error}");
    }
    // An image that waits for what lies beside it is not lost with the rest.
    let made = Made::new(&whole[..1536 + 100]);
    let mut archive = made.open().with_sidecars();
    assert_eq!(archive.next().unwrap().unwrap().key, "a");
    assert!(archive.next().unwrap().is_err() && archive.next().is_none() && archive.next().is_none());
    let mut missing = whole[..1536].to_vec();
    missing.extend(raw(b"x", EntryType::GNULongLink, 5000));
    let (found, error) = of(&missing);
    assert!(found == "a" && error.contains("cut short at byte 2048"), "{error}");
    let mut damaged = whole.clone();
    damaged[1536 + 3] ^= 1;
    let (found, error) = of(&damaged);
    assert!(found == "a" && error.contains("checksum"), "{error}");
    let packed = gzip(&whole);
    let (_, error) = of(&packed[..packed.len() / 2]);
    assert!(error.contains("cut short"), "{error}");
    let mut flipped = gzip(&tar(&[
        ("a.png", &[1; 700]),
        ("b.png", &(0..90_000_u64).map(|n| (n * n / 7).to_le_bytes()[0]).collect::<Vec<_>>()),
    ]));
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    assert!(!of(&flipped).1.is_empty());
}

#[test]
fn descriptions_take_no_memory_that_they_only_claim() {
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let bytes = raw(b"x", kind, 1 << 40);
        assert!(Made::new(&bytes).all().1.unwrap().contains("larger than any"), "{kind:?}");
    }
    let bytes = raw(b"a.png", EntryType::Regular, u64::MAX / 2);
    assert!(Made::new(&bytes).all().1.unwrap().contains("cut short inside of 'a.png'"));
    for records in [&b"9999 path=a\n"[..], b"x path=a\n", b"3 a", b"11 size=-1\n\n"] {
        let mut bytes = raw(b"x", EntryType::XHeader, records.len() as u64);
        bytes.extend(padded(records));
        bytes.extend(raw(b"a.png", EntryType::Regular, 0));
        assert!(Made::new(&bytes).all().1.unwrap().contains("PAX"), "{records:?}");
    }
}

/// All that comes out of an archive, whatever it is, is no more than its own members.
fn survives(bytes: &[u8]) {
    let made = Made::new(bytes);
    let Ok(archive) = open(&made.0) else {
        return;
    };
    let mut count = 0;
    for item in archive.with_sidecars() {
        if let Ok(item) = item {
            let _ = read(&item.member, LIMIT).map(|found| assert!(found.len() as u64 <= LIMIT));
        }
        count += 1;
        assert!(count <= 64, "more items than there can be");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No bytes make this room panic, or go on for ever.
    #[test]
    fn random_damage_is_survived(
        kind in 0..4_usize,
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cutting in any::<bool>(),
    ) {
        let tarred = tar(&SHARD);
        let mut bytes = match kind {
            0 => tarred,
            1 => gzip(&tarred),
            2 => stored(&SHARD),
            _ => deflated(&SHARD),
        };
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cutting {
            bytes.truncate(cut.index(bytes.len()));
        }
        survives(&bytes);
    }
}
