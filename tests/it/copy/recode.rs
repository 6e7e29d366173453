//! Layers in another form: what `zstd`, `gzip` and skopeo make of what barque wrote, and what is told of it.

use std::process::{Command, Stdio};

use super::super::support::images::{Compression, Dialect, Maker, media, noise, write_dir};
use super::*;

const ZSTD: &str = "--dest-compress-format=zstd";
const GZIP: &str = "--dest-compress-format=gzip";

/// What the program makes of `bytes`.
fn filtered(program: &str, args: &[&str], bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
    let writing = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{program}");
    output.stdout
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The blob of a layout by its digest.
fn blob(layout: &Path, digest: &Value) -> Vec<u8> {
    let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
    std::fs::read(layout.join("blobs/sha256").join(hex)).unwrap()
}

/// The manifest of the layout's image `name`.
fn manifest(layout: &Path, name: &str) -> Value {
    json(&blob(layout, &digest_of(layout, name).into()))
}

/// Each layer of `manifest` is what `unpack` gives back the tar of that the config tells of.
#[track_caller]
fn unpacks(layout: &Path, manifest: &Value, layer_type: &str, unpack: (&str, &[&str])) {
    let config = json(&blob(layout, &manifest["config"]["digest"]));
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), diff_ids.len());
    for (layer, diff_id) in layers.iter().zip(diff_ids) {
        assert_eq!(layer["mediaType"], layer_type);
        let packed = blob(layout, &layer["digest"]);
        assert_eq!(layer["size"], packed.len());
        let plain = filtered(unpack.0, unpack.1, &packed);
        assert_eq!(*diff_id, sha256(&plain).to_string());
    }
}

fn of_form(form: &str) -> String {
    format!("{}{form}", media::OCI_LAYER)
}

#[test]
fn layers_are_what_zstd_gzip_skopeo_and_umoci_read() {
    peers::needs!("skopeo", "umoci", "zstd", "gzip");
    let (barque, umoci) = (Barque::new(), peers::umoci());
    let layout = umoci.path("layout");
    write_dir(&barque.path("dir"), &images::two_layers());
    for (tag, flags, form, unpack) in [
        ("zstd", &[ZSTD][..], "+zstd", ("zstd", &["-dc"][..])),
        (
            "best",
            &[ZSTD, "--dest-compress-level=19"],
            "+zstd",
            ("zstd", &["-dc"]),
        ),
        ("plain", &["--dest-decompress"], "", ("cat", &[])),
    ] {
        let to = format!("oci:{}:{tag}", layout.display());
        let out = barque.args(["copy", "dir:dir", &to]).args(flags).run().ok();
        let digest = digest_of(&layout, tag);
        assert_eq!(out.stdout(), format!("{to}@{digest}\n"));
        let old = images::two_layers().digest;
        let became = format!("digest changed from {old} to {digest}");
        assert!(out.stderr().contains(&became), "{}", out.stderr());
        unpacks(&layout, &manifest(&layout, tag), &of_form(form), unpack);
        skopeo_takes(&to);
    }
    // Back to gzip, from each of them: the content decides, and not what it was packed with before.
    let mut digests = Vec::new();
    for from in ["zstd", "best", "plain"] {
        let name = |tag: &str| format!("oci:{}:{tag}", layout.display());
        let to = name("gzip");
        barque.args(["copy", GZIP, &name(from), &to]).run().ok();
        digests.push(digest_of(&layout, "gzip"));
        let unpack = ("gzip", &["-dc"][..]);
        unpacks(
            &layout,
            &manifest(&layout, "gzip"),
            &of_form("+gzip"),
            unpack,
        );
        skopeo_takes(&to);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "{digests:?}");
    umoci
        .args(["unpack", "--rootless", "--image", "layout:gzip", "bundle"])
        .run()
        .ok();
    for (name, seed) in [("first", 1), ("second", 2)] {
        let file = umoci.path("bundle/rootfs/data").join(name);
        assert!(
            std::fs::read(file).unwrap() == noise(seed, 100_000),
            "{name}"
        );
    }
    blobs_are_true(&layout);
    let left: Vec<_> = names(&layout);
    assert_eq!(left, ["blobs", "index.json", "oci-layout"]);
}

