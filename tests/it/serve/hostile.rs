//! Requests that nobody means well: each gets its code, and nothing else happens.

use std::io::{Read, Write};

use crate::support::images::{noise, sha256, small};
use crate::support::{Answer, Serving};

/// All files below a directory, with their sizes.
fn files(dir: &std::path::Path) -> Vec<(std::path::PathBuf, u64)> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let about = entry.metadata().unwrap();
            match about.is_dir() {
                true => left.push(entry.path()),
                false => found.push((entry.path(), about.len())),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_read_only_server_takes_nothing() {
    let server = Serving::writable();
    let image = small();
    server.push("a", "1", &image);
    let open = server.upload("a");
    let open = open.split_once(server.address()).unwrap().1.to_owned();
    let server = server.again(&[]);
    let before = files(server.root());
    let blob = image.layers()[0].clone();
    for (method, path) in [
        ("POST", "/v2/a/blobs/uploads/".to_owned()),
        (
            "POST",
            format!("/v2/a/blobs/uploads/?digest={}", sha256(b"x")),
        ),
        ("POST", format!("/v2/b/blobs/uploads/?mount={blob}&from=a")),
        ("PATCH", open.clone()),
        ("PUT", format!("{open}?digest={}", sha256(b"x"))),
        ("DELETE", open),
        ("PUT", "/v2/a/manifests/2".into()),
        ("DELETE", "/v2/a/manifests/1".into()),
        ("DELETE", format!("/v2/a/manifests/{}", image.digest)),
        ("DELETE", format!("/v2/a/blobs/{blob}")),
    ] {
        let refused = server.request(method, &path, &[], b"x");
        refused.refused(405, "UNSUPPORTED");
        assert_eq!(refused.header("allow"), "GET, HEAD", "{method} {path}");
    }
    assert_eq!(files(server.root()), before);
    assert_eq!(server.get("/v2/a/manifests/1").body, image.manifest);
}

#[test]
fn nothing_is_deleted_unless_allowed() {
    let server = Serving::start(&["--write"]);
    let image = small();
    server.push("a", "1", &image);
    for path in [
        "/v2/a/manifests/1".to_owned(),
        format!("/v2/a/manifests/{}", image.digest),
        format!("/v2/a/blobs/{}", image.layers()[0]),
    ] {
        server.send("DELETE", &path).refused(405, "UNSUPPORTED");
        assert_eq!(server.get(&path).status, 200);
    }
}

#[test]
fn a_manifest_is_not_deleted_as_a_blob() {
    let server = Serving::writable();
    let image = small();
    server.push("a", "1", &image);
    let path = format!("/v2/a/blobs/{}", image.digest);
    server.send("DELETE", &path).refused(405, "UNSUPPORTED");
    assert_eq!(server.get("/v2/a/manifests/1").status, 200);
}

#[test]
fn paths_that_climb_reach_nothing() {
    let server = Serving::writable();
    std::fs::create_dir(server.root().join("a")).unwrap();
    std::fs::write(server.root().join("index.json"), r#"{"manifests":[]}"#).unwrap();
    let before = files(server.root());
    for path in [
        "/v2/../manifests/1",
        "/v2/a/../../etc/manifests/passwd",
        "/v2/a/%2e%2e/%2e%2e/tags/list",
        "/v2/..%2f..%2fetc/tags/list",
        "/v2/a/blobs/sha256:../../../../../../etc/passwd",
        "/v2/a/blobs/sha256%3a..%2f..%2fx",
        "/v2/a/blobs/uploads/../../../x",
        "/v2/a/manifests/..%2f..%2fetc%2fpasswd",
        "/v2/.barque/tags/list",
        "/v2/a/referrers/../../x",
        "/v2/a/%00/tags/list",
    ] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = server.request(method, path, &[], b"x");
            assert!(
                matches!(answer.status, 400 | 404 | 405),
                "{method} {path}: {answer:?}"
            );
        }
    }
    let mount = server.send(
        "POST",
        "/v2/a/blobs/uploads/?mount=sha256:../x&from=../../b",
    );
    assert_eq!(mount.status, 202);
    server.send("DELETE", mount.header("location"));
    assert_eq!(files(server.root()), before);
}

