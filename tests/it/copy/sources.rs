//! Several sources: each image gets its own name at the destination, layers are read once, and a source that fails does not
//! stop the others.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{Dialect, Maker, TestImage, noise, write_dir, write_layout};
use crate::support::peers::{self, PodmanStore};

/// Three images that share a layer.
fn three() -> [TestImage; 3] {
    three_in(Dialect::Docker)
}

fn three_in(dialect: Dialect) -> [TestImage; 3] {
    let image = |n: u64| {
        Maker::new(dialect)
            .file_layer("data/base", noise(1, 300_000))
            .file_layer(&format!("data/{n}"), noise(10 + n, 20_000))
            .make()
    };
    [image(1), image(2), image(3)]
}

fn serving([a, b, c]: &[TestImage; 3]) -> FakeRegistry {
    FakeRegistry::start()
        .image("org/a", "1", a)
        .image("org/b", "2", b)
        .image("c", "latest", c)
}

/// No blob was asked for twice, in whichever repository.
fn reads_each_blob_once(source: &FakeRegistry, images: &[TestImage]) {
    let blobs: BTreeSet<_> = images.iter().flat_map(|image| image.blobs.keys()).collect();
    for digest in &blobs {
        let gets = source.requests("GET", &format!("/blobs/{digest}")).len();
        assert_eq!(gets, 1, "{digest}: {:?}", source.lines());
    }
    assert_eq!(source.requests("GET", "/blobs/").len(), blobs.len());
}

#[test]
fn images_go_below_a_prefix_with_repository_and_tag() {
    let (barque, images) = (Barque::new(), three());
    let (source, target) = (serving(&images), FakeRegistry::start());
    let prefix = target.docker("mirror/");
    let sources = [
        source.docker("org/a:1"),
        source.docker("org/b:2"),
        source.docker("c"),
    ];
    let copy = || {
        barque
            .args(["copy", "--all"])
            .args(&sources)
            .args([&prefix])
    };
    let out = copy().run().ok();
    let lines: Vec<_> = out.stdout().lines().map(str::to_owned).collect();
    let pinned = ["org/a:1", "org/b:2", "c:latest"].iter().zip(&images);
    let pinned = pinned.map(|(name, image)| {
        format!(
            "{}@{}",
            target.docker(&format!("mirror/{name}")),
            image.digest
        )
    });
    assert_eq!(lines, pinned.collect::<Vec<_>>());
    for ((name, tag), image) in [("org/a", "1"), ("org/b", "2"), ("c", "latest")]
        .iter()
        .zip(&images)
    {
        let there = target.manifest(&format!("mirror/{name}"), tag);
        assert_eq!(there.as_ref(), Some(&image.manifest), "{name}");
    }
    reads_each_blob_once(&source, &images);
    let unique = images.iter().flat_map(|image| image.blobs.keys());
    let unique = unique.collect::<BTreeSet<_>>().len();
    // A shared blob is sent once, and mounted by the others.
    assert_eq!(
        target.requests("PUT", "/blobs/").len(),
        unique,
        "{:?}",
        target.lines()
    );
    // Nothing is left to do the second time.
    target.clear();
    copy().run().ok();
    assert_eq!(
        target.requests("PUT", "").len() + target.requests("POST", "").len(),
        0
    );
}

#[test]
fn a_layout_gets_an_entry_for_each_and_gives_them_back() {
    let (barque, images) = (Barque::new(), three_in(Dialect::Oci));
    let source = serving(&images);
    let target = FakeRegistry::start();
    let sources = [
        source.docker("org/a:1"),
        source.docker("org/b:2"),
        source.docker("c"),
    ];
    let copy = barque.args(["copy"]).args(&sources).args(["oci:out"]);
    let copy = copy.args(["--also-to", &target.docker("x/")]);
    let out = copy
        .args(["--receipt", "receipt", "--digestfile", "digests"])
        .run()
        .ok();
    assert_eq!(out.stdout().lines().count(), 6);
    reads_each_blob_once(&source, &images);
    let names = barque.args(["tags", "--plain", "oci:out"]).run().ok();
    let names: BTreeSet<_> = names.stdout().lines().map(str::to_owned).collect();
    let full = |name: &str| format!("{}/{name}", source.address());
    assert_eq!(
        names,
        [full("org/a:1"), full("org/b:2"), full("c:latest")].into()
    );
    let receipts: Value =
        serde_json::from_slice(&std::fs::read(barque.path("receipt")).unwrap()).unwrap();
    assert_eq!(receipts.as_array().unwrap().len(), 6);
    let digests = std::fs::read_to_string(barque.path("digests")).unwrap();
    assert_eq!(digests.lines().count(), 6);
    let line = format!("{} {}\n", images[0].digest, target.docker("x/org/a:1"));
    assert!(digests.contains(&line), "{digests}");
    // Each `dir:` is whole by itself.
    let copy = barque.args(["copy", &sources[0], &sources[1], "dir:flat/"]);
    let out = copy.run().ok();
    assert_eq!(super::names(&barque.path("flat")), ["a:1", "b:2"]);
    assert!(
        out.stdout().starts_with("dir:flat/a:1@"),
        "{}",
        out.stdout()
    );
    // The names of layouts and directories are kept on the way back, without the registry.
    let from = |name: &str| format!("oci:out:{}", full(name));
    let back = barque.args(["copy", &from("org/a:1"), &from("c:latest"), "dir:flat/b:2"]);
    back.args([target.docker("y/")]).run().ok();
    for (name, tag) in [("y/org/a", "1"), ("y/c", "latest"), ("y/b", "2")] {
        assert!(
            target.manifest(name, tag).is_some(),
            "{name}: {:?}",
            target.lines()
        );
    }
}

