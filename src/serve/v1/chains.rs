//! The V1 images of what is stored: made of manifests and configs, and found again by their ids.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::pushed::Pushed;
use crate::image::{
    Descriptor, Digest, ImageConfig, ImageView, IndexView, Manifest, MediaType, RepositoryName,
    V1Id, View,
};
use crate::legacy::v1::V1Image;
use crate::legacy::v1::chain::v1_chain;
use crate::serve::content::{Blob, Content, Found, Named};
use crate::transport::{CONFIG_CAP, read_all};
use crate::{Result, locked};

/// V1 images that are remembered; when there are more, all are made once more.
const REMEMBERED: usize = 100_000;
/// How long after one search for an unknown id none is made: it reads all repositories.
const PAUSE: Duration = Duration::from_secs(1);
/// Indexes in an index that are followed.
const DEPTH: usize = 4;

/// A V1 image that stands for a part of a stored one.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) json: Bytes,
    /// The image below.
    pub(super) parent: Option<V1Id>,
    pub(super) repository: RepositoryName,
    /// A manifest there of which it is a part.
    manifest: Digest,
    /// The layer; `None` is an empty one.
    pub(super) layer: Option<Descriptor>,
    /// The manifest whose whole image this is.
    pub(super) whole: Option<Digest>,
    /// SHA-256 of document, newline and layer, found out when it is first asked for.
    pub(super) checksum: OnceCell<String>,
}

/// What is known of stored images.
#[derive(Default)]
pub(super) struct Chains {
    known: Mutex<Known>,
    /// When all repositories were searched last. Locked meanwhile.
    searched: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Known {
    images: HashMap<V1Id, Arc<Made>>,
    /// The topmost V1 image of a manifest; `None` where it is no image.
    tops: HashMap<(RepositoryName, Digest), Option<V1Id>>,
}

impl Chains {
    /// The V1 image that a tag or digest of `name` stands for; `None` where that is no image.
    pub(super) async fn top(
        &self,
        (content, pushed): (&dyn Content, Option<&Pushed>),
        name: &RepositoryName,
        which: Named<'_>,
    ) -> Result<Option<V1Id>> {
        let Some(found) = content.manifest(name, which).await? else {
            return Ok(None);
        };
        self.of_manifest((content, pushed), name, found, 0).await
    }

    /// All tags of `name` that stand for images; `None` where there is no such repository. Of a cache, those that it keeps: for the
    /// others it would have to read images from the upstream.
    pub(super) async fn tags(
        &self,
        (content, pushed): (&dyn Content, Option<&Pushed>),
        name: &RepositoryName,
    ) -> Result<Option<Vec<(String, V1Id)>>> {
        let kept = content.kept(name)?;
        let (content, name) = match &kept {
            Some((kept, name)) => (*kept, name),
            None => (content, name),
        };
        let Some(tags) = content.tags(name).await? else {
            return Ok(None);
        };
        let mut all = Vec::new();
        for tag in tags.iter() {
            let Ok(parsed) = tag.parse() else { continue };
            // One that cannot be read does not hide the others.
            match self.top((content, pushed), name, Named::Tag(&parsed)).await {
                Ok(Some(id)) => all.push((tag.to_string(), id)),
                Ok(None) => {}
                Err(e) => tracing::warn!("`{name}:{tag}` is left out for V1 clients: {e:#}"),
            }
        }
        Ok(Some(all))
    }

    /// The image `id`. What is not known yet is looked for in all repositories.
    pub(super) async fn find(
        &self,
        (content, pushed): (&dyn Content, Option<&Pushed>),
        id: &V1Id,
    ) -> Result<Option<Arc<Made>>> {
        let known = || self.known().images.get(id).cloned();
        let mut ended = false;
        if let Some(made) = known() {
            if is_kept(content, &made).await? {
                return Ok(Some(made));
            }
            // Another manifest may have it: all are made once more.
            *self.known() = Known::default();
            ended = true;
        }
        let mut searched = self.searched.lock().await;
        if ended {
            *searched = None;
        }
        if searched.is_some_and(|at| at.elapsed() < PAUSE) {
            return Ok(known());
        }
        for name in content.repositories().await? {
            let Ok(name) = name.parse() else { continue };
            self.tags((content, pushed), &name).await?;
            if let Some(made) = known() {
                return Ok(Some(made));
            }
        }
        // Only one in vain counts.
        *searched = Some(Instant::now());
        Ok(None)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        locked(&self.known)
    }

