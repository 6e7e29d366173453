//! Schema 1 with the programs that still know it: Debian's docker-registry 2.8 and skopeo.

use std::process::Command;

use barque::legacy::jws::SigningKey;
use serde_json::{Value, json};

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, Head, on};
use crate::support::images::schema1::{self, Schema1};
use crate::support::images::{self, TestImage, media, sha256};
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

/// Another registry with the image `fleet/old:1` under other names, byte for byte as mirrors copy it.
#[test]
fn an_image_that_was_copied_to_another_name_is_taken_with_a_warning() {
    let Some(registry) = registry() else { return };
    let barque = Barque::new();
    let made = signed("fleet/old", "1");
    let source = write(&barque, "old", &made.image);
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
        // 2.8 takes a manifest under any name.
        let out = barque
            .args(["copy", "--preserve-digests", &source, &named])
            .run()
            .ok();
        assert_eq!(out.stdout(), format!("{named}@{}\n", made.image.digest));
        assert!(
            out.stderr()
                .contains("the manifest stays signed as `fleet/old:1`"),
            "{}",
            out.stderr()
        );
        let folder = name.replace(['/', ':'], "-");
        for command in [
            &["copy", "-q", &named, &format!("oci:oci-{folder}:1")][..],
            &["copy", &named, &format!("dir:{folder}")],
            &["layers", "-o", &format!("out-{folder}"), &named],
        ] {
            let taken = barque.args(command).run().ok();
            let warning = format!("warning: {words}");
            assert!(taken.stderr().contains(&warning), "{}", taken.stderr());
            let mut strict = command.to_vec();
            strict.insert(1, "--verify-signature");
            let refused = barque.args(strict).run().code(4);
            assert!(refused.stderr().contains(words), "{}", refused.stderr());
        }
        let told = barque
            .args(["inspect", "--verify-signature", &named])
            .run()
            .code(4);
        assert!(told.stderr().contains(words), "{}", told.stderr());
        let unchecked = ["copy", "--no-verify-signature", &named, "dir:unchecked"];
        let unchecked = barque.args(unchecked).run().ok();
        assert!(!unchecked.stderr().contains("is signed as"));
        // No tag is asked for by digest.
        if name.starts_with("fleet/old") {
            let by_digest = registry.docker(&format!("fleet/old@{}", made.image.digest));
            let out = barque
                .args(["copy", &by_digest, "dir:by-digest"])
                .run()
                .ok();
            assert!(!out.stderr().contains("warning"), "{}", out.stderr());
        }
    }
}

#[test]
fn a_push_under_another_name_is_signed_for_that_name() {
    let Some(registry) = registry() else { return };
    let barque = Barque::new();
    let made = signed("fleet/old", "1");
    let source = write(&barque, "old", &made.image);
    let old = registry.docker("fleet/old:1");
    barque.args(["copy", &source, &old]).run().ok();
    for (from, name) in [
        (&source, "fleet/other:1"),
        // Within one registry, and within one repository.
        (&old, "fleet/moved:3"),
        (&old, "fleet/old:2"),
    ] {
        let named = registry.docker(name);
        let out = barque.args(["copy", from, &named]).run().ok();
        let note = format!("the schema 1 manifest was signed as `{name}` for this copy");
        assert!(out.stderr().contains(&note), "{}", out.stderr());
        let digest = out.stdout().trim().rsplit_once('@').unwrap().1.to_owned();
        assert_ne!(digest, made.image.digest.to_string());
        let verify = ["inspect", "--verify-signature", "-n", &named];
        let shown = barque.args(verify).run().ok().json();
        assert_eq!(shown["SignatureVerdict"], "verified");
        assert_eq!(shown["Digest"], json!(digest));
        // barque and skopeo read it back, without a word.
        let to = format!("dir:{}", name.replace(['/', ':'], "-"));
        let back = ["copy", "--verify-signature", &named, &to];
        let back = barque.args(back).run().ok();
        assert!(!back.stderr().contains("warning"), "{}", back.stderr());
        let skopeo = peers::skopeo();
        skopeo
            .args(["copy", "-q", "--src-tls-verify=false", &named, "oci:back:1"])
            .run()
            .ok();
        // The payload is the same each time, and with it the digest.
        let mark = registry.mark();
        let again = barque.args(["copy", from, &named]).run().ok();
        assert_eq!(again.stdout(), out.stdout());
        let puts = registry.since(mark).count("PUT", "/manifests/");
        assert_eq!(
            puts,
            usize::from(name == "fleet/old:2"),
            "a retag does not ask"
        );
    }
}

