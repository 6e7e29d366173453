//! Users, TLS, the log, numbers and limits of a server.

use std::path::Path;

use serde_json::Value;

use crate::support::images::{sha256, small, write_layout};
use crate::support::tls::Certificates;
use crate::support::{Barque, Serving};

/// `htpasswd -nbB -C 5 sailor anchors-aweigh`.
const HTPASSWD: &str = "sailor:$2y$05$nfepxMYc9lUhvDayr1ZnS.t6t70YI9OoLYFugf77WMFI/U33.RJ0K\n";
const SAILOR: &str = "Basic c2FpbG9yOmFuY2hvcnMtYXdlaWdo";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_endpoint_asks_for_a_user() {
    let barque = Barque::new();
    let file = barque.write_home("users", HTPASSWD);
    let server = Serving::start(&["--write", "--delete", "--htpasswd", text(&file)]);
    let digest = sha256(b"x");
    for (method, path) in [
        ("GET", "/v2/".to_owned()),
        ("HEAD", "/v2/a/manifests/1".into()),
        ("GET", "/v2/_catalog".into()),
        ("GET", format!("/v2/a/blobs/{digest}")),
        ("POST", "/v2/a/blobs/uploads/".into()),
        ("PUT", "/v2/a/manifests/1".into()),
        ("DELETE", format!("/v2/a/manifests/{digest}")),
        ("GET", "/v2/a/tags/list".into()),
        ("GET", format!("/v2/a/referrers/{digest}")),
        ("GET", "/v2/nothing".into()),
    ] {
        let wrong = "Basic c2FpbG9yOndyb25n";
        let unknown = "Basic bm9ib2R5Ong=";
        for headers in [
            &[][..],
            &[("Authorization", wrong)],
            &[("Authorization", unknown)],
            &[("Authorization", "Bearer x")],
        ] {
            let refused = server.request(method, &path, headers, b"");
            assert_eq!(refused.status, 401, "{method} {path}");
            assert_eq!(
                refused.header("www-authenticate"),
                "Basic realm=\"barque\", charset=\"UTF-8\""
            );
            if method != "HEAD" {
                refused.refused(401, "UNAUTHORIZED");
                // podman and skopeo tell "authentication required" only where there are details.
                assert!(refused.json()["errors"][0]["detail"].is_object());
            }
        }
    }
    assert_eq!(server.get("/healthz").status, 200);
    let base = server.request("GET", "/v2/", &[("Authorization", SAILOR)], b"");
    assert_eq!(base.status, 200);
    write_layout(&barque.path("in"), &[("1", &small())]);
    let copy = ["copy", "oci:in:1", &server.docker("a:1")];
    barque.args(copy).run().code(3);
    barque
        .args(copy)
        .args(["--dest-creds", "sailor:anchors-aweigh"])
        .run()
        .ok();
    // A user who is taken out of the file is refused at once.
    std::fs::write(&file, "").unwrap();
    let base = server.request("GET", "/v2/", &[("Authorization", SAILOR)], b"");
    assert_eq!(base.status, 401);
}

#[test]
fn a_file_of_users_with_other_hashes_is_refused() {
    let barque = Barque::new();
    let file = barque.write_home("users", "a:$apr1$x\n");
    let out = barque.args([
        "serve",
        "--root",
        "x",
        "--listen",
        "127.0.0.1:0",
        "--htpasswd",
        text(&file),
    ]);
    let out = out.run().code(1);
    assert!(out.stderr().contains("htpasswd -B"), "{}", out.stderr());
}

#[test]
fn https_with_a_certificate_that_is_read_again() {
    let barque = Barque::new();
    let (first, second) = (Certificates::new(), Certificates::new());
    let (cert, key) = (barque.path("cert.pem"), barque.path("key.pem"));
    let install = |from: &Certificates| {
        let (from_cert, from_key) = from.server_files();
        std::fs::copy(from_cert, &cert).unwrap();
        std::fs::copy(from_key, &key).unwrap();
    };
    install(&first);
    let server = Serving::start(&[
        "--write",
        "--tls-cert",
        text(&cert),
        "--tls-key",
        text(&key),
    ]);
    write_layout(&barque.path("in"), &[("1", &small())]);
    let image = server.docker("a:1");
    let trusts = |certificates: &Certificates| {
        let ca = certificates.ca_only_dir();
        let args = ["copy", "oci:in:1", &image, "--dest-cert-dir", text(&ca)];
        barque.args(args).run().exit_code()
    };
    assert_eq!((trusts(&first), trusts(&second)), (Some(0), Some(5)));
    install(&second);
    server.signal("HUP");
    while trusts(&second) != Some(0) {}
    // A file that is wrong changes nothing.
    std::fs::write(&key, "no key").unwrap();
    server.signal("HUP");
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(trusts(&second), Some(0));
}

