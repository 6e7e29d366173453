//! `barque cat`: the content of one file, from no more layers than tell.

use std::ffi::OsStr;
use std::fs;

use super::{eventful, image, in_layout};
use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{LayerTar, noise};

#[test]
fn links_and_whiteouts_count() {
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &eventful());
    for (path, content) in [
        ("/etc/keep", "kept\n"),
        ("etc/changed", "new and longer\n"),
        ("/etc/os-release", "ID=test\n"),
        ("/lib/os-release", "ID=test\n"),
        ("/lib/added", "through usr\n"),
        ("/bin/alias", "#!/bin/sh\n"),
        ("/opt/app/two", "2\n"),
        ("/srv/becomes-dir/inside", "inside\n"),
        ("/srv/becomes-file", "now a file\n"),
        ("/a directory with blanks/and\nlines", "odd\n"),
    ] {
        let out = barque.args(["cat", &name, path]).run().ok();
        assert_eq!(out.stdout(), content, "{path}");
    }
    for path in [
        "/etc/gone",
        "/var/cache/old",
        "/var/cache/deep/er",
        "/opt/app/one",
        "/srv/becomes-file/x",
        "/never",
        "/etc/keep/x",
    ] {
        let out = barque.args(["cat", &name, path]).run().code(2);
        assert_eq!(out.stdout(), "", "{path}");
        assert!(
            out.stderr().contains("the image has no file"),
            "{}",
            out.stderr()
        );
    }
    for (path, said) in [
        ("/etc", "is a directory"),
        ("/", "is a directory"),
        ("srv/pipe", "is a named pipe"),
    ] {
        let out = barque.args(["cat", &name, path]).run().code(1);
        assert!(out.stderr().contains(said), "{}", out.stderr());
    }
}

#[test]
fn a_directory_that_no_entry_describes_is_one_too() {
    let barque = Barque::new();
    let layers = [
        LayerTar::new().file("etc/old", b"old\n"),
        LayerTar::new()
            .file("etc/motd", b"new\n")
            .symlink("conf", "etc"),
    ];
    let name = in_layout(&barque.path("layout"), &image(layers));
    for path in ["/etc", "/conf"] {
        let out = barque.args(["cat", &name, path]).run().code(1);
        assert!(out.stderr().contains("is a directory"), "{}", out.stderr());
    }
    barque.args(["cat", &name, "/et"]).run().code(2);
}

#[test]
fn layers_below_the_one_that_decides_are_not_read() {
    let registry = FakeRegistry::start().image("a", "1", &eventful());
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    let [base, middle, top] = eventful().layers().try_into().unwrap();
    for (path, code, layers) in [
        ("/opt/app/two", 0, vec![&top]),
        ("/opt/app/one", 2, vec![&top]),
        ("/etc/changed", 0, vec![&top, &middle]),
        ("/etc/gone", 2, vec![&top, &middle]),
        ("/etc/keep", 0, vec![&top, &middle, &base]),
        // The link and what it leads to are found in one reading of the base.
        ("/etc/os-release", 0, vec![&top, &middle, &base]),
    ] {
        registry.clear();
        barque.args(["cat", &name, path]).run().code(code);
        let asked = registry.requests("GET", "/blobs/");
        let asked: Vec<_> = asked
            .iter()
            .map(|seen| seen.path.rsplit('/').next().unwrap().to_owned())
            .collect();
        let wanted: Vec<_> = layers.iter().map(|digest| digest.to_string()).collect();
        assert_eq!(asked, wanted, "{path}");
    }
    // The target stands before the link to it, so its layer is read once more.
    registry.clear();
    barque.args(["cat", &name, "/bin/alias"]).run().ok();
    assert_eq!(registry.requests("GET", "/blobs/").len(), 4);
}

