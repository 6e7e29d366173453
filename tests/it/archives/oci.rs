//! `oci-archive:` written: extended, reproducible, read by others.

use super::*;

fn many_layers() -> TestImage {
    let layers = (0..12).map(|i| (format!("data/{i}"), noise(i, 30_000 * (1 + i as usize % 5))));
    layers
        .fold(Maker::new(Dialect::Oci), |maker, (name, content)| {
            maker.file_layer(&name, content)
        })
        .make()
}

#[test]
fn several_images_share_an_archive_that_others_read() {
    let Some(skopeo) = skopeo() else { return };
    let barque = Barque::new();
    let (first, second) = (many_layers(), images::five_platforms());
    let (one, two) = (
        layout(&barque, "one", &first),
        layout(&barque, "two", &second),
    );
    let archive = at(&barque, "oci-archive", "a.tar");
    let tagged = |tag: &str| format!("{archive}:{tag}");
    barque.args(["copy", &one, &tagged("one")]).run().ok();
    let before = members(&barque.path("a.tar"));
    barque
        .args(["copy", "--all", &two, &tagged("two")])
        .run()
        .ok();
    let after = members(&barque.path("a.tar"));
    // The old members come first, as they were, but for the index.
    assert_eq!(before[..before.len() - 1], after[..before.len() - 1]);
    assert_eq!(
        after
            .iter()
            .filter(|(name, _)| name == "index.json")
            .count(),
        1
    );
    for (tag, image) in [("one", &first), ("two", &second)] {
        for tool in [&*barque, &skopeo] {
            let raw = tool.args(["inspect", "--raw", &tagged(tag)]).run().ok();
            assert_eq!(raw.stdout_bytes(), image.manifest, "{tag}");
        }
        let to = at(&barque, "oci", &format!("back-{tag}"));
        skopeo
            .args(["copy", "--all", &tagged(tag), &format!("{to}:x")])
            .run()
            .ok();
        barque
            .args(["copy", "--all", &tagged(tag), &format!("{to}:y")])
            .run()
            .ok();
    }
    // What the archive holds is not moved again, and nothing is left beside it.
    let again = barque.args(["copy", &one, &tagged("three")]).run().ok();
    assert!(
        again.stderr().contains("13 present") || !again.stderr().contains("13 copied"),
        "{}",
        again.stderr()
    );
    assert_eq!(members(&barque.path("a.tar")).len(), after.len());
    let left = names(&barque.path(""));
    assert!(!left.iter().any(|n| n.starts_with(".partial")), "{left:?}");
}

#[test]
fn one_image_gives_one_archive_into_a_file_or_a_pipe() {
    let barque = Barque::new();
    let from = layout(&barque, "one", &many_layers());
    for file in ["a.tar", "b.tar"] {
        let to = at(&barque, "oci-archive", file);
        barque.args(["copy", &from, &format!("{to}:x")]).run().ok();
    }
    let file = std::fs::read(barque.path("a.tar")).unwrap();
    assert_eq!(
        sha256(&file),
        sha256(&std::fs::read(barque.path("b.tar")).unwrap())
    );
    let piped = barque.args(["copy", &from, "oci-archive:-:x"]).run().ok();
    assert_eq!(sha256(piped.stdout_bytes()), sha256(&file));
    assert_eq!(names(&barque.tmp()), Vec::<String>::new());
}

#[test]
fn a_broken_copy_and_foreign_files_leave_what_was_there() {
    let barque = Barque::new();
    let image = many_layers();
    let from = layout(&barque, "one", &image);
    let archive = at(&barque, "oci-archive", "a.tar");
    barque
        .args(["copy", &from, &format!("{archive}:x")])
        .run()
        .ok();
    let before = std::fs::read(barque.path("a.tar")).unwrap();

    let broken = images::two_layers();
    let bad = layout(&barque, "bad", &broken);
    let blob = barque
        .path("bad/blobs/sha256")
        .join(broken.layers()[1].hex());
    let mut content = std::fs::read(&blob).unwrap();
    content[70_000] ^= 1;
    std::fs::write(&blob, content).unwrap();
    barque
        .args(["copy", &bad, &format!("{archive}:y")])
        .run()
        .code(4);
    barque
        .args(["copy", &bad, &at(&barque, "oci-archive", "new.tar")])
        .run()
        .code(4);
    assert_eq!(std::fs::read(barque.path("a.tar")).unwrap(), before);
    let left = names(&barque.path(""));
    assert_eq!(left, ["a.tar", "bad", "one"]);

    std::fs::write(barque.path("thesis.txt"), "important").unwrap();
    let refused = barque
        .args(["copy", &from, &at(&barque, "oci-archive", "thesis.txt")])
        .run()
        .code(6);
    assert!(
        refused
            .stderr()
            .contains("don't want to overwrite important data"),
        "{}",
        refused.stderr()
    );
    assert_eq!(
        std::fs::read(barque.path("thesis.txt")).unwrap(),
        b"important"
    );
    let packed = images::gzip(&before);
    std::fs::write(barque.path("a.tar.gz"), packed).unwrap();
    let refused = barque
        .args(["copy", &from, &at(&barque, "oci-archive", "a.tar.gz")])
        .run()
        .code(6);
    assert!(
        refused.stderr().contains("is compressed"),
        "{}",
        refused.stderr()
    );
}

