//! A layer of a V1 image, in a V1 registry or one of 2014, read once into a file without a name: verified, and made what a manifest can list.
//!
//! The manifest needs to know of each layer what only its bytes tell: the digest of its plain form, and, as V1 ids
//! are no digests, that of the stored form. A gzip layer is kept byte for byte; plain ones and those of older
//! compressions are written as gzip, because registries of today know no others (protocols 7.4).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::AsyncWriteExt;

use super::chain::Link;
use crate::image::{Algorithm, Descriptor, Digest, Digester, V1Id};
use crate::legacy::registry_v1::Repo;
use crate::legacy::tarsum::{
    TarSum, TarSumError, TarSummer, V1Checksum, begins_tar, payload_digester,
};
use crate::registry::ByteStream;
use crate::transport::ReadAhead;
use crate::transport::archive_file::{ArchiveFile, unnamed};
use crate::transport::blob_store::{blocking, cannot_spool};
use crate::transport::inflate::{self, Compression, plain_reader};
use crate::{Error, Kind, Result};

/// Times in a row that a download is taken up again without a byte of progress.
const MAX_STUCK: usize = 4;
/// Layers that are read at once.
const IN_FLIGHT: usize = 4;
const PIECE: usize = 256 * 1024;
/// Bytes that show whether something is a tar.
const TAR_BLOCK: usize = 512;
const LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// What stands for a layer of no bytes: a tar without members.
const EMPTY_TAR: [u8; 1024] = [0; 1024];

/// A layer as it is presented.
pub(crate) struct Layer {
    pub(super) file: ArchiveFile,
    pub(super) descriptor: Descriptor,
    pub(super) diff_id: Digest,
}

/// Where the bytes of a layer come from.
#[async_trait]
pub(crate) trait Place: Send + Sync {
    /// The bytes from offset `from` on, after `stuck` tries in a row that brought none.
    async fn open(&self, from: u64, stuck: usize) -> Result<ByteStream>;

    /// Whether `e` asks for a longer wait than is obeyed (quirk E15).
    fn is_put_off(&self, e: &Error) -> bool;

    /// Waits before try `tries + 1`.
    async fn wait_before_try(&self, tries: usize);
}

/// How much of the layers of an image has been read: counted while it is.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    read: AtomicU64,
    of: AtomicU64,
}

impl Ahead {
    pub(crate) fn so_far(&self) -> ReadAhead {
        ReadAhead {
            read: self.read.load(Ordering::Relaxed),
            of: Some(self.of.load(Ordering::Relaxed)).filter(|of| *of > 0),
        }
    }
}

/// A layer to read.
pub(crate) struct Wanted {
    /// Of its image, for messages.
    pub(crate) id: String,
    /// What a checksum covers besides the layer.
    pub(crate) json: Bytes,
    /// Bytes of the layer as it is stored, where that is known.
    pub(crate) size: Option<u64>,
    pub(crate) recorded: Option<Recorded>,
    pub(crate) place: Arc<dyn Place>,
}

/// What a layer has to match.
#[derive(Debug, Clone)]
pub(crate) enum Recorded {
    V1(V1Checksum),
    /// The digest of the stored form.
    Stored(Digest),
}

/// A layer of a V1 registry.
struct V1Layer {
    repo: Arc<Repo>,
    id: V1Id,
    size: Option<u64>,
}

#[async_trait]
impl Place for V1Layer {
    async fn open(&self, from: u64, stuck: usize) -> Result<ByteStream> {
        self.repo.layer(&self.id, from, self.size, stuck).await
    }

    fn is_put_off(&self, e: &Error) -> bool {
        self.repo.is_put_off(e)
    }

    async fn wait_before_try(&self, tries: usize) {
        self.repo.wait_before_try(tries).await;
    }
}

/// The layer of `link` with the checksum that was recorded, where barque knows its kind.
pub(super) fn wanted(repo: &Arc<Repo>, link: &Link) -> Wanted {
    let (id, size) = (link.id.clone(), link.head.size);
    let checksum = link.head.checksum.as_deref().map(str::parse);
    let recorded = match checksum {
        Some(Ok(checksum)) => Some(Recorded::V1(checksum)),
        Some(Err(e)) => {
            let e: TarSumError = e;
            tracing::warn!("the layer of `{id}` is not checked: {e}");
            None
        }
        None => None,
    };
    let repo = repo.clone();
    Wanted {
        id: id.to_string(),
        json: link.head.json.clone(),
        size,
        recorded,
        place: Arc::new(V1Layer { repo, id, size }),
    }
}

