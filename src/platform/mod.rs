//! What differs between operating systems: positions in files, what a file is, standard streams, the terminal, signals.
//!
//! The same functions for every system, in a file for each; no other module asks which system it is. Where a system has no
//! such thing, its file says what stands for it. File locks, durable renames and paths are those of the standard library.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

/// What the program is asked for from outside.
#[cfg(feature = "cli")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To end, from the keyboard.
    Interrupt,
    /// To end.
    Terminate,
    /// To read its settings again.
    Hangup,
}
