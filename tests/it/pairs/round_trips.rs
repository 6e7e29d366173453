//! There and back: skopeo's own round trips, done by barque, and what lies on the disk in between compared with
//! what skopeo leaves there.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::*;
use crate::copy::kinds;
use crate::support::fixtures;
use crate::support::images::{Compression, Dialect, Maker, two_layers};

/// Names and modes of the files below `path`.
fn modes(path: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let name = entry
                .path()
                .strip_prefix(path)
                .unwrap()
                .display()
                .to_string();
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                found.push((name, metadata.permissions().mode() & 0o7777));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn registry_to_directory_and_back_is_bit_identical_and_the_directory_is_skopeos() {
    peers::needs!("docker-registry", "skopeo");
    let plain = Maker::new(Dialect::Docker)
        .compression(Compression::None)
        .file_layer("plain", "plain")
        .make();
    let harbour = Harbour::new(None);
    for (tag, image) in kinds().into_iter().chain([("plain", plain)]) {
        let path = |name: &str| harbour.barque.path(format!("{tag}-{name}"));
        let dir = |name: &str| format!("dir:{}", path(name).display());
        let source = harbour.place(Docker, &format!("from/{tag}"));
        harbour.registry.feed(&format!("from/{tag}:1"), &image);
        let back = harbour.place(Docker, &format!("back/{tag}"));

        harbour.copy(&source, &dir("first"));
        harbour.copy(&dir("first"), &back);
        harbour.copy(&back, &dir("second"));
        harbour.copy(&dir("first"), &dir("third"));
        assert_eq!(harbour.manifest(&back), image.manifest, "{tag}");
        harbour.skopeo_copies(&source, &dir("theirs"), false);
        for ours in ["first", "second", "third"] {
            assert_eq!(diff(&path("theirs"), &path(ours)), "", "{tag} {ours}");
            assert_eq!(modes(&path("theirs")), modes(&path(ours)), "{tag} {ours}");
        }
        // The other way round: skopeo pushes what barque wrote.
        let pushed = harbour.place(Docker, &format!("pushed/{tag}"));
        harbour.skopeo_copies(&dir("first"), &pushed, true);
        assert_eq!(harbour.manifest(&pushed), image.manifest, "{tag}");
    }
}

#[test]
fn registry_to_layout_and_back_is_bit_identical_and_the_layout_is_skopeos() {
    peers::needs!("docker-registry", "skopeo");
    let harbour = Harbour::new(None);
    for (tag, image) in kinds() {
        let path = |name: &str| harbour.barque.path(format!("{tag}-{name}"));
        let oci = |name: &str| format!("oci:{}:v1", path(name).display());
        let source = harbour.place(Docker, &format!("from/{tag}"));
        harbour.registry.feed(&format!("from/{tag}:1"), &image);
        let back = harbour.place(Docker, &format!("back/{tag}"));

        let digest = harbour.copy(&source, &oci("first"));
        assert_eq!(harbour.copy(&oci("first"), &back), digest, "{tag}");
        harbour.copy(&back, &oci("second"));
        assert_eq!(diff(&path("first"), &path("second")), "", "{tag}");
        let kept = image.media_type.contains(".oci.");
        if kept {
            assert_eq!(harbour.manifest(&back), image.manifest, "{tag}");
        }

        if tag == "list" && peers::skopeo_puts_variant_elsewhere() {
            continue;
        }
        harbour.skopeo_copies(&source, &oci("theirs"), false);
        let (first, theirs) = (path("first"), path("theirs"));
        assert_eq!(modes(&first), modes(&theirs), "{tag}");
        assert_eq!(
            diff(&first.join("blobs"), &theirs.join("blobs")),
            "",
            "{tag}"
        );
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        // Only skopeo's older releases write a space in it.
        let marker = |path: &Path| read(&path.join("oci-layout")).replace(' ', "");
        assert_eq!(marker(&first), marker(&theirs), "{tag}");
        // The index has a media type, as skopeo's newer releases write it; else it is the same.
        let index = |path: &Path| -> Value {
            let text = read(&path.join("index.json"));
            let mut index: Value = serde_json::from_str(&text).unwrap();
            let media_type = index.as_object_mut().unwrap().remove("mediaType");
            assert!(media_type.is_none_or(|m| m == media::OCI_INDEX), "{tag}");
            index
        };
        assert_eq!(index(&first), index(&theirs), "{tag}");
    }
}

#[test]
fn directories_of_others_are_copied_as_skopeo_copies_them() {
    peers::needs!("docker-registry", "skopeo");
    let Some(fixtures) = fixtures::dir() else {
        return;
    };
    let harbour = Harbour::new(None);
    for name in [
        "uncompressed-image-s1",
        "uncompressed-image-s2",
        "scratch-dir",
    ] {
        if name.ends_with("-s1") && !cfg!(feature = "legacy") {
            continue;
        }
        let source = format!("dir:{}", fixtures.join("dir").join(name).display());
        let path = |who: &str| harbour.barque.path(format!("{name}-{who}"));
        let to = |who: &str| format!("dir:{}", path(who).display());
        harbour.copy(&source, &to("ours"));
        harbour.skopeo_copies(&source, &to("theirs"), true);
        assert_eq!(diff(&path("ours"), &path("theirs")), "", "{name}");
        assert_eq!(harbour.manifest(&to("ours")), harbour.manifest(&source));
    }
}

#[test]
fn what_umoci_makes_of_a_layout_is_read() {
    peers::needs!("docker-registry", "skopeo", "umoci");
    let harbour = Harbour::new(None);
    let umoci = peers::umoci();
    let layout = umoci.path("layout").display().to_string();
    let source = harbour.place(Docker, "from/ship");
    harbour.feed(&two_layers(), &source);
    harbour.copy(&source, &format!("oci:{layout}:v1"));
    let unpack = ["unpack", "--rootless", "--image", "layout:v1", "bundle"];
    umoci.args(unpack).run().ok();
    std::fs::write(umoci.path("bundle/rootfs/data/third"), "more").unwrap();
    let repack = ["repack", "--image", "layout:v2", "bundle"];
    umoci.args(repack).run().ok();
    let name = format!("oci:{layout}:v2");
    let manifest = harbour.manifest(&name);
    let json: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(json["layers"].as_array().unwrap().len(), 3, "{json}");
    let pushed = harbour.place(Docker, "to/ship");
    let digest = harbour.copy(&name, &pushed);
    assert_eq!(digest, sha256(&manifest).to_string());
    assert_eq!(harbour.manifest(&pushed), manifest);
    // umoci goes on with a layout that barque has written into.
    harbour.copy(&pushed, &format!("oci:{layout}:v3"));
    let listed = umoci.args(["ls", "--layout", "layout"]).run().ok();
    let mut tags: Vec<_> = listed.stdout().lines().collect();
    tags.sort_unstable();
    assert_eq!(tags, ["v1", "v2", "v3"]);
    umoci.args(["gc", "--layout", "layout"]).run().ok();
    harbour.skopeo_copies(&format!("oci:{layout}:v3"), "dir:back", true);
}
