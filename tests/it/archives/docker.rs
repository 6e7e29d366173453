//! `docker-archive:` written: equal to skopeo's, byte for byte.

use super::*;

/// Five layers of sizes that end in different places of a block, one of them twice.
fn layered(dialect: Dialect, compression: Compression) -> TestImage {
    [70_000, 3, 512, 300_001, 3]
        .into_iter()
        .fold(
            Maker::new(dialect)
                .compression(compression)
                .label("a", "<b> & \"c\""),
            |maker, size| maker.file_layer(&format!("data/{size}"), noise(size as u64, size)),
        )
        .make()
}

#[test]
fn what_is_written_equals_what_skopeo_writes() {
    let Some(skopeo) = skopeo() else { return };
    for (dialect, compression) in [
        (Dialect::Oci, Compression::Gzip),
        (Dialect::Oci, Compression::Zstd),
        (Dialect::Oci, Compression::None),
        (Dialect::Docker, Compression::Gzip),
        (Dialect::Docker, Compression::None),
    ] {
        let barque = Barque::new();
        let image = layered(dialect, compression);
        images::write_dir(&barque.path("image"), &image);
        let from = at(&barque, "dir", "image");
        // skopeo 1.9.3 cannot turn zstd layers into plain ones; the archive is that of the gzip twin.
        let twin = match compression {
            Compression::Zstd => layered(dialect, Compression::Gzip),
            _ => image,
        };
        images::write_dir(&barque.path("twin"), &twin);
        let from_twin = at(&barque, "dir", "twin");
        for (i, (name, tags)) in [
            (
                ":busybox",
                &["--additional-tag=b:2", "--additional-tag", "quay.io/a/b:1"][..],
            ),
            ("", &[]),
        ]
        .into_iter()
        .enumerate()
        {
            let ours = format!("ours{i}.tar");
            let theirs = format!("theirs{i}.tar");
            let to = |file: &str| at(&barque, "docker-archive", file) + name;
            let copy = |from: &str, to: String| {
                let args = [&["copy"], tags, &[from, &to]].concat();
                args.into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            barque.args(copy(&from, to(&ours))).run().ok();
            skopeo.args(copy(&from_twin, to(&theirs))).run().ok();
            let digest = |file: &str| sha256(&std::fs::read(barque.path(file)).unwrap());
            assert_eq!(
                digest(&ours),
                digest(&theirs),
                "{dialect:?} {compression:?} {name}"
            );
        }
        let piped = barque.args(["copy", &from, "docker-archive:-"]).run().ok();
        let file = std::fs::read(barque.path("ours1.tar")).unwrap();
        assert_eq!(
            sha256(piped.stdout_bytes()),
            sha256(&file),
            "{compression:?}"
        );
        assert_eq!(names(&barque.tmp()), Vec::<String>::new());
    }
}

#[test]
fn an_archive_read_back_is_the_image_that_was_reported() {
    let barque = Barque::new();
    let from = layout(&barque, "one", &layered(Dialect::Oci, Compression::Gzip));
    let archive = at(&barque, "docker-archive", "a.tar");
    let digest = |out: &str| out.trim().rsplit_once('@').unwrap().1.to_owned();
    let written = barque
        .args(["copy", &from, &format!("{archive}:a:1")])
        .run()
        .ok();
    let format = ["inspect", "--format", "{{.Digest}}", &archive];
    let read = barque.args(format).run().ok();
    assert_eq!(read.stdout().trim(), digest(written.stdout()));
    let again = barque.args(["copy", &from, &archive]).run().code(6);
    let words = "docker-archive doesn't support modifying existing images";
    assert!(again.stderr().contains(words), "{}", again.stderr());
}

#[test]
fn compressed_layers_stay_when_asked_and_keep_the_digest() {
    let barque = Barque::new();
    let image = layered(Dialect::Docker, Compression::Gzip);
    images::write_dir(&barque.path("image"), &image);
    let (from, archive) = (
        at(&barque, "dir", "image"),
        at(&barque, "docker-archive", "a.tar"),
    );
    let flags = [
        "copy",
        "--keep-compressed",
        "--preserve-digests",
        &from,
        &archive,
    ];
    let written = barque.args(flags).run().ok();
    assert!(
        written.stdout().contains(&image.digest.to_string()),
        "{}",
        written.stdout()
    );
    barque
        .args(["copy", &archive, &at(&barque, "dir", "back")])
        .run()
        .ok();
    for layer in image.layers() {
        let back = std::fs::read(barque.path("back").join(layer.hex())).unwrap();
        assert_eq!(back, image.blobs[&layer]);
    }
    let plain = at(&barque, "docker-archive", "b.tar");
    let refused = barque
        .args(["copy", "--preserve-digests", &from, &plain])
        .run()
        .code(6);
    assert!(
        refused.stderr().contains("--keep-compressed"),
        "{}",
        refused.stderr()
    );
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let barque = Barque::new();
    let index = layout(&barque, "index", &images::five_platforms());
    let artifact = layout(&barque, "artifact", &images::artifact());
    let to = at(&barque, "docker-archive", "a.tar");
    let all = barque.args(["copy", "--all", &index, &to]).run().code(6);
    assert!(all.stderr().contains("holds one image"), "{}", all.stderr());
    barque.args(["copy", &artifact, &to]).run().code(6);
    // A layer that is not what the config says.
    let image = layered(Dialect::Oci, Compression::Gzip);
    let config: serde_json::Value = serde_json::from_slice(&image.blobs[&image.config()]).unwrap();
    let wrong = config.to_string().replacen(
        config["rootfs"]["diff_ids"][1].as_str().unwrap(),
        &sha256(b"other").to_string(),
        1,
    );
    let manifest = String::from_utf8(image.manifest.clone()).unwrap();
    let manifest = manifest.replace(
        &image.config().to_string(),
        &sha256(wrong.as_bytes()).to_string(),
    );
    let mut lying = TestImage::raw(&image.media_type, manifest);
    lying.blobs = image.blobs.clone();
    lying
        .blobs
        .insert(sha256(wrong.as_bytes()), wrong.into_bytes());
    let lying = layout(&barque, "lying", &lying);
    let out = barque.args(["copy", &lying, &to]).run().code(4);
    assert!(
        out.stderr().contains("the image's config calls it"),
        "{}",
        out.stderr()
    );
    let tag = ["copy", "--additional-tag", "a:1", &index, "oci:x"];
    barque.args(tag).run().code(1);
    assert_eq!(names(&barque.path("")), ["artifact", "index", "lying"]);
}

#[cfg(feature = "legacy")]
#[test]
fn the_digest_that_is_told_on_the_way_is_the_last_one() {
    let barque = Barque::new();
    let key = barque::legacy::jws::SigningKey::generate().unwrap();
    let old = images::schema1::image("fleet/old", "1", Some(&key), false);
    images::write_dir(&barque.path("old"), &old.image);
    let modern = layout(&barque, "modern", &images::two_layers());
    for (source, flags) in [
        (modern.as_str(), vec![]),
        (&modern, vec!["--keep-compressed"]),
        ("dir:old", vec![]),
        ("dir:old", vec!["--keep-compressed"]),
    ] {
        let target = at(&barque, "docker-archive", "new.tar") + ":app:1";
        let out = barque
            .args(["copy", source, &target])
            .args(&flags)
            .run()
            .ok();
        std::fs::remove_file(barque.path("new.tar")).unwrap();
        let last = out.stdout().trim().rsplit_once('@').unwrap().1.to_owned();
        let told = out.stderr();
        let now = |line: &str| {
            if let Some((_, digest)) = line.split_once("digest changed from ") {
                return digest.split_once(" to ").map(|(_, new)| new.to_owned());
            }
            let (_, digest) = line.split_once("is now `")?;
            digest.split_once('`').map(|(digest, _)| digest.to_owned())
        };
        let digests: Vec<String> = told.lines().filter_map(now).collect();
        assert!(
            digests.iter().all(|d| *d == last),
            "{last} {flags:?}: {told}"
        );
    }
}

#[test]
fn what_went_into_a_pipe_or_device_is_not_written_again() {
    // Nobody listens there, and no test that runs beside this one gets that port.
    let from = "docker://127.0.0.1:1/a:1";
    for (to, again) in [("/dev/null", false), ("-", false), ("new.tar", true)] {
        let out = Barque::new()
            .args(["copy", "--retry-times", "1", "--retry-delay", "1ms", from])
            .args([format!("docker-archive:{to}")])
            .run()
            .code(5);
        let told = out.stderr();
        assert_eq!(told.contains("trying again"), again, "{to}: {told}");
    }
}

/// The images of `manifest.json`.
fn listed(path: &PathBuf) -> serde_json::Value {
    let members = members(path);
    let manifest = members.iter().filter(|(name, _)| name == "manifest.json");
    let [(_, json)] = manifest.collect::<Vec<_>>()[..] else {
        panic!("one manifest.json is wanted")
    };
    serde_json::from_slice(json).unwrap()
}

#[test]
fn a_further_name_adds_its_image_to_the_archive() {
    let Some(skopeo) = skopeo() else { return };
    let barque = Barque::new();
    let first = layered(Dialect::Oci, Compression::Gzip);
    // It has one layer of the first one, and one more.
    let second = Maker::new(Dialect::Oci)
        .compression(Compression::Gzip)
        .file_layer("data/70000", noise(70_000, 70_000))
        .file_layer("data/other", noise(5, 5_000))
        .make();
    let (one, two) = (
        layout(&barque, "one", &first),
        layout(&barque, "two", &second),
    );
    let archive = at(&barque, "docker-archive", "a.tar");
    let copy = |from: &str, name: &str| {
        let to = format!("{archive}:{name}");
        barque.args(["copy", "--receipt=r.json", from, &to])
    };
    copy(&one, "a:1").run().ok();
    let before = members(&barque.path("a.tar"));
    let added = copy(&two, "reg.example/b:2").run().ok();
    let after = members(&barque.path("a.tar"));
    let documents = 2;
    assert_eq!(
        before[..before.len() - documents],
        after[..before.len() - documents]
    );
    let unique: std::collections::BTreeSet<_> = after.iter().map(|(name, _)| name).collect();
    assert_eq!(unique.len(), after.len(), "each member once");
    let receipt: serde_json::Value =
        serde_json::from_slice(&std::fs::read(barque.path("r.json")).unwrap()).unwrap();
    let moved = second.layer(1).len() + second.blobs[&second.config()].len();
    assert_eq!(receipt["BytesMoved"], moved, "{}", added.stderr());
    // The same image under one more name is not stored again.
    copy(&one, "c").run().ok();
    let images = listed(&barque.path("a.tar"));
    let tags = |i: usize| images[i]["RepoTags"].clone();
    assert_eq!(images.as_array().unwrap().len(), 2);
    assert_eq!(
        tags(0),
        serde_json::json!(["docker.io/library/a:1", "docker.io/library/c:latest"])
    );
    assert_eq!(tags(1), serde_json::json!(["reg.example/b:2"]));
    let repositories = members(&barque.path("a.tar")).pop().unwrap();
    assert_eq!(repositories.0, "repositories");
    let repositories: serde_json::Value = serde_json::from_slice(&repositories.1).unwrap();
    assert_eq!(repositories.as_object().unwrap().len(), 3);

    for (name, image) in [
        ("a:1", &first),
        ("c:latest", &first),
        ("reg.example/b:2", &second),
    ] {
        let from = format!("{archive}:{name}");
        for (tool, to) in [(&*barque, "ours"), (&skopeo, "theirs")] {
            let to = at(
                &barque,
                "dir",
                &format!("{to}-{}", name.replace(['/', ':'], "-")),
            );
            tool.args(["copy", &from, &to]).run().ok();
            let seen = tool
                .args(["inspect", "--config", "--raw", &from])
                .run()
                .ok();
            assert_eq!(seen.stdout_bytes(), image.blobs[&image.config()], "{name}");
        }
    }

    // Refused: another image under a name that is taken, before anything is fetched, and an image without a name.
    let held = std::fs::read(barque.path("a.tar")).unwrap();
    let taken = copy(&two, "a:1").run().code(6);
    let words = "has another image with the name `docker.io/library/a:1`";
    assert!(taken.stderr().contains(words), "{}", taken.stderr());
    barque.args(["copy", &two, &archive]).run().code(6);
    std::fs::write(barque.path("thesis.txt"), "important").unwrap();
    let foreign = at(&barque, "docker-archive", "thesis.txt:a:1");
    let refused = barque.args(["copy", &two, &foreign]).run().code(6);
    let words = "don't want to overwrite important data";
    assert!(refused.stderr().contains(words), "{}", refused.stderr());
    assert!(std::fs::read(barque.path("a.tar")).unwrap() == held);
    assert!(
        !names(&barque.path(""))
            .iter()
            .any(|n| n.starts_with(".partial"))
    );
}

#[test]
fn a_layer_with_wrong_bytes_is_not_shared() {
    let barque = Barque::new();
    let image = layered(Dialect::Oci, Compression::None);
    let from = layout(&barque, "one", &image);
    let archive = at(&barque, "docker-archive", "a.tar");
    barque
        .args(["copy", &from, &format!("{archive}:a:1")])
        .run()
        .ok();
    let mut bytes = std::fs::read(barque.path("a.tar")).unwrap();
    bytes[40_000] ^= 1;
    std::fs::write(barque.path("a.tar"), &bytes).unwrap();
    let out = barque
        .args(["copy", &from, &format!("{archive}:b:1")])
        .run()
        .code(4);
    assert!(
        out.stderr().contains("with other content"),
        "{}",
        out.stderr()
    );
    assert!(std::fs::read(barque.path("a.tar")).unwrap() == bytes);
}

/// Each file is read once, however often it is listed: read each time, these would take hours.
#[test]
fn a_layer_that_is_listed_often_is_read_once() {
    const TIMES: usize = 5_000;
    let plain = images::tar(&[("data", &vec![7; 8 << 20][..])]);
    let diff_id = sha256(&plain).to_string();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": vec![diff_id; TIMES]},
    });
    for (name, packed) in [
        ("gzip", images::gzip(&plain)),
        ("zstd", images::zstd(&plain)),
    ] {
        let manifest = serde_json::json!([
            {"Config": "c.json", "RepoTags": ["a:1"], "Layers": vec!["l.tar"; TIMES]},
        ]);
        let archive = images::tar(&[
            ("c.json", config.to_string().as_bytes()),
            ("l.tar", &packed),
            ("manifest.json", manifest.to_string().as_bytes()),
        ]);
        let barque = Barque::new();
        std::fs::write(barque.path("a.tar"), archive).unwrap();
        let list = ["layers", "--list", "--json", "docker-archive:a.tar"];
        let listed = barque.args(list).run().ok().json();
        assert_eq!(listed.as_array().unwrap().len(), TIMES, "{name}");
        barque
            .args(["layers", "-o", "out", "docker-archive:a.tar"])
            .run()
            .ok();
        assert_eq!(names(&barque.path("out")).len(), 2, "{name}");
        for to in ["oci:layout:a", "docker-archive:b.tar:a:1"] {
            barque.args(["copy", "docker-archive:a.tar", to]).run().ok();
        }
        assert_eq!(
            names(&barque.path("layout/blobs/sha256")).len(),
            3,
            "{name}"
        );
    }
}
