//! The first stage: the images of an entry, and their names at its targets.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{EntryId, Run};
use crate::copy::Referrers;
use crate::image::{ImageName, Repository, Tag, is_digest_tag, is_referrers_tag};
use crate::open::{all_tags, open_tags};
use crate::settings::Context;
use crate::sync::declaration::{Entry, Origin, Pick, Tags};
use crate::sync::options::Check;
use crate::sync::outcome::nothing_found;
use crate::sync::target::{SourceName, Target, place_of};
use crate::{Error, Kind, Result};

/// Most tags of a repository that are mirrored.
const MOST_TAGS: usize = 1_000_000;

/// One image and where it goes.
pub(super) struct Item {
    pub(super) source: ImageName,
    pub(super) targets: Vec<Goal>,
    pub(super) entry: Arc<Entry>,
    /// The tags at the source that are made of digests, where the tags were listed.
    pub(super) digest_tags: DigestTags,
}

/// Tags that are made of digests; `None` if they are not known.
type DigestTags = Option<Arc<HashSet<Tag>>>;

/// A target of an image.
pub(super) struct Goal {
    pub(super) name: ImageName,
    /// The target's list has this tag, and it is not one that changes.
    pub(super) is_listed: bool,
}

impl Item {
    /// Whether the image was found in a list of tags, and not named by the declaration.
    pub(super) fn was_listed(&self) -> bool {
        matches!(self.entry.tags, Tags::Rules(_))
    }
}

/// An image of an origin, as targets are named by it.
pub(super) enum Name {
    Pick(Pick),
    /// A `dir:` image, and its path below the folder that is mirrored.
    Folder {
        at: PathBuf,
        path: PathBuf,
    },
}

impl Run {
    /// Sends the images of `entry` to the next stage, or those of its whole group when the others are listed.
    pub(super) async fn list(&self, entry: &Arc<Entry>, next: mpsc::Sender<Item>) {
        let listed = self.listed(entry).await;
        let items = listed.into_iter().flat_map(|listed| {
            let (names, there, digest_tags) = listed;
            let names = names.into_iter();
            names.filter_map(move |name| self.named(entry, name, &there, &digest_tags))
        });
        match self.groups.get(&EntryId::of(entry)) {
            None => self.send(items, next).await,
            Some(group) => {
                if let Some(items) = group.gather(items.collect()) {
                    self.send(self.without_clashes(items).into_iter(), next)
                        .await;
                }
            }
        }
    }

    async fn send(&self, items: impl Iterator<Item = Item>, next: mpsc::Sender<Item>) {
        for item in items {
            self.note_selected(&item);
            if self.is_stopped() || next.send(item).await.is_err() {
                return;
            }
        }
    }

    /// The names of the images of `entry`, the tags at its targets and those at its source that are made of digests; `None` if
    /// there is nothing to do.
    async fn listed(
        &self,
        entry: &Arc<Entry>,
    ) -> Option<(Vec<Name>, Vec<HashSet<String>>, DigestTags)> {
        if self.is_stopped() || self.is_elsewhere(entry) {
            return None;
        }
        let listed = futures_util::try_join!(self.names(entry), self.tags_at_targets(entry));
        match listed {
            Ok(((names, digest_tags), there)) => Some((names, there, digest_tags)),
            Err(e) => {
                self.note_incomplete(entry);
                let (e, from): (Error, _) = (e, entry.from.to_string());
                self.events.unlisted(&from, &e);
                match self.options.skip_unlisted {
                    true => self.summary().sources -= 1,
                    false => self.fail(entry, e.context(format!("listing `{from}`"))),
                }
                None
            }
        }
    }

    /// As [`Run::item`]; an error is a failure of the run.
    fn named(
        &self,
        entry: &Arc<Entry>,
        name: Name,
        there: &[HashSet<String>],
        digest_tags: &DigestTags,
    ) -> Option<Item> {
        self.item(entry, name, there, digest_tags)
            .unwrap_or_else(|e| {
                self.note_incomplete(entry);
                let doing = format!("naming images of `{}`", entry.from);
                self.fail(entry, e.context(doing));
                None
            })
    }

