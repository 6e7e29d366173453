//! Against the real registry, docker-registry 0.9.1, which stands alone.

use serde_json::{Value, json};

use super::contents;
use crate::support::Barque;
use crate::support::images::{self, Compression, Dialect, Maker, TestImage, noise, sha256};
use crate::support::peers::{self, DockerRegistry, V1Registry};

/// Three layers, one of them twice.
fn layered(dialect: Dialect, compression: Compression) -> TestImage {
    Maker::new(dialect)
        .compression(compression)
        .label("a", "<b>")
        .file_layer("first", noise(1, 300_000))
        .file_layer("second", b"2")
        .file_layer("first", noise(1, 300_000))
        .make()
}

fn source(barque: &Barque, name: &str, image: &TestImage) -> String {
    images::write_dir(&barque.path(name), image);
    format!("dir:{}", barque.path(name).display())
}

#[test]
fn what_is_pushed_is_there_for_curl_byte_for_byte() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    peers::needs!("curl");
    let barque = Barque::new();
    let image = layered(Dialect::Docker, Compression::Gzip);
    let from = source(&barque, "image", &image);
    barque
        .args(["copy", &from, &registry.v1("fleet/Ship:1")])
        .run()
        .ok();
    let json = |path: &str| -> Value { serde_json::from_slice(&registry.curl(path, &[])).unwrap() };
    let top = json("repositories/fleet/Ship/tags/1");
    assert_eq!(json("repositories/fleet/Ship/tags"), json!({ "1": top }));
    // The top image has the config's digest for an id.
    assert_eq!(top, image.config().hex());
    let ancestry = json(&format!("images/{}/ancestry", top.as_str().unwrap()));
    let ancestry: Vec<&str> = ancestry
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect();
    assert_eq!(ancestry.len(), 3);
    for (i, id) in ancestry.iter().rev().enumerate() {
        let layer = registry.curl(&format!("images/{id}/layer"), &[]);
        assert_eq!(layer, image.layer(i), "{i}");
        let head = registry.curl(
            &format!("images/{id}/json"),
            &["-D", "-", "-o", "/dev/null"],
        );
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let body = registry.curl(&format!("images/{id}/json"), &[]);
        let checksum = sha256(&[&body, &b"\n"[..], &layer].concat());
        assert!(
            head.contains(&format!("x-docker-checksum-payload: {checksum}")),
            "{head}"
        );
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(document["id"], *id);
        let below = i
            .checked_sub(1)
            .map(|below| ancestry[ancestry.len() - 1 - below]);
        assert_eq!(document["parent"].as_str(), below);
    }
    let listed = json("repositories/fleet/Ship/images");
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .all(|i| i["checksum"].as_str().unwrap().starts_with("sha256:"))
    );
}

#[test]
fn an_image_is_the_same_after_a_voyage_through_the_past() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    for (i, (dialect, compression)) in [
        (Dialect::Docker, Compression::Gzip),
        (Dialect::Docker, Compression::None),
        (Dialect::Oci, Compression::Gzip),
        (Dialect::Oci, Compression::Zstd),
    ]
    .into_iter()
    .enumerate()
    {
        let barque = Barque::new();
        let image = layered(dialect, compression);
        let from = source(&barque, "image", &image);
        let there = registry.v1(&format!("fleet/ship{i}:1"));
        barque.args(["copy", &from, &there]).run().ok();
        let back = format!("dir:{}", barque.path("back").display());
        barque.args(["copy", &there, &back]).run().ok();
        assert_eq!(
            contents(&barque, "back"),
            contents(&barque, "image"),
            "{dialect:?} {compression:?}"
        );
        let label = "{{index .Labels \"a\"}} {{.Architecture}} {{len .Env}}";
        let inspect = |name: &str| {
            barque
                .args(["inspect", "-f", label, name])
                .run()
                .ok()
                .stdout()
                .to_owned()
        };
        assert_eq!(inspect(&back), inspect(&from));
        let layout = format!("oci:{}:1", barque.path("layout").display());
        barque.args(["copy", &there, &layout]).run().ok();
        let archive = format!("docker-archive:{}", barque.path("a.tar").display());
        barque.args(["copy", &there, &archive]).run().ok();
        assert_eq!(std::fs::read_dir(barque.tmp()).unwrap().count(), 0);
    }
}

