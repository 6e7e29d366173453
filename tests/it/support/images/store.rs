//! Writes test images to disk: as an OCI layout and as skopeo's `dir:` layout.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{TestImage, sha256};

/// Writes an OCI layout with these tagged images to `dir`, which is made if it is missing.
///
/// Docker manifests are written as they are; skopeo's `oci:` refuses to read those, barque may.
pub fn write_layout(dir: &Path, images: &[(&str, &TestImage)]) {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let manifests: Vec<_> = images
        .iter()
        .map(|(tag, image)| {
            json!({
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": image.manifest.len(),
                "annotations": { "org.opencontainers.image.ref.name": tag },
            })
        })
        .collect();
    for (_, image) in images {
        for (digest, bytes) in image.all_blobs() {
            fs::write(blobs.join(digest.hex()), bytes).unwrap();
        }
        write_manifests(&blobs, image);
    }
    let index =
        json!({ "schemaVersion": 2, "mediaType": super::media::OCI_INDEX, "manifests": manifests });
    fs::write(dir.join("index.json"), index.to_string()).unwrap();
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn write_manifests(blobs: &Path, image: &TestImage) {
    let digest = sha256(&image.manifest);
    fs::write(blobs.join(digest.hex()), &image.manifest).unwrap();
    for child in &image.children {
        write_manifests(blobs, child);
    }
}

/// Writes one image as a `dir:` layout: blobs by bare hex, children as `HEX.manifest.json`.
pub fn write_dir(dir: &Path, image: &TestImage) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("version"), "Directory Transport Version: 1.1\n").unwrap();
    fs::write(dir.join("manifest.json"), &image.manifest).unwrap();
    for child in &image.children {
        let name = format!("{}.manifest.json", child.digest.hex());
        fs::write(dir.join(name), &child.manifest).unwrap();
    }
    for (digest, bytes) in image.all_blobs() {
        fs::write(dir.join(digest.hex()), bytes).unwrap();
    }
}