/// skopeo reads all of it, and checks the digests while it does.
#[track_caller]
fn skopeo_takes(name: &str) {
    let args = [
        "copy",
        "-q",
        "--all",
        "--src-tls-verify=false",
        name,
        "dir:out",
    ];
    let (args, local) = (args.to_vec(), !name.starts_with("docker://"));
    let args = args.into_iter().filter(|a| !local || !a.contains("tls"));
    peers::skopeo().args(args).run().ok();
}

#[test]
fn a_layer_that_is_so_already_keeps_its_bytes() {
    let barque = Barque::new();
    for (image, flags) in [
        (images::two_layers(), &[GZIP, "--dest-compress-level=9"][..]),
        (
            images::two_layers_docker(),
            &[GZIP, "--dest-force-compress-format"],
        ),
        (images::zstd_layer(), &[ZSTD, "--preserve-digests"]),
        (images::zstd_layer(), &["--dest-compress"]),
        (images::artifact(), &[ZSTD]),
        (plain(Dialect::Oci), &["--dest-decompress"]),
        (
            plain(Dialect::Oci),
            &[GZIP, "--dest-oci-accept-uncompressed-layers"],
        ),
        (plain(Dialect::Oci), &[]),
    ] {
        write_dir(&barque.path("dir"), &image);
        let out = barque
            .args(["copy", "dir:dir", "dir:out"])
            .args(flags)
            .run()
            .ok();
        assert_eq!(
            out.stdout(),
            format!("dir:out@{}\n", image.digest),
            "{flags:?}"
        );
        is_dir_of(&barque.path("out"), &image);
    }
}

/// An image whose layers are bare tars.
fn plain(dialect: Dialect) -> TestImage {
    Maker::new(dialect)
        .compression(Compression::None)
        .file_layer("data/first", noise(1, 100_000))
        .file_layer("data/second", noise(2, 1000))
        .make()
}

#[test]
fn bare_layers_are_compressed_on_demand_only() {
    let barque = Barque::new();
    for (dialect, layer) in [
        (Dialect::Oci, of_form("+gzip")),
        (Dialect::Docker, format!("{}.gzip", media::DOCKER_LAYER)),
    ] {
        let image = plain(dialect);
        write_dir(&barque.path("dir"), &image);
        for flags in [&["--dest-compress"][..], &[GZIP]] {
            barque
                .args(["copy", "dir:dir", "dir:out"])
                .args(flags)
                .run()
                .ok();
            let manifest = json(&std::fs::read(barque.path("out/manifest.json")).unwrap());
            // Nothing but the layers has changed.
            let mut wanted = image.json();
            for (i, wanted) in wanted["layers"]
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .enumerate()
            {
                let file = manifest["layers"][i]["digest"].as_str().unwrap();
                let packed = std::fs::read(barque.path("out").join(&file[7..])).unwrap();
                assert_eq!(packed[..2], [0x1f, 0x8b]);
                wanted["digest"] = sha256(&packed).to_string().into();
                wanted["size"] = packed.len().into();
                wanted["mediaType"] = layer.as_str().into();
            }
            assert_eq!(manifest, wanted);
            assert_eq!(names(&barque.path("out")).len(), 2 + 3);
        }
    }
}

#[test]
fn one_content_in_two_forms_is_one_plain_layer() {
    let tar = noise(3, 9000);
    let image = Maker::new(Dialect::Oci).tar_layer("a", tar.clone());
    let image = image
        .compression(Compression::Zstd)
        .tar_layer("a", tar.clone());
    let barque = Barque::new();
    images::write_layout(&barque.path("in"), &[("1", &image.make())]);
    let plain = ["copy", "--dest-decompress", "oci:in:1", "oci:out:1"];
    barque.args(plain).run().ok();
    for layer in manifest(&barque.path("out"), "1")["layers"]
        .as_array()
        .unwrap()
    {
        assert_eq!(layer["size"], tar.len());
        assert_eq!(blob(&barque.path("out"), &layer["digest"]), tar);
    }
}

