//! Artifacts without a config, as tools before OCI 1.1 wrote them: copied byte for byte and described.

use serde_json::json;

use super::super::support::fake::FakeRegistry;
use super::super::support::images::{Dialect, media, write_dir};
use super::*;

const ORAS: &str = "application/vnd.cncf.oras.artifact.manifest.v1+json";
const DRAFT: &str = "application/vnd.oci.artifact.manifest.v1+json";

/// An artifact of one blob: its manifest of type `media_type` has the blob in the member `list`, and these members more.
fn artifact(media_type: &str, list: &str, more: serde_json::Value) -> TestImage {
    let blob = b"a list of parts\n".to_vec();
    let mut manifest = json!({
        "mediaType": media_type,
        list: [{ "mediaType": "text/spdx", "digest": sha256(&blob), "size": blob.len() }],
    });
    for (name, value) in more.as_object().unwrap() {
        manifest[name] = value.clone();
    }
    TestImage {
        blobs: [(sha256(&blob), blob)].into(),
        ..TestImage::raw(media_type, manifest.to_string())
    }
}

fn artifacts() -> Vec<(&'static str, TestImage)> {
    let of = "application/vnd.example.sbom";
    let unset = json!({ "mediaType": "", "digest": "", "size": 0 });
    let config = |config| json!({ "schemaVersion": 2, "artifactType": of, "config": config });
    let missing = json!({ "schemaVersion": 2, "artifactType": of });
    vec![
        (
            "oras",
            artifact(ORAS, "blobs", json!({ "artifactType": of })),
        ),
        (
            "draft",
            artifact(DRAFT, "blobs", json!({ "artifactType": of })),
        ),
        ("missing", artifact(media::OCI_MANIFEST, "layers", missing)),
        (
            "null",
            artifact(media::OCI_MANIFEST, "layers", config(json!(null))),
        ),
        (
            "empty",
            artifact(media::OCI_MANIFEST, "layers", config(json!({}))),
        ),
        (
            "unset",
            artifact(media::OCI_MANIFEST, "layers", config(unset)),
        ),
    ]
}

#[test]
fn artifacts_without_a_config_are_copied_and_described() {
    for (name, image) in artifacts() {
        let from = FakeRegistry::start().image("a", "1", &image);
        let to = FakeRegistry::start();
        let barque = Barque::new();
        let source = from.docker("a:1");
        for target in [
            "dir:dir",
            "oci:layout:1",
            "oci-archive:tar:1",
            &to.docker("b:1"),
        ] {
            let out = barque.args(["copy", &source, target]).run().ok();
            assert_eq!(out.stdout(), format!("{target}@{}\n", image.digest));
            let raw = barque.args(["inspect", "--raw", target]).run().ok();
            assert_eq!(raw.stdout_bytes(), image.manifest, "{name} {target}");
            let shown = barque.args(["inspect", target]).run().ok().json();
            assert_eq!(
                shown["ArtifactType"], "application/vnd.example.sbom",
                "{name}"
            );
            assert_eq!(shown["ConfigDigest"], Value::Null);
            assert_eq!(shown["Size"], 16);
            assert_eq!(shown["LayersData"][0]["MIMEType"], "text/spdx");
            let list = barque.args(["layers", "--list", target]).run().ok();
            assert!(list.stdout().contains("text/spdx"), "{}", list.stdout());
        }
        is_dir_of(&barque.path("dir"), &image);
        assert_eq!(to.requests("PUT", "/manifests/").len(), 1);
        // Nothing of them is an image: what asks for one says so.
        let told = barque
            .args(["copy", "--format=v2s2", "dir:dir", "dir:other"])
            .run()
            .code(6);
        assert!(told.stderr().contains("artifact"), "{}", told.stderr());
    }
}

#[test]
fn an_index_carries_artifacts_without_a_config() {
    let children = artifacts()
        .into_iter()
        .map(|(_, image)| (image, ("", "", "")));
    let index = images::index(Dialect::Oci, children);
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &index);
    barque
        .args(["copy", "--all", "dir:dir", "dir:out"])
        .run()
        .ok();
    is_dir_of(&barque.path("out"), &index);
}

#[test]
fn a_config_that_is_none_is_an_error() {
    for config in [
        json!("x"),
        json!({ "digest": "x", "size": 1 }),
        json!({ "digest": 7 }),
    ] {
        let more = json!({ "schemaVersion": 2, "config": config });
        let image = artifact(media::OCI_MANIFEST, "layers", more);
        let barque = Barque::new();
        write_dir(&barque.path("dir"), &image);
        barque.args(["copy", "dir:dir", "dir:out"]).run().code(4);
    }
}
