//! R13: lists at a tag that name manifests which are gone.

use super::{digests, layout, push, referrer, tag_of};
use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, TestImage};

/// The layout `in`, and a registry without the referrers API that has all of it.
fn pushed(barque: &Barque, notes: &[&str]) -> (FakeRegistry, TestImage, Vec<TestImage>) {
    let (image, referrers) = layout(barque, notes);
    let registry = FakeRegistry::start().without_referrers();
    for tag in ["app"].iter().chain(notes) {
        let to = registry.docker(&format!("a:{tag}"));
        push(barque, tag, &to).run().ok();
    }
    registry.clear();
    (registry, image, referrers)
}

fn listed(registry: &FakeRegistry, repository: &str, image: &TestImage) -> Vec<String> {
    digests(&registry.manifest(repository, &tag_of(image)).unwrap())
}

fn names(referrers: &[&TestImage]) -> Vec<String> {
    referrers.iter().map(|r| r.digest.to_string()).collect()
}

#[test]
fn r13_entries_whose_manifests_are_gone_are_dropped_from_the_list() {
    let barque = Barque::new();
    let (registry, image, old) = pushed(&barque, &["one", "two", "three"]);
    let new: Vec<TestImage> = ["four", "five"].map(|note| referrer(&image, note)).into();
    let named = ["four", "five"].into_iter().zip(&new).collect::<Vec<_>>();
    images::write_layout(&barque.path("more"), &named);
    let add = |tag: &str| {
        let to = registry.docker(&format!("a:{tag}"));
        let out = barque.args(["copy", &format!("oci:more:{tag}"), &to]);
        let out = out.run().ok();
        assert!(!out.stderr().contains("warning"), "{}", out.stderr());
    };
    // The registry names one of them with each refusal.
    registry.lose_manifest("a", &old[0].digest);
    registry.lose_manifest("a", &old[1].digest);
    add("four");
    assert_eq!(listed(&registry, "a", &image), names(&[&old[2], &new[0]]));
    assert_eq!(registry.requests("PUT", &tag_of(&image)).len(), 3);
    assert_eq!(registry.requests("HEAD", "/manifests/sha256:").len(), 0);

    // Another one names none, so that each is asked for.
    registry.lose_manifest("a", &old[2].digest);
    registry.add_rule(on("PUT").path(&tag_of(&image)).first(1).error(
        400,
        "MANIFEST_BLOB_UNKNOWN",
        "blob unknown to registry",
    ));
    registry.clear();
    add("five");
    assert_eq!(listed(&registry, "a", &image), names(&[&new[0], &new[1]]));
    assert_eq!(registry.requests("PUT", &tag_of(&image)).len(), 2);
    assert_eq!(registry.requests("HEAD", "/manifests/sha256:").len(), 3);
}

#[test]
fn r13_a_referrer_leaves_the_list_before_it_is_deleted() {
    let barque = Barque::new();
    let (registry, image, referrers) = pushed(&barque, &["one", "two", "three"]);
    // Another client deletes without a look at the list.
    registry.lose_manifest("a", &referrers[0].digest);
    let by_digest = registry.docker(&format!("a@{}", referrers[1].digest));
    let delete = || barque.args(["delete", "--force", &by_digest]).run();
    delete().ok();
    let lines = registry.lines();
    let at = |method: &str, part: &str| {
        let is_it = |l: &&String| l.starts_with(method) && l.contains(part);
        lines.iter().rposition(|l| is_it(&l)).unwrap()
    };
    let written = at("PUT ", &tag_of(&image));
    assert!(written < at("DELETE ", "/manifests/sha256:"), "{lines:?}");
    assert_eq!(listed(&registry, "a", &image), names(&[&referrers[2]]));
}

#[test]
fn r13_a_referrer_that_cannot_be_deleted_stays_listed() {
    let barque = Barque::new();
    let (registry, image, referrers) = pushed(&barque, &["one"]);
    registry.add_rule(on("DELETE").error(405, "UNSUPPORTED", "no deletion here"));
    let delete = |digest| {
        let by_digest = registry.docker(&format!("a@{digest}"));
        barque.args(["delete", "--force", &by_digest]).run().code(6);
    };
    delete(&referrers[0].digest);
    assert_eq!(listed(&registry, "a", &image), names(&[&referrers[0]]));
    // What was not listed is not listed afterwards either.
    let other = referrer(&image, "other");
    let registry = registry.image("a", "other", &other);
    let by_digest = registry.docker(&format!("a@{}", other.digest));
    barque.args(["delete", "--force", &by_digest]).run().code(6);
    assert_eq!(listed(&registry, "a", &image), names(&[&referrers[0]]));
}
