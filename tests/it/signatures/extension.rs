use super::*;
use crate::support::fake::{FakeRegistry, Reply, on};
use crate::support::images::small;

const SHOWS: (&str, &str) = ("X-Registry-Supports-Signatures", "1");

fn listed(version: u64, kind: &str, content: &[u8]) -> serde_json::Value {
    let content = base64::engine::general_purpose::STANDARD.encode(content);
    json!({"schemaVersion": version, "name": "x@y", "type": kind, "content": content})
}

/// A registry that keeps signatures itself, and has `kept`.
fn registry(kept: Vec<serde_json::Value>) -> FakeRegistry {
    let list = json!({"signatures": kept}).to_string();
    FakeRegistry::start()
        .image("a", "1", &small())
        .rule(on("GET").path("/extensions/v2/a/signatures/").json(&list))
        .rule(
            on("PUT")
                .path("/extensions/v2/a/signatures/")
                .answer(Reply::new(201, "")),
        )
        .rule(on("").path("/v2/a/").add_header(SHOWS.0, SHOWS.1))
}

#[test]
fn a_registry_that_keeps_signatures_is_asked_for_them() {
    let registry = registry(vec![
        listed(2, "atomic", &openpgp(1)),
        listed(2, "other", &openpgp(2)),
        listed(3, "atomic", &openpgp(3)),
    ]);
    let barque = Barque::new();
    with_folder(&barque);
    copy(&barque, &[&registry.docker("a:1"), "dir:to"])
        .run()
        .ok();
    let one = vec![("signature-1".to_owned(), openpgp(1))];
    assert_eq!(signatures_in(&barque.path("to")), one);
    let path = format!("/extensions/v2/a/signatures/{}", small().digest);
    assert_eq!(registry.requests("GET", &path).len(), 1);
}

#[test]
fn a_registry_that_keeps_signatures_is_sent_new_ones() {
    let registry = registry(vec![listed(2, "atomic", &openpgp(1))]);
    let barque = Barque::new();
    with_folder(&barque);
    signed(&barque.path("from"), &small(), &[openpgp(1), openpgp(2)]);
    copy(&barque, &["dir:from", &registry.docker("a:2")])
        .run()
        .ok();
    assert_eq!(
        registry.requests("PUT", "/extensions/").len(),
        1,
        "{:?}",
        registry.lines()
    );
    assert!(!barque.path("lookaside").exists());
}
