//! The flag `--ca`.

use clap::{Args, ValueEnum};

use crate::settings::Authorities;

/// Which certificate authorities are trusted.
#[derive(Args, Clone)]
pub(crate) struct AuthoritiesFlag {
    /// Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]
    #[arg(
        long = "ca",
        value_name = "WHICH",
        env = "BARQUE_CA",
        hide_possible_values = true
    )]
    ca: Option<Which>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    System,
    Builtin,
}

impl AuthoritiesFlag {
    pub(crate) fn chosen(&self) -> Authorities {
        match self.ca {
            None | Some(Which::System) => Authorities::System,
            Some(Which::Builtin) => Authorities::Builtin,
        }
    }
}
