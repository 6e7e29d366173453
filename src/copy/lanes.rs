//! `Lanes`: how many blobs move side by side, by size and by the work that they take.

use std::sync::Arc;

use super::adaptive_limit::AdaptiveLimit;

/// Lanes for large blobs.
const LARGE_LANES: usize = 4;
/// Layers in other forms that are under way at once: one compression keeps all cores busy, inflating one core.
/// More would only take memory.
const RECODING_LANES: usize = 4;

/// How many blobs move side by side.
#[derive(Clone)]
pub(super) struct Lanes {
    pub(super) large: Arc<AdaptiveLimit>,
    pub(super) small: Arc<AdaptiveLimit>,
    pub(super) recoding: Arc<AdaptiveLimit>,
}

impl Lanes {
    /// One lane for `parallel` blobs of any kind, or `small` small ones in addition to the usual number of others.
    pub(super) fn new(parallel: Option<usize>, small: usize) -> Lanes {
        let large = AdaptiveLimit::new(parallel.unwrap_or(LARGE_LANES));
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let other = |width| match parallel {
            Some(_) => large.clone(),
            None => AdaptiveLimit::new(width),
        };
        Lanes {
            small: other(small),
            recoding: other(cores.min(RECODING_LANES)),
            large,
        }
    }
}
