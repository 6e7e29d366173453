//! Copies into archives that end in the middle: the same command goes on, and the archive is the one that a copy
//! gives which nobody disturbed.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::disk::Disk;
use super::{barque, names, weight};
use crate::support::Barque;
use crate::support::cutter::{Cutter, Dice};
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{Compression, Dialect, Maker, TestImage, noise, sha256};
use crate::support::peers::{self, DockerRegistry};
use crate::support::sandbox::Running;
use crate::support::skips;

const MIB: usize = 1 << 20;
/// Where the layer stops that is cut.
const CUT: usize = 700_000;
/// Bytes that may be on their way to the file when a process dies.
const ON_THE_WAY: u64 = 600_000;
const OUT: &str = "out.tar";

/// An image of that many layers of 1 MiB and a bit, the first ones equal in all images of a dialect.
fn layered(count: u64, last: u64, compression: Compression) -> TestImage {
    let maker = Maker::new(Dialect::Docker).compression(compression);
    let seeds = (1..count).chain([last]);
    seeds
        .fold(maker, |maker, seed| {
            maker.file_layer(&format!("data/{seed}"), noise(seed, MIB + seed as usize))
        })
        .make()
}

/// A kind of archive, and how it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Oci,
    Kept,
    Inflated,
}

const KINDS: [Kind; 3] = [Kind::Oci, Kind::Kept, Kind::Inflated];

impl Kind {
    /// The command that copies `from` into the archive `file`.
    fn copy(self, from: &str, file: &str) -> Vec<String> {
        let (to, flag) = match self {
            Kind::Oci => (format!("oci-archive:{file}:1"), None),
            Kind::Kept => (
                format!("docker-archive:{file}:a:1"),
                Some("--keep-compressed"),
            ),
            Kind::Inflated => (format!("docker-archive:{file}:a:1"), None),
        };
        let words = ["copy", from, &to].into_iter().chain(flag);
        words.map(str::to_owned).collect()
    }
}

/// The archive of a copy that nobody disturbs.
fn undisturbed(kind: Kind, from: &str) -> Vec<u8> {
    let barque = barque();
    barque.args(kind.copy(from, OUT)).run().ok();
    assert_eq!(Vec::from_iter(names(&barque.path(""))), [OUT]);
    std::fs::read(barque.path(OUT)).unwrap()
}

/// The file of the archive under way.
fn under_way(barque: &Barque) -> PathBuf {
    barque.path(format!(".partial-archive-{OUT}"))
}

/// Places of the contents of members of a file under way that are finished.
fn finished(path: &Path) -> Vec<std::ops::Range<u64>> {
    let (mut at, mut finished) = (0, Vec::new());
    let Ok(file) = std::fs::File::open(path) else {
        return finished;
    };
    let mut header = tar::Header::new_old();
    while file.read_exact_at(header.as_mut_bytes(), at).is_ok() {
        let Ok(size @ 1..) = header.entry_size() else {
            break;
        };
        if header.mode().unwrap() != 0 {
            finished.push(at + 512..at + 512 + size);
        }
        at += 512 + size.next_multiple_of(512);
    }
    finished
}

/// Starts a copy and waits until all of the image but the layer `cut`, which stalls, has arrived.
fn stalled(kind: Kind, barque: &Barque, registry: &FakeRegistry, image: &TestImage) -> Running {
    let cut = &image.layers()[1];
    let stall = on("GET").path(&cut.to_string()).first(1).stall_after(CUT);
    registry.add_rule(stall);
    let running = barque.args(kind.copy(&registry.docker("a:1"), OUT)).start();
    let whole = image.layers().len() - 1;
    wait(|| match kind {
        // With the config, which is a member too.
        Kind::Oci => finished(&under_way(barque)).len() == whole + 1,
        Kind::Kept => finished(&under_way(barque)).len() == whole,
        // Those behind the layer that stalls wait beside the archive.
        Kind::Inflated => {
            let beside = names(&barque.path("")).into_iter();
            let beside = beside.filter(|name| name.starts_with(".partial-sha256-"));
            let len = |name: String| barque.path(name).metadata().map_or(0, |m| m.len());
            let enough = beside.filter(|name| len(name.clone()) > MIB as u64 + 512);
            finished(&under_way(barque)).len() == 1 && enough.count() >= whole - 1
        }
    });
    // Of the other one what has arrived comes into the file meanwhile.
    wait(|| !registry.requests("GET", &cut.to_string()).is_empty());
    std::thread::sleep(Duration::from_millis(100));
    assert!(!barque.path(OUT).exists());
    running
}

