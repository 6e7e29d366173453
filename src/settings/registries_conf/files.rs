//! Finds the files of registries.conf, in the order in which they apply, and reads them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::files::read_whole;
use crate::settings::paths::{Environment, machine_containers};
use crate::{Error, Kind, Result};

/// Larger files are not registries.conf; Debian's, with all short names, has 10 KiB.
const SIZE_CAP: u64 = 8 << 20;

const VARIABLE: &str = "CONTAINERS_REGISTRIES_CONF";
const OVERRIDE: &str = "CONTAINERS_REGISTRIES_CONF_OVERRIDE";

/// A file to read.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Only a main file may have the format of version 1.
    pub(super) may_be_v1: bool,
}

/// The files that apply, in order.
pub(super) fn find(explicit: Option<&Path>, environment: &Environment) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut add = |path: PathBuf, may_be_v1| found.push(Found { path, may_be_v1 });
    let alone = environment.path(VARIABLE).filter(|_| explicit.is_none());
    let with_drop_ins = alone.is_none();
    let user = environment.containers_config();
    match explicit.map(Path::to_owned).or(alone) {
        Some(path) => add(path, true),
        None => {
            let folders = user.iter().cloned();
            let folders = folders.chain(machine_containers());
            let main = folders
                .map(|folder| folder.join("registries.conf"))
                .find(|path| !path.metadata().is_err_and(|e| is_absent(&e)));
            if let Some(main) = main {
                add(main, true);
            }
        }
    }
    if with_drop_ins {
        for path in drop_ins(user.as_deref(), environment)? {
            add(path, false);
        }
    }
    if let Some(path) = environment.path(OVERRIDE) {
        add(path, false);
    }
    Ok(found)
}

/// The drop-in files in the order of their names. A file hides one of the same name in a less specific folder.
fn drop_ins(user: Option<&Path>, environment: &Environment) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for system in machine_containers().rev() {
        folders.push(system.join("registries.conf.d"));
        if environment.is_root() {
            folders.push(system.join("registries.rootful.conf.d"));
            continue;
        }
        let rootless = system.join("registries.rootless.conf.d");
        folders.push(rootless.clone());
        if let Some(uid) = environment.uid() {
            folders.push(rootless.join(uid.to_string()));
        }
    }
    folders.extend(user.map(|user| user.join("registries.conf.d")));
    let mut by_name = BTreeMap::new();
    for folder in folders {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if is_absent(&e) => continue,
            Err(e) => return Err(unreadable(&folder, e)),
        };
        for entry in entries {
            let path = entry.map_err(|e| unreadable(&folder, e))?.path();
            let is_conf = path.extension().is_some_and(|e| e == "conf");
            if let Some(name) = path.file_name()
                && is_conf
                && path.is_file()
            {
                by_name.insert(name.to_owned(), path);
            }
        }
    }
    Ok(by_name.into_values().collect())
}

/// The text of the file `path`.
pub(super) fn read(path: &Path) -> Result<String> {
    let bytes = read_whole(path, SIZE_CAP).map_err(|e| unreadable(path, e))?;
    String::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytecount(&e.as_bytes()[..e.utf8_error().valid_up_to()]);
        let text = format!("`{}` line {line}: not UTF-8", path.display());
        Error::other(text)
    })
}

fn bytecount(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b == b'\n').count()
}

fn is_absent(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, e: std::io::Error) -> Error {
    let shown = path.display();
    let message = format!("cannot read the registries configuration `{shown}`");
    Error::new(Kind::of_file(&e), message).because(e)
}
