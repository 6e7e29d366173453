//! Several processes at one local place: it holds one of the images whole, or both, or a writer is refused; never exit 0
//! with parts missing. And what killed writers leave there goes with the next run.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, Compression, Dialect, Maker, TestImage, noise, sha256};
use crate::support::sandbox::{Output, names};

const ROUNDS: usize = 4;

/// An image with one unique layer and one shared layer.
fn image(seed: u64) -> TestImage {
    let maker = Maker::new(Dialect::Oci).compression(Compression::Gzip);
    maker
        .file_layer("own", noise(seed, 300_000))
        .file_layer("all", noise(99, 200_000))
        .make()
}

/// A layout with the images `t0`, `t1` and so on.
fn layout(barque: &Barque, count: u64) -> Vec<TestImage> {
    let images: Vec<TestImage> = (0..count).map(image).collect();
    let tags: Vec<String> = (0..count).map(|i| format!("t{i}")).collect();
    let named = tags.iter().map(String::as_str).zip(&images);
    images::write_layout(&barque.path("src"), &named.collect::<Vec<_>>());
    images
}

/// Runs all these commands at once.
fn at_once<S: AsRef<std::ffi::OsStr>>(barque: &Barque, commands: Vec<Vec<S>>) -> Vec<Output> {
    let running: Vec<_> = commands
        .into_iter()
        .map(|args| barque.args(args).start())
        .collect();
    running.into_iter().map(|r| r.wait()).collect()
}

/// The files of a `dir:` image.
fn files_of(image: &TestImage) -> BTreeSet<String> {
    let blobs = image.blobs.keys().map(|d| d.hex().to_owned());
    let fixed = ["manifest.json", "version"].map(str::to_owned);
    blobs.chain(fixed).collect()
}

/// That `dir` is this image, with the right bytes, and nothing else.
#[track_caller]
fn assert_dir(dir: &Path, image: &TestImage) {
    assert_eq!(BTreeSet::from_iter(names(dir)), files_of(image));
    assert_eq!(
        std::fs::read(dir.join("manifest.json")).unwrap(),
        image.manifest
    );
    for (digest, bytes) in &image.blobs {
        assert!(std::fs::read(dir.join(digest.hex())).unwrap() == *bytes);
    }
}

#[test]
fn a_directory_holds_one_of_two_images_whole() {
    let barque = Barque::new();
    let images = layout(&barque, 2);
    for round in 0..ROUNDS {
        let to = format!("dir:out{round}");
        let commands = ["oci:src:t0", "oci:src:t1"].map(|from| vec!["copy", "-q", from, &to]);
        for out in at_once(&barque, commands.to_vec()) {
            out.ok();
        }
        let dir = barque.path(format!("out{round}"));
        let manifest = std::fs::read(dir.join("manifest.json")).unwrap();
        let stands = images.iter().find(|image| image.manifest == manifest);
        assert_dir(&dir, stands.unwrap());
    }
}

#[test]
fn writers_of_one_image_do_not_fail_anywhere() {
    let barque = Barque::new();
    let images = layout(&barque, 1);
    for round in 0..ROUNDS {
        for to in [
            format!("dir:dir{round}"),
            format!("oci:oci{round}:a"),
            format!("oci-archive:a{round}.tar:a"),
            format!("docker-archive:d{round}.tar:a:1"),
        ] {
            let command = vec!["copy", "-q", "oci:src:t0", &to];
            for out in at_once(&barque, vec![command; 3]) {
                out.ok();
            }
        }
        let shared = ["copy", "-q", "--shared-blob-dir=shared", "oci:src:t0"];
        let shared = ["oci:s1:a", "oci:s2:a", "oci:s2:b"].map(|to| [&shared[..], &[to]].concat());
        for out in at_once(&barque, shared.to_vec()) {
            out.ok();
        }
        assert_dir(&barque.path(format!("dir{round}")), &images[0]);
        let left = names(&barque.path(""));
        assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
    }
    for digest in images[0].blobs.keys() {
        let shared = barque.path("shared/sha256").join(digest.hex());
        assert_eq!(sha256(&std::fs::read(shared).unwrap()), *digest);
    }
}

