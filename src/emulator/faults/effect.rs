//! What a fault makes of an answer: another answer, or bytes and silences on the bare connection.
use super::action::{Action, Shape};
use super::script::{Ending, Script, Step};
use super::{Fault, Stage, gzip};
use crate::emulator::reply::{Refusal, Reply, Summary};
use bytes::Bytes;
use std::time::Duration;

/// What goes back for a request.
#[derive(Debug)]
pub(in crate::emulator) enum Told {
    Reply(Reply),
    Play(Script),
}

impl Told {
    /// Of an answer that goes back whole.
    pub(in crate::emulator) fn summary(&self) -> Option<Summary> {
        match self {
            Self::Reply(reply) => Some(reply.summary()),
            Self::Play(_) => None,
        }
    }
}

/// What a refusal is written with.
#[derive(Debug, Clone, Copy)]
pub(in crate::emulator) struct Paper<'a> {
    pub operation: &'a str,
    pub request_id: &'a str,
    pub host: &'a str,
    /// For the `date` header of what is played.
    pub date: &'a str,
}

impl Paper<'_> {
    fn is_storage(&self) -> bool {
        self.operation == "PutObject"
    }

    fn refuse(&self, status: u16, code: &str, message: &str, ec: &str) -> Reply {
        let refusal = Refusal::new(status, code, message);
        match self.is_storage() {
            true => Reply::storage(self.request_id, self.host, &refusal, ec),
            false => Reply::gateway(self.request_id, self.host, &refusal),
        }
    }

    /// What a fault before the charge spoils: an answer that says so.
    pub(in crate::emulator) fn uncharged(&self) -> Reply {
        match self.is_storage() {
            true => self.refuse(500, "InternalError", "Failed on purpose.", "0002-00000000"),
            false => Reply::business(self.request_id, 500, "Failed on purpose, nothing was charged."),
        }
    }
}

impl Fault {
    /// How long to wait before going on as if nothing had happened.
    pub(in crate::emulator) fn delay(&self) -> Option<Duration> {
        match (&*self.action, self.stage) {
            (_, Stage::MidHeaders | Stage::MidBody | Stage::AfterBody) => None,
            (Action::Delay(span), _) => Some(*span),
            _ => None,
        }
    }

    /// What is done to a connection before anything is read from it.
    pub(in crate::emulator) fn script(&self) -> Script {
        match &*self.action {
            Action::Delay(span) => Script { steps: vec![Step::Wait(*span)], ending: Ending::Keep },
            Action::Stall(limit) => Script::ends(Ending::Deaf(*limit)),
            Action::Garbage(text) => Script::writes(text.clone(), Ending::Fin),
            Action::Rst => Script::ends(Ending::Rst),
            _ => Script::ends(Ending::Fin),
        }
    }

    /// What goes back instead of this answer.
    pub(in crate::emulator) fn tell(&self, reply: Reply, paper: &Paper<'_>) -> Told {
        match self.stage {
            Stage::MidHeaders | Stage::MidBody | Stage::AfterBody => Told::Play(self.cut(&reply, paper)),
            Stage::MidRequest if matches!(*self.action, Action::Stall(_)) => Told::Play(self.script()),
            _ => self.replace(reply, paper),
        }
    }

    /// The answer up to the stage, and then what the action does.
    fn cut(&self, reply: &Reply, paper: &Paper<'_>) -> Script {
        let head = reply.head(paper.date, &[("content-length", reply.body.len().to_string())]);
        let at = match self.stage {
            Stage::MidHeaders => head.len() / 2,
            Stage::MidBody if reply.body.is_empty() => head.len() - 2,
            Stage::MidBody => head.len() + reply.body.len() / 2,
            _ => head.len() + reply.body.len(),
        };
        let mut first = Bytes::from([head.as_bytes(), &reply.body].concat());
        let rest = first.split_off(at.min(first.len()));
        let mut steps = vec![Step::Write(first)];
        let ending = match &*self.action {
            Action::Delay(span) => {
                steps.extend([Step::Wait(*span), Step::Write(rest)]);
                Ending::Keep
            }
            Action::Stall(limit) => Ending::Silence(*limit),
            // Behind a whole answer, it is the next one that the bytes would be taken for. They come in one piece with it: a
            // client that got them later, when its next request is under way, could not tell.
            Action::Garbage(text) if self.stage == Stage::AfterBody => {
                return Script::writes([head.as_bytes(), &reply.body, text.as_bytes()].concat(), Ending::Keep);
            }
            Action::Garbage(text) => {
                steps.push(Step::Write(Bytes::from(text.clone())));
                Ending::Fin
            }
            Action::Rst => Ending::Rst,
            _ => Ending::Fin,
        };
        Script { steps, ending }
    }

