//! Bundles that a copy takes along unasked, as it does with other signatures: where they are known without a request, and where
//! registries.d says that sigstore signatures are in the repository.

use std::fs;

use serde_json::{Value, json};
use sigstore_crypto::KeyPair;

use super::referred::{SIGN, artifact, statement, write_key};
use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, TestImage, media};

/// The bundle by which `key` signs `image`, as cosign 3 stores it.
fn signature(key: &KeyPair, image: &TestImage) -> TestImage {
    artifact(image, &statement(key, image.digest.hex(), SIGN).to_string())
}

/// A registry with `image` as `app:v1`, which `bundles` refer to.
fn signed(image: &TestImage, bundles: &[&TestImage]) -> FakeRegistry {
    let mut registry = FakeRegistry::start().image("app", "v1", image);
    for (i, bundle) in bundles.iter().enumerate() {
        registry = registry.image("app", &format!("bundle{i}"), bundle);
    }
    registry
}

/// The flags by which sigstore signatures are looked for in all registries.
fn attached(barque: &Barque) -> &'static str {
    fs::create_dir_all(barque.path("d")).unwrap();
    let all = "default-docker: {use-sigstore-attachments: true}\n";
    fs::write(barque.path("d/a.yaml"), all).unwrap();
    "--registries.d=d"
}

#[test]
fn bundles_go_along_where_signatures_are_looked_for() {
    let (barque, image) = (Barque::new(), images::small());
    let (alice, bob) = (write_key(&barque, "alice"), write_key(&barque, "bob"));
    let (first, second) = (signature(&alice, &image), signature(&bob, &image));
    let (source, target) = (signed(&image, &[&first]), FakeRegistry::start());
    let (from, to) = (source.docker("app:v1"), |name: &str| target.docker(name));
    let flags = attached(&barque);
    let copy = |more: &[&str], to: &str| barque.args(["copy", &from, to]).args(more).run().ok();
    let asked = || source.requests("", "/referrers/").len();
    // Nobody said that there are signatures.
    copy(&[], &to("plain:v1"));
    assert_eq!(
        (asked(), source.requests("", "/manifests/sha256-").len()),
        (0, 0)
    );
    let plain = source.lines().len();
    source.clear();
    copy(&[flags, "--remove-signatures"], &to("bare:v1"));
    assert_eq!((asked(), source.lines().len()), (0, plain));
    assert_eq!(
        target.manifest_by_digest("bare", &first.digest.to_string()),
        None
    );
    // One question for bundles, filtered by the registry, next to that for attachments; and what it takes to read the bundle.
    source.clear();
    copy(&[flags], &to("signed:v1"));
    assert_eq!(asked(), 1);
    assert!(
        source.requests("", "/referrers/")[0]
            .path
            .contains("artifactType=")
    );
    assert_eq!(source.requests("", "/manifests/sha256-").len(), 1);
    assert_eq!(
        source
            .requests("GET", &format!("/manifests/{}", first.digest))
            .len(),
        1
    );
    let there = |name: &str, bundle: &TestImage| {
        target
            .manifest_by_digest(name, &bundle.digest.to_string())
            .is_some()
    };
    assert!(there("signed", &first));
    let verify = |name: &str, key: &str| barque.args(["verify", "--key", key, &to(name)]).run();
    verify("signed:v1", "alice.pub").ok();
    verify("signed:v1", "bob.pub").code(3);
    verify("bare:v1", "alice.pub").code(3);
    // A signature that is made later goes along too, and one that is there is not sent again.
    let source = signed(&image, &[&first, &second]);
    let from = source.docker("app:v1");
    target.clear();
    let again = ["copy", flags, &from, &to("signed:v1")];
    let out = barque.args(again).run().ok();
    assert!(there("signed", &second), "{}", out.stderr());
    assert_eq!(target.requests("PUT", "/manifests/").len(), 1);
    verify("signed:v1", "bob.pub").ok();
    target.clear();
    barque.args(again).run().ok();
    let written = ["PUT", "POST", "PATCH"].map(|m| target.requests(m, "").len());
    assert_eq!(written, [0, 0, 0], "{:?}", target.lines());
}

#[test]
fn an_image_without_bundles_costs_one_request_where_signatures_are_looked_for() {
    let (barque, image) = (Barque::new(), images::small());
    let (source, target) = (signed(&image, &[]), FakeRegistry::start());
    let flags = attached(&barque);
    let (from, to) = (source.docker("app:v1"), target.docker("app:v1"));
    barque
        .args(["copy", flags, "--remove-signatures", &from, &to])
        .run()
        .ok();
    let plain = (source.lines().len(), target.lines().len());
    source.clear();
    target.clear();
    barque
        .args(["copy", flags, &from, &target.docker("other:v1")])
        .run()
        .ok();
    // That for attachments, and that for bundles.
    assert_eq!(
        (source.lines().len(), target.lines().len()),
        (plain.0 + 2, plain.1)
    );
    assert!(target.requests("", "/referrers/").is_empty());
    // With all referrers, bundles are not asked for besides: the API, the tag of the older list, and that for attachments.
    source.clear();
    let all = ["copy", flags, "--referrers=all", &from];
    barque.args(all).args([target.docker("all:v1")]).run().ok();
    assert_eq!(source.lines().len(), plain.0 + 3, "{:?}", source.lines());
    // A registry without the referrers API: the tag of the older list as well.
    let old = signed(&image, &[]).without_referrers();
    let from = old.docker("app:v1");
    barque
        .args(["copy", flags, &from, &target.docker("third:v1")])
        .run()
        .ok();
    assert_eq!(old.lines().len(), plain.0 + 3, "{:?}", old.lines());
    // One that refuses to list referrers keeps no copy from being made, but it is said.
    let shy = signed(&image, &[]).rule(on("GET").path("/referrers/").status(403));
    let from = shy.docker("app:v1");
    let out = barque.args(["copy", flags, &from, &target.docker("fourth:v1")]);
    let out = out.run().ok();
    assert!(
        out.stderr().contains("signatures of `sha256:"),
        "{}",
        out.stderr()
    );
    assert!(
        out.stderr().contains("may be left behind"),
        "{}",
        out.stderr()
    );
}

