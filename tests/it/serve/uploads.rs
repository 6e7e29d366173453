//! Uploads of blobs (distribution-spec, "Pushing blobs").

use crate::support::Serving;
use crate::support::images::{noise, sha256};

#[test]
fn a_blob_is_pushed_in_one_post() {
    let server = Serving::writable();
    let digest = sha256(b"one post");
    let path = format!("/v2/a/b/blobs/uploads/?digest={digest}");
    let pushed = server.request("POST", &path, &[], b"one post");
    assert_eq!(pushed.status, 201);
    assert_eq!(pushed.header("docker-content-digest"), digest.to_string());
    let blob = server.get(pushed.header("location"));
    assert_eq!(blob.body, b"one post");
    server
        .request("POST", &path, &[], b"another")
        .refused(400, "DIGEST_INVALID");
}

#[test]
fn a_blob_is_pushed_by_post_and_put() {
    let server = Serving::writable();
    for bytes in [&b""[..], b"{}", &noise(1, 900_000)] {
        let digest = sha256(bytes);
        let location = server.upload("a");
        let put = format!("{location}?digest={digest}");
        let headers = [("Content-Type", "application/octet-stream")];
        let pushed = server.request("PUT", &put, &headers, bytes);
        assert_eq!(pushed.status, 201, "{pushed:?}");
        assert!(server.get(pushed.header("location")).body == bytes);
        // It is closed.
        server.get(&location).refused(404, "BLOB_UPLOAD_UNKNOWN");
    }
    let location = server.upload("a");
    server
        .request("PUT", &location, &[], b"x")
        .refused(400, "DIGEST_INVALID");
    let wrong = format!("{location}?digest={}", sha256(b"y"));
    server
        .request("PUT", &wrong, &[], b"x")
        .refused(400, "DIGEST_INVALID");
    server.get(&location).refused(404, "BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn chunks_come_in_order_and_others_are_416() {
    let server = Serving::writable();
    let bytes = noise(2, 3000);
    let started = server.send("POST", "/v2/a/blobs/uploads/");
    assert_eq!(started.header("range"), "0-0");
    assert!(
        started
            .header("oci-chunk-min-length")
            .parse::<u64>()
            .is_ok()
    );
    let location = started.header("location").to_owned();
    let id = started.header("docker-upload-uuid");
    assert!(location.ends_with(id) && !id.is_empty());
    let patch = |range: &str, bytes: &[u8]| {
        server.request("PATCH", &location, &[("Content-Range", range)], bytes)
    };
    let first = patch("0-999", &bytes[..1000]);
    assert_eq!((first.status, first.header("range")), (202, "0-999"));
    for (range, part) in [
        ("2000-2999", &bytes[2000..]),
        ("0-999", &bytes[..1000]),
        ("x", &bytes[..1]),
    ] {
        let out_of_order = patch(range, part);
        out_of_order.refused(416, "RANGE_INVALID");
        assert_eq!(out_of_order.header("range"), "0-999");
        assert_eq!(out_of_order.header("location"), location);
    }
    patch("1000-1001", b"x").refused(400, "SIZE_INVALID");
    let status = server.get(&location);
    assert_eq!((status.status, status.header("range")), (204, "0-999"));
    assert_eq!(patch("1000-1999", &bytes[1000..2000]).status, 202);
    let put = format!("{location}?digest={}", sha256(&bytes));
    let early = server.request(
        "PUT",
        &put,
        &[("Content-Range", "2500-2999")],
        &bytes[2500..],
    );
    early.refused(416, "RANGE_INVALID");
    let last = server.request(
        "PUT",
        &put,
        &[("Content-Range", "2000-2999")],
        &bytes[2000..],
    );
    assert_eq!(last.status, 201);
    assert!(server.get(last.header("location")).body == bytes);
}

#[test]
fn a_stream_needs_no_length() {
    let server = Serving::writable();
    let location = server.upload("a");
    let body = b"6\r\nstream\r\n3\r\ned!\r\n0\r\n\r\n";
    let headers = [
        ("Transfer-Encoding", "chunked"),
        ("Content-Length-Not", "0"),
    ];
    let mut stream = server.connect();
    let path = location.split_once(server.address()).unwrap().1;
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}: {}\r\n\r\n",
        headers[0].0, headers[0].1
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    std::io::Write::write_all(&mut stream, body).unwrap();
    let patched = crate::support::Answer::read(&mut stream);
    assert_eq!((patched.status, patched.header("range")), (202, "0-8"));
    let put = format!("{location}?digest={}", sha256(b"streamed!"));
    assert_eq!(server.send("PUT", &put).status, 201);
}

