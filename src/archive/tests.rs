//! Archives made here, read whole and in pieces.
#![allow(clippy::disallowed_methods, reason = "tests make the files they read")]
mod damage;

use super::*;
use ::tar::{Builder, EntryType, Header};
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

const LIMIT: u64 = 20 * 1024 * 1024;

/// A file that is gone with the test.
struct Made(PathBuf);

impl Made {
    fn new(bytes: &[u8]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("aigclens-archive-{}-{number}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn open(&self) -> Archive {
        open(&self.0).unwrap()
    }

    /// Keys, names and bytes of all members, and the message of the error at the end.
    fn all(&self) -> (Vec<(String, String, Vec<u8>)>, Option<String>) {
        let mut found = Vec::new();
        let archive = match open(&self.0) {
            Ok(archive) => archive,
            Err(error) => return (found, Some(error.message().to_owned())),
        };
        for item in archive {
            match item {
                Ok(item) => {
                    let bytes = read(&item.member, LIMIT).unwrap_or_else(|error| error.message().into());
                    found.push((item.key, item.member.name().to_owned(), bytes));
                }
                Err(error) => return (found, Some(error.message().to_owned())),
            }
        }
        (found, None)
    }

    fn keys(&self) -> Vec<String> {
        self.all().0.into_iter().map(|(key, ..)| key).collect()
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])], method: ::zip::CompressionMethod) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = ::zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A header of a name and kind that the builder would refuse.
fn raw(name: &[u8], kind: EntryType, size: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut block = bytes.to_vec();
    block.resize(bytes.len().div_ceil(512) * 512, 0);
    block
}

const SHARD: [(&str, &[u8]); 6] = [
    ("000.jpg", b"first"),
    ("000.json", br#"{"url": "https://a/0", "caption": "a cat", "size": {"w": 1}}"#),
    ("000.txt", b"a cat\n"),
    ("001.cls", b"7"),
    ("001.PNG", b"second"),
    ("deep/er/002.webp", b""),
];

#[test]
fn the_same_members_come_from_every_kind_of_archive() {
    let tarred = tar(&SHARD);
    let expected = [("000", "000.jpg", "first"), ("001", "001.PNG", "second"), ("deep/er/002", "deep/er/002.webp", "")];
    let expected: Vec<_> = expected.map(|(key, name, bytes)| (key.to_owned(), name.to_owned(), bytes.into())).into();
    for bytes in [
        tarred.clone(),
        gzip(&tarred),
        zip(&SHARD, ::zip::CompressionMethod::Stored),
        zip(&SHARD, ::zip::CompressionMethod::Deflated),
    ] {
        let made = Made::new(&bytes);
        assert_eq!(made.all(), (expected.clone(), None));
        assert_eq!(made.open().map(|item| item.unwrap().extra).collect::<Vec<_>>(), [None, None, None]);
        let extras: Vec<_> =
            made.open().with_sidecars().map(|item| Value::Object(item.unwrap().extra.unwrap())).collect();
        let first = serde_json::json!({"url": "https://a/0", "caption": "a cat", "size": {"w": 1}, "txt": "a cat"});
        assert_eq!(extras, [first, serde_json::json!({"cls": 7}), serde_json::json!({})]);
    }
}

/// The bytes are read when they are asked for, from wherever the handle has gone.
#[test]
fn members_are_read_later_in_any_order_by_any_thread() {
    let many: Vec<(String, Vec<u8>)> =
        (0..200_u32).map(|n| (format!("{n:04}.png"), vec![n.to_le_bytes()[0]; 700])).collect();
    let members: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    for bytes in [tar(&members), zip(&members, ::zip::CompressionMethod::Deflated)] {
        let made = Made::new(&bytes);
        let found: Vec<Item> = made.open().map(Result::unwrap).collect();
        assert!(found.iter().all(|item| item.member.held().is_none()), "nothing is in memory yet");
        std::thread::scope(|scope| {
            for share in found.chunks(50) {
                scope.spawn(move || {
                    for item in share.iter().rev() {
                        let number: u32 = item.key.parse().unwrap();
                        assert_eq!(read(&item.member.clone(), LIMIT).unwrap(), vec![number.to_le_bytes()[0]; 700]);
                    }
                });
            }
        });
    }
}

#[test]
fn further_images_of_a_sample_have_their_own_ending_in_the_key() {
    let members: [(&str, &[u8]); 5] =
        [("a.left.jpg", b"1"), ("a.right.jpg", b"2"), ("a.txt", b"both"), ("b.jpg", b"3"), ("a.jpg", b"4")];
    let made = Made::new(&tar(&members));
    assert_eq!(made.keys(), ["a", "a.right.jpg", "b", "a"]);
    let texts: Vec<_> =
        made.open().with_sidecars().map(|item| item.unwrap().extra.unwrap().get("txt").cloned()).collect();
    assert_eq!(texts, [Some("both".into()), Some("both".into()), None, None]);
}

/// I19: long names, other bytes than UTF-8, names that would lead out of a folder: all are only names.
#[test]
fn every_name_is_kept_and_none_is_followed() {
    let long = format!("{}/{}.jpg", "d".repeat(150), "n".repeat(180));
    let mut bytes = tar(&[(&long, b"long")]);
    bytes.truncate(bytes.len() - 1024);
    for name in
        [&b"/etc/shadow.png"[..], b"../../up.png", b"caf\xe9.png", "\u{1f600}\u{202e}.png".as_bytes(), b"-rf.png"]
    {
        bytes.extend(raw(name, EntryType::Regular, 0));
    }
    let record = b"path=pax/\xc3\xa4.png\n";
    let record = [format!("{} ", record.len() + 3).as_bytes(), record].concat();
    bytes.extend(raw(b"pax", EntryType::XHeader, record.len() as u64));
    bytes.extend(padded(&record));
    bytes.extend(raw(b"short.png", EntryType::Regular, 0));
    bytes.extend([0; 1024]);
    let (found, error) = Made::new(&bytes).all();
    let names: Vec<_> = found.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(error, None);
    let expected =
        [&long, "/etc/shadow.png", "../../up.png", "caf\\xe9.png", "\u{1f600}\u{202e}.png", "-rf.png", "pax/ä.png"];
    assert_eq!(names, expected);
}

#[test]
fn links_folders_and_hidden_files_are_passed_over_and_counted() {
    let mut bytes = raw(b"folder.png/", EntryType::Directory, 4096);
    bytes.extend(raw(b"link.png", EntryType::Symlink, 0));
    bytes.extend(raw(b"hard.png", EntryType::Link, 0));
    bytes.extend(raw(b"device.png", EntryType::Char, 0));
    bytes.extend(raw(b"global", EntryType::XGlobalHeader, 3));
    bytes.extend(padded(b"abc"));
    bytes.extend(tar(&[("._a.png", b"x"), ("README", b"x"), ("a.pdf", b"x"), ("a.png", b"image")]));
    let made = Made::new(&bytes);
    let mut archive = made.open();
    let keys: Vec<_> = archive.by_ref().map(|item| item.unwrap().key).collect();
    assert_eq!((keys, archive.skipped()), (vec!["a".to_owned()], 6));
}

#[test]
fn a_sparse_member_is_passed_over_and_the_next_is_found() {
    let mut sparse = Header::new_gnu();
    sparse.as_mut_bytes()[..10].copy_from_slice(b"sparse.png");
    sparse.set_entry_type(EntryType::GNUSparse);
    sparse.set_size(600);
    sparse.as_gnu_mut().unwrap().set_is_extended(true);
    sparse.set_cksum();
    let mut bytes = sparse.as_bytes().to_vec();
    // Two more blocks of the map of its holes; the first says that there is a second.
    let mut more = [0; 1024];
    more[504] = 1;
    bytes.extend(more);
    bytes.extend([1; 1024]);
    bytes.extend(tar(&[("next.png", b"image")]));
    let made = Made::new(&bytes);
    let mut archive = made.open();
    let items: Vec<_> = archive.by_ref().map(Result::unwrap).collect();
    assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["sparse", "next"]);
    assert!(read(&items[0].member, LIMIT).unwrap_err().message().contains("sparse"));
    assert_eq!(read(&items[1].member, LIMIT).unwrap(), b"image");
}

