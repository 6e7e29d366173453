//! Referrers: listed at the referrers tag where a registry has no API for them, and read from both (rows R1-R6, R11).

#[cfg(feature = "serve")]
mod copied;
mod dangling;
mod listed;

use std::collections::BTreeSet;
use std::sync::Arc;

use barque::image::{Descriptor, Digest, MediaType, Reference};
use barque::registry::v2::ReadTag;
use barque::registry::{Actions, Client};
use barque::settings::Context;
use barque::{Error, Kind};
use serde_json::{Value, json};

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, TestImage, media, write_layout};
use crate::support::peers::{self, DockerRegistry};

const TYPE: &str = "application/vnd.example.text";

/// An artifact about `subject`; `note` tells it from others.
fn referrer(subject: &TestImage, note: &str) -> TestImage {
    let artifact = images::artifact();
    let mut body = artifact.json();
    body["annotations"]["note"] = json!(note);
    body["subject"] = json!({
        "mediaType": subject.media_type, "digest": subject.digest, "size": subject.manifest.len(),
    });
    TestImage {
        blobs: artifact.blobs,
        ..TestImage::raw(media::OCI_MANIFEST, body.to_string())
    }
}

fn tag_of(subject: &TestImage) -> String {
    format!("sha256-{}", subject.digest.hex())
}

/// The layout `in` with the image `app`, and artifacts about it under these names.
fn layout(barque: &Barque, notes: &[&str]) -> (TestImage, Vec<TestImage>) {
    let image = images::small();
    let referrers: Vec<_> = notes.iter().map(|note| referrer(&image, note)).collect();
    let named = notes.iter().copied().zip(&referrers);
    let all: Vec<_> = [("app", &image)].into_iter().chain(named).collect();
    write_layout(&barque.path("in"), &all);
    (image, referrers)
}

fn push(barque: &Barque, tag: &str, to: &str) -> crate::support::sandbox::Run {
    barque.args(["copy", &format!("oci:in:{tag}"), to])
}