#[test]
fn a_rescued_image_is_read_by_skopeo_from_a_registry_of_today() {
    let Some(old) = V1Registry::start() else {
        return;
    };
    peers::needs!("docker-registry", "skopeo");
    let new = DockerRegistry::open();
    let barque = Barque::new();
    let image = layered(Dialect::Docker, Compression::None);
    let from = source(&barque, "image", &image);
    barque
        .args(["copy", &from, &old.v1("fleet/ship:1")])
        .run()
        .ok();
    barque
        .args(["copy", &old.v1("fleet/ship:1"), &new.docker("fleet/ship:1")])
        .run()
        .ok();
    let skopeo = peers::skopeo();
    let to = format!("dir:{}", barque.path("new").display());
    let args = [
        "copy",
        "-q",
        "--src-tls-verify=false",
        &new.docker("fleet/ship:1"),
        &to,
    ];
    skopeo.args(args).run().ok();
    assert_eq!(contents(&barque, "new"), contents(&barque, "image"));
    let same = barque
        .args(["copy", &old.v1("fleet/ship:1"), &new.docker("fleet/ship:1")])
        .run()
        .ok();
    assert!(
        same.stderr().contains("up to date"),
        "the same bytes each time: {}",
        same.stderr()
    );
}

#[test]
fn a_second_push_moves_no_layer() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    let barque = Barque::new();
    let from = source(
        &barque,
        "image",
        &layered(Dialect::Docker, Compression::Gzip),
    );
    barque
        .args(["copy", &from, &registry.v1("fleet/ship:1")])
        .run()
        .ok();
    let again = barque
        .args(["copy", "--debug", &from, &registry.v1("fleet/ship:2")])
        .run()
        .ok();
    assert!(!again.stderr().contains("/layer"), "{}", again.stderr());
    // The config, and two different layers.
    let told = again.stderr();
    assert!(
        told.contains("wrote 1 manifest; all blobs already present"),
        "{told}"
    );
    // A first layer in common: one image more.
    let other = Maker::new(Dialect::Docker)
        .file_layer("first", noise(1, 300_000))
        .file_layer("second", b"2")
        .file_layer("other", b"3")
        .make();
    let from = source(&barque, "other", &other);
    let third = barque
        .args(["copy", "--debug", &from, &registry.v1("fleet/ship:3")])
        .run()
        .ok();
    assert_eq!(
        third.stderr().matches("/layer ->").count(),
        1,
        "{}",
        third.stderr()
    );
    let told = third.stderr();
    assert!(told.contains("copied 2 blobs"), "{told}");
    assert!(told.contains("2 already present"), "{told}");
    let tags = barque
        .args(["tags", "--plain", &registry.v1("fleet/ship")])
        .run()
        .ok();
    assert_eq!(tags.stdout(), "1\n2\n3\n");
}

#[test]
fn docker_names_lead_to_an_old_server_too() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    let barque = Barque::new();
    let image = layered(Dialect::Oci, Compression::Gzip);
    let from = source(&barque, "image", &image);
    let name = registry.docker("fleet/ship:1");
    barque.args(["copy", &from, &name]).run().ok();
    let back = format!("dir:{}", barque.path("back").display());
    barque.args(["copy", &name, &back]).run().ok();
    assert_eq!(contents(&barque, "back"), contents(&barque, "image"));
    let tags = barque
        .args(["tags", "--plain", &registry.docker("fleet/ship")])
        .run()
        .ok();
    assert_eq!(tags.stdout(), "1\n");
    for name in [name, registry.v1("fleet/ship:1")] {
        let out = barque.args(["inspect", "--debug", &name]).run().ok();
        let shown = out.json();
        assert!(!out.stderr().contains("/layer"), "{}", out.stderr());
        assert_eq!(shown["Name"], format!("{}/fleet/ship", registry.address()));
        assert_eq!(shown["Digest"], "");
        assert_eq!(shown["RepoTags"], json!(["1"]));
        assert_eq!(shown["Labels"]["a"], "<b>");
        assert_eq!(shown["Layers"][2], image.config().hex());
        assert_eq!(shown["LayersData"][0]["Size"], image.layer(0).len());
        let listed = barque
            .args(["layers", "--list", "--debug", &name])
            .run()
            .ok();
        assert!(!listed.stderr().contains("/layer "), "{}", listed.stderr());
        assert_eq!(listed.stdout().lines().count(), 3);
        let raw = barque.args(["inspect", "--raw", &name]).run().ok();
        assert_eq!(raw.json()["id"], image.config().hex());
        let config = barque.args(["inspect", "--config", &name]).run().ok();
        assert_eq!(config.json()["config"]["Labels"]["a"], "<b>");
    }
    let layers = barque
        .args(["layers", "-o", "layers", &registry.v1("fleet/ship:1")])
        .run()
        .ok();
    assert_eq!(layers.stdout(), "layers\n");
    let index = source(&barque, "index", &images::five_platforms());
    let all = barque
        .args(["copy", "--all", &index, &registry.docker("fleet/all:1")])
        .run()
        .code(6);
    assert!(
        all.stderr().contains("one image, not an index"),
        "{}",
        all.stderr()
    );
}

