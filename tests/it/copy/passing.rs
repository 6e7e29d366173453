//! Blobs that pass through to a registry, which checks them itself: what is wrong is found all the same, nothing wrong
//! gets a name, and the error names the side.

use super::super::support::fake::{FakeRegistry, Reply, Rule, on};
use super::super::support::images::{Compression, Dialect, Maker, noise};
use super::super::support::sandbox::Run;
use super::*;

/// An image with one layer of about 200 KB.
fn image() -> TestImage {
    Maker::new(Dialect::Oci)
        .compression(Compression::None)
        .file_layer("data", noise(7, 200_000))
        .make()
}

/// Whose layer has a wrong byte, its size unchanged.
fn damaged(image: &TestImage) -> TestImage {
    let mut damaged = image.clone();
    let layer = image.layers().remove(0);
    damaged.blobs.get_mut(&layer).unwrap()[100_000] ^= 1;
    damaged
}

fn pushing(barque: &Barque, image: &TestImage, to: &str) -> Run {
    images::write_layout(&barque.path("in"), &[("1", image)]);
    let parallel = ["--image-parallel-copies", "1"];
    barque.args(["copy", "oci:in:1", to]).args(parallel)
}

/// Requests that end an upload of the layer of `image`.
fn of_layer(image: &TestImage) -> Rule {
    let end = format!("digest={}", image.layers()[0]);
    on("PUT").path(&end)
}

/// How many uploads of the layer came whole, and were answered.
fn sent(registry: &FakeRegistry, image: &TestImage) -> usize {
    let end = format!("digest={}", image.layers()[0]);
    let lines = registry.lines();
    let of_layer = lines.iter().filter(|line| line.contains(&end));
    of_layer.filter(|line| !line.ends_with(" 0")).count()
}

#[test]
fn a_damaged_blob_of_a_layout_is_refused_and_found_out() {
    let (image, registry, barque) = (image(), FakeRegistry::start(), Barque::new());
    let out = pushing(&barque, &damaged(&image), &registry.docker("a:1"))
        .run()
        .code(4);
    let layer = &image.layers()[0];
    for part in [
        "reading the source: blob",
        &format!("blob `{layer}` is corrupt: its content hashes to `sha256:"),
    ] {
        assert!(out.stderr().contains(part), "{}", out.stderr());
    }
    // Passed unhashed and refused; then read again with a hash, which does not let all of it out.
    let starts = registry.requests("POST", &format!("mount={layer}"));
    assert_eq!(starts.len(), 2, "{:?}", registry.lines());
    assert_eq!(sent(&registry, &image), 1, "{:?}", registry.lines());
    assert_eq!(registry.blob("a", layer), None);
    assert_eq!(registry.manifest("a", "1"), None);
}

#[test]
fn with_rehash_a_damaged_blob_is_not_even_sent_whole() {
    let (image, barque) = (image(), Barque::new());
    // It takes whatever comes.
    let registry = FakeRegistry::start().rule(of_layer(&image).answer(Reply::new(201, "")));
    let out = pushing(&barque, &damaged(&image), &registry.docker("a:1"))
        .args(["--rehash"])
        .run()
        .code(4);
    assert!(
        out.stderr().contains("is corrupt: its content hashes to"),
        "{}",
        out.stderr()
    );
    assert_eq!(sent(&registry, &image), 0, "{:?}", registry.lines());
    assert_eq!(registry.manifest("a", "1"), None);
}

#[test]
fn a_registry_that_refuses_the_right_bytes_is_named() {
    let (image, barque) = (image(), Barque::new());
    let refusal = of_layer(&image).error(400, "DIGEST_INVALID", "provided digest did not match");
    let registry = FakeRegistry::start().rule(refusal);
    let out = pushing(&barque, &image, &registry.docker("a:1"))
        .run()
        .code(6);
    for part in [
        "writing the destination",
        "DIGEST_INVALID",
        "hint: the source has the right content",
    ] {
        assert!(out.stderr().contains(part), "{}", out.stderr());
    }
    assert_eq!(registry.manifest("a", "1"), None);
}

