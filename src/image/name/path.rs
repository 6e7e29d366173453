//! Paths in names, `PATH[:REF|:@N]`, and what may follow them.

use std::path::{Path, PathBuf};

use super::{ImageName, Selector};
use crate::{Error, Result};

impl ImageName {
    /// The file or directory that the image is in; `None` for an image of a registry, an engine or podman's store.
    pub fn path(&self) -> Option<&Path> {
        match self {
            ImageName::Oci { path, .. }
            | ImageName::OciArchive { path, .. }
            | ImageName::DockerArchive { path, .. }
            | ImageName::Dir { path } => Some(path),
            _ => None,
        }
    }

    /// Which of the images of a layout or archive is meant; `None` for other places.
    pub fn selector(&self) -> Option<&Selector> {
        match self {
            ImageName::Oci { selector, .. }
            | ImageName::OciArchive { selector, .. }
            | ImageName::DockerArchive { selector, .. } => Some(selector),
            _ => None,
        }
    }

    /// Another image of the same layout or archive; names of other places stay as they are.
    #[must_use]
    pub fn selecting(&self, other: Selector) -> ImageName {
        let mut name = self.clone();
        if let ImageName::Oci { selector, .. }
        | ImageName::OciArchive { selector, .. }
        | ImageName::DockerArchive { selector, .. } = &mut name
        {
            *selector = other;
        }
        name
    }
}

/// Parts the path `rest` of the name `text` from what selects an image in it.
pub(super) fn split_selector(text: &str, rest: &str) -> Result<(PathBuf, Selector)> {
    let (path, selector) = match split(rest, cfg!(windows)) {
        (path, None | Some("")) => (path, Selector::Only),
        (path, Some(selector)) => match selector.strip_prefix('@').map(str::parse) {
            Some(Ok(n)) => (path, Selector::At(n)),
            Some(Err(_)) => {
                return Err(Error::other(format!(
                    "`{text}`: `{selector}` is not a place in the index"
                ))
                .hint("`:@0` means the first image"));
            }
            None => (path, Selector::Named(selector.to_owned())),
        },
    };
    if path.is_empty() {
        let what = if text.contains("-archive:") {
            "file"
        } else {
            "directory"
        };
        return Err(Error::other(format!("`{text}` names no {what}")));
    }
    Ok((path.into(), selector))
}

/// The files of `rest`, which is what follows the transport of the name `text`.
pub(super) fn split_files(text: &str, rest: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut left = Some(rest);
    while let Some(rest) = left {
        let (file, more) = split(rest, cfg!(windows));
        if file.is_empty() {
            return Err(Error::other(format!("`{text}` names no file")));
        }
        files.push(file.into());
        left = more;
    }
    Ok(files)
}

/// Parts a text at its first `:`. With `drives`, that of a drive letter, as in `C:\dir`, belongs to the path.
fn split(text: &str, drives: bool) -> (&str, Option<&str>) {
    let drive = if drives { drive_len(text) } else { 0 };
    match text[drive..].split_once(':') {
        None => (text, None),
        Some((path, rest)) => (&text[..drive + path.len()], Some(rest)),
    }
}

/// Bytes of the drive in front of a path from its root, which may have the prefix of long paths; 0 without a drive.
fn drive_len(text: &str) -> usize {
    let long = if text.starts_with(r"\\?\") { 4 } else { 0 };
    match &text.as_bytes()[long..] {
        [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic() => long + 2,
        _ => 0,
    }
}

/// Whether the path `text` begins with a drive letter of Windows, on Windows.
pub(super) fn has_drive(text: &str) -> bool {
    cfg!(windows) && drive_len(text) > 0
}

/// `org.opencontainers.image.ref.name` by the image-spec's grammar: alphanumeric groups joined by one of
/// `-._:@+` or `--`, in components parted by `/`.
pub fn is_ref_name(s: &str) -> bool {
    s.split('/').all(|component| {
        let bytes = component.as_bytes();
        let edges = [bytes.first(), bytes.last()];
        edges
            .iter()
            .all(|b| b.is_some_and(u8::is_ascii_alphanumeric))
            && bytes.split(u8::is_ascii_alphanumeric).all(|joint| {
                matches!(joint, [] | b"--") || (joint.len() == 1 && b"-._:@+".contains(&joint[0]))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_letter_belongs_to_the_path() {
        for (text, path, rest) in [
            (r"C:\dir:tag", r"C:\dir", Some("tag")),
            (r"C:\dir", r"C:\dir", None),
            (
                r"c:/dir/a.tar:reg.io/a:1",
                "c:/dir/a.tar",
                Some("reg.io/a:1"),
            ),
            (r"\\?\C:\dir:@0", r"\\?\C:\dir", Some("@0")),
            (r"C:\:tag", r"C:\", Some("tag")),
            // Without a root it is a directory of one letter.
            ("C:tag", "C", Some("tag")),
            ("dir:C:/x", "dir", Some("C:/x")),
            ("9:/x", "9", Some("/x")),
        ] {
            assert_eq!(split(text, true), (path, rest), "{text}");
        }
        assert_eq!(split(r"C:\dir:tag", false), ("C", Some(r"\dir:tag")));
        assert_eq!(split("d", false), ("d", None));
        assert_eq!(split("d:", false), ("d", Some("")));
    }
}
