//! `verify-copy`: what is missing or wrong at a destination is listed, and repaired.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::json;

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, TestImage, media};
use crate::support::sandbox::Output;

fn referrer(subject: &TestImage) -> TestImage {
    let artifact = images::artifact();
    let mut body = artifact.json();
    body["subject"] = json!({
        "mediaType": subject.media_type, "digest": subject.digest, "size": subject.manifest.len(),
    });
    TestImage {
        blobs: artifact.blobs,
        ..TestImage::raw(media::OCI_MANIFEST, body.to_string())
    }
}

/// How often a single request is tried.
const TRIES: usize = 5;

fn verify(barque: &Barque, args: &[&str]) -> Output {
    barque.args(["verify-copy"]).args(args).run()
}

#[test]
fn a_whole_copy_is_confirmed_without_reading_its_blobs() {
    let barque = Barque::new();
    let image = images::five_platforms();
    let source = FakeRegistry::start()
        .image("a", "1", &image)
        .image("a", "r", &referrer(&image));
    let target = FakeRegistry::start();
    let (from, to) = (source.docker("a:1"), target.docker("b:1"));
    let copy = ["copy", "--all", "--referrers", "all", &from, &to];
    barque.args(copy).run().ok();
    for registry in [&source, &target] {
        registry.clear();
    }
    let out = verify(&barque, &[&from, &to]).ok();
    let blobs = image.all_blobs().len() + images::artifact().blobs.len();
    let line = format!("complete: 6 manifests, {blobs} blobs, 1 attached\n");
    assert_eq!(out.stdout(), line);
    for registry in [&source, &target] {
        assert_eq!(
            registry.requests("GET", "/blobs/").len(),
            0,
            "{:?}",
            registry.lines()
        );
    }
    assert_eq!(target.requests("HEAD", "/blobs/").len(), blobs);
    for method in ["PUT", "POST", "PATCH"] {
        assert_eq!(target.requests(method, "").len(), 0);
    }
    // With `--deep` the destination reads each of its blobs once.
    verify(&barque, &["--deep", &from, &to]).ok();
    assert_eq!(target.requests("GET", "/blobs/").len(), blobs);
    assert_eq!(source.requests("GET", "/blobs/").len(), 0);
}

#[test]
fn faults_of_a_layout_are_listed_and_repaired_one_by_one() {
    let barque = Barque::new();
    let image = images::two_layers();
    let source = FakeRegistry::start().image("a", "1", &image);
    let from = source.docker("a:1");
    barque.args(["copy", &from, "oci:out:1"]).run().ok();
    let file = |digest: &barque::image::Digest| -> PathBuf {
        barque.path("out/blobs/sha256").join(digest.hex())
    };
    let (config, layers) = (image.config(), image.layers());
    fs::remove_file(file(&config)).unwrap();
    fs::write(file(&layers[0]), b"short").unwrap();
    let mut wrong = image.layer(1).to_vec();
    wrong[7] ^= 1;
    fs::write(file(&layers[1]), &wrong).unwrap();
    // Sizes alone do not tell that a byte changed.
    let out = verify(&barque, &[&from, "oci:out:1"]).code(4);
    let lines: Vec<_> = out.stdout().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{}", out.stdout());
    for digest in [&config, &layers[0]] {
        let line = lines
            .iter()
            .find(|l| l.contains(&digest.to_string()))
            .unwrap();
        assert!(line.starts_with("missing\tblob\t"), "{line}");
    }
    assert!(out.stderr().contains("2 parts of"), "{}", out.stderr());
    assert!(
        out.stderr().contains("`--repair` copies them"),
        "{}",
        out.stderr()
    );
    let document = verify(&barque, &["--deep", "--json", &from, "oci:out:1"])
        .code(4)
        .json();
    let faults = document["Faults"].as_array().unwrap();
    assert_eq!(faults.len(), 3, "{document}");
    let of = |digest| {
        faults
            .iter()
            .find(|f| f["Digest"] == json!(digest))
            .unwrap()
    };
    assert_eq!(of(&config)["Problem"], "missing");
    assert_eq!(of(&layers[1])["Problem"], "corrupt");
    source.clear();
    let repaired = verify(
        &barque,
        &["--deep", "--repair", "--json", &from, "oci:out:1"],
    )
    .ok();
    assert_eq!(repaired.json()["Repaired"], true);
    assert_eq!(
        source.requests("GET", "/blobs/").len(),
        3,
        "{:?}",
        source.lines()
    );
    verify(&barque, &["--deep", &from, "oci:out:1"]).ok();
    source.clear();
    fs::remove_file(file(&layers[0])).unwrap();
    verify(&barque, &["--repair", &from, "oci:out:1"]).ok();
    assert_eq!(
        source.requests("GET", "/blobs/").len(),
        1,
        "{:?}",
        source.lines()
    );
    assert_eq!(fs::read(file(&layers[0])).unwrap(), image.layer(0));
}

