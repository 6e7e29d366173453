//! What `index.json` lists: names in their forms, platforms that are one image, images that are only partly there.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::run;
use crate::support::Barque;
use crate::support::images::{self, Dialect, Maker, TestImage};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const IMAGE_NAME: &str = "io.containerd.image.name";

fn index_of(layout: &Path) -> Value {
    serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap()
}

fn write_index(layout: &Path, entries: &Value) {
    let index = json!({"schemaVersion": 2, "manifests": entries});
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
}

fn entry(image: &TestImage) -> Value {
    json!({"mediaType": image.media_type, "digest": image.digest, "size": image.manifest.len()})
}

/// Packs the layout `name` of the sandbox as `name.tar`.
fn pack(barque: &Barque, name: &str) {
    let (layout, file) = (barque.path(name), barque.path(format!("{name}.tar")));
    let (layout, file) = (layout.to_str().unwrap(), file.to_str().unwrap());
    run("tar", &["-C", layout, "-cf", file, "."]);
}

fn digest_of(barque: &Barque, name: &str) -> String {
    let args = ["inspect", "-f", "{{.Digest}}", name];
    barque.args(args).run().ok().stdout().trim().to_owned()
}

#[test]
fn every_line_of_tags_names_one_image_of_docker_save() {
    let barque = Barque::new();
    let (alpine, busybox) = (images::small(), images::two_layers());
    images::write_layout(
        &barque.path("save"),
        &[("latest", &alpine), ("latest", &busybox)],
    );
    let mut index = index_of(&barque.path("save"));
    for (place, name) in ["alpine", "busybox"].into_iter().enumerate() {
        let full = format!("docker.io/library/{name}:latest");
        index["manifests"][place]["annotations"][IMAGE_NAME] = json!(full);
    }
    write_index(&barque.path("save"), &index["manifests"]);
    pack(&barque, "save");
    for place in ["oci:save", "oci-archive:save.tar"] {
        let tags = barque.args(["tags", "--plain", place]).run().ok();
        let names: Vec<&str> = tags.stdout().lines().collect();
        let expected = [
            "docker.io/library/alpine:latest",
            "docker.io/library/busybox:latest",
        ];
        assert_eq!(names, expected);
        for (name, image) in names.iter().zip([&alpine, &busybox]) {
            assert_eq!(
                digest_of(&barque, &format!("{place}:{name}")),
                image.digest.to_string()
            );
        }
        for short in ["busybox", "busybox:latest"] {
            let digest = digest_of(&barque, &format!("{place}:{short}"));
            assert_eq!(digest, busybox.digest.to_string(), "{short}");
        }
        let ambiguous = barque
            .args(["inspect", &format!("{place}:latest")])
            .run()
            .code(1);
        for name in expected {
            assert!(ambiguous.stderr().contains(name), "{}", ambiguous.stderr());
        }
    }
    // Without full names the places remain.
    images::write_layout(
        &barque.path("bare"),
        &[("latest", &alpine), ("latest", &busybox)],
    );
    let tags = barque.args(["tags", "--plain", "oci:bare"]).run().ok();
    assert_eq!(tags.stdout(), "@0\n@1\n");
    assert_eq!(
        digest_of(&barque, "oci:bare:@1"),
        busybox.digest.to_string()
    );
}

/// Writes the platforms of `image` as entries of the layout, named `name`, with their platforms.
fn write_flat(barque: &Barque, layout: &str, image: &TestImage, name: Option<&str>) -> Value {
    images::write_layout(&barque.path(layout), &[("x", image)]);
    let mut entries = image.json()["manifests"].clone();
    for entry in entries.as_array_mut().unwrap() {
        if let Some(name) = name {
            entry["annotations"] = json!({ REF_NAME: name });
        }
    }
    write_index(&barque.path(layout), &entries);
    pack(barque, layout);
    entries
}

