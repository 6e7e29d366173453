//! Uploads in several parts (section U): what follows a break, and chunks.

use super::{assert_pushed, barque, pushing};
use crate::support::fake::{FakeRegistry, Rule, Seen, on};
use crate::support::images::{Compression, Dialect, Maker, TestImage, write_layout};
use crate::support::sandbox::Output;

const MIB: usize = 1 << 20;

/// Requests of this method to an upload.
fn sent(method: &str) -> Rule {
    on(method).path("/blobs/uploads/")
}

/// An image with layers of these sizes, a little more for the tar around them.
fn layers(sizes: &[usize]) -> TestImage {
    let image = Maker::new(Dialect::Oci).compression(Compression::None);
    let add = |image: Maker, (i, size): (usize, &usize)| {
        image.file_layer(&format!("data/{i}"), vec![b'a' + i as u8; *size])
    };
    sizes.iter().enumerate().fold(image, add).make()
}

/// Pushes one blob at a time, as `a:1`.
fn push(image: &TestImage, registry: &FakeRegistry) -> Output {
    let barque = barque();
    let run = pushing(&barque, image, registry);
    run.args(["--image-parallel-copies", "1"]).run()
}

fn uploads(registry: &FakeRegistry, method: &str) -> Vec<Seen> {
    registry.requests(method, "/blobs/uploads/")
}

/// `Content-Range` and bytes of the PATCHes that were taken.
fn parts(registry: &FakeRegistry) -> Vec<(String, usize)> {
    let mut patches = uploads(registry, "PATCH");
    patches.retain(|s| s.status == 202);
    let range = |s: &Seen| s.header("content-range").unwrap_or_default().to_owned();
    patches.iter().map(|s| (range(s), s.body_bytes)).collect()
}

/// Refuses every body over so many bytes, as a proxy in front does.
fn limited(bytes: u64) -> Rule {
    let page = "<html><h1>413 Request Entity Too Large</h1></html>";
    let refusal = crate::support::fake::Reply::new(413, page).with("Server", "nginx/1.25");
    sent("").body_over(bytes).answer(refusal)
}

#[test]
fn u16_a_broken_upload_goes_on_where_the_registry_stands() {
    let image = layers(&[3 * MIB]);
    let size = image.layer(0).len();
    let no_put = || sent("PUT").body_over(0).status(405);
    // As fakes say it; with the unit; with other words around.
    for form in [None, Some("bytes=0-1999999"), Some("bytes 0-1999999")] {
        for method in ["PUT", "PATCH"] {
            let cut = sent(method).body_over(MIB as u64);
            let registry = FakeRegistry::start().rule(cut.first(1).rst_request_keeping(2_000_000));
            if method == "PATCH" {
                registry.add_rule(no_put());
            }
            if let Some(form) = form {
                registry.add_rule(sent("GET").header("Range", form));
            }
            push(&image, &registry).ok();
            assert_pushed(&registry, &image);
            let rest = (format!("2000000-{}", size - 1), size - 2_000_000);
            assert!(parts(&registry).contains(&rest), "{:?}", registry.lines());
            assert_eq!(uploads(&registry, "GET").len(), 1);
            let posts = if method == "PATCH" { 3 } else { 2 };
            assert_eq!(
                uploads(&registry, "POST").len(),
                posts,
                "the same upload goes on"
            );
        }
    }
}

#[test]
fn u16_an_offset_that_cannot_be_is_not_believed() {
    let image = layers(&[3 * MIB]);
    // More than was sent; a word that says nothing; one too high, which Quay does.
    for range in ["0-99999999", "none", "0-2000000", "0-0"] {
        let cut = sent("PUT").body_over(MIB as u64).first(1);
        let registry = FakeRegistry::start()
            .rule(cut.rst_request_keeping(2_000_000))
            .rule(sent("GET").header("Range", range));
        push(&image, &registry).ok();
        assert_pushed(&registry, &image);
        assert_eq!(
            uploads(&registry, "POST").len(),
            3,
            "{range}: this blob begins again"
        );
    }
}

