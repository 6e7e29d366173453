//! Layers with every kind of entry: directories, links, devices, whiteouts, attributes.

use std::path::Path;

use tar::{Builder, EntryType, Header};

/// A layer's tar being put together. Owner is root, the time is [`LayerTar::TIME`].
pub struct LayerTar(Builder<Vec<u8>>);

impl LayerTar {
    /// The time of all entries, in seconds since 1970.
    pub const TIME: u64 = 1_700_000_000;

    pub fn new() -> LayerTar {
        LayerTar(Builder::new(Vec::new()))
    }

    /// Adds an entry with the path just as it is, which may be hostile.
    pub fn entry(
        mut self,
        kind: EntryType,
        path: &str,
        mode: u32,
        link: &str,
        content: &[u8],
    ) -> LayerTar {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(LayerTar::TIME);
        header.set_size(content.len() as u64);
        let gnu = header.as_gnu_mut().unwrap();
        assert!(path.len() <= 100 && link.len() <= 100, "too long for this");
        gnu.name[..path.len()].copy_from_slice(path.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    pub fn dir(self, path: &str) -> LayerTar {
        self.entry(EntryType::Directory, path, 0o755, "", b"")
    }

    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> LayerTar {
        self.entry(EntryType::Regular, path, 0o644, "", content.as_ref())
    }

    pub fn symlink(self, path: &str, target: &str) -> LayerTar {
        self.entry(EntryType::Symlink, path, 0o777, target, b"")
    }

    pub fn hard_link(self, path: &str, target: &str) -> LayerTar {
        self.entry(EntryType::Link, path, 0o644, target, b"")
    }

    pub fn fifo(self, path: &str) -> LayerTar {
        self.entry(EntryType::Fifo, path, 0o600, "", b"")
    }

    /// The next entry has these PAX records too.
    pub fn pax(mut self, records: &[(&str, &[u8])]) -> LayerTar {
        self.0
            .append_pax_extensions(records.iter().copied())
            .unwrap();
        self
    }

    /// A character device.
    pub fn device(mut self, path: &str, major: u32, minor: u32) -> LayerTar {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Char);
        header.set_mode(0o666);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(LayerTar::TIME);
        header.set_size(0);
        header.set_path(path).unwrap();
        header.set_device_major(major).unwrap();
        header.set_device_minor(minor).unwrap();
        header.set_cksum();
        self.0.append(&header, &b""[..]).unwrap();
        self
    }

    /// Adds all of a directory on disk.
    pub fn tree(mut self, below: &Path) -> LayerTar {
        self.0.follow_symlinks(false);
        self.0.append_dir_all("", below).unwrap();
        self
    }

    /// The tar with its two empty blocks.
    pub fn finish(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}
