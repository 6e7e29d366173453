//! The words about a copy: the plan before it, the summary and the receipt after it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use indicatif::MultiProgress;
use serde::Serialize;

use super::failure::clean;
use super::json;
use super::table::{self, Align, Table, human_size};
use crate::copy::{
    AttachedDone, AttachedStep, Awaits, BlobOutcome, BlobStep, CopyReport, ManifestStep,
    PlannedCopy, Recoded,
};
use crate::image::{Descriptor, Digest, MediaType};
use crate::transport::{Attachment, Presence};

/// Prints the summary line of a copy to stderr, around the bars.
pub(crate) fn print_summary(report: &CopyReport, screen: &MultiProgress) {
    let line = summary(report);
    // A closed stderr is no reason to fail a copy that is done.
    let _ = screen.suspend(|| writeln!(io::stderr(), "{}", clean(&line)));
}

/// As [`print_summary`], for one of several destinations.
pub(crate) fn print_summary_of_one(report: &CopyReport, screen: &MultiProgress) {
    let line = match report.up_to_date {
        true => summary(report),
        false => format!("`{}`: {}", report.destination, summary(report)),
    };
    let _ = screen.suspend(|| writeln!(io::stderr(), "{}", clean(&line)));
}

/// One line: what moved, what was there, how long it took.
pub(crate) fn summary(report: &CopyReport) -> String {
    let attached = attached(report.attached.len());
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
        let written = match report.manifests.len() {
            1 => "1 manifest".to_owned(),
            n => format!("{n} manifests"),
        };
        let written = match attached {
            Some(attached) => format!("{written}, attached {attached}"),
            None => written,
        };
        return format!("wrote {written}; all blobs already present");
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
        parts.push(format!("copied {} ({size}{resumed})", blobs(copied)));
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
        parts.push(format!(
            "{requests} request{}",
            if requests == 1 { "" } else { "s" }
        ));
    }
    format!(
        "{} in {:.1} s",
        parts.join(", "),
        report.duration.as_secs_f64()
    )
}

/// What a copy did, as `--receipt` writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Receipt<'a> {
    source: &'a str,
    destination: &'a str,
    digest: &'a Digest,
    up_to_date: bool,
    /// Children before parents.
    manifests: &'a [Digest],
    /// What was copied along with the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached: Vec<AttachedLine<'a>>,
    blobs: Vec<BlobLine<'a>>,
    /// Read from the source.
    bytes_moved: u64,
    requests: &'a BTreeMap<String, u64>,
    notes: &'a [String],
    seconds: f64,
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

/// How many requests a plan is expected to take, its making included.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RequestsLine {
    source: u64,
    destination: u64,
    total: u64,
}

/// A manifest in a plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestLine<'a> {
    media_type: &'a MediaType,
    /// Without a digest and a size where the blobs have to be written first.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
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
            notes: &report.notes,
            seconds: (report.duration.as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }
}

/// What a copy would do, as `--dry-run` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PlanReport<'a> {
    source: String,
    destination: String,
    up_to_date: bool,
    blobs: Vec<BlobLine<'a>>,
    manifests: Vec<ManifestLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached: Vec<AttachedLine<'a>>,
    /// Of blobs that are expected to be transferred; what is mounted does not move.
    bytes_to_move: u64,
    /// Of layers, for this plan: a registry of V1 tells no digests.
    #[serde(skip_serializing_if = "is_none")]
    bytes_read: u64,
    requests_expected: RequestsLine,
    /// Manifests that are written; one that is made of what is read on the way is not listed.
    #[serde(skip)]
    writes: usize,
    notes: Vec<String>,
}

