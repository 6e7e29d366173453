//! `TarCheck`: whether a tar is whole, found out while its bytes pass by. Headers are looked at, content is passed over.
//!
//! What is believed of a header is what the reader of layers believes: a PAX size counts, and links,
//! directories and devices have no content.

use std::path::Path;

use tar::{EntryType, GnuExtSparseHeader, Header};

use super::tar_header::{BLOCK, EMPTY, NO_TAR, corrupt_at, has_checksum, header_of, is_empty};
use super::tar_index::pax_record;
use crate::{Error, Result};

/// Most bytes of one PAX header.
const MOST_EXTENSION: u64 = 1 << 20;

/// What the bytes are that are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    /// More of the map of a sparse file, between its header and its content.
    SparseMap,
    Pax {
        global: bool,
        padding: u64,
    },
    /// The end of the tar has passed.
    End,
}

/// The walk over a tar that arrives in pieces.
pub(super) struct TarCheck<'a> {
    path: &'a Path,
    part: Part,
    /// What has come of the part, and how long that is.
    held: Vec<u8>,
    wanted: usize,
    /// Bytes of content before the next header, and of padding after them.
    content: u64,
    padding: u64,
    /// Content behind a sparse map.
    behind: u64,
    /// The size of the next member, and of all further ones, by PAX.
    size: Option<u64>,
    global_size: Option<u64>,
    headers: u64,
    /// The name of the current member.
    name: String,
}