#[test]
fn a_registry_that_files_a_blob_under_another_digest_is_an_error() {
    let image = image();
    let other = sha256(b"something else").to_string();
    for (pushed, named) in [
        (image.clone(), "writing the destination"),
        (damaged(&image), "reading the source"),
    ] {
        for streamed in [false, true] {
            let reply = Reply::new(201, "").with("Docker-Content-Digest", &other);
            let registry = FakeRegistry::start();
            if streamed {
                let whole =
                    of_layer(&image).when(|head| head.header("content-length") != Some("0"));
                registry.add_rule(whole.error(413, "SIZE_INVALID", "too large"));
            }
            registry.add_rule(of_layer(&image).answer(reply));
            let out = pushing(&Barque::new(), &pushed, &registry.docker("a:1"))
                .run()
                .code(4);
            assert!(out.stderr().contains(named), "{}", out.stderr());
            assert_eq!(registry.manifest("a", "1"), None);
        }
    }
}

#[test]
fn a_digest_by_another_algorithm_is_no_other_content() {
    let (image, barque) = (image(), Barque::new());
    let other = format!("sha512:{}", "0".repeat(128));
    let named = of_layer(&image).header("Docker-Content-Digest", &other);
    let registry = FakeRegistry::start().rule(named);
    pushing(&barque, &image, &registry.docker("a:1")).run().ok();
    assert_eq!(
        registry.manifest("a", "1"),
        Some(image.manifest.clone()),
        "{:?}",
        registry.lines()
    );
}

#[test]
fn what_was_damaged_on_one_way_only_arrives_whole() {
    let image = image();
    let layer = format!("/v2/a/blobs/{}", image.layers()[0]);
    let from = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path_end(&layer).nth(1).flip_byte(1000));
    let to = FakeRegistry::start();
    Barque::new()
        .args(["copy", &from.docker("a:1"), &to.docker("a:1")])
        .run()
        .ok();
    assert_eq!(from.requests("GET", &layer).len(), 2);
    assert_eq!(sent(&to, &image), 2);
    let blob = to.blob("a", &image.layers()[0]);
    assert_eq!(blob.as_deref(), Some(image.layer(0)));
}

#[test]
fn chunks_of_a_damaged_blob_are_refused_too() {
    let (image, barque) = (image(), Barque::new());
    let whole = |head: &super::super::support::fake::Head| {
        head.header("content-length").is_some_and(|l| l != "0")
    };
    let registry = FakeRegistry::start().rule(on("PUT").path("/blobs/uploads/").when(whole).error(
        413,
        "SIZE_INVALID",
        "too large",
    ));
    let out = pushing(&barque, &damaged(&image), &registry.docker("a:1"))
        .run()
        .code(4);
    assert!(
        out.stderr().contains("reading the source: blob"),
        "{}",
        out.stderr()
    );
    assert_eq!(registry.blob("a", &image.layers()[0]), None);
    assert_eq!(registry.manifest("a", "1"), None);
}

#[test]
fn docker_registry_refuses_a_damaged_blob_from_each_local_place() {
    peers::needs!("docker-registry");
    let (image, registry) = (image(), DockerRegistry::open());
    let (barque, whole) = (Barque::new(), Barque::new());
    images::write_layout(&whole.path("in"), &[("1", &image)]);
    for (i, place) in ["dir:copy", "oci:copy:1"].into_iter().enumerate() {
        let copy = barque.path("copy");
        let _ = std::fs::remove_dir_all(&copy);
        let from = format!("oci:{}:1", whole.path("in").display());
        barque.args(["copy", &from, place]).run().ok();
        let hex = image.layers()[0].hex().to_owned();
        let file = match place.starts_with("dir:") {
            true => copy.join(hex),
            false => copy.join("blobs/sha256").join(hex),
        };
        std::fs::write(&file, damaged(&image).layer(0)).unwrap();
        let to = registry.docker(&format!("a:{i}"));
        let out = barque.args(["copy", place, &to]).run().code(4);
        assert!(
            out.stderr().contains(&format!("copying `{place}`"))
                && out.stderr().contains("reading the source: blob"),
            "{}",
            out.stderr()
        );
        let absent = barque.args(["inspect", "--raw", &to]).run();
        absent.code(2);
    }
}
