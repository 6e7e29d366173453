//! Members that wait outside of an archive until it is their turn: it goes into a pipe, or their size is not known yet.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use super::header::{Type, blocks, padding};
use super::sink::{BATCH, Sink};
use super::slots::State;
use super::{Out, TarWriter};
use crate::Result;
use crate::platform::FileExt;
use crate::transport::BlobStream;
use crate::transport::archive_file::unnamed;
use crate::transport::blob_store::{self, blocking, cannot_write};

impl TarWriter {
    /// `content` in a file without a name, and its length.
    pub(super) async fn spooled(
        &self,
        content: BlobStream,
        size: Option<u64>,
    ) -> Result<(Arc<File>, u64)> {
        let tmpdir = self.tmpdir.clone();
        let file = Arc::new(blocking(move || unnamed(tmpdir.as_deref())).await?);
        let written = Sink::spool(self, file.clone())
            .pour(content, size, None)
            .await?;
        Ok((file, written))
    }

    /// Copies the spools whose place is known and whose turn it is.
    pub(super) async fn copy_spools(&self) -> Result<()> {
        loop {
            let next = {
                let mut state = self.state();
                let pipe = matches!(*self.out, Out::Pipe(_));
                let ready = |state: &State, i: usize| {
                    let slot = &state.slots[i];
                    slot.spool.is_some() && slot.at.is_some() && (!pipe || state.turn_of(i))
                };
                let Some(i) = (0..state.slots.len()).find(|i| ready(&state, *i)) else {
                    return Ok(());
                };
                state.busy = pipe;
                let slot = &mut state.slots[i];
                let size = slot.size.unwrap_or(0);
                let head = blocks(&slot.name, Type::File, slot.mode, size);
                // It gets its header with its content.
                slot.headed = true;
                (i, slot.spool.take(), slot.at.unwrap_or(0), head, size)
            };
            let (i, Some(spool), at, head, size) = next else {
                return Ok(());
            };
            let (out, path) = (self.out.clone(), self.path.clone());
            blocking(move || {
                copy_spool(&out, &spool.file, at, &head, size)
                    .map_err(|e| cannot_write(&path, at, at.saturating_add(size), e))?;
                if let Some(path) = spool.path {
                    blob_store::remove(&path);
                }
                Ok(())
            })
            .await?;
            let mut state = self.state();
            state.slots[i].done = true;
            state.busy = false;
        }
    }
}

fn copy_spool(out: &Out, mut spool: &File, at: u64, head: &[u8], size: u64) -> io::Result<()> {
    spool.rewind()?;
    let pad = vec![0; padding(size)];
    match out {
        Out::Pipe(pipe) => {
            let mut pipe = pipe;
            pipe.write_all(head)?;
            io::copy(&mut spool, &mut pipe)?;
            pipe.write_all(&pad)
        }
        Out::File(to) => {
            let (begin, mut at) = (at, at + head.len() as u64);
            let mut piece = vec![0; BATCH];
            loop {
                let n = spool.read(&mut piece)?;
                if n == 0 {
                    break;
                }
                to.put(&piece[..n], at)?;
                at += n as u64;
            }
            to.file.write_all_at(&pad, at)?;
            // Last, as it calls the member finished.
            to.file.write_all_at(head, begin)
        }
    }
}
