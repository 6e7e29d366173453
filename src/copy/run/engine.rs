//! The engine: moves the blobs of a plan side by side, largest first, with lanes kept for small ones. The first failure
//! stops the rest. The manifests are written afterwards ([`super::manifests`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use super::lanes::Lanes;
use super::shared_source::Reader;
use crate::copy::options::CopyOptions;
use crate::copy::types::{BlobDone, BlobStep, Content, Progress, Recoded};
use crate::copy::{reading, with_sparse, writing};
use crate::image::{Descriptor, Repository};
use crate::transport::Upgrade;
use crate::transport::codec::{self, Cores};
use crate::transport::{
    BlobBody, BlobOutcome, BlobStream, Destination, FormTurn, Located, Presence, Source,
    is_resume_mismatch,
};
use crate::{Error, Result};

/// From this size on a blob takes one of the few lanes for large ones.
const LARGE: u64 = 4 << 20;
const SMALL_LANES: usize = 16;
/// The same where a host is far away: a small blob takes little more than the way there and back, however many go
/// side by side.
const FAR_LANES: usize = 48;
/// From this time between request and answer on a host is far away.
const FAR: Duration = Duration::from_millis(30);

/// How the source read a blob.
#[derive(Default)]
struct ReadOfBlob {
    failed: AtomicBool,
    /// The offset of the last read.
    from: AtomicU64,
}

/// The state that all blob tasks share.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) source: Arc<dyn Source>,
    pub(super) destination: Arc<dyn Destination>,
    pub(super) options: Arc<CopyOptions>,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) moved: Arc<AtomicU64>,
    /// Repositories in which the blobs are known to be.
    pub(super) found_in: Vec<Repository>,
    pub(super) cores: Cores,
    /// Blobs are sent even if the destination says that it has them.
    pub(super) send_all: bool,
    /// Learns the plain digests of the layers of a schema 1 image.
    pub(super) upgrade: Option<Arc<dyn Upgrade>>,
    /// All images of an index are copied.
    pub(super) whole_index: bool,
    /// The source, where other copies read it too.
    pub(super) reader: Option<Reader>,
}

impl Work {
    /// The same work, sending blobs even if the destination says that it has them.
    pub(super) fn sending_all(&self) -> Work {
        Work {
            send_all: true,
            ..self.clone()
        }
    }

    /// How often either side has asked to slow down.
    fn pressure(&self) -> u64 {
        self.source.network().pressure() + self.destination.network().pressure()
    }

    /// How many small blobs move side by side.
    fn small_lanes(&self) -> usize {
        let networks = [self.source.network(), self.destination.network()];
        match networks.iter().filter_map(|n| n.round_trip()).max() {
            Some(way) if way >= FAR => FAR_LANES,
            _ => SMALL_LANES,
        }
    }

    /// Moves the blobs of `steps`.
    pub(super) async fn blobs(&self, steps: &[BlobStep]) -> Result<Vec<BlobDone>> {
        let to_move = steps.iter().filter(|s| s.presence != Presence::Present);
        self.progress.plan(
            to_move.clone().count(),
            // Sizes are what a manifest says.
            to_move.fold(0, |all, s| all.saturating_add(s.moving().size)),
        );
        let new = || Lanes::new(self.options.parallel, self.small_lanes());
        let lanes = match &self.reader {
            Some(reader) => reader.lanes(new),
            None => new(),
        };
        let mut order: Vec<&BlobStep> = steps.iter().collect();
        // Recoded layers go in the order of the image: each gets its place when the one before it is done.
        order.sort_by_key(|s| match s.content {
            Content::Recoded(_) => std::cmp::Reverse(u64::MAX),
            Content::Source | Content::Made(_) => std::cmp::Reverse(s.blob.size),
        });
        let mut tasks = JoinSet::new();
        for step in order {
            let lane = match &step.content {
                Content::Recoded(_) => lanes.recoding.clone(),
                _ if step.blob.size >= LARGE => lanes.large.clone(),
                _ => lanes.small.clone(),
            };
            let (work, step) = (self.clone(), step.clone());
            tasks.spawn(async move {
                let shared = match &work.reader {
                    Some(reader) => reader.turn(&step.moving().digest, &lane).await,
                    None => None,
                };
                let place = match shared.is_some() {
                    true => None,
                    false => Some(lane.enter().await),
                };
                let pressure = work.pressure();
                let done = work.blob(step).await;
                let disturbed = work.pressure() > pressure;
                if let Some(turn) = shared {
                    turn.leave(disturbed);
                }
                if let Some(place) = place {
                    place.leave(disturbed);
                }
                done
            });
        }
        let mut outcomes = Vec::with_capacity(steps.len());
        while let Some(joined) = tasks.join_next().await {
            let joined = joined.map_err(|e| Error::other("a copying task died").because(e));
            match joined.and_then(|done| done) {
                Ok(done) => outcomes.push(done),
                Err(e) => {
                    // The temporary files of the others are removed before the failure is reported.
                    tasks.shutdown().await;
                    return Err(e);
                }
            }
        }
        Ok(outcomes)
    }

