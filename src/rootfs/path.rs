//! Paths inside an image: bytes, from the root, without parts that lead elsewhere.

use std::fmt;

use crate::{Error, Result};

/// Most bytes of a path; no system that runs images takes longer ones.
const LONGEST: usize = 4096;

/// A path from the root of an image. The root itself is the empty path.
///
/// It has no empty parts, no `.` and no `..`, so it names nothing outside of the image. It need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ImagePath(Vec<u8>);

impl ImagePath {
    /// Reads a path as it is written in a tar or by a user. A slash at its beginning is left out, and `a/../b` is `b`.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] for a path that leads out of the root, has a zero byte, or is longer than 4096 bytes.
    pub fn parse(text: &[u8]) -> Result<ImagePath> {
        ImagePath::default().then(text)
    }

    /// The path that `text` stands for in the directory `self`; a `text` that begins with a slash is one from the root.
    ///
    /// # Errors
    /// As [`ImagePath::parse`].
    pub fn then(&self, text: &[u8]) -> Result<ImagePath> {
        self.joined(text, true)
    }

    /// As [`ImagePath::then`] for the target of a symbolic link: `..` in the root is the root.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] for a path with a zero byte, or longer than 4096 bytes.
    pub fn linked(&self, target: &[u8]) -> Result<ImagePath> {
        self.joined(target, false)
    }

    fn joined(&self, text: &[u8], strict: bool) -> Result<ImagePath> {
        let wrong = |what: &str| {
            let shown = String::from_utf8_lossy(&text[..text.len().min(200)]);
            Error::corrupt(format!("the path `{shown}` {what}"))
        };
        let mut path = match text.first() {
            Some(b'/') => Vec::new(),
            _ => self.0.clone(),
        };
        if text.contains(&0) {
            return Err(wrong("has a zero byte"));
        }
        for part in text.split(|b| *b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => match path.is_empty() {
                    true if strict => return Err(wrong("leads out of the image")),
                    true => {}
                    false => path.truncate(path.iter().rposition(|b| *b == b'/').unwrap_or(0)),
                },
                part => {
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(part);
                }
            }
        }
        if path.len() > LONGEST {
            return Err(wrong("is longer than 4096 bytes"));
        }
        Ok(ImagePath(path))
    }

    /// Its bytes, without a slash at the beginning.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The names on the way, from the root on.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|part| !part.is_empty())
    }

    /// The last name; empty for the root.
    pub fn name(&self) -> &[u8] {
        let begin = self.0.iter().rposition(|b| *b == b'/');
        &self.0[begin.map_or(0, |at| at + 1)..]
    }

    /// The directory that it is in; the root is in itself.
    pub fn parent(&self) -> ImagePath {
        let end = self.0.iter().rposition(|b| *b == b'/').unwrap_or(0);
        ImagePath(self.0[..end].to_vec())
    }

    /// The path of `name` in this directory. `name` is one that another path had.
    pub(crate) fn child(&self, name: &[u8]) -> ImagePath {
        let mut path = self.0.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        ImagePath(path)
    }

    /// Whether it is `dir`, or below it.
    pub fn is_in(&self, dir: &ImagePath) -> bool {
        match self.0.strip_prefix(&dir.0[..]) {
            Some(rest) => dir.is_root() || rest.is_empty() || rest[0] == b'/',
            None => false,
        }
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let path = ImagePath::parse(text.as_bytes()).ok()?;
        Some(path.to_string())
    }

    #[test]
    fn paths_are_from_the_root_and_stay_in_it() {
        for (text, path) in [
            ("", "/"),
            ("./", "/"),
            ("a//b/", "/a/b"),
            ("/a/./b", "/a/b"),
            ("a/../b", "/b"),
            ("a/b/../..", "/"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(path), "{text}");
        }
        for wrong in ["..", "a/../../b", "/..", "a\0b"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
        assert_eq!(parsed(&"a/".repeat(5000)), None);
    }

    #[test]
    fn a_link_cannot_leave_the_root_and_is_no_error() {
        let dir = ImagePath::parse(b"usr/bin").unwrap();
        for (target, path) in [
            ("../lib", "/usr/lib"),
            ("/etc", "/etc"),
            ("../../../../etc", "/etc"),
        ] {
            assert_eq!(dir.linked(target.as_bytes()).unwrap().to_string(), path);
        }
    }

    #[test]
    fn parts_parents_and_children() {
        let path = ImagePath::parse(b"a/b/c").unwrap();
        assert_eq!(path.parts().collect::<Vec<_>>(), [b"a", b"b", b"c"]);
        assert_eq!(
            (path.name(), path.parent().to_string()),
            (&b"c"[..], "/a/b".into())
        );
        assert!(
            path.is_in(&path.parent()) && path.is_in(&path) && path.is_in(&ImagePath::default())
        );
        assert!(!path.is_in(&ImagePath::parse(b"a/bc").unwrap()));
        assert!(
            !ImagePath::parse(b"a/bc")
                .unwrap()
                .is_in(&ImagePath::parse(b"a/b").unwrap())
        );
        assert_eq!(path.parent().child(b"c"), path);
    }
}
