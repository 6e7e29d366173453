//! Archives, layouts and `dir:` images as [`Content`], read where they are.
//!
//! At the start only the names in an archive are read. An image is opened when the first client asks for it, and what it is
//! made of is then kept; its bytes are read from the archive each time. Nothing is ever written.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::content::{Blob, BlobPlace, Content, Document, Found, Named};
use crate::image::{
    Descriptor, Digest, ImageName, Manifest, MediaType, Reference, RepositoryName, Selector, Tag,
    View,
};
use crate::open::{all_tags, open_source, open_tags};
use crate::settings::Context;
use crate::transport::{ManifestRef, Source};
use crate::{Error, Kind, Result};

/// Images in one archive at most.
const MOST: usize = 100_000;

/// Images at several places, by the names that they have there.
#[derive(Default)]
pub(super) struct Places {
    repositories: BTreeMap<String, Repository>,
}

#[derive(Default)]
struct Repository {
    /// In the order in which they were named; untagged ones are reached by digest.
    images: Vec<(Option<Tag>, Arc<Image>)>,
    tags: Arc<[Arc<str>]>,
}

/// An image that is opened when it is asked for.
struct Image {
    name: ImageName,
    context: Context,
    opened: OnceCell<Opened>,
}

struct Opened {
    source: Arc<dyn Source>,
    top: Digest,
    manifests: HashMap<Digest, Manifest>,
    blobs: HashMap<Digest, Descriptor>,
}

impl Places {
    /// Reads what is named at each of `places`. Where a place gives no repository, it is the name of the same place in `names`, or
    /// that of its file.
    ///
    /// # Errors
    /// When a place cannot be read or is none that is served, or a name is not one of a repository.
    pub(super) async fn open(
        places: &[ImageName],
        names: &[String],
        context: &Context,
    ) -> Result<Places> {
        let mut all = Places::default();
        for (at, place) in places.iter().enumerate() {
            let given = match names.get(at) {
                Some(name) => Some(given_name(name)?),
                None => None,
            };
            let images = images_of(place, context).await?;
            let alone = images.len() == 1;
            for (handle, name) in images {
                let (repository, tag) = match (&given, name_of(&handle)) {
                    (_, Name::Full(repository, tag)) => (repository, Some(tag)),
                    (Some((repository, tag)), Name::Tag(own)) => (
                        repository.clone(),
                        Some(tag.clone().filter(|_| alone).unwrap_or(own)),
                    ),
                    (Some((repository, tag)), Name::None) => {
                        let tag = tag.clone().unwrap_or_else(Tag::latest);
                        (repository.clone(), alone.then_some(tag))
                    }
                    (None, Name::Tag(own)) => (file_name(place)?, Some(own)),
                    (None, Name::None) => (file_name(place)?, alone.then(Tag::latest)),
                };
                let image = Image {
                    name,
                    context: context.clone(),
                    opened: OnceCell::new(),
                };
                let to = all.repositories.entry(repository.clone()).or_default();
                if tag.is_some() && to.images.iter().any(|(other, _)| *other == tag) {
                    tracing::warn!(
                        "several images are called `{repository}:{}`; the first one is served",
                        tag.map(|t| t.to_string()).unwrap_or_default()
                    );
                    continue;
                }
                to.images.push((tag, Arc::new(image)));
            }
        }
        for repository in all.repositories.values_mut() {
            let tags = repository.images.iter().filter_map(|(tag, _)| tag.as_ref());
            let mut tags: Vec<Arc<str>> = tags.map(|tag| tag.as_str().into()).collect();
            tags.sort_unstable();
            repository.tags = tags.into();
        }
        Ok(all)
    }

    /// The repository `name`, also where it is asked for in the long form of Docker Hub's names.
    fn repository(&self, name: &RepositoryName) -> Option<&Repository> {
        let name = name.as_str();
        let short = name.strip_prefix("docker.io/").unwrap_or(name);
        let short = match short.strip_prefix("library/") {
            Some(rest) if !rest.contains('/') => rest,
            _ => short,
        };
        let found = self.repositories.get(name);
        found.or_else(|| self.repositories.get(short))
    }
}