#[test]
fn a_name_with_a_digest_keeps_the_bytes() {
    let Some(registry) = registry() else { return };
    let barque = Barque::new();
    let made = signed("fleet/old", "1");
    let source = write(&barque, "old", &made.image);
    let named = registry.docker(&format!("fleet/other@{}", made.image.digest));
    let out = barque.args(["copy", &source, &named]).run().ok();
    assert!(
        out.stderr().contains("the manifest stays signed as"),
        "{}",
        out.stderr()
    );
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
    let keep = ["copy", "--preserve-digests", &source, &named];
    let refused = barque.args(keep).run().code(6);
    assert!(
        refused.stderr().contains("without `--preserve-digests`"),
        "{}",
        refused.stderr()
    );
    // 2.8 takes signed ones only, and says `MANIFEST_INVALID`.
    let signed = barque.args(["copy", &source, &named]).run().ok();
    let note = "was signed as `fleet/old:1` for this copy";
    assert!(signed.stderr().contains(note), "{}", signed.stderr());
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

/// A registry that takes manifests of these types only, and refuses others with `status` and `code`.
fn picky(types: &'static [&'static str], status: u16, code: &str) -> FakeRegistry {
    let other = move |head: &Head| {
        let given = head.header("content-type").unwrap_or_default();
        !types.contains(&given)
    };
    let refuse = on("PUT").path("/manifests/").when(other);
    FakeRegistry::start().rule(refuse.error(status, code, "no such type here"))
}

#[test]
fn m18_a_refused_type_is_converted() {
    let barque = Barque::new();
    let image = images::two_layers();
    let source = write(&barque, "modern", &image);
    for (status, code) in [
        (400, "MANIFEST_INVALID"),
        (400, "TAG_INVALID"),
        (404, "UNSUPPORTED"),
        (405, "UNSUPPORTED"),
        (415, "MANIFEST_INVALID"),
        (415, "OTHER"),
    ] {
        let registry = picky(&[media::DOCKER_MANIFEST], status, code);
        let to = registry.docker("a:1");
        let out = barque.args(["copy", &source, &to]).run().ok();
        let note = format!("`{to}` refused `{}`", media::OCI_MANIFEST);
        assert!(out.stderr().contains(&note), "{}", out.stderr());
        let manifest = registry.manifest("a", "1").unwrap();
        assert_eq!(out.stdout(), format!("{to}@{}\n", sha256(&manifest)));
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["mediaType"], media::DOCKER_MANIFEST);
        // Each blob was sent once, and two manifests.
        assert_eq!(registry.requests("PUT", "/blobs/uploads/").len(), 3);
        assert_eq!(registry.requests("POST", "/blobs/uploads/").len(), 3);
        assert_eq!(registry.requests("PUT", "/manifests/").len(), 2);
        // An image that may not change is refused, and the error says what helps.
        for (flags, to, hint) in [
            (
                &["--preserve-digests"][..],
                to.clone(),
                "without `--preserve-digests`",
            ),
            (&["--format=oci"], to.clone(), "try `--format v2s2`"),
            (
                &[],
                registry.docker(&format!("b@{}", image.digest)),
                "without a digest in the destination's name",
            ),
        ] {
            let refused = barque.args(["copy", &source, &to]).args(flags).run();
            let told = refused.stderr().to_owned();
            assert!(refused.exit_code() != Some(0), "{flags:?}");
            assert!(told.contains(hint) && told.contains(code), "{told}");
        }
    }
}

#[test]
fn m18_a_docker_image_becomes_an_oci_image() {
    let barque = Barque::new();
    let image = images::two_layers_docker();
    let source = write(&barque, "docker", &image);
    let registry = picky(&[media::OCI_MANIFEST], 415, "UNSUPPORTED");
    let to = registry.docker("a:1");
    barque.args(["copy", &source, &to]).run().ok();
    let manifest: Value = serde_json::from_slice(&registry.manifest("a", "1").unwrap()).unwrap();
    assert_eq!(manifest["mediaType"], media::OCI_MANIFEST);
    // The converted config, if any, is the only blob that came on top.
    let new = manifest["config"]["digest"] != json!(image.config());
    let sent = registry.requests("PUT", "/blobs/uploads/").len();
    assert_eq!(sent, 3 + usize::from(new));
    barque.args(["copy", &to, "oci:back:1"]).run().ok();
}

