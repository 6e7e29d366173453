//! The checked-in layout is what the image code makes today.
//!
//! After a deliberate change of the images: `BARQUE_UPDATE_FIXTURES=1 cargo test --test it fixtures`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::images;

#[test]
fn the_checked_in_layout_is_fresh() {
    let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layout");
    let made = tempfile::TempDir::new().unwrap();
    let content = [
        ("v1", &images::small()),
        ("multi", &images::five_platforms()),
    ];
    images::write_layout(made.path(), &content);
    if std::env::var_os("BARQUE_UPDATE_FIXTURES").is_some() {
        let _ = fs::remove_dir_all(&checked_in);
        images::write_layout(&checked_in, &content);
    }
    assert_eq!(files(&checked_in), files(made.path()));
}

fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let below = path.strip_prefix(root).unwrap().to_owned();
                all.insert(below, fs::read(&path).unwrap());
            }
        }
    }
    all
}
