//! Schema 1 with the programs that still know it: Debian's docker-registry 2.8 and skopeo.

use std::process::Command;

use barque::image::SigningKey;
use serde_json::{Value, json};

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::schema1::{self, Schema1};
use crate::support::images::{self, TestImage, sha256};
use crate::support::peers::{self, DockerRegistry};

/// A registry that takes schema 1, and the flags for it.
fn registry() -> Option<DockerRegistry> {
    if peers::missing(&["docker-registry", "skopeo"]) {
        return None;
    }
    Some(DockerRegistry::setup().schema1().start())
}

fn signed(name: &str, tag: &str) -> Schema1 {
    schema1::image(name, tag, Some(&SigningKey::generate().unwrap()), false)
}

fn write(barque: &Barque, dir: &str, image: &TestImage) -> String {
    images::write_dir(&barque.path(dir), image);
    format!("dir:{dir}")
}

#[test]
fn a_signed_image_is_pushed_and_pulled_by_tag_and_digest() {
    let Some(registry) = registry() else { return };
    let barque = Barque::new();
    let made = signed("fleet/old", "1");
    let source = write(&barque, "old", &made.image);
    let named = registry.docker("fleet/old:1");
    let out = barque.args(["copy", &source, &named]).run().ok();
    assert_eq!(out.stdout(), format!("{named}@{}\n", made.image.digest));
    let by_digest = registry.docker(&format!("fleet/old@{}", made.image.digest));
    for (name, to) in [(&named, "by-tag"), (&by_digest, "by-digest")] {
        let verify = ["inspect", "--verify-signature", "-n", name];
        let shown = barque.args(verify).run().ok().json();
        // The registry signs anew with a key of its own; what is signed stays.
        assert_eq!(shown["SignatureVerdict"], "verified", "{shown}");
        assert_eq!(shown["Digest"], json!(made.image.digest));
        let pulled = barque.args(["copy", name, &format!("dir:{to}")]).run().ok();
        assert_eq!(pulled.stdout(), format!("dir:{to}@{}\n", made.image.digest));
        for (digest, bytes) in &made.image.blobs {
            let file = barque.path(to).join(digest.hex());
            assert_eq!(std::fs::read(file).unwrap(), *bytes);
        }
    }
    // Once more: it is there.
    let again = barque.args(["copy", &source, &named]).run().ok();
    assert!(
        again.stderr().contains("is up to date"),
        "{}",
        again.stderr()
    );

    let skopeo = peers::skopeo();
    let theirs = skopeo
        .args(["inspect", "--tls-verify=false", &named])
        .run()
        .ok()
        .json();
    assert_eq!(theirs["Digest"], json!(made.image.digest));
    let ours = barque.args(["inspect", &named]).run().ok().json();
    for (key, value) in theirs.as_object().unwrap() {
        assert_eq!(ours[key], *value, "{key}");
    }
    let copied = skopeo
        .args(["copy", "-q", "--src-tls-verify=false", &named, "dir:out"])
        .run();
    copied.ok();
    let manifest = std::fs::read(skopeo.path("out/manifest.json")).unwrap();
    let digest = barque
        .args(["manifest-digest", "-"])
        .stdin(manifest)
        .run()
        .ok();
    assert_eq!(digest.stdout(), format!("{}\n", made.image.digest));
}

#[test]
fn an_image_is_pushed_as_schema1_and_rescued_again() {
    let Some(registry) = registry() else { return };
    let barque = Barque::new();
    let image = images::two_layers_docker();
    let source = write(&barque, "modern", &image);
    let named = registry.docker("fleet/made:2");
    barque
        .args(["copy", "--format=v2s1", &source, &named])
        .run()
        .ok();
    let raw = barque.args(["inspect", "--raw", &named]).run().ok().json();
    assert_eq!(
        (&raw["schemaVersion"], &raw["name"], &raw["tag"]),
        (&json!(1), &json!("fleet/made"), &json!("2"))
    );
    let shown = barque
        .args(["inspect", "--verify-signature", &named])
        .run()
        .ok()
        .json();
    assert_eq!(shown["SignatureVerdict"], "verified");
    // The registry makes the same of the schema 2 image for clients that know nothing newer.
    let modern = registry.docker("fleet/made:3");
    barque.args(["copy", &source, &modern]).run().ok();
    let url = format!("{}/v2/fleet/made/manifests/3", registry.url());
    let old = Command::new("curl")
        .args(["-fsS", "-H", &format!("Accept: {}", schema1::SIGNED), &url])
        .output()
        .unwrap();
    let old: Value = serde_json::from_slice(&old.stdout).unwrap();
    assert_eq!(old["history"], raw["history"]);
    assert_eq!(old["fsLayers"], raw["fsLayers"]);
    // skopeo reads what barque made, and barque makes a modern image of it again.
    let skopeo = peers::skopeo();
    skopeo
        .args([
            "copy",
            "-q",
            "--src-tls-verify=false",
            &named,
            "oci:theirs:2",
        ])
        .run()
        .ok();
    barque.args(["copy", &named, "oci:ours:2"]).run().ok();
    let index = |dir: std::path::PathBuf| std::fs::read_to_string(dir.join("index.json")).unwrap();
    let digest = |text: String| {
        let index: Value = serde_json::from_str(&text).unwrap();
        index["manifests"][0]["digest"].clone()
    };
    assert_eq!(
        digest(index(barque.path("ours"))),
        digest(index(skopeo.path("theirs")))
    );
}

