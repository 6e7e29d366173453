//! The plan of a copy, as `--dry-run` prints it.

use serde::Serialize;

use super::super::failure::clean;
use super::super::json;
use super::super::table::{Table, counted, human_size};
use super::{AttachedLine, BlobLine};
use crate::copy::{AttachedStep, Awaits, BlobOutcome, BlobStep, ManifestStep, PlannedCopy};
use crate::image::{Digest, MediaType};
use crate::transport::Presence;

/// The plan of a copy, as `--dry-run` prints it.
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
        let text = self.table().shown();
        let notes = self.notes.iter();
        let notes: String = notes.map(|n| format!("note: {}\n", clean(n))).collect();
        format!("{text}{notes}{}\n", self.summary())
    }

    /// A row for each blob and manifest.
    fn table(&self) -> Table {
        let mut table = Table::new(&["ACTION", ">SIZE", "DIGEST", "MEDIA TYPE"]);
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

    /// The blobs that move, and the requests that it takes, in one line.
    fn summary(&self) -> String {
        let blobs_of = self.blobs.iter();
        let moving = blobs_of.filter(|b| !matches!(b.action, "present" | "mount"));
        let mut parts = vec![
            format!(
                "{} to move ({})",
                counted(moving.count() as u64, "blob"),
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

fn is_none(bytes: &u64) -> bool {
    *bytes == 0
}