#[test]
fn an_index_follows_its_images() {
    peers::needs!("skopeo");
    for (image, flag, media_types) in [
        (
            images::five_platforms(),
            ZSTD,
            [media::OCI_INDEX, media::OCI_MANIFEST],
        ),
        (
            images::five_platforms_docker(),
            ZSTD,
            [media::OCI_INDEX, media::OCI_MANIFEST],
        ),
        (
            images::five_platforms_docker(),
            "--dest-decompress",
            [media::DOCKER_LIST, media::DOCKER_MANIFEST],
        ),
    ] {
        let barque = Barque::new();
        write_dir(&barque.path("dir"), &image);
        let args = [
            "copy",
            "--all",
            flag,
            "--receipt=receipt.json",
            "dir:dir",
            "dir:out",
        ];
        let out = barque.args(args).run().ok();
        let index = std::fs::read(barque.path("out/manifest.json")).unwrap();
        assert_eq!(out.stdout(), format!("dir:out@{}\n", sha256(&index)));
        let index = json(&index);
        assert_eq!(index["mediaType"], media_types[0]);
        for (entry, (_, architecture, _)) in index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .zip(images::PLATFORMS)
        {
            assert_eq!(entry["mediaType"], media_types[1]);
            // As skopeo writes it, so that it and podman choose such images.
            let mark = &entry["annotations"]["io.github.containers.compression.zstd"];
            assert_eq!(mark == "true", flag == ZSTD, "{entry}");
            assert_eq!(entry["platform"]["architecture"], architecture);
            let hex = &entry["digest"].as_str().unwrap()[7..];
            let file = barque.path("out").join(format!("{hex}.manifest.json"));
            let bytes = std::fs::read(file).unwrap();
            assert_eq!(
                (sha256(&bytes).hex(), &entry["size"]),
                (hex, &bytes.len().into())
            );
        }
        if flag == ZSTD {
            // And the mark goes with what it speaks of.
            let back = ["copy", "--all", "--dest-decompress", "dir:out", "dir:back"];
            barque.args(back).run().ok();
            let index = json(&std::fs::read(barque.path("back/manifest.json")).unwrap());
            let entries = index["manifests"].as_array().unwrap();
            assert_eq!(entries.len(), images::PLATFORMS.len());
            assert!(
                entries.iter().all(|e| e.get("annotations").is_none()),
                "{index}"
            );
        }
        skopeo_takes(&format!("dir:{}", barque.path("out").display()));
        // The layer that the platforms share was recoded once.
        let receipt = json(&std::fs::read(barque.path("receipt.json")).unwrap());
        let blobs = receipt["Blobs"].as_array().unwrap();
        let recoded: Vec<_> = blobs.iter().filter(|b| b["Recoded"].is_object()).collect();
        assert_eq!(recoded.len(), 6, "{receipt}");
        for line in recoded {
            let from = line["Recoded"]["FromDigest"].as_str().unwrap();
            assert!(image.all_blobs().contains_key(&from.parse().unwrap()));
            assert_ne!(line["Digest"], from);
        }
        assert_eq!(receipt["Manifests"].as_array().unwrap().len(), 6);
    }
}

#[test]
fn an_attestation_speaks_of_the_image_under_its_new_digest() {
    let (image, statement) = (images::two_layers(), images::artifact());
    let platform = ("unknown", "unknown", "");
    let children = [
        (image.clone(), ("linux", "amd64", "")),
        (statement.clone(), platform),
    ];
    let mut index = images::index(Dialect::Oci, children);
    let mut document = index.json();
    document["manifests"][1]["annotations"] = serde_json::json!({
        "vnd.docker.reference.digest": image.digest.to_string(),
        "vnd.docker.reference.type": "attestation-manifest",
    });
    index.manifest = document.to_string().into();
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &index);
    barque
        .args(["copy", "--all", ZSTD, "dir:dir", "dir:out"])
        .run()
        .ok();
    let after = json(&std::fs::read(barque.path("out/manifest.json")).unwrap());
    let (image_now, statement_now) = (&after["manifests"][0], &after["manifests"][1]);
    assert_ne!(image_now["digest"], image.digest.to_string());
    assert_eq!(statement_now["digest"], statement.digest.to_string());
    let annotations = &statement_now["annotations"];
    assert_eq!(
        annotations["vnd.docker.reference.digest"],
        image_now["digest"]
    );
    assert_eq!(
        annotations["vnd.docker.reference.type"],
        "attestation-manifest"
    );
}

