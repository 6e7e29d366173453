//! Old images of others: pushed to the real registry with curl, and in archives of docker before 1.10.

use std::collections::BTreeMap;
use std::path::Path;

use barque::legacy::v1::V1Image;
use serde_json::Value;

use super::contents;
use super::vectors::payload;
use crate::support::Barque;
use crate::support::fixtures;
use crate::support::images::{gzip, sha256, tar};
use crate::support::peers::{self, V1Registry};

/// Pushes an image as clients of 2014 did, with curl.
fn push(registry: &V1Registry, json: &[u8], layer: &[u8], tag: &str) {
    let dir = tempfile::TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        format!("@{}", path.display())
    };
    let document: Value = serde_json::from_slice(json).unwrap();
    let id = document["id"].as_str().unwrap();
    let put = |path: String, body: &str, header: &str| {
        let args = [
            "-X",
            "PUT",
            "--data-binary",
            body,
            "-H",
            header,
            "-H",
            "Content-Type: application/json",
        ];
        registry.curl(&path, &args);
    };
    put(format!("images/{id}/json"), &file("json", json), "X: y");
    put(format!("images/{id}/layer"), &file("layer", layer), "X: y");
    let checksum = format!("X-Docker-Checksum-Payload: {}", payload(json, layer));
    put(format!("images/{id}/checksum"), "", &checksum);
    put(
        format!("repositories/old/image/tags/{tag}"),
        &format!("\"{id}\""),
        "X: y",
    );
}

#[test]
fn images_pushed_by_others_are_rescued() {
    let Some(dir) = fixtures::dir() else { return };
    let Some(registry) = V1Registry::start() else {
        return;
    };
    peers::needs!("curl");
    let base = "511136ea3c5a64f264b78b5433614aec563103b4d4702f3ba7d4d2698e22c158";
    let top = "46af0962ab5afeb5ce6740d4d91652e69206fc991fd5328c1a94d364ad00e457";
    let read =
        |id: &str, file: &str| fixtures::read(&dir, &format!("v1/registry-tests/{id}/{file}"));
    push(
        &registry,
        &read(base, "json"),
        &read(base, "layer.tar"),
        "base",
    );
    // The image between the two is not among the fixtures; its layer has no bytes here.
    let parent = V1Image::parse(read(top, "json"))
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    let between = format!(r#"{{"id":"{parent}","parent":"{base}"}}"#);
    push(&registry, between.as_bytes(), b"", "between");
    push(
        &registry,
        &read(top, "json"),
        &read(top, "layer.tar"),
        "top",
    );
    // An xz layer, as docker pushed them in 2013.
    let packed = {
        use std::io::Write as _;
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
        xz.write_all(&tar(&[("a", b"b")])).unwrap();
        xz.finish().unwrap()
    };
    let id = "a".repeat(64);
    push(
        &registry,
        format!(r#"{{"id":"{id}","parent":"{top}"}}"#).as_bytes(),
        &packed,
        "xz",
    );
    let barque = Barque::new();
    for (tag, layers) in [("base", 1), ("top", 3), ("xz", 4)] {
        let name = registry.v1(&format!("old/image:{tag}"));
        let to = format!("dir:{tag}");
        barque.args(["copy", &name, &to]).run().ok();
        let contents = contents(&barque, tag);
        let plain = [
            read(base, "layer.tar"),
            vec![0; 1024],
            read(top, "layer.tar"),
            tar(&[("a", b"b")]),
        ];
        let wanted: Vec<_> = plain.iter().take(layers).map(|tar| sha256(tar)).collect();
        assert_eq!(contents, wanted);
    }
    // The JSON of the top image is in the config, member for member.
    let config = barque
        .args(["inspect", "--raw", "--config", "dir:top"])
        .run()
        .ok()
        .json();
    let json: Value = serde_json::from_slice(&read(top, "json")).unwrap();
    for key in ["created", "architecture", "os", "config"] {
        let known = json[key].as_object().map_or(1, |o| o.len());
        assert!(known == 0 || !config[key].is_null(), "{key}");
    }
    assert_eq!(config["history"].as_array().unwrap().len(), 3);
}

#[test]
fn legacy_archives_become_images() {
    let Some(dir) = fixtures::dir() else { return };
    let barque = Barque::new();
    let name = |file: &str| {
        format!(
            "docker-archive:{}",
            dir.join("archives").join(file).display()
        )
    };
    let to = |n: &str| format!("dir:{}", barque.path(n).display());
    barque
        .args(["copy", &name("docker-no-manifest.tar"), &to("bazel")])
        .run()
        .ok();
    assert_eq!(contents(&barque, "bazel").len(), 1);
    // Of no bytes, of one empty block, and an honest one.
    let empty = name("legacy-only-emptyLayer.tar");
    barque.args(["copy", &empty, &to("centos")]).run().ok();
    let layers = contents(&barque, "centos");
    let bytes = fixtures::read(&dir, "archives/legacy-only-emptyLayer.tar");
    let stored: BTreeMap<String, Vec<u8>> = tar::Archive::new(&bytes[..])
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        })
        .collect();
    let stored = |id: &str| {
        let mut found = stored.iter().filter(|(name, _)| name.starts_with(id));
        found
            .find(|(name, _)| name.ends_with("layer.tar"))
            .unwrap()
            .1
    };
    assert_eq!(stored("9c7cb910").len(), 0);
    let zeros = vec![0; 1024];
    let wanted = [stored("17d1436e"), &zeros, stored("25445a0f")].map(|tar| sha256(tar));
    assert_eq!(layers, wanted);
    let named = format!("{empty}:matthughes/library-centos:6-2015.03.20");
    let shown = barque.args(["inspect", &named]).run().ok().json();
    assert_eq!(shown["Created"], "2015-03-04T21:38:56.769279623Z");
    assert!(shown["Env"][0].as_str().unwrap().starts_with("PATH="));
    barque
        .args(["inspect", &format!("{empty}:nobody:1")])
        .run()
        .code(2);
    for (file, words) in [
        ("legacy-dependency-loop.docker", "built upon itself"),
        ("legacy-path-traversal.docker", "leads out of it"),
    ] {
        let out = barque
            .args(["copy", &name(file), &to("none")])
            .run()
            .code(4);
        assert!(out.stderr().contains(words), "{file}: {}", out.stderr());
    }
}

#[test]
fn the_old_half_of_a_new_archive_gives_the_same_layers() {
    let Some(dir) = fixtures::dir() else { return };
    let barque = Barque::new();
    let name = format!(
        "docker-archive:{}",
        dir.join("archives/docker-test-image.tar").display()
    );
    barque.args(["copy", &name, "dir:new"]).run().ok();
    // Without manifest.json what is left is what docker wrote before 1.10; and packed, as people kept it.
    let whole = fixtures::read(&dir, "archives/docker-test-image.tar");
    let mut old = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(&whole[..]).entries().unwrap() {
        let entry = entry.unwrap();
        if entry.path().unwrap() != Path::new("manifest.json") {
            old.append(&entry.header().clone(), entry).unwrap();
        }
    }
    std::fs::write(barque.path("old.tar.gz"), gzip(&old.into_inner().unwrap())).unwrap();
    let old = barque
        .args(["copy", "docker-archive:old.tar.gz", "dir:old"])
        .run()
        .ok();
    assert_eq!(
        contents(&barque, "old"),
        contents(&barque, "new"),
        "{}",
        old.stderr()
    );
}
