//! `TarWriter`: a tar that is written by several tasks at once, every member once, in a fixed order.
//!
//! The order is announced, so the same image gives the same archive, whichever blob arrives first. Into a file, a
//! member whose place is known goes straight there: its place is known when the sizes of all before it are. That
//! covers stored blobs entirely: they are written side by side, without a second copy on disk and without waiting
//! for one another. A member that arrives before its place is known (its neighbour is still being inflated), or
//! before its turn in a pipe, waits in a file without a name and is copied by whoever finishes what is before it;
//! so nobody ever waits, and memory is flat. Knows headers and bytes, and no images.

mod header;
mod sink;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tempfile::TempPath;

use super::archive_file::{ArchiveFile, STANDARD, unnamed};
use super::blob_store::{self, blocking, cannot_read, cannot_write};
use super::{BlobStream, is_spliced};
use crate::{Error, Result};
use header::{BLOCK, Type, padding};
use sink::{BATCH, Sink};

/// A member that is written from memory.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) mode: u32,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    File(Bytes),
    Symlink(String),
}

impl Entry {
    fn blocks(&self) -> Vec<u8> {
        let (of, content) = match &self.content {
            Content::File(bytes) => (Type::File, &bytes[..]),
            Content::Symlink(target) => (Type::Symlink(target), &b""[..]),
        };
        let size = content.len() as u64;
        let mut out = header::blocks(&self.name, of, self.mode, size);
        out.extend_from_slice(content);
        out.resize(out.len() + padding(size), 0);
        out
    }
}

/// Where the archive goes.
enum Out {
    /// A temporary file, which can be written at any offset.
    File(File),
    /// Whatever cannot be written at an offset.
    Pipe(File),
}

/// A member to come.
struct Slot {
    name: String,
    mode: u32,
    /// `None` until it is known.
    size: Option<u64>,
    /// Where its header begins, when that is known.
    at: Option<u64>,
    spool: Option<Arc<File>>,
    done: bool,
    /// It turned out not to be needed.
    dropped: bool,
}

#[derive(Default)]
struct State {
    slots: Vec<Slot>,
    /// Where the first slot without a place begins.
    end: u64,
    /// Slots that have their place.
    placed: usize,
    /// A spool is being copied into a pipe.
    busy: bool,
}

impl State {
    /// Gives places to as many slots as sizes allow.
    fn place(&mut self) {
        while let Some(slot) = self.slots.get_mut(self.placed) {
            if slot.dropped {
                self.placed += 1;
                continue;
            }
            slot.at = Some(self.end);
            let Some(size) = slot.size else {
                return;
            };
            let head = header::blocks(&slot.name, Type::File, slot.mode, size).len() as u64;
            // A size that no file has fails when its bytes do not come.
            let whole = head
                .saturating_add(size)
                .saturating_add(padding(size) as u64);
            self.end = self.end.saturating_add(whole);
            self.placed += 1;
        }
    }

    /// Whether everything before slot `i` is written.
    fn turn_of(&self, i: usize) -> bool {
        !self.busy && self.slots[..i].iter().all(|s| s.done)
    }
}

/// A tar that is being written.
pub(super) struct TarWriter {
    out: Arc<Out>,
    /// The name of the temporary file until it gets the final one; dropped, it is removed. Not beside the file: a
    /// write under way holds that, and must not keep the name.
    temporary: Mutex<Option<TempPath>>,
    path: PathBuf,
    tmpdir: Option<PathBuf>,
    state: Mutex<State>,
}

