//! Foreign layers: fetched from their URLs where the destination is to be whole or the user asks, left there elsewhere.

use serde_json::json;

use super::super::support::fake::{FakeRegistry, on};
use super::super::support::harbour::auth_json;
use super::super::support::images::write_layout;
use super::*;

const FLAG: &str = "--allow-nondistributable";

/// [`images::two_layers_docker`] with a first layer that is at these URLs only.
fn image(urls: &[String]) -> TestImage {
    let base = images::two_layers_docker();
    let mut manifest = base.json();
    let layer = &mut manifest["layers"][0];
    layer["mediaType"] = json!("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
    layer["urls"] = json!(urls);
    let mut blobs = base.blobs.clone();
    blobs.remove(&base.layers()[0]);
    TestImage {
        blobs,
        ..TestImage::raw(&base.media_type, manifest.to_string())
    }
}

/// The image as it is where nothing was left out.
fn whole(image: &TestImage) -> TestImage {
    TestImage {
        blobs: images::two_layers_docker().blobs,
        ..image.clone()
    }
}

/// A server that has the layer, and the layer's URL there.
fn web() -> (FakeRegistry, String) {
    let full = images::two_layers_docker();
    let web = FakeRegistry::start_on("127.0.0.4").image("w", "1", &full);
    let url = format!("{}/v2/w/blobs/{}", web.url(), full.layers()[0]);
    (web, url)
}

fn hex(image: &TestImage) -> String {
    image.layers()[0].hex().to_owned()
}

#[test]
fn places_that_are_to_be_whole_get_foreign_layers_from_their_urls() {
    let (web, url) = web();
    let dead = "http://127.0.0.4:1/none".to_owned();
    let image = image(&[dead, url]);
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .basic("user", "pass");
    let barque = Barque::new();
    let auth = auth_json(registry.address(), "user:pass");
    barque.write_home("auth.json", auth);
    let authfile = format!("--authfile={}", barque.home().join("auth.json").display());
    let run = |args: &[&str]| barque.args(args).args([authfile.as_str()]).run();
    let from = registry.docker("a:1");
    run(&["copy", &from, "dir:dir"]).ok();
    is_dir_of(&barque.path("dir"), &whole(&image));
    // Copied again, nothing moves.
    web.clear();
    run(&["copy", &from, "dir:dir"]).ok();
    assert_eq!(web.lines().len(), 0);

    run(&["copy", &from, "docker-archive:got.tar:a:1"]).ok();
    images::write_dir(&barque.path("full"), &images::two_layers_docker());
    run(&["copy", "dir:full", "docker-archive:wanted.tar:a:1"]).ok();
    let read = |name: &str| std::fs::read(barque.path(name)).unwrap();
    assert!(read("got.tar") == read("wanted.tar"));
    run(&["layers", "-o", "layers", &from]).ok();
    let layer = std::fs::read(barque.path("layers").join(hex(&image) + ".tar")).unwrap();
    assert!(layer == images::two_layers_docker().layer(0));
    assert_eq!(web.requests("GET", &hex(&image)).len(), 2);
    assert!(
        web.with_header("authorization").is_empty(),
        "a credential left its registry"
    );
    assert!(!registry.with_header("authorization").is_empty());
}

#[test]
fn places_that_know_urls_leave_them_unless_asked() {
    let (web, url) = web();
    let image = image(&[url]);
    let from = FakeRegistry::start().image("a", "1", &image);
    let to = FakeRegistry::start().takes_sparse();
    let barque = Barque::new();
    let layer = image.layers()[0].clone();
    for place in [
        "dir:dir",
        "oci:layout:1",
        "oci-archive:tar:1",
        &to.docker("b:1"),
    ] {
        let flags = match place {
            "dir:dir" => vec!["--allow-nondistributable=false"],
            _ => vec![],
        };
        let out = barque
            .args(["copy"])
            .args(flags)
            .args([&from.docker("a:1"), place])
            .run()
            .ok();
        let told: Vec<_> = out
            .stderr()
            .lines()
            .filter(|l| l.contains("is foreign"))
            .collect();
        assert_eq!(told.len(), 1, "{}", out.stderr());
        assert!(
            told[0].contains(FLAG) && told[0].contains(layer.hex()),
            "{}",
            told[0]
        );
    }
    assert!(web.lines().is_empty());
    assert!(to.blob("b", &layer).is_none());
    assert!(!barque.path("dir").join(layer.hex()).exists());

    // The registry has the digest by now, and not the layer.
    for place in [
        "dir:dir",
        "oci:layout:1",
        "oci-archive:tar:1",
        &to.docker("b:1"),
    ] {
        let out = barque
            .args(["copy", FLAG, &from.docker("a:1"), place])
            .run()
            .ok();
        assert!(!out.stderr().contains("foreign"), "{}", out.stderr());
        let back = format!("dir:back{}", place.len());
        barque.args(["copy", place, &back]).run().ok();
        let got = barque.path(&back["dir:".len()..]).join(layer.hex());
        assert!(
            std::fs::read(got).unwrap() == images::two_layers_docker().layer(0),
            "{place}"
        );
    }
    assert!(to.blob("b", &layer).is_some());
    assert_eq!(to.manifest("b", "1"), Some(image.manifest.clone()));
    assert_eq!(web.requests("GET", layer.hex()).len(), 4);
    // All there: only compared.
    let out = barque
        .args(["copy", FLAG, &from.docker("a:1"), &to.docker("b:1")])
        .run()
        .ok();
    assert_eq!(
        web.requests("GET", layer.hex()).len(),
        4,
        "{}",
        out.stderr()
    );
}

#[test]
fn a_registry_that_wants_foreign_layers_leads_to_the_flag() {
    let (web, url) = web();
    let image = image(&[url]);
    let barque = Barque::new();
    images::write_dir(&barque.path("src"), &image);
    let fake = FakeRegistry::start();
    let to = fake.docker("b:1");
    let told = barque.args(["copy", "dir:src", &to]).run().code(6);
    let hint = "hint: this registry wants foreign layers too: add `--allow-nondistributable`";
    assert!(told.stderr().contains(hint), "{}", told.stderr());
    assert!(web.lines().is_empty());
    barque.args(["copy", FLAG, "dir:src", &to]).run().ok();
    assert_eq!(fake.manifest("b", "1"), Some(image.manifest.clone()));
}

#[test]
fn a_registry_that_allows_no_urls_gets_the_layers_as_the_images_own() {
    peers::needs!("docker-registry");
    let (_web, url) = web();
    let image = image(&[url]);
    let (registry, barque) = (DockerRegistry::open(), Barque::new());
    images::write_dir(&barque.path("src"), &image);
    let to = registry.docker("b:1");
    // docker-registry as it is installed refuses the URLs, whether it has the layers or not.
    for flag in [None, Some(FLAG)] {
        let told = barque
            .args(["copy", "dir:src", &to])
            .args(flag)
            .run()
            .code(5);
        assert!(
            told.stderr()
                .contains("hint: the registry may not allow the URLs"),
            "{}",
            told.stderr()
        );
    }
    for (from, to) in [
        ("dir:src", "docker-archive:a.tar:b:1"),
        ("docker-archive:a.tar", &to),
    ] {
        barque.args(["copy", from, to]).run().ok();
    }
    let raw = barque.args(["inspect", "--raw", &to]).run().ok();
    assert!(!raw.stdout().contains("foreign"), "{}", raw.stdout());
}

#[test]
fn a_layout_leads_to_urls_too() {
    let (web, url) = web();
    let image = image(&[url]);
    let barque = Barque::new();
    images::write_dir(&barque.path("src"), &image);
    write_layout(&barque.path("layout"), &[("1", &image)]);
    for from in ["dir:src", "oci:layout:1"] {
        std::fs::remove_dir_all(barque.path("dir")).ok();
        barque.args(["copy", FLAG, from, "dir:dir"]).run().ok();
        assert!(barque.path("dir").join(hex(&image)).exists(), "{from}");
    }
    assert_eq!(web.requests("GET", &hex(&image)).len(), 2);
}

#[test]
fn what_comes_from_a_url_is_checked_and_taken_up_again() {
    let (web, url) = web();
    let image = image(&[url]);
    let registry = FakeRegistry::start().image("a", "1", &image);
    let copy = |barque: &Barque| {
        barque
            .args([
                "copy",
                "--retry-backoff=1ms",
                &registry.docker("a:1"),
                "dir:dir",
            ])
            .run()
    };
    web.add_rule(on("GET").first(1).rst_after(50_000));
    let barque = Barque::new();
    copy(&barque).ok();
    is_dir_of(&barque.path("dir"), &whole(&image));
    let asked = web.requests("GET", &hex(&image));
    assert_eq!(asked.len(), 2);
    assert!(asked[1].header("range").is_some());

    web.add_rule(on("GET").flip_byte(70_000));
    let barque = Barque::new();
    copy(&barque).code(4);
    assert!(!barque.path("dir").join(hex(&image)).exists());
    assert!(!barque.path("dir/manifest.json").exists());
}

#[test]
fn a_layer_that_is_nowhere_is_told() {
    let web = FakeRegistry::start_on("127.0.0.4");
    let url = format!("{}/v2/w/blobs/x", web.url());
    let image = image(std::slice::from_ref(&url));
    let registry = FakeRegistry::start().image("a", "1", &image);
    let barque = Barque::new();
    for to in ["dir:dir", "docker-archive:a.tar:a:1"] {
        let told = barque
            .args(["copy", &registry.docker("a:1"), to])
            .run()
            .code(2);
        for part in ["is foreign", &hex(&image), &url] {
            assert!(told.stderr().contains(part), "{part}: {}", told.stderr());
        }
    }
    assert!(!barque.path("a.tar").exists());
    let args = [
        "copy",
        "--allow-nondistributable=false",
        &registry.docker("a:1"),
    ];
    let told = barque
        .args(args)
        .args(["docker-archive:a.tar:a:1"])
        .run()
        .code(6);
    assert!(
        told.stderr().contains("needs all layers"),
        "{}",
        told.stderr()
    );
    // skopeo's and other tools' words for the same.
    barque
        .args([
            "copy",
            "--include-external",
            &registry.docker("a:1"),
            "oci:l:1",
        ])
        .run()
        .code(2);
}