#[test]
fn platforms_in_the_index_of_a_layout_are_one_image() {
    let barque = Barque::new();
    let image = images::five_platforms();
    for (layout, name, suffix) in [("bare", None, ""), ("named", Some("app"), ":app")] {
        write_flat(&barque, layout, &image, name);
        let index = fs::read(barque.path(layout).join("index.json")).unwrap();
        for place in [
            format!("oci:{layout}{suffix}"),
            format!("oci-archive:{layout}.tar{suffix}"),
        ] {
            let raw = barque.args(["inspect", "--raw", &place]).run().ok();
            assert_eq!(raw.stdout_bytes(), index, "{place}");
            let arm = [
                "inspect",
                "--platform",
                "linux/arm64",
                "-f",
                "{{.Architecture}}",
                &place,
            ];
            assert_eq!(barque.args(arm).run().ok().stdout(), "arm64\n");
            let list = ["layers", "--list", "--platform", "linux/s390x", &place];
            let list = barque.args(list).run().ok();
            let wanted = image.children[4].layers();
            assert!(
                wanted
                    .iter()
                    .all(|d| list.stdout().contains(&d.to_string()))
            );

            let to = format!("dir:{}", place.replace([':', '.'], "-"));
            let all = barque.args(["copy", "--all", &place, &to]).run().ok();
            assert!(all.stdout().contains(&images::sha256(&index).to_string()));
            let directory = barque.path(to.strip_prefix("dir:").unwrap());
            assert_eq!(fs::read(directory.join("manifest.json")).unwrap(), index);
            for child in &image.children {
                let child_name = format!("{}.manifest.json", child.digest.hex());
                assert_eq!(
                    fs::read(directory.join(child_name)).unwrap(),
                    child.manifest
                );
            }
            let one = ["copy", "--platform", "linux/arm64", &place, "oci:one:1"];
            let one = barque.args(one).run().ok();
            assert_eq!(
                one.stdout(),
                format!("oci:one:1@{}\n", image.children[1].digest)
            );
        }
    }
    let tags = barque.args(["tags", "--plain", "oci:named"]).run().ok();
    assert_eq!(tags.stdout(), "app\n");
    barque.args(["delete", "oci:named:app"]).run().ok();
    assert_eq!(index_of(&barque.path("named"))["manifests"], json!([]));
    let blobs = barque.path("named/blobs/sha256");
    // What `write_layout` put there besides: the index that no entry names.
    assert_eq!(fs::read_dir(blobs).unwrap().count(), 1);
}

#[test]
fn platforms_of_one_name_are_read_from_their_configs_and_other_images_stay_apart() {
    let barque = Barque::new();
    let image = images::five_platforms();
    let mut entries = write_flat(&barque, "flat", &image, Some("app"));
    for entry in entries.as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().remove("platform");
    }
    let other = images::small();
    images::write_layout(&barque.path("flat"), &[("other", &other)]);
    let mut with_other = entry(&other);
    with_other["annotations"] = json!({ REF_NAME: "other" });
    let mut all = entries.as_array().unwrap().clone();
    all.push(with_other);
    write_index(&barque.path("flat"), &json!(all));

    let raw = barque.args(["inspect", "--raw", "oci:flat:app"]).run().ok();
    let listed = raw.json()["manifests"].as_array().unwrap().len();
    assert_eq!(listed, 5, "{}", raw.stdout());
    assert_eq!(
        raw.json()["manifests"][1]["platform"]["architecture"],
        "arm64"
    );
    assert_eq!(raw.json()["manifests"][1].get("annotations"), None);
    let again = barque.args(["inspect", "--raw", "oci:flat:app"]).run().ok();
    assert_eq!(again.stdout(), raw.stdout());
    assert_eq!(
        digest_of(&barque, "oci:flat:other"),
        other.digest.to_string()
    );
    let tags = barque.args(["tags", "--plain", "oci:flat"]).run().ok();
    assert_eq!(tags.stdout(), "app\nother\n");

    // Nameless images without a platform may be of anything.
    let (one, two) = (
        images::small(),
        Maker::new(Dialect::Oci).platform("linux", "arm64", ""),
    );
    let two = two.file_layer("a", "a").make();
    images::write_layout(&barque.path("apart"), &[("1", &one), ("2", &two)]);
    write_index(&barque.path("apart"), &json!([entry(&one), entry(&two)]));
    let refused = barque.args(["inspect", "oci:apart"]).run().code(1);
    assert!(
        refused.stderr().contains("holds 2 images"),
        "{}",
        refused.stderr()
    );
}

/// Removes the blob `digest` of a layout.
fn remove(barque: &Barque, layout: &str, digest: &barque::image::Digest) {
    fs::remove_file(barque.path(layout).join("blobs/sha256").join(digest.hex())).unwrap();
}

