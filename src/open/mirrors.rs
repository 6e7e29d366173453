//! An image that several places may serve: mirrors in their order, then the place itself.
//!
//! The first place whose manifest can be read serves the image; what it lacks is asked for at the places after it. Which
//! places there are was decided before, by registries.conf. Every byte is checked as from any registry.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use url::Url;

use crate::image::{Descriptor, Digest, Manifest, Reference, Sketch};
use crate::transport::asked::summed;
use crate::transport::{
    BlobSizes, BlobStream, CurrentDigest, ManifestRef, Network, PassedOver, RangedBlobs, ReadAhead,
    Sketches, Source, SourceOffers, TagList, TagPages,
};
use crate::{Error, Result, locked};

/// An image with several places to read it from.
pub(super) struct MirroredSource {
    /// The name that was asked for, under which the image is reported.
    reference: Reference,
    /// In the order in which they are asked; never empty.
    places: Vec<Arc<dyn Source>>,
    /// Which of `places` serves the image.
    chosen: OnceLock<usize>,
    passed_over: Mutex<Vec<PassedOver>>,
}

impl MirroredSource {
    /// The image `reference`, read from the first of `places` that has it. Nothing is sent before something is asked for.
    pub(super) fn new(reference: &Reference, places: Vec<Arc<dyn Source>>) -> MirroredSource {
        MirroredSource {
            reference: reference.clone(),
            places,
            chosen: OnceLock::new(),
            passed_over: Mutex::default(),
        }
    }

    /// The places from the one that serves the image on; all of them while that is not known.
    fn serving(&self) -> &[Arc<dyn Source>] {
        let at = self.chosen.get().copied().unwrap_or(0);
        self.places.get(at..).unwrap_or_default()
    }

    /// The place that serves the image as far as that is known, else the last one, which is the image's own.
    fn current(&self) -> Option<&dyn Source> {
        let place = match self.chosen.get() {
            Some(at) => self.places.get(*at),
            None => self.places.last(),
        };
        place.map(|place| &**place)
    }

    /// The first answer to `ask`. If none of the places answers, the error of the last one, which names the others'.
    async fn first<'a, T>(
        &'a self,
        ask: impl Fn(&'a dyn Source) -> BoxFuture<'a, Result<T>>,
    ) -> Result<T> {
        let mut failures = Failures::default();
        for place in self.serving() {
            match ask(&**place).await {
                Ok(answer) => {
                    let at = self.places.iter().position(|p| Arc::ptr_eq(p, place));
                    if self.chosen.get().is_none()
                        && let Some(at) = at
                    {
                        tracing::debug!(
                            "reading docker://{} from {}",
                            self.reference,
                            place.name()
                        );
                        let _ = self.chosen.set(at);
                    }
                    self.remember(failures);
                    return Ok(answer);
                }
                Err(e) => failures.add(&place.name(), e),
            }
        }
        Err(failures.into_error())
    }

    /// Notes the places of `failures`, of which a later one served.
    fn remember(&self, failures: Failures) {
        // A panic elsewhere leaves the value complete.
        let mut known = locked(&self.passed_over);
        for passed in failures.passed {
            if known.iter().all(|other| other.place != passed.place) {
                known.push(passed);
            }
        }
    }
}

/// Why places could not be read, in their order.
#[derive(Default)]
struct Failures {
    passed: Vec<PassedOver>,
    last: Option<Error>,
}

impl Failures {
    fn add(&mut self, place: &str, e: Error) {
        tracing::debug!("a mirror is passed over: reading {place}: {}", one_line(&e));
        self.passed.push(PassedOver {
            place: place.to_owned(),
            reason: one_line(&e),
        });
        self.last = Some(e.context(format!("reading {place}")));
    }

    fn into_error(mut self) -> Error {
        let none = || Error::not_found("there is no place to read from");
        let last = self.last.unwrap_or_else(none);
        self.passed.pop();
        let told = |p: &PassedOver| format!("reading {}: {}", p.place, p.reason);
        let before: Vec<_> = self.passed.iter().map(told).collect();
        match before.is_empty() {
            true => last,
            false => last.context(format!(
                "the mirrors failed as well ({})",
                before.join("; ")
            )),
        }
    }
}