#[test]
fn what_skopeo_pushed_as_schema1_is_read() {
    let Some(registry) = registry() else { return };
    let (barque, skopeo) = (Barque::new(), peers::skopeo());
    let image = images::two_layers_docker();
    images::write_dir(&skopeo.path("modern"), &image);
    let named = registry.docker("fleet/theirs:1");
    let flags = [
        "copy",
        "-q",
        "--dest-tls-verify=false",
        "--format=v2s1",
        "dir:modern",
        &named,
    ];
    skopeo.args(flags).run().ok();
    let shown = barque
        .args(["inspect", "--verify-signature", &named])
        .run()
        .ok()
        .json();
    assert_eq!(shown["SignatureVerdict"], "verified");
    assert_eq!(shown["Layers"], json!(image.layers()));
    barque.args(["layers", "-o", "out", &named]).run().ok();
    for digest in image.layers() {
        let file = barque.path("out").join(format!("{}.tar", digest.hex()));
        assert_eq!(sha256(&std::fs::read(file).unwrap()), digest);
    }
    barque.args(["copy", &named, "oci:new:1"]).run().ok();
    let config = barque
        .args(["inspect", "--config", "oci:new:1"])
        .run()
        .ok()
        .json();
    let wanted: Value = serde_json::from_slice(&image.blobs[&image.config()]).unwrap();
    assert_eq!(config["rootfs"], wanted["rootfs"]);
}

#[test]
fn a_manifest_under_another_name_is_refused() {
    let Some(registry) = registry() else { return };
    let barque = Barque::new();
    let source = write(&barque, "old", &signed("fleet/old", "1").image);
    // 2.8 takes a manifest under any name; copied as it is, it stays signed as another.
    for (name, words) in [
        (
            "fleet/other:1",
            "the manifest is signed as name `fleet/old`, but `fleet/other` was asked for",
        ),
        (
            "fleet/old:2",
            "the manifest is signed as tag `1`, but `2` was asked for",
        ),
    ] {
        let named = registry.docker(name);
        let out = barque.args(["copy", &source, &named]).run().ok();
        assert!(
            out.stderr().contains("`--format v2s1` signs it anew"),
            "{}",
            out.stderr()
        );
        for command in [
            &["copy", &named, "oci:new:1"][..],
            &["layers", "-o", "out", &named],
        ] {
            let refused = barque.args(command).run().code(4);
            assert!(refused.stderr().contains(words), "{}", refused.stderr());
        }
        let told = barque
            .args(["inspect", "--verify-signature", &named])
            .run()
            .code(4);
        assert!(told.stderr().contains(words), "{}", told.stderr());
        let digest = out.stdout().trim().rsplit_once('@').unwrap().1.to_owned();
        barque
            .args(["copy", "--no-verify-signature", &named, "dir:taken"])
            .run()
            .ok();
        // By digest nobody asked for a tag.
        if name.starts_with("fleet/old") {
            let by_digest = registry.docker(&format!("fleet/old@{digest}"));
            barque
                .args(["copy", &by_digest, "dir:by-digest"])
                .run()
                .ok();
        }
        // Signed anew under its new name it is taken.
        barque
            .args(["copy", "--format=v2s1", &source, &named])
            .run()
            .ok();
        barque
            .args([
                "copy",
                &named,
                &format!("dir:{}", name.replace(['/', ':'], "-")),
            ])
            .run()
            .ok();
    }
}

