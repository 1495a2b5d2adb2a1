//! The walk through a zip: its directory is read once, at the end of the file, and shared by all members.
use super::file::Window;
use super::member::failed;
use super::{Head, What};
use crate::error::Result;
use std::io::Read;
use zip_format::result::ZipError;
use zip_format::{CompressionMethod, ZipArchive};

use ::zip as zip_format;

#[derive(Debug)]
pub(super) struct Walk {
    archive: ZipArchive<Window>,
    next: usize,
}

/// A member by its number in the directory.
#[derive(Debug, Clone)]
pub(super) struct Place {
    archive: ZipArchive<Window>,
    index: usize,
}

impl Walk {
    pub(super) fn new(window: Window, shard: &str) -> Result<Self> {
        let archive = ZipArchive::new(window).map_err(|error| failed(shard, None, &reason(&error)))?;
        if archive.has_duplicate_names() {
            return Err(failed(
                shard,
                None,
                "several of its members have the same name, and only one of each could be read; unpack it and scan the folder",
            ));
        }
        Ok(Self { archive, next: 0 })
    }

    pub(super) fn next(&mut self) -> Option<Head> {
        let entry = self.archive.by_index_data(self.next).ok()?;
        // Bytes that are no text under the encoding that the entry names are shown as they are.
        let name = entry.name().map_or_else(|_| entry.name_raw().to_vec(), |name| name.as_bytes().to_vec());
        let what = match () {
            () if entry.is_dir() => What::Folder,
            () if entry.is_symlink() => What::Other,
            () => What::File,
        };
        let head = Head { name, size: entry.size(), what };
        self.next = self.next.saturating_add(1);
        Some(head)
    }

    pub(super) fn place(&self) -> super::Place {
        super::Place::Zip(self.last())
    }

    pub(super) fn bytes(&self, limit: u64) -> std::result::Result<Vec<u8>, String> {
        self.last().read(limit)
    }

    fn last(&self) -> Place {
        Place { archive: self.archive.clone(), index: self.next.saturating_sub(1) }
    }
}

impl Place {
    /// The unpacked bytes, if they are as many as the directory says and no more than the limit. A bomb is put down after
    /// one byte too many.
    pub(super) fn read(&self, limit: u64) -> std::result::Result<Vec<u8>, String> {
        // The clone has a place of its own in the file; the directory is shared.
        let mut archive = self.archive.clone();
        let entry = archive.by_index_data(self.index).map_err(|error| reason(&error))?;
        if entry.encrypted() {
            return Err("it is encrypted; unpack the zip with its password".to_owned());
        }
        if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(format!("it is packed with {}; pack it with deflate", entry.compression()));
        }
        let size = entry.size();
        let mut file = archive.by_index(self.index).map_err(|error| reason(&error))?;
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or_default());
        let most = size.min(limit).saturating_add(1);
        (&mut file).take(most).read_to_end(&mut bytes).map_err(|problem| format!("it is damaged ({problem})"))?;
        match u64::try_from(bytes.len()).is_ok_and(|read| read <= size.min(limit)) {
            true => Ok(bytes),
            false => Err(format!("it unpacks to more than the {size} bytes that the archive declares")),
        }
    }
}

fn reason(error: &ZipError) -> String {
    match error {
        ZipError::UnsupportedArchive(what) => format!("it is of a kind that is not read here ({what})"),
        ZipError::InvalidArchive(what) => format!("it is damaged or cut short ({what})"),
        other => format!("it is damaged or cut short ({other})"),
    }
}
