//! The signals that ask the program to end.
//!
//! The first one ends a command in order: what it holds is let go of, and the reader is told how to go on. Where nothing
//! is held and the program may wait for ever (a pipe that nobody reads), and when another one comes after the first was
//! heard, the program ends on the spot. What is being done is not known here.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use signal_hook::flag;

use crate::Error;
use crate::files::BLOCKED;
use crate::platform::{Asked, Signals};
use crate::report::failure;

/// How long a command has to end in order when its time is over, and how long one that is blocked.
const GRACE: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(50);

/// How long the last words may take, in a pipe that may be full.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The exit code of a command that is ended from outside: by a signal, or because its time is over.
static CODE: AtomicU8 = AtomicU8::new(1);

/// That exit code, for what such a command still writes when it is dropped.
#[cfg(feature = "sync")]
pub(super) fn code() -> u8 {
    CODE.load(Ordering::Relaxed)
}

/// Takes note of that code, before the command is dropped.
pub(super) fn ends_with(code: u8) {
    CODE.store(code, Ordering::Relaxed);
}

/// The exit code of the signal that asks the program to end.
pub(super) async fn interrupted() -> u8 {
    let Ok(mut signals) = Signals::listen(false) else {
        return std::future::pending().await;
    };
    for asked in signals.heard() {
        let (number, code) = (asked.number(), 128 + asked.number());
        let watched = flag::register_conditional_shutdown(number, code, BLOCKED.clone());
        if let Err(e) = watched {
            tracing::debug!("no signal ends the program on the spot: {e:#}");
        }
    }
    let code = match signals.next().await {
        Asked::Interrupt => 130,
        Asked::Hangup => 129,
        _ => 143,
    };
    ends_with(code);
    // Not before this one is heard: programs like `timeout` send each signal twice in a row.
    BLOCKED.store(true, Ordering::Relaxed);
    code
}

/// Ends the program with `error` if it is still running a moment after `limit`: it may be blocked in a system call that no
/// timer interrupts, such as reading a pipe without a writer.
pub(super) fn end_after(limit: Duration, error: Error) {
    let watch = move || {
        std::thread::sleep(limit.saturating_add(MOMENT));
        if !BLOCKED.load(Ordering::Relaxed) {
            std::thread::sleep(GRACE);
        }
        last_words(failure::describe(&error, false));
        signal_hook::low_level::exit(error.kind().exit_code().into());
    };
    let watching = std::thread::Builder::new().spawn(watch);
    if let Err(e) = watching {
        tracing::debug!("nothing ends the program while it is blocked: {e:#}");
    }
}

/// Says `words` on stderr, unless nobody takes them.
pub(super) fn last_words(words: String) {
    let (said, heard) = mpsc::channel();
    let say = move || {
        // The terminal may be gone, which is why this ends.
        let _ = io::stderr().write_all(words.as_bytes());
        let _ = said.send(());
    };
    if std::thread::Builder::new().spawn(say).is_ok() {
        let _ = heard.recv_timeout(LAST_WORDS);
    }
}
