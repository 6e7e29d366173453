//! Carrying out a declaration: list and select the tags, then copy what the targets lack.
//!
//! Listing and copying overlap: the images of one entry move while the tags of the next are listed. One image that
//! fails does not stop the others, unless asked to.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};

use super::declaration::{
    Declaration, Entry, How, OnDrift, Origin, Pick, Platforms, SourceAccess, Tags,
};
use super::select::Rule;
use super::shard::Shard;
use super::target::{SourceName, Target};
use crate::copy::{self, Admission, CopyOptions, Quiet};
use crate::image::{Digest, ImageName, Repository, Tag};
use crate::open::{all_tags, open_destination, open_source, open_tags};
use crate::settings::{Access, Context, Credential, Found, Login};
use crate::transport::Presence;
use crate::trust::Gate;
use crate::{Error, Kind, Result};

/// How a declaration is carried out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// How sources are reached, where the declaration does not say so itself.
    pub from: Context,
    /// How targets are reached.
    pub to: Context,
    /// What holds for every copy; [`How`] sets its platforms.
    pub copy: CopyOptions,
    /// The policy that each image has to pass.
    pub gate: Arc<Gate>,
    /// Most images in work at a time.
    pub jobs: usize,
    /// Go on with the other images after a failure.
    pub keep_going: bool,
    /// Take a tag that is in the target's list and fits no `mutable` pattern as unchanged, without a request.
    pub fast: bool,
    /// Find out what would be copied, and copy nothing.
    pub dry_run: bool,
    /// Copy only what belongs to this shard.
    pub shard: Option<Shard>,
}

impl Options {
    /// Copies as `copy` says from `from` to `to`, four images at a time, and stops at the first failure.
    pub fn new(from: Context, to: Context, copy: CopyOptions) -> Options {
        Options {
            from,
            to,
            copy,
            gate: Arc::default(),
            jobs: 4,
            keep_going: false,
            fast: false,
            dry_run: false,
            shard: None,
        }
    }
}

/// Hears of the run while it goes on; called from several tasks.
pub trait Events: Send + Sync {
    /// The tags of an entry were selected: `images` of them are mirrored.
    fn listed(&self, from: &str, images: usize, left_out: &[(String, Rule)]);

    /// An image has reached one of its targets, or failed to.
    fn done(&self, report: &ItemReport);

    /// Something that a reader has to know.
    fn warn(&self, text: &str);
}

/// What became of one image at one target.
#[derive(Debug)]
#[non_exhaustive]
pub struct ItemReport {
    /// The image's name at the source.
    pub source: ImageName,
    /// Its name at the target.
    pub target: ImageName,
    /// What became of it.
    pub outcome: Outcome,
    /// The time from the first request to the end.
    pub took: Duration,
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
    },
    /// The target had it already.
    Present {
        /// Its digest; `None` when the tag alone was looked at.
        digest: Option<Digest>,
    },
    /// It would be copied; nothing was written.
    Planned {
        /// Bytes of blobs that would move.
        bytes: u64,
    },
    /// The target's tag has another image and was left alone.
    Drifted,
    /// The source no longer has it: it vanished after the tags were listed.
    Vanished,
    /// It could not be copied.
    Failed(Error),
}

/// The sum of a run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Entries that were worked on.
    pub sources: usize,
    /// Images that are now at their target, counted for each target.
    pub synced: usize,
    /// Of these, how many had to be copied, or would have been.
    pub copied: usize,
    /// Bytes of blobs that moved, or would have.
    pub bytes: u64,
    /// Images whose target has another image that was left alone.
    pub drifted: usize,
    /// Images and entries that failed.
    pub failed: usize,
    /// The first failure, when the run ended because of it.
    pub error: Option<Error>,
}

impl Summary {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Copied { bytes, .. } | Outcome::Planned { bytes } => {
                self.synced += 1;
                self.copied += 1;
                self.bytes += bytes;
            }
            Outcome::Present { .. } => self.synced += 1,
            Outcome::Drifted => self.drifted += 1,
            Outcome::Vanished => {}
            Outcome::Failed(e) => self.fail(e),
        }
    }

    fn fail(&mut self, e: Error) {
        self.failed += 1;
        self.error.get_or_insert(e);
    }
}

