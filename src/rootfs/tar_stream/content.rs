//! The content of one entry of a tar: read once, and hashed on the way where that is wanted.

use std::io::{self, Read};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{TarStream, malformed};
use crate::Result;
use crate::image::{Algorithm, Digest, Digester};
use crate::transport::inflate::broken;
use crate::transport::tar_index::{Run, Sparse};

/// Bytes of a piece.
const PIECE: usize = 256 * 1024;

/// The content of an entry, from its beginning. What is not read of it is passed over.
pub struct Content<'t, 'a> {
    tar: &'t mut TarStream<'a>,
    size: u64,
    /// The place in the file.
    at: u64,
    sparse: Option<Sparse>,
    hashing: Option<Hashing>,
}

/// A digest that is made as the content is read.
///
/// It is that of the bytes; of a sparse file it covers, for each hole and each piece of data, which of the two it is, its
/// length and its data, so that the holes need not be hashed.
struct Hashing {
    digester: Digester,
    /// The end of the hole or piece of data that was begun.
    begun: u64,
    /// What the digest has to be.
    expected: Option<Digest>,
}

impl<'t, 'a> Content<'t, 'a> {
    pub(super) fn new(
        tar: &'t mut TarStream<'a>,
        size: u64,
        sparse: Option<Sparse>,
    ) -> Content<'t, 'a> {
        Content {
            tar,
            size,
            at: 0,
            sparse,
            hashing: None,
        }
    }

    /// Hashes what is read from now on. With `expected`, the read that comes to the end fails unless that is the digest.
    pub(in crate::rootfs) fn hash(&mut self, expected: Option<Digest>) {
        self.hashing = Some(Hashing {
            digester: Digester::new(Algorithm::Sha256),
            begun: 0,
            expected,
        });
    }

    /// Reads what is left, and returns the digest of the whole content; `None` unless [`Content::hash`] was called.
    pub(in crate::rootfs) fn finish(&mut self) -> Result<Option<Digest>> {
        let mut buffer = vec![0; (64 << 10).min(self.size as usize)];
        loop {
            self.pass_hole();
            if self.at == self.size {
                break;
            }
            self.read(&mut buffer).map_err(|e| broken(None, e))?;
        }
        Ok(self.hashing.take().map(|h| h.digester.finish()))
    }

    /// Sends all of it to `out`, or what the receiver takes. Blocks.
    pub(in crate::rootfs) fn send(&mut self, out: &mpsc::Sender<Bytes>) -> Result<()> {
        loop {
            let mut piece = Vec::new();
            let read = self.by_ref().take(PIECE as u64).read_to_end(&mut piece);
            read.map_err(|e| broken(None, e))?;
            if piece.is_empty() || out.blocking_send(piece.into()).is_err() {
                return Ok(());
            }
        }
    }

    /// Passes over the zeros that begin here and are not stored, and says how many there are.
    pub fn pass_hole(&mut self) -> u64 {
        let mut passed = 0;
        while let Some((zeros, true)) = self.run() {
            self.at += zeros;
            passed += zeros;
        }
        passed
    }

    /// How many bytes of one kind begin here, and whether they are a hole; `None` at the end.
    fn run(&mut self) -> Option<(u64, bool)> {
        let left = self.size - self.at;
        let (run, hole) = match &self.sparse {
            _ if left == 0 => return None,
            None => return Some((left, false)),
            Some(sparse) => match sparse.run(self.at) {
                Run::Hole(zeros) => (zeros, true),
                Run::Data { len, .. } => (len, false),
            },
        };
        if let Some(hashing) = self.hashing.as_mut().filter(|h| h.begun <= self.at) {
            hashing.digester.update(&[u8::from(hole)]);
            hashing.digester.update(&run.to_le_bytes());
            hashing.begun = self.at + run;
        }
        Some((run, hole))
    }

    /// An error if this is the end and the digest is not the one that was expected.
    fn check(&mut self) -> Result<()> {
        match &mut self.hashing {
            Some(hashing) if self.at == self.size => match hashing.expected.take() {
                Some(expected) if hashing.digester.clone().finish() != expected => {
                    Err(malformed("holds a file that does not match its digest"))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl Read for Content<'_, '_> {
    /// An error holds a [`crate::Error`].
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((run, hole)) = self.run() else {
            return self.check().map(|()| 0).map_err(io::Error::other);
        };
        let most = usize::try_from(run).unwrap_or(usize::MAX).min(buffer.len());
        let n = match hole {
            true => {
                buffer[..most].fill(0);
                most
            }
            false => {
                let n = self.tar.input.read(&mut buffer[..most]);
                let n = n.map_err(|e| io::Error::other(broken(self.tar.compression, e)))?;
                if n == 0 && most > 0 {
                    return Err(io::Error::other(malformed("is cut off in an entry")));
                }
                self.tar.left = self.tar.left.saturating_sub(n as u64);
                if let Some(hashing) = &mut self.hashing {
                    hashing.digester.update(&buffer[..n]);
                }
                n
            }
        };
        self.at += n as u64;
        self.check().map_err(io::Error::other)?;
        Ok(n)
    }
}
