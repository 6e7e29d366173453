//! `--v1`: clients of the first generation read what is stored, and what they push is stored as images of today.

mod details;
mod index;

use serde_json::{Value, json};

use crate::support::images::{
    five_platforms, gzip, media, sha256, small, tar, two_layers, zstd_layer,
};
use crate::support::peers::V1Registry;
use crate::support::{Answer, Barque, Serving};

fn server(more: &[&str]) -> Serving {
    Serving::start(&[&["--v1", "--write", "--delete"], more].concat())
}

fn v1(server: &Serving, name: &str) -> String {
    format!("docker-v1://{}/{name}", server.address())
}

fn read(path: std::path::PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Manifest and config of the image in a `dir:` directory.
fn image(barque: &Barque, dir: &str) -> (Value, Value) {
    let manifest = read(barque.path(dir).join("manifest.json"));
    let config = manifest["config"]["digest"].as_str().unwrap();
    let config = read(barque.path(dir).join(config.split_once(':').unwrap().1));
    (manifest, config)
}

fn error(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let said = answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(said.contains(text), "{said:?} has no {text:?}");
}

#[test]
fn a_stored_image_is_pulled_by_a_v1_client() {
    let server = server(&[]);
    let images = [
        ("app", two_layers()),
        ("team/small", small()),
        ("many", five_platforms()),
    ];
    let barque = Barque::new();
    for (name, pushed) in &images {
        server.push(name, "1", pushed);
        let dir = format!("dir:{}", name.replace('/', "-"));
        barque
            .args(["copy", &v1(&server, &format!("{name}:1")), &dir])
            .run()
            .ok();
    }
    let (manifest, config) = image(&barque, "app");
    let layers: Vec<String> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["digest"].as_str().unwrap().to_owned())
        .collect();
    let wanted: Vec<String> = images[0]
        .1
        .layers()
        .iter()
        .map(ToString::to_string)
        .collect();
    // Layers of gzip are the same blobs, whichever way they took.
    assert_eq!(layers, wanted);
    let original: Value =
        serde_json::from_slice(&images[0].1.blobs[&images[0].1.config()]).unwrap();
    assert_eq!(config["rootfs"], original["rootfs"]);
    assert_eq!(config["config"], original["config"]);
    // V1 knows no platforms: of an index it is that of Linux on amd64.
    let (_, config) = image(&barque, "many");
    assert_eq!(
        (&config["os"], &config["architecture"]),
        (&json!("linux"), &json!("amd64"))
    );
    let tags = barque.args(["tags", &v1(&server, "app")]).run().ok();
    assert_eq!(tags.json()["Tags"], json!(["1"]));
}

#[test]
fn ids_follow_from_the_content() {
    let mut server = server(&[]);
    let pushed = two_layers();
    server.push("a", "1", &pushed);
    server.push("other/b", "2", &pushed);
    let tags = server.get("/v1/repositories/a/tags").json();
    let id = tags["1"].as_str().unwrap().to_owned();
    assert_eq!(id, pushed.config().hex());
    server.restart();
    // Asked for by its id alone, before anything else.
    let ancestry = server.get(&format!("/v1/images/{id}/ancestry")).json();
    let ids: Vec<&str> = ancestry
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    assert_eq!((ids.len(), ids[0]), (2, &*id));
    for (id, layer) in ids.iter().rev().zip(pushed.layers()) {
        let document = server.get(&format!("/v1/images/{id}/json"));
        assert_eq!(document.json()["id"], **id);
        let bytes = &pushed.blobs[&layer];
        assert_eq!(document.header("x-docker-size"), bytes.len().to_string());
        let path = format!("/v1/images/{id}/layer");
        assert!(server.get(&path).body == *bytes);
        let part = server.request("GET", &path, &[("Range", "bytes=1-9")], b"");
        assert_eq!((part.status, &part.body[..]), (206, &bytes[1..10]));
    }
    // `library/` is what V1 clients put before names of one part.
    for path in ["a/tags/1", "library/a/tags/1", "other/b/tags/2"] {
        assert_eq!(
            server.get(&format!("/v1/repositories/{path}")).json(),
            json!(id)
        );
    }
    error(
        &server.get("/v1/repositories/a/tags/3"),
        404,
        "Tag not found",
    );
    error(
        &server.get("/v1/repositories/none/images"),
        404,
        "images not found",
    );
    error(&server.get("/v1/images/x/json"), 404, "Invalid image ID");
    error(
        &server.get(&format!("/v1/images/{}/json", "0".repeat(64))),
        404,
        "Image not found",
    );
}

