//! Which tags of a repository are mirrored.
//!
//! The rules apply in one fixed order: match → semver → except → sort → newest → also → at-least. For each tag that
//! is left out, the rule that did it is known, so that a plan can say so. The module sees tags as text and asks no registry.

use std::cmp::Ordering;
use std::fmt;

use regex_lite::Regex;

use super::semver::{Constraint, Version};

/// The rules for the tags of a repository. Without any, all tags are taken.
#[derive(Debug, Clone, Default)]
pub struct TagRules {
    /// Takes tags in which one of these is found (RE2 syntax, not anchored).
    pub matching: Vec<Regex>,
    /// Takes tags that are versions and satisfy this.
    pub semver: Option<Constraint>,
    /// Leaves out tags in which one of these is found.
    pub except: Vec<Regex>,
    /// The order by which [`TagRules::newest`] counts.
    pub sort: Sort,
    /// Takes the last so many in that order.
    pub newest: Option<usize>,
    /// Takes these as well, whatever the rules above say, and whether the list has them or not.
    pub also: Vec<String>,
    /// Fails with fewer tags than this: an empty list is more often a fault than a wish.
    pub at_least: usize,
}

/// An order of tags, oldest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sort {
    /// Versions by precedence; tags that are no versions come before them, in natural order.
    #[default]
    Semver,
    /// By text, with runs of digits compared as numbers.
    Natural,
    /// By bytes.
    Alphabetical,
}

/// A rule that leaves tags out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// None of the `match` patterns is found in the tag.
    Match,
    /// It is no version, or does not satisfy the constraint.
    Semver,
    /// An `except` pattern is found in it.
    Except,
    /// It is not among the newest.
    Newest,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Match => "match",
            Rule::Semver => "semver",
            Rule::Except => "except",
            Rule::Newest => "newest",
        })
    }
}

/// What the rules make of a list of tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// The tags to mirror, in the order of the list, and then those of [`TagRules::also`] that it does not have.
    pub tags: Vec<String>,
    /// The others, each with the rule that left it out, in the order of the list.
    pub left_out: Vec<(String, Rule)>,
}

/// Fewer tags were selected than [`TagRules::at_least`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tag rules select {selected} of {listed} tags, and `at-least` asks for {at_least}")]
pub struct TooFewTags {
    /// How many the rules selected.
    pub selected: usize,
    /// How many tags the repository has.
    pub listed: usize,
    /// How many there have to be.
    pub at_least: usize,
}

impl TagRules {
    /// Applies the rules to all tags of a repository.
    ///
    /// # Errors
    /// [`TooFewTags`] if fewer than [`TagRules::at_least`] are selected.
    pub fn select(&self, tags: &[String]) -> Result<Selected, TooFewTags> {
        let mut verdicts = tags.iter().map(|tag| self.refusal(tag)).collect::<Vec<_>>();
        if let Some(newest) = self.newest {
            let mut kept = (0..tags.len())
                .filter(|&n| verdicts[n].is_none())
                .collect::<Vec<_>>();
            kept.sort_by(|&a, &b| self.sort.compare(&tags[a], &tags[b]));
            let older = kept.len().saturating_sub(newest);
            for &n in &kept[..older] {
                verdicts[n] = Some(Rule::Newest);
            }
        }
        let mut selected = Selected::default();
        for (tag, verdict) in tags.iter().zip(verdicts) {
            match verdict.filter(|_| !self.also.contains(tag)) {
                None => selected.tags.push(tag.clone()),
                Some(rule) => selected.left_out.push((tag.clone(), rule)),
            }
        }
        if selected.tags.len() < self.at_least {
            return Err(TooFewTags {
                selected: selected.tags.len(),
                listed: tags.len(),
                at_least: self.at_least,
            });
        }
        let absent = self.also.iter().filter(|tag| !tags.contains(tag));
        selected.tags.extend(absent.cloned());
        Ok(selected)
    }

