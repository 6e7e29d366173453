//! Sigstore attachments: the signatures of an image as the layers of a manifest at the tag `ALGORITHM-HEX.sig` of its
//! repository, as cosign 1 and 2 write them.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::image::{
    Algorithm, Descriptor, Digest, ImageView, Manifest, MediaType, Tag, View, go_json,
};
use crate::registry::UploadBody;
use crate::registry::v2::{RepositoryClient, TagOrDigest};
use crate::transport::{CONFIG_CAP, read_all, verified};
use crate::trust::Attachment;
use crate::{Error, Kind, Result};

/// The most attachments of one manifest that are read, and the bytes of all their payloads.
const MOST: usize = 1000;
const CAP: u64 = 4 << 20;
/// Payloads that are asked for at once.
const AT_ONCE: usize = 6;

/// The tag at which the attachments of the manifest `of` are.
fn tag(of: &Digest) -> Result<TagOrDigest> {
    let tag: Result<Tag, _> = format!("{}-{}.sig", of.algorithm(), of.hex()).parse();
    let tag =
        tag.map_err(|e| Error::other(format!("`{of}` has no tag for attachments")).because(e));
    tag.map(TagOrDigest::Tag)
}

/// The manifest with the attachments of `of`; `None` if there is no such manifest.
async fn find(repository: &RepositoryClient, of: &Digest) -> Result<Option<(Manifest, ImageView)>> {
    let at = tag(of)?;
    let manifest = match repository.get_manifest(&at).await {
        Ok(manifest) => manifest,
        Err(e) if e.kind() == Kind::NotFound => return Ok(None),
        Err(e) => return Err(e.context(format!("reading the sigstore attachments of `{of}`"))),
    };
    match manifest.view() {
        Ok(View::Image(view)) if *manifest.media_type() == MediaType::OCI_MANIFEST => {
            let layers = view.layers.len();
            tracing::debug!("Found a sigstore attachment manifest with {layers} layers");
            Ok(Some((manifest, view)))
        }
        _ => {
            let message =
                format!("what is at the tag `{at}` is no manifest of sigstore attachments");
            Err(Error::corrupt(message))
        }
    }
}

/// The attachments of the manifest `of`, in their order; unchecked.
pub(super) async fn read(repository: &RepositoryClient, of: &Digest) -> Result<Vec<Attachment>> {
    let Some((_, view)) = find(repository, of).await? else {
        return Ok(Vec::new());
    };
    let size = view.layers.iter().map(|layer| layer.size);
    let size = size.fold(0, u64::saturating_add);
    if view.layers.len() > MOST || size > CAP {
        let message = format!(
            "the sigstore attachments of `{of}` are too many: {} with {size} bytes; at most {MOST} of {CAP} bytes in all are read",
            view.layers.len()
        );
        return Err(Error::corrupt(message));
    }
    let read = view.layers.into_iter().map(|layer| async move {
        Ok(Attachment {
            payload: blob(repository, &layer).await?.to_vec(),
            mime_type: layer.media_type.as_str().to_owned(),
            annotations: layer.annotations.unwrap_or_default(),
        })
    });
    stream::iter(read).buffered(AT_ONCE).try_collect().await
}

async fn blob(repository: &RepositoryClient, blob: &Descriptor) -> Result<Bytes> {
    if blob.size == 0 {
        return Ok(Bytes::new());
    }
    let stream = repository.get_blob(blob, 0).await?;
    read_all(verified(stream, blob), blob.size).await
}