#[test]
fn the_real_registry_mirrors_it() {
    let server = server(&[]);
    let pushed = two_layers();
    server.push("app", "1", &pushed);
    let Some(mirror) = V1Registry::mirror_of(server.address()) else {
        return;
    };
    let barque = Barque::new();
    barque
        .args(["copy", &mirror.v1("app:1"), "dir:out"])
        .run()
        .ok();
    let (manifest, config) = image(&barque, "out");
    let original: Value = serde_json::from_slice(&pushed.blobs[&pushed.config()]).unwrap();
    assert_eq!(config["rootfs"], original["rootfs"]);
    let digest = manifest["layers"][1]["digest"].as_str().unwrap();
    assert_eq!(digest, pushed.layers()[1].to_string());
}

#[test]
fn a_layer_of_zstd_is_sent_plain() {
    let server = server(&[]);
    let pushed = zstd_layer();
    server.push("a", "1", &pushed);
    let barque = Barque::new();
    barque
        .args(["copy", &v1(&server, "a:1"), "dir:out"])
        .run()
        .ok();
    let (_, config) = image(&barque, "out");
    let original: Value = serde_json::from_slice(&pushed.blobs[&pushed.config()]).unwrap();
    assert_eq!(config["rootfs"], original["rootfs"]);
}

#[test]
fn what_a_v1_client_pushes_is_an_image_of_today() {
    let barque = Barque::new();
    let log = barque.path("log");
    let mut server = server(&["--log", log.to_str().unwrap()]);
    let origin = Serving::writable();
    let pushed = two_layers();
    origin.push("app", "1", &pushed);
    let push = |server: &Serving, name: &str| {
        barque
            .args(["copy", &origin.docker("app:1"), &v1(server, name)])
            .run()
            .ok();
    };
    push(&server, "team/app:1");
    let puts = || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.lines()
            .filter(|line| line.contains("PUT") && line.contains("/layer"))
            .count()
    };
    assert_eq!(puts(), 2);
    // What is there is not sent again, also under another name, and after a restart.
    server.restart();
    push(&server, "other:2");
    assert_eq!(puts(), 2);
    barque
        .args(["copy", &server.docker("team/app:1"), "dir:modern"])
        .run()
        .ok();
    barque
        .args(["copy", &server.docker("other:2"), "dir:other"])
        .run()
        .ok();
    let (manifest, config) = image(&barque, "modern");
    assert_eq!(manifest["mediaType"], media::DOCKER_MANIFEST);
    assert_eq!(image(&barque, "other").0, manifest);
    let layers: Vec<&str> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["digest"].as_str().unwrap())
        .collect();
    let wanted: Vec<String> = pushed.layers().iter().map(ToString::to_string).collect();
    assert_eq!(layers, wanted);
    let original: Value = serde_json::from_slice(&pushed.blobs[&pushed.config()]).unwrap();
    assert_eq!(config["rootfs"], original["rootfs"]);
    // V1 clients find it under the ids that it was pushed with.
    barque
        .args(["copy", &v1(&server, "team/app:1"), "dir:again"])
        .run()
        .ok();
    assert_eq!(image(&barque, "again").0, manifest);
    // A V1 push of what is stored moves no layer: its ids are known.
    server.push("stored", "1", &pushed);
    assert_eq!(
        server.get("/v1/repositories/stored/tags/1").json(),
        json!(pushed.config().hex())
    );
}

/// The checksum of a document and a layer.
fn payload(document: &str, layer: &[u8]) -> String {
    sha256(&[document.as_bytes(), b"\n", layer].concat()).to_string()
}

