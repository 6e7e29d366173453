//! The walk over the headers of a tar: what is believed of each, and what is not.

use std::sync::Arc;

use tar::{EntryType, Header};

use super::pax::pax_record;
use super::sparse::{OldSparse, PaxSparse, Unreadable};
use super::{MOST_NAMES, Member, Name, Names, SparseMember, What, corrupt};
use crate::transport::archive_file::ArchiveFile;
use crate::transport::sparse::{Sparse, TOO_MUCH};
use crate::transport::tar_header::{BLOCK, EMPTY, NO_TAR, has_checksum, is_empty};
use crate::{Error, Result};

/// Most bytes of a PAX header or a GNU long name.
const MOST_EXTENSION: u64 = 1 << 20;
/// Most bytes of all of these together, and most headers, of whatever kind.
const MOST_EXTENSIONS: u64 = 256 << 20;
const MOST_HEADERS: usize = 4 * MOST_MEMBERS;
/// Most pieces of all sparse members together.
const MOST_PIECES: usize = 1 << 18;
/// Most members of an archive; the largest honest ones have some thousand.
const MOST_MEMBERS: usize = 500_000;

/// The walk over an archive's headers.
pub(super) struct Walk<'a> {
    archive: &'a ArchiveFile,
    at: u64,
    names: Names,
    headers: usize,
    /// Bytes of extension headers so far.
    extensions: u64,
    sparse: Vec<SparseMember>,
    /// Of sparse members.
    pieces: usize,
}