/// Reads a layer and checks it against what was recorded.
///
/// [`Kind::Corrupt`] when it does not fit, or is no layer; [`Kind::Unavailable`] when it cannot be read whole.
async fn layer(layer: &Wanted, tmpdir: Option<&Path>, ahead: &Ahead) -> Result<Layer> {
    let tried = once(layer, tmpdir, ahead).await;
    match tried {
        Err((e, true)) if e.kind() == Kind::Corrupt => {
            // As B12: what was put together of several answers may be right in one piece.
            tracing::debug!("{e}; reading it once more from its start");
            once(layer, tmpdir, ahead).await
        }
        other => other,
    }
    .map_err(|(e, _)| e.context(format!("reading the layer of the image `{}`", layer.id)))
}

/// Reads `wanted`, several at a time; the layers are in the same order. What is read counts in `ahead`.
pub(crate) async fn layers(
    wanted: Vec<Wanted>,
    tmpdir: Option<&Path>,
    ahead: &Ahead,
) -> Result<Vec<Layer>> {
    let mut sizes = wanted.iter().map(|wanted| wanted.size);
    let all = sizes.try_fold(0_u64, |all, size| all.checked_add(size?));
    ahead.of.store(all.unwrap_or(0), Ordering::Relaxed);
    let reading: Vec<_> = wanted
        .iter()
        .map(|wanted| layer(wanted, tmpdir, ahead))
        .collect();
    stream::iter(reading)
        .buffered(IN_FLIGHT)
        .try_collect()
        .await
}

/// One reading; with an error, whether the download had been taken up again.
async fn once(
    layer: &Wanted,
    tmpdir: Option<&Path>,
    ahead: &Ahead,
) -> Result<Layer, (Error, bool)> {
    let downloaded = download(layer, tmpdir, ahead)
        .await
        .map_err(|e| (e, false))?;
    let resumed = downloaded.resumed;
    let wanted = match layer.recorded.clone() {
        Some(Recorded::Stored(wanted)) if wanted != downloaded.stored => {
            let found = &downloaded.stored;
            let message = format!("it is not `{wanted}`: it hashes to `{found}`");
            return Err((Error::new(Kind::Corrupt, message), resumed));
        }
        Some(Recorded::V1(V1Checksum::Payload(wanted))) if wanted != downloaded.payload => {
            let message = format!(
                "it does not match its recorded checksum `{wanted}`: JSON and layer hash to `{}`",
                downloaded.payload
            );
            return Err((Error::new(Kind::Corrupt, message), resumed));
        }
        Some(Recorded::V1(V1Checksum::TarSum(wanted))) => Some(wanted),
        _ => None,
    };
    let (json, tmpdir) = (layer.json.clone(), tmpdir.map(Path::to_owned));
    blocking(move || examine(downloaded, wanted, &json, tmpdir))
        .await
        .map_err(|e| (e, resumed))
}

struct Downloaded {
    file: ArchiveFile,
    /// Of the bytes as they came.
    stored: Digest,
    payload: Digest,
    resumed: bool,
}

/// Where temporary bytes go, for messages.
const TEMPORARY: &str = "a temporary file";

async fn download(layer: &Wanted, tmpdir: Option<&Path>, ahead: &Ahead) -> Result<Downloaded> {
    let kept = unnamed(tmpdir)?;
    let shared = kept.try_clone();
    let full = |at: u64, e| cannot_spool(TEMPORARY, at, layer.size.unwrap_or(at), e);
    let mut file = tokio::fs::File::from_std(shared.map_err(|e| full(0, e))?);
    let size = layer.size;
    let mut stored = Digester::new(Algorithm::Sha256);
    let mut payload = payload_digester(&layer.json);
    let (mut at, mut stuck, mut resumed) = (0, 0_usize, false);
    loop {
        // The first time of all and the first time after a break are no try in vain.
        let in_vain = stuck.saturating_sub(1);
        let broken = match layer.place.open(at, in_vain).await {
            Err(e) => Some(e),
            Ok(mut stream) => loop {
                match stream.next().await {
                    None => break None,
                    Some(Err(e)) => break Some(e),
                    Some(Ok(bytes)) => {
                        stored.update(&bytes);
                        payload.update(&bytes);
                        file.write_all(&bytes).await.map_err(|e| full(at, e))?;
                        at += bytes.len() as u64;
                        ahead.read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                        stuck = 0;
                    }
                }
                if size.is_some_and(|size| at >= size) {
                    break None;
                }
            },
        };
        match (broken, size) {
            (_, Some(size)) if at == size => break,
            (_, Some(size)) if at > size => {
                let message = format!("it is longer than the {size} bytes that were announced");
                return Err(Error::new(Kind::Corrupt, message));
            }
            (None, None) => break,
            (Some(e), _)
                if e.kind() != Kind::Unavailable
                    || stuck >= MAX_STUCK
                    || layer.place.is_put_off(&e) =>
            {
                return Err(e);
            }
            (None, Some(size)) if stuck >= MAX_STUCK => {
                let message = format!("it ends after {at} of {size} bytes");
                return Err(Error::new(Kind::Corrupt, message));
            }
            _ => {}
        }
        tracing::debug!(
            "the layer of `{}` broke off at byte {at}; going on",
            layer.id
        );
        layer.place.wait_before_try(stuck).await;
        stuck += 1;
        resumed = true;
    }
    file.flush().await.map_err(|e| full(at, e))?;
    Ok(Downloaded {
        file: ArchiveFile::spooled(kept, TEMPORARY.into(), at),
        stored: stored.finish(),
        payload: payload.finish(),
        resumed,
    })
}

