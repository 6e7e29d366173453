//! Manifests (section M).

use super::{assert_pulled, assert_pushed, barque, pull, push, raw, values};
use crate::support::fake::{FakeRegistry, Reply, on};
use crate::support::images::{self, TestImage, media};

fn registry() -> FakeRegistry {
    FakeRegistry::start().image("a", "1", &images::small())
}

#[test]
fn e17_a_push_goes_on_where_the_question_what_is_there_fails() {
    for status in [500, 502, 503] {
        let image = images::two_layers();
        let registry = FakeRegistry::start().rule(on("HEAD").path("/manifests/").status(status));
        super::push(&image, &registry).ok();
        super::assert_pushed(&registry, &image);
        let asked = registry.requests("HEAD", "/manifests/").len();
        assert_eq!(asked, 2, "one retry is enough for what only saves work");
    }
}

#[test]
fn m1_head_is_not_known() {
    let registry = registry().rule(on("HEAD").path("/manifests/").status(405));
    push(&images::small(), &registry).ok();
    assert_eq!(
        registry.lines(),
        ["HEAD /v2/a/manifests/1 405", "GET /v2/a/manifests/1 200"],
        "the image is there"
    );
}

#[test]
fn m2_m4_head_without_a_digest() {
    let head = || on("HEAD").path("/manifests/");
    for rule in [
        head().drop_header("Docker-Content-Digest"),
        head().header("Docker-Content-Digest", ""),
        head().header("Docker-Content-Digest", "  "),
        head().header("Docker-Content-Digest", "none"),
    ] {
        let registry = registry().rule(rule);
        push(&images::small(), &registry).ok();
        assert_eq!(
            registry.lines(),
            ["HEAD /v2/a/manifests/1 200", "GET /v2/a/manifests/1 200"]
        );
    }
}

#[test]
fn m3_the_digest_is_that_of_the_bytes() {
    let wrong = images::artifact().digest.to_string();
    let registry = registry().rule(
        on("GET")
            .path("/manifests/")
            .header("Docker-Content-Digest", &wrong),
    );
    let image = images::small();
    let inspect = ["inspect", "--no-tags", &registry.docker("a:1")];
    let out = barque().args(inspect).run().ok();
    assert_eq!(out.json()["Digest"], image.digest.to_string());
    let by_digest = registry.docker(&format!("a@{}", image.digest));
    barque().args(["inspect", "--raw", &by_digest]).run().ok();

    let other = images::artifact().manifest;
    let registry = registry.rule(
        on("GET")
            .path("/manifests/sha256")
            .answer(Reply::new(200, other).with("Content-Type", media::OCI_MANIFEST)),
    );
    let args = [
        "inspect",
        "--raw",
        &registry.docker(&format!("a@{}", image.digest)),
    ];
    let out = barque().args(args).run().code(4);
    assert!(
        out.stderr().contains(&format!("hashes to `{wrong}`")),
        "{}",
        out.stderr()
    );
    assert_eq!(out.stdout(), "");
}

#[test]
fn m5_m6_manifest_types_are_asked_for_everywhere_and_only_there() {
    let registry = FakeRegistry::start().image("a", "1", &images::five_platforms());
    let barque = barque();
    let to = registry.docker("b:1");
    barque.args(["inspect", &registry.docker("a:1")]).run().ok();
    barque
        .args(["copy", "--all", &registry.docker("a:1"), &to])
        .run()
        .ok();
    let (mut reads, mut others) = (0, 0);
    for seen in registry.requests("", "") {
        let accept = seen.header("accept").unwrap_or_default();
        let is_read = seen.path.contains("/manifests/") && seen.method != "PUT";
        let types = [
            media::OCI_INDEX,
            media::OCI_MANIFEST,
            media::DOCKER_LIST,
            media::DOCKER_MANIFEST,
        ];
        if is_read {
            reads += 1;
            assert!(
                types.iter().all(|t| accept.contains(t)),
                "{} {}: {accept}",
                seen.method,
                seen.path
            );
        } else {
            others += 1;
            assert!(
                !accept.contains("manifest"),
                "{} {}: {accept}",
                seen.method,
                seen.path
            );
        }
    }
    assert!(reads > 6 && others > 6);
}

