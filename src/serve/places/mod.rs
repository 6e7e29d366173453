//! Archives, layouts and `dir:` images as [`Content`], read where they are.
//!
//! At the start only the names in an archive are read. An image is opened when the first client asks for it, and what it is
//! made of is then kept; its bytes are read from the archive each time. Nothing is ever written. A place that another program
//! changes is read again for the next request.

mod image;
mod names;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use serde_json::Value;

use super::content::{Blob, Content, Found, Named};
use super::stamp::{Held, Stamp, TRIES, WAIT};
use crate::Result;
use crate::image::{Digest, ImageName, RepositoryName, Tag};
use crate::settings::Context;
use crate::transport::archive_file::STANDARD;
use image::{Image, Opened};
use names::{Name, file_name, given_name, images_of, name_of};

/// Images at several places, by the names that they have there.
pub(super) struct Places {
    places: Vec<Place>,
    context: Context,
    seen: RwLock<Arc<Seen>>,
    /// Held by the one request that looks at the places again.
    looking: tokio::sync::Mutex<()>,
}

/// Where images are.
struct Place {
    name: ImageName,
    /// The name that the user gave for images without one.
    given: Option<(String, Option<Tag>)>,
    /// The file that is another one after each change; `None` for standard input.
    mark: Option<PathBuf>,
    is_archive: bool,
}

/// The images at a place: repository, tag, image.
type Listed = Vec<(String, Option<Tag>, Arc<Image>)>;

/// What is at the places, as it was last read.
#[derive(Default)]
struct Seen {
    /// For each place.
    stamps: Vec<Option<Stamp>>,
    listed: Vec<Listed>,
    /// All of them.
    repositories: BTreeMap<String, Repository>,
}

#[derive(Default)]
struct Repository {
    /// In the order in which they were named; untagged ones are reached by digest.
    images: Vec<(Option<Tag>, Arc<Image>)>,
    tags: Arc<[Arc<str>]>,
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
        let (mut all, mut stamps, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for (at, name) in places.iter().enumerate() {
            let given = names.get(at).map(|name| given_name(name)).transpose()?;
            let place = Place::new(name.clone(), given);
            stamps.push(place.stamp());
            let images = place.images(context).await?;
            if let Some((given, _)) = &place.given
                && !images.iter().any(|(name, ..)| name == given)
            {
                tracing::warn!(
                    "no image is named `{given}`: those at `{}` have names",
                    place.name
                );
            }
            listed.push(images);
            all.push(place);
        }
        Ok(Places {
            places: all,
            context: context.clone(),
            seen: RwLock::new(Arc::new(Seen::of(stamps, listed))),
            looking: tokio::sync::Mutex::default(),
        })
    }

    fn last_seen(&self) -> Arc<Seen> {
        let seen = self.seen.read();
        seen.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is at the places now.
    async fn seen(&self) -> Arc<Seen> {
        let is_current = |seen: &Seen| {
            let mut places = self.places.iter().zip(&seen.stamps);
            places.all(|(place, stamp)| place.stamp() == *stamp)
        };
        let seen = self.last_seen();
        if is_current(&seen) {
            return seen;
        }
        let _one = self.looking.lock().await;
        let was = self.last_seen();
        let (mut stamps, mut listed) = (Vec::new(), Vec::new());
        for (at, place) in self.places.iter().enumerate() {
            // Before the content, so that a change in between shows the next time.
            let stamp = place.stamp();
            listed.push(match stamp == was.stamps[at] {
                true => was.listed[at].clone(),
                false => place.again(&was.listed[at], &self.context).await,
            });
            stamps.push(stamp);
        }
        let seen = Arc::new(Seen::of(stamps, listed));
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = seen.clone();
        seen
    }
}

impl Place {
    fn new(name: ImageName, given: Option<(String, Option<Tag>)>) -> Place {
        let is_archive = !matches!(name, ImageName::Dir { .. } | ImageName::Oci { .. });
        let path = name.path().filter(|path| path.as_os_str() != STANDARD);
        let mark = path.map(|path| match &name {
            ImageName::Dir { .. } => path.join("manifest.json"),
            ImageName::Oci { .. } => path.join("index.json"),
            _ => path.to_owned(),
        });
        Place {
            mark,
            is_archive,
            name,
            given,
        }
    }

    fn stamp(&self) -> Option<Stamp> {
        Stamp::at(self.mark.as_deref()?)
    }

    /// The archive, open, if it is one in a file: opening a pipe would wait for its writer.
    fn held(&self) -> Option<Arc<Held>> {
        let path = self.mark.as_deref().filter(|_| self.is_archive)?;
        self.stamp()?;
        Held::open(path).map(Arc::new)
    }

