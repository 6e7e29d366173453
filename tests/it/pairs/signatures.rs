//! Signatures in a `dir:` go where its manifest goes unchanged, if there is a place for them.

use std::fs;

use super::*;
use crate::support::images::{five_platforms, two_layers, two_layers_docker};

/// The image as skopeo writes it, with what it takes for signatures beside it: bytes that begin as OpenPGP's do.
fn signed(harbour: &Harbour, image: &TestImage) -> std::path::PathBuf {
    let path = harbour.barque.path("signed");
    harbour.feed(image, &format!("dir:{}", path.display()));
    for n in 1..=3 {
        fs::write(path.join(format!("signature-{n}")), [0x89, n]).unwrap();
    }
    for child in image.children.iter().take(2) {
        let name = format!("{}.signature-1", child.digest.hex());
        fs::write(
            path.join(name),
            [&[0x89], child.digest.hex().as_bytes()].concat(),
        )
        .unwrap();
    }
    path
}

fn signatures_in(path: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(path).unwrap().map(|e| e.unwrap().path());
    let named = |path: &std::path::PathBuf| path.display().to_string().contains("signature-");
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    let mut found: Vec<_> = entries.filter(named).map(read).collect();
    found.sort();
    found
}

#[test]
fn signatures_are_kept_from_directory_to_directory() {
    peers::needs!("docker-registry", "skopeo");
    for image in [two_layers(), two_layers_docker(), five_platforms()] {
        let harbour = Harbour::new(None);
        let from = signed(&harbour, &image);
        let to = harbour.barque.path("to");
        let name = |path: &Path| format!("dir:{}", path.display());
        // Into nothing, over itself, and over an image with other signatures.
        for _ in 0..2 {
            harbour.copy(&name(&from), &name(&to));
            assert_eq!(diff(&from, &to), "");
        }
        fs::write(to.join("signature-2"), "other").unwrap();
        fs::write(to.join("signature-4"), "one more").unwrap();
        harbour.copy(&name(&from), &name(&to));
        assert_eq!(diff(&from, &to), "");
        // skopeo takes along the same files.
        let theirs = harbour.barque.path("theirs");
        harbour.skopeo_copies(&name(&to), &name(&theirs), true);
        assert_eq!(diff(&from, &theirs), "");
    }
}

#[test]
fn a_child_takes_its_own_signatures_along() {
    let barque = Barque::new();
    let image = five_platforms();
    let from = barque.path("from");
    write_dir(&from, &image);
    fs::write(from.join("signature-1"), "of the index").unwrap();
    let child = &image.children[1].digest;
    let name = format!("{}.signature-1", child.hex());
    fs::write(from.join(name), "of the child").unwrap();

    let arm64 = ["copy", "--platform=linux/arm64", "dir:from", "dir:one"];
    barque.args(arm64).run().ok();
    let of_the_child = ("signature-1".to_owned(), "of the child".to_owned());
    assert_eq!(signatures_in(&barque.path("one")), [of_the_child]);
    let amd64 = ["copy", "--platform=linux/amd64", "dir:from", "dir:one"];
    barque.args(amd64).run().ok();
    assert_eq!(signatures_in(&barque.path("one")), []);
}

#[test]
fn signatures_that_cannot_go_along_are_told_of() {
    let barque = Barque::new();
    let image = two_layers();
    write_dir(&barque.path("from"), &image);
    fs::write(barque.path("from").join("signature-1"), "x").unwrap();
    for (args, why) in [
        (&["oci:layout:v1"][..], "has no place for them"),
        (&["oci-archive:a.tar:v1"], "has no place for them"),
        (&["docker-archive:b.tar:v1"], "has no place for them"),
        (&["--format=v2s2", "dir:docker"], "its new digest"),
        (
            &["--dest-compress-format=zstd", "dir:zstd"],
            "its new digest",
        ),
    ] {
        let dry = ["copy", "--dry-run", "dir:from"];
        let dry = barque.args(dry).args(args).run().ok();
        assert!(dry.stdout().contains(why), "{}", dry.stdout());
        let out = barque.args(["copy", "dir:from"]).args(args).run().ok();
        let told = format!(
            "signatures of `{}` are left behind, 1 of them",
            image.digest
        );
        assert!(out.stderr().contains(&told), "{}", out.stderr());
        assert!(out.stderr().contains(why), "{}", out.stderr());
    }
    for written in ["docker", "zstd"] {
        assert_eq!(signatures_in(&barque.path(written)), [], "{written}");
    }
}
