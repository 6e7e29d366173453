//! The third stage: copying an image to the targets that lack it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::Run;
use super::delete::digest_at;
use super::look::{Lacking, Looked, finished};
use crate::copy::{self, Admission, Attachments, CopyOptions, Quiet, Referrers, writing};
use crate::image::{Digest, ImageName};
use crate::open::{open_destination, open_source};
use crate::registry::ApiError;
use crate::settings::PullsSpent;
use crate::sync::declaration::{How, OnDrift, Platforms};
use crate::sync::options::Check;
use crate::sync::outcome::{FoundBy, Outcome, Planned};
use crate::sync::pattern::Glob;
use crate::transport::asked::summed;
use crate::transport::{BlobOutcome, Destination, Presence, Source};
use crate::{Error, Kind, Result, locked};

impl Run {
    /// Brings an image to the targets that lack it, one after the other.
    pub(super) async fn mirror(&self, looked: Looked) {
        let mut counted = BTreeMap::<String, u64>::new();
        // The first target that has the image: the others are served from there, so that the source is read once.
        let mut relay: Option<Arc<dyn Source>> = None;
        for target in &looked.targets {
            if self.is_stopped() {
                return;
            }
            self.events.started(&looked.item.source, &target.name);
            let mut copied = Err(Error::other("no target has the image yet"));
            if let Some(relay) = &relay {
                copied = self.copy(&looked, target, relay, true).await;
            }
            if relay.is_none() || copied.is_err() {
                copied = self.copy_from_source(&looked, target).await;
            }
            if let Err(e) = &copied
                && self.creates(target, e).await
            {
                copied = self.copy(&looked, target, &looked.source, false).await;
            }
            if relay.is_none() && matches!(copied, Ok(Outcome::Copied { .. })) {
                relay = open_source(&target.name, &self.options.to).await.ok();
            }
            let says = || format!("copying `{}` to `{}`", looked.item.source, target.name);
            let outcome = match copied {
                Ok(outcome) => outcome,
                Err(e) if PullsSpent::is_in(&e) => Outcome::Postponed(e.context(says())),
                Err(e) => {
                    self.failed();
                    Outcome::Failed(e.context(says()))
                }
            };
            let mut report = finished(&looked.item, &target.name, outcome, looked.began);
            report.source_digest = looked.digest.clone();
            let mut sent = looked.source.network().requests();
            for (host, count) in &counted {
                let left = sent.entry(host.clone()).or_default();
                *left = left.saturating_sub(*count);
            }
            counted = looked.source.network().requests();
            report.requests = summed(sent, target.destination.network().requests());
            self.report(report);
        }
    }

    /// Copies the image from its source, as often as it is to be tried.
    async fn copy_from_source(&self, looked: &Looked, target: &Lacking) -> Result<Outcome> {
        let mut tries = 0;
        loop {
            match self.copy(looked, target, &looked.source, false).await {
                Err(e) => self.options.retries.wait(&mut tries, e).await?,
                copied => return copied,
            }
        }
    }

    /// Whether the tag went between the list and the copy. A part of the image that is missing, or one for a platform, fails with
    /// an error of the same kind: the registry is asked for the tag itself.
    async fn has_vanished(&self, looked: &Looked, e: &Error) -> bool {
        let ImageName::Docker(image) = &looked.item.source else {
            return false;
        };
        e.kind() == Kind::NotFound
            && looked.item.was_listed()
            && matches!(
                digest_at(image, self.source_context(&looked.item.entry)).await,
                Ok(None)
            )
    }