/// The extensions before a header that change its meaning.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: Option<PaxSparse>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(archive: &'a ArchiveFile) -> Walk<'a> {
        Walk {
            archive,
            at: 0,
            names: Names::default(),
            headers: 0,
            extensions: 0,
            sparse: Vec::new(),
            pieces: 0,
        }
    }

    pub(super) fn members(mut self) -> Result<(Vec<Member>, Names, Vec<SparseMember>)> {
        let mut members = Vec::new();
        let mut global = Extension::default();
        let mut next = Extension::default();
        while let Some(header) = self.header()? {
            let kind = header.entry_type();
            let declared = header
                .entry_size()
                .map_err(|e| self.broken("has no size").because(e))?;
            // A PAX size is of the member that follows, never of an extension header.
            let extension = kind.is_gnu_longname()
                || kind.is_gnu_longlink()
                || kind.is_pax_local_extensions()
                || kind.is_pax_global_extensions();
            let size = match (extension, next.size.or(global.size)) {
                (false, Some(size)) => size,
                _ => declared,
            };
            let old_sparse = match kind {
                EntryType::GNUSparse => Some(self.old_sparse(&header)),
                _ => None,
            };
            let offset = self.at;
            self.skip(size, &header)?;
            match kind {
                EntryType::GNULongName => next.name = Some(self.text(offset, size)?),
                EntryType::GNULongLink => next.link = Some(self.text(offset, size)?),
                EntryType::XHeader => self.pax(offset, size, &mut next)?,
                EntryType::XGlobalHeader => self.pax(offset, size, &mut global)?,
                _ => {
                    let content = match (old_sparse, &next.sparse) {
                        (Some(old), _) => Some(old.and_then(|old| old.member(offset, size))),
                        (None, Some(pax)) => {
                            let mut next = blocks_from(self.archive, offset);
                            Some(pax.member(offset, size, &mut next))
                        }
                        (None, None) => None,
                    };
                    let content = match content {
                        Some(content) => self.add_sparse(content),
                        None => What::File { offset, size },
                    };
                    let member = self.member(&header, content, &next)?;
                    members.push(member);
                    if members.len() > MOST_MEMBERS {
                        return Err(corrupt(
                            self.archive,
                            format!("has more than {MOST_MEMBERS} members"),
                        ));
                    }
                    next = Extension::default();
                }
            }
        }
        if members.is_empty() {
            return Err(corrupt(self.archive, EMPTY));
        }
        members.shrink_to_fit();
        Ok((members, self.names, self.sparse))
    }

    /// The next header; `None` at the end of the archive, with or without its two empty blocks.
    fn header(&mut self) -> Result<Option<Header>> {
        let left = self.archive.len() - self.at;
        if left == 0 {
            return Ok(None);
        }
        if left < BLOCK {
            return Err(match self.at {
                0 => corrupt(self.archive, NO_TAR),
                at => corrupt(self.archive, format!("is cut off in a header at byte {at}")),
            });
        }
        let mut header = Header::new_old();
        self.archive.read_exact_at(header.as_mut_bytes(), self.at)?;
        if is_empty(header.as_bytes()) {
            return Ok(None);
        }
        if !has_checksum(&header) {
            return Err(match self.at {
                0 => corrupt(self.archive, NO_TAR),
                _ => self.broken("has a wrong checksum"),
            });
        }
        self.headers += 1;
        if self.headers > MOST_HEADERS {
            let text = format!("has more than {MOST_HEADERS} headers");
            return Err(corrupt(self.archive, text));
        }
        self.at += BLOCK;
        Ok(Some(header))
    }

    /// Goes behind the content that a header announces.
    fn skip(&mut self, size: u64, header: &Header) -> Result<()> {
        let end = size
            .checked_next_multiple_of(BLOCK)
            .and_then(|blocks| self.at.checked_add(blocks));
        // Some writers leave out the padding of the last member.
        if self.archive.len() - self.at < size {
            let name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
            return Err(corrupt(
                self.archive,
                format!("is cut off in the member `{name}`"),
            ));
        }
        self.at = end.unwrap_or(u64::MAX).min(self.archive.len());
        Ok(())
    }

    /// The map of a sparse member of type `S`, whose blocks are passed over if it can be read.
    fn old_sparse(&mut self, header: &Header) -> Result<OldSparse, Unreadable> {
        let mut at = self.at;
        let mut next = blocks_from(self.archive, at);
        let old = OldSparse::read(header, &mut |block| {
            at += BLOCK;
            next(block)
        })?;
        self.at = at;
        Ok(old)
    }

    /// Takes a sparse member in, unless all of them together have too many pieces.
    fn add_sparse(&mut self, content: Result<Sparse, Unreadable>) -> What {
        let content = content.and_then(|content| {
            self.pieces += content.pieces();
            match self.pieces > MOST_PIECES {
                true => Err(TOO_MUCH),
                false => Ok(Arc::new(content)),
            }
        });
        // There are no more of these than members.
        let at = u32::try_from(self.sparse.len()).unwrap_or(u32::MAX);
        self.sparse.push(content);
        What::Sparse(at)
    }

    /// The member of `header`; `content` is what it holds if it is a file.
    fn member(&mut self, header: &Header, content: What, extension: &Extension) -> Result<Member> {
        let sparse_name = extension.sparse.as_ref().and_then(|pax| pax.name());
        let raw = sparse_name
            .map(<[u8]>::to_vec)
            .or_else(|| extension.name.clone())
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let name = self.utf8(raw)?;
        let Some(name) = normal("", &name) else {
            return Err(corrupt(
                self.archive,
                format!("holds a member `{name}`, whose name leads out of it"),
            ));
        };
        let mut link = |base: &str| -> Result<What> {
            let raw = match &extension.link {
                Some(link) => link.clone(),
                None => header.link_name_bytes().unwrap_or_default().into_owned(),
            };
            let target = self.utf8(raw)?;
            let Some(target) = normal(base, &target) else {
                return Err(corrupt(
                    self.archive,
                    format!("holds a link `{name}` to `{target}`, which leads out of it"),
                ));
            };
            Ok(What::Link(self.name(&target)?))
        };
        let what = match header.entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                // An old way to write a directory.
                if header.path_bytes().ends_with(b"/") {
                    What::Other
                } else {
                    content
                }
            }
            EntryType::Symlink => link(name.rsplit_once('/').map_or("", |(parent, _)| parent))?,
            EntryType::Link => link("")?,
            _ => What::Other,
        };
        Ok(Member {
            name: self.name(&name)?,
            what,
            end: self.at,
        })
    }

    /// `text` among the names of the archive.
    fn name(&mut self, text: &str) -> Result<Name> {
        self.names.add(text).ok_or_else(|| {
            let most = MOST_NAMES >> 20;
            corrupt(
                self.archive,
                format!("has more than {most} MiB of names and links"),
            )
        })
    }

    fn utf8(&self, raw: Vec<u8>) -> Result<String> {
        String::from_utf8(raw).map_err(|e| self.broken("has a name that is not UTF-8").because(e))
    }

    /// The content of an extension header.
    fn content(&mut self, offset: u64, size: u64) -> Result<Vec<u8>> {
        if size > MOST_EXTENSION {
            return Err(self.broken(format!("announces {size} bytes of names and attributes")));
        }
        self.extensions += size;
        if self.extensions > MOST_EXTENSIONS {
            let most = MOST_EXTENSIONS >> 20;
            return Err(corrupt(
                self.archive,
                format!("has more than {most} MiB of names and attributes"),
            ));
        }
        let mut bytes = vec![0; size as usize];
        self.archive.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// A GNU long name: up to the first zero byte.
    fn text(&mut self, offset: u64, size: u64) -> Result<Vec<u8>> {
        let mut bytes = self.content(offset, size)?;
        if let Some(end) = bytes.iter().position(|b| *b == 0) {
            bytes.truncate(end);
        }
        Ok(bytes)
    }

    /// Reads PAX records, `LENGTH KEY=VALUE\n` each.
    fn pax(&mut self, offset: u64, size: u64, into: &mut Extension) -> Result<()> {
        let bytes = self.content(offset, size)?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (record, after) =
                pax_record(rest).ok_or_else(|| self.broken("has a malformed PAX record"))?;
            rest = after;
            let (key, value) = record;
            match key {
                b"path" => into.name = Some(value.to_vec()),
                b"linkpath" => into.link = Some(value.to_vec()),
                b"size" => {
                    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
                    let size = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
                    into.size = Some(
                        size.filter(|_| digits)
                            .ok_or_else(|| self.broken("has a malformed PAX size"))?,
                    );
                }
                key => {
                    if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                        let sparse = into.sparse.get_or_insert_default();
                        sparse.record(key, value);
                    }
                }
            }
        }
        Ok(())
    }

    fn broken(&self, what: impl std::fmt::Display) -> Error {
        let at = self.at.saturating_sub(BLOCK);
        corrupt(
            self.archive,
            format!("is broken: the header before byte {at} {what}"),
        )
    }
}

/// Reads the blocks of `archive` from `at` on, one after the other.
fn blocks_from(archive: &ArchiveFile, mut at: u64) -> impl FnMut(&mut [u8; 512]) -> bool {
    move |block| {
        let there = archive.len().saturating_sub(at) >= BLOCK;
        let read = there && archive.read_exact_at(block, at).is_ok();
        at += BLOCK;
        read
    }
}

/// `name`, seen from the directory `base`, without `.` and `..`; `None` when it is absolute or leads out.
fn normal(base: &str, name: &str) -> Option<String> {
    if name.starts_with('/') || name.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').filter(|p| !p.is_empty()).collect();
    let from_root = base.is_empty();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            // Of a member's own name nothing but a hostile writer makes `..`.
            ".." if from_root => return None,
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
