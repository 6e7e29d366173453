//! The images of an archive that is extended: which names and layers it has, and its documents with one image more.
//!
//! Images are kept as the JSON that they are, so that members which barque does not know survive.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::super::blob_store::DOCUMENT_CAP;
use super::super::tar_index::TarIndex;
use super::read::{full, member};
use super::{Item, MANIFEST, REPOSITORIES, layer_member};
use crate::image::{Algorithm, Digest};
use crate::{Error, Result};

/// The id of the top layer's document, by name and tag.
pub(crate) type Repositories = BTreeMap<String, BTreeMap<String, String>>;

/// The documents of an archive, parsed.
#[derive(Default, Clone)]
pub(crate) struct Documents {
    images: Vec<Image>,
    pub(crate) repositories: Repositories,
}

#[derive(Clone)]
struct Image {
    item: Item,
    /// [`Image::item`] with all that it has.
    json: Value,
    config: Digest,
}

impl Image {
    fn is_named(&self, tag: &str) -> bool {
        let tags = self.item.repo_tags.iter().flatten();
        tags.into_iter().any(|t| full(t) == tag)
    }

    fn is(&self, config: &Digest, layers: &[String]) -> bool {
        let own = self.item.layers.iter().flatten().map(|name| member(name));
        self.config == *config && own.eq(layers.iter().cloned())
    }
}

impl Documents {
    /// Reads those of `tar`. Blocks.
    pub(crate) fn read(tar: &TarIndex) -> Result<Documents> {
        let malformed = |name: &str, e: serde_json::Error| {
            tar.corrupt(format!("has a malformed `{name}`")).because(e)
        };
        let bytes = tar
            .list(MANIFEST)?
            .ok_or_else(|| tar.corrupt(format!("has no `{MANIFEST}`")))?;
        let items: Option<Vec<Value>> =
            serde_json::from_slice(&bytes).map_err(|e| malformed(MANIFEST, e))?;
        let image = |json: Value| -> Result<Image> {
            let item: Item =
                serde_json::from_value(json.clone()).map_err(|e| malformed(MANIFEST, e))?;
            let name = member(&item.config);
            let config = tar
                .hash(&name, Algorithm::Sha256)?
                .ok_or_else(|| tar.corrupt(format!("has no config `{name}`")))?;
            Ok(Image { item, json, config })
        };
        let images = items.unwrap_or_default().into_iter().map(image);
        let repositories: Option<Repositories> = match tar.list(REPOSITORIES)? {
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| malformed(REPOSITORIES, e))?
            }
            None => None,
        };
        Ok(Documents {
            images: images.collect::<Result<_>>()?,
            repositories: repositories.unwrap_or_default(),
        })
    }

    /// Checks that none of `tags` (in full) names another image than the one with `config`; messages call the archive
    /// `archive`.
    ///
    /// [`crate::Kind::Refused`] when one does.
    pub(crate) fn check_names(
        &self,
        tags: &[String],
        config: &Digest,
        archive: &str,
    ) -> Result<()> {
        let others = |tag: &&String| {
            let mut named = self.images.iter().filter(|image| image.is_named(tag));
            named.any(|image| image.config != *config)
        };
        match tags.iter().find(others) {
            None => Ok(()),
            Some(tag) => Err(name_is_taken(tag, archive)),
        }
    }

    /// Whether all of `tags` name the image with `config` and `layers`.
    pub(crate) fn has(&self, tags: &[String], config: &Digest, layers: &[String]) -> bool {
        let same = || self.images.iter().filter(|image| image.is(config, layers));
        same().next().is_some()
            && tags
                .iter()
                .all(|tag| same().any(|image| image.is_named(tag)))
    }

    /// Enters the image with `config` as `item`, or its names where the same image is there already.
    pub(crate) fn enter(&mut self, item: Item, config: Digest, archive: &str) -> Result<()> {
        let layers = item.layers.clone().unwrap_or_default();
        let mut tags = item.repo_tags.clone().unwrap_or_default();
        for image in &self.images {
            let same = image.is(&config, &layers);
            if let Some(tag) = tags.iter().find(|tag| image.is_named(tag) && !same) {
                return Err(name_is_taken(tag, archive));
            }
        }
        let Some(image) = self.images.iter_mut().find(|i| i.is(&config, &layers)) else {
            let json = serde_json::to_value(&item)
                .map_err(|e| Error::other("an image cannot be listed").because(e))?;
            self.images.push(Image { item, json, config });
            return Ok(());
        };
        tags.retain(|tag| !image.is_named(tag));
        let names = image.item.repo_tags.get_or_insert_default();
        names.append(&mut tags);
        image.json["RepoTags"] = Value::from(names.clone());
        Ok(())
    }

    /// The images, as `manifest.json` lists them.
    pub(crate) fn items(&self) -> Vec<&Value> {
        self.images.iter().map(|image| &image.json).collect()
    }
}

fn name_is_taken(tag: &str, archive: &str) -> Error {
    let text = format!("`{archive}` has another image with the name `{tag}`");
    Error::refused(text).hint("choose another name, or a new file")
}

/// The member that may hold the layer `digest`: of this tool and skopeo, or of Docker 25 and later.
pub(crate) fn layer_in(tar: &TarIndex, digest: &Digest) -> Option<String> {
    let names = [
        layer_member(digest),
        format!("blobs/{}/{}", digest.algorithm(), digest.hex()),
    ];
    names.into_iter().find(|name| tar.has(name))
}

/// Whether the archive has the document `name` with these `bytes`; [`crate::Kind::Corrupt`] when it has others. Blocks.
pub(crate) fn has_document(tar: &TarIndex, name: &str, bytes: &Bytes) -> Result<bool> {
    if !tar.has(name) {
        return Ok(false);
    }
    match tar.document(name, DOCUMENT_CAP)? {
        Some(found) if found == bytes => Ok(true),
        _ => Err(tar
            .corrupt(format!("holds a `{name}` with other content"))
            .hint("choose a new file")),
    }
}
