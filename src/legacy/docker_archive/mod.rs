//! The old forms of `docker save`: archives without `manifest.json`, and the documents that readers of such archives
//! look for in newer ones.

pub(crate) mod read;
pub(crate) mod write;