#[test]
fn an_archive_of_three_images_is_read_by_skopeo() {
    peers::needs!("skopeo");
    let (barque, images) = (Barque::new(), three());
    let source = serving(&images);
    let sources = [
        source.docker("org/a:1"),
        source.docker("org/b:2"),
        source.docker("c"),
    ];
    for transport in ["docker-archive", "oci-archive"] {
        source.clear();
        let file = format!(
            "{transport}:{}",
            barque.path(format!("{transport}.tar")).display()
        );
        barque
            .args(["copy"])
            .args(&sources)
            .args([&file])
            .run()
            .ok();
        reads_each_blob_once(&source, &images);
        let skopeo = peers::skopeo();
        for name in ["org/a:1", "org/b:2", "c:latest"] {
            let from = format!("{file}:{}/{name}", source.address());
            skopeo.args(["copy", &from, "dir:out"]).run().ok();
            // Its layers are those of the source, by their diff ids.
            let of = |image: &str| {
                let config = barque
                    .args(["inspect", "--config", image])
                    .run()
                    .ok()
                    .json();
                config["rootfs"]["diff_ids"].clone()
            };
            let flat = format!("dir:{}", skopeo.path("out").display());
            assert_eq!(of(&flat), of(&source.docker(name)), "{name}");
        }
    }
    let list = format!(
        "docker-archive:{}",
        barque.path("docker-archive.tar").display()
    );
    let skopeo = peers::skopeo();
    let listed = skopeo.args(["list-tags", &list]).run().ok().json();
    assert_eq!(listed["Tags"].as_array().unwrap().len(), 3);
}

