//! What a manifest has to be to be stored (distribution-spec, "Pushing Manifests", and distribution's handler).

use serde_json::json;

use crate::support::Serving;
use crate::support::images::{artifact, five_platforms, media, sha256, small, two_layers_docker};

#[test]
fn a_push_says_where_the_manifest_is() {
    let server = Serving::writable();
    let image = small();
    server.push("a/b", "0", &image);
    let digest = image.digest.to_string();
    for reference in ["1", &digest] {
        let put = server.put("a/b", reference, &image.media_type, &image.manifest);
        assert_eq!(
            (put.status, put.header("docker-content-digest")),
            (201, &*digest)
        );
        let location = format!("http://{}/v2/a/b/manifests/{digest}", server.address());
        assert_eq!(put.header("location"), location);
        assert_eq!(server.get(put.header("location")).body, image.manifest);
    }
    // The names of types know no case (RFC 9110, 8.3.1).
    let upper = image.media_type.to_uppercase();
    let put = server.put("a/b", "2", &upper, &image.manifest);
    assert_eq!(put.status, 201, "{put:?}");
    let kept = server.get("/v2/a/b/manifests/2");
    assert_eq!(kept.header("content-type"), image.media_type);
}

#[test]
fn each_missing_part_is_an_error_with_its_digest() {
    let server = Serving::writable();
    let image = two_layers_docker();
    let missing = |reference: &str, media_type: &str, manifest: &[u8]| {
        let refused = server.put("a", reference, media_type, manifest);
        let json = refused.json();
        let errors = json["errors"].as_array().unwrap().clone();
        assert_eq!(refused.status, 400);
        assert!(
            errors.iter().all(|e| e["code"] == "MANIFEST_BLOB_UNKNOWN"),
            "{json}"
        );
        errors
            .iter()
            .map(|e| e["detail"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let wanted: Vec<String> = [image.config()]
        .into_iter()
        .chain(image.layers())
        .map(|d| d.to_string())
        .collect();
    assert_eq!(missing("1", &image.media_type, &image.manifest), wanted);
    // A blob in another repository does not count.
    for blob in image.blobs.values() {
        server.push_blob("other", blob);
    }
    server.push_blob("a", &image.blobs[&image.config()]);
    assert_eq!(
        missing("1", &image.media_type, &image.manifest),
        wanted[1..]
    );
    server
        .get("/v2/a/manifests/1")
        .refused(404, "MANIFEST_UNKNOWN");
    server.get("/v2/a/tags/list").refused(404, "NAME_UNKNOWN");
    let index = five_platforms();
    assert_eq!(missing("1", &index.media_type, &index.manifest).len(), 5);
}

#[test]
fn subjects_and_foreign_layers_need_not_be_there() {
    let server = Serving::writable();
    server.push_blob("a", b"{}");
    let foreign = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": {"mediaType": media::OCI_CONFIG, "digest": sha256(b"{}"), "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "digest": sha256(b"far"), "size": 3, "urls": ["https://far.example/x"]}],
        "subject": {"mediaType": media::OCI_MANIFEST, "digest": sha256(b"absent"), "size": 1},
    });
    assert_eq!(
        server
            .put(
                "a",
                "1",
                media::OCI_MANIFEST,
                foreign.to_string().as_bytes()
            )
            .status,
        201
    );
    let mut own = foreign;
    own["layers"][0]["urls"] = json!(null);
    server
        .put("a", "2", media::OCI_MANIFEST, own.to_string().as_bytes())
        .refused(400, "MANIFEST_BLOB_UNKNOWN");
}

#[test]
fn draft_artifacts_are_stored_with_their_subject() {
    let server = Serving::writable();
    let blob = server.push_blob("a", b"sbom");
    let subject = sha256(b"subject");
    for kind in [
        "application/vnd.oci.artifact.manifest.v1+json",
        "application/vnd.cncf.oras.artifact.manifest.v1+json",
    ] {
        let manifest = json!({
            "mediaType": kind,
            "artifactType": "t/x",
            "blobs": [{"mediaType": "t/b", "digest": blob, "size": 4}],
            "subject": {"mediaType": media::OCI_MANIFEST, "digest": subject, "size": 1},
        });
        let put = server.put("a", "x", kind, manifest.to_string().as_bytes());
        assert_eq!(
            (put.status, put.header("oci-subject")),
            (201, &*subject.to_string()),
            "{put:?}"
        );
        assert_eq!(server.get("/v2/a/manifests/x").header("content-type"), kind);
    }
    let listed = server.get(&format!("/v2/a/referrers/{subject}")).json();
    assert_eq!(listed["manifests"].as_array().unwrap().len(), 2);
    server.push("a", "y", &artifact());
}

