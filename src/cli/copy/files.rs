//! Files that a copy writes or reads besides the image's own: standard streams under another name, receipts, digests.

use std::path::{Path, PathBuf};

use crate::files::while_blocked;
use crate::image::ImageName;
use crate::platform;
use crate::transport::blob_store;
use crate::{Error, Result};

/// An archive that goes to standard output under another name (`/dev/stdout`) is called `-`.
pub(super) fn by_standard_output(mut name: ImageName) -> ImageName {
    if let ImageName::OciArchive { path, .. } | ImageName::DockerArchive { path, .. } = &mut name {
        let stdout = platform::stdout().and_then(|file| file.metadata());
        if let (Ok(stdout), Ok(there)) = (stdout, path.metadata())
            && platform::is_same(&stdout, &there)
        {
            *path = PathBuf::from("-");
        }
    }
    name
}

/// Whether the image itself comes from standard input or goes to standard output.
pub(in crate::cli) fn is_piped(name: &ImageName) -> bool {
    match name {
        ImageName::OciArchive { path, .. } | ImageName::DockerArchive { path, .. } => {
            path.as_os_str() == "-"
        }
        _ => false,
    }
}

/// Whether what goes through an archive's name cannot be had or written again: standard input or output, or a file
/// that is a pipe or a device.
pub(super) fn is_once_only(name: &ImageName) -> bool {
    let special = |path: &Path| path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir());
    match name {
        ImageName::OciArchive { path, .. } | ImageName::DockerArchive { path, .. } => {
            is_piped(name) || special(path)
        }
        _ => false,
    }
}

/// A mistake in the name of a file is found before the copy, not after it.
pub(in crate::cli) fn may_be_written(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
    if file.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
        let message = format!("the file `{}` cannot be written", file.display());
        return Err(match file.is_dir() {
            true => Error::refused(message + ": it is a directory"),
            false => Error::refused(message).hint("its directory has to be there"),
        });
    }
    Ok(())
}

/// Writes a small file about a copy that was made, as [`write_whole`] does.
pub(super) fn write(file: &Path, text: &str) -> Result<()> {
    let hint = "the image itself was copied; run the same command again for the file";
    write_whole(file, text).map_err(|e| e.hint(hint))
}

/// Writes a small file, whole: a program that reads it meanwhile never sees a part of it.
pub(in crate::cli) fn write_whole(file: &Path, text: &str) -> Result<()> {
    let written = match file.symlink_metadata() {
        // Pipes, devices, links and files with several names are written to as they are.
        Ok(about) if !about.is_file() || platform::names(&about) > 1 => {
            while_blocked(|| std::fs::write(file, text))
        }
        _ => {
            let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            match blob_store::write_document_blocking(file, folder, text.as_bytes()) {
                Ok(()) => Ok(()),
                // A file may be writable in a directory that is not.
                Err(_) => std::fs::write(file, text),
            }
        }
    };
    written.map_err(|e| {
        let message = format!("the file `{}` cannot be written", file.display());
        Error::refused(message).because(e)
    })
}