    fn replace(&self, reply: Reply, paper: &Paper<'_>) -> Told {
        let json = |reply: Reply, body: Vec<u8>| Told::Reply(Reply { body: Bytes::from(body), ..reply });
        match &*self.action {
            Action::Stall(limit) => Told::Play(Script::ends(Ending::Silence(*limit))),
            Action::Fin => Told::Play(Script::ends(Ending::Fin)),
            Action::Rst => Told::Play(Script::ends(Ending::Rst)),
            Action::Garbage(text) => Told::Play(Script::writes(text.clone(), Ending::Fin)),
            Action::Html(status) => Told::Reply(page(*status)),
            Action::Redirect { status, location } => {
                let mut reply = page(*status);
                reply.headers.push(("location", location.clone()));
                Told::Reply(reply)
            }
            Action::Status { status, body, content_type, retry } => {
                let mut reply = Reply {
                    status: *status,
                    headers: vec![("content-type", content_type.clone())],
                    body: Bytes::from(body.clone()),
                    code: status.to_string(),
                };
                reply.headers.extend(retry.headers());
                Told::Reply(reply)
            }
            Action::Throttle { shape, retry } => {
                let mut reply = match shape {
                    Shape::Http => page(429),
                    _ if paper.is_storage() => {
                        paper.refuse(503, "SlowDown", "Please reduce your request rate.", "0002-00000000")
                    }
                    Shape::Body => {
                        Reply::business(paper.request_id, 403, "The number of calls per second is exceeded.")
                    }
                    Shape::Gateway => {
                        paper.refuse(400, "Throttling.User", "Request was denied due to user flow control.", "")
                    }
                };
                reply.headers.extend(retry.headers());
                Told::Reply(reply)
            }
            Action::ExpiredToken if paper.is_storage() => Told::Reply(paper.refuse(
                403,
                "SecurityTokenExpired",
                "The security token you provided has expired.",
                "0002-00000007",
            )),
            Action::ExpiredToken => Told::Reply(paper.refuse(
                400,
                "InvalidSecurityToken.Expired",
                "Specified security token is expired.",
                "",
            )),
            Action::Refuse { status, code, message, ec } => Told::Reply(paper.refuse(*status, code, message, ec)),
            Action::NonceUsed => {
                Told::Reply(paper.refuse(400, "SignatureNonceUsed", "Specified signature nonce was used already.", ""))
            }
            Action::Gzip(blanks) => {
                let packed = gzip::pack(&reply.body, *blanks);
                let mut reply = Reply { body: Bytes::from(packed), ..reply };
                reply.headers.push(("content-encoding", "gzip".to_owned()));
                Told::Reply(reply)
            }
            Action::Truncate(keep) => {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
                let length = (reply.body.len() as f64 * keep) as usize;
                let body = reply.body.slice(..length.min(reply.body.len()));
                Told::Reply(Reply { body, ..reply })
            }
            Action::DuplicateKeys => {
                let body = with_member(&reply.body, b"\"Code\":500");
                json(reply, body)
            }
            Action::DeepNesting(depth) => {
                let deep = [&b"\"Deep\":"[..], &b"[".repeat(*depth), &b"]".repeat(*depth)].concat();
                let body = with_member(&reply.body, &deep);
                json(reply, body)
            }
            Action::InvalidUtf8 => {
                let body = with_member(&reply.body, b"\"Note\":\"\xFF\xFE\"");
                json(reply, body)
            }
            Action::Crc => {
                let mut reply = reply;
                for (name, value) in &mut reply.headers {
                    if *name == "x-oss-hash-crc64ecma" {
                        *value = value.parse::<u64>().map_or_else(|_| "0".to_owned(), |crc| (!crc).to_string());
                    }
                }
                Told::Reply(reply)
            }
            _ => Told::Play(self.reframe(&reply, paper)),
        }
    }

