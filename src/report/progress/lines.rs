//! A line now and then for each long blob, for logs.
//!
//! Quick copies stay silent: a blob gets a line after ten seconds, and then every ten. The writer and the clock are
//! given, so that a test needs no waiting.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::copy::{BlobOutcome, Progress};
use crate::image::{Descriptor, Digest};
use crate::locked;
use crate::report::failure::clean;
use crate::report::table::human_size;

const INTERVAL: Duration = Duration::from_secs(10);

/// Writes lines to `W` by the clock `now`.
pub(super) struct Lines<W, C> {
    state: Mutex<State<W>>,
    now: C,
}

struct State<W> {
    out: W,
    flights: HashMap<Digest, Flight>,
}

struct Flight {
    size: u64,
    from: u64,
    position: u64,
    started: Instant,
    told: Option<Instant>,
}

impl<W: Write, C: Fn() -> Instant> Lines<W, C> {
    pub(super) fn new(out: W, now: C) -> Lines<W, C> {
        let flights = HashMap::new();
        Lines {
            state: Mutex::new(State { out, flights }),
            now,
        }
    }

    // A panic elsewhere leaves nothing half done here.
    fn state(&self) -> MutexGuard<'_, State<W>> {
        locked(&self.state)
    }
}

impl<W: Write> State<W> {
    // A log that cannot be written is no reason to stop a copy.
    fn say(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
    }
}

impl Flight {
    /// Bytes a second since the start of this try.
    fn rate(&self, now: Instant) -> f64 {
        let seconds = now.duration_since(self.started).as_secs_f64();
        (self.position - self.from) as f64 / seconds.max(0.001)
    }

    fn progress(&self, digest: &Digest, now: Instant) -> String {
        let rate = self.rate(now);
        let percent = (self.position as f64 * 100.0 / self.size.max(1) as f64).min(100.0);
        let mut line = format!(
            "blob {}: {} of {} ({percent:.0}%), {}/s",
            digest.short(),
            human_size(self.position),
            human_size(self.size),
            human_size(rate as u64),
        );
        if rate >= 1.0 {
            let left = self.size.saturating_sub(self.position) as f64 / rate;
            line.push_str(&format!(", {} left", duration(left)));
        }
        line
    }
}

/// `45 s`, `3 min 5 s`, `2 h 10 min`.
fn duration(seconds: f64) -> String {
    let s = seconds.round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        _ => format!("{} h {} min", s / 3600, s / 60 % 60),
    }
}

impl<W: Write + Send, C: Fn() -> Instant + Send + Sync> Progress for Lines<W, C> {
    fn plan(&self, _blobs: usize, _bytes: u64) {}

    fn start(&self, blob: &Descriptor, from: u64) {
        let now = (self.now)();
        let mut state = self.state();
        let told = state.flights.get(&blob.digest).and_then(|f| f.told);
        let flight = Flight {
            size: blob.size,
            from,
            position: from,
            started: now,
            told,
        };
        state.flights.insert(blob.digest.clone(), flight);
    }

    fn advance(&self, blob: &Digest, bytes: u64) {
        let now = (self.now)();
        let mut state = self.state();
        let Some(flight) = state.flights.get_mut(blob) else {
            return;
        };
        flight.position = flight.position.saturating_add(bytes);
        if now.duration_since(flight.told.unwrap_or(flight.started)) >= INTERVAL {
            flight.told = Some(now);
            let line = flight.progress(blob, now);
            state.say(&line);
        }
    }

    fn done(&self, blob: &Descriptor, how: BlobOutcome) {
        let now = (self.now)();
        let mut state = self.state();
        let Some(flight) = state.flights.remove(&blob.digest) else {
            return;
        };
        if flight.told.is_some() && how == BlobOutcome::Written {
            let line = format!(
                "blob {}: {} copied, {}/s",
                blob.digest.short(),
                human_size(flight.size),
                human_size(flight.rate(now) as u64)
            );
            state.say(&line);
        }
    }

    fn failed(&self, blob: &Descriptor) {
        self.state().flights.remove(&blob.digest);
    }

    fn note(&self, text: &str) {
        self.state().say(&format!("note: {}", clean(text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn long_blobs_are_told_every_ten_seconds() {
        let begin = Instant::now();
        let seconds = AtomicU64::new(0);
        let now = || begin + Duration::from_secs(seconds.load(Ordering::Relaxed));
        let wait = |s| seconds.fetch_add(s, Ordering::Relaxed);
        let lines = Lines::new(Vec::new(), now);
        let blob =
            |name: &[u8], size| Descriptor::new("t", Digest::of(Algorithm::Sha256, name), size);
        let (quick, long) = (blob(b"quick", 5_000_000), blob(b"long", 1_000_000_000));

        lines.plan(2, 1_005_000_000);
        lines.note("two \x1b[1mblobs");
        lines.start(&quick, 0);
        lines.start(&long, 0);
        wait(9);
        lines.advance(&quick.digest, 5_000_000);
        lines.done(&quick, BlobOutcome::Written);
        lines.advance(&long.digest, 90_000_000);
        wait(1);
        lines.advance(&long.digest, 10_000_000);
        wait(5);
        lines.advance(&long.digest, 50_000_000);
        // A second try goes on where the first was cut; its rate is its own.
        lines.start(&long, 150_000_000);
        wait(5);
        lines.advance(&long.digest, 350_000_000);
        wait(5);
        lines.advance(&long.digest, 500_000_000);
        lines.done(&long, BlobOutcome::Written);
        // Never started, and cut before the first line.
        lines.done(&blob(b"there", 7), BlobOutcome::Present);
        lines.advance(&quick.digest, 1);

        let text = String::from_utf8(lines.state.into_inner().unwrap().out).unwrap();
        insta::assert_snapshot!(text, @r"
        note: two [1mblobs
        blob fc66f021c67d: 100.0 MB of 1.0 GB (10%), 10.0 MB/s, 1 min 30 s left
        blob fc66f021c67d: 500.0 MB of 1.0 GB (50%), 70.0 MB/s, 7 s left
        blob fc66f021c67d: 1.0 GB copied, 85.0 MB/s
        ");
    }

    #[test]
    fn nothing_to_divide_by_is_no_trouble() {
        let begin = Instant::now();
        let flight = Flight {
            size: 0,
            from: 0,
            position: 0,
            started: begin,
            told: None,
        };
        let digest = Digest::of(Algorithm::Sha256, b"");
        assert_eq!(
            flight.progress(&digest, begin),
            "blob e3b0c44298fc: 0 B of 0 B (0%), 0 B/s"
        );
        assert_eq!(
            [59.6, 3599.0, 7800.0].map(duration),
            ["1 min 0 s", "59 min 59 s", "2 h 10 min"]
        );
    }
}