#[test]
fn what_a_registry_lacks_is_copied_and_nothing_else() {
    let barque = Barque::new();
    let image = images::small();
    let referrer = referrer(&image);
    let source = FakeRegistry::start()
        .image("a", "1", &image)
        .image("a", "r", &referrer);
    let from = source.docker("a:1");
    // The image is there, what refers to it is not.
    let target = FakeRegistry::start().image("b", "1", &image);
    let to = target.docker("b:1");
    let out = verify(&barque, &[&from, &to]).code(4);
    let digest = referrer.digest.to_string();
    assert!(
        out.stdout().contains(&format!("\t{digest}\t")),
        "{}",
        out.stdout()
    );
    assert!(
        verify(&barque, &["--referrers", "none", &from, &to])
            .ok()
            .stdout()
            .starts_with("complete")
    );
    target.clear();
    verify(&barque, &["--repair", &from, &to]).ok();
    let puts = target.requests("PUT", "/manifests/");
    assert_eq!(puts.len(), 1, "{:?}", target.lines());
    assert!(puts[0].path.contains(&digest));
    verify(&barque, &[&from, &to]).ok();

    // It is there, but the list at the tag does not name it.
    let old = FakeRegistry::start()
        .without_referrers()
        .image("b", "1", &image)
        .image("b", "r", &referrer);
    let to = old.docker("b:1");
    let out = verify(&barque, &[&from, &to]).code(4);
    assert!(
        out.stdout().starts_with("not-listed\tattached\t"),
        "{}",
        out.stdout()
    );
    verify(&barque, &["--repair", &from, &to]).ok();
    verify(&barque, &[&from, &to]).ok();
}

#[test]
fn a_name_without_the_image_is_a_fault_of_all_parts() {
    let barque = Barque::new();
    let image = images::two_layers();
    let source = FakeRegistry::start().image("a", "1", &image);
    let from = source.docker("a:1");
    let other = FakeRegistry::start().image("b", "1", &images::small());
    let to = other.docker("b:1");
    let out = verify(&barque, &[&from, &to]).code(4);
    let first = out.stdout().lines().next().unwrap().to_owned();
    assert!(first.starts_with("other-content\tname\t"), "{first}");
    for to in [&to, &other.docker("new:1"), "oci:new:1", "dir:new-dir"] {
        verify(&barque, &[&from, to]).code(4);
        verify(&barque, &["--repair", &from, to]).ok();
        verify(&barque, &["--deep", &from, to]).ok();
    }
    // A source that is not there is an error of its own.
    let gone = verify(&barque, &[&source.docker("a:2"), &to]).code(2);
    assert!(
        gone.stderr().contains("reading the source"),
        "{}",
        gone.stderr()
    );
}

#[test]
fn a_repair_is_refused_where_a_copy_would_be() {
    let barque = Barque::new();
    let image = images::small();
    let source = FakeRegistry::start().image("a", "1", &image);
    let from = source.docker("a:1");
    let reject = json!({ "default": [{ "type": "reject" }] }).to_string();
    fs::write(barque.path("reject.json"), reject).unwrap();
    let target = FakeRegistry::start();
    let to = target.docker("b:1");
    for flags in [&["--policy", "reject.json"][..], &["--require-signed"]] {
        for to in [&to, "oci:out:1"] {
            let repair = [flags, &["--repair", &from, to]].concat();
            let out = verify(&barque, &repair).code(3);
            assert!(!out.stderr().contains("up to date"), "{}", out.stderr());
            // A comparison copies nothing.
            verify(&barque, &[flags, &[&from, to]].concat()).code(4);
        }
    }
    for method in ["POST", "PATCH", "PUT"] {
        assert_eq!(target.requests(method, "").len(), 0, "{:?}", target.lines());
    }
    assert_eq!(source.requests("GET", "/blobs/").len(), 0);
    assert!(!barque.path("out/blobs").exists());
    // What is complete is not written, so the policy is not asked.
    barque.args(["copy", &from, "oci:out:1"]).run().ok();
    verify(
        &barque,
        &["--policy", "reject.json", "--repair", &from, "oci:out:1"],
    )
    .ok();
}

