//! A layer of a V1 image, in a V1 registry or one of 2014, read once into a file without a name: verified, and made what a manifest can list.
//!
//! The manifest needs to know of each layer what only its bytes tell: the digest of its plain form, and, as V1 ids
//! are no digests, that of the stored form. A gzip layer is kept byte for byte; plain ones and those of older
//! compressions are written as gzip, because registries of today know no others (protocols 7.4).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::AsyncWriteExt;

use super::chain::Link;
use crate::bytes::ByteStream;
use crate::image::media_type::DOCKER_LAYER_GZIP;
use crate::image::{Algorithm, Descriptor, Digest, Digester, V1Id};
use crate::legacy::registry_v1::Repo;
use crate::legacy::tarsum::{
    TarSum, TarSumError, TarSummer, V1Checksum, begins_tar, payload_digester,
};
use crate::legacy::upgrade::{Plain, gzipped, read_layer};
use crate::registry::retry::{self, RetryBudget};
use crate::transport::archive_file::{ArchiveFile, unnamed};
use crate::transport::blob_store::{blocking, cannot_spool};
use crate::transport::docker_archive::{EMPTY_TAR, empty_tar};
use crate::transport::inflate::{self, Compression};
use crate::transport::{BlobBody, ReadAhead};
use crate::{Error, Kind, Result};

/// Layers that are read at once.
const IN_FLIGHT: usize = 4;
/// Bytes that show whether something is a tar.
const TAR_BLOCK: usize = 512;

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
            tracing::warn!("the layer of `{id}` is not checked: {e:#}");
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
            tracing::debug!("{e:#}; reading it once more from its start");
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
            return Err((Error::corrupt(message), resumed));
        }
        Some(Recorded::V1(V1Checksum::Payload(wanted))) if wanted != downloaded.payload => {
            let message = format!(
                "it does not match its recorded checksum `{wanted}`: JSON and layer hash to `{}`",
                downloaded.payload
            );
            return Err((Error::corrupt(message), resumed));
        }
        Some(Recorded::V1(V1Checksum::TarSum(wanted))) => Some(wanted),
        _ => None,
    };
    let (json, file) = (layer.json.clone(), downloaded.file.clone());
    let examined = async {
        let plain = blocking(move || examine(&file, wanted, &json)).await?;
        presented(downloaded.file, downloaded.stored, plain, tmpdir).await
    };
    examined.await.map_err(|e| (e, resumed))
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
    let (mut at, mut resumed) = (0, false);
    let mut stuck = RetryBudget::default().of_kind(retry::DOWNLOAD);
    loop {
        // The first time of all and the first time after a break are no try in vain.
        let in_vain = stuck.failures().saturating_sub(1);
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
                        stuck.renew();
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
                return Err(Error::corrupt(message));
            }
            (None, None) => break,
            (Some(e), _)
                if e.kind() != Kind::Unavailable
                    || stuck.is_spent()
                    || layer.place.is_put_off(&e) =>
            {
                return Err(e);
            }
            (None, Some(size)) if stuck.is_spent() => {
                let message = format!("it ends after {at} of {size} bytes");
                return Err(Error::corrupt(message));
            }
            _ => {}
        }
        tracing::debug!(
            "the layer of `{}` broke off at byte {at}; going on",
            layer.id
        );
        layer.place.wait_before_try(stuck.failures()).await;
        stuck.spend();
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

/// Reads the plain form of the layer `file` for what is to be known of it, and checks it against `wanted`. Blocks.
fn examine(file: &ArchiveFile, wanted: Option<TarSum>, json: &[u8]) -> Result<Plain> {
    let mut sum = wanted.map(|wanted| {
        let summer = TarSummer::new(wanted.version, wanted.digest.algorithm());
        (wanted, Ok::<_, TarSumError>(summer))
    });
    let mut begin = Vec::with_capacity(TAR_BLOCK);
    let plain = read_layer(file.reader(0, file.len()), |bytes| {
        begin.extend_from_slice(&bytes[..bytes.len().min(TAR_BLOCK - begin.len())]);
        if let Some((_, summer)) = &mut sum
            && let Ok(running) = summer
            && let Err(e) = running.update(bytes)
        {
            *summer = Err(e);
        }
    })?;
    if !begin.is_empty() && !begins_tar(&begin) {
        // A web page of a proxy, for one; where no checksum was recorded nothing else would tell.
        return Err(Error::corrupt("it is no tar archive"));
    }
    if let Some((wanted, summer)) = sum {
        match summer.and_then(|summer| summer.finish(json)) {
            Ok(found) if found == wanted => {}
            Ok(found) => {
                let message =
                    format!("it does not match its recorded checksum `{wanted}`: it has `{found}`");
                return Err(Error::corrupt(message));
            }
            Err(e) => tracing::warn!("a layer is not checked against `{wanted}`: {e:#}"),
        }
    }
    Ok(plain)
}

/// The layer `file` as it is presented: as gzip, whatever it is stored as.
async fn presented(
    file: ArchiveFile,
    stored: Digest,
    plain: Plain,
    tmpdir: Option<&Path>,
) -> Result<Layer> {
    let (descriptor, file, diff_id) = if plain.compression == Some(Compression::Gzip) {
        let descriptor = Descriptor::new(DOCKER_LAYER_GZIP, stored, file.len());
        (descriptor, file, plain.diff_id)
    } else if plain.is_nothing() {
        let empty = BlobBody::of_bytes(Bytes::from_static(&EMPTY_TAR));
        let (descriptor, file) = gzipped(empty.open(0).await?, tmpdir, TEMPORARY).await?;
        (descriptor, file, empty_tar().0)
    } else {
        let content = inflate::plain(file.section(0, file.len()));
        let (descriptor, file) = gzipped(content, tmpdir, TEMPORARY).await?;
        (descriptor, file, plain.diff_id)
    };
    Ok(Layer {
        file,
        descriptor,
        diff_id,
    })
}