#[test]
fn clients_need_a_certificate_of_the_authority() {
    let barque = Barque::new();
    let certificates = Certificates::new();
    let (cert, key) = certificates.server_files();
    let ca = certificates.ca_file();
    let tls = [
        "--tls-cert",
        text(&cert),
        "--tls-key",
        text(&key),
        "--client-ca",
        text(&ca),
    ];
    let server = Serving::start(&tls);
    let with = |dir: &Path| {
        let args = ["repos", server.address(), "--cert-dir", text(dir)];
        barque.args(args).run().exit_code()
    };
    assert_eq!(with(&certificates.cert_dir()), Some(0));
    assert_eq!(with(&certificates.ca_only_dir()), Some(5));
}

#[test]
fn the_log_and_the_numbers_tell_of_each_request() {
    let barque = Barque::new();
    let log = barque.path("log");
    let server = Serving::start(&["--write", "--metrics", "--log", text(&log)]);
    server.push_blob("a", b"bytes");
    server.request(
        "GET",
        "/v2/a/tags/list?n=1",
        &[("User-Agent", "sea \"gull\"\n".trim())],
        b"",
    );
    server.upload("a");
    let metrics = server.get("/metrics");
    assert_eq!(metrics.status, 200);
    let text = String::from_utf8(metrics.body).unwrap();
    for line in [
        "barque_requests_total{endpoint=\"tags\",method=\"GET\",code=\"404\"} 1\n",
        "barque_requests_total{endpoint=\"upload\",method=\"POST\",code=\"201\"} 1\n",
        "barque_open_uploads 1\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let lines = loop {
        let lines = std::fs::read_to_string(&log).unwrap();
        if lines.lines().count() == 4 {
            break lines;
        }
    };
    let line: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    for (key, value) in [
        ("method", "GET"),
        ("path", "/v2/a/tags/list"),
        ("agent", "sea \"gull\""),
    ] {
        assert_eq!(line[key], value);
    }
    assert_eq!(line["status"], 404);
    assert!(line["remote"].as_str().unwrap().starts_with("127.0.0.1:"));
    // Unless it is asked for, there are no numbers.
    Serving::start(&[])
        .get("/metrics")
        .refused(404, "UNSUPPORTED");
}

#[test]
fn blobs_can_be_limited() {
    let server = Serving::start(&["--write", "--max-blob", "1000"]);
    server.push_blob("a", &[0; 1000]);
    let large = [1; 1001];
    let path = format!("/v2/a/blobs/uploads/?digest={}", sha256(&large));
    server
        .request("POST", &path, &[], &large)
        .refused(413, "SIZE_INVALID");
    let location = server.upload("a");
    assert_eq!(
        server.request("PATCH", &location, &[], &[0; 600]).status,
        202
    );
    server
        .request("PATCH", &location, &[], &[0; 600])
        .refused(413, "SIZE_INVALID");
    server.get(&location).refused(404, "BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn urls_are_those_of_the_proxy_in_front() {
    let server = Serving::writable();
    let headers = [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "images.example, inner"),
    ];
    let started = server.request("POST", "/v2/a/blobs/uploads/", &headers, b"");
    assert!(
        started
            .header("location")
            .starts_with("https://images.example/v2/a/blobs/uploads/")
    );
    let odd = [("X-Forwarded-Host", "a b\"<x>")];
    let started = server.request("POST", "/v2/a/blobs/uploads/", &odd, b"");
    assert!(
        started
            .header("location")
            .starts_with("/v2/a/blobs/uploads/")
    );
}

#[test]
fn a_large_manifest_without_a_login_sees_the_challenge() {
    let barque = Barque::new();
    let users = barque.path("users");
    std::fs::write(
        &users,
        "me:$2y$10$nfepxMYc9lUhvDayr1ZnS.t6t70YI9OoLYFugf77WMFI/U33.RJ0K\n",
    )
    .unwrap();
    let server = Serving::start(&["--write", "--htpasswd", text(&users)]);
    let body = vec![b'a'; 4_000_000];
    for _ in 0..5 {
        let refused = server.put("a", "1", "application/json", &body);
        refused.refused(401, "UNAUTHORIZED");
        assert!(refused.header("www-authenticate").starts_with("Basic"));
    }
}
