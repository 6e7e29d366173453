//! `tarball:`: tar files as the layers of an image.

use std::fs::{self, File};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::support::Barque;
use crate::support::images::{LayerTar, gzip, sha256, zstd};
use crate::support::peers;

/// `base.tar`, `top.tar.gz` and `top.tar.zst` in the directory of a sandbox, with times that have all digits or none.
fn files() -> (Barque, [Vec<u8>; 2]) {
    let barque = Barque::new();
    let base = LayerTar::new().file("a", "below").file("b", "b").finish();
    let top = LayerTar::new().file("a", "above").finish();
    for (name, content, seconds, nanos) in [
        ("base.tar", &base, 1_577_934_245, 123_456_000),
        ("top.tar.gz", &gzip(&top), 1_620_284_889, 0),
        ("top.tar.zst", &zstd(&top), 1_620_284_889, 0),
    ] {
        fs::write(barque.path(name), content).unwrap();
        let file = File::options().write(true).open(barque.path(name)).unwrap();
        let time = UNIX_EPOCH + Duration::new(seconds, nanos);
        file.set_modified(time).unwrap();
    }
    (barque, [base, top])
}

fn json(barque: &Barque, args: &[&str], name: &str) -> Value {
    let args = ["inspect"].iter().chain(args).chain([&name]);
    barque.args(args).run().ok().json()
}

#[test]
fn config_and_manifest_are_those_of_skopeo() {
    peers::needs!("skopeo");
    let (barque, _) = files();
    let skopeo = peers::skopeo().env("TZ", "UTC");
    let at = |name: &str| barque.path(name).display().to_string();
    for name in [
        format!("tarball:{}", at("base.tar")),
        format!("tarball:{}:{}", at("base.tar"), at("top.tar.gz")),
        format!("tarball:{}:{}", at("top.tar.gz"), at("top.tar.gz")),
    ] {
        let config = ["inspect", "--config", "--raw", &name];
        let theirs = skopeo.args(config).run().ok();
        let ours = barque.args(config).run().ok();
        assert_eq!(ours.stdout(), theirs.stdout(), "{name}");
        let raw = ["inspect", "--raw", &name];
        let (mut ours, mut theirs) = (
            barque.args(raw).run().ok().json(),
            skopeo.args(raw).run().ok().json(),
        );
        for manifest in [&mut ours, &mut theirs] {
            // skopeo writes it since 1.15.
            manifest.as_object_mut().unwrap().shift_remove("mediaType");
        }
        assert_eq!(ours.to_string(), theirs.to_string(), "{name}");
    }
}

#[test]
fn each_file_is_a_layer_as_it_is() {
    let (barque, [base, top]) = files();
    let name = "tarball:base.tar:top.tar.zst";
    let layers = &json(&barque, &["--raw"], name)["layers"];
    let types = ["", "+zstd"].map(|end| format!("application/vnd.oci.image.layer.v1.tar{end}"));
    assert_eq!(layers[0]["mediaType"], types[0]);
    assert_eq!(layers[1]["mediaType"], types[1]);
    let config = json(&barque, &["--config"], name);
    let diff_ids = [sha256(&base), sha256(&top)].map(|digest| digest.to_string());
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!(diff_ids));
    assert_eq!(config["created"], "2021-05-06T07:08:09Z");
    barque
        .args(["copy", "-q", name, "oci:layout:v1"])
        .run()
        .ok();
    barque
        .args(["verify-copy", "--deep", name, "oci:layout:v1"])
        .run()
        .ok();
    for (file, content) in [("a", "above"), ("b", "b")] {
        for image in [name, "oci:layout:v1"] {
            let out = barque.args(["cat", image, file]).run().ok();
            assert_eq!(out.stdout(), content);
        }
    }
    let out = barque.args(["cat", "tarball:-", "b"]).stdin(&base);
    assert_eq!(out.run().ok().stdout(), "b");
    assert_eq!(fs::read_dir(barque.tmp()).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_no_layer_is_named() {
    let (barque, [base, _]) = files();
    fs::write(barque.path("cut.tar.gz"), &gzip(&base)[..60]).unwrap();
    fs::write(barque.path("text"), "not a tar").unwrap();
    for (name, code, says) in [
        ("tarball:nowhere", 2, "cannot read `nowhere`"),
        ("tarball:.", 2, "`.` is a directory, not a tar"),
        ("tarball:text", 4, "`text` is not a tar archive"),
        (
            "tarball:cut.tar.gz",
            4,
            "reading `cut.tar.gz`: the gzip data ends too early",
        ),
        ("tarball:base.tar:", 1, "names no file"),
    ] {
        let out = barque.args(["inspect", name]).run().code(code);
        assert!(out.stderr().contains(says), "{name}: {}", out.stderr());
    }
    let append = [
        "edit",
        "tarball:base.tar",
        "oci:d:1",
        "--append",
        "cut.tar.gz",
    ];
    let out = barque.args(append).run().code(4);
    assert!(
        out.stderr().contains("reading `cut.tar.gz`"),
        "{}",
        out.stderr()
    );
    let out = barque
        .args(["copy", "tarball:base.tar", "tarball:new.tar"])
        .run()
        .code(6);
    assert!(
        out.stderr().contains("is only for reading"),
        "{}",
        out.stderr()
    );
    let out = barque.args(["tags", "tarball:base.tar"]).run().code(1);
    assert!(out.stderr().contains("has no tags"), "{}", out.stderr());
}

#[test]
fn a_tar_without_members_is_a_layer() {
    let (barque, [base, _]) = files();
    let empty = LayerTar::new().finish();
    fs::write(barque.path("empty.tar"), &empty).unwrap();
    let config = json(&barque, &["--config"], "tarball:base.tar:empty.tar");
    let diff_ids = [sha256(&base), sha256(&empty)].map(|digest| digest.to_string());
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!(diff_ids));
    let append = [
        "edit",
        "tarball:base.tar",
        "oci:d:1",
        "--append",
        "empty.tar",
    ];
    barque.args(append).run().ok();
    // A file without any bytes is what a program leaves that failed.
    fs::write(barque.path("nothing.tar"), "").unwrap();
    barque
        .args(["inspect", "tarball:nothing.tar"])
        .run()
        .code(4);
}
