//! Visitors that hash the contents of files.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use super::tree::Merge;
use super::{Content, Entry, EntryKind, Found, ImagePath, Next, NodeId, Tree, Visit};
use crate::Result;
use crate::image::{Algorithm, Digest, Digester};
use crate::transport::inflate::broken;

/// Digests of contents, by file.
pub(super) type Digests = HashMap<NodeId, Digest>;

/// The digest of a content.
fn digest_of(content: &mut Content<'_, '_>) -> Result<Digest> {
    let mut digester = Digester::new(Algorithm::Sha256);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match content.read(&mut buffer).map_err(|e| broken(None, e))? {
            0 => return Ok(digester.finish()),
            n => digester.update(&buffer[..n]),
        }
    }
}

/// Takes layers into a tree, and hashes their files.
pub(super) struct MergeHashed {
    merge: Merge,
    digests: Digests,
}

impl MergeHashed {
    pub(super) fn new(tree: Tree) -> MergeHashed {
        MergeHashed {
            merge: Merge::new(tree),
            digests: Digests::new(),
        }
    }

    /// Begins the layer `at`, counted from the base.
    pub(super) fn begin_layer(&mut self, at: usize) -> Result<()> {
        self.merge.begin_layer(at)
    }

    pub(super) fn into_parts(self) -> (Tree, Digests) {
        (self.merge.into_tree(), self.digests)
    }
}

impl Visit for MergeHashed {
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next> {
        let digest = match entry.kind {
            EntryKind::File => Some(digest_of(content)?),
            EntryKind::HardLink => {
                let target = self.merge.tree().resolve(&entry.hard_link()?, false);
                match target {
                    Found::There(id) => self.digests.get(&id).cloned(),
                    Found::Missing | Found::Circle => None,
                }
            }
            _ => None,
        };
        if let Some(id) = self.merge.take(&entry)? {
            match digest {
                Some(digest) => self.digests.insert(id, digest),
                None => self.digests.remove(&id),
            };
        }
        Ok(Next::Go)
    }
}

/// Hashes the files at some paths of a layer.
pub(super) struct HashNamed {
    wanted: HashSet<ImagePath>,
    digests: HashMap<ImagePath, Digest>,
}

impl HashNamed {
    pub(super) fn new(wanted: HashSet<ImagePath>) -> HashNamed {
        HashNamed {
            wanted,
            digests: HashMap::new(),
        }
    }

    pub(super) fn into_digests(self) -> HashMap<ImagePath, Digest> {
        self.digests
    }
}

impl Visit for HashNamed {
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next> {
        if entry.kind == EntryKind::File && self.wanted.contains(&entry.path) {
            let digest = digest_of(content)?;
            self.digests.insert(entry.path, digest);
        }
        Ok(Next::Go)
    }
}
