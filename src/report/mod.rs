//! Turns results, events and failures into bytes for people and programs.
//!
//! A command returns a result; this room renders it: JSON as skopeo prints it, templates, tables, error text. It
//! decides nothing and knows no transport.

pub mod copy;
pub mod delete;
pub mod failure;
pub mod go_time;
pub mod inspect;
pub mod json;
pub mod layers;
pub mod log;
pub mod progress;
pub mod search;
pub mod sketch;
#[cfg(feature = "sync")]
pub mod sync;
pub mod table;
pub mod template;
