//! Images by their ids, to read: document, layer and ancestry.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, HeaderName};
use serde_json::json;

use super::chains::Made;
use super::pushed::{PushedImage, State};
use super::{V1, missing, wrong};
use crate::image::{Algorithm, Descriptor, Digester, V1Id};
use crate::legacy::schema1::EMPTY_LAYER;
use crate::serve::App;
use crate::serve::answer::{self, Answer, Body};
use crate::serve::content::{Blob, BlobPlace};
use crate::serve::refusal::Refusal;
use crate::serve::request::Asked;
use crate::serve::routes::blobs;
use crate::transport::BlobBody;
use crate::transport::archive_file::spool;
use crate::transport::inflate;

const SIZE: HeaderName = HeaderName::from_static("x-docker-size");
const CHECKSUM: HeaderName = HeaderName::from_static("x-docker-checksum-payload");

/// An image, wherever it comes from.
pub(super) enum Image {
    Pushed(PushedImage),
    Made(Arc<Made>),
}

impl Image {
    pub(super) fn document(&self) -> &Bytes {
        match self {
            Image::Pushed(image) => &image.json,
            Image::Made(made) => &made.json,
        }
    }

    pub(super) fn parent(&self) -> Option<&V1Id> {
        match self {
            Image::Pushed(image) => image.parent.as_ref(),
            Image::Made(made) => made.parent.as_ref(),
        }
    }
}

impl V1 {
    /// The image `id`: one that was pushed, else one that is made of what is stored.
    pub(super) async fn image(&self, app: &App, id: &V1Id) -> Result<Option<Image>, Refusal> {
        if let Some(pushed) = &self.pushed
            && let Some(image) = pushed.whole(id)?
        {
            return Ok(Some(Image::Pushed(image)));
        }
        let places = (&*app.content, self.pushed.as_ref());
        let made = self.chains.find(places, id).await?;
        Ok(made.map(Image::Made))
    }

    /// The image `id` and those below it, the image first.
    pub(super) async fn with_ancestors(
        &self,
        app: &App,
        id: &V1Id,
    ) -> Result<Vec<(V1Id, Image)>, Refusal> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(id.clone());
        while let Some(id) = next {
            if !seen.insert(id.clone()) {
                return Err(wrong("the image is below itself"));
            }
            let image = self.image(app, &id).await?;
            let image = image.ok_or_else(|| missing("Image not found"))?;
            next = image.parent().cloned();
            all.push((id, image));
        }
        Ok(all)
    }

    /// The refusal for an image that is not there, or not whole yet.
    pub(super) fn absent(&self, id: &V1Id) -> Refusal {
        let state = self.pushed.as_ref().map(|pushed| pushed.state(id));
        match state {
            Some(Ok(State::Begun(_) | State::Received(_))) => {
                wrong("Image is being uploaded, retry later")
            }
            _ => missing("Image not found"),
        }
    }
}

/// The document of an image, byte for byte.
pub(super) async fn json(app: &App, v1: &V1, asked: &Asked, id: &V1Id) -> Result<Answer, Refusal> {
    let image = v1.image(app, id).await?.ok_or_else(|| v1.absent(id))?;
    let mut answer = answer::json(String::new(), "application/json", true);
    let document = image.document().clone();
    answer::set(&mut answer, http::header::CONTENT_LENGTH, document.len());
    answer::set(&mut answer, CACHE_CONTROL, "max-age=31536000");
    match &image {
        Image::Pushed(image) => {
            answer::set(&mut answer, SIZE, image.size);
            answer::set(&mut answer, CHECKSUM, &image.checksum);
        }
        Image::Made(made) => {
            if let Some(size) = size(app, made).await? {
                answer::set(&mut answer, SIZE, size);
            }
            if let Some(checksum) = checksum(app, &image, made).await? {
                answer::set(&mut answer, CHECKSUM, checksum);
            }
        }
    }
    if !asked.is_head() {
        *answer.body_mut() = Body::whole(document);
    }
    Ok(answer)
}

