//! Messages of `extract`: one line on stderr, and what could not be kept.

use std::path::Path;

use indicatif::MultiProgress;

use super::progress::print;
use super::table::{counted, human_size};
use crate::rootfs::Extracted;

/// Prints how much was extracted.
pub(crate) fn print_summary(done: &Extracted, to: &Path, screen: &MultiProgress) {
    let size = human_size(done.bytes);
    let files = counted(done.files, "file");
    let line = format!("extracted {files} ({size}) into `{}`", to.display());
    print(&line, screen);
}

/// Warns of what the files lack.
pub(crate) fn warn_of_skipped(done: &Extracted) {
    let skipped = done.skipped;
    if skipped.devices > 0 {
        let devices = counted(skipped.devices, "device");
        match cfg!(unix) {
            true => tracing::warn!("{devices} left out: only root may make devices"),
            false => tracing::warn!("{devices} left out: files are no devices or pipes here"),
        }
    }
    if skipped.links > 0 {
        let links = counted(skipped.links, "symbolic link");
        tracing::warn!("{links} left out: the system does not let this user make links");
    }
    if skipped.names > 0 {
        let files = counted(skipped.names, "file");
        tracing::warn!(
            "{files} left out: files here cannot have such names, or not both in capitals and in small letters"
        );
    }
    if skipped.xattrs > 0 {
        let attributes = counted(skipped.xattrs, "extended attribute");
        tracing::warn!("{attributes} not set: the system does not permit it here");
    }
}
