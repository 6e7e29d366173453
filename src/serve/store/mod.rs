//! The directory of a server: an OCI layout for each repository, at the path of its name.
//!
//! Other programs read and write these layouts, so nothing of what is in them is trusted to have come from here, and
//! nothing that only the server needs is put into them. Its own files are in `.barque` (no repository can have that name):
//!
//! - `.barque/uploads/REPOSITORY/ID`: uploads that are not complete, so that they survive a restart;
//! - `.barque/blobs/ALGORITHM/HEX`: one more link to each blob, by which the same content takes its space once. Clients
//!   reach a blob only by the layout of a repository that has a link to it.

mod blobs;
mod entry;
mod facts;
mod index;
mod reading;
mod repository;
mod uploads;
mod writers;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::image::{Digest, RepositoryName};
use crate::transport::blob_store;
use crate::{Result, locked};

pub(super) use repository::Repository;
pub(super) use uploads::{Hashed, Session, Uploads};
pub(super) use writers::Writers;

/// The server's own directory below the root.
const OWN: &str = ".barque";

/// Names in a layout that a repository below it cannot have; they get a `_`, with which no component of a name can end.
const TAKEN: [&str; 3] = ["blobs", "index.json", "oci-layout"];

/// Repositories that are kept in memory between requests.
const KEPT: usize = 4096;

/// All repositories below a directory.
pub(super) struct Root {
    dir: PathBuf,
    open: Mutex<HashMap<RepositoryName, Arc<Repository>>>,
    uploads: Uploads,
    writers: Arc<Writers>,
}

impl Root {
    /// The repositories below `dir`, which is made if it is missing.
    pub(super) fn open(dir: &Path) -> Result<Root> {
        blob_store::create_directory(dir)?;
        Ok(Root {
            open: Mutex::default(),
            writers: Arc::new(Writers::new()?),
            uploads: Uploads::new(&dir.join(OWN).join("uploads")),
            dir: dir.to_owned(),
        })
    }

    /// The server's own directory.
    pub(super) fn own(&self) -> PathBuf {
        self.dir.join(OWN)
    }

    /// The link to a blob that no client reaches.
    pub(super) fn pool_file(&self, digest: &Digest) -> PathBuf {
        let algorithm = digest.algorithm().as_str();
        self.own().join("blobs").join(algorithm).join(digest.hex())
    }

    /// All blobs that have such a link. Blocks.
    pub(super) fn pooled(&self) -> impl Iterator<Item = (Digest, fs::Metadata)> + use<> {
        blobs::in_directory(&self.own().join("blobs"))
    }

    /// Uploads that are not complete.
    pub(super) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// The repository `name`, there or not.
    pub(super) fn repository(&self, name: &RepositoryName) -> Arc<Repository> {
        let mut open = locked(&self.open);
        if let Some(known) = open.get(name) {
            return known.clone();
        }
        if open.len() >= KEPT {
            // Those in use stay alive: a second object for one repository would not share its lock.
            open.retain(|_, repository| Arc::strong_count(repository) > 1);
        }
        let path = self.dir.join(path_of(name));
        let pool = self.dir.join(OWN).join("blobs");
        let repository = Arc::new(Repository::new(path, pool, self.writers.clone()));
        open.insert(name.clone(), repository.clone());
        repository
    }

    /// The names of the repositories, sorted. Blocks.
    pub(super) fn names(&self) -> Vec<String> {
        self.directories(|file| file == "index.json")
    }

    /// The names of the repositories, and of those that have blobs and no manifest yet. Blocks.
    pub(super) fn names_with_blobs(&self) -> Vec<String> {
        self.directories(|file| file == "index.json" || file == "blobs")
    }

    /// The names of the directories with a file that `is_mark`, sorted.
    fn directories(&self, is_mark: impl Fn(&str) -> bool) -> Vec<String> {
        let mut names = Vec::new();
        let mut left = vec![(self.dir.clone(), String::new())];
        while let Some((dir, name)) = left.pop() {
            let Ok(entries) = fs::read_dir(&dir) else {
                continue;
            };
            let mut is_layout = false;
            for entry in entries.flatten() {
                let Some(file) = entry.file_name().to_str().map(str::to_owned) else {
                    continue;
                };
                is_layout |= is_mark(&file);
                // Links are followed: a layout may be on another disk.
                let is_directory = entry
                    .file_type()
                    .is_ok_and(|t| t.is_dir() || t.is_symlink());
                if !is_directory || TAKEN.contains(&file.as_str()) {
                    continue;
                }
                let below = match name.as_str() {
                    "" => component(&file).to_owned(),
                    above => format!("{above}/{}", component(&file)),
                };
                if below.parse::<RepositoryName>().is_ok() {
                    left.push((entry.path(), below));
                }
            }
            if is_layout && !name.is_empty() {
                names.push(name);
            }
        }
        names.sort_unstable();
        names
    }
}

/// The path of a repository below the root.
fn path_of(name: &RepositoryName) -> PathBuf {
    let component = |part: &str| match TAKEN.contains(&part) {
        true => format!("{part}_"),
        false => part.to_owned(),
    };
    name.as_str().split('/').map(component).collect()
}

/// The component of a name that a directory stands for.
fn component(directory: &str) -> &str {
    match directory.strip_suffix('_') {
        Some(part) if TAKEN.contains(&part) => part,
        _ => directory,
    }
}

/// Does `work`, which reads files, without holding up other requests. Only for threads of a runtime with several.
fn reading<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_meets_the_files_of_a_layout() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let names = [
            "a",
            "a/blobs",
            "a/blobs/sha256",
            "a/index.json",
            "b-c",
            "b/c",
            "blobs",
        ];
        for name in names {
            let path = dir.path().join(path_of(&name.parse().unwrap()));
            fs::create_dir_all(path.join("blobs/sha256")).unwrap();
            fs::write(path.join("index.json"), "{}").unwrap();
        }
        assert_eq!(root.names(), names);
        fs::create_dir_all(dir.path().join(".barque/uploads/a")).unwrap();
        fs::create_dir_all(dir.path().join("Upper")).unwrap();
        fs::write(dir.path().join("Upper/index.json"), "{}").unwrap();
        assert_eq!(root.names().len(), names.len());
    }
}
