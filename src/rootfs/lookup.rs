//! Finding one file from the top layer down, without the layers below the one that decides.
//!
//! Of each layer that was read it keeps what each path is there, by a hash of the path: some 40 bytes an entry. A question
//! about a path is answered by the topmost layer that says anything about it or about a directory on the way to it. When
//! a symbolic link leads elsewhere, the layers that were read can be asked about the new path without reading them again.
//!
//! An entry stands where its path says only if no directory on the way is a symbolic link. A layer that describes these
//! directories itself tells that; of other entries, only the layers below do. Where such an entry could be what is looked
//! for, or hide it, the answer is [`Answer::Unsure`]. So it is where a hard link names what its layer changes after it:
//! the link means what was there before.

mod notes;

use notes::{Keys, Loose, Note, Notes, What, ends};

use super::{Change, Entry, EntryKind, ImagePath};
use crate::{Error, Result};

/// Links that are followed one after the other, as Linux has it.
const MOST_HOPS: usize = 40;
/// Most entries of all layers that were read.
const MOST_NOTES: usize = 8_000_000;
/// Most bytes of all links together.
const MOST_LINKS: usize = 64 << 20;

/// The state of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The layers that were read do not tell: the next one below has to be read.
    More,
    /// It is a file: `path` in the layer that was read as number `layer`, the first being 0.
    File {
        layer: usize,
        path: ImagePath,
    },
    /// It is there and not a file.
    Other(EntryKind),
    Missing,
    /// Symbolic links lead in a circle, or too far.
    Circle,
    /// Only all layers together tell.
    Unsure,
}

/// What a layer, and those above it, answer about one path.
enum Said {
    Unknown,
    Hidden {
        layer: usize,
    },
    Is {
        layer: usize,
        kind: EntryKind,
        link: u32,
        order: u32,
    },
    /// The directory of so many parts on the way is a symbolic link.
    Leads {
        layer: usize,
        parts: usize,
        link: u32,
        order: u32,
    },
}

/// A hard link whose target is looked for.
struct HardLink {
    /// Entries of its layer from this one on do not count.
    order: u32,
    /// The directory of the first of the names that led here: a symbolic link that has several names leads on from there.
    home: ImagePath,
}

/// A search for one file.
pub struct Lookup {
    /// The top layer first.
    read: Vec<Notes>,
    links: Vec<Vec<u8>>,
    link_bytes: usize,
    notes: usize,
    keys: Keys,
    wanted: ImagePath,
    /// Layers above this one do not count: a hard link means what was there when its layer was made.
    from: usize,
    /// The hard link that was followed last, if there is one.
    linked: Option<HardLink>,
    hops: usize,
    /// Something is below the path that is looked for, which so is a directory, whether an entry describes it or not.
    is_above: bool,
}

impl Lookup {
    /// A search for `path`; no layer has been read.
    pub fn new(path: ImagePath) -> Lookup {
        Lookup {
            read: Vec::new(),
            links: Vec::new(),
            link_bytes: 0,
            notes: 0,
            keys: Keys::default(),
            wanted: path,
            from: 0,
            linked: None,
            hops: 0,
            is_above: false,
        }
    }

    /// What is looked for now: the path that was given, with the links that are known already followed.
    pub fn wanted(&self) -> &ImagePath {
        &self.wanted
    }

    /// Whether something was seen below [`Lookup::wanted`].
    pub fn is_above(&self) -> bool {
        self.is_above
    }

    /// Begins the next layer, which is below all that were read; `is_base` says that it is the lowest.
    pub fn begin_layer(&mut self, is_base: bool) {
        self.read.push(Notes::new(is_base));
    }

