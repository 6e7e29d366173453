//! Docker schema 1: the fixtures' verdicts, and what the commands make of such images.

mod vectors;
