//! `TarIndex`: which members a tar has and where their bytes are; made by one walk over the headers.
//!
//! Members are then read where they are, nothing is unpacked, and so no name of an archive ever becomes a path.
//! Archives are hostile until proven otherwise: every size is checked against the file, headers of headers (PAX,
//! GNU long names) are small or refused, names and links that lead out of the archive are errors, and a document
//! that is there twice is not read at all, since two programs could read two different ones. The walk is written
//! out here, over the header type of the `tar` crate, so that there is one place to see what is believed
//! (CVE-2025-62518 and its kin came from two notions of a member's size).

mod sparse;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tar::{EntryType, Header};

use super::BlobStream;
use super::archive_file::{ArchiveFile, Section};
use crate::image::tarsum::pax_record;
use crate::{Error, Kind, Result};
use sparse::Old;
pub(super) use sparse::{Run, Sparse};

const BLOCK: u64 = 512;
/// Most members of an archive; the largest honest ones have some thousand.
const MOST_MEMBERS: usize = 500_000;
/// Most bytes of a PAX header or a GNU long name.
const MOST_EXTENSION: u64 = 1 << 20;
/// Most bytes of all names and links together.
const MOST_NAMES: usize = 64 << 20;
/// Most pieces of all sparse members together.
const MOST_PIECES: usize = 1 << 18;
/// Links that are followed one after the other.
const MOST_HOPS: usize = 16;

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    File {
        offset: u64,
        size: u64,
    },
    /// A file with holes, or why it cannot be read: that is no matter as long as it is not asked for.
    Sparse(Result<Arc<Sparse>, sparse::Unreadable>),
    /// The name of another member, from the root of the archive.
    Link(String),
    Other,
}

#[derive(Debug)]
struct Member {
    name: String,
    what: What,
    /// From the first block that belongs to it to the first of the next member.
    blocks: std::ops::Range<u64>,
    /// The name stands for several members.
    repeated: bool,
}

/// The members of a tar.
pub(super) struct TarIndex {
    archive: ArchiveFile,
    members: Vec<Member>,
    /// The last member of each name, as unpacking would leave it.
    by_name: HashMap<String, usize>,
}

impl TarIndex {
    /// Walks over the headers of `archive`. Blocks.
    ///
    /// [`Kind::Corrupt`] for what is no tar, is cut off, or has a member that leads out of it.
    pub(super) fn read(archive: ArchiveFile) -> Result<TarIndex> {
        let members = Walk::new(&archive).members()?;
        let mut by_name = HashMap::with_capacity(members.len());
        let mut index = TarIndex {
            archive,
            members,
            by_name: HashMap::new(),
        };
        for i in 0..index.members.len() {
            if let Some(former) = by_name.insert(index.members[i].name.clone(), i) {
                index.members[i].repeated = true;
                index.members[former].repeated = true;
            }
        }
        index.by_name = by_name;
        Ok(index)
    }

    /// The archive itself.
    pub(super) fn archive(&self) -> &ArchiveFile {
        &self.archive
    }

