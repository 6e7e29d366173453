//! `ArchiveFile`: the bytes of an archive, at any offset, wherever they come from.
//!
//! A plain archive in a regular file is read where it is. One that is compressed, or comes from a pipe, cannot be read
//! at an offset: it is written once, plain, to a temporary file that has no name, so that nothing is left behind
//! however the program ends. How much that may be is limited, for a small file may unpack to any size. Knows of a tar
//! only how it begins, so that nothing else is unpacked.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;

use super::BlobStream;
use super::blob_store::{blocking, cannot_read, cannot_spool};
use super::inflate::{self, Compression, plain_reader};
use super::sparse::{Run, Sparse};
use super::tar_header::check_begin;
use crate::bytes::{PIECE, pieces};
use crate::platform::{self, FileExt};
use crate::settings::Context;
use crate::{Error, Kind, Result};

/// The name that means standard input or output.
pub(crate) const STANDARD: &str = "-";

/// Bytes that any archive may unpack to, and how many times its size a larger one may.
const SMALL: u64 = 1 << 30;
const MOST_RATIO: u64 = 100;
/// Bytes that are unpacked between two looks at the disk.
const LOOK: u64 = 16 << 20;
/// The reserve that stays free on a disk: a twentieth of it, but not more than this.
const LEFT_FREE: u64 = 1 << 30;

/// Where a plain copy of an archive goes that cannot be read in place, and how large it may become.
#[derive(Debug, Clone, Default)]
pub struct Unpacking {
    /// The directory; by default `TMPDIR` or `/var/tmp`.
    pub tmpdir: Option<PathBuf>,
    /// Most bytes of the copy; by default 1 GiB, or 100 times the archive's own size where that is more.
    pub most: Option<u64>,
}

impl Unpacking {
    pub(crate) fn of(context: &Context) -> Unpacking {
        Unpacking {
            tmpdir: context.tmpdir.clone(),
            most: context.max_unpacked,
        }
    }
}

/// An archive to read.
#[derive(Clone)]
pub(crate) struct ArchiveFile {
    file: Arc<File>,
    path: PathBuf,
    len: u64,
}

impl ArchiveFile {
    /// Opens `path`, `-` for standard input. Blocks.
    ///
    /// [`crate::Kind::Corrupt`] for what has to be unpacked and is no tar.
    pub(crate) fn open(path: &Path, unpacking: &Unpacking) -> Result<ArchiveFile> {
        match ArchiveFile::look(path)? {
            Ok(archive) => Ok(archive),
            Err(file) => {
                let (file, len) = Unpacked::new(path, unpacking)?.fill(file)?;
                Ok(ArchiveFile::spooled(file, path.to_owned(), len))
            }
        }
    }

    /// Opens `path` where it can be read in place; `None` where it is compressed, or a pipe. Blocks.
    pub(crate) fn in_place(path: &Path) -> Result<Option<ArchiveFile>> {
        Ok(ArchiveFile::look(path)?.ok())
    }

    /// The archive at `path`, or the file that has to be unpacked.
    fn look(path: &Path) -> Result<Result<ArchiveFile, File>> {
        let unreadable = |e| cannot_read(path, e);
        let mut file = if path.as_os_str() == STANDARD {
            platform::stdin().map_err(unreadable)?
        } else {
            File::open(path).map_err(unreadable)?
        };
        let about = file.metadata().map_err(unreadable)?;
        if about.is_dir() {
            return Err(Error::not_found(format!(
                "`{}` is a directory, not an archive",
                path.display()
            )));
        }
        if about.is_file() && file.stream_position().is_ok_and(|at| at == 0) {
            let mut magic = [0; Compression::MAGIC_LEN];
            let n = file.read_at(&mut magic, 0).map_err(unreadable)?;
            if Compression::of(&magic[..n]).is_none() {
                return Ok(Ok(ArchiveFile::spooled(file, path.to_owned(), about.len())));
            }
        }
        Ok(Err(file))
    }

    /// The plain archive of `len` bytes in `file`; messages call it `shown`.
    pub(crate) fn spooled(file: File, shown: PathBuf, len: u64) -> ArchiveFile {
        ArchiveFile {
            file: Arc::new(file),
            path: shown,
            len,
        }
    }

    /// Bytes of the plain archive.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The name of the archive for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Whether `path` still leads to this very file, unchanged in length.
    pub(crate) fn still_at(&self, path: &Path) -> bool {
        match (self.file.metadata(), path.metadata()) {
            (Ok(a), Ok(b)) => platform::is_same(&a, &b) && self.len == b.len(),
            _ => false,
        }
    }