    /// The images of `entry`, and the tags of its repository that are made of digests, if its tags were listed.
    async fn names(&self, entry: &Arc<Entry>) -> Result<(Vec<Name>, DigestTags)> {
        let mut digest_tags = None;
        let names: Vec<Name> = match &entry.from {
            Origin::Repository(repository) => {
                let picks;
                (picks, digest_tags) = self.picks(entry, repository).await?;
                picks.into_iter().map(Name::Pick).collect()
            }
            Origin::Directory(root) => {
                let names = images_below(root)?;
                self.events
                    .listed(&root.display().to_string(), names.len(), &[]);
                names
            }
        };
        if names.is_empty() {
            let nothing = nothing_found(&entry.from.to_string());
            if !self.options.may_be_empty {
                return Err(nothing);
            }
            self.note_incomplete(entry);
            self.events.warn(&nothing.to_string());
        }
        Ok((names, digest_tags))
    }

    /// The images of `repository` that `entry` means.
    async fn picks(
        &self,
        entry: &Arc<Entry>,
        repository: &Repository,
    ) -> Result<(Vec<Pick>, DigestTags)> {
        let lists = matches!(entry.tags, Tags::Rules(_));
        self.events.listing(&repository.to_string(), lists);
        let rules = match &entry.tags {
            Tags::Listed(picks) => {
                self.events
                    .listed(&repository.to_string(), picks.len(), &[]);
                return Ok((picks.clone(), None));
            }
            Tags::Rules(rules) => rules,
        };
        let mut tries = 0;
        let mut tags = loop {
            match self.tags(repository, self.source_context(entry)).await {
                Err(e) => self.options.retries.wait(&mut tries, e).await?,
                Ok(tags) => break tags,
            }
        };
        let mut digest_tags = None;
        if entry.how.referrers != Referrers::None {
            let of_digests = tags.iter().filter(|tag| is_digest_tag(tag));
            let of_digests = of_digests.filter_map(|tag| tag.parse().ok()).collect();
            digest_tags = Some(Arc::new(of_digests));
            // Lists of referrers go with their images, and are merged with what the target has.
            tags.retain(|tag| !is_referrers_tag(tag));
        }
        let selected = rules
            .select(&tags)
            .map_err(|e| Error::other(e.to_string()))?;
        let from = repository.to_string();
        self.events
            .listed(&from, selected.tags.len(), &selected.left_out);
        self.note_left_out(entry, selected.left_out.iter().map(|(tag, _)| tag.clone()));
        let tag = |tag: String| tag.parse().ok().map(Pick::Tag);
        let picks = selected.tags.into_iter().filter_map(tag).collect();
        Ok((picks, digest_tags))
    }

    /// All tags of `repository`.
    pub(super) async fn tags(
        &self,
        repository: &Repository,
        context: &Context,
    ) -> Result<Vec<String>> {
        let name = ImageName::Docker(Pick::Tag(Tag::latest()).of(repository));
        let hint = "mirror a part of them, by tag rules in several declarations";
        self.in_turn(&name, async {
            let tags = open_tags(&name, context).await?;
            all_tags(tags.pages, MOST_TAGS, hint).await
        })
        .await
    }

    /// The tags at each target, where they are needed and can be listed; empty for a target without any.
    async fn tags_at_targets(&self, entry: &Entry) -> Result<Vec<HashSet<String>>> {
        if self.options.check != Check::Fast {
            return Ok(Vec::new());
        }
        let listing = entry.to.iter().map(|target| async {
            let Some(repository) = target_repository(target, entry) else {
                return Ok(HashSet::new());
            };
            match self.tags(&repository, &self.options.to).await {
                Ok(listed) => Ok(listed.into_iter().collect()),
                // The repository is made by the first push.
                Err(e) if e.kind() == Kind::NotFound => Ok(HashSet::new()),
                Err(e) => Err(e),
            }
        });
        futures_util::future::try_join_all(listing).await
    }

