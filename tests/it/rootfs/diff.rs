//! `barque diff`: config, history, layers and files of two images.

use serde_json::json;
use tar::EntryType;

use super::{image, in_layout};
use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{Compression, Dialect, LayerTar, Maker, TestImage, noise};

fn base() -> LayerTar {
    LayerTar::new()
        .dir("etc/")
        .file("etc/same", b"same\n")
        .file("etc/base-changes", b"old\n")
        .file("etc/rewritten-alike", b"alike\n")
        .file("etc/same-size", b"aaaa\n")
        .file("etc/removed", b"removed\n")
}

fn first() -> TestImage {
    Maker::new(Dialect::Oci)
        .tar_layer("base", base().finish())
        .tar_layer(
            "app",
            LayerTar::new()
                .file("app", noise(1, 3000))
                .file("only-first", b"x")
                .finish(),
        )
        .make()
}

fn second() -> TestImage {
    let app = LayerTar::new()
        .file("app", noise(2, 3000))
        .file("etc/base-changes", b"longer\n")
        .file("etc/rewritten-alike", b"alike\n")
        .file("etc/same-size", b"bbbb\n")
        .file("etc/.wh.removed", b"")
        .entry(EntryType::Regular, "etc/same", 0o600, "", b"same\n")
        .symlink("link", "app");
    Maker::new(Dialect::Oci)
        .env("NEW=1")
        .label("a", "b")
        .tar_layer("base", base().finish())
        .tar_layer("app2", app.finish())
        .make()
}

#[test]
fn what_differs_is_listed_and_nothing_else() {
    let barque = Barque::new();
    let (a, b) = (
        in_layout(&barque.path("a"), &first()),
        in_layout(&barque.path("b"), &second()),
    );
    let out = barque.args(["diff", &a, &b]).run().ok();
    let (old, new) = (first().layers()[1].clone(), second().layers()[1].clone());
    let wanted = format!(
        "\
+ config config.Env.NEW \"1\"
+ config config.Labels.a \"b\"
- history COPY app /app
+ history COPY app2 /app2
- layer {old}
+ layer {new}
~ file /app (content)
~ file /etc/base-changes (size 4 -> 7)
- file /etc/removed (file rw-r--r--, 8 bytes)
~ file /etc/same (mode 0644 -> 0600)
~ file /etc/same-size (content)
+ file /link (symlink rwxrwxrwx, -> app)
- file /only-first (file rw-r--r--, 1 bytes)
"
    );
    assert_eq!(out.stdout(), wanted);
    barque.args(["diff", "--exit-code", &a, &b]).run().code(1);
    let none = barque.args(["diff", "--exit-code", &a, &a]).run().ok();
    assert_eq!(none.stdout(), "");
    let json = barque.args(["diff", "--json", &a, &b]).run().ok().json();
    assert_eq!(
        json["Config"][0],
        json!({ "Name": "config.Env.NEW", "First": null, "Second": "1" })
    );
    assert_eq!(json["Layers"]["Shared"], json!([first().layers()[0]]));
    let file = &json["Files"][5];
    assert_eq!(file["Path"], "/link");
    assert_eq!(
        file["Second"],
        json!({ "Type": "symlink", "Mode": "0777", "Uid": 0, "Gid": 0, "Link": "app" })
    );
    let json = barque
        .args(["diff", "--json", "--no-files", &a, &b])
        .run()
        .ok()
        .json();
    assert_eq!(json["Files"], json!(null));
}