fn digests(index: &[u8]) -> Vec<String> {
    let index: Value = serde_json::from_slice(index).unwrap();
    let entries = index["manifests"].as_array().unwrap().iter();
    entries
        .map(|e| e["digest"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn r2_a_registry_without_the_api_gets_the_index_at_the_tag() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::setup().delete().start();
    let barque = Barque::new();
    let (image, referrers) = layout(&barque, &["one", "two"]);
    let name = |tag: &str| registry.docker(&format!("a:{tag}"));
    push(&barque, "app", &name("app")).run().ok();
    let mark = registry.mark();
    push(&barque, "one", &name("one")).run().ok();
    let requests = registry.since(mark);
    let at_tag = tag_of(&image);
    let lines: Vec<_> = requests.lines();
    let of_list: Vec<_> = lines.iter().filter(|l| l.contains(&at_tag)).collect();
    let path = format!("/v2/a/manifests/{at_tag}");
    assert_eq!(
        of_list,
        [
            &format!("GET {path} 404"),
            &format!("PUT {path} 201"),
            &format!("GET {path} 200"),
        ]
    );
    // A push that finds the image there asks for nothing more; one that checks all finds it listed.
    push(&barque, "one", &name("one")).run().ok();
    let mark = registry.mark();
    push(&barque, "one", &name("one"))
        .args(["--recheck"])
        .run()
        .ok();
    assert_eq!(registry.since(mark).count("PUT", &at_tag), 0);
    push(&barque, "two", &name("two")).run().ok();

    let raw = || barque.args(["inspect", "--raw", &name(&at_tag)]).run().ok();
    let index = raw().json();
    let entry = |referrer: &TestImage, note: &str| {
        json!({
            "mediaType": media::OCI_MANIFEST,
            "digest": referrer.digest,
            "size": referrer.manifest.len(),
            "annotations": { "note": note, "org.example.purpose": "test" },
            "artifactType": TYPE,
        })
    };
    let entries = [entry(&referrers[0], "one"), entry(&referrers[1], "two")];
    assert_eq!(
        index,
        json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": entries })
    );

    // What is deleted is listed no longer; the index stays when it is empty.
    for (tag, left) in [
        ("one", vec![referrers[1].digest.to_string()]),
        ("two", vec![]),
    ] {
        let out = barque.args(["delete", &name(tag)]).run().ok();
        assert_eq!(out.stderr(), "");
        assert_eq!(digests(raw().stdout_bytes()), left);
    }
}

#[test]
fn a_forced_deletion_takes_a_referrer_out_of_the_list() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::setup().delete().start();
    let barque = Barque::new();
    let (image, referrers) = layout(&barque, &["one"]);
    let name = |tag: &str| registry.docker(&format!("a{tag}"));
    push(&barque, "app", &name(":app")).run().ok();
    push(&barque, "one", &name(":one")).run().ok();
    let by_digest = name(&format!("@{}", referrers[0].digest));
    barque.args(["delete", "--force", &by_digest]).run().ok();
    let list = name(&format!(":{}", tag_of(&image)));
    let raw = barque.args(["inspect", "--raw", &list]).run().ok();
    assert_eq!(digests(raw.stdout_bytes()), Vec::<String>::new());
}

#[test]
fn a_registry_with_the_api_is_asked_for_nothing_more() {
    let barque = Barque::new();
    let (image, referrers) = layout(&barque, &["one"]);
    let registry = FakeRegistry::start();
    for tag in ["app", "one"] {
        push(&barque, tag, &registry.docker(&format!("a:{tag}")))
            .run()
            .ok();
    }
    assert_eq!(registry.requests("", &tag_of(&image)).len(), 0);
    assert_eq!(registry.requests("GET", "/manifests/").len(), 0);
    assert_eq!(registry.requests("GET", "/referrers/").len(), 0);
    assert_eq!(registry.requests("PUT", "/manifests/").len(), 2);
    let found = list(&registry, &image.digest, None, ReadTag::WithoutApi).unwrap();
    assert_eq!(named(&found), [referrers[0].digest.to_string()].into());
    assert_eq!(registry.requests("GET", &tag_of(&image)).len(), 0);

    // Without a subject a registry of either kind gets the manifest and no more.
    let old = FakeRegistry::start().without_referrers();
    push(&barque, "app", &old.docker("a:app")).run().ok();
    assert_eq!(old.requests("GET", "").len(), 0, "{:?}", old.lines());
    assert_eq!(old.requests("PUT", "/manifests/").len(), 1);
}

#[test]
fn r6_writers_at_the_same_time_lose_no_entry() {
    let barque = Barque::new();
    let notes = ["1", "2", "3", "4"];
    let (image, referrers) = layout(&barque, &notes);
    let registry = FakeRegistry::start().without_referrers();
    push(&barque, "app", &registry.docker("a:app")).run().ok();
    std::thread::scope(|scope| {
        for note in notes {
            let (registry, barque) = (&registry, &barque);
            scope.spawn(move || {
                push(barque, note, &registry.docker(&format!("a:{note}")))
                    .run()
                    .ok()
            });
        }
    });
    let index = registry.manifest("a", &tag_of(&image)).unwrap();
    let all: BTreeSet<_> = referrers.iter().map(|r| r.digest.to_string()).collect();
    assert_eq!(digests(&index).into_iter().collect::<BTreeSet<_>>(), all);
    assert_eq!(digests(&index).len(), notes.len());
}

#[test]
fn r6_an_entry_that_another_writer_threw_out_is_put_back() {
    let barque = Barque::new();
    let (image, referrers) = layout(&barque, &["one"]);
    let other = referrer(&image, "other");
    let theirs = json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [{
        "mediaType": media::OCI_MANIFEST, "digest": other.digest, "size": other.manifest.len(), "x": 1,
    }]});
    let reply = crate::support::fake::Reply::new(200, theirs.to_string())
        .with("Content-Type", media::OCI_INDEX);
    let list = tag_of(&image);
    let registry = FakeRegistry::start()
        .without_referrers()
        .image("a", "other", &other)
        .image("a", "app", &image)
        .rule(on("GET").path(&list).nth(2).answer(reply.clone()));
    push(&barque, "one", &registry.docker("a:one")).run().ok();
    let written = registry.manifest("a", &list).unwrap();
    assert_eq!(
        digests(&written),
        [other.digest.to_string(), referrers[0].digest.to_string()]
    );
    // What another client wrote of an entry is kept.
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["manifests"][0]["x"], 1);

    // One who never wins says so, and that the artifact itself is there.
    registry.add_rule(on("GET").path(&list).answer(reply));
    let retag = push(&barque, "one", &registry.docker("a:again"))
        .run()
        .code(5);
    assert!(retag.stderr().contains("`--recheck`"), "{}", retag.stderr());
    assert!(registry.manifest("a", "again").is_some());
}

