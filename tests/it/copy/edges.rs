//! What a copy prints and leaves beside the image, odd images, odd names, and places that are no images.

use serde_json::json;

use super::super::support::fake::FakeRegistry;
use super::super::support::images::{Dialect, Maker, media};
use super::*;

#[test]
fn the_digest_file_and_silence() {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let (source, barque) = (registry.docker("a:1"), Barque::new());
    let flags = ["copy", "-q", "--digestfile", "digest"];
    for _ in 0..2 {
        let out = barque
            .args(flags)
            .args([source.as_str(), "dir:dir"])
            .run()
            .ok();
        assert_eq!((out.stdout(), out.stderr()), ("", ""));
        let digest = std::fs::read_to_string(barque.path("digest")).unwrap();
        assert_eq!(digest, images::small().digest.to_string(), "and no newline");
    }
    std::fs::remove_file(barque.path("digest")).unwrap();
    let absent = registry.docker("a:none");
    let failed = barque
        .args(flags)
        .args([absent.as_str(), "dir:dir"])
        .run()
        .code(2);
    assert_eq!(failed.stdout(), "");
    assert!(!barque.path("digest").exists());
}

#[test]
fn a_second_copy_says_that_nothing_was_to_do() {
    let from = FakeRegistry::start().image("a", "1", &images::small());
    let to = FakeRegistry::start();
    let barque = Barque::new();
    for place in [to.docker("b:1"), "oci:layout:v1".into(), "dir:dir".into()] {
        let args = ["copy", &from.docker("a:1"), &place];
        let first = barque.args(args).run().ok();
        assert!(
            first.stderr().contains("copied 3 blobs"),
            "{}",
            first.stderr()
        );
        to.clear();
        let second = barque.args(args).run().ok();
        assert!(
            second.stderr().contains("is up to date"),
            "{}",
            second.stderr()
        );
        assert_eq!(second.stdout(), first.stdout());
        assert!(to.requests("PUT", "").is_empty() && to.requests("POST", "").is_empty());
    }
}

#[test]
fn several_images_share_a_layout() {
    let (small, large) = (images::small(), images::two_layers());
    let index = images::five_platforms();
    let registry = FakeRegistry::start()
        .image("a", "small", &small)
        .image("a", "large", &large)
        .image("a", "index", &index);
    let barque = Barque::new();
    for tag in ["small", "large", "index", "small"] {
        let (from, to) = (
            registry.docker(&format!("a:{tag}")),
            format!("oci:layout:{tag}"),
        );
        barque.args(["copy", "--all", &from, &to]).run().ok();
    }
    let layout = barque.path("layout");
    for (tag, image) in [("small", &small), ("large", &large), ("index", &index)] {
        assert_eq!(digest_of(&layout, tag), image.digest.to_string());
        let raw = barque
            .args(["inspect", "--raw", &format!("oci:layout:{tag}")])
            .run();
        assert_eq!(raw.ok().stdout_bytes(), image.manifest);
    }
    assert_eq!(index_of(&layout)["manifests"].as_array().unwrap().len(), 3);
    // A name moves to another image; the others stay.
    barque
        .args(["copy", &registry.docker("a:large"), "oci:layout:small"])
        .run()
        .ok();
    assert_eq!(digest_of(&layout, "small"), large.digest.to_string());
    assert_eq!(digest_of(&layout, "index"), index.digest.to_string());
    // Without a name there is no telling which one is meant.
    let which = barque.args(["copy", "oci:layout", "dir:dir"]).run().code(1);
    assert!(which.stderr().contains("small"), "{}", which.stderr());
    let absent = barque
        .args(["copy", "oci:layout:none", "dir:dir"])
        .run()
        .code(2);
    assert!(absent.stderr().contains("`large`"), "{}", absent.stderr());
}

/// An image of these layer descriptors, whose config is that of [`images::small`].
fn with_layers(layers: serde_json::Value) -> TestImage {
    let small = images::small();
    let mut manifest = small.json();
    manifest["layers"] = layers;
    TestImage {
        blobs: small.blobs.clone(),
        ..TestImage::raw(&small.media_type, manifest.to_string())
    }
}

#[test]
fn foreign_layers_stay_where_they_are() {
    let own = images::small().json()["layers"][0].clone();
    let foreign = json!({
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": sha256(b"elsewhere"), "size": 9, "urls": ["https://layers.invalid/x"],
    });
    let image = with_layers(json!([foreign, own]));
    let registry = FakeRegistry::start().image("a", "1", &image);
    let barque = Barque::new();
    for place in ["dir:dir", "oci:layout:v1"] {
        // A `dir:` is to be whole unless it is told otherwise.
        let left = (place == "dir:dir").then_some("--allow-nondistributable=false");
        let out = barque
            .args(["copy", &registry.docker("a:1"), place])
            .args(left)
            .run()
            .ok();
        assert!(out.stderr().contains("is foreign"), "{}", out.stderr());
        let raw = barque.args(["inspect", "--raw", place]).run().ok();
        assert_eq!(raw.stdout_bytes(), image.manifest);
    }
    assert!(registry.requests("", sha256(b"elsewhere").hex()).is_empty());
    assert_eq!(registry.requests("GET", "/blobs/").len(), 4);
}