#[test]
fn an_upload_can_be_cancelled() {
    let server = Serving::writable();
    let location = server.upload("a");
    assert_eq!(server.send("DELETE", &location).status, 204);
    server.get(&location).refused(404, "BLOB_UPLOAD_UNKNOWN");
    server
        .send("DELETE", &location)
        .refused(404, "BLOB_UPLOAD_UNKNOWN");
    // An upload belongs to its repository.
    let location = server.upload("a");
    let elsewhere = location.replace("/v2/a/", "/v2/b/");
    server.get(&elsewhere).refused(404, "BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn a_mount_is_201_where_the_source_has_the_blob_and_202_elsewhere() {
    let server = Serving::writable();
    let digest = server.push_blob("a", b"mounted");
    let mount = |query: &str| server.send("POST", &format!("/v2/b/blobs/uploads/?mount={query}"));
    // From where it is not, and what is nowhere.
    for query in [
        format!("{digest}&from=c"),
        format!("{}&from=a", sha256(b"no")),
        sha256(b"no").to_string(),
    ] {
        let declined = mount(&query);
        assert_eq!(declined.status, 202, "{query}");
        assert_eq!(server.get(declined.header("location")).status, 204);
        server
            .get(&format!("/v2/b/blobs/{digest}"))
            .refused(404, "BLOB_UNKNOWN");
    }
    let mounted = mount(&format!("{digest}&from=a"));
    assert_eq!(mounted.status, 201);
    assert_eq!(mounted.header("docker-content-digest"), digest.to_string());
    assert_eq!(server.get(mounted.header("location")).body, b"mounted");
    let anonymous = server.send("POST", &format!("/v2/d/blobs/uploads/?mount={digest}"));
    assert_eq!(anonymous.status, 201);
    // Deleting it in one repository leaves the others whole.
    assert_eq!(
        server
            .send("DELETE", &format!("/v2/a/blobs/{digest}"))
            .status,
        202
    );
    assert_eq!(server.get(mounted.header("location")).status, 200);
}

#[test]
fn a_deleted_blob_is_gone_and_can_come_back() {
    let server = Serving::writable();
    let digest = server.push_blob("a", b"again");
    let path = format!("/v2/a/blobs/{digest}");
    assert_eq!(server.send("DELETE", &path).status, 202);
    server.get(&path).refused(404, "BLOB_UNKNOWN");
    server.send("DELETE", &path).refused(404, "BLOB_UNKNOWN");
    let pool = server
        .root()
        .join(".barque/blobs/sha256")
        .join(digest.hex());
    assert!(!pool.exists(), "the space is freed");
    server.push_blob("a", b"again");
    assert_eq!(server.get(&path).body, b"again");
}

/// Sends `parts` as chunks of HTTP, which have no length as a whole.
fn streamed(server: &Serving, head: &str, parts: &[&[u8]]) -> crate::support::Answer {
    let mut stream = server.connect();
    let mut bytes =
        format!("{head}Host: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for part in parts {
        bytes.extend(format!("{:x}\r\n", part.len()).into_bytes());
        bytes.extend(*part);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    std::io::Write::write_all(&mut stream, &bytes).unwrap();
    crate::support::Answer::read(&mut stream)
}

#[test]
fn a_chunk_without_a_length_is_as_long_as_its_range() {
    let server = Serving::writable();
    let bytes = noise(3, 700_000);
    let location = server.upload("a");
    let path = location.split_once(server.address()).unwrap().1;
    let patch = |range: &str, parts: &[&[u8]]| {
        let head = format!("PATCH {path} HTTP/1.1\r\nContent-Range: {range}\r\n");
        streamed(&server, &head, parts)
    };
    assert_eq!(patch("0-9", &[&bytes[..10]]).header("range"), "0-9");
    // Longer, shorter, empty; the longer one is so long that a part of it is written at once.
    for parts in [
        &[&bytes[10..600_000], &bytes[..9]][..],
        &[&bytes[10..15]],
        &[],
    ] {
        let refused = patch("10-19", parts);
        refused.refused(400, "SIZE_INVALID");
        assert_eq!(server.get(&location).header("range"), "0-9");
    }
    let rest = patch("10-699999", &[&bytes[10..300_000], &bytes[300_000..]]);
    assert_eq!((rest.status, rest.header("range")), (202, "0-699999"));
    let digest = sha256(&bytes);
    let put = server.send("PUT", &format!("{location}?digest={digest}"));
    assert_eq!(put.status, 201);
    assert!(server.get(put.header("location")).body == bytes);
    // What was taken back does not count for the digest either.
    let location = server.upload("a");
    let path = location.split_once(server.address()).unwrap().1;
    let head = format!("PATCH {path} HTTP/1.1\r\nContent-Range: 0-9\r\n");
    streamed(&server, &head, &[&bytes]).refused(400, "SIZE_INVALID");
    let put = format!("{location}?digest={digest}");
    server.send("PUT", &put).refused(400, "DIGEST_INVALID");
}

#[test]
fn bytes_that_were_taken_back_are_not_in_the_blob() {
    let server = Serving::writable();
    let location = server.upload("a");
    let path = location.split_once(server.address()).unwrap().1;
    let patch = |range: &str, bytes: &[u8]| {
        let head = format!("PATCH {path} HTTP/1.1\r\nContent-Range: {range}\r\n");
        streamed(&server, &head, &[bytes])
    };
    assert_eq!(patch("0-3", b"good").status, 202);
    patch("4-99", b"more").refused(400, "SIZE_INVALID");
    let put = format!("{location}?digest={}", sha256(b"good"));
    let put = server.send("PUT", &put);
    assert_eq!(put.status, 201);
    assert_eq!(server.get(put.header("location")).body, b"good");
}

#[test]
fn a_client_that_waits_is_not_asked_for_a_body_that_is_refused() {
    let server = Serving::writable();
    let wait = |path: &str| {
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        );
        let mut stream = server.connect();
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        stream
    };
    let none = "/v2/a/blobs/uploads/aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa";
    for (path, status) in [(none, 404), ("/v2/a/tags/list", 405)] {
        assert_eq!(crate::support::Answer::read(&mut wait(path)).status, status);
    }
    let location = server.upload("a");
    let path = location.split_once(server.address()).unwrap().1;
    let mut stream = wait(&format!("{path}?digest={}", sha256(b"hello")));
    let mut asked = [0; 25];
    std::io::Read::read_exact(&mut stream, &mut asked).unwrap();
    assert_eq!(asked, *b"HTTP/1.1 100 Continue\r\n\r\n");
    std::io::Write::write_all(&mut stream, b"hello").unwrap();
    let mut created = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut created).unwrap();
    assert_eq!(created, *b"HTTP/1.1 201");
}

#[test]
fn a_full_disk_is_507() {
    let server = Serving::with_small_files(1000, &["--write"]);
    let bytes = noise(4, 1_000_000);
    let path = format!("/v2/a/blobs/uploads/?digest={}", sha256(&bytes));
    let full = server.request("POST", &path, &[], &bytes);
    full.refused(507, "UNKNOWN");
    let said = full.json()["errors"][0]["message"].to_string();
    assert!(said.contains("no space left"), "{said}");
    server.push_blob("a", b"small");
}
