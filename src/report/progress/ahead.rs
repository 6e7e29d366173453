//! Progress of reading layers that have to be known before a copy can be planned.
//!
//! Nothing of a copy exists then, so there is no [`crate::copy::Progress`] to hear of it: the source counts, and this
//! looks now and then.

use std::future::Future;
use std::io::Write;
use std::time::Duration;

use indicatif::MultiProgress;

use super::bars::{TOTAL, bar};
use crate::report::table::human_size;
use crate::transport::ReadAhead;

const LINES: Duration = Duration::from_secs(10);
const BAR: Duration = Duration::from_millis(200);

/// Carries `planning` out, and shows meanwhile what `so_far` says: not at all when `quiet`, by a bar on `screen`, or
/// where that is hidden by a line on `out` every ten seconds.
pub(crate) async fn while_reading<T>(
    quiet: bool,
    screen: &MultiProgress,
    out: impl Write,
    so_far: impl Fn() -> ReadAhead,
    planning: impl Future<Output = T>,
) -> T {
    if quiet {
        return planning.await;
    }
    let shown = async {
        match screen.is_hidden() {
            true => lines(out, so_far).await,
            false => bar_on(screen, so_far).await,
        }
    };
    tokio::select! {
        biased;
        planned = planning => planned,
        never = shown => match never {},
    }
}

async fn lines(mut out: impl Write, so_far: impl Fn() -> ReadAhead) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(LINES).await;
        let ahead = so_far();
        if ahead.read > 0 {
            // A log that cannot be written is no reason to stop.
            let _ = writeln!(out, "{}", line(ahead));
        }
    }
}

fn line(ahead: ReadAhead) -> String {
    let of = ahead.of.map(|of| format!(" of {}", human_size(of)));
    format!(
        "reading layers to plan the copy: {}{}",
        human_size(ahead.read),
        of.unwrap_or_default()
    )
}

async fn bar_on(
    screen: &MultiProgress,
    so_far: impl Fn() -> ReadAhead,
) -> std::convert::Infallible {
    let mut shown = None;
    loop {
        tokio::time::sleep(BAR).await;
        let ahead = so_far();
        if ahead.read > 0 {
            let bar = shown.get_or_insert_with(|| screen.add(bar(0, TOTAL, "reading")));
            bar.set_length(ahead.of.unwrap_or(0).max(ahead.read));
            bar.set_position(ahead.read);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    use indicatif::ProgressDrawTarget;

    #[tokio::test(start_paused = true)]
    async fn long_reading_is_told_every_ten_seconds() {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let read = Cell::new(0);
        let planning = async {
            for _ in 0..25 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                read.set(read.get() + 1_000_000);
            }
            "planned"
        };
        let mut out = Vec::new();
        let ahead = || ReadAhead {
            read: read.get(),
            of: Some(40_000_000),
        };
        let planned = while_reading(false, &screen, &mut out, ahead, planning);
        assert_eq!(planned.await, "planned");
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            text.starts_with("reading layers to plan the copy: "),
            "{text}"
        );
        assert!(text.ends_with(" of 40.0 MB\n"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_ahead_says_nothing() {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut out = Vec::new();
        let planning = tokio::time::sleep(Duration::from_secs(60));
        while_reading(false, &screen, &mut out, ReadAhead::default, planning).await;
        assert!(out.is_empty());
    }
}