    /// What is there now, where `was` was there before. What cannot be read may be written just now: a layout stays as it was,
    /// and of an archive only the names.
    async fn again(&self, was: &Listed, context: &Context) -> Listed {
        let mut tries = 1;
        loop {
            let e = match self.images(context).await {
                Ok(images) => return images,
                Err(e) => e,
            };
            let is_recent = || self.stamp().is_some_and(|stamp| stamp.is_recent());
            if !self.is_archive && tries < TRIES && is_recent() {
                tries += 1;
                tokio::time::sleep(WAIT).await;
                continue;
            }
            tracing::warn!("`{}` cannot be read any more: {e:#}", self.name);
            if !self.is_archive {
                return was.clone();
            }
            let held = self.held();
            let afresh = was.iter().map(|(repository, tag, image)| {
                let image = Arc::new(image.afresh(held.clone()));
                (repository.clone(), tag.clone(), image)
            });
            return afresh.collect();
        }
    }

    /// The images that are there.
    async fn images(&self, context: &Context) -> Result<Listed> {
        let held = self.held();
        let images = images_of(&self.name, context).await?;
        let alone = images.len() == 1;
        let mut listed = Vec::with_capacity(images.len());
        for (handle, name) in images {
            let (repository, tag) = match (&self.given, name_of(&handle)) {
                (_, Name::Full(repository, tag)) => (repository, Some(tag)),
                (Some((repository, tag)), Name::Tag(own)) => (
                    repository.clone(),
                    Some(tag.clone().filter(|_| alone).unwrap_or(own)),
                ),
                (Some((repository, tag)), Name::None) => {
                    let tag = tag.clone().unwrap_or_else(Tag::latest);
                    (repository.clone(), alone.then_some(tag))
                }
                (None, Name::Tag(own)) => (file_name(&self.name)?, Some(own)),
                (None, Name::None) => (file_name(&self.name)?, alone.then(Tag::latest)),
            };
            let image = Image::new(name, context, held.clone());
            listed.push((repository, tag, Arc::new(image)));
        }
        Ok(listed)
    }
}

impl Seen {
    fn of(stamps: Vec<Option<Stamp>>, listed: Vec<Listed>) -> Seen {
        let mut repositories: BTreeMap<String, Repository> = BTreeMap::new();
        for (repository, tag, image) in listed.iter().flatten() {
            let to = repositories.entry(repository.clone()).or_default();
            if tag.is_some() && to.images.iter().any(|(other, _)| other == tag) {
                tracing::warn!(
                    "several images are called `{repository}:{}`; the first one is served",
                    tag.as_ref().map(Tag::to_string).unwrap_or_default()
                );
                continue;
            }
            to.images.push((tag.clone(), image.clone()));
        }
        for repository in repositories.values_mut() {
            let tags = repository.images.iter().filter_map(|(tag, _)| tag.as_ref());
            let mut tags: Vec<Arc<str>> = tags.map(|tag| tag.as_str().into()).collect();
            tags.sort_unstable();
            repository.tags = tags.into();
        }
        Seen {
            stamps,
            listed,
            repositories,
        }
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

    fn images(&self, name: &RepositoryName) -> &[(Option<Tag>, Arc<Image>)] {
        self.repository(name).map_or(&[], |r| &r.images)
    }
}

#[async_trait]
impl Content for Places {
    async fn repositories(&self) -> Result<Vec<String>> {
        Ok(self.seen().await.repositories.keys().cloned().collect())
    }

    async fn tags(&self, name: &RepositoryName) -> Result<Option<Arc<[Arc<str>]>>> {
        let seen = self.seen().await;
        Ok(seen.repository(name).map(|r| r.tags.clone()))
    }

    async fn manifest(&self, name: &RepositoryName, which: Named<'_>) -> Result<Option<Found>> {
        for (tag, image) in self.seen().await.images(name) {
            let found = match which {
                Named::Tag(wanted) if tag.as_ref() == Some(wanted) => {
                    image.opened().await?.and_then(Opened::top)
                }
                Named::Tag(_) => None,
                Named::Digest(digest) => image.opened().await?.and_then(|o| o.found(digest)),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn blob(&self, name: &RepositoryName, digest: &Digest) -> Result<Option<Blob>> {
        for (_, image) in self.seen().await.images(name) {
            if let Some(opened) = image.opened().await?
                && let Some(blob) = opened.blob(digest).await?
            {
                return Ok(Some(blob));
            }
        }
        Ok(None)
    }

    async fn referrers(&self, name: &RepositoryName, digest: &Digest) -> Result<Vec<Value>> {
        let mut found = BTreeMap::new();
        for (_, image) in self.seen().await.images(name) {
            if let Some(opened) = image.opened().await? {
                found.extend(opened.referrers(digest)?);
            }
        }
        Ok(found.into_values().collect())
    }
}
