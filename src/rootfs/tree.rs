//! The files of an image in memory: the entries of its layers, merged from the base up.
//!
//! A node takes some 60 bytes and its name, so an image of 200,000 files takes some 16 MiB; how many there may be is limited.
//! Nothing is removed from the tree: what a layer takes away is marked, and may come back. Parents that are symbolic links
//! are followed within the image, as runtimes do when they unpack.

mod apply;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::{EntryKind, ImagePath};

pub(super) use apply::Merge;

/// Links that are followed one after the other, as Linux has it.
const MOST_HOPS: usize = 40;
/// No node.
const NONE: u32 = u32::MAX;

/// A file of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

/// What is known of a file.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// Bytes of a file; for a device, its numbers.
    size: u64,
    seconds: i64,
    parent: u32,
    first_child: u32,
    next_sibling: u32,
    name: Span,
    link: Span,
    pub uid: u32,
    pub gid: u32,
    pub mode: u16,
    layer: u16,
    pub kind: EntryKind,
    /// It is not there any more, or not yet.
    gone: bool,
    /// A directory that no entry made, but files in it did.
    implied: bool,
    has_xattrs: bool,
}

/// Extended attributes: name and value.
type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// A part of [`Tree::texts`].
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    at: u32,
    len: u16,
}

impl Node {
    /// Bytes of a file, holes included.
    pub fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File | EntryKind::HardLink => self.size,
            _ => 0,
        }
    }

    /// Major and minor number of a device.
    pub fn device(&self) -> Option<(u32, u32)> {
        match self.kind {
            EntryKind::CharDevice | EntryKind::BlockDevice => {
                Some(((self.size >> 32) as u32, self.size as u32))
            }
            _ => None,
        }
    }

    /// When it was changed, in seconds since 1970.
    pub fn modified(&self) -> i64 {
        self.seconds
    }

    /// The layer that it is from, counted from the base.
    pub fn layer(&self) -> usize {
        usize::from(self.layer)
    }
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    There(NodeId),
    /// There is no such file.
    Missing,
    /// Links lead in a circle, or too far.
    Circle,
}

/// What the entries of one layer come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerUse {
    /// Files, links and devices; directories are not counted.
    pub entries: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Of these, bytes of files that are replaced or taken away later.
    pub hidden: u64,
}

/// The merged files.
#[derive(Clone)]
pub struct Tree {
    nodes: Vec<Node>,
    texts: Vec<u8>,
    xattrs: HashMap<u32, Xattrs>,
    xattr_bytes: usize,
    /// The layer and path of the entry that made a file, where these are not its own: of hard links, and of entries that a
    /// symbolic link led elsewhere.
    origins: HashMap<u32, (u16, Span)>,
    usage: Vec<LayerUse>,
    /// By parent and name.
    places: HashTable<u32>,
    hasher: RandomState,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl Tree {
    /// A root and nothing in it.
    pub fn new() -> Tree {
        let root = Node {
            size: 0,
            seconds: 0,
            parent: NONE,
            first_child: NONE,
            next_sibling: NONE,
            name: Span::default(),
            link: Span::default(),
            uid: 0,
            gid: 0,
            mode: 0o755,
            layer: 0,
            kind: EntryKind::Directory,
            gone: false,
            implied: true,
            has_xattrs: false,
        };
        Tree {
            nodes: vec![root],
            texts: Vec::new(),
            xattrs: HashMap::new(),
            xattr_bytes: 0,
            origins: HashMap::new(),
            usage: Vec::new(),
            places: HashTable::new(),
            hasher: RandomState::new(),
        }
    }

    /// The root directory.
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// What is known of a file.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The name of a file in its directory.
    pub fn name(&self, id: NodeId) -> &[u8] {
        self.text(self.node(id).name)
    }

    /// The target of a symbolic link as it is written; empty for everything else.
    pub fn target(&self, id: NodeId) -> &[u8] {
        match self.node(id).kind {
            EntryKind::Symlink => self.text(self.node(id).link),
            _ => &[],
        }
    }

    /// The file of which a hard link is another name. `None` when that one was replaced or taken away since: then the
    /// content is there under the name of the link alone.
    pub fn first_name(&self, id: NodeId) -> Option<NodeId> {
        if self.node(id).kind != EntryKind::HardLink {
            return None;
        }
        let (layer, path) = self.origin(id)?;
        match self.resolve(&path, false) {
            Found::There(first) if self.node(first).kind == EntryKind::File => {
                let is_it = self.origin(first) == Some((layer, path));
                is_it.then_some(first)
            }
            _ => None,
        }
    }

    /// The layer that the content of a file is in, and the path by which that layer names it; for a hard link those of the
    /// file that it names. `None` for a directory that no entry describes.
    pub fn origin(&self, id: NodeId) -> Option<(usize, ImagePath)> {
        let node = self.node(id);
        match self.origins.get(&id.0) {
            _ if node.implied => None,
            Some((layer, path)) => {
                let path = ImagePath::parse(self.text(*path)).ok()?;
                Some((usize::from(*layer), path))
            }
            None => Some((node.layer(), self.path(id))),
        }
    }

    /// Its extended attributes: name and value.
    pub fn xattrs(&self, id: NodeId) -> &[(Vec<u8>, Vec<u8>)] {
        self.xattrs.get(&id.0).map_or(&[], Vec::as_slice)
    }

    /// The path of a file.
    pub fn path(&self, id: NodeId) -> ImagePath {
        let (mut names, mut at) = (Vec::new(), id.0);
        while at != 0 && at != NONE {
            let node = &self.nodes[at as usize];
            names.push(self.text(node.name));
            at = node.parent;
        }
        let root = ImagePath::default();
        names.iter().rev().fold(root, |path, name| path.child(name))
    }

    /// The directory that a file is in; `None` for the root.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        Some(self.node(id).parent)
            .filter(|parent| *parent != NONE)
            .map(NodeId)
    }