#[test]
fn a_push_is_checked_step_by_step() {
    let server = server(&[]);
    let (base, top) = ("a".repeat(64), "b".repeat(64));
    let put = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        server.request("PUT", path, headers, body)
    };
    let of = |id: &str, part: &str| format!("/v1/images/{id}/{part}");
    let document = format!(
        r#"{{"id":"{base}","created":"2014-01-01T00:00:00Z","os":"linux","architecture":"amd64","config":{{"Cmd":["sh"]}}}}"#
    );
    let child = format!(
        r#"{{"id":"{top}","parent":"{base}","created":"2014-01-02T00:00:00Z","os":"linux","architecture":"amd64","config":{{"Cmd":["run"]}}}}"#
    );
    error(&put(&of(&base, "json"), &[], b"no"), 400, "Invalid JSON");
    error(
        &put(&of(&base, "json"), &[], b"{}"),
        400,
        "Missing key `id'",
    );
    error(
        &put(&of(&base, "json"), &[], child.as_bytes()),
        400,
        "invalid id",
    );
    error(
        &put(&of(&top, "json"), &[], child.as_bytes()),
        400,
        "non existing parent",
    );
    error(&put(&of(&base, "layer"), &[], b"x"), 404, "Image not found");
    assert_eq!(
        put(&of(&base, "json"), &[], document.as_bytes()).status,
        200
    );
    error(&server.get(&of(&base, "json")), 400, "being uploaded");
    // A plain tar; the layer of the child is compressed.
    let (layer, packed) = (tar(&[("f", b"1")]), gzip(&tar(&[("g", b"2")])));
    error(
        &put(&of(&base, "checksum"), &[], b""),
        400,
        "the layer is missing",
    );
    assert_eq!(put(&of(&base, "layer"), &[], &layer).status, 200);
    error(
        &put(&of(&base, "checksum"), &[], b""),
        412,
        "Missing Image's checksum",
    );
    let wrong = payload(&document, b"other");
    error(
        &put(
            &of(&base, "checksum"),
            &[("X-Docker-Checksum-Payload", &wrong)],
            b"",
        ),
        400,
        "Checksum mismatch",
    );
    let right = payload(&document, &layer);
    assert_eq!(
        put(
            &of(&base, "checksum"),
            &[("X-Docker-Checksum-Payload", &right)],
            b""
        )
        .status,
        200
    );
    for (part, text) in [
        ("json", "already exists"),
        ("layer", "already exists"),
        ("checksum", "Cannot set"),
    ] {
        error(&put(&of(&base, part), &[], document.as_bytes()), 409, text);
    }
    let stored = server.get(&of(&base, "json"));
    assert_eq!(stored.body, document.as_bytes());
    assert_eq!(stored.header("x-docker-checksum-payload"), right);
    assert_eq!(server.get(&of(&base, "layer")).body, layer);
    // The child, whose layer is begun twice.
    for _ in 0..2 {
        assert_eq!(put(&of(&top, "json"), &[], child.as_bytes()).status, 200);
        assert_eq!(put(&of(&top, "layer"), &[], &packed).status, 200);
    }
    let tag = "/v1/repositories/me/app/tags/1";
    let body = format!("\"{top}\"");
    error(&put(tag, &[], b"{}"), 400, "Invalid data");
    error(&put(tag, &[], body.as_bytes()), 404, "Image not found");
    assert_eq!(
        put(
            &of(&top, "checksum"),
            &[("X-Docker-Checksum", &payload(&child, &packed))],
            b""
        )
        .status,
        200
    );
    assert_eq!(put(tag, &[], body.as_bytes()).status, 200);
    assert_eq!(
        server.get("/v1/repositories/me/app/tags").json(),
        json!({"1": top})
    );
    let manifest = server.get("/v2/me/app/manifests/1").json();
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    assert_eq!(layers[1]["digest"], sha256(&packed).to_string());
    let config = manifest["config"]["digest"].as_str().unwrap();
    let config = server.get(&format!("/v2/me/app/blobs/{config}")).json();
    assert_eq!(config["config"]["Cmd"], json!(["run"]));
    assert_eq!(config["rootfs"]["diff_ids"][0], sha256(&layer).to_string());
    // What is no layer is found out before a tag stands for it.
    let id = "c".repeat(64);
    let document = format!(r#"{{"id":"{id}"}}"#);
    put(&of(&id, "json"), &[], document.as_bytes());
    let page = b"<html>".repeat(200);
    put(&of(&id, "layer"), &[], &page);
    assert_eq!(
        put(
            &of(&id, "checksum"),
            &[("X-Docker-Checksum-Payload", &payload(&document, &page))],
            b""
        )
        .status,
        200
    );
    error(
        &put(tag, &[], format!("\"{id}\"").as_bytes()),
        400,
        "no tar",
    );
    assert_eq!(
        server.get("/v1/repositories/me/app/tags").json(),
        json!({"1": top})
    );
    // Deleted by V1, it is gone for all.
    assert_eq!(server.send("DELETE", tag).status, 200);
    server
        .get("/v2/me/app/manifests/1")
        .refused(404, "MANIFEST_UNKNOWN");
    error(&server.send("DELETE", tag), 404, "Tag not found");
}
