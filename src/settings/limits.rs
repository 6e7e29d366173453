//! `Limits`: how many requests and pulls a host gets, counted for all clients of a process that share them.
//!
//! A limit is kept here and enforced where requests are sent. Nothing is known of requests but that one is about to go
//! out.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Error, locked};

/// Limits by host. The default has none and remembers nothing. Clones share what they count.
#[derive(Clone, Default)]
pub struct Limits(Option<Arc<Shared>>);

struct Shared {
    rules: Vec<LimitRule>,
    hosts: Mutex<HashMap<String, Arc<HostLimit>>>,
}

/// What applies to the registries that `applies_to` accepts.
pub struct LimitRule {
    /// Whether the rule is for this registry, given as `HOST` or `HOST:PORT`.
    pub applies_to: Box<dyn Fn(&str) -> bool + Send + Sync>,
    /// At most this many requests a second.
    pub rate: Option<f64>,
    /// At most this many manifests are read.
    pub max_pulls: Option<PullLimit>,
}

/// A number of pulls, which a registry counts as reads of manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullLimit {
    /// How many.
    pub pulls: u64,
    /// The time after which they are granted again; `None` for the whole run.
    pub window: Option<Duration>,
}

/// The limits of one registry.
#[derive(Debug, Default)]
pub(crate) struct HostLimit {
    /// The time between two requests.
    interval: Option<Duration>,
    max_pulls: Option<PullLimit>,
    state: Mutex<HostState>,
}

#[derive(Debug, Default)]
struct HostState {
    /// When the next request may be sent.
    next: Option<Instant>,
    pulls: u64,
    window_ends: Option<Instant>,
    /// The registry itself has said that no pull is left until then.
    spent_until: Option<Instant>,
}

/// The cause of an error: no pull is left at a registry. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no pull is left at `{registry}`")]
pub struct PullsSpent {
    /// The registry.
    pub registry: String,
}

impl PullsSpent {
    /// Whether `e` is due to this.
    pub fn is_in(e: &Error) -> bool {
        e.chain().any(|cause| cause.is::<PullsSpent>())
    }
}

/// How long a registry's word that no pull is left counts when it does not say.
const WINDOW: Duration = Duration::from_secs(6 * 3600);

impl Limits {
    /// Keeps `rules`, the first that applies, and what registries say of the pulls that are left.
    pub fn new(rules: Vec<LimitRule>) -> Limits {
        Limits(Some(Arc::new(Shared {
            rules,
            hosts: Mutex::default(),
        })))
    }

    /// The limits of `registry`; `None` if nothing is limited and nothing remembered.
    pub(crate) fn of(&self, registry: &str) -> Option<Arc<HostLimit>> {
        let shared = self.0.as_ref()?;
        let mut hosts = locked(&shared.hosts);
        let made = || {
            let rule = |is_set: fn(&LimitRule) -> bool| {
                let mut rules = shared.rules.iter();
                rules.find(|rule| is_set(rule) && (rule.applies_to)(registry))
            };
            let rate = rule(|rule| rule.rate.is_some()).and_then(|rule| rule.rate);
            let pulls = rule(|rule| rule.max_pulls.is_some()).and_then(|rule| rule.max_pulls);
            Arc::new(HostLimit {
                interval: rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok()),
                max_pulls: pulls,
                state: Mutex::default(),
            })
        };
        Some(
            hosts
                .entry(registry.to_owned())
                .or_insert_with(made)
                .clone(),
        )
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.0.as_ref().map_or(0, |shared| shared.rules.len());
        f.debug_struct("Limits").field("rules", &rules).finish()
    }
}

impl HostLimit {
    /// Waits until the next request may be sent.
    pub(crate) async fn pass(&self) {
        let Some(interval) = self.interval else {
            return;
        };
        let turn = {
            let mut state = locked(&self.state);
            let now = Instant::now();
            let turn = state.next.filter(|next| *next > now).unwrap_or(now);
            state.next = Some(turn + interval);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }

    /// Counts a read of a manifest at `registry`. Fails with [`PullsSpent`] as cause when none is left; it must not be
    /// sent then.
    pub(crate) fn take_pull(&self, registry: &str) -> Result<(), Error> {
        let mut state = locked(&self.state);
        let now = Instant::now();
        let spent = |why: String| {
            let cause = PullsSpent {
                registry: registry.to_owned(),
            };
            Err(Error::unavailable(why).because(cause))
        };
        if state.spent_until.is_some_and(|until| until > now) {
            return spent(format!("`{registry}` said that no pull is left"));
        }
        let Some(limit) = self.max_pulls else {
            return Ok(());
        };
        if state.window_ends.is_some_and(|end| end <= now) {
            state.pulls = 0;
            state.window_ends = None;
        }
        if state.pulls >= limit.pulls {
            return spent(format!(
                "all {} pulls permitted at `{registry}` are used",
                limit.pulls
            ));
        }
        state.pulls += 1;
        if state.window_ends.is_none() {
            state.window_ends = limit.window.map(|window| now + window);
        }
        Ok(())
    }

    /// Takes note of the value of `RateLimit-Remaining` (quirk E14): `76;w=21600`.
    pub(crate) fn note_remaining(&self, value: &str) {
        let (left, rest) = value.split_once(';').unwrap_or((value, ""));
        let Ok(left) = left.trim().parse::<u64>() else {
            return;
        };
        let window = rest
            .split(';')
            .find_map(|part| part.trim().strip_prefix("w="));
        let window = window.and_then(|seconds| seconds.parse().ok());
        let window = window.map_or(WINDOW, Duration::from_secs).min(WINDOW);
        let mut state = locked(&self.state);
        state.spent_until = (left == 0).then(|| Instant::now() + window);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(rate: Option<f64>, pulls: Option<u64>) -> Arc<HostLimit> {
        let limits = Limits::new(vec![LimitRule {
            applies_to: Box::new(|registry| registry == "a.example"),
            rate,
            max_pulls: pulls.map(|pulls| PullLimit {
                pulls,
                window: Some(Duration::from_secs(60)),
            }),
        }]);
        assert!(
            limits
                .of("b.example")
                .is_some_and(|other| other.interval.is_none())
        );
        limits.of("a.example").expect("limits")
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spaced_by_the_rate() {
        let limit = limit(Some(10.0), None);
        let begun = Instant::now();
        for _ in 0..5 {
            limit.pass().await;
        }
        assert_eq!(begun.elapsed().as_millis() / 100, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn pulls_are_granted_again_when_their_window_is_over() {
        let limit = limit(None, Some(2));
        assert!(limit.take_pull("a").is_ok() && limit.take_pull("a").is_ok());
        let e = limit.take_pull("a").expect_err("all are used");
        assert!(
            PullsSpent::is_in(&e.context("copying")),
            "the cause is kept"
        );
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(limit.take_pull("a").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn e14_the_registry_says_that_no_pull_is_left() {
        let limit = limit(None, None);
        limit.note_remaining("76;w=21600");
        assert!(limit.take_pull("a").is_ok());
        limit.note_remaining("0;w=100");
        assert!(limit.take_pull("a").is_err());
        limit.note_remaining("what");
        assert!(limit.take_pull("a").is_err());
        tokio::time::advance(Duration::from_secs(101)).await;
        assert!(limit.take_pull("a").is_ok());
    }
}
