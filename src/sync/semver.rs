//! Version constraints as skopeo's `images-by-semver` understands them: the rules of Masterminds' semver, version 3.
//!
//! Cargo's own semver differs in nearly every rule (no `||`, `!=` or ranges; a bare version is a caret). This module
//! owns parsing and matching of versions and constraints; it knows neither tags nor registries.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version read loosely: `v` may lead, missing parts are 0, numbers may have leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    /// The identifiers after `-`; none for a release.
    pre: Vec<Identifier>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    // Numbers rank below words.
    Number(u64),
    Word(String),
}

/// Alternatives separated by `||`, each of which is a list of comparisons that all have to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    alternatives: Vec<Vec<Comparison>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    version: Version,
    /// How many of the three numbers were given; the others were left out or are wildcards.
    given: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// A text that is no version constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version constraint")]
pub struct ConstraintError(String);

impl Version {
    /// Reads `text`, for example `v1.2`, `1.2.3-rc.1` or `1.2.3+build`; `None` if it is not a version.
    pub fn parse(text: &str) -> Option<Version> {
        let (core, pre) = split_suffixes(text)?;
        let mut numbers = [0; 3];
        let mut parts = core.split('.');
        for (n, part) in parts.by_ref().take(3).enumerate() {
            numbers[n] = number(part)?;
        }
        if parts.next().is_some() {
            return None;
        }
        Some(Version { numbers, pre })
    }

    /// Whether this is a pre-release, such as `1.0.0-rc.1`.
    pub fn is_pre_release(&self) -> bool {
        !self.pre.is_empty()
    }

    fn major(&self) -> u64 {
        self.numbers[0]
    }

    fn minor(&self) -> u64 {
        self.numbers[1]
    }
}

impl Ord for Version {
    /// By precedence (Semantic Versioning 2.0.0, item 11): a pre-release is below its release.
    fn cmp(&self, other: &Version) -> Ordering {
        let releases = self.pre.is_empty().cmp(&other.pre.is_empty());
        self.numbers
            .cmp(&other.numbers)
            .then(releases)
            .then_with(|| self.pre.cmp(&other.pre))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The numbers of a version without its `v`, and its pre-release; build metadata is dropped.
fn split_suffixes(text: &str) -> Option<(&str, Vec<Identifier>)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = match text.split_once('+') {
        Some((text, build)) => (text, Some(build)),
        None => (text, None),
    };
    if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
        return None;
    }
    match text.split_once('-') {
        None => Some((text, Vec::new())),
        Some((core, pre)) => {
            let pre = pre.split('.').map(identifier).collect::<Option<_>>()?;
            Some((core, pre))
        }
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn identifier(text: &str) -> Option<Identifier> {
    if !is_identifier(text) {
        return None;
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Identifier::Word(text.to_owned()));
    }
    let leads_with_zero = text.len() > 1 && text.starts_with('0');
    match leads_with_zero {
        true => None,
        false => text.parse().ok().map(Identifier::Number),
    }
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl Constraint {
    /// Whether `version` satisfies the constraint.
    ///
    /// A pre-release satisfies only an alternative that names a pre-release itself.
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|all| {
            let takes_pre = all.iter().any(|one| one.version.is_pre_release());
            (takes_pre || !version.is_pre_release()) && all.iter().all(|one| one.holds(version))
        })
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Constraint, ConstraintError> {
        let alternatives = text.split("||").map(comparisons);
        match alternatives.collect::<Option<_>>() {
            Some(alternatives) => Ok(Constraint { alternatives }),
            None => Err(ConstraintError(text.to_owned())),
        }
    }
}

/// The comparisons of one alternative, separated by commas or spaces; `A - B` is a range that includes both ends.
fn comparisons(text: &str) -> Option<Vec<Comparison>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    loop {
        let (operator, after) = operator(rest);
        let after = after.trim_start();
        let end = after
            .find([',', ' ', '\t', '<', '>', '=', '!', '~', '^'])
            .unwrap_or(after.len());
        let (version, after) = after.split_at(end);
        let comparison = Comparison::new(operator, version)?;
        let trimmed = after.trim_start();
        let upper = trimmed
            .strip_prefix("- ")
            .filter(|_| trimmed.len() < after.len());
        if let Some(upper) = upper.map(str::trim_start) {
            if operator != Operator::Equal || rest.starts_with('=') {
                return None;
            }
            let end = upper.find([',', ' ', '\t']).unwrap_or(upper.len());
            let (last, after) = upper.split_at(end);
            found.push(Comparison {
                operator: Operator::GreaterOrEqual,
                ..comparison
            });
            found.push(Comparison::new(Operator::LessOrEqual, last)?);
            rest = after;
        } else {
            found.push(comparison);
            rest = after;
        }
        let next = rest.trim_start();
        let separated = next.len() < rest.len() || next.starts_with(',');
        let next = next.strip_prefix(',').unwrap_or(next).trim_start();
        match (next.is_empty(), rest.trim().is_empty(), separated) {
            (true, true, _) => return Some(found),
            (false, _, true) => rest = next,
            _ => return None,
        }
    }
}