#[test]
fn names_that_are_not_utf_8_are_escaped_as_in_a_list() {
    let layer = |link: &[u8]| {
        LayerTar::new()
            .pax(&[("path", b"nu\xff\xfe")])
            .file("x", b"x")
            .pax(&[("linkpath", link)])
            .symlink("l", "x")
    };
    let barque = Barque::new();
    let empty = in_layout(&barque.path("empty"), &image([LayerTar::new().dir("./")]));
    let a = in_layout(&barque.path("a"), &image([layer(b"\xff")]));
    let b = in_layout(&barque.path("b"), &image([layer(b"\xfe")]));
    let out = barque.args(["diff", &empty, &a]).run().ok();
    for line in [
        "+ file /l (symlink rwxrwxrwx, -> \\377)\n",
        "+ file /nu\\377\\376 (file rw-r--r--, 1 bytes)\n",
    ] {
        assert!(out.stdout().contains(line), "{}", out.stdout());
    }
    let out = barque.args(["diff", &a, &b]).run().ok();
    let line = "~ file /l (link \\377 -> \\376)\n";
    assert!(out.stdout().contains(line), "{}", out.stdout());
    let json = barque
        .args(["diff", "--json", &empty, &a])
        .run()
        .ok()
        .json();
    assert_eq!(json["Files"][0]["Second"]["Link"], "\u{fffd}");
    assert_eq!(json["Files"][1]["Path"], "/nu\u{fffd}\u{fffd}");
}

#[test]
fn the_same_files_in_another_compression_do_not_differ() {
    let barque = Barque::new();
    let make = |compression| {
        let layer = LayerTar::new()
            .file("a", noise(1, 5000))
            .hard_link("b", "a")
            .finish();
        Maker::new(Dialect::Oci)
            .compression(compression)
            .tar_layer("x", layer)
            .make()
    };
    let a = in_layout(&barque.path("a"), &make(Compression::Gzip));
    let b = in_layout(&barque.path("b"), &make(Compression::Zstd));
    let json = barque.args(["diff", "--json", &a, &b]).run().ok().json();
    assert_eq!((&json["Files"], &json["Config"]), (&json!([]), &json!([])));
    assert_eq!(json["Layers"]["Shared"], json!([]));
}

#[test]
fn layers_that_are_the_same_are_not_read() {
    let layer = || LayerTar::new().file("a", b"a");
    let other = Maker::new(Dialect::Oci)
        .label("x", "1")
        .tar_layer("layer-0", layer().finish())
        .make();
    let registry = FakeRegistry::start()
        .image("a", "1", &image([layer()]))
        .image("a", "2", &other);
    let barque = Barque::new();
    let (a, b) = (registry.docker("a:1"), registry.docker("a:2"));
    let out = barque.args(["diff", &a, &b]).run().ok();
    assert_eq!(out.stdout(), "+ config config.Labels.x \"1\"\n");
    assert_eq!(registry.requests("GET", "/blobs/").len(), 2, "the configs");
}

#[test]
fn a_file_that_came_by_a_link_is_compared_with_its_own_content() {
    let base = || {
        let links = LayerTar::new()
            .dir("usr/")
            .dir("usr/lib/")
            .symlink("lib", "usr/lib");
        let files = links.file("usr/lib/x", b"old\n").file("lib/x", b"new\n");
        files.finish()
    };
    let of = |content: &[u8]| {
        let again = LayerTar::new()
            .dir("usr/")
            .dir("usr/lib/")
            .file("usr/lib/x", content);
        let maker = Maker::new(Dialect::Oci).tar_layer("base", base());
        maker.tar_layer("again", again.finish()).make()
    };
    let plain = Maker::new(Dialect::Oci).tar_layer("base", base()).make();
    let barque = Barque::new();
    let a = in_layout(&barque.path("a"), &plain);
    for (at, (content, files)) in [(b"new\n", 0), (b"old\n", 1)].into_iter().enumerate() {
        let b = in_layout(&barque.path(format!("b{at}")), &of(content));
        let out = barque.args(["diff", "--json", &a, &b]).run().ok();
        assert_eq!(
            out.json()["Files"].as_array().unwrap().len(),
            files,
            "{content:?}"
        );
    }
}

#[test]
fn modes_of_symbolic_links_do_not_count() {
    let of = |mode| {
        let layer = LayerTar::new().entry(EntryType::Symlink, "link", mode, "to", b"");
        image([layer])
    };
    let barque = Barque::new();
    let (a, b) = (
        in_layout(&barque.path("a"), &of(0o777)),
        in_layout(&barque.path("b"), &of(0o644)),
    );
    let out = barque.args(["diff", "--json", &a, &b]).run().ok();
    assert_eq!(out.json()["Files"], json!([]));
}