fn wait(until: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if until() {
            return;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    panic!("it does not come to that");
}

/// Where the requests for this blob began.
fn offsets(registry: &FakeRegistry, blob: &barque::image::Digest) -> Vec<u64> {
    let asked = registry.requests("GET", &blob.to_string());
    let offset = |range: &str| -> Option<u64> {
        let from = range.strip_prefix("bytes=")?.strip_suffix('-')?;
        from.parse().ok()
    };
    asked
        .iter()
        .map(|s| s.header("range").map_or(0, |range| offset(range).unwrap()))
        .collect()
}

/// Runs the command again: the archive is `wanted`, and nothing is left beside it.
#[track_caller]
fn again(kind: Kind, barque: &Barque, registry: &FakeRegistry, wanted: &[u8]) {
    registry.clear();
    let args = kind.copy(&registry.docker("a:1"), OUT);
    barque.args(args).run().ok();
    let written = std::fs::read(barque.path(OUT)).unwrap();
    assert_eq!(sha256(&written), sha256(wanted), "{kind:?}");
    assert_eq!(Vec::from_iter(names(&barque.path(""))), [OUT], "{kind:?}");
    assert!(names(&barque.tmp()).is_empty());
}

#[test]
fn a_copy_that_ended_in_the_middle_is_continued() {
    for kind in KINDS {
        for (signal, code) in [("KILL", None), ("INT", Some(130)), ("TERM", Some(143))] {
            let image = layered(4, 4, Compression::Gzip);
            let registry = FakeRegistry::start().image("a", "1", &image);
            let wanted = undisturbed(kind, &registry.docker("a:1"));
            let barque = barque();
            let running = stalled(kind, &barque, &registry, &image);
            running.signal(signal);
            let out = running.wait();
            assert_eq!(out.exit_code(), code, "{kind:?}");
            if code.is_some() {
                let told = out.stderr();
                assert!(told.contains("run the same command again"), "{told}");
            }
            assert!(!barque.path(OUT).exists());

            again(kind, &barque, &registry, &wanted);
            for (i, layer) in image.layers().iter().enumerate() {
                let asked = offsets(&registry, layer);
                match (i, kind) {
                    // Inflated, it cannot be had from its middle.
                    (1, Kind::Inflated) => assert_eq!(asked, [0]),
                    (1, _) => {
                        let from = *asked.first().unwrap();
                        assert_eq!(asked.len(), 1, "{kind:?}: {asked:?}");
                        assert!(from > CUT as u64 - ON_THE_WAY, "{kind:?}: {asked:?}");
                        assert!(from <= CUT as u64, "{kind:?}: {asked:?}");
                    }
                    _ => assert!(asked.is_empty(), "{kind:?}: layer {i}: {asked:?}"),
                }
            }
        }
    }
}

#[test]
fn a_network_that_fails_for_good_takes_nothing_that_arrived() {
    for kind in KINDS {
        let image = layered(3, 3, Compression::None);
        let cut = &image.layers()[1];
        let registry = FakeRegistry::start().image("a", "1", &image);
        let wanted = undisturbed(kind, &registry.docker("a:1"));
        let path = cut.to_string();
        let broken = Arc::new(AtomicBool::new(true));
        let is_broken = broken.clone();
        let failing = on("GET")
            .path(&path)
            .when(move |_| is_broken.load(Ordering::Relaxed));
        registry.add_rule(on("GET").path(&path).first(1).fin_after(CUT));
        registry.add_rule(failing.after(1).status(503));
        let barque = barque();
        let args = kind.copy(&registry.docker("a:1"), OUT);
        barque.args(args).run().code(5);
        broken.store(false, Ordering::Relaxed);
        again(kind, &barque, &registry, &wanted);
        assert_eq!(offsets(&registry, cut), [CUT as u64], "{kind:?}");
    }
}

#[test]
fn what_was_spoiled_is_noticed_and_fetched_anew() {
    for kind in KINDS {
        let image = layered(4, 4, Compression::Gzip);
        let registry = FakeRegistry::start().image("a", "1", &image);
        let wanted = undisturbed(kind, &registry.docker("a:1"));
        let barque = barque();
        stalled(kind, &barque, &registry, &image).kill();

        let path = under_way(&barque);
        let whole = finished(&path);
        let file = std::fs::File::options().read(true).write(true).open(path);
        let file = file.unwrap();
        let flip = |at: u64| {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1], at).unwrap();
        };
        // A layer in its middle, and what follows it up to the next header.
        let layer = whole.iter().find(|m| m.end - m.start > MIB as u64).unwrap();
        flip(layer.start + 300_000);
        if !layer.end.is_multiple_of(512) {
            flip(layer.end);
        }
        drop(file);

        again(kind, &barque, &registry, &wanted);
        let anew = image.layers();
        assert_eq!(offsets(&registry, &anew[0]), [0], "{kind:?}");
        for kept in &anew[2..] {
            assert!(offsets(&registry, kept).is_empty(), "{kind:?}");
        }
    }
}

