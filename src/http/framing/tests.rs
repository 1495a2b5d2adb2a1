use super::super::head;
use super::*;
use proptest::prelude::*;

fn body(headers: &str) -> Result<Body, Flaw> {
    Body::announced(&head::parse(format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes()).unwrap().unwrap())
}

/// Reads a body that comes in pieces of that many bytes: what it is, whether it is whole, and how many bytes follow it.
fn read(headers: &str, text: &[u8], piece: usize) -> Result<(Vec<u8>, bool, usize), Flaw> {
    let mut body = body(headers)?;
    let mut behind = 0;
    for part in text.chunks(piece) {
        let taken = if body.is_whole() { 0 } else { body.take(part)? };
        behind += part.len() - taken;
    }
    let is_whole = body.is_whole();
    Ok((body.bytes, is_whole, behind))
}

/// RFC 9112, section 6.3; E14.
#[test]
fn a_length_is_what_the_headers_agree_on() {
    assert_eq!(read("content-length: 3\r\n", b"abcde", 9), Ok((b"abc".to_vec(), true, 2)));
    assert_eq!(read("content-length: 3, 3\r\nContent-Length: 3\r\n", b"abc", 1), Ok((b"abc".to_vec(), true, 0)));
    assert_eq!(read("content-length: 3\r\n", b"ab", 1), Ok((b"ab".to_vec(), false, 0)));
    for odd in ["ten", "-1", "+1", "1 2", "", "3, 4", "3,", "99999999999999999999999", "0x3"] {
        let flaw = read(&format!("content-length: {odd}\r\n"), b"abc", 9);
        assert!(matches!(flaw, Err(Flaw::Malformed(_))), "{odd}: {flaw:?}");
    }
    assert_eq!(body("content-length: 1048577\r\n").unwrap_err(), Flaw::TooLarge);
}

#[test]
fn a_body_without_a_length_ends_with_its_connection() {
    let found = body("").unwrap();
    assert!(found.ends_with_connection() && !found.is_kept);
    let found = body("transfer-encoding: chunked, gzip\r\n").unwrap();
    assert!(found.ends_with_connection() && !found.is_kept);
    assert_eq!(read("", &vec![0; BODY_CAP + 1], 9_999), Err(Flaw::TooLarge));
}

/// E21: what has no body has none, whatever its head says.
#[test]
fn some_answers_have_no_body() {
    for (status, is_kept) in [(204, true), (304, true), (101, false)] {
        let text = format!("HTTP/1.1 {status} x\r\ncontent-length: 5\r\n\r\n");
        let body = Body::announced(&head::parse(text.as_bytes()).unwrap().unwrap()).unwrap();
        assert!(body.is_whole() && body.is_kept == is_kept, "{status}");
    }
}

#[test]
fn a_connection_is_kept_as_its_version_and_its_words_have_it() {
    for (version, header, is_kept) in [
        ("1.1", "x: y", true),
        ("1.1", "connection: Close", false),
        ("1.0", "x: y", false),
        ("1.0", "connection: keep-alive", true),
    ] {
        let text = format!("HTTP/{version} 200 OK\r\ncontent-length: 0\r\n{header}\r\n\r\n");
        let body = Body::announced(&head::parse(text.as_bytes()).unwrap().unwrap()).unwrap();
        assert_eq!(body.is_kept, is_kept, "{version} {header}");
    }
}

/// RFC 9112, section 7.1; E14.
#[test]
fn chunks_are_put_together_however_they_come() {
    let text = b"3\r\nabc\r\n1;x=\"y\"\r\nd\r\n00A \r\n0123456789\r\n0\r\nx: y\r\n\r\nHTTP/1.1";
    for piece in 1..text.len() {
        let found = read("transfer-encoding: Chunked\r\n", text, piece);
        assert_eq!(found, Ok((b"abcd0123456789".to_vec(), true, 8)), "{piece}");
    }
    assert!(body("transfer-encoding: chunked\r\n").unwrap().is_kept);
    let both = body("transfer-encoding: chunked\r\ncontent-length: 5\r\n").unwrap();
    assert!(!both.is_kept && !both.is_whole());
}

/// E14, E18.
#[test]
fn a_chunk_that_can_be_read_in_two_ways_is_refused() {
    let chunked = "transfer-encoding: chunked\r\n";
    for text in [
        "zz\r\n",
        "\r\n",
        ";x\r\n",
        "3\nabc",
        "3;x\nabc",
        "3\r\nabcd\r\n",
        "3\r\nabc\n",
        "-1\r\n",
        "0\r\nx\n",
        "3\rabc",
    ] {
        let flaw = read(chunked, text.as_bytes(), 99);
        assert!(matches!(flaw, Err(Flaw::Malformed(_))), "{text:?}: {flaw:?}");
    }
    assert!(matches!(read(chunked, b"fffffffffffffffff\r\n", 99), Err(Flaw::Malformed(_))));
    assert_eq!(read(chunked, b"0\r\n\r", 99), Ok((Vec::new(), false, 0)));
    for text in [format!("1;{}", "x".repeat(MOST_EXTRAS)), format!("0\r\n{}", "x: y\r\n".repeat(MOST_EXTRAS))] {
        assert!(matches!(read(chunked, text.as_bytes(), 999), Err(Flaw::Malformed(_))));
    }
    let large = format!("{:x}\r\n", BODY_CAP + 1);
    let flaw = read(chunked, [large.as_bytes(), &vec![0; BODY_CAP + 1]].concat().as_slice(), 7_777);
    assert_eq!(flaw, Err(Flaw::TooLarge));
}

proptest! {
    /// E18: whatever comes, memory is bounded by what came, and each byte is either taken or left.
    #[test]
    fn no_bytes_make_it_panic(text in proptest::collection::vec(prop_oneof![Just(b'0'), Just(b'3'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200), piece in 1_usize..50) {
        if let Ok((found, _, behind)) = read("transfer-encoding: chunked\r\n", &text, piece) {
            prop_assert!(found.len() + behind <= text.len());
        }
    }

    #[test]
    fn what_is_cut_into_chunks_is_read_back(text in proptest::collection::vec(any::<u8>(), 1..300), size in 1_usize..40, piece in 1_usize..50) {
        let mut sent = Vec::new();
        for part in text.chunks(size) {
            sent.extend(format!("{:X}\r\n", part.len()).bytes());
            sent.extend(part);
            sent.extend(b"\r\n");
        }
        sent.extend(b"0\r\n\r\n");
        prop_assert_eq!(read("transfer-encoding: chunked\r\n", &sent, piece), Ok((text, true, 0)));
    }
}
