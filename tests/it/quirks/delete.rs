//! Deletion (rows R7-R10 of section R, and the scope of A19).

use super::{barque, bearer};
use crate::support::fake::{FakeRegistry, Rule, on};
use crate::support::images::small;
use crate::support::sandbox::Output;

/// Deletes `a:1` of the fake.
fn delete(registry: &FakeRegistry) -> Output {
    barque().args(["delete", &registry.docker("a:1")]).run()
}

fn with_image() -> FakeRegistry {
    FakeRegistry::start().image("a", "1", &small())
}

/// Refuses to delete by tag, in this way.
fn by_digest_only(status: u16) -> FakeRegistry {
    let refusal = on("DELETE").path_end("/manifests/1");
    with_image().rule(refusal.error(status, "UNSUPPORTED", "digest wanted"))
}

#[test]
fn a19_the_scope_of_a_deletion() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let with_delete = |head: &crate::support::fake::Head| head.target.contains("delete");
    let auth = auth.rule(on("GET").when(with_delete).status(400));
    let registry = with_image().rule(
        on("")
            .without_header("authorization")
            .challenge(&bearer(&auth.token_url())),
    );
    delete(&registry).ok();
    assert_eq!(registry.manifest("a", "1"), None);
    let asked: Vec<_> = auth
        .requests("GET", "/token")
        .into_iter()
        .map(|s| s.path)
        .collect();
    assert!(
        asked[0].contains("scope=repository%3Aa%3Apull%2Cdelete"),
        "{asked:?}"
    );
    assert!(asked[1].contains("scope=repository%3Aa%3A*"), "{asked:?}");
    assert_eq!(asked.len(), 2);
}

#[test]
fn r7_r8_deletes_by_digest_where_a_tag_is_refused() {
    for status in [400, 404, 405, 501] {
        let registry = by_digest_only(status);
        delete(&registry).ok();
        assert_eq!(registry.manifest("a", "1"), None, "{status}");
        assert_eq!(
            registry
                .requests("DELETE", &small().digest.to_string())
                .len(),
            1
        );
    }
}

#[test]
fn r7_a_registry_without_deletion() {
    let registry = with_image().rule(on("DELETE").error(405, "UNSUPPORTED", "not here"));
    let out = delete(&registry).code(6);
    assert!(
        out.stderr().contains("permits no deletion"),
        "{}",
        out.stderr()
    );
}

#[test]
fn r8_tags_that_cannot_be_listed_are_not_risked() {
    let registry = by_digest_only(405).rule(on("GET").path("/tags/list").status(404));
    let out = delete(&registry).code(6);
    assert!(
        out.stderr().contains("which other tags"),
        "{}",
        out.stderr()
    );
    assert!(out.stderr().contains("`--force`"), "{}", out.stderr());
    assert!(registry.manifest("a", "1").is_some());
    barque()
        .args(["delete", "--force", &registry.docker("a:1")])
        .run()
        .ok();
    assert_eq!(registry.manifest("a", "1"), None);
}

#[test]
fn a_deletion_whose_answer_is_lost_is_done() {
    let by_digest = |rule: fn(Rule) -> Rule| {
        let digest = small().digest.to_string();
        by_digest_only(405).rule(rule(on("DELETE").path(&digest).nth(1)))
    };
    let lost: fn(Rule) -> Rule = |rule| rule.lose_answer();
    let late: fn(Rule) -> Rule = |rule| rule.with_status(504);
    for rule in [lost, late] {
        // Whether a tag is not there, or not known to deletions, is for a HEAD to say; where the answer has no errors of a
        // registry, it is looked for an older server first.
        let plainly = |registry: FakeRegistry| registry.rule(on("DELETE").nth(2).status(404));
        for (registry, deletes) in [
            (with_image().rule(rule(on("DELETE").nth(1))), 2),
            (plainly(with_image().rule(rule(on("DELETE").nth(1)))), 2),
            (by_digest(rule), 3),
        ] {
            delete(&registry).ok();
            assert_eq!(registry.manifest("a", "1"), None);
            let asked = registry.requests("DELETE", "");
            assert_eq!(asked.len(), deletes, "{:?}", registry.lines());
            assert_eq!(asked[deletes - 1].status, 404);
        }
    }
}

#[test]
fn r8_a_tag_that_cannot_be_deleted_is_not_taken_for_deleted_after_a_lost_answer() {
    let late = || on("DELETE").path_end("/manifests/1").nth(1).status(504);
    // With the errors of a registry, and with those of its proxy.
    let plain = on("DELETE").path_end("/manifests/1").after(1).status(404);
    for registry in [
        by_digest_only(404).rule(late()),
        with_image().rule(plain).rule(late()),
    ] {
        delete(&registry).ok();
        assert_eq!(registry.manifest("a", "1"), None, "{:?}", registry.lines());
        let by_digest = registry.requests("DELETE", &small().digest.to_string());
        assert_eq!(by_digest.len(), 1, "{:?}", registry.lines());
    }
}

#[test]
fn what_was_never_there_is_not_taken_for_deleted() {
    let registry = FakeRegistry::start().rule(on("DELETE").nth(1).status(503));
    delete(&registry).code(2);
}

#[test]
fn r9_a_tag_that_may_not_change() {
    let refusal = on("DELETE").error(409, "TAG_IMMUTABLE", "tag 1 is immutable");
    let out = delete(&with_image().rule(refusal)).code(6);
    assert!(
        out.stderr().contains("tag 1 is immutable"),
        "{}",
        out.stderr()
    );
}

#[test]
fn r10_any_success_is_one() {
    for status in [200, 202, 204] {
        let registry = with_image().rule(on("DELETE").with_status(status));
        delete(&registry).ok();
        assert_eq!(registry.manifest("a", "1"), None);
    }
}
