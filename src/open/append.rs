//! A layer made of a tar or a directory, to be put on top of an image.
//!
//! The same files make the same layer on every machine: names are sorted, owners are root, times are one given time, and
//! the compression is this program's own. A tar that is compressed already stays as it is.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use crate::image::{Algorithm, LayerForm};
use crate::transport::archive_file::{ArchiveFile, spool, unnamed};
use crate::transport::blob_store::{blocking, cannot_read};
use crate::transport::codec::{Codec, Cores, compressed};
use crate::transport::tarball::open_file;
use crate::transport::{LayerTar, tallied};
use crate::{Error, Result, platform};

/// The compression of layers that are made here.
const CODEC: Codec = Codec::Gzip(6);

/// A layer that was made.
#[derive(Clone)]
pub struct Appended {
    pub(super) layer: LayerTar,
    pub(super) created_by: String,
}

impl Appended {
    /// Makes a layer of `path`: a tar, compressed or not, which may be a pipe, or a directory whose files get the time `seconds` since 1970.
    /// `tmpdir` takes its temporary file.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such file; [`crate::Kind::Corrupt`] for a file that is no tar.
    pub async fn make(path: &Path, seconds: u64, tmpdir: Option<&Path>) -> Result<Appended> {
        let about = fs::metadata(path).map_err(|e| cannot_read(path, e))?;
        let shown = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        let created_by = format!("barque edit --append {shown}");
        let layer = if about.is_dir() {
            let tar = packed(path.to_owned(), seconds, tmpdir).await?;
            let len = tar.metadata().map_err(|e| cannot_read(path, e))?.len();
            LayerTar::read(ArchiveFile::spooled(tar, path.to_owned(), len)).await?
        } else {
            let (path, tmpdir) = (path.to_owned(), tmpdir.map(Path::to_owned));
            let (file, _) = blocking(move || open_file(&path, tmpdir.as_deref())).await?;
            LayerTar::read(file).await?
        };
        let layer = match layer.form {
            LayerForm::Plain => in_gzip(layer, tmpdir).await?,
            _ => layer,
        };
        Ok(Appended { layer, created_by })
    }
}

/// The plain tar `layer`, compressed into a temporary file.
async fn in_gzip(layer: LayerTar, tmpdir: Option<&Path>) -> Result<LayerTar> {
    let plain = compressed(layer.bytes(0), CODEC, &Cores::all());
    let (packed, digest) = tallied(plain, Algorithm::Sha256);
    let file = spool(packed, tmpdir, layer.file.path()).await?;
    let (digest, size) = digest.ended()?;
    Ok(LayerTar {
        file,
        size,
        digest,
        form: LayerForm::Gzip,
        ..layer
    })
}

/// A tar of the files below `dir`, in a temporary file.
async fn packed(dir: PathBuf, seconds: u64, tmpdir: Option<&Path>) -> Result<File> {
    let file = unnamed(tmpdir)?;
    blocking(move || {
        let mut tar = Builder::new(io::BufWriter::new(file));
        let mut ahead = vec![PathBuf::new()];
        while let Some(below) = ahead.pop() {
            let path = dir.join(&below);
            let failed = |e: io::Error| cannot_read(&path, e);
            let about = fs::symlink_metadata(&path).map_err(failed)?;
            if about.is_dir() {
                let names = fs::read_dir(&path).map_err(failed)?;
                let names = names.map(|entry| entry.map(|e| below.join(e.file_name())));
                let mut names = names.collect::<io::Result<Vec<_>>>().map_err(failed)?;
                names.sort_by(|a, b| bytes_of(b).cmp(bytes_of(a)));
                ahead.extend(names);
            }
            if below.as_os_str().is_empty() {
                continue;
            }
            add(&mut tar, &path, &below, &about, seconds).map_err(failed)?;
        }
        let failed = |e: io::Error| Error::refused("cannot write a temporary file").because(e);
        let buffered = tar.into_inner().map_err(failed)?;
        buffered.into_inner().map_err(|e| failed(e.into_error()))
    })
    .await
}

fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// Adds the file at `path` as `below`. Sockets, pipes and devices are left out with a warning.
fn add<W: Write>(
    tar: &mut Builder<W>,
    path: &Path,
    below: &Path,
    about: &fs::Metadata,
    seconds: u64,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(platform::mode(about));
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(seconds);
    header.set_size(0);
    if about.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        // The mode of a link differs between systems, and means nothing.
        header.set_mode(0o777);
        return tar.append_link(&mut header, below, fs::read_link(path)?);
    }
    if about.is_dir() {
        header.set_entry_type(EntryType::Directory);
        return tar.append_data(&mut header, below.join(""), io::empty());
    }
    if about.is_file() {
        header.set_entry_type(EntryType::Regular);
        header.set_size(about.len());
        // A file that grows meanwhile would shift what follows.
        return tar.append_data(&mut header, below, File::open(path)?.take(about.len()));
    }
    tracing::warn!(
        "`{}` is no file, directory or symbolic link, and is left out",
        path.display()
    );
    Ok(())
}