#[test]
fn a_file_under_way_that_is_nonsense_spoils_nothing() {
    let image = layered(3, 3, Compression::Gzip);
    let registry = FakeRegistry::start().image("a", "1", &image);
    for kind in KINDS {
        let wanted = undisturbed(kind, &registry.docker("a:1"));
        // Longer than the archive; and an archive that is finished, of which only the name was missing.
        for nonsense in [noise(9, 7 * MIB), wanted.clone(), vec![0; 5 * MIB]] {
            let barque = barque();
            std::fs::write(under_way(&barque), nonsense).unwrap();
            again(kind, &barque, &registry, &wanted);
        }
        // What is not this user's own file is left alone.
        let barque = barque();
        std::fs::write(barque.path("../other"), "important").unwrap();
        std::os::unix::fs::symlink("../other", under_way(&barque)).unwrap();
        let args = kind.copy(&registry.docker("a:1"), OUT);
        barque.args(args).run().ok();
        let other = std::fs::read(barque.path("../other")).unwrap();
        assert_eq!(other, b"important");
        let written = std::fs::read(barque.path(OUT)).unwrap();
        assert_eq!(sha256(&written), sha256(&wanted));
    }
}

#[test]
fn of_another_image_what_agrees_is_kept() {
    for kind in KINDS {
        let (one, two) = (
            layered(4, 4, Compression::Gzip),
            layered(4, 5, Compression::Gzip),
        );
        assert_eq!(one.layers()[..3], two.layers()[..3]);
        let registry = FakeRegistry::start().image("a", "1", &one);
        let moved = FakeRegistry::start().image("a", "1", &two);
        let wanted = undisturbed(kind, &moved.docker("a:1"));
        let barque = barque();
        stalled(kind, &barque, &registry, &one).kill();
        again(kind, &barque, &moved, &wanted);
        assert!(offsets(&moved, &two.layers()[0]).is_empty(), "{kind:?}");
        assert_eq!(offsets(&moved, &two.layers()[3]), [0], "{kind:?}");
    }
}

#[test]
fn an_archive_that_is_extended_goes_on_behind_its_members() {
    let (first, second) = (
        layered(2, 9, Compression::Gzip),
        layered(4, 4, Compression::Gzip),
    );
    let registry = FakeRegistry::start()
        .image("a", "1", &second)
        .image("b", "1", &first);
    let extend = |barque: &Barque| {
        let args = ["copy", &registry.docker("b:1"), "oci-archive:out.tar:first"];
        barque.args(args).run().ok();
    };
    let reference = barque();
    extend(&reference);
    let args = Kind::Oci.copy(&registry.docker("a:1"), OUT);
    reference.args(&args).run().ok();
    let wanted = std::fs::read(reference.path(OUT)).unwrap();

    let barque = barque();
    extend(&barque);
    let before = std::fs::read(barque.path(OUT)).unwrap();
    let cut = &second.layers()[2];
    let stall = on("GET").path(&cut.to_string()).first(1).stall_after(CUT);
    registry.add_rule(stall);
    let running = barque.args(&args).start();
    // The members of the old archive are finished as well; one of its layers is in both.
    let old = finished(&barque.path(OUT)).len() - 1;
    wait(|| finished(&under_way(&barque)).len() == old + 3);
    std::thread::sleep(Duration::from_millis(50));
    running.kill();
    assert!(std::fs::read(barque.path(OUT)).unwrap() == before);
    again(Kind::Oci, &barque, &registry, &wanted);
    let from = offsets(&registry, cut);
    assert!(from.len() == 1 && from[0] > 0, "{from:?}");
    assert!(offsets(&registry, &second.layers()[3]).is_empty());
}

#[test]
fn two_processes_that_write_one_archive_do_not_share_a_file() {
    for kind in KINDS {
        let image = layered(4, 4, Compression::Gzip);
        let registry = FakeRegistry::start().image("a", "1", &image);
        let wanted = undisturbed(kind, &registry.docker("a:1"));
        let barque = barque();
        let first = stalled(kind, &barque, &registry, &image);
        let args = kind.copy(&registry.docker("a:1"), OUT);
        barque.args(&args).run().ok();
        let written = std::fs::read(barque.path(OUT)).unwrap();
        assert_eq!(sha256(&written), sha256(&wanted), "{kind:?}");
        // The file of the one that is alive is not swept away.
        assert!(under_way(&barque).exists());
        first.kill();
        std::fs::remove_file(barque.path(OUT)).unwrap();
        again(kind, &barque, &registry, &wanted);
        assert!(offsets(&registry, &image.layers()[0]).is_empty());

        std::fs::remove_file(barque.path(OUT)).unwrap();
        let both: Vec<_> = (0..2).map(|_| barque.args(&args).start()).collect();
        for one in both {
            one.wait();
        }
        let written = std::fs::read(barque.path(OUT)).unwrap();
        assert_eq!(sha256(&written), sha256(&wanted), "{kind:?}");
        assert_eq!(Vec::from_iter(names(&barque.path(""))), [OUT], "{kind:?}");
    }
}