    /// The first rule about a single tag that leaves `tag` out.
    fn refusal(&self, tag: &str) -> Option<Rule> {
        let found = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(tag));
        if !self.matching.is_empty() && !found(&self.matching) {
            return Some(Rule::Match);
        }
        if let Some(constraint) = &self.semver
            && !Version::parse(tag).is_some_and(|version| constraint.matches(&version))
        {
            return Some(Rule::Semver);
        }
        found(&self.except).then_some(Rule::Except)
    }
}

impl Sort {
    /// Compares two tags, older first. Equal only for equal tags, so that a selection does not depend on the order of
    /// the registry's list.
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        let order = match self {
            Sort::Semver => match (Version::parse(a), Version::parse(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                (None, None) => natural(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
            Sort::Natural => natural(a, b),
            Sort::Alphabetical => Ordering::Equal,
        };
        order.then_with(|| a.cmp(b))
    }
}

/// Compares texts piece by piece, where a run of digits is one piece and is compared as a number.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let (Some(&x), Some(&y)) = (a.first(), b.first()) else {
            return a.len().cmp(&b.len());
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (digits(&mut a), digits(&mut b));
            m.len().cmp(&n.len()).then_with(|| m.cmp(n))
        } else {
            (a, b) = (&a[1..], &b[1..]);
            x.cmp(&y)
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the digits at the beginning of `text`, without leading zeros.
fn digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    let zeros = run.iter().take_while(|&&b| b == b'0').count();
    &run[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(list: &str) -> Vec<String> {
        list.split_whitespace().map(str::to_owned).collect()
    }

    fn pattern(text: &str) -> Vec<Regex> {
        vec![Regex::new(text).expect("a pattern")]
    }

    #[test]
    fn rules_apply_in_their_order_and_name_what_they_leave_out() {
        let rules = TagRules {
            matching: pattern(r"^\d"),
            semver: Some(">=1.2".parse().expect("a constraint")),
            except: pattern("-rc"),
            newest: Some(2),
            also: tags("latest 1.0 absent"),
            ..TagRules::default()
        };
        let list = tags("latest 1.0 1.1 1.2 1.10 1.9 1.11-rc 2 edge 2x");
        let selected = rules.select(&list).expect("enough tags");
        assert_eq!(selected.tags, tags("latest 1.0 1.10 2 absent"));
        let left = selected
            .left_out
            .iter()
            .map(|(tag, rule)| format!("{tag}:{rule}"));
        assert_eq!(
            left.collect::<Vec<_>>(),
            tags("1.1:semver 1.2:newest 1.9:newest 1.11-rc:semver edge:match 2x:semver")
        );
    }

    #[test]
    fn too_few_tags_are_an_error() {
        let rules = TagRules {
            at_least: 2,
            ..TagRules::default()
        };
        let e = rules.select(&tags("1")).expect_err("too few");
        assert_eq!((e.selected, e.listed, e.at_least), (1, 1, 2));
        assert!(rules.select(&tags("1 2")).is_ok());
    }

    #[test]
    fn newest_does_not_depend_on_the_order_of_the_list() {
        let rules = TagRules {
            newest: Some(2),
            sort: Sort::Natural,
            ..TagRules::default()
        };
        for list in [
            "b-2 b-10 b-9 a-100",
            "a-100 b-9 b-2 b-10",
            "b-10 a-100 b-9 b-2",
        ] {
            let mut selected = rules.select(&tags(list)).expect("tags").tags;
            selected.sort();
            assert_eq!(selected, tags("b-10 b-9"));
        }
        assert_eq!(Sort::Semver.compare("edge", "0.1"), Ordering::Less);
        assert_eq!(Sort::Natural.compare("a007", "a7"), Ordering::Less);
        assert_eq!(Sort::Alphabetical.compare("a10", "a9"), Ordering::Less);
    }
}
