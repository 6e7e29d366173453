//! Layers in another form into registries and archives: where a blob gets its name when it is there already.

use super::super::support::fake::{FakeRegistry, on};
use super::super::support::images::{Dialect, Maker, media, noise, write_dir};
use super::*;

const ZSTD: &str = "--dest-compress-format=zstd";

/// A layer larger than what is held in memory, and a small one.
fn large_and_small(dialect: Dialect) -> TestImage {
    Maker::new(dialect)
        .file_layer("data/large", noise(5, 3_000_000))
        .file_layer("data/small", noise(6, 1000))
        .make()
}

#[test]
fn a_docker_image_becomes_oci_with_zstd_in_a_registry() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    let image = large_and_small(Dialect::Docker);
    registry.feed("fleet/ship:docker", &image);
    let (source, target) = (
        registry.docker("fleet/ship:docker"),
        registry.docker("fleet/zstd:1"),
    );
    let barque = Barque::new();
    let mark = registry.mark();
    let out = barque.args(["copy", ZSTD, &source, &target]).run().ok();
    let sent = registry.since(mark);
    // The large layer: POST, PATCH, PUT; the small one and the config: POST, PUT.
    assert_eq!(
        sent.count("PATCH", "/fleet/zstd/"),
        1,
        "{:#?}",
        sent.lines()
    );
    assert_eq!(sent.count("POST", "/fleet/zstd/"), 3);
    let skopeo = peers::skopeo();
    let args = ["copy", "-q", "--src-tls-verify=false", &target, "dir:out"];
    skopeo.args(args).run().ok();
    let manifest = std::fs::read(skopeo.path("out/manifest.json")).unwrap();
    assert_eq!(out.stdout(), format!("{target}@{}\n", sha256(&manifest)));
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["mediaType"], media::OCI_MANIFEST);
    let zstd = format!("{}+zstd", media::OCI_LAYER);
    for layer in manifest["layers"].as_array().unwrap() {
        assert_eq!(layer["mediaType"], zstd);
    }
    // The same layers again, from where they are now: nothing is recompressed.
    let back = registry.docker("fleet/again:1");
    let again = barque.args(["copy", ZSTD, &target, &back]).run().ok();
    assert_eq!(
        again.stdout().rsplit('@').next(),
        out.stdout().rsplit('@').next()
    );
    // And once more under the name that has them: nothing is done.
    let idle = barque.args(["copy", ZSTD, &target, &back]).run().ok();
    assert!(idle.stderr().contains("is up to date"), "{}", idle.stderr());
    // Within the repository too.
    let own = registry.docker("fleet/ship:zstd");
    let own = barque.args(["copy", ZSTD, &source, &own]).run().ok();
    assert_eq!(
        own.stdout().rsplit('@').next(),
        out.stdout().rsplit('@').next()
    );
}

#[test]
fn an_upload_without_a_size_is_sent_in_chunks_and_begun_anew_when_it_fails() {
    let barque = Barque::new().env("BARQUE_RETRY_BACKOFF", "1ms");
    write_dir(&barque.path("dir"), &large_and_small(Dialect::Oci));
    barque
        .args(["copy", ZSTD, "dir:dir", "oci:local:1"])
        .run()
        .ok();
    let wanted = digest_of(&barque.path("local"), "1");
    let put = || on("PUT").path("/blobs/uploads/");
    for (fault, sent) in [
        (None, 1),
        (Some(on("PATCH").first(2).status(500)), 3),
        (Some(on("PATCH").first(1).rst_request_after(100_000)), 2),
        (Some(on("PATCH").first(1).forget_uploads()), 2),
        // All is there: only the end is said again.
        (Some(put().first(1).status(503)), 1),
    ] {
        let registry = FakeRegistry::start();
        fault.into_iter().for_each(|fault| registry.add_rule(fault));
        let to = registry.docker("a:1");
        let out = barque.args(["copy", ZSTD, "dir:dir", &to]).run().ok();
        assert_eq!(
            out.stdout(),
            format!("{to}@{wanted}\n"),
            "{:#?}",
            registry.lines()
        );
        let manifest = registry.manifest("a", "1").unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        for layer in manifest["layers"].as_array().unwrap() {
            let digest = layer["digest"].as_str().unwrap().parse().unwrap();
            assert_eq!(
                registry.blob("a", &digest).map(|b| sha256(&b)),
                Some(digest)
            );
        }
        let patches = registry.requests("PATCH", "/blobs/uploads/");
        assert_eq!(patches.len(), sent, "{:#?}", registry.lines());
        for patch in patches {
            assert_eq!(patch.header("transfer-encoding"), Some("chunked"));
            assert_eq!(patch.header("content-length"), None);
        }
    }
}

#[test]
fn u11_a_registry_that_wants_a_length_gets_one() {
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &large_and_small(Dialect::Oci));
    barque
        .args(["copy", ZSTD, "dir:dir", "oci:local:1"])
        .run()
        .ok();
    for status in [411, 413, 501] {
        let chunked = on("PATCH").with_header("transfer-encoding");
        let registry = FakeRegistry::start().rule(chunked.status(status));
        let to = registry.docker("a:1");
        let out = barque.args(["copy", ZSTD, "dir:dir", &to]).run().ok();
        let wanted = digest_of(&barque.path("local"), "1");
        assert_eq!(out.stdout(), format!("{to}@{wanted}\n"), "{status}");
        assert_eq!(registry.with_header("transfer-encoding").len(), 1);
    }
    assert_eq!(names(&barque.tmp()), Vec::<String>::new());
}

#[test]
fn a_push_that_is_not_allowed_is_not_tried_again() {
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &large_and_small(Dialect::Oci));
    let registry = FakeRegistry::start().rule(on("PATCH").error(403, "DENIED", "not here"));
    let to = registry.docker("a:1");
    barque.args(["copy", ZSTD, "dir:dir", &to]).run().code(3);
    assert_eq!(registry.requests("PATCH", "/blobs/uploads/").len(), 1);
}

#[test]
fn an_archive_holds_recoded_layers_in_the_order_of_the_image() {
    peers::needs!("skopeo");
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &large_and_small(Dialect::Docker));
    for file in ["a.tar", "b.tar"] {
        let to = format!("oci-archive:{file}:v1");
        barque.args(["copy", ZSTD, "dir:dir", &to]).run().ok();
    }
    let archive = std::fs::read(barque.path("a.tar")).unwrap();
    assert!(archive == std::fs::read(barque.path("b.tar")).unwrap());
    let piped = barque.args(["copy", "-q", ZSTD, "dir:dir", "oci-archive:-:v1"]);
    assert!(archive == piped.run().ok().stdout_bytes());
    let skopeo = peers::skopeo();
    let from = format!("oci-archive:{}:v1", barque.path("a.tar").display());
    skopeo.args(["copy", "-q", &from, "dir:out"]).run().ok();
    // A second name for the same image adds no layer to the archive.
    let second = ["copy", ZSTD, "dir:dir", "oci-archive:a.tar:v2"];
    barque.args(second).run().ok();
    let grown = std::fs::read(barque.path("a.tar")).unwrap().len() - archive.len();
    assert!(grown < 4096, "{grown} bytes more");
    let tags = barque.args(["inspect", "oci-archive:a.tar:v2"]).run().ok();
    assert_eq!(tags.json()["Layers"].as_array().unwrap().len(), 2);
    assert_eq!(names(&barque.tmp()), Vec::<String>::new());
}
