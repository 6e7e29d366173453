//! A tar that is read as it arrives: headers become entries, and the content of each can be read once.
//!
//! What is believed of a header is what the runtimes believe that unpack layers (Go's `archive/tar`): extended headers of
//! GNU and PAX, and no content behind links, directories and devices whatever their size says. Headers of headers are
//! small or refused. The index of archives ([`crate::transport`]) has the same rules for files that can be read anywhere.

mod content;
mod extension;

use std::io::{self, Read};

use tar::{EntryType, Header};

pub use content::Content;
use extension::Extension;

use super::{Entry, EntryKind, ImagePath, Time};
use crate::transport::inflate::{Compression, broken};
use crate::transport::tar_index::{
    OldSparse, PaxSparse, Sparse, has_checksum, header_of, is_empty,
};
use crate::{Error, Result};

const BLOCK: u64 = 512;
/// Most bytes of one PAX header or GNU long name: attributes of a file may have some 64 KiB each.
const MOST_EXTENSION: u64 = 1 << 20;
/// Most headers of a layer.
const MOST_HEADERS: u64 = 16_000_000;

/// The tar behind `input`.
pub(super) struct TarStream<'a> {
    input: &'a mut dyn Read,
    compression: Option<Compression>,
    /// Bytes before the next header.
    left: u64,
    headers: u64,
    global: Extension,
}