    async fn blob(&self, step: BlobStep) -> Result<BlobDone> {
        let is_made = matches!(step.content, Content::Made(_));
        let mut blob = step.blob.clone();
        if step.presence == Presence::Present {
            return self.present(blob, None).await;
        }
        let read = Arc::new(ReadOfBlob::default());
        let mut body = self.body_of(&step, &read);
        let recoded = match step.content {
            Content::Recoded(recoded) => Some(recoded),
            Content::Source | Content::Made(_) => None,
        };
        let mut form = match &recoded {
            Some(recoded) => self.form(recoded).await,
            None => None,
        };
        if let Some((digest, size)) = form.as_deref().cloned().flatten() {
            (blob.digest, blob.size) = (digest, size);
            return self.present(blob, recoded).await;
        }
        // A blob that was not there when the plan looked is written even where a file has its name: its bytes are wrong.
        let recheck = self.options.recheck && step.presence == Presence::Absent;
        body.must_send = self.send_all || recheck;
        let located = match recoded.is_none() && !body.must_send {
            true => self.located(&blob).await,
            false => Located::default(),
        };
        if located.is_here {
            return self.present(blob, None).await;
        }
        body.found_in.splice(0..0, located.repositories.clone());
        let is_final = recoded.is_none();
        let mut put = self.put(&mut blob, &body, is_final).await;
        if put.as_ref().is_err_and(is_resume_mismatch) {
            // B12: the answers of a resumed download did not fit together; one clean read from the start.
            put = self.put(&mut blob, &body, is_final).await;
        }
        let moved = recoded.as_ref().map_or(&blob, |recoded| &recoded.from);
        let outcome = match put {
            Ok(outcome) => outcome,
            Err(e) => {
                self.progress.failed(moved);
                return Err(match read.failed.load(Ordering::Relaxed) {
                    true => reading(self.with_hint(e)),
                    false => writing(e),
                });
            }
        };
        if outcome == BlobOutcome::Written && is_made {
            self.moved.fetch_add(blob.size, Ordering::Relaxed);
        }
        located.written(blob.size, outcome == BlobOutcome::Written);
        if let Some(form) = &mut form {
            **form = Some((blob.digest.clone(), blob.size));
        }
        self.completed(&blob).await?;
        if outcome != BlobOutcome::Deferred {
            self.progress.done(moved, outcome);
        }
        Ok(BlobDone {
            blob,
            outcome,
            resumed_from: read.from.load(Ordering::Relaxed),
            recoded,
        })
    }

    /// `blob` is at the destination.
    async fn present(&self, blob: Descriptor, recoded: Option<Box<Recoded>>) -> Result<BlobDone> {
        self.completed(&blob).await?;
        let done = BlobDone {
            blob,
            outcome: BlobOutcome::Present,
            resumed_from: 0,
            recoded,
        };
        self.progress.done(done.moved(), BlobOutcome::Present);
        Ok(done)
    }

    /// The bytes that `step` writes.
    fn body_of(&self, step: &BlobStep, read: &Arc<ReadOfBlob>) -> BlobBody {
        let urls: Arc<[String]> = step.urls.clone().into();
        match &step.content {
            Content::Made(bytes) => BlobBody::of_bytes(bytes.clone()),
            Content::Source => {
                let body = self.body(&step.blob, &urls, read);
                match &self.upgrade {
                    Some(upgrade) => upgrade.clone().watched(&step.blob, body),
                    None => body,
                }
            }
            Content::Recoded(recoded) => {
                let from = self.body(&recoded.from, &urls, read);
                recoding(from, recoded, self.cores.clone())
            }
        }
    }