/// One image and where it goes.
struct Item {
    source: ImageName,
    targets: Vec<ImageName>,
    entry: Arc<Entry>,
    /// The targets are known to have a tag of this name.
    listed_at: Vec<bool>,
}

/// Mirrors what `declaration` names. Failures are in the summary.
pub async fn run(declaration: Declaration, options: Options, events: Arc<dyn Events>) -> Summary {
    for warning in &declaration.warnings {
        events.warn(warning);
    }
    let run = Arc::new(Run {
        options,
        events,
        stopped: AtomicBool::new(false),
    });
    let mut summary = Summary {
        sources: declaration.entries.len(),
        ..Summary::default()
    };
    let looking = declaration.entries.into_iter().map(|entry| {
        let run = run.clone();
        async move {
            let entry = Arc::new(entry);
            let items = run
                .items(&entry)
                .await
                .map_err(|e| e.context(format!("listing `{}`", described(&entry.from))));
            items.unwrap_or_else(|e| vec![Err(e)])
        }
    });
    let mut done = stream::iter(looking)
        .buffered(LOOK_AHEAD)
        .flat_map(stream::iter)
        .map(|item| {
            let run = run.clone();
            async move {
                match item {
                    Ok(item) => run.mirror(&item).await,
                    Err(e) => {
                        run.stop();
                        run.events.warn(&format!("{e:#}"));
                        vec![Outcome::Failed(e)]
                    }
                }
            }
        })
        .buffer_unordered(run.options.jobs.max(1));
    while let Some(outcomes) = done.next().await {
        for outcome in outcomes {
            summary.count(outcome);
        }
    }
    summary
}

/// Entries whose tags are listed before their images can be worked on.
const LOOK_AHEAD: usize = 4;

struct Run {
    options: Options,
    events: Arc<dyn Events>,
    /// No further image is begun.
    stopped: AtomicBool,
}

