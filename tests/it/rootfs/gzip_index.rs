//! `--index DIR`: the second look at a gzip layer reads a part of it, or nothing.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{eventful, image, image_as, in_layout};
use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{Compression, Dialect, LayerTar, Maker, TestImage, noise, sha256};
use crate::support::sandbox::names;

/// A layer of 24 MB with small files between large ones.
fn layer() -> LayerTar {
    let mut layer = LayerTar::new().dir("d/");
    for n in 0..12_u64 {
        layer = layer
            .file(&format!("d/small-{n}"), format!("small {n}\n"))
            .file(&format!("d/large-{n}"), noise(n, 2_000_000));
    }
    layer
        .file("d/empty", b"")
        .symlink("d/link", "small-7")
        .hard_link("d/hard", "d/large-3")
}

/// Bytes that were asked for by `Range` headers; `None` for a whole blob.
fn asked(registry: &FakeRegistry) -> Vec<Option<usize>> {
    let seen = registry.requests("GET", "/blobs/");
    let part = |range: &str| {
        let (from, to) = range["bytes=".len()..].split_once('-').unwrap();
        to.parse::<usize>().unwrap() - from.parse::<usize>().unwrap() + 1
    };
    seen.iter().map(|s| s.header("range").map(part)).collect()
}

/// The index of the layer `n` of `image`.
fn index_of(directory: &Path, image: &TestImage, n: usize) -> PathBuf {
    directory.join(format!("sha256-{}.index", image.layers()[n].hex()))
}

#[test]
fn the_second_look_reads_a_part_of_the_layer() {
    let image = image([layer()]);
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    let cat = |path: &str| {
        barque
            .args(["cat", "--index", "idx", &name, path])
            .run()
            .ok()
    };
    assert_eq!(cat("d/small-0").stdout(), "small 0\n");
    assert_eq!(asked(&registry), [None], "the first look reads the layer");
    let index = fs::metadata(index_of(&barque.path("idx"), &image, 0)).unwrap();
    let size = image.layer(0).len() as u64;
    // Noise does not get smaller, so the windows do not either.
    assert!(index.len() < size / 80, "{} of {size}", index.len());
    for (path, content) in [
        ("d/small-0", b"small 0\n".to_vec()),
        ("d/small-7", b"small 7\n".to_vec()),
        ("d/small-11", b"small 11\n".to_vec()),
        ("d/link", b"small 7\n".to_vec()),
        ("d/large-3", noise(3, 2_000_000)),
        ("d/hard", noise(3, 2_000_000)),
    ] {
        registry.clear();
        assert!(cat(path).stdout_bytes() == content, "{path}");
        let parts = asked(&registry);
        let [Some(bytes)] = parts[..] else {
            panic!("{path}: {parts:?}");
        };
        // From the place before the file, 4 MiB away at most.
        assert!(
            bytes < content.len() + (4 << 20) + (256 << 10),
            "{path}: {bytes}"
        );
    }
    registry.clear();
    assert_eq!(cat("d/empty").stdout(), "");
    barque
        .args(["cat", "--index", "idx", &name, "no"])
        .run()
        .code(2);
    let list = barque.args(["ls", "--index", "idx", &name]).run().ok();
    assert_eq!(list.stdout(), "d\n");
    assert!(asked(&registry).is_empty(), "{:?}", asked(&registry));
}

#[test]
fn parts_of_an_image_are_extracted_by_the_index() {
    let attributes = [("SCHILY.xattr.user.a", b"\x01".as_slice())];
    let top = LayerTar::new().pax(&attributes).file("d/own", b"own\n");
    let image = image([layer(), top]);
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    let extract = |to: &str, paths: &[&str]| {
        let args = ["extract", "-q", "--index", "idx", "-C", to, &name];
        barque.args(args.iter().chain(paths)).run()
    };
    let paths = [
        "d/small-2",
        "d/small-3",
        "d/link",
        "d/empty",
        "d/hard",
        "d/own",
    ];
    extract("first", &paths).ok();
    registry.clear();
    extract("second", &paths).ok();
    // The two small files and the large one that the hard link names lie side by side. The upper layer is tiny.
    let parts = asked(&registry);
    assert!(
        matches!(parts[..], [Some(part), None] if part < image.layer(0).len() / 2),
        "{parts:?}"
    );
    for to in ["first", "second"] {
        let read = |file: &str| fs::read(barque.path(to).join(file)).unwrap();
        assert_eq!(read("d/small-2"), b"small 2\n");
        assert_eq!(read("d/small-3"), b"small 3\n");
        assert_eq!(read("d/own"), b"own\n");
        assert_eq!(read("d/empty"), b"");
        assert!(read("d/hard") == noise(3, 2_000_000));
        let link = fs::read_link(barque.path(to).join("d/link")).unwrap();
        assert_eq!(link, Path::new("small-7"));
    }
    // Most of a layer is read as a whole, and checked against its digest.
    registry.clear();
    extract("most", &["d"]).ok();
    assert_eq!(asked(&registry), [None, None]);
    // A file that was changed does not pass for the one that the index was made of.
    registry.clear();
    extract("large", &["d/large-5"]).ok();
    let Some(part) = asked(&registry)[0] else {
        panic!("the layer was read whole");
    };
    registry.add_rule(on("GET").path("/blobs/").flip_byte(part - 1_000_000));
    extract("changed", &["d/large-5"]).code(4);
    assert!(!barque.path("changed/d").exists());
}

