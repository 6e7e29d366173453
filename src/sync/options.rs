//! How a declaration is carried out.

use std::sync::Arc;

use super::declaration::{Declaration, RegistryRules};
use super::pattern::Glob;
use super::shard::Shard;
use super::state::State;
use crate::copy::CopyOptions;
use crate::image::{Digest, ImageName, Reference};
use crate::settings::{Context, LimitRule, Limits, Retries};
use crate::trust::Gate;

/// How a declaration is carried out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// How sources are reached, where the declaration does not say so itself.
    pub from: Context,
    /// How targets are reached.
    pub to: Context,
    /// What holds for every copy; [`super::declaration::How`] sets its platforms.
    pub copy: CopyOptions,
    /// The policy that each image has to pass.
    pub gate: Arc<Gate>,
    /// Most images that are copied at a time.
    pub jobs: usize,
    /// Go on with the other images after a failure.
    pub keep_going: bool,
    /// How an unchanged image is recognised.
    pub check: Check,
    /// How often a list and an image are tried again.
    pub retries: Retries,
    /// Pass over what cannot be listed, which is not a failure then.
    pub skip_unlisted: bool,
    /// Fail where the directory of a target is there already.
    pub new_directories: bool,
    /// Find out what would be copied, and copy nothing.
    pub dry_run: bool,
    /// With `dry_run`, only tell the names of what would be copied: no image is asked for, and all count as planned.
    pub names_only: bool,
    /// Rules that select no tag are warned of, as skopeo does it, and are no failure.
    pub may_be_empty: bool,
    /// Let several images go to one name, as skopeo does it: the last one stays.
    pub may_share_names: bool,
    /// Copy only what belongs to this shard.
    pub shard: Option<Shard>,
    /// What earlier runs did.
    pub state: Option<Arc<State>>,
    /// Delete tags that the declaration no longer selects.
    pub prune: Option<MaxDelete>,
    /// Tags that a plan says to delete.
    pub delete: Vec<Deletion>,
    /// What could not be planned, so that this run cannot do it either.
    pub unplanned: Vec<Unplanned>,
}

/// What a plan does not know how to do.
#[derive(Debug, Clone)]
pub struct Unplanned {
    /// The image or, with `is_entry`, the repository at the source.
    pub source: ImageName,
    /// That at the target.
    pub target: ImageName,
    /// It is about an entry of which no image is known.
    pub is_entry: bool,
    /// It was left for a later run.
    pub is_postponed: bool,
    /// The reason.
    pub why: String,
}

/// A tag to delete.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// The tag.
    pub target: Reference,
    /// The digest that it has to have.
    pub digest: Digest,
    /// The image at the source, and the digest that it has to have; `None` stands for none.
    pub source: Option<(Reference, Option<Digest>)>,
}

impl Options {
    /// Copies as `copy` says from `from` to `to`, four images at a time, and stops at the first failure. No policy is asked
    /// until `gate` is set.
    pub fn new(from: Context, to: Context, copy: CopyOptions) -> Options {
        Options {
            from,
            to,
            copy,
            gate: Arc::default(),
            jobs: 4,
            keep_going: false,
            check: Check::State,
            retries: Retries::default(),
            skip_unlisted: false,
            new_directories: false,
            dry_run: false,
            names_only: false,
            may_be_empty: false,
            may_share_names: false,
            shard: None,
            state: None,
            prune: None,
            delete: Vec::new(),
            unplanned: Vec::new(),
        }
    }
}

/// How an unchanged image is recognised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// A tag that is in the target's list and fits no `mutable` pattern is unchanged, without a request.
    Fast,
    /// Where the state knows what the target has, the source alone is asked for its digest; else both sides are.
    #[default]
    State,
    /// Both sides are asked for their digests, whatever the state says.
    Deep,
}

/// How many of a repository's tags a run may delete at most.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MaxDelete {
    /// A share of the tags that the target has, from 0 to 100; one tag at least, unless it is 0.
    Percent(f64),
    /// A number of tags.
    Tags(usize),
}

impl MaxDelete {
    /// The most of `tags` tags that may be deleted.
    pub fn of(self, tags: usize) -> usize {
        match self {
            MaxDelete::Percent(percent) => (tags as f64 * percent / 100.0).ceil() as usize,
            MaxDelete::Tags(most) => most,
        }
    }
}

impl std::str::FromStr for MaxDelete {
    type Err = String;

    /// Reads `10%` or a number of tags.
    fn from_str(text: &str) -> Result<MaxDelete, String> {
        let wrong = || format!("`{text}` is neither a percentage nor a number of tags");
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim().parse::<f64>().map_err(|_| wrong())?;
                let valid = (0.0..=100.0).contains(&percent);
                valid
                    .then_some(MaxDelete::Percent(percent))
                    .ok_or_else(wrong)
            }
            None => text.parse().map(MaxDelete::Tags).map_err(|_| wrong()),
        }
    }
}

/// The limits that `declaration` and then `rates` (pairs of a host and its requests a second) set, divided among the
/// `shards` that run side by side.
pub fn limits(declaration: &Declaration, rates: &[(String, RegistryRules)], shards: u32) -> Limits {
    let shards = shards.max(1);
    let rule = |(host, rules): (&String, &RegistryRules)| {
        let glob = Glob::new(host.clone());
        LimitRule {
            applies_to: Box::new(move |registry| glob.matches(registry)),
            rate: rules.rate.map(|rate| rate / f64::from(shards)),
            max_pulls: rules.max_pulls.map(|mut limit| {
                limit.pulls /= u64::from(shards);
                limit
            }),
        }
    };
    let given = rates.iter().map(|(host, rules)| (host, rules));
    // A name is more than a pattern.
    let (named, patterns): (Vec<_>, Vec<_>) = declaration
        .registries
        .iter()
        .partition(|(host, _)| !host.contains('*'));
    Limits::new(given.chain(named).chain(patterns).map(rule).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_deletions_are_a_share_or_a_number() {
        let most = |text: &str, tags| text.parse::<MaxDelete>().map(|most| most.of(tags));
        assert_eq!(most("10%", 100), Ok(10));
        assert_eq!(most("10%", 5), Ok(1));
        assert_eq!(most("0%", 5), Ok(0));
        assert_eq!(most("3", 5), Ok(3));
        for wrong in ["", "-1", "101%", "ten", "NaN%"] {
            assert!(most(wrong, 5).is_err(), "{wrong}");
        }
    }
}
