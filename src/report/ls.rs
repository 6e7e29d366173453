//! The list of files of `ls`: names, long lines, a tree, or JSON, a line a file.
//!
//! It is printed in pieces, because an image may have a million files. Names are from the image: control characters in
//! them, and bytes that are not UTF-8, are shown as GNU tar shows them (`\n`, `\033`).

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use super::failure::is_unsafe;
use super::json::to_compact_json;
use crate::image::Digest;
use crate::rootfs::{EntryKind, Node, NodeId, Tree};

/// Characters that are printed at a time.
const PIECE: usize = 64 << 10;

/// How files are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Names,
    Long,
    Json,
    Tree,
}

/// The files below one of a tree, as text in pieces.
pub(crate) struct Listing {
    tree: Tree,
    form: Form,
    /// Also what is in the directories listed.
    recursive: bool,
    /// The digests of the layers, base first.
    layers: Vec<Digest>,
    widths: [usize; 3],
    /// Directories on the way, each with its files and how many of them were listed.
    open: Vec<(Vec<NodeId>, usize)>,
    /// The file that is listed before all others.
    first: Option<NodeId>,
}

impl Listing {
    /// Lists what is in the directory `at` of `tree`, or `at` itself if it is something else.
    pub(crate) fn new(
        tree: Tree,
        at: NodeId,
        form: Form,
        recursive: bool,
        layers: Vec<Digest>,
    ) -> Listing {
        let is_dir = tree.node(at).kind == EntryKind::Directory;
        let mut listing = Listing {
            form,
            recursive: recursive || form == Form::Tree,
            layers,
            widths: [1; 3],
            open: Vec::new(),
            first: (!is_dir || form == Form::Tree).then_some(at),
            tree,
        };
        if is_dir {
            listing.open.push((listing.tree.children(at), 0));
        }
        if form == Form::Long {
            listing.measure(at);
        }
        listing
    }

    /// Finds how wide the columns of numbers are.
    fn measure(&mut self, at: NodeId) {
        let mut most = [0, 0, 0];
        let mut ahead = vec![at];
        while let Some(id) = ahead.pop() {
            let node = self.tree.node(id);
            let numbers = [node.uid.into(), node.gid.into(), size(node)];
            for (most, number) in most.iter_mut().zip(numbers) {
                *most = number.max(*most);
            }
            if node.kind == EntryKind::Directory && (self.recursive || id == at) {
                ahead.extend(self.tree.children(id));
            }
        }
        self.widths = most.map(|number| number.to_string().len());
    }

    /// Adds the next file to `text`; `false` at the end.
    fn add_next(&mut self, text: &mut String) -> bool {
        if let Some(id) = self.first.take() {
            self.add(text, id, true);
            return true;
        }
        loop {
            let Some((files, at)) = self.open.last_mut() else {
                return false;
            };
            let Some(id) = files.get(*at).copied() else {
                self.open.pop();
                continue;
            };
            *at += 1;
            self.add(text, id, false);
            if self.recursive && self.tree.node(id).kind == EntryKind::Directory {
                self.open.push((self.tree.children(id), 0));
            }
            return true;
        }
    }

    fn add(&self, text: &mut String, id: NodeId, alone: bool) {
        let node = self.tree.node(id);
        let name = match self.recursive || alone {
            true => format!("/{}", escaped(self.tree.path(id).as_bytes())),
            false => escaped(self.tree.name(id)),
        };
        // Writing to a text cannot fail.
        let _ = match self.form {
            Form::Names => writeln!(text, "{name}"),
            Form::Json => writeln!(text, "{}", to_compact_json(&self.document(id))),
            Form::Long => {
                let [uid, gid, bytes] = self.widths;
                writeln!(
                    text,
                    "{} {:>uid$} {:>gid$} {:>bytes$} {} {name}{}",
                    mode(node),
                    node.uid,
                    node.gid,
                    size(node),
                    time(node, "%Y-%m-%d %H:%M"),
                    self.leads_to(id)
                )
            }
            Form::Tree if alone => writeln!(text, "{name}{}", self.leads_to(id)),
            Form::Tree => {
                let (inner, outer) = match self.open.split_last() {
                    Some((inner, outer)) => (inner.1 == inner.0.len(), outer),
                    None => (true, &[][..]),
                };
                for (files, at) in outer {
                    text.push_str(if *at == files.len() { "    " } else { "│   " });
                }
                text.push_str(if inner { "└── " } else { "├── " });
                let name = escaped(self.tree.name(id));
                writeln!(text, "{name}{}", self.leads_to(id))
            }
        };
    }

