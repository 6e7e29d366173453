//! `Growing`: the file that is going to be the archive, and how a member comes into it: what an earlier run left is
//! hashed and gone on with, the rest is written at its place, or next to the file until the place is known.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::header::{self, Type, padding};
use super::left::{self, Left};
use super::sink::Sink;
use super::{Out, Spool, State, TarWriter};
use crate::Result;
use crate::image::{Descriptor, Digest, Digester, MediaType};
use crate::platform::FileExt;
use crate::transport::blob_store::{self, blocking, cannot_read, cannot_write};
use crate::transport::{BlobBody, BlobOutcome};

/// After a blob that was not what its digest says, less than this is not kept: most of those stay wrong.
const WORTH_KEEPING: u64 = 1 << 20;

/// A member of at most this size that an earlier run did not leave has its place cleared, not all that follows it.
const SMALL: u64 = 64 << 10;

/// The file that is going to be the archive.
pub(super) struct Growing {
    pub(super) file: File,
    /// An earlier run left something in it.
    found: bool,
    /// Bytes of members that came into it, now or before.
    came: AtomicU64,
}

impl Growing {
    pub(super) fn new(file: File, found: bool) -> Growing {
        let came = AtomicU64::default();
        Growing { file, found, came }
    }

    /// Writes content of a member. Blocks.
    pub(super) fn put(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)?;
        self.came.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// A member that is to be written into a file.
struct Member {
    /// Its place in [`State::slots`].
    slot: usize,
    name: String,
    mode: u32,
    size: Option<u64>,
    size_is_told: bool,
    /// Where its header and its content begin, when that is known.
    place: Option<(u64, u64)>,
    /// There is a header already.
    headed: bool,
    left: Option<Left>,
}

impl TarWriter {
    /// The member `name`; what is left of it is reported once.
    fn member(&self, name: &str) -> Result<Member> {
        let mut state = self.state();
        let i = TarWriter::slot(&state, name)?;
        let slot = &mut state.slots[i];
        let head = left::unfinished(name, slot.size).len() as u64;
        let headed = slot.headed;
        // From now on its header is its writer's.
        slot.headed |= slot.at.is_some();
        Ok(Member {
            slot: i,
            name: name.to_owned(),
            mode: slot.mode,
            size: slot.size,
            size_is_told: slot.size_is_told,
            place: slot.at.map(|at| (at, at.saturating_add(head))),
            headed: headed && slot.size.is_some(),
            left: slot.left.take(),
        })
    }

    /// Writes a member into the file: it goes on where an earlier run stopped, or begins.
    pub(super) async fn write_into(
        &self,
        name: &str,
        digest: &Digest,
        body: &BlobBody,
    ) -> Result<(BlobOutcome, u64)> {
        let member = self.member(name)?;
        if let (Some(left), Some((_, from)), Some(size)) = (member.left, member.place, member.size)
            && let Some(stored) = self.go_on(left, from, size, digest, body).await?
        {
            self.close(&member, size).await?;
            return Ok((stored, size));
        }
        let waits = self.waits_beside(digest).await?;
        let Some((at, from)) = member.place.filter(|_| !waits) else {
            return self.write_beside(&member, digest, body).await;
        };
        let content = body.open(0).await?;
        if member.left == Some(Left::Whole) || !member.headed {
            let size = member.size.filter(|_| !member.size_is_told);
            let head = left::unfinished(name, size);
            self.put_at(vec![(head, at)]).await?;
        }
        let mut sink = Sink::archive(self, from);
        let written = sink.pour(content, member.size, None).await?;
        self.close(&member, written).await?;
        Ok((BlobOutcome::Written, written))
    }

    /// Ends the member, all `size` bytes of whose content are in their place.
    async fn close(&self, member: &Member, size: u64) -> Result<()> {
        if let Some((at, from)) = member.place {
            let head = header::blocks(&member.name, Type::File, member.mode, size);
            let pad = vec![0; padding(size)];
            self.put_at(vec![(pad, from + size), (head, at)]).await?;
        }
        self.done(member.slot, size);
        Ok(())
    }

    /// Completes the `size` bytes from `from` on, of which an earlier run wrote a part or all; `None` when they have to
    /// be written from their beginning.
    async fn go_on(
        &self,
        left: Left,
        from: u64,
        size: u64,
        digest: &Digest,
        body: &BlobBody,
    ) -> Result<Option<BlobOutcome>> {
        let (out, path, algorithm) = (self.out.clone(), self.path.clone(), digest.algorithm());
        let hashed = blocking(move || {
            let mut digester = Digester::new(algorithm);
            let Out::File(Growing { file, .. }) = &*out else {
                return Ok((0, digester));
            };
            let mut hash = || {
                let len = match left {
                    Left::Begun => left::written(file, from, size)?,
                    // Zeros at its end are its own.
                    Left::Whole => size.min(file.metadata()?.len().saturating_sub(from)),
                };
                blob_store::hash_at(file, from, len, &mut digester)?;
                Ok(len)
            };
            let len = hash().map_err(|e| cannot_read(&path, e))?;
            Ok((len, digester))
        });
        let (len, mut digester) = hashed.await?;
        if len == 0 {
            return Ok(None);
        }
        if len < size {
            let rest = match body.open(len).await {
                Ok(rest) => rest,
                Err(e) => {
                    tracing::debug!("starting `{digest}` over: {e:#}");
                    return Ok(None);
                }
            };
            tracing::debug!("continuing `{digest}` at {len} of {size} bytes");
            let mut sink = Sink::archive(self, from + len);
            sink.pour(rest, Some(size - len), Some(&mut digester))
                .await?;
        }
        if digester.finish() != *digest {
            tracing::debug!("what was left of `{digest}` is of no use");
            return Ok(None);
        }
        Ok(Some(match len == size {
            true => BlobOutcome::Present,
            false => BlobOutcome::Written,
        }))
    }