    /// The image `name` of `entry`; `None` if all of its targets belong to other shards.
    fn item(
        &self,
        entry: &Arc<Entry>,
        name: Name,
        there: &[HashSet<String>],
        digest_tags: &DigestTags,
    ) -> Result<Option<Item>> {
        let (source, of) = match (&name, &entry.from) {
            (Name::Pick(pick), Origin::Repository(repository)) => (
                ImageName::Docker(pick.of(repository)),
                SourceName::Registry(repository, pick),
            ),
            (Name::Folder { at, path }, Origin::Directory(_)) => {
                (ImageName::Dir { path: at.clone() }, SourceName::Path(path))
            }
            _ => return Ok(None),
        };
        let mut targets = Vec::with_capacity(entry.to.len());
        for (n, target) in entry.to.iter().enumerate() {
            let name = target.name(&of)?;
            if !self.owns(&name) {
                continue;
            }
            let is_stable = |tag: &&str| !entry.how.mutable.iter().any(|glob| glob.matches(tag));
            let tag = tag_of(&name).filter(is_stable);
            let is_listed = there
                .get(n)
                .is_some_and(|tags| tag.is_some_and(|tag| tags.contains(tag)));
            targets.push(Goal { name, is_listed });
        }
        Ok((!targets.is_empty()).then(|| Item {
            source,
            targets,
            entry: entry.clone(),
            digest_tags: digest_tags.clone(),
        }))
    }

    /// Whether all targets of `entry` are repositories of other shards: then its source need not be listed.
    fn is_elsewhere(&self, entry: &Entry) -> bool {
        let is_others = |target: &Target| {
            let repository = target_repository(target, entry);
            let any = |repository| ImageName::Docker(Pick::Tag(Tag::latest()).of(&repository));
            repository.is_some_and(|repository| !self.owns(&any(repository)))
        };
        entry.to.iter().all(is_others)
    }

    /// Whether this run copies to `target`.
    pub(super) fn owns(&self, target: &ImageName) -> bool {
        let shard = self.options.shard;
        shard.is_none_or(|shard| shard.owns(&place_of(target)))
    }
}

/// The repository at a registry that images of `entry` go to, if it is one for all of them.
pub(super) fn target_repository(target: &Target, entry: &Entry) -> Option<Repository> {
    let Origin::Repository(repository) = &entry.from else {
        return None;
    };
    let any = Pick::Tag(Tag::latest());
    match target.name(&SourceName::Registry(repository, &any)).ok()? {
        ImageName::Docker(reference) => Some(reference.repository),
        _ => None,
    }
}

/// The `dir:` images below `root`, by their paths from there; `root` itself by its name.
fn images_below(root: &Path) -> Result<Vec<Name>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |e| {
            let message = format!("the directory `{}` cannot be read", folder.display());
            Error::other(message).because(e)
        };
        let mut entries = std::fs::read_dir(&folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(failed)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        let manifest = entries.iter().position(is_manifest);
        if let Some(at) = manifest {
            // As skopeo reads a directory in the order of names, and goes on elsewhere after a manifest.
            entries.truncate(at);
            let path = folder.strip_prefix(root).unwrap_or(&folder);
            let path = match path.as_os_str().is_empty() {
                true => folder.file_name().map(PathBuf::from).unwrap_or_default(),
                false => path.to_path_buf(),
            };
            found.push(Name::Folder {
                at: folder.clone(),
                path,
            });
        }
        // Links are not followed: they may lead back up.
        let below = entries
            .into_iter()
            .rev()
            .filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()));
        folders.extend(below.map(|entry| entry.path()));
    }
    Ok(found)
}

fn is_manifest(entry: &std::fs::DirEntry) -> bool {
    entry.file_name() == "manifest.json" && entry.file_type().is_ok_and(|t| !t.is_dir())
}

fn tag_of(target: &ImageName) -> Option<&str> {
    match target {
        ImageName::Docker(reference) => reference.tag.as_ref().map(Tag::as_str),
        _ => None,
    }
}
