//! Converts an index with attestations and artifacts to docker's manifest list: images stay, the rest is left out and listed
//! in a note.

use serde_json::json;

use super::super::support::images::{Compression, Dialect, Maker, media, write_dir};
use super::*;

/// What BuildKit writes beside an image: a manifest with an image's config, over a statement.
fn attestation() -> TestImage {
    let statement = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#.to_vec();
    let config = br#"{"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": { "mediaType": media::OCI_CONFIG, "digest": sha256(config), "size": config.len() },
        "layers": [{
            "mediaType": "application/vnd.in-toto+json", "digest": sha256(&statement), "size": statement.len(),
            "annotations": { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" },
        }],
    });
    TestImage {
        blobs: [config.to_vec(), statement].map(|b| (sha256(&b), b)).into(),
        ..TestImage::raw(media::OCI_MANIFEST, manifest.to_string())
    }
}

fn image(architecture: &str, compression: Compression) -> TestImage {
    Maker::new(Dialect::Oci)
        .platform("linux", architecture, "")
        .compression(compression)
        .file_layer("etc/arch", architecture)
        .make()
}

/// An index as `docker buildx build` pushes it, and an artifact in it.
fn built(compression: Compression) -> TestImage {
    let (amd, arm) = (
        image("amd64", Compression::Gzip),
        image("arm64", compression),
    );
    let of = amd.digest.to_string();
    let mut index = images::index(
        Dialect::Oci,
        [
            (amd, ("linux", "amd64", "")),
            (arm, ("linux", "arm64", "")),
            (attestation(), ("unknown", "unknown", "")),
            (images::artifact(), ("unknown", "unknown", "")),
        ],
    );
    let mut document = index.json();
    document["manifests"][2]["annotations"] = json!({
        "vnd.docker.reference.digest": of, "vnd.docker.reference.type": "attestation-manifest",
    });
    document["manifests"][3]
        .as_object_mut()
        .unwrap()
        .remove("platform");
    index.manifest = document.to_string().into();
    index.digest = sha256(&index.manifest);
    index
}

#[test]
fn attestations_and_artifacts_are_left_out_of_a_docker_list() {
    peers::needs!("docker-registry", "skopeo");
    let index = built(Compression::Gzip);
    let (statement, artifact) = (&index.children[2], &index.children[3]);
    let (registry, barque, skopeo) = (DockerRegistry::open(), Barque::new(), peers::skopeo());
    write_dir(&barque.path("dir"), &index);
    for (i, flags) in [
        &["--all"][..],
        &["--platform=linux/amd64", "--platform=linux/arm64"],
    ]
    .into_iter()
    .enumerate()
    {
        let to = registry.docker(&format!("a/b:{i}"));
        let copy = || {
            barque
                .args(["copy", "--format=v2s2"])
                .args(flags)
                .args(["dir:dir", &to])
                .run()
        };
        let out = copy().ok();
        let told: Vec<_> = out
            .stderr()
            .lines()
            .filter(|l| l.contains("left out"))
            .collect();
        assert_eq!(told.len(), 1, "{}", out.stderr());
        let attests = format!(
            "`{}` (an attestation of `{}`)",
            statement.digest, index.children[0].digest
        );
        assert!(told[0].contains(&attests), "{}", told[0]);
        let named = told[0].contains(&artifact.digest.to_string());
        // With a part of the platforms the artifact is not among what is copied.
        assert_eq!(named, i == 0, "{}", told[0]);

        let raw = barque.args(["inspect", "--raw", &to]).run().ok();
        let list = raw.json();
        assert_eq!(list["mediaType"], media::DOCKER_LIST);
        let entries = list["manifests"].as_array().unwrap();
        let platforms: Vec<_> = entries
            .iter()
            .map(|e| e["platform"]["architecture"].clone())
            .collect();
        assert_eq!(platforms, ["amd64", "arm64"]);
        assert_eq!(
            out.stdout(),
            format!("{to}@{}\n", sha256(raw.stdout_bytes()))
        );
        // skopeo follows the list to its last blob, and checks each digest.
        let dir = format!("dir:out{i}");
        skopeo
            .args([
                "copy",
                "-q",
                "--all",
                "--preserve-digests",
                "--src-tls-verify=false",
                &to,
                &dir,
            ])
            .run()
            .ok();
        for entry in entries {
            let hex = entry["digest"]
                .as_str()
                .unwrap()
                .strip_prefix("sha256:")
                .unwrap();
            let child = skopeo.path(format!("out{i}/{hex}.manifest.json"));
            let child: Value = serde_json::from_slice(&std::fs::read(child).unwrap()).unwrap();
            assert_eq!(child["mediaType"], media::DOCKER_MANIFEST);
        }
        let storage = registry.storage();
        for blob in statement.blobs.keys() {
            let path = storage
                .join("docker/registry/v2/blobs/sha256")
                .join(&blob.hex()[..2])
                .join(blob.hex());
            assert!(!path.exists(), "{blob} was sent");
        }
        // Copied again it is there.
        let mark = registry.mark();
        copy().ok();
        assert_eq!(registry.since(mark).count("PUT", ""), 0);
    }
}

#[test]
fn an_image_is_never_left_out() {
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &built(Compression::Zstd));
    let copy = |flags: &[&str]| {
        barque
            .args(["copy", "--all", "--format=v2s2"])
            .args(flags)
            .args(["dir:dir", "dir:out"])
            .run()
    };
    let told = copy(&[]).code(6);
    assert!(told.stderr().contains("no zstd"), "{}", told.stderr());
    copy(&["--dest-compress-format=gzip"]).ok();
    let list: Value =
        serde_json::from_slice(&std::fs::read(barque.path("out/manifest.json")).unwrap()).unwrap();
    assert_eq!(list["manifests"].as_array().unwrap().len(), 2);
}

#[test]
fn what_would_be_lost_unasked_is_refused() {
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &built(Compression::Gzip));
    let args = [
        "copy",
        "--all",
        "--format=v2s2",
        "--preserve-digests",
        "dir:dir",
        "dir:out",
    ];
    let told = barque.args(args).run().code(6);
    assert!(
        told.stderr().contains("would change the digest"),
        "{}",
        told.stderr()
    );
    // Nothing but artifacts.
    let only = images::index(
        Dialect::Oci,
        [(images::artifact(), ("unknown", "unknown", ""))],
    );
    write_dir(&barque.path("only"), &only);
    let told = barque
        .args(["copy", "--all", "--format=v2s2", "dir:only", "dir:out"])
        .run()
        .code(6);
    assert!(
        told.stderr().contains("lists no image"),
        "{}",
        told.stderr()
    );
    assert!(!barque.path("out").exists());
}