    /// Whether there is a member `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The names of all members, in order, repeats included.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// The size of the file `name`, links followed; `None` when there is no such file.
    pub(super) fn size(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.find(name)?.map(|content| content.left()))
    }

    /// The blocks of all members but those called `without`, in order, joined where they touch.
    pub(super) fn blocks(&self, without: &[&str]) -> Vec<std::ops::Range<u64>> {
        let mut ranges: Vec<std::ops::Range<u64>> = Vec::new();
        let kept = self
            .members
            .iter()
            .filter(|m| !without.contains(&m.name.as_str()));
        for blocks in kept.map(|m| m.blocks.clone()) {
            match ranges.last_mut() {
                Some(last) if last.end == blocks.start => last.end = blocks.end,
                _ => ranges.push(blocks),
            }
        }
        ranges
    }

    /// The bytes of the file `name` from `from` on; `None` when there is no such file.
    pub(super) fn stream(&self, name: &str, from: u64) -> Result<Option<BlobStream>> {
        let found = self.find(name)?;
        Ok(found.map(|content| content.skipping(from).stream()))
    }

    /// A blocking reader of the file `name`; `None` when there is no such file.
    pub(super) fn reader(&self, name: &str) -> Result<Option<Section>> {
        self.find(name)
    }

    /// The document `name` of at most `cap` bytes; `None` when there is none. Blocks.
    pub(super) fn document(&self, name: &str, cap: u64) -> Result<Option<Bytes>> {
        let Some(content) = self.find(name)? else {
            return Ok(None);
        };
        let size = content.left();
        if self
            .by_name
            .get(name)
            .is_some_and(|i| self.members[*i].repeated)
        {
            return Err(self.corrupt(format!("holds `{name}` more than once")));
        }
        if size > cap {
            return Err(self.corrupt(format!(
                "holds a `{name}` of {size} bytes, at most {cap} are read"
            )));
        }
        Ok(Some(content.read_all()?))
    }

    /// The content of the file `name`, links followed.
    fn find(&self, name: &str) -> Result<Option<Section>> {
        let mut at = name;
        for _ in 0..MOST_HOPS {
            let Some(i) = self.by_name.get(at) else {
                if at == name {
                    return Ok(None);
                }
                return Err(self.corrupt(format!(
                    "holds a link `{name}` to `{at}`, which is not there"
                )));
            };
            match &self.members[*i].what {
                What::File { offset, size } => {
                    return Ok(Some(self.archive.reader(*offset, *size)));
                }
                What::Sparse(Ok(sparse)) => {
                    let size = sparse.size;
                    return Ok(Some(self.archive.sparse_reader(sparse.clone(), size)));
                }
                What::Sparse(Err(what)) => {
                    let error =
                        self.corrupt(format!("holds the sparse member `{at}`, which {what}"));
                    return Err(error.hint("pack it again without `--sparse`"));
                }
                What::Link(target) => at = target,
                What::Other => return Err(self.corrupt(format!("holds a `{at}` that is no file"))),
            }
        }
        Err(self.corrupt(format!("holds a link `{name}` that leads in a circle")))
    }

    /// The error of an archive that `what`.
    pub(super) fn corrupt(&self, what: impl std::fmt::Display) -> Error {
        corrupt(&self.archive, what)
    }
}

fn corrupt(archive: &ArchiveFile, what: impl std::fmt::Display) -> Error {
    Error::new(
        Kind::Corrupt,
        format!("`{}` {what}", archive.path().display()),
    )
}

/// The walk over an archive's headers.
struct Walk<'a> {
    archive: &'a ArchiveFile,
    at: u64,
    names: usize,
    /// Of sparse members.
    pieces: usize,
}

/// What stands before a header and changes its meaning.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: Option<sparse::Pax>,
}

