//! After all copies: deleting tags that earlier runs wrote and the declaration no longer selects.
//!
//! Every doubt keeps a tag. It goes only if the state says that a run wrote it; the lists of all entries that go to its
//! repository were complete and not empty, and nothing of them failed; the rules leave the tag out, or the source itself, and no proxy,
//! says that it has it no more, and has no other tag that its list lacks; the target still has the image that was written; the tag is not the last one; and there are no
//! more than the run may delete.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard};

use super::delete::{AtSource, Candidate, Stop, Written, digest_at};
use super::items::{Item, target_repository};
use super::{EntryId, Run, bare};
use crate::image::{ImageName, Reference, Repository, Tag};
use crate::sync::declaration::{Entry, Origin, Pick, Tags};
use crate::sync::state::Record;
use crate::sync::target::{SourceName, place_of};
use crate::{Error, Result, locked};

/// What the declaration selects for one target repository.
#[derive(Default)]
pub(super) struct Selected {
    tags: HashSet<Tag>,
    /// The entries that go there.
    entries: Vec<Arc<Entry>>,
    /// Something of an entry could not be listed: nothing can be said of what is left.
    is_incomplete: bool,
}

impl Selected {
    /// The tags of `repository` that a run wrote, by `records`, and that are not selected now; sorted.
    fn not_selected(
        &self,
        records: impl Iterator<Item = (Tag, Record)>,
        repository: &Repository,
    ) -> Vec<Candidate> {
        let others = records.filter(|(tag, record)| record.wrote && !self.tags.contains(tag));
        let candidate = |(tag, record)| Candidate {
            target: Pick::Tag(tag).of(repository),
            is: Written::Record(record),
        };
        let mut candidates: Vec<_> = others.map(candidate).collect();
        candidates.sort_by_key(|candidate| candidate.target.to_string());
        candidates
    }
}

impl Run {
    /// Takes note that the targets of `item` are wanted.
    pub(super) fn note_selected(&self, item: &Item) {
        if self.options.prune.is_none() {
            return;
        }
        let mut selected = self.selected();
        for goal in &item.targets {
            let ImageName::Docker(reference) = &goal.name else {
                continue;
            };
            let place = selected.entry(place_of(&goal.name)).or_default();
            if let Some(tag) = &reference.tag {
                place.tags.insert(tag.clone());
            }
            if !place
                .entries
                .iter()
                .any(|entry| Arc::ptr_eq(entry, &item.entry))
            {
                place.entries.push(item.entry.clone());
            }
        }
    }

    /// Takes note of tags that the source has and the rules of `entry` leave out.
    pub(super) fn note_left_out(&self, entry: &Arc<Entry>, tags: impl Iterator<Item = String>) {
        if self.options.prune.is_some() {
            let mut left_out = locked(&self.left_out);
            left_out.entry(EntryId::of(entry)).or_default().extend(tags);
        }
    }

    /// Takes note of a failure on the way to `target`: nothing is deleted where it goes.
    pub(super) fn note_failure(&self, target: &ImageName) {
        if self.options.prune.is_some() {
            self.selected()
                .entry(place_of(target))
                .or_default()
                .is_incomplete = true;
        }
    }

    /// Takes note that the images of `entry` are not known: nothing is deleted where they go.
    pub(super) fn note_incomplete(&self, entry: &Entry) {
        if self.options.prune.is_none() {
            return;
        }
        let mut selected = self.selected();
        for target in &entry.to {
            if let Some(repository) = target_repository(target, entry) {
                let place = selected.entry(repository.to_string()).or_default();
                place.is_incomplete = true;
            }
        }
    }

