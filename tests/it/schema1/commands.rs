//! `inspect`, `layers` and `manifest-digest` of schema 1 images.

use barque::legacy::jws::SigningKey;
use serde_json::{Value, json};

use crate::support::images::schema1::{self, Schema1};
use crate::support::images::{self, sha256};
use crate::support::{Barque, fixtures, peers};

/// A signed image in the directory `image` of the sandbox, and the key's id.
fn signed(barque: &Barque) -> (Schema1, String) {
    let key = SigningKey::generate().unwrap();
    let made = schema1::image("fleet/old", "1", Some(&key), false);
    images::write_dir(&barque.path("image"), &made.image);
    (made, key.id())
}

/// The manifest of the sandbox's image, changed by `edit`.
fn edit(barque: &Barque, edit: impl Fn(String) -> String) {
    let file = barque.path("image/manifest.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = edit(text.clone());
    assert_ne!(text, changed);
    std::fs::write(file, changed).unwrap();
}

#[test]
fn inspect_prints_what_skopeo_prints() {
    let barque = Barque::new();
    let (made, _) = signed(&barque);
    let shown = barque.args(["inspect", "dir:image"]).run().ok().json();
    let empty = sha256(&barque::legacy::schema1::EMPTY_LAYER).to_string();
    let layers = [
        sha256(&made.layers[0]).to_string(),
        empty.clone(),
        sha256(&made.layers[1]).to_string(),
        empty,
    ];
    let wanted = [
        ("Tag", json!("1")),
        ("Digest", json!(made.image.digest)),
        ("Created", json!("2015-04-01T00:00:00.5Z")),
        ("DockerVersion", json!("1.9.1")),
        ("Labels", json!({"ship": "<barque>"})),
        ("Architecture", json!("amd64")),
        ("Layers", json!(layers)),
        ("Env", json!(["A=1"])),
        ("MediaType", json!(schema1::SIGNED)),
        ("ConfigDigest", Value::Null),
    ];
    for (key, value) in wanted {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(
        shown["LayersData"][0],
        json!({"MIMEType": "", "Digest": layers[0], "Size": -1, "Annotations": null})
    );
    assert!(shown.get("Signatures").is_none());
    let config = barque.args(["inspect", "--config", "dir:image"]).run().ok();
    let document = config.json();
    assert_eq!(document["config"]["Env"], json!(["A=1"]));
    assert_eq!(document["rootfs"]["diff_ids"], json!(["", ""]));
    assert_eq!(document["history"][1]["empty_layer"], true);
    peers::needs!("skopeo");
    let source = format!("dir:{}", barque.path("image").display());
    let theirs = peers::skopeo().args(["inspect", &source]).run().ok().json();
    for (key, value) in theirs.as_object().unwrap() {
        assert_eq!(shown[key], *value, "{key}");
    }
    // It may be that a newer skopeo has further keys; those of 1.9 are all there.
    assert!(theirs.as_object().unwrap().len() >= 9, "{theirs}");
}

#[test]
fn inspect_tells_key_and_verdict_of_each_signature() {
    let barque = Barque::new();
    let (_, id) = signed(&barque);
    let inspect = || {
        barque
            .args(["inspect", "--verify-signature", "dir:image"])
            .run()
    };
    let shown = inspect().ok().json();
    assert_eq!(shown["SignatureVerdict"], "verified");
    let line = json!([{"KeyId": id, "Algorithm": "ES256", "Time": "2016-01-01T00:00:00Z", "Verdict": "verified"}]);
    assert_eq!(shown["Signatures"], line);

    edit(&barque, |text| text.replacen("fleet/old", "fleet/new", 1));
    let bad = inspect().code(4);
    let shown = bad.json();
    assert_eq!(shown["SignatureVerdict"], "invalid");
    assert_eq!(shown["Signatures"][0]["Verdict"], "invalid");
    assert_eq!(
        shown["Signatures"][0]["Fault"],
        "it does not match what it signs"
    );
    assert!(
        bad.stderr().contains("signature 1 is not good"),
        "{}",
        bad.stderr()
    );
    // Without the flag the signature is not looked at.
    barque.args(["inspect", "dir:image"]).run().ok();
    let template = [
        "inspect",
        "-f",
        "{{.SignatureVerdict}}",
        "--verify-signature",
    ];
    let none = barque.args(template).args(["dir:image"]).run().code(4);
    assert_eq!(none.stdout(), "invalid\n");

    let unsigned = schema1::image("fleet/old", "1", None, false);
    images::write_dir(&barque.path("unsigned"), &unsigned.image);
    let shown = barque.args(template).args(["dir:unsigned"]).run().ok();
    assert_eq!(shown.stdout(), "unverified\n");
}

#[test]
fn a_broken_chain_is_told_rule_by_rule() {
    let barque = Barque::new();
    let made = schema1::image("fleet/old", "1", None, false);
    let id = |n: usize| sha256(format!("image {n}").as_bytes()).hex().to_owned();
    let inspected = |from: String, to: String| {
        images::write_dir(&barque.path("image"), &made.image);
        edit(&barque, |text| text.replace(&from, &to));
        let told = barque.args(["inspect", "dir:image"]).run().code(4);
        told.stderr().to_owned()
    };
    let told = inspected(
        format!("parent\\\":\\\"{}", id(1)),
        format!("parent\\\":\\\"{}", id(0)),
    );
    assert!(
        told.contains(&format!(
            "Invalid parent ID. Expected {}, got {}.",
            id(1),
            id(0)
        )),
        "{told}"
    );
    let told = inspected(id(2), id(2).to_uppercase());
    assert!(told.contains("is invalid"), "{told}");
    let told = inspected(id(2), id(0));
    assert!(
        told.contains("appears multiple times in manifest"),
        "{told}"
    );
}

#[test]
fn layers_writes_the_fixed_chain() {
    let barque = Barque::new();
    let (made, _) = signed(&barque);
    // The topmost entry twice: of equal neighbours the oldest stays, so the forged layer is not read.
    let unsigned = schema1::image("fleet/old", "1", None, false);
    let mut document: Value = serde_json::from_slice(&unsigned.image.manifest).unwrap();
    let forged = json!({"blobSum": sha256(b"a layer that is nowhere")});
    document["fsLayers"]
        .as_array_mut()
        .unwrap()
        .insert(0, forged);
    let top = document["history"][0].clone();
    document["history"].as_array_mut().unwrap().insert(0, top);
    std::fs::write(barque.path("image/manifest.json"), document.to_string()).unwrap();

    let listed = barque
        .args(["layers", "--list", "--json", "dir:image"])
        .run()
        .ok()
        .json();
    let steps: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["CreatedBy"].clone())
        .collect();
    assert_eq!(
        json!(steps),
        json!([
            null,
            "/bin/sh -c #(nop) ENV A=1",
            "/bin/sh -c load && stow",
            "/bin/sh -c #(nop) CMD [\"sail\"]"
        ])
    );
    barque.args(["layers", "-o", "out", "dir:image"]).run().ok();
    let mut files: Vec<_> = std::fs::read_dir(barque.path("out"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut wanted: Vec<_> = made
        .image
        .blobs
        .keys()
        .map(|d| format!("{}.tar", d.hex()))
        .collect();
    wanted.push("manifest.json".to_owned());
    wanted.sort();
    assert_eq!(files, wanted);
    let first = format!("out/{}.tar", sha256(&made.layers[0]).hex());
    assert_eq!(std::fs::read(barque.path(first)).unwrap(), made.layers[0]);
}

#[test]
fn layers_of_a_forged_image_are_not_written() {
    let barque = Barque::new();
    signed(&barque);
    edit(&barque, |text| text.replacen("fleet/old", "fleet/new", 1));
    let refused = barque
        .args(["layers", "-o", "out", "dir:image"])
        .run()
        .code(4);
    assert!(
        refused.stderr().contains("hint: `--no-verify-signature`"),
        "{}",
        refused.stderr()
    );
    assert!(!barque.path("out").exists());
    let taken = ["layers", "--no-verify-signature", "-o", "out", "dir:image"];
    barque.args(taken).run().ok();
}

#[test]
fn manifest_digest_leaves_the_signatures_out() {
    let barque = Barque::new();
    let (made, _) = signed(&barque);
    let file = "image/manifest.json";
    let digest = barque.args(["manifest-digest", file]).run().ok();
    assert_eq!(digest.stdout(), format!("{}\n", made.image.digest));
    let piped = barque
        .args(["manifest-digest", "-"])
        .stdin(&made.image.manifest)
        .run()
        .ok();
    assert_eq!(piped.stdout(), digest.stdout());
    // Bytes that are no manifest have the digest of their bytes.
    let odd = barque
        .args(["manifest-digest", "-"])
        .stdin("odd")
        .run()
        .ok();
    assert_eq!(odd.stdout(), format!("{}\n", sha256(b"odd")));
    let broken = barque
        .args(["manifest-digest", "-"])
        .stdin(r#"{"schemaVersion":1,"signatures":1}"#)
        .run();
    assert!(broken.code(4).stderr().contains("signatures are malformed"));
    let missing = barque.args(["manifest-digest", "nowhere"]).run().code(1);
    assert!(
        missing.stderr().contains("`nowhere` cannot be read"),
        "{}",
        missing.stderr()
    );
}

#[test]
fn manifest_digest_agrees_with_the_fixtures() {
    let Some(dir) = fixtures::dir() else { return };
    let barque = Barque::new();
    let mut seen = 0;
    for (path, note) in fixtures::notes(&dir, "schema1/") {
        let stated = note
            .split_once("digest sha256:")
            .and_then(|(_, rest)| rest.get(..64));
        let run = barque
            .args(["manifest-digest", dir.join(&path).to_str().unwrap()])
            .run();
        if run.exit_code() == Some(0)
            && note.contains("signature check here: ")
            && !note.contains("not json")
        {
            assert_eq!(
                run.stdout(),
                format!("sha256:{}\n", stated.unwrap()),
                "{path}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 25);
}