    /// Fills `buffer` from `offset` on. Blocks.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let read = self.file.read_exact_at(buffer, offset);
        read.map_err(|e| cannot_read(&self.path, e))
    }

    /// A blocking reader of `len` bytes from `offset` on.
    pub(crate) fn reader(&self, offset: u64, len: u64) -> Section {
        Section {
            archive: self.clone(),
            sparse: None,
            offset,
            left: len,
        }
    }

    /// A blocking reader of the `size` bytes of a file with holes.
    pub(super) fn sparse_reader(&self, sparse: Arc<Sparse>, size: u64) -> Section {
        Section {
            sparse: Some(sparse),
            ..self.reader(0, size)
        }
    }

    /// The `len` bytes from `offset` on, read one piece ahead and off the async threads.
    pub(crate) fn section(&self, offset: u64, len: u64) -> BlobStream {
        self.reader(offset, len).stream()
    }
}

/// Part of an archive, as a blocking reader.
pub(crate) struct Section {
    archive: ArchiveFile,
    /// With this, `offset` is one of the file and not of the archive.
    sparse: Option<Arc<Sparse>>,
    offset: u64,
    left: u64,
}

impl Section {
    /// Bytes that were not read yet.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Without the next `len` bytes.
    pub(crate) fn skipping(mut self, len: u64) -> Section {
        let len = len.min(self.left);
        self.offset += len;
        self.left -= len;
        self
    }

    /// All that is left. Blocks.
    pub(crate) fn read_all(mut self) -> Result<Bytes> {
        let mut bytes = Vec::with_capacity(self.left as usize);
        let read = self.read_to_end(&mut bytes);
        read.map_err(|e| cannot_read(&self.archive.path, e))?;
        Ok(bytes.into())
    }