#[test]
fn a_writer_waits_for_the_directory_and_can_be_stopped() {
    let (slow, other) = (image(1), image(2));
    let registry = FakeRegistry::start()
        .image("a", "1", &slow)
        .image("b", "1", &other);
    let stall = on("GET").path(&slow.layers()[0].to_string()).first(1);
    registry.add_rule(stall.stall_after(1000));
    let barque = Barque::new();
    let mut first = barque
        .args(["copy", "-q", &registry.docker("a:1"), "dir:out"])
        .start();
    while !barque.path("out/version").exists() {
        assert!(first.is_running());
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = ["copy", &registry.docker("b:1"), "dir:out"];
    let bounded = ["--command-timeout", "3s"];
    let waited = barque.args(bounded).args(second).run().code(5);
    for words in ["waiting for the lock on", "--command-timeout"] {
        assert!(waited.stderr().contains(words), "{}", waited.stderr());
    }
    let waiting = barque.args(second).start();
    std::thread::sleep(Duration::from_millis(300));
    waiting.signal("TERM");
    waiting.wait().code(143);
    assert!(!barque.path("out/manifest.json").exists());
    first.kill();
    // A dead process holds no lock, and what it left goes.
    barque.args(second).run().ok();
    assert_dir(&barque.path("out"), &other);
}

#[test]
fn of_two_images_in_one_new_archive_none_is_lost() {
    for (transport, names) in [
        ("oci-archive", ["t0", "t1"]),
        (
            "docker-archive",
            ["docker.io/library/a:0", "docker.io/library/a:1"],
        ),
    ] {
        let barque = Barque::new();
        layout(&barque, 2);
        for round in 0..ROUNDS {
            let file = format!("a{round}.tar");
            let commands = names.iter().enumerate().map(|(i, name)| {
                let to = format!("{transport}:{file}:{name}");
                let words = ["copy", "-q", &format!("oci:src:t{i}"), &to].map(str::to_owned);
                words.to_vec()
            });
            let ended = at_once(&barque, commands.collect());
            for (out, name) in ended.into_iter().zip(names) {
                let from = format!("{transport}:{file}:{name}");
                match out.exit_code() {
                    Some(0) => {}
                    _ => {
                        let refused = out.code(6);
                        let words = "was written by another program meanwhile";
                        assert!(refused.stderr().contains(words), "{}", refused.stderr());
                        let again = [
                            "copy",
                            "-q",
                            &format!("oci:src:t{}", &name[name.len() - 1..]),
                            &from,
                        ];
                        barque.args(again).run().ok();
                    }
                }
                let to = format!("oci:check{round}:{}", &name[name.len() - 1..]);
                barque.args(["copy", "-q", &from, &to]).run().ok();
            }
            let archive = format!("{transport}:{file}");
            let listed = barque.args(["tags", "--plain", &archive]).run().ok();
            let mut listed: Vec<&str> = listed.stdout().lines().collect();
            listed.sort_unstable();
            let short = |name: &&str| names.iter().any(|full| full.ends_with(*name));
            assert!(listed.len() == 2 && listed.iter().all(short), "{listed:?}");
        }
        let left = names_of(&barque);
        assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
    }
}

fn names_of(barque: &Barque) -> Vec<String> {
    names(&barque.path(""))
}

#[test]
fn a_second_process_is_refused_the_directory_of_layers() {
    let slow = image(1);
    let registry = FakeRegistry::start()
        .image("a", "1", &slow)
        .image("b", "1", &image(2));
    let stall = on("GET").path(&slow.layers()[0].to_string()).first(1);
    registry.add_rule(stall.stall_after(1000));
    let barque = Barque::new();
    let first = barque
        .args(["layers", "-o", "out", &registry.docker("a:1")])
        .start();
    let partial = format!("out/.partial-sha256-{}", slow.layers()[0].hex());
    while !barque.path(&partial).exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = ["layers", "-o", "out", &registry.docker("b:1")];
    let refused = barque.args(second).run().code(6);
    let words = "another process writes to `out`";
    assert!(refused.stderr().contains(words), "{}", refused.stderr());
    first.kill();
    barque
        .args(["layers", "-o", "new", &registry.docker("b:1")])
        .run()
        .ok();
    let there = names(&barque.path("new"));
    assert_eq!(there.len(), 3, "{there:?}");
}

#[test]
fn a_reader_gets_an_image_whole_or_an_error() {
    let barque = Barque::new();
    let images = layout(&barque, 2);
    barque
        .args(["copy", "-q", "oci:src:t0", "dir:place"])
        .run()
        .ok();
    for round in 0..2 * ROUNDS {
        let from = format!("oci:src:t{}", (round + 1) % 2);
        let to = format!("dir:read{round}");
        let writer = barque.args(["copy", "-q", &from, "dir:place"]).start();
        let read = barque.args(["copy", "-q", "dir:place", &to]).run();
        writer.wait().ok();
        if read.exit_code() == Some(0) {
            let dir = barque.path(format!("read{round}"));
            let manifest = std::fs::read(dir.join("manifest.json")).unwrap();
            let stands = images.iter().find(|image| image.manifest == manifest);
            assert_dir(&dir, stands.unwrap());
        } else {
            let error = read.code(2);
            let words = "another image was written to `place` while it was read";
            assert!(error.stderr().contains(words), "{}", error.stderr());
        }
    }
}

/// What killed writers leave, small and large.
const LEFT: [&str; 5] = [
    ".partial-manifest.json",
    ".partial-index.json",
    ".partial-late",
    ".partial-lock",
    ".partial-Xy12ab",
];

#[test]
fn what_killed_writers_left_goes_with_the_next_run() {
    let barque = Barque::new();
    let images = layout(&barque, 2);
    let litter = |dir: &str| {
        std::fs::create_dir_all(barque.path(dir)).unwrap();
        for name in LEFT {
            std::fs::write(barque.path(dir).join(name), "left").unwrap();
        }
    };
    // The first run writes, the second finds all in place.
    for _ in 0..2 {
        litter("dir");
        barque
            .args(["copy", "-q", "oci:src:t0", "dir:dir"])
            .run()
            .ok();
        assert_dir(&barque.path("dir"), &images[0]);
        litter("oci");
        litter("shared");
        let shared = [
            "copy",
            "-q",
            "--shared-blob-dir=shared",
            "oci:src:t0",
            "oci:oci:a",
        ];
        barque.args(shared).run().ok();
        assert_eq!(names(&barque.path("oci")), ["index.json", "oci-layout"]);
        assert_eq!(names(&barque.path("shared")), ["sha256"]);
        let hex = "0".repeat(64);
        std::fs::create_dir_all(barque.path("tar")).unwrap();
        for name in [
            ".partial-lock-a.tar",
            ".partial-archive-a.tar",
            &format!(".partial-sha256-{hex}-a.tar"),
        ] {
            std::fs::write(barque.path("tar").join(name), "left").unwrap();
        }
        barque
            .args(["copy", "-q", "oci:src:t0", "oci-archive:tar/a.tar:a"])
            .run()
            .ok();
        assert_eq!(names(&barque.path("tar")), ["a.tar"]);
    }
    // A directory whose writer was killed right before its last step: parts of the former image.
    for digest in images[1].blobs.keys() {
        std::fs::write(
            barque.path("dir").join(digest.hex()),
            &images[1].blobs[digest],
        )
        .unwrap();
    }
    barque
        .args(["copy", "-q", "oci:src:t0", "dir:dir"])
        .run()
        .ok();
    assert_dir(&barque.path("dir"), &images[0]);

    let files = [
        "copy",
        "-q",
        "--digestfile=d/digest",
        "--receipt=d/receipt",
        "oci:src:t0",
        "dir:dir",
    ];
    std::fs::create_dir(barque.path("d")).unwrap();
    for name in [".partial-digest", ".partial-receipt"] {
        std::fs::write(barque.path("d").join(name), "left").unwrap();
    }
    barque.args(files).run().ok();
    assert_eq!(names(&barque.path("d")), ["digest", "receipt"]);
    let digest = std::fs::read_to_string(barque.path("d/digest")).unwrap();
    assert_eq!(digest, images[0].digest.to_string());
}

#[test]
fn a_directory_that_was_killed_at_any_point_is_completed() {
    let barque = Barque::new();
    let images = layout(&barque, 2);
    let mut killed = 0;
    for round in 0..24_u64 {
        let (former, image) = (
            &images[(round % 2) as usize],
            &images[(round + 1) as usize % 2],
        );
        if round == 0 {
            images::write_dir(&barque.path("dir"), former);
        }
        let command = [
            "copy",
            "-q",
            &format!("oci:src:t{}", (round + 1) % 2),
            "dir:dir",
        ];
        let running = barque.args(command).start();
        std::thread::sleep(Duration::from_millis(2 * round));
        killed += u32::from(running.kill().exit_code().is_none());
        barque.args(command).run().ok();
        assert_dir(&barque.path("dir"), image);
    }
    assert!(killed > 0);
}

#[test]
fn recheck_replaces_what_has_the_right_size_and_wrong_bytes() {
    let barque = Barque::new();
    let images = layout(&barque, 1);
    let layer = &images[0].layers()[0];
    let spoil = |file: &Path| {
        let mut bytes = std::fs::read(file).unwrap();
        let at = bytes
            .windows(64)
            .position(|w| w == &images[0].blobs[layer][1000..1064])
            .unwrap();
        bytes[at] ^= 1;
        std::fs::write(file, bytes).unwrap();
    };
    let hex = layer.hex();
    for (to, file) in [
        ("dir:dir", format!("dir/{hex}")),
        ("oci:oci:a", format!("oci/blobs/sha256/{hex}")),
        ("oci-archive:a.tar:a", "a.tar".to_owned()),
    ] {
        let copy = ["copy", "oci:src:t0", to];
        barque.args(copy).run().ok();
        let good = std::fs::read(barque.path(&file)).unwrap();
        spoil(&barque.path(&file));
        let planned = barque
            .args(copy)
            .args(["--recheck", "--dry-run"])
            .run()
            .ok();
        assert!(
            planned.stdout().contains(&hex[..12]),
            "{}",
            planned.stdout()
        );
        assert!(std::fs::read(barque.path(&file)).unwrap() != good);
        let done = barque
            .args(copy)
            .args(["--recheck", "--receipt=r.json"])
            .run()
            .ok();
        let receipt = std::fs::read(barque.path("r.json")).unwrap();
        let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap();
        let moved = images[0].blobs[layer].len() as u64;
        assert_eq!(receipt["BytesMoved"], moved, "{to}: {}", done.stderr());
        let back = format!("dir:back-{}", to.len());
        barque.args(["copy", to, &back]).run().ok();
        assert_dir(&barque.path(format!("back-{}", to.len())), &images[0]);
        let again = barque
            .args(copy)
            .args(["--recheck", "--receipt=r.json"])
            .run();
        again.ok();
        let receipt = std::fs::read(barque.path("r.json")).unwrap();
        let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap();
        assert_eq!(receipt["UpToDate"], true);
    }
}