/// What a handle says of the name of an image.
enum Name {
    Full(String, Tag),
    Tag(Tag),
    None,
}

fn name_of(handle: &str) -> Name {
    if let Ok(tag) = handle.parse() {
        return Name::Tag(tag);
    }
    let reference: Result<Reference, _> = handle.parse();
    let Ok(Reference {
        repository,
        tag,
        digest: None,
    }) = reference
    else {
        return Name::None;
    };
    let tag = tag.unwrap_or_else(Tag::latest);
    let path = repository.name.as_str();
    // As the archive has it: without the registry when that is Docker Hub. A registry with a port cannot be part of a name.
    let named = match repository.registry.is_docker_hub() {
        true => match path.strip_prefix("library/") {
            Some(short) if !short.contains('/') => short.to_owned(),
            _ => path.to_owned(),
        },
        false => {
            let full = format!("{}/{path}", repository.registry);
            match full.parse::<RepositoryName>() {
                Ok(_) => full,
                Err(_) => path.to_owned(),
            }
        }
    };
    Name::Full(named, tag)
}

/// `NAME[:TAG]` as the user gave it.
fn given_name(text: &str) -> Result<(String, Option<Tag>)> {
    let (name, tag) = match text.rsplit_once(':') {
        Some((name, tag)) => (name, Some(tag)),
        None => (text, None),
    };
    let wrong = |e| Error::other(format!("`{text}` is not the name of a repository")).because(e);
    let name: RepositoryName = name.parse().map_err(wrong)?;
    let tag = tag.map(str::parse).transpose().map_err(wrong)?;
    Ok((name.to_string(), tag))
}

/// The name of the file or directory of `place` as one of a repository.
fn file_name(place: &ImageName) -> Result<String> {
    let path = place.path().map(Path::canonicalize).and_then(Result::ok);
    let name = path
        .as_deref()
        .and_then(Path::file_stem)
        .unwrap_or_default();
    let name = name.to_string_lossy().to_lowercase();
    name.parse::<RepositoryName>()
        .map(|n| n.to_string())
        .map_err(|_| {
            Error::other(format!("`{place}` does not say which repository it is"))
                .hint("name it with `--as NAME`")
        })
}

/// The images at a place: what each is called there, and the name that picks it.
async fn images_of(place: &ImageName, context: &Context) -> Result<Vec<(String, ImageName)>> {
    if let ImageName::Dir { path } = place {
        return match path.join("manifest.json").is_file() {
            true => Ok(vec![(String::new(), place.clone())]),
            false => {
                let text = format!("`{place}` is not an image: it has no `manifest.json`");
                Err(Error::not_found(text))
            }
        };
    }
    match place.selector() {
        Some(Selector::Named(name)) => Ok(vec![(name.clone(), place.clone())]),
        Some(Selector::At(_)) => Ok(vec![(String::new(), place.clone())]),
        Some(Selector::Only) => {
            let tags = open_tags(place, context).await?;
            let handles = all_tags(tags.pages, MOST, "serve fewer images at once").await?;
            let name = |handle: String| {
                let at = handle.strip_prefix('@').and_then(|n| n.parse().ok());
                let selector = at.map_or_else(|| Selector::Named(handle.clone()), Selector::At);
                (handle, place.selecting(selector))
            };
            Ok(handles.into_iter().map(name).collect())
        }
        None => {
            let text = format!("`{place}` cannot be served in place");
            Err(Error::other(text).hint("`oci:`, `oci-archive:`, `docker-archive:` and `dir:` can"))
        }
    }
}