impl<'a> TarStream<'a> {
    /// `compression` is that of the layer, for messages.
    pub(super) fn new(input: &'a mut dyn Read, compression: Option<Compression>) -> TarStream<'a> {
        TarStream {
            input,
            compression,
            left: 0,
            headers: 0,
            global: Extension::default(),
        }
    }

    /// The content of an entry that has none.
    pub(super) fn no_content(&mut self) -> Content<'_, 'a> {
        Content::new(self, 0, None)
    }

    /// Bytes of `input` before the next header.
    pub(super) fn ahead(&self) -> u64 {
        self.left
    }

    /// The next entry; `None` at the end. What was not read of the one before is passed over.
    pub(super) fn next(&mut self) -> Result<Option<(Entry, Content<'_, 'a>)>> {
        let mut extension = self.global.clone();
        loop {
            self.pass()?;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let kind = header.entry_type();
            let declared = header
                .entry_size()
                .map_err(|e| malformed("has a header without a size").because(e))?;
            match kind {
                EntryType::GNULongName => extension.path = Some(self.text(declared)?),
                EntryType::GNULongLink => extension.link = Some(self.text(declared)?),
                EntryType::XHeader => {
                    let bytes = self.small(declared)?;
                    extension.read(&bytes)?;
                }
                EntryType::XGlobalHeader => {
                    let bytes = self.small(declared)?;
                    let mut global = std::mem::take(&mut self.global);
                    global.read(&bytes)?;
                    self.global = global;
                    extension = self.global.clone();
                }
                _ => {
                    let extension = std::mem::replace(&mut extension, self.global.clone());
                    let size = extension.size.unwrap_or(declared);
                    if let Some((entry, sparse)) = self.entry(&header, size, extension)? {
                        let size = entry.size;
                        return Ok(Some((entry, Content::new(self, size, sparse))));
                    }
                }
            }
        }
    }

    /// The entry of `header`, whose content is `size` bytes; `None` for a kind that no image has.
    fn entry(
        &mut self,
        header: &Header,
        size: u64,
        extension: Extension,
    ) -> Result<Option<(Entry, Option<Sparse>)>> {
        let sparse_name = extension
            .sparse
            .as_ref()
            .and_then(|s| s.name().map(<[u8]>::to_vec));
        let path = sparse_name
            .or(extension.path)
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let is_old = header.as_old().linkflag == [0];
        let kind = match header.entry_type() {
            // Before tar had a type for directories, a name that ends in `/` was one. The type "file" is believed.
            EntryType::Regular if is_old && path.ends_with(b"/") => Some(EntryKind::Directory),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                Some(EntryKind::File)
            }
            EntryType::Directory => Some(EntryKind::Directory),
            EntryType::Symlink => Some(EntryKind::Symlink),
            EntryType::Link => Some(EntryKind::HardLink),
            EntryType::Char => Some(EntryKind::CharDevice),
            EntryType::Block => Some(EntryKind::BlockDevice),
            EntryType::Fifo => Some(EntryKind::Fifo),
            _ => None,
        };
        let has_content = matches!(kind, Some(EntryKind::File) | None);
        let size = if has_content { size } else { 0 };
        self.left = size
            .checked_next_multiple_of(BLOCK)
            .ok_or_else(|| malformed("has an entry of an impossible size"))?;
        let sparse = match (header.entry_type(), &extension.sparse) {
            (EntryType::GNUSparse, _) => Some(self.old_sparse(header, size)?),
            (EntryType::Regular, Some(pax)) => Some(self.pax_sparse(pax, size)?),
            _ => None,
        };
        let Some(kind) = kind else { return Ok(None) };
        let number = |n: io::Result<u64>| n.ok().and_then(|n| u32::try_from(n).ok());
        let link = match kind {
            EntryKind::Symlink | EntryKind::HardLink => extension
                .link
                .unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned()),
            _ => Vec::new(),
        };
        let device = match kind {
            EntryKind::CharDevice | EntryKind::BlockDevice => (
                header.device_major().ok().flatten().unwrap_or(0),
                header.device_minor().ok().flatten().unwrap_or(0),
            ),
            _ => (0, 0),
        };
        let seconds = header.mtime().ok().and_then(|t| i64::try_from(t).ok());
        let entry = Entry {
            path: ImagePath::parse(&path)?,
            kind,
            mode: header
                .mode()
                .map_err(|e| malformed("has a header without a mode").because(e))?
                & 0o7777,
            uid: extension.uid.or(number(header.uid())).unwrap_or(0),
            gid: extension.gid.or(number(header.gid())).unwrap_or(0),
            size: sparse.as_ref().map_or(size, Sparse::size),
            modified: extension.modified.unwrap_or(Time {
                seconds: seconds.unwrap_or(0),
                nanos: 0,
            }),
            link,
            device,
            xattrs: extension.xattrs,
        };
        Ok(Some((entry, sparse)))
    }

    /// The map of a sparse file of GNU's old form, which goes on in blocks behind the header.
    fn old_sparse(&mut self, header: &Header, stored: u64) -> Result<Sparse> {
        let mut next = |block: &mut [u8; 512]| self.input.read_exact(block).is_ok();
        let old = OldSparse::read(header, &mut next).map_err(no_sparse)?;
        old.member(0, stored).map_err(no_sparse)
    }

    /// The map of a sparse file in PAX records, or in front of its content.
    fn pax_sparse(&mut self, pax: &PaxSparse, stored: u64) -> Result<Sparse> {
        let mut read = 0;
        let mut next = |block: &mut [u8; 512]| {
            read += BLOCK;
            self.input.read_exact(block).is_ok()
        };
        let sparse = pax.member(0, stored, &mut next).map_err(no_sparse)?;
        // The map is a part of the content, and is behind us.
        self.left = self.left.saturating_sub(read);
        Ok(sparse)
    }

    /// Passes over what is left before the next header.
    fn pass(&mut self) -> Result<()> {
        let left = std::mem::take(&mut self.left);
        let passed = io::copy(&mut self.input.take(left), &mut io::sink());
        match passed {
            // Some writers leave out the padding of the last entry; the missing header ends the tar then.
            Ok(n) if n + BLOCK > left => Ok(()),
            Ok(_) => Err(malformed("is cut off in an entry")),
            Err(e) => Err(broken(self.compression, e)),
        }
    }

    /// The next header; `None` at the end, with or without its two empty blocks.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut block = [0; BLOCK as usize];
        let mut filled = 0;
        while filled < block.len() {
            match self.input.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(broken(self.compression, e)),
            }
        }
        if filled == 0 {
            return Ok(None);
        }
        if filled < block.len() {
            return Err(match self.headers {
                0 => malformed("is not a tar archive"),
                _ => malformed("is cut off in a header"),
            });
        }
        if is_empty(&block) {
            return Ok(None);
        }
        let header = header_of(&block);
        if !has_checksum(&header) {
            return Err(match self.headers {
                0 => malformed("is not a tar archive"),
                _ => malformed("has a header with a wrong checksum"),
            });
        }
        self.headers += 1;
        if self.headers > MOST_HEADERS {
            return Err(malformed(&format!("has more than {MOST_HEADERS} headers")));
        }
        Ok(Some(header))
    }

    /// The content of an extension header.
    fn small(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MOST_EXTENSION {
            let text = format!("announces {size} bytes of names and attributes");
            return Err(malformed(&text));
        }
        let mut bytes = vec![0; size as usize];
        match self.input.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(malformed("is cut off in a header"));
            }
            Err(e) => return Err(broken(self.compression, e)),
        }
        self.left = size.next_multiple_of(BLOCK) - size;
        Ok(bytes)
    }

    /// A GNU long name: up to the first zero byte.
    fn text(&mut self, size: u64) -> Result<Vec<u8>> {
        let mut bytes = self.small(size)?;
        if let Some(end) = bytes.iter().position(|b| *b == 0) {
            bytes.truncate(end);
        }
        Ok(bytes)
    }
}

fn no_sparse(what: &str) -> Error {
    malformed(&format!("holds a sparse file that {what}"))
}

fn malformed(what: &str) -> Error {
    Error::corrupt(format!("the layer {what}"))
}

#[cfg(test)]
mod tests;
