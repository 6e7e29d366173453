//! Cross-repository mount (section X).

use super::{assert_pushed, barque, bearer, values};
use crate::support::fake::{FakeRegistry, Head, Reply, on};
use crate::support::images::{self, TestImage};
use crate::support::sandbox::Output;

/// A registry with an image in another repository than `a`.
fn with_source() -> (FakeRegistry, TestImage) {
    let image = images::small();
    (FakeRegistry::start().image("one", "1", &image), image)
}

fn copy(registry: &FakeRegistry) -> Output {
    let (from, to) = (registry.docker("one:1"), registry.docker("a:1"));
    let copy = ["copy", "--image-parallel-copies", "1", &from, &to];
    barque().args(copy).run()
}

#[test]
fn x1_both_scopes_for_the_mount_alone() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let both = |head: &Head| {
        head.target
            .contains("scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Aone%3Apull")
    };
    let auth_rule = on("GET").when(both).json(r#"{"token":"both"}"#);
    let auth = auth.rule(auth_rule);
    let (registry, image) = with_source();
    let is_both = |head: &Head| head.header("authorization") == Some("Bearer both");
    let registry = registry
        .rule(
            on("")
                .without_header("authorization")
                .challenge(&bearer(&auth.token_url())),
        )
        .rule(
            on("POST")
                .path("mount=")
                .when(move |h| !is_both(h))
                .challenge(&bearer(&auth.token_url())),
        );
    copy(&registry).ok();
    assert_pushed(&registry, &image);
    assert!(
        registry.requests("PUT", "/blobs/").is_empty(),
        "all blobs were mounted"
    );
    for seen in registry.requests("", "") {
        let is_mount = seen.path.contains("mount=");
        assert_eq!(
            seen.header("authorization") == Some("Bearer both"),
            is_mount,
            "{} {}",
            seen.method,
            seen.path
        );
    }
}

#[test]
fn x2_a_declined_mount_is_an_upload_already() {
    let (registry, image) = with_source();
    let registry = registry.rule(on("POST").decline_mount());
    copy(&registry).ok();
    assert_pushed(&registry, &image);
    assert_eq!(registry.requests("POST", "").len(), image.blobs.len());
}

#[test]
fn x3_a_refused_mount_is_no_failure() {
    // A server's error may be chance: the mount is tried once more.
    for (status, tries) in [
        (401, 1),
        (403, 1),
        (409, 1),
        (422, 1),
        (501, 1),
        (500, 2),
        (503, 2),
    ] {
        let (registry, image) = with_source();
        let registry = registry.rule(on("POST").path("mount=").error(
            status,
            "DENIED",
            "the source is private",
        ));
        copy(&registry).ok();
        assert_pushed(&registry, &image);
        let blobs = image.blobs.len();
        let count = |method, path| registry.requests(method, path).len();
        assert_eq!(count("PUT", "/blobs/"), blobs, "{status}");
        assert_eq!(count("POST", "mount="), blobs * tries, "{status}");
        assert_eq!(count("POST", ""), blobs * (tries + 1), "{status}");
    }
}

#[test]
fn x3_chance_says_nothing_of_the_mounts_to_come() {
    // No other repository: the mount is only the question whether the blob is there.
    for status in [502, 522] {
        let registry = FakeRegistry::start().rule(on("POST").path("mount=").status(status));
        let (barque, image) = (barque(), images::two_layers());
        let run = super::pushing(&barque, &image, &registry);
        run.args(["--image-parallel-copies", "1"]).run().ok();
        let mounts = registry.requests("POST", "mount=").len();
        assert_eq!(mounts, image.blobs.len() * 2, "{:?}", registry.lines());
    }
}

#[test]
fn x3_a_mount_that_is_no_start_either() {
    for status in [200, 202, 204] {
        let (registry, image) = with_source();
        let registry = registry.rule(on("POST").path("mount=").status(status));
        copy(&registry).ok();
        assert_pushed(&registry, &image);
        assert_eq!(registry.requests("POST", "").len(), image.blobs.len() * 2);
    }
}

