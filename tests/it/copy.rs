//! `barque copy` between registries, layouts and directories: every byte, read back by skopeo and umoci.

mod all_tags;
mod configless;
mod convert;
mod digests;
mod edges;
mod foreign;
mod graphs;
mod interrupted;
mod labels;
mod left_out;
mod memory;
mod nested;
mod passing;
mod recode;
mod recode_elsewhere;
mod several;
mod shared_blobs;
mod sources;

use std::path::Path;

use serde_json::Value;

use super::support::Barque;
use super::support::images::{self, TestImage, sha256};
use super::support::peers::{self, DockerRegistry};
use super::support::sandbox::names;

/// The directory is this image and nothing besides: manifest, children, blobs, version.
#[track_caller]
pub(super) fn is_dir_of(dir: &Path, image: &TestImage) {
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(read("manifest.json"), image.manifest);
    let mut wanted = vec!["manifest.json".to_owned(), "version".to_owned()];
    for child in &image.children {
        let name = format!("{}.manifest.json", child.digest.hex());
        assert_eq!(read(&name), child.manifest);
        wanted.push(name);
    }
    for (digest, bytes) in image.all_blobs() {
        assert_eq!(read(digest.hex()), bytes);
        wanted.push(digest.hex().to_owned());
    }
    wanted.sort();
    assert_eq!(names(dir), wanted);
}

/// Has skopeo copy the image, index and all, into a directory, and compares every byte.
#[track_caller]
fn skopeo_reads(name: &str, image: &TestImage) {
    let skopeo = peers::skopeo();
    let args = ["copy", "-q", "--all", "--preserve-digests"];
    let plain = name
        .starts_with("docker://")
        .then_some("--src-tls-verify=false");
    skopeo
        .args(args)
        .args(plain)
        .args([name, "dir:out"])
        .run()
        .ok();
    is_dir_of(&skopeo.path("out"), image);
}

fn index_of(layout: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap()
}

/// The digest that the layout's index gives for this name.
#[track_caller]
fn digest_of(layout: &Path, name: &str) -> String {
    let index = index_of(layout);
    let entries = index["manifests"].as_array().unwrap();
    let named =
        |e: &&Value| e["annotations"]["org.opencontainers.image.ref.name"].as_str() == Some(name);
    let found: Vec<_> = entries.iter().filter(named).collect();
    assert_eq!(found.len(), 1, "{name}: {index}");
    found[0]["digest"].as_str().unwrap().to_owned()
}

/// Every blob of the layout has the content that its name says.
#[track_caller]
fn blobs_are_true(layout: &Path) -> usize {
    let blobs = layout.join("blobs/sha256");
    let names = names(&blobs);
    for name in &names {
        let bytes = std::fs::read(blobs.join(name)).unwrap();
        assert_eq!(sha256(&bytes).hex(), name);
    }
    names.len()
}

