//! Docker schema 1: the fixtures' verdicts, and what the commands make of such images.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod commands;
mod copy;
mod peers;
mod vectors;
