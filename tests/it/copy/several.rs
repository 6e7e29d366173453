//! `--also-to`: the source is read once for all destinations, and one that fails does not stop the others.

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, Dialect, Maker, TestImage, noise};

/// An image with a layer that is larger than what the copies buffer.
fn large() -> TestImage {
    Maker::new(Dialect::Oci)
        .file_layer("data/large", noise(5, 6 << 20))
        .file_layer("data/small", noise(6, 50_000))
        .make()
}

/// Each blob of `image` was asked for once, and so was its manifest.
fn read_once(source: &FakeRegistry, image: &TestImage) {
    for digest in image.blobs.keys() {
        let gets = source.requests("GET", &format!("/blobs/{digest}"));
        assert_eq!(gets.len(), 1, "{digest}: {:?}", source.lines());
    }
    assert_eq!(
        source.requests("", "/manifests/").len(),
        1,
        "{:?}",
        source.lines()
    );
}

fn has_all(target: &FakeRegistry, repository: &str, image: &TestImage) {
    assert_eq!(
        target.manifest(repository, "1").as_ref(),
        Some(&image.manifest)
    );
    for (digest, bytes) in &image.blobs {
        assert!(
            target.blob(repository, digest).as_ref() == Some(bytes),
            "{digest}"
        );
    }
}

#[test]
fn a_source_is_read_once_for_all_destinations() {
    let barque = Barque::new();
    let image = large();
    let source = FakeRegistry::start().image("a", "1", &image);
    let (one, two) = (FakeRegistry::start(), FakeRegistry::start());
    let copy = barque.args(["copy", &source.docker("a:1"), &one.docker("b:1")]);
    let copy = copy.args(["--also-to", "oci:out:1", "--also-to", &two.docker("c:1")]);
    let out = copy.args(["--also-to", "dir:flat"]).run().ok();
    read_once(&source, &image);
    has_all(&one, "b", &image);
    has_all(&two, "c", &image);
    let pinned: Vec<_> = out.stdout().lines().map(str::to_owned).collect();
    let digest = &image.digest;
    let names = [
        one.docker("b:1"),
        "oci:out:1".into(),
        two.docker("c:1"),
        "dir:flat".into(),
    ];
    assert_eq!(pinned, names.map(|name| format!("{name}@{digest}")));
    for here in ["oci:out:1", "dir:flat"] {
        let deep = barque.args(["verify-copy", "--deep", &source.docker("a:1"), here]);
        deep.run().ok();
    }
}

#[test]
fn a_destination_that_has_some_of_it_is_not_waited_for() {
    let barque = Barque::new();
    let image = large();
    let source = FakeRegistry::start().image("a", "1", &image);
    // One has all of the image, and one the large layer, which it tells only when it is asked.
    let whole = FakeRegistry::start().image("b", "1", &image);
    let part = FakeRegistry::start();
    let layer = TestImage {
        blobs: [(image.layers()[0].clone(), image.layer(0).to_vec())].into(),
        ..images::artifact()
    };
    let part = part.image("b", "other", &layer);
    let copy = barque.args(["copy", &source.docker("a:1"), &whole.docker("b:1")]);
    let copy = copy.args(["--also-to", &part.docker("b:1"), "--also-to", "oci:out:1"]);
    let out = copy.run().ok();
    assert!(out.stderr().contains("is up to date"), "{}", out.stderr());
    read_once(&source, &image);
    has_all(&part, "b", &image);
    assert_eq!(whole.requests("PUT", "").len(), 0);
}

#[test]
fn a_destination_that_fails_does_not_stop_the_others() {
    let barque = Barque::new();
    let image = large();
    let source = FakeRegistry::start().image("a", "1", &image);
    let good = FakeRegistry::start();
    let denied = FakeRegistry::start().rule(on("POST").path("/uploads/").error(
        403,
        "DENIED",
        "read-only",
    ));
    let broken = FakeRegistry::start().rule(on("PATCH").rst_request_after(100_000));
    let broken = broken.rule(on("PUT").path("/uploads/").rst_request_after(100_000));
    let copy = barque.args(["copy", &source.docker("a:1"), &denied.docker("b:1")]);
    let copy = copy.args([
        "--also-to",
        &broken.docker("b:1"),
        "--also-to",
        &good.docker("b:1"),
    ]);
    let out = copy.args(["--digestfile", "digest"]).run().code(5);
    has_all(&good, "b", &image);
    let expected = format!("{}@{}\n", good.docker("b:1"), image.digest);
    assert_eq!(out.stdout(), expected);
    for part in ["read-only", &denied.docker("b:1"), &broken.docker("b:1")] {
        assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
    }
    let digest = std::fs::read_to_string(barque.path("digest")).unwrap();
    assert_eq!(digest, image.digest.to_string());
    assert_eq!(denied.manifest("b", "1"), None);
}

#[test]
fn a_source_with_wrong_bytes_harms_no_destination() {
    let barque = Barque::new();
    let image = large();
    let layer = format!("/blobs/{}", image.layers()[0]);
    let source = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path(&layer).flip_byte(3_000_000));
    let copy = barque.args([
        "copy",
        &source.docker("a:1"),
        "oci:out:1",
        "--also-to",
        "dir:flat",
    ]);
    let out = copy.run().code(4);
    assert_eq!(
        out.stderr().matches("reading the source").count(),
        2,
        "{}",
        out.stderr()
    );
    for (here, code) in [("oci:out:1", 2), ("dir:flat", 2)] {
        barque.args(["inspect", "--raw", here]).run().code(code);
    }
}

#[test]
fn what_belongs_to_an_image_goes_to_each_destination() {
    let barque = Barque::new();
    let image = images::small();
    let mut body = images::artifact().json();
    body["subject"] = serde_json::json!({
        "mediaType": image.media_type, "digest": image.digest, "size": image.manifest.len(),
    });
    let referrer = TestImage {
        blobs: images::artifact().blobs,
        ..TestImage::raw(images::media::OCI_MANIFEST, body.to_string())
    };
    let source = FakeRegistry::start()
        .image("a", "1", &image)
        .image("a", "r", &referrer);
    let (one, two) = (
        FakeRegistry::start(),
        FakeRegistry::start().without_referrers(),
    );
    let copy = barque.args([
        "copy",
        "--referrers",
        "all",
        &source.docker("a:1"),
        &one.docker("b:1"),
    ]);
    copy.args(["--also-to", &two.docker("b:1")]).run().ok();
    for target in [&one, &two] {
        let there = target.manifest_by_digest("b", &referrer.digest.to_string());
        assert_eq!(there.as_ref(), Some(&referrer.manifest));
    }
    for digest in referrer.blobs.keys() {
        let gets = source.requests("GET", &format!("/blobs/{digest}"));
        assert_eq!(gets.len(), 1, "{digest}");
    }

    let twice = barque.args([
        "copy",
        &source.docker("a:1"),
        "oci:x:1",
        "--also-to",
        "oci:x:1",
    ]);
    assert!(twice.run().code(1).stderr().contains("is given twice"));
    let from = source.docker("a:1");
    let dry = barque.args([
        "copy",
        "--dry-run",
        "--json",
        &from,
        "oci:x:1",
        "--also-to",
        "dir:y",
    ]);
    let plans = dry.run().ok();
    let plans = serde_json::Deserializer::from_str(plans.stdout()).into_iter::<serde_json::Value>();
    assert_eq!(plans.map(Result::unwrap).count(), 2);
    assert!(!barque.path("x").exists() && !barque.path("y").exists());
}