/// The entries of an archive's index.
fn entries(barque: &Barque, archive: &str) -> Vec<serde_json::Value> {
    let members = members(&barque.path(archive));
    let (_, index) = members
        .iter()
        .find(|(name, _)| name == "index.json")
        .unwrap();
    let index: serde_json::Value = serde_json::from_slice(index).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

#[test]
fn an_image_that_loses_its_name_leaves_the_archive() {
    let barque = Barque::new();
    let shared = |name: &str| {
        let maker = Maker::new(Dialect::Oci).file_layer("base", "base");
        maker.file_layer(name, name).make()
    };
    let (old, new, other) = (shared("old"), shared("new"), images::two_layers());
    let platforms = images::five_platforms();
    let all = [
        ("old", &old),
        ("new", &new),
        ("other", &other),
        ("all", &platforms),
    ];
    images::write_layout(&barque.path("l"), &all);
    let copy = |flags: &[&str], image: &str, to: &str| {
        let (from, to) = (format!("oci:l:{image}"), format!("oci-archive:a.tar:{to}"));
        barque
            .args(["copy", "-q"])
            .args(flags)
            .args([&from, &to])
            .run()
            .ok();
    };
    copy(&[], "old", "x");
    copy(&[], "other", "y");
    copy(&[], "new", "x");
    let digests: Vec<_> = entries(&barque, "a.tar")
        .iter()
        .map(|e| e["digest"].clone())
        .collect();
    assert_eq!(digests, [other.digest.to_string(), new.digest.to_string()]);
    let held = |digest: &barque::image::Digest| {
        let name = format!("blobs/sha256/{}", digest.hex());
        members(&barque.path("a.tar"))
            .iter()
            .filter(|(n, _)| *n == name)
            .count()
    };
    let [base, own] = &old.layers()[..] else {
        panic!("two layers")
    };
    assert_eq!(
        (
            held(base),
            held(own),
            held(&old.config()),
            held(&old.digest)
        ),
        (1, 0, 0, 0)
    );
    for (name, image) in [("x", &new), ("y", &other)] {
        let archive = format!("oci-archive:a.tar:{name}");
        barque
            .args([
                "verify-copy",
                "--deep",
                &format!("oci:l:{}", if name == "x" { "new" } else { "other" }),
                &archive,
            ])
            .run()
            .ok();
        let raw = barque.args(["inspect", "--raw", &archive]).run().ok();
        assert_eq!(raw.stdout_bytes(), image.manifest);
    }
    // The same index again, with other platforms: those that are there stay.
    copy(&["--platform=linux/amd64", "--sparse"], "all", "x");
    copy(&["--platform=linux/arm64", "--sparse"], "all", "x");
    for platform in ["linux/amd64", "linux/arm64"] {
        let args = ["inspect", "--platform", platform, "oci-archive:a.tar:x"];
        barque.args(args).run().ok();
    }
}

#[test]
fn what_is_replaced_keeps_its_mode_and_links_stay() {
    use std::fs::{Permissions, metadata, read_link, rename, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    let barque = Barque::new();
    let from = layout(&barque, "one", &images::small());
    let copy = |to: &str| drop(barque.args(["copy", "-q", &from, to]).run().ok());
    for (first, second, file) in [
        ("oci-archive:a.tar:1", "oci-archive:a.tar:2", "a.tar"),
        (
            "docker-archive:d.tar:a:1",
            "docker-archive:d.tar:b:1",
            "d.tar",
        ),
        ("oci:l:1", "oci:l:2", "l/index.json"),
    ] {
        copy(first);
        let path = barque.path(file);
        set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        copy(second);
        assert_eq!(
            metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{file}"
        );
    }
    let index = barque.path("l/index.json");
    rename(&index, barque.path("kept.json")).unwrap();
    symlink("../kept.json", &index).unwrap();
    copy("oci:l:3");
    barque.args(["delete", "oci:l:1"]).run().ok();
    assert_eq!(read_link(&index).unwrap().to_str(), Some("../kept.json"));
    let tags = barque.args(["tags", "--plain", "oci:l"]).run().ok();
    assert_eq!(tags.stdout(), "2\n3\n");
}

#[test]
fn a_blob_that_is_there_twice_is_read() {
    let barque = Barque::new();
    let from = layout(&barque, "one", &images::small());
    barque
        .args(["copy", "-q", &from, "oci-archive:a.tar:1"])
        .run()
        .ok();
    let mut twice = tar::Builder::new(Vec::new());
    let held = members(&barque.path("a.tar"));
    let blobs = held.iter().filter(|(name, _)| name.starts_with("blobs/"));
    for (name, content) in held.iter().chain(blobs) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        twice.append_data(&mut header, name, &content[..]).unwrap();
    }
    std::fs::write(barque.path("b.tar"), twice.into_inner().unwrap()).unwrap();
    barque
        .args(["copy", "-q", "oci-archive:b.tar:1", "dir:d"])
        .run()
        .ok();
}
