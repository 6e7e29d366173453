//! Small files (`index.json`, manifests): read whole under a cap, replaced whole or not at all; and the words
//! for what the file system refuses.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use bytes::Bytes;
use tempfile::{NamedTempFile, TempPath};

use super::claim::{PREFIX, claim};
use crate::platform;
use crate::{Error, Kind, Result};

/// Most bytes of a manifest or an index that are read (quirk M16).
pub(crate) const DOCUMENT_CAP: u64 = 4 * 1024 * 1024;

/// Most bytes of a list of images that are read: `index.json` of a layout, `manifest.json` of docker's archives.
pub(crate) const LIST_CAP: u64 = 32 * 1024 * 1024;
/// Values of a large list that are read, which take some hundred times the memory of their bytes.
const MOST_VALUES: usize = 1_600_000;

/// Bytes of a document that are written at once. A server's index may be larger than its other memory.
const DOCUMENT_BUFFER: usize = 64 << 10;

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

/// A blocking task that did not come to its end: the process is being stopped.
pub(crate) fn stopped(e: tokio::task::JoinError) -> Error {
    Error::other("work on a local file was stopped").because(e)
}

/// Reads the file `path` of at most [`DOCUMENT_CAP`] bytes; `None` when there is none.
pub(crate) fn read_document(path: &Path) -> Result<Option<Bytes>> {
    read_small(path, DOCUMENT_CAP)
}

/// [`read_document`], and the file, to see whether it is still as it was.
#[cfg(feature = "serve")]
pub(crate) fn read_document_of(path: &Path) -> Result<Option<(Bytes, File)>> {
    read_of(path, DOCUMENT_CAP)
}

/// Why a list of images of these `bytes` is not read, and so not written.
pub(crate) fn check_list(bytes: &[u8]) -> std::result::Result<(), String> {
    let begins_value = |byte: &&u8| matches!(byte, b',' | b'{' | b'[');
    let (size, many) = (bytes.len() as u64, DOCUMENT_CAP);
    match size {
        _ if size > LIST_CAP => Err(format!("it has {size} bytes, at most {LIST_CAP} are read")),
        _ if size > many && bytes.iter().filter(begins_value).count() > MOST_VALUES => {
            Err(format!("it holds more than {MOST_VALUES} values"))
        }
        _ => Ok(()),
    }
}

/// Reads the file `path` of at most `cap` bytes; `None` when there is none.
pub(crate) fn read_small(path: &Path, cap: u64) -> Result<Option<Bytes>> {
    Ok(read_of(path, cap)?.map(|(bytes, _)| bytes))
}

fn read_of(path: &Path, cap: u64) -> Result<Option<(Bytes, File)>> {
    let (file, len) = match opened(path) {
        Ok(opened) => opened,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(cannot_read(path, e)),
    };
    // One byte more, so that a single read comes to the end.
    let mut bytes = Vec::with_capacity(len.min(cap) as usize + 1);
    (&file)
        .take(cap + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| cannot_read(path, e))?;
    if bytes.len() as u64 > cap {
        return Err(Error::corrupt(format!(
            "`{}` is larger than {cap} bytes",
            path.display()
        )));
    }
    Ok(Some((bytes.into(), file)))
}

/// Opens a file of a layout to read. Nothing else is opened: a pipe would wait for its writer.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    opened(path).map(|(file, _)| file)
}

/// [`open_file`], and the length of the file.
fn opened(path: &Path) -> io::Result<(File, u64)> {
    let mut options = File::options();
    options.read(true);
    crate::platform::without_waiting(&mut options);
    let file = options.open(path)?;
    let about = file.metadata()?;
    match about.is_file() {
        true => Ok((file, about.len())),
        false => Err(io::Error::other("it is not a file")),
    }
}

/// Puts a file with `bytes` in the place of `to`: it has its old content or the new one, whenever one looks.
/// The temporary file is made in the directory `partials`, under a name that the next writer takes over.
///
/// # Errors
/// [`Kind::Refused`] when it cannot be written; `to` is unchanged then.
pub async fn write_document(to: &Path, partials: &Path, bytes: Bytes) -> Result<()> {
    let (to, partials) = (to.to_owned(), partials.to_owned());
    blocking(move || write_document_blocking(&to, &partials, &bytes)).await
}

/// [`write_document`] for a thread that may block.
pub(crate) fn write_document_blocking(to: &Path, partials: &Path, bytes: &[u8]) -> Result<()> {
    NewDocument::write(to, partials, |file| file.write_all(bytes))?.publish(to)
}

/// The new content of a file, under a temporary name. Dropped, it goes.
pub(crate) struct NewDocument {
    file: File,
    temporary: TempPath,
}

