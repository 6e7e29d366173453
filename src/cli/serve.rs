//! `barque serve`.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::{Outcome, Workers, write_out};
use crate::report::failure::Reported;
use crate::serve::{Options, Server};
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  A registry for one command, which finds it in BARQUE_REGISTRY and which it goes away with:
    barque serve -- sh -c 'barque copy oci:build docker://$BARQUE_REGISTRY/app:1 && ./test.sh'

  Share the repositories below a directory with the network, read-only:
    barque serve --root /srv/images --listen 0.0.0.0:5000

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

    /// Serve the repositories below this directory; with a command, keep what is pushed in it
    #[arg(long, value_name = "DIR", required_unless_present = "command")]
    root: Option<PathBuf>,

    /// Let clients push
    #[arg(long)]
    write: bool,

    /// Let clients delete tags, manifests and blobs
    #[arg(long)]
    delete: bool,

    /// Let requests under way take this long when asked to end
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::flags::duration)]
    grace: std::time::Duration,

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

pub(crate) async fn run(args: ServeArgs, workers: &Workers) -> anyhow::Result<Outcome> {
    let for_command = !args.command.is_empty();
    // Removed when it is dropped, after the server has ended.
    let temporary = match args.root {
        Some(_) => None,
        None => Some(temporary_root()?),
    };
    let root = args
        .root
        .as_deref()
        .or(temporary.as_ref().map(TempDir::path));
    let options = Options {
        listen: args.listen.unwrap_or_else(|| default_address(for_command)),
        write: args.write || for_command,
        delete: args.delete || for_command,
        grace: args.grace,
        ..Options::new(root.unwrap_or_else(|| std::path::Path::new(".")))
    };
    let signals = Signals::listen()?;
    let shown = format!(
        "{}, {}",
        options.root.display(),
        if options.write {
            "writable"
        } else {
            "read-only"
        }
    );
    let (bound, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = workers.run(async move {
        let server = Server::bind(options).await?;
        let _ = bound.send(server.address());
        server.run(async { drop(stopped.await) }).await;
        Ok(())
    });
    let using = async {
        let Ok(address) = address.await else {
            // The server says why.
            return Ok(None);
        };
        announce(args.print_address, args.ready_fd, address)?;
        let status = match for_command {
            true => Some(command(&args.command, address, signals).await?),
            false => {
                tracing::warn!(target: "barque::serve", "serving {shown} at {address}");
                signals.asked_to_end().await;
                None
            }
        };
        drop(stop);
        anyhow::Ok(status)
    };
    let (served, used) = tokio::join!(serving, using);
    served?;
    match used?.map(exit_code) {
        None | Some(0) => Ok(Outcome::Nothing),
        Some(code) => Err(Reported(code).into()),
    }
}

fn default_address(for_command: bool) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], if for_command { 0 } else { 5000 }))
}

fn temporary_root() -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("barque-serve-").tempdir();
    made.map_err(|e| Error::new(Kind::Refused, "cannot make a temporary directory").because(e))
}

/// Tells whoever waits for it that the registry answers at `address`.
fn announce(print: bool, fd: Option<u32>, address: SocketAddr) -> anyhow::Result<()> {
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

/// Runs the command to its end and hands it the signals that come meanwhile.
async fn command(
    line: &[OsString],
    address: SocketAddr,
    mut signals: Signals,
) -> Result<ExitStatus> {
    let Some((program, arguments)) = line.split_first() else {
        return Err(Error::other("there is no command to run"));
    };
    let shown = program.to_string_lossy();
    let started = Command::new(program)
        .args(arguments)
        .env("BARQUE_REGISTRY", address.to_string())
        .kill_on_drop(true)
        .spawn();
    let mut child = started.map_err(|e| {
        let kind = match e.kind() {
            ErrorKind::NotFound => Kind::NotFound,
            ErrorKind::PermissionDenied => Kind::NotAllowed,
            _ => Kind::Other,
        };
        Error::new(kind, format!("cannot run `{shown}`")).because(e)
    })?;
    loop {
        tokio::select! {
            status = child.wait() => {
                return status.map_err(|e| Error::other(format!("lost sight of `{shown}`")).because(e));
            }
            signal = signals.next() => hand_on(signal, &child),
        }
    }
}

/// Sends `signal` to the command. What the terminal sends, it sends to both already.
fn hand_on(signal: rustix::process::Signal, child: &Child) {
    use std::io::IsTerminal;
    if signal == rustix::process::Signal::INT && std::io::stdin().is_terminal() {
        return;
    }
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = id.and_then(rustix::process::Pid::from_raw)
        && let Err(e) = rustix::process::kill_process(pid, signal)
    {
        tracing::debug!("the signal {signal:?} was not handed on: {e}");
    }
}

/// As a shell has it: the code, or 128 and the number of the signal that ended the command.
fn exit_code(status: ExitStatus) -> u8 {
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let code = status.code().or(signal.map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The signals that end a server or are handed on to its command.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Signals> {
        let listen =
            |kind| signal(kind).map_err(|e| Error::other("cannot listen for signals").because(e));
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> rustix::process::Signal {
        use rustix::process::Signal;
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }

    /// Waits until the server is to end.
    async fn asked_to_end(mut self) {
        while self.next().await == rustix::process::Signal::HUP {}
    }
}
