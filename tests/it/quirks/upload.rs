//! Blob upload (section U).

use super::{assert_pushed, barque, bearer, push, pushing};
use crate::support::fake::{FakeRegistry, Head, LocationForm, Rule, Seen, on};
use crate::support::images::{self, TestImage, media, sha256};
use crate::support::proxy::Proxy;
use crate::support::tls::Certificates;

/// Requests of this method to an upload.
fn sent(method: &str) -> Rule {
    on(method).path("/blobs/uploads/")
}

fn has_body(head: &Head) -> bool {
    head.header("content-length").is_some_and(|l| l != "0")
}

/// Refuses bodies in one PUT, so that PATCH is used.
fn no_whole_put() -> Rule {
    sent("PUT")
        .when(has_body)
        .error(413, "SIZE_INVALID", "too large")
}

fn uploads(registry: &FakeRegistry, method: &str) -> Vec<Seen> {
    registry.requests(method, "/blobs/uploads/")
}

/// A registry that takes every upload although it has the blobs, so that others may swallow the bytes.
fn full(image: &TestImage) -> FakeRegistry {
    FakeRegistry::start()
        .image("a", "before", image)
        .rule(on("POST").decline_mount())
}

#[test]
fn u1_u3_locations_in_all_forms() {
    for streamed in [false, true] {
        for form in [
            LocationForm::At(String::new()),
            LocationForm::Absolute,
            LocationForm::NoScheme,
        ] {
            let registry = FakeRegistry::start().rule(sent("").location(form.clone()));
            if streamed {
                registry.add_rule(no_whole_put());
            }
            push(&images::small(), &registry).ok();
            assert_pushed(&registry, &images::small());
        }
    }
}

#[test]
fn u2_u7_the_newest_state_goes_back_byte_for_byte() {
    let registry = FakeRegistry::start().odd_upload_state();
    push(&images::small(), &registry).ok();
    assert_pushed(&registry, &images::small());

    let registry = FakeRegistry::start()
        .odd_upload_state()
        .rule(no_whole_put());
    push(&images::small(), &registry).ok();
    assert_pushed(&registry, &images::small());
    let last = &uploads(&registry, "PUT").pop().unwrap().path;
    assert!(
        last.contains("?_state=s%3D1~%2b==&digest=sha256:"),
        "{last}"
    );
}

#[test]
fn u4_a_port_that_got_lost_is_put_back() {
    let registry = FakeRegistry::start()
        .basic("sailor", "anchors")
        .rule(sent("").location(LocationForm::At("http://127.0.0.1".into())));
    let barque = barque();
    let run = pushing(&barque, &images::small(), &registry);
    run.args(["--dest-creds", "sailor:anchors"]).run().ok();
    assert_pushed(&registry, &images::small());
}

#[test]
fn u5_a_location_with_http_behind_tls() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).basic("sailor", "anchors");
    let clear = format!("http://{}", registry.address());
    let registry = registry.rule(sent("").location(LocationForm::At(clear)));
    let barque = barque();
    pushing(&barque, &images::small(), &registry)
        .args(["--dest-creds", "sailor:anchors", "--dest-cert-dir"])
        .args([certificates.ca_only_dir()])
        .run()
        .ok();
    assert_pushed(&registry, &images::small());
}

#[test]
fn u6_a_location_on_another_host_gets_no_credential() {
    let image = images::small();
    let storage = FakeRegistry::start_on("127.0.0.3").rule(on("PUT").status(201));
    let registry = full(&image).basic("sailor", "anchors").rule(
        sent("POST")
            .set_cookie()
            .location(LocationForm::At(storage.url())),
    );
    let barque = barque();
    let run = pushing(&barque, &image, &registry);
    run.args(["--dest-creds", "sailor:anchors"]).run().ok();
    assert_eq!(uploads(&storage, "PUT").len(), 3);
    assert!(storage.with_header("authorization").is_empty());
    assert!(storage.with_header("cookie").is_empty());
}

#[test]
fn u6_a_public_registry_does_not_send_uploads_to_private_places() {
    let certificates = Certificates::new();
    let evil = FakeRegistry::start_on("127.0.0.4");
    let registry = FakeRegistry::start_tls(&certificates);
    let place = evil.url().replace("http:", "https:");
    let registry = registry.rule(sent("POST").location(LocationForm::At(place)));
    let proxy = Proxy::start(registry.address());
    let barque = barque();
    images::write_layout(&barque.path("in"), &[("1", &images::small())]);
    let out = barque
        .args([
            "copy",
            "oci:in:1",
            "docker://registry.example/a:1",
            "--dest-cert-dir",
        ])
        .args([certificates.ca_only_dir()])
        .env("HTTPS_PROXY", proxy.url())
        .run()
        .code(5);
    assert!(out.stderr().contains("private address"), "{}", out.stderr());
    assert!(
        proxy
            .connects()
            .iter()
            .all(|c| c.to == "registry.example:443")
    );
    assert_eq!(evil.connections(), 0);
}

