//! What belongs to an image is copied with it: its referrers, theirs, and cosign's tags.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{digests, layout, referrer, tag_of};
use crate::support::Barque;
use crate::support::Serving;
use crate::support::fake::{FakeRegistry, Reply, on};
use crate::support::images::{self, Dialect, TestImage, media, write_layout};
use crate::support::peers::{self, DockerRegistry};
use crate::support::sandbox::Sandbox;

/// A referrer of `subject` that is an index of one artifact.
fn index_about(subject: &TestImage) -> TestImage {
    let parts = [(images::artifact(), ("unknown", "unknown", ""))];
    let index = images::index(Dialect::Oci, parts);
    let mut body = index.json();
    body["artifactType"] = json!("x/index");
    body["subject"] = json!({
        "mediaType": subject.media_type, "digest": subject.digest, "size": subject.manifest.len(),
    });
    TestImage {
        children: index.children,
        ..TestImage::raw(media::OCI_INDEX, body.to_string())
    }
}

/// An index of five platforms, artifacts about it, about one of its images, about one of these artifacts, and an index
/// about it: the image, and the digests of what is attached to each.
fn complete(barque: &Barque) -> (TestImage, Vec<(TestImage, BTreeSet<String>)>) {
    let image = images::five_platforms();
    let child = image.children[1].clone();
    let (one, of_child) = (referrer(&image, "one"), referrer(&child, "child"));
    let (deep, index) = (referrer(&one, "deep"), index_about(&image));
    let all = [&image, &one, &of_child, &deep, &index];
    let named: Vec<_> = ["app", "one", "child", "deep", "index"]
        .into_iter()
        .zip(all)
        .collect();
    write_layout(&barque.path("in"), &named);
    let set = |of: &[&TestImage]| of.iter().map(|i| i.digest.to_string()).collect();
    let attached = vec![
        (image.clone(), set(&[&one, &index])),
        (child, set(&[&of_child])),
        (one.clone(), set(&[&deep])),
    ];
    (image, attached)
}

/// The digests that the referrers API of `registry` lists.
fn by_api(registry: &Serving, name: &str, subject: &TestImage) -> BTreeSet<String> {
    let answer = registry.get(&format!("/v2/{name}/referrers/{}", subject.digest));
    digests(&answer.body).into_iter().collect()
}