#[test]
fn what_is_no_manifest_is_refused() {
    let server = Serving::writable();
    let image = small();
    server.push("a", "1", &image);
    let text = String::from_utf8(image.manifest.clone()).unwrap();
    let both = text.replacen('{', r#"{"manifests":[],"#, 1);
    let cases: [(&str, &[u8]); 12] = [
        (media::OCI_MANIFEST, b""),
        (media::OCI_MANIFEST, b"{"),
        (media::OCI_MANIFEST, b"<html>"),
        (media::OCI_MANIFEST, both.as_bytes()),
        // Served as another type than it says.
        (media::OCI_INDEX, &image.manifest),
        (media::DOCKER_MANIFEST, &image.manifest),
        ("application/x-www-form-urlencoded", &image.manifest),
        (media::OCI_MANIFEST, br#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:..","size":1},"layers":[]}"#),
        // Without a config, as Go writes one that was not set, too.
        (media::OCI_MANIFEST, br#"{"schemaVersion":2,"layers":[]}"#),
        (media::OCI_MANIFEST, br#"{"schemaVersion":2,"config":null,"layers":[]}"#),
        (media::OCI_MANIFEST, br#"{"schemaVersion":2,"config":{"mediaType":"","digest":"","size":0},"layers":[]}"#),
        (media::DOCKER_MANIFEST, br#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","layers":[]}"#),
    ];
    for (media_type, body) in cases {
        server
            .put("a", "2", media_type, body)
            .refused(400, "MANIFEST_INVALID");
    }
    let wrong = sha256(b"x").to_string();
    server
        .put("a", &wrong, &image.media_type, &image.manifest)
        .refused(400, "DIGEST_INVALID");
    server
        .put(
            "a",
            "sha256:baddigeststring",
            &image.media_type,
            &image.manifest,
        )
        .refused(400, "DIGEST_INVALID");
    server
        .put("a", ".bad", &image.media_type, &image.manifest)
        .refused(400, "TAG_INVALID");
    server
        .put("A", "1", &image.media_type, &image.manifest)
        .refused(400, "NAME_INVALID");
    assert_eq!(server.get("/v2/a/tags/list").json()["tags"], json!(["1"]));
}

#[test]
fn a_manifest_has_at_most_4_mib() {
    let server = Serving::writable();
    server.push_blob("a", b"{}");
    let of = |len: usize| {
        json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_MANIFEST,
            "config": {"mediaType": media::OCI_CONFIG, "digest": sha256(b"{}"), "size": 2},
            "layers": [],
            "annotations": {"x": "a".repeat(len)},
        })
        .to_string()
    };
    assert_eq!(
        server
            .put("a", "1", media::OCI_MANIFEST, of(4_000_000).as_bytes())
            .status,
        201
    );
    assert_eq!(
        server.get("/v2/a/manifests/1").body.len(),
        of(4_000_000).len()
    );
    server
        .put("a", "2", media::OCI_MANIFEST, of(4 << 20).as_bytes())
        .refused(413, "MANIFEST_INVALID");
}

/// The type of a manifest that names none is the one that it was pushed as, under each tag.
#[test]
fn bytes_without_a_type_can_be_two_manifests() {
    let mut server = Serving::writable();
    server.push_blob("a", b"{}");
    let config = json!({"mediaType": media::OCI_CONFIG, "digest": sha256(b"{}"), "size": 2});
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": []}).to_string();
    let types = [("1", media::OCI_MANIFEST), ("2", media::DOCKER_MANIFEST)];
    for (tag, media_type) in types {
        let put = server.put("a", tag, media_type, manifest.as_bytes());
        assert_eq!(put.status, 201, "{put:?}");
    }
    for _ in 0..2 {
        for (tag, media_type) in types.iter().chain(types.iter().rev()) {
            let got = server.get(&format!("/v2/a/manifests/{tag}"));
            assert_eq!(got.header("content-type"), *media_type);
        }
        server.restart();
    }
    let put = server.put("a", "2", media::OCI_MANIFEST, manifest.as_bytes());
    assert_eq!(put.status, 201, "{put:?}");
    let got = server.get("/v2/a/manifests/2");
    assert_eq!(got.header("content-type"), media::OCI_MANIFEST);
}
