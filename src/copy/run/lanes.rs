//! Lanes: how many blobs move side by side, few large ones and many small ones.
//!
//! A lane becomes half as wide when a host asks clients to slow down while a blob moves on it, and grows back by one
//! when as many blobs as it is wide have moved undisturbed (quirks E16, U26). It counts places only and knows
//! neither blobs nor hosts.

use std::sync::{Arc, Mutex};

use crate::locked;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

/// One lane; all that use it share it.
pub(super) struct AdaptiveLimit {
    places: Arc<Semaphore>,
    width: Mutex<Width>,
}

struct Width {
    /// The widest that it may be.
    full: usize,
    now: usize,
    /// Places that are taken and will not be free again.
    surplus: usize,
    /// How often it was narrowed.
    narrowed: u64,
    /// Blobs that moved undisturbed since its width changed.
    calm: usize,
}

/// A place on a lane, free again when dropped or left.
pub(super) struct Place {
    lane: Arc<AdaptiveLimit>,
    permit: Option<OwnedSemaphorePermit>,
    /// How often the lane had been narrowed when the place was taken.
    narrowed: u64,
}

impl AdaptiveLimit {
    /// A lane for `width` blobs side by side, at least one.
    pub(super) fn new(width: usize) -> Arc<AdaptiveLimit> {
        let full = width.max(1);
        Arc::new(AdaptiveLimit {
            places: Arc::new(Semaphore::new(full)),
            width: Mutex::new(Width {
                full,
                now: full,
                surplus: 0,
                narrowed: 0,
                calm: 0,
            }),
        })
    }

    /// Waits for a place.
    pub(super) async fn enter(self: &Arc<AdaptiveLimit>) -> Place {
        // The semaphore is never closed.
        let permit = self.places.clone().acquire_owned().await.ok();
        let narrowed = self.width().narrowed;
        Place {
            lane: self.clone(),
            permit,
            narrowed,
        }
    }

    fn width(&self) -> std::sync::MutexGuard<'_, Width> {
        locked(&self.width)
    }
}

impl Place {
    /// Gives the place back after a blob; `disturbed` when a host asked clients to slow down meanwhile.
    pub(super) fn leave(mut self, disturbed: bool) {
        let lane = self.lane.clone();
        let mut width = lane.width();
        if disturbed {
            // Blobs that set out before the lane was narrowed complain of what has been done already.
            if self.narrowed == width.narrowed {
                let less = (width.now / 2).max(1);
                width.surplus += width.now - less;
                width.now = less;
                width.narrowed += 1;
            }
            width.calm = 0;
        } else if width.now < width.full {
            width.calm += 1;
            if width.calm >= width.now {
                width.calm = 0;
                width.now += 1;
                match width.surplus.checked_sub(1) {
                    Some(less) => width.surplus = less,
                    None => lane.places.add_permits(1),
                }
            }
        }
        if width.surplus > 0
            && let Some(permit) = self.permit.take()
        {
            width.surplus -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes every place that is free.
    async fn fill(lane: &Arc<AdaptiveLimit>) -> Vec<Place> {
        let mut taken = Vec::new();
        while lane.places.available_permits() > 0 {
            taken.push(lane.enter().await);
        }
        taken
    }

    #[tokio::test]
    async fn a_lane_is_halved_once_for_all_that_were_on_it_and_grows_back() {
        let lane = AdaptiveLimit::new(8);
        let taken = fill(&lane).await;
        assert_eq!(taken.len(), 8);
        taken.into_iter().for_each(|place| place.leave(true));
        let mut width = fill(&lane).await;
        assert_eq!(width.len(), 4);
        width.drain(..).for_each(|place| place.leave(true));
        assert_eq!(fill(&lane).await.len(), 2);
        // Two calm blobs for the third place, three for the fourth, and so on.
        for wider in [3, 4, 5, 6, 7, 8, 8] {
            let taken = fill(&lane).await;
            taken.into_iter().for_each(|place| place.leave(false));
            assert_eq!(fill(&lane).await.len(), wider);
        }
    }

    #[tokio::test]
    async fn one_place_is_always_left() {
        let lane = AdaptiveLimit::new(0);
        for _ in 0..3 {
            let taken = fill(&lane).await;
            assert_eq!(taken.len(), 1);
            taken.into_iter().for_each(|place| place.leave(true));
        }
    }

    #[tokio::test]
    async fn a_lane_that_grows_while_it_shrinks_takes_back_what_is_not_gone_yet() {
        let lane = AdaptiveLimit::new(4);
        let mut taken = fill(&lane).await;
        taken.pop().into_iter().for_each(|place| place.leave(true));
        // Two wide, three of the old places taken: no blob gets in until two of them are gone.
        assert_eq!(lane.places.available_permits(), 0);
        taken.pop().into_iter().for_each(|place| place.leave(false));
        assert_eq!(lane.places.available_permits(), 0);
        taken.into_iter().for_each(|place| place.leave(false));
        let now = lane.width().now;
        assert_eq!(fill(&lane).await.len(), now);
    }
}