/// Adds `attachments` to those of the manifest `of`. One that is there already is not added again, and if all are,
/// nothing is written.
pub(super) async fn add(
    repository: &RepositoryClient,
    of: &Digest,
    attachments: &[Attachment],
) -> Result<()> {
    let (there, config) = match find(repository, of).await? {
        None => (None, None),
        Some((manifest, view)) => {
            let config = &view.config;
            if config.size > CONFIG_CAP {
                let message = format!("the config of the attachments of `{of}` is too large");
                return Err(Error::corrupt(message));
            }
            let config = blob(repository, config).await?;
            (Some((manifest, view.layers)), Some(config))
        }
    };
    let mut new: Vec<(Descriptor, &Attachment)> = Vec::new();
    for attachment in attachments {
        let layer = layer_of(attachment);
        let old = there.iter().flat_map(|(_, layers)| layers);
        if !old
            .chain(new.iter().map(|(layer, _)| layer))
            .any(|l| is_same(l, &layer))
        {
            new.push((layer, attachment));
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    for (layer, attachment) in &new {
        push(repository, layer, Bytes::from(attachment.payload.clone())).await?;
    }
    let layers: Vec<Descriptor> = new.into_iter().map(|(layer, _)| layer).collect();
    let config = with_layers(config.as_deref(), &layers)?;
    let digest = Digest::of(Algorithm::Sha256, &config);
    let described = Descriptor::new(MediaType::OCI_CONFIG, digest, config.len() as u64);
    push(repository, &described, config).await?;
    let old = there.as_ref().map(|(manifest, _)| manifest);
    let manifest = manifest(old, &described, &layers)?;
    repository
        .put_manifest(&tag(of)?, &manifest)
        .await
        .map(drop)
}

fn layer_of(attachment: &Attachment) -> Descriptor {
    let payload = &attachment.payload;
    let digest = Digest::of(Algorithm::Sha256, payload);
    let mut layer = Descriptor::new(&*attachment.mime_type, digest, payload.len() as u64);
    layer.annotations = Some(attachment.annotations.clone()).filter(|a| !a.is_empty());
    layer
}

fn is_same(a: &Descriptor, b: &Descriptor) -> bool {
    let annotations = |d: &Descriptor| d.annotations.clone().unwrap_or_default();
    a.media_type == b.media_type
        && (&a.digest, a.size) == (&b.digest, b.size)
        && annotations(a) == annotations(b)
}

pub(super) async fn push(
    repository: &RepositoryClient,
    blob: &Descriptor,
    bytes: Bytes,
) -> Result<()> {
    let body = UploadBody::new(blob.size, move |from| {
        let rest = bytes.slice(usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len())..);
        Box::pin(async move { Ok(stream::iter([Ok(rest)]).boxed()) })
    });
    let own = repository.name();
    repository.push_blob(blob, Some(own), &body).await.map(drop)
}

/// The config `old`, or a new one, with the digests of `layers` behind those that it lists.
fn with_layers(old: Option<&[u8]>, layers: &[Descriptor]) -> Result<Bytes> {
    let mut config = match old {
        Some(old) => value(old)?,
        None => json!({
            "architecture": "", "os": "", "config": {},
            "rootfs": {"type": "layers", "diff_ids": []},
        }),
    };
    let mut digests = config["rootfs"]["diff_ids"].take();
    if !digests.is_array() {
        digests = json!([]);
    }
    extend(&mut digests, layers.iter().map(|layer| json!(layer.digest)));
    match &mut config["rootfs"] {
        Value::Object(rootfs) => {
            rootfs.insert("diff_ids".to_owned(), digests);
        }
        other => *other = json!({"type": "layers", "diff_ids": digests}),
    }
    bytes(&config)
}

/// The manifest `old`, or a new one, with `config` and `layers` behind those that it has.
fn manifest(
    old: Option<&Manifest>,
    config: &Descriptor,
    layers: &[Descriptor],
) -> Result<Manifest> {
    let mut document = match old {
        Some(old) => value(old.raw())?,
        None => json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": {}, "layers": [],
        }),
    };
    document["config"] = json!(config);
    extend(
        &mut document["layers"],
        layers.iter().map(|layer| json!(layer)),
    );
    let raw = bytes(&document)?;
    Manifest::parse(raw, Some(MediaType::OCI_MANIFEST)).map_err(Error::from)
}

fn extend(list: &mut Value, more: impl Iterator<Item = Value>) {
    if let Value::Array(list) = list {
        list.extend(more);
    }
}

fn value(json: &[u8]) -> Result<Value> {
    let message = "the sigstore attachments that are there are not valid JSON";
    let read: Value =
        serde_json::from_slice(json).map_err(|e| Error::corrupt(message).because(e))?;
    match read.is_object() {
        true => Ok(read),
        false => Err(Error::corrupt(message)),
    }
}

fn bytes(value: &Value) -> Result<Bytes> {
    let text = go_json::compact(value);
    text.map(Bytes::from)
        .map_err(|e| Error::other("attachments cannot be written").because(e))
}
