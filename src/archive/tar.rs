//! The walk through a tar: one header after another, with the long names of GNU and PAX. What a header declares is never
//! believed before it is compared with what there is.
use super::file::Source;
use super::member::{Place, exactly, failed};
use super::{Head, What, sample, too_large};
use crate::error::{Error, Result};
use std::io;
use std::sync::Arc;
use tar_format::{EntryType, Header};

use ::tar as tar_format;

const BLOCK: u64 = 512;
/// No name is longer, and no set of PAX records larger: memory is not for whoever made the archive to give away.
const LONGEST_NAME: u64 = 64 * 1024;
const LARGEST_RECORDS: u64 = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Walk<S> {
    source: S,
    shard: Arc<str>,
    /// Of the last member: bytes not read yet, and those that fill its last block.
    left: u64,
    padding: u64,
    /// How far the walk has come, for those who look for the damage.
    at: u64,
    begun: bool,
}

/// What the headers before a member's own say of it.
#[derive(Debug, Default)]
struct Said {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl<S: Source> Walk<S> {
    pub(super) fn new(source: S, shard: Arc<str>) -> Self {
        Self { source, shard, left: 0, padding: 0, at: 0, begun: false }
    }

    /// The next member that is no part of another's description.
    pub(super) fn next(&mut self) -> Result<Option<Head>> {
        let mut said = Said::default();
        loop {
            self.pass()?;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let kind = header.entry_type();
            let size = header.entry_size().map_err(|_| self.damaged("a header without a size"))?;
            match kind {
                EntryType::GNULongName => {
                    let mut name = self.description(size, LONGEST_NAME)?;
                    name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
                    said.name = Some(name);
                }
                EntryType::XHeader => {
                    let records = self.description(size, LARGEST_RECORDS)?;
                    said.read(&records).ok_or_else(|| self.damaged("PAX records that cannot be read"))?;
                }
                EntryType::GNULongLink | EntryType::XGlobalHeader => self.expect(size),
                _ => return self.member(&header, said, size).map(Some),
            }
        }
    }

    fn member(&mut self, header: &Header, said: Said, size: u64) -> Result<Head> {
        let size = said.size.unwrap_or(size);
        let name = said.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = header.entry_type();
        // For these a size is a remark, and no bytes follow.
        let bare = kind.is_dir() || kind.is_hard_link() || kind.is_symlink() || kind.is_fifo();
        let size = if bare || kind.is_character_special() || kind.is_block_special() { 0 } else { size };
        let sparse = said.sparse || kind == EntryType::GNUSparse;
        if kind == EntryType::GNUSparse {
            self.more_of_sparse(header)?;
        }
        self.expect(size);
        if self.source.window().is_some_and(|window| window.remaining() < size) {
            return Err(self.cut(&name));
        }
        let what = match kind {
            EntryType::Directory => What::Folder,
            EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") => What::Folder,
            _ if sparse => What::Sparse,
            EntryType::Regular | EntryType::Continuous => What::File,
            _ => What::Other,
        };
        Ok(Head { name, size, what })
    }

    /// Where the member's bytes are: in the file, or else in memory from now on.
    pub(super) fn place(&mut self, head: &Head, limit: u64) -> Result<Place> {
        if head.what == What::Sparse {
            let why = "it is stored as a sparse file; make the archive without --sparse";
            return Ok(Place::Refused(failed(&self.shard, Some(&sample::text(&head.name)), why)));
        }
        if let Some(window) = self.source.window() {
            return Ok(Place::File(window.clone()));
        }
        if head.size > limit {
            return Ok(Place::Refused(too_large(&self.shard, &sample::text(&head.name), head.size, limit)));
        }
        self.bytes(head).map(|bytes| Place::Held(bytes.into()))
    }

    /// The member's bytes, whose size the caller has looked at.
    pub(super) fn bytes(&mut self, head: &Head) -> Result<Vec<u8>> {
        let bytes = exactly(&mut self.source, head.size).map_err(|problem| self.trouble(&problem))?;
        let read = u64::try_from(bytes.len()).unwrap_or_default();
        self.left = self.left.saturating_sub(read);
        self.at = self.at.saturating_add(read);
        if read < head.size { Err(self.cut(&head.name)) } else { Ok(bytes) }
    }

