//! Taking entries into a tree: files that are set, hidden and replaced.

use std::hash::BuildHasher;

use super::super::contents::Contents;
use super::super::entry::dead_link;
use super::super::{Change, Content, Entry, EntryKind, Found, ImagePath, Next, Visit};
use super::{LayerUse, MOST_HOPS, NONE, Node, NodeId, Span, Tree, Xattrs};
use crate::{Error, Result};

/// Most files of an image; the largest honest ones have about a million.
const MOST_NODES: usize = 3_000_000;
/// Most bytes of all names and links together.
const MOST_NAMES: usize = 256 << 20;
/// Most bytes of all extended attributes together.
const MOST_XATTRS: usize = 64 << 20;

/// What an entry makes: a node without its place, the origin where it is another one, and the extended attributes.
type Made = (Node, Option<(u16, Span)>, Xattrs);

impl Tree {
    /// The sums of a layer, to be changed.
    fn usage_of(&mut self, layer: u16) -> &mut LayerUse {
        let at = usize::from(layer);
        if self.usage.len() <= at {
            self.usage.resize(at + 1, LayerUse::default());
        }
        &mut self.usage[at]
    }

    /// Counts the file `at` as hidden, if it is one that is there.
    fn count_hidden(&mut self, at: u32) {
        let node = self.nodes[at as usize];
        if !node.gone && node.kind == EntryKind::File {
            self.usage_of(node.layer).hidden += node.size;
        }
    }

    fn add_text(&mut self, text: &[u8]) -> Result<Span> {
        let too_many = || {
            let most = MOST_NAMES >> 20;
            corrupt(format!(
                "the image has more than {most} MiB of names and links"
            ))
        };
        let at = u32::try_from(self.texts.len()).map_err(|_| too_many())?;
        let len = u16::try_from(text.len())
            .map_err(|_| corrupt("the image has a link of more than 64 KiB".to_owned()))?;
        if self.texts.len() + text.len() > MOST_NAMES {
            return Err(too_many());
        }
        self.texts.extend_from_slice(text);
        Ok(Span { at, len })
    }

    /// The node `name` of the directory `parent`, made if it is not there.
    fn make(&mut self, parent: u32, name: &[u8]) -> Result<u32> {
        if let Some(there) = self.place(parent, name) {
            return Ok(there);
        }
        if self.nodes.len() >= MOST_NODES {
            return Err(corrupt(format!(
                "the image has more than {MOST_NODES} files"
            )));
        }
        let at = self.nodes.len() as u32;
        let node = Node {
            name: self.add_text(name)?,
            parent,
            first_child: NONE,
            next_sibling: self.nodes[parent as usize].first_child,
            gone: true,
            ..self.nodes[0]
        };
        self.nodes.push(node);
        self.nodes[parent as usize].first_child = at;
        let (nodes, texts, hasher) = (&self.nodes, &self.texts, &self.hasher);
        let rehash = |at: &u32| {
            let Node { name, parent, .. } = nodes[*at as usize];
            let begin = name.at as usize;
            hasher.hash_one((parent, &texts[begin..begin + usize::from(name.len)]))
        };
        let hash = rehash(&at);
        self.places.insert_unique(hash, at, rehash);
        Ok(at)
    }

