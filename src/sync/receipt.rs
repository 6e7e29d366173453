//! Receipts: what became of each image, a line of JSON each. Runs write them, and reports of several shards are made of them.

use serde::{Deserialize, Serialize};

use super::outcome::{ItemReport, Outcome};
use crate::image::Digest;

/// A line of a receipt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Line {
    /// The image at the source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The image at the target.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// `copied`, `present`, `planned`, `drifted`, `moved`, `vanished`, `deleted`, `would-delete`, `kept`, `postponed`,
    /// `interrupted` or `failed`.
    pub outcome: String,
    /// It is about an entry of the declaration and no single image: `source` and `target` are repositories.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub entry: bool,
    /// How an image that is present was found: `fast`, `state`, `strict` or `manifest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The digest at the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The digest at the source, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_digest: Option<String>,
    /// Bytes of blobs that moved, or would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Requests sent, or expected by a plan.
    pub requests: u64,
    /// Blobs that the target's registry took over from another repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounts: Option<usize>,
    /// The time from the first request to the end.
    pub seconds: f64,
    /// Why it failed, was postponed or kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The exit code that this failure has by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<u8>,
    /// What takes a deletion back: push `manifest` with this media type under the name of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoLine>,
}

/// The manifest of a tag that was deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UndoLine {
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub manifest: String,
}

impl Line {
    /// The line for an image that was being copied when the run was ended from outside.
    pub fn interrupted(source: String, target: String) -> Line {
        Line {
            source,
            target,
            outcome: "interrupted".to_owned(),
            ..Line::default()
        }
    }

    /// The line for `report`; `in_words` renders errors.
    pub fn new(report: &ItemReport, in_words: &dyn Fn(&crate::Error) -> String) -> Line {
        let mut line = Line {
            source: report.source.to_string(),
            target: report.target.to_string(),
            source_digest: report.source_digest.as_ref().map(Digest::to_string),
            requests: report.requests.values().sum(),
            seconds: rounded(report.took.as_secs_f64()),
            entry: report.is_entry,
            digest: report.outcome.digest().map(Digest::to_string),
            outcome: report.outcome.word().to_owned(),
            ..Line::default()
        };
        match &report.outcome {
            Outcome::Copied { bytes, mounts, .. } => {
                line.bytes = Some(*bytes);
                line.mounts = Some(*mounts);
            }
            Outcome::Planned(planned) => {
                line.bytes = Some(planned.bytes);
                line.requests = planned.requests.values().sum();
            }
            Outcome::Present { by, .. } => line.by = Some(by.as_str().to_owned()),
            Outcome::Failed(e) | Outcome::Postponed(e) => {
                line.error = Some(in_words(e));
                line.class = Some(e.kind().exit_code());
            }
            Outcome::Kept(why) => line.error = Some(why.clone()),
            Outcome::Deleted(undo) => {
                line.undo = Some(UndoLine {
                    media_type: undo.media_type.clone(),
                    manifest: undo.manifest.clone(),
                });
            }
            _ => {}
        }
        line
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