impl TarWriter {
    /// Begins the archive `path` (`-` for standard output) with the blocks `kept` of an older one. Nothing has the
    /// final name before [`TarWriter::finish`]. Blocks.
    pub(super) fn create(
        path: &Path,
        tmpdir: Option<&Path>,
        kept: Option<(&ArchiveFile, Vec<Range<u64>>)>,
    ) -> Result<TarWriter> {
        let cannot = |e| cannot_write(path, 0, 0, e);
        let mut temporary = None;
        let out = if path.as_os_str() == STANDARD {
            if io::stdout().is_terminal() {
                return Err(Error::other("an archive is not written to a terminal")
                    .hint("redirect the output to a file or a program"));
            }
            let stdout = io::stdout().as_fd().try_clone_to_owned();
            Out::Pipe(File::from(stdout.map_err(cannot)?))
        } else if path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir()) {
            Out::Pipe(File::options().write(true).open(path).map_err(cannot)?)
        } else {
            let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
            let directory = directory.unwrap_or(Path::new("."));
            let (file, name) = blob_store::temporary_in(directory)
                .map_err(cannot)?
                .into_parts();
            temporary = Some(name);
            Out::File(file)
        };
        let writer = TarWriter {
            temporary: Mutex::new(temporary),
            ..TarWriter::to(out, path, tmpdir)
        };
        if let (Some((archive, ranges)), Out::File(file)) = (kept, &*writer.out) {
            for range in ranges {
                let len = range.end - range.start;
                let mut from = archive
                    .file()
                    .try_clone()
                    .map_err(|e| cannot_read(path, e))?;
                let mut to = file;
                from.seek(io::SeekFrom::Start(range.start))
                    .and_then(|_| io::copy(&mut (&from).take(len), &mut to))
                    .map_err(cannot)?;
                writer.state().end += len;
            }
        }
        Ok(writer)
    }

    /// Begins an archive that goes into `pipe`; messages call it `shown`.
    pub(super) fn piped(pipe: File, shown: &Path, tmpdir: Option<&Path>) -> TarWriter {
        TarWriter::to(Out::Pipe(pipe), shown, tmpdir)
    }

    fn to(out: Out, path: &Path, tmpdir: Option<&Path>) -> TarWriter {
        TarWriter {
            out: Arc::new(out),
            temporary: Mutex::default(),
            path: path.to_owned(),
            tmpdir: tmpdir.map(Path::to_owned),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces members, in the order in which they will be in the archive; a size that is not known is `None`.
    /// Those announced before are left out.
    pub(super) fn announce(&self, members: impl IntoIterator<Item = (String, u32, Option<u64>)>) {
        let mut state = self.state();
        for (name, mode, size) in members {
            if state.slots.iter().all(|s| s.name != name) {
                state.slots.push(Slot {
                    name,
                    mode,
                    size,
                    at: None,
                    spool: None,
                    done: false,
                    dropped: false,
                });
            }
        }
        state.place();
    }

    /// Writes the announced member `name`.
    pub(super) async fn write(&self, name: &str, content: BlobStream) -> Result<()> {
        let (i, size, to) = {
            let state = self.state();
            let Some(i) = state.slots.iter().position(|s| s.name == name) else {
                return Err(Error::other(format!(
                    "the member `{name}` was not announced"
                )));
            };
            let slot = &state.slots[i];
            let head = header::blocks(&slot.name, Type::File, slot.mode, slot.size.unwrap_or(0));
            let to = match &*self.out {
                Out::File(_) => slot.at.map(|at| (at, head)),
                Out::Pipe(_) => slot
                    .at
                    .filter(|_| slot.size.is_some() && state.turn_of(i))
                    .map(|at| (at, head)),
            };
            (i, slot.size, to)
        };
        match to {
            Some((at, head)) => {
                let mut sink = Sink::archive(self, at);
                // Into a pipe the header goes first; in a file its place is kept for the size.
                let begin = sink.at;
                sink.put(head.clone().into()).await?;
                let written = sink
                    .pour(content, size)
                    .await
                    .map_err(|e| self.for_good(e))?;
                sink.put(vec![0; padding(written)].into()).await?;
                if size.is_none() {
                    let (name, mode) = (name.to_owned(), self.state().slots[i].mode);
                    sink.at = begin;
                    sink.put(header::blocks(&name, Type::File, mode, written).into())
                        .await?;
                }
                let mut state = self.state();
                state.slots[i].size = Some(written);
                state.slots[i].done = true;
                state.place();
            }
            None => {
                let (file, written) = self.spooled(content, size).await?;
                let mut state = self.state();
                state.slots[i].size = Some(written);
                state.slots[i].spool = Some(file);
                state.place();
            }
        }
        self.copy_spools().await
    }

    /// `e`, which came when a member was written in part. A pipe takes nothing back, so there the error is one that
    /// nobody answers with another try.
    fn for_good(&self, e: Error) -> Error {
        match &*self.out {
            Out::Pipe(_) if is_spliced(&e) => Error::new(e.kind(), e.to_string()),
            _ => e,
        }
    }

    /// Writes the announced member `planned`, which gets its name when all of `content` is there; `false` when there
    /// is no name for it, or there is such a member already.
    pub(super) async fn write_late(
        &self,
        planned: &str,
        content: BlobStream,
        name: impl FnOnce() -> Result<Option<String>>,
    ) -> Result<bool> {
        let (file, written) = self.spooled(content, None).await?;
        let name = name()?;
        let kept = {
            let mut state = self.state();
            let name = name.filter(|name| state.slots.iter().all(|s| s.name != *name));
            let Some(slot) = state.slots.iter_mut().find(|s| s.name == planned) else {
                let message = format!("the member `{planned}` was not announced");
                return Err(Error::other(message));
            };
            let kept = name.is_some();
            match name {
                Some(name) => {
                    slot.name = name;
                    slot.size = Some(written);
                    slot.spool = Some(file);
                }
                None => (slot.dropped, slot.done) = (true, true),
            }
            state.place();
            kept
        };
        self.copy_spools().await?;
        Ok(kept)
    }

    /// `content` in a file without a name, and its length.
    async fn spooled(&self, content: BlobStream, size: Option<u64>) -> Result<(Arc<File>, u64)> {
        let tmpdir = self.tmpdir.clone();
        let file = Arc::new(blocking(move || unnamed(tmpdir.as_deref())).await?);
        let written = Sink::spool(self, file.clone()).pour(content, size).await?;
        Ok((file, written))
    }

    /// Copies the spools whose place is known and whose turn it is.
    async fn copy_spools(&self) -> Result<()> {
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
                let head = header::blocks(&slot.name, Type::File, slot.mode, size);
                (i, slot.spool.take(), slot.at.unwrap_or(0), head, size)
            };
            let (i, Some(spool), at, head, size) = next else {
                return Ok(());
            };
            let (out, path) = (self.out.clone(), self.path.clone());
            blocking(move || {
                copy_spool(&out, &spool, at, &head, size)
                    .map_err(|e| cannot_write(&path, at, at + size, e))
            })
            .await?;
            let mut state = self.state();
            state.slots[i].done = true;
            state.busy = false;
        }
    }

    /// Writes `entries` after all announced members, ends the archive, and gives it its name. Blocks.
    pub(super) fn finish(&self, entries: &[Entry]) -> Result<()> {
        let state = self.state();
        if let Some(slot) = state.slots.iter().find(|s| !s.done) {
            return Err(Error::other(format!(
                "the member `{}` was never written",
                slot.name
            )));
        }
        let mut at = state.end;
        let path = &self.path;
        let end = vec![0; 2 * BLOCK as usize];
        for bytes in entries.iter().map(Entry::blocks).chain([end]) {
            let written = match &*self.out {
                Out::File(file) => file.write_all_at(&bytes, at),
                Out::Pipe(pipe) => (&*pipe).write_all(&bytes),
            };
            at += bytes.len() as u64;
            written.map_err(|e| cannot_write(path, at, at, e))?;
        }
        let Out::File(file) = &*self.out else {
            return Ok(());
        };
        file.sync_all().map_err(|e| cannot_write(path, at, at, e))?;
        let mut temporary = self
            .temporary
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(name) = temporary.take() else {
            return Err(Error::other("the archive was finished before"));
        };
        name.persist(path)
            .map_err(|e| cannot_write(path, at, at, e.error))?;
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => blob_store::sync_directory(parent),
            _ => blob_store::sync_directory(Path::new(".")),
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
        Out::File(file) => {
            file.write_all_at(head, at)?;
            let mut at = at + head.len() as u64;
            let mut piece = vec![0; BATCH];
            loop {
                let n = spool.read(&mut piece)?;
                if n == 0 {
                    return file.write_all_at(&pad, at);
                }
                file.write_all_at(&piece[..n], at)?;
                at += n as u64;
            }
        }
    }
}
