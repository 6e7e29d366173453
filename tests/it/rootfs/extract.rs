//! `barque extract`: parts of images, and nothing outside of the directory.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use tar::EntryType;

use super::unpacked::{is_root, state};
use super::{eventful, image, in_layout};
use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{self, LayerTar, noise};
use crate::support::peers;
use crate::support::sandbox::{Sandbox, names};

#[test]
fn gnu_tar_unpacks_a_layer_to_the_same_files() {
    let barque = Barque::new();
    let tree = barque.path("tree");
    fs::create_dir_all(tree.join("d/e")).unwrap();
    fs::write(tree.join("d/file"), noise(1, 100_000)).unwrap();
    fs::hard_link(tree.join("d/file"), tree.join("d/e/same")).unwrap();
    std::os::unix::fs::symlink("../file", tree.join("d/e/link")).unwrap();
    fs::write(tree.join("d/").join("x".repeat(200)), b"long name").unwrap();
    // Data, a hole, data, a hole.
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    use std::os::unix::fs::FileExt;
    sparse.write_all_at(&noise(2, 5000), 1 << 20).unwrap();
    sparse.set_len(3 << 20).unwrap();
    for form in [
        &["--format=gnu"][..],
        &["--format=pax", "--sparse-version=0.1"],
        &["--format=pax", "--sparse-version=1.0"],
    ] {
        let packed = Command::new("tar")
            .args(["--create", "--sparse", "--sort=name"])
            .args(form)
            .args(["-f", "-", "-C", tree.to_str().unwrap(), "."])
            .output()
            .unwrap();
        assert!(packed.status.success(), "{packed:?}");
        let image = images::Maker::new(images::Dialect::Oci)
            .compression(images::Compression::None)
            .tar_layer("tree", packed.stdout)
            .make();
        let name = in_layout(&barque.path("layout"), &image);
        let _ = fs::remove_dir_all(barque.path("out"));
        barque.args(["extract", "-C", "out", &name]).run().ok();
        assert_eq!(state(&barque.path("out")), state(&tree), "{form:?}");
        let blocks = fs::metadata(barque.path("out/sparse")).unwrap().blocks();
        assert!(blocks * 512 < 1 << 20, "holes stay holes: {blocks} blocks");
    }
}

#[test]
fn parts_of_an_image_come_with_what_they_need() {
    let barque = Barque::new();
    let registry = FakeRegistry::start().image("a", "1", &eventful());
    let name = registry.docker("a:1");
    let out = barque
        .args([
            "extract",
            "-C",
            "one",
            &name,
            "/etc",
            "bin/alias",
            "lib/added",
        ])
        .run()
        .ok();
    assert!(
        out.stderr().contains("extracted 5 files"),
        "{}",
        out.stderr()
    );
    assert_eq!(names(&barque.path("one")), ["bin", "etc", "usr"]);
    assert_eq!(
        names(&barque.path("one/etc")),
        ["changed", "keep", "os-release"]
    );
    // The file of a hard link is one that was not asked for.
    assert_eq!(names(&barque.path("one/bin")), ["alias"]);
    assert_eq!(
        fs::read(barque.path("one/bin/alias")).unwrap(),
        b"#!/bin/sh\n"
    );
    assert_eq!(
        fs::read(barque.path("one/etc/changed")).unwrap(),
        b"new and longer\n"
    );
    assert_eq!(
        fs::read(barque.path("one/usr/lib/added")).unwrap(),
        b"through usr\n"
    );
    let out = barque
        .args(["extract", "-C", "two", &name, "/etc/gone"])
        .run()
        .code(2);
    assert!(
        out.stderr().contains("no file `/etc/gone`"),
        "{}",
        out.stderr()
    );
    // Only the layer of the file is read again.
    registry.clear();
    barque
        .args(["extract", "-q", "-C", "three", &name, "opt/app/two"])
        .run()
        .ok();
    assert_eq!(registry.requests("GET", "/blobs/").len(), 3 + 1);
}

