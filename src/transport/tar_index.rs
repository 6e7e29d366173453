//! `TarIndex`: which members a tar has and where their bytes are; made by one walk over the headers.
//!
//! Members are then read where they are, nothing is unpacked, and so no name of an archive ever becomes a path.
//! Archives are hostile until proven otherwise: every size is checked against the file, headers of headers (PAX,
//! GNU long names) are small or refused, names and links that lead out of the archive are errors, and a document
//! that is there twice is not read at all, since two programs could read two different ones. The walk is written
//! out here, over the header type of the `tar` crate, so that there is one place to see what is believed
//! (CVE-2025-62518 and its kin came from two notions of a member's size).

mod pax;
mod sparse;
mod walk;

use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::BlobStream;
use super::archive_file::{ArchiveFile, Section};
use super::blob_store::{LIST_CAP, cannot_read, check_list};
pub(crate) use super::sparse::{Run, Sparse};
use super::tar_header::corrupt_at;
pub(crate) use super::tar_header::{has_checksum, header_of, is_empty};
use crate::bytes::PIECE;
use crate::image::{Algorithm, Digest, Digester};
use crate::{Error, Result};
pub(crate) use pax::pax_record;
pub(crate) use sparse::{OldSparse, PaxSparse};
use walk::Walk;

/// Most bytes of all names and links together.
const MOST_NAMES: usize = 64 << 20;
/// Links that are followed one after the other.
const MOST_HOPS: usize = 16;

/// Where a text is among [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    at: u32,
    len: u32,
}

/// The names and links of all members, one after the other: a text each would take several times as much.
#[derive(Default)]
struct Names(String);

impl Names {
    /// Takes a text in; `None` where there are too many.
    fn add(&mut self, text: &str) -> Option<Name> {
        let name = Name {
            at: u32::try_from(self.0.len()).ok()?,
            len: u32::try_from(text.len()).ok()?,
        };
        let (len, room) = (self.0.len() + text.len(), self.0.capacity());
        if len > MOST_NAMES {
            return None;
        }
        if len > room {
            // Twice as much, but never more than is let in.
            let next = (2 * room).clamp(len, MOST_NAMES);
            self.0.reserve_exact(next - self.0.len());
        }
        self.0.push_str(text);
        Some(name)
    }

    fn get(&self, name: Name) -> &str {
        let at = name.at as usize;
        &self.0[at..at + name.len as usize]
    }
}

/// The kind of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    File {
        offset: u64,
        size: u64,
    },
    /// A file with holes: the place among [`TarIndex::sparse`].
    Sparse(u32),
    /// The name of another member, from the root of the archive.
    Link(Name),
    Other,
}

#[derive(Debug)]
struct Member {
    name: Name,
    what: What,
    /// The first block of the next member, which follows the last of this one.
    end: u64,
}

/// A file with holes, or why it cannot be read: that is no matter as long as it is not asked for.
type SparseMember = Result<Arc<Sparse>, sparse::Unreadable>;

/// The members of a tar.
pub(crate) struct TarIndex {
    archive: ArchiveFile,
    names: Names,
    members: Vec<Member>,
    sparse: Vec<SparseMember>,
    /// The places of the members, sorted by name; those of one name in their order.
    by_name: Vec<u32>,
}

impl TarIndex {
    /// Walks over the headers of `archive`. Blocks.
    ///
    /// [`Kind::Corrupt`] for what is no tar, is cut off, or has a member that leads out of it.
    pub(crate) fn read(archive: ArchiveFile) -> Result<TarIndex> {
        let (members, names, sparse) = Walk::new(&archive).members()?;
        let name = |i: &u32| names.get(members[*i as usize].name);
        let mut by_name: Vec<u32> = (0u32..).take(members.len()).collect();
        by_name.sort_unstable_by(|a, b| name(a).cmp(name(b)).then(a.cmp(b)));
        Ok(TarIndex {
            archive,
            names,
            members,
            sparse,
            by_name,
        })
    }

    /// The members called `name`, in order.
    fn called(&self, name: &str) -> impl DoubleEndedIterator<Item = &Member> {
        let its = |i: &u32| self.names.get(self.members[*i as usize].name);
        let from = self.by_name.partition_point(|i| its(i) < name);
        let same = self.by_name[from..].partition_point(|i| its(i) == name);
        let places = self.by_name[from..from + same].iter();
        places.map(|i| &self.members[*i as usize])
    }

    /// The archive itself.
    pub(crate) fn archive(&self) -> &ArchiveFile {
        &self.archive
    }