#[test]
fn what_a_repair_did_not_mend_is_listed_again() {
    let barque = Barque::new();
    let image = images::two_layers();
    let source = FakeRegistry::start()
        .image("a", "1", &image)
        .image("a", "r", &referrer(&image));
    let from = source.docker("a:1");
    // The registry keeps a blob with a wrong byte.
    let wrong = image.layers()[1].to_string();
    let target = FakeRegistry::start()
        .image("b", "1", &image)
        .rule(on("GET").path_end(&wrong).flip_byte(3));
    let to = target.docker("b:1");
    let repair = ["--deep", "--repair", "--referrers", "none", &from, &to];
    let out = verify(&barque, &repair).code(4);
    let line = out.stdout().to_owned();
    assert!(line.starts_with("corrupt\tblob\t"), "{line}");
    assert!(line.contains(&wrong) && line.lines().count() == 1, "{line}");
    for text in ["1 part of", "is still missing or wrong", "delete the image"] {
        assert!(out.stderr().contains(text), "{}", out.stderr());
    }
    assert!(!out.stderr().contains("up to date"), "{}", out.stderr());
    // Only what was wrong is read once more.
    let read = target.requests("GET", "/blobs/").len();
    assert_eq!(read, image.all_blobs().len() + 1);
    let out = verify(&barque, &[&["--json"], &repair[..]].concat()).code(4);
    assert_eq!(out.json()["Repaired"], false);
    assert_eq!(out.json()["Faults"].as_array().unwrap().len(), 1);

    // Something else is at the tag where the referrers are listed.
    let list = format!("sha256-{}", image.digest.hex());
    let old = FakeRegistry::start()
        .without_referrers()
        .image("b", "1", &image)
        .image("b", &list, &images::small());
    let out = verify(&barque, &["--repair", &from, &old.docker("b:1")]).code(4);
    assert!(
        out.stdout().starts_with("not-listed\tattached\t"),
        "{}",
        out.stdout()
    );
    assert!(!out.stderr().contains("up to date"), "{}", out.stderr());
}

#[test]
fn a_repair_says_what_it_copied_and_is_tried_again() {
    let barque = Barque::new();
    let image = images::two_layers();
    let source = FakeRegistry::start().image("a", "1", &image);
    let from = source.docker("a:1");
    let lost = image.layers()[1].to_string();
    let gone = || on("HEAD").path_end(&lost).first(1).status(404);
    let target = FakeRegistry::start().image("b", "1", &image).rule(gone());
    let to = target.docker("b:1");
    let out = verify(&barque, &["--repair", &from, &to]).ok();
    assert!(out.stdout().starts_with("complete: "), "{}", out.stdout());
    assert!(
        out.stdout().ends_with("; repaired 1 part\n"),
        "{}",
        out.stdout()
    );
    assert!(out.stderr().contains("copied 1 blob ("), "{}", out.stderr());
    assert!(!out.stderr().contains("up to date"), "{}", out.stderr());

    barque.args(["copy", &from, "oci:out:1"]).run().ok();
    let file = image.layers()[1].hex().to_owned();
    fs::remove_file(barque.path("out/blobs/sha256").join(file)).unwrap();
    // The comparison reads the manifest, and the repair cannot read it again.
    let refusal = || {
        let asked = AtomicUsize::new(0);
        let is_of_repair = move |_: &_| (1..=TRIES).contains(&asked.fetch_add(1, Relaxed));
        let get = on("GET").path_end("/manifests/1");
        get.when(is_of_repair).status(503)
    };
    source.add_rule(refusal());
    let quick = ["--retry-backoff=1ms", "--retry-delay=1ms"];
    let repair = [&quick[..], &["--repair", &from, "oci:out:1"]].concat();
    verify(&barque, &repair).code(5);
    source.clear_rules();
    source.add_rule(refusal());
    verify(&barque, &[&["--retry-times=1"], &repair[..]].concat()).ok();
}

#[test]
fn a_top_manifest_that_is_corrupt_is_listed_and_repaired() {
    let barque = Barque::new();
    let image = images::small();
    let source = FakeRegistry::start().image("a", "1", &image);
    let from = source.docker("a:1");
    let mut flipped = image.manifest.clone();
    flipped[9] ^= 1;
    let file = format!("layout/blobs/sha256/{}", image.digest.hex());
    for (to, file, bytes) in [
        ("oci:layout:1", &file[..], &flipped[..]),
        ("dir:place", "place/manifest.json", b"{"),
    ] {
        barque.args(["copy", &from, to]).run().ok();
        fs::write(barque.path(file), bytes).unwrap();
        let out = verify(&barque, &[&from, to]).code(4);
        let line = out.stdout().lines().next().unwrap_or_default().to_owned();
        assert!(
            line.starts_with("corrupt\tname\t"),
            "{line}: {}",
            out.stderr()
        );
        verify(&barque, &["--repair", &from, to]).ok();
        assert_eq!(fs::read(barque.path(file)).unwrap(), image.manifest);
        verify(&barque, &["--deep", &from, to]).ok();
    }
}

#[test]
fn a_repair_in_another_form_does_not_hint_at_flags_of_copy() {
    let barque = Barque::new();
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let from = source.docker("a:1");
    let out = verify(&barque, &["--repair", &from, "docker-archive:out.tar:a:1"]).code(6);
    for flag in ["--preserve-digests", "--keep-compressed"] {
        assert!(!out.stderr().contains(flag), "{}", out.stderr());
    }
    assert!(out.stderr().contains("`barque copy`"), "{}", out.stderr());
}
