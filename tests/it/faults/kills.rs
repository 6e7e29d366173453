//! Copies that are killed (`SIGKILL`) at random points, and run again.

use std::time::Duration;

use super::{assert_holds, assert_valid_layout, barque, heavy, weight};
use crate::support::cutter::{Cutter, Dice};
use crate::support::images::TestImage;
use crate::support::peers::{self, DockerRegistry};

/// Kills that many copies of `image` after a random number of its bytes has passed, and runs each again. At most
/// `twice` bytes may travel twice.
fn kill(image: &TestImage, times: u64, twice: u64) {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    registry.feed("a:1", image);
    let whole = weight(image);
    let mut dice = Dice::new(7);
    let (mut killed, mut most, mut resumed) = (0, 0, 0);
    for _ in 0..times {
        let cutter = Cutter::counting(registry.address());
        let barque = barque();
        let args = ["copy", &cutter.docker("a:1"), "oci:out:1"];
        // Some points are behind the last byte: in the writing of manifests and of the index.
        let point = dice.roll(0..whole + whole / 10);
        let later = dice.roll(0..30);
        let mut running = barque.args(args).start();
        while cutter.down() < point.min(whole) && running.is_running() {
            std::thread::sleep(Duration::from_micros(200));
        }
        if point > whole {
            std::thread::sleep(Duration::from_millis(later));
        }
        let ended = running.kill();
        assert_valid_layout(&barque.path("out"));
        let first = cutter.down();
        barque.args(args).run().ok();
        assert_holds(&barque.path("out"), "1", image);
        let again = cutter.down().saturating_sub(whole);
        assert!(
            again <= twice,
            "{again} bytes again after {first} of {whole}"
        );
        killed += usize::from(ended.exit_code().is_none());
        resumed += usize::from(first > 0 && first < whole);
        most = most.max(again);
    }
    eprintln!(
        "{killed} of {times} killed, {resumed} in the middle; at most {most} bytes travelled twice"
    );
    assert!(killed as u64 > times / 2);
}

#[test]
fn a_killed_copy_leaves_a_valid_layout_and_is_continued() {
    kill(&heavy(6, 3 << 20), 25, 6 << 20);
}

#[test]
#[ignore = "long: 200 kills of copies of 160 MiB"]
fn long_kills() {
    kill(&heavy(20, 8 << 20), 200, 16 << 20);
}