/// [`images::two_layers`] with its first layer as a foreign one at `urls`.
fn foreign_base(urls: &[&str]) -> TestImage {
    let mut image = images::two_layers();
    let mut manifest = image.json();
    let base = &mut manifest["layers"][0];
    base["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    if !urls.is_empty() {
        base["urls"] = json!(urls);
    }
    image.manifest = manifest.to_string().into();
    image.digest = sha256(&image.manifest);
    image
}

#[test]
fn foreign_layers_become_an_archives_own() {
    let url = "https://layers.invalid/x";
    let barque = Barque::new();
    images::write_layout(&barque.path("plain"), &[("v", &images::two_layers())]);
    let copy = |keep: &[&str], from: &str, to: &str| {
        let to = format!("docker-archive:{to}:a:1");
        barque.args(["copy"]).args(keep).args([from, &to]).run()
    };
    for (i, keep) in [&[][..], &["--keep-compressed"]].into_iter().enumerate() {
        let wanted = format!("wanted{i}.tar");
        copy(keep, "oci:plain:v", &wanted).ok();
        for (j, urls) in [&[][..], &[url]].into_iter().enumerate() {
            let image = foreign_base(urls);
            let registry = FakeRegistry::start().image("a", "1", &image);
            let to = format!("foreign{i}{j}.tar");
            copy(keep, &registry.docker("a:1"), &to).ok();
            let read = |name: &str| std::fs::read(barque.path(name)).unwrap();
            assert!(read(&to) == read(&wanted), "{keep:?} {urls:?}");
        }
        // The bytes of the layer are at its URL only.
        let mut image = foreign_base(&[url]);
        let base = image.layers()[0].clone();
        image.blobs.remove(&base);
        let registry = FakeRegistry::start().image("a", "1", &image);
        let keep = [keep, &["--allow-nondistributable=false"]].concat();
        let out = copy(&keep, &registry.docker("a:1"), "none.tar").code(6);
        for part in [
            base.hex(),
            "is foreign",
            "needs all layers",
            "or copy to `oci:`",
        ] {
            assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
        }
        assert!(!barque.path("none.tar").exists());
    }
    let registry = FakeRegistry::start().image("a", "1", &foreign_base(&[]));
    let keep = ["--preserve-digests", "--keep-compressed"];
    copy(&keep, &registry.docker("a:1"), "none.tar").code(6);
}

#[test]
fn a_blob_that_is_used_twice_moves_once() {
    let layer = images::small().json()["layers"][0].clone();
    let image = with_layers(json!([layer, layer, layer]));
    let from = FakeRegistry::start().image("a", "1", &image);
    let to = FakeRegistry::start();
    let barque = Barque::new();
    let args = ["copy", &from.docker("a:1"), &to.docker("b:1")];
    barque.args(args).run().ok();
    assert_eq!(from.requests("GET", "/blobs/").len(), 2, "config and layer");
    assert_eq!(to.requests("PUT", "/blobs/").len(), 2);
    assert_eq!(to.manifest("b", "1"), Some(image.manifest.clone()));
    barque
        .args(["copy", "--all", &from.docker("a:1"), "dir:dir"])
        .run()
        .ok();
    let kept = names(&barque.path("dir"));
    assert_eq!(kept.len(), 4, "{kept:?}");
}

#[test]
fn digests_in_names_decide() {
    let (small, large) = (images::small(), images::two_layers());
    let registry = FakeRegistry::start()
        .image("a", "1", &small)
        .image("a", "2", &large);
    let barque = Barque::new();
    let source = registry.docker(&format!("a:1@{}", large.digest));
    barque.args(["copy", &source, "dir:dir"]).run().ok();
    is_dir_of(&barque.path("dir"), &large);
    let other = registry.docker(&format!("a:1@{}", sha256(b"")));
    barque.args(["copy", &other, "dir:dir"]).run().code(2);

    let to = FakeRegistry::start();
    let target = to.docker(&format!("b@{}", large.digest));
    barque.args(["copy", &source, &target]).run().ok();
    assert_eq!(to.requests("PUT", "/manifests/").len(), 1);
    assert_eq!(
        to.requests("PUT", &format!("/manifests/{}", large.digest))
            .len(),
        1
    );
    let wrong = to.docker(&format!("b@{}", small.digest));
    let refused = barque.args(["copy", &source, &wrong]).run().code(6);
    for digest in [&small.digest, &large.digest] {
        assert!(
            refused.stderr().contains(&digest.to_string()),
            "{}",
            refused.stderr()
        );
    }
    assert_eq!(to.requests("PUT", "/manifests/").len(), 1, "nothing more");
}