#[test]
fn what_may_not_change_is_refused_before_anything_is_written() {
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &images::two_layers_docker());
    for flag in [ZSTD, "--dest-decompress"] {
        let args = ["copy", "--preserve-digests", flag, "dir:dir", "dir:out"];
        let told = barque.args(args).run().code(6);
        assert!(
            told.stderr().contains("`--preserve-digests`"),
            "{}",
            told.stderr()
        );
        assert!(!barque.path("out").exists());
    }
    let told = barque
        .args(["copy", GZIP, "dir:dir", "docker-archive:out"])
        .run()
        .code(6);
    assert!(
        told.stderr().contains("takes no layers"),
        "{}",
        told.stderr()
    );
    assert!(!barque.path("out").exists());
}

#[test]
fn a_config_that_lies_of_its_layers_is_found_out() {
    let image = images::two_layers();
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &image);
    let old = image.config();
    let config = std::fs::read(barque.path("dir").join(old.hex())).unwrap();
    let mut config = json(&config);
    config["rootfs"]["diff_ids"][1] = sha256(b"another layer").to_string().into();
    let config = config.to_string();
    let new = sha256(config.as_bytes());
    std::fs::write(barque.path("dir").join(new.hex()), &config).unwrap();
    let mut manifest = image.json();
    manifest["config"]["digest"] = new.to_string().into();
    manifest["config"]["size"] = config.len().into();
    std::fs::write(barque.path("dir/manifest.json"), manifest.to_string()).unwrap();
    let told = barque
        .args(["copy", ZSTD, "dir:dir", "oci:out:v1"])
        .run()
        .code(4);
    assert!(
        told.stderr().contains("config calls it"),
        "{}",
        told.stderr()
    );
    // No index, and nothing of the broken layer.
    assert!(!barque.path("out/index.json").exists());
    blobs_are_true(&barque.path("out"));
    let mut left: Vec<_> = names(&barque.path("out"));
    // The config may have been on its way, and is kept for the next try.
    left.retain(|name| *name != format!(".partial-sha256-{}", new.hex()));
    assert_eq!(left, ["blobs", "oci-layout"]);
}

#[test]
fn a_dry_run_tells_what_would_be_done_and_no_digest_that_it_cannot_know() {
    let barque = Barque::new();
    let image = images::two_layers_docker();
    write_dir(&barque.path("dir"), &image);
    let args = ["copy", "--dry-run", "--json", ZSTD, "dir:dir", "oci:out:v1"];
    let plan = barque.args(args).run().ok().json();
    let layer = &plan["Blobs"][1];
    assert_eq!(layer["Action"], "recode");
    assert_eq!(layer["MediaType"], of_form("+zstd"));
    assert_eq!(layer["Recoded"]["Form"], "zstd");
    assert_eq!(
        layer["Recoded"]["FromDigest"],
        image.layers()[0].to_string()
    );
    assert_eq!(layer["Recoded"]["FromSize"], image.layer(0).len());
    let manifests = serde_json::json!([{ "mediaType": media::OCI_MANIFEST }]);
    assert_eq!(plan["Manifests"], manifests);
    let told = plan["Notes"].to_string();
    assert!(
        told.contains("2 layers were compressed with zstd"),
        "{told}"
    );
    assert!(told.contains("the manifest converted to"), "{told}");
    assert!(!barque.path("out").exists());
    let table = barque.args(["copy", "--dry-run", ZSTD, "dir:dir", "oci:out:v1"]);
    let table = table.run().ok();
    assert!(
        table.stdout().contains("(known afterwards)"),
        "{}",
        table.stdout()
    );
}