    /// Whether there is a member `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.called(name).next().is_some()
    }

    /// The names of all members, in order, repeats included.
    #[cfg(feature = "legacy")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members
            .iter()
            .map(|member| self.names.get(member.name))
    }

    /// The size of the file `name`, links followed; `None` when there is no such file.
    pub(crate) fn size(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.find(name)?.map(|content| content.left()))
    }

    /// The blocks of all members but those that are `without` by their names, in order, joined where they touch.
    pub(crate) fn blocks(&self, without: impl Fn(&str) -> bool) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let mut start = 0;
        for member in &self.members {
            let blocks = start..member.end;
            start = member.end;
            if without(self.names.get(member.name)) {
                continue;
            }
            match ranges.last_mut() {
                Some(last) if last.end == blocks.start => last.end = blocks.end,
                _ => ranges.push(blocks),
            }
        }
        ranges
    }

    /// The bytes of the file `name` from `from` on; `None` when there is no such file.
    pub(crate) fn stream(&self, name: &str, from: u64) -> Result<Option<BlobStream>> {
        let found = self.find(name)?;
        Ok(found.map(|content| content.skipping(from).stream()))
    }

    /// A blocking reader of the file `name`; `None` when there is no such file.
    pub(crate) fn reader(&self, name: &str) -> Result<Option<Section>> {
        self.find(name)
    }

    /// The digest of the file `name`; `None` when there is no such file. Blocks.
    pub(crate) fn hash(&self, name: &str, algorithm: Algorithm) -> Result<Option<Digest>> {
        let Some(mut content) = self.find(name)? else {
            return Ok(None);
        };
        let mut digester = Digester::new(algorithm);
        let mut piece = vec![0; PIECE];
        loop {
            match content.read(&mut piece) {
                Ok(0) => return Ok(Some(digester.finish())),
                Ok(n) => digester.update(&piece[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(cannot_read(self.archive.path(), e)),
            }
        }
    }

    /// Where the file `name` ends, links followed: the same for all names of one file, and different for two.
    pub(crate) fn place(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.resolve(name)?.map(|member| member.end))
    }

    /// The document `name` of at most `cap` bytes; `None` when there is none. Blocks.
    pub(crate) fn document(&self, name: &str, cap: u64) -> Result<Option<Bytes>> {
        if self.called(name).nth(1).is_some() {
            return Err(self.corrupt(format!("holds `{name}` more than once")));
        }
        self.last_document(name, cap)
    }

    /// The list of images `name`, no larger than one is read; `None` when there is none. Blocks.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Bytes>> {
        let bytes = self.document(name, LIST_CAP)?;
        let too_large = |why| self.corrupt(format!("has a large `{name}`: {why}"));
        let checked = bytes.as_deref().map_or(Ok(()), check_list);
        checked.map_err(too_large)?;
        Ok(bytes)
    }

    /// The last of the documents `name`, for one whose digest is checked. Blocks.
    pub(crate) fn last_document(&self, name: &str, cap: u64) -> Result<Option<Bytes>> {
        let Some(content) = self.find(name)? else {
            return Ok(None);
        };
        let size = content.left();
        if size > cap {
            return Err(self.corrupt(format!(
                "holds a `{name}` of {size} bytes, at most {cap} are read"
            )));
        }
        Ok(Some(content.read_all()?))
    }

    /// The member that `name` stands for, links followed.
    fn resolve(&self, name: &str) -> Result<Option<&Member>> {
        let mut at = name;
        for _ in 0..MOST_HOPS {
            // The last one, as unpacking would leave it.
            let Some(member) = self.called(at).next_back() else {
                if at == name {
                    return Ok(None);
                }
                return Err(self.corrupt(format!(
                    "holds a link `{name}` to `{at}`, which is not there"
                )));
            };
            match member.what {
                What::Link(target) => at = self.names.get(target),
                What::Other => return Err(self.corrupt(format!("holds a `{at}` that is no file"))),
                What::File { .. } | What::Sparse(_) => return Ok(Some(member)),
            }
        }
        Err(self.corrupt(format!("holds a link `{name}` that leads in a circle")))
    }

    /// The content of the file `name`, links followed.
    fn find(&self, name: &str) -> Result<Option<Section>> {
        let Some(member) = self.resolve(name)? else {
            return Ok(None);
        };
        let sparse = match member.what {
            What::File { offset, size } => return Ok(Some(self.archive.reader(offset, size))),
            What::Sparse(i) => self.sparse.get(i as usize),
            What::Link(_) | What::Other => None,
        };
        match sparse {
            Some(Ok(sparse)) => {
                let size = sparse.size();
                Ok(Some(self.archive.sparse_reader(sparse.clone(), size)))
            }
            Some(Err(what)) => {
                let at = self.names.get(member.name);
                let text = format!("holds the sparse member `{at}`, which {what}");
                Err(self.corrupt(text).hint("pack it again without `--sparse`"))
            }
            None => Ok(None),
        }
    }

    /// The error of an archive that `what`.
    pub(crate) fn corrupt(&self, what: impl std::fmt::Display) -> Error {
        corrupt(&self.archive, what)
    }
}

fn corrupt(archive: &ArchiveFile, what: impl std::fmt::Display) -> Error {
    corrupt_at(archive.path(), what)
}
