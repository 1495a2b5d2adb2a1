//! One image of an archive: where it is, and its bytes.
use super::{Head, file::Window, sample, too_large, zip};
use crate::error::{Error, Kind, Result};
use bytes::Bytes;
use std::io::Read;
use std::sync::Arc;

/// An image inside of an archive, which stays open as long as one of its members is known. Clones share everything.
#[derive(Debug, Clone)]
pub struct Member {
    shard: Arc<str>,
    name: Arc<str>,
    size: u64,
    place: Place,
}

/// Where a member's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// From here on in a file.
    File(Window),
    Zip(zip::Place),
    /// In memory already, since the way to them leads in one direction alone.
    Held(Bytes),
    /// Nowhere; the error says why.
    Refused(Error),
}

impl Member {
    pub(super) fn new(shard: Arc<str>, head: &Head, place: Place) -> Self {
        Self { shard, name: sample::text(&head.name).into(), size: head.size, place }
    }

    /// Its name in the archive, as it is written there: it is shown and never opened.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The archive's path.
    pub fn shard(&self) -> &str {
        &self.shard
    }

    /// Its bytes as the archive declares them, for whoever makes room in memory; what is read is never more.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its bytes where they are in memory already and take no room of their own.
    pub fn held(&self) -> Option<Bytes> {
        match &self.place {
            Place::Held(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

/// Reads a member of at most that many bytes. What declares more is refused without being read, and what gives other than
/// it declares is damaged.
pub fn read(member: &Member, limit: u64) -> Result<Vec<u8>> {
    let (shard, name) = (&*member.shard, &*member.name);
    if let Place::Refused(error) = &member.place {
        return Err(error.clone());
    }
    if member.size > limit {
        return Err(too_large(shard, name, member.size, limit));
    }
    let trouble = |why: &str| failed(shard, Some(name), why);
    let bytes = match &member.place {
        Place::File(window) => {
            exactly(&mut window.clone(), member.size).map_err(|problem| trouble(&problem.to_string()))
        }
        Place::Zip(place) => place.read(limit).map_err(|why| trouble(&why)),
        Place::Held(bytes) => Ok(bytes.to_vec()),
        Place::Refused(error) => Err(error.clone()),
    }?;
    match u64::try_from(bytes.len()) == Ok(member.size) {
        true => Ok(bytes),
        false => Err(trouble(&format!("the archive declares {} bytes and gives {}", member.size, bytes.len()))),
    }
}

/// That many bytes, or as many as there are.
pub(super) fn exactly(source: &mut impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or_default());
    source.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Trouble with an archive, or with one of its members.
pub(super) fn failed(shard: &str, name: Option<&str>, why: &str) -> Error {
    let what = name
        .map_or_else(|| format!("cannot read the archive '{shard}'"), |name| format!("cannot read '{shard}/{name}'"));
    Error::new(Kind::ImageFile, format!("{what}: {why}")).with_file(shard, None)
}