    /// Whether an earlier run left the member `digest` next to the file.
    async fn waits_beside(&self, digest: &Digest) -> Result<bool> {
        match (&*self.out, self.names.clone(), digest.clone()) {
            (Out::File(Growing { found: true, .. }), Some(names), digest) => {
                blocking(move || Ok(names.has_waiting(&digest))).await
            }
            _ => Ok(false),
        }
    }

    /// Writes a member next to the file, to be copied when its place is known.
    async fn write_beside(
        &self,
        member: &Member,
        digest: &Digest,
        body: &BlobBody,
    ) -> Result<(BlobOutcome, u64)> {
        let Some(names) = self.names.clone() else {
            let (file, written) = self.spooled(body.open(0).await?, member.size).await?;
            self.waits(member.slot, Spool { file, path: None }, written);
            return Ok((BlobOutcome::Written, written));
        };
        // A few calls, and not on another thread: a copy that ends now would not hear of the file.
        let size = member.size;
        let mut partial = names.claim_waiting(digest, size)?;
        self.state().beside.push(partial.path().to_owned());
        let sized = size.map(|s| Descriptor::new(MediaType::OCTET_STREAM, digest.clone(), s));
        let stored = blob_store::complete(&mut partial, digest, sized.as_ref(), body).await;
        if stored.is_err() && size.is_none() {
            // A part of it is of no use.
            blob_store::remove(partial.path());
        }
        let stored = stored?;
        let written = partial.len();
        let spool = Spool {
            file: partial.file().clone(),
            path: Some(partial.path().to_owned()),
        };
        self.waits(member.slot, spool, written);
        Ok((stored, written))
    }

    /// Writes headers and the like; they are no content that is worth keeping.
    async fn put_at(&self, pieces: Vec<(Vec<u8>, u64)>) -> Result<()> {
        let (out, path) = (self.out.clone(), self.path.clone());
        blocking(move || {
            let Out::File(to) = &*out else {
                return Ok(());
            };
            for (bytes, at) in pieces {
                let end = at.saturating_add(bytes.len() as u64);
                let put = to.file.write_all_at(&bytes, at);
                put.map_err(|e| cannot_write(&path, at, end, e))?;
            }
            Ok(())
        })
        .await
    }

    /// Looks at what an earlier run left, and writes the headers of members whose place and size are known now, so
    /// that the next run knows what is where. A few small writes, under the lock: none comes after the header of a
    /// member that is finished.
    pub(super) fn put_headers(&self) -> Result<()> {
        let Out::File(to) = &*self.out else {
            return Ok(());
        };
        let mut state = self.state();
        if std::mem::take(&mut state.unread) {
            let read = read_left(to, &mut state);
            read.map_err(|e| cannot_write(&self.path, 0, 0, e))?;
        }
        let placed = state.placed;
        for slot in &mut state.slots[..placed] {
            if let (Some(at), Some(size)) = (slot.at, slot.size)
                && !slot.headed
                && slot.spool.is_none()
            {
                let head = left::unfinished(&slot.name, Some(size));
                slot.headed = true;
                if let Err(e) = to.file.write_all_at(&head, at) {
                    // It would only tell the next run where to look.
                    tracing::debug!("a header at {at} cannot be written: {e:#}");
                }
            }
        }
        Ok(())
    }

    /// Leaves what the next run can go on with, and nothing else.
    pub(super) fn leave(&mut self) {
        let temporary = self.temporary.get_mut();
        let Some(temporary) = temporary.unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let (Some(_), Out::File(to)) = (&self.names, &*self.out) else {
            return;
        };
        let state = self.state.get_mut();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let len = |path: &PathBuf| path.symlink_metadata().map_or(0, |m| m.len());
        let beside: u64 = state.beside.iter().map(len).sum();
        let came = to.came.load(Ordering::Relaxed).saturating_add(beside);
        let least = if state.wrong { WORTH_KEEPING } else { 1 };
        // Members that were not asked for stay as they were found.
        if state.unread || came >= least {
            let _ = temporary.keep();
        } else {
            state
                .beside
                .iter()
                .for_each(|path| blob_store::remove(path));
        }
    }
}

/// Finds the members that an earlier run left in the file, and cuts off what is behind them: of another image, or
/// nothing. Blocks for as long as reading the headers takes.
fn read_left(to: &Growing, state: &mut State) -> io::Result<()> {
    let len = to.file.metadata()?.len();
    let (mut i, mut came, mut end) = (0, 0_u64, None);
    while let Some(slot) = state.slots.get_mut(i)
        && let Some(at) = slot.at
    {
        let left = left::at(&to.file, at, &slot.name, slot.mode, slot.size);
        match (left, slot.size) {
            (Some((left, size)), _) => {
                came = came.saturating_add(size);
                slot.left = Some(left);
                slot.headed = true;
                slot.size_is_told = slot.size.is_none();
                slot.size = Some(size);
                state.place();
            }
            // Two builds of an image often differ in a small member, the config, and agree behind it.
            (None, Some(size)) if size <= SMALL && at < len => {
                let head = left::unfinished(&slot.name, slot.size).len();
                let whole = head + size as usize + padding(size);
                to.file.write_all_at(&vec![0; whole], at)?;
            }
            _ => {
                end = Some(at);
                break;
            }
        }
        i += 1;
    }
    let end = end.unwrap_or(state.end);
    if end < len {
        to.file.set_len(end)?;
    }
    to.came.store(came, Ordering::Relaxed);
    Ok(())
}