#[test]
fn podman_loads_all_images_of_an_archive() {
    peers::needs!("podman");
    let (barque, store, images) = (Barque::new(), PodmanStore::new(), three());
    let source = serving(&images);
    let sources = [
        source.docker("org/a:1"),
        source.docker("org/b:2"),
        source.docker("c"),
    ];
    barque
        .args(["copy"])
        .args(&sources)
        .args(["docker-archive:all.tar"])
        .run()
        .ok();
    store.load(&barque.path("all.tar"));
    let listed = store.run(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    let listed: BTreeSet<_> = listed.lines().map(str::to_owned).collect();
    let full = |name: &str| format!("{}/{name}", source.address());
    assert_eq!(
        listed,
        [full("org/a:1"), full("org/b:2"), full("c:latest")].into()
    );
}

#[test]
fn a_source_that_fails_does_not_stop_the_others() {
    let (barque, images) = (Barque::new(), three());
    let layer = format!("/blobs/{}", images[1].layers()[1]);
    let broken = on("GET").path(&layer).error(403, "DENIED", "not this one");
    let source = serving(&images).rule(broken);
    let sources = [
        source.docker("org/a:1"),
        source.docker("org/b:2"),
        source.docker("c"),
    ];
    let target = FakeRegistry::start();
    for (to, read_back) in [
        (
            "docker-archive:all.tar".to_owned(),
            "docker-archive:all.tar:",
        ),
        (
            "oci-archive:all-oci.tar".to_owned(),
            "oci-archive:all-oci.tar:",
        ),
        ("oci:all".to_owned(), "oci:all:"),
        (target.docker("x/"), ""),
    ] {
        let copy = barque
            .args(["copy", "--digestfile", "digests"])
            .args(&sources)
            .args([&to]);
        let out = copy.run().code(3);
        assert_eq!(out.stdout().lines().count(), 2, "{to}: {}", out.stderr());
        assert!(
            out.stderr().contains(&source.docker("org/b:2")),
            "{}",
            out.stderr()
        );
        let digests = std::fs::read_to_string(barque.path("digests")).unwrap();
        assert_eq!(digests.lines().count(), 2);
        if !read_back.is_empty() {
            let of = |name: &str| format!("{read_back}{}/{name}", source.address());
            for name in ["org/a:1", "c:latest"] {
                let copy =
                    barque.args(["copy", &of(name), &format!("dir:{name}").replace('/', "-")]);
                copy.run().ok();
            }
            barque.args(["inspect", &of("org/b:2")]).run().code(2);
        }
    }
    assert_eq!(target.manifest("x/org/b", "2"), None);
    assert!(target.manifest("x/c", "latest").is_some());
    // A tag that is not there, in the middle.
    let gone = [
        source.docker("org/a:1"),
        source.docker("org/none:1"),
        source.docker("c"),
    ];
    let out = barque
        .args(["copy"])
        .args(&gone)
        .args(["oci:gone"])
        .run()
        .code(2);
    assert_eq!(out.stdout().lines().count(), 2);
}

#[test]
fn what_cannot_hold_several_images_is_refused_before_anything_is_read() {
    let (barque, images) = (Barque::new(), three());
    let source = serving(&images);
    write_layout(&barque.path("layout"), &[("v1", &images[0])]);
    write_dir(&barque.path("plain"), &images[0]);
    let (a, b, c) = (
        source.docker("org/a:1"),
        source.docker("org/b:2"),
        source.docker("c"),
    );
    let target = FakeRegistry::start();
    for (args, said) in [
        (vec![&*a, &b, "dir:out"], "write `dir:out/`"),
        (vec![&a, &b, "oci:out:1"], "write `oci:out`"),
        (vec![&a, &b, &*target.docker("x:1")], "/x/`"),
        (vec![&a, &b, "docker-archive:-"], "goes to a file"),
        (vec![&a, &b, "docker-daemon:x:1"], "`docker-archive:FILE`"),
        (vec![&a, &b, "containers-storage:x:1"], "hold several"),
        (
            vec![&a, &b, "oci:out", "--also-to", "dir:flat"],
            "`--also-to`",
        ),
        (
            vec![&a, &b, "oci:out", "--also-to", "oci:out"],
            "given twice as a destination",
        ),
        (vec![&a, &a, "oci:out"], "given twice as a source"),
        (
            vec![&a, "oci:layout:v1", "oci:out", "--all-tags"],
            "`--all-tags`",
        ),
        (
            vec![&a, &b, "docker-archive:a.tar", "--additional-tag", "x:1"],
            "`--additional-tag`",
        ),
        (
            vec![
                &a,
                &b,
                "oci:out",
                "--sign-by",
                "k",
                "--sign-identity",
                "x:1",
            ],
            "`--sign-identity`",
        ),
        (vec![&a, "UPPER", "oci:out"], "source's name"),
    ] {
        let out = barque.args(["copy"]).args(&args).run().code(1);
        assert!(out.stderr().contains(said), "{args:?}: {}", out.stderr());
        assert_eq!(out.stdout(), "");
    }
    // Two images would get one name.
    let (one, two) = (source.docker("org/a:1"), target.docker("else/a:1"));
    let out = barque.args(["copy", &one, &two, "dir:out/"]).run().code(1);
    assert!(
        out.stderr().contains("would both become `dir:out/a:1`"),
        "{}",
        out.stderr()
    );
    assert_eq!(source.lines(), Vec::<String>::new());
    // An image without a name does not stop the others.
    let out = barque
        .args(["copy", &c, "oci:layout", &target.docker("z/")])
        .run()
        .code(1);
    assert!(
        out.stderr().contains("`v1` is a tag without a repository"),
        "{}",
        out.stderr()
    );
    assert!(target.manifest("z/c", "latest").is_some());
    barque
        .args(["copy", "oci:layout", "dir:plain", "oci:out"])
        .run()
        .ok();
    let names = barque.args(["tags", "--plain", "oci:out"]).run().ok();
    assert_eq!(
        names.stdout().lines().collect::<BTreeSet<_>>(),
        ["plain", "v1"].into()
    );
}

#[test]
fn a_dry_run_of_several_sources_writes_nothing() {
    let (barque, images) = (Barque::new(), three());
    let (source, target) = (serving(&images), FakeRegistry::start());
    let copy = barque.args([
        "copy",
        "--dry-run",
        &source.docker("org/a:1"),
        &source.docker("c"),
    ]);
    let out = copy.args([target.docker("x/")]).run().ok();
    for name in ["x/org/a:1", "x/c:latest"] {
        assert!(
            out.stdout().contains(&target.docker(name)),
            "{}",
            out.stdout()
        );
    }
    assert_eq!(
        target.requests("PUT", "").len() + target.requests("POST", "").len(),
        0
    );
}