#[test]
fn what_is_there_of_an_index_is_copied_on_request() {
    let barque = Barque::new();
    let image = images::five_platforms();
    images::write_layout(&barque.path("part"), &[("1", &image)]);
    // One image without its manifest, one without its layer, one without its config.
    remove(&barque, "part", &image.children[1].digest);
    remove(&barque, "part", &image.children[2].layers()[1]);
    remove(&barque, "part", &image.children[3].config());
    pack(&barque, "part");
    barque
        .args(["copy", "--all", "oci:part:1", "dir:whole"])
        .run()
        .code(2);
    for (at, place) in ["oci:part:1", "oci-archive:part.tar:1", "dir:dir"]
        .into_iter()
        .enumerate()
    {
        let args = ["copy", "--all", place, "dir:none"];
        let refused = barque.args(args).run().code(2);
        assert!(
            refused.stderr().contains("--all --sparse"),
            "{}",
            refused.stderr()
        );
        let to = if at == 0 {
            "dir:dir".to_owned()
        } else {
            format!("dir:out{at}")
        };
        let copied = barque
            .args(["copy", "--all", "--sparse", place, &to])
            .run()
            .ok();
        assert!(
            copied.stdout().contains(&image.digest.to_string()),
            "{}",
            copied.stdout()
        );
        let lines: Vec<&str> = copied
            .stderr()
            .lines()
            .filter(|l| l.contains("left out"))
            .collect();
        let [line] = lines[..] else {
            panic!("{}", copied.stderr());
        };
        assert!(line.contains("3 images"), "{line}");
        for platform in ["linux/arm64/v8", "linux/arm/v7", "linux/ppc64le"] {
            assert!(line.contains(platform), "{line}");
        }
        let directory = barque.path(to.strip_prefix("dir:").unwrap());
        assert_eq!(
            fs::read(directory.join("manifest.json")).unwrap(),
            image.manifest
        );
        let children = crate::support::sandbox::names(&directory);
        let children = children
            .iter()
            .filter(|n| n.ends_with(".manifest.json"))
            .count();
        assert_eq!(children, 2);
    }
    for child in &image.children {
        let manifest = barque.path("part/blobs/sha256").join(child.digest.hex());
        let _ = fs::remove_file(manifest);
    }
    let none = barque
        .args(["copy", "--all", "--sparse", "oci:part:1", "dir:n"])
        .run()
        .code(2);
    assert!(
        none.stderr().contains("no image of the index is there"),
        "{}",
        none.stderr()
    );
    assert!(!barque.path("n").exists());
}

#[test]
fn a_registry_may_have_a_part_of_an_index() {
    let barque = Barque::new();
    let image = images::five_platforms();
    let registry = crate::support::fake::FakeRegistry::start()
        .image("a", "1", &image)
        .rule(
            crate::support::fake::on("GET")
                .path(&image.children[1].digest.to_string())
                .error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        );
    let source = registry.docker("a:1");
    let refused = barque
        .args(["copy", "--all", &source, "oci:out:1"])
        .run()
        .code(2);
    assert!(
        refused.stderr().contains("--all --sparse"),
        "{}",
        refused.stderr()
    );
    let args = ["copy", "--all", "--sparse", &source, "oci:out:1"];
    let copied = barque.args(args).run().ok();
    assert!(
        copied.stderr().contains("linux/arm64/v8"),
        "{}",
        copied.stderr()
    );
    assert_eq!(copied.stdout(), format!("oci:out:1@{}\n", image.digest));
}

#[test]
fn annotations_and_platform_of_an_entry_survive() {
    let barque = Barque::new();
    let image = images::small();
    images::write_layout(&barque.path("from"), &[("old", &image)]);
    let mut described = entry(&image);
    described["annotations"] = json!({
        "org.example.team": "harbour",
        REF_NAME: "old",
        IMAGE_NAME: "docker.io/library/old:1",
    });
    described["platform"] = json!({"architecture": "amd64", "os": "linux", "os.version": "7"});
    write_index(&barque.path("from"), &json!([described]));
    for args in [
        ["copy", "oci:from:old", "oci:to:new"],
        ["copy", "oci:from:old", "oci-archive:to.tar:new"],
        ["copy", "oci-archive:to.tar:new", "oci:back:new"],
        ["copy", "oci:from:old", "oci:bare"],
    ] {
        barque.args(args).run().ok();
    }
    for (layout, name) in [("to", Some("new")), ("back", Some("new")), ("bare", None)] {
        let entry = index_of(&barque.path(layout))["manifests"][0].clone();
        assert_eq!(
            entry["annotations"]["org.example.team"], "harbour",
            "{layout}"
        );
        assert_eq!(
            entry["annotations"].get(REF_NAME),
            name.map(|n| json!(n)).as_ref()
        );
        assert_eq!(entry["annotations"].get(IMAGE_NAME), None, "{layout}");
        assert_eq!(entry["platform"], described["platform"], "{layout}");
    }
}

#[test]
fn a_path_behind_two_slashes_is_refused() {
    let barque = Barque::new();
    images::write_layout(&barque.path("a"), &[("1", &images::small())]);
    let refused = barque.args(["inspect", "oci://a:1"]).run().code(1);
    assert!(
        refused.stderr().contains("write `oci:a:1`"),
        "{}",
        refused.stderr()
    );
    barque.args(["inspect", "oci:a:1"]).run().ok();
    let absolute = format!("oci://{}:1", barque.path("a").display());
    barque.args(["inspect", &absolute]).run().ok();
}
