//! What belongs to an image is listed by `referrers` and `inspect`, and `attest get` reads its attestations.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{layout, referrer, tag_of};
use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{self, Dialect, TestImage, media, sha256, write_layout};

/// An artifact with this layer.
fn holding(layer_type: &str, layer: &[u8], annotations: Value) -> TestImage {
    let empty = b"{}".to_vec();
    let body = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": { "mediaType": media::EMPTY, "digest": sha256(&empty), "size": 2 },
        "layers": [{
            "mediaType": layer_type, "digest": sha256(layer), "size": layer.len(), "annotations": annotations,
        }],
    });
    TestImage {
        blobs: [empty, layer.to_vec()].map(|b| (sha256(&b), b)).into(),
        ..TestImage::raw(media::OCI_MANIFEST, body.to_string())
    }
}

/// `artifact` as a referrer of `subject`.
fn about(subject: &TestImage, artifact: TestImage, artifact_type: &str) -> TestImage {
    let mut body = artifact.json();
    body["artifactType"] = json!(artifact_type);
    body["subject"] = json!({
        "mediaType": subject.media_type, "digest": subject.digest, "size": subject.manifest.len(),
    });
    TestImage {
        blobs: artifact.blobs,
        ..TestImage::raw(media::OCI_MANIFEST, body.to_string())
    }
}

fn statement(predicate: &str, note: &str) -> String {
    json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": { "note": note } })
        .to_string()
}

/// An index of one image and an attestation of it, as BuildKit writes them.
fn attested(statement: &str, predicate: &str) -> TestImage {
    let image = images::small();
    let annotations = json!({ "in-toto.io/predicate-type": predicate });
    let layer = "application/vnd.in-toto+json";
    let attestation = holding(layer, statement.as_bytes(), annotations);
    let parts = [
        (image.clone(), ("linux", "amd64", "")),
        (attestation, ("unknown", "unknown", "")),
    ];
    let index = images::index(Dialect::Oci, parts);
    let mut body = index.json();
    body["manifests"][1]["annotations"] = json!({
        "vnd.docker.reference.digest": image.digest,
        "vnd.docker.reference.type": "attestation-manifest",
    });
    TestImage {
        children: index.children,
        ..TestImage::raw(media::OCI_INDEX, body.to_string())
    }
}

#[test]
fn referrers_are_listed_as_a_tree() {
    let barque = Barque::new();
    let (image, referrers) = layout(&barque, &["one", "two"]);
    let deep = referrer(&referrers[0], "deep");
    let sig_tag = format!("{}.sig", tag_of(&image));
    let sig = images::two_layers();
    let registry = FakeRegistry::start()
        .image("a", "app", &image)
        .image("a", "1", &referrers[0])
        .image("a", "2", &referrers[1])
        .image("a", "3", &deep)
        .image("a", &sig_tag, &sig);
    let list = |args: &[&str]| {
        let out = barque.args(["referrers", &registry.docker("a:app")]);
        out.args(args).run().ok()
    };
    let document = list(&["--json", "--cosign-tags"]).json();
    assert_eq!(document["Digest"], json!(image.digest));
    let tree = document["Referrers"].as_array().unwrap();
    assert_eq!(tree.len(), 3, "{document}");
    let one = tree
        .iter()
        .find(|r| r["Digest"] == json!(referrers[0].digest))
        .unwrap();
    let expected = json!([{
        "Digest": deep.digest,
        "Size": deep.manifest.len(),
        "MediaType": media::OCI_MANIFEST,
        "ArtifactType": super::TYPE,
        "Subject": referrers[0].digest,
        "Annotations": { "note": "deep", "org.example.purpose": "test" },
    }]);
    assert_eq!(one["Referrers"], expected);
    let signature = tree.iter().find(|r| r["Tag"] == json!(sig_tag)).unwrap();
    assert_eq!(signature["Digest"], json!(sig.digest));

    let text = list(&[]).stdout().to_owned();
    assert_eq!(text.lines().count(), 3, "{text}");
    let line = text.lines().find(|l| l.contains("note=deep")).unwrap();
    let cells: Vec<_> = line.split('\t').collect();
    let size = deep.manifest.len().to_string();
    let (own, of) = (deep.digest.to_string(), referrers[0].digest.to_string());
    assert_eq!(cells[..4], [super::TYPE, &size, &own, &of]);

    let by_template = list(&[
        "--format",
        "{{range .Referrers}}{{.Annotations.note}} {{end}}",
    ]);
    let notes: BTreeSet<_> = by_template
        .stdout()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    assert_eq!(notes, ["one".to_owned(), "two".to_owned()].into());
    assert_eq!(
        list(&["--artifact-type", "x/y", "--json"]).json()["Referrers"],
        json!([])
    );
    // A layout lists the same of its manifests; one without any has none.
    let of_layout = barque.args(["referrers", "oci:in:app"]).run().ok();
    assert_eq!(
        of_layout.stdout().lines().count(),
        2,
        "{}",
        of_layout.stdout()
    );
    barque
        .args(["referrers", &registry.docker("a:none")])
        .run()
        .code(2);
}

