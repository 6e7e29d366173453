//! Bars on a terminal: one for each large blob in flight and one for the whole copy below them.
//!
//! Small blobs only move the last bar, and there are never more than eight others, so the screen stays still.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};

use crate::copy::{BlobOutcome, Progress};
use crate::image::{Descriptor, Digest};
use crate::locked;
use crate::report::failure::clean;

/// Blobs of at least this many bytes have a bar of their own.
const LARGE: u64 = 5_000_000;
const MOST_BARS: usize = 8;

const BLOB: &str = "{prefix:12} {bar:24} {decimal_bytes:>9} of {decimal_total_bytes:<9} {decimal_bytes_per_sec:>11} {left}";
pub(super) const TOTAL: &str =
    "{prefix:12} {bar:24} {decimal_bytes:>9} of {decimal_total_bytes:<9} {msg}";

/// Draws on `screen`.
pub(super) struct Bars {
    screen: MultiProgress,
    total: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    blobs: usize,
    done: usize,
    /// Bytes of the blobs that are done.
    settled: u64,
    flights: HashMap<Digest, Flight>,
}

struct Flight {
    position: u64,
    bar: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn new(screen: MultiProgress) -> Bars {
        let total = screen.add(bar(0, TOTAL, "total"));
        Bars {
            screen,
            total,
            state: Mutex::default(),
        }
    }

    // A panic elsewhere leaves nothing worse than a wrong bar.
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn remove_bar(&self, state: &mut State, blob: &Digest) {
        if let Some(bar) = state.flights.remove(blob).and_then(|f| f.bar) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }

    fn show_total(&self, state: &State) {
        let moving: u64 = state.flights.values().map(|f| f.position).sum();
        self.total.set_position(state.settled + moving);
        self.total
            .set_message(format!("{} of {} blobs", state.done, state.blobs));
    }
}

/// A bar that leaves no trace when it is dropped, however the copy ends.
pub(super) fn bar(length: u64, template: &str, prefix: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("left", super::left)
        .progress_chars("=> ");
    ProgressBar::new(length)
        .with_style(style)
        .with_prefix(prefix.to_owned())
        .with_finish(ProgressFinish::AndClear)
}

impl Progress for Bars {
    fn plan(&self, blobs: usize, bytes: u64) {
        let mut state = self.state();
        state.blobs = blobs;
        self.total.set_length(bytes);
        // Keeps the estimates honest while nothing arrives.
        self.total.enable_steady_tick(Duration::from_millis(500));
        self.show_total(&state);
    }

    fn start(&self, blob: &Descriptor, from: u64) {
        let mut state = self.state();
        let shown = state.flights.values().filter(|f| f.bar.is_some()).count();
        let flight = state.flights.entry(blob.digest.clone());
        let flight = flight.or_insert_with(|| Flight {
            position: from,
            bar: (blob.size >= LARGE && shown < MOST_BARS).then(|| {
                let line = bar(blob.size, BLOB, blob.digest.short());
                self.screen.insert_before(&self.total, line)
            }),
        });
        flight.position = from;
        if let Some(bar) = &flight.bar {
            bar.set_position(from);
            // Bytes that were there before this try do not count for its speed.
            bar.reset_eta();
        }
        self.show_total(&state);
    }

    fn advance(&self, blob: &Digest, bytes: u64) {
        let mut state = self.state();
        if let Some(flight) = state.flights.get_mut(blob) {
            flight.position = flight.position.saturating_add(bytes);
            if let Some(bar) = &flight.bar {
                bar.set_position(flight.position);
            }
            self.show_total(&state);
        }
    }

    fn done(&self, blob: &Descriptor, _how: BlobOutcome) {
        let mut state = self.state();
        self.remove_bar(&mut state, &blob.digest);
        state.done += 1;
        state.settled = state.settled.saturating_add(blob.size);
        self.show_total(&state);
        if state.done >= state.blobs {
            self.total.finish_and_clear();
        }
    }

    fn failed(&self, blob: &Descriptor) {
        let mut state = self.state();
        self.remove_bar(&mut state, &blob.digest);
        self.show_total(&state);
    }

    fn note(&self, text: &str) {
        let line = format!("note: {}", clean(text));
        // A terminal that cannot be written is no reason to stop a copy.
        self.screen
            .suspend(|| drop(writeln!(io::stderr(), "{line}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;
    use indicatif::ProgressDrawTarget;

    fn blob(name: u8, size: u64) -> Descriptor {
        Descriptor::new("t", Digest::of(Algorithm::Sha256, &[name]), size)
    }

    fn bars() -> Bars {
        Bars::new(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()))
    }

    fn own_bars(bars: &Bars) -> usize {
        let state = bars.state();
        state.flights.values().filter(|f| f.bar.is_some()).count()
    }

    #[test]
    fn the_total_counts_every_byte_once() {
        let bars = bars();
        let (large, small, there) = (blob(1, LARGE), blob(2, 10), blob(3, 100));
        bars.plan(3, LARGE + 110);
        bars.start(&large, 0);
        bars.start(&small, 0);
        assert_eq!(own_bars(&bars), 1);
        bars.advance(&large.digest, 1000);
        bars.advance(&small.digest, 10);
        assert_eq!(bars.total.position(), 1010);
        bars.start(&large, 400);
        assert_eq!(bars.total.position(), 410);
        bars.done(&small, BlobOutcome::Written);
        bars.done(&there, BlobOutcome::Present);
        assert_eq!(bars.total.position(), 510);
        assert_eq!(bars.total.message(), "2 of 3 blobs");
        bars.failed(&large);
        assert_eq!((bars.total.position(), own_bars(&bars)), (110, 0));
        assert!(!bars.total.is_finished());
        bars.done(&large, BlobOutcome::Written);
        assert_eq!(bars.total.position(), bars.total.length().unwrap());
        assert!(bars.total.is_finished());
    }

    #[test]
    fn the_screen_never_fills() {
        let bars = bars();
        for name in 0..20 {
            bars.start(&blob(name, LARGE), 0);
        }
        assert_eq!(own_bars(&bars), MOST_BARS);
        bars.done(&blob(0, LARGE), BlobOutcome::Mounted);
        bars.start(&blob(100, LARGE), 0);
        // Which blob has a bar depends on the order of the starts alone.
        assert_eq!(own_bars(&bars), MOST_BARS);
    }

    #[test]
    fn the_templates_parse() {
        for template in [BLOB, TOTAL] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