impl<'a> TarCheck<'a> {
    /// The check of a tar that messages call `path`. It may have no members.
    pub(super) fn new(path: &'a Path) -> TarCheck<'a> {
        TarCheck {
            path,
            part: Part::Header,
            held: Vec::new(),
            wanted: BLOCK as usize,
            content: 0,
            padding: 0,
            behind: 0,
            size: None,
            global_size: None,
            headers: 0,
            name: String::new(),
        }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<()> {
        while self.part != Part::End && !bytes.is_empty() {
            for left in [&mut self.content, &mut self.padding] {
                let passed = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                bytes = &bytes[passed..];
                *left -= passed as u64;
            }
            let taken = (self.wanted - self.held.len()).min(bytes.len());
            self.held.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if taken > 0 && self.held.len() == self.wanted {
                let held = std::mem::take(&mut self.held);
                self.read(&held)?;
            }
        }
        Ok(())
    }

    /// The end of the bytes: with or without the two empty blocks, but not within a member.
    pub(super) fn end(self) -> Result<()> {
        if self.part == Part::End {
            return Ok(());
        }
        // Some writers leave out the padding of the last member.
        if self.content > 0 {
            let text = format!("is cut off in the member `{}`", self.name);
            return Err(self.corrupt(text));
        }
        match (self.headers, self.held.is_empty(), self.part) {
            (0, true, _) => Err(self.corrupt(EMPTY)),
            (0, false, _) => Err(self.corrupt(NO_TAR)),
            (_, true, Part::Header) => Ok(()),
            _ => Err(self.corrupt("is cut off in a header")),
        }
    }

    fn read(&mut self, held: &[u8]) -> Result<()> {
        match (self.part, held.first_chunk()) {
            (Part::Header, Some(block)) => self.header(block),
            (Part::SparseMap, Some(block)) => {
                let mut map = GnuExtSparseHeader::new();
                map.as_mut_bytes().copy_from_slice(block);
                if !map.is_extended() {
                    self.after(self.behind);
                }
                Ok(())
            }
            (Part::Pax { global, padding }, _) => {
                self.pax(held, global)?;
                self.padding = padding;
                self.part = Part::Header;
                self.wanted = BLOCK as usize;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn header(&mut self, block: &[u8; BLOCK as usize]) -> Result<()> {
        if is_empty(block) {
            self.part = Part::End;
            return Ok(());
        }
        let header = header_of(block);
        if !has_checksum(&header) {
            return Err(match self.headers {
                0 => self.corrupt(NO_TAR),
                _ => self.corrupt("has a header with a wrong checksum"),
            });
        }
        self.headers += 1;
        let declared = header.entry_size();
        let declared =
            declared.map_err(|e| self.corrupt("has a header without a size").because(e))?;
        match header.entry_type() {
            EntryType::GNULongName | EntryType::GNULongLink => self.after(declared),
            kind @ (EntryType::XHeader | EntryType::XGlobalHeader) => {
                if declared > MOST_EXTENSION {
                    let text = format!("announces {declared} bytes of names and attributes");
                    return Err(self.corrupt(text));
                }
                if declared > 0 {
                    self.wanted = declared as usize;
                    self.part = Part::Pax {
                        global: kind == EntryType::XGlobalHeader,
                        padding: declared.next_multiple_of(BLOCK) - declared,
                    };
                }
            }
            kind => self.member(&header, kind, declared),
        }
        Ok(())
    }

    fn member(&mut self, header: &Header, kind: EntryType, declared: u64) {
        self.name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
        let size = self.size.take().or(self.global_size).unwrap_or(declared);
        let size = match kind {
            EntryType::Directory
            | EntryType::Symlink
            | EntryType::Link
            | EntryType::Char
            | EntryType::Block
            | EntryType::Fifo => 0,
            // An old way to write a directory.
            EntryType::Regular if self.name.ends_with('/') => 0,
            _ => size,
        };
        let more = header.as_gnu().is_some_and(|gnu| gnu.is_extended());
        if kind == EntryType::GNUSparse && more {
            self.part = Part::SparseMap;
            self.behind = size;
        } else {
            self.after(size);
        }
    }

    /// Expects `content` and then the next header.
    fn after(&mut self, content: u64) {
        self.content = content;
        self.padding = (BLOCK - content % BLOCK) % BLOCK;
        self.part = Part::Header;
    }

    fn pax(&mut self, mut bytes: &[u8], global: bool) -> Result<()> {
        while !bytes.is_empty() {
            let record = pax_record(bytes);
            let ((key, value), rest) =
                record.ok_or_else(|| self.corrupt("has a malformed PAX record"))?;
            bytes = rest;
            if key != b"size" {
                continue;
            }
            let size = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
            let size = size.ok_or_else(|| self.corrupt("has a malformed PAX size"))?;
            match global {
                true => self.global_size = Some(size),
                false => self.size = Some(size),
            }
        }
        Ok(())
    }

    fn corrupt(&self, what: impl std::fmt::Display) -> Error {
        corrupt_at(self.path, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tar: &[u8], piece: usize) -> Result<()> {
        let mut check = TarCheck::new(Path::new("l.tar"));
        tar.chunks(piece).try_for_each(|bytes| check.feed(bytes))?;
        check.end()
    }

    /// A directory, a file with a long name, a file whose size only PAX has, and an empty file.
    fn sample() -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let header = |kind, size| {
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(size);
            header
        };
        let directory = &mut header(EntryType::Directory, 0);
        tar.append_data(directory, "d/", &b""[..]).unwrap();
        let long = format!("d/{}", "n".repeat(300));
        let file = &mut header(EntryType::Regular, 700);
        tar.append_data(file, long, &[1; 700][..]).unwrap();
        tar.append_pax_extensions([("size", &b"600"[..])]).unwrap();
        let mut big = header(EntryType::Regular, 0);
        big.set_path("big").unwrap();
        big.set_cksum();
        tar.get_mut().extend_from_slice(big.as_bytes());
        tar.get_mut().extend([2; 600]);
        tar.get_mut().extend([0; 424]);
        let empty = &mut header(EntryType::Regular, 0);
        tar.append_data(empty, "e", &b""[..]).unwrap();
        tar.into_inner().unwrap()
    }

    #[test]
    fn a_whole_tar_passes_in_pieces_of_any_size() {
        let tar = sample();
        for piece in [1, 7, 511, 512, 513, 4096] {
            check(&tar, piece).unwrap();
            check(&tar[..tar.len() - 1024], piece).unwrap();
        }
    }

    #[test]
    fn a_tar_is_refused_wherever_it_is_cut_off() {
        let tar = sample();
        // Headers with their content, but for places between members and within padding.
        for cut in [
            1..512,
            513..1327,
            1537..2748,
            3073..3596,
            4097..5208,
            5633..6144,
        ] {
            for at in cut {
                assert!(check(&tar[..at], 512).is_err(), "{at}");
            }
        }
        for (at, what) in [
            (2100, "in the member"),
            (300, "is not a tar"),
            (5000, "in the member"),
        ] {
            let text = check(&tar[..at], 512).unwrap_err().to_string();
            assert!(text.contains(what), "{at}: {text}");
        }
    }
}