    /// Takes in an entry of the layer that was begun last. Returns whether [`Lookup::answer`] may be another one now.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] for an entry that cannot be, or when there are too many.
    pub fn note(&mut self, entry: &Entry) -> Result<bool> {
        let (path, what) = match entry.change()? {
            Change::Nothing => return Ok(false),
            Change::Sets => (entry.path.clone(), What::Is(entry.kind)),
            Change::Hides(path) => (path, What::Whiteout),
            Change::Opaque(path) => (path, What::Nothing),
        };
        self.is_above |= matches!(what, What::Is(_)) && path.is_in(&self.wanted);
        let link = match what {
            What::Is(EntryKind::Symlink) => self.add_link(entry.link.clone())?,
            What::Is(EntryKind::HardLink) => {
                let target = entry.hard_link()?;
                self.add_link(target.as_bytes().to_vec())?
            }
            _ => 0,
        };
        self.notes += 1;
        if self.notes > MOST_NOTES {
            let text = format!("the image has more than {MOST_NOTES} entries");
            return Err(Error::corrupt(text));
        }
        let Some(notes) = self.read.last_mut() else {
            return Err(Error::other("no layer was begun"));
        };
        notes.take(&self.keys, &path, what, link, self.notes as u32);
        let may_be_it = match what {
            What::Nothing | What::Whiteout => false,
            What::Is(EntryKind::Directory) => self.wanted == path,
            What::Is(_) => self.wanted.is_in(&path),
        };
        Ok(may_be_it)
    }

    fn add_link(&mut self, target: Vec<u8>) -> Result<u32> {
        self.link_bytes += target.len();
        if self.link_bytes > MOST_LINKS {
            let most = MOST_LINKS >> 20;
            let text = format!("the image has more than {most} MiB of links");
            return Err(Error::corrupt(text));
        }
        self.links.push(target);
        Ok((self.links.len() - 1) as u32)
    }

    /// What the layers that were read say, as far as they were.
    pub fn answer(&mut self) -> Answer {
        loop {
            let said = self.ask();
            if self.is_unsure(&said) {
                return Answer::Unsure;
            }
            let (dir, link, rest) = match said {
                Said::Unknown if self.is_all_read() => {
                    return Answer::Missing;
                }
                Said::Unknown => return Answer::More,
                Said::Hidden { .. } => return Answer::Missing,
                Said::Is {
                    layer,
                    kind: EntryKind::File,
                    ..
                } => {
                    let path = self.wanted.clone();
                    return Answer::File { layer, path };
                }
                Said::Is {
                    layer,
                    kind: EntryKind::HardLink,
                    link,
                    order,
                } => {
                    let Ok(target) = ImagePath::parse(&self.links[link as usize]) else {
                        return Answer::Missing;
                    };
                    // Each leads to an entry before it, so there are no circles.
                    let before = self.linked.take();
                    let home = before.map_or_else(|| self.wanted.parent(), |link| link.home);
                    self.linked = Some(HardLink { order, home });
                    (self.wanted, self.from, self.is_above) = (target, layer, false);
                    continue;
                }
                Said::Is {
                    kind: EntryKind::Symlink,
                    link,
                    ..
                } => {
                    let linked = self.linked.take();
                    let dir = linked.map_or_else(|| self.wanted.parent(), |link| link.home);
                    self.from = 0;
                    (dir, link, Vec::new())
                }
                Said::Is { kind, .. } => return Answer::Other(kind),
                Said::Leads { parts, link, .. } => {
                    let names: Vec<&[u8]> = self.wanted.parts().collect();
                    let dir = names[..parts - 1].join(&b'/');
                    let Ok(dir) = ImagePath::parse(&dir) else {
                        return Answer::Missing;
                    };
                    let rest = names[parts..].iter().map(|name| name.to_vec()).collect();
                    (dir, link, rest)
                }
            };
            let Ok(mut target) = dir.linked(&self.links[link as usize]) else {
                return Answer::Missing;
            };
            for name in rest {
                target = target.child(&name);
            }
            if self.hop() || target.as_bytes().len() > 1 << 16 {
                return Answer::Circle;
            }
            (self.wanted, self.is_above) = (target, false);
        }
    }

