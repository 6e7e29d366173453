//! A `SOCK_SEQPACKET` socket: whole packets in, whole packets with file descriptors out.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketType, recv, sendmsg,
    sockopt,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::{Error, Result};

/// The most file descriptors of one packet.
const MOST_FDS: usize = 2;

/// One end of a connection of packets.
///
/// The type of the socket inside is one of tokio's that can be waited for; only packets are read and written.
pub(super) struct PacketSocket(UnixStream);

impl PacketSocket {
    /// Packets over `fd`. Fails when `fd` is not a socket of type `SOCK_SEQPACKET`.
    pub(super) fn new(fd: OwnedFd) -> Result<PacketSocket> {
        let wrong = || {
            Error::other("the image proxy needs a socket of type SOCK_SEQPACKET")
                .hint("programs that use the proxy start it themselves and pass the socket as standard input")
        };
        match sockopt::socket_type(&fd) {
            Ok(SocketType::SEQPACKET) => {}
            Ok(_) => return Err(wrong()),
            Err(e) => return Err(wrong().because(io::Error::from(e))),
        }
        let socket = std::os::unix::net::UnixStream::from(fd);
        let socket = socket
            .set_nonblocking(true)
            .and_then(|()| UnixStream::from_std(socket));
        Ok(PacketSocket(socket.map_err(|e| broken("opening", e))?))
    }

    /// The next packet, in the first bytes of `buffer`; what is longer is cut off. `None` when the peer has closed its end.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let flags = RecvFlags::DONTWAIT;
        let read = || Ok(recv(&self.0, &mut *buffer, flags).map(|(length, _)| length)?);
        match self.0.async_io(Interest::READABLE, read).await {
            Ok(0) => Ok(None),
            Ok(length) => Ok(Some(length)),
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(e) => Err(broken("reading", e)),
        }
    }

    /// Returns when the peer has closed its end; never if a packet of it is waiting to be received.
    pub(super) async fn closed(&self) {
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        let peek = || Ok(recv(&self.0, &mut [0; 1], flags).map(|(length, _)| length)?);
        match self.0.async_io(Interest::READABLE, peek).await {
            Ok(0) => {}
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => {}
            _ => std::future::pending().await,
        }
    }

    /// Sends `packet` with at most two file descriptors.
    pub(super) async fn send(&self, packet: &[u8], fds: &[OwnedFd]) -> Result<()> {
        let write = || {
            let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
                return Err(io::Error::other("too many file descriptors"));
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            Ok(sendmsg(
                &self.0,
                &[IoSlice::new(packet)],
                &mut control,
                flags,
            )?)
        };
        let sent = self.0.async_io(Interest::WRITABLE, write).await;
        sent.map(drop).map_err(|e| broken("writing to", e))
    }
}

fn broken(doing: &str, e: io::Error) -> Error {
    Error::other(format!("{doing} the socket of the image proxy")).because(e)
}