/// A sample without end must not be collected without end.
#[test]
fn a_sample_of_very_many_images_is_handed_out_before_it_ends() {
    let many: Vec<String> = (0..500).map(|number| format!("one.{number}.png")).collect();
    let members: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    let made = Made::new(&tar(&members));
    let mut archive = made.open().with_sidecars();
    let mut most = 0;
    let mut count = 0;
    while let Some(item) = archive.next() {
        item.unwrap();
        count += 1;
        most = most.max(archive.ready.len());
    }
    assert_eq!(count, 500);
    assert!(most < 64, "{most} were waiting");
}

#[test]
fn sidecars_that_cannot_be_read_do_not_cost_the_image() {
    let large = vec![b'x'; 1024 * 1024 + 1];
    let members: [(&str, &[u8]); 6] = [
        ("a.json", b"{broken"),
        ("a.png", b"1"),
        ("b.txt", &large),
        ("b.png", b"2"),
        ("c.json", b"[1]"),
        ("c.png", b"\xff"),
    ];
    let tarred = tar(&members);
    for bytes in [tarred.clone(), gzip(&tarred), zip(&members, ::zip::CompressionMethod::Deflated)] {
        let made = Made::new(&bytes);
        let extras: Vec<_> =
            made.open().with_sidecars().map(|item| Value::Object(item.unwrap().extra.unwrap())).collect();
        assert_eq!(extras[0], serde_json::json!({"json": "{broken"}));
        assert!(extras[1]["sidecar_error"].as_str().unwrap().contains("1024 KiB"), "{}", extras[1]);
        assert_eq!(extras[2], serde_json::json!({"json": [1]}));
    }
}
