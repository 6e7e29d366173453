//! `barque delete`: tags alone, manifests with their tags, entries of layouts with their blobs.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::harbour::{good, reader};
use crate::support::images::{self, Dialect, Maker, TestImage, write_layout};
use crate::support::peers::{self, Auth, DockerRegistry};
use crate::support::token_server::TokenServer;

/// distribution 2.8, which deletes by digest only, with two images: `1` and `stable` are the same.
fn harbour(delete: bool) -> DockerRegistry {
    let setup = DockerRegistry::setup();
    let registry = if delete { setup.delete() } else { setup }.start();
    registry.feed("a:1", &images::small());
    registry.feed("a:stable", &images::small());
    registry.feed("a:2", &images::two_layers());
    registry
}

fn tags(registry: &str) -> Vec<String> {
    let out = Barque::new().args(["tags", "--plain", registry]).run().ok();
    let mut tags: Vec<_> = out.stdout().lines().map(str::to_owned).collect();
    tags.sort();
    tags
}

#[test]
fn a_manifest_with_other_tags_is_deleted_by_force_only() {
    peers::needs!("docker-registry", "skopeo");
    let registry = harbour(true);
    let barque = Barque::new();
    let digest = images::small().digest;
    let by_tag = registry.docker("a:1");
    let by_digest = registry.docker(&format!("a@{digest}"));
    for (name, listed) in [
        (&by_tag, "also remove: `stable`\n"),
        (&by_digest, "also remove the tags: `"),
    ] {
        let out = barque.args(["delete", name]).run().code(6);
        assert!(out.stderr().contains(listed), "{}", out.stderr());
        assert!(
            out.stderr().contains("hint: use `--force`"),
            "{}",
            out.stderr()
        );
        assert_eq!(out.stdout(), "");
    }
    assert_eq!(tags(&registry.docker("a")), ["1", "2", "stable"]);

    let out = barque.args(["delete", "--force", &by_tag]).run().ok();
    assert_eq!(out.stdout(), format!("{by_tag}\n{by_digest}\n"));
    assert_eq!(tags(&registry.docker("a")), ["2"]);
    barque.args(["inspect", &registry.docker("a:2")]).run().ok();
    barque.args(["delete", &by_tag]).run().code(2);
    barque.args(["delete", "--force", &by_digest]).run().code(2);
}

#[test]
fn a_tag_of_its_own_needs_no_force() {
    peers::needs!("docker-registry", "skopeo");
    let registry = harbour(true);
    let mark = registry.mark();
    let args = ["delete", &registry.docker("a:2")];
    Barque::new().args(args).run().ok();
    let lines = registry.since(mark).lines();
    let digest = images::two_layers().digest;
    assert_eq!(lines[0], "DELETE /v2/a/manifests/2 400", "{lines:?}");
    assert_eq!(
        lines.last(),
        Some(&format!("DELETE /v2/a/manifests/{digest} 202"))
    );
    // The digest of each tag is asked for once.
    assert_eq!(
        registry.since(mark).count("HEAD", "/manifests/"),
        3,
        "{lines:?}"
    );
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert_eq!(tags(&registry.docker("a")), ["1", "stable"]);
}

#[test]
fn a_registry_that_permits_no_deletion_says_so() {
    peers::needs!("docker-registry", "skopeo");
    let registry = harbour(false);
    for args in [vec!["a:2"], vec!["--force", "a:1"]] {
        let mut words = vec!["delete".to_owned()];
        words.extend(args.iter().map(|a| match a.starts_with("--") {
            true => (*a).to_owned(),
            false => registry.docker(a),
        }));
        let out = Barque::new().args(words).run().code(6);
        for words in ["405", "UNSUPPORTED", "storage.delete.enabled"] {
            assert!(out.stderr().contains(words), "{}", out.stderr());
        }
    }
    assert_eq!(tags(&registry.docker("a")).len(), 3);
}

