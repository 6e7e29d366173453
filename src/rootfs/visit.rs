//! What takes the entries of a layer.

use super::{Content, Entry};
use crate::Result;

/// What a visitor wants after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next entry.
    Go,
    /// Nothing more: the rest of the layer is not read, and so its digest is not checked.
    Stop,
}

/// Takes the entries of a layer, in their order.
pub trait Visit: Send + 'static {
    /// Takes `entry`. What it does not read of `content` is passed over.
    ///
    /// # Errors
    /// Its own, which end the walk.
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next>;
}
