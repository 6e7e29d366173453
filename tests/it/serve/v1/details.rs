//! What few V1 clients ask for: checksums of modern layers, the files in a layer, differences, properties. And an image of an
//! upstream.

use serde_json::{Value, json};

use super::{error, payload, server, v1};
use crate::support::images::{
    Dialect, LayerTar, Maker, TestImage, two_layers, write_layout, zstd_layer,
};
use crate::support::peers::V1Registry;
use crate::support::{Barque, Serving};

/// The ids of the image `name` with the tag 1, the image first.
fn ancestry(server: &Serving, name: &str) -> Vec<String> {
    let id = server
        .get(&format!("/v1/repositories/{name}/tags/1"))
        .json();
    let path = format!("/v1/images/{}/ancestry", id.as_str().unwrap());
    serde_json::from_value(server.get(&path).json()).unwrap()
}

/// An image with an entry of each kind, with names as the tools of 2014 wrote them.
fn with_files() -> TestImage {
    let layer = LayerTar::new()
        .dir("./")
        .dir("./etc/")
        .file("./etc/motd", "hello")
        .symlink("./etc/link", "motd")
        .hard_link("./etc/hard", "./etc/motd")
        .fifo("./pipe")
        .file("./.wh.gone", "")
        .file("./.wh..wh.aufs", "");
    Maker::new(Dialect::Docker)
        .tar_layer("files", layer.finish())
        .make()
}

#[test]
fn layers_of_today_have_the_checksum_of_v1() {
    let server = server(&[]);
    server.push("app", "1", &two_layers());
    server.push("packed", "1", &zstd_layer());
    let barque = Barque::new();
    for name in ["app", "packed"] {
        for id in ancestry(&server, name) {
            let document = server.get(&format!("/v1/images/{id}/json"));
            let layer = server.get(&format!("/v1/images/{id}/layer"));
            let text = String::from_utf8(document.body.clone()).unwrap();
            let expected = payload(&text, &layer.body);
            assert_eq!(document.header("x-docker-checksum-payload"), expected);
            let head = server.send("HEAD", &format!("/v1/images/{id}/json"));
            assert_eq!(head.header("x-docker-checksum-payload"), expected);
            // As in the registry of old, a checksum can only be sent.
            assert_eq!(server.get(&format!("/v1/images/{id}/checksum")).status, 405);
        }
        // A client checks it.
        let to = format!("dir:{name}");
        let from = v1(&server, &format!("{name}:1"));
        barque.args(["copy", &from, &to]).run().ok();
    }
    // A layer that is damaged meanwhile has another one, and is refused.
    let id = ancestry(&server, "app").remove(0);
    let layer = two_layers().layers()[1].clone();
    let path = format!("app/blobs/sha256/{}", layer.hex());
    let mut bytes = std::fs::read(server.root().join(&path)).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    std::fs::write(server.root().join(&path), bytes).unwrap();
    assert_eq!(server.get(&format!("/v1/images/{id}/json")).status, 200);
    let from = v1(&server, "app:1");
    barque.args(["copy", &from, "dir:damaged"]).run().code(4);
}

#[test]
fn the_files_of_a_layer_are_listed_as_the_registry_of_old_lists_them() {
    let server = server(&[]);
    server.push("files", "1", &with_files());
    let id = ancestry(&server, "files").remove(0);
    let listed = server.get(&format!("/v1/images/{id}/files")).json();
    let time = listed[0][4].clone();
    let row = |name: &str, kind: &str, gone: bool, size: u64, mode: u32| {
        json!([name, kind, gone, size, time, mode, 0, 0])
    };
    let expected = json!([
        row("/", "d", false, 0, 0o755),
        row("/etc", "d", false, 0, 0o755),
        row("/etc/motd", "f", false, 5, 0o644),
        row("/etc/link", "s", false, 0, 0o777),
        row("/etc/hard", "l", false, 0, 0o644),
        row("/pipe", "i", false, 0, 0o600),
        row("/gone", "f", true, 0, 0o644),
    ]);
    assert_eq!(listed, expected);
    let unknown = format!("/v1/images/{}/files", "0".repeat(64));
    error(&server.get(&unknown), 404, "Image not found");
    let Some(old) = V1Registry::start() else {
        return;
    };
    let barque = Barque::new();
    let (from, to) = (v1(&server, "files:1"), old.v1("team/files:1"));
    barque.args(["copy", &from, &to]).run().ok();
    let body = old.curl("repositories/team/files/tags/1", &[]);
    let their_id: String = serde_json::from_slice(&body).unwrap();
    let theirs = old.curl(&format!("images/{their_id}/files"), &[]);
    assert_eq!(serde_json::from_slice::<Value>(&theirs).unwrap(), expected);
    // Differences are found by a worker that neither of them has.
    let theirs = old.curl(&format!("images/{their_id}/diff"), &["--no-fail-with-body"]);
    let ours = server.get(&format!("/v1/images/{id}/diff"));
    error(&ours, 400, "Diff queue is disabled");
    assert_eq!(
        serde_json::from_slice::<Value>(&theirs).unwrap(),
        ours.json()
    );
}

