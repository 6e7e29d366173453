//! `V1Destination`: an image written to a V1 registry as a chain of V1 images.
//!
//! A V1 image is a JSON with its layer, and the JSONs follow from the config of the whole; so nothing can be written
//! before all of it has been announced. Blobs are therefore not taken in when they are given: their bodies are kept
//! unopened, and opened when the manifest says what they are. Images that the registry has are never read at all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;

use crate::image::{
    Descriptor, Digest, Digester, ImageConfig, Manifest, MediaType, V1Reference, View,
};
use crate::legacy::registry_v1::{ListedImage, Placed, Repo, Session};
use crate::legacy::schema1::EMPTY_LAYER;
use crate::legacy::tarsum::payload_digester;
use crate::legacy::v1::chain::{V1Made, v1_chain};
use crate::registry::UploadBody;
use crate::registry::failure::is_unanswered;
use crate::registry::retry;
use crate::settings::Context;
use crate::transport::archive_file::spool;
use crate::transport::docker::put_spooled;
use crate::transport::{
    BlobBody, BlobOutcome, BlobStream, CONFIG_CAP, Destination, DestinationCan,
    DestinationInventory, DestinationOffers, Foreign, ManifestRef, ManifestWritten, Network,
    Presence, StreamedBlobs, WriteEstimates, WrittenLate, inflate, read_all,
};
use crate::{Error, Kind, Result, locked};

/// An image of a V1 registry, to write.
pub struct V1Destination {
    session: Arc<Session>,
    reference: V1Reference,
    tmpdir: Option<PathBuf>,
    /// The blobs that were given, not opened yet.
    given: Mutex<HashMap<Digest, (Descriptor, BlobBody)>>,
}

