//! The heads of HTTP/1.1: a request's is written, an answer's is read (RFC 9112).
use super::headers::Headers;
use super::{HeaderText, Request};
use crate::error::{Error, Kind, Result};
use std::mem::MaybeUninit;

/// The largest head of an answer that is read.
pub(super) const HEAD_CAP: usize = 64 * 1024;
/// The most headers of one.
const MOST: usize = 100;

/// Writes a request's head. A value that would end its line, or that a server might read in two ways, is refused.
pub(super) fn write(request: &Request, authority: &str, target: &str) -> Result<Vec<u8>> {
    let room = request.headers.iter().map(|(name, text)| name.len() + text.expose().len() + 4).sum::<usize>();
    let mut head = Vec::with_capacity(room + target.len() + authority.len() + 64);
    for part in [request.method, " ", target, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    if request.headers.iter().all(|(name, _)| *name != "host") {
        line(&mut head, "host", authority)?;
    }
    for (name, text) in &request.headers {
        line(&mut head, name, text.expose())?;
    }
    // A method that has a body says how long it is, also where that is nothing.
    if !request.body.is_empty() || matches!(request.method, "POST" | "PUT") {
        line(&mut head, "content-length", &request.body.len().to_string())?;
    }
    head.extend_from_slice(b"\r\n");
    Ok(head)
}

fn line(head: &mut Vec<u8>, name: &str, value: &str) -> Result<()> {
    // Without a way out early, so that it is done for many bytes at once.
    if value.bytes().fold(false, |is_odd, byte| is_odd | !matches!(byte, b' '..=b'~' | b'\t')) {
        return Err(Error::new(Kind::Config, format!("the value of the header {name} cannot be sent")));
    }
    for part in [name, ": ", value, "\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// A request to a proxy for a way to somebody else.
pub(super) fn connect(target: &str, authorization: Option<&HeaderText>) -> Result<Vec<u8>> {
    let mut head = format!("CONNECT {target} HTTP/1.1\r\n").into_bytes();
    line(&mut head, "host", target)?;
    if let Some(value) = authorization {
        line(&mut head, "proxy-authorization", value.expose())?;
    }
    head.extend_from_slice(b"\r\n");
    Ok(head)
}

/// An answer's head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: Headers,
    /// Whether it is HTTP/1.1, where connections are kept unless something else is said.
    pub(super) is_current: bool,
    /// Its bytes.
    pub(super) length: usize,
}

impl Head {
    /// Whether another one follows for the same request. A change of protocol is a last word: nobody asked for one.
    pub(super) const fn is_interim(&self) -> bool {
        matches!(self.status, 100..=199) && self.status != 101
    }
}

/// Reads a head, if it is there as a whole. An error says why it is none.
pub(super) fn parse(bytes: &[u8]) -> std::result::Result<Option<Head>, String> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST];
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut response, bytes, &mut fields) {
        Ok(httparse::Status::Partial) if bytes.len() >= HEAD_CAP => {
            Err(format!("the head of the answer is larger than {} KiB", HEAD_CAP / 1024))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) => {
            let mut headers = Headers::with_capacity(response.headers.len(), length);
            for field in response.headers.iter() {
                headers.push(field.name, field.value);
            }
            let status = response.code.unwrap_or_default();
            Ok(Some(Head { status, headers, is_current: response.version == Some(1), length }))
        }
        Err(error) => Err(format!("the answer is not HTTP/1.1 ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secret;
    use bytes::Bytes;
    use std::time::Duration;

    fn request(method: &'static str, headers: Vec<(&'static str, HeaderText)>, body: &'static str) -> Request {
        let (url, body) = (Secret::new("http://h/"), Bytes::from(body));
        Request { method, url, headers, body, is_loopback: true, time: Duration::ZERO }
    }

    fn written(request: &Request) -> String {
        String::from_utf8(write(request, "h:8", "/p?q=1").unwrap()).unwrap()
    }

    #[test]
    fn a_head_has_a_host_and_the_length_of_its_body() {
        let plain = |text: &str| HeaderText::Plain(text.into());
        let post = request("POST", vec![("host", plain("own")), ("x-a", plain("b c"))], "four");
        assert_eq!(written(&post), "POST /p?q=1 HTTP/1.1\r\nhost: own\r\nx-a: b c\r\ncontent-length: 4\r\n\r\n");
        assert_eq!(written(&request("GET", vec![], "")), "GET /p?q=1 HTTP/1.1\r\nhost: h:8\r\n\r\n");
        assert!(written(&request("PUT", vec![], "")).contains("content-length: 0\r\n"));
    }

    #[test]
    fn a_value_that_would_be_another_header_is_refused() {
        for value in ["a\r\nx-b: c", "a\nb", "caf\u{e9}", "\0", "\u{7f}"] {
            let refused = write(&request("POST", vec![("x-a", HeaderText::Plain(value.into()))], ""), "h", "/");
            let error = refused.unwrap_err();
            assert!(error.kind() == Kind::Config && error.message().contains("x-a"), "{error}");
            assert!(!error.message().contains(value), "{error}");
        }
    }

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = b"HTTP/1.1 200 OK\r\nDate: now\r\nX-Empty:\r\n\r\nbody";
        for end in 0..text.len() - 4 {
            assert!(parse(&text[..end]).unwrap().is_none(), "{end}");
        }
        let head = parse(text).unwrap().unwrap();
        assert_eq!((head.status, head.length, head.is_current, head.is_interim()), (200, text.len() - 4, true, false));
        assert_eq!((head.headers.get("date"), head.headers.get("x-empty")), (Some("now"), Some("")));
        assert!(parse(b"HTTP/1.1 103 Early Hints\r\n\r\n").unwrap().unwrap().is_interim());
        assert!(!parse(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap().unwrap().is_interim());
    }

    /// E20, E21, F23.
    #[test]
    fn what_is_no_head_is_told_at_once() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MOST + 1));
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_CAP));
        let folded = "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n";
        for text in
            ["SSH-2.0-x\r\n", "\0\0\0", "HTTP/3.7 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", &many, &long, folded]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text:.40}");
        }
    }
}