    /// Writes `blob`; unless its digest and size are final, it gets those of what was written.
    async fn put(
        &self,
        blob: &mut Descriptor,
        body: &BlobBody,
        is_final: bool,
    ) -> Result<BlobOutcome> {
        if is_final {
            return self.destination.put_blob(blob, body.clone()).await;
        }
        let written = self.destination.put_stream(blob, body.clone()).await?;
        blob.digest = written.digest;
        blob.size = written.size;
        Ok(written.outcome)
    }

    /// `e` of the source, with the flag that leaves images of an index out.
    fn with_hint(&self, e: Error) -> Error {
        match self.whole_index && e.advice().is_none() {
            true => with_sparse(&*self.source, e),
            false => e,
        }
    }

    /// Where other copies have written `blob`; waits while one of them is at it.
    async fn located(&self, blob: &Descriptor) -> Located {
        match (&self.options.locations, self.destination.repository()) {
            (Some(locations), Some(own)) => {
                // The bytes go on to the copies that do not wait.
                let waits = || {
                    self.reader
                        .iter()
                        .for_each(|reader| reader.leave(&blob.digest))
                };
                locations.locate(&blob.digest, own, waits).await
            }
            _ => Located::default(),
        }
    }

    /// What other copies have written the layer as; waits while one of them is at it.
    async fn form(&self, recoded: &Recoded) -> Option<FormTurn> {
        let locations = self.options.locations.as_ref()?;
        let own = self.destination.repository()?;
        let digest = &recoded.from.digest;
        let waits = || self.reader.iter().for_each(|reader| reader.leave(digest));
        locations.form(own, digest, recoded.into, waits).await
    }

    /// Reads the layer `blob` for its plain digest where that is needed and its bytes did not pass.
    async fn completed(&self, blob: &Descriptor) -> Result<()> {
        if let Some(upgrade) = &self.upgrade {
            let read = upgrade.complete(&*self.source, blob).await;
            let read = read.map_err(reading)?;
            self.moved.fetch_add(read, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The blob's bytes from the source, counted and reported as they pass.
    fn body(&self, blob: &Descriptor, urls: &Arc<[String]>, read: &Arc<ReadOfBlob>) -> BlobBody {
        let (work, wanted, urls, read) = (self.clone(), blob.clone(), urls.clone(), read.clone());
        let open = Arc::new(move |from, unhashed| {
            let (work, blob, read) = (work.clone(), wanted.clone(), read.clone());
            let urls = urls.clone();
            read.from.store(from, Ordering::Relaxed);
            let opening: BoxFuture<'static, Result<BlobStream>> = Box::pin(async move {
                let opened = match unhashed && urls.is_empty() {
                    true => work.source.blob_unhashed(&blob, from).await,
                    false => {
                        let source = &*work.source;
                        work.options
                            .elsewhere
                            .blob(source, &blob, &urls, from)
                            .await
                    }
                };
                read.failed.store(opened.is_err(), Ordering::Relaxed);
                work.progress.start(&blob, from);
                let counted = opened?.inspect(move |item| match item {
                    Ok(bytes) => {
                        work.moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                        work.progress.advance(&blob.digest, bytes.len() as u64);
                    }
                    Err(_) => read.failed.store(true, Ordering::Relaxed),
                });
                Ok(Box::pin(counted) as BlobStream)
            });
            opening
        });
        let hashed = open.clone();
        let mut body = BlobBody::new(move |from| hashed(from, false));
        if !self.options.rehash {
            body = body.or_unhashed(move |from| open(from, true));
        }
        body.found_in = self.found_in.clone();
        body
    }
}

/// `from` in the form of `recoded`. It can be read from its beginning only.
fn recoding(from: BlobBody, recoded: &Recoded, cores: Cores) -> BlobBody {
    let (diff_id, into) = (recoded.diff_id.clone(), recoded.into);
    BlobBody::new(move |offset| {
        let (from, diff_id, cores) = (from.clone(), diff_id.clone(), cores.clone());
        Box::pin(async move {
            if offset > 0 {
                return Err(Error::other("a layer in another form cannot be continued"));
            }
            let plain = codec::inflated(from.open(0).await?, &diff_id);
            Ok(match into {
                Some(codec) => codec::compressed(plain, codec, &cores),
                None => plain,
            })
        })
    })
}
