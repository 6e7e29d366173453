//! Connections that are reset after a random number of bytes: everything arrives, and little of it twice.

use std::ops::Range;

use super::{assert_holds, barque, heavy, weight};
use crate::support::cutter::Cutter;
use crate::support::fake::FakeRegistry;
use crate::support::images::{TestImage, write_layout};
use crate::support::peers::{self, DockerRegistry};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Where connections are cut, and how many bytes may travel for each that is needed.
struct Weather {
    lengths: Range<u64>,
    ratio: f64,
}

/// Random lengths from 64 KiB on, and with every tenth seed that of 64 KiB always.
fn weather(seed: u64) -> Weather {
    match seed % 10 {
        9 => Weather {
            lengths: 64 * KIB..64 * KIB + 1,
            ratio: 1.10,
        },
        _ => Weather {
            lengths: 64 * KIB..4 * MIB,
            ratio: 1.05,
        },
    }
}

/// Requires that not too much travelled, and tells what did.
#[track_caller]
fn judge(what: &str, seed: u64, bytes: u64, image: &TestImage, weather: &Weather, cuts: usize) {
    let ratio = bytes as f64 / weight(image) as f64;
    eprintln!("{what} seed {seed}: {cuts} cuts, {ratio:.4} of the bytes");
    assert!(cuts > 0);
    assert!(ratio <= weather.ratio, "seed {seed}: {ratio:.4}");
}

fn pulls(image: &TestImage, seeds: Range<u64>) {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    registry.feed("a:1", image);
    for seed in seeds {
        let weather = weather(seed);
        let cutter = Cutter::start(registry.address(), seed, weather.lengths.clone());
        let barque = barque();
        let args = ["copy", &cutter.docker("a:1"), "oci:out:1"];
        barque.args(args).run().ok();
        assert_holds(&barque.path("out"), "1", image);
        judge("pull", seed, cutter.down(), image, &weather, cutter.cuts());
    }
}

fn pushes(image: &TestImage, seeds: Range<u64>) {
    let barque = barque();
    write_layout(&barque.path("in"), &[("1", image)]);
    for seed in seeds {
        let weather = weather(seed);
        let registry = FakeRegistry::start();
        let cutter = Cutter::start(registry.address(), seed, weather.lengths.clone());
        let args = ["copy", "oci:in:1", &cutter.docker("a:1")];
        // The fake works on one request at a time: more lanes would only wait for it.
        let lanes = ["--image-parallel-copies", "4"];
        barque.args(args).args(lanes).run().ok();
        assert_eq!(registry.manifest("a", "1").as_ref(), Some(&image.manifest));
        for (digest, bytes) in &image.blobs {
            assert!(
                registry.blob("a", digest).as_ref() == Some(bytes),
                "{digest}"
            );
        }
        judge("push", seed, cutter.up(), image, &weather, cutter.cuts());
    }
}

#[test]
fn a_pull_over_a_line_that_is_cut_again_and_again() {
    pulls(&heavy(20, 1 << 20), 6..11);
}

#[test]
fn a_push_over_a_line_that_is_cut_again_and_again() {
    pushes(&heavy(20, 1 << 20), 6..11);
}

/// distribution 2.8 forgets what broke off: each blob begins again until it gets through.
#[test]
fn a_push_to_a_registry_that_keeps_nothing_of_what_broke_off() {
    peers::needs!("docker-registry", "skopeo");
    let image = heavy(8, 1 << 20);
    let barque = barque();
    write_layout(&barque.path("in"), &[("1", &image)]);
    let mut cuts = 0;
    for seed in 0..3 {
        let registry = DockerRegistry::open();
        let cutter = Cutter::start(registry.address(), seed, 64 * KIB..4 * MIB);
        let args = ["copy", "oci:in:1", &cutter.docker("a:1")];
        barque.args(args).run().ok();
        cuts += cutter.cuts();
        barque
            .args([
                "copy",
                &registry.docker("a:1"),
                &format!("oci:back{seed}:1"),
            ])
            .run()
            .ok();
        assert_holds(&barque.path(format!("back{seed}")), "1", &image);
    }
    assert!(cuts > 0);
}

#[test]
#[ignore = "long: 50 seeds of 160 MiB"]
fn long_pulls() {
    pulls(&heavy(20, 8 << 20), 0..50);
}

#[test]
#[ignore = "long: 50 seeds of 160 MiB"]
fn long_pushes() {
    pushes(&heavy(20, 8 << 20), 0..50);
}