    /// Copies the image from `source`: its own, or with `is_relay` a target that has it in the form that is wanted.
    async fn copy(
        &self,
        looked: &Looked,
        target: &Lacking,
        source: &Arc<dyn Source>,
        is_relay: bool,
    ) -> Result<Outcome> {
        let how = &looked.item.entry.how;
        let (destination, _turn) = self.destination(target).await?;
        let mut options = self.options_of(looked, target, is_relay);
        let expected = looked.item.entry.expect_at_target.as_ref();
        if expected.is_some() {
            // Others may have written since the target was looked at.
            options.current = Some(destination.current().await.map_err(writing)?);
        }
        let asked = options.current.clone();
        let planned = copy::plan(source.clone(), destination.clone(), options).await;
        let planned = match planned {
            Err(e) if !is_relay && self.has_vanished(looked, &e).await => {
                return Ok(Outcome::Vanished);
            }
            planned => planned?,
        };
        let plan = planned.plan();
        let form = self.form(how);
        let is_done = plan.is_done();
        if let Some(digest) = plan.up_to_date.clone().filter(|_| is_done) {
            if let Some(from) = &looked.digest {
                self.note(&target.name, from, &digest, form, false);
            }
            return Ok(Outcome::Present {
                digest: Some(digest),
                by: FoundBy::Manifest,
            });
        }
        let current = match (asked, how.on_drift, self.options.dry_run) {
            (Some(current), ..) => current,
            (None, OnDrift::Overwrite, false) => None,
            (None, ..) => destination.current().await?,
        };
        // An image that is signed is written again, though it is there.
        let is_there = current.is_some() && current == looked.digest;
        let has_drifted = match expected {
            Some(expected) => current != *expected,
            None => how.on_drift != OnDrift::Overwrite && current.is_some(),
        };
        if has_drifted && plan.up_to_date.is_none() && !is_there {
            return match how.on_drift {
                OnDrift::Fail => Err(Error::refused(
                    "the target has another image under this name",
                )),
                _ => Ok(Outcome::Drifted),
            };
        }
        if self.options.dry_run {
            return Ok(self.planned(looked, target, plan, current));
        }
        let events = &self.events;
        events.planned(&target.name, plan, planned.options());
        let report = planned.run(Arc::new(Quiet)).await?;
        let from = looked
            .digest
            .as_ref()
            .or(self.keeps_digest(how).then_some(&report.digest));
        if let Some(from) = from {
            self.note(&target.name, from, &report.digest, form, true);
        }
        Ok(Outcome::Copied {
            bytes: report.bytes,
            mounts: report.count(BlobOutcome::Mounted),
            digest: report.digest,
        })
    }

    /// Where `target` is written. An archive is written by one image at a time, for which it is opened again: each one puts a
    /// new file in place of the one before.
    async fn destination(
        &self,
        target: &Lacking,
    ) -> Result<(Arc<dyn Destination>, Option<OwnedMutexGuard<()>>)> {
        let ImageName::OciArchive { path, .. } = &target.name else {
            return Ok((target.destination.clone(), None));
        };
        let turns = locked(&self.archives)
            .entry(path.clone())
            .or_default()
            .clone();
        let turn = turns.lock_owned().await;
        let destination = open_destination(&target.name, &self.options.to).await;
        Ok((destination.map_err(writing)?, Some(turn)))
    }

    /// How the image is copied to `target`.
    fn options_of(&self, looked: &Looked, target: &Lacking, is_relay: bool) -> CopyOptions {
        let how = &looked.item.entry.how;
        CopyOptions {
            platforms: match is_relay {
                true => copy::Platforms::All { sparse: false },
                false => platforms(how, &self.options.copy.platforms),
            },
            look: self.options.dry_run,
            current: target.current.clone(),
            attachments: self.attachments(looked, &target.name),
            admission: Some(Admission {
                gate: self.options.gate.clone(),
                image: looked.item.source.clone(),
            }),
            ..self.options.copy.clone()
        }
    }

    /// The referrers and tags that are copied with the image. A `dir:` directory cannot hold referrers: the default, all of
    /// them, means none there.
    fn attachments(&self, looked: &Looked, target: &ImageName) -> Attachments {
        let mut referrers = looked.item.entry.how.referrers.clone();
        if matches!(target, ImageName::Dir { .. }) && referrers == Referrers::All {
            referrers = Referrers::None;
        }
        Attachments {
            cosign_tags: referrers != Referrers::None,
            referrers,
            tags: looked.item.digest_tags.clone(),
            skip_present: self.options.check != Check::Deep,
            ..Attachments::default()
        }
    }

