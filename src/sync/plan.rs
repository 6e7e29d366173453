//! Plans as documents: what a run would do, to be read by people, kept in a file, and carried out later by one or many.
//!
//! A plan names each image that would be copied or deleted with the digests it had; unchanged ones are counted. Carrying it
//! out does that and nothing else.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::declaration::{
    self, Declaration, Entry, How, OnDrift, Origin, Pick, SourceAccess, Tags,
};
use super::options::{Deletion, Unplanned};
use super::target::{Target, place_of};
use crate::image::{Digest, ImageName};
use crate::{Error, Result};

/// The version of the document that this program writes and reads.
pub(super) const VERSION: u32 = 1;

/// A plan.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The version of the document.
    #[serde(rename = "barque-sync-plan")]
    pub version: u32,
    /// Images that the targets have already.
    pub unchanged: usize,
    /// In how many shards `items` is divided; 0 if it is not.
    #[serde(default)]
    pub shards: u32,
    /// What carrying it out is expected to take, by host.
    pub hosts: BTreeMap<String, Totals>,
    /// What is to be done.
    pub items: Vec<Item>,
    /// Tags that the rules leave out, by source repository and rule.
    #[serde(default)]
    pub left_out: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// What could not be planned: carrying the plan out repeats it.
    #[serde(default)]
    pub failed: Vec<Failure>,
    /// What is left for a later run, as `failed`.
    #[serde(default)]
    pub postponed: Vec<Failure>,
}

/// What a host is expected to see.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Totals {
    /// Requests, without tokens, redirects and retries.
    pub requests: u64,
    /// Manifests read, which registries count as pulls.
    pub pulls: u64,
    /// Bytes of blobs read from it.
    pub bytes: u64,
}

/// One image at one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// What is done.
    pub action: Action,
    /// The image at the source; for a deletion the target's.
    pub source: String,
    /// The image at the target.
    pub target: String,
    /// The digest at the source. An image that has another one later is not copied.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_digest: Option<String>,
    /// What the target's name stands for now; without it there is nothing. A target that has another image later is left alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target_digest: Option<String>,
    /// `fail`: a target that has another image later is a failure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_drift: Option<String>,
    /// `all`, `system`, or patterns.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub platforms: Vec<String>,
    /// Bytes of blobs that move.
    #[serde(default)]
    pub bytes: u64,
    /// The shard that does it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<u32>,
    /// Why a tag that is not selected stays.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
}

/// What is done with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// The target has nothing under this name.
    Copy,
    /// The target has another image under this name.
    Update,
    /// The tag is no longer selected.
    Delete,
    /// The target's tag has another image, or is no longer selected, and stays.
    Leave,
}

/// What could not be planned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// The image at the source, or the repository of an entry of which no image is known.
    pub source: String,
    /// The image at the target, or the repository.
    pub target: String,
    /// It is about an entry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub entry: bool,
    /// Why.
    pub error: String,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// When it is no plan, or one of another version.
    pub fn read(text: &str) -> Result<Plan> {
        let plan: Plan = serde_json::from_str(text)
            .map_err(|e| Error::other("it is not a plan of `barque sync plan`").because(e))?;
        match plan.version {
            VERSION => Ok(plan),
            other => Err(Error::other(format!(
                "it is a plan of version {other}; this program reads {VERSION}"
            ))),
        }
    }

    /// Divides the items into `shards` of about the same number of bytes. All tags of a repository go together, so that
    /// shards do not bring the same blob there twice.
    pub(super) fn divide(&mut self, shards: u32) {
        self.shards = shards;
        if shards == 0 {
            return;
        }
        let mut places: HashMap<String, u64> = HashMap::new();
        for item in &self.items {
            // An image costs requests even if all of its blobs are there.
            *places.entry(item.place()).or_default() += item.bytes + ITEM_COST;
        }
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        let mut loads = vec![0_u64; shards as usize];
        let mut of = HashMap::new();
        for (place, cost) in places {
            // The largest first, each to the shard that has the least.
            let least = (0..loads.len())
                .min_by_key(|n| loads[*n])
                .unwrap_or_default();
            loads[least] += cost;
            of.insert(place, least as u32);
        }
        for item in &mut self.items {
            item.shard = of.get(&item.place()).copied();
        }
    }

    /// What carries the copies of this plan out; those of shard `only`, if that is given.
    ///
    /// # Errors
    /// When a name, digest or platform in it is not valid.
    pub fn declaration(&self, only: Option<u32>) -> Result<Declaration> {
        let items = self.items.iter().filter(|item| item.is_in(only));
        let copies = items.filter(|item| matches!(item.action, Action::Copy | Action::Update));
        let entries = copies.map(|item| {
            let entry = item.entry();
            entry.map_err(|e| e.context(format!("the item `{}`", item.target)))
        });
        Ok(Declaration::of(entries.collect::<Result<_>>()?))
    }

    /// What could not be planned. Of a plan that is divided, the first shard has it.
    ///
    /// # Errors
    /// When a name in it is not valid.
    pub fn unplanned(&self, only: Option<u32>) -> Result<Vec<Unplanned>> {
        if only.is_some_and(|shard| shard > 0) {
            return Ok(Vec::new());
        }
        let (failed, postponed) = (self.failed.iter(), self.postponed.iter());
        let all = failed
            .map(|failure| (failure, false))
            .chain(postponed.map(|failure| (failure, true)));
        all.map(|(failure, is_postponed)| {
            let name = |text: &str| {
                let mut name = ImageName::parse(text)?;
                if let (true, ImageName::Docker(reference)) = (failure.entry, &mut name) {
                    reference.tag = None;
                }
                Ok::<_, Error>(name)
            };
            Ok(Unplanned {
                source: name(&failure.source)?,
                target: name(&failure.target)?,
                is_entry: failure.entry,
                is_postponed,
                why: failure.error.clone(),
            })
        })
        .collect()
    }

    /// The tags that this plan deletes.
    ///
    /// # Errors
    /// When a name or digest in it is not valid.
    pub fn deletions(&self, only: Option<u32>) -> Result<Vec<Deletion>> {
        let items = self.items.iter().filter(|item| item.is_in(only));
        let deletions = items.filter(|item| item.action == Action::Delete);
        deletions
            .map(|item| {
                let deletion = item.deletion();
                deletion.map_err(|e| e.context(format!("the item `{}`", item.target)))
            })
            .collect()
    }
}

