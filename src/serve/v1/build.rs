//! A tag that is pushed in V1 becomes a modern image: the manifest of a stored one, or one that is made of the chain.

use std::sync::Arc;

use async_trait::async_trait;

use super::V1;
use super::images::{Image, layer_of};
use super::pushed::Pushed;
use crate::bytes::ByteStream;
use crate::image::{Algorithm, Descriptor, Digest, RepositoryName, Tag, V1Id, View};
use crate::legacy::docker_v1::{Ahead, Made, Place, Recorded, Wanted, layers};
use crate::legacy::v1::V1Image;
use crate::serve::App;
use crate::serve::content::{Content, Document, Named};
use crate::serve::refusal::{Code, Refusal};
use crate::serve::routes::blocking;
use crate::serve::store::{Repository, Root};
use crate::transport::BlobStream;
use crate::{Error, Kind, Result};

/// Makes `tag` of `name` stand for the image `id`.
pub(super) async fn tag(
    (app, v1): (&App, &V1),
    (root, pushed): (&Arc<Root>, &Pushed),
    (name, tag): (&RepositoryName, &Tag),
    id: &V1Id,
) -> Result<(), Refusal> {
    let mut chain = v1.with_ancestors(app, id).await?;
    if let Some((_, Image::Made(made))) = chain.first()
        && let Some(whole) = &made.whole
    {
        let from = root.repository(&made.repository);
        return retag(
            &*app.content,
            from,
            (&made.repository, whole),
            (root, name, tag),
        )
        .await;
    }
    chain.reverse();
    let images: Vec<V1Image> = chain
        .iter()
        .map(|(_, image)| V1Image::parse(image.document().clone()))
        .collect::<Result<_, _>>()
        .map_err(Error::from)?;
    let mut wanted = Vec::new();
    for ((id, image), parsed) in chain.iter().zip(&images) {
        if !parsed.throwaway() {
            wanted.push(layer(app, id, image).await?);
        }
    }
    let layers = layers(wanted, None, &Ahead::default())
        .await
        .map_err(invalid)?;
    let made = Made::of(&images, layers).map_err(invalid)?;
    let manifest = made.manifest().clone();
    let View::Image(view) = manifest.view().map_err(Error::from)? else {
        return Err(Error::other("an image became no image").into());
    };
    let repository = root.repository(name);
    for blob in view.blobs() {
        if !repository.has(&blob.digest) {
            let stream = made.blob(blob, 0).await?;
            let stream = stream.ok_or_else(|| Error::other("a layer got lost"))?;
            write(root, &repository, name, blob, stream).await?;
        }
    }
    pushed.note(manifest.digest(), id)?;
    let tag = tag.clone();
    blocking(move || {
        let media_type = manifest.media_type().as_str();
        let parts = (manifest.digest(), media_type, manifest.raw());
        repository.put_manifest(parts, &[&tag], || Ok::<(), Refusal>(()))
    })
    .await
}

/// Copies the manifest `digest` of a repository with its blobs, as a mount does.
async fn retag(
    content: &dyn Content,
    from: Arc<Repository>,
    (source, digest): (&RepositoryName, &Digest),
    (root, name, tag): (&Arc<Root>, &RepositoryName, &Tag),
) -> Result<(), Refusal> {
    let found = content.manifest(source, Named::Digest(digest)).await?;
    let gone = || super::missing("Image not found");
    let found = found.ok_or_else(gone)?;
    let raw = match &found.bytes {
        Document::Here(raw) => raw.clone(),
        file => file.read()?.ok_or_else(gone)?,
    };
    let manifest = crate::image::Manifest::parse(raw, Some(&found.media_type));
    let manifest = manifest.map_err(Error::from)?.by(digest.algorithm());
    let (to, tag) = (root.repository(name), tag.clone());
    blocking(move || {
        let parts: Vec<Digest> = match manifest.view().map_err(Error::from)? {
            View::Image(view) => view.blobs().map(|blob| blob.digest.clone()).collect(),
            View::Schema1(view) => view.fs_layers,
            View::Index(_) | View::Artifact(_) => Vec::new(),
        };
        for part in &parts {
            if !to.has(part) && !to.blobs().mount(part, from.blobs())? {
                return Err(super::missing("a layer of the image is not here"));
            }
        }
        let media_type = manifest.media_type().as_str();
        let parts = (manifest.digest(), media_type, manifest.raw());
        to.put_manifest(parts, &[&tag], || Ok::<(), Refusal>(()))
    })
    .await
}

/// Writes a blob through an upload, so that a crash leaves nothing under a wrong name.
async fn write(
    root: &Arc<Root>,
    repository: &Arc<Repository>,
    name: &RepositoryName,
    blob: &Descriptor,
    mut stream: BlobStream,
) -> Result<(), Refusal> {
    use futures_util::StreamExt;
    let (starting, named) = (root.clone(), name.clone());
    let started = blocking(move || Ok(starting.uploads().start(&named, Algorithm::Sha256)?));
    let Some((upload, session)) = started.await? else {
        let (status, code) = (http::StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests);
        return Err(Refusal::new(status, code, "too many uploads are open"));
    };
    let mut hashed = session.written.lock().await;
    let written = async {
        let mut appending = session.append(&mut hashed).await?;
        while let Some(piece) = stream.next().await {
            appending.push(piece?).await?;
        }
        appending.end(&mut hashed).await?;
        session.finish(&mut hashed, &blob.digest, repository).await
    };
    let written = written.await;
    root.uploads().remove(name, &upload);
    match written? {
        true => Ok(()),
        false => Err(Error::corrupt("a blob changed while it was written").into()),
    }
}

/// A layer, to be read, checked and made what a manifest can list.
async fn layer(app: &App, id: &V1Id, image: &Image) -> Result<Wanted, Refusal> {
    let blob = layer_of(app, image).await?;
    let blob = blob.ok_or_else(|| super::missing("a layer of the image is not here"))?;
    let recorded = match image {
        Image::Pushed(image) => image.checksum.parse().ok().map(Recorded::V1),
        Image::Made(_) => None,
    };
    Ok(Wanted {
        id: id.to_string(),
        json: image.document().clone(),
        size: Some(blob.size),
        recorded,
        place: Arc::new(Stored(tokio::sync::Mutex::new(Some(blob)))),
    })
}

/// A layer of this server; it is read once, from its start.
struct Stored(tokio::sync::Mutex<Option<crate::serve::content::Blob>>);

#[async_trait]
impl Place for Stored {
    async fn open(&self, from: u64, _stuck: usize) -> Result<ByteStream> {
        match self.0.lock().await.take() {
            Some(blob) => blob.read(from).await,
            None => Err(Error::other("the layer could not be read to its end")),
        }
    }

    fn is_put_off(&self, _e: &Error) -> bool {
        true
    }

    async fn wait_before_try(&self, _tries: usize) {}
}

/// What was pushed is wrong, which is the client's to know.
fn invalid(error: Error) -> Refusal {
    match error.kind() {
        Kind::Corrupt => {
            let all: Vec<String> = error.chain().map(ToString::to_string).collect();
            super::wrong(&all.join(": "))
        }
        _ => error.into(),
    }
}
