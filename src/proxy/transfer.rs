//! The way of a blob into a pipe: as fast as the reader takes it, from where it broke off if that takes long.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::image::ImageBlob;
use crate::image::Digester;
use crate::transport::BlobStream;
use crate::{Error, Result};

/// Bytes that a pipe of data may hold. Where the system allows fewer, it keeps its own number.
const PIPE_SIZE: usize = 256 * 1024;

/// The two ends of a new pipe: for the client to read, and to write.
pub(super) fn data_pipe() -> io::Result<(OwnedFd, Sender)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let _ = fcntl_setpipe_size(&writer, PIPE_SIZE);
    Ok((reader, Sender::from_owned_fd(writer)?))
}

/// Why data did not get through a pipe.
pub(super) enum Broken {
    /// The client closed its end.
    Closed,
    Failed(Error),
}

impl From<Error> for Broken {
    fn from(e: Error) -> Broken {
        Broken::Failed(e)
    }
}

/// A blob on its way.
pub(super) struct Transfer {
    pub(super) blob: ImageBlob,
    /// Whether its digest is checked. Its size always is.
    pub(super) check_digest: bool,
    /// Bounds the blobs that are being downloaded.
    pub(super) places: Arc<Semaphore>,
    /// A client that reads nothing for so long does not hold a connection: the rest is asked for when it reads on.
    pub(super) patience: Duration,
}

/// A download, and its place among those that are under way.
struct Download {
    stream: BlobStream,
    _place: Option<OwnedSemaphorePermit>,
}

impl Transfer {
    /// Writes the blob to `pipe`; `opened` are its bytes, if they were asked for already.
    pub(super) async fn run(self, opened: Option<BlobStream>, pipe: &Sender) -> Result<(), Broken> {
        let wanted = self.blob.descriptor.clone();
        let algorithm = wanted.digest.algorithm();
        let mut digester = self.check_digest.then(|| Digester::new(algorithm));
        let mut offset = 0;
        let mut download = opened.map(|stream| Download {
            stream,
            _place: None,
        });
        loop {
            let mut current = match download.take() {
                Some(current) => current,
                None if offset >= wanted.size => break,
                None => self.open(offset, pipe).await?,
            };
            let piece = tokio::select! {
                piece = current.stream.next() => piece,
                () = closed(pipe) => return Err(Broken::Closed),
            };
            let Some(piece) = piece else { break };
            let piece = piece?;
            offset += piece.len() as u64;
            if let Some(digester) = &mut digester {
                digester.update(&piece);
            }
            download = self.write(piece, pipe, current).await?;
        }
        if offset != wanted.size {
            let text = format!("expected {} bytes in blob, got {offset}", wanted.size);
            return Err(Error::corrupt(text).into());
        }
        match digester.map(Digester::finish) {
            Some(actual) if actual != wanted.digest => {
                let text = format!("corrupted blob, expecting {}, got {actual}", wanted.digest);
                Err(Error::corrupt(text).into())
            }
            _ => Ok(()),
        }
    }

    async fn open(&self, offset: u64, pipe: &Sender) -> Result<Download, Broken> {
        let open = async {
            // The semaphore is never closed.
            let place = self.places.clone().acquire_owned().await.ok();
            let stream = self.blob.body.open_unhashed(offset).await?;
            Ok(Download {
                stream,
                _place: place,
            })
        };
        tokio::select! {
            opened = open => opened,
            () = closed(pipe) => Err(Broken::Closed),
        }
    }

    /// Writes `piece` and returns `download`, unless that had to be given up meanwhile.
    async fn write(
        &self,
        mut piece: Bytes,
        pipe: &Sender,
        download: Download,
    ) -> Result<Option<Download>, Broken> {
        let mut download = Some(download);
        while !piece.is_empty() {
            match pipe.try_write(&piece) {
                Ok(length) => piece.advance(length),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let writable = pipe.writable();
                    if tokio::time::timeout(self.patience, writable).await.is_err() {
                        download = None;
                        pipe.writable().await.map_err(broken)?;
                    }
                }
                Err(e) => return Err(broken(e)),
            }
        }
        Ok(download)
    }
}

/// Writes all of `document` to `pipe`.
pub(super) async fn write_document(mut document: Bytes, pipe: &Sender) -> Result<(), Broken> {
    while !document.is_empty() {
        match pipe.try_write(&document) {
            Ok(length) => document.advance(length),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                pipe.writable().await.map_err(broken)?;
            }
            Err(e) => return Err(broken(e)),
        }
    }
    Ok(())
}

fn broken(e: io::Error) -> Broken {
    match e.kind() {
        io::ErrorKind::BrokenPipe => Broken::Closed,
        _ => Broken::Failed(Error::other("writing to a pipe").because(e)),
    }
}

/// Returns when the client has closed the reading end of `pipe`.
async fn closed(pipe: &Sender) {
    loop {
        match pipe.ready(Interest::ERROR).await {
            Ok(ready) if ready.is_error() || ready.is_write_closed() => return,
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