impl V1Destination {
    /// The image `reference`; nothing is sent before the manifest comes.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn new(reference: &V1Reference, context: &Context) -> Result<V1Destination> {
        let session = Session::new(&reference.registry, context)?;
        Ok(V1Destination::over(
            Arc::new(session),
            reference,
            context.tmpdir.clone(),
        ))
    }

    /// The image `reference` of a server that is known already.
    pub(crate) fn over(
        session: Arc<Session>,
        reference: &V1Reference,
        tmpdir: Option<PathBuf>,
    ) -> V1Destination {
        V1Destination {
            session,
            reference: reference.clone(),
            tmpdir,
            given: Mutex::default(),
        }
    }

    fn given(&self, digest: &Digest) -> Result<(Descriptor, BlobBody)> {
        let given = locked(&self.given);
        given.get(digest).cloned().ok_or_else(|| {
            let message = format!(
                "`{}` needs the blob `{digest}`, which is not copied",
                self.name()
            );
            Error::refused(message)
        })
    }

    /// The V1 images of `manifest`, base first, each with its layer.
    async fn images(&self, manifest: &Manifest) -> Result<Vec<(V1Made, Option<Descriptor>)>> {
        let view = match manifest.view()? {
            View::Image(view) if view.is_image() => view,
            View::Index(_) => {
                let message = format!("`{}` holds one image, not an index", self.name());
                return Err(
                    Error::refused(message).hint("leave out `--all`; `--platform` chooses one")
                );
            }
            _ => {
                let message = format!("`{}` holds images only", self.name());
                return Err(Error::refused(message));
            }
        };
        let (_, body) = self.given(&view.config.digest).map_err(|e| {
            // A tag that moves within a repository of today takes no blobs along.
            e.hint("name source and destination with `docker-v1://`")
        })?;
        let config = read_all(body.open(0).await?, CONFIG_CAP).await?;
        let diff_ids = ImageConfig::parse(&config)?.rootfs.diff_ids;
        if diff_ids.len() != view.layers.len() {
            let (layers, ids) = (view.layers.len(), diff_ids.len());
            let message = format!("the image has {layers} layers, but its config lists {ids}");
            return Err(Error::corrupt(message));
        }
        let chain = v1_chain(&config, &diff_ids)?;
        // An image without layers still has one V1 image, with an empty layer.
        let layers = view.layers.into_iter().map(Some).chain([None]);
        Ok(chain.into_iter().zip(layers).collect())
    }

    /// Writes one image unless the registry has it.
    async fn write(
        &self,
        repo: &Repo,
        made: &V1Made,
        layer: Option<&Descriptor>,
    ) -> Result<Written> {
        if let Some(checksum) = repo.has_image(&made.id).await? {
            tracing::debug!("the image `{}` is there", made.id);
            return Ok(Written {
                checksum,
                anew: false,
            });
        }
        let layer = self.layer(layer).await?;
        let most = |e: &Error| match is_unanswered(e) {
            true => retry::UNANSWERED_UPLOAD - 1,
            false => retry::V1_IMAGE,
        };
        let mut tries = repo.budget().of_kind(retry::V1_IMAGE);
        loop {
            let (upload, payload) = self.upload(&made.json, &layer);
            match put(repo, made, &upload, &payload).await {
                Err(e)
                    if e.kind() == Kind::Unavailable
                        && !upload.failed()
                        && !repo.is_put_off(&e)
                        && !tries.is_beyond(most(&e)) =>
                {
                    tracing::debug!("{e:#}; writing the image `{}` again", made.id);
                    repo.wait_before_try(tries.failures()).await;
                    tries.spend();
                }
                other => return other,
            }
        }
    }

    /// Writes the images, base first, and makes the tag stand for the last; their checksums come into `list`, and into
    /// `furthest` how many were written by any round. Returns what became of each blob.
    async fn write_all(
        &self,
        repo: &Repo,
        images: &[(V1Made, Option<Descriptor>)],
        list: &mut [ListedImage],
        furthest: &mut usize,
    ) -> Result<HashMap<Digest, BlobOutcome>> {
        let mut is_new = Vec::with_capacity(images.len());
        for ((made, layer), listed) in images.iter().zip(list) {
            let written = self.write(repo, made, layer.as_ref()).await?;
            listed.checksum = written.checksum;
            is_new.push(written.anew);
            // Only an image that no earlier round came to is progress.
            if is_new.len() > *furthest {
                *furthest = is_new.len();
                repo.budget().renew();
            }
        }
        if let Some((top, _)) = images.last() {
            repo.put_tag(&self.reference.tag, &top.id).await?;
        }
        Ok(self.outcomes(images, &is_new))
    }

    /// What became of the blobs behind `images`, of which those marked in `anew` were not there before.
    fn outcomes(
        &self,
        images: &[(V1Made, Option<Descriptor>)],
        anew: &[bool],
    ) -> HashMap<Digest, BlobOutcome> {
        // The config is part of the JSON of every image.
        let sent_config = anew.contains(&true);
        let layers = |sent: bool| {
            let pairs = images
                .iter()
                .zip(anew)
                .filter(move |(_, anew)| **anew == sent);
            let layers = pairs.filter_map(|((_, layer), _)| layer.as_ref());
            layers.map(|layer| layer.digest.clone())
        };
        let sent: HashSet<Digest> = layers(true).collect();
        let is_layer: HashSet<Digest> = layers(false).chain(layers(true)).collect();
        let given = locked(&self.given);
        let outcome = |digest: &Digest| {
            let was_sent = match is_layer.contains(digest) {
                true => sent.contains(digest),
                false => sent_config,
            };
            match was_sent {
                true => BlobOutcome::Written,
                false => BlobOutcome::Present,
            }
        };
        let all = given.keys().map(|digest| (digest.clone(), outcome(digest)));
        all.collect()
    }

    /// The layer as it is sent: gzip and plain tars as they are, zstd, which V1 never knew, as a plain tar.
    async fn layer(&self, layer: Option<&Descriptor>) -> Result<(u64, BlobBody)> {
        let Some(layer) = layer else {
            let empty = Bytes::from_static(&EMPTY_LAYER);
            return Ok((empty.len() as u64, BlobBody::of_bytes(empty)));
        };
        let (blob, body) = self.given(&layer.digest)?;
        if !blob.media_type.as_str().ends_with("+zstd") {
            return Ok((blob.size, body));
        }
        let plain = inflate::plain(body.open(0).await?);
        let file = spool(plain, self.tmpdir.as_deref(), "a temporary file").await?;
        Ok((file.len(), BlobBody::of_file(file)))
    }

    /// The layer as a request's body, and what gives the payload checksum of the last time it was sent.
    fn upload(&self, json: &Bytes, (size, body): &(u64, BlobBody)) -> (UploadBody, Payload) {
        let payload = Payload {
            begin: payload_digester(json),
            running: Arc::default(),
        };
        let (body, inside) = (body.clone(), payload.clone());
        let upload = UploadBody::new(*size, move |from| {
            let (body, payload) = (body.clone(), inside.clone());
            Box::pin(async move {
                // Only a stream from the beginning can be hashed; nothing else is ever asked for.
                if from > 0 {
                    return Err(Error::other("a layer for Registry V1 is sent whole"));
                }
                let stream = body.open(0).await?;
                Ok(payload.hashing(stream))
            })
        });
        (upload, payload)
    }
}

/// What came of one image.
struct Written {
    /// As far as it is known.
    checksum: Option<String>,
    /// It was not there before.
    anew: bool,
}

