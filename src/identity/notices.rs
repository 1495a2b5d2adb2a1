//! What a user should know though the call goes on.
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A file with secrets can be read by others than its owner (M09). Said once.
pub const EXPOSED: &str = "credentials_file_exposed";
/// The credentials in use could not be replaced in time; they are still good (A14). Said once a minute.
pub const STALE: &str = "credentials_not_refreshed";
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Board {
    pending: Vec<&'static str>,
    is_exposed: bool,
    stale_at: Option<Duration>,
}

/// Waits until the next result takes it along.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<Board>);

impl Notices {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn exposed(&self) {
        let mut board = self.board();
        if !board.is_exposed {
            board.is_exposed = true;
            board.pending.push(EXPOSED);
        }
    }

    pub(super) fn stale(&self, now: Duration) {
        let mut board = self.board();
        if board.stale_at.is_none_or(|at| now.saturating_sub(at) >= MINUTE) {
            board.stale_at = Some(now);
            board.pending.push(STALE);
        }
    }

    pub(super) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.board().pending)
    }
}
