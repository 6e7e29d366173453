//! The second stage: which targets have an image already. Nothing is read here but digests.

use std::sync::Arc;
use std::time::Instant;

use super::Run;
use super::delete::digest_in;
use super::items::{Goal, Item};
use crate::copy::{Referrers, reading, writing};
use crate::image::{Digest, ImageName};
use crate::open::{open_destination, open_source};
use crate::sync::declaration::{How, Platforms};
use crate::sync::options::Check;
use crate::sync::outcome::{FoundBy, ItemReport, Outcome};
use crate::sync::state::{Record, form_of};
use crate::transport::asked::summed;
use crate::transport::{Destination, Source};
use crate::{Error, Result};

/// An image that some of its targets lack, or may lack.
pub(super) struct Looked {
    pub(super) item: Item,
    pub(super) source: Arc<dyn Source>,
    /// The digest at the source, where it was asked for.
    pub(super) digest: Option<Digest>,
    pub(super) targets: Vec<Lacking>,
    pub(super) began: Instant,
}

/// A target that lacks the image, or may lack it.
pub(super) struct Lacking {
    pub(super) name: ImageName,
    pub(super) destination: Arc<dyn Destination>,
    /// What its name stands for, where it was asked for.
    pub(super) current: Option<Option<Digest>>,
}

impl Run {
    /// Reports the targets of `item` that have the image; returns the others.
    pub(super) async fn look(&self, mut item: Item) -> Option<Looked> {
        if self.is_stopped() {
            return None;
        }
        let began = Instant::now();
        let listed;
        (listed, item.targets) = item.targets.drain(..).partition(|goal| goal.is_listed);
        for goal in listed {
            let outcome = Outcome::Present {
                digest: None,
                by: FoundBy::Fast,
            };
            self.report(finished(&item, &goal.name, outcome, began));
        }
        if item.targets.is_empty() {
            return None;
        }
        let compared = self.compared(&mut item, began).await;
        match compared {
            Ok(looked) => looked.map(|(source, digest, targets)| Looked {
                item,
                source,
                digest,
                targets,
                began,
            }),
            Err(e) => {
                self.failed();
                let (first, rest) = item.targets.split_first()?;
                let says = |goal: &Goal| format!("copying `{}` to `{}`", item.source, goal.name);
                for goal in rest {
                    let same = Error::new(e.kind(), format!("{e:#}")).context(says(goal));
                    self.report(finished(&item, &goal.name, Outcome::Failed(same), began));
                }
                let outcome = Outcome::Failed(e.context(says(first)));
                self.report(finished(&item, &first.name, outcome, began));
                None
            }
        }
    }

    /// As [`Run::compare`], as often as it is to be tried.
    async fn compared(
        &self,
        item: &mut Item,
        began: Instant,
    ) -> Result<Option<(Arc<dyn Source>, Option<Digest>, Vec<Lacking>)>> {
        self.refuse_directories(item)?;
        if self.options.dry_run && self.options.names_only {
            for goal in &item.targets {
                self.events.started(&item.source, &goal.name);
                let outcome = Outcome::Planned(Box::default());
                self.report(finished(item, &goal.name, outcome, began));
            }
            return Ok(None);
        }
        let mut tries = 0;
        loop {
            match self.compare(item, began).await {
                Err(e) => self.options.retries.wait(&mut tries, e).await?,
                compared => return compared,
            }
        }
    }

    /// Refuses `item` if a directory that it goes to is there, and that is not wanted.
    fn refuse_directories(&self, item: &Item) -> Result<()> {
        if !self.options.new_directories {
            return Ok(());
        }
        let there = item.targets.iter().find_map(|goal| match &goal.name {
            ImageName::Dir { path } if path.exists() => Some(path),
            _ => None,
        });
        match there {
            None => Ok(()),
            Some(path) => {
                let message = format!("the directory `{}` is there already", path.display());
                Err(Error::refused(message))
            }
        }
    }

    /// Asks for digests where they decide. The requests to both sides are sent together.
    async fn compare(
        &self,
        item: &mut Item,
        began: Instant,
    ) -> Result<Option<(Arc<dyn Source>, Option<Digest>, Vec<Lacking>)>> {
        let source = open_source(&item.source, self.source_context(&item.entry));
        let source = source.await.map_err(reading)?;
        let mut targets = Vec::with_capacity(item.targets.len());
        for goal in &item.targets {
            let destination = open_destination(&goal.name, &self.options.to);
            let destination = destination.await.map_err(writing)?;
            targets.push((goal, destination, self.record(&goal.name)));
        }
        let is_exact = self.keeps_digest(&item.entry.how);
        let form = self.form(&item.entry.how);
        let knows_all = targets.iter().all(|(_, _, record)| record.is_some());
        let is_asked =
            is_exact || knows_all || self.options.state.is_some() || item.entry.expect.is_some();
        if !is_asked || source.offers().digest.is_none() {
            let lacking = targets.into_iter().map(|(goal, destination, _)| Lacking {
                name: goal.name.clone(),
                destination,
                current: None,
            });
            return Ok(Some((source, None, lacking.collect())));
        }
        let by_state = self.options.check != Check::Deep && knows_all;
        let asked = targets.iter().filter(|_| !by_state);
        let asked = asked.map(|(goal, destination, _)| (&goal.name, destination));
        let (digest, mut currents) = self.digests(item, &*source, asked).await?;
        currents.resize(targets.len(), None);
        let changed = self.changed(item, &*source, &digest).await?;
        let mut lacking = Vec::new();
        let mut counted = source.network().requests();
        if let Some(outcome) = changed {
            for (goal, destination, _) in targets {
                let mut report = finished(item, &goal.name, outcome(), began);
                let asked = destination.network().requests();
                report.requests = summed(std::mem::take(&mut counted), asked);
                self.report(report);
            }
            return Ok(None);
        }
        for ((goal, destination, record), current) in targets.into_iter().zip(currents) {
            let found = digest.as_ref().and_then(|digest| {
                unchanged(digest, current.as_ref(), record.as_ref(), is_exact, form)
            });
            // What belongs to the image may have come later.
            let asks_more =
                self.options.check == Check::Deep && item.entry.how.referrers != Referrers::None;
            let signs = self.options.copy.signing.is_some();
            let Some((by, there)) = found.filter(|_| !asks_more && !signs) else {
                lacking.push(Lacking {
                    name: goal.name.clone(),
                    destination,
                    current,
                });
                continue;
            };
            if let (Some(digest), FoundBy::Strict) = (&digest, by) {
                self.note(&goal.name, digest, &there, form, false);
            }
            let outcome = Outcome::Present {
                digest: Some(there),
                by,
            };
            let mut report = finished(item, &goal.name, outcome, began);
            report.source_digest = digest.clone();
            report.requests = summed(
                std::mem::take(&mut counted),
                destination.network().requests(),
            );
            self.report(report);
        }
        Ok((!lacking.is_empty()).then_some((source, digest, lacking)))
    }