fn operator(text: &str) -> (Operator, &str) {
    const OPERATORS: [(&str, Operator); 11] = [
        ("!=", Operator::NotEqual),
        (">=", Operator::GreaterOrEqual),
        ("=>", Operator::GreaterOrEqual),
        ("<=", Operator::LessOrEqual),
        ("=<", Operator::LessOrEqual),
        ("~>", Operator::Tilde),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("=", Operator::Equal),
        ("~", Operator::Tilde),
        ("^", Operator::Caret),
    ];
    let found = OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)));
    found.unwrap_or((Operator::Equal, text))
}

impl Comparison {
    /// `text` is a version whose numbers may be left out from the right, or be `x`, `X` or `*`.
    fn new(operator: Operator, text: &str) -> Option<Comparison> {
        let (core, pre) = split_suffixes(text)?;
        let parts = core.split('.').collect::<Vec<_>>();
        if parts.len() > 3 {
            return None;
        }
        let is_wild = |part: &&str| matches!(*part, "x" | "X" | "*");
        let mut numbers = [0; 3];
        let given = parts.iter().position(is_wild).unwrap_or(parts.len());
        for (n, part) in parts.iter().enumerate() {
            match n < given {
                true => numbers[n] = number(part)?,
                // Numbers after a wildcard have no meaning.
                false if is_wild(part) || number(part).is_some() => {}
                false => return None,
            }
        }
        Some(Comparison {
            operator,
            version: Version { numbers, pre },
            given,
        })
    }

    fn is_partial(&self) -> bool {
        self.given < 3
    }

    fn holds(&self, v: &Version) -> bool {
        let c = &self.version;
        match self.operator {
            Operator::Equal if self.is_partial() => self.within_tilde(v),
            Operator::Equal => v.cmp(c).is_eq(),
            Operator::NotEqual => self.differs(v),
            Operator::Greater => match self.given {
                // `>1.2` means above every 1.2.x.
                1 => v.major() > c.major(),
                2 => v.numbers[..2] > c.numbers[..2],
                _ => v > c,
            },
            Operator::GreaterOrEqual => v >= c,
            Operator::Less => v < c,
            Operator::LessOrEqual => match self.given {
                1 => v.major() <= c.major(),
                2 => v.numbers[..2] <= c.numbers[..2],
                _ => v <= c,
            },
            Operator::Tilde => self.within_tilde(v),
            Operator::Caret => self.within_caret(v),
        }
    }

    fn differs(&self, v: &Version) -> bool {
        let c = &self.version;
        match self.given {
            given @ (1 | 2) => {
                v.numbers[..given] != c.numbers[..given] || given == 2 && v.pre != c.pre
            }
            _ => !v.cmp(c).is_eq(),
        }
    }

