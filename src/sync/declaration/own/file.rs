//! The shape of a file in barque's own form, as docs/reference/sync.schema.json describes it. What the values mean is decided by
//! [`super::parse`].

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::settings::PullLimit;
use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(rename = "barque-sync")]
    pub(super) version: Count,
    #[serde(default)]
    pub(super) defaults: Settings,
    #[serde(default)]
    pub(super) registries: BTreeMap<String, RegistrySettings>,
    pub(super) sync: Vec<Item>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Settings {
    pub(super) platforms: Option<WordOrList>,
    pub(super) referrers: Option<WordOrList>,
    pub(super) on_drift: Option<Drift>,
    pub(super) mutable: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RegistrySettings {
    pub(super) rate: Option<Rate>,
    pub(super) max_pulls: Option<Pulls>,
    pub(super) create_repository: Option<Vec<String>>,
}

/// A number of pulls, or `80/6h`.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a number of pulls is expected, or one and a time as in `80/6h`"
)]
pub(super) enum Pulls {
    Number(u64),
    Window(String),
}

impl Pulls {
    pub(super) fn limit(self) -> Result<PullLimit> {
        let (pulls, window) = match self {
            Pulls::Number(pulls) => {
                return Ok(PullLimit {
                    pulls,
                    window: None,
                });
            }
            Pulls::Window(text) => match text.split_once('/') {
                Some((pulls, window)) => (pulls.trim().to_owned(), Some(window.trim().to_owned())),
                None => (text, None),
            },
        };
        let wrong = || {
            Error::other("`max-pulls` is a number, or a number and a time above 0 as in `80/6h`")
        };
        Ok(PullLimit {
            pulls: pulls.parse().map_err(|_| wrong())?,
            window: window
                .map(|text| time(&text).ok_or_else(wrong))
                .transpose()?,
        })
    }
}

/// A time such as `6h`, `30m` or `20s`.
fn time(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number = text.trim_end_matches(unit).trim().parse::<u64>().ok()?;
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Item {
    pub(super) from: Option<String>,
    pub(super) list: Option<String>,
    pub(super) to: OneOrMany,
    pub(super) tags: Option<TagSettings>,
    pub(super) platforms: Option<WordOrList>,
    pub(super) referrers: Option<WordOrList>,
    pub(super) on_drift: Option<Drift>,
    pub(super) mutable: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct TagSettings {
    #[serde(rename = "match")]
    pub(super) matching: OneOrMany,
    pub(super) semver: Option<String>,
    pub(super) except: OneOrMany,
    pub(super) sort: Order,
    pub(super) newest: Option<Count>,
    pub(super) also: OneOrMany,
    pub(super) at_least: Count,
}

#[derive(Deserialize, Clone)]
#[serde(untagged, expecting = "a text or a list of texts is expected")]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> OneOrMany {
        OneOrMany::Many(Vec::new())
    }
}

impl OneOrMany {
    pub(super) fn all(&self) -> &[String] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// A word such as `all`, or a list of patterns.
#[derive(Deserialize, Clone)]
#[serde(untagged, expecting = "a word or a list of patterns is expected")]
pub(super) enum WordOrList {
    Word(String),
    Patterns(Vec<String>),
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Drift {
    Overwrite,
    Report,
    Fail,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Order {
    #[default]
    Semver,
    Natural,
    Alphabetical,
}

/// A number of things, written as a number: `3` and not `"3"`.
#[derive(Clone, Copy, Default)]
pub(super) struct Count(pub(super) usize);

/// A number of things a second, written as a number.
#[derive(Clone, Copy)]
pub(super) struct Rate(pub(super) f64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Count, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 on")
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Count, E> {
                let number = usize::try_from(n);
                let wrong = |_| E::invalid_value(de::Unexpected::Unsigned(n), &self);
                number.map(Count).map_err(wrong)
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Count, E> {
                let number = u64::try_from(n);
                let number = number.map_err(|_| E::invalid_value(de::Unexpected::Signed(n), &self));
                self.visit_u64(number?)
            }
        }
        // The type that is asked for would be read out of quotes as well.
        from.deserialize_any(Whole)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Rate, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Rate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_f64<E: de::Error>(self, n: f64) -> Result<Rate, E> {
                Ok(Rate(n))
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Rate, E> {
                Ok(Rate(n as f64))
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Rate, E> {
                Ok(Rate(n as f64))
            }
        }
        from.deserialize_any(Number)
    }
}
