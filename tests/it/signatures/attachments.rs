use serde_json::Value;

use super::*;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{five_platforms, small};
use crate::support::peers::{self, DockerRegistry};

#[test]
fn signatures_are_attached_and_come_back() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    let barque = Barque::new();
    with_folder(&barque);
    let image = five_platforms();
    let child = image.children[2].digest.hex().to_owned();
    let of_index = [openpgp(1), sigstore(1), sigstore(2)];
    signed(&barque.path("from"), &image, &of_index);
    fs::write(
        barque.path(format!("from/{child}.signature-1")),
        sigstore(3),
    )
    .unwrap();
    let there = registry.docker("app:1");
    copy(&barque, &["--all", "dir:from", &there]).run().ok();
    copy(&barque, &["--all", &there, "dir:back"]).run().ok();
    let from = signatures_in(&barque.path("from"));
    assert_eq!(signatures_in(&barque.path("back")), from);
    let theirs = peers::skopeo();
    let config = format!("--registries.d={}", barque.path("registries.d").display());
    theirs
        .args([&config, "copy", "-q", "--all", "--src-tls-verify=false"])
        .args([&there, "dir:theirs"])
        .run()
        .ok();
    assert_eq!(signatures_in(&theirs.path("theirs")), from);

    // Once more nothing is written; one more is added to those that are there.
    let mark = registry.mark();
    copy(&barque, &["--all", "dir:from", &there]).run().ok();
    assert_eq!(registry.since(mark).count("PUT", ""), 0);
    assert_eq!(registry.since(mark).count("POST", ""), 0);
    fs::write(barque.path("from/signature-3"), sigstore(4)).unwrap();
    let mark = registry.mark();
    copy(&barque, &["--all", "dir:from", &there]).run().ok();
    assert_eq!(registry.since(mark).count("PUT", ".sig"), 1);
    let tag = format!("app:sha256-{}.sig", image.digest.hex());
    let raw = barque
        .args(["inspect", "--raw", &registry.docker(&tag)])
        .run()
        .ok();
    let raw: Value = serde_json::from_slice(raw.stdout_bytes()).unwrap();
    assert_eq!(raw["layers"].as_array().unwrap().len(), 3);
    let config = ["inspect", "--config", "--raw", &registry.docker(&tag)];
    let config: Value =
        serde_json::from_slice(barque.args(config).run().ok().stdout_bytes()).unwrap();
    let listed = config["rootfs"]["diff_ids"].as_array().unwrap();
    let layers = raw["layers"].as_array().unwrap().iter();
    assert_eq!(
        *listed,
        layers.map(|l| l["digest"].clone()).collect::<Vec<_>>()
    );
}

#[test]
fn attachments_are_off_unless_enabled() {
    let image = small();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let barque = Barque::new();
    configure(&barque, "");
    signed(&barque.path("from"), &image, &[sigstore(1)]);
    let out = copy(&barque, &["dir:from", &registry.docker("a:2")])
        .run()
        .ok();
    assert!(
        out.stderr()
            .contains("`use-sigstore-attachments` is not set"),
        "{}",
        out.stderr()
    );
    copy(&barque, &[&registry.docker("a:1"), "dir:to"])
        .run()
        .ok();
    assert_eq!(registry.requests("", ".sig").len(), 0);
}

#[test]
fn attachments_that_lie_fail_the_copy() {
    let image = small();
    let barque = Barque::new();
    with_folder(&barque);
    let layer = |digest: &str, size: u64| json!({"mediaType": "text/plain", "digest": digest, "size": size});
    let with = |layers: Vec<Value>| {
        let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": image.digest, "size": 2});
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers}).to_string()
    };
    let own = image.layers()[0].to_string();
    let size = image.layer(0).len() as u64;
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}).to_string();
    for (manifest, exit, why) in [
        (index, 4, "no manifest of sigstore attachments"),
        (with(vec![layer(&own, size + 1)]), 4, ""),
        (with(vec![layer(&own, 5 << 20)]), 4, "too many"),
        (with(vec![layer(&own, size); 1001]), 4, "too many"),
        (
            with(vec![layer(&format!("sha256:{}", "0".repeat(64)), 7)]),
            2,
            "",
        ),
    ] {
        let rule = on("GET").path(".sig").json(&manifest);
        let registry = FakeRegistry::start().image("a", "1", &image).rule(rule);
        let out = copy(&barque, &[&registry.docker("a:1"), "dir:to"])
            .run()
            .code(exit);
        assert!(out.stderr().contains(why), "{why}: {}", out.stderr());
        assert!(!barque.path("to/manifest.json").exists());
    }
}
