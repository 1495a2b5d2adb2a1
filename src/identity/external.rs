//! A program that prints credentials as JSON (`process_command` of a profile). Run without a shell; what it writes to its
//! standard error is thrown away, since it may hold anything.
//!
//! Never *absent*; every failure is an *error*.
use super::answer::{self, PROGRAM};
use super::notices::Notices;
use super::{Found, Issued, Provide, Providing, World, broken};
use crate::error::Result;
use crate::wire::json;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// More than this is no answer.
const LARGEST: u64 = 64 * 1024;
/// How often a program that has closed its output is asked whether it has ended.
const TICK: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct External {
    command: String,
    who: String,
}

/// Ends the program with whoever waits for it: after a time-out, or when the call is given up.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            // Its children go with it: it was made the head of a group.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl External {
    pub(super) fn new(command: String, who: String) -> Self {
        Self { command, who }
    }

    async fn look(&self) -> Result<Found> {
        let who = format!("the process_command of {}", self.who);
        let words = words(&self.command).ok_or_else(|| broken(format!("{who} has a quote that does not end")))?;
        let Some((program, arguments)) = words.split_first() else {
            return Err(broken(format!("{who} is empty")));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let failed = |why: String| broken(format!("{who} {why}"));
        let child = command.spawn().map_err(|error| failed(format!("could not be started: {}", error.kind())))?;
        let mut running = Running(child);
        let output = running.0.stdout.take().ok_or_else(|| failed("has no output".to_owned()))?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            output.take(LARGEST + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = reading.await.ok().and_then(std::result::Result::ok).unwrap_or_default();
        if bytes.len() as u64 > LARGEST {
            return Err(failed("printed more than 64 KB".to_owned()));
        }
        let status = loop {
            let ended = running.0.try_wait().map_err(|error| failed(format!("got lost: {}", error.kind())))?;
            match ended {
                Some(status) => break status,
                None => tokio::time::sleep(TICK).await,
            }
        };
        if !status.success() {
            return Err(failed(format!("failed ({status}); run it in a shell to see why")));
        }
        read(&who, &bytes).map(Found::Here)
    }
}

fn read(who: &str, bytes: &[u8]) -> Result<Issued> {
    let object = answer::object(who, bytes)?;
    let has_token = json::text(&object, PROGRAM.token).is_some_and(|token| !token.is_empty());
    if json::text(&object, "mode").is_some_and(|mode| mode == "StsToken") && !has_token {
        return Err(broken(format!("{who} gave the mode StsToken without sts_token")));
    }
    answer::read(who, &object, PROGRAM, false)
}

/// The words of a command line, with quotes and backslashes as a shell understands them, and nothing else of a shell.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None | Some('"'), '\\') => {
                let next = letters.next()?;
                let word = word.get_or_insert_default();
                if quote.is_some() && !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

impl Provide for External {
    fn provide<'a>(&'a self, _: World<'a>, _: &'a Notices) -> Providing<'a> {
        Box::pin(self.look())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_splits_it_and_nothing_is_expanded() {
        let split = |text: &str| words(text).unwrap().join("|");
        assert_eq!(split(r#"a  'b c' "d \" \x" e\ f ''"#), r#"a|b c|d " \x|e f|"#);
        assert_eq!(split("echo $HOME; rm `x` > y"), "echo|$HOME;|rm|`x`|>|y");
        assert_eq!(words("   ").unwrap(), Vec::<String>::new());
        assert!(words("a 'b").is_none() && words("a\\").is_none());
    }
}
