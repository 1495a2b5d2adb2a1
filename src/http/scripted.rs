//! A transport that answers from a list, for tests of the rooms above: it remembers what was asked of it.
use super::{Failure, Request, Response, Sending, Transport};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Answers in the order of the list; an empty list is a failure to connect.
#[derive(Debug, Default)]
pub struct Scripted {
    answers: Mutex<VecDeque<Result<Response, Failure>>>,
    requests: Mutex<Vec<Request>>,
}

impl Scripted {
    pub fn new(answers: impl IntoIterator<Item = Result<Response, Failure>>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), requests: Mutex::default() }
    }

    /// What was sent so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An answer with a body and, as pairs, headers.
pub fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Result<Response, Failure> {
    let headers = headers.iter().copied().collect();
    Ok(Response { status, headers, body: Bytes::copy_from_slice(body.as_bytes()) })
}

impl Transport for Scripted {
    fn send(&self, request: Request) -> Sending<'_> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let next = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let refused = || Err(Failure::new(crate::error::Kind::Connect, false, "the script has no further answer"));
        Box::pin(async move {
            // An answer takes a turn, so that calls made together really overlap.
            tokio::task::yield_now().await;
            next.unwrap_or_else(refused)
        })
    }
}