    /// What became of the image that a plan names, if the source has another one by now, or none: it is not copied then.
    async fn changed(
        &self,
        item: &Item,
        source: &dyn Source,
        digest: &Option<Digest>,
    ) -> Result<Option<fn() -> Outcome>> {
        let Some(expected) = &item.entry.expect else {
            return Ok(None);
        };
        let there = match digest {
            Some(digest) => Some(digest.clone()),
            None => digest_in(source).await.map_err(reading)?,
        };
        Ok(match there {
            None => Some(|| Outcome::Vanished),
            Some(there) if there == *expected => None,
            Some(_) => Some(|| Outcome::Moved),
        })
    }

    /// The digest of `item` at its source, and what the names at `targets` stand for. All requests are sent together.
    async fn digests<'a>(
        &self,
        item: &Item,
        source: &dyn Source,
        targets: impl Iterator<Item = (&'a ImageName, &'a Arc<dyn Destination>)>,
    ) -> Result<(Option<Digest>, Vec<Option<Option<Digest>>>)> {
        let asking = targets.map(|(name, destination)| async move {
            let current = self.in_turn(name, destination.current()).await;
            current.map(Some).map_err(writing)
        });
        let ask_source = async {
            let asked = self.in_turn(&item.source, current(source)).await;
            asked.map_err(reading)
        };
        futures_util::try_join!(ask_source, futures_util::future::try_join_all(asking))
    }

    /// Whether an image that is copied so has the same digest on both sides.
    pub(super) fn keeps_digest(&self, how: &How) -> bool {
        matches!(how.platforms, Platforms::All) && self.options.copy.format.is_none()
    }

    /// The number for how images are made of the source's, by which state counts.
    pub(super) fn form(&self, how: &How) -> u32 {
        match self.keeps_digest(how) {
            true => 0,
            false => {
                let copy = &self.options.copy;
                let system = matches!(how.platforms, Platforms::System).then_some(&copy.platforms);
                let format = copy.format.as_ref().map(|format| format.as_str());
                form_of(&format!("{:?} {system:?} {format:?}", how.platforms))
            }
        }
    }

    /// What the state says of `target`.
    fn record(&self, target: &ImageName) -> Option<Record> {
        match (target, &self.options.state) {
            (ImageName::Docker(reference), Some(state)) => state.get(reference),
            _ => None,
        }
    }

    /// Writes down what `target` has; a state that cannot be written is warned of and costs requests later.
    pub(super) fn note(
        &self,
        target: &ImageName,
        from: &Digest,
        to: &Digest,
        form: u32,
        wrote: bool,
    ) {
        if let (ImageName::Docker(reference), Some(state), false) =
            (target, &self.options.state, self.options.dry_run)
            && let Err(e) = state.note(reference, from, to, form, wrote)
        {
            self.events.warn(&format!("{e:#}"));
        }
    }
}

/// Whether a target has the image `source`, how that is known, and its digest there.
fn unchanged(
    source: &Digest,
    current: Option<&Option<Digest>>,
    record: Option<&Record>,
    is_exact: bool,
    form: u32,
) -> Option<(FoundBy, Digest)> {
    let recorded = record.filter(|record| record.is_of(source, form));
    match current {
        // Asked: there is nothing, or this.
        Some(current) => {
            let there = current.as_ref()?;
            let same = is_exact && there == source;
            let made = recorded.is_some_and(|record| record.is_at_target(there));
            (same || made).then(|| (FoundBy::Strict, there.clone()))
        }
        None => Some((FoundBy::State, recorded?.digest()?)),
    }
}

async fn current(source: &dyn Source) -> Result<Option<Digest>> {
    match source.offers().digest {
        Some(digest) => digest.current().await,
        None => Ok(None),
    }
}

/// A report without requests.
pub(super) fn finished(
    item: &Item,
    target: &ImageName,
    outcome: Outcome,
    began: Instant,
) -> ItemReport {
    ItemReport {
        took: began.elapsed(),
        ..ItemReport::of(item.source.clone(), target.clone(), outcome)
    }
}