#[test]
fn an_index_says_what_the_layers_say() {
    let barque = Barque::new();
    let odd = LayerTar::new()
        .pax(&[
            ("SCHILY.xattr.user.a", b"\x00\xff"),
            ("mtime", b"-1.5"),
            ("uid", b"70000"),
        ])
        .file("attributes", b"x")
        .device("null", 1, 3)
        .fifo("pipe")
        .entry(tar::EntryType::Regular, "setuid", 0o4755, "", b"x")
        .file("last", b"last\n");
    for (at, image) in [eventful(), image([odd])].iter().enumerate() {
        let name = in_layout(&barque.path(format!("layout-{at}")), image);
        for form in ["--json", "--long"] {
            let plain = barque.args(["ls", "-R", form, &name]).run().ok();
            for look in ["first", "second"] {
                let out = barque
                    .args(["ls", "-R", form, "--index", "idx", &name])
                    .run()
                    .ok();
                assert_eq!(out.stdout(), plain.stdout(), "{look}");
            }
        }
        let layers: Vec<_> = (0..image.layers().len()).collect();
        assert!(
            layers
                .iter()
                .all(|n| index_of(&barque.path("idx"), image, *n).is_file())
        );
    }
    assert_eq!(names(&barque.path("idx")).len(), 4, "and no file besides");
    // The way through layers, links and whiteouts.
    let name = format!("oci:{}:v1", barque.path("layout-0").display());
    for path in [
        "etc/keep",
        "etc/changed",
        "lib/added",
        "bin/alias",
        "opt/app/two",
    ] {
        let plain = barque.args(["cat", &name, path]).run().ok();
        let out = barque
            .args(["cat", "--index", "idx", &name, path])
            .run()
            .ok();
        assert_eq!(out.stdout(), plain.stdout(), "{path}");
    }
    barque
        .args(["cat", "--index", "idx", &name, "etc/gone"])
        .run()
        .code(2);
}

#[test]
fn ten_thousand_files_in_members_and_levels_of_all_kinds() {
    let mut layer = LayerTar::new();
    for n in 0..10_000_u64 {
        layer = layer.file(&format!("{:02}/{n}", n % 100), noise(n, (n % 700) as usize));
    }
    let tar = layer.finish();
    let gzip = |bytes: &[u8], level| {
        let level = flate2::Compression::new(level);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let (a, b) = tar.split_at(5_000_000);
    for packed in [
        gzip(&tar, 0),
        gzip(&tar, 9),
        [gzip(a, 6), gzip(b"", 6), gzip(b, 1)].concat(),
        tar.chunks(300_000).flat_map(|part| gzip(part, 6)).collect(),
    ] {
        let barque = Barque::new();
        let image = packed_layer(packed, &tar);
        let registry = FakeRegistry::start().image("a", "1", &image);
        let name = registry.docker("a:1");
        let list = barque.args(["ls", "-R", &name]).run().ok();
        for requests in [1, 0] {
            registry.clear();
            let out = barque
                .args(["ls", "-R", "--index", "idx", &name])
                .run()
                .ok();
            assert!(out.stdout() == list.stdout());
            assert_eq!(asked(&registry).len(), requests);
        }
        registry.clear();
        for n in [0, 1, 4321, 7000, 9999_u64] {
            let path = format!("{:02}/{n}", n % 100);
            let out = barque
                .args(["cat", "--index", "idx", &name, &path])
                .run()
                .ok();
            assert!(out.stdout_bytes() == noise(n, (n % 700) as usize), "{path}");
        }
        let whole = image.layer(0).len();
        let parts = asked(&registry);
        assert!(
            parts
                .iter()
                .all(|part| part.is_some_and(|part| part < whole)),
            "{parts:?}"
        );
    }
}

/// An image of one layer that is packed already.
fn packed_layer(packed: Vec<u8>, tar: &[u8]) -> TestImage {
    let tabled = crate::support::images::Tabled {
        stored: packed,
        suffix: "+gzip",
        diff_id: sha256(tar).to_string(),
        annotations: serde_json::json!({}),
    };
    Maker::new(Dialect::Oci)
        .tabled_layer("packed", tabled)
        .make()
}

#[test]
fn an_index_that_is_broken_or_of_another_layer_is_made_again() {
    let (image, other) = (image([layer()]), eventful());
    let registry = FakeRegistry::start().image("a", "1", &image);
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    let layout = in_layout(&barque.path("layout"), &other);
    barque.args(["ls", "--index", "idx", &layout]).run().ok();
    barque.args(["ls", "--index", "idx", &name]).run().ok();
    let path = index_of(&barque.path("idx"), &image, 0);
    let good = fs::read(&path).unwrap();
    let foreign = fs::read(index_of(&barque.path("idx"), &other, 0)).unwrap();
    let mut changed = good.clone();
    changed[good.len() / 2] ^= 1;
    let mut newer = good.clone();
    newer[18] = b'9';
    for (bytes, why) in [
        (&good[..good.len() - 1], "damaged"),
        (&good[..100], "damaged"),
        (&good[..3], "no index"),
        (b"", "no index"),
        (&changed, "damaged"),
        (&foreign, "of another layer"),
        (&newer, "another version"),
    ] {
        fs::write(&path, bytes).unwrap();
        registry.clear();
        let out = barque
            .args(["cat", "--index", "idx", &name, "d/small-9"])
            .run()
            .ok();
        assert_eq!(out.stdout(), "small 9\n");
        assert!(
            out.stderr().contains("is not used") && out.stderr().contains(why),
            "{}",
            out.stderr()
        );
        assert_eq!(asked(&registry), [None]);
        let out = barque
            .args(["cat", "--index", "idx", &name, "d/small-9"])
            .run()
            .ok();
        assert_eq!((out.stdout(), out.stderr()), ("small 9\n", ""));
        assert!(asked(&registry)[1].is_some(), "it was made again");
    }
}

#[test]
fn what_an_interrupted_run_left_is_removed_by_the_next() {
    let barque = Barque::new();
    let name = in_layout(
        &barque.path("layout"),
        &image([LayerTar::new().file("a", b"a")]),
    );
    fs::create_dir(barque.path("idx")).unwrap();
    let old = format!(".partial-sha256-{}.index", "0".repeat(64));
    for left in [
        &old[..],
        &format!("{old}.1"),
        "mine.index",
        ".partial-of-another",
    ] {
        fs::write(barque.path("idx").join(left), b"").unwrap();
    }
    barque.args(["ls", "--index", "idx", &name]).run().ok();
    let left = names(&barque.path("idx"));
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left.iter().all(|name| !name.starts_with(&old)), "{left:?}");
}

