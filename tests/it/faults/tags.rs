//! Several processes that write into one layout at once, some of them killed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{assert_holds, assert_valid_layout, barque, names, tagged};
use crate::support::cutter::Dice;
use crate::support::images::{Dialect, Maker, TestImage, noise, write_layout};

const WRITERS: u64 = 8;
const TAGS: u64 = 8;

/// An image of this writer alone.
fn image(writer: u64) -> TestImage {
    Maker::new(Dialect::Oci)
        .file_layer("data", noise(writer + 100, 200_000))
        .make()
}

#[test]
fn no_finished_tag_is_lost_and_no_lock_is_left() {
    let barque = barque();
    let images: Vec<_> = (0..WRITERS).map(image).collect();
    for (writer, image) in images.iter().enumerate() {
        write_layout(&barque.path(format!("in{writer}")), &[("1", image)]);
    }
    // A copy that nothing disturbs: kills have to come while one is under way, on fast machines too.
    let began = std::time::Instant::now();
    barque.args(["copy", "oci:in0:1", "oci:alone:1"]).run().ok();
    let most = began.elapsed().as_millis() as usize * 2;
    let write = |writer: u64| {
        let mut dice = Dice::new(writer);
        let mut finished = Vec::new();
        let mut killed = 0;
        for tag in 0..TAGS {
            let name = format!("w{writer}t{tag}");
            let args = [
                "copy".into(),
                format!("oci:in{writer}:1"),
                format!("oci:all:{name}"),
            ];
            let running = barque.args(args).start();
            if dice.roll(0..2) == 0 {
                std::thread::sleep(Duration::from_millis(dice.roll(0..most as u64)));
                let ended = running.kill();
                killed += usize::from(ended.exit_code().is_none());
                if ended.exit_code() != Some(0) {
                    continue;
                }
            } else {
                running.wait().ok();
            }
            finished.push(name);
        }
        (finished, killed)
    };
    let done: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|w| scope.spawn(move || write(w)))
            .collect();
        writers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let layout = barque.path("all");
    assert_valid_layout(&layout);
    let held: BTreeMap<_, _> = tagged(&layout);
    for (writer, (finished, _)) in done.iter().enumerate() {
        for name in finished {
            let wanted = images[writer].digest.to_string();
            assert_eq!(held.get(name), Some(&wanted), "`{name}`");
        }
    }
    // What is entered is whole, also where its writer was killed.
    for digest in held.values() {
        let hex = digest.trim_start_matches("sha256:");
        assert!(
            names(&layout.join("blobs/sha256")).contains(hex),
            "{digest}"
        );
    }
    let killed: usize = done.iter().map(|(_, killed)| killed).sum();
    eprintln!("{} tags, {killed} writers killed", held.len());
    assert!(killed >= 8, "{killed}");

    // Nobody holds the lock any more.
    barque
        .args(["copy", "oci:in0:1", "oci:all:last"])
        .run()
        .ok();
    assert_holds(&layout, "last", &images[0]);
}