    fn of_manifest<'a>(
        &'a self,
        (content, pushed): (&'a dyn Content, Option<&'a Pushed>),
        name: &'a RepositoryName,
        found: Found,
        depth: usize,
    ) -> BoxFuture<'a, Result<Option<V1Id>>> {
        Box::pin(async move {
            // Pushed in V1, it has the ids that it was pushed with.
            if let Some(top) = pushed.and_then(|pushed| pushed.made_of(&found.digest)) {
                return Ok(Some(top));
            }
            let key = (name.clone(), found.digest.clone());
            if let Some(top) = self.known().tops.get(&key) {
                return Ok(top.clone());
            }
            let Some(raw) = found.bytes.read()? else {
                return Ok(None);
            };
            let manifest = Manifest::parse(raw, Some(&found.media_type))?;
            let chain = match manifest.view()? {
                View::Image(view) if view.is_image() => {
                    let config = content.blob(name, &view.config.digest).await?;
                    // It may be there the next time.
                    let Some(config) = config else {
                        return Ok(None);
                    };
                    modern(config, &view, &key).await?
                }
                View::Schema1(view) => schema1(&view.chain()?, &key),
                View::Index(view) if depth < DEPTH => {
                    let Some(child) = chosen(&view) else {
                        return Ok(None);
                    };
                    let child = content.manifest(name, Named::Digest(&child)).await?;
                    return match child {
                        Some(child) => {
                            self.of_manifest((content, pushed), name, child, depth + 1)
                                .await
                        }
                        None => Ok(None),
                    };
                }
                _ => None,
            };
            Ok(self.learn(key, chain.unwrap_or_default()))
        })
    }

    /// Remembers the images `chain`, base first, of a manifest; the id of the last one.
    fn learn(&self, key: (RepositoryName, Digest), mut chain: Vec<(V1Id, Made)>) -> Option<V1Id> {
        let mut known = self.known();
        if known.images.len() + chain.len() > REMEMBERED || known.tops.len() >= REMEMBERED {
            *known = Known::default();
        }
        if let Some((_, top)) = chain.last_mut() {
            top.whole = Some(key.1.clone());
        }
        let top = chain.last().map(|(id, _)| id.clone());
        for (id, made) in chain {
            // The same layers in another form are the same image; the first stays, unless only the new one is whole.
            match known.images.get(&id) {
                Some(known) if known.whole.is_some() || made.whole.is_none() => {}
                _ => drop(known.images.insert(id, Arc::new(made))),
            }
        }
        known.tops.insert(key, top.clone());
        top
    }
}

/// Whether the manifest of which `made` was made is there still; in a cache, among what it keeps.
async fn is_kept(content: &dyn Content, made: &Made) -> Result<bool> {
    let kept = content.kept(&made.repository)?;
    let (content, name) = match &kept {
        Some((kept, name)) => (*kept, name),
        None => (content, &made.repository),
    };
    let found = content
        .manifest(name, Named::Digest(&made.manifest))
        .await?;
    Ok(found.is_some())
}

/// The V1 images of the modern image `of`; `None` where its config and layers do not fit.
async fn modern(
    config: Blob,
    view: &ImageView,
    of: &(RepositoryName, Digest),
) -> Result<Option<Vec<(V1Id, Made)>>> {
    if config.size > CONFIG_CAP {
        return Ok(None);
    }
    let config = read_all(config.read(0).await?, CONFIG_CAP).await?;
    let diff_ids = ImageConfig::parse(&config)?.rootfs.diff_ids;
    if diff_ids.len() != view.layers.len() {
        return Ok(None);
    }
    let layers = view.layers.iter().cloned().map(Some).chain([None]);
    let mut chain: Vec<(V1Id, Made)> = Vec::new();
    for (made, layer) in v1_chain(&config, &diff_ids)?.into_iter().zip(layers) {
        let parent = chain.last().map(|(id, _)| id.clone());
        chain.push((
            made.id,
            Made {
                json: made.json,
                parent,
                repository: of.0.clone(),
                manifest: of.1.clone(),
                layer,
                whole: None,
                checksum: OnceCell::new(),
            },
        ));
    }
    Ok(Some(chain))
}

/// Those of schema 1, which has them inside.
fn schema1(
    layers: &[crate::legacy::schema1::Schema1Layer],
    (repository, manifest): &(RepositoryName, Digest),
) -> Option<Vec<(V1Id, Made)>> {
    let of = |layer: &crate::legacy::schema1::Schema1Layer| {
        let image: &V1Image = &layer.image;
        let made = Made {
            json: image.raw().clone(),
            parent: image.parent().and_then(V1Id::parse),
            repository: repository.clone(),
            manifest: manifest.clone(),
            // Its size is not said; whoever wants the layer asks for it.
            layer: Some(Descriptor::new(
                MediaType::OCTET_STREAM,
                layer.blob.clone(),
                0,
            )),
            whole: None,
            checksum: OnceCell::new(),
        };
        Some((V1Id::parse(image.id())?, made))
    };
    layers.iter().map(of).collect()
}

/// The image of an index that V1 clients get, for they know no platforms: Linux on amd64, else any of Linux, else the first.
fn chosen(index: &IndexView) -> Option<Digest> {
    let is = |wanted: fn(&str, &str) -> bool| {
        index.manifests.iter().find(|entry| {
            let platform = entry.platform.as_ref();
            platform.is_some_and(|p| wanted(&p.os, &p.architecture))
        })
    };
    is(|os, architecture| os == "linux" && architecture == "amd64")
        .or_else(|| is(|os, _| os == "linux"))
        .or_else(|| index.manifests.first())
        .map(|entry| entry.digest.clone())
}
