//! A cache in front of other registries: what is asked for is read there once, kept below the root, and served from there.
//!
//! A repository is kept as `UPSTREAM/NAME`. Clients ask for it by that name, or by NAME with `ns=UPSTREAM` in the query as
//! containerd does, or by NAME alone for the first upstream. What an upstream says counts for a while; when it refuses or is
//! away, what was kept is served with a warning. Clients cannot write.

mod evict;
mod pull;
mod read;
mod upstream;

use std::collections::HashMap;
use std::hash::Hash;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::FutureExt;
use serde_json::Value;

use super::content::{Blob, BlobPlace, Content, Found, Named};
use super::store::{Repository, Root};
use crate::image::{Digest, Manifest, RepositoryName, Tag};
use crate::registry::v2::{RepositoryClient, TagOrDigest};
use crate::settings::Context;
use crate::transport::BlobStream;
use crate::transport::blob_store::{self, blocking};
use crate::trust::Gate;
use crate::{Error, Kind, Result, locked};

use evict::Reading;
use pull::{Pull, Pulls};
use read::Current;
pub use upstream::Upstream;
use upstream::{Remote, is_trouble};

/// How long an upstream may take to confirm a tag that is kept.
const PATIENCE: Duration = Duration::from_secs(5);
/// `Warning` of an answer that the upstream did not confirm (RFC 7234, 5.5).
const STALE: &str = "110 barque \"Response is Stale\"";
/// Tags whose time of confirmation is remembered.
const REMEMBERED: usize = 100_000;

/// What a cache is told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MirrorOptions {
    /// The registries; the first is asked for names without one.
    pub upstreams: Vec<Upstream>,
    /// How long a tag counts without asking again.
    pub fresh: Duration,
    /// Bytes of blobs to keep; those that were not used for longest go. `None` keeps all.
    pub max_size: Option<u64>,
    /// Credentials, timeouts and registries.conf for the upstreams.
    pub context: Context,
    /// The signature policy that images of the upstreams have to pass before they are kept.
    pub gate: Arc<Gate>,
}

/// The cache.
pub(super) struct Mirror {
    root: Arc<Root>,
    remotes: Vec<Remote>,
    fresh: Duration,
    max_size: Option<u64>,
    confirmed: Mutex<HashMap<(RepositoryName, Tag), Instant>>,
    asking: OneAtATime<(RepositoryName, String)>,
    pulls: Arc<Pulls>,
    reading: Arc<Reading>,
}

/// A repository of an upstream and where it is kept.
struct Place<'a> {
    remote: &'a Remote,
    client: RepositoryClient,
    /// Its name at the upstream.
    name: RepositoryName,
    /// Its name here.
    kept_as: RepositoryName,
    kept: Arc<Repository>,
}

impl Mirror {
    pub(super) fn open(dir: &Path, options: &MirrorOptions) -> Result<Mirror> {
        let root = Arc::new(Root::open(dir)?);
        let remotes = options.upstreams.iter();
        Ok(Mirror {
            remotes: remotes
                .map(|upstream| Remote::of(upstream, options))
                .collect::<Result<_>>()?,
            pulls: Arc::new(Pulls::new(&root.own().join("pulls"))),
            root,
            fresh: options.fresh,
            max_size: options.max_size,
            confirmed: Mutex::default(),
            asking: OneAtATime::default(),
            reading: Arc::default(),
        })
    }