impl Image {
    async fn opened(&self) -> Result<&Opened> {
        self.opened.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> Result<Opened> {
        let source = open_source(&self.name, &self.context).await?;
        let top = source.manifest(&ManifestRef::Named).await?;
        let mut opened = Opened {
            top: top.digest().clone(),
            manifests: HashMap::new(),
            blobs: HashMap::new(),
            source,
        };
        let mut left = vec![top];
        while let Some(manifest) = left.pop() {
            let digest = manifest.digest().clone();
            let view = manifest.view().map_err(Error::from)?;
            if opened.manifests.insert(digest, manifest).is_some() {
                continue;
            }
            match view {
                View::Image(image) => opened.add(image.blobs().cloned()),
                View::Artifact(artifact) => opened.add(artifact.blobs.into_iter()),
                View::Schema1(image) => {
                    let size = |digest| Descriptor::new(MediaType::OCTET_STREAM, digest, 0);
                    opened.add(image.fs_layers.into_iter().map(size));
                }
                View::Index(index) => {
                    for child in index.manifests {
                        let which = ManifestRef::Digest(child.digest);
                        match opened.source.manifest(&which).await {
                            Ok(child) => left.push(child),
                            // An index may list more than is there.
                            Err(e) if e.kind() == Kind::NotFound => {}
                            Err(e) => return Err(e),
                        }
                    }
                }
            }
        }
        Ok(opened)
    }
}

impl Opened {
    fn add(&mut self, blobs: impl Iterator<Item = Descriptor>) {
        for blob in blobs {
            self.blobs.entry(blob.digest.clone()).or_insert(blob);
        }
    }

    fn found(&self, digest: &Digest) -> Option<Found> {
        let manifest = self.manifests.get(digest)?;
        Some(Found {
            digest: digest.clone(),
            media_type: manifest.media_type().to_string(),
            size: manifest.raw().len() as u64,
            bytes: Document::Here(manifest.raw().clone()),
            warning: None,
        })
    }
}

#[async_trait]
impl Content for Places {
    async fn repositories(&self) -> Result<Vec<String>> {
        Ok(self.repositories.keys().cloned().collect())
    }

    async fn tags(&self, name: &RepositoryName) -> Result<Option<Arc<[Arc<str>]>>> {
        Ok(self
            .repository(name)
            .map(|repository| repository.tags.clone()))
    }

    async fn manifest(&self, name: &RepositoryName, which: Named<'_>) -> Result<Option<Found>> {
        for (tag, image) in self.repository(name).into_iter().flat_map(|r| &r.images) {
            let found = match which {
                Named::Tag(wanted) if tag.as_ref() == Some(wanted) => {
                    let opened = image.opened().await?;
                    opened.found(&opened.top)
                }
                Named::Tag(_) => None,
                Named::Digest(digest) => image.opened().await?.found(digest),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn blob(&self, name: &RepositoryName, digest: &Digest) -> Result<Option<Blob>> {
        for (_, image) in self.repository(name).into_iter().flat_map(|r| &r.images) {
            let opened = image.opened().await?;
            let Some(blob) = opened.blobs.get(digest) else {
                continue;
            };
            if opened.source.lacks(blob).await? {
                continue;
            }
            let place = BlobPlace::Image(opened.source.clone(), Box::new(blob.clone()));
            return Ok(Some(Blob {
                size: blob.size,
                place,
            }));
        }
        Ok(None)
    }

    async fn referrers(&self, name: &RepositoryName, digest: &Digest) -> Result<Vec<Value>> {
        let mut found = BTreeMap::new();
        for (_, image) in self.repository(name).into_iter().flat_map(|r| &r.images) {
            for manifest in image.opened().await?.manifests.values() {
                let view = manifest.view().map_err(Error::from)?;
                if view
                    .subject()
                    .is_some_and(|subject| subject.digest == *digest)
                {
                    let descriptor = referrer(manifest);
                    found.insert(manifest.digest().clone(), descriptor);
                }
            }
        }
        Ok(found.into_values().collect())
    }
}

fn referrer(manifest: &Manifest) -> Value {
    let document: Value = serde_json::from_slice(manifest.payload()).unwrap_or_default();
    let mut descriptor = json!(manifest.descriptor());
    if let Some(annotations) = document.get("annotations") {
        descriptor["annotations"] = annotations.clone();
    }
    let of_config = &document["config"]["mediaType"];
    if let Some(kind) = document["artifactType"].as_str().or(of_config.as_str()) {
        descriptor["artifactType"] = kind.into();
    }
    descriptor
}
