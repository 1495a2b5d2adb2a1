//! What Midjourney writes into `Description`: the prompt, its options, and the job.
use super::{generated, with_all};
use crate::evidence::Evidence;
use std::borrow::Cow;
use uuid::Uuid;

const JOB: &str = "Job ID:";
/// Options of a prompt; an image of another program is not described by them.
const OPTIONS: [&str; 24] = [
    "v", "version", "ar", "aspect", "niji", "s", "stylize", "c", "chaos", "q", "quality", "style", "iw", "no", "seed",
    "tile", "weird", "w", "sref", "cref", "profile", "p", "raw", "hd",
];

/// `a cat --ar 4:3 --v 5.2 Job ID: 2b6e053b-9a65-4ca9-9e13-b6f4465164d4`.
pub(super) fn read(text: &str) -> Option<Evidence> {
    let (prompt, job) = text.rsplit_once(JOB)?;
    let job = Uuid::try_parse(job.trim().get(..36)?).ok()?;
    let mut options =
        prompt.split_whitespace().filter_map(|word| word.strip_prefix("--").or_else(|| word.strip_prefix('—')));
    if !options.any(|option| OPTIONS.contains(&option)) {
        return None;
    }
    let mut words = prompt.split_whitespace();
    let version = words.find(|word| matches!(*word, "--v" | "--version" | "--niji")).and_then(|_| words.next());
    Some(with_all(
        generated("Midjourney"),
        [
            ("prompt", Some(Cow::Borrowed(prompt))),
            ("version", version.map(Cow::Borrowed)),
            ("job", Some(Cow::Owned(job.hyphenated().to_string()))),
        ],
    ))
}