#[test]
fn a_body_that_is_shorter_than_it_says_is_kept_for_the_next_try() {
    let server = Serving::writable();
    let location = server.upload("a");
    let path = location.split_once(server.address()).unwrap().1;
    let mut stream = server.connect();
    let head = format!("PATCH {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n0123456789");
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    // What was received counts, and the upload goes on from there.
    let status = loop {
        let status = server.get(&location);
        if status.header("range") != "0-0" {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert_eq!(status.header("range"), "0-9");
    let put = format!("{location}?digest={}", sha256(b"0123456789ab"));
    let last = server.request("PUT", &put, &[("Content-Range", "10-11")], b"ab");
    assert_eq!(last.status, 201, "{last:?}");
}

#[test]
fn an_endless_manifest_is_cut_off() {
    let server = Serving::writable();
    let mut stream = server.connect();
    let head = "PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let mut sent = 0;
    // Until the server closes the connection.
    while sent < 4096 && stream.write_all(&chunk).is_ok() {
        sent += 1;
    }
    assert!(sent < 4096, "256 MiB were taken");
    assert!(server.root().read_dir().unwrap().next().is_none());
    let large = [("Content-Length", "99999999999")];
    server
        .request("PUT", "/v2/a/manifests/1", &large, b"")
        .refused(413, "MANIFEST_INVALID");
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = Serving::start(&[]);
    let mut stream = server.connect();
    let head = format!(
        "GET /v2/ HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "y".repeat(200_000)
    );
    let _ = stream.write_all(head.as_bytes());
    assert_eq!(Answer::read(&mut stream).status, 431);
    assert_eq!(server.get("/v2/").status, 200);
}

#[test]
fn open_uploads_are_limited() {
    let server = Serving::writable();
    let start = "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let mut stream = server.connect();
    let sender = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let mut sender = sender;
        for _ in 0..4096 {
            sender.write_all(start.as_bytes()).unwrap();
        }
        let last = start.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        sender.write_all(last.as_bytes()).unwrap();
    });
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    sending.join().unwrap();
    assert_eq!(all.matches("HTTP/1.1 202").count(), 4096);
    assert_eq!(all.matches("HTTP/1.1 429").count(), 1);
    assert!(all.contains("TOOMANYREQUESTS"));
    // Reading goes on.
    assert_eq!(server.get("/v2/").status, 200);
}

#[test]
fn a_million_tags_are_listed_page_by_page() {
    let server = Serving::start(&[]);
    let layout = server.layout("many");
    std::fs::create_dir(&layout).unwrap();
    let digest = sha256(b"image");
    let entry = |n: usize| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":5,"annotations":{{"org.opencontainers.image.ref.name":"t{n:07}"}}}}"#
        )
    };
    // Enough to show that nothing is quadratic, in a debug build.
    let entries: Vec<String> = (0..100_000).map(entry).collect();
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        entries.join(",")
    );
    std::fs::write(layout.join("index.json"), index).unwrap();
    let first = server.get("/v2/many/tags/list?n=2147483648");
    let tags = first.json()["tags"].as_array().unwrap().len();
    assert_eq!((first.status, tags), (200, 10_000));
    assert_eq!(
        first.header("link"),
        "</v2/many/tags/list?last=t0009999&n=10000>; rel=\"next\""
    );
    let last = server.get("/v2/many/tags/list?last=t0099998");
    assert_eq!(last.json()["tags"], serde_json::json!(["t0099999"]));
}

/// Sends `begin`, and then one byte after the other until the server closes; what it answered.
fn trickle(server: &Serving, begin: &str) -> Vec<u8> {
    let mut stream = server.connect();
    stream.write_all(begin.as_bytes()).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let answer = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = reading.read_to_end(&mut bytes);
        bytes
    });
    while !answer.is_finished() && stream.write_all(b"x").is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    answer.join().unwrap()
}

#[test]
fn clients_that_trickle_are_given_up() {
    let server = Serving::start(&["--write", "--client-timeout", "500ms"]);
    let slow = "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nX: ";
    assert!(!trickle(&server, slow).starts_with(b"HTTP/1.1 2"));
    let location = server.upload("a");
    let path = location.split_once(server.address()).unwrap().1;
    for (method, path) in [("PATCH", path), ("PUT", "/v2/a/manifests/1")] {
        let begin =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
        let answer = String::from_utf8(trickle(&server, &begin)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{method}: {answer}");
    }
    // What came of a blob counts, and the upload can go on.
    assert_eq!(server.get(&location).status, 204);
    // A body that is slow and steady is not given up.
    let mut stream = server.connect();
    let length = 60_000;
    let begin = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(begin.as_bytes()).unwrap();
    for _ in 0..30 {
        stream.write_all(&vec![b'x'; length / 30]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(crate::support::Answer::read(&mut stream).status, 202);
}

#[test]
fn an_answer_that_is_not_taken_is_given_up() {
    let server = Serving::start(&["--write", "--metrics", "--client-timeout", "500ms"]);
    let blob = server.push_blob("a", &noise(1, 32 << 20));
    let mut stream = server.connect();
    write!(stream, "GET /v2/a/blobs/{blob} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // More than the buffers of both sides take, and a client that reads again later.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(bytes.len() < 32 << 20, "{}", bytes.len());
    assert_eq!(server.get("/healthz").status, 200);
}
