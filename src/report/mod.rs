//! Turns results, events and failures into bytes for people and programs.
//!
//! A command returns a result; this room renders it: JSON as skopeo prints it, templates, tables, error text. It
//! decides nothing and knows no transport.

pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod diff;
pub(crate) mod du;
pub(crate) mod extract;
pub(crate) mod failure;
pub(crate) mod go_time;
pub(crate) mod inspect;
pub(crate) mod json;
pub(crate) mod layers;
pub(crate) mod log;
pub(crate) mod logrus;
pub(crate) mod ls;
pub(crate) mod progress;
pub(crate) mod referrers;
#[cfg(feature = "legacy")]
pub(crate) mod search;
pub(crate) mod sketch;
#[cfg(feature = "sync")]
pub(crate) mod sync;
pub(crate) mod table;
pub(crate) mod template;
pub(crate) mod verify;
