//! Finding one file from the top layer down, without the layers below the one that decides.
//!
//! Of each layer that was read it keeps what each path is there, by a hash of the path: some 40 bytes an entry. A question
//! about a path is answered by the topmost layer that says anything about it or about a directory on the way to it. When
//! a symbolic link leads elsewhere, the layers that were read can be asked about the new path without reading them again.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::{Change, Entry, EntryKind, ImagePath};
use crate::{Error, Result};

/// Links that are followed one after the other, as Linux has it.
const MOST_HOPS: usize = 40;
/// Most entries of all layers that were read.
const MOST_NOTES: usize = 8_000_000;
/// Most bytes of all links together.
const MOST_LINKS: usize = 64 << 20;

/// What a layer says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Nothing but that lower layers are hidden there.
    Nothing,
    Whiteout,
    Is(EntryKind),
}

#[derive(Debug, Clone, Copy)]
struct Note {
    what: What,
    /// Lower layers have nothing below this path.
    opaque: bool,
    /// Of a link: the place in [`Lookup::links`].
    link: u32,
}

/// What one layer says, by the hash of the path.
type Notes = HashMap<u128, Note>;

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
}

/// What a layer, and those above it, answer about one path.
enum Said {
    Unknown,
    Hidden,
    Is {
        layer: usize,
        kind: EntryKind,
        link: u32,
    },
    /// The directory of so many parts on the way is a symbolic link.
    Leads {
        parts: usize,
        link: u32,
    },
}

/// A search for one file.
pub struct Lookup {
    /// The top layer first.
    read: Vec<Notes>,
    links: Vec<Vec<u8>>,
    link_bytes: usize,
    notes: usize,
    hashers: [RandomState; 2],
    wanted: ImagePath,
    /// Layers above this one do not count: a hard link means what was there when its layer was made.
    from: usize,
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
            hashers: [RandomState::new(), RandomState::new()],
            wanted: path,
            from: 0,
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

