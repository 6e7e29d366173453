//! The words about a copy: the plan before it (`plan`), the summary and the receipt after it.

mod plan;

use std::collections::BTreeMap;

use indicatif::MultiProgress;
use serde::Serialize;

use super::progress::print;
use super::table::{counted, human_size};
use crate::copy::{AttachedDone, BlobOutcome, CopyReport, Recoded};
use crate::image::{Descriptor, Digest, MediaType};
use crate::transport::Attachment;

pub(crate) use plan::PlanReport;

/// Prints the summary line of a copy to stderr, around the bars.
pub(crate) fn print_summary(report: &CopyReport, screen: &MultiProgress) {
    print(&summary(report), screen);
}

/// As [`print_summary`], for one of several destinations.
pub(crate) fn print_summary_of_one(report: &CopyReport, screen: &MultiProgress) {
    let line = match report.up_to_date {
        true => summary(report),
        false => format!("`{}`: {}", report.destination, summary(report)),
    };
    print(&line, screen);
}

/// As [`print_summary`], for a repair, after which `all_is_right` or not. Says nothing where it wrote nothing.
pub(crate) fn print_repair(report: &CopyReport, all_is_right: bool, screen: &MultiProgress) {
    let copied = report.count(BlobOutcome::Written) + report.count(BlobOutcome::Mounted);
    let wrote = copied + report.manifests.len() + report.attached.len();
    if wrote == 0 && !all_is_right {
        return;
    }
    let repaired = CopyReport {
        up_to_date: wrote == 0,
        ..report.clone()
    };
    print_summary(&repaired, screen);
}

/// One line: what moved, what was there, how long it took.
pub(crate) fn summary(report: &CopyReport) -> String {
    let attached = report.attached.len() as u64;
    let attached = (attached > 0).then(|| counted(attached, "manifest"));
    if report.up_to_date {
        let up_to_date = format!("`{}` is up to date", report.destination);
        return match attached {
            Some(attached) => format!("{up_to_date}; attached {attached}"),
            None => up_to_date,
        };
    }
    let copied = report.count(BlobOutcome::Written);
    let mounted = report.count(BlobOutcome::Mounted);
    let present = report.count(BlobOutcome::Present);
    if copied + mounted == 0 {
        let attached = attached.map(|attached| format!("attached {attached}"));
        let written = match (report.manifests.len() as u64, attached) {
            (0, Some(attached)) => attached,
            (n, Some(attached)) => format!("wrote {}, {attached}", counted(n, "manifest")),
            (n, None) => format!("wrote {}", counted(n, "manifest")),
        };
        return match report.blobs.is_empty() {
            true => written,
            false => format!("{written}; all blobs already present"),
        };
    }
    let mut parts = Vec::new();
    if copied > 0 {
        let resumed = report.blobs.iter().filter(|b| b.resumed_from > 0).count();
        let resumed = match resumed {
            0 => String::new(),
            n if n == copied => ", resumed".to_owned(),
            n => format!(", {n} resumed"),
        };
        let size = human_size(report.bytes);
        parts.push(format!(
            "copied {} ({size}{resumed})",
            counted(copied as u64, "blob")
        ));
    }
    let mut add = |count: usize, text: &str| {
        if count > 0 {
            parts.push(text.replace('N', &count.to_string()));
        }
    };
    add(mounted, "mounted N");
    add(present, "N already present");
    if report.manifests.len() > 1 {
        add(report.manifests.len(), "wrote N manifests");
    }
    parts.extend(attached.map(|attached| format!("attached {attached}")));
    let requests: u64 = report.requests.values().sum();
    if requests > 0 {
        parts.push(counted(requests, "request"));
    }
    format!(
        "{} in {:.1} s",
        parts.join(", "),
        report.duration.as_secs_f64()
    )
}

