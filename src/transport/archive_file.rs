//! `ArchiveFile`: the bytes of an archive, at any offset, wherever they come from.
//!
//! A plain archive in a regular file is read where it is. One that is compressed, or comes from a pipe, cannot be
//! read at an offset: it is written once, plain, to a temporary file that has no name, so that nothing is left
//! behind however the program ends. Knows no tar.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::BlobStream;
use super::blob_store::{blocking, cannot_read, cannot_write};
use super::inflate::{self, Compression, plain_reader};
use super::tar_index::{Run, Sparse};
use crate::{Error, Kind, Result};

/// Bytes read at a time.
const PIECE: u64 = 256 * 1024;
/// The name that means standard input or output.
pub(super) const STANDARD: &str = "-";

/// An archive to read.
#[derive(Clone)]
pub(super) struct ArchiveFile {
    file: Arc<File>,
    path: PathBuf,
    len: u64,
    /// The file is the archive itself, not a plain copy of it.
    pub(super) in_place: bool,
}

impl ArchiveFile {
    /// Opens `path`, `-` for standard input; `tmpdir` is where a plain copy goes. Blocks.
    pub(super) fn open(path: &Path, tmpdir: Option<&Path>) -> Result<ArchiveFile> {
        let unreadable = |e| cannot_read(path, e);
        let mut file = if path.as_os_str() == STANDARD {
            let stdin = io::stdin().as_fd().try_clone_to_owned();
            File::from(stdin.map_err(unreadable)?)
        } else {
            File::open(path).map_err(unreadable)?
        };
        let about = file.metadata().map_err(unreadable)?;
        if about.is_dir() {
            return Err(Error::new(
                Kind::NotFound,
                format!("`{}` is a directory, not an archive", path.display()),
            ));
        }
        if about.is_file() && file.stream_position().is_ok_and(|at| at == 0) {
            let mut magic = [0; Compression::MAGIC_LEN];
            let n = file.read_at(&mut magic, 0).map_err(unreadable)?;
            if Compression::of(&magic[..n]).is_none() {
                return Ok(ArchiveFile {
                    file: Arc::new(file),
                    path: path.to_owned(),
                    len: about.len(),
                    in_place: true,
                });
            }
        }
        let (file, len) = unpacked(file, path, tmpdir)?;
        Ok(ArchiveFile::spooled(file, path.to_owned(), len))
    }

    /// A plain archive of `len` bytes in the file `file`, which has no name; messages call it `shown`.
    pub(super) fn spooled(file: File, shown: PathBuf, len: u64) -> ArchiveFile {
        ArchiveFile {
            file: Arc::new(file),
            path: shown,
            len,
            in_place: false,
        }
    }

    /// Bytes of the plain archive.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The name of the archive for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Whether `path` still leads to this very file, unchanged in length.
    pub(super) fn still_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        match (self.file.metadata(), path.metadata()) {
            (Ok(a), Ok(b)) => (a.dev(), a.ino(), self.len) == (b.dev(), b.ino(), b.len()),
            _ => false,
        }
    }

    /// Fills `buffer` from `offset` on. Blocks.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let read = self.file.read_exact_at(buffer, offset);
        read.map_err(|e| cannot_read(&self.path, e))
    }

    /// A blocking reader of `len` bytes from `offset` on.
    pub(super) fn reader(&self, offset: u64, len: u64) -> Section {
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
    pub(super) fn section(&self, offset: u64, len: u64) -> BlobStream {
        self.reader(offset, len).stream()
    }
}

/// Begins to read a piece at once; `None` at the end.
fn next_piece(
    mut section: Section,
) -> impl Future<Output = Result<Option<(Bytes, Section)>>> + Send + 'static {
    let reading = tokio::spawn(blocking(move || {
        let mut piece = Vec::with_capacity(PIECE.min(section.left) as usize);
        let read = section.by_ref().take(PIECE).read_to_end(&mut piece);
        read.map_err(|e| cannot_read(&section.archive.path, e))?;
        Ok((!piece.is_empty()).then(|| (piece.into(), section)))
    }));
    async {
        reading
            .await
            .map_err(|e| Error::other("reading an archive was stopped").because(e))?
    }
}

