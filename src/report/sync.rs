//! What `sync` says of its work: lines for people, receipts for programs.

use std::io::{self, Write};

use indicatif::MultiProgress;
use serde::Serialize;

use super::failure::clean;
use super::table::human_size;
use crate::Error;
use crate::image::Digest;
use crate::sync::run::{ItemReport, Outcome};

/// The sums of a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Entries of the declaration.
    pub(crate) sources: usize,
    /// Images that are at their target.
    pub(crate) synced: usize,
    /// How many of these were copied.
    pub(crate) copied: usize,
    /// Bytes of blobs that moved.
    pub(crate) bytes: u64,
    /// Targets with another image that was left alone.
    pub(crate) drifted: usize,
    /// Failures.
    pub(crate) failed: usize,
}

/// Prints a line on stderr without disturbing progress on `screen`.
pub(crate) fn print(line: &str, screen: &MultiProgress) {
    // A closed stderr is no reason to fail.
    let _ = screen.suspend(|| writeln!(io::stderr(), "{}", clean(line)));
}

/// The last line of a run; it begins as skopeo's does.
pub(crate) fn summary(counts: &Counts, dry_run: bool) -> String {
    let done = if dry_run {
        "Would have synced"
    } else {
        "Synced"
    };
    let Counts {
        sources,
        synced,
        copied,
        bytes,
        drifted,
        failed,
    } = counts;
    let mut text = format!("{done} {synced} images from {sources} sources");
    let moved = human_size(*bytes);
    text += &match dry_run {
        true => format!(": {copied} to copy ({moved})"),
        false => format!(": {copied} copied ({moved})"),
    };
    text += &format!(", {} unchanged", synced - copied);
    if *drifted > 0 {
        text += &format!(", {drifted} drifted");
    }
    if *failed > 0 {
        text += &format!(", {failed} failed");
    }
    text
}

/// The line about one image and target.
pub(crate) fn line(report: &ItemReport) -> String {
    let (source, target) = (&report.source, &report.target);
    match &report.outcome {
        Outcome::Copied { bytes, .. } => {
            format!("copied `{source}` to `{target}` ({})", human_size(*bytes))
        }
        Outcome::Planned { bytes } => format!(
            "would copy `{source}` to `{target}` ({})",
            human_size(*bytes)
        ),
        Outcome::Present { .. } => format!("`{target}` is unchanged"),
        Outcome::Drifted => {
            format!("`{target}` has another image than `{source}` and is left alone")
        }
        Outcome::Vanished => format!("`{source}` vanished after its tag was listed"),
        Outcome::Failed(e) => format!("barque: {}", in_one_line(e)),
    }
}

/// `error` with its causes.
fn in_one_line(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(e) = cause {
        text += &format!(": {e}");
        cause = e.source();
    }
    text
}

/// The digest that an image has at its target, if that is known.
pub(crate) fn digest_of(outcome: &Outcome) -> Option<&Digest> {
    match outcome {
        Outcome::Copied { digest, .. } => Some(digest),
        Outcome::Present { digest } => digest.as_ref(),
        _ => None,
    }
}

#[derive(Serialize)]
struct Line {
    source: String,
    target: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The exit code that this failure has by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<u8>,
}

/// One line of a receipt: JSON and a newline.
pub(crate) fn receipt_line(report: &ItemReport) -> String {
    let (outcome, bytes, error) = match &report.outcome {
        Outcome::Copied { bytes, .. } => ("copied", Some(*bytes), None),
        Outcome::Planned { bytes } => ("planned", Some(*bytes), None),
        Outcome::Present { .. } => ("present", None, None),
        Outcome::Drifted => ("drifted", None, None),
        Outcome::Vanished => ("vanished", None, None),
        Outcome::Failed(e) => ("failed", None, Some(e)),
    };
    let line = Line {
        source: report.source.to_string(),
        target: report.target.to_string(),
        outcome,
        digest: digest_of(&report.outcome).map(Digest::to_string),
        bytes,
        seconds: (report.took.as_secs_f64() * 1000.0).round() / 1000.0,
        error: error.map(in_one_line),
        class: error.map(|e| e.kind().exit_code()),
    };
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}