#[test]
fn x3_a_mount_that_comes_too_soon_is_tried_again() {
    let (registry, image) = with_source();
    let busy = Reply::new(429, "").with("Retry-After", "0");
    let registry = registry.rule(on("POST").path("mount=").first(3).answer(busy));
    copy(&registry).ok();
    assert_pushed(&registry, &image);
    let posts = registry.requests("POST", "");
    assert_eq!(posts.len(), image.blobs.len() + 3);
    assert!(posts.iter().all(|post| post.path.contains("mount=")));
}

#[test]
fn x4_x5_a_mount_says_from_where_and_nothing_else() {
    let (registry, _) = with_source();
    copy(&registry).ok();
    super::push(&images::artifact(), &registry).ok();
    let posts = registry.requests("POST", "");
    assert_eq!(posts.len(), 5);
    for post in &posts {
        let query = post.path.split_once('?').map_or("", |(_, query)| query);
        let names: Vec<_> = query
            .split('&')
            .filter_map(|p| p.split('=').next())
            .collect();
        assert_eq!(names, ["mount", "from"], "{}", post.path);
    }
    assert!(values(&posts, "authorization").is_empty());
}

#[test]
fn x6_a_mount_that_was_a_lie() {
    // Named in the message, one at a time; named in the detail; not named at all.
    let detail = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":{"digest":"DIGEST"}}]}"#;
    for answer in [
        None,
        Some(detail),
        Some(r#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#),
    ] {
        let (registry, image) = with_source();
        let lie = Reply::new(201, "").with("Location", "/v2/a/blobs/sha256:0");
        let registry = registry.rule(on("POST").path("mount=").answer(lie));
        if let Some(answer) = answer {
            let body = answer.replace("DIGEST", &image.config().to_string());
            let refusal = Reply::new(404, body).with("Content-Type", "application/json");
            registry.add_rule(on("PUT").path("/manifests/").first(1).answer(refusal));
        }
        copy(&registry).ok();
        assert_pushed(&registry, &image);
        assert_eq!(registry.requests("PUT", "/blobs/").len(), image.blobs.len());
        let manifests = registry.requests("PUT", "/manifests/").len();
        assert!((2..=3).contains(&manifests), "{:?}", registry.lines());
    }
}

#[test]
fn x6_a_registry_that_misses_blobs_for_ever_is_not_asked_for_ever() {
    let (registry, image) = with_source();
    let refusal = on("PUT")
        .path("/manifests/")
        .error(400, "MANIFEST_BLOB_UNKNOWN", "no");
    let registry = registry.rule(refusal);
    let out = copy(&registry).code(6);
    assert!(
        out.stderr().contains("MANIFEST_BLOB_UNKNOWN"),
        "{}",
        out.stderr()
    );
    assert_eq!(registry.requests("PUT", "/manifests/").len(), 2);
    assert_eq!(registry.requests("PUT", "/blobs/").len(), image.blobs.len());
}

#[test]
fn x7_a_blob_that_is_unknown_for_a_moment() {
    let (source, image) = with_source();
    let layer = image.blobs.keys().next().unwrap();
    let says = format!("blob unknown: {layer}");
    let refusal = on("PUT").path("/manifests/").first(2);
    let refusal = refusal.error(400, "MANIFEST_BLOB_UNKNOWN", &says);
    let registry = FakeRegistry::start().rule(refusal);
    let copy = ["copy", &source.docker("one:1"), &registry.docker("a:1")];
    barque().args(copy).run().ok();
    assert_eq!(registry.requests("PUT", "/manifests/").len(), 3);
    // It was written, and is not sent again.
    assert_eq!(registry.requests("PUT", "/blobs/").len(), image.blobs.len());
}
