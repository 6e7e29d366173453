//! How the progress of a copy looks: bars on a terminal, a line now and then in a log, or nothing.
//!
//! It is separate from the engine, which only says what happens ([`Progress`]). All of it goes to stderr. The bars are
//! shared with `log`, which has to step around them.

mod ahead;
mod bars;
mod lines;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use indicatif::MultiProgress;

pub(crate) use ahead::while_reading;

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
