//! Copies that are stopped or cut: no final name stands over half of a blob, and the next run goes on.

use super::super::support::fake::{FakeRegistry, on};
use super::*;

/// A registry whose first layer stops in the middle, once.
fn stalling() -> (FakeRegistry, TestImage) {
    let image = images::two_layers();
    let layer = image.layers()[0].to_string();
    let stall = on("GET").path(&layer).first(1).stall_after(70_000);
    (
        FakeRegistry::start().image("a", "1", &image).rule(stall),
        image,
    )
}

/// Waits until something under this directory has this many bytes.
fn wait_for_bytes(place: &Path, bytes: u64) {
    let largest = || {
        let entries = std::fs::read_dir(place).ok()?;
        entries
            .flatten()
            .filter_map(|e| Some(e.metadata().ok()?.len()))
            .max()
    };
    for _ in 0..10_000 {
        if largest().is_some_and(|len| len >= bytes) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    panic!("nothing of {bytes} bytes in {}", place.display());
}

#[test]
fn a_signal_ends_a_stalled_copy_and_the_next_run_completes_it() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for (to, place) in [
            ("dir:place", "place"),
            ("oci:place:v1", "place/blobs/sha256"),
        ] {
            let (registry, image) = stalling();
            let barque = Barque::new();
            let args = ["copy", &registry.docker("a:1"), to];
            let running = barque.args(args).start();
            let layer = image.layers()[0].clone();
            // The second layer is whole; the first waits for bytes that never come.
            wait_for_bytes(&barque.path(place), image.layer(1).len() as u64);
            while registry.requests("GET", &layer.to_string()).is_empty() {
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            running.signal(signal);
            let out = running.wait().code(code);
            assert_eq!(out.stdout(), "");
            assert!(!barque.path(place).join(layer.hex()).exists());
            assert!(!barque.path("place/manifest.json").exists());
            assert!(!barque.path("place/index.json").exists());

            registry.clear();
            barque.args(args).run().ok();
            let again = registry.requests("GET", &image.layers()[1].to_string());
            assert!(again.is_empty(), "the whole layer was kept");
            let raw = barque.args(["inspect", "--raw", to]).run().ok();
            assert_eq!(raw.stdout_bytes(), image.manifest);
            let written = std::fs::read(barque.path(place).join(layer.hex())).unwrap();
            assert!(written == image.layer(0));
        }
    }
}

#[test]
fn a_signal_ends_a_program_whose_output_nobody_takes() {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let program = env!("CARGO_BIN_EXE_barque");
    let sh = super::super::support::sandbox::Sandbox::of("sh");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        // The pipe is full before anything is printed.
        let line = format!(
            "mkfifo {signal}; exec 3<>{signal}; head -c 65536 /dev/zero >&3; \
             {program} inspect --raw {} >&3 & pid=$!; sleep 1; kill -{signal} $pid; wait $pid; echo $?",
            registry.docker("a:1")
        );
        let out = sh.args(["-c", &line]).run().ok();
        assert_eq!(out.stdout().trim(), code.to_string(), "{}", out.stderr());
    }
}

#[test]
fn the_end_of_a_terminal_ends_a_program_in_order_unless_that_is_ignored() {
    let to = FakeRegistry::start().rule(on("PUT").path("/blobs/").hang());
    let from = FakeRegistry::start().image("a", "1", &images::small());
    let copy = format!(
        "{} copy {} {}",
        env!("CARGO_BIN_EXE_barque"),
        from.docker("a:1"),
        to.docker("b:1")
    );
    let sh = super::super::support::sandbox::Sandbox::of("sh");
    for (first, signals, code) in [("", "HUP", "129"), ("trap '' HUP;", "HUP TERM", "143")] {
        let uploads = to.requests("PUT", "/blobs/").len();
        let line = format!(
            "{first} {copy} & pid=$!; read go; for s in {signals}; do kill -s $s $pid; sleep 1; done; wait $pid; echo $?"
        );
        let fifo = sh.path("go");
        let _ = std::fs::remove_file(&fifo);
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let running = sh.args(["-c", &line.replace("read go", "read go < go")]);
        let running = running.start();
        while to.requests("PUT", "/blobs/").len() == uploads {
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
        std::fs::write(&fifo, "go\n").unwrap();
        let out = running.wait();
        assert_eq!(out.stdout().trim(), code, "{}", out.stderr());
        assert!(
            out.stderr().contains("barque: interrupted"),
            "{}",
            out.stderr()
        );
    }
}

#[test]
fn a_signal_ends_a_stalled_upload() {
    let to = FakeRegistry::start().rule(on("PUT").path("/blobs/").hang());
    let from = FakeRegistry::start().image("a", "1", &images::small());
    let barque = Barque::new();
    let args = ["copy", &from.docker("a:1"), &to.docker("b:1")];
    let running = barque.args(args).start();
    while to.requests("PUT", "/blobs/").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    running.signal("INT");
    running.wait().code(130);
    assert!(to.requests("PUT", "/manifests/").is_empty());
    assert_eq!(to.manifest("b", "1"), None);
}

#[test]
fn a_download_that_breaks_off_goes_on_at_its_offset() {
    let image = images::two_layers();
    let layer = image.layers()[0].to_string();
    for fault in [
        on("GET").path(&layer).first(1).rst_after(70_000),
        on("GET").path(&layer).first(1).fin_after(70_000),
        on("GET").path(&layer).first(2).fin_after(40_000),
    ] {
        let from = FakeRegistry::start().image("a", "1", &image).rule(fault);
        let to = FakeRegistry::start();
        let barque = Barque::new();
        let args = ["copy", &from.docker("a:1"), &to.docker("b:1")];
        barque.args(args).run().ok();
        assert!(!from.with_header("range").is_empty(), "{:?}", from.lines());
        assert_eq!(
            to.blob("b", &image.layers()[0]).as_deref(),
            Some(image.layer(0))
        );
        assert_eq!(to.requests("PUT", &layer).len(), 1, "one upload");
        barque
            .args(["copy", &from.docker("a:1"), "dir:dir"])
            .run()
            .ok();
        is_dir_of(&barque.path("dir"), &image);
    }
}