    fn selected(&self) -> MutexGuard<'_, std::collections::HashMap<String, Selected>> {
        locked(&self.selected)
    }

    /// Deletes what is no longer selected, repository by repository.
    pub(super) async fn prune(&self) {
        if self.options.state.is_none() {
            return;
        }
        let mut places: Vec<(String, Selected)> = self.selected().drain().collect();
        places.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, selected) in places {
            if self.is_stopped() {
                return;
            }
            // Of other places the state knows nothing.
            let Ok(Reference { repository, .. }) = name.parse() else {
                continue;
            };
            if let Err(e) = self.prune_repository(&name, &repository, &selected).await {
                let place = bare(&repository);
                self.fail_at(place.clone(), place, e.context(format!("pruning `{name}`")));
            }
        }
    }

    async fn prune_repository(
        &self,
        name: &str,
        repository: &Repository,
        selected: &Selected,
    ) -> Result<()> {
        let Some(state) = &self.options.state else {
            return Ok(());
        };
        let records = state.tags(name).into_iter();
        let candidates = selected.not_selected(records, repository);
        if candidates.is_empty() {
            return Ok(());
        }
        if selected.is_incomplete || selected.tags.is_empty() {
            let why = "the list of what is to be there is not complete";
            candidates
                .iter()
                .for_each(|candidate| self.keep(candidate, why));
            return Ok(());
        }
        let tags: HashSet<String> = self
            .tags(repository, &self.options.to)
            .await?
            .into_iter()
            .collect();
        // What is gone already is no deletion.
        let (there, gone): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|candidate| {
            let tag = candidate.target.tag.as_ref();
            tag.is_some_and(|tag| tags.contains(tag.as_str()))
        });
        for candidate in gone {
            self.forget(&candidate.target);
        }
        let most = self.options.prune.map_or(0, |most| most.of(tags.len()));
        if there.len() > most {
            let why = format!(
                "{} of {} tags would be deleted, and `--max-delete` permits {most}",
                there.len(),
                tags.len()
            );
            there
                .iter()
                .for_each(|candidate| self.keep(candidate, &why));
            let message = format!("{why}; none was");
            return Err(Error::refused(message)
                .hint("check the tag rules, then permit more with `--max-delete`"));
        }
        // A selected tag that is there stays, so that the repository does not become empty.
        if !selected.tags.iter().any(|tag| tags.contains(tag.as_str())) {
            there
                .iter()
                .for_each(|candidate| self.keep(candidate, "no selected tag is at the target"));
            return Ok(());
        }
        let mut found = Vec::with_capacity(there.len());
        for candidate in &there {
            found.push(self.at_source(repository, candidate, selected).await);
        }
        // A list that lacks one tag may lack others, whatever is said of them.
        let is_doubtful = found.iter().any(Result::is_err);
        for (candidate, found) in there.iter().zip(found) {
            let found = match found {
                Ok(_) if is_doubtful => {
                    let why = "the source has another tag that its list lacks, or does not say";
                    Err(Stop::Keep(why.to_owned()))
                }
                found => found,
            };
            self.delete(candidate, std::future::ready(found)).await;
        }
        Ok(())
    }

    /// What the sources of a tag that is not selected have for it; it stays if they have it and no rule leaves it out.
    async fn at_source(
        &self,
        repository: &Repository,
        candidate: &Candidate,
        selected: &Selected,
    ) -> Result<AtSource, Stop> {
        let mut found = None;
        for entry in &selected.entries {
            let Some(source) = source_of(entry, repository, &candidate.target) else {
                continue;
            };
            let there = digest_at(&source, self.source_context(entry)).await?;
            if there.is_some() && !self.is_left_out(entry, &source) {
                // The list did not have it: it was not complete after all.
                let why = format!("`{source}` exists, though the list of tags does not have it");
                return Err(Stop::Keep(why));
            }
            found.get_or_insert((source, there));
        }
        Ok(found)
    }

    /// Whether `entry` leaves the tag of `source` out, so that it is rightly not selected although it exists.
    fn is_left_out(&self, entry: &Arc<Entry>, source: &Reference) -> bool {
        if matches!(entry.tags, Tags::Listed(_)) {
            return true;
        }
        let left_out = locked(&self.left_out);
        let tags = left_out.get(&EntryId::of(entry));
        let tag = source.tag.as_ref().map(Tag::as_str);
        tags.is_some_and(|tags| tag.is_some_and(|tag| tags.contains(tag)))
    }
}

/// The image of `entry` that goes to `target`; `None` if none does.
fn source_of(entry: &Entry, repository: &Repository, target: &Reference) -> Option<Reference> {
    let Origin::Repository(from) = &entry.from else {
        return None;
    };
    let tag = target.tag.as_ref()?;
    let cut = entry.to.iter().map(|to| to.suffix()).chain([""]);
    for suffix in cut {
        let Some(tag) = tag.as_str().strip_suffix(suffix) else {
            continue;
        };
        let Ok(tag) = tag.parse::<Tag>() else {
            continue;
        };
        let pick = Pick::Tag(tag);
        let fits = entry.to.iter().any(|to| {
            let name = to.name(&SourceName::Registry(from, &pick));
            matches!(name, Ok(ImageName::Docker(name)) if name == *target && name.repository == *repository)
        });
        if fits {
            return Some(pick.of(from));
        }
    }
    None
}
