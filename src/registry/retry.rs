//! How often something is tried again. All limits are here; the waits between tries are in [`Timeouts`], and so is how
//! often one request is sent.
//!
//! What takes several requests (a blob) has one [`RetryBudget`], which is handed down to all of them: a request that is
//! sent again, a token that is renewed, a download that goes on and an upload that begins again all spend from it. Each
//! kind of failure has a lower limit besides, so the limits add up and do not multiply.
//!
//! [`Timeouts`]: crate::settings::Timeouts

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Failures of all kinds together that an operation may have in a row, without a byte of progress.
pub(crate) const OPERATION: usize = 20;
/// Times in a row that a download is continued without a byte of progress.
pub(crate) const DOWNLOAD: usize = 4;
/// The same for a part of a blob, while other parts are fetched at the same time.
pub(crate) const PART: usize = 3;
/// Times in a row that an upload is continued, and that it is begun again, without progress, by what the registry says
/// (quirk U21).
pub(crate) const UPLOAD: usize = 3;
/// Times that an upload is begun again where connections break and where a registry asks to slow down, which passes:
/// not every registry keeps the beginning of what broke off.
pub(crate) const BROKEN_UPLOAD: usize = 8;
/// Times that an upload is sent which is not answered after its last byte, since each is waited for long.
pub(crate) const UNANSWERED_UPLOAD: usize = 2;
/// Times that an image of Registry V1 is written again, and that all of them are because another registry of an index
/// took over.
#[cfg(feature = "legacy")]
pub(crate) const V1_IMAGE: usize = 4;
/// Times that the index of referrers is written, while other writers replace it (quirk R6).
pub(crate) const REFERRERS_INDEX: u32 = 6;
/// Times that one request gets another token because the one it had ran out. Requests side by side share a token, so
/// that where it is good for a few uses only, one of them may lose the race several times (quirk A15).
pub(crate) const TOKEN: usize = 12;

/// The failures in a row that one operation may still have, of whatever kind they are. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RetryBudget(Arc<AtomicUsize>);

impl RetryBudget {
    /// Failures since there was progress.
    pub(crate) fn failures(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether another failure would be one too many.
    pub(crate) fn is_spent(&self) -> bool {
        self.failures() >= OPERATION
    }

    /// There was a failure, and the operation goes on.
    pub(crate) fn spend(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// There was progress.
    pub(crate) fn renew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The part of it for failures of one kind, of which there may be `most` in a row.
    pub(crate) fn of_kind(&self, most: usize) -> Tries {
        Tries {
            budget: self.clone(),
            most,
            failures: 0,
        }
    }
}

/// The failures of one kind that an operation may have in a row. What it spends, the operation spends.
#[derive(Debug)]
pub(crate) struct Tries {
    budget: RetryBudget,
    most: usize,
    failures: usize,
}

impl Tries {
    /// The budget of the operation, for its requests.
    pub(crate) fn budget(&self) -> &RetryBudget {
        &self.budget
    }

    /// Failures of this kind since there was progress.
    pub(crate) fn failures(&self) -> usize {
        self.failures
    }

    /// Whether another failure would be one too many.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_beyond(self.most)
    }

    /// The same with another limit than its own, for a failure that gets fewer or more tries.
    pub(crate) fn is_beyond(&self, most: usize) -> bool {
        self.failures >= most || self.budget.is_spent()
    }

    /// There was a failure, and the operation goes on.
    pub(crate) fn spend(&mut self) {
        self.failures += 1;
        self.budget.spend();
    }

    /// There was progress, which renews all of the operation's budget.
    pub(crate) fn renew(&mut self) {
        self.failures = 0;
        self.budget.renew();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_renews_a_budget() {
        let mut tries = RetryBudget::default().of_kind(2);
        tries.spend();
        assert!(!tries.is_spent());
        tries.spend();
        assert_eq!((tries.failures(), tries.is_spent()), (2, true));
        tries.renew();
        assert_eq!((tries.failures(), tries.is_spent()), (0, false));
    }

    #[test]
    fn failures_of_all_kinds_add_up() {
        let budget = RetryBudget::default();
        let (mut breaks, mut starts) = (budget.of_kind(OPERATION), budget.of_kind(OPERATION));
        for _ in 0..OPERATION / 2 {
            breaks.spend();
            starts.spend();
        }
        assert!(breaks.is_spent() && starts.is_spent() && budget.is_spent());
        starts.renew();
        assert!(!breaks.is_spent());
    }
}