    /// The files in a directory, sorted by the bytes of their names.
    pub fn children(&self, id: NodeId) -> Vec<NodeId> {
        let mut children: Vec<NodeId> = self.child_ids(id.0).map(NodeId).collect();
        children.sort_unstable_by(|a, b| self.name(*a).cmp(self.name(*b)));
        children
    }

    /// What the entries of the layer `at` come to, counted from the base.
    pub fn usage(&self, at: usize) -> LayerUse {
        self.usage.get(at).copied().unwrap_or_default()
    }

    /// What `path` leads to. Symbolic links on the way are followed; one at its end is if `last`.
    pub fn resolve(&self, path: &ImagePath, last: bool) -> Found {
        let mut hops = 0;
        let mut path = path.clone();
        'path: loop {
            let mut at = 0;
            let parts: Vec<&[u8]> = path.parts().collect();
            for (i, part) in parts.iter().enumerate() {
                let Some(next) = self
                    .place(at, part)
                    .filter(|n| !self.nodes[*n as usize].gone)
                else {
                    return Found::Missing;
                };
                let is_link = self.nodes[next as usize].kind == EntryKind::Symlink;
                if is_link && (last || i + 1 < parts.len()) {
                    hops += 1;
                    let target = self.path(NodeId(at)).linked(self.target(NodeId(next)));
                    let Ok(mut target) = target else {
                        return Found::Missing;
                    };
                    for rest in &parts[i + 1..] {
                        target = target.child(rest);
                    }
                    if hops > MOST_HOPS || target.as_bytes().len() > 1 << 16 {
                        return Found::Circle;
                    }
                    path = target;
                    continue 'path;
                }
                at = next;
            }
            return Found::There(NodeId(at));
        }
    }

    fn text(&self, span: Span) -> &[u8] {
        let at = span.at as usize;
        &self.texts[at..at + usize::from(span.len)]
    }

    fn child_ids(&self, parent: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.nodes[parent as usize].first_child;
        let next = |at: &u32| Some(self.nodes[*at as usize].next_sibling).filter(|n| *n != NONE);
        std::iter::successors(Some(first).filter(|n| *n != NONE), next)
            .filter(|at| !self.nodes[*at as usize].gone)
    }

    fn hash(&self, parent: u32, name: &[u8]) -> u64 {
        self.hasher.hash_one((parent, name))
    }

    /// The node `name` of the directory `parent`, gone or not.
    fn place(&self, parent: u32, name: &[u8]) -> Option<u32> {
        let is_it = |at: &u32| {
            let node = &self.nodes[*at as usize];
            node.parent == parent && self.text(node.name) == name
        };
        self.places.find(self.hash(parent, name), is_it).copied()
    }
}

#[cfg(test)]
mod tests;