    /// The directory `path`, made where it is not there, and whether links on the way were followed.
    fn directory(&mut self, path: &ImagePath, layer: u16) -> Result<(u32, bool)> {
        let (mut path, mut hops) = (path.clone(), 0);
        'path: loop {
            let mut at = 0;
            let parts: Vec<Vec<u8>> = path.parts().map(<[u8]>::to_vec).collect();
            for (i, part) in parts.iter().enumerate() {
                let next = self.make(at, part)?;
                let node = self.nodes[next as usize];
                if !node.gone && node.kind == EntryKind::Symlink && hops < MOST_HOPS {
                    hops += 1;
                    let mut target = self.path(NodeId(at)).linked(self.target(NodeId(next)))?;
                    for rest in &parts[i + 1..] {
                        target = target.child(rest);
                    }
                    path = ImagePath::parse(target.as_bytes())?;
                    continue 'path;
                }
                if node.gone || node.kind != EntryKind::Directory {
                    self.reset(next);
                    let node = &mut self.nodes[next as usize];
                    (node.gone, node.implied, node.layer) = (false, true, layer);
                }
                at = next;
            }
            return Ok((at, hops > 0));
        }
    }

    /// Makes a node a directory of which nothing is known.
    fn reset(&mut self, at: u32) {
        self.count_hidden(at);
        let Node {
            parent,
            first_child,
            next_sibling,
            name,
            ..
        } = self.nodes[at as usize];
        self.origins.remove(&at);
        if std::mem::take(&mut self.nodes[at as usize].has_xattrs)
            && let Some(old) = self.xattrs.remove(&at)
        {
            self.xattr_bytes -= bytes_of(&old);
        }
        self.nodes[at as usize] = Node {
            parent,
            first_child,
            next_sibling,
            name,
            link: Span::default(),
            size: 0,
            seconds: 0,
            uid: 0,
            gid: 0,
            mode: 0o755,
            kind: EntryKind::Directory,
            ..self.nodes[at as usize]
        };
    }

    /// Takes away what layers below `layer` have at `at` and below it; `only_below` leaves `at` itself.
    fn hide(&mut self, at: u32, layer: u16, only_below: bool) {
        // Each node comes before those below it.
        let mut below = vec![at];
        let mut i = 0;
        while i < below.len() {
            let children: Vec<u32> = self.child_ids(below[i]).collect();
            below.extend(children);
            i += 1;
        }
        let kept_from = usize::from(only_below);
        for at in below[kept_from..].iter().rev() {
            let has_children = self.child_ids(*at).next().is_some();
            let node = self.nodes[*at as usize];
            if node.layer >= layer && !node.implied {
                continue;
            }
            // A directory with files of this layer in it stays as it is.
            if !has_children {
                self.count_hidden(*at);
                self.nodes[*at as usize].gone = true;
            }
        }
    }

    /// Takes in an entry of `layer`, which is not below any layer that was taken in before. Returns the file that it made.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] when there are too many files, or an entry that cannot be.
    pub fn apply(&mut self, layer: u16, entry: &Entry) -> Result<Option<NodeId>> {
        match entry.change()? {
            Change::Nothing => {}
            Change::Hides(path) => {
                if let Found::There(id) = self.resolve(&path, false)
                    && id != self.root()
                {
                    self.hide(id.0, layer, false);
                }
            }
            Change::Opaque(path) => {
                if let Found::There(id) = self.resolve(&path, true) {
                    self.hide(id.0, layer, true);
                }
            }
            Change::Sets => return self.set(layer, entry).map(Some),
        }
        Ok(None)
    }

    fn set(&mut self, layer: u16, entry: &Entry) -> Result<NodeId> {
        let (at, by_link) = match entry.path.is_root() {
            true => (0, false),
            false => {
                let (parent, by_link) = self.directory(&entry.path.parent(), layer)?;
                (self.make(parent, entry.path.name())?, by_link)
            }
        };
        let old = self.nodes[at as usize];
        let stays = entry.kind == EntryKind::Directory && old.kind == EntryKind::Directory;
        if !old.gone && !stays {
            self.hide(at, u16::MAX, false);
        }
        let (new, origin, xattrs) = match entry.kind {
            EntryKind::HardLink => self.linked(entry)?,
            _ => self.described(layer, entry, by_link)?,
        };
        self.reset(at);
        let node = &mut self.nodes[at as usize];
        *node = Node {
            parent: node.parent,
            first_child: node.first_child,
            next_sibling: node.next_sibling,
            name: node.name,
            layer,
            gone: false,
            implied: false,
            has_xattrs: false,
            ..new
        };
        if let Some(origin) = origin {
            self.origins.insert(at, origin);
        }
        if entry.kind != EntryKind::Directory {
            let usage = self.usage_of(layer);
            usage.entries += 1;
            if entry.kind == EntryKind::File {
                usage.bytes += entry.size;
            }
        }
        self.set_xattrs(at, xattrs)?;
        Ok(NodeId(at))
    }

    /// What `entry`, which is no hard link, makes.
    fn described(&mut self, layer: u16, entry: &Entry, by_link: bool) -> Result<Made> {
        let node = Node {
            link: match entry.kind {
                EntryKind::Symlink => self.add_text(&entry.link)?,
                _ => Span::default(),
            },
            size: match entry.kind {
                EntryKind::CharDevice | EntryKind::BlockDevice => {
                    u64::from(entry.device.0) << 32 | u64::from(entry.device.1)
                }
                _ => entry.size,
            },
            seconds: entry.modified.seconds,
            uid: entry.uid,
            gid: entry.gid,
            mode: entry.mode as u16,
            kind: entry.kind,
            ..self.nodes[0]
        };
        let origin = match by_link {
            true => Some((layer, self.add_text(entry.path.as_bytes())?)),
            false => None,
        };
        Ok((node, origin, entry.xattrs.clone()))
    }

    /// What the hard link `entry` makes: all that its target is at this moment, and nothing that the entry itself says.
    fn linked(&mut self, entry: &Entry) -> Result<Made> {
        let target = entry.hard_link()?;
        let Found::There(id) = self.resolve(&target, false) else {
            return Err(dead_link(&entry.path, &target, "is not there"));
        };
        let mut node = *self.node(id);
        let origin = self.origin(id);
        let Some((layer, path)) = origin.filter(|_| node.kind != EntryKind::Directory) else {
            return Err(dead_link(&entry.path, &target, "is a directory"));
        };
        // A further name of anything else is shown as that.
        if node.kind == EntryKind::File {
            node.kind = EntryKind::HardLink;
        }
        let path = self.add_text(path.as_bytes())?;
        Ok((node, Some((layer as u16, path)), self.xattrs(id).to_vec()))
    }

    fn set_xattrs(&mut self, at: u32, xattrs: Xattrs) -> Result<()> {
        if xattrs.is_empty() {
            return Ok(());
        }
        self.xattr_bytes += bytes_of(&xattrs);
        if self.xattr_bytes > MOST_XATTRS {
            let most = MOST_XATTRS >> 20;
            let text = format!("the image has more than {most} MiB of extended attributes");
            return Err(corrupt(text));
        }
        self.xattrs.insert(at, xattrs);
        self.nodes[at as usize].has_xattrs = true;
        Ok(())
    }
}