#[test]
fn a_full_disk_keeps_what_fits_and_the_next_run_goes_on() {
    for kind in KINDS {
        let barque = barque();
        let Some(disk) = Disk::mount(&barque.path("disk"), "3m") else {
            skips::skip("no permission to mount");
            return;
        };
        let image = layered(5, 5, Compression::Gzip);
        let registry = FakeRegistry::start().image("a", "1", &image);
        let wanted = undisturbed(kind, &registry.docker("a:1"));
        let args = kind.copy(&registry.docker("a:1"), "disk/out.tar");
        let out = barque.args(&args).run().code(6);
        for words in [
            "disk/",
            "out.tar`",
            "bytes written",
            "No space left",
            "free some space and run the same command again",
        ] {
            assert!(out.stderr().contains(words), "`{words}`: {}", out.stderr());
        }
        assert!(!barque.path("disk/out.tar").exists());

        disk.grow("20m");
        registry.clear();
        barque.args(&args).run().ok();
        let written = std::fs::read(barque.path("disk/out.tar")).unwrap();
        assert_eq!(sha256(&written), sha256(&wanted), "{kind:?}");
        assert_eq!(Vec::from_iter(names(&barque.path("disk"))), [OUT]);
        let fetched = |layer: &barque::image::Digest| -> u64 {
            let len = image.blobs[layer].len() as u64;
            let asked = offsets(&registry, layer);
            asked.iter().map(|from| len - from).sum()
        };
        let fetched: u64 = image.layers().iter().map(fetched).sum();
        let kept = weight(&image).saturating_sub(fetched);
        assert!(kept > MIB as u64, "{kind:?}: {kept} bytes kept");
    }
}

/// Kills that many copies into an archive after a random number of bytes has passed, and runs each again. At most
/// `twice` bytes may travel twice.
fn kill(kind: Kind, image: &TestImage, times: u64, twice: u64) {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    registry.feed("a:1", image);
    let wanted = sha256(&undisturbed(kind, &registry.docker("a:1")));
    let whole = weight(image);
    let mut dice = Dice::new(11);
    let (mut killed, mut most) = (0, 0);
    for _ in 0..times {
        let cutter = Cutter::counting(registry.address());
        let barque = barque();
        let args = kind.copy(&cutter.docker("a:1"), OUT);
        let point = dice.roll(0..whole + whole / 20);
        let later = dice.roll(0..30);
        let mut running = barque.args(&args).start();
        while cutter.down() < point.min(whole) && running.is_running() {
            std::thread::sleep(Duration::from_micros(200));
        }
        if point > whole {
            std::thread::sleep(Duration::from_millis(later));
        }
        let ended = running.kill();
        killed += usize::from(ended.exit_code().is_none());
        let first = cutter.down();
        match std::fs::read(barque.path(OUT)) {
            Ok(written) => assert_eq!(sha256(&written), wanted, "{kind:?}: what has the name"),
            Err(_) => drop(barque.args(&args).run().ok()),
        }
        let written = std::fs::read(barque.path(OUT)).unwrap();
        assert_eq!(
            sha256(&written),
            wanted,
            "{kind:?} after {first} of {whole}"
        );
        let left = names(&barque.path(""));
        if ended.exit_code() != Some(0) && first < whole {
            assert_eq!(Vec::from_iter(left), [OUT]);
        }
        let again = cutter.down().saturating_sub(whole);
        assert!(
            again <= twice,
            "{kind:?}: {again} bytes again after {first}"
        );
        most = most.max(again);
    }
    eprintln!("{kind:?}: {killed} of {times} killed; at most {most} of {whole} bytes twice");
    assert!(killed as u64 > times / 2);
}

#[test]
fn a_killed_copy_gives_the_archive_in_the_end() {
    let image = super::heavy(6, 3 * MIB);
    kill(Kind::Oci, &image, 10, 4 << 20);
    kill(Kind::Kept, &layered(8, 8, Compression::Gzip), 6, 4 << 20);
    kill(
        Kind::Inflated,
        &layered(8, 8, Compression::Gzip),
        8,
        6 << 20,
    );
}

#[test]
#[ignore = "long: 100 kills of copies of 160 MiB, and 100 of smaller ones"]
fn long_kills_of_archives() {
    kill(Kind::Oci, &super::heavy(20, 8 * MIB), 100, 16 << 20);
    let packed = layered(32, 32, Compression::Gzip);
    kill(Kind::Kept, &packed, 50, 16 << 20);
    kill(Kind::Inflated, &packed, 50, 16 << 20);
}
