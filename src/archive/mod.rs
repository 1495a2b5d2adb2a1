//! Images inside of tar and zip files, read where they are: nothing is unpacked onto a disk, and listing an archive reads
//! headers alone. A shard of a million images is walked in a few kilobytes of memory; the bytes of one image are read when
//! somebody has room for them ([`read`]). Only a compressed tar can be read in one direction alone: its images come with
//! their bytes.
//!
//! Members are named as `WebDataset` names them: a sample is what shares a path up to the first dot of the file's name, and
//! this path is its key.
mod file;
mod member;
mod sample;
mod tar;
mod zip;

pub use member::{Member, read};

use crate::error::{Error, Kind, Result};
use crate::image::Limits;
use file::Window;
use flate2::read::MultiGzDecoder;
use member::{Place, failed};
use sample::Samples;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

/// One image of an archive.
#[derive(Debug)]
pub struct Item {
    /// The sample's key; a further image of the same sample has its own ending after it: `000017.mask.png`.
    pub key: String,
    pub member: Member,
    /// What lies beside it (`.json`, `.txt`, `.cls`), where that was asked for.
    pub extra: Option<Map<String, Value>>,
}

/// What one step through an archive came to.
#[derive(Debug)]
pub enum Step {
    Item(Box<Item>),
    /// Something that is no image, or an image whose sample is not complete.
    Nothing,
    /// The rest of the archive cannot be read.
    Error(Error),
    End,
}

/// An archive on its way, from its first member to its last.
#[derive(Debug)]
pub struct Archive {
    walk: Walk,
    shard: Arc<str>,
    samples: Samples,
    ready: VecDeque<Item>,
    /// Set at the end and after an error, which is told after what was read before it.
    over: bool,
    error: Option<Error>,
}

#[derive(Debug)]
enum Walk {
    Tar(tar::Walk<Window>),
    Packed(Box<tar::Walk<file::Stream<MultiGzDecoder<BufReader<Window>>>>>),
    Zip(zip::Walk),
}

/// What a walk finds next: its name and size. The bytes are asked for, or passed over.
#[derive(Debug)]
struct Head {
    name: Vec<u8>,
    size: u64,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    File,
    /// A file with holes, whose bytes in the archive are not those of the file.
    Sparse,
    Folder,
    /// A link, device or whatever else has no bytes of its own.
    Other,
}

/// Opens a tar, a tar under gzip, or a zip; which of them, its first bytes say.
pub fn open(path: &Path) -> Result<Archive> {
    let shard: Arc<str> = path.to_string_lossy().into();
    let window = file::open(path)?;
    let start = window.start().map_err(|problem| failed(&shard, None, &problem.to_string()))?;
    let refused = |why: &str| Err(failed(&shard, None, why));
    let walk = match start.as_slice() {
        [] => return refused("the file is empty"),
        [0x1f, 0x8b, ..] => {
            let stream = file::Stream::new(MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, window)));
            Walk::Packed(Box::new(tar::Walk::new(stream, Arc::clone(&shard))))
        }
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Walk::Zip(zip::Walk::new(window, &shard)?),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return refused("it is packed with zstd; unpack it, or pack it with gzip"),
        [b'B', b'Z', b'h', ..] => return refused("it is packed with bzip2; unpack it, or pack it with gzip"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return refused("it is packed with xz; unpack it, or pack it with gzip"),
        [b'7', b'z', 0xbc, 0xaf, ..] => return refused("it is a 7z file; pack it as tar or zip"),
        [b'R', b'a', b'r', b'!', ..] => return refused("it is a rar file; pack it as tar or zip"),
        _ => Walk::Tar(tar::Walk::new(window, Arc::clone(&shard))),
    };
    Ok(Archive { walk, shard, samples: Samples::default(), ready: VecDeque::new(), over: false, error: None })
}

impl Archive {
    /// Reads what lies beside the images too. An image is then handed out when its sample is complete.
    #[must_use]
    pub fn with_sidecars(mut self) -> Self {
        self.samples.collect();
        self
    }

    /// How many members were passed over so far: neither image nor sidecar nor folder.
    pub fn skipped(&self) -> u64 {
        self.samples.skipped()
    }

    /// Goes on by one member at most, so that whoever drives it can look after other things in between.
    pub fn step(&mut self) -> Step {
        if let Some(item) = self.ready.pop_front() {
            return Step::Item(Box::new(item));
        }
        if let Some(error) = self.error.take() {
            return Step::Error(error);
        }
        if self.over {
            return Step::End;
        }
        if let Err(error) = self.advance() {
            self.error = Some(error);
            self.over = true;
            self.samples.flush(&mut self.ready);
        }
        self.ready.pop_front().map_or(Step::Nothing, |item| Step::Item(Box::new(item)))
    }

    fn advance(&mut self) -> Result<()> {
        let Some(head) = self.walk.next()? else {
            self.over = true;
            self.samples.flush(&mut self.ready);
            return Ok(());
        };
        match self.samples.meet(&head, &mut self.ready) {
            sample::Part::Image(name) => {
                let place = self.walk.place(&head, Limits::default().max_bytes)?;
                let member = Member::new(Arc::clone(&self.shard), &head, place);
                self.samples.image(name, member, &mut self.ready);
            }
            sample::Part::Sidecar(kind) => {
                let bytes = match head.size > sample::SIDECAR_LIMIT {
                    true => Err(format!("it is larger than {} KiB", sample::SIDECAR_LIMIT / 1024)),
                    false => self.walk.bytes(&head, sample::SIDECAR_LIMIT)?,
                };
                self.samples.sidecar(kind, &head, bytes);
            }
            sample::Part::Nothing => {}
        }
        Ok(())
    }
}

impl Iterator for Archive {
    type Item = Result<Item>;

    /// The next image. An error is the last that comes.
    fn next(&mut self) -> Option<Result<Item>> {
        loop {
            match self.step() {
                Step::Item(item) => return Some(Ok(*item)),
                Step::Error(error) => return Some(Err(error)),
                Step::Nothing => {}
                Step::End => return None,
            }
        }
    }
}

impl Walk {
    fn next(&mut self) -> Result<Option<Head>> {
        match self {
            Self::Tar(walk) => walk.next(),
            Self::Packed(walk) => walk.next(),
            Self::Zip(walk) => Ok(walk.next()),
        }
    }

    /// Where the bytes of the last head are.
    fn place(&mut self, head: &Head, limit: u64) -> Result<Place> {
        match self {
            Self::Tar(walk) => walk.place(head, limit),
            Self::Packed(walk) => walk.place(head, limit),
            Self::Zip(walk) => Ok(walk.place()),
        }
    }

    /// The bytes of the last head: an error where the archive ends here, a text where only they cannot be read.
    fn bytes(&mut self, head: &Head, limit: u64) -> Result<std::result::Result<Vec<u8>, String>> {
        match self {
            Self::Tar(walk) => walk.bytes(head).map(Ok),
            Self::Packed(walk) => walk.bytes(head).map(Ok),
            Self::Zip(walk) => Ok(walk.bytes(limit)),
        }
    }
}

/// A member that nobody can take, whatever the reason: said when it is read, so that it is a row of its own.
fn too_large(shard: &str, name: &str, size: u64, limit: u64) -> Error {
    let message = format!("'{shard}/{name}' has {size} bytes, more than the {limit} that the service takes");
    Error::new(Kind::ImageTooLarge, message).with_file(shard, None)
}

#[cfg(test)]
mod tests;