#[test]
fn inspect_shows_referrers_and_attestations_when_asked() {
    let barque = Barque::new();
    let spdx = "https://spdx.dev/Document";
    let index = attested(&statement(spdx, "index"), spdx);
    let image = index.children[0].clone();
    let (of_image, of_index) = (referrer(&image, "image"), referrer(&index, "index"));
    let registry = FakeRegistry::start()
        .image("a", "app", &index)
        .image("a", "1", &of_image)
        .image("a", "2", &of_index);
    let inspect = |args: &[&str]| {
        let inspect = barque.args(["inspect", "-n", "--platform", "linux/amd64"]);
        let inspect = inspect.args(args).args([registry.docker("a:app")]);
        inspect.run().ok().json()
    };
    let plain = inspect(&[]);
    assert_eq!(plain.get("Referrers"), None);
    assert_eq!(plain.get("Attestations"), None);
    assert_eq!(registry.requests("GET", "/referrers/").len(), 0);
    let full = inspect(&["--referrers", "--attestations"]);
    let referrers = full["Referrers"].as_array().unwrap();
    let notes: Vec<_> = referrers
        .iter()
        .map(|r| r["Annotations"]["note"].as_str())
        .collect();
    assert_eq!(notes, [Some("image"), Some("index")]);
    let attestations = full["Attestations"].as_array().unwrap();
    assert_eq!(attestations.len(), 1);
    assert_eq!(attestations[0]["PredicateType"], spdx);
    assert_eq!(attestations[0]["Manifest"], json!(index.children[1].digest));

    // `referrers --all` lists what refers to the entries of the index.
    let all = barque.args(["referrers", "--all", "--json", &registry.docker("a:app")]);
    let all = all.run().ok().json();
    assert_eq!(all["Referrers"][0]["Annotations"]["note"], "index");
    assert_eq!(all["Entries"].as_array().unwrap().len(), 1, "{all}");
    assert_eq!(all["Entries"][0]["Platform"], "linux/amd64");
    assert_eq!(
        all["Entries"][0]["Referrers"][0]["Annotations"]["note"],
        "image"
    );
}

#[test]
fn attest_get_prints_the_statement_from_wherever_it_is() {
    use base64::Engine;
    let barque = Barque::new();
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let spdx = "https://spdx.dev/Document";
    let (slsa, vuln) = (
        "https://slsa.dev/provenance/v1",
        "https://cosign.sigstore.dev/attestation/vuln/v1",
    );
    let in_index = statement(spdx, "in the index");
    let index = attested(&in_index, spdx);
    let image = index.children[0].clone();
    // In the envelope of a bundle that refers to the image, and in one at cosign's tag.
    let envelope = |text: &str| json!({ "payloadType": "application/vnd.in-toto+json", "payload": encode(text), "signatures": [] });
    let in_bundle = statement(slsa, "bundle");
    let bundle = json!({ "mediaType": "x", "dsseEnvelope": envelope(&in_bundle) }).to_string();
    let bundle_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let bundle = about(
        &image,
        holding(bundle_type, bundle.as_bytes(), json!({})),
        bundle_type,
    );
    let by_cosign = statement(vuln, "cosign");
    let att = envelope(&by_cosign).to_string();
    let att = holding(
        "application/vnd.dsse.envelope.v1+json",
        att.as_bytes(),
        json!({ "predicateType": vuln }),
    );
    // An attestation of another type is not even read.
    let other = holding(
        "application/vnd.in-toto+json",
        b"{}",
        json!({ "in-toto.io/predicate-type": "https://x.example/y" }),
    );
    let other = about(&image, other, "application/vnd.in-toto+json");
    let registry = FakeRegistry::start()
        .image("a", "app", &index)
        .image("a", "bundle", &bundle)
        .image("a", "other", &other)
        .image("a", &format!("{}.att", tag_of(&image)), &att);
    let get = |kind: &str| {
        let name = registry.docker("a:app");
        let get = barque.args(["attest", "get", "--platform", "linux/amd64", &name]);
        get.args(["--type", kind]).run()
    };
    for (kind, expected) in [
        ("spdx", &in_index),
        (spdx, &in_index),
        ("slsa", &in_bundle),
        ("vuln", &by_cosign),
    ] {
        assert_eq!(get(kind).ok().stdout(), expected, "{kind}");
    }
    let other_layer = other.layers()[0].clone();
    assert_eq!(registry.requests("GET", &other_layer.to_string()).len(), 0);
    let none = get("cyclonedx").code(2);
    for part in ["has no attestation of type `cyclonedx`", spdx, vuln] {
        assert!(none.stderr().contains(part), "{part}: {}", none.stderr());
    }
    assert!(
        get("sbom")
            .code(1)
            .stderr()
            .contains("not a type of attestations")
    );
    // From a layout, without a type, each on a line.
    write_layout(&barque.path("in"), &[("app", &index), ("bundle", &bundle)]);
    let all = barque
        .args(["attest", "get", "oci:in:app", "--platform", "linux/amd64"])
        .run()
        .ok();
    assert_eq!(
        all.stdout().lines().collect::<Vec<_>>(),
        [&in_index, &in_bundle]
    );
    // One that is broken is an error, not an empty answer.
    let broken = holding(bundle_type, b"no bundle", json!({}));
    let broken = about(&images::two_layers(), broken, bundle_type);
    write_layout(
        &barque.path("broken"),
        &[("app", &images::two_layers()), ("b", &broken)],
    );
    let failed = barque
        .args(["attest", "get", "oci:broken:app"])
        .run()
        .code(4);
    assert!(
        failed.stderr().contains("is not an attestation"),
        "{}",
        failed.stderr()
    );
}
