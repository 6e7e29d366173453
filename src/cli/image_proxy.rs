//! `barque experimental-image-proxy`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use clap::Args;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::Outcome;
use super::flags::{PlaceFlags, PlatformFlag, RegistryFlags};
use super::workers::Call;
use crate::proxy::{self, ProxyOptions};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  Programs start it themselves, with their socket as standard input. Have them start barque in place of skopeo by a
  link of that name in front of the others in PATH:
    ln -s /usr/bin/barque /usr/local/bin/skopeo

  With the socket elsewhere:
    barque experimental-image-proxy --sockfd 3";

/// Hand manifests and blobs to another program over a socket
///
/// Programs such as bootc, rpm-ostree and composefs start this command and fetch images through it: requests are JSON
/// packets on a socket of type SOCK_SEQPACKET, blobs come through pipes. The protocol is that of skopeo's command of the
/// same name, version 0.2.8.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ImageProxyArgs {
    /// Serve on this open socket
    #[arg(long, value_name = "FD", default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..))]
    sockfd: i32,

    #[command(flatten)]
    platform: PlatformFlag,
    #[command(flatten)]
    place: PlaceFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) async fn run(args: ImageProxyArgs, call: &Call<'_>) -> Result<Outcome> {
    let socket = inherited(args.sockfd)?;
    let access = args.registry.access(call.global, None, None)?;
    let options = ProxyOptions {
        context: args.place.context(call.global, access, None),
        platform: call.global.platform(&args.platform)?,
        gate: Arc::new(call.global.trust.gate()?),
        describe: super::skopeo::described,
    };
    call.workers.run(proxy::serve(socket, options)).await?;
    Ok(Outcome::Nothing)
}

/// A file descriptor that the program was started with.
fn inherited(fd: i32) -> Result<OwnedFd> {
    let copied = match fd {
        0 => io::stdin().as_fd().try_clone_to_owned(),
        // Only the system can say whether a number is an open file of this process.
        _ => pidfd_open(getpid(), PidfdFlags::empty())
            .and_then(|me| pidfd_getfd(me, fd, PidfdGetfdFlags::empty()))
            .map_err(io::Error::from),
    };
    copied.map_err(|e| {
        Error::other(format!("no socket is open as file descriptor {fd}"))
            .because(e)
            .hint("pass the socket as standard input, without `--sockfd`")
    })
}
