//! Names with digests: those of destinations, and those that a copy prints.

use std::fs;
use std::path::Path;

use barque::image::{Algorithm, Digest};
use serde_json::json;

use super::super::support::Barque;
use super::super::support::fake::{FakeRegistry, on};
use super::super::support::images::{self, TestImage, media, sha256};

/// What `barque inspect` says of the digest of `name`.
fn digest_of(barque: &Barque, name: &str) -> String {
    let args = ["inspect", "-n", "-f", "{{.Digest}}", name];
    barque.args(args).run().ok().stdout().trim().to_owned()
}

#[test]
fn a_destination_with_tag_and_digest_gets_both() {
    let (small, large) = (images::small(), images::two_layers());
    let barque = Barque::new();
    let layouts = [("1", &small), ("2", &large)];
    images::write_layout(&barque.path("layout"), &layouts);
    let to = FakeRegistry::start();
    let target = to.docker(&format!("b:9@{}", small.digest));
    let out = barque.args(["copy", "oci:layout:1", &target]).run().ok();
    assert_eq!(out.stdout(), format!("{target}\n"));
    assert_eq!(to.manifest("b", "9"), Some(small.manifest.clone()));
    assert_eq!(to.requests("PUT", "/manifests/").len(), 1, "by tag");
    assert_eq!(digest_of(&barque, &target), small.digest.to_string());
    to.clear();
    let again = barque.args(["copy", "oci:layout:1", &target]).run().ok();
    assert_eq!(again.stdout(), format!("{target}\n"));
    assert_eq!(to.lines().len(), 1, "{:?}", to.lines());
    assert!(to.lines()[0].starts_with("HEAD"), "{:?}", to.lines());

    // The digest is there, and the tag is another image's.
    let other = to.docker("b:9");
    barque.args(["copy", "oci:layout:2", &other]).run().ok();
    barque.args(["copy", "oci:layout:1", &target]).run().ok();
    assert_eq!(to.manifest("b", "9"), Some(small.manifest));
    // An image of another digest is not written under this one, not even where the tag has it.
    barque.args(["copy", "oci:layout:2", &other]).run().ok();
    to.clear();
    let wrong = barque.args(["copy", "oci:layout:2", &target]).run().code(6);
    assert!(
        wrong.stderr().contains("names the digest"),
        "{}",
        wrong.stderr()
    );
    assert!(to.requests("PUT", "").is_empty());
}

#[test]
fn a_destination_by_digest_is_printed_with_one() {
    let image = images::small();
    let barque = Barque::new();
    images::write_layout(&barque.path("layout"), &[("1", &image)]);
    let to = FakeRegistry::start();
    let target = to.docker(&format!("b@{}", image.digest));
    for _ in 0..2 {
        let out = barque.args(["copy", "oci:layout:1", &target]).run().ok();
        assert_eq!(out.stdout(), format!("{target}\n"));
    }
    assert_eq!(digest_of(&barque, &target), image.digest.to_string());
}

#[test]
fn what_a_copy_prints_can_be_read() {
    let image = images::small();
    let barque = Barque::new();
    images::write_layout(&barque.path("layout"), &[("1", &image)]);
    let registry = FakeRegistry::start();
    for to in [
        "oci:a",
        "oci:b:1",
        "oci:b:reg.io/x/y:2",
        "oci-archive:a.tar",
        "oci-archive:b.tar:1",
        "docker-archive:c.tar",
        "docker-archive:d.tar:app:1",
        "dir:d",
        &registry.docker("app"),
        &registry.docker("app:1"),
    ] {
        let copied = barque.args(["copy", "-q", "oci:layout:1", to]).run().ok();
        assert_eq!(copied.stdout(), "");
        let digest = digest_of(&barque, to);
        let again = match to.starts_with("docker-archive:") {
            true => {
                let file = to.split(':').nth(1).unwrap();
                fs::remove_file(barque.path(file)).unwrap();
                barque.args(["copy", "oci:layout:1", to]).run().ok()
            }
            false => barque.args(["copy", "oci:layout:1", to]).run().ok(),
        };
        let printed = again.stdout().trim();
        assert!(printed.ends_with(&format!("@{digest}")), "{printed}");
        assert_eq!(digest_of(&barque, printed), digest, "{printed}");
        barque.args(["layers", "--list", printed]).run().ok();
        // It stands for this image only.
        let other = printed.replace(&digest, &sha256(b"other").to_string());
        let refused = barque.args(["inspect", "-n", &other]).run().code(2);
        let told = refused.stderr();
        assert!(
            to.starts_with("docker://") || told.contains(&digest),
            "{told}"
        );
    }
    for to in [
        "docker-archive:new.tar:app:1",
        "oci-archive:new.tar:1",
        "oci:new:1",
        "dir:new",
    ] {
        let to = format!("{to}@{}", image.digest);
        let refused = barque.args(["copy", "oci:layout:1", &to]).run().code(1);
        assert!(
            refused.stderr().contains("for reading only"),
            "{to}: {}",
            refused.stderr()
        );
        assert!(!barque.path("new.tar").exists() && !barque.path("new").exists());
    }
}