    /// Begins the next layer, which is below all that were read.
    pub fn begin_layer(&mut self) {
        self.read.push(Notes::new());
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
        let key = self.key(path.as_bytes());
        let Some(notes) = self.read.last_mut() else {
            return Err(Error::other("no layer was begun"));
        };
        let new = Note {
            what,
            opaque: what == What::Nothing,
            link,
        };
        let note = notes.entry(key).or_insert(new);
        // A whiteout and an entry of one layer: the entry is there, and hides what is below.
        let hides = |what| matches!(what, What::Nothing | What::Whiteout);
        note.opaque |= hides(what) || (hides(note.what) && !hides(what));
        if !hides(what) || note.what == What::Nothing {
            (note.what, note.link) = (what, link);
        }
        Ok(
            !hides(what) && entry.kind != EntryKind::Directory && self.wanted.is_in(&path)
                || !hides(what) && self.wanted == path,
        )
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

    fn key(&self, path: &[u8]) -> u128 {
        let [a, b] = &self.hashers;
        u128::from(a.hash_one(path)) << 64 | u128::from(b.hash_one(path))
    }

    /// What the layers that were read say, as far as they were.
    pub fn answer(&mut self) -> Answer {
        loop {
            let (dir, link, rest) = match self.ask() {
                Said::Unknown => return Answer::More,
                Said::Hidden => return Answer::Missing,
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
                } => {
                    let target = ImagePath::parse(&self.links[link as usize]);
                    let Ok(target) = target else {
                        return Answer::Missing;
                    };
                    if self.hop() {
                        return Answer::Circle;
                    }
                    (self.wanted, self.from, self.is_above) = (target, layer, false);
                    continue;
                }
                Said::Is {
                    kind: EntryKind::Symlink,
                    link,
                    ..
                } => (self.wanted.parent(), link, Vec::new()),
                Said::Is { kind, .. } => return Answer::Other(kind),
                Said::Leads { parts, link } => {
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
            (self.wanted, self.from, self.is_above) = (target, 0, false);
        }
    }

    /// Counts a link that is followed; whether it is one too many.
    fn hop(&mut self) -> bool {
        self.hops += 1;
        self.hops > MOST_HOPS
    }

    fn ask(&self) -> Said {
        let path = self.wanted.as_bytes();
        let mut ends: Vec<usize> = vec![0];
        let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/');
        ends.extend(slashes.map(|(at, _)| at));
        if !path.is_empty() {
            ends.push(path.len());
        }
        let keys: Vec<u128> = ends.iter().map(|end| self.key(&path[..*end])).collect();
        let last = keys.len() - 1;
        if last == 0 {
            let kind = EntryKind::Directory;
            return Said::Is {
                layer: 0,
                kind,
                link: 0,
            };
        }
        // So many directories on the way are such by an upper layer.
        let mut fixed = 0;
        for (layer, notes) in self.read.iter().enumerate().skip(self.from) {
            let mut hidden = false;
            for (at, key) in keys.iter().enumerate() {
                let Some(note) = notes.get(key) else {
                    continue;
                };
                hidden |= note.opaque && at < last;
                match note.what {
                    What::Nothing => {}
                    What::Whiteout if at == last => return Said::Hidden,
                    What::Whiteout => hidden = true,
                    What::Is(kind) if at == last => {
                        let link = note.link;
                        return Said::Is { layer, kind, link };
                    }
                    What::Is(EntryKind::Directory) => fixed = fixed.max(at),
                    // A directory above has replaced it.
                    What::Is(_) if at <= fixed => return Said::Hidden,
                    What::Is(EntryKind::Symlink) => {
                        let link = note.link;
                        return Said::Leads { parts: at, link };
                    }
                    What::Is(_) => return Said::Hidden,
                }
            }
            if hidden {
                return Said::Hidden;
            }
        }
        Said::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;

    /// The answer about `path` after these layers, the top one first.
    fn find(path: &str, layers: &[&[&str]]) -> String {
        let mut lookup = Lookup::new(ImagePath::parse(path.as_bytes()).unwrap());
        for layer in layers {
            lookup.begin_layer();
            for text in *layer {
                let entry = match (text.split_once(" -> "), text.split_once(" = ")) {
                    (Some((path, target)), _) => entry(path, EntryKind::Symlink, target),
                    (_, Some((path, target))) => entry(path, EntryKind::HardLink, target),
                    _ if text.ends_with('/') => entry(text, EntryKind::Directory, ""),
                    _ => entry(text, EntryKind::File, ""),
                };
                lookup.note(&entry).unwrap();
            }
        }
        match lookup.answer() {
            Answer::File { layer, path } => format!("{layer}{path}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_topmost_layer_that_knows_the_path_decides() {
        assert_eq!(find("a/b", &[&["x"], &["a/", "a/b"], &["a/b"]]), "1/a/b");
        assert_eq!(find("a/b", &[&["x"]]), "More");
        assert_eq!(find("a", &[&["a/"]]), "Other(Directory)");
        assert_eq!(find("", &[]), "Other(Directory)");
    }

    #[test]
    fn whiteouts_and_replaced_directories_hide() {
        for top in [
            &[".wh.a"][..],
            &["a/.wh.b"],
            &["a/.wh..wh..opq"],
            &["a/", "a/.wh..wh..opq", "a/c"],
            &[".wh..wh..opq"],
            &["a"],
            &[".wh.a", "a/", "a/c"],
        ] {
            assert_eq!(find("a/b", &[top, &["a/", "a/b"]]), "Missing", "{top:?}");
        }
        assert_eq!(find("a/b", &[&[".wh.a", "a/b"]]), "0/a/b");
        assert_eq!(find("a/b", &[&["a/b", "a/.wh.b"]]), "0/a/b");
        assert_eq!(find("a/b", &[&["a/.wh.c"], &["a/b"]]), "1/a/b");
        // A directory that replaced a link: what the link led to does not count.
        assert_eq!(find("a/b", &[&["a/"], &["a -> c", "c/b"]]), "Missing");
    }

    #[test]
    fn links_are_followed_through_all_layers() {
        let base = &[
            "usr/lib/x",
            "lib -> usr/lib",
            "etc/x -> ../lib/x",
            "h = usr/lib/x",
        ];
        assert_eq!(find("etc/x", &[&[], base]), "1/usr/lib/x");
        assert_eq!(find("lib/x", &[&["usr/lib/x"], base]), "0/usr/lib/x");
        assert_eq!(find("lib/x", &[&["lib/x"], base]), "0/lib/x");
        assert_eq!(find("h", &[&["usr/lib/x"], base]), "1/usr/lib/x");
        assert_eq!(find("a", &[&["a -> a"]]), "Circle");
        assert_eq!(find("a/x", &[&["a -> ../../b"], &["b/x"]]), "1/b/x");
    }
}
