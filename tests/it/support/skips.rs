//! Tests that cannot run on this machine: each says why, and `.ci/test` counts and lists them at the end.
//!
//! `BARQUE_TEST_LOG` names the file that collects the skips of a run. With `BARQUE_TEST_ALL` set, a missing program or
//! fixture is a failure instead, so that nothing passes unseen where everything should be there.

use std::io::Write as _;

/// Records that the current test is skipped because `what` is missing.
///
/// # Panics
///
/// With `BARQUE_TEST_ALL` set.
#[track_caller]
pub fn missing(what: &str) {
    let all = std::env::var_os("BARQUE_TEST_ALL").is_some();
    assert!(!all, "missing: {what}");
    skip(what);
}

/// Records that the current test is skipped, for a reason that an installed package does not change.
pub fn skip(why: &str) {
    eprintln!("skipped: {why}");
    let Some(path) = std::env::var_os("BARQUE_TEST_LOG") else {
        return;
    };
    let mut log = std::fs::File::options();
    let mut log = log.create(true).append(true).open(path).unwrap();
    // One write for each line: tests run side by side.
    log.write_all(format!("{why}\n").as_bytes()).unwrap();
}
