//! What `extract` says: one line on stderr, and what could not be kept.

use std::io::{self, Write};
use std::path::Path;

use indicatif::MultiProgress;

use super::failure::clean;
use super::table::human_size;
use crate::rootfs::Extracted;

/// Prints how much was extracted.
pub(crate) fn print_summary(done: &Extracted, to: &Path, screen: &MultiProgress) {
    let size = human_size(done.bytes);
    let files = counted(done.files, "file");
    let line = format!("extracted {files} ({size}) into `{}`", to.display());
    // A closed stderr is no reason to fail when all is done.
    let _ = screen.suspend(|| writeln!(io::stderr(), "{}", clean(&line)));
}

/// Warns of what the files lack.
pub(crate) fn warn_of_skipped(done: &Extracted) {
    let skipped = done.skipped;
    if skipped.devices > 0 {
        let devices = counted(skipped.devices, "device");
        tracing::warn!("{devices} left out: only root may make devices");
    }
    if skipped.xattrs > 0 {
        let attributes = counted(skipped.xattrs, "extended attribute");
        tracing::warn!("{attributes} not set: the system does not permit it here");
    }
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}