impl Run {
    fn stop(&self) {
        if !self.options.keep_going {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// The images of `entry`; one that has no valid name at a target is an error in its place.
    async fn items(&self, entry: &Arc<Entry>) -> Result<Vec<Result<Item>>> {
        if self.stopped.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let sources = match &entry.from {
            Origin::Repository(repository) => self.picks(entry, repository).await?,
            Origin::Directory(root) => images_below(root)?,
        };
        if sources.is_empty() {
            let message = format!("no images to mirror found in `{}`", described(&entry.from));
            return Err(Error::new(Kind::NotFound, message));
        }
        let there = self.tags_at_targets(entry).await?;
        let item = |(source, name): (ImageName, Name)| {
            let name = match (&name, &entry.from) {
                (Name::Pick(pick), Origin::Repository(repository)) => {
                    SourceName::Registry(repository, pick)
                }
                (Name::Path(path), _) => SourceName::Path(path),
                (Name::Pick(_), Origin::Directory(_)) => return Ok(None),
            };
            let targets = entry
                .to
                .iter()
                .map(|target| target.name(&name))
                .collect::<Result<Vec<_>>>()?;
            let (targets, listed_at) = targets
                .into_iter()
                .enumerate()
                .filter(|(_, target)| {
                    self.options
                        .shard
                        .is_none_or(|shard| shard.owns(&place_of(target)))
                })
                .map(|(n, target)| {
                    let is_stable =
                        |tag: &&str| !entry.how.mutable.iter().any(|glob| glob.matches(tag));
                    let tag = tag_of(&target).filter(is_stable);
                    let listed = there
                        .get(n)
                        .is_some_and(|tags| tag.is_some_and(|tag| tags.contains(tag)));
                    (target, listed)
                })
                .unzip();
            Ok(Some(Item {
                source,
                targets,
                entry: entry.clone(),
                listed_at,
            }))
        };
        Ok(sources
            .into_iter()
            .map(item)
            .filter_map(Result::transpose)
            .collect())
    }

    /// The images of `repository` that `entry` means.
    async fn picks(
        &self,
        entry: &Entry,
        repository: &Repository,
    ) -> Result<Vec<(ImageName, Name)>> {
        let picks = match &entry.tags {
            Tags::Listed(picks) => picks.clone(),
            Tags::Rules(rules) => {
                let name = ImageName::Docker(Pick::Tag(Tag::latest()).of(repository));
                let tags = list(&name, &self.source_context(&entry.access)).await?;
                let selected = rules
                    .select(&tags)
                    .map_err(|e| Error::other(e.to_string()))?;
                self.events.listed(
                    &repository.to_string(),
                    selected.tags.len(),
                    &selected.left_out,
                );
                let tag = |tag: String| tag.parse().ok().map(Pick::Tag);
                selected.tags.into_iter().filter_map(tag).collect()
            }
        };
        let named = |pick: Pick| (ImageName::Docker(pick.of(repository)), Name::Pick(pick));
        Ok(picks.into_iter().map(named).collect())
    }
}

impl Run {
    /// The tags at each target, where they are needed and can be listed; empty for a target without any.
    async fn tags_at_targets(&self, entry: &Entry) -> Result<Vec<HashSet<String>>> {
        let mut there = Vec::new();
        if !self.options.fast {
            return Ok(there);
        }
        for target in &entry.to {
            let mut tags = HashSet::new();
            if let Target::Repository(repository) = target {
                let name = ImageName::Docker(Pick::Tag(Tag::latest()).of(repository));
                match list(&name, &self.options.to).await {
                    Ok(listed) => tags.extend(listed),
                    // The repository is made by the first push.
                    Err(e) if e.kind() == Kind::NotFound => {}
                    Err(e) => return Err(e),
                }
            }
            there.push(tags);
        }
        Ok(there)
    }

    /// How the source of an entry is reached.
    fn source_context(&self, access: &SourceAccess) -> Context {
        let from = &self.options.from;
        let login = match &access.credentials {
            None => from.access.login.clone(),
            Some((username, password)) => Login::Given(Found {
                credential: Credential::Login {
                    username: username.clone(),
                    password: password.clone(),
                    identity_token: None,
                },
                origin: "the declaration".to_owned(),
                token_hosts: Vec::new(),
            }),
        };
        from.clone().with_access(Access {
            login,
            tls_verify: access.tls_verify.unwrap_or(from.access.tls_verify),
            cert_dir: access
                .cert_dir
                .clone()
                .or_else(|| from.access.cert_dir.clone()),
            ..from.access.clone()
        })
    }

    /// Brings `item` to its targets, one after the other.
    async fn mirror(&self, item: &Item) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (n, target) in item.targets.iter().enumerate() {
            if self.stopped.load(Ordering::Relaxed) {
                break;
            }
            let began = Instant::now();
            let outcome = match item.is_listed_at(n) {
                true => Ok(Outcome::Present { digest: None }),
                false => self.copy(item, target).await,
            };
            let outcome = outcome.unwrap_or_else(|e| {
                self.stop();
                Outcome::Failed(e.context(format!("copying `{}` to `{target}`", item.source)))
            });
            let report = ItemReport {
                source: item.source.clone(),
                target: target.clone(),
                outcome,
                took: began.elapsed(),
            };
            self.events.done(&report);
            outcomes.push(report.outcome);
        }
        outcomes
    }

    async fn copy(&self, item: &Item, target: &ImageName) -> Result<Outcome> {
        let how = &item.entry.how;
        let context = self.source_context(&item.entry.access);
        let source = open_source(&item.source, &context).await?;
        let destination = open_destination(target, &self.options.to).await?;
        let options = CopyOptions {
            platforms: platforms(how, &self.options.copy.platforms),
            look: self.options.dry_run,
            admission: Some(Admission {
                gate: self.options.gate.clone(),
                image: item.source.clone(),
            }),
            ..self.options.copy.clone()
        };
        let plan = match copy::plan(&*source, &*destination, &options).await {
            // A tag may go between the list and the copy.
            Err(e) if e.kind() == Kind::NotFound && item.was_listed() => {
                return Ok(Outcome::Vanished);
            }
            plan => plan?,
        };
        if let Some(digest) = plan.up_to_date.clone() {
            return Ok(Outcome::Present {
                digest: Some(digest),
            });
        }
        if how.on_drift != OnDrift::Overwrite && destination.current().await?.is_some() {
            return match how.on_drift {
                OnDrift::Fail => Err(Error::new(
                    Kind::Refused,
                    "the target has another image under this name",
                )),
                _ => Ok(Outcome::Drifted),
            };
        }
        if self.options.dry_run {
            return Ok(Outcome::Planned {
                bytes: bytes_to_move(&plan),
            });
        }
        let report = copy::run(plan, source, destination, &options, Arc::new(Quiet)).await?;
        Ok(Outcome::Copied {
            digest: report.digest,
            bytes: report.bytes,
        })
    }
}

/// An image of an origin, as targets are named by it.
enum Name {
    Pick(Pick),
    /// Below the folder that is mirrored.
    Path(PathBuf),
}

impl Item {
    fn is_listed_at(&self, target: usize) -> bool {
        self.listed_at.get(target).copied().unwrap_or_default()
    }