/// The payload checksum of a layer, made while it is sent.
#[derive(Clone)]
struct Payload {
    begin: Digester,
    running: Arc<Mutex<Option<Digester>>>,
}

impl Payload {
    fn running(&self) -> std::sync::MutexGuard<'_, Option<Digester>> {
        locked(&self.running)
    }

    /// `stream`, which is hashed as it passes; the last stream that was opened counts.
    fn hashing(self, stream: BlobStream) -> BlobStream {
        *self.running() = Some(self.begin.clone());
        Box::pin(stream.inspect(move |item| {
            if let (Ok(bytes), Some(digester)) = (item, self.running().as_mut()) {
                digester.update(bytes);
            }
        }))
    }

    fn finish(&self) -> Digest {
        let running = self.running().take();
        running.unwrap_or_else(|| self.begin.clone()).finish()
    }
}

async fn put(repo: &Repo, made: &V1Made, layer: &UploadBody, payload: &Payload) -> Result<Written> {
    let unknown = |anew| Written {
        checksum: None,
        anew,
    };
    if repo.put_json(&made.id, &made.json).await? == Placed::Present {
        return Ok(unknown(false));
    }
    if repo.put_layer(&made.id, layer).await? == Placed::Present {
        return Ok(unknown(true));
    }
    let payload = payload.finish();
    Ok(match repo.put_checksum(&made.id, &payload).await? {
        Placed::Written => Written {
            checksum: Some(payload.to_string()),
            anew: true,
        },
        Placed::Present => unknown(true),
    })
}

#[async_trait]
impl Destination for V1Destination {
    fn name(&self) -> String {
        format!("docker-v1://{}", self.reference)
    }

    fn can(&self) -> DestinationCan {
        DestinationCan {
            holds: |media_type| {
                *media_type == *MediaType::DOCKER_MANIFEST
                    || *media_type == *MediaType::OCI_MANIFEST
            },
            foreign_layers: Foreign::Own,
            accepts_unknown_digest: true,
            ..DestinationCan::default()
        }
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        let mut given = locked(&self.given);
        given.insert(blob.digest.clone(), (blob.clone(), body));
        Ok(BlobOutcome::Deferred)
    }

    async fn put_manifest(
        &self,
        manifest: &Manifest,
        _at: &ManifestRef,
    ) -> Result<ManifestWritten> {
        let images = self.images(manifest).await?;
        let listed = |made: &V1Made| ListedImage {
            id: made.id.to_string(),
            tag: None,
            checksum: None,
        };
        let mut list: Vec<ListedImage> = images.iter().map(|(made, _)| listed(made)).collect();
        if let Some(top) = list.last_mut() {
            top.tag = Some(self.reference.tag.to_string());
        }
        let repo = Repo::push(&self.session, &self.reference.repository, &list).await?;
        let mut tries = repo.budget().of_kind(retry::V1_IMAGE);
        let mut furthest = 0;
        let deferred = loop {
            let moves = repo.moves();
            match self
                .write_all(&repo, &images, &mut list, &mut furthest)
                .await
            {
                // The registry that took over may know nothing of what the first one was sent, and refuses to go on.
                Err(e) if repo.moves() != moves && !tries.is_spent() => {
                    tracing::debug!("{e:#}; beginning again at the registry that took over");
                    tries.spend();
                }
                other => break other?,
            }
        };
        list.retain(|image| image.checksum.is_some());
        repo.confirm(&list).await?;
        Ok(ManifestWritten {
            deferred,
            ..ManifestWritten::default()
        })
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            inventory: Some(self),
            streams: Some(self),
            network: Some(self),
            estimates: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl DestinationInventory for V1Destination {
    /// Nothing that it holds has a digest.
    async fn current(&self) -> Result<Option<Digest>> {
        Ok(None)
    }

    async fn has(&self, _blob: &Descriptor) -> Result<Presence> {
        Ok(Presence::AskedOnWrite)
    }
}

#[async_trait]
impl StreamedBlobs for V1Destination {
    /// Kept in a file until it is sent: making it once more could mean to compress it once more.
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        put_spooled(self, planned, &body, self.tmpdir.as_deref()).await
    }
}

impl Network for V1Destination {
    fn requests(&self) -> BTreeMap<String, u64> {
        self.session.requests()
    }
}

impl WriteEstimates for V1Destination {
    /// The ping; the list of the images, the tag, and the list again with checksums; and of each image: is it there,
    /// its JSON, its layer, its checksum. Blobs are only kept until then.
    fn requests_for_manifest(&self, manifest: &Manifest) -> u64 {
        let images = match manifest.view() {
            Ok(View::Image(view)) => view.layers.len().max(1),
            _ => 1,
        };
        4 + 4 * images as u64
    }
}
