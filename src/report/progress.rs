//! How the progress of a copy looks: bars on a terminal, a line now and then in a log, or nothing.
//!
//! It is separate from the engine, which only says what happens ([`Progress`]). All of it goes to stderr. The bars are
//! shared with `log`, which has to step around them.

mod ahead;
mod bars;
mod lines;

use std::fmt::Write;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressState};

pub(crate) use ahead::while_reading;

use super::failure::clean;
use crate::copy::{Progress, Quiet};

/// The listener for a copy: silent when `quiet`, bars when stderr is a terminal, else lines.
///
/// `bars` is the screen that the log's writer knows too ([`super::log::Stderr`]).
pub(crate) fn listener(quiet: bool, bars: &MultiProgress) -> Arc<dyn Progress> {
    if quiet {
        Arc::new(Quiet)
    } else if bars.is_hidden() {
        Arc::new(lines::Lines::new(io::stderr(), Instant::now))
    } else {
        Arc::new(bars::Bars::new(bars.clone()))
    }
}

/// Prints a line on stderr without disturbing progress on `screen`.
pub(crate) fn print(line: &str, screen: &MultiProgress) {
    // A closed stderr is no reason to fail.
    let _ = screen.suspend(|| writeln!(io::stderr(), "{}", clean(line)));
}

/// The time that a bar is expected to take until its end, as the key `left` of its template; nothing as long as nothing is
/// done, because there is no estimate then.
pub(crate) fn left(state: &ProgressState, out: &mut dyn Write) {
    // Writing into the line of a bar does not fail.
    let _ = out.write_str(&estimate(state.pos(), state.eta()));
}

fn estimate(done: u64, left: Duration) -> String {
    match done {
        0 => String::new(),
        _ => format!("{:#} left", HumanDuration(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_estimated_before_something_is_done() {
        assert_eq!(estimate(0, Duration::ZERO), "");
        assert_eq!(estimate(1, Duration::from_secs(30)), "30s left");
    }
}