#[test]
fn u8_a_patch_that_was_the_whole_upload() {
    let image = images::small();
    let closing = sent("PUT").when(|head| !has_body(head));
    let registry = full(&image)
        .rule(no_whole_put())
        .rule(sent("PATCH").with_status(201))
        .rule(closing.error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload"));
    push(&image, &registry).ok();
    assert_eq!(registry.requests("HEAD", "/blobs/").len(), 3);
    assert_eq!(uploads(&registry, "PATCH").len(), 3);
}

#[test]
fn u9_other_statuses_of_success_are_confirmed() {
    for status in [200, 202, 204] {
        let closing = || sent("PUT").when(|head| !has_body(head)).with_status(status);
        for rules in [
            vec![sent("PUT").with_status(status)],
            vec![no_whole_put(), closing()],
        ] {
            let registry = FakeRegistry::start();
            rules.into_iter().for_each(|rule| registry.add_rule(rule));
            push(&images::small(), &registry).ok();
            assert_pushed(&registry, &images::small());
            assert_eq!(registry.requests("HEAD", "/blobs/").len(), 3, "{status}");
        }
    }
}

#[test]
fn u10_u28_lengths_are_known_and_posts_are_empty() {
    let image = images::two_layers();
    let registry = FakeRegistry::start()
        .rule(on("").with_header("transfer-encoding").html(400))
        .rule(on("PATCH").html(400));
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
    assert!(registry.with_header("transfer-encoding").is_empty());
    for post in registry.requests("POST", "") {
        assert!(
            !post.path.contains("digest=sha256") || post.path.contains("mount="),
            "{}",
            post.path
        );
        assert_eq!(
            (post.header("content-length"), post.body_bytes),
            (Some("0"), 0)
        );
    }
}

#[test]
fn u11_u12_u15_a_large_put_is_refused() {
    let image = images::two_layers();
    let largest = image.blobs.values().map(Vec::len).max().unwrap();
    let reset = sent("PUT").when(has_body).rst_request_after(100);
    for (rule, refused) in [(no_whole_put(), 1), (reset, 4)] {
        let registry =
            FakeRegistry::start()
                .rule(rule)
                .rule(on("PATCH").with_header("content-range").error(
                    400,
                    "UNSUPPORTED",
                    "no ranges",
                ));
        let barque = barque();
        let run = pushing(&barque, &image, &registry);
        run.args(["--image-parallel-copies", "1"]).run().ok();
        assert_pushed(&registry, &image);
        let whole: Vec<_> = uploads(&registry, "PUT");
        let whole = whole
            .iter()
            .filter(|s| s.header("content-length") != Some("0"));
        assert_eq!(whole.count(), refused, "it is learned once");
        let patches = uploads(&registry, "PATCH");
        assert_eq!(patches.len(), 3, "one for each blob");
        assert_eq!(patches.iter().map(|s| s.body_bytes).max(), Some(largest));
        assert!(registry.with_header("transfer-encoding").is_empty());
    }
}

#[test]
fn u16_what_a_server_says_of_its_offset_is_not_needed() {
    for range in ["bytes=0-0", "0--1", "0-99999999", "none"] {
        let registry = FakeRegistry::start()
            .rule(no_whole_put())
            .rule(sent("").header("Range", range));
        push(&images::small(), &registry).ok();
        assert_pushed(&registry, &images::small());
    }
}

/// Pushes against a registry where the first upload ends badly, and looks at what was begun again.
#[track_caller]
fn recovers(rules: Vec<Rule>) {
    let registry = FakeRegistry::start();
    rules.into_iter().for_each(|rule| registry.add_rule(rule));
    let barque = barque();
    let run = pushing(&barque, &images::small(), &registry);
    run.args(["--image-parallel-copies", "1"]).run().ok();
    assert_pushed(&registry, &images::small());
    assert!(
        uploads(&registry, "POST").len() >= 4,
        "{:?}",
        registry.lines()
    );
    assert!(
        registry.requests("DELETE", "").is_empty(),
        "U24: nobody is waited for"
    );
}

#[test]
fn u17_u24_a_failed_put_begins_a_new_upload() {
    let failed = || {
        sent("PUT")
            .nth(1)
            .error(400, "DIGEST_INVALID", "provided digest did not match")
    };
    recovers(vec![failed().forget_uploads()]);
    recovers(vec![
        no_whole_put(),
        sent("PUT").nth(2).error(500, "UNKNOWN", ""),
    ]);
}

#[test]
fn u18_a_reset_in_a_patch_begins_a_new_upload() {
    recovers(vec![
        no_whole_put(),
        on("PATCH").nth(1).rst_request_after(10),
        on("PATCH").nth(2).forget_uploads(),
    ]);
}

#[test]
fn u19_a_sporadic_416() {
    recovers(vec![sent("PUT").nth(1).status(416)]);
}

#[test]
fn u20_the_token_dies_during_the_patch() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let challenge = bearer(&auth.token_url());
    let closing = sent("PUT")
        .when(|head| !has_body(head))
        .nth(1)
        .challenge(&challenge);
    for (rule, patches) in [(closing, 3), (on("PATCH").nth(1).challenge(&challenge), 4)] {
        let registry = FakeRegistry::start()
            .bearer(&auth.token_url(), usize::MAX)
            .rule(no_whole_put())
            .rule(rule);
        push(&images::small(), &registry).ok();
        assert_pushed(&registry, &images::small());
        assert_eq!(uploads(&registry, "PATCH").len(), patches);
        let tokens = auth.requests("GET", "push").len();
        assert!(tokens >= 2, "a new token was had");
        auth.clear();
    }
}