    /// Whether no layer is below those that were read.
    fn is_all_read(&self) -> bool {
        self.read.last().is_some_and(|notes| notes.is_base)
    }

    /// Counts a link that is followed; whether it is one too many.
    fn hop(&mut self) -> bool {
        self.hops += 1;
        self.hops > MOST_HOPS
    }

    /// Whether an entry that may stand elsewhere than its path says could be what was `said`, or hide it, or an entry
    /// stands behind the hard link that leads to it.
    fn is_unsure(&self, said: &Said) -> bool {
        let path = self.wanted.as_bytes();
        let (last, parts) = match said {
            // The layers below will tell more.
            Said::Unknown if !self.is_all_read() => return false,
            // Something hid the target after the link, or there was none, which is an error.
            Said::Unknown
            | Said::Hidden { .. }
            | Said::Is {
                kind: EntryKind::Directory,
                ..
            } if self.linked.is_some() => return true,
            Said::Is { layer, order, .. } | Said::Leads { layer, order, .. }
                if *layer == self.from
                    && self.linked.as_ref().is_some_and(|l| *order >= l.order) =>
            {
                return true;
            }
            Said::Unknown => (self.read.len() - 1, usize::MAX),
            Said::Hidden { layer } | Said::Is { layer, .. } => (*layer, usize::MAX),
            Said::Leads { layer, parts, .. } => (*layer, *parts),
        };
        let keys: Vec<u128> = ends(path).map(|end| self.keys.of(&path[..end])).collect();
        let names = self.wanted.parts().take(parts);
        let names: Vec<u128> = names.map(|name| self.keys.of(name)).collect();
        let layers = self.read.iter().take(last + 1).skip(self.from);
        layers.enumerate().any(|(at, notes)| {
            // With nothing above it, an entry that is named like what is looked for stands wherever that leads.
            let is_same = |loose: Loose, key: u128| at == 0 && loose == Loose::One(key);
            let opaque = |loose: Loose| !keys.iter().any(|key| is_same(loose, *key));
            let mut parts = names.iter().zip(&keys[1..]);
            notes.loose_dirs.is_some_and(opaque)
                || parts.any(|(name, key)| {
                    let loose = notes.loose.get(name);
                    loose.is_some_and(|loose| !is_same(*loose, *key))
                })
        })
    }

    fn ask(&self) -> Said {
        let path = self.wanted.as_bytes();
        let keys: Vec<u128> = ends(path).map(|end| self.keys.of(&path[..end])).collect();
        let last = keys.len() - 1;
        if last == 0 {
            let kind = EntryKind::Directory;
            return Said::Is {
                layer: 0,
                kind,
                link: 0,
                order: 0,
            };
        }
        // So many directories on the way are such by an upper layer.
        let mut fixed = 0;
        for (layer, notes) in self.read.iter().enumerate().skip(self.from) {
            let mut hidden = false;
            for (at, key) in keys.iter().enumerate() {
                let Some(note) = notes.entries.get(key) else {
                    continue;
                };
                hidden |= note.opaque && at < last;
                match note.what {
                    What::Nothing => {}
                    What::Whiteout if at == last => return Said::Hidden { layer },
                    What::Whiteout => hidden = true,
                    What::Is(kind) if at == last => {
                        let Note { link, order, .. } = *note;
                        return Said::Is {
                            layer,
                            kind,
                            link,
                            order,
                        };
                    }
                    What::Is(EntryKind::Directory) => fixed = fixed.max(at),
                    // A directory above has replaced it.
                    What::Is(_) if at <= fixed => return Said::Hidden { layer },
                    What::Is(EntryKind::Symlink) => {
                        let Note { link, order, .. } = *note;
                        return Said::Leads {
                            layer,
                            parts: at,
                            link,
                            order,
                        };
                    }
                    What::Is(_) => return Said::Hidden { layer },
                }
            }
            if hidden {
                return Said::Hidden { layer };
            }
        }
        Said::Unknown
    }
}

#[cfg(test)]
mod tests;
