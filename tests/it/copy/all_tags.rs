//! `--all-tags`: each tag of a repository is copied, with one list of tags.

use std::collections::BTreeSet;

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images;
use crate::support::peers::{self, DockerRegistry};

#[test]
fn all_tags_of_a_repository_are_copied() {
    let barque = Barque::new();
    let (small, two, sig) = (images::small(), images::two_layers(), images::artifact());
    let sig_tag = format!("sha256-{}.sig", small.digest.hex());
    let source = FakeRegistry::start()
        .image("a", "1", &small)
        .image("a", "2", &two)
        .image("a", "latest", &two)
        .image("a", &sig_tag, &sig);
    let target = FakeRegistry::start();
    let copy = |to: &str, args: &[&str]| {
        let copy = barque.args(["copy", "--all-tags", &source.docker("a"), to]);
        copy.args(args).run()
    };
    let out = copy(&target.docker("b"), &[]).ok();
    assert_eq!(source.requests("GET", "/tags/list").len(), 1);
    let lines: BTreeSet<_> = out.stdout().lines().map(str::to_owned).collect();
    let pinned = |tag: &str, image: &images::TestImage| {
        format!("{}@{}", target.docker(&format!("b:{tag}")), image.digest)
    };
    assert_eq!(
        lines,
        [
            pinned("1", &small),
            pinned("2", &two),
            pinned("latest", &two)
        ]
        .into()
    );
    assert!(
        out.stderr().contains("1 of cosign's tags are left behind"),
        "{}",
        out.stderr()
    );
    assert_eq!(target.manifest("b", &sig_tag), None);
    // The list that was read for the tags tells of the signatures too.
    source.clear();
    let out = copy(
        &target.docker("c"),
        &["--cosign-tags", "--also-to", "oci:out"],
    )
    .ok();
    assert!(!out.stderr().contains("left behind"), "{}", out.stderr());
    assert_eq!(
        source.requests("GET", "/tags/list").len(),
        1,
        "{:?}",
        source.lines()
    );
    assert_eq!(target.manifest("c", &sig_tag), Some(sig.manifest));
    let names = barque.args(["tags", "--plain", "oci:out"]).run().ok();
    let names: BTreeSet<_> = names.stdout().lines().map(str::to_owned).collect();
    assert_eq!(
        names,
        ["1", "2", "latest", &sig_tag].map(str::to_owned).into()
    );
    // And back, from the layout.
    let back = barque.args(["copy", "--all-tags", "oci:out", &target.docker("d")]);
    back.run().ok();
    assert_eq!(target.manifest("d", "latest"), Some(two.manifest));
}

#[test]
fn a_tag_that_fails_does_not_stop_the_others() {
    let barque = Barque::new();
    let (small, two) = (images::small(), images::two_layers());
    let source = FakeRegistry::start()
        .image("a", "1", &small)
        .image("a", "2", &two)
        .rule(
            on("GET")
                .path("/manifests/1")
                .error(404, "MANIFEST_UNKNOWN", "gone"),
        );
    let target = FakeRegistry::start();
    let copy = |from: &str, to: &str| barque.args(["copy", "--all-tags", from, to]).run();
    let out = copy(&source.docker("a"), &target.docker("b")).code(2);
    assert_eq!(target.manifest("b", "2"), Some(two.manifest));
    assert_eq!(out.stdout().lines().count(), 1);
    assert!(out.stderr().contains("a:1"), "{}", out.stderr());
    for (from, to) in [
        (source.docker("a:1"), target.docker("b")),
        (source.docker("a"), target.docker("b:1")),
        (source.docker("a"), "dir:out".to_owned()),
        (source.docker("a"), "oci-archive:out.tar".to_owned()),
    ] {
        copy(&from, &to).code(1);
    }
    copy(&source.docker("none"), &target.docker("b")).code(2);
}