#[test]
fn the_rest_of_the_layer_is_read_only_to_verify_it() {
    let layer = LayerTar::new()
        .file("first", b"first\n")
        .file("rest", noise(1, 3_000_000));
    let image = image([layer]);
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image);
    barque.args(["cat", "--verify", &name, "first"]).run().ok();
    let blob = barque
        .path("layout/blobs/sha256")
        .join(image.layers()[0].hex());
    let mut bytes = fs::read(&blob).unwrap();
    bytes[2_900_000] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let out = barque.args(["cat", &name, "first"]).run().ok();
    assert_eq!(out.stdout(), "first\n");
    let out = barque
        .args(["cat", "--verify", &name, "first"])
        .run()
        .code(4);
    assert!(
        out.stderr().contains(&image.layers()[0].to_string()),
        "{}",
        out.stderr()
    );
    barque.args(["cat", &name, "rest"]).run().code(4);
}

/// Layers whose entries a link of another layer leads elsewhere, the last one on top; and what `/usr/lib/x` is then.
fn through_a_link() -> Vec<(Vec<LayerTar>, Option<&'static str>)> {
    let base = || {
        LayerTar::new()
            .dir("usr/")
            .dir("usr/lib/")
            .file("usr/lib/x", b"old\n")
            .symlink("lib", "usr/lib")
    };
    vec![
        (
            vec![base(), LayerTar::new().file("lib/x", b"new\n")],
            Some("new\n"),
        ),
        (vec![base(), LayerTar::new().file("lib/.wh.x", b"")], None),
        (
            vec![base(), LayerTar::new().file("lib/.wh..wh..opq", b"")],
            None,
        ),
        (
            vec![
                base(),
                LayerTar::new().file("lib/x", b"newer\n"),
                LayerTar::new()
                    .dir("usr/")
                    .dir("usr/lib/")
                    .file("usr/lib/.wh.x", b""),
            ],
            None,
        ),
    ]
}

#[test]
fn an_entry_that_a_link_of_another_layer_leads_elsewhere_counts_there() {
    for (at, (layers, wanted)) in through_a_link().into_iter().enumerate() {
        let barque = Barque::new();
        let name = in_layout(&barque.path("layout"), &image(layers));
        let indexes = barque.path("indexes");
        for path in ["/usr/lib/x", "/lib/x"] {
            // The second run with indexes reads by them.
            for index in [None, Some(&indexes), Some(&indexes)] {
                let run = barque.args(["cat", &name, path]);
                let run = match index {
                    Some(index) => run.args([OsStr::new("--index"), index.as_os_str()]),
                    None => run,
                };
                let (code, content) = match wanted {
                    Some(content) => (0, content),
                    None => (2, ""),
                };
                assert_eq!(run.run().code(code).stdout(), content, "{at} {path}");
            }
        }
        let files = barque.path("files");
        let run = barque
            .args(["extract", &name, "/usr/lib", "-C"])
            .args([&files]);
        run.run().ok();
        let content = fs::read_to_string(files.join("usr/lib/x")).ok();
        assert_eq!(content.as_deref(), wanted, "{at}");
    }
}

#[test]
fn a_file_that_its_layer_has_twice_fails_when_it_is_verified() {
    let layer = LayerTar::new()
        .file("x", b"first\n")
        .file("y", b"\n")
        .file("x", b"last\n");
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image([layer]));
    let out = barque.args(["cat", "--verify", &name, "x"]).run().code(4);
    assert!(out.stderr().contains("more than once"), "{}", out.stderr());
    barque.args(["cat", "--verify", &name, "y"]).run().ok();
    // A later `d/x` is another file, since `d` is a directory and not a link, as the layer below tells.
    let below = LayerTar::new().dir("d/").file("d/old", b"");
    let above = LayerTar::new()
        .file(".wh..wh..opq", b"")
        .file("x", b"x\n")
        .file("d/x", b"other\n");
    let name = in_layout(&barque.path("sure"), &image([below, above]));
    let out = barque.args(["cat", "--verify", &name, "x"]).run().ok();
    assert_eq!(out.stdout(), "x\n");
}
