//! An index within an index: where an image for a platform is found, what is read for it, and what is copied.

use serde_json::{Value, json};

use crate::support::fake::FakeRegistry;
use crate::support::harbour::spied;
use crate::support::images::{Dialect, Maker, TestImage, media};
use crate::support::peers::{self, DockerRegistry};
use crate::support::{Barque, images};

fn image(architecture: &str, variant: &str) -> TestImage {
    let maker = Maker::new(Dialect::Oci).platform("linux", architecture, variant);
    let text = format!("{architecture}{variant}");
    maker.file_layer("etc/platform", text).make()
}

/// An index with these entries, each with its platform (`os/architecture/variant`) or none.
fn nest(children: &[(&TestImage, &str)]) -> TestImage {
    let entry = |(child, platform): &(&TestImage, &str)| {
        let mut entry = json!({
            "mediaType": child.media_type, "digest": child.digest, "size": child.manifest.len(),
        });
        let parts: Vec<_> = platform.split('/').collect();
        if let [os, architecture, variant] = parts[..] {
            entry["platform"] =
                json!({ "os": os, "architecture": architecture, "variant": variant });
        }
        entry
    };
    let entries: Vec<Value> = children.iter().map(entry).collect();
    let body = json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": entries });
    TestImage {
        children: children.iter().map(|(child, _)| (*child).clone()).collect(),
        ..TestImage::raw(media::OCI_INDEX, body.to_string())
    }
}

/// `[[amd64, arm64], [s390x], arm/v7]`, and the images in this order.
fn nested() -> (TestImage, [TestImage; 4]) {
    let images = [
        image("amd64", ""),
        image("arm64", "v8"),
        image("s390x", ""),
        image("arm", "v7"),
    ];
    let first = nest(&[(&images[0], "linux/amd64/"), (&images[1], "linux/arm64/v8")]);
    let second = nest(&[(&images[2], "linux/s390x/")]);
    let top = nest(&[(&first, ""), (&second, ""), (&images[3], "linux/arm/v7")]);
    (top, images)
}

#[test]
fn an_image_is_found_below_and_no_more_is_read_than_needed() {
    let (top, images) = nested();
    let registry = FakeRegistry::start().image("a", "1", &top);
    let name = registry.docker("a:1");
    let shown = |platform: &str| {
        registry.clear();
        let barque = Barque::new();
        let args = ["inspect", "-n", "--platform", platform, "-f"];
        let out = spied(
            barque
                .args(args)
                .args(["{{.Architecture}} {{.Layers}}", &name]),
        )
        .ok();
        let read = registry.requests("GET", "/manifests/").len();
        (out.stdout().trim().to_owned(), read)
    };
    let wanted = |image: &TestImage, architecture: &str, read: usize| {
        let layer = image.layers()[0].to_string();
        (format!("{architecture} [{layer}]"), read)
    };
    assert_eq!(shown("linux/arm/v7"), wanted(&images[3], "arm", 2));
    assert_eq!(shown("linux/amd64"), wanted(&images[0], "amd64", 3));
    assert_eq!(shown("linux/arm64"), wanted(&images[1], "arm64", 3));
    assert_eq!(shown("linux/s390x"), wanted(&images[2], "s390x", 4));

    registry.clear();
    let barque = Barque::new();
    for command in [
        &["inspect", "--platform=linux/riscv64", &name][..],
        &["layers", "--platform=linux/riscv64", &name],
        &["copy", "--platform=linux/riscv64", &name, "oci:x:1"],
    ] {
        let out = spied(barque.args(command)).code(2);
        let list = "it has linux/arm/v7, linux/amd64, linux/arm64/v8, linux/s390x";
        assert!(out.stderr().contains(list), "{}", out.stderr());
    }
}

