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

#[test]
fn r13_a_referrer_that_only_the_list_knows_is_copied_again() {
    let barque = Barque::new();
    let image = images::small();
    let referrers = ["one", "two"].map(|note| referrer(&image, note));
    let source = FakeRegistry::start()
        .image("a", "app", &image)
        .image("a", "one", &referrers[0])
        .image("a", "two", &referrers[1]);
    let from = source.docker("a:app");
    let asked = |registry: &FakeRegistry| registry.requests("HEAD", "/manifests/sha256:").len();
    for (target, has_api) in [
        (FakeRegistry::start().without_referrers(), false),
        (FakeRegistry::start(), true),
    ] {
        let to = target.docker("b:app");
        let copy = || {
            barque
                .args(["copy", "--referrers", "all", &from, &to])
                .run()
        };
        copy().ok();
        target.clear();
        let out = copy().ok();
        assert!(out.stderr().contains("is up to date\n"), "{}", out.stderr());
        // The answer of the API is believed, a list that clients keep is not.
        assert_eq!(asked(&target), if has_api { 0 } else { 2 });
        let gone = &referrers[0].digest;
        target.lose_manifest("b", gone);
        target.clear();
        let out = copy().ok();
        assert!(
            out.stderr().contains("attached 1 manifest"),
            "{}",
            out.stderr()
        );
        assert_eq!(target.requests("PUT", "/manifests/").len(), 1);
        target.lose_manifest("b", gone);
        let verify = ["verify-copy", &from, &to];
        let out = barque.args(verify).run().code(4);
        assert!(
            out.stdout().starts_with("missing\tattached\t"),
            "{}",
            out.stdout()
        );
        barque.args(verify).args(["--repair"]).run().ok();
        assert!(target.manifest_by_digest("b", &gone.to_string()).is_some());
        barque.args(verify).run().ok();
    }
    // What the source has lost itself cannot be missing elsewhere.
    let target = FakeRegistry::start();
    let old = FakeRegistry::start().without_referrers();
    let from = old.docker("b:app");
    let copy = ["copy", "--referrers", "all", &source.docker("a:app"), &from];
    barque.args(copy).run().ok();
    old.lose_manifest("b", &referrers[0].digest);
    let to = target.docker("c:app");
    let out = barque.args(["verify-copy", "--repair", &from, &to]).run();
    out.ok();
    let out = barque.args(["verify-copy", &from, &to]).run().ok();
    assert!(out.stdout().contains(", 1 attached"), "{}", out.stdout());
}
