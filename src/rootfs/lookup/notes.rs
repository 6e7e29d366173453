//! What one layer says of paths, and which of its entries may stand elsewhere than their paths say.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::super::{EntryKind, ImagePath};

/// Hashes of paths and names, which stand for them.
#[derive(Default)]
pub(super) struct Keys([RandomState; 2]);

impl Keys {
    pub(super) fn of(&self, text: &[u8]) -> u128 {
        let [a, b] = &self.0;
        u128::from(a.hash_one(text)) << 64 | u128::from(b.hash_one(text))
    }
}

/// What a layer says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Nothing but that lower layers are hidden there.
    Nothing,
    Whiteout,
    Is(EntryKind),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    pub(super) what: What,
    /// Lower layers have nothing below this path.
    pub(super) opaque: bool,
    /// Of a link: which of the links that the search has noted.
    pub(super) link: u32,
    /// The number of the entry, which is higher than those of the entries before it in the layer.
    pub(super) order: u32,
}

/// What one layer says.
#[derive(Default)]
pub(super) struct Notes {
    /// By the path.
    pub(super) entries: HashMap<u128, Note>,
    /// Entries that may stand elsewhere than their paths say, by the last name.
    pub(super) loose: HashMap<u128, Loose>,
    /// Opaque directories that may be links, and directories that the layer itself replaces.
    pub(super) loose_dirs: Option<Loose>,
    /// No layer is below it.
    pub(super) is_base: bool,
    /// Directories that this layer has entries in and did not describe before.
    unknown: HashSet<u128>,
    /// The directory of the entry before, if entries in it stand where their paths say.
    plain: Option<ImagePath>,
}

/// Entries that may stand elsewhere than their paths say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Loose {
    /// All of them have this path.
    One(u128),
    Several,
}

impl Loose {
    /// `known` and one more, at the path `key`.
    fn with(known: Option<Loose>, key: u128) -> Loose {
        match known {
            Some(known) if known != Loose::One(key) => Loose::Several,
            _ => Loose::One(key),
        }
    }
}

impl Notes {
    pub(super) fn new(is_base: bool) -> Notes {
        Notes {
            is_base,
            ..Notes::default()
        }
    }

    /// Takes in the entry at `path` with the number `order`.
    pub(super) fn take(
        &mut self,
        keys: &Keys,
        path: &ImagePath,
        what: What,
        link: u32,
        order: u32,
    ) {
        let key = keys.of(path.as_bytes());
        self.take_place(keys, path, what, key);
        let new = Note {
            what,
            opaque: what == What::Nothing,
            link,
            order,
        };
        let note = self.entries.entry(key).or_insert(new);
        if let (What::Is(old), What::Is(new)) = (note.what, what)
            && (old == EntryKind::Directory) != (new == EntryKind::Directory)
        {
            self.loose_dirs = Some(Loose::Several);
        }
        // A whiteout and an entry of one layer: the entry is there, and hides what is below.
        let hides = |what| matches!(what, What::Nothing | What::Whiteout);
        note.opaque |= hides(what) || (hides(note.what) && !hides(what));
        if !hides(what) || note.what == What::Nothing {
            (note.what, note.link, note.order) = (what, link, order);
        }
    }

    /// Remembers the entry at `path` if it may stand elsewhere.
    fn take_place(&mut self, keys: &Keys, path: &ImagePath, what: What, key: u128) {
        let dir = match what {
            What::Nothing => path.clone(),
            _ => path.parent(),
        };
        let unknown = self.unknown(keys, &dir);
        self.plain = unknown.is_empty().then_some(dir);
        if what != What::Nothing && self.unknown.contains(&key) {
            self.loose_dirs = Some(Loose::Several);
        }
        if unknown.is_empty() {
            return;
        }
        // An opaque directory that may be a link may be any directory.
        let is_any = what == What::Nothing && unknown.last() == Some(&key);
        self.unknown.extend(unknown);
        if is_any {
            self.loose_dirs = Some(Loose::with(self.loose_dirs, key));
        } else {
            let name = keys.of(path.name());
            let known = self.loose.get(&name).copied();
            self.loose.insert(name, Loose::with(known, key));
        }
    }

    /// The directories on the way to and with `dir` that may be links: this layer does not describe them, and layers below
    /// it may have links there.
    fn unknown(&self, keys: &Keys, dir: &ImagePath) -> Vec<u128> {
        if dir.is_root() || self.plain.as_ref() == Some(dir) {
            return Vec::new();
        }
        let path = dir.as_bytes();
        let keys = ends(path).skip(1).map(|end| keys.of(&path[..end]));
        let may_be_link = |key: &u128| match self.entries.get(key).map(|note| note.what) {
            Some(What::Is(EntryKind::Directory) | What::Whiteout) => false,
            Some(What::Is(_)) => true,
            Some(What::Nothing) | None => !self.is_base,
        };
        keys.filter(may_be_link).collect()
    }
}

/// Where the root and each part of `path` end in it.
pub(super) fn ends(path: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/');
    let whole = (!path.is_empty()).then_some(path.len());
    std::iter::once(0)
        .chain(slashes.map(|(at, _)| at))
        .chain(whole)
}
