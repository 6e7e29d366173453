//! A schema 1 image made modern: its layers are read once, and config and manifest exist after them.
//!
//! Each layer is hashed in its plain form in the same pass that copies it ([`Upgrade::watched`]), and read for that alone
//! where it did not have to move ([`Upgrade::complete`]). The engine of a copy calls both, and [`Upgrade::made`] at the
//! end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::bytes::{Produce, produced, received};
use crate::image::schema1::empty_layer;
use crate::image::{Descriptor, Digest, Manifest, MediaType, Schema1View, View, convert};
use crate::legacy::schema1::{EMPTY_LAYER, Schema1Layer};
use crate::legacy::upgrade::{Modern, Plain, modern, read_stream};
use crate::legacy::v1::V1Image;
use crate::transport::inflate::Compression;
use crate::transport::{BlobBody, BlobStream, Source, Upgrade};
use crate::{Error, Result, locked};

/// The image of `view` as a modern one with a manifest of the type `target`, and those of its `blobs` that are its
/// layers. Fails as [`Schema1View::chain`] does.
pub(crate) fn upgrade(
    view: &Schema1View,
    blobs: &[Descriptor],
    target: &'static str,
) -> Result<(Vec<Descriptor>, Arc<dyn Upgrade>)> {
    let chain = view.chain()?;
    let moves = |blob: &&Descriptor| {
        let mut layers = chain.iter().filter(|l| !l.image.throwaway());
        layers.any(|layer| layer.blob == blob.digest)
    };
    let blobs: Vec<Descriptor> = blobs.iter().filter(moves).cloned().collect();
    let sizes = blobs.iter().map(|b| (b.digest.clone(), b.size)).collect();
    let upgrade = Schema1Upgrade {
        chain,
        sizes,
        target,
        plain: Mutex::default(),
    };
    Ok((blobs, Arc::new(upgrade)))
}

/// A schema 1 image on its way to a modern one.
#[derive(Debug)]
struct Schema1Upgrade {
    /// Base first.
    chain: Vec<Schema1Layer>,
    sizes: HashMap<Digest, u64>,
    target: &'static str,
    /// What was learned of the layers by reading them.
    plain: Mutex<HashMap<Digest, Plain>>,
}

impl Schema1Upgrade {
    fn plain(&self) -> MutexGuard<'_, HashMap<Digest, Plain>> {
        locked(&self.plain)
    }

    fn watch(self: Arc<Self>, blob: Descriptor, content: BlobStream) -> BlobStream {
        let (pieces, from_source) = mpsc::channel(2);
        // Dropped with the stream.
        let mut hashing = JoinSet::new();
        hashing.spawn(read_stream(received(from_source, ())));
        Box::pin(produced(Watching {
            content,
            upgrade: self,
            blob,
            seen: 0,
            hashing: Some((pieces, hashing)),
        }))
    }
}

#[async_trait]
impl Upgrade for Schema1Upgrade {
    fn target(&self) -> &'static str {
        self.target
    }

    fn watched(self: Arc<Self>, blob: &Descriptor, body: BlobBody) -> BlobBody {
        let (upgrade, blob, found_in) = (self, blob.clone(), body.found_in.clone());
        let mut watched = BlobBody::new(move |from| {
            let (upgrade, blob, body) = (upgrade.clone(), blob.clone(), body.clone());
            Box::pin(async move {
                let content = body.open(from).await?;
                // What an earlier try saw may not be what comes now.
                upgrade.plain().remove(&blob.digest);
                Ok(match from {
                    0 => upgrade.watch(blob, content),
                    _ => content,
                })
            })
        });
        watched.found_in = found_in;
        watched
    }

    async fn complete(&self, source: &dyn Source, blob: &Descriptor) -> Result<u64> {
        let known = self.plain().contains_key(&blob.digest);
        if known || !self.sizes.contains_key(&blob.digest) {
            return Ok(0);
        }
        tracing::debug!("reading `{}` for its plain digest", blob.digest);
        let read = async {
            let content = match blob.digest == empty_layer().digest {
                true => {
                    BlobBody::of_bytes(Bytes::from_static(&EMPTY_LAYER))
                        .open(0)
                        .await?
                }
                false => source.blob(blob, 0).await?,
            };
            read_stream(content).await
        };
        let plain = read
            .await
            .map_err(|e| e.context(format!("inflating the layer `{}`", blob.digest)))?;
        self.plain().insert(blob.digest.clone(), plain);
        Ok(blob.size)
    }

    fn made(&self) -> Result<(Manifest, Descriptor, Bytes)> {
        let mut layers = Vec::new();
        for layer in self.chain.iter().filter(|l| !l.image.throwaway()) {
            let plain = self.plain().get(&layer.blob).cloned();
            let (Some(plain), Some(size)) = (plain, self.sizes.get(&layer.blob)) else {
                let message = format!("the layer `{}` was not read", layer.blob);
                return Err(Error::other(message));
            };
            let is_gzip = match plain.compression {
                None => false,
                Some(Compression::Gzip) => true,
                Some(other) => {
                    let message = format!(
                        "the layer `{}` is compressed with {}, which has no type in the image's new format",
                        layer.blob,
                        other.as_str()
                    );
                    return Err(Error::refused(message));
                }
            };
            let media_type = super::convert::schema2_layer_type(is_gzip);
            let blob = Descriptor::new(media_type.as_str(), layer.blob.clone(), *size);
            layers.push((blob, plain.diff_id));
        }
        let images: Vec<V1Image> = self.chain.iter().map(|l| l.image.clone()).collect();
        let Modern {
            manifest,
            config,
            bytes,
        } = modern(&images, &layers)?;
        if self.target == MediaType::DOCKER_MANIFEST {
            return Ok((manifest, config, bytes));
        }
        let oci = convert::schema2_to_oci(&manifest, &bytes)?;
        let View::Image(image) = oci.manifest.view()? else {
            return Err(Error::other("a conversion made no image"));
        };
        let bytes = oci.config.map_or(bytes, |(_, bytes)| bytes);
        Ok((oci.manifest, image.config, bytes))
    }
}

/// The task that hashes the plain form of a layer, and the way to it.
type Hashing = (mpsc::Sender<Result<Bytes>>, JoinSet<Result<Plain>>);

/// A layer whose plain form is hashed while it passes.
struct Watching {
    content: BlobStream,
    upgrade: Arc<Schema1Upgrade>,
    blob: Descriptor,
    seen: u64,
    /// Gone when the plain form is known, or cannot be had.
    hashing: Option<Hashing>,
}

impl Watching {
    async fn pass(&mut self, bytes: &Bytes) {
        self.seen += bytes.len() as u64;
        let Some((pieces, _)) = &self.hashing else {
            return;
        };
        // A decoder that gave up hears nothing more; why, is told when the layer is looked at again.
        let deaf = pieces.send(Ok(bytes.clone())).await.is_err();
        // The last piece is only passed on once the end was read, because its reader may never ask for another.
        if (deaf || self.seen >= self.blob.size)
            && let Some((pieces, mut hashing)) = self.hashing.take()
        {
            drop(pieces);
            if let Some(Ok(Ok(plain))) = hashing.join_next().await {
                self.upgrade.plain().insert(self.blob.digest.clone(), plain);
            }
        }
    }
}

impl Produce for Watching {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.content.next().await.transpose()?;
        if let Some(bytes) = &next {
            self.pass(bytes).await;
        }
        Ok(next)
    }
}