#[test]
fn a_repository_is_public_and_stays_so() {
    let server = server(&[]);
    server.push("a", "1", &two_layers());
    let path = "/v1/repositories/library/a/properties";
    assert_eq!(server.get(path).json(), json!({"access": "public"}));
    let put = |body: &str| server.request("PUT", path, &[], body.as_bytes());
    assert_eq!(put(r#"{"access":"public"}"#).json(), json!(true));
    error(&put(r#"{"access":"private"}"#), 400, "no private");
    error(&put("[]"), 400, "Invalid data");
}

#[test]
fn a_v1_client_pulls_an_image_of_an_upstream_once() {
    let barque = Barque::new();
    let log = barque.path("log");
    let mut upstream = Serving::start(&["--write", "--log", log.to_str().unwrap()]);
    let image = two_layers();
    upstream.push("team/app", "1", &image);
    upstream.push("single", "1", &with_files());
    // More tags than are read to be listed.
    for n in 2..20 {
        upstream.push("team/app", &n.to_string(), &zstd_layer());
    }
    let name = format!("up=http://{}", upstream.address());
    let mut mirror = Serving::start(&["--v1", "--upstream", &name]);
    let requests = |method: &str, part: &str| {
        let log = std::fs::read_to_string(&log).unwrap();
        let lines = log
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).unwrap());
        let is_one =
            |l: &Value| l["method"] == method && l["path"].as_str().unwrap().contains(part);
        lines.filter(is_one).count()
    };
    for to in ["dir:one", "dir:two"] {
        let from = v1(&mirror, "team/app:1");
        barque.args(["copy", &from, to]).run().ok();
    }
    let config = barque.args(["inspect", "--config", "dir:one"]).run().ok();
    let original: Value = serde_json::from_slice(&image.blobs[&image.config()]).unwrap();
    assert_eq!(config.json()["rootfs"], original["rootfs"]);
    assert_eq!(requests("GET", "/team/app/manifests/"), 1);
    for digest in image.blobs.keys() {
        assert_eq!(requests("GET", &digest.to_string()), 1, "{digest}");
    }
    // Only what is kept is listed, where the upstream has many tags.
    let tags = mirror.get("/v1/repositories/team/app/tags").json();
    assert_eq!(tags.as_object().unwrap().len(), 1, "{tags}");
    let tags = mirror.get("/v1/repositories/library/single/tags").json();
    assert_eq!(tags.as_object().unwrap().len(), 1, "{tags}");
    error(
        &mirror.get("/v1/repositories/team/none/tags"),
        404,
        "Repository not found",
    );
    // What is kept is served after a restart too, asked for by its id, without the upstream.
    let ids = ancestry(&mirror, "team/app");
    assert_eq!(ids.len(), image.layers().len());
    let id = &ids[0];
    upstream = upstream.again(&[]);
    mirror.restart();
    assert_eq!(mirror.get(&format!("/v1/images/{id}/json")).status, 200);
    let layer = mirror.get(&format!("/v1/images/{id}/layer"));
    assert!(layer.body == image.layer(1));
    drop(upstream);
}

/// What was not there, or is there no more, counts the next time.
#[test]
fn images_come_with_their_config_and_go_with_their_manifest() {
    let server = server(&[]);
    let image = with_files();
    write_layout(&server.layout("a"), &[("1", &image)]);
    let config = server.layout("a/blobs/sha256").join(image.config().hex());
    std::fs::remove_file(&config).unwrap();
    let tags = |name: &str| server.get(&format!("/v1/repositories/{name}/tags"));
    assert_eq!(tags("a").json(), json!({}));
    server.push_blob("a", &image.blobs[&image.config()]);
    let id = tags("a").json()["1"].as_str().unwrap().to_owned();
    let document = || server.get(&format!("/v1/images/{id}/json")).status;
    assert_eq!(document(), 200);
    // The same image of another manifest takes its place.
    server.push("b", "1", &image);
    let delete = |name: &str| {
        let path = format!("/v2/{name}/manifests/{}", image.digest);
        assert_eq!(server.send("DELETE", &path).status, 202);
    };
    delete("a");
    assert_eq!(document(), 200);
    assert!(server.get(&format!("/v1/images/{id}/layer")).body == image.layer(0));
    delete("b");
    assert_eq!(document(), 404);
}