#[test]
fn what_was_read_by_an_index_is_checked_against_it() {
    let image = image_as(Compression::Gzip, [layer()]);
    let barque = Barque::new();
    let name = in_layout(&barque.path("layout"), &image);
    barque.args(["ls", "--index", "idx", &name]).run().ok();
    let blob = barque
        .path("layout/blobs/sha256")
        .join(image.layers()[0].hex());
    // The blocks of this layer are stored as they are: nothing in gzip tells that a byte is another one.
    let mut bytes = fs::read(&blob).unwrap();
    let wanted = &noise(5, 2_000_000)[1_000_000..1_000_020];
    let at = bytes.windows(20).position(|part| part == wanted).unwrap();
    bytes[at] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let cat = |path| barque.args(["cat", "--index", "idx", &name, path]).run();
    let out = cat("d/large-5").code(4);
    assert!(
        out.stderr().contains(&image.layers()[0].to_string()),
        "{}",
        out.stderr()
    );
    assert!(
        out.stdout_bytes().len() < 2_000_000,
        "the last piece is kept back"
    );
    assert!(cat("d/large-4").ok().stdout_bytes() == noise(4, 2_000_000));
    // And a layer that does not match its digest gets no index.
    let _ = fs::remove_dir_all(barque.path("idx"));
    barque.args(["ls", "--index", "idx", &name]).run().code(4);
    assert!(names(&barque.path("idx")).is_empty());
}

#[test]
fn layers_of_other_kinds_and_directories_that_cannot_be_written() {
    let barque = Barque::new();
    for compression in [Compression::None, Compression::Zstd] {
        let name = in_layout(&barque.path("layout"), &image_as(compression, [layer()]));
        let out = barque
            .args(["cat", "--index", "idx", &name, "d/link"])
            .run()
            .ok();
        assert_eq!((out.stdout(), out.stderr()), ("small 7\n", ""));
        assert!(!barque.path("idx").exists());
    }
    fs::write(barque.path("file"), b"").unwrap();
    let name = in_layout(&barque.path("layout"), &image([layer()]));
    let out = barque.args(["ls", "--index", "file/idx", &name]).run().ok();
    assert_eq!(out.stdout(), "d\n");
    assert!(out.stderr().contains("warning"), "{}", out.stderr());
}

#[test]
fn a_registry_without_ranges_is_read_all_the_same() {
    let registry = FakeRegistry::start()
        .image("a", "1", &image([layer()]))
        .rule(on("GET").path("/blobs/").ignore_range());
    let (name, barque) = (registry.docker("a:1"), Barque::new());
    for _ in 0..2 {
        let out = barque
            .args(["cat", "--index", "idx", &name, "d/large-8"])
            .run()
            .ok();
        assert!(out.stdout_bytes() == noise(8, 2_000_000));
    }
}
