//! Copies of schema 1 images: as they are, made modern, made of modern ones.

use std::path::Path;

use barque::legacy::jws::SigningKey;
use serde_json::{Value, json};

use crate::support::fake::{FakeRegistry, on};
use crate::support::images::schema1::{self, Schema1};
use crate::support::images::{self, Dialect, Maker, TestImage, media, sha256};
use crate::support::sandbox::Sandbox;
use crate::support::{Barque, peers};

fn json_of(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn put(barque: &Barque, plain: bool) -> Schema1 {
    let key = SigningKey::generate().unwrap();
    let made = schema1::image("fleet/old", "1", Some(&key), plain);
    images::write_dir(&barque.path("old"), &made.image);
    made
}

/// The blob `digest` of the layout, as JSON.
fn blob(layout: &Path, digest: &Value) -> Value {
    let hex = digest.as_str().unwrap().trim_start_matches("sha256:");
    json_of(layout.join("blobs/sha256").join(hex))
}

#[test]
fn a_signed_image_is_copied_byte_for_byte() {
    let barque = Barque::new();
    let made = put(&barque, false);
    let out = barque.args(["copy", "dir:old", "dir:new"]).run().ok();
    assert_eq!(out.stdout(), format!("dir:new@{}\n", made.image.digest));
    assert_eq!(
        std::fs::read(barque.path("new/manifest.json")).unwrap(),
        made.image.manifest
    );
    for (digest, bytes) in &made.image.blobs {
        assert_eq!(
            std::fs::read(barque.path("new").join(digest.hex())).unwrap(),
            *bytes
        );
    }
    // Another compression cannot be had, and that is told.
    let out = barque
        .args(["copy", "--dest-compress-format", "zstd", "dir:old", "dir:z"])
        .run()
        .ok();
    assert_eq!(out.stdout(), format!("dir:z@{}\n", made.image.digest));
    assert!(
        out.stderr()
            .contains("layers of a schema 1 image stay as they are"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_schema1_image_becomes_an_oci_image() {
    for plain in [false, true] {
        let barque = Barque::new();
        let made = put(&barque, plain);
        let out = barque.args(["copy", "dir:old", "oci:new:1"]).run().ok();
        assert!(
            out.stderr()
                .contains("is converted from docker schema 1 to"),
            "{}",
            out.stderr()
        );
        let layout = barque.path("new");
        let index = json_of(layout.join("index.json"));
        let manifest = blob(&layout, &index["manifests"][0]["digest"]);
        assert_eq!(
            out.stdout(),
            format!(
                "oci:new:1@{}\n",
                index["manifests"][0]["digest"].as_str().unwrap()
            )
        );
        let types: Vec<_> = manifest["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["mediaType"].as_str().unwrap())
            .collect();
        let second = if plain {
            media::OCI_LAYER.to_owned()
        } else {
            format!("{}+gzip", media::OCI_LAYER)
        };
        assert_eq!(types, [format!("{}+gzip", media::OCI_LAYER), second]);
        let config = blob(&layout, &manifest["config"]["digest"]);
        let diff_ids: Vec<_> = made.tars.iter().map(|tar| sha256(tar)).collect();
        assert_eq!(
            config["rootfs"],
            json!({"type": "layers", "diff_ids": diff_ids})
        );
        assert_eq!(config["config"]["Env"], json!(["A=1"]));
        assert_eq!(config["created"], "2015-04-01T00:00:00.5Z");
        assert_eq!(
            config["history"],
            json!([
                {"created": "2015-01-01T00:00:00.5Z", "comment": "Imported from -"},
                {"created": "2015-02-01T00:00:00.5Z", "created_by": "/bin/sh -c #(nop) ENV A=1", "author": "crew", "empty_layer": true},
                {"created": "2015-03-01T00:00:00.5Z", "created_by": "/bin/sh -c load && stow"},
                {"created": "2015-04-01T00:00:00.5Z", "created_by": "/bin/sh -c #(nop) CMD [\"sail\"]", "empty_layer": true},
            ])
        );
        // The layers that are there are read again for their plain digests, and nothing changes.
        let again = barque.args(["copy", "dir:old", "oci:new:1"]).run().ok();
        assert_eq!(again.stdout(), out.stdout());
        assert_eq!(json_of(layout.join("index.json")), index);
    }
}

#[test]
fn the_modern_image_is_the_one_that_skopeo_makes() {
    peers::needs!("skopeo");
    let made = schema1::image("fleet/old", "1", None, false);
    let text = String::from_utf8(made.image.manifest.clone()).unwrap();
    // Documents of docker before 1.8.3 are written anew.
    for version in ["1.9.1", "1.8.2"] {
        let (barque, skopeo) = (Barque::new(), peers::skopeo());
        let manifest = text.replace("1.9.1", version);
        let image = TestImage {
            blobs: made.image.blobs.clone(),
            ..TestImage::raw(schema1::UNSIGNED, manifest)
        };
        images::write_dir(&barque.path("old"), &image);
        let source = format!("dir:{}", barque.path("old").display());
        for (flags, to) in [
            (&[][..], "oci:new:1"),
            (&["--format=oci"], "dir:oci"),
            (&["--format=v2s2"], "dir:v2s2"),
        ] {
            let digest = |sandbox: &Sandbox| {
                let copy = ["copy", "--digestfile=digest", "-q", &source, to];
                sandbox.args(copy).args(flags).run().ok();
                std::fs::read_to_string(sandbox.path("digest")).unwrap()
            };
            assert_eq!(digest(&barque), digest(&skopeo), "{version} {to}");
        }
    }
}

#[test]
fn a_schema1_image_goes_into_a_docker_archive() {
    for flags in [&[][..], &["--keep-compressed"]] {
        let barque = Barque::new();
        let made = put(&barque, false);
        let to = "docker-archive:image.tar:fleet/old:1";
        barque.args(["copy", "dir:old", to]).args(flags).run().ok();
        let config = barque.args(["inspect", "--config", to]).run().ok().json();
        let diff_ids: Vec<_> = made.tars.iter().map(|tar| sha256(tar)).collect();
        assert_eq!(config["rootfs"]["diff_ids"], json!(diff_ids), "{flags:?}");
        // Read back, each layer inflates to what the config says.
        barque.args(["copy", to, "oci:back:1"]).run().ok();
    }
}

#[test]
fn what_is_not_proven_is_not_copied() {
    let barque = Barque::new();
    put(&barque, false);
    let file = barque.path("old/manifest.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("fleet/old", "fleet/new", 1)).unwrap();
    for to in ["oci:new:1", "dir:new"] {
        let refused = barque.args(["copy", "dir:old", to]).run().code(4);
        let told = refused.stderr();
        assert!(
            told.contains("signature 1 is not good: it does not match"),
            "{told}"
        );
        assert!(
            told.contains("hint: `--no-verify-signature` takes it all the same"),
            "{told}"
        );
        assert!(!barque.path("new").exists());
    }
    barque
        .args(["copy", "--no-verify-signature", "dir:old", "oci:new:1"])
        .run()
        .ok();
}

#[test]
fn a_layer_with_other_content_is_refused() {
    let barque = Barque::new();
    let made = put(&barque, false);
    let layer = barque.path("old").join(sha256(&made.layers[1]).hex());
    let mut bytes = made.layers[1].clone();
    bytes[20_000] ^= 1;
    std::fs::write(layer, bytes).unwrap();
    let refused = barque.args(["copy", "dir:old", "oci:new:1"]).run().code(4);
    assert!(
        refused
            .stderr()
            .contains("is corrupt: its content hashes to"),
        "{}",
        refused.stderr()
    );
    assert!(!barque.path("new/index.json").exists());
}

#[test]
fn an_image_becomes_a_signed_schema1_and_comes_back() {
    let barque = Barque::new();
    let image = images::two_layers_docker();
    images::write_dir(&barque.path("modern"), &image);
    let pem = barque.path("key.pem");
    openssl_key(&pem);
    let id = SigningKey::parse(&std::fs::read_to_string(&pem).unwrap())
        .unwrap()
        .id();
    let copy = [
        "copy",
        "--format=v2s1",
        "--schema1-key=key.pem",
        "dir:modern",
        "dir:old",
    ];
    let out = barque.args(copy).run().ok();
    let shown = barque
        .args(["inspect", "--verify-signature", "dir:old"])
        .run()
        .ok()
        .json();
    assert_eq!(shown["SignatureVerdict"], "verified");
    assert_eq!(shown["Signatures"][0]["KeyId"], id);
    assert_eq!(
        out.stdout(),
        format!("dir:old@{}\n", shown["Digest"].as_str().unwrap())
    );
    assert_eq!(shown["Layers"], json!(image.layers()));
    // Nothing to be done: it is signed so already.
    let digest = shown["Digest"].as_str().unwrap();
    let kept = barque
        .args(["copy", "--format=v2s1", "dir:old", "dir:kept"])
        .run()
        .ok();
    assert_eq!(kept.stdout(), format!("dir:kept@{digest}\n"));
    let raw = |dir: &str| std::fs::read(barque.path(dir).join("manifest.json")).unwrap();
    assert_eq!(raw("kept"), raw("old"));

    barque
        .args(["copy", "--format=v2s2", "dir:old", "dir:back"])
        .run()
        .ok();
    let config = |dir: &str| {
        let manifest = json_of(barque.path(dir).join("manifest.json"));
        let hex = manifest["config"]["digest"]
            .as_str()
            .unwrap()
            .trim_start_matches("sha256:")
            .to_owned();
        (
            manifest["layers"].clone(),
            json_of(barque.path(dir).join(hex)),
        )
    };
    let ((layers, config_before), (layers_after, config_after)) =
        (config("modern"), config("back"));
    assert_eq!(layers_after, layers);
    for member in ["architecture", "os", "rootfs", "config", "created"] {
        assert_eq!(config_after[member], config_before[member], "{member}");
    }
    let steps = |c: &Value| {
        c["history"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["created_by"].clone())
            .collect::<Vec<_>>()
    };
    // The top entry of schema 1 is the config, which has no place for its own step.
    let (before, after) = (steps(&config_before), steps(&config_after));
    assert_eq!(before[0], after[0]);
    assert_eq!((before.len(), after.len()), (2, 2));
}

/// A key as openssl writes it.
fn openssl_key(file: &Path) {
    let made = std::process::Command::new("openssl")
        .args(["ecparam", "-name", "prime256v1", "-genkey", "-out"])
        .arg(file)
        .output()
        .unwrap();
    assert!(made.status.success());
}

#[test]
fn formats_that_cannot_be_are_refused_in_words() {
    let barque = Barque::new();
    put(&barque, false);
    images::write_dir(&barque.path("list"), &images::five_platforms_docker());
    images::write_layout(&barque.path("zstd"), &[("1", &images::zstd_layer())]);
    images::write_layout(&barque.path("artifact"), &[("1", &images::artifact())]);
    let rows: [(&[&str], i32, &str); 8] = [
        (
            &["--format=v2s1", "dir:old", "oci:new:1"],
            6,
            "`oci:new:1` cannot hold `application/vnd.docker.distribution.manifest.v1+prettyjws`",
        ),
        (
            &["--format=v2s1", "--all", "dir:list", "dir:new"],
            6,
            "schema 1 has no index",
        ),
        (
            &["--format=v2s1", "oci:zstd:1", "dir:new"],
            6,
            "docker's format has no zstd",
        ),
        (
            &["--format=v2s1", "oci:artifact:1", "dir:new"],
            6,
            "an artifact with a config of type",
        ),
        (
            &["--preserve-digests", "dir:old", "oci:new:1"],
            6,
            "would change the image's digest",
        ),
        (
            &["--preserve-digests", "--format=oci", "dir:list", "dir:new"],
            6,
            "`--format oci` would change the digest",
        ),
        (
            &["--schema1-key=k", "dir:old", "dir:new"],
            1,
            "`--schema1-key` goes with `--format v2s1`",
        ),
        (
            &[
                "--format=v2s1",
                "--schema1-key=old/manifest.json",
                "dir:old",
                "dir:new",
            ],
            1,
            "the key `old/manifest.json` cannot be read",
        ),
    ];
    for (args, code, words) in rows {
        let refused = barque.args(["copy"]).args(args).run().code(code);
        assert!(
            refused.stderr().contains(words),
            "{args:?}: {}",
            refused.stderr()
        );
        assert!(!barque.path("new").exists(), "{args:?}");
    }
}

fn types(dir: &Path, image: &TestImage) -> (Value, Vec<Value>) {
    let top = json_of(dir.join("manifest.json"));
    let children = top["manifests"].as_array().cloned().unwrap_or_default();
    assert_eq!(children.len(), image.children.len());
    let child = |entry: &Value| {
        let hex = entry["digest"]
            .as_str()
            .unwrap()
            .trim_start_matches("sha256:");
        assert_eq!(
            json_of(dir.join(format!("{hex}.manifest.json")))["mediaType"],
            entry["mediaType"]
        );
        entry["mediaType"].clone()
    };
    (
        top["mediaType"].clone(),
        children.iter().map(child).collect(),
    )
}

#[test]
fn an_index_changes_its_format_with_all_that_it_lists() {
    let barque = Barque::new();
    let (oci, docker) = (images::five_platforms(), images::five_platforms_docker());
    images::write_dir(&barque.path("oci"), &oci);
    images::write_dir(&barque.path("docker"), &docker);
    let copy = |format: &str, from: &str, to: &str| {
        barque
            .args(["copy", "--all", "--format", format, from, to])
            .run()
            .ok();
    };
    copy("v2s2", "dir:oci", "dir:as-docker");
    let made = types(&barque.path("as-docker"), &oci);
    assert_eq!(
        made,
        (
            json!(media::DOCKER_LIST),
            vec![json!(media::DOCKER_MANIFEST); 5]
        )
    );
    copy("oci", "dir:docker", "dir:as-oci");
    let made = types(&barque.path("as-oci"), &docker);
    assert_eq!(
        made,
        (json!(media::OCI_INDEX), vec![json!(media::OCI_MANIFEST); 5])
    );
    // What has the format already keeps its bytes.
    copy("oci", "dir:oci", "dir:same");
    assert_eq!(
        std::fs::read(barque.path("same/manifest.json")).unwrap(),
        oci.manifest
    );
}

#[test]
fn an_image_changes_its_format_there_and_back() {
    let barque = Barque::new();
    let image = Maker::new(Dialect::Oci)
        .label("a", "b")
        .file_layer("x", b"y")
        .make();
    images::write_dir(&barque.path("oci"), &image);
    barque
        .args(["copy", "--format=v2s2", "dir:oci", "dir:docker"])
        .run()
        .ok();
    let manifest = json_of(barque.path("docker/manifest.json"));
    assert_eq!(manifest["mediaType"], media::DOCKER_MANIFEST);
    assert_eq!(manifest["config"]["digest"], json!(image.config()));
    barque
        .args(["copy", "--format=oci", "dir:docker", "dir:back"])
        .run()
        .ok();
    let back = json_of(barque.path("back/manifest.json"));
    assert_eq!(back["mediaType"], media::OCI_MANIFEST);
    assert_eq!(back["layers"], image.json()["layers"]);
}

/// A registry with the signed image `fleet/old:1`.
fn fake() -> (FakeRegistry, Schema1) {
    let key = SigningKey::generate().unwrap();
    let made = schema1::image("fleet/old", "1", Some(&key), false);
    (
        FakeRegistry::start().image("fleet/old", "1", &made.image),
        made,
    )
}

fn diff_ids(barque: &Barque, name: &str) -> Value {
    let config = barque.args(["inspect", "--config", name]).run().ok().json();
    config["rootfs"]["diff_ids"].clone()
}

#[test]
fn each_request_of_a_rescue_is_needed() {
    let (registry, made) = fake();
    let barque = Barque::new();
    barque
        .args(["copy", &registry.docker("fleet/old:1"), "oci:new:1"])
        .run()
        .ok();
    // A size and the bytes of each layer, nothing of the empty one.
    let mut wanted = vec!["GET /v2/fleet/old/manifests/1".to_owned()];
    for layer in &made.layers {
        let path = format!("/v2/fleet/old/blobs/{}", sha256(layer));
        wanted.extend([format!("HEAD {path}"), format!("GET {path}")]);
    }
    wanted.sort();
    let mut seen: Vec<String> = ["GET", "HEAD", "POST"]
        .iter()
        .flat_map(|method| registry.requests(method, ""))
        .map(|request| format!("{} {}", request.method, request.path))
        .filter(|line| !line.ends_with("/v2/"))
        .collect();
    seen.sort();
    assert_eq!(seen, wanted);
}

#[test]
fn a_rescue_that_was_cut_goes_on() {
    let (registry, made) = fake();
    let layer = sha256(&made.layers[1]).to_string();
    let tars: Vec<_> = made.tars.iter().map(|tar| sha256(tar)).collect();
    let name = registry.docker("fleet/old:1");
    // The stream breaks off once and goes on at its offset: the plain digest is that of all of it.
    registry.add_rule(on("GET").path(&layer).first(1).rst_after(20_000));
    let barque = Barque::new();
    barque.args(["copy", &name, "oci:new:1"]).run().ok();
    assert_eq!(
        registry.with_header("range").len(),
        1,
        "{:?}",
        registry.lines()
    );
    assert_eq!(diff_ids(&barque, "oci:new:1"), json!(tars));

    let (registry, _) = fake();
    let barque = Barque::new();
    registry.add_rule(on("GET").path("/blobs/").first(2).stall_after(400_000));
    let again = registry.docker("fleet/old:1");
    let running = barque
        .args(["copy", &again, "dir:new", "--format=oci"])
        .start();
    let part = || {
        let entries = std::fs::read_dir(barque.path("new")).ok()?;
        entries
            .flatten()
            .map(|e| e.metadata().map_or(0, |m| m.len()))
            .max()
    };
    let cut = (0..10_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(3));
        part().is_some_and(|length| length >= 250_000)
    });
    assert!(cut, "the layer has begun");
    running.signal("TERM");
    running.wait().code(143);
    assert!(!barque.path("new/manifest.json").exists());
    registry.clear();
    // What is continued is not read from its beginning on its way, so it is read once more for its plain digest.
    barque
        .args(["copy", &again, "dir:new", "--format=oci"])
        .run()
        .ok();
    assert_eq!(diff_ids(&barque, "dir:new"), json!(tars));
    assert_eq!(
        registry.with_header("range").len(),
        1,
        "{:?}",
        registry.lines()
    );
}

#[test]
fn a_list_may_hold_a_schema1_image() {
    let barque = Barque::new();
    let key = SigningKey::generate().unwrap();
    let made = schema1::image("fleet/old", "1", Some(&key), false);
    let platform = ("linux", "amd64", "");
    let list = images::index(Dialect::Docker, [(made.image.clone(), platform)]);
    images::write_dir(&barque.path("list"), &list);
    barque
        .args(["copy", "--all", "dir:list", "dir:same"])
        .run()
        .ok();
    let child = format!("{}.manifest.json", made.image.digest.hex());
    assert_eq!(
        std::fs::read(barque.path("same").join(child)).unwrap(),
        made.image.manifest
    );
    assert_eq!(
        std::fs::read(barque.path("same/manifest.json")).unwrap(),
        list.manifest
    );
    let refused = barque
        .args(["copy", "--all", "dir:list", "oci:new:1"])
        .run()
        .code(6);
    let told = refused.stderr();
    assert!(
        told.contains("an index with a schema 1 image in it cannot be converted"),
        "{told}"
    );
    assert!(
        told.contains("hint: copy the image of one platform"),
        "{told}"
    );
    barque
        .args(["copy", "--platform=linux/amd64", "dir:list", "oci:new:1"])
        .run()
        .ok();
    let tars: Vec<_> = made.tars.iter().map(|tar| sha256(tar)).collect();
    assert_eq!(diff_ids(&barque, "oci:new:1"), json!(tars));
}
