//! Layers whose media type is wrong: the bytes decide how they are read, and what is written has its true type.

use std::io::Write;

use serde_json::json;

use super::super::support::fake::FakeRegistry;
use super::super::support::images::{Dialect, media, tar, write_dir};
use super::*;

fn content() -> Vec<u8> {
    tar(&[
        ("data/first", &images::noise(7, 30_000)),
        ("data/second", b"plain text"),
    ])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar that is packed in this way.
fn packed(how: &str) -> Vec<u8> {
    let plain = content();
    let (begin, end) = plain.split_at(plain.len() / 2);
    match how {
        "plain" => plain,
        "gzip" => gzip(&plain),
        "gzip of two members" => [gzip(begin), gzip(end)].concat(),
        "zstd" => zstd::stream::encode_all(&plain[..], 1).unwrap(),
        "zstd after a skippable frame" => {
            let frame = zstd::stream::encode_all(&plain[..], 1).unwrap();
            [b"\x50*M\x18\x03\0\0\0abc".to_vec(), frame].concat()
        }
        "bzip2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(&plain).unwrap();
            encoder.finish().unwrap()
        }
        "xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(&plain).unwrap();
            encoder.finish().unwrap()
        }
        other => panic!("{other}"),
    }
}

/// How these bytes are packed, by their first ones.
fn magic(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x1f, 0x8b, ..] => "gzip",
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50, b'*', b'M', 0x18, ..] => "zstd",
        [b'B', b'Z', b'h', ..] => "bzip2",
        [0xfd, b'7', b'z', ..] => "xz",
        _ => "plain",
    }
}

/// What the type of a layer says.
fn said(media_type: &str) -> &'static str {
    match media_type.rsplit(['+', '.']).next().unwrap() {
        "gzip" => "gzip",
        "zstd" => "zstd",
        "tar" => "plain",
        other => panic!("{other}"),
    }
}

/// An image with one layer that is packed in one way and called another.
fn image(dialect: Dialect, how: &str, called: &str) -> TestImage {
    let (manifest_type, config_type) = match dialect {
        Dialect::Oci => (media::OCI_MANIFEST, media::OCI_CONFIG),
        Dialect::Docker => (media::DOCKER_MANIFEST, media::DOCKER_CONFIG),
    };
    let layer_type = match (dialect, called) {
        (Dialect::Oci, "plain") => media::OCI_LAYER.to_owned(),
        (Dialect::Oci, called) => format!("{}+{called}", media::OCI_LAYER),
        (Dialect::Docker, "plain") => media::DOCKER_LAYER.to_owned(),
        (Dialect::Docker, called) => format!("{}.{called}", media::DOCKER_LAYER),
    };
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [sha256(&content())] },
        "history": [{ "created_by": "COPY" }],
    });
    let (config, layer) = (config.to_string().into_bytes(), packed(how));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": { "mediaType": config_type, "digest": sha256(&config), "size": config.len() },
        "layers": [{ "mediaType": layer_type, "digest": sha256(&layer), "size": layer.len() }],
    });
    TestImage {
        blobs: [config, layer].map(|b| (sha256(&b), b)).into(),
        ..TestImage::raw(manifest_type, manifest.to_string())
    }
}

/// The manifest in the directory, the bytes of its layer, which are what its type says, and what it says.
#[track_caller]
fn true_layer(dir: &Path, what: &str) -> (Value, Vec<u8>, &'static str) {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(dir.join("manifest.json")).unwrap()).unwrap();
    let layer = &manifest["layers"][0];
    let hex = layer["digest"]
        .as_str()
        .unwrap()
        .strip_prefix("sha256:")
        .unwrap();
    let bytes = std::fs::read(dir.join(hex)).unwrap();
    let form = said(layer["mediaType"].as_str().unwrap());
    assert_eq!(magic(&bytes), form, "{what}: {manifest}");
    (manifest, bytes, form)
}

/// How a layer is packed and what its type says.
const WRONG: [(&str, &str); 10] = [
    ("zstd", "gzip"),
    ("zstd after a skippable frame", "gzip"),
    ("gzip", "zstd"),
    ("gzip", "plain"),
    ("gzip of two members", "plain"),
    ("plain", "gzip"),
    ("plain", "zstd"),
    ("bzip2", "gzip"),
    ("xz", "gzip"),
    ("xz", "zstd"),
];