#[test]
fn r11_what_is_no_list_at_the_tag_stays_with_a_warning() {
    let barque = Barque::new();
    let (image, _) = layout(&barque, &["one"]);
    let other = images::two_layers();
    // GitLab answers with the image itself.
    for (there, text) in [(&image, "with the image itself"), (&other, "is no index")] {
        let registry = FakeRegistry::start()
            .without_referrers()
            .image("a", "app", &image)
            .image("a", &tag_of(&image), there);
        let out = push(&barque, "one", &registry.docker("a:one")).run().ok();
        for part in ["warning", "as a referrer of", text] {
            assert!(out.stderr().contains(part), "{}", out.stderr());
        }
        assert_eq!(
            registry.manifest("a", &tag_of(&image)).as_ref(),
            Some(&there.manifest)
        );
        let found = list(&registry, &image.digest, None, ReadTag::WithoutApi).unwrap();
        assert_eq!(found, []);
    }
}

#[test]
fn a_list_that_may_not_be_written_is_a_warning() {
    let barque = Barque::new();
    let (image, _) = layout(&barque, &["one"]);
    let registry = FakeRegistry::start()
        .without_referrers()
        .image("a", "app", &image)
        .rule(
            on("PUT")
                .path(&tag_of(&image))
                .error(403, "DENIED", "no new tags"),
        );
    let out = push(&barque, "one", &registry.docker("a:one")).run().ok();
    assert!(out.stderr().contains("do not find it"), "{}", out.stderr());
    assert!(out.stderr().contains("no new tags"), "{}", out.stderr());
}

/// The referrers of `subject` in the repository `a`.
fn list(
    registry: &FakeRegistry,
    subject: &Digest,
    artifact_type: Option<&str>,
    read_tag: ReadTag,
) -> Result<Vec<Descriptor>, Error> {
    let name: Reference = format!("{}/a:1", registry.address()).parse().unwrap();
    let client = Client::new(&name.repository.registry, &Context::default());
    let client = Arc::new(client);
    let repository = client.repository(&name.repository.name, Actions::Pull);
    let artifact_type = artifact_type.map(MediaType::new);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let asked = repository.referrers(subject, artifact_type.as_ref(), read_tag);
        asked.await
    })
}

fn named(referrers: &[Descriptor]) -> BTreeSet<String> {
    referrers.iter().map(|d| d.digest.to_string()).collect()
}

/// A registry with these artifacts about the image of the answer.
fn with_referrers(notes: &[&str]) -> (FakeRegistry, TestImage, BTreeSet<String>) {
    let image = images::small();
    let mut registry = FakeRegistry::start().image("a", "app", &image);
    let mut all = BTreeSet::new();
    for note in notes {
        let referrer = referrer(&image, note);
        all.insert(referrer.digest.to_string());
        registry = registry.image("a", note, &referrer);
    }
    (registry, image, all)
}

#[test]
fn r1_r3_r4_registries_without_the_api_are_asked_by_tag() {
    let (_, image, all) = with_referrers(&["one"]);
    let index = json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [
        { "mediaType": media::OCI_MANIFEST, "digest": all.first(), "size": 1, "artifactType": TYPE },
        { "digest": 7 },
    ]});
    let index = TestImage::raw(media::OCI_INDEX, index.to_string());
    let path = "/referrers/";
    for rule in [
        on("GET").path(path).error(404, "NOT_FOUND", "GHCR"),
        on("GET").path(path).error(400, "MANIFEST_INVALID", "Quay"),
        on("GET").path(path).status(405),
        on("GET").path(path).html(200),
    ] {
        let registry = FakeRegistry::start()
            .image("a", &tag_of(&image), &index)
            .rule(rule);
        let found = list(&registry, &image.digest, None, ReadTag::WithoutApi).unwrap();
        assert_eq!(named(&found), all);
        let other = list(&registry, &image.digest, Some("x/y"), ReadTag::WithoutApi).unwrap();
        assert_eq!(other, []);
    }
    let denied = FakeRegistry::start().rule(on("GET").path(path).error(403, "DENIED", "no"));
    let denied = list(&denied, &image.digest, None, ReadTag::WithoutApi).unwrap_err();
    assert_eq!(denied.kind(), Kind::NotAllowed);
    // Neither list is there.
    let none = FakeRegistry::start().without_referrers();
    assert_eq!(
        list(&none, &image.digest, None, ReadTag::Always).unwrap(),
        []
    );
}

