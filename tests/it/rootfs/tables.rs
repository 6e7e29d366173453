//! Layers with a table of contents: a file is read by its place, in as few requests as that takes.

use std::fs;

use super::{image, in_layout};
use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{
    Dialect, LayerTar, Maker, Tabled, TestImage, chunked, estargz, noise, sha256,
};

fn layer() -> LayerTar {
    LayerTar::new()
        .dir("bin/")
        .file("bin/small", b"small\n")
        .file("bin/large", noise(1, 130_000))
        .file("bin/empty", b"")
        .symlink("bin/link", "small")
        .hard_link("bin/hard", "bin/large")
        .file("rest", noise(2, 2_000_000))
}

fn base() -> LayerTar {
    LayerTar::new()
        .dir("etc/")
        .file("etc/base", noise(3, 60_000))
        .file("etc/gone", b"gone\n")
}

fn top() -> LayerTar {
    LayerTar::new()
        .dir("etc/")
        .file("etc/.wh.gone", b"")
        .file("etc/top", b"top\n")
}

/// An image with such a layer, and one with two of them.
fn images(make: fn(LayerTar) -> Tabled) -> (TestImage, TestImage) {
    let one = Maker::new(Dialect::Oci)
        .tabled_layer("one", make(layer()))
        .make();
    let two = Maker::new(Dialect::Oci);
    let two = two
        .tabled_layer("base", make(base()))
        .tabled_layer("top", make(top()));
    (one, two.make())
}

#[test]
fn a_file_takes_three_requests_and_no_more_bytes_than_it_has() {
    for (make, before) in [(estargz as fn(LayerTar) -> Tabled, 2), (chunked, 1)] {
        let (one, _) = images(make);
        let registry = FakeRegistry::start().image("a", "1", &one);
        let (name, barque) = (registry.docker("a:1"), Barque::new());
        for (path, content, requests) in [
            ("/bin/small", b"small\n".to_vec(), before + 1),
            ("/bin/large", noise(1, 130_000), before + 1),
            ("/bin/link", b"small\n".to_vec(), before + 1),
            ("/bin/hard", noise(1, 130_000), before + 1),
            ("/bin/empty", Vec::new(), before),
        ] {
            registry.clear();
            let out = barque.args(["cat", &name, path]).run().ok();
            assert!(
                out.stdout_bytes() == content,
                "{path}: {} bytes",
                out.stdout_bytes().len()
            );
            let asked = registry.requests("GET", "/blobs/");
            assert_eq!(asked.len(), requests, "{path}");
            let mut parts = asked.iter().map(|seen| {
                let range = seen.header("range").unwrap();
                let (from, to) = range["bytes=".len()..].split_once('-').unwrap();
                to.parse::<usize>().unwrap() - from.parse::<usize>().unwrap() + 1
            });
            let last = parts.next_back().unwrap();
            assert!(
                requests == before || last < content.len() * 11 / 10 + 600,
                "{path}: {last} bytes for {}",
                content.len()
            );
        }
        registry.clear();
        barque.args(["cat", &name, "/bin/none"]).run().code(2);
        assert_eq!(registry.requests("GET", "/blobs/").len(), before);
        // The files are listed without the layer.
        registry.clear();
        let out = barque.args(["ls", &name, "/bin"]).run().ok();
        assert_eq!(out.stdout(), "empty\nhard\nlarge\nlink\nsmall\n");
        assert_eq!(registry.requests("GET", "/blobs/").len(), before);
    }
}

#[test]
fn tables_say_what_the_layers_say() {
    for make in [estargz as fn(LayerTar) -> Tabled, chunked] {
        let barque = Barque::new();
        let (one, two) = images(make);
        for (tabled, plain) in [(one, image([layer()])), (two, image([base(), top()]))] {
            let name = in_layout(&barque.path("tabled"), &tabled);
            let plain = in_layout(&barque.path("plain"), &plain);
            let list = |name: &str| {
                barque
                    .args(["ls", "-R", "-l", name])
                    .run()
                    .ok()
                    .stdout()
                    .to_owned()
            };
            assert_eq!(list(&name), list(&plain));
        }
        let name = in_layout(&barque.path("tabled"), &images(make).1);
        assert_eq!(
            barque.args(["cat", &name, "etc/top"]).run().ok().stdout(),
            "top\n"
        );
        let out = barque.args(["cat", &name, "etc/base"]).run().ok();
        assert!(out.stdout_bytes() == noise(3, 60_000));
        barque.args(["cat", &name, "etc/gone"]).run().code(2);
    }
}

#[test]
fn a_registry_that_ignores_ranges_is_read_all_the_same() {
    for make in [estargz as fn(LayerTar) -> Tabled, chunked] {
        let rule = on("GET").path("/blobs/").ignore_range();
        let registry = FakeRegistry::start()
            .image("a", "1", &images(make).0)
            .rule(rule);
        let barque = Barque::new();
        let out = barque
            .args(["cat", &registry.docker("a:1"), "bin/large"])
            .run()
            .ok();
        assert!(out.stdout_bytes() == noise(1, 130_000));
    }
}

#[test]
fn a_content_that_does_not_match_its_digest_is_never_printed_whole() {
    for make in [estargz as fn(LayerTar) -> Tabled, chunked] {
        let (one, _) = images(make);
        let barque = Barque::new();
        let name = in_layout(&barque.path("layout"), &one);
        let blob = barque
            .path("layout/blobs/sha256")
            .join(one.layers()[0].hex());
        let mut bytes = fs::read(&blob).unwrap();
        // In the second part of the large file.
        bytes[70_000] ^= 1;
        fs::write(&blob, bytes).unwrap();
        let out = barque.args(["cat", &name, "bin/large"]).run().code(4);
        assert!(out.stdout_bytes().len() < 130_000);
        assert_eq!(
            barque.args(["cat", &name, "bin/small"]).run().ok().stdout(),
            "small\n"
        );
    }
}

#[test]
fn a_table_of_other_bytes_is_not_believed() {
    for make in [estargz as fn(LayerTar) -> Tabled, chunked] {
        let mut tabled = make(layer());
        let other = sha256(b"other").to_string();
        for (key, value) in tabled.annotations.as_object_mut().unwrap() {
            if !key.ends_with("position") {
                *value = other.as_str().into();
            }
        }
        let image = Maker::new(Dialect::Oci).tabled_layer("one", tabled).make();
        let barque = Barque::new();
        let name = in_layout(&barque.path("layout"), &image);
        let out = barque.args(["cat", &name, "bin/large"]).run().ok();
        assert!(
            out.stdout_bytes() == noise(1, 130_000),
            "the layer itself is read"
        );
    }
}
