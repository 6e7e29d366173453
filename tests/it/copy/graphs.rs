//! Indexes of odd shapes: what is listed is written before what lists it, and nothing that is missing is taken to be there.

use serde_json::json;

use super::super::support::fake::{FakeRegistry, on};
use super::super::support::images::{Dialect, Maker, five_platforms, index, media};
use super::*;

const AMD: (&str, &str, &str) = ("linux", "amd64", "");
const ARM: (&str, &str, &str) = ("linux", "arm64", "");

/// An index that lists an index, and an image that the inner index lists too.
fn shared_child() -> (TestImage, TestImage, TestImage) {
    let image = images::small();
    let inner = index(Dialect::Oci, [(image.clone(), AMD)]);
    let outer = index(Dialect::Oci, [(inner.clone(), ARM), (image.clone(), AMD)]);
    (outer, inner, image)
}

/// Digests of the manifests that were written by digest, in order; the last one, written by its tag, is left out.
fn written(registry: &FakeRegistry) -> Vec<String> {
    let puts = registry.requests("PUT", "/manifests/");
    let names = puts.iter().filter_map(|s| s.path.rsplit('/').next());
    names
        .map(str::to_owned)
        .filter(|n| n.contains(':'))
        .collect()
}

#[test]
fn a_manifest_that_two_indexes_list_is_written_before_both() {
    let (outer, inner, image) = shared_child();
    let from = FakeRegistry::start().image("a", "1", &outer);
    let to = FakeRegistry::start();
    let barque = Barque::new();
    let args = ["copy", "--all", &from.docker("a:1"), &to.docker("b:1")];
    barque.args(args).run().ok();
    assert_eq!(
        written(&to),
        [image.digest.to_string(), inner.digest.to_string()]
    );
    assert_eq!(to.manifest("b", "1"), Some(outer.manifest.clone()));
    // Each manifest of the source was read once.
    assert_eq!(
        from.requests("GET", "/manifests/").len(),
        3,
        "{:?}",
        from.lines()
    );
}

#[test]
fn an_index_that_is_converted_lists_what_was_written_at_every_depth() {
    let (outer, ..) = shared_child();
    let from = FakeRegistry::start().image("a", "1", &outer);
    for flags in [
        &["--dest-decompress"][..],
        &["--dest-compress-format", "zstd"],
    ] {
        let to = FakeRegistry::start();
        let barque = Barque::new();
        let copy = ["copy", "--all", &from.docker("a:1"), &to.docker("b:1")];
        barque.args(copy).args(flags).run().ok();
        let there = written(&to);
        let mut bodies = vec![to.manifest("b", "1").unwrap()];
        let mut entries = 0;
        while let Some(body) = bodies.pop() {
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            for entry in body["manifests"].as_array().into_iter().flatten() {
                let digest = entry["digest"].as_str().unwrap();
                assert!(
                    there.iter().any(|d| d == digest),
                    "{flags:?}: `{digest}` is missing"
                );
                bodies.push(to.manifest_by_digest("b", digest).unwrap());
                entries += 1;
            }
        }
        assert_eq!(entries, 3, "{flags:?}");
    }
}

#[test]
fn m12_what_a_referrer_speaks_of_is_written_first() {
    let image = images::small();
    let mut body = images::artifact().json();
    body["subject"] = json!({
        "mediaType": image.media_type, "digest": image.digest, "size": image.manifest.len(),
    });
    let referrer = TestImage {
        blobs: images::artifact().blobs,
        ..TestImage::raw(media::OCI_MANIFEST, body.to_string())
    };
    let both = index(
        Dialect::Oci,
        [(referrer.clone(), ARM), (image.clone(), AMD)],
    );
    let from = FakeRegistry::start().image("a", "1", &both);
    let to = FakeRegistry::start();
    let barque = Barque::new();
    let args = ["copy", "--all", &from.docker("a:1"), &to.docker("b:1")];
    barque.args(args).run().ok();
    assert_eq!(
        written(&to),
        [image.digest.to_string(), referrer.digest.to_string()]
    );
}

