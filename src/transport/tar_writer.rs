//! `TarWriter`: a tar that is written by several tasks at once, every member once, in a fixed order.
//!
//! The order is announced, so the same image gives the same archive, whichever blob arrives first. Into a file, a
//! member whose place is known goes straight there: its place is known when the sizes of all before it are. That
//! covers stored blobs entirely: they are written side by side, without a second copy on disk and without waiting
//! for one another. A member that arrives before its place is known (its neighbour is still being inflated), or
//! before its turn in a pipe, waits in a separate file and is copied by whoever finishes what is before it;
//! so that no writer ever waits, and memory use is constant. Knows headers and bytes, and no images.
//!
//! A file gets its name when it is complete. Until then it has another one, under which the next run finds it and
//! goes on, see [`left`]; what that finds is hashed before it counts.

mod growing;
mod header;
mod left;
mod sink;
mod slots;
mod spool;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tempfile::TempPath;

use super::archive_file::{ArchiveFile, STANDARD, is_used};
use super::blob_store::{self, cannot_read, cannot_write};
use super::{BlobBody, BlobOutcome, BlobStream, is_resume_mismatch};
use crate::files::follow;
use crate::image::Digest;
use crate::platform::{self, FileExt};
use crate::{Error, Kind, Result, locked};
use growing::Growing;
use header::{BLOCK, Type, padding};
use left::Names;
use sink::Sink;
use slots::{Slot, Spool, State};

/// A member that is written from memory.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) mode: u32,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
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

/// What a new archive may take the place of.
#[derive(Clone, Copy)]
pub(crate) enum Before<'a> {
    Nothing,
    /// This file, unchanged.
    Archive(&'a ArchiveFile),
    Anything,
}

/// Where the archive goes.
enum Out {
    /// A file that is not the archive yet, which can be written at any offset.
    File(Growing),
    /// Whatever cannot be written at an offset.
    Pipe(File),
}

/// A tar that is being written.
pub(crate) struct TarWriter {
    out: Arc<Out>,
    /// The name of the file until it gets the final one. It is apart from the file, because a write under way holds
    /// that and must not keep the name.
    temporary: Mutex<Option<TempPath>>,
    /// The names under which the next run finds what this one leaves; without them nothing is left.
    names: Option<Names>,
    path: PathBuf,
    tmpdir: Option<PathBuf>,
    state: Mutex<State>,
}

