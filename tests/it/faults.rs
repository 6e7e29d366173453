//! What no copy may lose, whatever happens to its connections, its process or its disk.
//!
//! The tests that run by themselves are short; the same ones at full length are ignored and run with
//! `cargo nextest run --run-ignored only -E 'test(/::long_/)'`. They print what they measured.

mod archives;
mod cuts;
mod disk;
mod documents;
mod kills;
mod limits;
mod sizes;
mod slow;
mod stalls;
mod tags;
mod waits;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::Barque;
use crate::support::images::{Compression, Dialect, Maker, TestImage, noise, sha256};

/// An image with `count` layers of about `size` bytes, all different.
pub(crate) fn heavy(count: usize, size: usize) -> TestImage {
    let image = Maker::new(Dialect::Oci).compression(Compression::None);
    let add = |image: Maker, i: usize| {
        let pattern = noise(i as u64 + 1, 64 << 10);
        let content: Vec<u8> = pattern.iter().copied().cycle().take(size).collect();
        image.file_layer(&format!("data/{i}"), content)
    };
    (0..count).fold(image, add).make()
}

/// Bytes of all blobs of an image.
fn weight(image: &TestImage) -> u64 {
    image.blobs.values().map(|b| b.len() as u64).sum()
}

/// The names of the files in a directory.
fn names(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|e| e.file_name().into_string().unwrap())
        .collect()
}

/// That whatever has a name in this layout is what the name says, and that nothing is in it which is no part of
/// a layout but partial files.
#[track_caller]
fn assert_valid_layout(layout: &Path) {
    for name in names(&layout.join("blobs/sha256")) {
        let held = std::fs::read(layout.join("blobs/sha256").join(&name)).unwrap();
        assert_eq!(sha256(&held).hex(), name, "{} bytes", held.len());
    }
    let parts = ["blobs", "index.json", "oci-layout"];
    for name in names(layout) {
        let known = parts.contains(&name.as_str()) || name.starts_with(".partial-");
        assert!(known, "`{name}` in the layout");
    }
    if let Ok(index) = std::fs::read(layout.join("index.json")) {
        assert!(
            serde_json::from_slice::<serde_json::Value>(&index).unwrap()["manifests"].is_array()
        );
    }
}

/// That the layout holds this image under this tag, whole.
#[track_caller]
fn assert_holds(layout: &Path, tag: &str, image: &TestImage) {
    assert_valid_layout(layout);
    let blobs = names(&layout.join("blobs/sha256"));
    let wanted = image.blobs.keys().chain([&image.digest]);
    for digest in wanted {
        assert!(blobs.contains(digest.hex()), "`{digest}` is missing");
    }
    assert_eq!(tagged(layout).get(tag), Some(&image.digest.to_string()));
}

/// Tags and digests of a layout's index.
fn tagged(layout: &Path) -> std::collections::BTreeMap<String, String> {
    let index = std::fs::read(layout.join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    let name = |e: &serde_json::Value| {
        let name = e["annotations"]["org.opencontainers.image.ref.name"].as_str()?;
        Some((name.to_owned(), e["digest"].as_str()?.to_owned()))
    };
    entries.iter().filter_map(name).collect()
}

/// The binary, with short waits between tries.
fn barque() -> Barque {
    Barque::new().env("BARQUE_RETRY_BACKOFF", "100ms")
}