    /// The repository that clients call `name`.
    fn place(&self, name: &RepositoryName) -> Result<Place<'_>> {
        let named = name.as_str().split_once('/').and_then(|(first, rest)| {
            let remote = self.remotes.iter().find(|r| r.key == first)?;
            Some((remote, rest))
        });
        let first = || self.remotes.first().map(|remote| (remote, name.as_str()));
        let (remote, rest) = named
            .or_else(first)
            .ok_or_else(|| Error::other("there is no upstream"))?;
        let path = match remote.is_hub && !rest.contains('/') {
            true => format!("library/{rest}"),
            false => rest.to_owned(),
        };
        let wrong = |e| Error::not_found(format!("`{name}` is not a repository")).because(e);
        let kept_as: RepositoryName = format!("{}/{path}", remote.key).parse().map_err(wrong)?;
        let name: RepositoryName = path.parse().map_err(wrong)?;
        Ok(Place {
            client: remote.repository(&name),
            kept: self.root.repository(&kept_as),
            remote,
            name,
            kept_as,
        })
    }

    fn is_fresh(&self, at: &(RepositoryName, Tag)) -> bool {
        let confirmed = locked(&self.confirmed);
        confirmed
            .get(at)
            .is_some_and(|when| when.elapsed() < self.fresh)
    }

    fn confirm(&self, at: (RepositoryName, Tag)) {
        let mut confirmed = locked(&self.confirmed);
        if confirmed.len() >= REMEMBERED {
            confirmed.clear();
        }
        confirmed.insert(at, Instant::now());
    }

    async fn tagged(&self, place: &Place<'_>, tag: &Tag) -> Result<Option<Found>> {
        let at = (place.kept_as.clone(), tag.clone());
        let kept = || place.kept.manifest(Named::Tag(tag));
        if let Some(found) = kept()?.filter(|_| self.is_fresh(&at)) {
            return Ok(Some(found));
        }
        let _one = self
            .asking
            .lock((place.kept_as.clone(), tag.to_string()))
            .await;
        let Some(found) = kept()? else {
            return match place.manifest(&TagOrDigest::Tag(tag.clone())).await {
                Ok(manifest) => {
                    keep(place, &manifest, Some(tag)).await?;
                    self.confirm(at);
                    kept()
                }
                Err(e) if e.kind() == Kind::NotFound => Ok(None),
                Err(e) => Err(e),
            };
        };
        // Another request may have asked meanwhile.
        if self.is_fresh(&at) {
            return Ok(Some(found));
        }
        match place.answer(self.confirmed(place, tag, &found)).await {
            Ok(is_there) => {
                self.confirm(at);
                match is_there {
                    true => kept(),
                    false => Ok(None),
                }
            }
            Err(e) if is_trouble(&e) => {
                tracing::warn!("`{}:{tag}` is served as it was kept: {e:#}", place.kept_as);
                Ok(Some(stale(found)))
            }
            Err(e) => Err(e),
        }
    }

    /// Brings the kept `tag` up to date; false when the upstream has it no more, and then it is kept no more either.
    async fn confirmed(&self, place: &Place<'_>, tag: &Tag, found: &Found) -> Result<bool> {
        let Some(now) = place.current(tag).await? else {
            let (kept, tag) = (place.kept.clone(), tag.clone());
            blocking(move || kept.delete_tag(&tag)).await?;
            return Ok(false);
        };
        if *now.digest() == found.digest {
            return Ok(true);
        }
        let manifest = match now {
            Current::Manifest(manifest) => manifest,
            // By its tag, which the policy may ask about.
            Current::Digest(_) => place.manifest(&TagOrDigest::Tag(tag.clone())).await?,
        };
        keep(place, &manifest, Some(tag)).await?;
        Ok(true)
    }

    /// The bytes of a blob from `offset` on, as they arrive from the upstream; all who ask follow one download.
    async fn pull(
        self: Arc<Self>,
        name: RepositoryName,
        digest: Digest,
        size: u64,
        offset: u64,
    ) -> Result<BlobStream> {
        let place = self.place(&name)?;
        let key = (place.kept_as.clone(), digest.clone());
        let pull = self.pulls.join(&key, size, || {
            let source = place.remote.source(&place.name, None);
            let (kept, mirror) = (place.kept.clone(), self.clone());
            let done = move || mirror.make_room();
            Pull::new(source, &digest, size, kept, done)
        });
        let stream = pull.await?.follow(offset).await?;
        Ok(self.reading.guard(&digest, stream))
    }

    /// Removes what was not used for longest when there is too much.
    fn make_room(&self) {
        if let Some(most) = self.max_size {
            evict::make_room(&self.root, most, &self.reading);
        }
    }
}

/// Keeps a manifest of an upstream. What it names is read when it is asked for.
async fn keep(place: &Place<'_>, manifest: &Manifest, tag: Option<&Tag>) -> Result<()> {
    let (kept, manifest, tag) = (place.kept.clone(), manifest.clone(), tag.cloned());
    let writers = place.kept.writers();
    let keep = move || {
        let parts = (
            manifest.digest(),
            manifest.media_type().as_str(),
            manifest.raw(),
        );
        let tags: Vec<&Tag> = tag.iter().collect();
        kept.put_manifest(parts, &tags, || Ok::<(), Error>(()))
    };
    writers.run(keep).await
}

fn stale(found: Found) -> Found {
    Found {
        warning: Some(STALE),
        ..found
    }
}

impl Place<'_> {
    /// What the upstream answers to `ask` about something that is kept: it is not waited for longer than [`PATIENCE`], and not
    /// asked at all when it was in trouble a moment ago.
    async fn answer<T>(&self, ask: impl Future<Output = Result<T>>) -> Result<T> {
        let away = |what: String| {
            let text = format!("`{}` {what}", self.remote.key);
            Err(Error::unavailable(text))
        };
        if self.remote.is_in_trouble() {
            return away("refused or was away a moment ago".into());
        }
        let asked = tokio::time::timeout(PATIENCE, ask).await;
        let asked = asked.unwrap_or_else(|_| away(format!("did not answer within {PATIENCE:?}")));
        if asked.as_ref().is_err_and(is_trouble) {
            self.remote.note_trouble();
        }
        asked
    }
}