    /// What the copy would be. A blob that another image brings to the registry too is counted once.
    fn planned(
        &self,
        looked: &Looked,
        target: &Lacking,
        plan: &copy::CopyPlan,
        current: Option<Digest>,
    ) -> Outcome {
        let registry = match &target.name {
            ImageName::Docker(reference) => Some(&reference.repository.registry),
            _ => None,
        };
        let mut counted = locked(&self.counted);
        let moving = plan
            .blobs
            .iter()
            .filter(|step| step.presence != Presence::Present)
            .map(|step| step.moving())
            .filter(|blob| {
                registry
                    .is_none_or(|registry| counted.insert((registry.clone(), blob.digest.clone())))
            });
        let bytes = moving.map(|blob| blob.size).sum();
        let expected =
            |name: &ImageName, count: u64| super::host_of(name).map(|host| (host, count));
        let sides = [
            expected(&looked.item.source, plan.requests.source),
            expected(&target.name, plan.requests.destination),
        ];
        let requests = summed(BTreeMap::new(), sides.into_iter().flatten());
        Outcome::Planned(Box::new(Planned {
            bytes,
            current,
            requests,
            pulls: match &looked.item.source {
                ImageName::Docker(_) => plan.manifests.len() as u64,
                _ => 0,
            },
            platforms: looked.item.entry.how.platforms.clone(),
            fails_on_drift: looked.item.entry.how.on_drift == OnDrift::Fail,
        }))
    }

    /// Runs the command that creates the repository of `target`, if `e` says that it is missing and there is one. Whether
    /// the copy should be tried again.
    async fn creates(&self, target: &Lacking, e: &Error) -> bool {
        let ImageName::Docker(reference) = &target.name else {
            return false;
        };
        let is_missing = ApiError::of(e).is_some_and(|answer| {
            answer.method != http::Method::GET
                && answer.method != http::Method::HEAD
                && (answer.status == 404 || answer.has_code("NAME_UNKNOWN"))
        });
        let registry = reference.repository.registry.to_string();
        let rules = self.hooks.iter();
        let mut rules = rules.filter(|(host, _)| Glob::new(host.as_str()).matches(&registry));
        let Some(command) = rules.find_map(|(_, rules)| rules.create_repository.as_ref()) else {
            return false;
        };
        if !is_missing {
            return false;
        }
        // Held while the command runs: the other images of the repository wait for it.
        let mut created = self.created.lock().await;
        if !created.insert(reference.repository.to_string()) {
            return true;
        }
        match run_hook(command, reference.repository.name.as_str()).await {
            Ok(()) => true,
            Err(e) => {
                self.events
                    .warn(&format!("creating `{}`: {e:#}", reference.repository));
                false
            }
        }
    }
}

/// Runs `command` with `{repository}` replaced, without a shell.
async fn run_hook(command: &[String], repository: &str) -> Result<()> {
    let mut words = command
        .iter()
        .map(|word| word.replace("{repository}", repository));
    let Some(program) = words.next() else {
        return Err(Error::other("`create-repository` names no program"));
    };
    let run = tokio::process::Command::new(&program)
        .args(words)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let failed = |why: String| Error::other(format!("`{program}` {why}"));
    let output = match tokio::time::timeout(HOOK_TIMEOUT, run).await {
        Ok(output) => output.map_err(|e| failed("cannot be run".to_owned()).because(e))?,
        Err(_) => return Err(failed(format!("did not end within {HOOK_TIMEOUT:?}"))),
    };
    match output.status.success() {
        true => Ok(()),
        false => {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().last().unwrap_or_default();
            Err(failed(format!("ended with {}: {last}", output.status)))
        }
    }
}

/// How long the command that creates a repository may take.
const HOOK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

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