impl<'a> PlanReport<'a> {
    /// The report of `plan`; the names are those of the two sides.
    pub(crate) fn new(planned: &'a PlannedCopy) -> PlanReport<'a> {
        let plan = planned.plan();
        let (source, destination) = (planned.source().name(), planned.destination().name());
        let action = |step: &BlobStep| match (step.recoded(), step.presence) {
            (Some(_), _) => "recode",
            (None, Presence::Present) => "present",
            (None, Presence::Absent) if step.expected == BlobOutcome::Mounted => "mount",
            (None, Presence::Absent) => "transfer",
            (None, Presence::AskedOnWrite) => "mount-or-transfer",
        };
        // What the destination will have, with the bytes that move for it.
        let line = |step: &'a BlobStep| {
            let mut line = BlobLine::new(&step.blob, action(step), 0, step.recoded());
            line.size = step.moving().size;
            line
        };
        let manifest = |step: &'a ManifestStep| {
            let known = step.awaits == Awaits::Nothing;
            ManifestLine {
                media_type: step.manifest.media_type(),
                digest: known.then(|| step.manifest.digest()),
                size: known.then(|| step.manifest.raw().len() as u64),
            }
        };
        PlanReport {
            source,
            destination,
            up_to_date: plan.is_done(),
            blobs: plan.blobs.iter().map(line).collect(),
            manifests: plan
                .manifests
                .iter()
                .filter(|_| !plan.upgrades)
                .map(manifest)
                .collect(),
            attached: {
                let line = |step: &'a AttachedStep| {
                    let how = step.how.as_ref()?;
                    Some(AttachedLine::of(&step.entry, &step.subject, how))
                };
                plan.attached.iter().filter_map(line).collect()
            },
            writes: plan.manifests.len() + plan.attached.len(),
            bytes_to_move: plan
                .blobs
                .iter()
                .filter(|b| b.expected == BlobOutcome::Written)
                .fold(0, |all, b| all.saturating_add(b.moving().size)),
            bytes_read: plan.read_ahead,
            requests_expected: RequestsLine {
                source: plan.requests.source,
                destination: plan.requests.destination,
                total: plan.requests.source + plan.requests.destination,
            },
            notes: {
                let changes = plan.manifests.iter().filter_map(|m| m.change.clone());
                let notes = plan.notes.iter().cloned().chain(changes);
                notes.chain(plan.losses.iter().cloned()).collect()
            },
        }
    }

    /// As JSON, or as lines for people.
    pub(crate) fn render(&self, as_json: bool) -> String {
        if as_json {
            return json::to_go_json(self) + "\n";
        }
        if self.up_to_date {
            return format!(
                "`{}` is up to date: nothing to do\n",
                clean(&self.destination)
            );
        }
        let table = self.table();
        let text = match table::terminal_width(&io::stdout()) {
            Some(width) => table.pretty(width),
            None => table.plain(),
        };
        let notes = self.notes.iter();
        let notes: String = notes.map(|n| format!("note: {}\n", clean(n))).collect();
        format!("{text}{notes}{}\n", self.summary())
    }

    /// A row for each blob and manifest.
    fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("ACTION", Align::Left),
            ("SIZE", Align::Right),
            ("DIGEST", Align::Left),
            ("MEDIA TYPE", Align::Left),
        ]);
        for blob in &self.blobs {
            table.row([
                blob.action.to_owned(),
                human_size(blob.size),
                blob.digest.to_string(),
                blob.media_type.to_string(),
            ]);
        }
        for manifest in &self.manifests {
            let later = || "(known afterwards)".to_owned();
            table.row([
                "write".to_owned(),
                manifest.size.map(human_size).unwrap_or_default(),
                manifest.digest.map_or_else(later, Digest::to_string),
                manifest.media_type.to_string(),
            ]);
        }
        for attached in &self.attached {
            let kind = attached.artifact_type.unwrap_or(attached.media_type);
            table.row([
                "attach".to_owned(),
                human_size(attached.size),
                attached.digest.to_string(),
                kind.to_string(),
            ]);
        }
        table
    }

    /// What moves, and the requests that it takes, in one line.
    fn summary(&self) -> String {
        let blobs_of = self.blobs.iter();
        let moving = blobs_of.filter(|b| !matches!(b.action, "present" | "mount"));
        let mut parts = vec![
            format!(
                "{} to move ({})",
                blobs(moving.count()),
                human_size(self.bytes_to_move)
            ),
            format!("{} to write", self.writes),
        ];
        let mounts = self.blobs.iter().filter(|b| b.action == "mount").count();
        if mounts > 0 {
            parts.insert(1, format!("{mounts} to mount"));
        }
        let RequestsLine {
            source,
            destination,
            total,
        } = self.requests_expected;
        if total > 0 {
            parts.push(format!(
                "{total} requests expected: {source} at the source, {destination} at the destination"
            ));
        }
        if self.bytes_read > 0 {
            let read = human_size(self.bytes_read);
            parts.push(format!("{read} of layers read for this plan"));
        }
        parts.join(", ")
    }
}

fn is_none(bytes: &u64) -> bool {
    *bytes == 0
}

/// How many manifests were copied along; `None` for none.
fn attached(n: usize) -> Option<String> {
    match n {
        0 => None,
        1 => Some("1 manifest".to_owned()),
        n => Some(format!("{n} manifests")),
    }
}

fn blobs(n: usize) -> String {
    if n == 1 {
        "1 blob".to_owned()
    } else {
        format!("{n} blobs")
    }
}

#[cfg(test)]
mod tests;