    /// The target of a link, as it follows its name.
    fn leads_to(&self, id: NodeId) -> String {
        match self.tree.first_name(id) {
            Some(first) => format!(" link to /{}", escaped(self.tree.path(first).as_bytes())),
            None if self.tree.node(id).kind == EntryKind::Symlink => {
                format!(" -> {}", escaped(self.tree.target(id)))
            }
            None => String::new(),
        }
    }

    fn document(&self, id: NodeId) -> File<'_> {
        let node = self.tree.node(id);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let is = |kind| (node.kind == kind).then_some(());
        let xattrs = self.tree.xattrs(id).iter();
        File {
            path: self.tree.path(id).to_string(),
            kind: kind(node.kind),
            mode: format!("{:04o}", node.mode),
            uid: node.uid,
            gid: node.gid,
            size: (kind(node.kind) == "file").then(|| node.size()),
            modified: time(node, "%Y-%m-%dT%H:%M:%SZ"),
            link: is(EntryKind::Symlink).map(|()| text(self.tree.target(id))),
            hard_link: self
                .tree
                .first_name(id)
                .map(|first| self.tree.path(first).to_string()),
            device: node
                .device()
                .map(|(major, minor)| format!("{major}:{minor}")),
            xattrs: xattrs
                .map(|(name, value)| (text(name), STANDARD.encode(value)))
                .collect(),
            layer: self.layers.get(node.layer()),
        }
    }
}

impl Iterator for Listing {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut text = String::new();
        while text.len() < PIECE && self.add_next(&mut text) {}
        (!text.is_empty()).then_some(text)
    }
}

/// A file in JSON.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct File<'a> {
    path: String,
    #[serde(rename = "Type")]
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    modified: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Values in base64.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'a Digest>,
}

/// The word for a kind of file.
pub(crate) fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File | EntryKind::HardLink => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::CharDevice => "char",
        EntryKind::BlockDevice => "block",
        EntryKind::Fifo => "fifo",
    }
}

fn size(node: &Node) -> u64 {
    node.size()
}

/// The time of the last change in UTC, as `form` has it.
fn time(node: &Node, form: &str) -> String {
    let time = Timestamp::from_second(node.modified()).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime(form).to_string()
}

/// Kind and permissions as `ls -l` shows them.
fn mode(node: &Node) -> String {
    let kind = match node.kind {
        EntryKind::File | EntryKind::HardLink => '-',
        EntryKind::Directory => 'd',
        EntryKind::Symlink => 'l',
        EntryKind::CharDevice => 'c',
        EntryKind::BlockDevice => 'b',
        EntryKind::Fifo => 'p',
    };
    format!("{kind}{}", permissions(node.mode))
}

/// Permissions as `ls -l` shows them: `rwxr-xr-x`.
pub(crate) fn permissions(mode: u16) -> String {
    let mut text = String::new();
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// A name from an image as one line of text: control characters, backslashes and bytes that are not UTF-8 are escaped.
pub(crate) fn escaped(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    let octal = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(text, "\\{byte:03o}");
        }
    };
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\\' => text.push_str("\\\\"),
                c if is_unsafe(c) => octal(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => text.push(c),
            }
        }
        octal(&mut text, chunk.invalid());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_safe_line() {
        for (name, shown) in [
            (&b"plain \xc3\xa9"[..], "plain é"),
            (b"a\nb\tc", "a\\nb\\tc"),
            (b"\x1b[31m", "\\033[31m"),
            (b"back\\slash", "back\\\\slash"),
            (b"\xff\xfe", "\\377\\376"),
            ("\u{202e}x".as_bytes(), "\\342\\200\\256x"),
        ] {
            assert_eq!(escaped(name), shown);
        }
    }
}