#[test]
fn u20_the_token_dies_before_the_put() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let registry = FakeRegistry::start()
        .bearer(&auth.token_url(), usize::MAX)
        .rule(sent("PUT").nth(1).challenge(&bearer(&auth.token_url())));
    push(&images::small(), &registry).ok();
    assert_pushed(&registry, &images::small());
    assert_eq!(
        uploads(&registry, "POST").len(),
        3,
        "the same upload goes on"
    );
}

#[test]
fn u21_u23_uploads_that_another_replica_does_not_know() {
    let unknown = || sent("PUT").error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown");
    recovers(vec![unknown().first(2)]);
    recovers(vec![sent("PUT").nth(1).forget_uploads()]);
    let registry = FakeRegistry::start().rule(unknown());
    let barque = barque();
    let run = pushing(&barque, &images::small(), &registry);
    run.args(["--image-parallel-copies", "1"]).run().code(5);
    // Another blob may have begun by the time the first one gave up.
    let posts = uploads(&registry, "POST");
    let first = posts.iter().filter(|s| s.path == posts[0].path);
    assert_eq!(first.count(), 3, "and not for ever");
}

#[test]
fn u25_a_registry_that_takes_no_empty_blob() {
    let mut json = images::small().json();
    let empty = sha256(b"");
    json["layers"][0] =
        serde_json::json!({ "mediaType": "application/x-empty", "digest": empty, "size": 0 });
    let mut image = TestImage {
        blobs: images::small().blobs,
        ..TestImage::raw(media::OCI_MANIFEST, json.to_string())
    };
    image.blobs.insert(empty.clone(), Vec::new());
    push(&image, &FakeRegistry::start()).ok();

    let name = empty.to_string();
    let refused =
        sent("PUT")
            .path(&name)
            .error(400, "BLOB_UPLOAD_INVALID", "empty blobs are not taken");
    let out = push(&image, &FakeRegistry::start().rule(refused)).code(6);
    assert!(
        out.stderr().contains("empty blobs are not taken"),
        "{}",
        out.stderr()
    );
}

#[test]
fn u26_disconnects_under_load() {
    recovers(vec![
        sent("PUT").when(has_body).first(2).rst_request_after(10),
    ]);
}

#[test]
fn u27_the_content_type_of_uploads() {
    let strict = |method: &str| {
        sent(method)
            .when(|head| head.header("content-type") != Some("application/octet-stream"))
            .error(415, "UNSUPPORTED", "octets only")
    };
    for streamed in [false, true] {
        let registry = FakeRegistry::start()
            .rule(strict("PUT"))
            .rule(strict("PATCH"));
        if streamed {
            registry.add_rule(no_whole_put());
        }
        push(&images::small(), &registry).ok();
        assert_pushed(&registry, &images::small());
    }
}