#[test]
fn u18_an_upload_that_did_not_outlive_the_break() {
    let image = layers(&[3 * MIB]);
    let cut = sent("PUT").body_over(MIB as u64).first(1);
    let registry = FakeRegistry::start()
        .rule(cut.rst_request_keeping(2_000_000))
        .rule(sent("GET").error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid"));
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
    assert_eq!(uploads(&registry, "POST").len(), 3);
    assert_eq!(parts(&registry).len(), 0, "{:?}", registry.lines());
}

#[test]
fn u19_a_sporadic_416_of_a_part() {
    let image = layers(&[3 * MIB]);
    let cut = sent("PUT").body_over(MIB as u64).first(1);
    let registry = FakeRegistry::start()
        .rule(cut.rst_request_keeping(2_000_000))
        .rule(
            sent("PATCH")
                .with_header("content-range")
                .nth(1)
                .status(416),
        );
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
    assert_eq!(uploads(&registry, "GET").len(), 2, "{:?}", registry.lines());
    assert_eq!(uploads(&registry, "POST").len(), 2);
}

#[test]
fn u10_u11_a_registry_that_spoils_what_comes_in_parts() {
    let image = layers(&[3 * MIB, 2 * MIB]);
    let cut = || sent("PUT").body_over(MIB as u64);
    let mixed_up = sent("PUT").when(|head| head.header("content-length") == Some("0"));
    for refusal in [
        on("PATCH").html(400),
        mixed_up.error(400, "DIGEST_INVALID", "provided digest did not match"),
    ] {
        let registry = FakeRegistry::start()
            .rule(cut().first(1).rst_request_keeping(MIB))
            .rule(cut().nth(3).rst_request_keeping(MIB))
            .rule(refusal);
        push(&image, &registry).ok();
        assert_pushed(&registry, &image);
        assert_eq!(uploads(&registry, "GET").len(), 1, "it is learned once");
        assert_eq!(uploads(&registry, "PATCH").len(), 1);
    }
}

#[test]
fn u14_chunks_of_the_length_that_the_registry_wants_at_least() {
    let image = layers(&[5 * MIB]);
    let size = image.layer(0).len();
    let with_minimum = |bytes: u64| {
        let post = sent("POST").header("OCI-Chunk-Min-Length", &bytes.to_string());
        FakeRegistry::start().rule(limited(2 << 20)).rule(post)
    };
    let registry = with_minimum(3 << 19);
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
    let taken = parts(&registry);
    let sizes: Vec<_> = taken.iter().map(|(_, bytes)| *bytes).collect();
    let least = 3 * MIB / 2;
    assert_eq!(sizes[..4], [least, least, least, size - 3 * least]);
    assert_eq!(taken[1].0, format!("{least}-{}", 2 * least - 1));

    let registry = with_minimum(1 << 10);
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
    assert!(parts(&registry).iter().all(|(_, bytes)| *bytes < 2 * MIB));

    // One that is larger than what gets through, and one that nobody obeys.
    for minimum in [3 << 20, 10 << 30] {
        let registry = with_minimum(minimum);
        push(&image, &registry).code(6);
        assert_eq!(registry.manifest("a", "1"), None);
    }
}

#[test]
fn u22_bodies_that_are_too_large_go_in_chunks() {
    let image = layers(&[5 * MIB, 5 * MIB]);
    let registry = FakeRegistry::start().rule(limited(1_300_000));
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
    let refused = |method: &str| {
        let mut all = uploads(&registry, method);
        all.retain(|s| s.status == 413);
        all.len()
    };
    assert_eq!(refused("PUT"), 1, "{:?}", registry.lines());
    assert_eq!(refused("PATCH"), 3, "the whole, 2.5 MiB and 1.25 MiB");
    let mut chunks = parts(&registry);
    chunks.retain(|(range, _)| !range.is_empty());
    assert!(chunks.iter().all(|(_, bytes)| *bytes <= MIB), "{chunks:?}");
    let bytes: usize = chunks.iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(bytes, image.layer(0).len() + image.layer(1).len());

    let registry = FakeRegistry::start().rule(limited(500_000));
    let out = push(&image, &registry).code(6);
    for words in ["413", "in chunks too", "`nginx/1.25`"] {
        assert!(out.stderr().contains(words), "{words}: {}", out.stderr());
    }
}

#[test]
fn u24_an_upload_whose_source_fails_is_given_up_whatever_that_gives() {
    for answer in [202, 401, 405] {
        let image = layers(&[2 * MIB]);
        let registry = FakeRegistry::start().rule(on("DELETE").status(answer));
        let barque = barque();
        write_layout(&barque.path("in"), &[("1", &image)]);
        let layer = barque.path("in/blobs/sha256").join(image.layers()[0].hex());
        let mut wrong = image.layer(0).to_vec();
        wrong[100] ^= 1;
        std::fs::write(layer, wrong).unwrap();
        let args = ["copy", "oci:in:1", &registry.docker("a:1")];
        let out = barque.args(args).run().code(4);
        assert!(
            out.stderr().contains("is corrupt: its content"),
            "{}",
            out.stderr()
        );
        assert_eq!(uploads(&registry, "DELETE").len(), 1);
        assert_eq!(registry.manifest("a", "1"), None);
    }
}

#[test]
fn u26_e16_fewer_at_a_time_after_a_429() {
    let image = (0..48).fold(Maker::new(Dialect::Oci), |image, i| {
        image.file_layer(&format!("etc/{i}"), format!("number {i}"))
    });
    let image = image.make();
    let busy = crate::support::fake::Reply::new(429, "").with("Retry-After", "0");
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(
            on("GET")
                .path("/blobs/")
                .delay(std::time::Duration::from_millis(60)),
        )
        .rule(on("GET").path("/blobs/").nth(1).answer(busy));
    let barque = barque();
    super::pull(&barque, &registry).ok();
    super::assert_pulled(&barque, &image);
    let beside: Vec<_> = registry
        .requests("GET", "/blobs/")
        .iter()
        .map(|s| s.beside)
        .collect();
    let most = |range: std::ops::Range<usize>| beside[range].iter().max().copied();
    assert!(most(0..17) > Some(10), "{beside:?}");
    assert!(most(20..30) <= Some(10), "{beside:?}");
}

#[test]
fn e15_u26_uploads_wait_for_a_registry_that_is_busy() {
    let image = layers(&[2 * MIB, 100]);
    let busy = crate::support::fake::Reply::new(429, "").with("Retry-After", "0");
    let registry = FakeRegistry::start().rule(sent("PUT").first(5).answer(busy));
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
}
