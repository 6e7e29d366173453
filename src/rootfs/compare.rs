//! What differs between the files of two images.
//!
//! Layers at the base that both images have are merged once and their contents are not looked at, unless a file of theirs
//! stands against one of another layer with the same size. Of all other layers contents are hashed. Times do not count.

use std::collections::{HashMap, HashSet};

use super::hashed::{Digests, HashNamed, MergeHashed};
use super::{EntryKind, Found, ImagePath, Layers, NodeId, Tree, merge_into};
use crate::Result;
use crate::image::Digest;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    Added,
    Removed,
    Changed,
}

/// What counts of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub kind: EntryKind,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    /// Bytes of a file.
    pub size: u64,
    /// The target of a symbolic link.
    pub link: Vec<u8>,
    pub device: Option<(u32, u32)>,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Of the content of a file; `None` where it did not have to be read.
    pub digest: Option<Digest>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub path: ImagePath,
    pub difference: Difference,
    /// In the first image.
    pub before: Option<Facts>,
    /// In the second image.
    pub after: Option<Facts>,
}

/// One of the two images.
struct Side {
    tree: Tree,
    digests: Digests,
}

impl Side {
    fn facts(&self, id: NodeId) -> Facts {
        let node = self.tree.node(id);
        // A further name of a file is a file.
        let kind = match node.kind {
            EntryKind::HardLink => EntryKind::File,
            kind => kind,
        };
        let mut xattrs = self.tree.xattrs(id).to_vec();
        xattrs.sort();
        Facts {
            kind,
            // The mode of a symbolic link means nothing.
            mode: match kind {
                EntryKind::Symlink => 0o777,
                _ => node.mode,
            },
            uid: node.uid,
            gid: node.gid,
            size: node.size(),
            link: self.tree.target(id).to_vec(),
            device: node.device(),
            xattrs,
            digest: match kind {
                EntryKind::File => self.digests.get(&id).cloned(),
                _ => None,
            },
        }
    }
}

/// The files that differ between `a` and `b`, sorted by path.
///
/// # Errors
/// Those of reading the layers.
pub async fn compare(a: &Layers, b: &Layers) -> Result<Vec<FileChange>> {
    let pairs = a.list().iter().zip(b.list());
    let shared = pairs.take_while(|(a, b)| a.digest == b.digest).count();
    if shared == a.list().len() && shared == b.list().len() {
        return Ok(Vec::new());
    }
    let mut base = Tree::new();
    for at in 0..shared {
        base = merge_into(base, a, at).await?;
    }
    let first = rest(base.clone(), a, shared).await?;
    let second = rest(base, b, shared).await?;
    let mut changes = walk(&first, &second, shared);
    let unsure = unsure(&first, &second, &changes);
    if !unsure.is_empty() {
        let known = hash_shared(a, &unsure).await?;
        for change in &mut changes {
            for (side, facts) in [(&first, &mut change.before), (&second, &mut change.after)] {
                if let Some(facts) = facts.as_mut().filter(|f| f.digest.is_none())
                    && let Found::There(id) = side.tree.resolve(&change.path, false)
                    && let Some(origin) = side.tree.origin(id)
                {
                    facts.digest = known.get(&origin).cloned();
                }
            }
        }
        changes.retain(|change| change.before != change.after);
    }
    Ok(changes)
}

/// `tree` with the layers of an image from `from` on, their contents hashed.
async fn rest(tree: Tree, layers: &Layers, from: usize) -> Result<Side> {
    let mut merge = MergeHashed::new(tree);
    for at in from..layers.list().len() {
        merge.begin_layer(at)?;
        merge = layers.walk(at, merge).await?;
    }
    let (tree, digests) = merge.into_parts();
    Ok(Side { tree, digests })
}

/// The files that differ, or may: of some the contents are not known.
fn walk(first: &Side, second: &Side, shared: usize) -> Vec<FileChange> {
    let mut changes = Vec::new();
    let mut ahead = vec![(Some(first.tree.root()), Some(second.tree.root()))];
    while let Some((a, b)) = ahead.pop() {
        let is_dir = |side: &Side, id: Option<NodeId>| {
            id.filter(|id| side.tree.node(*id).kind == EntryKind::Directory)
        };
        let path = match (a, b) {
            (Some(a), _) => first.tree.path(a),
            (None, Some(b)) => second.tree.path(b),
            (None, None) => continue,
        };
        let from_shared = |side: &Side, id: NodeId| side.tree.node(id).layer() < shared;
        let same_entry = matches!((a, b), (Some(a), Some(b))
            if from_shared(first, a) && from_shared(second, b));
        let (before, after) = (a.map(|a| first.facts(a)), b.map(|b| second.facts(b)));
        let difference = match (&before, &after) {
            (None, _) => Some(Difference::Added),
            (_, None) => Some(Difference::Removed),
            (before, after) if !same_entry && before != after => Some(Difference::Changed),
            _ => None,
        };
        if let Some(difference) = difference.filter(|_| !path.is_root()) {
            changes.push(FileChange {
                path,
                difference,
                before,
                after,
            });
        }
        let children = |side: &Side, id: Option<NodeId>| {
            is_dir(side, id).map_or(Vec::new(), |id| side.tree.children(id))
        };
        let pairs = paired(first, children(first, a), second, children(second, b));
        ahead.extend(pairs.into_iter().rev());
    }
    changes
}

/// The files of two directories, each with the one of the same name, in the order of their names.
fn paired(
    first: &Side,
    a: Vec<NodeId>,
    second: &Side,
    b: Vec<NodeId>,
) -> Vec<(Option<NodeId>, Option<NodeId>)> {
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    let mut pairs = Vec::new();
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return pairs,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(x), Some(y)) => first.tree.name(*x).cmp(second.tree.name(*y)),
        };
        pairs.push(match order {
            std::cmp::Ordering::Less => (a.next(), None),
            std::cmp::Ordering::Greater => (None, b.next()),
            std::cmp::Ordering::Equal => (a.next(), b.next()),
        });
    }
}

/// The shared layer and path of each file whose content decides whether it differs at all.
fn unsure(first: &Side, second: &Side, changes: &[FileChange]) -> HashSet<(usize, ImagePath)> {
    let mut unsure = HashSet::new();
    for change in changes {
        let (Some(before), Some(after)) = (&change.before, &change.after) else {
            continue;
        };
        if before.kind != EntryKind::File || before.size != after.size {
            continue;
        }
        for (side, facts) in [(first, before), (second, after)] {
            if facts.digest.is_none()
                && let Found::There(id) = side.tree.resolve(&change.path, false)
            {
                unsure.extend(side.tree.origin(id));
            }
        }
    }
    unsure
}

/// The digests of these files of the shared layers.
async fn hash_shared(
    layers: &Layers,
    wanted: &HashSet<(usize, ImagePath)>,
) -> Result<HashMap<(usize, ImagePath), Digest>> {
    let mut known = HashMap::new();
    for at in 0..layers.list().len() {
        let of_layer: HashSet<ImagePath> = wanted
            .iter()
            .filter(|(layer, _)| *layer == at)
            .map(|(_, path)| path.clone())
            .collect();
        if !of_layer.is_empty() {
            let hashed = layers.walk(at, HashNamed::new(of_layer)).await?;
            let found = hashed.into_digests().into_iter();
            known.extend(found.map(|(path, digest)| ((at, path), digest)));
        }
    }
    Ok(known)
}
