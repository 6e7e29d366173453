//! How often something is tried again. All limits are here; the waits between tries are in [`Timeouts`], and so is how
//! often one request is sent.
//!
//! The limits are nested: a blob is sent again by its upload, and each request of that upload by itself.
//!
//! [`Timeouts`]: crate::settings::Timeouts

/// Times in a row that a download is continued without a byte of progress.
pub(crate) const DOWNLOAD: usize = 4;
/// The same for a part of a blob, which is fetched beside other parts.
pub(crate) const PART: usize = 3;
/// Times in a row that an upload is continued or begun again without progress, by what the registry says (quirk U21).
pub(crate) const UPLOAD: usize = 3;
/// The same where connections break and where a registry asks to slow down, which passes: not every registry keeps the
/// beginning of what broke off.
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

/// The failures in a row that one operation may have. Progress gives all of them back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryBudget {
    most: usize,
    failures: usize,
}

impl RetryBudget {
    /// A budget of `most` failures.
    pub(crate) fn new(most: usize) -> RetryBudget {
        RetryBudget { most, failures: 0 }
    }

    /// Failures since there was progress.
    pub(crate) fn failures(&self) -> usize {
        self.failures
    }

    /// Whether another failure would be one too many.
    pub(crate) fn is_spent(&self) -> bool {
        self.failures >= self.most
    }

    /// There was a failure, and the operation goes on.
    pub(crate) fn spend(&mut self) {
        self.failures += 1;
    }

    /// There was progress.
    pub(crate) fn renew(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_renews_a_budget() {
        let mut budget = RetryBudget::new(2);
        budget.spend();
        assert!(!budget.is_spent());
        budget.spend();
        assert_eq!((budget.failures(), budget.is_spent()), (2, true));
        budget.renew();
        assert_eq!((budget.failures(), budget.is_spent()), (0, false));
    }
}
