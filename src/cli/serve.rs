//! `barque serve`.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::flags::Global;
use super::workers::Call;
use super::{Outcome, write_out};
use crate::image::ImageName;
use crate::platform::{self, Asked, Signals};
use crate::report::failure::{Failure, report};
use crate::serve::{MirrorOptions, Options, Reload, Server, TlsFiles, Upstream, What};
use crate::settings::{Access, AuthFiles, Login};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  A registry for one command, which finds it in BARQUE_REGISTRY and which it goes away with:
    barque serve -- \\
      sh -c 'barque copy oci:build docker://$BARQUE_REGISTRY/app:1 && ./test.sh'

  Share the repositories below a directory with the network, read-only:
    barque serve --root /srv/images --listen 0.0.0.0:5000

  Let a cluster pull from a bundle:
    barque serve docker-archive:bundle.tar --listen 0.0.0.0:5000

  A registry to push to and to delete from:
    barque serve --root /srv/images --write --delete";

/// Serve images as a registry
///
/// Each repository is an OCI image layout at its name below the root directory, so that skopeo, umoci and barque itself
/// can read and write it while it is served. Clients can only read unless --write is given. With a command after --, the
/// registry runs as long as the command does, on a free port; the command can push to it and finds its HOST:PORT in the
/// variable BARQUE_REGISTRY, and its exit status is that of barque.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Listen here; port 0 is a free one [default: 127.0.0.1:5000, with a command 127.0.0.1:0]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,

    /// An archive, layout or `dir:` image to serve in place, read-only and without copying it
    #[arg(value_name = "IMAGE", conflicts_with_all = ["root", "write", "delete"])]
    images: Vec<String>,

    /// Serve the repositories below this directory; with a command, keep what is pushed in it
    #[arg(long, value_name = "DIR", required_unless_present_any = ["command", "images"])]
    root: Option<PathBuf>,

    /// Serve images that have no repository name as this one; if repeated, one for each IMAGE
    #[arg(long = "as", value_name = "NAME[:TAG]", requires = "images")]
    names: Vec<String>,

    /// Mirror this registry and keep what is pulled below --root; can be repeated, the first one is the default
    #[arg(long = "upstream", value_name = "NAME[=URL]", requires = "root", conflicts_with_all = ["write", "delete", "images"])]
    upstreams: Vec<Upstream>,

    /// Ask the upstream about a tag again after this time
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = super::values::duration, requires = "upstreams")]
    fresh: std::time::Duration,

    /// Keep at most so many bytes of an upstream's blobs; those not used for longest go
    #[arg(long, value_name = "SIZE", value_parser = super::values::size, requires = "upstreams")]
    max_size: Option<u64>,

    /// Let clients push
    #[arg(long)]
    write: bool,

    /// Let clients delete tags, manifests and blobs
    #[arg(long)]
    delete: bool,

    /// Serve clients of Registry V1, of Docker before 1.6, too: with --write they push as well
    #[cfg(feature = "legacy")]
    #[arg(long)]
    v1: bool,

    /// Ask clients for a user of this file, which `htpasswd -B` writes
    #[arg(long, value_name = "FILE")]
    htpasswd: Option<PathBuf>,

    /// Serve HTTPS with the certificate in this file (PEM); read again on SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The key of --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Refuse clients without a certificate of an authority in this file (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,

    /// Append a line of JSON for each request to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// Answer /metrics in Prometheus' text format
    #[arg(long)]
    metrics: bool,

    /// Refuse blobs that are larger than this
    #[arg(long, value_name = "SIZE", value_parser = super::values::size)]
    max_blob: Option<u64>,

    /// Let requests under way take this long when asked to end
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::values::duration)]
    grace: std::time::Duration,

    /// Give a client up that takes this long for the head of a request, or stops in the middle of one
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = super::values::duration)]
    client_timeout: std::time::Duration,

    /// Print the address as a line of JSON once requests are answered
    #[arg(long)]
    print_address: bool,

    /// Write the address as a line of JSON to this file descriptor once requests are answered
    #[arg(long, value_name = "FD")]
    ready_fd: Option<u32>,

    /// Run this command with a registry of its own
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) async fn run(mut args: ServeArgs, call: &Call<'_>) -> Result<Outcome, Failure> {
    let for_command = !args.command.is_empty();
    let in_place = !args.images.is_empty();
    // Removed when it is dropped, after the server has ended.
    let temporary = match &args.root {
        None if !in_place => Some(temporary_root()?),
        _ => None,
    };
    let root = args.root.clone();
    let root = root.or_else(|| Some(temporary.as_ref()?.path().to_owned()));
    let (what, shown) = served(&mut args, root, call.global)?;
    let own = matches!(what, What::Root(_));
    let options = Options {
        listen: args.listen.unwrap_or_else(|| default_address(for_command)),
        write: args.write || (for_command && own),
        delete: args.delete || (for_command && own),
        grace: args.grace,
        patience: args.client_timeout,
        max_blob: args.max_blob,
        htpasswd: args.htpasswd,
        tls: tls(args.tls_cert, args.tls_key, args.client_ca),
        log: args.log,
        metrics: args.metrics,
        #[cfg(feature = "legacy")]
        v1: args.v1,
        ..Options::of(what)
    };
    let shown = match options.write {
        true => format!("{shown}, writable"),
        false => format!("{shown}, read-only"),
    };
    if !matches!(options.what, What::Mirror(..)) {
        super::limits::check_threads()?;
        // None were started before. A mirror has the usual ones: looking up hosts while the network is away takes any number.
        let _ = call.workers.0.set(crate::serve::runtime()?);
    }
    let signals = listen()?;
    let (bound, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = call.workers.run(async move {
        let server = Server::bind(options).await?;
        let _ = bound.send((server.address(), server.reload()));
        server.run(async { drop(stopped.await) }).await;
        Ok(())
    });
    let using = async {
        let Ok((address, reload)) = address.await else {
            // The server says why.
            return Ok(None);
        };
        announce(args.print_address, args.ready_fd, address)?;
        let status = match for_command {
            true => Some(command(&args.command, address, signals).await?),
            false => {
                tracing::info!("serving {shown} at {address}");
                asked_to_end(signals, &reload).await;
                None
            }
        };
        drop(stop);
        Ok::<_, Failure>(status)
    };
    let (served, used) = tokio::join!(serving, using);
    served?;
    match used? {
        None | Some(0) => Ok(Outcome::Nothing),
        Some(code) => Err(Failure::Reported(code)),
    }
}

/// What is served, and its name in messages: the registry below `root`, or without it the images that are named, in place.
fn served(args: &mut ServeArgs, root: Option<PathBuf>, global: &Global) -> Result<(What, String)> {
    let Some(root) = root else {
        let names = std::mem::take(&mut args.names);
        let shown = args.images.join(", ");
        return Ok((images(&args.images, names, global)?, shown));
    };
    let shown = root.display().to_string();
    if args.upstreams.is_empty() {
        return Ok((What::Root(root), shown));
    }
    let options = MirrorOptions {
        upstreams: std::mem::take(&mut args.upstreams),
        fresh: args.fresh,
        max_size: args.max_size,
        context: global.context(Access {
            login: Login::Files(AuthFiles::find(None)?),
            ..Access::default()
        }),
        gate: Arc::new(global.trust.gate()?),
    };
    Ok((What::Mirror(root, Box::new(options)), shown))
}

/// The places that `images` name.
fn images(images: &[String], names: Vec<String>, global: &Global) -> Result<What> {
    if names.len() > images.len() {
        return Err(Error::other("there are more `--as` than images"));
    }
    let places = images.iter().map(|text| ImageName::parse(text));
    Ok(What::InPlace {
        places: places.collect::<Result<_>>()?,
        names,
        context: Box::new(global.context(Access::default())),
    })
}

fn tls(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
) -> Option<TlsFiles> {
    Some(TlsFiles {
        cert: cert?,
        key: key?,
        client_ca,
    })
}

fn default_address(for_command: bool) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], if for_command { 0 } else { 5000 }))
}