#[test]
fn nothing_is_written_outside_of_the_directory() {
    let link = |path, target| LayerTar::new().symlink(path, target);
    let outside = "../../../../../../../../../../tmp/barque-was-here";
    for (layers, code) in [
        (vec![link("d", "/tmp").file("d/barque-was-here", b"x")], 0),
        (
            vec![link("d", "../../../../../../../tmp").file("d/barque-was-here", b"x")],
            0,
        ),
        (
            vec![
                link("d", "/tmp"),
                LayerTar::new().file("d/barque-was-here", b"x"),
            ],
            0,
        ),
        (
            vec![
                link("f", "/tmp/barque-was-here"),
                LayerTar::new().file("f", b"x"),
            ],
            0,
        ),
        (vec![link("a", "b").symlink("b", "a").file("a/x", b"x")], 0),
        (
            vec![LayerTar::new().entry(EntryType::Regular, outside, 0o644, "", b"x")],
            4,
        ),
        (
            vec![LayerTar::new().entry(
                EntryType::Regular,
                "/tmp/barque-was-here",
                0o644,
                "",
                b"x",
            )],
            0,
        ),
        (
            vec![LayerTar::new().hard_link("h", "../../../etc/passwd")],
            4,
        ),
        (vec![LayerTar::new().hard_link("h", "/etc/passwd")], 4),
        (vec![link("e", "/etc").hard_link("h", "e/passwd")], 4),
        (
            vec![
                link("t", "/tmp"),
                LayerTar::new().file("t/.wh..wh..opq", b""),
            ],
            0,
        ),
        (vec![LayerTar::new().file(".wh...", b"")], 4),
    ] {
        let barque = Barque::new();
        let kept = barque.path("kept");
        fs::write(&kept, b"kept").unwrap();
        let name = in_layout(&barque.path("layout"), &image(layers));
        let out = barque
            .args(["extract", "-C", "out/here", &name])
            .run()
            .code(code);
        assert!(
            !Path::new("/tmp/barque-was-here").exists(),
            "{}",
            out.stderr()
        );
        assert_eq!(names(&barque.path("")), ["kept", "layout", "out"]);
        if code != 0 {
            assert!(names(&barque.path("out")).is_empty());
            continue;
        }
        assert_eq!(names(&barque.path("out")), ["here"]);
        let hidden = names(&barque.path("out/here"));
        assert!(
            hidden.iter().all(|name| !name.starts_with(".barque")),
            "{hidden:?}"
        );
    }
}

#[test]
fn files_of_the_user_are_neither_replaced_nor_removed() {
    let barque = Barque::new();
    let top = LayerTar::new()
        .file(".wh.mine", b"")
        .file("etc/.wh..wh..opq", b"")
        .file("etc/new", b"new");
    let name = in_layout(
        &barque.path("layout"),
        &image([LayerTar::new().file("a", b"a"), top]),
    );
    fs::create_dir_all(barque.path("out/etc")).unwrap();
    fs::write(barque.path("out/mine"), b"mine").unwrap();
    fs::write(barque.path("out/etc/mine"), b"mine").unwrap();
    barque.args(["extract", "-C", "out", &name]).run().ok();
    assert_eq!(names(&barque.path("out")), ["a", "etc", "mine"]);
    assert_eq!(names(&barque.path("out/etc")), ["mine", "new"]);
    fs::write(barque.path("out/a"), b"changed").unwrap();
    fs::remove_file(barque.path("out/etc/new")).unwrap();
    let out = barque.args(["extract", "-C", "out", &name]).run().code(6);
    assert!(
        out.stderr().contains("`out/a` is there already"),
        "{}",
        out.stderr()
    );
    assert!(out.stderr().contains("--overwrite"), "{}", out.stderr());
    assert_eq!(fs::read(barque.path("out/a")).unwrap(), b"changed");
    assert_eq!(
        names(&barque.path("out/etc")),
        ["mine"],
        "nothing was moved"
    );
    barque
        .args(["extract", "--overwrite", "-C", "out", &name])
        .run()
        .ok();
    assert_eq!(fs::read(barque.path("out/a")).unwrap(), b"a");
    assert_eq!(names(&barque.path("out")), ["a", "etc", "mine"]);
}

#[test]
fn a_layer_that_was_changed_leaves_nothing() {
    let barque = Barque::new();
    let image = images::two_layers();
    let name = in_layout(&barque.path("layout"), &image);
    let blob = barque
        .path("layout/blobs/sha256")
        .join(image.layers()[1].hex());
    let mut bytes = fs::read(&blob).unwrap();
    bytes[50_000] ^= 1;
    fs::write(&blob, bytes).unwrap();
    barque.args(["extract", "-C", "out", &name]).run().code(4);
    assert!(!barque.path("out").exists());
    fs::create_dir(barque.path("out")).unwrap();
    barque.args(["extract", "-C", "out", &name]).run().code(4);
    assert!(names(&barque.path("out")).is_empty());
}