#[test]
fn a_tag_goes_alone_where_the_registry_can() {
    let registry = FakeRegistry::start().tags("a", 3, &images::small());
    let name = registry.docker("a:t00001");
    let out = Barque::new().args(["delete", &name]).run().ok();
    assert_eq!(out.stdout(), format!("{name}\n"));
    assert_eq!(registry.lines(), ["DELETE /v2/a/manifests/t00001 202"]);
    assert_eq!(tags(&registry.docker("a")), ["t00000", "t00002"]);
}

#[test]
fn several_names_although_one_fails() {
    let registry = FakeRegistry::start().tags("a", 3, &images::small());
    let name = |tag: &str| registry.docker(&format!("a:{tag}"));
    let (first, absent, last) = (name("t00000"), name("none"), name("t00002"));
    let barque = Barque::new();
    let out = barque
        .args(["delete", &first, &absent, &last])
        .run()
        .code(2);
    assert_eq!(out.stdout(), format!("{first}\n{last}\n"));
    assert!(
        out.stderr().contains(&format!("deleting `{absent}`")),
        "{}",
        out.stderr()
    );
    assert_eq!(tags(&registry.docker("a")), ["t00001"]);
    // A mistake in a name is found before anything is deleted.
    let left = name("t00001");
    barque.args(["delete", &left, "a:1"]).run().code(1);
    assert_eq!(tags(&registry.docker("a")).len(), 1);
}

#[test]
fn places_that_cannot_delete() {
    let barque = Barque::new();
    for name in [
        "dir:place",
        "oci-archive:place.tar",
        "docker-archive:place.tar",
    ] {
        let out = barque.args(["delete", name]).run().code(1);
        assert!(out.stderr().contains("`rm`"), "{}", out.stderr());
    }
    barque.args(["delete", "oci:nowhere:1"]).run().code(2);
    barque.args(["delete"]).run().code(1);
}