#[test]
fn what_names_another_platform_is_not_entered() {
    let (inner, decoy) = (image("amd64", ""), image("arm64", "v8"));
    let other = nest(&[(&decoy, "")]);
    let fitting = nest(&[(&inner, "linux/amd64/")]);
    let top = nest(&[(&other, "linux/arm64/v8"), (&fitting, "linux/amd64/")]);
    let registry = FakeRegistry::start().image("a", "1", &top);
    let barque = Barque::new();
    let args = ["inspect", "-n", "--platform=linux/amd64", "-f={{.Layers}}"];
    let out = spied(barque.args(args).args([registry.docker("a:1")])).ok();
    assert_eq!(out.stdout().trim(), format!("[{}]", inner.layers()[0]));
    assert_eq!(registry.requests("GET", "/manifests/").len(), 3);
}

#[test]
fn indexes_within_indexes_are_read_within_bounds() {
    let mut deep = image("amd64", "");
    for _ in 0..12 {
        deep = nest(&[(&deep, "")]);
    }
    let leaf = |i: usize| {
        nest(&[(
            &image("arm64", &format!("v{i}")),
            &format!("linux/arm64/v{i}"),
        )])
    };
    let many: Vec<TestImage> = (0..70).map(leaf).collect();
    let entries: Vec<_> = many.iter().map(|i| (i, "")).collect();
    let wide = nest(&entries);
    // The same index in two places is read once.
    let twice = nest(&[(&many[0], ""), (&many[0], "")]);
    // Images that are said to be indexes.
    let lies: Vec<TestImage> = (0..70).map(|i| image("arm64", &format!("v{i}"))).collect();
    let entries: Vec<_> = lies
        .iter()
        .map(|i| {
            let size = i.manifest.len();
            json!({ "mediaType": media::OCI_INDEX, "digest": i.digest, "size": size })
        })
        .collect();
    let body = json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": entries });
    let lying = TestImage {
        children: lies,
        ..TestImage::raw(media::OCI_INDEX, body.to_string())
    };
    let registry = FakeRegistry::start()
        .image("a", "lying", &lying)
        .image("a", "deep", &deep)
        .image("a", "wide", &wide)
        .image("a", "twice", &twice);
    for (tag, code, said, reads) in [
        ("deep", 4, "nested more than 8 deep", 9),
        ("wide", 4, "holds more than 64 others", 65),
        ("lying", 4, "holds more than 64 others", 65),
        ("twice", 2, "it has linux/arm64/v0", 2),
    ] {
        registry.clear();
        let barque = Barque::new();
        let args = ["inspect", "-n", "--platform=linux/amd64"];
        let out = spied(
            barque
                .args(args)
                .args([registry.docker(&format!("a:{tag}"))]),
        )
        .code(code);
        assert!(out.stderr().contains(said), "{}", out.stderr());
        assert_eq!(
            registry.requests("GET", "/manifests/").len(),
            reads,
            "{tag}"
        );
    }
}

