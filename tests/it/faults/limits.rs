//! Limits on open files and threads: an error that names them, or all is done; never a panic, and never a wait.

use super::heavy;
use crate::support::fake::FakeRegistry;
use crate::support::peers;
use crate::support::sandbox::{Output, Sandbox};

/// A user that runs nothing else on this machine.
const USER: &str = "2718281";

/// barque after these words.
fn after(words: &[&str]) -> Sandbox {
    let sandbox = Sandbox::of(words[0]);
    let sandbox = words[1..].iter().fold(sandbox, |s, word| s.first_arg(word));
    sandbox.first_arg(env!("CARGO_BIN_EXE_barque"))
}

#[track_caller]
fn is_done_or_told(out: &Output, hint: &str) -> bool {
    let text = out.stderr();
    assert!(!text.contains("panicked"), "{text}");
    match out.exit_code() {
        Some(0) => true,
        Some(1..=6) if text.contains(hint) => false,
        other => panic!("exit code {other:?}: {text}"),
    }
}

#[test]
fn few_open_files_are_an_error_with_a_hint() {
    peers::needs!("prlimit");
    let registry = FakeRegistry::start().image("a", "1", &heavy(4, 200_000));
    let mut done = Vec::new();
    // With fewer the system cannot even load the program's libraries.
    for files in (4..=24).chain([40, 64]) {
        let limit = format!("--nofile={files}");
        let barque = after(&["prlimit", &limit]);
        let image = registry.docker("a:1");
        for args in [
            vec!["tags", &registry.docker("a")],
            vec!["copy", &image, "oci:out:1"],
            vec![
                "copy",
                "--dest-compress-format",
                "zstd",
                &image,
                "oci-archive:out.tar:1",
            ],
        ] {
            let out = barque.args(&args).run();
            done.push(is_done_or_told(&out, "`ulimit -n`"));
        }
    }
    assert!(!done[0] && done[done.len() - 1], "{done:?}");
}

#[test]
fn few_threads_are_an_error_with_a_hint() {
    if peers::missing(&["prlimit", "setpriv"]) || !is_root() {
        return;
    }
    let registry = FakeRegistry::start().image("a", "1", &heavy(4, 200_000));
    let mut done = Vec::new();
    for threads in (1..=8).chain([20, 34, 80]) {
        let limit = format!("--nproc={threads}");
        let id = format!("--reuid={USER}");
        let barque = after(&["prlimit", &limit, "setpriv", &id, "--clear-groups"]);
        open_to_all(&barque.path(".."));
        for args in [
            vec!["tags", &registry.docker("a")],
            vec!["copy", &registry.docker("a:1"), "oci:out:1"],
        ] {
            let out = barque.args(&args).run();
            done.push(is_done_or_told(&out, "`ulimit -u`"));
        }
    }
    assert!(done.contains(&false) && done[done.len() - 1], "{done:?}");
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

fn open_to_all(root: &std::path::Path) {
    let chmod = std::process::Command::new("chmod")
        .args(["-R", "a+rwX"])
        .arg(root)
        .status();
    assert!(chmod.unwrap().success());
}