impl TarWriter {
    /// Begins the archive `path` (`-` for standard output) with the blocks `kept` of an older one, or takes up what
    /// an earlier run left of it. Nothing has the final name before [`TarWriter::finish`]. Blocks.
    pub(crate) fn create(
        path: &Path,
        tmpdir: Option<&Path>,
        kept: Option<(&ArchiveFile, Vec<Range<u64>>)>,
    ) -> Result<TarWriter> {
        let cannot = |e| cannot_write(path, 0, 0, e);
        if path.as_os_str() == STANDARD {
            if io::stdout().is_terminal() {
                return Err(Error::other("refusing to write an archive to a terminal")
                    .hint("redirect the output to a file or a program"));
            }
            let pipe = platform::stdout().map_err(cannot)?;
            return Ok(TarWriter::piped(pipe, path, tmpdir));
        }
        if path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir()) {
            let pipe = File::options().write(true).open(path).map_err(cannot)?;
            return Ok(TarWriter::piped(pipe, path, tmpdir));
        }
        // Not a link is replaced by the archive, but what it leads to.
        let path = &follow(path).map_err(cannot)?;
        let names = Names::of(path);
        let (file, temporary, names) = match names.claim().map_err(cannot)? {
            Some((file, path)) => {
                let temporary = TempPath::try_from_path(path).map_err(cannot)?;
                (file, temporary, Some(names))
            }
            None => {
                let made = blob_store::temporary_in(&names.directory).map_err(cannot)?;
                let (file, temporary) = made.into_parts();
                (file, temporary, None)
            }
        };
        if let Ok(before) = path.metadata() {
            platform::keep_mode(&file, &before);
        }
        let found = file.metadata().map_err(cannot)?.len() > 0;
        let mut writer = TarWriter::to(Out::File(Growing::new(file, found)), path, tmpdir);
        writer.temporary = Mutex::new(Some(temporary));
        writer.names = names;
        writer.state().unread = found;
        if let (Some((archive, ranges)), Out::File(to)) = (kept, &*writer.out) {
            for range in ranges {
                let len = range.end - range.start;
                let from = archive.file().try_clone();
                let (mut from, mut to) = (from.map_err(|e| cannot_read(path, e))?, &to.file);
                from.seek(io::SeekFrom::Start(range.start))
                    .and_then(|_| io::copy(&mut (&from).take(len), &mut to))
                    .map_err(cannot)?;
                writer.state().end += len;
            }
        }
        Ok(writer)
    }

    /// Begins an archive that goes into `pipe`; messages call it `shown`.
    pub(crate) fn piped(pipe: File, shown: &Path, tmpdir: Option<&Path>) -> TarWriter {
        TarWriter::to(Out::Pipe(pipe), shown, tmpdir)
    }

    fn to(out: Out, path: &Path, tmpdir: Option<&Path>) -> TarWriter {
        TarWriter {
            out: Arc::new(out),
            temporary: Mutex::default(),
            names: None,
            path: path.to_owned(),
            tmpdir: tmpdir.map(Path::to_owned),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Announces members, in the order in which they will be in the archive; a size that is not known is `None`.
    /// Those announced before are left out.
    pub(crate) fn announce(
        &self,
        members: impl IntoIterator<Item = (String, u32, Option<u64>)>,
    ) -> Result<()> {
        {
            let mut state = self.state();
            for (name, mode, size) in members {
                if state.slots.iter().all(|s| s.name != name) {
                    state.slots.push(Slot {
                        name,
                        mode,
                        size,
                        at: None,
                        headed: false,
                        left: None,
                        size_is_told: false,
                        spool: None,
                        done: false,
                        dropped: false,
                    });
                }
            }
            state.place();
        }
        self.put_headers()
    }

    /// Writes the announced member `name`, which is the blob `digest`; its size comes with what became of it. Where
    /// the size is not known before, `body` verifies itself from any offset at which it can be opened.
    pub(crate) async fn write(
        &self,
        name: &str,
        digest: &Digest,
        body: &BlobBody,
    ) -> Result<(BlobOutcome, u64)> {
        let written = match &*self.out {
            Out::File(_) => self.write_into(name, digest, body).await,
            Out::Pipe(_) => self.write_piped(name, body).await,
        };
        let written = self.judged(written)?;
        self.put_headers()?;
        self.copy_spools().await?;
        Ok(written)
    }

    /// `written`, noted where it shows that a blob was wrong.
    fn judged<T>(&self, written: Result<T>) -> Result<T> {
        if let Err(e) = &written {
            self.state().wrong |= e.kind() == Kind::Corrupt;
        }
        written
    }

    /// The place in [`State::slots`] of the member `name`.
    fn slot(state: &State, name: &str) -> Result<usize> {
        let found = state.slots.iter().position(|s| s.name == name);
        found.ok_or_else(|| Error::other(format!("the member `{name}` was not announced")))
    }

    /// Notes that all `written` bytes of slot `i` are in their place.
    fn done(&self, i: usize, written: u64) {
        let mut state = self.state();
        state.slots[i].size = Some(written);
        state.slots[i].done = true;
        state.place();
    }

    async fn write_piped(&self, name: &str, body: &BlobBody) -> Result<(BlobOutcome, u64)> {
        let content = body.open(0).await?;
        let (i, size, to) = {
            let state = self.state();
            let i = TarWriter::slot(&state, name)?;
            let slot = &state.slots[i];
            let size = slot.size.filter(|_| slot.at.is_some() && state.turn_of(i));
            let head = size.map(|size| header::blocks(name, Type::File, slot.mode, size));
            (i, slot.size, head)
        };
        let Some(head) = to else {
            let (file, written) = self.spooled(content, size).await?;
            self.waits(i, Spool { file, path: None }, written);
            return Ok((BlobOutcome::Written, written));
        };
        let mut sink = Sink::archive(self, 0);
        sink.put(head.into()).await?;
        let poured = sink.pour(content, size, None).await;
        let written = poured.map_err(|e| self.for_good(e))?;
        sink.put(vec![0; padding(written)].into()).await?;
        self.done(i, written);
        Ok((BlobOutcome::Written, written))
    }

    /// Notes that slot `i`, of `size` bytes, waits for its place.
    fn waits(&self, i: usize, spool: Spool, size: u64) {
        let mut state = self.state();
        state.slots[i].size = Some(size);
        state.slots[i].spool = Some(spool);
        state.place();
    }

    /// The error `e`, which came when a member was written in part. What is in a pipe cannot be taken back, so there it
    /// loses the mark that makes the caller try again.
    fn for_good(&self, e: Error) -> Error {
        match &*self.out {
            Out::Pipe(_) if is_resume_mismatch(&e) => Error::new(e.kind(), e.to_string()),
            _ => e,
        }
    }

    /// Writes the announced member `planned`, which gets its name when all of `content` is there; `false` when there
    /// is no name for it, or there is such a member already.
    pub(crate) async fn write_late(
        &self,
        planned: &str,
        content: BlobStream,
        name: impl FnOnce() -> Result<Option<String>>,
    ) -> Result<bool> {
        let spooled = self.spooled(content, None).await;
        let (file, written) = self.judged(spooled)?;
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
                    slot.spool = Some(Spool { file, path: None });
                }
                None => (slot.dropped, slot.done) = (true, true),
            }
            state.place();
            kept
        };
        self.put_headers()?;
        self.copy_spools().await?;
        Ok(kept)
    }

    /// Writes `entries` after all announced members, ends the archive, and gives it its name in the place of `before`.
    /// Blocks.
    ///
    /// It gets owner and mode of what had the name. `false` when something else than `before` has the name by now; then all of the new archive is removed.
    pub(crate) fn finish(&self, entries: &[Entry], before: Before) -> Result<bool> {
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
                Out::File(to) => to.file.write_all_at(&bytes, at),
                Out::Pipe(pipe) => (&*pipe).write_all(&bytes),
            };
            at += bytes.len() as u64;
            written.map_err(|e| cannot_write(path, at, at, e))?;
        }
        let Out::File(to) = &*self.out else {
            return Ok(true);
        };
        let cannot = |e| cannot_write(path, at, at, e);
        // An earlier run may have left a longer file.
        to.file.set_len(at).map_err(cannot)?;
        to.file.sync_all().map_err(cannot)?;
        let mut temporary = locked(&self.temporary);
        let Some(name) = temporary.take() else {
            return Err(Error::other("the archive was finished before"));
        };
        let names = Names::of(path);
        // No other process can rename between this check and our own rename.
        let _lock = self.names.as_ref().map(Names::lock).transpose()?;
        if let Ok(before) = path.metadata() {
            platform::keep_owner(&to.file, &before);
        }
        let renamed = match before {
            Before::Anything => name.persist(path),
            Before::Archive(before) if before.still_at(path) => name.persist(path),
            Before::Archive(_) => return Ok(self.give_up(name, &state)),
            Before::Nothing if path.symlink_metadata().is_err() => {
                match name.persist_noclobber(path) {
                    Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
                        return Ok(self.give_up(e.path, &state));
                    }
                    // Some file systems cannot do that in one step; the lock has to do.
                    Err(e) => e.path.persist(path),
                    done => done,
                }
            }
            Before::Nothing if !is_used(path) => name.persist(path),
            Before::Nothing => return Ok(self.give_up(name, &state)),
        };
        match renamed {
            Ok(()) => {}
            Err(e) => {
                *temporary = Some(e.path);
                return Err(cannot(e.error));
            }
        }
        if self.names.is_some() {
            names.sweep();
        }
        blob_store::sync_directory(&names.directory)?;
        Ok(true)
    }

    /// The names of the announced members that were written.
    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.state();
        let written = state.slots.iter().filter(|slot| !slot.dropped);
        written.map(|slot| slot.name.clone()).collect()
    }

    /// Removes the archive that does not get its name, and the files next to it; `false`.
    fn give_up(&self, temporary: TempPath, state: &State) -> bool {
        drop(temporary);
        state
            .beside
            .iter()
            .for_each(|path| blob_store::remove(path));
        false
    }

    /// Removes what killed writers of the archive `path` left.
    pub(crate) fn tidy(path: &Path) {
        if let Ok(path) = follow(path) {
            Names::of(&path).sweep();
        }
    }
}

impl Drop for TarWriter {
    fn drop(&mut self) {
        self.leave();
    }
}
