//! What `sync` says of its work: lines for people, receipts for programs.

use std::io::{self, Write};

use indicatif::MultiProgress;
use serde::Serialize;

use super::failure::{clean, one_line};
use super::table::human_size;
use crate::image::Digest;
use crate::sync::run::{ItemReport, Outcome, Summary};

/// Prints a line on stderr without disturbing progress on `screen`.
pub(crate) fn print(line: &str, screen: &MultiProgress) {
    // A closed stderr is no reason to fail.
    let _ = screen.suspend(|| writeln!(io::stderr(), "{}", clean(line)));
}

/// The last line of a run; it begins as skopeo's does.
pub(crate) fn summary(summary: &Summary, dry_run: bool) -> String {
    let done = if dry_run {
        "Would have synced"
    } else {
        "Synced"
    };
    let Summary {
        sources,
        synced,
        copied,
        bytes,
        drifted,
        failed,
        ..
    } = summary;
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
        Outcome::Failed(e) => format!("barque: {}", one_line(e)),
    }
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
        error: error.map(one_line),
        class: error.map(|e| e.kind().exit_code()),
    };
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}