#[test]
fn a_digest_of_another_algorithm_is_held_to() {
    let image = images::small();
    let sha512 = barque::image::Digest::of(barque::image::Algorithm::Sha512, &image.manifest);
    let registry = FakeRegistry::start().image("a", "1", &image).rule(
        super::super::support::fake::on("GET")
            .path(&sha512.to_string())
            .answer(
                super::super::support::fake::Reply::new(200, image.manifest.clone())
                    .with("Content-Type", media::OCI_MANIFEST),
            ),
    );
    let barque = Barque::new();
    let source = registry.docker(&format!("a@{sha512}"));
    let shown = barque
        .args(["inspect", "-n", "-f", "{{.Digest}}", &source])
        .run()
        .ok();
    assert_eq!(shown.stdout(), format!("{sha512}\n"));
    barque.args(["copy", &source, "dir:dir"]).run().ok();
    let written = std::fs::read(barque.path("dir/manifest.json")).unwrap();
    assert_eq!(written, image.manifest);
}

#[test]
fn a_destination_that_is_no_image_is_left_alone() {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let (source, barque) = (registry.docker("a:1"), Barque::new());
    std::fs::create_dir(barque.path("mine")).unwrap();
    std::fs::write(barque.path("mine/thesis"), "years of work").unwrap();
    std::fs::write(barque.path("file"), "a file").unwrap();
    for place in [
        "dir:mine",
        "oci:mine:v1",
        "dir:file",
        "oci:file",
        "dir:file/below",
    ] {
        registry.clear();
        let refused = barque.args(["copy", &source, place]).run().code(6);
        let told = refused.stderr();
        assert!(told.contains("writing the destination"), "{told}");
        assert!(told.contains(place.split(':').nth(1).unwrap()), "{told}");
        assert!(registry.requests("GET", "/blobs/").is_empty(), "{place}");
    }
    assert_eq!(names(&barque.path("mine")), ["thesis"]);
    assert_eq!(std::fs::read(barque.path("file")).unwrap(), b"a file");
}

#[test]
fn a_source_that_is_no_image_says_so() {
    let barque = Barque::new();
    std::fs::create_dir(barque.path("mine")).unwrap();
    images::write_layout(&barque.path("layout"), &[("v1", &images::small())]);
    images::write_dir(&barque.path("image"), &images::small());
    for (place, said) in [
        ("dir:mine", "is not an image directory"),
        ("oci:mine", "is not an OCI image layout"),
        ("dir:absent", "No such file"),
        ("dir:layout", "did you mean `oci:layout`?"),
        ("oci:image", "did you mean `dir:image`?"),
    ] {
        let out = barque.args(["copy", place, "dir:out"]).run().code(2);
        assert!(
            out.stderr().contains("reading the source"),
            "{}",
            out.stderr()
        );
        assert!(out.stderr().contains(said), "{}", out.stderr());
    }
    // A blob that is not there is missed before anything has the image's name.
    let layer = images::small().layers()[0].clone();
    std::fs::remove_file(barque.path("image").join(layer.hex())).unwrap();
    let out = barque.args(["copy", "dir:image", "dir:out"]).run().code(2);
    assert!(out.stderr().contains(layer.hex()), "{}", out.stderr());
    assert!(!barque.path("out/manifest.json").exists());
}

#[test]
fn a_directory_is_replaced_by_another_image() {
    let barque = Barque::new();
    let other = Maker::new(Dialect::Oci).file_layer("x", b"other").make();
    for (name, image) in [("one", images::small()), ("two", other)] {
        images::write_dir(&barque.path(name), &image);
        barque
            .args(["copy", &format!("dir:{name}"), "dir:place"])
            .run()
            .ok();
        is_dir_of(&barque.path("place"), &image);
    }
}

#[test]
fn a_digest_in_the_destinations_name_is_held_against_the_image_before_anything_moves() {
    let image = images::two_layers();
    let registry = FakeRegistry::start();
    let barque = Barque::new();
    images::write_dir(&barque.path("image"), &image);
    let other = sha256(b"another");
    let named = |digest: &str| format!("{}@{digest}", registry.docker("a"));
    for dry in [None, Some("--dry-run")] {
        let out = barque
            .args(["copy", "dir:image", &named(&other.to_string())])
            .args(dry)
            .run()
            .code(6);
        let told = format!(
            "names the digest `{other}`, but the image has `{}`",
            image.digest
        );
        assert!(out.stderr().contains(&told), "{}", out.stderr());
    }
    let seen = registry.requests("", "");
    assert!(seen.iter().all(|r| r.method == "HEAD"), "{}", seen.len());
    let own = named(&image.digest.to_string());
    barque.args(["copy", "dir:image", &own]).run().ok();
    assert_eq!(registry.requests("PUT", "/manifests/").len(), 1);
}
