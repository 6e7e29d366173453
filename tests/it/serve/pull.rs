//! What a client can read: the base, blobs and manifests (distribution-spec, "Pull").

use barque::image::{Algorithm, Digest};

use crate::support::Serving;
use crate::support::images::{sha256, small};

#[test]
fn the_base_is_200_with_the_version_of_the_api() {
    let server = Serving::start(&[]);
    for path in ["/v2/", "/v2"] {
        let base = server.get(path);
        assert_eq!((base.status, base.json()), (200, serde_json::json!({})));
        assert_eq!(
            base.header("docker-distribution-api-version"),
            "registry/2.0"
        );
        assert_eq!(base.header("content-type"), "application/json");
    }
    server.send("POST", "/v2/").refused(405, "UNSUPPORTED");
    server.get("/v2/a/b/c").refused(404, "UNSUPPORTED");
}

#[test]
fn get_and_head_of_a_manifest_agree() {
    let server = Serving::writable();
    let image = small();
    server.push("a/b", "1", &image);
    let digest = image.digest.to_string();
    for reference in ["1", &digest] {
        let path = format!("/v2/a/b/manifests/{reference}");
        let (get, head) = (server.get(&path), server.send("HEAD", &path));
        assert_eq!((get.status, head.status), (200, 200));
        assert_eq!(get.body, image.manifest);
        assert!(head.body.is_empty());
        for header in [
            "content-type",
            "content-length",
            "docker-content-digest",
            "etag",
        ] {
            assert_eq!(get.header(header), head.header(header), "{header}");
        }
        assert_eq!(get.header("content-type"), image.media_type);
        assert_eq!(get.header("docker-content-digest"), digest);
        let known = [("If-None-Match", get.header("etag"))];
        let same = server.request("GET", &path, &known, b"");
        assert_eq!((same.status, same.body.len()), (304, 0));
        assert_eq!(
            server
                .request("GET", &path, &[("If-None-Match", "\"x\"")], b"")
                .status,
            200
        );
    }
}

#[test]
fn a_manifest_that_is_not_there_is_404() {
    let server = Serving::writable();
    server.push("a", "1", &small());
    let unknown = sha256(b"nothing");
    // A tag that cannot exist is not there either.
    for reference in ["2", ".INVALID_MANIFEST_NAME", &unknown.to_string()] {
        let path = format!("/v2/a/manifests/{reference}");
        server.get(&path).refused(404, "MANIFEST_UNKNOWN");
        assert_eq!(server.send("HEAD", &path).status, 404);
        server
            .get(&format!("/v2/z/manifests/{reference}"))
            .refused(404, "MANIFEST_UNKNOWN");
    }
    // A blob is no manifest.
    let blob = server.push_blob("a", b"{}");
    server
        .get(&format!("/v2/a/manifests/{blob}"))
        .refused(404, "MANIFEST_UNKNOWN");
    server
        .get("/v2/a/manifests/sha256:baddigeststring")
        .refused(400, "DIGEST_INVALID");
}

#[test]
fn get_and_head_of_a_blob_agree() {
    let server = Serving::writable();
    let bytes: Vec<u8> = (0..=255).cycle().take(700_000).collect();
    let digest = server.push_blob("a", &bytes);
    let path = format!("/v2/a/blobs/{digest}");
    let (get, head) = (server.get(&path), server.send("HEAD", &path));
    assert_eq!((get.status, head.status), (200, 200));
    assert!(get.body == bytes && head.body.is_empty());
    for header in [
        "content-length",
        "docker-content-digest",
        "content-type",
        "etag",
    ] {
        assert_eq!(get.header(header), head.header(header), "{header}");
    }
    assert_eq!(get.header("content-length"), "700000");
    assert_eq!(get.header("docker-content-digest"), digest.to_string());
    for known in [get.header("etag"), "*"] {
        let same = server.request("GET", &path, &[("If-None-Match", known)], b"");
        assert_eq!(same.status, 304);
        let wanted = server.request("GET", &path, &[("If-Match", known)], b"");
        assert_eq!(wanted.status, 200);
    }
    let other = server.request("GET", &path, &[("If-Match", "\"x\"")], b"");
    other.refused(412, "UNKNOWN");
    let unknown = format!("/v2/a/blobs/{}", sha256(b"nothing"));
    server.get(&unknown).refused(404, "BLOB_UNKNOWN");
    assert_eq!(server.send("HEAD", &unknown).status, 404);
    server
        .get("/v2/a/blobs/sha257:ab")
        .refused(400, "DIGEST_INVALID");
}

#[test]
fn a_range_of_a_blob_is_206_and_none_of_it_416() {
    let server = Serving::writable();
    let bytes: Vec<u8> = (0..=255).cycle().take(2048).collect();
    let path = format!("/v2/a/blobs/{}", server.push_blob("a", &bytes));
    let etag = server.get(&path).header("etag").to_owned();
    for (range, from, to) in [
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, 2047),
        ("bytes=-500", 1548, 2047),
        ("bytes=2000-5000", 2000, 2047),
    ] {
        let part = server.request("GET", &path, &[("Range", range), ("If-Range", &etag)], b"");
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.body, bytes[from..=to], "{range}");
        assert_eq!(
            part.header("content-range"),
            format!("bytes {from}-{to}/2048")
        );
        assert_eq!(part.header("content-length"), (to - from + 1).to_string());
    }
    for range in ["bytes=500-0", "bytes=5000-10000"] {
        let none = server.request("GET", &path, &[("Range", range)], b"");
        none.refused(416, "RANGE_INVALID");
        assert_eq!(none.header("content-range"), "bytes */2048");
    }
    // Of another content, no part helps.
    let other = [("Range", "bytes=0-1"), ("If-Range", "\"other\"")];
    assert_eq!(server.request("GET", &path, &other, b"").body.len(), 2048);
}

