//! What `delete` says: each name that is gone on a line of its own.

use indicatif::HumanBytes;

use crate::transport::Deleted;

/// The lines for standard output; how much space came free is told on standard error.
pub(crate) fn lines(deleted: &Deleted) -> String {
    if deleted.blobs > 0 {
        tracing::debug!(
            "removed {} blobs with it ({})",
            deleted.blobs,
            HumanBytes(deleted.bytes)
        );
    }
    deleted
        .names
        .iter()
        .map(|name| format!("{name}\n"))
        .collect()
}