#[test]
fn what_a_sparse_copy_left_out_can_be_had_later() {
    let image = five_platforms();
    let from = FakeRegistry::start().image("a", "1", &image);
    let to = FakeRegistry::start().takes_sparse();
    let barque = Barque::new();
    let copy = |flags: &[&str]| {
        let places = ["copy", &from.docker("a:1"), &to.docker("b:1")];
        to.clear();
        barque.args(places).args(flags).run().ok();
        written(&to).len()
    };
    assert_eq!(copy(&["--sparse", "--platform", "linux/amd64"]), 1);
    // The digest of the index is there already, the images of other platforms are not.
    assert_eq!(copy(&["--sparse", "--platform", "linux/s390x"]), 1);
    assert_eq!(copy(&["--all"]), 0);
    assert_eq!(
        to.requests("", "").len(),
        1,
        "the digest is all that is asked for"
    );
    assert_eq!(copy(&["--all", "--recheck"]), 5);
    assert_eq!(to.requests("PATCH", "").len(), 0, "{:?}", to.lines());
}

#[test]
fn a_layout_that_lost_its_manifest_gets_it_again() {
    let image = Maker::new(Dialect::Oci).file_layer("a", "b").make();
    let from = FakeRegistry::start().image("a", "1", &image);
    let barque = Barque::new();
    let copy = ["copy", &from.docker("a:1"), "oci:out:1"];
    barque.args(copy).run().ok();
    let manifest = barque.path("out/blobs/sha256").join(image.digest.hex());
    let damaged = vec![b'x'; image.manifest.len()];
    for bytes in [None, Some(&b""[..]), Some(&damaged)] {
        match bytes {
            None => std::fs::remove_file(&manifest).unwrap(),
            Some(bytes) => std::fs::write(&manifest, bytes).unwrap(),
        }
        barque.args(copy).run().ok();
        assert_eq!(std::fs::read(&manifest).unwrap(), image.manifest);
    }
    let again = barque.args(copy).run().ok();
    assert!(
        again.stderr().contains("is up to date"),
        "{}",
        again.stderr()
    );
}

#[test]
fn a_blob_that_is_listed_with_two_sizes_is_refused() {
    let image = images::small();
    let mut body = image.json();
    let mut again = body["layers"][0].clone();
    again["size"] = json!(again["size"].as_u64().unwrap() + 1);
    body["layers"].as_array_mut().unwrap().push(again);
    let image = TestImage {
        blobs: image.blobs,
        ..TestImage::raw(media::OCI_MANIFEST, body.to_string())
    };
    let from = FakeRegistry::start().image("a", "1", &image);
    let barque = Barque::new();
    let out = barque
        .args(["copy", &from.docker("a:1"), "dir:out"])
        .run()
        .code(4);
    assert!(
        out.stderr().contains("elsewhere in the image"),
        "{}",
        out.stderr()
    );
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let barque = Barque::new();
    let image = images::small();
    images::write_dir(&barque.path("dir"), &image);
    images::write_layout(&barque.path("oci"), &[("1", &image)]);
    let layer = image.layers()[0].clone();
    let [of_dir, of_layout, index] = [
        format!("dir/{}", layer.hex()),
        format!("oci/blobs/sha256/{}", layer.hex()),
        "oci/index.json".to_owned(),
    ];
    for (pipe, from) in [
        (of_dir, "dir:dir"),
        (of_layout, "oci:oci:1"),
        (index, "oci:oci:1"),
    ] {
        std::fs::remove_file(barque.path(&pipe)).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(barque.path(&pipe))
            .status();
        assert!(made.unwrap().success());
        let out = barque.args(["copy", from, "dir:out"]).run().code(1);
        assert!(
            out.stderr().contains("it is not a file"),
            "{}",
            out.stderr()
        );
    }
}

#[test]
fn a_registry_that_wants_whole_indexes_refuses_a_sparse_one_with_a_hint() {
    peers::needs!("docker-registry", "skopeo");
    let real = DockerRegistry::open();
    let from = FakeRegistry::start().image("a", "1", &five_platforms());
    let (barque, fake) = (Barque::new(), FakeRegistry::start());
    // Some say it with 404.
    let odd = FakeRegistry::start().rule(on("PUT").path_end("/1").error(
        404,
        "MANIFEST_BLOB_UNKNOWN",
        "blob unknown to registry",
    ));
    for to in [real.docker("b:1"), fake.docker("b:1"), odd.docker("b:1")] {
        let args = ["copy", "--sparse", "--platform", "linux/amd64"];
        let out = barque.args(args).args([&from.docker("a:1"), &to]).run();
        let out = out.code(6);
        for part in [
            "takes no index whose images are not all there",
            "without `--sparse`",
        ] {
            assert!(out.stderr().contains(part), "{}", out.stderr());
        }
    }
}