fn one_line(e: &Error) -> String {
    let all: Vec<String> = e.chain().map(ToString::to_string).collect();
    all.join(": ")
}

#[async_trait]
impl Source for MirroredSource {
    fn name(&self) -> String {
        format!("docker://{}", self.reference)
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        self.first(|place| place.manifest(which)).await
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        self.first(|place| place.blob(blob, from)).await
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        self.first(|place| place.blob_unhashed(blob, from)).await
    }

    /// The image is reported by the name that was asked for, wherever it is read from.
    fn offers(&self) -> SourceOffers<'_> {
        let current = self.current().map(Source::offers).unwrap_or_default();
        let mut serving = self.serving().iter();
        let can_tell = serving.all(|place| place.offers().digest.is_some());
        SourceOffers {
            reference: Some(&self.reference),
            sizes: Some(self),
            ranges: Some(self),
            network: Some(self),
            sketches: Some(self),
            tags: Some(self),
            digest: can_tell.then_some(self),
            ..current
        }
    }
}

#[async_trait]
impl CurrentDigest for MirroredSource {
    /// The digest at the first place that has the image. That there is nothing is for the last place to say, which is the
    /// image's own: a mirror may lack what exists.
    async fn current(&self) -> Result<Option<Digest>> {
        let Some(last) = self.places.last() else {
            return Ok(None);
        };
        let asked = self.first(|place| {
            Box::pin(async move {
                let digest = match place.offers().digest {
                    Some(digest) => digest.current().await?,
                    None => None,
                };
                match digest {
                    None if !std::ptr::addr_eq(place, &raw const **last) => {
                        Err(Error::not_found("it does not have the image"))
                    }
                    digest => Ok(digest),
                }
            })
        });
        asked.await
    }
}

#[async_trait]
impl BlobSizes for MirroredSource {
    async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        self.first(|place| Box::pin(place.blob_size(digest))).await
    }
}

#[async_trait]
impl RangedBlobs for MirroredSource {
    async fn begin_of(&self, blob: &Descriptor, len: usize) -> Result<Bytes> {
        self.first(|place| Box::pin(place.begin_of(blob, len)))
            .await
    }

    async fn part_of(&self, blob: &Descriptor, part: Range<u64>) -> Result<BlobStream> {
        self.first(|place| Box::pin(place.part_of(blob, part.clone())))
            .await
    }
}

impl Network for MirroredSource {
    fn origin(&self) -> Option<Url> {
        self.current()?.network().origin()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        let each = self.places.iter().map(|place| place.network().requests());
        each.fold(BTreeMap::new(), summed)
    }

    fn round_trip(&self) -> Option<Duration> {
        self.current()?.network().round_trip()
    }

    fn pressure(&self) -> u64 {
        let places = self.places.iter();
        places.map(|place| place.network().pressure()).sum()
    }

    fn passed_over(&self) -> Vec<PassedOver> {
        let known = locked(&self.passed_over);
        known.clone()
    }
}

#[async_trait]
impl Sketches for MirroredSource {
    async fn sketch(&self) -> Result<Option<Sketch>> {
        self.first(|place| Box::pin(place.sketch())).await
    }

    fn read_ahead(&self) -> ReadAhead {
        let read_ahead = self.current().map(|place| place.read_ahead());
        read_ahead.unwrap_or_default()
    }
}

impl TagList for MirroredSource {
    /// The tags of the first place whose first page can be read.
    fn tags(&self) -> TagPages {
        let list = |place: &Arc<dyn Source>| Some((place.name(), place.offers().tags?.tags()));
        let lists: Vec<_> = self.serving().iter().filter_map(list).collect();
        let first = async move {
            let mut failures = Failures::default();
            for (place, mut pages) in lists {
                match pages.next().await {
                    None => return Ok(pages),
                    Some(Ok(page)) => {
                        let page = stream::once(async { Ok(page) });
                        return Ok(Box::pin(page.chain(pages)) as TagPages);
                    }
                    Some(Err(e)) => failures.add(&place, e),
                }
            }
            Err(failures.into_error())
        };
        Box::pin(stream::once(first).try_flatten())
    }
}
