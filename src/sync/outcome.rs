//! What becomes of the images of a run: per image and target, and in sum. Plain data, and the trait that hears of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::declaration::Platforms;
use super::select::Rule;
use crate::Error;
use crate::copy::{CopyOptions, CopyPlan};
use crate::image::{Digest, ImageName};

/// Hears of the run while it goes on; called from several tasks.
pub trait Events: Send + Sync {
    /// The images of `repository` are looked for: among its tags, which are `listed`, or by their names.
    fn listing(&self, _repository: &str, _listed: bool) {}

    /// The images of the repository or directory `from` cannot be listed, or there are none. Where the run does not pass over
    /// that, the failure is reported to [`Events::done`] next.
    fn unlisted(&self, _from: &str, _error: &Error) {}

    /// The tags of an entry were selected: `images` of them are mirrored.
    fn listed(&self, from: &str, images: usize, left_out: &[(String, Rule)]);

    /// The copy of an image to a target begins.
    fn started(&self, _source: &ImageName, _target: &ImageName) {}

    /// The copy to a target is going to be made as `plan` says, which was drawn by `options`.
    fn planned(&self, _target: &ImageName, _plan: &CopyPlan, _options: &CopyOptions) {}

    /// An image has reached one of its targets, or failed to; or an entry has failed.
    fn done(&self, report: &ItemReport);

    /// Something that a reader has to know.
    fn warn(&self, text: &str);
}

/// What became of one image at one target, or the failure of an entry.
#[derive(Debug)]
#[non_exhaustive]
pub struct ItemReport {
    /// The image's name at the source.
    pub source: ImageName,
    /// Its name at the target.
    pub target: ImageName,
    /// It is about an entry and not about an image: its images cannot be listed or named, or tags of its target cannot be deleted.
    /// The names are those of repositories then.
    pub is_entry: bool,
    /// The digest at the source, if it was asked for.
    pub source_digest: Option<Digest>,
    /// What became of it.
    pub outcome: Outcome,
    /// Requests sent for it, by host.
    pub requests: BTreeMap<String, u64>,
    /// The time from the first request to the end.
    pub took: Duration,
}

impl ItemReport {
    /// A report without requests and times.
    pub(super) fn of(source: ImageName, target: ImageName, outcome: Outcome) -> ItemReport {
        ItemReport {
            source,
            target,
            is_entry: false,
            source_digest: None,
            outcome,
            requests: BTreeMap::new(),
            took: Duration::ZERO,
        }
    }
}

/// How an image was found to be unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundBy {
    /// The target's list has the tag; nothing was asked about the image.
    Fast,
    /// The state knows what the target has; the source was asked for its digest.
    State,
    /// Source and target were asked for their digests.
    Strict,
    /// The source's manifest was read, because its digest is not the one at the target.
    Manifest,
}

impl FoundBy {
    /// The word in receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            FoundBy::Fast => "fast",
            FoundBy::State => "state",
            FoundBy::Strict => "strict",
            FoundBy::Manifest => "manifest",
        }
    }
}

/// What became of one image at one target.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It was copied.
    Copied {
        /// The digest that it has at the target.
        digest: Digest,
        /// Bytes of its blobs that moved.
        bytes: u64,
        /// Blobs that the target's registry took over from another repository.
        mounts: usize,
    },
    /// The target had it already.
    Present {
        /// Its digest; `None` when the tag alone was looked at.
        digest: Option<Digest>,
        /// How that was found.
        by: FoundBy,
    },
    /// It would be copied; nothing was written.
    Planned(Box<Planned>),
    /// The target's tag has another image and was left alone.
    Drifted,
    /// The source no longer has it: it vanished after the tags were listed.
    Vanished,
    /// The source has another image than the plan says.
    Moved,
    /// The target's tag was deleted, because the declaration no longer selects it.
    Deleted(Box<Undo>),
    /// The target's tag would be deleted; nothing was.
    WouldDelete {
        /// The digest that it has.
        digest: Digest,
    },
    /// The target's tag is no longer selected but was left, for this reason.
    Kept(String),
    /// It was left for a later run: no pull is left at the source.
    Postponed(Error),
    /// It could not be copied.
    Failed(Error),
}

