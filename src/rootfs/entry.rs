//! One entry of a layer, and what it does to the layers below.

use super::ImagePath;
use crate::{Error, Result};

/// The beginning of the name of a whiteout (OCI image-spec, layer.md, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";
/// The name of an opaque whiteout.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// The beginning of names by which aufs kept notes of its own.
const AUFS: &[u8] = b".wh..wh.";

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    File,
    Directory,
    Symlink,
    /// Another name of a file.
    HardLink,
    CharDevice,
    BlockDevice,
    Fifo,
}

/// A moment: seconds since 1970, and nanoseconds after that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Time {
    pub seconds: i64,
    pub nanos: u32,
}

/// An entry of a layer, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: ImagePath,
    pub kind: EntryKind,
    /// Permission bits, with those for set-user-id, set-group-id and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Bytes of a file, holes included; 0 for everything else.
    pub size: u64,
    pub modified: Time,
    /// The target of a symbolic link as it is written, or the path of the file that a hard link names.
    pub link: Vec<u8>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes: name and value.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is a file, directory, link or device of the image.
    Sets,
    /// It takes this path, with all below it, away from the layers below.
    Hides(ImagePath),
    /// It takes all that is in this directory away from the layers below.
    Opaque(ImagePath),
    /// It is a note of a storage driver.
    Nothing,
}

impl Entry {
    /// What the entry does to the image.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] for a whiteout that names nothing, and for a root that is not a directory.
    pub fn change(&self) -> Result<Change> {
        if self.path.is_root() && self.kind != EntryKind::Directory {
            return Err(Error::corrupt("the root of the image is not a directory"));
        }
        let name = self.path.name();
        if name == OPAQUE {
            return Ok(Change::Opaque(self.path.parent()));
        }
        if self.path.parts().any(|part| part.starts_with(AUFS)) {
            return Ok(Change::Nothing);
        }
        match name.strip_prefix(WHITEOUT) {
            None => Ok(Change::Sets),
            Some(b"" | b"." | b"..") => {
                let text = format!("the whiteout `{}` names no file", self.path);
                Err(Error::corrupt(text))
            }
            Some(hidden) => Ok(Change::Hides(self.path.parent().child(hidden))),
        }
    }

    /// The path of the file that a hard link names.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] for one that leads out of the image.
    pub fn hard_link(&self) -> Result<ImagePath> {
        ImagePath::parse(&self.link).map_err(|e| {
            let text = format!("the hard link `{}` leads out of the image", self.path);
            Error::corrupt(text).because(e)
        })
    }
}

/// The error of a hard link at `path` whose `target` is no file that can have another name: it "is" something else.
pub(super) fn dead_link(path: &ImagePath, target: &ImagePath, is: &str) -> Error {
    Error::corrupt(format!(
        "the hard link `{path}` names `{target}`, which {is}"
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An entry of this kind with nothing special.
    pub(crate) fn entry(path: &str, kind: EntryKind, link: &str) -> Entry {
        Entry {
            path: ImagePath::parse(path.as_bytes()).unwrap(),
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 0,
            modified: Time::default(),
            link: link.as_bytes().to_vec(),
            device: (0, 0),
            xattrs: Vec::new(),
        }
    }

    /// An entry: `a/` is a directory, `a -> b` a symbolic link, `a = b` a hard link, everything else a file.
    pub(crate) fn read(text: &str) -> Entry {
        match (text.split_once(" -> "), text.split_once(" = ")) {
            (Some((path, target)), _) => entry(path, EntryKind::Symlink, target),
            (_, Some((path, target))) => entry(path, EntryKind::HardLink, target),
            _ if text.ends_with('/') => entry(text, EntryKind::Directory, ""),
            _ => entry(text, EntryKind::File, ""),
        }
    }

    #[test]
    fn whiteouts_are_told_by_their_names() {
        let change = |path: &str| entry(path, EntryKind::File, "").change();
        let path = |text: &str| ImagePath::parse(text.as_bytes()).unwrap();
        assert_eq!(change("a/b").unwrap(), Change::Sets);
        assert_eq!(change("a/.wh.b").unwrap(), Change::Hides(path("a/b")));
        assert_eq!(change(".wh..wh..opq").unwrap(), Change::Opaque(path("")));
        assert_eq!(change("a/.wh..wh..opq").unwrap(), Change::Opaque(path("a")));
        assert_eq!(change(".wh..wh.plnk/12.34").unwrap(), Change::Nothing);
        assert_eq!(change(".wh..wh.aufs").unwrap(), Change::Nothing);
        assert!(change("").is_err() && change("a/..").is_err());
        assert!(change("a/.wh.").is_err() && change("a/.wh...").is_err());
        assert_eq!(change("a/.wh...x").unwrap(), Change::Hides(path("a/..x")));
    }
}
