//! The limits of the system on threads and open files: an error that names them, wherever they are met.
//!
//! Libraries panic when the system gives them no thread or file to begin with, and wait for ever when it gives them too
//! few threads for work that waits for other work. Both is turned into words here.

use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::Mutex;
use std::thread;

use crate::platform;
use crate::report::failure::{self, MORE_FILES, MORE_THREADS};
use crate::{Error, Result, locked};

/// Threads that a copy may need at the same time.
const THREADS: usize = 32;
/// Where the limit is higher, it is not what a single program runs into.
const HIGH: u64 = 4096;
/// Bytes of the stack of a thread that does nothing.
const STACK: usize = 64 << 10;

/// From now on, a panic of a library for want of threads or files ends the program with an error.
pub(super) fn take_as_errors() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match exhausted(panic) {
        Some(error) => {
            let _ = std::io::stderr().write_all(failure::describe(&error, false).as_bytes());
            signal_hook::low_level::exit(error.kind().exit_code().into());
        }
        None => before(panic),
    }));
}

/// The error that a panic stands for, if there is one.
fn exhausted(panic: &PanicHookInfo<'_>) -> Option<Error> {
    let text = panic.to_string();
    let is = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if is(&["can't spawn worker thread", "failed to spawn thread"]) {
        return Some(no_threads());
    }
    // EMFILE and ENFILE have no kind of `io::Error` of their own.
    is(&["code: 24,", "code: 23,", "os error 24)", "os error 23)"])
        .then(|| Error::other("the system opens no more files for this program").hint(MORE_FILES))
}

fn no_threads() -> Error {
    Error::other("the system starts no more threads for this program").hint(MORE_THREADS)
}

/// An error unless as many threads can be started as a copy may need.
pub(super) fn check_threads() -> Result<()> {
    let limit = platform::most_threads();
    if limit.is_none_or(|limit| limit >= HIGH) {
        return Ok(());
    }
    let gate = Mutex::new(());
    let closed = locked(&gate);
    thread::scope(|scope| {
        let wait = || drop(locked(&gate));
        let start = |_| {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, wait)
        };
        let started: std::io::Result<Vec<_>> = (0..THREADS).map(start).collect();
        drop(closed);
        started.map(drop).map_err(|e| no_threads().because(e))
    })
}
