//! Docker schema 1: the fixtures' verdicts, and what the commands make of such images.

mod commands;
mod copy;
mod peers;
mod vectors;