#[test]
fn m18_an_index_is_converted_with_its_images() {
    let barque = Barque::new();
    let image = images::five_platforms();
    let source = write(&barque, "index", &image);
    for types in [
        &[media::DOCKER_MANIFEST, media::DOCKER_LIST][..],
        // Only the index itself is refused.
        &[
            media::DOCKER_MANIFEST,
            media::OCI_MANIFEST,
            media::DOCKER_LIST,
        ],
    ] {
        let registry = picky(types, 400, "MANIFEST_INVALID");
        let to = registry.docker("a:1");
        barque.args(["copy", "--all", &source, &to]).run().ok();
        let list: Value = serde_json::from_slice(&registry.manifest("a", "1").unwrap()).unwrap();
        assert_eq!(list["mediaType"], media::DOCKER_LIST);
        let entries = list["manifests"].as_array().unwrap();
        assert_eq!(entries.len(), 5);
        for entry in entries {
            assert_eq!(entry["mediaType"], media::DOCKER_MANIFEST);
            let digest = entry["digest"].as_str().unwrap();
            assert!(registry.manifest_by_digest("a", digest).is_some());
        }
        let sent = registry.requests("PUT", "/blobs/uploads/").len();
        assert_eq!(sent, image.all_blobs().len());
        let to = registry.docker("b:1");
        let keep = ["copy", "--all", "--preserve-digests", &source, &to];
        let refused = barque.args(keep).run().code(6);
        let told = refused.stderr();
        assert!(told.contains("without `--preserve-digests`"), "{told}");
    }
}

#[test]
fn m18_when_all_formats_are_refused_the_first_refusal_is_the_error() {
    let barque = Barque::new();
    let source = write(&barque, "modern", &images::two_layers());
    let registry = FakeRegistry::start();
    for (nth, words) in ["first words", "second words", "third words"]
        .iter()
        .enumerate()
    {
        registry.add_rule(on("PUT").path("/manifests/").nth(nth + 1).error(
            400,
            "MANIFEST_INVALID",
            words,
        ));
    }
    let to = registry.docker("a:1");
    let refused = barque.args(["copy", &source, &to]).run().code(6);
    let told = refused.stderr();
    assert!(told.contains("first words"), "{told}");
    assert!(
        told.contains("it refused `v2s2` and `v2s1` as well"),
        "{told}"
    );
    // A blob that is missing, or a tag that may not change, is no matter of the format.
    for (status, code, words) in [
        (400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
        (
            400,
            "TAG_INVALID",
            "the tag is immutable and cannot be overwritten",
        ),
        (403, "DENIED", "no"),
        (405, "DENIED", "read-only mode"),
    ] {
        let refuse = on("PUT").path("/manifests/").error(status, code, words);
        let registry = FakeRegistry::start().rule(refuse);
        let to = registry.docker("a:1");
        let refused = barque.args(["copy", &source, &to]).run();
        assert!(refused.exit_code() != Some(0));
        assert!(refused.stderr().contains(words), "{}", refused.stderr());
        let puts = registry.requests("PUT", "/manifests/");
        let types: Vec<_> = puts.iter().map(|p| p.header("content-type")).collect();
        assert!(
            types.iter().all(|t| *t == Some(media::OCI_MANIFEST)),
            "{types:?}"
        );
    }
}

#[test]
fn m18_a_registry_without_schema1_gets_a_modern_image_and_the_other_way_round() {
    peers::needs!("docker-registry");
    let registry = DockerRegistry::setup().start();
    let barque = Barque::new();
    let made = signed("fleet/old", "1");
    let source = write(&barque, "old", &made.image);
    let to = registry.docker("fleet/old:1");
    let out = barque.args(["copy", &source, &to]).run().ok();
    assert!(out.stderr().contains("refused"), "{}", out.stderr());
    let raw = barque.args(["inspect", "--raw", &to]).run().ok().json();
    assert_eq!(raw["mediaType"], media::DOCKER_MANIFEST);
    let config = barque.args(["inspect", "--config", &to]).run().ok().json();
    let diff_ids: Vec<_> = made.tars.iter().map(|tar| sha256(tar)).collect();
    assert_eq!(config["rootfs"]["diff_ids"], json!(diff_ids));
    // The empty layer, which the modern image has not, was sent for schema 1; no layer was sent twice.
    let requests = registry.requests();
    assert_eq!(requests.count("PUT", "/blobs/uploads/"), 4);

    let old = picky(&[schema1::SIGNED], 400, "MANIFEST_INVALID");
    let image = images::two_layers_docker();
    let source = write(&barque, "modern", &image);
    let to = old.docker("fleet/new:2");
    barque.args(["copy", &source, &to]).run().ok();
    let manifest: Value = serde_json::from_slice(&old.manifest("fleet/new", "2").unwrap()).unwrap();
    assert_eq!(
        (&manifest["name"], &manifest["tag"]),
        (&json!("fleet/new"), &json!("2"))
    );
}