#[test]
fn a_directory_that_is_made_gets_the_mode_and_time_of_the_root() {
    let layer = LayerTar::new()
        .pax(&[("uid", b"5"), ("gid", b"6")])
        .entry(EntryType::Directory, "./", 0o550, "", b"")
        .file("f", b"x");
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image([layer]));
    barque.args(["extract", "-C", "deep/new", &name]).run().ok();
    let about = fs::metadata(barque.path("deep/new")).unwrap();
    assert_eq!(
        (about.mode() & 0o7777, about.mtime()),
        (0o550, LayerTar::TIME as i64)
    );
    assert_eq!(about.uid() == 5 && about.gid() == 6, is_root());
    assert_eq!(names(&barque.path("deep/new")), ["f"]);
    // Directories above it, and one that was there, are not the image's.
    fs::create_dir(barque.path("there")).unwrap();
    let before = fs::metadata(barque.path("there")).unwrap().mode();
    barque.args(["extract", "-C", "there", &name]).run().ok();
    barque
        .args(["extract", "-C", "part", &name, "f"])
        .run()
        .ok();
    for dir in ["there", "deep", "part"] {
        let about = fs::metadata(barque.path(dir)).unwrap();
        assert_eq!(about.mode(), before, "{dir}");
        assert_eq!(about.uid(), fs::metadata(barque.path("")).unwrap().uid());
    }
}

#[test]
fn a_user_gets_an_image_whose_root_permits_no_writing() {
    if peers::missing(&["setpriv", "chmod"]) || !is_root() {
        return;
    }
    let layer = LayerTar::new()
        .entry(EntryType::Directory, "./", 0o555, "", b"")
        .file("f", b"x");
    let barque = as_user();
    let name = in_layout(&barque.path("layout"), &image([layer]));
    open(&barque);
    barque.args(["extract", "-C", "out", &name]).run().ok();
    assert_eq!(names(&barque.path("out")), ["f"]);
}

#[test]
fn what_is_counted_is_what_is_there() {
    let base = LayerTar::new()
        .file("a", b"1234")
        .dir("d/")
        .file("d/x", b"12")
        .file("d/y", b"12")
        .hard_link("d/z", "a")
        .symlink("s", "a");
    let top = LayerTar::new()
        .file("d", b"123")
        .hard_link("b", "a")
        .file(".wh.a", b"")
        .file("s", b"12345");
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image([base, top]));
    let out = barque.args(["extract", "-C", "out", &name]).run().ok();
    assert_eq!(names(&barque.path("out")), ["b", "d", "s"]);
    let said = "extracted 3 files (12 B)";
    assert!(out.stderr().contains(said), "{}", out.stderr());
}

#[test]
fn directories_without_permissions_are_filled_and_moved() {
    let barque = Barque::new();
    let layer = LayerTar::new()
        .entry(EntryType::Directory, "closed/", 0o555, "", b"")
        .file("closed/inside", b"x");
    let name = in_layout(&barque.path("layout"), &image([layer]));
    barque.args(["extract", "-C", "out", &name]).run().ok();
    let about = fs::metadata(barque.path("out/closed")).unwrap();
    assert_eq!(
        (about.permissions().mode() & 0o777, about.mtime()),
        (0o555, LayerTar::TIME as i64)
    );
    assert_eq!(fs::read(barque.path("out/closed/inside")).unwrap(), b"x");
}

/// The program, run by a user other than root.
fn as_user() -> Sandbox {
    let user = ["--reuid=65534", "--clear-groups"];
    let setpriv = user.iter();
    let setpriv = setpriv.fold(Sandbox::of("setpriv"), |s, a| s.first_arg(a));
    setpriv.first_arg(env!("CARGO_BIN_EXE_barque"))
}

/// Lets every user write to all of the sandbox.
fn open(sandbox: &Sandbox) {
    let mut chmod = Command::new("chmod");
    let opened = chmod.args(["-R", "a+rwX"]).arg(sandbox.path("..")).status();
    assert!(opened.unwrap().success());
}

#[test]
fn a_hard_link_to_a_device_that_is_left_out_is_left_out_too() {
    if peers::missing(&["setpriv", "chmod"]) || !is_root() {
        return;
    }
    let below = LayerTar::new()
        .device("null", 1, 3)
        .hard_link("same", "null");
    let above = LayerTar::new().file("x", b"x").hard_link("also", "null");
    let barque = as_user();
    let name = in_layout(&barque.path("layout"), &image([below, above]));
    open(&barque);
    let out = barque.args(["extract", "-C", "out", &name]).run().ok();
    let warning = "1 device left out: only root may make devices";
    assert!(out.stderr().contains(warning), "{}", out.stderr());
    assert_eq!(names(&barque.path("out")), ["x"]);
}

#[test]
fn an_empty_directory_that_no_entry_describes_is_made() {
    let layers = [
        LayerTar::new().file("c/a/x", b"x"),
        LayerTar::new().dir("c/").file("c/a/.wh.x", b""),
    ];
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image(layers));
    let files = barque.path("files");
    barque
        .args(["extract", &name, "c/a", "-C"])
        .args([&files])
        .run()
        .ok();
    assert!(files.join("c/a").is_dir());
}
