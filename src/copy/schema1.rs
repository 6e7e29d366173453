//! Docker schema 1 in a copy: is it proven, how large are its layers, and what becomes of it.
//!
//! Schema 1 tells neither sizes nor plain digests. Sizes are asked of the source, one by one. Plain digests are needed
//! to make a modern image of it: each layer is hashed in its plain form in the same pass that copies it
//! ([`Rescue::watched`]), and read for that alone where it did not have to move ([`Rescue::complete`]). Config and
//! manifest exist after the layers only ([`Rescue::finish`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::graph::Node;
use super::plan::{reading, writing};
use super::progress::BlobOutcome;
use super::{BlobDone, Format, Want};
use crate::image::schema1::{Asked, EMPTY_LAYER, Schema1Layer, verify};
use crate::image::v1::{V1Image, modern_config};
use crate::image::{
    Algorithm, Descriptor, Digest, Digester, Manifest, MediaType, Reference, Schema1View,
    SigningKey, Tag, View, convert,
};
use crate::transport::inflate::{self, Compression};
use crate::transport::{BlobBody, BlobStream, Destination, Source, Which};
use crate::{Error, Kind, Result};

/// Sizes that a source is asked for at once.
const ASKED_AT_ONCE: usize = 16;

/// What manifests of schema 1 call a layer, which has no descriptor there (protocols 6.1).
const LAYER: &str = "application/vnd.docker.container.image.rootfs.diff+x-gtar";

/// The digest of [`EMPTY_LAYER`].
pub(super) fn empty_layer() -> Digest {
    Digest::of(Algorithm::Sha256, &EMPTY_LAYER)
}

/// The layers of `view` as blobs, base first, each once; how large they are is not known yet.
pub fn schema1_blobs(view: &Schema1View) -> Vec<Descriptor> {
    let mut blobs: Vec<Descriptor> = Vec::new();
    for digest in view.fs_layers.iter().rev() {
        if !blobs.iter().any(|blob| blob.digest == *digest) {
            blobs.push(Descriptor::new(LAYER, digest.clone(), 0));
        }
    }
    blobs
}

