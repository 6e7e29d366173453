//! The form of `docker save` before 1.10, without `manifest.json`: a directory for each V1 image and `repositories`.
//!
//! What is read is the chain of an image and where its layers are; the config is then made of it as for an image of a
//! V1 registry. Separate from `read`, which goes on from there and does not see the difference.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use crate::image::{Digest, V1Id};
use crate::legacy::upgrade::read_layer;
use crate::legacy::v1::{V1Image, modern_config};
use crate::transport::blob_store::DOCUMENT_CAP;
use crate::transport::docker_archive::{Item, OlderArchives, REPOSITORIES, empty_tar};
use crate::transport::tar_index::TarIndex;
use crate::{Error, Result};

/// Most images on top of one another; docker allowed 127.
const MOST_IMAGES: usize = 10_000;

/// This form.
pub(crate) struct SavedV1;

impl OlderArchives for SavedV1 {
    fn knows(&self, tar: &TarIndex) -> bool {
        tar.has(REPOSITORIES) || ids(tar).next().is_some()
    }

    fn items(&self, tar: &TarIndex) -> Result<Vec<Item>> {
        items(tar)
    }

    fn read(&self, tar: &TarIndex, item: &Item) -> Result<(Bytes, Vec<(String, Digest)>)> {
        read(tar, item)
    }
}

/// The images that have a name, in the order of `repositories`; where nothing has one, those that nothing is built
/// upon. The id stands in the place of the config.
fn items(tar: &TarIndex) -> Result<Vec<Item>> {
    let item = |id: String, tags: Option<Vec<String>>| Item {
        config: id,
        repo_tags: tags,
        layers: None,
    };
    let mut items: Vec<Item> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (tag, id) in named(tar)? {
        let place = *places.entry(id.clone()).or_insert(items.len());
        match items
            .get_mut(place)
            .and_then(|item| item.repo_tags.as_mut())
        {
            Some(tags) => tags.push(tag),
            None => items.push(item(id, Some(vec![tag]))),
        }
    }
    if items.is_empty() {
        let mut below = HashSet::new();
        for id in ids(tar) {
            below.extend(image(tar, &id)?.parent().map(str::to_owned));
        }
        let tops = ids(tar).filter(|id| !below.contains(id.as_str()));
        items.extend(tops.map(|id| item(id.to_string(), None)));
    }
    Ok(items)
}

/// `name:tag` and the id that it stands for.
fn named(tar: &TarIndex) -> Result<Vec<(String, String)>> {
    let Some(bytes) = tar.document(REPOSITORIES, DOCUMENT_CAP)? else {
        return Ok(Vec::new());
    };
    let wrong = || tar.corrupt(format!("has a `{REPOSITORIES}` that names no images"));
    let document: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|e| wrong().because(e))?;
    let mut named = Vec::new();
    for (name, tags) in document.as_object().ok_or_else(wrong)? {
        for (tag, id) in tags.as_object().ok_or_else(wrong)? {
            let id = id.as_str().ok_or_else(wrong)?;
            named.push((format!("{name}:{tag}"), id.to_owned()));
        }
    }
    Ok(named)
}

/// The ids of all directories that hold an image, in the order of the archive.
fn ids(tar: &TarIndex) -> impl Iterator<Item = V1Id> {
    let directories = tar.names().filter_map(|name| name.strip_suffix("/json"));
    directories.filter_map(V1Id::parse)
}

fn image(tar: &TarIndex, id: &V1Id) -> Result<V1Image> {
    let json = tar
        .document(&format!("{id}/json"), DOCUMENT_CAP)?
        .ok_or_else(|| tar.corrupt(format!("has no image `{id}`")))?;
    let image = V1Image::parse(json).map_err(|e| {
        tar.corrupt(format!("has an image `{id}` that cannot be read"))
            .because(e)
    })?;
    match image.id() {
        own if own == id.as_str() || own.is_empty() => Ok(image),
        _ => Err(tar.corrupt(format!("has an image `{id}` that calls itself otherwise"))),
    }
}

fn read(tar: &TarIndex, item: &Item) -> Result<(Bytes, Vec<(String, Digest)>)> {
    let mut chain: Vec<V1Image> = Vec::new();
    let mut layers = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some(item.config.clone());
    while let Some(id) = next {
        let id: V1Id = id
            .parse()
            .map_err(|e: Error| tar.corrupt("names an image by what is no id").because(e))?;
        if !seen.insert(id.clone()) || seen.len() > MOST_IMAGES {
            return Err(tar.corrupt(format!("has an image `{id}` that is built upon itself")));
        }
        let image = image(tar, &id)?;
        if !image.throwaway() {
            layers.push(format!("{id}/layer.tar"));
        }
        next = image.parent().map(str::to_owned);
        chain.push(image);
    }
    chain.reverse();
    layers.reverse();
    // Each file is inflated once: old engines wrote links for layers that images share.
    let mut known: HashMap<Option<u64>, Digest> = HashMap::new();
    let layers = layers
        .into_iter()
        .map(|member| {
            let place = tar.place(&member)?;
            let diff_id = match known.get(&place) {
                Some(diff_id) => diff_id.clone(),
                None => diff_id(tar, &member)?,
            };
            known.insert(place, diff_id.clone());
            Ok((member, diff_id))
        })
        .collect::<Result<Vec<_>>>()?;
    let diff_ids: Vec<Digest> = layers.iter().map(|(_, diff_id)| diff_id.clone()).collect();
    let config = modern_config(&chain, &diff_ids)?;
    Ok((config.into(), layers))
}

/// The digest of the plain form of a layer; one of no bytes stands for a tar without members.
fn diff_id(tar: &TarIndex, member: &str) -> Result<Digest> {
    let missing = || tar.corrupt(format!("has no layer `{member}`"));
    if tar.size(member)?.ok_or_else(missing)? == 0 {
        return Ok(empty_tar().0);
    }
    let stored = tar.reader(member)?.ok_or_else(missing)?;
    let read = read_layer(stored, |_| {});
    let plain = read.map_err(|e| e.context(format!("cannot read the layer `{member}`")))?;
    Ok(plain.diff_id)
}
