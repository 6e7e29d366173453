//! The index part of `--v1`: ping, search, tokens and logins, and who may not.

use serde_json::json;

use super::{server, v1};
use crate::support::images::{Dialect, Maker, small};
use crate::support::{Barque, Serving};

#[test]
fn the_index_part_pings_searches_and_gives_tokens() {
    let barque = Barque::new();
    let users = barque.path("users");
    // user:secret
    std::fs::write(
        &users,
        "user:$2y$05$6bMWhPPo.KgQ8FRpHFXNTOQOvEzLpGQnRj5mpVuvjJ6MEsZGiE0VG\n",
    )
    .unwrap();
    let open = server(&[]);
    let ping = open.get("/v1/_ping");
    assert_eq!(
        (ping.status, ping.header("x-docker-registry-standalone")),
        (200, "True")
    );
    assert!(!ping.header("x-docker-registry-version").is_empty());
    for name in ["red/apple", "green/apple", "pear"] {
        open.push(name, "1", &small());
    }
    let found = open.get("/v1/search?q=APPLE&n=1").json();
    assert_eq!(
        (&found["num_results"], &found["num_pages"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(found["results"][0]["name"], "green/apple");
    assert_eq!(
        open.get("/v1/search?q=apple&n=1&page=2").json()["results"][0]["name"],
        "red/apple"
    );
    assert_eq!(open.get("/v1/search?n=x").status, 400);
    let asked = [("X-Docker-Token", "true")];
    let images = open.request("GET", "/v1/repositories/pear/images", &asked, b"");
    assert_eq!(images.header("x-docker-endpoints"), open.address());
    assert_eq!(
        images.json().as_array().unwrap().len(),
        small().layers().len()
    );
    assert!(images.header("x-docker-token").contains("access=read"));
    // Behind a login, the token lets in for what it says, and no other.
    let closed = open.again(&["--v1", "--write", "--htpasswd", users.to_str().unwrap()]);
    assert_eq!(closed.get("/v1/_ping").status, 401);
    let path = "/v1/repositories/pear/tags";
    let foreign = [("Authorization", images.header("x-docker-token"))];
    assert_eq!(closed.request("GET", path, &foreign, b"").status, 401);
}

#[test]
fn without_the_flag_or_the_right_nothing_is_answered() {
    let plain = Serving::writable();
    assert_eq!(plain.get("/v1/_ping").status, 404);
    let server = Serving::start(&["--v1"]);
    let id = "a".repeat(64);
    let document = format!(r#"{{"id":"{id}"}}"#);
    for (method, path) in [
        ("PUT", format!("/v1/images/{id}/json")),
        ("PUT", format!("/v1/images/{id}/layer")),
        ("PUT", format!("/v1/images/{id}/checksum")),
        ("PUT", "/v1/repositories/a/".to_owned()),
        ("PUT", "/v1/repositories/a/images".to_owned()),
        ("PUT", "/v1/repositories/a/tags/1".to_owned()),
        ("DELETE", "/v1/repositories/a/tags/1".to_owned()),
        ("DELETE", "/v1/repositories/a/".to_owned()),
    ] {
        let refused = server.request(method, &path, &[], document.as_bytes());
        assert_eq!(refused.status, 405, "{method} {path}");
    }
    assert!(!server.root().join(".barque/v1/images").exists());
    for path in [
        "/v1/",
        "/v1/images/../json",
        "/v1/repositories/../../etc/tags",
        "/v1/nothing",
    ] {
        assert!(matches!(server.get(path).status, 400 | 404), "{path}");
    }
}

#[test]
fn a_client_with_a_login_pushes_and_pulls() {
    let barque = Barque::new();
    let users = barque.path("users");
    let made = std::process::Command::new("htpasswd")
        .args(["-nbB", "-C", "5", "user", "secret"])
        .output();
    let Ok(made) = made else { return };
    std::fs::write(&users, made.stdout).unwrap();
    let server = server(&["--htpasswd", users.to_str().unwrap()]);
    let origin = Serving::writable();
    origin.push(
        "app",
        "1",
        &Maker::new(Dialect::Oci).file_layer("f", b"x").make(),
    );
    let to = v1(&server, "team/app:1");
    barque
        .args([
            "copy",
            "--dest-creds",
            "user:secret",
            &origin.docker("app:1"),
            &to,
        ])
        .run()
        .ok();
    barque
        .args(["copy", "--src-creds", "user:secret", &to, "dir:out"])
        .run()
        .ok();
    barque.args(["copy", &to, "dir:no"]).run().code(3);
    // A token for one repository is not one for another.
    let login = [
        ("Authorization", "Basic dXNlcjpzZWNyZXQ="),
        ("X-Docker-Token", "true"),
    ];
    let granted = server.request("GET", "/v1/repositories/team/app/images", &login, b"");
    let token = granted.header("x-docker-token").to_owned();
    let with = |method: &str, path: &str| {
        server
            .request(method, path, &[("Authorization", &token)], b"")
            .status
    };
    assert_eq!(with("GET", "/v1/repositories/team/app/tags"), 200);
    assert_eq!(with("GET", "/v1/repositories/team/other/tags"), 401);
    assert_eq!(with("PUT", "/v1/repositories/team/app/tags/2"), 401);
    assert_eq!(with("GET", "/v2/team/app/tags/list"), 401);
}