/// The names of the blobs in a layout.
fn blobs(layout: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(layout.join("blobs/sha256")).unwrap();
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The names of all that an image consists of.
fn parts(image: &TestImage) -> BTreeSet<String> {
    let below = image.children.iter().flat_map(parts);
    let own = image.blobs.keys().chain([&image.digest]);
    own.map(|d| d.hex().to_owned()).chain(below).collect()
}

#[test]
fn blobs_that_nothing_else_needs_go_with_an_entry_of_a_layout() {
    let barque = Barque::new();
    let layout = barque.path("l");
    let (small, index) = (images::small(), images::five_platforms());
    // One platform of the index is named itself, and shares a layer with the others and with `small`.
    let child = &index.children[1];
    write_layout(
        &layout,
        &[("small", &small), ("all", &index), ("arm", child)],
    );
    let all = blobs(&layout);

    let out = barque.args(["delete", "oci:l:all"]).run().ok();
    assert_eq!(out.stdout(), "oci:l:all\n");
    assert_eq!(blobs(&layout), &parts(&small) | &parts(child));
    assert!(blobs(&layout).len() < all.len());
    barque.args(["delete", "oci:l:all"]).run().code(2);
    for name in ["oci:l:small", "oci:l:arm"] {
        barque
            .args(["copy", name, &format!("dir:{}", &name[6..])])
            .run()
            .ok();
    }
    barque.args(["delete", "oci:l:small"]).run().ok();
    assert_eq!(blobs(&layout), parts(child));
    barque.args(["delete", "oci:l:@0"]).run().ok();
    assert!(blobs(&layout).is_empty());
    assert!(layout.join("index.json").exists());
}

#[test]
fn blobs_that_layouts_share_are_left_alone() {
    let barque = Barque::new();
    write_layout(&barque.path("in"), &[("1", &images::small())]);
    let shared = ["copy", "--dest-shared-blob-dir", "pool", "oci:in:1"];
    barque.args(shared).args(["oci:one:1"]).run().ok();
    barque.args(shared).args(["oci:two:1"]).run().ok();
    barque.args(["delete", "oci:one:1"]).run().ok();
    let copy = ["copy", "--src-shared-blob-dir", "pool"];
    barque.args(copy).args(["oci:one:1", "dir:a"]).run().code(2);
    barque.args(copy).args(["oci:two:1", "dir:b"]).run().ok();
}

#[test]
fn a_second_name_keeps_all_blobs() {
    let barque = Barque::new();
    let layout = barque.path("l");
    let image = images::small();
    write_layout(&layout, &[("1", &image), ("latest", &image)]);
    barque.args(["delete", "oci:l:1"]).run().ok();
    assert_eq!(blobs(&layout), parts(&image));
    barque.args(["inspect", "oci:l:latest"]).run().ok();
}

#[test]
fn nothing_is_removed_that_a_manifest_nobody_can_read_may_need() {
    let barque = Barque::new();
    let layout = barque.path("l");
    let (small, other) = (images::small(), images::two_layers());
    write_layout(&layout, &[("1", &small), ("2", &other)]);
    std::fs::write(layout.join("blobs/sha256").join(other.digest.hex()), "{").unwrap();
    let before = blobs(&layout);
    let out = barque.args(["delete", "oci:l:1"]).run().ok();
    assert!(
        out.stderr().contains("warning: no blob is removed"),
        "{}",
        out.stderr()
    );
    assert_eq!(blobs(&layout), before);
    barque.args(["inspect", "oci:l:1"]).run().code(2);
}

#[test]
fn a_copy_finds_that_a_blob_it_relied_on_was_deleted() {
    let shared = || Maker::new(Dialect::Oci).file_layer("shared", images::noise(1, 5_000));
    let old = shared().file_layer("old", "old").make();
    let new = shared().file_layer("new", images::noise(2, 90_000)).make();
    let slow = new.layers()[1].to_string();
    let registry = FakeRegistry::start()
        .image("a", "new", &new)
        .rule(on("GET").path(&slow).first(1).stall_after(40_000));
    let barque = Barque::new();
    write_layout(&barque.path("l"), &[("old", &old)]);
    let args = [
        "copy",
        &registry.docker("a:new"),
        "oci:l:new",
        "--stall-timeout",
        "1500ms",
    ];
    let copying = barque.args(args).start();
    while registry.requests("GET", &slow).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    barque.args(["delete", "oci:l:old"]).run().ok();
    let out = copying.wait().code(5);
    assert!(
        out.stderr().contains("was removed from"),
        "{}",
        out.stderr()
    );
    barque.args(["inspect", "oci:l:new"]).run().code(2);

    barque.args(args).run().ok();
    assert_eq!(blobs(&barque.path("l")), parts(&new));
}

#[test]
fn a_token_for_deletion() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let registry = DockerRegistry::setup()
        .auth(Auth::Token(&tokens))
        .delete()
        .start();
    registry.feed("a:1", &images::small());
    let barque = Barque::new();
    let args = ["delete", &registry.docker("a:1"), "--creds"];
    let out = barque.args(args).args([reader()]).run().code(3);
    assert_eq!(out.stdout(), "");
    barque.args(args).args([good()]).run().ok();
    let look = ["inspect", "--raw", &registry.docker("a:1"), "--creds"];
    barque.args(look).args([good()]).run().code(2);
}

#[test]
fn a_manifest_that_is_a_layer_elsewhere_keeps_its_blobs() {
    let barque = Barque::new();
    let image = images::two_layers();
    let config = images::small();
    // An artifact that carries the manifest of the image as a plain blob.
    let carrier = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.example",
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
            "digest": images::sha256(b"{}").to_string() },
        "layers": [{ "mediaType": "application/octet-stream", "size": image.manifest.len(),
            "digest": image.digest.to_string() }],
    });
    let mut carrier = TestImage::raw(
        "application/vnd.oci.image.manifest.v1+json",
        carrier.to_string(),
    );
    carrier.blobs.insert(images::sha256(b"{}"), b"{}".to_vec());
    let layout = barque.path("layout");
    let held = [
        ("carrier", &carrier),
        ("kept", &image),
        ("gone", &image),
        ("other", &config),
    ];
    write_layout(&layout, &held);
    let at = |name: &str| format!("oci:{}:{name}", layout.display());
    barque.args(["delete", &at("gone")]).run().ok();
    let copied = barque.args(["copy", &at("kept"), "dir:copy"]).run().ok();
    assert!(copied.stdout().contains(&image.digest.to_string()));
}