/// Every kind of image, with whether it is an index.
pub(super) fn kinds() -> [(&'static str, TestImage); 6] {
    [
        ("oci", images::two_layers()),
        ("docker", images::two_layers_docker()),
        ("zstd", images::zstd_layer()),
        ("artifact", images::artifact()),
        ("index", images::five_platforms()),
        ("list", images::five_platforms_docker()),
    ]
}

/// Copies with `--all` and requires the digest of this image as result.
#[track_caller]
fn copy(barque: &Barque, from: &str, to: &str, image: &TestImage) {
    let out = barque.args(["copy", "--all", from, to]).run().ok();
    assert_eq!(out.stdout(), format!("{to}@{}\n", image.digest));
}

#[test]
fn registries_and_directories_hold_every_kind_byte_for_byte() {
    peers::needs!("docker-registry", "skopeo");
    let (from, to) = (DockerRegistry::open(), DockerRegistry::open());
    for (tag, image) in kinds() {
        let barque = Barque::new();
        let source = from.docker(&format!("fleet/ship:{tag}"));
        from.feed(&format!("fleet/ship:{tag}"), &image);
        let direct = to.docker(&format!("direct/{tag}:1"));
        copy(&barque, &source, &direct, &image);
        skopeo_reads(&direct, &image);
        copy(&barque, &source, "dir:dir", &image);
        is_dir_of(&barque.path("dir"), &image);
        skopeo_reads(&format!("dir:{}", barque.path("dir").display()), &image);
        let back = to.docker(&format!("back/{tag}:1"));
        copy(&barque, "dir:dir", &back, &image);
        skopeo_reads(&back, &image);
        copy(&barque, "dir:dir", "dir:second", &image);
        is_dir_of(&barque.path("second"), &image);
    }
}

#[test]
fn layouts_hold_oci_images_byte_for_byte() {
    peers::needs!("docker-registry", "skopeo");
    let (from, to) = (DockerRegistry::open(), DockerRegistry::open());
    for (tag, image) in kinds() {
        if !image.media_type.contains(".oci.") {
            continue;
        }
        let barque = Barque::new();
        let layout = barque.path("layout");
        let source = from.docker(&format!("fleet/ship:{tag}"));
        from.feed(&format!("fleet/ship:{tag}"), &image);
        copy(&barque, &source, "oci:layout:v1", &image);
        assert_eq!(digest_of(&layout, "v1"), image.digest.to_string());
        let documents = 1 + image.children.len();
        assert_eq!(blobs_are_true(&layout), image.all_blobs().len() + documents);
        skopeo_reads(&format!("oci:{}:v1", layout.display()), &image);
        let back = to.docker(&format!("back/{tag}:1"));
        copy(&barque, "oci:layout:v1", &back, &image);
        skopeo_reads(&back, &image);
        copy(&barque, "oci:layout:v1", "dir:dir", &image);
        is_dir_of(&barque.path("dir"), &image);
        copy(&barque, "dir:dir", "oci:second", &image);
        assert_eq!(
            blobs_are_true(&barque.path("second")),
            blobs_are_true(&layout)
        );
        let second = format!("oci:{}", barque.path("second").display());
        skopeo_reads(&second, &image);
    }
}

#[test]
fn umoci_unpacks_what_barque_wrote() {
    peers::needs!("docker-registry", "skopeo", "umoci");
    let registry = DockerRegistry::open();
    let umoci = peers::umoci();
    for (tag, image) in [
        ("oci", images::two_layers()),
        ("docker", images::two_layers_docker()),
    ] {
        registry.feed(&format!("a:{tag}"), &image);
        let layout = umoci.path("layout");
        let to = format!("oci:{}:{tag}", layout.display());
        Barque::new()
            .args(["copy", &registry.docker(&format!("a:{tag}")), &to])
            .run()
            .ok();
        let of = format!("layout:{tag}");
        umoci
            .args(["unpack", "--rootless", "--image", &of, tag])
            .run()
            .ok();
        for (name, seed) in [("first", 1), ("second", 2)] {
            let file = umoci.path(tag).join("rootfs/data").join(name);
            let bytes = std::fs::read(file).unwrap();
            assert!(bytes == images::noise(seed, 100_000), "{tag} {name}");
        }
    }
    let listed = umoci.args(["ls", "--layout", "layout"]).run().ok();
    let mut tags: Vec<_> = listed.stdout().lines().collect();
    tags.sort_unstable();
    assert_eq!(tags, ["docker", "oci"]);
}

#[test]
fn one_platform_of_an_index_is_an_image_of_its_own() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    for (tag, image) in [
        ("index", images::five_platforms()),
        ("list", images::five_platforms_docker()),
    ] {
        let name = format!("fleet/ship:{tag}");
        registry.feed(&name, &image);
        let (source, barque) = (registry.docker(&name), Barque::new());
        for (child, (os, arch, variant)) in image.children.iter().zip(images::PLATFORMS) {
            let platform = format!("--platform={os}/{arch}/{variant}");
            let platform = platform.trim_end_matches('/');
            let to = format!("dir:{arch}");
            let out = barque.args(["copy", platform, &source, &to]).run().ok();
            assert_eq!(out.stdout(), format!("{to}@{}\n", child.digest));
            is_dir_of(&barque.path(arch), child);
        }
        let target = registry.docker(&format!("one/{tag}:arm"));
        let flags = ["copy", "--override-arch=arm", "--override-variant=v7"];
        barque.args(flags).args([&source, &target]).run().ok();
        skopeo_reads(&target, &image.children[2]);
        let absent = barque
            .args(["copy", "--platform=linux/riscv64", &source, "dir:none"])
            .run()
            .code(2);
        assert!(
            absent.stderr().contains("linux/s390x"),
            "{}",
            absent.stderr()
        );
        assert!(!barque.path("none").exists());
        barque
            .args(["copy", "--all", "--platform=linux/arm64", &source, "dir:x"])
            .run()
            .code(1);
    }
}
