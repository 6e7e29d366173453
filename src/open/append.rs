//! A layer made of a tar or a directory, to be put on top of an image.
//!
//! The same files make the same layer on every machine: names are sorted, owners are root, times are one given time, and
//! the compression is this program's own. A tar that is compressed already stays as it is.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt;
use tar::{Builder, EntryType, Header};

use crate::bytes::{drained, read_file_from};
use crate::image::{Algorithm, Descriptor, Digest, LayerForm, MediaType};
use crate::transport::blob_store::{blocking, cannot_read};
use crate::transport::codec::{Codec, Cores, compressed};
use crate::transport::inflate::{self, Compression};
use crate::transport::{BlobStream, tallied};
use crate::{Error, Result, platform};

/// The compression of layers that are made here.
const CODEC: Codec = Codec::Gzip(6);

/// A layer that was made.
pub struct Appended {
    pub(super) file: Arc<File>,
    pub(super) size: u64,
    pub(super) digest: Digest,
    pub(super) diff_id: Digest,
    form: LayerForm,
    pub(super) created_by: String,
}

impl Appended {
    /// Makes a layer of `path`: a tar, compressed or not, or a directory whose files get the time `seconds` since 1970.
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
        let (tar, form) = match about.is_dir() {
            true => (packed(path.to_owned(), seconds, tmpdir).await?, None),
            false => {
                let mut file = File::open(path).map_err(|e| cannot_read(path, e))?;
                let form = form_of(&mut file, path)?;
                (Arc::new(file), form)
            }
        };
        let len = tar.metadata().map_err(|e| cannot_read(path, e))?.len();
        let stored = || read_file_from(tar.clone(), 0, len);
        if let Some(form) = form {
            let (plain, diff_id) = tallied(inflate::plain(stored()), Algorithm::Sha256);
            check_tar(plain, path).await?;
            let (stored, digest) = tallied(stored(), Algorithm::Sha256);
            drained(stored).await?;
            let (digest, size) = digest.ended()?;
            return Ok(Appended {
                file: tar,
                size,
                digest,
                diff_id: diff_id.ended()?.0,
                form,
                created_by,
            });
        }
        check_tar(stored(), path).await?;
        let (plain, diff_id) = tallied(stored(), Algorithm::Sha256);
        let (packed, digest) = tallied(compressed(plain, CODEC, &Cores::all()), Algorithm::Sha256);
        let file = Arc::new(temporary(tmpdir)?);
        written(packed, file.clone()).await?;
        let (digest, size) = digest.ended()?;
        Ok(Appended {
            file,
            size,
            digest,
            diff_id: diff_id.ended()?.0,
            form: CODEC.form(),
            created_by,
        })
    }

    /// Its descriptor in a manifest of type `manifest`.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] for a zstd layer in docker's format, which has none.
    pub(super) fn descriptor(&self, manifest: &MediaType) -> Result<Descriptor> {
        let family = match *manifest == MediaType::DOCKER_MANIFEST {
            true => crate::image::media_type::DOCKER_LAYER,
            false => crate::image::media_type::OCI_LAYER,
        };
        let media_type = self.form.type_of(&MediaType::new(family))?;
        Ok(Descriptor::new(
            media_type.as_str(),
            self.digest.clone(),
            self.size,
        ))
    }
}

/// How a file is compressed, if it is.
fn form_of(file: &mut File, path: &Path) -> Result<Option<LayerForm>> {
    let mut magic = Vec::new();
    let read = file
        .take(Compression::MAGIC_LEN as u64)
        .read_to_end(&mut magic);
    read.map_err(|e| cannot_read(path, e))?;
    match Compression::of(&magic) {
        None => Ok(None),
        Some(Compression::Gzip) => Ok(Some(LayerForm::Gzip)),
        Some(Compression::Zstd) => Ok(Some(LayerForm::Zstd)),
        Some(other) => {
            let (path, what) = (path.display(), other.as_str());
            let text = format!("`{path}` is compressed with {what}, which layers are not");
            Err(Error::refused(text).hint("unpack it first; a plain tar is compressed here"))
        }
    }
}

fn temporary(tmpdir: Option<&Path>) -> Result<File> {
    let made = match tmpdir {
        Some(dir) => tempfile::tempfile_in(dir),
        None => tempfile::tempfile(),
    };
    made.map_err(|e| Error::refused("cannot make a temporary file").because(e))
}

/// Reads `plain` to its end, and checks that it begins as a tar does.
async fn check_tar(mut plain: BlobStream, path: &Path) -> Result<()> {
    let mut begin: Vec<u8> = Vec::new();
    let mut checked = false;
    while let Some(piece) = plain.next().await {
        if !checked {
            begin.extend_from_slice(&piece?);
            if begin.len() >= 512 {
                crate::transport::tar_index::check_begin(&begin[..512], path)?;
                checked = true;
            }
        }
    }
    match checked {
        true => Ok(()),
        false => crate::transport::tar_index::check_begin(&begin, path),
    }
}

/// Writes `stream` to `file`.
async fn written(mut stream: BlobStream, file: Arc<File>) -> Result<()> {
    while let Some(piece) = stream.next().await {
        let (piece, file) = (piece?, file.clone());
        let write = move || {
            (&*file)
                .write_all(&piece)
                .map_err(|e| Error::refused("cannot write a temporary file").because(e))
        };
        blocking(write).await?;
    }
    Ok(())
}

/// A tar of the files below `dir`, in a temporary file.
async fn packed(dir: PathBuf, seconds: u64, tmpdir: Option<&Path>) -> Result<Arc<File>> {
    let file = temporary(tmpdir)?;
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
        let mut file = buffered.into_inner().map_err(|e| failed(e.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(Arc::new(file))
    })
    .await
}

fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// Adds the file at `path` as `below`. Sockets and the like are left out.
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
    Ok(())
}
