//! Tags, repositories and referrers (distribution-spec, "Content Discovery").

use serde_json::{Value, json};

use crate::support::Serving;
use crate::support::images::{TestImage, artifact, five_platforms, media, sha256, small};

#[test]
fn tags_are_sorted_and_come_in_pages() {
    let server = Serving::writable();
    let image = small();
    for tag in ["sb71y", "2j2ar", "kb0j5", "asj9e", "jyi7b"] {
        server.push("test", tag, &image);
    }
    let list = |query: &str| {
        let answer = server.get(&format!("/v2/test/tags/list{query}"));
        assert_eq!(answer.status, 200, "{query}");
        let json = answer.json();
        assert_eq!(json["name"], "test");
        let tags: Vec<String> = serde_json::from_value(json["tags"].clone()).unwrap();
        (tags.join(" "), answer.header("link").to_owned())
    };
    let all = ("2j2ar asj9e jyi7b kb0j5 sb71y".to_owned(), String::new());
    for query in ["", "?n=", "?last=", "?n=&last=", "?n=100", "?n=2147483648"] {
        assert_eq!(list(query), all, "{query}");
    }
    let next = |last: &str, n: u8| format!("</v2/test/tags/list?last={last}&n={n}>; rel=\"next\"");
    assert_eq!(list("?n=2"), ("2j2ar asj9e".into(), next("asj9e", 2)));
    assert_eq!(list("?n=1&last=asj9e"), ("jyi7b".into(), next("jyi7b", 1)));
    assert_eq!(
        list("?last=jyi7b&n=3"),
        ("kb0j5 sb71y".into(), String::new())
    );
    assert_eq!(list("?last=k"), ("kb0j5 sb71y".into(), String::new()));
    assert_eq!(list("?n=0"), (String::new(), String::new()));
    for n in ["-1", "foo", "1e3"] {
        let refused = server.get(&format!("/v2/test/tags/list?n={n}"));
        refused.refused(400, "PAGINATION_NUMBER_INVALID");
    }
    server
        .get("/v2/none/tags/list")
        .refused(404, "NAME_UNKNOWN");
}

#[test]
fn the_catalog_is_sorted_and_comes_in_pages() {
    let server = Serving::writable();
    let catalog = |query: &str| {
        let answer = server.get(&format!("/v2/_catalog{query}"));
        (
            answer.json()["repositories"].clone(),
            answer.header("link").to_owned(),
        )
    };
    assert_eq!(catalog(""), (json!([]), String::new()));
    for name in ["foo/b", "foo", "foo/a/x", "foo-bar", "blobs/index.json"] {
        server.push(name, "1", &small());
    }
    // Blobs alone make no repository.
    server.push_blob("only/blobs", b"x");
    let all = json!(["blobs/index.json", "foo", "foo-bar", "foo/a/x", "foo/b"]);
    assert_eq!(catalog(""), (all, String::new()));
    let next = "</v2/_catalog?last=foo-bar&n=2>; rel=\"next\"".to_owned();
    assert_eq!(
        catalog("?n=2&last=blobs/index.json"),
        (json!(["foo", "foo-bar"]), next)
    );
    assert_eq!(catalog("?n=0"), (json!([]), String::new()));
    for n in ["-1", "x", "2147483648"] {
        let refused = server.get(&format!("/v2/_catalog?n={n}"));
        refused.refused(400, "PAGINATION_NUMBER_INVALID");
    }
}

/// An artifact of `kind` that refers to `subject`.
fn referring(subject: &TestImage, kind: &str, note: &str) -> TestImage {
    let mut image = artifact();
    let mut manifest = image.json();
    manifest["subject"] = json!({"mediaType": subject.media_type, "digest": subject.digest, "size": subject.manifest.len()});
    manifest["artifactType"] = kind.into();
    manifest["annotations"] = json!({ "note": note });
    image.manifest = manifest.to_string().into_bytes();
    image.digest = sha256(&image.manifest);
    image
}