/// What an image costs besides its bytes, in bytes that could move in the same time.
const ITEM_COST: u64 = 1 << 20;

impl Item {
    fn is_in(&self, shard: Option<u32>) -> bool {
        shard.is_none_or(|shard| self.shard.is_none_or(|own| own == shard))
    }

    /// The repository, layout or archive that it goes to; of other places the name.
    fn place(&self) -> String {
        let target = ImageName::parse(&self.target);
        target.map_or_else(|_| self.target.clone(), |target| place_of(&target))
    }

    fn entry(&self) -> Result<Entry> {
        let (from, pick) = match ImageName::parse(&self.source)? {
            ImageName::Docker(reference) => {
                let pick = Pick::of_reference(&reference);
                (Origin::Repository(reference.repository), pick)
            }
            ImageName::Dir { path } => (
                Origin::Directory(path),
                Pick::Tag(crate::image::Tag::latest()),
            ),
            other => {
                return Err(Error::other(format!(
                    "`{other}` cannot be the source of a plan"
                )));
            }
        };
        let to = match ImageName::parse(&self.target)? {
            ImageName::Docker(reference) => Target::Image(reference),
            other => Target::Place(other),
        };
        let how = How {
            platforms: platforms(&self.platforms)?,
            on_drift: match self.on_drift.as_deref() {
                Some("fail") => OnDrift::Fail,
                _ => OnDrift::Overwrite,
            },
            ..How::default()
        };
        let mut entry = Entry::new(
            from,
            Tags::Listed(vec![pick]),
            vec![to],
            how,
            SourceAccess::default(),
        );
        entry.expect = self.source_digest.as_deref().map(digest).transpose()?;
        entry.expect_at_target = Some(self.target_digest.as_deref().map(digest).transpose()?);
        Ok(entry)
    }

    fn deletion(&self) -> Result<Deletion> {
        let docker = |text: &str| match ImageName::parse(text)? {
            ImageName::Docker(reference) => Ok(reference),
            other => Err(Error::other(format!("`{other}` is not in a registry"))),
        };
        let at_source = self.source_digest.as_deref().map(digest).transpose()?;
        Ok(Deletion {
            target: docker(&self.target)?,
            digest: digest(self.target_digest.as_deref().unwrap_or_default())?,
            source: match self.source == self.target {
                true => None,
                false => Some((docker(&self.source)?, at_source)),
            },
        })
    }
}

fn platforms(words: &[String]) -> Result<declaration::Platforms> {
    let is = |word: &str| words.len() == 1 && words[0] == word;
    if words.is_empty() || is("all") {
        return Ok(declaration::Platforms::All);
    }
    if is("system") {
        return Ok(declaration::Platforms::System);
    }
    Ok(declaration::Platforms::Some(declaration::patterns(words)?))
}

fn digest(text: &str) -> Result<Digest> {
    text.parse()
        .map_err(|e| Error::other(format!("`{text}`: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(target: String, bytes: u64) -> Item {
        Item {
            action: Action::Copy,
            source: "docker://a.example/x:1".to_owned(),
            target,
            source_digest: None,
            target_digest: None,
            on_drift: None,
            platforms: Vec::new(),
            bytes,
            shard: None,
            why: None,
        }
    }

    #[test]
    fn shards_are_balanced_and_hold_whole_repositories() {
        let mut plan = Plan {
            version: VERSION,
            ..Plan::default()
        };
        for r in 0..200_u64 {
            for t in 0..3 {
                let bytes = (r * r * 7919) % 50_000_000;
                plan.items
                    .push(item(format!("docker://b.example/r{r}:{t}"), bytes));
            }
        }
        plan.divide(8);
        let mut loads = [0_u64; 8];
        let mut of = HashMap::new();
        for item in &plan.items {
            let shard = item.shard.expect("a shard");
            loads[shard as usize] += item.bytes + ITEM_COST;
            assert_eq!(*of.entry(item.place()).or_insert(shard), shard);
        }
        let mean = loads.iter().sum::<u64>() as f64 / 8.0;
        let largest = *loads.iter().max().expect("one") as f64;
        assert!(largest / mean <= 1.10, "{loads:?}");
        let copies = (0..8).map(|n| plan.declaration(Some(n)).expect("entries").entries.len());
        assert_eq!(copies.sum::<usize>(), 600);
    }

    #[test]
    fn a_plan_of_another_kind_is_refused() {
        for text in [
            "",
            "{}",
            "[]",
            "{\"barque-sync-plan\":2,\"unchanged\":0,\"hosts\":{},\"items\":[]}",
        ] {
            assert!(Plan::read(text).is_err(), "{text}");
        }
        let mut plan = Plan {
            version: VERSION,
            ..Plan::default()
        };
        plan.items
            .push(item("docker://b.example/UPPER:1".to_owned(), 0));
        let text = serde_json::to_string(&plan).expect("JSON");
        let read = Plan::read(&text).expect("a plan");
        assert!(read.declaration(None).is_err());
    }
}