fn bytes_of(xattrs: &[(Vec<u8>, Vec<u8>)]) -> usize {
    xattrs
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

fn corrupt(text: String) -> Error {
    Error::corrupt(text)
}

/// Takes the entries of layers into a tree.
pub(in crate::rootfs) struct Merge {
    tree: Tree,
    layer: u16,
}

impl Merge {
    /// Into `tree`, beginning with the layer at the base.
    pub(in crate::rootfs) fn new(tree: Tree) -> Merge {
        Merge { tree, layer: 0 }
    }

    /// Begins the layer `at`, counted from the base.
    pub(in crate::rootfs) fn begin_layer(&mut self, at: usize) -> Result<()> {
        let layer = u16::try_from(at).ok().filter(|at| *at < u16::MAX);
        self.layer = layer.ok_or_else(|| corrupt("the image has too many layers".to_owned()))?;
        Ok(())
    }

    /// Takes an entry in, and returns the file that it made.
    pub(in crate::rootfs) fn take(&mut self, entry: &Entry) -> Result<Option<NodeId>> {
        self.tree.apply(self.layer, entry)
    }

    /// Takes in the entries of a layer whose contents are known.
    pub(in crate::rootfs) fn contents(mut self, contents: &Contents) -> Result<Merge> {
        contents.entries(|entry| self.take(entry).map(drop))?;
        Ok(self)
    }

    pub(in crate::rootfs) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(in crate::rootfs) fn into_tree(self) -> Tree {
        self.tree
    }
}

impl Visit for Merge {
    fn entry(&mut self, entry: Entry, _: &mut Content<'_, '_>) -> Result<Next> {
        self.take(&entry)?;
        Ok(Next::Go)
    }
}