/// The manifest `digest` of a layout.
fn manifest(layout: &std::path::Path, digest: &Value) -> Value {
    let digest = digest.as_str().unwrap().trim_start_matches("sha256:");
    let path = layout.join("blobs/sha256").join(digest);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn one_image_and_a_part_are_copied_from_below() {
    let (top, images) = nested();
    let registry = FakeRegistry::start().image("a", "1", &top);
    let barque = Barque::new();
    let copy = |args: &[&str]| {
        let from = registry.docker("a:1");
        spied(
            barque
                .args(["copy", "-q"])
                .args(args)
                .args([&from, "oci:out:x"]),
        )
        .ok();
        let index = super::index_of(&barque.path("out"));
        let digest = index["manifests"][0]["digest"].clone();
        let manifest = manifest(&barque.path("out"), &digest);
        std::fs::remove_dir_all(barque.path("out")).unwrap();
        (digest, manifest)
    };
    let sources = |value: &Value| -> Vec<Value> {
        let entries = value["manifests"].as_array().unwrap();
        entries.iter().map(|e| e["digest"].clone()).collect()
    };
    registry.clear();
    let (digest, _) = copy(&["--override-arch=arm64"]);
    assert_eq!(digest, json!(images[1].digest));
    assert_eq!(registry.requests("GET", "/manifests/").len(), 3);
    let (digest, _) = copy(&["--platform=linux/s390x"]);
    assert_eq!(digest, json!(images[2].digest));

    // Where the outermost index has something for each pattern, nothing is looked for below.
    registry.clear();
    let (_, cut) = copy(&["--platform=linux/arm/*"]);
    assert_eq!(sources(&cut), [json!(images[3].digest)]);
    assert_eq!(registry.requests("GET", "/manifests/").len(), 2);
    // What stays whole keeps its digest.
    let (_, cut) = copy(&["--platform=linux/s390x", "--platform=linux/arm/v7"]);
    let second = &top.children[1].digest;
    assert_eq!(sources(&cut), [json!(second), json!(images[3].digest)]);
    let (digest, same) = copy(&["--platform=linux/arm64", "--sparse"]);
    assert_eq!(digest, json!(top.digest));
    assert_eq!(same, top.json());
    // What is cut is written anew, and what lists it too.
    let from = registry.docker("a:1");
    let args = [
        "copy",
        "-q",
        "--platform=linux/arm64/*",
        &from,
        "oci:part:x",
    ];
    spied(barque.args(args)).ok();
    let part = barque.path("part");
    let outer = manifest(&part, &super::index_of(&part)["manifests"][0]["digest"]);
    let [inner] = &sources(&outer)[..] else {
        panic!("{outer}");
    };
    assert_eq!(sources(&manifest(&part, inner)), [json!(images[1].digest)]);
}

#[test]
fn a_part_from_below_is_pushed_and_found_up_to_date() {
    peers::needs!("docker-registry", "skopeo");
    let (top, images) = nested();
    let registry = DockerRegistry::open();
    let barque = Barque::new();
    images::write_layout(&barque.path("layout"), &[("x", &top)]);
    let run = |from: &str, to: &str, code: i32| {
        let to = registry.docker(to);
        let args = ["copy", "--platform=linux/arm64/*", from, &to];
        spied(barque.args(args)).code(code).stdout().to_owned()
    };
    run("oci:layout:x", "a:1", 0);
    let mark = registry.mark();
    run("oci:layout:x", "a:1", 0);
    let log = registry.since(mark);
    assert_eq!(
        log.count("PUT", "") + log.count("POST", ""),
        0,
        "{:?}",
        log.lines()
    );
    // Within one repository too, where the index that was cut is all that has to be written.
    spied(barque.args([
        "copy",
        "-q",
        "--all",
        "oci:layout:x",
        &registry.docker("b:1"),
    ]))
    .ok();
    run(&registry.docker("b:1"), "b:2", 0);
    let args = ["copy", "-q", "--all", &registry.docker("b:2"), "oci:back:x"];
    spied(barque.args(args)).ok();
    let args = ["inspect", "-n", "--platform=linux/arm64", "-f={{.Layers}}"];
    for name in ["a:1", "b:2"] {
        let out = spied(barque.args(args).args([registry.docker(name)])).ok();
        assert_eq!(out.stdout().trim(), format!("[{}]", images[1].layers()[0]));
        let none = ["inspect", "-n", "--platform=linux/amd64"];
        let out = spied(barque.args(none).args([registry.docker(name)])).code(2);
        assert!(
            out.stderr().contains("it has linux/arm64/v8"),
            "{}",
            out.stderr()
        );
    }
}

#[test]
fn a_list_of_docker_holds_no_index() {
    let (top, _) = nested();
    let barque = Barque::new();
    images::write_layout(&barque.path("l"), &[("1", &top)]);
    let args = ["copy", "--all", "--format=v2s2", "oci:l:1", "dir:d"];
    let refused = barque.args(args).run().code(6);
    let says = "docker's manifest lists hold images only";
    assert!(refused.stderr().contains(says), "{}", refused.stderr());
}