#[test]
fn referrers_are_listed_and_filtered() {
    let server = Serving::writable();
    let subject = small();
    let path = format!("/v2/a/referrers/{}", subject.digest);
    let list = |query: &str| {
        let answer = server.get(&format!("{path}{query}"));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, media::OCI_INDEX)
        );
        let json = answer.json();
        assert_eq!(
            (&json["schemaVersion"], &json["mediaType"]),
            (&json!(2), &json!(media::OCI_INDEX))
        );
        let notes = |d: &Value| d["annotations"]["note"].as_str().unwrap_or("-").to_owned();
        let found: Vec<String> = json["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(notes)
            .collect();
        (
            found.join(" "),
            answer.header("oci-filters-applied").to_owned(),
        )
    };
    // Nothing is known yet, not even the repository.
    assert_eq!(list(""), (String::new(), String::new()));
    let (sig, sbom) = (
        referring(&subject, "t/sig", "one"),
        referring(&subject, "t/sbom", "two"),
    );
    for blob in sig.blobs.values() {
        server.push_blob("a", blob);
    }
    for image in [&sig, &sbom] {
        let digest = image.digest.to_string();
        // The subject need not be there.
        let put = server.put("a", &digest, media::OCI_MANIFEST, &image.manifest);
        assert_eq!(
            (put.status, put.header("oci-subject")),
            (201, &*subject.digest.to_string())
        );
    }
    assert_eq!(list(""), ("one two".into(), String::new()));
    assert_eq!(
        list("?artifactType=t/sbom"),
        ("two".into(), "artifactType".into())
    );
    assert_eq!(
        list("?artifactType=t/none"),
        (String::new(), "artifactType".into())
    );
    let listed = server.get(&path).json()["manifests"][0].clone();
    assert_eq!(listed["digest"], sig.digest.to_string());
    assert_eq!(listed["size"], sig.manifest.len());
    assert_eq!(listed["artifactType"], "t/sig");
    // A deleted one is not listed.
    let gone = server.send("DELETE", &format!("/v2/a/manifests/{}", sig.digest));
    assert_eq!(gone.status, 202);
    assert_eq!(list(""), ("two".into(), String::new()));
    server
        .get("/v2/a/referrers/sha256:x")
        .refused(400, "DIGEST_INVALID");
    server.send("POST", &path).refused(405, "UNSUPPORTED");
}

#[test]
fn a_referrer_without_a_type_is_listed_by_its_config() {
    let server = Serving::writable();
    let subject = small();
    let mut image = referring(&subject, "t/none", "typed by its config");
    let mut manifest = image.json();
    manifest.as_object_mut().unwrap().remove("artifactType");
    manifest["config"]["mediaType"] = "t/config".into();
    image.manifest = manifest.to_string().into_bytes();
    image.digest = sha256(&image.manifest);
    server.push("a", "1", &image);
    let path = format!("/v2/a/referrers/{}", subject.digest);
    let listed = server.get(&path).json()["manifests"][0].clone();
    assert_eq!(listed["artifactType"], "t/config");
    assert_eq!(listed["annotations"]["note"], "typed by its config");
    let filtered = server.get(&format!("{path}?artifactType=t/config"));
    assert_eq!(filtered.json()["manifests"].as_array().unwrap().len(), 1);
}

#[test]
fn many_referrers_come_in_pages() {
    let server = Serving::writable();
    let subject = small();
    let large = "x".repeat(1 << 20);
    for n in 0..5 {
        server.push(
            "a",
            &format!("t{n}"),
            &referring(&subject, "t/sig", &format!("{n}{large}")),
        );
    }
    let mut path = format!("/v2/a/referrers/{}?artifactType=t/sig", subject.digest);
    let (mut seen, mut pages) = (0, 0);
    loop {
        let page = server.get(&path);
        assert!(page.body.len() < 4 << 20);
        seen += page.json()["manifests"].as_array().unwrap().len();
        pages += 1;
        match page.header("link").strip_suffix(">; rel=\"next\"") {
            Some(next) => path = next[1..].to_owned(),
            None => break,
        }
    }
    assert_eq!((seen, pages), (5, 3));
}

#[test]
fn a_docker_manifest_has_no_subject() {
    let server = Serving::writable();
    let subject = small();
    let image = crate::support::images::two_layers_docker();
    let mut manifest = image.json();
    manifest["subject"] =
        json!({"mediaType": media::OCI_MANIFEST, "digest": subject.digest, "size": 1});
    for blob in image.blobs.values() {
        server.push_blob("a", blob);
    }
    let put = server.put(
        "a",
        "1",
        media::DOCKER_MANIFEST,
        manifest.to_string().as_bytes(),
    );
    assert_eq!((put.status, put.header("oci-subject")), (201, ""));
    let none = server.get(&format!("/v2/a/referrers/{}", subject.digest));
    assert_eq!(none.json()["manifests"], json!([]));
}

#[test]
fn a_tag_can_be_deleted_alone_and_a_digest_takes_its_tags() {
    let server = Serving::writable();
    let image = five_platforms();
    server.push("a", "1", &image);
    server.push("a", "2", &image);
    assert_eq!(server.send("DELETE", "/v2/a/manifests/1").status, 202);
    server
        .get("/v2/a/manifests/1")
        .refused(404, "MANIFEST_UNKNOWN");
    server
        .send("DELETE", "/v2/a/manifests/1")
        .refused(404, "MANIFEST_UNKNOWN");
    assert_eq!(server.get("/v2/a/manifests/2").status, 200);
    let path = format!("/v2/a/manifests/{}", image.digest);
    assert_eq!(server.send("DELETE", &path).status, 202);
    for gone in [&path, "/v2/a/manifests/2"] {
        server.get(gone).refused(404, "MANIFEST_UNKNOWN");
    }
    server
        .send("DELETE", &path)
        .refused(404, "MANIFEST_UNKNOWN");
    assert_eq!(server.get("/v2/a/tags/list").json()["tags"], json!([]));
    // Its children are images by themselves.
    let child = format!("/v2/a/manifests/{}", image.children[0].digest);
    assert_eq!(server.get(&child).status, 200);
    assert_eq!(
        server
            .put("a", "3", &image.media_type, &image.manifest)
            .status,
        201
    );
}
