//! The layers of an image as streams of entries.
//!
//! Decompression and the tar are read on a thread that may block; a visitor gets each entry there, and can end the walk.
//! A walk that comes to the end of a layer has verified its digest; one that a visitor ended has not.

use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::contents::{Contents, Location};
use super::gzip_index::{GzipIndex, Recorder};
use super::table::Table;
use super::tar_stream::TarStream;
use super::{Entry, ImagePath, Next, Visit};
use crate::bytes::peek;
use crate::image::Descriptor;
use crate::open::OpenedImage;
use crate::transport::blob_store::blocking;
use crate::transport::inflate::{Compression, Rest, broken, with_plain, with_reader};
use crate::transport::{BlobStream, Elsewhere, Source};
use crate::{Error, Kind, Result};

/// The layers of one image.
pub struct Layers {
    source: Arc<dyn Source>,
    elsewhere: Elsewhere,
    list: Vec<Descriptor>,
    /// Where indexes of gzip layers are kept.
    indexes: Option<PathBuf>,
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
            return Err(Error::not_allowed(text));
        }
        Ok(Layers {
            source: image.source().clone(),
            elsewhere,
            list,
            indexes: None,
        })
    }

    /// The same, with indexes of gzip layers in `directory`: a layer that is read gets one, and is not read whole again.
    #[must_use]
    pub fn with_indexes(mut self, directory: Option<PathBuf>) -> Layers {
        self.indexes = directory;
        self
    }

    /// Their descriptors, base first.
    pub fn list(&self) -> &[Descriptor] {
        &self.list
    }

    /// The contents of layer `at`, where an index or the layer's own table tells. A table that is wrong, as after a compression
    /// that kept old annotations, is passed over: the layer itself can be read.
    pub(super) async fn contents(&self, at: usize) -> Result<Option<Contents>> {
        let Some(layer) = self.list.get(at) else {
            return Ok(None);
        };
        if let Some(index) = self.index_of(layer).await? {
            return Ok(Some(Contents::Index(index)));
        }
        if !Table::is_said_of(layer) {
            return Ok(None);
        }
        match Table::read(&*self.source, layer).await {
            Err(e) if e.kind() == Kind::Corrupt => {
                tracing::debug!("{e:#}; reading the layer `{}` itself", layer.digest);
                Ok(None)
            }
            Err(e) => Err(e.context(format!("reading the layer `{}`", layer.digest))),
            Ok(table) => Ok(table.map(Contents::Table)),
        }
    }

    /// The index of `layer` that is on this machine.
    async fn index_of(&self, layer: &Descriptor) -> Result<Option<GzipIndex>> {
        let Some(directory) = self.indexes.clone() else {
            return Ok(None);
        };
        let of = layer.clone();
        blocking(move || Ok(GzipIndex::open(&directory, &of))).await
    }

    /// Sends the content of a file in layer `at` to `out`. Fails with the errors of the place; [`Kind::Corrupt`] for a
    /// content that does not match its digests.
    pub(super) async fn send_part(
        &self,
        at: usize,
        location: Location,
        out: mpsc::Sender<Bytes>,
    ) -> Result<()> {
        let range = location.range();
        let Some(layer) = self.list.get(at).filter(|_| !range.is_empty()) else {
            return Ok(());
        };
        let of_layer = |e: Error| e.context(format!("reading the layer `{}`", layer.digest));
        let part = self.source.part_of(layer, range).await;
        let sending = move |input: &mut (dyn Read + Send)| location.send(input, &out);
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
        let mut content = content.map_err(of_layer)?;
        if let Some(directory) = self.wanted_index(layer).await? {
            let is_enough = |begin: &[u8]| begin.len() >= Compression::MAGIC_LEN;
            let (begin, whole) = peek(content, is_enough).await.map_err(of_layer)?;
            if Compression::of(&begin) == Some(Compression::Gzip) {
                let layer = layer.clone();
                let recording = move |stored: &mut (dyn Read + Send)| {
                    record(Recorder::new(&directory, &layer), stored, visitor)
                };
                return with_reader(whole, recording).await.map_err(of_layer);
            }
            content = whole;
        }
        let walking = walk_stream(content, visitor);
        walking.await.map_err(of_layer)
    }

    /// As [`Layers::walk`], for a visitor that needs only the entries for which `wanted` has a path in the image. Where an
    /// index of the layer is on this machine, only parts of the layer are read, unless they are most of it. Fails as
    /// [`Layers::walk`] does; [`Kind::Corrupt`] for a file that does not match its digest.
    pub(super) async fn walk_wanted<V: Visit>(
        &self,
        at: usize,
        visitor: V,
        wanted: fn(&V, &Entry) -> Option<ImagePath>,
    ) -> Result<V> {
        let Some(layer) = self.list.get(at) else {
            return self.walk(at, visitor).await;
        };
        let Some(index) = self.index_of(layer).await? else {
            return self.walk(at, visitor).await;
        };
        let picking = move || {
            let picked = index.pick(|entry| wanted(&visitor, entry))?;
            Ok((picked, visitor))
        };
        let (mut picked, visitor) = blocking(picking).await?;
        if picked.bytes() > layer.size / 2 {
            return self.walk(at, visitor).await;
        }
        let visiting = move || Ok((picked.visit_bare(visitor)?, picked.parts));
        let (mut visitor, parts) = blocking(visiting).await?;
        let of_layer = |e: Error| e.context(format!("reading the layer `{}`", layer.digest));
        for part in parts {
            let stored = self.source.part_of(layer, part.range()).await;
            let visiting = move |input: &mut (dyn Read + Send)| part.visit(input, visitor);
            visitor = with_reader(stored.map_err(of_layer)?, visiting)
                .await
                .map_err(of_layer)?;
        }
        Ok(visitor)
    }

    /// Where the index of `layer` is to be written, if it has none. No part of a foreign layer can be read.
    async fn wanted_index(&self, layer: &Descriptor) -> Result<Option<PathBuf>> {
        let Some(directory) = self.indexes.clone() else {
            return Ok(None);
        };
        if layer.media_type.is_foreign() {
            return Ok(None);
        }
        let layer = layer.clone();
        let there = move || Ok((!GzipIndex::is_there(&directory, &layer)).then_some(directory));
        blocking(there).await
    }
}

/// Hands the entries of the gzip layer `stored` to `visitor`, and keeps its index when it was read to its end.
fn record<V: Visit>(
    mut recorder: Recorder,
    stored: &mut (dyn Read + Send),
    visitor: V,
) -> Result<V> {
    let mut stored = BufReader::with_capacity(64 << 10, stored);
    let visitor = recorder.walk(&mut stored, visitor)?;
    // The stream verifies itself at its end.
    io::copy(&mut stored, &mut io::sink()).map_err(|e| broken(Some(Compression::Gzip), e))?;
    recorder.publish();
    Ok(visitor)
}

/// Hands the entries of the layer `content` to `visitor`, and returns it. Fails with the errors of `content` and of
/// `visitor`; [`Kind::Corrupt`] for a layer that is no tar.
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