/// `blobs` of [`schema1_blobs`] with the sizes that `source` gives.
pub async fn sized_blobs(source: &dyn Source, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>> {
    let empty = empty_layer();
    let asked: Vec<_> = blobs
        .into_iter()
        .map(|blob| {
            let known = (blob.digest == empty).then_some(EMPTY_LAYER.len() as u64);
            async move {
                let size = match known {
                    Some(size) => size,
                    None => source.blob_size(&blob.digest).await?,
                };
                Ok::<_, Error>(Descriptor { size, ..blob })
            }
        })
        .collect();
    stream::iter(asked)
        .buffered(ASKED_AT_ONCE)
        .try_collect()
        .await
}

/// Gives the layers of all schema 1 images among `nodes` their sizes.
pub(super) async fn measure(source: &dyn Source, nodes: &mut [Node]) -> Result<()> {
    let old = nodes
        .iter_mut()
        .filter(|n| n.manifest.media_type().is_schema1());
    for node in old {
        let blobs = sized_blobs(source, std::mem::take(&mut node.blobs)).await;
        node.blobs = blobs.map_err(|e| reading(source, e))?;
    }
    Ok(())
}

/// Refuses `manifest`, read from `source`, when its signatures are wrong or, where it is what the source's name
/// stands for (`named`), when it is signed as another image.
pub fn check_signatures(source: &dyn Source, manifest: &Manifest, named: bool) -> Result<()> {
    let latest = Tag::latest();
    let asked = source.reference().filter(|_| named).map(|r| Asked {
        name: r.repository.name.as_str(),
        tag: match (&r.digest, &r.tag) {
            (Some(_), _) => None,
            (None, tag) => Some(tag.as_ref().unwrap_or(&latest).as_str()),
        },
    });
    verify(manifest, asked).map_err(|e| reading(source, e.into()))?;
    Ok(())
}

/// What a copy that is about schema 1 comes to.
pub(super) enum Turn {
    /// Nothing to do with schema 1, or it stays as it is.
    None(Vec<Node>),
    /// A manifest that can be written as it is now, and blobs that came with it.
    Made(Node, HashMap<Digest, Bytes>),
    /// The layers have to be read first; the node has those that move.
    Rescue(Node, Arc<Rescue>),
}

/// Decides what becomes of `nodes`: a schema 1 image that `holds` does not take is rescued, any image is made one
/// where that format is wanted.
pub(super) async fn turn(
    source: &dyn Source,
    destination: &dyn Destination,
    mut nodes: Vec<Node>,
    holds: fn(&MediaType) -> bool,
    want: &Want,
) -> Result<Turn> {
    let old = |n: &Node| n.manifest.media_type().is_schema1();
    let wanted = match &want.format {
        Some(Format::Schema1(key)) => Some(key.clone()),
        _ => None,
    };
    let stays = wanted.is_none()
        && nodes
            .iter()
            .all(|n| !old(n) || holds(n.manifest.media_type()));
    if stays {
        return Ok(Turn::None(nodes));
    }
    let Some(node) = nodes.pop().filter(|_| nodes.is_empty()) else {
        let message = match wanted {
            Some(_) => "schema 1 has no index",
            None => "an index with a schema 1 image in it cannot be converted",
        };
        let hint = "copy the image of one platform: leave out `--all`, or choose with `--platform`";
        return Err(Error::new(Kind::Refused, message).hint(hint));
    };
    let view = node.manifest.view()?;
    let turned = match (wanted, view) {
        (Some(key), View::Schema1(view)) => signed_for(source, destination, &node, view, &key)
            .map(|made| match made {
                Some(node) => Turn::Made(node, HashMap::new()),
                None => Turn::None(vec![node]),
            })?,
        (Some(key), View::Image(image)) => {
            if !image.is_image() {
                return Err(convert::ConvertError::Artifact(image.config.media_type).into());
            }
            let config = super::plan::read_config(source, &image.config).await?;
            let mut view = convert::schema1::of_image(&image, &config)?;
            (view.name, view.tag) = name_for(source, destination).unwrap_or_default();
            let manifest = signed(&view, &key)?;
            let empty = empty_layer();
            let mut blobs = image.layers;
            let mut made = HashMap::new();
            if view.fs_layers.contains(&empty) && blobs.iter().all(|b| b.digest != empty) {
                let size = EMPTY_LAYER.len() as u64;
                blobs.push(Descriptor::new(LAYER, empty.clone(), size));
                made.insert(empty, Bytes::from_static(&EMPTY_LAYER));
            }
            let node = Node {
                manifest,
                blobs,
                children: Vec::new(),
            };
            Turn::Made(node, made)
        }
        (None, View::Schema1(view)) => rescue(source, destination, node, &view, holds).await?,
        (_, View::Artifact(_) | View::Index(_) | View::Image(_)) => {
            let message = format!("`{}` has no form in schema 1", node.manifest.media_type());
            return Err(Error::new(Kind::Refused, message));
        }
    };
    let changes = !matches!(turned, Turn::None(_));
    if changes && want.preserve_digests {
        return Err(Error::new(
            Kind::Refused,
            "a conversion would change the image's digest",
        )
        .hint(
            "leave out `--preserve-digests`, or copy to a destination that holds the image's type",
        ));
    }
    Ok(turned)
}

/// Repository and tag that a schema 1 manifest is written for: those of the destination, else those of the source.
fn name_for(source: &dyn Source, destination: &dyn Destination) -> Option<(String, String)> {
    let of = |r: &Reference| {
        let tag = match (&r.tag, &r.digest) {
            (Some(tag), _) => tag.to_string(),
            (None, Some(_)) => String::new(),
            (None, None) => Tag::latest().to_string(),
        };
        (r.repository.name.to_string(), tag)
    };
    destination.reference().or(source.reference()).map(of)
}

/// What a reader should know of a signed manifest that is written under another name than it was signed for.
pub(super) fn other_name(destination: &dyn Destination, manifest: &Manifest) -> Option<String> {
    let Ok(View::Schema1(view)) = manifest.view() else {
        return None;
    };
    let reference = destination.reference()?;
    let name = reference.repository.name.as_str();
    let tag = reference
        .tag
        .as_ref()
        .map_or(view.tag.as_str(), Tag::as_str);
    if *manifest.media_type() != MediaType::SCHEMA1_SIGNED || (name, tag) == (&view.name, &view.tag)
    {
        return None;
    }
    Some(format!(
        "the manifest stays signed as `{}:{}`, which readers of `{name}:{tag}` may refuse; `--format v2s1` signs it anew",
        view.name, view.tag
    ))
}

/// The schema 1 manifest of `view` under the name of the destination; `None` where it is signed so already.
fn signed_for(
    source: &dyn Source,
    destination: &dyn Destination,
    node: &Node,
    mut view: Schema1View,
    key: &SigningKey,
) -> Result<Option<Node>> {
    let own = (view.name.clone(), view.tag.clone());
    let name = match destination.reference() {
        Some(_) => name_for(source, destination).unwrap_or_else(|| own.clone()),
        None => own.clone(),
    };
    if name == own && *node.manifest.media_type() == MediaType::SCHEMA1_SIGNED {
        return Ok(None);
    }
    (view.name, view.tag) = name;
    Ok(Some(Node {
        manifest: signed(&view, key)?,
        ..node.clone()
    }))
}

fn signed(view: &Schema1View, key: &SigningKey) -> Result<Manifest> {
    let payload = convert::schema1::payload(view, &view.name, &view.tag)?;
    let bytes = key.sign(payload.as_bytes(), jiff::Timestamp::now())?;
    Ok(Manifest::parse(bytes, None)?)
}

async fn rescue(
    source: &dyn Source,
    destination: &dyn Destination,
    node: Node,
    view: &Schema1View,
    holds: fn(&MediaType) -> bool,
) -> Result<Turn> {
    let target = [MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST]
        .into_iter()
        .find(|target| holds(&MediaType::new(target)));
    let Some(target) = target else {
        let message = format!("`{}` holds no image", destination.name());
        return Err(Error::new(Kind::Refused, message));
    };
    let chain = view.chain().map_err(|e| reading(source, e.into()))?;
    let moves = |blob: &Descriptor| {
        let mut layers = chain.iter().filter(|l| !l.image.throwaway());
        layers.any(|layer| layer.blob == blob.digest)
    };
    let blobs: Vec<Descriptor> = node.blobs.iter().filter(|b| moves(b)).cloned().collect();
    let rescue = Arc::new(Rescue::new(chain, &blobs, target));
    if !destination.can().plain_layers {
        return Ok(Turn::Rescue(Node { blobs, ..node }, rescue));
    }
    // Plain layers are written under their plain digests, so these have to be known before.
    for blob in &blobs {
        rescue.complete(source, blob).await?;
    }
    let (manifest, config, bytes) = rescue.made()?;
    let View::Image(image) = manifest.view()? else {
        return Err(Error::other("a conversion made no image"));
    };
    let node = Node {
        blobs: image.blobs().cloned().collect(),
        manifest,
        children: Vec::new(),
    };
    Ok(Turn::Made(node, HashMap::from([(config.digest, bytes)])))
}

/// A schema 1 image on its way to a modern one.
#[derive(Debug)]
pub struct Rescue {
    /// Base first.
    chain: Vec<Schema1Layer>,
    sizes: HashMap<Digest, u64>,
    target: &'static str,
    /// What was learned of the layers by reading them.
    plain: Mutex<HashMap<Digest, Plain>>,
}

#[derive(Debug, Clone)]
struct Plain {
    diff_id: Digest,
    compression: Option<Compression>,
}

impl Rescue {
    fn new(chain: Vec<Schema1Layer>, blobs: &[Descriptor], target: &'static str) -> Rescue {
        let sizes = blobs.iter().map(|b| (b.digest.clone(), b.size)).collect();
        Rescue {
            chain,
            sizes,
            target,
            plain: Mutex::default(),
        }
    }

    /// The type of manifest that comes out.
    pub fn target(&self) -> &'static str {
        self.target
    }

    fn plain(&self) -> MutexGuard<'_, HashMap<Digest, Plain>> {
        self.plain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `body`, the bytes of the layer `blob`, hashed in its plain form while it is read from its beginning.
    pub(super) fn watched(self: &Arc<Self>, blob: &Descriptor, body: BlobBody) -> BlobBody {
        let (rescue, blob, found_in) = (self.clone(), blob.clone(), body.found_in.clone());
        let mut watched = BlobBody::new(move |from| {
            let (rescue, blob, body) = (rescue.clone(), blob.clone(), body.clone());
            Box::pin(async move {
                let content = body.open(from).await?;
                Ok(match from {
                    0 => rescue.watch(blob, content),
                    _ => content,
                })
            })
        });
        watched.found_in = found_in;
        watched
    }

    fn watch(self: Arc<Self>, blob: Descriptor, content: BlobStream) -> BlobStream {
        struct State {
            content: BlobStream,
            rescue: Arc<Rescue>,
            blob: Descriptor,
            seen: u64,
            /// Gone when the plain form is known, or cannot be had.
            hashing: Option<(mpsc::Sender<Result<Bytes>>, JoinSet<Result<Plain>>)>,
        }
        impl State {
            async fn pass(&mut self, bytes: &Bytes) {
                self.seen += bytes.len() as u64;
                let Some((pieces, _)) = &self.hashing else {
                    return;
                };
                // A decoder that gave up hears nothing more; why, is told when the layer is looked at again.
                let deaf = pieces.send(Ok(bytes.clone())).await.is_err();
                // The last piece is handed on when its end is known: nobody may ask for more.
                if (deaf || self.seen >= self.blob.size)
                    && let Some((pieces, mut hashing)) = self.hashing.take()
                {
                    drop(pieces);
                    if let Some(Ok(Ok(plain))) = hashing.join_next().await {
                        self.rescue.plain().insert(self.blob.digest.clone(), plain);
                    }
                }
            }
        }
        let (pieces, from_source) = mpsc::channel(2);
        let from_source = stream::unfold(from_source, |mut from_source| async move {
            Some((from_source.recv().await?, from_source))
        });
        // Dropped with the stream.
        let mut hashing = JoinSet::new();
        hashing.spawn(plain_of(Box::pin(from_source)));
        let state = State {
            content,
            rescue: self,
            blob,
            seen: 0,
            hashing: Some((pieces, hashing)),
        };
        Box::pin(stream::unfold(state, |mut s| async move {
            let item = s.content.next().await?;
            if let Ok(bytes) = &item {
                s.pass(bytes).await;
            }
            Some((item, s))
        }))
    }

    /// Reads the layer `blob` from `source` unless it was read on its way.
    pub(super) async fn complete(&self, source: &dyn Source, blob: &Descriptor) -> Result<()> {
        let known = self.plain().contains_key(&blob.digest);
        if known || !self.sizes.contains_key(&blob.digest) {
            return Ok(());
        }
        tracing::debug!("reading `{}` for its plain digest", blob.digest);
        let read = async {
            let content = match blob.digest == empty_layer() {
                true => {
                    BlobBody::of_bytes(Bytes::from_static(&EMPTY_LAYER))
                        .open(0)
                        .await?
                }
                false => source.blob(blob, 0).await?,
            };
            plain_of(content).await
        };
        let plain = read.await.map_err(|e| {
            reading(
                source,
                e.context(format!("inflating the layer `{}`", blob.digest)),
            )
        })?;
        self.plain().insert(blob.digest.clone(), plain);
        Ok(())
    }

    /// Manifest and config of the modern image, when all layers are known.
    fn made(&self) -> Result<(Manifest, Descriptor, Bytes)> {
        let mut layers = Vec::new();
        let mut diff_ids = Vec::new();
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
                    return Err(Error::new(Kind::Refused, message));
                }
            };
            let media_type = convert::schema1::schema2_layer_type(is_gzip);
            layers.push(Descriptor::new(
                media_type.as_str(),
                layer.blob.clone(),
                *size,
            ));
            diff_ids.push(plain.diff_id);
        }
        let images: Vec<V1Image> = self.chain.iter().map(|l| l.image.clone()).collect();
        let bytes = Bytes::from(modern_config(&images, &diff_ids)?);
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        let config = Descriptor::new(MediaType::DOCKER_CONFIG, digest, bytes.len() as u64);
        let manifest = convert::schema1::schema2_of(&config, &layers)?;
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

    /// Writes config and manifest of the modern image; all layers have been read.
    pub(super) async fn finish(
        &self,
        destination: &dyn Destination,
    ) -> Result<(Manifest, BlobDone)> {
        let (manifest, config, bytes) = self.made()?;
        let write = async {
            let stored = destination
                .put_blob(&config, BlobBody::of_bytes(bytes))
                .await?;
            destination.put_manifest(&manifest, &Which::Named).await?;
            Ok(stored)
        };
        let stored = write.await.map_err(|e| writing(destination, e))?;
        let done = BlobDone {
            blob: config,
            outcome: BlobOutcome::of(stored),
            resumed_from: 0,
        };
        Ok((manifest, done))
    }
}

/// The digest of the plain form of `content`, and what it is compressed with.
async fn plain_of(mut content: BlobStream) -> Result<Plain> {
    let (mut first, mut length) = (Vec::new(), 0);
    while length < Compression::MAGIC_LEN
        && let Some(piece) = content.next().await
    {
        let piece = piece?;
        length += piece.len();
        first.push(piece);
    }
    let compression = Compression::of(&first.concat());
    let content = stream::iter(first.into_iter().map(Ok)).chain(content);
    let mut plain = inflate::plain(Box::pin(content));
    let mut digester = Digester::new(Algorithm::Sha256);
    while let Some(piece) = plain.next().await {
        digester.update(&piece?);
    }
    Ok(Plain {
        diff_id: digester.finish(),
        compression,
    })
}
