//! `--upstream` in front of a registry that fails, on a disk that fills, and beside another server of the same root.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::support::fake::{FakeRegistry, Seen, on};
use crate::support::images::{Dialect, Maker, TestImage, noise, small, two_layers};
use crate::support::sandbox::names;
use crate::support::{Answer, Serving};

/// An image with one large layer, and the path of that layer below `/v2/NAME`.
fn large() -> (TestImage, String, Vec<u8>) {
    let image = Maker::new(Dialect::Oci)
        .file_layer("n", noise(3, 3_000_000))
        .make();
    let (digest, bytes) = image.blobs.iter().max_by_key(|(_, b)| b.len()).unwrap();
    let (path, bytes) = (format!("/blobs/{digest}"), bytes.clone());
    (image, path, bytes)
}

fn mirror(upstream: &FakeRegistry, args: &[&str]) -> Serving {
    let name = format!("up=http://{}", upstream.address());
    Serving::start(&[&["--upstream", &name], args].concat())
}

fn layer(mirror: &Serving, path: &str) -> Answer {
    mirror.get(&format!("/v2/up/a{path}"))
}

#[test]
fn a_download_that_breaks_off_goes_on() {
    let (image, path, bytes) = large();
    let upstream = FakeRegistry::start().image("a", "1", &image);
    upstream.add_rule(on("GET").path("/blobs/").nth(1).rst_after(1_000_000));
    upstream.add_rule(on("GET").path("/blobs/").nth(2).fin_after(1_000_000));
    upstream.add_rule(on("GET").path("/blobs/").nth(3).status(503));
    let mirror = mirror(&upstream, &[]);
    assert!(layer(&mirror, &path).body == bytes);
    let asked = upstream.requests("GET", &path);
    let from = |seen: &Seen| seen.header("range").is_some();
    assert_eq!(asked.iter().filter(|seen| !from(seen)).count(), 1);
}

/// Some registries answer HEAD without a length: the first byte, or else the whole blob, is asked for.
#[test]
fn a_blob_whose_size_head_does_not_tell_is_read_all_the_same() {
    let (image, path, bytes) = large();
    let with_ranges = || on("GET").path("/blobs/").with_header("range");
    for (rule, requests) in [
        (None, 2),
        (Some(with_ranges().chunked()), 2),
        (Some(with_ranges().ignore_range()), 2),
        (Some(with_ranges().status(416)), 3),
    ] {
        let upstream = FakeRegistry::start().image("a", "1", &image);
        upstream.add_rule(on("HEAD").path("/blobs/").chunked());
        if let Some(rule) = rule {
            upstream.add_rule(rule);
        }
        let mirror = mirror(&upstream, &[]);
        let head = mirror.send("HEAD", &format!("/v2/up/a{path}"));
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, bytes.len().to_string().as_str())
        );
        assert_eq!(upstream.requests("GET", &path).len(), requests - 1);
        upstream.clear();
        assert!(layer(&mirror, &path).body == bytes);
        assert_eq!(upstream.requests("GET", &path).len(), requests);
        upstream.clear();
        assert!(layer(&mirror, &path).body == bytes);
        assert_eq!(upstream.requests("", &path).len(), 0);
    }
    // Where nothing tells the size, the client learns that.
    let upstream = FakeRegistry::start().image("a", "1", &image);
    upstream.add_rule(on("").path("/blobs/").ignore_range().chunked());
    layer(&mirror(&upstream, &[]), &path).refused(502, "UNAVAILABLE");
}

#[test]
fn wrong_bytes_are_read_again_and_never_served_whole() {
    let (image, path, bytes) = large();
    let upstream = FakeRegistry::start().image("a", "1", &image);
    upstream.add_rule(on("GET").path("/blobs/").nth(1).flip_byte(1_500_000));
    let mirror = mirror(&upstream, &[]);
    assert!(layer(&mirror, &path).body.len() < bytes.len());
    assert!(layer(&mirror, &path).body == bytes);
}

