//! Carrying out a declaration, in three stages that overlap: list and select tags, look which targets lack an image,
//! copy what they lack. Each stage is bounded, and hands on to the next through a short queue.
//!
//! One image that fails does not stop the others, unless asked to.

mod copy;
mod delete;
mod groups;
mod items;
mod look;
mod prune;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::{StreamExt, stream};
use tokio::sync::{Semaphore, mpsc};

use super::declaration::{Declaration, Entry, Origin, SourceAccess};
use super::options::Options;
use super::outcome::{Events, ItemReport, Outcome, Summary};
use super::target::Target;
use crate::copy::BlobLocations;
use crate::image::{Digest, ImageName, Reference, Registry, Repository};
use crate::settings::{Access, Context, Credential, Found, Kept, Limits, Login};
use crate::{Error, Result, locked};

use groups::{Group, groups_of};
use items::{Item, target_repository};
use look::Looked;
use prune::Selected;

/// Entries whose tags are listed at a time.
const LISTS: usize = 32;
/// Images that are looked at at a time.
const LOOKS: usize = 192;
/// Requests of that kind to one host at a time.
const LOOKS_PER_HOST: usize = 64;
/// Images that wait for the next stage.
const QUEUE: usize = 64;

/// Mirrors what `declaration` names, within `limits`. Failures are in the summary.
pub async fn run(
    mut declaration: Declaration,
    mut options: Options,
    limits: Limits,
    events: Arc<dyn Events>,
) -> Summary {
    for warning in &declaration.warnings {
        events.warn(warning);
    }
    if !options.may_share_names {
        declaration.drop_repeated();
    }
    if !options.may_share_names
        && let Err(e) = declaration.check_names()
    {
        events.warn(&format!("{e:#}"));
        return Summary {
            failed: 1,
            error: Some(e),
            ..Summary::default()
        };
    }
    let entries: Vec<_> = declaration.entries.into_iter().map(Arc::new).collect();
    for context in [&mut options.from, &mut options.to] {
        context.limits = limits.clone();
        context.kept = Kept::new();
    }
    options.copy.locations = Some(locations(&options, &*events));
    let run = Arc::new(Run {
        contexts: contexts(&entries, &options.from),
        groups: match options.may_share_names {
            true => HashMap::new(),
            false => groups_of(&entries),
        },
        hooks: declaration.registries,
        options,
        events,
        stopped: AtomicBool::new(false),
        hosts: Mutex::default(),
        archives: Mutex::default(),
        counted: Mutex::default(),
        created: tokio::sync::Mutex::default(),
        selected: Mutex::default(),
        left_out: Mutex::default(),
        summary: Mutex::new(Summary {
            sources: entries.len(),
            ..Summary::default()
        }),
    });
    run.report_unplanned();
    run.stages(entries).await;
    if run.options.prune.is_some() && !run.is_stopped() {
        run.prune().await;
    }
    if !run.is_stopped() {
        run.delete_planned().await;
    }
    std::mem::take(&mut *run.summary())
}

/// Where blobs are: what the state knows, if there is one.
fn locations(options: &Options, events: &dyn Events) -> Arc<BlobLocations> {
    let state = options.state.as_ref().filter(|_| !options.dry_run);
    let known = state.map(|state| state.blob_locations()).transpose();
    let known = known.unwrap_or_else(|e| {
        events.warn(&format!("{e:#}"));
        None
    });
    known.unwrap_or_default()
}

struct Run {
    options: Options,
    /// How the source of each entry is reached.
    contexts: HashMap<EntryId, Context>,
    hooks: std::collections::BTreeMap<String, super::declaration::RegistryRules>,
    events: Arc<dyn Events>,
    /// No further image is begun.
    stopped: AtomicBool,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// Entries that are listed before images of any of them are copied.
    groups: HashMap<EntryId, Arc<Group>>,
    /// Turns of images at archives, by path.
    archives: Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
    /// Blobs whose bytes a plan has counted, by the registry that they go to.
    counted: Mutex<HashSet<(Registry, Digest)>>,
    /// Repositories for which the hook has run.
    created: tokio::sync::Mutex<HashSet<String>>,
    /// What the declaration selects for each target repository, to be pruned by.
    selected: Mutex<HashMap<String, Selected>>,
    /// Tags that sources have and rules leave out, for pruning.
    left_out: Mutex<HashMap<EntryId, HashSet<String>>>,
    summary: Mutex<Summary>,
}

/// An entry by its address: entries live as long as the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct EntryId(usize);

impl EntryId {
    fn of(entry: &Arc<Entry>) -> EntryId {
        EntryId(Arc::as_ptr(entry) as usize)
    }
}