#[test]
fn tags_side_by_side_write_each_blob_once_to_each_destination() {
    let image = images::two_layers();
    let mut source = FakeRegistry::start();
    let tags: Vec<String> = (0..8).map(|n| n.to_string()).collect();
    for tag in &tags {
        source = source.image("a", tag, &image);
    }
    let (one, two) = (FakeRegistry::start(), FakeRegistry::start());
    // A second question for a blob would be a second write of it: distribution rewrites its file, and refuses a manifest meanwhile.
    let barque = Barque::new();
    let (to, aside, also) = (one.docker("b"), one.docker("c"), two.docker("b"));
    let args = ["copy", "--all-tags", &source.docker("a"), &to];
    let out = barque
        .args(args)
        .args(["--also-to", &aside, "--also-to", &also])
        .run()
        .ok();
    assert_eq!(out.stdout().lines().count(), tags.len() * 3);
    let blobs = image.blobs.len();
    assert_eq!(source.requests("GET", "/blobs/").len(), blobs);
    let starts = |registry: &FakeRegistry, name: &str| {
        registry
            .requests("POST", &format!("/v2/{name}/blobs/uploads/"))
            .len()
    };
    for (registry, name) in [(&one, "b"), (&one, "c"), (&two, "b")] {
        assert_eq!(
            starts(registry, name),
            blobs,
            "{name}: {:?}",
            registry.lines()
        );
        for tag in &tags {
            let there = registry.manifest(name, tag);
            assert_eq!(there.as_ref(), Some(&image.manifest), "{name}:{tag}");
        }
    }
    // One of the repositories of the first registry mounts what the other has.
    assert_eq!(one.requests("PUT", "/blobs/").len(), blobs);
    assert_eq!(two.requests("PUT", "/blobs/").len(), blobs);
}

#[test]
fn tags_side_by_side_reach_two_docker_registries() {
    peers::needs!("docker-registry");
    let mut source = FakeRegistry::start();
    for n in 0..12 {
        let image = match n % 3 {
            0 => images::five_platforms(),
            1 => images::two_layers(),
            _ => images::small(),
        };
        source = source.image("a", &n.to_string(), &image);
    }
    let (one, two) = (DockerRegistry::open(), DockerRegistry::open());
    let barque = Barque::new();
    let args = [
        "copy",
        "--all",
        "--all-tags",
        &source.docker("a"),
        &one.docker("b"),
    ];
    barque
        .args(args)
        .args(["--also-to", &two.docker("b")])
        .run()
        .ok();
    for registry in [&one, &two] {
        let name = registry.docker("b");
        for n in 0..12 {
            let sides = [&source.docker(&format!("a:{n}")), &format!("{name}:{n}")];
            barque.args(["verify-copy"]).args(sides).run().ok();
        }
    }
}

#[test]
fn tags_side_by_side_write_each_layer_in_its_other_form_once() {
    let image = images::two_layers();
    let mut source = FakeRegistry::start();
    let tags: Vec<String> = (0..8).map(|n| n.to_string()).collect();
    for tag in &tags {
        source = source.image("a", tag, &image);
    }
    let blobs = image.blobs.len();
    for form in ["--dest-compress-format=zstd", "--dest-decompress"] {
        let target = FakeRegistry::start();
        let barque = Barque::new();
        let args = ["copy", "--all-tags", form, &source.docker("a")];
        source.clear();
        barque.args(args).args([&target.docker("b")]).run().ok();
        let starts = target.requests("POST", "/blobs/uploads/").len();
        assert_eq!(starts, blobs, "{form}: {:?}", target.lines());
        for layer in image.layers() {
            let reads = source.requests("GET", &format!("/blobs/{layer}")).len();
            assert_eq!(reads, 1, "{form}");
        }
        let first = target.manifest("b", "0");
        assert!(
            first.is_some() && first != Some(image.manifest.clone()),
            "{form}"
        );
        for tag in &tags {
            assert_eq!(target.manifest("b", tag), first, "{form} {tag}");
        }
    }
}

#[test]
fn tags_side_by_side_reach_a_docker_registry_in_another_form() {
    peers::needs!("docker-registry");
    // All tags have the first three layers, and each has one more that no other tag has.
    let layers: Vec<Vec<u8>> = (0..16)
        .map(|n| {
            images::LayerTar::new()
                .file("f", images::noise(n, 200_000))
                .finish()
        })
        .collect();
    let mut source = FakeRegistry::start();
    for n in 0..12 {
        let shared = layers[..3].iter().chain([&layers[3 + n]]).enumerate();
        let maker = images::Maker::new(images::Dialect::Oci);
        let image = shared.fold(maker, |maker, (at, layer)| {
            maker.tar_layer(&format!("{n}-{at}"), layer.clone())
        });
        source = source.image("a", &n.to_string(), &image.make());
    }
    let (registry, barque) = (DockerRegistry::open(), Barque::new());
    let args = ["copy", "--all-tags", "--dest-compress-format=zstd"];
    let places = [source.docker("a"), registry.docker("b")];
    let out = barque.args(args).args(&places).run().ok();
    assert_eq!(out.stdout().lines().count(), 12);
    for n in 0..12 {
        let name = format!("{}:{n}", places[1]);
        barque.args(["ls", &name]).run().ok();
    }
}