    /// The bytes, read one piece ahead and off the async threads.
    pub(crate) fn stream(self) -> BlobStream {
        let (path, len) = (self.archive.path.clone(), self.left);
        pieces(self, len, move |e| cannot_read(&path, e))
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let run = self.sparse.as_ref().map(|sparse| sparse.run(self.offset));
        let within = |len: u64| usize::try_from(len).map_or(most, |len| len.min(most));
        let n = match run {
            None => self
                .archive
                .file
                .read_at(&mut buffer[..most], self.offset)?,
            Some(Run::Data { offset, len }) => {
                let most = within(len);
                self.archive.file.read_at(&mut buffer[..most], offset)?
            }
            Some(Run::Hole(len)) => {
                let most = within(len);
                buffer[..most].fill(0);
                most
            }
        };
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// A file without a name for what does not fit in memory: in `tmpdir`, else `TMPDIR`, else the system's directory for
/// large temporary files.
pub(crate) fn unnamed(tmpdir: Option<&Path>) -> Result<File> {
    let directory = temporary_directory(tmpdir);
    tempfile::tempfile_in(&directory).map_err(|e| {
        let text = format!("cannot make a temporary file in `{}`", directory.display());
        Error::new(Kind::of_file(&e), text)
            .because(e)
            .hint("give another directory with `--tmpdir` or `TMPDIR`")
    })
}

fn temporary_directory(tmpdir: Option<&Path>) -> PathBuf {
    let set = std::env::var_os("TMPDIR").filter(|d| !d.is_empty());
    match (tmpdir, set) {
        (Some(tmpdir), _) => tmpdir.to_owned(),
        (None, Some(tmpdir)) => tmpdir.into(),
        (None, None) => platform::roomy_directory(),
    }
}

/// `content` in a file without a name; `tmpdir` is where, as for [`unnamed`], and messages call it `shown`.
pub(crate) async fn spool(
    mut content: BlobStream,
    tmpdir: Option<&Path>,
    shown: impl Into<PathBuf>,
) -> Result<ArchiveFile> {
    let (tmpdir, shown) = (tmpdir.map(Path::to_owned), shown.into());
    let mut file = blocking(move || unnamed(tmpdir.as_deref())).await?;
    let mut len = 0;
    while let Some(bytes) = content.next().await {
        let bytes = bytes?;
        let (end, path) = (len + bytes.len() as u64, shown.clone());
        file = blocking(move || {
            let written = io::Write::write_all(&mut file, &bytes);
            let shown = path.display().to_string();
            written.map_err(|e| cannot_spool(&shown, len, end, e))?;
            Ok(file)
        })
        .await?;
        len = end;
    }
    Ok(ArchiveFile::spooled(file, shown, len))
}

/// The plain form of an archive under way, in a file without a name.
struct Unpacked<'a> {
    path: &'a Path,
    directory: PathBuf,
    most: Option<u64>,
    file: File,
    done: u64,
}

impl Unpacked<'_> {
    fn new<'a>(path: &'a Path, unpacking: &Unpacking) -> Result<Unpacked<'a>> {
        Ok(Unpacked {
            path,
            directory: temporary_directory(unpacking.tmpdir.as_deref()),
            most: unpacking.most,
            file: unnamed(unpacking.tmpdir.as_deref())?,
            done: 0,
        })
    }

    /// Unpacks `archive`. Returns the file and its length.
    fn fill(mut self, archive: File) -> Result<(File, u64)> {
        let path = self.path;
        let about = archive.metadata().map_err(|e| cannot_read(path, e))?;
        // It becomes no smaller.
        self.look_at_disk(about.len().min(self.most.unwrap_or(u64::MAX)))?;
        let packed = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            archive,
            read: packed.clone(),
        };
        let (compression, mut plain) = plain_reader(counted).map_err(|e| cannot_read(path, e))?;
        if let Some(compression) = compression {
            let compression = compression.as_str();
            tracing::debug!("unpacking the {compression} archive `{}`", path.display());
        }
        let unreadable = |e| match compression {
            None => cannot_read(path, e),
            Some(_) => {
                inflate::broken(compression, e).context(format!("cannot read `{}`", path.display()))
            }
        };
        let mut piece = Vec::with_capacity(PIECE);
        let mut next_look = LOOK;
        loop {
            piece.clear();
            let mut part = plain.by_ref().take(PIECE as u64);
            part.read_to_end(&mut piece).map_err(&unreadable)?;
            if self.done == 0 {
                check_begin(&piece, path)?;
            }
            if piece.is_empty() {
                return Ok((self.file, self.done));
            }
            self.check_size(piece.len() as u64, packed.load(Ordering::Relaxed))?;
            io::Write::write_all(&mut self.file, &piece).map_err(|e| match e.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => self.no_space(0),
                _ => self.unwritable(e),
            })?;
            self.done += piece.len() as u64;
            if self.done >= next_look {
                next_look += LOOK;
                self.look_at_disk(0)?;
            }
        }
    }

    /// An error where `more` bytes are too many for an archive of which `packed` bytes were read.
    fn check_size(&self, more: u64, packed: u64) -> Result<()> {
        let most = match self.most {
            Some(most) => most,
            None => SMALL.max(packed.saturating_mul(MOST_RATIO)),
        };
        if self.done + more <= most {
            return Ok(());
        }
        let (path, most_mib) = (self.path.display(), most >> 20);
        let text = match self.most {
            Some(_) => format!("`{path}` unpacks to more than {most} bytes (`--max-unpacked`)"),
            None => format!(
                "`{path}` unpacks to more than {most_mib} MiB, which is {MOST_RATIO} times its size and more"
            ),
        };
        Err(Error::other(text).hint(
            "if the archive can be trusted, allow more with `--max-unpacked`, as in `--max-unpacked 100GiB`",
        ))
    }

    /// An error if the disk has no room for `more` bytes in addition to the reserve that stays free.
    fn look_at_disk(&self, more: u64) -> Result<()> {
        // A file system that cannot say how full it is says so when it is written to.
        let Some((left, all)) = platform::room(&self.file) else {
            return Ok(());
        };
        let kept = (all / 20).min(LEFT_FREE);
        match left >= kept.saturating_add(more) {
            true => Ok(()),
            false => Err(self.no_space(left)),
        }
    }

    fn no_space(&self, left: u64) -> Error {
        let text = format!(
            "no room to unpack `{}` in `{}`: {} MiB were written, {} MiB are left",
            self.path.display(),
            self.directory.display(),
            self.done >> 20,
            left >> 20
        );
        Error::refused(text).hint("name a directory with more space by `--tmpdir` or `TMPDIR`")
    }

    fn unwritable(&self, e: io::Error) -> Error {
        let text = format!(
            "cannot write the plain form of `{}` to `{}` ({} bytes written)",
            self.path.display(),
            self.directory.display(),
            self.done
        );
        Error::refused(text)
            .because(e)
            .hint("name another directory by `--tmpdir` or `TMPDIR`")
    }
}

/// A file that counts what is read of it.
struct Counted {
    archive: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.archive.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Whether something is at `path` that an archive may not simply replace.
pub(super) fn is_used(path: &Path) -> bool {
    let about = path.metadata();
    about.is_ok_and(|about| about.is_dir() || (about.is_file() && about.len() > 0))
}
