//! The command line: flags in, one call into the library, the result to `report`.
//!
//! One thin file a command. A command returns an `Outcome`; only this file writes it to stdout. No HTTP here,
//! and no JSON by hand.

mod attest;
mod authorities;
mod cat;
mod compat;
mod completions;
mod copy;
mod delete;
mod diff;
mod du;
mod edit;
mod extract;
mod flags;
mod generate;
mod global;
#[cfg(target_os = "linux")]
mod image_proxy;
mod inspect;
mod layer_form;
mod layers;
mod limits;
mod login;
mod logout;
mod ls;
mod manifest_digest;
mod mistakes;
mod names;
mod referrers;
mod repeat;
mod repos;
mod retry;
#[cfg(feature = "legacy")]
mod search;
#[cfg(feature = "serve")]
mod serve;
mod signals;
mod signing;
mod skopeo;
#[cfg(feature = "trust")]
mod standalone;
#[cfg(feature = "sync")]
mod sync;
mod tags;
mod trust_flags;
mod values;
mod verify;
mod verify_copy;
mod workers;

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use bytes::Bytes;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use futures_util::StreamExt;
use futures_util::stream::LocalBoxStream;
use indicatif::MultiProgress;

use crate::files::while_blocked;
use crate::report::failure::{self, Failure};
use crate::report::log;
use crate::{Error, Result};
use flags::Global;
use workers::{Call, Workers};

const NAMES: &str = "\
Image names:
  docker://HOST/NAME[:TAG][@DIGEST]  in a registry
  docker-v1://HOST/NAME[:TAG]        in a registry of the years 2013 to 2016
  oci:DIR[:REF]                      in an OCI image layout
  dir:DIR                            in a flat directory, as skopeo writes it
  oci-archive:FILE[:REF]             in a tar of an OCI layout
  docker-archive:FILE[:NAME[:TAG]]   in a tar as `docker save` writes it
  docker-daemon:NAME[:TAG]           in a Docker Engine, or Podman's API service
  containers-storage:NAME            in the store of podman, to read
  tarball:FILE[:FILE...]             made of tar files, each a layer, to read

Exit codes:
  0 done, 1 error, 2 not found, 3 not allowed, 4 content does not match its
  digest, 5 network or registry unavailable, 6 refused by the destination,
  129, 130 or 143 interrupted";

/// How a command that was interrupted goes on.
const CONTINUES: &str = "; what is finished is kept: run the same command again to continue";

/// Inspect and copy container images between registries, layouts and archives
#[derive(Parser)]
#[command(
    name = "barque",
    version,
    disable_version_flag = true,
    max_term_width = 100,
    arg_required_else_help = true,
    args_override_self = true,
    after_long_help = NAMES
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// Print version
    #[arg(short = 'V', short_alias = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

// The flags of a command are built when it is the one that was called, which halves the work of a start. Its first
// line stands here for the list of commands, and once more with its flags.
#[derive(Subcommand)]
#[command(defer = true)]
enum Command {
    /// Show what an image is: digest, tags, labels, layers, environment
    Inspect(inspect::InspectArgs),
    /// Copy an image from one place to another
    Copy(Box<copy::CopyArgs>),
    /// Check that an image arrived whole at another place
    VerifyCopy(Box<verify_copy::VerifyCopyArgs>),
    /// List the tags of a repository
    #[command(visible_alias = "list-tags")]
    Tags(tags::TagsArgs),
    /// List the repositories of a registry
    Repos(repos::ReposArgs),
    /// Download the layers of an image into a directory, or list them
    Layers(layers::LayersArgs),
    /// List the files of an image
    Ls(Box<ls::LsArgs>),
    /// Print a file of an image
    Cat(Box<cat::CatArgs>),
    /// Write the files of an image into a directory
    Extract(Box<extract::ExtractArgs>),
    /// Show what differs between two images: config, history, layers, files
    Diff(Box<diff::DiffArgs>),
    /// Show what images take: by layer, by directory, shared and wasted
    Du(Box<du::DuArgs>),
    /// Change the config of an image, or put a layer on top
    Edit(Box<edit::EditArgs>),
    /// Verify the signatures of an image
    Verify(Box<verify::VerifyArgs>),
    /// Mirror many images, from a declaration or a repository
    #[cfg(feature = "sync")]
    Sync(Box<sync::SyncCommand>),
    /// List what refers to an image: signatures, SBOMs, attestations
    Referrers(referrers::ReferrersArgs),
    /// Read the attestations of an image
    Attest(attest::AttestArgs),
    /// Delete images from registries and OCI layouts
    Delete(delete::DeleteArgs),
    /// Print the digest of a manifest in a file
    ManifestDigest(manifest_digest::ManifestDigestArgs),
    /// Sign a manifest in a file with an OpenPGP key
    #[cfg(feature = "trust")]
    StandaloneSign(standalone::SignArgs),
    /// Verify the OpenPGP signature of a manifest in a file
    #[cfg(feature = "trust")]
    StandaloneVerify(standalone::VerifyArgs),
    /// Print what a signature claims, without verifying it
    #[cfg(feature = "trust")]
    #[command(hide = true)]
    UntrustedSignatureDumpWithoutVerification(standalone::DumpArgs),
    /// Make a key pair for sigstore signatures
    #[cfg(feature = "trust")]
    GenerateSigstoreKey(standalone::KeyArgs),
    /// Search a registry for repositories
    #[cfg(feature = "legacy")]
    Search(search::SearchArgs),
    /// Serve images as a registry
    #[cfg(feature = "serve")]
    Serve(Box<serve::ServeArgs>),
    /// Hand manifests and blobs to another program over a socket
    #[cfg(target_os = "linux")]
    ExperimentalImageProxy(image_proxy::ImageProxyArgs),
    /// Log in to a registry
    Login(login::LoginArgs),
    /// Remove a stored login
    Logout(logout::LogoutArgs),
    /// Print the completion script of a shell
    Completion(generate::CompletionArgs),
    /// Write the man pages into a directory
    Man(generate::ManArgs),
}

