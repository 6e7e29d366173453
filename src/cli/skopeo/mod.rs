//! barque called as `skopeo`: by a link of that name, or as `barque skopeo ARGS…`.
//!
//! The commands are the same; what differs is how the program speaks, because scripts read it: messages and exit codes of
//! failures (`words`, `usage`), and the lines that a copy prints (`progress`). Nothing here does what a command does.

mod names;
mod progress;
#[cfg(feature = "sync")]
mod sync;
mod usage;
mod words;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{Cli, Command};
use crate::Error;
use crate::report::failure::Failure;
use crate::report::logrus::{Severity, line};
use crate::settings::AuthFiles;
use crate::settings::paths::Environment;

pub(super) use progress::{after, before};
#[cfg(feature = "sync")]
pub(super) use sync::SyncLines;

/// The version of skopeo whose behaviour this is.
const VERSION: &str = "1.22.0";

/// How the program was called, if it was called as skopeo.
static CALL: OnceLock<Call> = OnceLock::new();

/// A call in skopeo's name.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// The name of the command, as skopeo has it.
    command: &'static str,
    /// The images, registries or files that it is about.
    names: Vec<String>,
    /// Whether all images of an index are copied.
    is_all: bool,
    /// Whether plain HTTP was permitted by a flag.
    is_plain: bool,
}

/// The arguments without the word `skopeo`, if that is what the program is called as.
pub(super) fn addressed(args: &[OsString]) -> Option<Vec<OsString>> {
    let (program, rest) = args.split_first()?;
    let stem = Path::new(program).file_stem();
    let rest = match (stem == Some("skopeo".as_ref()), rest) {
        (true, rest) => rest,
        (false, [first, rest @ ..]) if first == "skopeo" => rest,
        _ => return None,
    };
    let mut args = vec![OsString::from("skopeo")];
    args.extend_from_slice(rest);
    Some(args)
}

/// Whether the program was called as skopeo.
pub(super) fn is_called() -> bool {
    CALL.get().is_some()
}

/// Keeps that the program was called as skopeo, and with what. Fails for what skopeo's commands do not take and
/// barque's do: several images, names without a transport.
pub(super) fn take(cli: &Cli) -> Result<(), Failure> {
    let one = |command, name: &str| Call {
        command,
        names: vec![name.to_owned()],
        ..Call::default()
    };
    let call = match &cli.command {
        Command::Inspect(args) => Call {
            command: "inspect",
            names: args.images.clone(),
            ..Call::default()
        },
        Command::Copy(args) => Call {
            command: "copy",
            names: [&args.source, &args.destination]
                .into_iter()
                .chain(&args.more)
                .cloned()
                .collect(),
            is_all: args.is_all(),
            ..Call::default()
        },
        Command::Delete(args) => Call {
            command: "delete",
            names: args.images.clone(),
            ..Call::default()
        },
        Command::Tags(args) => one("list-tags", &args.repository),
        Command::Layers(args) => one("layers", &args.image),
        Command::ManifestDigest(args) => one("manifest-digest", &args.file.to_string_lossy()),
        Command::Login(args) => one("login", &args.registry),
        Command::Logout(args) => one("logout", args.registry.as_deref().unwrap_or_default()),
        #[cfg(feature = "trust")]
        Command::StandaloneSign(_) => one("standalone-sign", ""),
        #[cfg(feature = "trust")]
        Command::StandaloneVerify(args) => one("standalone-verify", args.manifest()),
        #[cfg(feature = "trust")]
        Command::GenerateSigstoreKey(_) => one("generate-sigstore-key", ""),
        #[cfg(feature = "sync")]
        Command::Sync(args) => one("sync", args.source()),
        _ => Call::default(),
    };
    let is_plain =
        std::env::args_os().any(|arg| arg.to_string_lossy().ends_with("tls-verify=false"));
    let call = CALL.get_or_init(|| Call { is_plain, ..call });
    if cli.global.trust.contradict() {
        return Err(fatal(
            "--insecure-policy and --require-signed are mutually exclusive",
        ));
    }
    #[cfg(feature = "sync")]
    if let Command::Sync(args) = &cli.command
        && let Some(message) = args.lacks()
    {
        return Err(fatal(message));
    }
    match usage::refused(call) {
        Some(message) => Err(fatal(&message)),
        None => Ok(()),
    }
}

/// `error` as the client of the image proxy reads it.
#[cfg(target_os = "linux")]
pub(super) fn described(error: &Error) -> String {
    match is_called() {
        true => words::of_proxy(error),
        false => crate::report::failure::one_line(error),
    }
}

/// The text of `--version`, if that is what is asked for.
pub(super) fn version(args: &[OsString]) -> Option<String> {
    let first = args.get(1)?;
    let is_version = first == "--version" || first == "-v";
    is_version.then(|| format!("skopeo version {VERSION}\n"))
}

/// Whether the call permits plain HTTP.
fn is_plain() -> bool {
    CALL.get().is_some_and(|call| call.is_plain)
}

/// Whether a directory of certificates is passed over, as skopeo passes over one that is not there.
pub(super) fn ignores(cert_dir: &Path) -> bool {
    is_called() && !cert_dir.exists()
}

/// The credential files. skopeo takes one that is named and is not there for one without logins. Fails with the errors
/// of [`AuthFiles::find`].
pub(super) fn auth_files(explicit: Option<PathBuf>) -> crate::Result<AuthFiles> {
    match is_called() {
        true => Ok(AuthFiles::find_in(explicit, Environment::of_process())),
        false => AuthFiles::find(explicit),
    }
}

/// The user agent, by default that of skopeo.
pub(super) fn user_agent() -> Option<String> {
    is_called().then(|| format!("skopeo/{VERSION}"))
}

/// Reports the mistake `error` on the command line `args`.
pub(super) fn mistaken(error: clap::Error, args: &[OsString]) -> Failure {
    // Commands are not known yet, and still it is skopeo that was called.
    let _ = CALL.set(Call::default());
    match usage::explained(&error, args) {
        Some(message) => fatal(&message),
        None => Failure::Usage(error),
    }
}

/// Reports `failure` and returns the exit code, if the program was called as skopeo.
pub(super) fn report(failure: &Failure) -> Option<u8> {
    CALL.get()?;
    match failure {
        Failure::Error(e) => report_error(e),
        _ => None,
    }
}

/// As [`report`], for one error.
pub(super) fn report_error(error: &Error) -> Option<u8> {
    let call = CALL.get()?;
    let (message, code) = words::fatal(call, error);
    say(Severity::Fatal, &message);
    Some(code)
}

fn fatal(message: &str) -> Failure {
    ended(message, 1)
}

/// Says of `layers` what skopeo says of it.
pub(super) fn deprecate_layers() {
    if is_called() {
        write("DEPRECATED: skopeo layers is deprecated in favor of skopeo copy\n");
    }
}

/// Says what `copy --dry-run` would do.
pub(super) fn would_copy(source: &str, destination: &str) {
    say(Severity::Warning, "Running in dry-run mode");
    let what = format!("Would have copied from={source} to={destination}");
    say(Severity::Info, &what);
}

/// Ends the command with `message`.
pub(super) fn ended(message: &str, code: u8) -> Failure {
    say(Severity::Fatal, message);
    Failure::Reported(code)
}

fn say(severity: Severity, message: &str) {
    write(&line(severity, message, io::stderr().is_terminal()));
}

fn write(line: &str) {
    // There is nowhere to report that stderr itself is closed.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