#[test]
fn what_was_never_read_is_not_called_missing_while_the_upstream_is_away() {
    let upstream = FakeRegistry::start().image("a", "1", &small());
    let mirror = mirror(&upstream, &["--fresh", "0s"]);
    assert_eq!(mirror.get("/v2/up/a/manifests/1").status, 200);
    upstream.add_rule(on("").status(429).header("Retry-After", "3600"));
    let referrers = format!("/v2/up/a/referrers/{}", small().digest);
    for path in ["/v2/up/b/tags/list", "/v2/up/b/manifests/1", &referrers] {
        let refused = mirror.get(path);
        refused.refused(429, "TOOMANYREQUESTS");
        assert_eq!(refused.header("retry-after"), "3600");
    }
    // It is asked once about what is kept, and then left in peace.
    upstream.clear();
    for _ in 0..3 {
        let tags = mirror.get("/v2/up/a/tags/list").json();
        assert_eq!(tags["tags"], serde_json::json!(["1"]));
    }
    assert_eq!(upstream.requests("GET", "/tags/list").len(), 1);
    upstream.clear_rules();
    mirror
        .get("/v2/up/b/tags/list")
        .refused(404, "NAME_UNKNOWN");
}

#[test]
fn two_servers_of_one_root_do_not_mix_their_downloads() {
    let (image, path, bytes) = large();
    let upstream = FakeRegistry::start().image("a", "1", &image);
    upstream.add_rule(on("GET").path("/blobs/").pace(60_000));
    let one = mirror(&upstream, &[]);
    let two = one.beside();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| layer(&one, &path).body);
        assert!(layer(&two, &path).body == bytes);
        assert!(first.join().unwrap() == bytes);
    });
    assert_eq!(upstream.requests("GET", &path).len(), 2);
    assert_eq!(names(&one.root().join(".barque/pulls")), [""; 0]);
}

#[test]
fn a_full_disk_keeps_no_parts_of_blobs() {
    let (image, path, bytes) = large();
    let upstream = FakeRegistry::start().image("a", "1", &image);
    let name = format!("up=http://{}", upstream.address());
    let mirror = Serving::with_small_files(1000, &["--upstream", &name]);
    assert!(layer(&mirror, &path).body.len() < bytes.len());
    assert_eq!(names(&mirror.root().join(".barque/pulls")), [""; 0]);
    assert_eq!(mirror.get("/v2/up/a/manifests/1").status, 200);
}

#[test]
fn parts_of_long_ago_go_at_the_start() {
    let (image, path, bytes) = large();
    let upstream = FakeRegistry::start().image("a", "1", &image);
    let mut mirror = mirror(&upstream, &[]);
    let pulls = mirror.root().join(".barque/pulls");
    std::fs::create_dir_all(&pulls).unwrap();
    for (name, days) in [("old", 8), ("young", 6)] {
        let file = File::create(pulls.join(name)).unwrap();
        let modified = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
        file.set_modified(modified).unwrap();
    }
    mirror.restart();
    assert_eq!(names(&pulls), ["young"]);
    assert!(layer(&mirror, &path).body == bytes);
}

#[test]
fn another_manifest_than_was_asked_for_is_a_fault_of_the_upstream() {
    let (image, other) = (small(), two_layers());
    let upstream = FakeRegistry::start().image("a", "1", &image);
    let wrong = String::from_utf8(other.manifest).unwrap();
    upstream.add_rule(on("GET").path("/manifests/sha256").json(&wrong));
    upstream.add_rule(on("GET").path("/manifests/1").json("{}"));
    let mirror = mirror(&upstream, &[]);
    for which in [image.digest.to_string(), "1".into()] {
        let path = format!("/v2/up/a/manifests/{which}");
        mirror.get(&path).refused(502, "UNAVAILABLE");
    }
    assert!(!mirror.layout("up/a/index.json").exists());
}
