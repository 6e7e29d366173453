//! What skopeo does unasked, and names and flags that it takes or refuses otherwise than barque.

use std::fs;

use super::{linked, message, sample};
use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{
    self, Compression, Dialect, Maker, TestImage, media, sha256, write_dir, write_layout,
};
use crate::support::peers;
use crate::support::sandbox::{Sandbox, names};

/// An image whose layer is not compressed.
fn raw() -> TestImage {
    let maker = Maker::new(Dialect::Oci).compression(Compression::None);
    maker.file_layer("raw", vec![b'x'; 100_000]).make()
}

/// The types of the layers of a manifest.
fn layer_types(manifest: &[u8]) -> Vec<String> {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    layers
        .map(|l| l["mediaType"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn layers_that_are_not_compressed_are_on_the_way_to_registries_and_layouts() {
    let (skopeo, barque, image) = (linked(), Barque::new(), raw());
    let registry = FakeRegistry::start();
    let gzip = vec![format!("{}+gzip", media::OCI_LAYER)];
    let plain = vec![media::OCI_LAYER.to_owned()];
    write_layout(&skopeo.path("l"), &[("v1", &image)]);
    write_dir(&skopeo.path("d"), &image);
    write_layout(&barque.path("l"), &[("v1", &image)]);
    let in_registry = |tag: &str| layer_types(&registry.manifest("a", tag).unwrap());
    for (source, tag) in [("oci:l:v1", "1"), ("dir:d", "2")] {
        let to = registry.docker(&format!("a:{tag}"));
        skopeo.args(["copy", "-q", source, &to]).run().ok();
        assert_eq!(in_registry(tag), gzip, "{source}");
    }
    let to = registry.docker("a:3");
    let args = ["copy", "-q", "--preserve-digests", "oci:l:v1", &to];
    skopeo.args(args).run().ok();
    assert_eq!(in_registry("3"), plain, "the digests are to stay");
    barque
        .args(["copy", "-q", "oci:l:v1", &registry.docker("a:4")])
        .run()
        .ok();
    assert_eq!(
        in_registry("4"),
        plain,
        "barque does nothing of the kind unasked"
    );
    let by_digest = registry.docker(&format!("a@{}", image.digest));
    skopeo
        .args(["copy", "-q", "oci:l:v1", &by_digest])
        .run()
        .ok();

    skopeo
        .args(["copy", "-q", "oci:l:v1", "oci:out:v1"])
        .run()
        .ok();
    let index = fs::read(skopeo.path("out/index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    let blob = skopeo
        .path("out/blobs/sha256")
        .join(&digest["sha256:".len()..]);
    assert_eq!(layer_types(&fs::read(blob).unwrap()), gzip);
    skopeo
        .args(["copy", "-q", "oci:l:v1", "dir:same"])
        .run()
        .ok();
    let manifest = fs::read(skopeo.path("same/manifest.json")).unwrap();
    assert_eq!(
        sha256(&manifest),
        image.digest,
        "a directory gets what is there"
    );
    // An image that is compressed costs no further request.
    let (full, _) = sample();
    let from = full.docker("a:1");
    skopeo
        .args(["copy", "-q", &from, "oci:packed:v1"])
        .run()
        .ok();
    assert_eq!(full.requests("GET", "/blobs/").len(), 3);
}

#[test]
fn a_format_gives_way_to_the_digests() {
    let skopeo = linked();
    let image = images::two_layers_docker();
    write_dir(&skopeo.path("d"), &image);
    let args = [
        "copy",
        "-q",
        "--preserve-digests",
        "--format=oci",
        "dir:d",
        "dir:to",
    ];
    skopeo.args(args).run().ok();
    let manifest = fs::read(skopeo.path("to/manifest.json")).unwrap();
    assert_eq!(sha256(&manifest), image.digest);
}

#[test]
fn a_manifest_is_deleted_whatever_tags_it_has() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .image("a", "2", &images::small());
    let skopeo = linked();
    let name = registry.docker("a:1");
    let flags = ["--daemon-host=unix:///x", "--shared-blob-dir=y"];
    let out = skopeo
        .args(["delete"].iter().chain(&flags).chain(&[&*name]))
        .run()
        .ok();
    assert_eq!((out.stdout(), out.stderr()), ("", ""));
    assert!(registry.manifest("a", "1").is_none());
}

#[test]
fn names_that_skopeo_refuses() {
    let skopeo = linked();
    let digest = sha256(b"x");
    fs::write(skopeo.path("a.sif"), b"x").unwrap();
    for (line, wanted) in [
        (
            format!("inspect docker://h/a:1@{digest}"),
            format!("Error parsing image name \\\"docker://h/a:1@{digest}\\\": Docker references with both a tag and digest are currently not supported"),
        ),
        (
            format!("copy docker://h:5000/a:1@{digest} dir:x"),
            format!("Invalid source name docker://h:5000/a:1@{digest}: Docker references with both a tag and digest are currently not supported"),
        ),
        (
            format!("inspect docker-daemon:a:1@{digest}"),
            format!("Error parsing image name \\\"docker-daemon:a:1@{digest}\\\": docker-daemon: references with both a tag and digest are currently not supported"),
        ),
        (
            "copy docker:busybox dir:x".into(),
            "Invalid source name docker:busybox: docker: image reference busybox does not start with //".into(),
        ),
        (
            "list-tags docker:busybox".into(),
            "docker: image reference docker:busybox does not start with docker://".into(),
        ),
        (
            "copy dir:x docker-daemon:".into(),
            "Invalid destination name docker-daemon:: invalid reference format".into(),
        ),
        (
            "copy dir:x docker-archive:".into(),
            "Invalid destination name docker-archive:: docker-archive reference  isn't of the form <path>[:<reference>]".into(),
        ),
        (
            "copy sif:no.sif dir:x".into(),
            "initializing source sif:no.sif: loading SIF file: open no.sif: no such file or directory".into(),
        ),
        (
            "copy dir:x sif:y.sif".into(),
            "initializing destination sif:y.sif: \\\"sif:\\\" locations can only be read from, not written to".into(),
        ),
        (
            "inspect tarball:x.tar".into(),
            "Error parsing image name \\\"tarball:x.tar\\\": error opening \\\"x.tar\\\": open x.tar: no such file or directory".into(),
        ),
        (
            "copy tarball: dir:x".into(),
            "Invalid source name tarball:: error opening \\\"\\\": open : no such file or directory".into(),
        ),
        (
            "copy dir:x tarball:y.tar".into(),
            "Invalid destination name tarball:y.tar: error opening \\\"y.tar\\\": open y.tar: no such file or directory".into(),
        ),
        (
            "copy dir:x tarball:.".into(),
            "initializing destination tarball:.: \\\"tarball:\\\" locations can only be read from, not written to".into(),
        ),
        (
            "list-tags tarball:.".into(),
            "Unsupported transport 'tarball' for tag listing. Only supported: docker, docker-archive".into(),
        ),
        (
            "delete sif:a.sif".into(),
            "Deleting images not implemented for sif: images".into(),
        ),
    ] {
        let out = skopeo.args(line.split(' ')).run().code(1);
        assert_eq!(message(out.stderr()), format!("level=fatal msg=\"{wanted}\""), "{line}");
    }
}

#[test]
fn flags_that_are_for_directories_change_nothing_elsewhere() {
    let skopeo = linked();
    let image = images::two_layers();
    write_dir(&skopeo.path("d"), &image);
    for flag in ["--dest-compress", "--dest-decompress"] {
        let to = format!("oci:{flag}:1");
        let out = skopeo.args(["copy", "-q", flag, "dir:d", &to]).run().ok();
        let wanted = format!(
            "level=warning msg=\"{flag} can only be used if the destination transport is 'dir'\""
        );
        assert_eq!(message(out.stderr()), wanted);
        let raw = skopeo.args(["inspect", "--raw", &to]).run().ok();
        assert_eq!(sha256(raw.stdout_bytes()), image.digest, "{flag}");
    }
    // Layers of a directory are compressed when that is asked for, and a format alone asks for nothing.
    let format = ["copy", "-q", "--dest-compress-format=zstd", "dir:d"];
    skopeo.args(format).args(["dir:same"]).run().ok();
    let manifest = fs::read(skopeo.path("same/manifest.json")).unwrap();
    assert_eq!(sha256(&manifest), image.digest);
    let both = ["--dest-compress", "dir:zstd"];
    skopeo.args(format).args(both).run().ok();
    let manifest = fs::read(skopeo.path("zstd/manifest.json")).unwrap();
    let zstd = format!("{}+zstd", media::OCI_LAYER);
    assert!(layer_types(&manifest).iter().all(|layer| *layer == zstd));
}

/// Runs `layers` of `program` with `dir:d`, an image of two layers, and returns the names of what it wrote. Each file is the one
/// that the image has.
fn layers_of(program: &Sandbox, digests: &[&str]) -> Vec<String> {
    write_dir(&program.path("d"), &images::two_layers());
    program.args(["layers", "dir:d"]).args(digests).run().ok();
    let all = names(&program.path("."));
    let made: Vec<_> = all.iter().filter(|n| n.starts_with("layers-")).collect();
    assert_eq!(made.len(), 1, "{all:?}");
    let made = program.path(made[0]);
    let files = names(&made);
    for file in &files {
        let wanted = fs::read(program.path("d").join(file)).unwrap();
        assert_eq!(fs::read(made.join(file)).unwrap(), wanted, "{file}");
    }
    files
}

#[test]
fn layers_become_a_directory_that_skopeo_reads() {
    let config = images::two_layers().config();
    let layer = images::two_layers()
        .blobs
        .into_keys()
        .find(|b| *b != config);
    let layer = layer.unwrap().hex().to_owned();
    let all = layers_of(&linked(), &[]);
    assert_eq!(all.len(), 2 + 3, "config and layers too: {all:?}");
    let one = layers_of(&linked(), &[&layer]);
    assert_eq!(one, [&layer[..], "manifest.json", "version"]);
    peers::needs!("skopeo");
    assert_eq!(layers_of(&peers::skopeo(), &[]), all);
    assert_eq!(layers_of(&peers::skopeo(), &[&layer]), one);
}

#[test]
fn chunked_layers_become_plain_zstd_with_a_warning() {
    let (skopeo, barque) = (linked(), Barque::new());
    write_dir(&skopeo.path("d"), &images::small());
    write_dir(&barque.path("d"), &images::small());
    let args = [
        "copy",
        "-q",
        "--dest-compress-format=zstd:chunked",
        "dir:d",
        "oci:o:1",
    ];
    let out = skopeo.args(args).run().ok();
    assert!(message(out.stderr()).starts_with("level=warning msg=\"zstd:chunked is not written"));
    let raw = skopeo.args(["inspect", "--raw", "oci:o:1"]).run().ok();
    let zstd = format!("{}+zstd", media::OCI_LAYER);
    let layers = layer_types(raw.stdout_bytes());
    assert!(layers.iter().all(|layer| *layer == zstd), "{layers:?}");
    let refused = barque.args(args).run().code(1);
    assert!(
        refused.stderr().contains("zstd:chunked is not written"),
        "{}",
        refused.stderr()
    );
    assert!(!barque.path("o").exists());
}

#[test]
fn a_credential_file_that_is_not_there_has_no_logins() {
    let (registry, skopeo) = sample();
    let name = registry.docker("a:1");
    let none = ["inspect", "-n", "--authfile=none.json", &name];
    skopeo.args(none).run().ok();
    skopeo
        .args(["copy", "-q", "--src-authfile=none.json", &name, "dir:d"])
        .run()
        .ok();
    Barque::new().args(none).run().code(1);
}

#[test]
fn archives_that_are_there_are_replaced_or_left_as_by_skopeo() {
    let skopeo = linked();
    let all = [("small", &images::small()), ("raw", &raw())];
    write_layout(&skopeo.path("l"), &all);
    fs::write(skopeo.path("text.tar"), "text").unwrap();
    for archive in ["oci-archive:a.tar:1", "oci-archive:text.tar:1"] {
        for image in ["oci:l:small", "oci:l:raw"] {
            skopeo.args(["copy", "-q", image, archive]).run().ok();
        }
        let out = skopeo.args(["copy", "-q", archive.trim_end_matches(":1"), "dir:d"]);
        out.run().ok();
    }
    let copy = ["copy", "-q", "oci:l:small"];
    skopeo
        .args(copy)
        .args(["docker-archive:d.tar:a:1"])
        .run()
        .ok();
    let before = fs::read(skopeo.path("d.tar")).unwrap();
    let refused = skopeo
        .args(copy)
        .args(["docker-archive:d.tar:b:1"])
        .run()
        .code(1);
    let text = "initializing destination docker-archive:d.tar:docker.io/library/b:1: docker-archive doesn't support modifying existing images";
    assert_eq!(
        message(refused.stderr()),
        format!("level=fatal msg=\"{text}\"")
    );
    assert_eq!(fs::read(skopeo.path("d.tar")).unwrap(), before);
}

#[test]
fn the_first_of_images_with_one_name_is_read() {
    let (skopeo, barque) = (linked(), Barque::new());
    let (small, large) = (images::small(), images::two_layers());
    for sandbox in [&*skopeo, &*barque] {
        write_layout(&sandbox.path("l"), &[("1", &small), ("1", &large)]);
    }
    let raw = skopeo.args(["inspect", "--raw", "oci:l:1"]).run().ok();
    assert_eq!(raw.stdout_bytes(), small.manifest);
    barque.args(["inspect", "--raw", "oci:l:1"]).run().code(1);
    // A digest behind a REF is a part of it, as for skopeo.
    let to = format!("oci:new:1@{}", small.digest);
    skopeo.args(["copy", "-q", "oci:l:1", &to]).run().ok();
    // Docker's types, asked for, are written into a layout.
    let args = ["copy", "-q", "--format=v2s2", "oci:l:1", "oci:docker:1"];
    skopeo.args(args).run().ok();
    let raw = skopeo.args(["inspect", "--raw", "oci:docker:1"]).run().ok();
    assert_eq!(raw.json()["mediaType"], media::DOCKER_MANIFEST);
}

#[test]
fn each_layer_and_each_image_of_a_list_has_its_line() {
    let skopeo = linked();
    let base = Maker::new(Dialect::Oci).file_layer("a", "a");
    let twice = base.file_layer("a", "a").make();
    let list = images::index(
        Dialect::Oci,
        [
            (twice.clone(), ("linux", "amd64", "")),
            (twice.clone(), ("linux", "arm64", "")),
        ],
    );
    write_layout(&skopeo.path("l"), &[("twice", &twice), ("list", &list)]);
    let out = skopeo.args(["copy", "oci:l:twice", "dir:d"]).run().ok();
    let line = format!("Copying blob {}\n", twice.layers()[0]);
    assert_eq!(out.stdout().matches(&line).count(), 2, "{}", out.stdout());
    let out = skopeo
        .args(["copy", "--all", "oci:l:list", "dir:all"])
        .run()
        .ok();
    let count = "Copying 2 images generated from 2 images in list";
    assert!(out.stdout().contains(count), "{}", out.stdout());
    assert_eq!(out.stdout().matches(&line).count(), 4, "{}", out.stdout());
}
