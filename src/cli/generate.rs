//! Hidden commands that write what packages install: shell completions and man pages.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::Outcome;
use crate::{Error, Result};

/// Print the completion script of a shell
#[derive(Args)]
pub(crate) struct CompletionArgs {
    shell: Shell,
}

/// Write the man pages into a directory
#[derive(Args)]
pub(crate) struct ManArgs {
    directory: PathBuf,
}

pub(crate) fn completion(args: &CompletionArgs, mut command: Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "barque", &mut script);
    Outcome::Bytes(script.into())
}

pub(crate) fn man(args: &ManArgs, command: Command) -> Result<Outcome> {
    let failed = |e: std::io::Error| {
        Error::other(format!(
            "the man pages cannot be written to `{}`",
            args.directory.display()
        ))
        .because(e)
    };
    std::fs::create_dir_all(&args.directory).map_err(failed)?;
    clap_mangen::generate_to(command, &args.directory).map_err(failed)?;
    Ok(Outcome::Nothing)
}