#[test]
fn a_path_or_name_that_ends_like_a_digest_is_itself() {
    let (small, large) = (images::small(), images::two_layers());
    let barque = Barque::new();
    let name = format!("1@{}", small.digest);
    let layouts = [("1", &small), (&*name, &large)];
    images::write_layout(&barque.path("layout"), &layouts);
    assert_eq!(
        digest_of(&barque, &format!("oci:layout:{name}")),
        large.digest.to_string()
    );
    images::write_dir(&barque.path("d"), &small);
    images::write_dir(&barque.path(format!("d@{}", small.digest)), &large);
    let there = digest_of(&barque, &format!("dir:d@{}", small.digest));
    assert_eq!(there, large.digest.to_string());
}

/// The image with the SHA-512 digest as the only one of a layout.
fn write_sha512_layout(dir: &Path, image: &TestImage) -> Digest {
    images::write_layout(dir, &[("1", image)]);
    let digest = Digest::of(Algorithm::Sha512, &image.manifest);
    let blobs = dir.join("blobs/sha512");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(digest.hex()), &image.manifest).unwrap();
    let entry =
        json!({"mediaType": media::OCI_MANIFEST, "digest": digest, "size": image.manifest.len()});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    fs::write(dir.join("index.json"), index.to_string()).unwrap();
    digest
}

#[test]
fn the_digest_that_a_registry_gives_is_the_one_that_is_told() {
    let image = images::small();
    let barque = Barque::new();
    let sha512 = write_sha512_layout(&barque.path("layout"), &image);
    let silent = FakeRegistry::start().rule(
        on("PUT")
            .path("/manifests/")
            .drop_header("Docker-Content-Digest"),
    );
    for registry in [FakeRegistry::start(), silent] {
        let target = registry.docker("a:1");
        let args = ["copy", "--digestfile", "digest", "--receipt", "receipt"];
        let copied = barque.args(args).args(["oci:layout", &target]).run().ok();
        assert_eq!(copied.stdout(), format!("{target}@{}\n", image.digest));
        assert!(
            copied.stderr().contains(&sha512.to_string()),
            "{}",
            copied.stderr()
        );
        assert_eq!(
            digest_of(&barque, copied.stdout().trim()),
            image.digest.to_string()
        );
        let read = |name: &str| fs::read_to_string(barque.path(name)).unwrap();
        assert_eq!(read("digest"), image.digest.to_string());
        let receipt: serde_json::Value = serde_json::from_str(&read("receipt")).unwrap();
        assert_eq!(receipt["Digest"], json!(image.digest));
        assert_eq!(receipt["Manifests"], json!([image.digest]));
        // The next run sees that it is there.
        registry.clear();
        let again = barque.args(args).args(["oci:layout", &target]).run().ok();
        assert_eq!(again.stdout(), copied.stdout());
        assert!(
            again.stderr().contains("is up to date"),
            "{}",
            again.stderr()
        );
        assert_eq!(registry.lines().len(), 1, "{:?}", registry.lines());
        assert_eq!(read("digest"), image.digest.to_string());
    }
}

#[test]
fn a_registry_that_stored_something_else_is_an_error() {
    let image = images::small();
    let barque = Barque::new();
    images::write_layout(&barque.path("layout"), &[("1", &image)]);
    let others = [sha256(b"other"), Digest::of(Algorithm::Sha512, b"other")];
    for other in others {
        let registry = FakeRegistry::start().rule(
            on("PUT")
                .path("/manifests/")
                .header("Docker-Content-Digest", &other.to_string()),
        );
        let target = registry.docker("a:1");
        let failed = barque.args(["copy", "oci:layout:1", &target]).run().code(4);
        let told = failed.stderr();
        assert!(told.contains(&other.to_string()), "{told}");
        assert!(told.contains(&image.digest.to_string()), "{told}");
        assert_eq!(failed.stdout(), "");
    }
}
