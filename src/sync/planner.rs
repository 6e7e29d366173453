//! `Planner`: makes a plan of a run that changes nothing, from what it hears of it.

use std::sync::Mutex;

use super::declaration;
use super::outcome::{Events, ItemReport, Outcome};
use super::plan::{Action, Failure, Item, Plan, VERSION};
use super::select::Rule;
use crate::image::{Digest, ImageName};
use crate::{Error, locked};

/// Makes a plan of a run that changes nothing.
pub struct Planner {
    plan: Mutex<Plan>,
    in_words: fn(&Error) -> String,
    warn: Box<dyn Fn(&str) + Send + Sync>,
}

impl Planner {
    /// An empty plan; `in_words` renders errors, `warn` hears what a reader has to know.
    pub fn new(
        in_words: fn(&Error) -> String,
        warn: impl Fn(&str) + Send + Sync + 'static,
    ) -> Planner {
        Planner {
            plan: Mutex::new(Plan {
                version: VERSION,
                ..Plan::default()
            }),
            in_words,
            warn: Box::new(warn),
        }
    }

    /// The plan, in the order of targets, divided into `shards` unless that is 0.
    pub fn finish(&self, shards: u32) -> Plan {
        let mut plan = std::mem::take(&mut *locked(&self.plan));
        plan.items.sort_by(|a, b| a.target.cmp(&b.target));
        plan.failed.sort_by(|a, b| a.target.cmp(&b.target));
        plan.postponed.sort_by(|a, b| a.target.cmp(&b.target));
        plan.divide(shards);
        plan
    }
}

impl Events for Planner {
    fn listed(&self, from: &str, _images: usize, left_out: &[(String, Rule)]) {
        if left_out.is_empty() {
            return;
        }
        let mut plan = locked(&self.plan);
        let rules = plan.left_out.entry(from.to_owned()).or_default();
        for (tag, rule) in left_out {
            rules.entry(rule.to_string()).or_default().push(tag.clone());
        }
    }

    fn done(&self, report: &ItemReport) {
        let mut plan = locked(&self.plan);
        let item = |action| Item {
            action,
            source: report.source.to_string(),
            target: report.target.to_string(),
            source_digest: report.source_digest.as_ref().map(Digest::to_string),
            target_digest: report.outcome.digest().map(Digest::to_string),
            on_drift: None,
            platforms: Vec::new(),
            bytes: 0,
            shard: None,
            why: None,
        };
        let failure = |e| Failure {
            source: report.source.to_string(),
            target: report.target.to_string(),
            entry: report.is_entry,
            error: (self.in_words)(e),
        };
        match &report.outcome {
            Outcome::Planned(planned) => {
                for (host, requests) in &planned.requests {
                    plan.hosts.entry(host.clone()).or_default().requests += requests;
                }
                if let ImageName::Docker(reference) = &report.source {
                    let host = reference.repository.registry.to_string();
                    let totals = plan.hosts.entry(host).or_default();
                    totals.pulls += planned.pulls;
                    totals.bytes += planned.bytes;
                }
                let action = match planned.current {
                    Some(_) => Action::Update,
                    None => Action::Copy,
                };
                plan.items.push(Item {
                    target_digest: planned.current.as_ref().map(Digest::to_string),
                    on_drift: planned.fails_on_drift.then(|| "fail".to_owned()),
                    platforms: words(&planned.platforms),
                    bytes: planned.bytes,
                    ..item(action)
                });
            }
            Outcome::WouldDelete { .. } => plan.items.push(item(Action::Delete)),
            Outcome::Kept(why) => plan.items.push(Item {
                why: Some(why.clone()),
                ..item(Action::Leave)
            }),
            Outcome::Drifted => plan.items.push(Item {
                why: Some("the target has another image".to_owned()),
                ..item(Action::Leave)
            }),
            Outcome::Failed(e) => plan.failed.push(failure(e)),
            Outcome::Postponed(e) => plan.postponed.push(failure(e)),
            Outcome::Present { .. } => plan.unchanged += 1,
            _ => {}
        }
    }

    fn warn(&self, text: &str) {
        (self.warn)(text);
    }
}

fn words(platforms: &declaration::Platforms) -> Vec<String> {
    match platforms {
        declaration::Platforms::All => Vec::new(),
        declaration::Platforms::System => vec!["system".to_owned()],
        declaration::Platforms::Some(patterns) => {
            patterns.iter().map(ToString::to_string).collect()
        }
    }
}