/// What a command has for stdout.
pub(crate) enum Outcome {
    Nothing,
    Bytes(Bytes),
    /// As [`Outcome::Bytes`], with the exit code of the command.
    Coded(Bytes, u8),
    /// Pieces that are printed as they come; the first error ends the command.
    Stream(LocalBoxStream<'static, Result<Bytes>>),
    /// What came of each of several names. Errors are reported as they come, and the highest exit code is that of the
    /// command.
    Each(LocalBoxStream<'static, Result<Bytes>>),
}

impl From<String> for Outcome {
    fn from(text: String) -> Outcome {
        Outcome::Bytes(text.into())
    }
}

/// Runs the program; the value is its exit code.
pub fn main() -> u8 {
    limits::take_as_errors();
    let args: Vec<OsString> = std::env::args_os().collect();
    let ended = match skopeo::addressed(&args) {
        Some(args) => run(args, true),
        None => run(args, false),
    };
    match ended {
        Ok(()) => 0,
        Err(Ended::Failed(failure)) => {
            skopeo::report(&failure).unwrap_or_else(|| failure.report(with_flags))
        }
        Err(Ended::Interrupted { code, hint }) => {
            // skopeo says nothing.
            if !skopeo::is_called() {
                signals::last_words(format!("barque: interrupted{hint}\n"));
            }
            code
        }
    }
}

/// `hint` with the flags of this call in the commands that it names.
fn with_flags(hint: &str) -> String {
    repeat::with_flags(hint, std::env::args_os())
}

enum Ended {
    Failed(Failure),
    /// By a signal.
    Interrupted {
        code: u8,
        hint: &'static str,
    },
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(e: E) -> Ended {
        Ended::Failed(e.into())
    }
}

fn run(args: Vec<OsString>, as_skopeo: bool) -> Result<(), Ended> {
    let cli = parse(args, as_skopeo)?;
    let Some(cli) = cli else { return Ok(()) };
    let screen = MultiProgress::new();
    // Another subscriber can only stand here when the library is embedded; it then hears the events.
    let _ = tracing::subscriber::set_global_default(log::subscriber(
        cli.global.debug,
        &screen,
        skopeo::is_called(),
    ));
    // A few small answers: handing them from thread to thread would cost more than reading them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::other("starting the runtime").because(e))?;
    let workers = Workers::default();
    let hint = match &cli.command {
        Command::Copy(_) | Command::Layers(_) => CONTINUES,
        #[cfg(feature = "sync")]
        Command::Sync(sync) if sync.copies() => CONTINUES,
        _ => "",
    };
    // A server completes what is under way first, and hands signals on to the command that it serves.
    #[cfg(feature = "serve")]
    let ends_itself = matches!(cli.command, Command::Serve(_));
    #[cfg(not(feature = "serve"))]
    let ends_itself = false;
    let ended = runtime.block_on(async {
        crate::platform::take_file_size_limits_as_errors();
        tokio::select! {
            // Signals are listened to before anything is done that may block.
            biased;
            code = signals::interrupted(), if !ends_itself => Err(Ended::Interrupted { code, hint }),
            done = timed(cli, &screen, &workers) => done.map_err(Ended::Failed),
        }
    });
    // Tasks have a moment to let go of their temporary files; a write that hangs is not waited for.
    let timeouts = match ended {
        Ok(()) => Duration::ZERO,
        Err(_) => Duration::from_millis(500),
    };
    for runtime in workers.0.into_inner().into_iter().chain([runtime]) {
        runtime.shutdown_timeout(timeouts);
    }
    ended
}

/// What the command line says; `None` if it only asked for the version, as skopeo prints it.
fn parse(args: Vec<OsString>, as_skopeo: bool) -> Result<Option<Cli>, Failure> {
    if as_skopeo && let Some(version) = skopeo::version(&args) {
        return write_out(version.as_bytes()).map(|()| None);
    }
    if !as_skopeo {
        compat::check(&args)?;
    }
    let args = compat::read(args, Cli::command);
    let cli = Cli::try_parse_from(&args).map_err(|e| match as_skopeo {
        true => skopeo::mistaken(e, &args),
        false => mistakes::explained(e, Cli::command),
    })?;
    if as_skopeo {
        skopeo::take(&cli)?;
    }
    Ok(Some(cli))
}

async fn timed(cli: Cli, screen: &MultiProgress, workers: &Workers) -> Result<(), Failure> {
    let Some(limit) = cli.global.command_timeout.filter(|l| !l.is_zero()) else {
        return execute(cli, screen, workers).await;
    };
    let over = || {
        let text = format!("the command took longer than {limit:?} (`--command-timeout`)");
        Error::unavailable(text)
    };
    signals::end_after(limit, over());
    let mut command = std::pin::pin!(execute(cli, screen, workers));
    match tokio::time::timeout(limit, command.as_mut()).await {
        Ok(done) => done,
        Err(_) => {
            let over = over();
            signals::ends_with(over.kind().exit_code());
            Err(over.into())
        }
    }
}

async fn execute(cli: Cli, screen: &MultiProgress, workers: &Workers) -> Result<(), Failure> {
    let global = &cli.global;
    let call = &Call {
        global,
        screen,
        workers,
    };
    let outcome = match cli.command {
        Command::Inspect(args) => inspect::run(args, global).await?,
        Command::Copy(args) => copy::run(*args, call).await?,
        Command::VerifyCopy(args) => verify_copy::run(*args, call).await?,
        Command::Tags(args) => tags::run(args, global).await?,
        Command::Repos(args) => repos::run(args, global).await?,
        Command::Layers(args) => layers::run(args, call).await?,
        Command::Ls(args) => ls::run(*args, global).await?,
        Command::Cat(args) => cat::run(*args, global).await?,
        Command::Extract(args) => extract::run(*args, call).await?,
        Command::Diff(args) => diff::run(*args, global).await?,
        Command::Du(args) => du::run(*args, global).await?,
        Command::Edit(args) => edit::run(*args, call).await?,
        Command::Verify(args) => verify::run(*args, global).await?,
        #[cfg(feature = "sync")]
        Command::Sync(args) => sync::run(*args, call).await?,
        Command::Referrers(args) => referrers::run(args, global).await?,
        Command::Attest(args) => attest::run(args, global).await?,
        Command::Delete(args) => delete::run(args, global).await?,
        Command::ManifestDigest(args) => manifest_digest::run(&args)?,
        #[cfg(feature = "trust")]
        Command::StandaloneSign(args) => standalone::sign(&args)?,
        #[cfg(feature = "trust")]
        Command::StandaloneVerify(args) => standalone::verify(&args)?,
        #[cfg(feature = "trust")]
        Command::UntrustedSignatureDumpWithoutVerification(args) => standalone::dump(&args)?,
        #[cfg(feature = "trust")]
        Command::GenerateSigstoreKey(args) => standalone::generate_key(args).await?,
        #[cfg(feature = "legacy")]
        Command::Search(args) => search::run(args, global).await?,
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(*args, call).await?,
        #[cfg(target_os = "linux")]
        Command::ExperimentalImageProxy(args) => image_proxy::run(args, call).await?,
        Command::Login(args) => login::run(args, global).await?,
        Command::Logout(args) => logout::run(args, global).await?,
        Command::Completion(args) => generate::completion(&args, Cli::command()),
        Command::Man(args) => generate::man(&args, Cli::command())?,
    };
    print(outcome).await
}

/// Writes an outcome to stdout. A reader that went away shows as an I/O error, which ends the program quietly.
async fn print(outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Nothing => {}
        Outcome::Bytes(bytes) => write_out(&bytes)?,
        Outcome::Stream(mut pieces) => {
            while let Some(piece) = pieces.next().await {
                write_out(&piece?)?;
            }
        }
        Outcome::Coded(bytes, code) => {
            write_out(&bytes)?;
            if code > 0 {
                return Err(Failure::Reported(code));
            }
        }
        Outcome::Each(mut results) => {
            let mut worst = 0;
            while let Some(result) = results.next().await {
                match result {
                    Ok(bytes) => write_out(&bytes)?,
                    Err(e) => {
                        let code = skopeo::report_error(&e);
                        worst = worst.max(code.unwrap_or_else(|| failure::report(&e, with_flags)));
                    }
                }
            }
            if worst > 0 {
                return Err(Failure::Reported(worst));
            }
        }
    }
    Ok(())
}

fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    // Remote text is no command for the terminal; into a pipe or file the bytes go as they are.
    let bytes = match stdout.is_terminal() {
        true => failure::visible(bytes),
        false => Cow::Borrowed(bytes),
    };
    let written = while_blocked(|| stdout.write_all(&bytes).and_then(|()| stdout.flush()));
    written.map_err(Failure::on_stdout)
}
