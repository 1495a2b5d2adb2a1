use super::*;
use std::future::poll_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const HEAD: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n";

/// What becomes of a request whose other side plays a part; the request that the other side saw is its own affair.
async fn outcome<F: Future<Output = DuplexStream> + Send + 'static>(
    room: usize,
    body: &[u8],
    part: impl FnOnce(DuplexStream) -> F,
) -> (Result<Answer, Failure>, bool) {
    let (mut near, far) = tokio::io::duplex(room);
    let other = tokio::spawn(part(far));
    let (taken, mut incoming) = (AtomicBool::new(false), Incoming::default());
    let mut way = Way::new(Outgoing::new(HEAD, body, &taken), &mut incoming);
    let outcome = poll_fn(|context| way.poll(&mut near, context)).await;
    drop(near);
    other.abort();
    (outcome, taken.load(Ordering::Acquire))
}

/// Reads a request of four bytes, then says that in pieces of so many bytes, and hangs or ends.
async fn say(mut far: DuplexStream, text: Vec<u8>, piece: usize, is_last: bool) -> DuplexStream {
    far.read_exact(&mut vec![0; HEAD.len() + 4]).await.unwrap();
    for part in text.chunks(piece) {
        if far.write_all(part).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    if is_last {
        let _ = far.shutdown().await;
    }
    std::future::pending::<()>().await;
    far
}

async fn said(text: &[u8], piece: usize, is_last: bool) -> Result<Answer, Failure> {
    let text = text.to_vec();
    outcome(1 << 20, b"body", move |far| say(far, text, piece, is_last)).await.0
}

/// F16: the same answer, however it comes; E21: interim answers are passed over.
#[tokio::test]
async fn an_answer_is_the_same_in_any_pieces() {
    let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nDate: d\r\ncontent-length: 5\r\n\r\nhello";
    for piece in 1..=text.len() {
        let (response, is_kept) = said(text, piece, false).await.unwrap();
        assert_eq!((response.status, &response.body[..], response.header("date")), (200, &b"hello"[..], Some("d")));
        assert!(is_kept, "{piece}");
    }
}

/// E14: what follows an answer makes its connection the last's.
#[tokio::test]
async fn a_connection_with_more_to_say_is_not_kept() {
    for text in ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok!", "HTTP/1.1 204 None\r\ncontent-length: 2\r\n\r\nok"]
    {
        let (response, is_kept) = said(text.as_bytes(), 999, false).await.unwrap();
        assert!(!is_kept && response.body.len() <= 2, "{text}");
    }
    let (response, is_kept) = said(b"HTTP/1.0 200 OK\r\n\r\nok", 999, true).await.unwrap();
    assert_eq!((&response.body[..], is_kept), (&b"ok"[..], false));
}

/// F14, E13: an end within an answer is never an answer.
#[tokio::test]
async fn an_answer_that_is_cut_off_is_none() {
    let text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    for end in 0..text.len() {
        let failure = said(&text[..end], 999, true).await.unwrap_err();
        assert_eq!((failure.kind, failure.sent), (Kind::AmbiguousOutcome, true), "{end}");
    }
    assert!(said(text, 7, true).await.unwrap().1);
}

/// E18, E19, E20.
#[tokio::test]
async fn what_is_too_much_is_given_up() {
    let endless = |head: &str, part: &str| [head.as_bytes(), part.repeat(1 << 16).as_bytes()].concat();
    for (text, kind) in [
        (endless("HTTP/1.1 200 OK\r\n", "x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"), Kind::AmbiguousOutcome),
        (endless("HTTP/1.1 200 ", "x"), Kind::AmbiguousOutcome),
        (endless("HTTP/1.1 200 OK\r\n\r\n", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"), Kind::ResponseDecode),
        (endless("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n", "y"), Kind::ResponseDecode),
    ] {
        let failure = said(&text, 9_999, false).await.unwrap_err();
        assert_eq!((failure.kind, failure.sent), (kind, true), "{failure:?}");
    }
}

/// F13: an answer before the request was read counts, and ends the connection; also where the other side then goes.
#[tokio::test]
async fn an_answer_may_come_before_the_request_is_written() {
    for goes in [false, true] {
        let (outcome, taken) = outcome(1_000, &vec![7; 100_000], move |mut far| async move {
            far.read_exact(&mut [0; 10]).await.unwrap();
            far.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
            if goes {
                let (_, end) = tokio::io::duplex(1);
                return end;
            }
            std::future::pending::<()>().await;
            far
        })
        .await;
        let (response, is_kept) = outcome.unwrap();
        assert_eq!((response.status, &response.body[..], is_kept, taken), (413, &b"no"[..], false, true), "{goes}");
    }
}

/// F09: a connection that has ended takes nothing, which is proof that nothing was sent.
#[tokio::test]
async fn what_was_not_taken_was_not_sent() {
    let (mut near, far) = tokio::io::duplex(64);
    drop(far);
    let (taken, mut incoming) = (AtomicBool::new(false), Incoming::default());
    let mut way = Way::new(Outgoing::new(HEAD, b"body", &taken), &mut incoming);
    let failure = poll_fn(|context| way.poll(&mut near, context)).await.unwrap_err();
    assert_eq!((failure.kind, failure.sent, way.is_taken()), (Kind::Connect, false, false));
}