    /// Not below the version, and equal in the numbers that a patch release keeps.
    fn within_tilde(&self, v: &Version) -> bool {
        let c = &self.version;
        let is_any = self.given == 0 || self.given == 3 && c.numbers == [0; 3];
        v >= c && (is_any || v.numbers[..self.given.min(2)] == c.numbers[..self.given.min(2)])
    }

    /// Not below the version, and equal up to its first number that is not 0.
    fn within_caret(&self, v: &Version) -> bool {
        let c = &self.version;
        let kept = match self.given {
            1 => 1,
            _ if c.major() > 0 => 1,
            2 => 2,
            _ if c.minor() > 0 => 2,
            // `^*` counts as `^0.0.0`.
            _ => 3,
        };
        v >= c && v.numbers[..kept] == c.numbers[..kept]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        for (n, identifier) in self.pre.iter().enumerate() {
            f.write_str(if n == 0 { "-" } else { "." })?;
            match identifier {
                Identifier::Number(number) => write!(f, "{number}")?,
                Identifier::Word(word) => f.write_str(word)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(constraint: &str, versions: &[&str]) -> Vec<String> {
        let constraint = constraint.parse::<Constraint>().expect(constraint);
        let fits = |v: &&&str| Version::parse(v).is_some_and(|v| constraint.matches(&v));
        versions
            .iter()
            .filter(fits)
            .map(|v| (*v).to_owned())
            .collect()
    }

    const TAGS: [&str; 12] = [
        "0.0.3",
        "0.2.3",
        "0.2.9",
        "1.2.3",
        "v1.2.9",
        "1.3",
        "2.0.0-rc.1",
        "2.0.0",
        "3.0.0-alpine",
        "latest",
        "1.2.3.4",
        "V1.5.0",
    ];

    #[test]
    fn constraints_mean_what_skopeo_makes_of_them() {
        let cases: [(&str, &[&str]); 15] = [
            ("1.2", &["1.2.3", "v1.2.9"]),
            ("=1.2.3", &["1.2.3"]),
            ("!=1.2", &["0.0.3", "0.2.3", "0.2.9", "1.3", "2.0.0"]),
            (">1.2", &["1.3", "2.0.0"]),
            ("<=1.2", &["0.0.3", "0.2.3", "0.2.9", "1.2.3", "v1.2.9"]),
            ("^0.2.3", &["0.2.3", "0.2.9"]),
            ("^0.0.3", &["0.0.3"]),
            ("^1.2", &["1.2.3", "v1.2.9", "1.3"]),
            ("~1.2.4", &["v1.2.9"]),
            ("~>1", &["1.2.3", "v1.2.9", "1.3"]),
            ("1.x || >=2", &["1.2.3", "v1.2.9", "1.3", "2.0.0"]),
            (">=1.2.4 <2, !=1.3.0", &["v1.2.9"]),
            ("0.2 - 1.2", &["0.2.3", "0.2.9", "1.2.3", "v1.2.9"]),
            (">=2.0.0-0", &["2.0.0-rc.1", "2.0.0", "3.0.0-alpine"]),
            (
                "*",
                &["0.0.3", "0.2.3", "0.2.9", "1.2.3", "v1.2.9", "1.3", "2.0.0"],
            ),
        ];
        for (constraint, expected) in cases {
            assert_eq!(matching(constraint, &TAGS), expected, "{constraint}");
        }
    }

    #[test]
    fn texts_that_are_no_constraint_are_refused() {
        for text in [
            "", "latest", ">", "1.2.3.4", ">=1.0 <", "1,,2", "==1", "1 2x", "a - b",
        ] {
            assert!(text.parse::<Constraint>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_precedence() {
        let ordered = [
            "1.0.0-1",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0",
            "1.1",
            "v2",
        ];
        let versions = ordered.map(|text| Version::parse(text).expect(text));
        assert!(versions.is_sorted_by(|a, b| a < b));
        assert_eq!(versions[4].to_string(), "1.0.0-beta.11");
        assert_eq!(Version::parse("1.2.3-01"), None);
    }
}
