//! The words about a finished copy.

use std::io::{self, Write};

use indicatif::MultiProgress;

use super::failure::clean;
use super::table::human_size;
use crate::copy::CopyReport;

/// Prints the summary line of a copy to stderr, around the bars.
pub fn print_summary(report: &CopyReport, screen: &MultiProgress) {
    let line = summary(report);
    // A closed stderr is no reason to fail a copy that is done.
    let _ = screen.suspend(|| writeln!(io::stderr(), "{}", clean(&line)));
}

/// One line: what moved, what was there, how long it took.
pub fn summary(report: &CopyReport) -> String {
    if report.up_to_date {
        return format!("`{}` is up to date", report.destination);
    }
    let mut parts = vec![format!(
        "copied {} ({})",
        blobs(report.blobs_copied),
        human_size(report.bytes)
    )];
    if report.blobs_mounted > 0 {
        parts.push(format!("mounted {}", report.blobs_mounted));
    }
    if report.blobs_present > 0 {
        parts.push(format!("found {} in place", report.blobs_present));
    }
    if report.manifests > 1 {
        parts.push(format!("wrote {} manifests", report.manifests));
    }
    format!(
        "{} in {:.1} s",
        parts.join(", "),
        report.duration.as_secs_f64()
    )
}

fn blobs(n: usize) -> String {
    if n == 1 {
        "1 blob".to_owned()
    } else {
        format!("{n} blobs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Algorithm, Digest};
    use std::time::Duration;

    #[test]
    fn the_summary_names_only_what_happened() {
        let mut report = CopyReport {
            source: "docker://a".into(),
            destination: "oci:b".into(),
            digest: Digest::of(Algorithm::Sha256, b""),
            up_to_date: false,
            blobs_copied: 1,
            blobs_present: 0,
            blobs_mounted: 0,
            bytes: 12_300_000,
            manifests: 1,
            notes: Vec::new(),
            duration: Duration::from_millis(1234),
        };
        assert_eq!(summary(&report), "copied 1 blob (12.3 MB) in 1.2 s");
        report.blobs_copied = 2;
        report.blobs_present = 3;
        assert_eq!(
            summary(&report),
            "copied 2 blobs (12.3 MB), found 3 in place in 1.2 s"
        );
        report.up_to_date = true;
        assert_eq!(summary(&report), "`oci:b` is up to date");
    }
}