/// Bytes of the layer as it is sent; `None` where it has to be unpacked for that.
async fn size(app: &App, made: &Made) -> Result<Option<u64>, Refusal> {
    match &made.layer {
        None => Ok(Some(EMPTY_LAYER.len() as u64)),
        Some(layer) if is_newer(layer) => Ok(None),
        Some(layer) => {
            let blob = app.content.blob(&made.repository, &layer.digest).await?;
            Ok(blob.map(|blob| blob.size))
        }
    }
}

/// The checksum of the image `made`; `None` where its layer may have to be read from an upstream first, or cannot be read.
async fn checksum(app: &App, image: &Image, made: &Made) -> Result<Option<String>, Refusal> {
    if app.content.kept(&made.repository)?.is_some() {
        return Ok(None);
    }
    let sum = || async {
        let layer = layer_of(app, image).await?;
        let layer = layer.ok_or_else(|| missing("the layer is not here"))?;
        let mut digester = Digester::new(Algorithm::Sha256);
        digester.update(&made.json);
        digester.update(b"\n");
        let mut content = layer.read(0).await?;
        while let Some(bytes) = content.next().await {
            digester.update(&bytes?);
        }
        Ok::<_, Refusal>(digester.finish().to_string())
    };
    // Without a checksum the document is served as well.
    Ok(made.checksum.get_or_try_init(sum).await.ok().cloned())
}

/// What a registry answers that finds out no differences.
pub(super) async fn diff(app: &App, v1: &V1, id: &V1Id) -> Result<Answer, Refusal> {
    match v1.image(app, id).await? {
        Some(_) => Err(wrong("Diff queue is disabled")),
        None => Err(v1.absent(id)),
    }
}

/// Whether the layer is compressed in a way that V1 clients do not know.
fn is_newer(layer: &Descriptor) -> bool {
    layer.media_type.as_str().ends_with("zstd")
}

/// The layer of an image, in whole or in part.
pub(super) async fn layer(app: &App, v1: &V1, asked: &Asked, id: &V1Id) -> Result<Answer, Refusal> {
    let image = v1.image(app, id).await?.ok_or_else(|| v1.absent(id))?;
    let blob = layer_of(app, &image).await?;
    let blob = blob.ok_or_else(|| missing("the layer is not here"))?;
    blobs::send(asked, &format!("\"{id}\""), blob).await
}

/// The layer of `image` as it is sent.
pub(super) async fn layer_of(app: &App, image: &Image) -> Result<Option<Blob>, Refusal> {
    let made = match image {
        Image::Pushed(image) => {
            let place = BlobPlace::File(image.layer.clone());
            return Ok(Some(Blob {
                size: image.size,
                place,
            }));
        }
        Image::Made(made) => made,
    };
    let Some(layer) = &made.layer else {
        return Ok(Some(Blob {
            size: EMPTY_LAYER.len() as u64,
            place: BlobPlace::Later(Box::new(|from| {
                let empty = BlobBody::of_bytes(Bytes::from_static(&EMPTY_LAYER));
                Box::pin(async move { empty.open(from).await })
            })),
        }));
    };
    let blob = app.content.blob(&made.repository, &layer.digest).await?;
    match blob {
        Some(blob) if is_newer(layer) => {
            let _turn = super::unpacking().await;
            let plain = inflate::plain(blob.read(0).await?);
            let file = spool(plain, None, "a temporary file").await?;
            let size = file.len();
            let read = move |from| -> futures_util::future::BoxFuture<'static, _> {
                Box::pin(async move { Ok(file.section(from, size - from.min(size))) })
            };
            Ok(Some(Blob {
                size,
                place: BlobPlace::Later(Box::new(read)),
            }))
        }
        blob => Ok(blob),
    }
}

/// The ids of an image and of those below it.
pub(super) async fn ancestry(
    app: &App,
    v1: &V1,
    asked: &Asked,
    id: &V1Id,
) -> Result<Answer, Refusal> {
    if v1.image(app, id).await?.is_none() {
        return Err(v1.absent(id));
    }
    let all = v1.with_ancestors(app, id).await?;
    let ids: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
    Ok(super::json(json!(ids).to_string(), asked))
}