#[test]
fn an_image_arrives_with_all_that_belongs_to_it() {
    peers::needs!("docker-registry");
    let barque = Barque::new();
    let (_, attached) = complete(&barque);
    let (api, old) = (Serving::writable(), DockerRegistry::open());
    let copy = |from: &str, to: &str| {
        let out = barque.args(["copy", "--all", "--referrers", "all", from, to]);
        out.run().ok().stderr().to_owned()
    };
    let said = copy("oci:in:app", &api.docker("a:1"));
    assert!(said.contains("attached 4 manifests"), "{said}");
    for (subject, expected) in &attached {
        assert_eq!(&by_api(&api, "a", subject), expected);
    }
    // To a registry without the API, with the index at the tag of each subject.
    copy(&api.docker("a:1"), &old.docker("b:1"));
    for (subject, expected) in &attached {
        let list = old.docker(&format!("b:{}", tag_of(subject)));
        let list = barque.args(["inspect", "--raw", &list]).run().ok();
        let list: BTreeSet<_> = digests(list.stdout_bytes()).into_iter().collect();
        assert_eq!(&list, expected);
    }
    // What is there is asked for and not written again.
    let mark = old.mark();
    let said = copy(&api.docker("a:1"), &old.docker("b:1"));
    assert!(
        said.contains("is up to date") && !said.contains("attached"),
        "{said}"
    );
    assert_eq!(old.since(mark).count("PUT", ""), 0);
    assert_eq!(old.since(mark).count("POST", ""), 0);
    // By way of an archive and a layout, which list it in their indexes.
    copy(&old.docker("b:1"), "oci-archive:out.tar:x");
    copy("oci-archive:out.tar:x", "oci:out:x");
    let index = std::fs::read(barque.path("out/index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    assert_eq!(entries.len(), 5, "{index}");
    let types = entries.iter().filter_map(|e| e["artifactType"].as_str());
    let types: BTreeSet<_> = types.collect();
    assert_eq!(types, [super::TYPE, "x/index"].into());
    // The layout still has one image, and another copy into it adds nothing.
    copy("oci:out", &api.docker("c:1"));
    for (subject, expected) in &attached {
        assert_eq!(&by_api(&api, "c", subject), expected);
    }
    copy("oci-archive:out.tar:x", "oci:out:x");
    let again = std::fs::read(barque.path("out/index.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), index);
}

#[test]
fn a_plain_copy_asks_for_nothing_more_and_hints_at_what_it_knows() {
    let barque = Barque::new();
    let (image, referrers) = layout(&barque, &["one", "two"]);
    let (source, target) = (FakeRegistry::start(), FakeRegistry::start());
    let source = source
        .image("a", "app", &image)
        .image("a", "one", &referrers[0]);
    let (from, to) = (source.docker("a:app"), target.docker("b:app"));
    let out = barque.args(["copy", &from, &to]).run().ok();
    assert!(!out.stderr().contains("left behind"), "{}", out.stderr());
    for part in ["/referrers/", "/tags/list", &tag_of(&image)] {
        assert_eq!(source.requests("", part).len(), 0, "{part}");
        assert_eq!(target.requests("", part).len(), 0, "{part}");
    }
    let hint = "note: 2 referrers of the image are left behind; `--referrers all` copies them too";
    let plain = barque.args(["copy", "oci:in:app", &target.docker("c:app")]);
    assert!(plain.run().ok().stderr().contains(hint));
    // A place that could not hold them is not worth a hint.
    let out = barque.args(["copy", "oci:in:app", "dir:out"]).run().ok();
    assert!(!out.stderr().contains("left behind"), "{}", out.stderr());
    let refused = barque.args(["copy", "--referrers", "all", "oci:in:app", "dir:other"]);
    let refused = refused.run().code(6);
    assert!(
        refused.stderr().contains("has no place for referrers"),
        "{}",
        refused.stderr()
    );
}

/// On a terminal somebody reads the hint, so that it is worth two requests beside the blobs.
#[test]
fn a_copy_from_a_registry_on_a_terminal_tells_what_it_leaves() {
    peers::needs!("script");
    let (image, referrers) = (images::small(), ["one", "two"]);
    let source = FakeRegistry::start().image("a", "app", &image);
    let source = referrers.iter().fold(source, |source, note| {
        source.image("a", note, &referrer(&image, note))
    });
    // The copy ends when the source has long answered.
    let late = on("PUT")
        .path("/manifests/")
        .delay(Duration::from_millis(500));
    let target = FakeRegistry::start().rule(late);
    let terminal = Sandbox::of("script").env("TERM", "xterm");
    let copy = |flags: &str, tag: &str| {
        source.clear();
        let (from, to) = (source.docker("a:app"), target.docker(&format!("b:{tag}")));
        let program = env!("CARGO_BIN_EXE_barque");
        let command = format!("{program} copy {flags} {from} {to}");
        let out = terminal.args(["-qefc", &command, "/dev/null"]).run().ok();
        let asked = source.requests("GET", "/referrers/").len();
        (
            out.stdout()
                .contains("note: 2 referrers of the image are left behind"),
            asked,
        )
    };
    assert_eq!(copy("", "one"), (true, 1));
    assert_eq!(copy("--referrers none", "two"), (false, 0));
    assert_eq!(copy("--quiet", "three"), (false, 0));
    // Nothing moves: nothing is asked.
    assert_eq!(copy("", "one"), (false, 0));
}

#[test]
fn each_list_is_read_once_and_types_choose() {
    let barque = Barque::new();
    let image = images::small();
    let (one, other) = (referrer(&image, "one"), index_about(&image));
    let source = FakeRegistry::start()
        .image("a", "app", &image)
        .image("a", "one", &one)
        .image("a", "other", &other);
    let target = FakeRegistry::start();
    let copy = |types: &str, to: &str| {
        source.clear();
        target.clear();
        let to = target.docker(to);
        let out = barque.args(["copy", "--referrers", types, &source.docker("a:app"), &to]);
        out.run().ok().stderr().to_owned()
    };
    copy("x/index", "b:1");
    // Of the image, and of the one referrer that is wanted; each by the API and at the tag.
    assert_eq!(
        source.requests("GET", "/referrers/").len(),
        2,
        "{:?}",
        source.lines()
    );
    assert_eq!(source.requests("GET", "/manifests/sha256-").len(), 2);
    assert_eq!(source.requests("GET", "/tags/list").len(), 0);
    // The image, the index about it and the artifact in that.
    assert_eq!(target.requests("PUT", "/manifests/").len(), 3);
    assert_eq!(target.requests("GET", "/referrers/").len(), 1);
    assert!(
        target
            .manifest_by_digest("b", &other.digest.to_string())
            .is_some()
    );
    assert!(
        target
            .manifest_by_digest("b", &one.digest.to_string())
            .is_none()
    );
    // A signature that came later: the image is there, and only the signature moves.
    let said = copy("all", "b:1");
    assert!(
        said.contains("is up to date; attached 1 manifest"),
        "{said}"
    );
    assert_eq!(target.requests("PUT", "/manifests/").len(), 1);
    assert_eq!(
        source.requests("GET", "/blobs/").len(),
        0,
        "{:?}",
        source.lines()
    );
    assert!(
        target
            .manifest_by_digest("b", &one.digest.to_string())
            .is_some()
    );
    copy("none", "c:1");
    assert_eq!(source.requests("GET", "/referrers/").len(), 0);
    let odd = barque.args(["copy", "--referrers", "sbom", "oci:in:app", "oci:out:app"]);
    assert!(
        odd.run()
            .code(1)
            .stderr()
            .contains("`sbom` is not an artifact type")
    );
}

#[test]
fn cosign_tags_are_found_in_one_list_of_tags() {
    let barque = Barque::new();
    let (image, sig, att) = (images::small(), images::artifact(), images::two_layers());
    let sig_tag = format!("{}.sig", tag_of(&image));
    let att_tag = format!("{}.att", tag_of(&image));
    let of_sig = format!("{}.sig", tag_of(&sig));
    let source = FakeRegistry::start()
        .image("a", "app", &image)
        .image("a", &sig_tag, &sig)
        .image("a", &att_tag, &att)
        .image("a", &of_sig, &att)
        .image(
            "a",
            &format!("{}.sig", tag_of(&images::two_layers_docker())),
            &sig,
        )
        .tags("a", 30, &image)
        .page_limit(10);
    let target = FakeRegistry::start();
    let copy = |to: &str| {
        let from = source.docker("a:app");
        barque.args(["copy", "--cosign-tags", &from, to]).run().ok()
    };
    copy(&target.docker("b:app"));
    let lists = source.requests("GET", "/tags/list");
    assert_eq!(lists.len(), 4, "{:?}", source.lines());
    let by_tag = source.requests("", "/manifests/sha256-");
    assert_eq!(by_tag.len(), 3, "{:?}", source.lines());
    assert_eq!(source.requests("", "/referrers/").len(), 0);
    for (tag, there) in [(&sig_tag, &sig), (&att_tag, &att), (&of_sig, &att)] {
        assert_eq!(
            target.manifest("b", tag).as_ref(),
            Some(&there.manifest),
            "{tag}"
        );
    }
    target.clear();
    copy(&target.docker("b:app"));
    assert_eq!(target.requests("PUT", "").len(), 0);
    // A layout names them as they are tagged.
    copy("oci:out:app");
    let names = barque.args(["tags", "--plain", "oci:out"]).run().ok();
    let names: BTreeSet<_> = names.stdout().lines().map(str::to_owned).collect();
    assert_eq!(
        names,
        ["app".to_owned(), sig_tag.clone(), att_tag.clone(), of_sig].into()
    );
    let back = barque.args(["copy", "--cosign-tags", "oci:out", &target.docker("c:app")]);
    back.run().ok();
    assert_eq!(target.manifest("c", &sig_tag), Some(sig.manifest));
}

#[test]
fn lists_that_are_wrong_or_endless_do_no_harm() {
    let barque = Barque::new();
    let (image, other) = (images::small(), images::two_layers());
    // It lists what is gone, what is about something else, and the image itself.
    let entry = |digest: String, size: usize| json!({ "mediaType": media::OCI_MANIFEST, "digest": digest, "size": size });
    let gone = format!("sha256:{}", "a".repeat(64));
    let list = json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [
        entry(gone.clone(), 7),
        entry(other.digest.to_string(), other.manifest.len()),
        entry(image.digest.to_string(), image.manifest.len()),
    ]});
    let list = Reply::new(200, list.to_string()).with("Content-Type", media::OCI_INDEX);
    let source = FakeRegistry::start()
        .image("a", "app", &image)
        .image("a", "other", &other)
        .rule(on("GET").path("/referrers/").answer(list));
    let target = FakeRegistry::start();
    let copy = |from: &str, to: &str| barque.args(["copy", "--referrers", "all", from, to]).run();
    let out = copy(&source.docker("a:app"), &target.docker("b:app")).ok();
    assert!(
        out.stderr().contains(&format!("`{gone}` is listed")),
        "{}",
        out.stderr()
    );
    assert!(
        out.stderr().contains("is about something else"),
        "{}",
        out.stderr()
    );
    assert_eq!(target.requests("PUT", "/manifests/").len(), 1);
    assert_eq!(
        source.requests("GET", "/referrers/").len(),
        3,
        "{:?}",
        source.lines()
    );

    // A chain of referrers is followed to a depth.
    let mut chain = vec![image.clone()];
    for n in 0..12 {
        chain.push(referrer(&chain[n], &n.to_string()));
    }
    let names: Vec<String> = (0..chain.len()).map(|n| n.to_string()).collect();
    let named: Vec<_> = names.iter().map(String::as_str).zip(&chain).collect();
    write_layout(&barque.path("chain"), &named);
    let out = copy("oci:chain:0", &target.docker("c:app")).ok();
    assert!(out.stderr().contains("8 levels deep"), "{}", out.stderr());
    assert!(
        out.stderr().contains("attached 8 manifests"),
        "{}",
        out.stderr()
    );
}

#[test]
fn what_is_attached_to_a_manifest_that_changes_stays_behind() {
    let barque = Barque::new();
    let (_, referrers) = layout(&barque, &["one"]);
    let target = FakeRegistry::start();
    let to = target.docker("b:app");
    let convert = [
        "copy",
        "--referrers",
        "all",
        "--format",
        "v2s2",
        "oci:in:app",
        &to,
    ];
    let out = barque.args(convert).run().ok();
    assert!(
        out.stderr().contains("does not hold for its new digest"),
        "{}",
        out.stderr()
    );
    assert_eq!(
        target.manifest_by_digest("b", &referrers[0].digest.to_string()),
        None
    );

    // A registry that takes no image but docker's gets that, and no referrer of another one.
    let picky = FakeRegistry::start().rule(on("PUT").path("/manifests/app").first(1).error(
        415,
        "MANIFEST_INVALID",
        "no OCI here",
    ));
    let out = barque.args([
        "copy",
        "--referrers",
        "all",
        "oci:in:app",
        &picky.docker("b:app"),
    ]);
    let out = out.run().ok();
    assert!(
        out.stderr().contains("was left behind: its digest changed"),
        "{}",
        out.stderr()
    );
    assert_eq!(picky.requests("PUT", "/manifests/").len(), 2);
}

#[test]
fn m13_a_registry_that_refuses_a_referrer_is_told_from_one_that_refuses_the_image() {
    let barque = Barque::new();
    let (_, referrers) = layout(&barque, &["one"]);
    let digest = referrers[0].digest.to_string();
    let registry = FakeRegistry::start().rule(on("PUT").path(&digest).error(
        405,
        "UNSUPPORTED",
        "no artifacts of this type",
    ));
    let to = registry.docker("b:app");
    let out = barque.args(["copy", "--referrers", "all", "oci:in:app", &to]);
    let out = out.run().code(6);
    for part in [
        &digest,
        super::TYPE,
        "no artifacts of this type",
        "the image itself was copied",
    ] {
        assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
    }
    assert!(registry.manifest("b", "app").is_some());
    assert_eq!(
        registry.requests("PUT", "/manifests/").len(),
        2,
        "{:?}",
        registry.lines()
    );
}
