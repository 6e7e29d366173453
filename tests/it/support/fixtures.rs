//! Where the shared fixtures are: real data with verdicts, which is not part of the project.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::skips;

/// The folder of the fixtures: `BARQUE_FIXTURES`, or `../shared/fixtures` next to the project; `None` if there is
/// none, and the test is then skipped.
pub(crate) fn dir() -> Option<PathBuf> {
    let dir = std::env::var_os("BARQUE_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"),
        PathBuf::from,
    );
    if dir.is_dir() {
        return Some(dir);
    }
    skips::missing("no fixtures (set BARQUE_FIXTURES)");
    None
}

/// The folder `name` next to that of the fixtures, as in `fixtures-trust`; `None` if there is none, and the test is then
/// skipped.
pub(crate) fn sibling(name: &str) -> Option<PathBuf> {
    let dir = dir()?.canonicalize().unwrap().with_file_name(name);
    if dir.is_dir() {
        return Some(dir);
    }
    skips::missing(&format!("no {name} next to the fixtures"));
    None
}

/// The bytes of the fixture `path`.
pub(crate) fn read(dir: &Path, path: &str) -> Vec<u8> {
    std::fs::read(dir.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The JSON of the fixture `path`.
pub(crate) fn json<T: DeserializeOwned>(dir: &Path, path: &str) -> T {
    serde_json::from_slice(&read(dir, path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What the fixtures' README says of each file whose path begins with `folder`: path and text, in its order.
pub(crate) fn notes(dir: &Path, folder: &str) -> Vec<(String, String)> {
    let readme = String::from_utf8(read(dir, "README.md")).unwrap();
    let note = |line: &str| {
        let (path, text) = line.strip_prefix("- `")?.split_once("` — ")?;
        path.starts_with(folder)
            .then(|| (path.to_owned(), text.trim().to_owned()))
    };
    readme.lines().filter_map(note).collect()
}
