//! Hidden commands that write what packages install: shell completions and man pages.
//!
//! What they write depends on the command line's definition alone, not on the terminal or the environment;
//! tests/it/generated.rs compares it with the files that are checked in.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

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

pub(crate) fn completion(args: &CompletionArgs, command: Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut shown(command), "barque", &mut script);
    Outcome::Bytes(script.into())
}

/// `command` with what `--help` shows; clap's generators would offer hidden commands and flags too.
fn shown(command: Command) -> Command {
    let mut shown = Command::new(command.get_name().to_owned())
        .about(command.get_about().cloned().unwrap_or_default())
        .visible_aliases(command.get_visible_aliases().map(str::to_owned))
        .disable_version_flag(true);
    if let Some(version) = command.get_version() {
        shown = shown.version(version.to_owned());
    }
    let flags = command.get_arguments().filter(|flag| !flag.is_hide_set());
    let commands = command.get_subcommands().filter(|c| !c.is_hide_set());
    let commands = commands.cloned().map(|mut command| {
        // Its flags are there when it is built, and one for help, which comes again.
        command = command.disable_help_flag(true);
        command.build();
        self::shown(command)
    });
    shown.args(flags).subcommands(commands)
}

pub(crate) fn man(args: &ManArgs, command: Command) -> Result<Outcome> {
    let failed = |e: io::Error| {
        Error::other(format!(
            "the man pages cannot be written to `{}`",
            args.directory.display()
        ))
        .because(e)
    };
    fs::create_dir_all(&args.directory).map_err(failed)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let commands = command.get_subcommands().filter(|c| !c.is_hide_set());
    let version = command.get_version().unwrap_or_default();
    for page in std::iter::once(&command).chain(commands) {
        write_page(page, version, &args.directory).map_err(failed)?;
    }
    Ok(Outcome::Nothing)
}

fn write_page(command: &Command, version: &str, directory: &Path) -> io::Result<()> {
    let page = Man::new(command.clone())
        .source(format!("barque {version}"))
        .manual("barque");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    let after = command
        .get_after_long_help()
        .or_else(|| command.get_after_help());
    if let Some(after) = after {
        write_after_help(&after.to_string(), &mut text)?;
    }
    if !command.has_subcommands() {
        writeln!(text, ".SH \"SEE ALSO\"\nbarque(1)")?;
    }
    fs::write(directory.join(page.get_filename()), tidied(&text))
}

/// The page with the preamble that clap_mangen puts before each section only once, and no blanks at line ends.
fn tidied(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    let is_preamble = |line: &str| line.starts_with(".ie ") || line.starts_with(".el ");
    let lines = page.lines().enumerate();
    lines
        .filter(|(at, line)| *at < 2 || !is_preamble(line))
        .map(|(_, line)| line.trim_end().to_owned() + "\n")
        .collect()
}

/// What follows the flags in `--help`: an unindented line that ends in a colon begins a section, the lines below
/// keep their breaks. (clap_mangen would run the lines of an example together.)
fn write_after_help(text: &str, page: &mut Vec<u8>) -> io::Result<()> {
    for line in text.lines() {
        match line.strip_suffix(':').filter(|l| !l.starts_with(' ')) {
            Some(heading) => writeln!(page, ".fi\n.SH \"{}\"\n.nf", heading.to_uppercase())?,
            None => {
                let escaped = line.replace('\\', "\\e").replace('-', "\\-");
                let escaped = escaped.replace('\'', "\\(aq");
                // A dot at the start of a line would be a command.
                let guard = if escaped.starts_with('.') { "\\&" } else { "" };
                writeln!(page, "{guard}{escaped}")?;
            }
        }
    }
    writeln!(page, ".fi")
}