fn temporary_root() -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("barque-serve-").tempdir();
    made.map_err(|e| Error::refused("cannot make a temporary directory").because(e))
}

/// Tells whoever waits for it that the registry answers at `address`.
fn announce(print: bool, fd: Option<u32>, address: SocketAddr) -> Result<(), Failure> {
    let line = format!("{}\n", json!({ "address": address.to_string() }));
    if print {
        write_out(line.as_bytes())?;
    }
    if let Some(fd) = fd {
        let path = format!("/dev/fd/{fd}");
        let opened = std::fs::File::options().write(true).open(&path);
        let written =
            opened.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()));
        written.map_err(|e| Error::other(format!("cannot write to `{path}`")).because(e))?;
    }
    Ok(())
}

/// Runs the command to its end, hands it the signals that come meanwhile, and returns its exit code. One that cannot be run
/// has that of a shell, `env` and `timeout`: 127 where it is not there, 126 otherwise.
async fn command(line: &[OsString], address: SocketAddr, mut signals: Signals) -> Result<u8> {
    let Some((program, arguments)) = line.split_first() else {
        return Err(Error::other("there is no command to run"));
    };
    let shown = program.to_string_lossy();
    let started = Command::new(program)
        .args(arguments)
        .env("BARQUE_REGISTRY", address.to_string())
        .kill_on_drop(true)
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(e) => {
            let code = match e.kind() {
                ErrorKind::NotFound => 127,
                _ => 126,
            };
            let failed = Error::other(format!("cannot run `{shown}`")).because(e);
            report(&failed, str::to_owned);
            return Ok(code);
        }
    };
    loop {
        tokio::select! {
            status = child.wait() => {
                let lost = |e| Error::other(format!("lost sight of `{shown}`")).because(e);
                return status.map(exit_code).map_err(lost);
            }
            signal = signals.next() => hand_on(signal, &child),
        }
    }
}

/// Sends `asked` to the command. What the terminal sends, it sends to both already.
fn hand_on(asked: Asked, child: &Child) {
    use std::io::IsTerminal;
    if matches!(asked, Asked::Interrupt | Asked::Quit) && std::io::stdin().is_terminal() {
        return;
    }
    if let Some(id) = child.id()
        && let Err(e) = platform::ask(id, asked)
    {
        tracing::debug!("the signal {asked:?} was not handed on: {e:#}");
    }
}

/// As a shell has it: the code, or 128 and the number of the signal that ended the command.
fn exit_code(status: ExitStatus) -> u8 {
    let signal = platform::ended_by(&status);
    let code = status.code().or(signal.map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Listens for the signals that end a server or are handed on to its command.
fn listen() -> Result<Signals> {
    Signals::listen(true).map_err(|e| Error::other("cannot listen for signals").because(e))
}

/// Waits until the server is to end.
async fn asked_to_end(mut signals: Signals, reload: &Reload) {
    loop {
        match signals.next().await {
            Asked::Interrupt | Asked::Terminate | Asked::Quit => return,
            // Tools that rotate logs send one of them to servers.
            Asked::User1 | Asked::User2 => {}
            Asked::Hangup => match reload.now() {
                Ok(()) => tracing::debug!("certificates were read again"),
                Err(e) => tracing::warn!("the certificates of before stay: {e:#}"),
            },
        }
    }
}
