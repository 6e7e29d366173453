//! What differs between operating systems: positions in files, what a file is, directories without links, standard streams,
//! the terminal, signals.
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
#[cfg_attr(windows, allow(dead_code, reason = "only the first two are there"))]
pub(crate) enum Asked {
    /// To end, from the keyboard.
    Interrupt,
    /// To end.
    Terminate,
    /// To read its settings again.
    Hangup,
    /// To end at once, from the keyboard.
    Quit,
    /// SIGUSR1 and SIGUSR2, to which each program gives a meaning of its own.
    User1,
    User2,
}

/// What [`Folder::enter`] finds.
pub(crate) enum Entered {
    Folder(Folder),
    Missing,
    /// A file, a link or something else that is no directory.
    Other,
}

/// What a file is given besides its content, as far as the system has it.
#[cfg_attr(windows, allow(dead_code, reason = "files have neither there"))]
pub(crate) struct About<'a> {
    /// The numbers of user and group.
    pub(crate) owner: Option<(u32, u32)>,
    /// Permission bits, with those for set-user-id, set-group-id and sticky.
    pub(crate) mode: u32,
    /// Seconds since 1970, and nanoseconds.
    pub(crate) modified: (i64, u32),
    /// Extended attributes: name and value.
    pub(crate) xattrs: &'a [(Vec<u8>, Vec<u8>)],
}

/// A special file, with major and minor number.
#[cfg_attr(
    any(windows, target_vendor = "apple"),
    allow(dead_code, reason = "none is made there")
)]
pub(crate) enum Node {
    CharDevice((u32, u32)),
    BlockDevice((u32, u32)),
    Pipe,
}