#[test]
fn r5_types_are_filtered_here_where_the_registry_does_not() {
    let (registry, image, all) = with_referrers(&["one", "two"]);
    let path = "/referrers/";
    let of = |artifact_type| {
        list(
            &registry,
            &image.digest,
            Some(artifact_type),
            ReadTag::WithoutApi,
        )
    };
    assert_eq!(named(&of(TYPE).unwrap()), all);
    assert_eq!(of("x/y").unwrap(), []);
    let whole = list(&registry, &image.digest, None, ReadTag::WithoutApi).unwrap();
    let unfiltered = json!({
        "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": whole,
    });
    let reply = crate::support::fake::Reply::new(200, unfiltered.to_string())
        .with("Content-Type", media::OCI_INDEX);
    registry.add_rule(on("GET").path(path).answer(reply));
    assert_eq!(named(&of(TYPE).unwrap()), all);
    assert_eq!(of("x/y").unwrap(), []);
}

#[test]
fn pages_are_followed_and_the_tag_is_merged() {
    let (registry, image, mut all) = with_referrers(&["1", "2", "3", "4", "5"]);
    let known = all.first().unwrap().clone();
    let other = Digest::of(barque::image::Algorithm::Sha256, b"other").to_string();
    let entry =
        |digest: &str| json!({ "mediaType": media::OCI_MANIFEST, "digest": digest, "size": 1 });
    let index = json!({ "schemaVersion": 2, "manifests": [entry(&known), entry(&other)] });
    let index = TestImage::raw(media::OCI_INDEX, index.to_string());
    let registry = registry.image("a", &tag_of(&image), &index).page_limit(2);
    let found = list(&registry, &image.digest, None, ReadTag::WithoutApi).unwrap();
    assert_eq!((named(&found), found.len()), (all.clone(), 5));
    assert_eq!(registry.requests("GET", "/referrers/").len(), 3);
    all.insert(other);
    let found = list(&registry, &image.digest, None, ReadTag::Always).unwrap();
    assert_eq!((named(&found), found.len()), (all, 6));
}

#[test]
fn a_list_that_leads_back_to_itself_ends() {
    let (registry, image, _) = with_referrers(&["1", "2"]);
    let next = format!("</v2/a/referrers/{}?page=2>; rel=\"next\"", image.digest);
    let registry = registry.rule(on("GET").path("/referrers/").header("Link", &next));
    let e = list(&registry, &image.digest, None, ReadTag::WithoutApi).unwrap_err();
    assert!(e.to_string().contains("does not end"), "{e}");
    assert!(registry.requests("GET", "/referrers/").len() <= 3);
}

#[test]
fn a_place_without_referrers_is_refused() {
    let barque = Barque::new();
    layout(&barque, &["one"]);
    for place in ["dir:out", "docker-archive:out.tar:a:1"] {
        push(&barque, "app", place).run().ok();
        let out = barque.args(["referrers", place]).run().code(6);
        assert_eq!(out.stdout(), "");
        let text = "has no place for referrers";
        assert!(out.stderr().contains(text), "{}", out.stderr());
    }
    let odd = ["referrers", "--artifact-type", "bogus", "oci:in:app"];
    let out = barque.args(odd).run().code(1);
    assert!(!out.stderr().contains("--referrers"), "{}", out.stderr());
    assert!(
        out.stderr().contains("hint: write types as in"),
        "{}",
        out.stderr()
    );
}
