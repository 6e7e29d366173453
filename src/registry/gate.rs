//! The gate of a host: when a server asks to come back later, all requests to it wait together (quirks E13-E17). It
//! also knows whether the host has answered at all.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::locked;
use http::HeaderMap;
use tokio::time::Instant;

/// One host's gate; open until the host asks clients to slow down.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    closed_until: Mutex<Option<Instant>>,
    answered: AtomicBool,
}

impl Gate {
    /// Waits until requests may be sent.
    pub(crate) async fn pass(&self) {
        loop {
            let until = *locked(&self.closed_until);
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    /// Takes note of an answer.
    pub(crate) fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Whether the host has ever answered.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Closes the gate for `wait`, or longer where it already is.
    pub(crate) fn close(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut closed = locked(&self.closed_until);
        if closed.is_none_or(|c| c < until) {
            *closed = Some(until);
        }
    }
}

/// The wait that the head of an answer asks for, `Retry-After` before `X-Retry-After`.
pub(crate) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    ["retry-after", "x-retry-after"]
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok())
        .find_map(|value| retry_after(value, SystemTime::now()))
}

/// `Retry-After` as a wait: seconds, an HTTP date, or seconds since 1970 (E14). Anything else is `None`.
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let until = match value.parse::<u64>() {
        Ok(seconds) if seconds < 1_000_000_000 => return Some(Duration::from_secs(seconds)),
        Ok(epoch) if epoch < 100_000_000_000 => UNIX_EPOCH + Duration::from_secs(epoch),
        Ok(_) => return Some(Duration::MAX),
        Err(_) => SystemTime::from(jiff::fmt::rfc2822::parse(value).ok()?.timestamp()),
    };
    Some(until.duration_since(now).unwrap_or_default())
}

/// The wait before try `n` (1 is the first retry): `base` doubled each time, up to 30 s, and 50-100 % of that.
pub(crate) fn backoff(base: Duration, n: u32) -> Duration {
    let full = base
        .saturating_mul(1 << n.saturating_sub(1).min(16))
        .min(Duration::from_secs(30));
    // RandomState is seeded per instance: enough randomness to part clients that failed together.
    let random = RandomState::new().build_hasher().finish() % 512;
    full.mul_f64(0.5 + random as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn e15_retry_after_in_all_its_forms() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let wait = |v| retry_after(v, now);
        assert_eq!(wait("2"), Some(Duration::from_secs(2)));
        assert_eq!(wait("1700000060"), Some(Duration::from_secs(60)));
        assert_eq!(
            wait("Tue, 14 Nov 2023 22:13:30 GMT"),
            Some(Duration::from_secs(10))
        );
        assert_eq!(wait("Tue, 14 Nov 2023 22:13:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("1000000000000"), Some(Duration::MAX));
        assert_eq!(wait("soon"), None);
    }

    proptest! {
        #[test]
        fn retry_after_never_panics(value in "\\PC{0,40}|[0-9]{1,25}|-?[0-9.e+]{1,9}") {
            let _ = retry_after(&value, UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        }
    }

    #[test]
    fn the_wait_grows_and_has_an_end() {
        let base = Duration::from_millis(200);
        assert!(backoff(base, 1) <= base && backoff(base, 1) >= base / 2);
        assert!(backoff(base, 3) >= base * 2);
        assert!(backoff(base, 60) <= Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_holds_everybody_and_the_longest_wait_wins() {
        let gate = Gate::default();
        gate.close(Duration::from_secs(60));
        gate.close(Duration::from_secs(1));
        let before = Instant::now();
        gate.pass().await;
        assert_eq!(before.elapsed().as_secs(), 60);
        gate.pass().await;
    }
}
