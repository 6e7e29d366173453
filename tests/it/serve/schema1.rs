//! What a manifest of docker schema 1 has to be to be stored.

use barque::image::Digest;
use barque::legacy::jws::SigningKey;

use crate::support::Serving;
use crate::support::images::{schema1, sha256};

const PRETTY: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const PLAIN: &str = "application/vnd.docker.distribution.manifest.v1+json";

#[test]
fn schema_1_is_signed_as_what_it_is_pushed_as() {
    let server = Serving::writable();
    let key = SigningKey::generate().unwrap();
    let signed = schema1::image("a/b", "1", Some(&key), false).image;
    let payload = schema1::image("a/b", "1", None, false).image;
    for blob in signed.blobs.values() {
        for name in ["a/b", "c"] {
            server.push_blob(name, blob);
        }
    }
    let put = |name: &str, tag: &str, media_type: &str, manifest: &[u8]| {
        server.put(name, tag, media_type, manifest)
    };
    for media_type in [PRETTY, PLAIN] {
        put("a/b", "1", media_type, &payload.manifest).refused(400, "MANIFEST_UNVERIFIED");
        put("c", "1", media_type, &signed.manifest).refused(400, "NAME_INVALID");
        put("a/b", "2", media_type, &signed.manifest).refused(400, "TAG_INVALID");
    }
    let text = String::from_utf8(signed.manifest.clone()).unwrap();
    let forged = text.replacen("amd64", "arm64", 1);
    assert_ne!(forged, text);
    put("a/b", "1", PRETTY, forged.as_bytes()).refused(400, "MANIFEST_UNVERIFIED");
    let of_all = sha256(&signed.manifest).to_string();
    put("a/b", &of_all, PRETTY, &signed.manifest).refused(400, "DIGEST_INVALID");
    let stored = put("a/b", "1", PRETTY, &signed.manifest);
    // The digest is that of what is signed.
    let digest = barque::image::Manifest::parse(signed.manifest.clone().into(), None).unwrap();
    let digest: Digest = digest.digest().clone();
    assert_eq!(
        (stored.status, stored.header("docker-content-digest")),
        (201, &*digest.to_string()),
        "{stored:?}"
    );
    // What is here can be tagged again, as `crane tag` does.
    assert_eq!(put("a/b", "2", PRETTY, &signed.manifest).status, 201);
    for reference in ["1", "2", &digest.to_string()] {
        let got = server.get(&format!("/v2/a/b/manifests/{reference}"));
        assert_eq!((got.status, got.header("content-type")), (200, PRETTY));
        assert_eq!(got.body, signed.manifest);
    }
    // As a blob its content would not be that of its digest.
    server
        .get(&format!("/v2/a/b/blobs/{digest}"))
        .refused(404, "BLOB_UNKNOWN");
}

#[test]
fn schema_1_lists_its_missing_layers() {
    let server = Serving::writable();
    let key = SigningKey::generate().unwrap();
    let signed = schema1::image("a", "1", Some(&key), false).image;
    let refused = server.put("a", "1", PRETTY, &signed.manifest);
    let (status, codes) = refused.refusal();
    assert_eq!((status, codes.len()), (400, signed.blobs.len()));
    assert!(codes.iter().all(|code| code == "MANIFEST_BLOB_UNKNOWN"));
}