    /// A name or records: bytes of a member that describes the next one.
    fn description(&mut self, size: u64, limit: u64) -> Result<Vec<u8>> {
        if size > limit {
            return Err(self.damaged("a description that is larger than any image's"));
        }
        self.expect(size);
        self.bytes(&Head { name: b"a long name".to_vec(), size, what: What::Other })
    }

    fn expect(&mut self, size: u64) {
        self.left = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
    }

    /// Passes over what is left of the last member.
    fn pass(&mut self) -> Result<()> {
        let rest = self.left.saturating_add(self.padding);
        if rest == 0 {
            return Ok(());
        }
        let passed = self.source.skip(rest).map_err(|problem| self.trouble(&problem))?;
        self.at = self.at.saturating_add(passed);
        if passed < self.left {
            return Err(failed(&self.shard, None, &format!("it is cut short at byte {}", self.at)));
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    /// The next header, or nothing where a block of zeros says that this was all.
    fn header(&mut self) -> Result<Option<Header>> {
        let bytes = exactly(&mut self.source, BLOCK).map_err(|problem| self.trouble(&problem))?;
        let mut header = Header::new_old();
        if bytes.len() < header.as_bytes().len() {
            return Err(match (self.begun, bytes.len()) {
                (false, _) => failed(&self.shard, None, "it is no tar, no tar under gzip and no zip"),
                (true, 0) => failed(
                    &self.shard,
                    None,
                    "it ends without the mark that ends a tar; it may have been cut short, and images after this be missing",
                ),
                (true, _) => {
                    failed(&self.shard, None, &format!("it is cut short inside of a header at byte {}", self.at))
                }
            });
        }
        self.at = self.at.saturating_add(BLOCK);
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        header.as_mut_bytes().copy_from_slice(&bytes);
        if header.cksum().ok() != Some(checksum(&bytes)) {
            return Err(match self.begun {
                false => failed(&self.shard, None, "it is no tar, no tar under gzip and no zip"),
                true => self.damaged("a header whose checksum is wrong"),
            });
        }
        self.begun = true;
        Ok(Some(header))
    }

    /// Blocks between a sparse file's header and its bytes that continue the map of its holes.
    fn more_of_sparse(&mut self, header: &Header) -> Result<()> {
        let mut more = header.as_gnu().is_some_and(|gnu| gnu.is_extended());
        while more {
            let block = exactly(&mut self.source, BLOCK).map_err(|problem| self.trouble(&problem))?;
            self.at = self.at.saturating_add(BLOCK);
            let Some(flag) = block.get(504) else {
                return Err(self.damaged("a map of holes that does not end"));
            };
            more = *flag == 1;
        }
        Ok(())
    }

    fn cut(&self, name: &[u8]) -> Error {
        failed(&self.shard, None, &format!("it is cut short inside of '{}'", sample::text(name)))
    }

    fn damaged(&self, what: &str) -> Error {
        failed(&self.shard, None, &format!("it is damaged before byte {}: {what}", self.at))
    }

    fn trouble(&self, problem: &io::Error) -> Error {
        let why = match problem.kind() {
            io::ErrorKind::UnexpectedEof => format!("it is cut short at byte {}", self.at),
            _ => format!("at byte {}: {problem}", self.at),
        };
        failed(&self.shard, None, &why)
    }
}

impl Said {
    /// PAX records: `30 path=...\n`, the number being the length of all of it.
    fn read(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() && records.first() != Some(&0) {
            let space = records.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(records.get(..space)?).ok()?.parse().ok()?;
            let record = records.get(space.checked_add(1)?..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (record.get(..equals)?, record.get(equals.checked_add(1)?..)?);
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"size" => self.size = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
                b"GNU.sparse.name" => {
                    self.name = Some(value.to_vec());
                    self.sparse = true;
                }
                _ => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
            records = records.get(length..)?;
        }
        Some(())
    }
}

/// The sum of a header's bytes, those of the sum itself taken as spaces.
fn checksum(header: &[u8]) -> u32 {
    let own = |at: usize| (148..156).contains(&at);
    header.iter().enumerate().map(|(at, byte)| if own(at) { u32::from(b' ') } else { u32::from(*byte) }).sum()
}