impl<'a> Walk<'a> {
    fn new(archive: &'a ArchiveFile) -> Walk<'a> {
        Walk {
            archive,
            at: 0,
            names: 0,
            pieces: 0,
        }
    }

    fn members(mut self) -> Result<Vec<Member>> {
        let mut members = Vec::new();
        let mut global = Extension::default();
        let mut next = Extension::default();
        let mut start = 0;
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
                EntryType::GNUSparse => Some(Old::read(&header, self.archive, self.at)),
                _ => None,
            };
            if let Some(Ok(old)) = &old_sparse {
                self.at += old.blocks;
            }
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
                        (None, Some(pax)) => Some(pax.member(self.archive, offset, size)),
                        (None, None) => None,
                    };
                    let content = match content {
                        Some(content) => What::Sparse(self.counted(content)),
                        None => What::File { offset, size },
                    };
                    let member = self.member(&header, content, &next, start..self.at)?;
                    members.push(member);
                    if members.len() > MOST_MEMBERS {
                        return Err(corrupt(
                            self.archive,
                            format!("has more than {MOST_MEMBERS} members"),
                        ));
                    }
                    next = Extension::default();
                    start = self.at;
                }
            }
        }
        if members.is_empty() {
            return Err(corrupt(
                self.archive,
                "is not a tar archive, or an empty one",
            ));
        }
        Ok(members)
    }

    /// The next header; `None` at the end of the archive, with or without its two empty blocks.
    fn header(&mut self) -> Result<Option<Header>> {
        let left = self.archive.len() - self.at;
        if left == 0 {
            return Ok(None);
        }
        if left < BLOCK {
            return Err(match self.at {
                0 => corrupt(self.archive, "is not a tar archive"),
                at => corrupt(self.archive, format!("is cut off in a header at byte {at}")),
            });
        }
        let mut header = Header::new_old();
        self.archive.read_exact_at(header.as_mut_bytes(), self.at)?;
        let bytes = header.as_bytes();
        if bytes.iter().all(|b| *b == 0) {
            return Ok(None);
        }
        // The sum of all bytes, its own eight taken for blanks.
        let sum: u32 = bytes[..148]
            .iter()
            .chain(&bytes[156..])
            .map(|b| u32::from(*b))
            .sum();
        if header.cksum().ok() != Some(sum + 8 * 32) {
            return Err(match self.at {
                0 => corrupt(self.archive, "is not a tar archive"),
                _ => self.broken("has a wrong checksum"),
            });
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

    /// `content`, unless all sparse members together have too many pieces.
    fn counted(
        &mut self,
        content: Result<Sparse, sparse::Unreadable>,
    ) -> Result<Arc<Sparse>, sparse::Unreadable> {
        let content = content?;
        self.pieces += content.pieces();
        match self.pieces > MOST_PIECES {
            true => Err(sparse::TOO_MUCH),
            false => Ok(Arc::new(content)),
        }
    }

    /// The member of `header`; `content` is what it holds if it is a file.
    fn member(
        &mut self,
        header: &Header,
        content: What,
        extension: &Extension,
        blocks: std::ops::Range<u64>,
    ) -> Result<Member> {
        let sparse_name = extension.sparse.as_ref().and_then(|pax| pax.name.clone());
        let raw = sparse_name
            .or_else(|| extension.name.clone())
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let name = self.utf8(raw)?;
        let Some(name) = normal("", &name) else {
            return Err(corrupt(
                self.archive,
                format!("holds a member `{name}`, whose name leads out of it"),
            ));
        };
        let link = |base: &str| -> Result<What> {
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
            Ok(What::Link(target))
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
        self.names += name.len();
        if self.names > MOST_NAMES {
            return Err(corrupt(self.archive, "has names beyond all measure"));
        }
        Ok(Member {
            name,
            what,
            blocks,
            repeated: false,
        })
    }

    fn utf8(&self, raw: Vec<u8>) -> Result<String> {
        String::from_utf8(raw).map_err(|e| self.broken("has a name that is not UTF-8").because(e))
    }

    /// The content of an extension header.
    fn content(&self, offset: u64, size: u64) -> Result<Vec<u8>> {
        if size > MOST_EXTENSION {
            return Err(self.broken(format!("announces {size} bytes of names and attributes")));
        }
        let mut bytes = vec![0; size as usize];
        self.archive.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// A GNU long name: up to the first zero byte.
    fn text(&self, offset: u64, size: u64) -> Result<Vec<u8>> {
        let mut bytes = self.content(offset, size)?;
        if let Some(end) = bytes.iter().position(|b| *b == 0) {
            bytes.truncate(end);
        }
        Ok(bytes)
    }

    /// Reads PAX records, `LENGTH KEY=VALUE\n` each.
    fn pax(&self, offset: u64, size: u64, into: &mut Extension) -> Result<()> {
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