impl Outcome {
    /// The word in receipts.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Copied { .. } => "copied",
            Outcome::Present { .. } => "present",
            Outcome::Planned(_) => "planned",
            Outcome::Drifted => "drifted",
            Outcome::Vanished => "vanished",
            Outcome::Moved => "moved",
            Outcome::Deleted(_) => "deleted",
            Outcome::WouldDelete { .. } => "would-delete",
            Outcome::Kept(_) => "kept",
            Outcome::Postponed(_) => "postponed",
            Outcome::Failed(_) => "failed",
        }
    }

    /// The digest that the image has at its target, or had when it was deleted, if that is known.
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Outcome::Copied { digest, .. } | Outcome::WouldDelete { digest } => Some(digest),
            Outcome::Present { digest, .. } => digest.as_ref(),
            Outcome::Deleted(undo) => Some(&undo.digest),
            _ => None,
        }
    }
}

/// A copy that would be made.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// Bytes of blobs that would move. A blob that several images need is counted for the first.
    pub bytes: u64,
    /// What the target's name stands for now.
    pub current: Option<Digest>,
    /// Requests that it is expected to take, by host, without tokens and redirects.
    pub requests: BTreeMap<String, u64>,
    /// Manifests that would be read at the source.
    pub pulls: u64,
    /// Which platforms of an index.
    pub platforms: Platforms,
    /// That the target has another image by the time of the copy would be a failure.
    pub fails_on_drift: bool,
}

/// What is needed to take a deletion back.
#[derive(Debug, Clone)]
pub struct Undo {
    /// The digest that the tag stood for.
    pub digest: Digest,
    /// The media type of its manifest.
    pub media_type: String,
    /// Its manifest, byte for byte.
    pub manifest: String,
}

/// The sum of a run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Entries that were worked on.
    pub sources: usize,
    /// Images that are now at their target, counted for each target.
    pub synced: usize,
    /// Of these, how many had to be copied.
    pub copied: usize,
    /// Of these, how many would have been copied by a run that is no dry run.
    pub planned: usize,
    /// Bytes of blobs that moved.
    pub bytes: u64,
    /// Bytes of blobs that would have moved.
    pub planned_bytes: u64,
    /// Blobs that were mounted.
    pub mounts: usize,
    /// Tags that were deleted, or would have been.
    pub deleted: usize,
    /// Images whose target has another image that was left alone, and those that are not as the plan says.
    pub drifted: usize,
    /// Images that are left for a later run.
    pub postponed: usize,
    /// Images and entries that failed.
    pub failed: usize,
    /// Requests, by host.
    pub requests: BTreeMap<String, u64>,
    /// The first failure, when the run ended because of it.
    pub error: Option<Error>,
}

impl Summary {
    /// Adds `report`.
    pub fn count(&mut self, report: &ItemReport) {
        for (host, count) in &report.requests {
            *self.requests.entry(host.clone()).or_default() += count;
        }
        match &report.outcome {
            Outcome::Copied { bytes, mounts, .. } => {
                self.synced += 1;
                self.copied += 1;
                self.bytes += bytes;
                self.mounts += mounts;
            }
            Outcome::Planned(planned) => {
                self.synced += 1;
                self.planned += 1;
                self.planned_bytes += planned.bytes;
            }
            Outcome::Present { .. } => self.synced += 1,
            Outcome::Drifted | Outcome::Moved => self.drifted += 1,
            Outcome::Deleted(_) | Outcome::WouldDelete { .. } => self.deleted += 1,
            Outcome::Vanished | Outcome::Kept(_) => {}
            Outcome::Postponed(_) => self.postponed += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
    }

    /// The exit code of a run that did all it could.
    pub fn exit_code(&self) -> u8 {
        match (self.failed + self.postponed, self.drifted) {
            (0, 0) => 0,
            (0, _) => 8,
            _ => 7,
        }
    }
}

/// An error for an entry whose tags rules are not fulfilled or that has no images.
pub(super) fn nothing_found(place: &str) -> Error {
    let message = format!("no images to mirror found in `{place}`");
    Error::not_found(message)
}