    /// The answer with another frame around it than HTTP asks for.
    fn reframe(&self, reply: &Reply, paper: &Paper<'_>) -> Script {
        let length = |length: usize| ("content-length", length.to_string());
        let whole = |head: String, body: &[u8]| [head.as_bytes(), body].concat();
        let chunked = ("transfer-encoding", "chunked".to_owned());
        let chunk = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
        let plain = [length(reply.body.len())];
        match &*self.action {
            Action::ContentLength(by) => {
                let by_header = i64::try_from(reply.body.len()).unwrap_or(i64::MAX).saturating_add(*by).max(0);
                let head = reply.head(paper.date, &[("content-length", by_header.to_string())]);
                let ending = if *by > 0 { Ending::Fin } else { Ending::Keep };
                Script::writes(whole(head, &reply.body), ending)
            }
            Action::TwoLengths => {
                let head = reply.head(paper.date, &[length(5), chunked]);
                let body = [chunk(&reply.body), b"0\r\n\r\n".to_vec()].concat();
                Script::writes(whole(head, &body), Ending::Keep)
            }
            Action::Endless { bytes, interval, limit } => {
                let first = if reply.body.is_empty() { &b" "[..] } else { &reply.body };
                let head = reply.head(paper.date, &[chunked]);
                let start = whole(head, &chunk(first));
                let again = Bytes::from(chunk(&b" ".repeat(*bytes)));
                let steps = vec![Step::Write(start.into()), Step::Forever(again, *interval, *limit)];
                Script { steps, ending: Ending::Fin }
            }
            Action::Trickle { bytes, interval } => {
                let all = Bytes::from(whole(reply.head(paper.date, &plain), &reply.body));
                Script { steps: vec![Step::Trickle(all, *bytes, *interval)], ending: Ending::Keep }
            }
            Action::Headers { count, bytes } => {
                let mut head = reply.head(paper.date, &plain);
                head.truncate(head.len() - 2);
                let value = "v".repeat(*bytes);
                for at in 0..*count {
                    head.extend(["x-more-", &at.to_string(), ": ", &value, "\r\n"]);
                }
                Script::writes(whole(head + "\r\n", &reply.body), Ending::Keep)
            }
            Action::Informational(count) => {
                let hints = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n".repeat(*count);
                Script::writes(whole(hints + &reply.head(paper.date, &plain), &reply.body), Ending::Keep)
            }
            Action::NoContent => {
                let head = Reply { status: 204, ..reply.clone() }.head(paper.date, &plain);
                Script::writes(whole(head, &reply.body), Ending::Keep)
            }
            _ => {
                let head = reply.head(paper.date, &[]).replacen("HTTP/1.1", "HTTP/1.0", 1);
                Script::writes(whole(head, &reply.body), Ending::Fin)
            }
        }
    }
}

/// A page of somebody in between, for people.
fn page(status: u16) -> Reply {
    let title = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let title = title.unwrap_or("Login required");
    let body = format!(
        "<!doctype html>\n<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>\n"
    );
    Reply {
        status,
        headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
        body: Bytes::from(body),
        code: status.to_string(),
    }
}

/// A JSON object with one more member at its beginning; anything else stays as it is.
fn with_member(body: &[u8], member: &[u8]) -> Vec<u8> {
    match body.strip_prefix(b"{") {
        Some(rest) => [&b"{"[..], member, b",", rest].concat(),
        None => body.to_vec(),
    }
}
