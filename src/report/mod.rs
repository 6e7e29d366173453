//! Turns results, events and failures into bytes for people and programs.
//!
//! A command returns a result; this room renders it: JSON as skopeo prints it, templates, tables, error text. It
//! decides nothing and knows no transport.

pub mod failure;
pub mod inspect;
pub mod json;
pub mod progress;
pub mod table;
pub mod template;