#[test]
fn sha512_names_blobs_and_manifests_as_well() {
    let server = Serving::writable();
    let blob = b"{}";
    let digest = Digest::of(Algorithm::Sha512, blob);
    let location = server.upload("a");
    let pushed = server.request("PUT", &format!("{location}?digest={digest}"), &[], blob);
    assert_eq!(
        (pushed.status, pushed.header("docker-content-digest")),
        (201, &*digest.to_string())
    );
    let got = server.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!(
        (got.body.as_slice(), got.header("docker-content-digest")),
        (&blob[..], &*digest.to_string())
    );
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{m}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{digest}","size":2}},"layers":[]}}"#,
        m = "application/vnd.oci.image.manifest.v1+json"
    );
    let by512 = Digest::of(Algorithm::Sha512, manifest.as_bytes());
    let path = format!("/v2/a/manifests/{by512}?tag=one&tag=two");
    let put = server.request("PUT", &path, &[], manifest.as_bytes());
    assert_eq!(
        (put.status, put.header("docker-content-digest")),
        (201, &*by512.to_string())
    );
    assert_eq!(put.all("oci-tag"), ["one", "two"]);
    for reference in ["one", "two", &by512.to_string()] {
        let got = server.get(&format!("/v2/a/manifests/{reference}"));
        assert_eq!(
            (got.status, got.header("docker-content-digest")),
            (200, &*by512.to_string())
        );
        assert_eq!(got.body, manifest.as_bytes());
    }
}

#[test]
fn a_repository_does_not_read_the_blobs_of_another() {
    let server = Serving::writable();
    let digest = server.push_blob("secret/a", b"treasure");
    server
        .get(&format!("/v2/b/blobs/{digest}"))
        .refused(404, "BLOB_UNKNOWN");
    server
        .get(&format!("/v2/secret/blobs/{digest}"))
        .refused(404, "BLOB_UNKNOWN");
    // Pushed to both, it is on disk once.
    server.push_blob("b", b"treasure");
    let file = |name: &str| {
        let path = server.layout(name).join("blobs/sha256").join(digest.hex());
        std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap())
    };
    assert_eq!(file("secret/a"), file("b"));
}

#[test]
fn a_manifest_of_a_type_that_is_not_accepted_is_404() {
    let server = Serving::writable();
    let image = small();
    server.push("a", "1", &image);
    let digest = image.digest.to_string();
    for method in ["GET", "HEAD"] {
        for reference in ["1", &digest] {
            let path = format!("/v2/a/manifests/{reference}");
            let with = |accept: &str| server.request(method, &path, &[("Accept", accept)], b"");
            assert_eq!(with("this.is.no.type").status, 404, "{method}");
            assert_eq!(
                with("application/vnd.docker.distribution.manifest.list.v2+json").status,
                404
            );
            let several = format!("text/plain;q=0.5, {};q=0.1", image.media_type);
            for accept in ["*/*", "application/*", "application/json", &several] {
                let taken = with(accept);
                assert_eq!(taken.status, 200, "{method} {accept}");
                assert_eq!(taken.header("content-type"), image.media_type);
            }
        }
    }
    let refused = server.request("GET", "/v2/a/manifests/1", &[("Accept", "x/y")], b"");
    refused.refused(404, "MANIFEST_UNKNOWN");
    let said = refused.json()["errors"][0]["message"].to_string();
    assert!(said.contains(&image.media_type), "{said}");
}

#[test]
fn a_request_is_for_one_host() {
    let server = Serving::writable();
    let send = |head: &str| {
        let mut stream = server.connect();
        let head = format!("{head}Connection: close\r\nContent-Length: 0\r\n\r\n");
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        crate::support::Answer::read(&mut stream)
    };
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        send(&format!("GET /v2/ HTTP/1.1\r\n{hosts}")).refused(400, "UNSUPPORTED");
    }
    assert_eq!(send("GET /v2/ HTTP/1.0\r\n").status, 200);
    // A target with a host wins over the header.
    let post = "POST http://registry.example/v2/a/blobs/uploads/ HTTP/1.1\r\nHost: other\r\n";
    let started = send(post);
    let location = started.header("location");
    assert!(
        location.starts_with("http://registry.example/v2/a/"),
        "{location}"
    );
}

/// As in distribution; health checks of old look at the root.
#[test]
fn options_tells_the_methods_and_the_root_that_the_server_runs() {
    let server = Serving::writable();
    let digest = sha256(b"x");
    for (path, methods) in [
        ("/v2/".to_owned(), "GET, HEAD"),
        ("/v2/_catalog".into(), "GET, HEAD"),
        ("/v2/a/tags/list".into(), "GET, HEAD"),
        ("/v2/a/manifests/1".into(), "GET, HEAD, PUT, DELETE"),
        (format!("/v2/a/blobs/{digest}"), "GET, HEAD, DELETE"),
        ("/v2/a/blobs/uploads/".into(), "POST"),
        ("/healthz".into(), "GET, HEAD"),
    ] {
        let options = server.send("OPTIONS", &path);
        let said = (options.status, options.header("allow"), options.body.len());
        assert_eq!(said, (200, methods, 0), "{path}");
    }
    server.send("OPTIONS", "/v2/a").refused(404, "UNSUPPORTED");
    server.send("PATCH", "/v2/").refused(405, "UNSUPPORTED");
    assert_eq!(server.get("/").status, 200);
}