#[test]
fn m7_lengths_of_head_and_get_differ() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("HEAD").header("Content-Length", "7"));
    let barque = barque();
    pull(&barque, &registry).ok();
    push(&images::small(), &registry).ok();
    let encodings = values(&registry.requests("", ""), "accept-encoding");
    assert_eq!(encodings.len(), registry.requests("", "").len());
    assert!(encodings.iter().all(|e| e == "identity"), "{encodings:?}");
}

#[test]
fn m8_documents_that_a_proxy_packed() {
    let image = images::small();
    let packed = Reply::new(200, images::gzip(&image.manifest))
        .with("Content-Type", media::OCI_MANIFEST)
        .with("Content-Encoding", "gzip");
    let registry = registry().rule(on("GET").path("/manifests/").answer(packed));
    assert_eq!(raw(&registry).ok().stdout_bytes(), image.manifest);
    let barque = barque();
    pull(&barque, &registry).ok();
    assert_pulled(&barque, &image);
}

#[test]
fn m9_content_types_in_all_spellings() {
    for value in [
        "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
        "Application/Vnd.OCI.Image.Manifest.v1+JSON",
        "application/json",
        "text/plain",
        "",
    ] {
        let registry = registry().rule(on("GET").path("/manifests/").header("Content-Type", value));
        let args = ["inspect", "--no-tags", &registry.docker("a:1")];
        let out = barque().args(args).run().ok();
        assert_eq!(
            out.json()["Digest"],
            images::small().digest.to_string(),
            "{value}"
        );
    }
    let registry = registry().rule(on("GET").path("/manifests/").drop_header("Content-Type"));
    raw(&registry).ok();
}

#[test]
fn m9_header_and_body_of_different_kinds_are_refused() {
    for (value, image) in [
        (media::OCI_INDEX, images::small()),
        (media::OCI_MANIFEST, images::five_platforms()),
        (media::DOCKER_LIST, images::two_layers_docker()),
    ] {
        let registry = FakeRegistry::start()
            .image("a", "1", &image)
            .rule(on("GET").path("/manifests/").header("Content-Type", value));
        raw(&registry).code(4);
        let barque = barque();
        pull(&barque, &registry).code(4);
        assert!(!barque.path("out/manifest.json").exists());
    }
}

#[test]
fn m14_a_server_that_says_200_to_every_put_is_not_believed() {
    let registry = FakeRegistry::start().rule(on("PUT").path("/manifests/").status(200));
    let out = push(&images::small(), &registry).code(5);
    assert!(
        out.stderr()
            .contains("the manifest is not there afterwards"),
        "{}",
        out.stderr()
    );

    let registry = FakeRegistry::start().rule(on("PUT").status(200));
    let out = push(&images::small(), &registry).code(5);
    assert!(
        out.stderr().contains("the blob is not there afterwards"),
        "{}",
        out.stderr()
    );
    assert!(registry.requests("PUT", "/manifests/").is_empty());

    // Another status for work that was done.
    let registry = FakeRegistry::start().rule(on("PUT").path("/manifests/").with_status(200));
    push(&images::small(), &registry).ok();
    assert_pushed(&registry, &images::small());
}

/// A manifest of exactly this many bytes.
fn manifest_of(size: usize) -> TestImage {
    let mut json = images::small().json();
    json["annotations"] = serde_json::json!({ "pad": "" });
    let short = json.to_string().len();
    json["annotations"]["pad"] = "x".repeat(size - short).into();
    TestImage {
        blobs: images::small().blobs,
        ..TestImage::raw(media::OCI_MANIFEST, json.to_string())
    }
}

#[test]
fn m16_manifests_up_to_4_mib() {
    let largest = manifest_of(4 << 20);
    let registry = FakeRegistry::start().image("a", "1", &largest);
    assert_eq!(raw(&registry).ok().stdout_bytes(), largest.manifest);
    push(&largest, &FakeRegistry::start()).ok();

    let registry = FakeRegistry::start().image("a", "1", &manifest_of((4 << 20) + 1));
    let out = raw(&registry).code(4);
    assert!(
        out.stderr().contains("larger than 4 MiB"),
        "{}",
        out.stderr()
    );
    let empty = FakeRegistry::start();
    let out = push(&manifest_of((4 << 20) + 1), &empty);
    assert!(matches!(out.exit_code(), Some(4 | 6)), "{}", out.stderr());
    assert!(empty.requests("PUT", "/manifests/").is_empty());
}