/// Part of an archive, as a blocking reader.
pub(super) struct Section {
    archive: ArchiveFile,
    /// With this, `offset` is one of the file and not of the archive.
    sparse: Option<Arc<Sparse>>,
    offset: u64,
    left: u64,
}

impl Section {
    /// Bytes that were not read yet.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Without the next `len` bytes.
    pub(super) fn skipping(mut self, len: u64) -> Section {
        let len = len.min(self.left);
        self.offset += len;
        self.left -= len;
        self
    }

    /// All that is left. Blocks.
    pub(super) fn read_all(mut self) -> Result<Bytes> {
        let mut bytes = Vec::with_capacity(self.left as usize);
        let read = self.read_to_end(&mut bytes);
        read.map_err(|e| cannot_read(&self.archive.path, e))?;
        Ok(bytes.into())
    }

    /// The bytes, read one piece ahead and off the async threads.
    pub(super) fn stream(self) -> BlobStream {
        let reading = next_piece(self);
        Box::pin(stream::unfold(Some(reading), |reading| async {
            match reading?.await {
                Ok(None) => None,
                Ok(Some((piece, rest))) => Some((Ok(piece), Some(next_piece(rest)))),
                Err(e) => Some((Err(e), None)),
            }
        }))
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

/// A file without a name for what does not fit in memory: in `tmpdir`, else `TMPDIR`, else `/var/tmp`, which
/// unlike `/tmp` is not kept in memory anywhere.
pub(super) fn unnamed(tmpdir: Option<&Path>) -> Result<File> {
    let set = std::env::var_os("TMPDIR").filter(|d| !d.is_empty());
    let directory = match (tmpdir, set) {
        (Some(tmpdir), _) => tmpdir.to_owned(),
        (None, Some(tmpdir)) => tmpdir.into(),
        (None, None) => PathBuf::from("/var/tmp"),
    };
    tempfile::tempfile_in(&directory).map_err(|e| {
        Error::new(
            Kind::Other,
            format!("cannot make a temporary file in `{}`", directory.display()),
        )
        .because(e)
        .hint("give another directory with `--tmpdir` or `TMPDIR`")
    })
}

/// `content` in a file without a name; `tmpdir` is where, as for [`unnamed`], and messages call it `shown`.
pub(super) async fn spool(
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
            written.map_err(|e| cannot_write(&path, len, end, e))?;
            Ok(file)
        })
        .await?;
        len = end;
    }
    Ok(ArchiveFile::spooled(file, shown, len))
}

/// The plain form of `archive` in a file without a name.
fn unpacked(archive: File, path: &Path, tmpdir: Option<&Path>) -> Result<(File, u64)> {
    let mut file = unnamed(tmpdir)?;
    let (compression, mut plain) = plain_reader(archive).map_err(|e| cannot_read(path, e))?;
    if let Some(compression) = compression {
        tracing::debug!(
            "unpacking the {} archive `{}`",
            compression.as_str(),
            path.display()
        );
    }
    let mut piece = vec![0; PIECE as usize];
    let mut done = 0;
    loop {
        let n = match plain.read(&mut piece) {
            Ok(0) => return Ok((file, done)),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) if compression.is_none() => return Err(cannot_read(path, e)),
            Err(e) => {
                let context = format!("cannot read `{}`", path.display());
                return Err(inflate::broken(compression, e).context(context));
            }
        };
        io::Write::write_all(&mut file, &piece[..n]).map_err(|e| {
            let what = format!("the plain form of {}", path.display());
            cannot_write(Path::new(&what), done, done + n as u64, e)
        })?;
        done += n as u64;
    }
}