    /// Whether the image was found in a list of tags, and not named by the declaration.
    fn was_listed(&self) -> bool {
        matches!(self.entry.tags, Tags::Rules(_))
    }
}

/// Most tags of a repository that are mirrored.
const MOST_TAGS: usize = 1_000_000;

async fn list(name: &ImageName, context: &Context) -> Result<Vec<String>> {
    let tags = open_tags(name, context).await?;
    all_tags(
        tags.pages,
        MOST_TAGS,
        "mirror a part of them, by tag rules in several declarations",
    )
    .await
}

/// The `dir:` images below `root`, by their paths from there.
fn images_below(root: &Path) -> Result<Vec<(ImageName, Name)>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |e| {
            Error::other(format!(
                "the directory `{}` cannot be read",
                folder.display()
            ))
            .because(e)
        };
        let mut entries = std::fs::read_dir(&folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(failed)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        if entries
            .iter()
            .any(|entry| entry.file_name() == "manifest.json" && !entry.path().is_dir())
        {
            let path = folder.strip_prefix(root).unwrap_or(&folder).to_path_buf();
            let name = match path.as_os_str().is_empty() {
                true => folder.file_name().map(PathBuf::from).unwrap_or_default(),
                false => path,
            };
            found.push((
                ImageName::Dir {
                    path: folder.clone(),
                },
                Name::Path(name),
            ));
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

fn described(from: &Origin) -> String {
    match from {
        Origin::Repository(repository) => repository.to_string(),
        Origin::Directory(path) => path.display().to_string(),
    }
}

/// What decides to which shard a target belongs: its repository, so that one run has all tags of it.
fn place_of(target: &ImageName) -> String {
    match target {
        ImageName::Docker(reference) => reference.repository.to_string(),
        other => other.to_string(),
    }
}

fn tag_of(target: &ImageName) -> Option<&str> {
    match target {
        ImageName::Docker(reference) => reference.tag.as_ref().map(Tag::as_str),
        _ => None,
    }
}

fn platforms(how: &How, system: &copy::Platforms) -> copy::Platforms {
    match &how.platforms {
        Platforms::All => copy::Platforms::All { sparse: false },
        Platforms::System => system.clone(),
        Platforms::Some(patterns) => copy::Platforms::Some {
            patterns: patterns.clone(),
            sparse: false,
        },
    }
}

fn bytes_to_move(plan: &copy::CopyPlan) -> u64 {
    plan.blobs
        .iter()
        .filter(|step| step.presence != Presence::Present)
        .map(|step| step.moving().size)
        .sum()
}