#[test]
fn bundles_of_an_index_and_of_its_images_go_along() {
    let (barque, index) = (Barque::new(), images::five_platforms());
    let alice = write_key(&barque, "alice");
    let child: Value = serde_json::from_slice(&index.manifest).unwrap();
    let child: String = child["manifests"][0]["digest"].as_str().unwrap().to_owned();
    let hex = child.split_once(':').unwrap().1;
    let of_child = statement(&alice, hex, SIGN).to_string();
    let mut part = TestImage::raw(media::OCI_MANIFEST, "{}");
    part.digest = child.parse().unwrap();
    let (whole, part) = (signature(&alice, &index), artifact(&part, &of_child));
    let (source, target) = (signed(&index, &[&whole, &part]), FakeRegistry::start());
    let flags = attached(&barque);
    let from = source.docker("app:v1");
    let all = ["copy", "--all", flags, &from];
    let name = |name: &str| target.docker(name);
    // Several destinations ask once.
    let more = ["--also-to", &name("b:v1"), "--also-to", "oci:out:v1"];
    barque.args(all).args([&name("a:v1")]).args(more).run().ok();
    assert_eq!(source.requests("", "/referrers/").len(), 6);
    for repository in ["a", "b"] {
        for bundle in [&whole, &part] {
            let there = target.manifest_by_digest(repository, &bundle.digest.to_string());
            assert!(there.is_some(), "{repository}");
        }
    }
    let verify = |flags: &[&str], name: &str| {
        barque
            .args(["verify", "--key=alice.pub"])
            .args(flags)
            .args([name])
            .run()
            .ok()
    };
    verify(&[], &name("a:v1"));
    verify(&[], "oci:out:v1");
    // From a layout they are known, and go along without any configuration; `dir:` has no place for them.
    barque
        .args(["copy", "--all", "oci:out:v1", &name("c:v1")])
        .run()
        .ok();
    verify(&[], &name("c:v1"));
    barque
        .args(["copy", "--all", "oci:out:v1", "oci-archive:out.tar:v1"])
        .run()
        .ok();
    verify(&[], "oci-archive:out.tar:v1");
    let out = barque
        .args(["copy", "--all", "oci:out:v1", "dir:out.dir"])
        .run()
        .ok();
    let why = "signatures of the image are left behind, 2 of them: `dir:out.dir` has no place for bundles";
    assert!(out.stderr().contains(why), "{}", out.stderr());
    let left = ["copy", "--all", "--remove-signatures", "oci:out:v1"];
    let out = barque.args(left).args(["dir:bare.dir"]).run().ok();
    assert!(!out.stderr().contains("left behind"), "{}", out.stderr());
    let out = barque.args(left).args(["oci:bare:v1"]).run().ok();
    assert!(!out.stderr().contains("left behind"), "{}", out.stderr());
    barque
        .args(["verify", "--key=alice.pub", "oci:bare:v1"])
        .run()
        .code(3);
    // What gets another digest keeps none, and the copy says so.
    let converted = ["copy", "--all", "--format=v2s2", "oci:out:v1"];
    let out = barque.args(converted).args([&name("d:v1")]).run().ok();
    assert!(
        out.stderr().contains("do not hold for its new digest"),
        "{}",
        out.stderr()
    );
}

/// A policy has had the bundles listed: the copy does not ask again, and takes them along.
#[test]
fn bundles_that_a_policy_has_read_go_along() {
    let (barque, image) = (Barque::new(), images::small());
    let alice = write_key(&barque, "alice");
    let bundle = signature(&alice, &image);
    let (source, target) = (signed(&image, &[&bundle]), FakeRegistry::start());
    let rule = json!({
        "type": "sigstoreBundleSigned",
        "keyPath": barque.path("alice.pub"),
        "signedIdentity": {"type": "matchDigest"},
    });
    let policy = json!({"default": [rule]}).to_string();
    fs::write(barque.path("p.json"), policy).unwrap();
    let (from, to) = (source.docker("app:v1"), target.docker("app:v1"));
    barque
        .args(["--policy=p.json", "copy", &from, &to])
        .run()
        .ok();
    assert_eq!(source.requests("", "/referrers/").len(), 1);
    barque.args(["--policy=p.json", "verify", &to]).run().ok();
}