#[test]
fn what_is_not_there_is_not_found() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    let barque = Barque::new();
    let from = source(&barque, "image", &images::small());
    barque
        .args(["copy", &from, &registry.v1("fleet/ship:1")])
        .run()
        .ok();
    for name in [
        registry.v1("fleet/ship:2"),
        registry.v1("fleet/none:1"),
        registry.docker("fleet/ship:2"),
        registry.docker("deep/fleet/ship:1"),
    ] {
        barque.args(["inspect", &name]).run().code(2);
        barque.args(["copy", &name, "dir:none"]).run().code(2);
    }
    // A registry of today is told apart.
    if !peers::missing(&["docker-registry"]) {
        let new = DockerRegistry::open();
        let name = format!("docker-v1://{}/fleet/ship:1", new.address());
        let out = barque.args(["inspect", &name]).run().code(2);
        assert!(
            out.stderr().contains("does not speak Registry V1"),
            "{}",
            out.stderr()
        );
        let mark = new.mark();
        barque
            .args(["inspect", &new.docker("fleet/none:1")])
            .run()
            .code(2);
        assert_eq!(new.since(mark).count("GET", "/v1/"), 0);
    }
}

#[test]
fn a_deleted_tag_is_gone_and_its_images_stay() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    let barque = Barque::new();
    let image = images::small();
    let from = source(&barque, "image", &image);
    barque
        .args(["copy", &from, &registry.v1("fleet/ship:1")])
        .run()
        .ok();
    barque
        .args(["copy", &from, &registry.v1("fleet/ship:2")])
        .run()
        .ok();
    let name = registry.v1("fleet/ship:1");
    let gone = barque.args(["delete", &name]).run().ok();
    assert_eq!(gone.stdout(), format!("{name}\n"));
    barque.args(["delete", &name]).run().code(2);
    let tags = barque
        .args(["tags", "--plain", &registry.v1("fleet/ship")])
        .run()
        .ok();
    assert_eq!(tags.stdout(), "2\n");
    barque
        .args(["inspect", &registry.v1("fleet/ship:2")])
        .run()
        .ok();
    // The name of today leads to the same place, by digest to none.
    let name = registry.docker("fleet/ship:2");
    let gone = barque.args(["delete", &name]).run().ok();
    assert_eq!(gone.stdout(), format!("{}\n", registry.v1("fleet/ship:2")));
    barque.args(["delete", &name]).run().code(2);
    let by_digest = registry.docker(&format!("fleet/ship@{}", image.digest));
    barque.args(["delete", "--force", &by_digest]).run().code(2);
    barque
        .args(["inspect", &registry.v1("fleet/ship:2")])
        .run()
        .code(2);
}

#[test]
fn layers_that_change_on_the_way_arrive_too() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    let barque = Barque::new();
    for (tag, flag) in [
        ("gzip", "--dest-compress-format=gzip"),
        ("zstd", "--dest-compress-format=zstd"),
        ("plain", "--dest-decompress"),
    ] {
        for (name, to) in [
            (format!("v1-{tag}"), registry.v1("fleet/ship")),
            (format!("docker-{tag}"), registry.docker("fleet/boat")),
        ] {
            // Content of its own: none of its layers may be there already.
            let image = Maker::new(Dialect::Oci)
                .compression(Compression::None)
                .file_layer(&name, noise(7, 1_200_000))
                .file_layer("second", &name)
                .make();
            let from = source(&barque, &name, &image);
            let (there, back) = (format!("{to}:{tag}"), format!("dir:back-{name}"));
            let out = barque.args(["copy", "--debug", flag, &from, &there]).run();
            assert_eq!(out.ok().stderr().matches("/layer ->").count(), 2, "{name}");
            barque.args(["copy", &there, &back]).run().ok();
            let arrived = contents(&barque, &format!("back-{name}"));
            assert_eq!(arrived, contents(&barque, &name));
        }
    }
}

#[test]
fn a_plan_expects_the_requests_of_a_first_push() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    let barque = Barque::new();
    let from = source(
        &barque,
        "image",
        &layered(Dialect::Docker, Compression::Gzip),
    );
    let args = ["copy", &from, &registry.v1("fleet/ship:1")];
    let plan = barque.args(args).args(["--dry-run", "--json"]).run().ok();
    barque.args(args).args(["--receipt", "r.json"]).run().ok();
    let receipt = std::fs::read(barque.path("r.json")).unwrap();
    let receipt: Value = serde_json::from_slice(&receipt).unwrap();
    let hosts = receipt["Requests"].as_object().unwrap();
    let sent: u64 = hosts.values().map(|n| n.as_u64().unwrap()).sum();
    let expected = plan.json()["RequestsExpected"].clone();
    assert_eq!(
        expected,
        json!({ "Source": 0, "Destination": sent, "Total": sent })
    );
}
