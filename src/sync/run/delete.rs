//! Deleting one tag at a target, with what takes it back in the report. What may be deleted is decided by its callers.

use std::collections::HashMap;
use std::time::Instant;

use super::{Run, bare};
use crate::image::{Digest, ImageName, Reference};
use crate::open::{delete, open_destination, open_source};
use crate::registry::ApiError;
use crate::settings::Context;
use crate::sync::options::Deletion;
use crate::sync::outcome::{ItemReport, Outcome, Undo};
use crate::sync::state::Record;
use crate::sync::target::place_of;
use crate::transport::{ManifestRef, Source};
use crate::{Error, Kind, Result};

/// A tag that is to be deleted.
pub(super) struct Candidate {
    pub(super) target: Reference,
    pub(super) is: Written,
}

/// The image that a tag has to have to be deleted.
pub(super) enum Written {
    Record(Record),
    Digest(Digest),
}

impl Written {
    fn is(&self, there: &Digest) -> bool {
        match self {
            Written::Record(record) => record.is_at_target(there),
            Written::Digest(digest) => digest == there,
        }
    }
}

/// The image of a tag at the source, and the digest that it has there.
pub(super) type AtSource = Option<(Reference, Option<Digest>)>;

/// Why a tag is not deleted.
pub(super) enum Stop {
    Keep(String),
    Moved,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(e: Error) -> Stop {
        Stop::Failed(e)
    }
}

impl Run {
    /// Deletes the tags that a plan names, unless they or their sources have changed since.
    pub(super) async fn delete_planned(&self) {
        let mut places: HashMap<String, Vec<&Deletion>> = HashMap::new();
        for deletion in &self.options.delete {
            let target = ImageName::Docker(deletion.target.clone());
            if self.owns(&target) {
                places.entry(place_of(&target)).or_default().push(deletion);
            }
        }
        for (name, deletions) in places {
            let Some(first) = deletions.first() else {
                continue;
            };
            let repository = &first.target.repository;
            let tags = match self.tags(repository, &self.options.to).await {
                Ok(tags) => tags,
                Err(e) => {
                    let place = bare(repository);
                    let e = e.context(format!("deleting tags of `{name}`"));
                    self.fail_at(place.clone(), place, e);
                    continue;
                }
            };
            for deletion in &deletions {
                let candidate = Candidate {
                    target: deletion.target.clone(),
                    is: Written::Digest(deletion.digest.clone()),
                };
                if tags.len() <= deletions.len() {
                    self.keep(&candidate, "no other tag would be left");
                    continue;
                }
                self.delete(&candidate, self.as_planned(deletion)).await;
            }
        }
    }

    /// What the source has for the tag, if that is still what the plan says.
    async fn as_planned(&self, deletion: &Deletion) -> Result<AtSource, Stop> {
        let Some((source, expected)) = &deletion.source else {
            return Ok(None);
        };
        let there = digest_at(source, &self.options.from).await?;
        match there == *expected {
            true => Ok(Some((source.clone(), there))),
            false => Err(Stop::Moved),
        }
    }

    /// Deletes one tag, unless `found`, its source, or what it stands for now speaks against it.
    pub(super) async fn delete(
        &self,
        candidate: &Candidate,
        found: impl Future<Output = Result<AtSource, Stop>>,
    ) {
        let began = Instant::now();
        let mut at_source = None;
        let deleted = async {
            at_source = found.await?;
            let undo = self.undo(candidate).await?;
            if self.options.dry_run {
                return Ok(Outcome::WouldDelete {
                    digest: undo.digest,
                });
            }
            let target = ImageName::Docker(candidate.target.clone());
            match delete(&target, &self.options.to, false).await {
                Ok(_) => Ok(Outcome::Deleted(Box::new(undo))),
                // The registry deletes manifests only, and other tags would go too.
                Err(e) if e.kind() == Kind::Refused => Err(Stop::Keep(format!("{e:#}"))),
                Err(e) => Err(Stop::Failed(e)),
            }
        };
        let outcome = match deleted.await {
            Ok(outcome) => outcome,
            Err(Stop::Keep(why)) => Outcome::Kept(why),
            Err(Stop::Moved) => Outcome::Moved,
            Err(Stop::Failed(e)) => {
                self.failed();
                Outcome::Failed(e.context(format!("deleting `{}`", candidate.target)))
            }
        };
        if matches!(outcome, Outcome::Deleted(_)) {
            self.forget(&candidate.target);
        }
        let mut report = pruned(candidate, outcome, began);
        if let Some((source, digest)) = at_source {
            report.source = ImageName::Docker(source);
            report.source_digest = digest;
        }
        self.report(report);
    }

    /// What takes the deletion of `candidate` back.
    async fn undo(&self, candidate: &Candidate) -> Result<Undo, Stop> {
        let other = || Stop::Keep("the target has another image than was written".to_owned());
        let target = ImageName::Docker(candidate.target.clone());
        let destination = open_destination(&target, &self.options.to).await?;
        let Some(there) = destination.current().await? else {
            return Err(Stop::Keep(
                "its digest at the target is not known".to_owned(),
            ));
        };
        if !candidate.is.is(&there) {
            return Err(other());
        }
        let source = open_source(&target, &self.options.to).await?;
        let manifest = source.manifest(&ManifestRef::Named).await?;
        if !manifest.is(&there) {
            return Err(other());
        }
        let text = String::from_utf8(manifest.raw().to_vec());
        Ok(Undo {
            digest: there,
            media_type: manifest.media_type().to_string(),
            manifest: text.map_err(|_| Error::other("the manifest at the target is not UTF-8"))?,
        })
    }

    /// Reports that a tag stays, and why.
    pub(super) fn keep(&self, candidate: &Candidate, why: &str) {
        let outcome = Outcome::Kept(why.to_owned());
        self.report(pruned(candidate, outcome, Instant::now()));
    }

    /// Takes the tag out of the state.
    pub(super) fn forget(&self, target: &Reference) {
        if let (Some(state), false) = (&self.options.state, self.options.dry_run)
            && let Err(e) = state.forget(target)
        {
            self.events.warn(&format!("{e:#}"));
        }
    }
}

/// The digest of `image`; `None` only if its registry says in so many words that it is not there. Whatever else is no plain
/// yes is an error: a HEAD has no body, and a proxy that has lost its registry answers 404 as well.
pub(super) async fn digest_at(image: &Reference, context: &Context) -> Result<Option<Digest>> {
    let source = open_source(&ImageName::Docker(image.clone()), context).await?;
    let Some(digest) = source.offers().digest else {
        let message = format!("`{image}`: the registry does not say what the tag stands for");
        return Err(Error::other(message));
    };
    match digest.current().await? {
        Some(there) => Ok(Some(there)),
        None => digest_in(&*source).await,
    }
}

/// As [`digest_at`], by reading the manifest of `source`.
pub(super) async fn digest_in(source: &dyn Source) -> Result<Option<Digest>> {
    match source.manifest(&ManifestRef::Named).await {
        Ok(manifest) => Ok(Some(manifest.digest().clone())),
        Err(e) if is_told_absent(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether `e` is a registry's own answer that there is no such manifest.
fn is_told_absent(e: &Error) -> bool {
    e.kind() == Kind::NotFound && ApiError::of(e).is_some_and(|answer| !answer.items.is_empty())
}

fn pruned(candidate: &Candidate, outcome: Outcome, began: Instant) -> ItemReport {
    let target = ImageName::Docker(candidate.target.clone());
    ItemReport {
        took: began.elapsed(),
        ..ItemReport::of(target.clone(), target, outcome)
    }
}