impl Run {
    async fn stages(self: &Arc<Self>, entries: Vec<Arc<Entry>>) {
        let (to_look, from_lists) = mpsc::channel::<Item>(QUEUE);
        let (to_copy, from_looks) = mpsc::channel::<Looked>(QUEUE);
        let lists = {
            let run = self.clone();
            stream::iter(entries).for_each_concurrent(LISTS, move |entry| {
                let (run, next) = (run.clone(), to_look.clone());
                async move { run.list(&entry, next).await }
            })
        };
        let looks = {
            let run = self.clone();
            received(from_lists).for_each_concurrent(LOOKS, move |item| {
                let (run, next) = (run.clone(), to_copy.clone());
                async move {
                    if let Some(looked) = run.look(item).await {
                        // The receiver lives as long as this.
                        let _ = next.send(looked).await;
                    }
                }
            })
        };
        let copies = {
            let run = self.clone();
            received(from_looks).for_each_concurrent(self.options.jobs.max(1), move |looked| {
                let run = run.clone();
                async move { run.mirror(looked).await }
            })
        };
        tokio::join!(lists, looks, copies);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Takes note of a failure: no further image is begun unless the others go on.
    fn failed(&self) {
        if !self.options.keep_going {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Reports a failure of `entry` that is not about one of its images.
    fn fail(&self, entry: &Entry, e: Error) {
        let (source, target) = names_of(entry);
        self.fail_at(source, target, e);
    }

    /// As [`Run::fail`], with the names of repositories.
    fn fail_at(&self, source: ImageName, target: ImageName, e: Error) {
        self.failed();
        self.report(ItemReport {
            is_entry: true,
            ..ItemReport::of(source, target, Outcome::Failed(e))
        });
    }

    /// Reports what the plan that is carried out could not plan.
    fn report_unplanned(&self) {
        for unplanned in &self.options.unplanned {
            let (source, target) = (unplanned.source.clone(), unplanned.target.clone());
            let e = Error::other(&*unplanned.why).context("it could not be planned");
            let outcome = match unplanned.is_postponed {
                true => Outcome::Postponed(e),
                false => {
                    self.failed();
                    Outcome::Failed(e)
                }
            };
            self.report(ItemReport {
                is_entry: unplanned.is_entry,
                ..ItemReport::of(source, target, outcome)
            });
        }
    }

    fn report(&self, report: ItemReport) {
        if matches!(report.outcome, Outcome::Failed(_)) {
            self.note_failure(&report.target);
        }
        self.events.done(&report);
        let mut summary = self.summary();
        summary.count(&report);
        if let Outcome::Failed(e) = report.outcome {
            summary.error.get_or_insert(e);
        }
    }

    fn summary(&self) -> MutexGuard<'_, Summary> {
        locked(&self.summary)
    }

    fn source_context(&self, entry: &Arc<Entry>) -> &Context {
        self.contexts
            .get(&EntryId::of(entry))
            .unwrap_or(&self.options.from)
    }

    /// The result of `asking` the host of `place`, when it is its turn.
    async fn in_turn<T>(
        &self,
        place: &ImageName,
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(host) = host_of(place) else {
            return asking.await;
        };
        let turns = {
            let mut hosts = locked(&self.hosts);
            let new = || Arc::new(Semaphore::new(LOOKS_PER_HOST));
            hosts.entry(host).or_insert_with(new).clone()
        };
        let _turn = turns.acquire().await;
        asking.await
    }
}

/// What arrives at `receiver`, as a stream.
fn received<T>(mut receiver: mpsc::Receiver<T>) -> impl futures_util::Stream<Item = T> {
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// What the names of the images of `entry` begin with: at its source, and at the first of its targets.
fn names_of(entry: &Entry) -> (ImageName, ImageName) {
    let source = match &entry.from {
        Origin::Repository(repository) => bare(repository),
        Origin::Directory(path) => ImageName::Dir { path: path.clone() },
    };
    let target = entry.to.first().and_then(|target| match target {
        Target::Layout(name) | Target::Place(name) => Some(name.clone()),
        target => target_repository(target, entry).map(|repository| bare(&repository)),
    });
    (source.clone(), target.unwrap_or(source))
}

/// The name of `repository`, without a tag.
fn bare(repository: &Repository) -> ImageName {
    ImageName::Docker(Reference {
        repository: repository.clone(),
        tag: None,
        digest: None,
    })
}

fn host_of(name: &ImageName) -> Option<String> {
    match name {
        ImageName::Docker(reference) => Some(reference.repository.registry.to_string()),
        _ => None,
    }
}

/// How the sources of those entries are reached that say so themselves. Entries with the same access share connections.
fn contexts(entries: &[Arc<Entry>], from: &Context) -> HashMap<EntryId, Context> {
    let mut made: Vec<(&SourceAccess, Context)> = Vec::new();
    let mut contexts = HashMap::new();
    for entry in entries {
        let access = &entry.access;
        if access.is_empty() {
            continue;
        }
        let context = match made.iter().find(|(other, _)| other.is_same(access)) {
            Some((_, context)) => context.clone(),
            None => {
                let context = context_with(access, from);
                made.push((access, context.clone()));
                context
            }
        };
        contexts.insert(EntryId::of(entry), context);
    }
    contexts
}

fn context_with(access: &SourceAccess, from: &Context) -> Context {
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