/// The result of a copy, as `--receipt` writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Receipt<'a> {
    source: &'a str,
    destination: &'a str,
    digest: &'a Digest,
    up_to_date: bool,
    /// Children before parents.
    manifests: &'a [Digest],
    /// The manifests that were copied along with the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached: Vec<AttachedLine<'a>>,
    blobs: Vec<BlobLine<'a>>,
    /// Read from the source.
    bytes_moved: u64,
    requests: &'a BTreeMap<String, u64>,
    /// Mirrors that did not serve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mirrors_passed_over: Vec<MirrorLine<'a>>,
    notes: &'a [String],
    seconds: f64,
}

/// A mirror that did not serve, in a receipt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MirrorLine<'a> {
    mirror: &'a str,
    reason: &'a str,
}

/// A blob in a receipt or a plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BlobLine<'a> {
    digest: &'a Digest,
    size: u64,
    media_type: &'a MediaType,
    /// `copied`, `mounted` or `present` in a receipt; `transfer`, `mount` (`mount-or-transfer` where that is not clear),
    /// `recode` or `present` in a plan.
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed_from: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recoded: Option<RecodedLine<'a>>,
}

/// How a layer's bytes change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RecodedLine<'a> {
    /// `plain`, `gzip` or `zstd`.
    form: &'static str,
    from_digest: &'a Digest,
    from_size: u64,
    diff_id: &'a Digest,
}

impl<'a> BlobLine<'a> {
    fn new(
        blob: &'a Descriptor,
        action: &'static str,
        resumed_from: u64,
        recoded: Option<&'a Recoded>,
    ) -> BlobLine<'a> {
        BlobLine {
            digest: &blob.digest,
            size: blob.size,
            media_type: &blob.media_type,
            action,
            resumed_from: (resumed_from > 0).then_some(resumed_from),
            recoded: recoded.map(|recoded| RecodedLine {
                form: recoded.form().as_str(),
                from_digest: &recoded.from.digest,
                from_size: recoded.from.size,
                diff_id: &recoded.diff_id,
            }),
        }
    }
}

/// A manifest that belongs to the image, in a receipt or a plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedLine<'a> {
    digest: &'a Digest,
    size: u64,
    media_type: &'a MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a MediaType>,
    subject: &'a Digest,
    /// The tag at which it is found; a referrer has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
}

impl<'a> AttachedLine<'a> {
    fn of(entry: &'a Descriptor, subject: &'a Digest, how: &'a Attachment) -> AttachedLine<'a> {
        AttachedLine {
            digest: &entry.digest,
            size: entry.size,
            media_type: &entry.media_type,
            artifact_type: entry.artifact_type.as_ref(),
            subject,
            tag: match how {
                Attachment::Referrer => None,
                Attachment::Tag(tag) => Some(tag.as_str()),
            },
        }
    }

    fn new(done: &'a AttachedDone) -> AttachedLine<'a> {
        AttachedLine::of(&done.entry, &done.subject, &done.how)
    }
}

impl<'a> Receipt<'a> {
    /// The receipt of a finished copy.
    pub(crate) fn new(report: &'a CopyReport) -> Receipt<'a> {
        let action = |outcome| match outcome {
            BlobOutcome::Written | BlobOutcome::Deferred => "copied",
            BlobOutcome::Mounted => "mounted",
            BlobOutcome::Present => "present",
        };
        let blobs = report.blobs.iter().map(|b| {
            let recoded = b.recoded.as_deref();
            BlobLine::new(&b.blob, action(b.outcome), b.resumed_from, recoded)
        });
        let mirrors = report.passed_over.iter().map(|passed| MirrorLine {
            mirror: &passed.place,
            reason: &passed.reason,
        });
        Receipt {
            source: &report.source,
            destination: &report.destination,
            digest: &report.digest,
            up_to_date: report.up_to_date,
            manifests: &report.manifests,
            attached: report.attached.iter().map(AttachedLine::new).collect(),
            blobs: blobs.collect(),
            bytes_moved: report.bytes,
            requests: &report.requests,
            mirrors_passed_over: mirrors.collect(),
            notes: &report.notes,
            seconds: (report.duration.as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }
}

#[cfg(test)]
mod tests;