#[test]
fn an_image_is_rescued_within_its_registry() {
    let Some(registry) = registry() else { return };
    let barque = Barque::new();
    let made = signed("fleet/old", "1");
    let source = write(&barque, "old", &made.image);
    let old = registry.docker("fleet/old:1");
    barque.args(["copy", &source, &old]).run().ok();
    let diff_ids: Vec<_> = made.tars.iter().map(|tar| sha256(tar)).collect();
    // Into another repository the layers are mounted, into the same they stay; either way they are read once.
    for (name, format) in [
        ("fleet/new:1", "v2s2"),
        ("fleet/old:2", "oci"),
        ("fleet/old:2", "v2s2"),
    ] {
        let new = registry.docker(name);
        let format = format!("--format={format}");
        let out = barque
            .args(["copy", "--receipt=receipt", &format, &old, &new])
            .run()
            .ok();
        let config = barque.args(["inspect", "--config", &new]).run().ok().json();
        assert_eq!(
            config["rootfs"]["diff_ids"],
            json!(diff_ids),
            "{name} {format}"
        );
        let receipt: Value =
            serde_json::from_slice(&std::fs::read(barque.path("receipt")).unwrap()).unwrap();
        let actions: Vec<_> = receipt["Blobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|b| b["Action"].as_str().unwrap())
            .collect();
        assert_eq!(actions.len(), 3, "{receipt}");
        let moved = actions.iter().filter(|a| **a == "copied").count();
        assert!(moved <= 1, "the config at most: {receipt}");
        assert_eq!(
            receipt["Digest"],
            json!(out.stdout().trim().rsplit_once('@').unwrap().1)
        );
        let skopeo = peers::skopeo();
        let theirs = skopeo
            .args(["copy", "-q", "--src-tls-verify=false", &new, "dir:out"])
            .run();
        theirs.ok();
    }
}

#[test]
fn an_unsigned_image_is_signed_for_a_registry() {
    let Some(registry) = registry() else { return };
    let barque = Barque::new();
    let made = schema1::image("fleet/old", "1", None, false);
    let source = write(&barque, "old", &made.image);
    let named = registry.docker("fleet/old:1");
    let refused = barque.args(["copy", &source, &named]).run().code(6);
    assert!(
        refused.stderr().contains("try `--format v2s1`"),
        "{}",
        refused.stderr()
    );
    barque
        .args(["copy", "--format=v2s1", &source, &named])
        .run()
        .ok();
    let shown = barque
        .args(["inspect", "--verify-signature", &named])
        .run()
        .ok()
        .json();
    assert_eq!(shown["SignatureVerdict"], "verified");
    assert_eq!(shown["Layers"].as_array().unwrap().len(), 4);
}

#[test]
fn a_plan_says_that_the_digest_is_not_known_yet() {
    let barque = Barque::new();
    write(&barque, "old", &signed("fleet/old", "1").image);
    let plan = barque
        .args(["copy", "--dry-run", "--json", "dir:old", "oci:new:1"])
        .run()
        .ok()
        .json();
    assert_eq!(plan["Manifests"], json!([]));
    assert_eq!(plan["Blobs"].as_array().unwrap().len(), 2, "{plan}");
    assert!(plan["BytesToMove"].as_u64().unwrap() > 40_000);
    let note = plan["Notes"][0].as_str().unwrap();
    assert!(
        note.contains("is converted from docker schema 1 to"),
        "{note}"
    );
    assert!(!barque.path("new").exists());
}

#[test]
fn m18_a_refused_type_names_the_format() {
    let barque = Barque::new();
    let image = images::two_layers();
    let source = write(&barque, "modern", &image);
    for (status, code) in [
        (400, "MANIFEST_INVALID"),
        (405, "UNSUPPORTED"),
        (415, "MANIFEST_INVALID"),
    ] {
        let refuse =
            on("PUT")
                .path("/manifests/")
                .first(1)
                .error(status, code, "no such type here");
        let registry = FakeRegistry::start().rule(refuse);
        let to = registry.docker("a:1");
        let refused = barque.args(["copy", &source, &to]).run().code(6);
        let told = refused.stderr();
        assert!(
            told.contains("try `--format v2s2`"),
            "{status} {code}: {told}"
        );
        barque
            .args(["copy", "--format=v2s2", &source, &to])
            .run()
            .ok();
    }
}