/// The mirror as content: a part of it has to outlive the request that asks.
pub(super) struct Mirrored(pub(super) Arc<Mirror>);

#[async_trait]
impl Content for Mirrored {
    async fn repositories(&self) -> Result<Vec<String>> {
        self.0.root.repositories().await
    }

    async fn tags(&self, name: &RepositoryName) -> Result<Option<Arc<[Arc<str>]>>> {
        let place = self.0.place(name)?;
        // Without any that are kept, it is not known whether there is such a repository.
        let Some(kept) = self.0.root.tags(&place.kept_as).await? else {
            return sorted(place.tags().await);
        };
        match sorted(place.answer(place.tags()).await) {
            Err(e) if is_trouble(&e) => {
                let kept_as = &place.kept_as;
                tracing::warn!("the tags of `{kept_as}` are those that are kept: {e:#}");
                Ok(Some(kept))
            }
            tags => tags,
        }
    }

    async fn manifest(&self, name: &RepositoryName, which: Named<'_>) -> Result<Option<Found>> {
        let place = self.0.place(name)?;
        let digest = match which {
            Named::Tag(tag) => return self.0.tagged(&place, tag).await,
            Named::Digest(digest) => digest,
        };
        let asked = TagOrDigest::Digest(digest.clone());
        // What was not kept as a manifest, but as a blob, has not passed the policy.
        let kept = || -> Result<Option<Found>> {
            match place.is_open(&asked) || place.kept.lists(digest)? {
                true => place.kept.manifest(which),
                false => Ok(None),
            }
        };
        if let Some(found) = kept()? {
            return Ok(Some(found));
        }
        let _one = self
            .0
            .asking
            .lock((place.kept_as.clone(), digest.to_string()))
            .await;
        if let Some(found) = kept()? {
            return Ok(Some(found));
        }
        match place.manifest(&asked).await {
            Ok(manifest) => {
                keep(&place, &manifest, None).await?;
                place.kept.manifest(which)
            }
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn blob(&self, name: &RepositoryName, digest: &Digest) -> Result<Option<Blob>> {
        let place = self.0.place(name)?;
        let blobs = place.kept.blobs();
        let size = match (
            blobs.size(digest),
            self.0.pulls.size(&(place.kept_as.clone(), digest.clone())),
        ) {
            (Some(size), _) => {
                evict::touch(&blobs.file(digest));
                let (file, reading, digest) =
                    (blobs.file(digest), self.0.reading.clone(), digest.clone());
                let read = move |offset| {
                    async move {
                        let stream = blob_store::read_file(&file, offset).await?;
                        Ok(reading.guard(&digest, stream))
                    }
                    .boxed()
                };
                let place = BlobPlace::Later(Box::new(read));
                return Ok(Some(Blob { size, place }));
            }
            (None, Some(size)) => size,
            (None, None) => match place.blob_size(digest).await {
                Ok(size) => size,
                Err(e) if e.kind() == Kind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            },
        };
        let (mirror, name, digest) = (self.0.clone(), name.clone(), digest.clone());
        let read = move |offset| mirror.pull(name, digest, size, offset).boxed();
        let place = BlobPlace::Later(Box::new(read));
        Ok(Some(Blob { size, place }))
    }

    #[cfg(feature = "legacy")]
    fn kept(&self, name: &RepositoryName) -> Result<Option<(&dyn Content, RepositoryName)>> {
        let place = self.0.place(name)?;
        Ok(Some((&*self.0.root, place.kept_as)))
    }

    async fn referrers(&self, name: &RepositoryName, digest: &Digest) -> Result<Vec<Value>> {
        let place = self.0.place(name)?;
        let kept = self.0.root.referrers(&place.kept_as, digest).await?;
        let ask = place.remote.referrers(&place.client, digest);
        if kept.is_empty() {
            return ask.await;
        }
        match place.answer(ask).await {
            Err(e) if is_trouble(&e) => Ok(kept),
            found => found,
        }
    }
}

/// The tags of an upstream as they are served; `None` where it has no such repository.
fn sorted(tags: Result<Vec<Arc<str>>>) -> Result<Option<Arc<[Arc<str>]>>> {
    match tags {
        Ok(mut tags) => {
            tags.sort_unstable();
            Ok(Some(tags.into()))
        }
        Err(e) if e.kind() == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Locks by key.
struct OneAtATime<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for OneAtATime<K> {
    fn default() -> Self {
        OneAtATime(Mutex::default())
    }
}

impl<K: Hash + Eq> OneAtATime<K> {
    /// Waits until no other holds `key`.
    async fn lock(&self, key: K) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = locked(&self.0);
            // Those that nobody holds or waits for.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(key).or_default().clone()
        };
        lock.lock_owned().await
    }
}
