//! The oldest form of `docker save`, which has no `manifest.json`.

pub(crate) mod read;