/// Reads the plain form for what is to be known of it, and writes it as gzip where it is stored otherwise. Blocks.
fn examine(
    from: Downloaded,
    wanted: Option<TarSum>,
    json: &[u8],
    tmpdir: Option<PathBuf>,
) -> Result<Layer> {
    let broken = |compression, e| inflate::broken(compression, e);
    let stored = from.file.reader(0, from.file.len());
    let (compression, mut plain) = plain_reader(stored).map_err(|e| broken(None, e))?;
    let mut repacked = match compression {
        Some(Compression::Gzip) => None,
        _ => Some(Gzip::begin(tmpdir.as_deref())?),
    };
    let mut diff_id = Digester::new(Algorithm::Sha256);
    let mut sum = wanted.map(|wanted| {
        let summer = TarSummer::new(wanted.version, wanted.digest.algorithm());
        (wanted, Ok::<_, TarSumError>(summer))
    });
    let mut take = |bytes: &[u8], counts: bool| -> Result<()> {
        diff_id.update(bytes);
        if let Some((_, summer)) = sum.as_mut().filter(|_| counts)
            && let Ok(running) = summer
            && let Err(e) = running.update(bytes)
        {
            *summer = Err(e);
        }
        match &mut repacked {
            Some(gzip) => gzip.write(bytes),
            None => Ok(()),
        }
    };
    let mut piece = vec![0; PIECE];
    let mut begin = Vec::with_capacity(TAR_BLOCK);
    loop {
        match plain.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                begin.extend_from_slice(&piece[..n.min(TAR_BLOCK - begin.len())]);
                take(&piece[..n], true)?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(broken(compression, e)),
        }
    }
    if begin.is_empty() && compression.is_none() {
        take(&EMPTY_TAR, false)?;
    } else if !begin.is_empty() && !begins_tar(&begin) {
        // A web page of a proxy, for one; where no checksum was recorded nothing else would tell.
        return Err(Error::new(Kind::Corrupt, "it is no tar archive"));
    }
    drop(plain);
    if let Some((wanted, summer)) = sum {
        match summer.and_then(|summer| summer.finish(json)) {
            Ok(found) if found == wanted => {}
            Ok(found) => {
                let message =
                    format!("it does not match its recorded checksum `{wanted}`: it has `{found}`");
                return Err(Error::new(Kind::Corrupt, message));
            }
            Err(e) => tracing::warn!("a layer is not checked against `{wanted}`: {e}"),
        }
    }
    let diff_id = diff_id.finish();
    let (file, digest) = match repacked {
        Some(gzip) => gzip.end()?,
        None => (from.file, from.stored),
    };
    Ok(Layer {
        descriptor: Descriptor::new(LAYER_GZIP, digest, file.len()),
        file,
        diff_id,
    })
}

/// A gzip file in the making; the same bytes always give the same file.
struct Gzip(flate2::write::GzEncoder<Counted>);

/// A file that is hashed as it is written.
struct Counted {
    file: File,
    digester: Digester,
    size: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.digester.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Gzip {
    fn begin(tmpdir: Option<&Path>) -> Result<Gzip> {
        let counted = Counted {
            file: unnamed(tmpdir)?,
            digester: Digester::new(Algorithm::Sha256),
            size: 0,
        };
        let level = flate2::Compression::default();
        Ok(Gzip(flate2::write::GzEncoder::new(counted, level)))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let done = self.0.get_ref().size;
        let written = self.0.write_all(bytes);
        written.map_err(|e| cannot_spool(TEMPORARY, done, done + bytes.len() as u64, e))
    }

    fn end(self) -> Result<(ArchiveFile, Digest)> {
        let ended = self.0.finish();
        let counted = ended.map_err(|e| cannot_spool(TEMPORARY, 0, 0, e))?;
        let file = ArchiveFile::spooled(counted.file, TEMPORARY.into(), counted.size);
        Ok((file, counted.digester.finish()))
    }
}
