//! `Sink`: a stream into a file or pipe, in batches, of which one is written while the next one is collected.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::task::JoinHandle;

use super::{Out, TarWriter};
use crate::image::Digester;
use crate::platform::FileExt;
use crate::transport::BlobStream;
use crate::transport::blob_store::{cannot_spool, cannot_write};
use crate::{Error, Result};

/// Bytes handed to the file system at a time.
pub(super) const BATCH: usize = 256 * 1024;

/// Where bytes go one after the other.
pub(super) struct Sink {
    to: Target,
    pub(super) at: u64,
    path: PathBuf,
}

#[derive(Clone)]
enum Target {
    Archive(Arc<Out>),
    Spool(Arc<File>),
}

impl Sink {
    pub(super) fn archive(writer: &TarWriter, at: u64) -> Sink {
        Sink {
            to: Target::Archive(writer.out.clone()),
            at,
            path: writer.path.clone(),
        }
    }

    pub(super) fn spool(writer: &TarWriter, file: Arc<File>) -> Sink {
        Sink {
            to: Target::Spool(file),
            at: 0,
            path: writer.path.clone(),
        }
    }

    pub(super) async fn put(&mut self, bytes: Bytes) -> Result<()> {
        join(self.begin(vec![bytes])).await
    }

    /// Begins to write `batch`; the caller waits for it before the next call.
    fn begin(&mut self, batch: Vec<Bytes>) -> JoinHandle<Result<()>> {
        let (to, path, mut at) = (self.to.clone(), self.path.clone(), self.at);
        self.at += batch.iter().map(|b| b.len() as u64).sum::<u64>();
        tokio::task::spawn_blocking(move || {
            for bytes in &batch {
                let written = match &to {
                    Target::Archive(out) => match &**out {
                        Out::File(to) => to.put(bytes, at),
                        Out::Pipe(pipe) => (&*pipe).write_all(bytes),
                    },
                    Target::Spool(file) => file.write_all_at(bytes, at),
                };
                let end = at + bytes.len() as u64;
                written.map_err(|e| match &to {
                    Target::Archive(_) => cannot_write(&path, at, end, e),
                    Target::Spool(_) => {
                        let what = format!("a temporary file for `{}`", path.display());
                        cannot_spool(&what, at, end, e)
                    }
                })?;
                at += bytes.len() as u64;
            }
            Ok(())
        })
    }

    /// Writes all of `content`, of exactly `size` bytes where that is known, and shows it to `digester`; the value is
    /// how many they were. What came before an error is written too: the next run goes on from there.
    pub(super) async fn pour(
        &mut self,
        mut content: BlobStream,
        size: Option<u64>,
        mut digester: Option<&mut Digester>,
    ) -> Result<u64> {
        let (mut batch, mut batched, mut total) = (Vec::new(), 0, 0);
        let mut writing: Option<JoinHandle<Result<()>>> = None;
        let ended = loop {
            let bytes = match content.next().await {
                Some(Ok(bytes)) => bytes,
                Some(Err(e)) => break Err(e),
                None => break Ok(()),
            };
            total += bytes.len() as u64;
            if size.is_some_and(|size| total > size) {
                break Ok(());
            }
            if let Some(digester) = digester.as_deref_mut() {
                digester.update(&bytes);
            }
            batched += bytes.len();
            batch.push(bytes);
            if batched >= BATCH {
                if let Some(writing) = writing.take() {
                    join(writing).await?;
                }
                writing = Some(self.begin(std::mem::take(&mut batch)));
                batched = 0;
            }
        };
        if let Some(writing) = writing {
            join(writing).await?;
        }
        join(self.begin(batch)).await?;
        ended?;
        match size {
            Some(size) if size != total => Err(Error::corrupt(format!(
                "a blob of {size} bytes gave {total}"
            ))),
            _ => Ok(total),
        }
    }
}

async fn join(writing: JoinHandle<Result<()>>) -> Result<()> {
    writing
        .await
        .map_err(|e| Error::other("writing an archive was stopped").because(e))?
}
