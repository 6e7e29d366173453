//! Runs the barque binary as a user would, in a sandbox of its own.

use std::ops::Deref;

use super::sandbox::Sandbox;

/// The binary under test in a fresh home; a [`Sandbox`] in all else.
pub struct Barque(Sandbox);

impl Barque {
    /// A fresh sandbox for the binary that cargo built for this test run.
    pub fn new() -> Barque {
        Barque(Sandbox::of(env!("CARGO_BIN_EXE_barque")))
    }

    /// Sets a variable for all later runs in this sandbox.
    pub fn env(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Barque {
        Barque(self.0.env(name, value))
    }
}

impl Deref for Barque {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}