impl NewDocument {
    /// What `write` writes, for the place `to`; see [`write_document`]. Blocks.
    pub(crate) fn write(
        to: &Path,
        partials: &Path,
        write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> Result<NewDocument> {
        if let Some(parent) = to.parent() {
            create_directory(parent)?;
        }
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let write = || -> io::Result<NewDocument> {
            let (file, temporary) = empty_file(partials, &name)?;
            if let Ok(before) = to.metadata() {
                platform::keep_mode(&file, &before);
            }
            let mut buffered = BufWriter::with_capacity(DOCUMENT_BUFFER, &file);
            write(&mut buffered)?;
            buffered.flush()?;
            drop(buffered);
            Ok(NewDocument { file, temporary })
        };
        write().map_err(|e| cannot_write(to, 0, UNKNOWN_SIZE, e))
    }

    /// Gives it its name `to`, once it is on the disk, and the owner and mode of the file that had the name. Blocks.
    pub(crate) fn publish(self, to: &Path) -> Result<()> {
        if let Ok(before) = to.metadata() {
            platform::keep_owner(&self.file, &before);
        }
        let synced = self.file.sync_data();
        synced
            .and_then(|()| platform::persist(self.temporary, to))
            .map_err(|e| cannot_write(to, 0, UNKNOWN_SIZE, e))
    }
}

/// An empty file in `directory` that is called after `name`, and its path; dropped, the path is removed. The file is
/// locked, so that it is not swept away by others; what a killed writer left under this name is taken over.
pub(crate) fn empty_file(directory: &Path, name: &str) -> io::Result<(File, TempPath)> {
    match claim(directory, |suffix| format!("{PREFIX}{name}{suffix}"))? {
        Some((file, path)) => {
            let temporary = TempPath::try_from_path(path)?;
            file.set_len(0)?;
            Ok((file, temporary))
        }
        // Without locks there is nothing to tell a file in use from one that was left.
        None => temporary_in(directory).map(NamedTempFile::into_parts),
    }
}

/// A file under a random name in `directory`, readable as other files are; dropped, it is removed.
pub(crate) fn temporary_in(directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    crate::platform::readable_by_all(&mut builder);
    builder.tempfile_in(directory)
}

/// Makes the directory `path` and its parents.
pub(crate) fn create_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| {
        let shown = path.display();
        let text = match fs::read_link(path) {
            Ok(to) if !path.exists() => {
                format!(
                    "`{shown}` is a link to `{}`, which is not there",
                    to.display()
                )
            }
            _ => format!("cannot make the directory `{shown}`"),
        };
        Error::new(refusal(&e), text).because(e)
    })
}

/// The class of the failure `e` to write.
fn refusal(e: &io::Error) -> Kind {
    match e.kind() {
        ErrorKind::PermissionDenied => Kind::NotAllowed,
        _ => Kind::Refused,
    }
}

/// The error of `path`, which was to be read as a directory and cannot.
pub(crate) fn no_directory(path: &Path, e: io::Error) -> Error {
    let what = match e.kind() {
        ErrorKind::NotADirectory if path.symlink_metadata().is_err() => "is below a file",
        ErrorKind::NotADirectory => "is a file, not a directory",
        _ => "cannot be read",
    };
    Error::new(refusal(&e), format!("`{}` {what}", path.display())).because(e)
}

/// Makes the names in the directory `path` durable.
///
/// # Errors
/// [`Kind::Refused`] when the file system reports a failure. One that cannot sync directories is not an error.
pub fn sync_directory(path: &Path) -> Result<()> {
    match crate::platform::sync_directory(path) {
        // Some file systems have no such thing (EINVAL); there the rename itself is as durable as it gets.
        Err(e) if e.kind() != ErrorKind::InvalidInput => Err(Error::refused(format!(
            "cannot sync the directory `{}`",
            path.display()
        ))
        .because(e)),
        _ => Ok(()),
    }
}

/// The error of a file that cannot be read.
pub(crate) fn cannot_read(path: &Path, e: io::Error) -> Error {
    let kind = match e.kind() {
        ErrorKind::NotFound => Kind::NotFound,
        _ => Kind::of_file(&e),
    };
    Error::new(kind, format!("cannot read `{}`", path.display())).because(e)
}

/// The size of what comes without one.
pub(crate) const UNKNOWN_SIZE: u64 = u64::MAX;

/// The error of a file that cannot be written after `done` of its `size` bytes.
pub(crate) fn cannot_write(path: &Path, done: u64, size: u64, e: io::Error) -> Error {
    let what = format!("`{}`", path.display());
    let is_pipe = path.as_os_str() == "-" || path.metadata().is_ok_and(|m| !m.is_file());
    let if_full = match is_pipe {
        true => "free some space where the output goes",
        false => "free some space and run the same command again: it continues where it stopped",
    };
    unwritten(&what, (done, size), e, if_full)
}

/// The error of a temporary file that cannot be written after `done` of its `size` bytes; messages call it `shown`. It
/// has no name, so the next run finds nothing of it.
pub(crate) fn cannot_spool(shown: &str, done: u64, size: u64, e: io::Error) -> Error {
    unwritten(
        shown,
        (done, size),
        e,
        "free some space where temporary files are, or choose another directory with `--tmpdir` or `TMPDIR`",
    )
}

fn unwritten(what: &str, (done, size): (u64, u64), e: io::Error, if_full: &str) -> Error {
    let full = matches!(
        e.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    );
    let of = match size {
        UNKNOWN_SIZE => String::new(),
        size => format!(" of {size}"),
    };
    let text = match (done, size) {
        (0, 0) => format!("cannot write {what}"),
        _ => format!("cannot write {what} ({done}{of} bytes written)"),
    };
    let (kind, is_nowhere) = (refusal(&e), e.kind() == ErrorKind::NotFound);
    let error = Error::new(kind, text).because(e);
    match (full, is_nowhere) {
        (true, _) => error.hint(if_full),
        (_, true) => error.hint("its directory has to be there"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_is_continued_after_a_full_disk() {
        let full = || io::Error::from(ErrorKind::StorageFull);
        let hint = |path: &str| {
            let error = cannot_write(Path::new(path), 1, 2, full());
            error.advice().unwrap_or_default().to_owned()
        };
        assert!(hint("a.tar").ends_with("it continues where it stopped"));
        assert_eq!(hint("-"), "free some space where the output goes");
        let denied = cannot_write(Path::new("a"), 0, 0, ErrorKind::PermissionDenied.into());
        assert_eq!(denied.kind(), Kind::NotAllowed);
    }
}
