//! The layers of an image as streams of entries.
//!
//! Decompression and the tar are read on a thread that may block; a visitor gets each entry there, and can end the walk.
//! A walk that comes to the end of a layer has verified its digest; one that a visitor ended has not.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::table::{Form, Located, Table};
use super::tar_stream::{Content, TarStream};
use super::{Entry, chunks};
use crate::image::Descriptor;
use crate::open::OpenedImage;
use crate::transport::inflate::{Rest, with_plain, with_reader};
use crate::transport::{BlobStream, Elsewhere, Source};
use crate::{Error, Kind, Result};

/// What a visitor wants after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next entry.
    Go,
    /// Nothing more: the rest of the layer is not read, and so its digest is not checked.
    Stop,
}

/// Takes the entries of a layer, in their order.
pub trait Visit: Send + 'static {
    /// Takes `entry`. What it does not read of `content` is passed over.
    ///
    /// # Errors
    /// Its own, which end the walk.
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next>;
}

/// The layers of one image.
pub struct Layers {
    source: Arc<dyn Source>,
    elsewhere: Elsewhere,
    list: Vec<Descriptor>,
}

impl Layers {
    /// The layers of `image`. Foreign ones that its place does not have are fetched by `elsewhere`.
    ///
    /// # Errors
    /// For an artifact, for encrypted layers, and those of [`OpenedImage::layers`].
    pub async fn of(image: &OpenedImage, elsewhere: Elsewhere) -> Result<Layers> {
        let list = image.layers().await?;
        if let Some(secret) = list
            .iter()
            .find(|l| l.media_type.as_str().ends_with("+encrypted"))
        {
            let text = format!("the layer `{}` is encrypted", secret.digest);
            return Err(Error::new(Kind::NotAllowed, text));
        }
        Ok(Layers {
            source: image.source().clone(),
            elsewhere,
            list,
        })
    }

    /// Their descriptors, base first.
    pub fn list(&self) -> &[Descriptor] {
        &self.list
    }

    /// The table of contents of layer `at`, where it has one that can be used. One that is wrong, as after a compression that
    /// kept old annotations, is passed over: the layer itself can be read.
    ///
    /// # Errors
    /// Those of the place.
    pub(super) async fn table(&self, at: usize) -> Result<Option<Table>> {
        let Some(layer) = self.list.get(at).filter(|l| Table::is_said_of(l)) else {
            return Ok(None);
        };
        match Table::read(&*self.source, layer).await {
            Err(e) if e.kind() == Kind::Corrupt => {
                tracing::debug!("{e}; reading the layer `{}` itself", layer.digest);
                Ok(None)
            }
            read => read.map_err(|e| e.context(format!("reading the layer `{}`", layer.digest))),
        }
    }

    /// Sends the content of a file in layer `at` to `out`.
    ///
    /// # Errors
    /// Those of the place; [`Kind::Corrupt`] for a content that does not match its digests.
    pub(super) async fn send_part(
        &self,
        at: usize,
        form: Form,
        located: Located,
        out: mpsc::Sender<Bytes>,
    ) -> Result<()> {
        let Some(layer) = self.list.get(at).filter(|_| !located.range.is_empty()) else {
            return Ok(());
        };
        let of_layer = |e: Error| e.context(format!("reading the layer `{}`", layer.digest));
        let part = self.source.part_of(layer, located.range.clone()).await;
        let sending =
            move |input: &mut (dyn Read + Send)| chunks::send(form, &located, input, &out);
        with_reader(part.map_err(of_layer)?, sending)
            .await
            .map_err(of_layer)
    }

    /// Hands the entries of layer `at` to `visitor`, and returns it.
    ///
    /// # Errors
    /// Those of the place and of `visitor`; [`Kind::Corrupt`] for a layer that is no tar or does not match its digest.
    pub async fn walk<V: Visit>(&self, at: usize, visitor: V) -> Result<V> {
        let Some(layer) = self.list.get(at) else {
            return Err(Error::other(format!("the image has no layer {at}")));
        };
        let of_layer = |e: Error| e.context(format!("reading the layer `{}`", layer.digest));
        let urls = match layer.media_type.is_foreign() {
            true => layer.urls.as_deref().unwrap_or_default(),
            false => &[],
        };
        let content = self.elsewhere.blob(&*self.source, layer, urls, 0).await;
        let walking = walk_stream(content.map_err(of_layer)?, visitor);
        walking.await.map_err(of_layer)
    }
}

/// Hands the entries of the layer `content` to `visitor`, and returns it.
///
/// # Errors
/// Those of `content` and of `visitor`; [`Kind::Corrupt`] for a layer that is no tar.
pub(crate) async fn walk_stream<V: Visit>(content: BlobStream, mut visitor: V) -> Result<V> {
    let walking = with_plain(content, move |compression, input| {
        let mut tar = TarStream::new(input, compression);
        while let Some((entry, mut content)) = tar.next()? {
            if visitor.entry(entry, &mut content)? == Next::Stop {
                return Ok((visitor, Rest::Left));
            }
        }
        Ok((visitor, Rest::Read))
    });
    walking.await
}