#[test]
fn a_layer_that_is_written_anew_is_what_its_type_says() {
    for (how, called) in WRONG {
        let image = image(Dialect::Oci, how, called);
        let registry = FakeRegistry::start().image("a", "1", &image);
        let barque = Barque::new();
        write_dir(&barque.path("dir"), &image);
        for source in ["dir:dir", &registry.docker("a:1")] {
            for (flags, form) in [
                (&["--dest-compress-format=gzip"][..], Some("gzip")),
                (&["--dest-compress-format=zstd"], Some("zstd")),
                (&["--dest-decompress"], Some("plain")),
                // Here it depends on what it is.
                (&["--dest-compress"], None),
                (
                    &[
                        "--dest-compress-format=gzip",
                        "--dest-oci-accept-uncompressed-layers",
                    ],
                    None,
                ),
            ] {
                let what = format!("{how} called {called}, {flags:?}");
                let out = barque.path("out");
                std::fs::remove_dir_all(&out).ok();
                barque
                    .args(["copy"])
                    .args(flags)
                    .args([source, "dir:out"])
                    .run()
                    .ok();
                let (_, bytes, written) = true_layer(&out, &what);
                if let Some(form) = form {
                    assert_eq!(written, form, "{what}");
                }
                // What was so already keeps its bytes, where looking at them costs no request.
                if source == "dir:dir" {
                    let keeps = magic(&packed(how)) == written;
                    assert_eq!(bytes == packed(how), keeps, "{what}");
                }
            }
        }
    }
}

#[test]
fn one_short_request_a_layer_tells_what_it_is() {
    let image = image(Dialect::Oci, "gzip", "gzip");
    let registry = FakeRegistry::start().image("a", "1", &image);
    let barque = Barque::new();
    let args = [
        "copy",
        "--dest-compress-format=gzip",
        &registry.docker("a:1"),
        "dir:out",
    ];
    let out = barque.args(args).run().ok();
    assert_eq!(out.stdout(), format!("dir:out@{}\n", image.digest));
    let asked = registry.requests("GET", image.layers()[0].hex());
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].header("range"), Some("bytes=0-5"));
}

#[test]
fn a_place_with_plain_layers_gets_the_content() {
    peers::needs!("skopeo");
    for dialect in [Dialect::Oci, Dialect::Docker] {
        for (how, called) in WRONG {
            if dialect == Dialect::Docker && called == "zstd" {
                continue;
            }
            let (barque, skopeo) = (Barque::new(), peers::skopeo());
            write_dir(&barque.path("dir"), &image(dialect, how, called));
            let archive = skopeo.path("out.tar").display().to_string();
            let to = format!("docker-archive:{archive}:a:1");
            let out = barque.args(["copy", "dir:dir", &to]).run().ok();
            // The digest that is told is that of the image which the archive's readers see.
            let read = barque
                .args([
                    "inspect",
                    "-f",
                    "{{.Digest}}",
                    &format!("docker-archive:{archive}"),
                ])
                .run()
                .ok();
            assert!(
                out.stdout().trim_end().ends_with(read.stdout().trim_end()),
                "{how} {called}"
            );
            let source = format!("docker-archive:{archive}");
            skopeo.args(["copy", "-q", &source, "dir:back"]).run().ok();
            let plain = std::fs::read(skopeo.path("back").join(sha256(&content()).hex()));
            assert!(plain.unwrap() == content(), "{how} called {called}");
        }
    }
}

#[test]
fn a_conversion_puts_a_wrong_type_right() {
    for (dialect, format) in [(Dialect::Docker, "oci"), (Dialect::Oci, "v2s2")] {
        for (how, called) in WRONG {
            if dialect == Dialect::Docker && called == "zstd" {
                continue;
            }
            let barque = Barque::new();
            write_dir(&barque.path("dir"), &image(dialect, how, called));
            let convert = ["copy", "--format", format, "dir:dir", "dir:out"];
            let out = barque.args(convert).run();
            if ["bzip2", "xz"].contains(&how) {
                // No format has a type for it.
                let told = out.code(6);
                assert!(
                    told.stderr().contains("no type says so"),
                    "{}",
                    told.stderr()
                );
                assert!(told.stderr().contains("`--dest-compress-format gzip`"));
                let flag = ["--dest-compress-format", "gzip"];
                barque.args(convert).args(flag).run().ok();
                let what = format!("{how} called {called}");
                let (_, _, form) = true_layer(&barque.path("out"), &what);
                assert_eq!(form, "gzip", "{what}");
                continue;
            }
            if format == "v2s2" && how.starts_with("zstd") {
                // Docker's format has no type for it.
                let told = out.code(6);
                assert!(
                    told.stderr().contains("or compress with gzip"),
                    "{}",
                    told.stderr()
                );
                continue;
            }
            let out = out.ok();
            assert!(
                out.stderr().contains("its type is put right"),
                "{}",
                out.stderr()
            );
            let (_, bytes, _) = true_layer(&barque.path("out"), &format!("{how} called {called}"));
            assert!(bytes == packed(how), "the bytes stay");
        }
    }
}

#[test]
fn where_nothing_is_asked_a_wrong_type_stays() {
    for dialect in [Dialect::Oci, Dialect::Docker] {
        let image = image(dialect, "zstd", "gzip");
        let barque = Barque::new();
        write_dir(&barque.path("dir"), &image);
        barque.args(["copy", "dir:dir", "dir:out"]).run().ok();
        is_dir_of(&barque.path("out"), &image);
        barque
            .args([
                "copy",
                "--preserve-digests",
                "--dest-compress",
                "dir:dir",
                "dir:kept",
            ])
            .run()
            .ok();
        is_dir_of(&barque.path("kept"), &image);
    }
}
