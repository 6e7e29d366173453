//! Output of `delete`: a line for each name that is gone.

use indicatif::HumanBytes;

use crate::transport::Deleted;

/// The lines for standard output; the freed space is printed on standard error.
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
