//! The members of an archive that is being written, in their order, and where each has its place. Nothing is written
//! here.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::header::{self, Type, padding};
use super::left::Left;

/// A member to come.
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) mode: u32,
    /// `None` until it is known.
    pub(super) size: Option<u64>,
    /// Where its header begins, when that is known.
    pub(super) at: Option<u64>,
    /// There is a header, which calls the member unfinished.
    pub(super) headed: bool,
    /// The part of it that an earlier run left.
    pub(super) left: Option<Left>,
    /// Its size is what an earlier run says.
    pub(super) size_is_told: bool,
    pub(super) spool: Option<Spool>,
    pub(super) done: bool,
    /// It turned out not to be needed.
    pub(super) dropped: bool,
}

/// A member that waits for its place.
pub(super) struct Spool {
    pub(super) file: Arc<File>,
    /// Where it is, unless it has no name.
    pub(super) path: Option<PathBuf>,
}

/// All that is known of them.
#[derive(Default)]
pub(super) struct State {
    pub(super) slots: Vec<Slot>,
    /// Where the first slot without a place begins.
    pub(super) end: u64,
    /// Slots that have their place.
    pub(super) placed: usize,
    /// A spool is being copied into a pipe.
    pub(super) busy: bool,
    /// An earlier run left a file, which was not looked at yet.
    pub(super) unread: bool,
    /// A blob was not what its digest says.
    pub(super) wrong: bool,
    /// The files of members that waited or wait for their place.
    pub(super) beside: Vec<PathBuf>,
}

impl State {
    /// Gives places to as many slots as sizes allow.
    pub(super) fn place(&mut self) {
        while let Some(slot) = self.slots.get_mut(self.placed) {
            if slot.dropped {
                self.placed += 1;
                continue;
            }
            slot.at = Some(self.end);
            let Some(size) = slot.size else {
                return;
            };
            let head = header::blocks(&slot.name, Type::File, slot.mode, size).len() as u64;
            // A size that no file has fails when its bytes do not come.
            let whole = head
                .saturating_add(size)
                .saturating_add(padding(size) as u64);
            self.end = self.end.saturating_add(whole);
            self.placed += 1;
        }
    }

    /// Whether everything before slot `i` is written.
    pub(super) fn turn_of(&self, i: usize) -> bool {
        !self.busy && self.slots[..i].iter().all(|s| s.done)
    }
}
