//! Commands that write what packages install: shell completions and man pages.
//!
//! What they write depends on the command line's definition alone, not on the terminal or the environment;
//! tests/it/generated.rs compares it with the files that are checked in.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Outcome, completions};
use crate::{Error, Result};

const COMPLETION_EXAMPLES: &str = "\
Examples:
  For bash, for this user:
    barque completion bash > ~/.local/share/bash-completion/completions/barque

  For zsh, into a directory of $fpath:
    barque completion zsh > ~/.zfunc/_barque

  For fish:
    barque completion fish > ~/.config/fish/completions/barque.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  For this user:
    barque man ~/.local/share/man/man1";

/// Print the completion script of a shell
#[derive(Args)]
#[command(after_long_help = COMPLETION_EXAMPLES)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Write the man pages into a directory
///
/// The directory is made when it does not exist; pages of the same name are replaced.
#[derive(Args)]
#[command(after_long_help = MAN_EXAMPLES)]
pub(crate) struct ManArgs {
    /// Where the pages go, one file a command
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(crate) fn completion(args: &CompletionArgs, command: Command) -> Outcome {
    let mut script = Vec::new();
    let mut command = shown(command);
    clap_complete::generate(args.shell, &mut command, "barque", &mut script);
    let script = String::from_utf8_lossy(&script);
    completions::with_images(args.shell, &script, &flags_with_values(&command)).into()
}

/// The flags of all commands after which a value comes as the next word.
fn flags_with_values(command: &Command) -> Vec<String> {
    let commands = command.get_subcommands().flat_map(with_actions);
    let commands = std::iter::once(command).chain(commands);
    let flags = commands.flat_map(Command::get_arguments).filter(|flag| {
        flag.get_action().takes_values() && !flag.is_positional() && !flag.is_require_equals_set()
    });
    let names = flags.flat_map(|flag| {
        let long = flag.get_long().map(|long| format!("--{long}"));
        long.into_iter()
            .chain(flag.get_short().map(|short| format!("-{short}")))
    });
    let names: BTreeSet<String> = names.collect();
    names.into_iter().collect()
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
    // A command that was built has one for help, which comes again too.
    let commands = commands.filter(|c| c.get_name() != "help");
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
    for page in std::iter::once(&command).chain(commands.flat_map(with_actions)) {
        write_page(page, version, &args.directory).map_err(failed)?;
    }
    Ok(Outcome::Nothing)
}

/// `command`, and its own commands where it has some.
fn with_actions(command: &Command) -> impl Iterator<Item = &Command> {
    let actions = command.get_subcommands();
    std::iter::once(command).chain(actions.filter(|action| action.get_name() != "help"))
}

fn write_page(command: &Command, version: &str, directory: &Path) -> io::Result<()> {
    let page = Man::new(command.clone())
        .source(format!("barque {version}"))
        .manual("barque");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    write_synopsis(command, &mut text)?;
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
    match command.get_name() == "barque" {
        true => text.extend_from_slice(PLACES.as_bytes()),
        false => writeln!(text, ".SH \"SEE ALSO\"\nbarque(1)")?,
    }
    fs::write(directory.join(page.get_filename()), tidied(&text))
}

/// The command with its arguments; the flags are listed below.
fn write_synopsis(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    write!(
        page,
        ".SH SYNOPSIS\n\\fB{}\\fR [\\fIOPTIONS\\fR]",
        name.replace('-', "\\-")
    )?;
    for argument in command.get_positionals() {
        let names = argument.get_value_names().unwrap_or_default();
        let name = names
            .first()
            .map_or(argument.get_id().as_str(), |name| name.as_str());
        let many = argument.get_num_args().is_some_and(|n| n.max_values() > 1);
        let more = if many { "..." } else { "" };
        let name = name.replace('-', "\\-");
        match argument.is_required_set() {
            true => write!(page, " \\fI{name}\\fR{more}")?,
            false => write!(page, " [\\fI{name}\\fR]{more}")?,
        }
    }
    if command.has_subcommands() {
        write!(page, " \\fICOMMAND\\fR")?;
    }
    writeln!(page)
}

/// Files and variables, for the page of the program.
const PLACES: &str = r#".SH FILES
.TP
\fI$XDG_RUNTIME_DIR/containers/auth.json\fR, \fI~/.config/containers/auth.json\fR
Logins, in this order; \fBbarque login\fR writes the first.
.TP
\fI~/.docker/config.json\fR, \fI~/.dockercfg\fR
Logins of Docker, which are read after those.
.TP
\fI/etc/containers/certs.d/HOST:PORT/\fR, \fI/etc/docker/certs.d/HOST:PORT/\fR
Certificates for a registry: *.crt authorities, *.cert with *.key for the client.
.SH ENVIRONMENT
.TP
\fBBARQUE_DEBUG\fR, \fBBARQUE_OVERRIDE_OS\fR, \fBBARQUE_OVERRIDE_ARCH\fR, \fBBARQUE_OVERRIDE_VARIANT\fR, \fBBARQUE_COMMAND_TIMEOUT\fR, \fBBARQUE_STALL_TIMEOUT\fR
Values of the options with these names.
.TP
\fBREGISTRY_AUTH_FILE\fR, \fBDOCKER_CONFIG\fR, \fBDOCKER_AUTH_CONFIG\fR
The file of logins; the directory of Docker's config.json; logins as text.
.TP
\fBHTTPS_PROXY\fR, \fBHTTP_PROXY\fR, \fBALL_PROXY\fR, \fBNO_PROXY\fR
Proxies, and the hosts that are reached without.
.TP
\fBSSL_CERT_FILE\fR, \fBSSL_CERT_DIR\fR
Trusted authorities in place of the system's.
.TP
\fBDOCKER_HOST\fR
The Docker Engine of docker-daemon:.
.TP
\fBTMPDIR\fR
Where big temporary files go.
.TP
\fBNO_COLOR\fR
Set, no colours are used.
.SH "SEE ALSO"
skopeo(1), containers\-auth.json(5), containers\-certs.d(5)
"#;

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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn examples_are_not_wrapped_on_a_terminal_of_80_columns() {
        let mut program = crate::cli::Cli::command();
        program.build();
        let commands = program.get_subcommands().flat_map(with_actions);
        let mut seen = 0;
        for command in commands.chain([&program]) {
            let text = command.get_after_long_help().map(ToString::to_string);
            let lines = text.iter().flat_map(|text| text.lines());
            // Words between them may be wrapped.
            for line in lines.filter(|line| line.starts_with("    ")) {
                seen += 1;
                assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
            }
        }
        assert!(seen > 50, "{seen}");
    }
}
