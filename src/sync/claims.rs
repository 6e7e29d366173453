//! Names that several images would get at a target: refused before anything is written there.
//!
//! Images that a declaration names are checked without a request. Tags that rules select are known only when they are
//! listed: entries that may meet at one repository are put into a group, and checked when all of it is listed.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::declaration::{Declaration, Entry, Origin, Platforms, Tags};
use super::pick::Pick;
use super::target::{SourceName, Target};
use crate::image::{ImageName, Tag};
use crate::{Error, Result};

/// Which image of which entry goes to each name.
#[derive(Default)]
pub(super) struct Claims<'a>(HashMap<String, Claim<'a>>);

struct Claim<'a> {
    source: String,
    platforms: &'a Platforms,
    by: Claimant,
}

/// The number of an entry, and that of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claimant {
    pub(super) entry: usize,
    pub(super) to: usize,
}

/// Two entries of which images go to one name, or one of which several do.
pub(super) struct Clash {
    pub(super) entries: [usize; 2],
    pub(super) error: Error,
}

impl<'a> Claims<'a> {
    /// Takes note that the image `source` of `entry` goes to `target`. Two entries may both have an image.
    pub(super) fn add(
        &mut self,
        source: &ImageName,
        target: &ImageName,
        entry: &'a Entry,
        by: Claimant,
    ) -> Result<(), Box<Clash>> {
        // Only one image has a digest.
        if matches!(target, ImageName::Docker(to) if to.tag.is_none()) {
            return Ok(());
        }
        let claim = Claim {
            source: source.to_string(),
            platforms: &entry.how.platforms,
            by,
        };
        let Some(other) = self.0.get(&target.to_string()) else {
            self.0.insert(target.to_string(), claim);
            return Ok(());
        };
        let (first, second) = (&other.source, &claim.source);
        let is_same_entry = other.by.entry == by.entry;
        let text = match first == second {
            true if is_same_entry && other.by.to != by.to => {
                format!("`{target}` is given twice as a target of `{source}`")
            }
            true if other.platforms == claim.platforms => return Ok(()),
            true => format!("`{source}` would become `{target}` twice, with different platforms"),
            false => format!("`{first}` and `{second}` would both become `{target}`"),
        };
        let hint = match is_same_entry {
            true => {
                "name a repository as the target, where images keep their tags, or select one image"
            }
            false => {
                "give them different targets, as with `{repository}` in barque's own form, or `--scoped`"
            }
        };
        Err(Box::new(Clash {
            entries: [other.by.entry, by.entry],
            error: Error::other(text).hint(hint),
        }))
    }
}

impl Declaration {
    /// Checks that no two of the images that this names go to one name. Those that rules select are checked when they are listed.
    ///
    /// # Errors
    /// With both images and the name.
    pub fn check_names(&self) -> Result<()> {
        let mut claims = Claims::default();
        for (n, entry) in self.entries.iter().enumerate() {
            let mut targets = entry.to.iter().enumerate();
            let twice = targets.find(|(to, target)| entry.to[..*to].contains(target));
            if let Some((_, target)) = twice {
                let target = place(target, entry).unwrap_or_default();
                let text = format!("`{target}` is given twice as a target of `{}`", entry.from);
                return Err(Error::other(text).hint("name each target once"));
            }
            let (Origin::Repository(repository), Tags::Listed(picks)) = (&entry.from, &entry.tags)
            else {
                continue;
            };
            for pick in picks {
                let source = ImageName::Docker(pick.of(repository));
                for (to, target) in entry.to.iter().enumerate() {
                    // A name that is not valid is reported with its image.
                    if let Ok(name) = target.name(&SourceName::Registry(repository, pick)) {
                        let added = claims.add(&source, &name, entry, Claimant { entry: n, to });
                        added.map_err(|clash| clash.error)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Declaration {
    /// Drops images that are named once more for the same targets, to be copied in the same way.
    pub(super) fn drop_repeated(&mut self) {
        let mut seen = HashSet::new();
        self.entries.retain_mut(|entry| {
            let (Origin::Repository(repository), Tags::Listed(picks)) =
                (&entry.from, &mut entry.tags)
            else {
                return true;
            };
            let before = picks.len();
            picks.retain(|pick| {
                let of = SourceName::Registry(repository, pick);
                let targets = entry.to.iter().map(|target| match target.name(&of) {
                    Ok(name) => name.to_string(),
                    Err(_) => format!("{target:?}"),
                });
                let targets = targets.collect::<Vec<_>>();
                seen.insert((pick.of(repository), targets, format!("{:?}", entry.how)))
            });
            before == 0 || !picks.is_empty()
        });
    }
}

/// Groups of `entries`, by their numbers, of which images may get one name as far as is known before tags are listed.
pub(super) fn groups<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Vec<usize>> {
    let mut first_at: HashMap<String, usize> = HashMap::new();
    // The group of each entry, by an entry of it that comes before; the first one of a group is its own.
    let mut before: Vec<usize> = Vec::new();
    let mut is_listed = Vec::new();
    let mut is_single = Vec::new();
    for (n, entry) in entries.enumerate() {
        before.push(n);
        for place in entry.to.iter().filter_map(|to| place(to, entry)) {
            let other = *first_at.entry(place).or_insert(n);
            let (a, b) = (first_of(&before, n), first_of(&before, other));
            before[a.max(b)] = a.min(b);
        }
        let is_directory = matches!(entry.from, Origin::Directory(_));
        is_listed.push(is_directory || matches!(entry.tags, Tags::Rules(_)));
        let is_fixed = |to: &Target| matches!(to, Target::Image(_) | Target::Place(_));
        is_single.push(is_directory || entry.to.iter().any(is_fixed));
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for n in 0..before.len() {
        groups.entry(first_of(&before, n)).or_default().push(n);
    }
    let needed = |group: &Vec<usize>| {
        group.iter().any(|n| is_listed[*n]) && (group.len() > 1 || is_single[group[0]])
    };
    groups.into_values().filter(needed).collect()
}

fn first_of(before: &[usize], mut n: usize) -> usize {
    while before[n] != n {
        n = before[n];
    }
    n
}

/// What the names of images of `entry` at `target` have in common: their repository, or the name without its tag.
fn place(target: &Target, entry: &Entry) -> Option<String> {
    let Origin::Repository(repository) = &entry.from else {
        return None;
    };
    let any = Pick::Tag(Tag::latest());
    let name = target.name(&SourceName::Registry(repository, &any)).ok()?;
    Some(match name {
        ImageName::Docker(reference) => reference.repository.to_string(),
        other => {
            let name = other.to_string();
            let bare = name.rsplit_once(':').map(|(bare, _)| bare.to_owned());
            bare.unwrap_or(name)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::declaration::{How, parse_list};

    #[test]
    fn entries_that_may_meet_are_in_one_group() {
        let text = "a/x:* => d.example/same\nb/y:1 => d.example/same:2\nc/z:* => d.example/other\na/w:1 => d.example/w:1\n\
                    a/v:2 => d.example/w:2\na/u:* => d.example/u:1\na/t:* => oci:all\na/s:* => oci:all\na/t:1 => oci:all:docker.io/a/t:1\n";
        let read = parse_list(text, &[], &How::default()).expect("a list");
        assert_eq!(
            groups(read.entries.iter()),
            [vec![0, 1], vec![5], vec![6, 8]]
        );
    }
}
