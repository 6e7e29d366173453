//! The image proxy: hands manifests, configs and blobs to another program over a socket.
//!
//! bootc, rpm-ostree and composefs fetch images this way: requests and replies are JSON packets on a `SOCK_SEQPACKET`
//! socket, documents and blobs travel through pipes whose reading ends are passed along with a reply. The protocol is that
//! of `skopeo experimental-image-proxy`, version 0.2.8. This room translates it into calls of [`crate::open`] and
//! [`mod@crate::copy`]; it knows no transport by name and copies nothing itself.
//!
//! `socket` and `message` are the packets, `session` answers requests, `image` is an opened image, `transfer` moves a blob
//! into a pipe.

mod image;
mod message;
mod session;
mod socket;
mod transfer;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::image::PlatformRequest;
use crate::settings::Context;
use crate::trust::Gate;
use crate::{Error, Result};
use message::{Request, encode};
use session::Session;
use socket::PacketSocket;

/// The version of the protocol that is spoken.
const VERSION: &str = "0.2.8";

/// How the proxy reaches images.
#[non_exhaustive]
pub struct ProxyOptions {
    /// Access to registries and places on this machine.
    pub context: Context,
    /// The image of an index that is meant.
    pub platform: PlatformRequest,
    /// The policy that an image has to pass before it is opened.
    pub gate: Arc<Gate>,
    /// The text of an error for the client.
    pub describe: fn(&Error) -> String,
}

/// Answers requests on `socket` until the client sends `Shutdown` or closes its end. Blobs that are under way then are
/// dropped.
///
/// # Errors
/// When `socket` is not of type `SOCK_SEQPACKET`, or breaks. Requests that fail are answered, and are no error here.
pub async fn serve(socket: OwnedFd, options: ProxyOptions) -> Result<()> {
    let socket = PacketSocket::new(socket)?;
    let mut session = Session::new(options);
    let mut buffer = vec![0; message::MAX_PACKET];
    loop {
        let Some(length) = socket.receive(&mut buffer).await? else {
            return Ok(());
        };
        let request = Request::parse(&buffer[..length]);
        if let Ok(request) = &request {
            if request.method == "Shutdown" {
                return Ok(());
            }
            tracing::debug!("request `{}`", request.method);
        }
        let answer = async {
            match request {
                Ok(request) => session.call(&request).await,
                Err(fault) => Err(fault),
            }
        };
        let answer = tokio::select! {
            answer = answer => answer,
            // A registry may take its time; a client that is gone does not want the answer.
            () = socket.closed() => return Ok(()),
        };
        if let Err(fault) = &answer {
            tracing::debug!("refused: {}", fault.text);
        }
        let (packet, fds) = encode(answer);
        socket.send(&packet, &fds).await?;
    }
}
