//! `docker-daemon:` images: those that a Docker Engine (or Podman's API service) holds.
//!
//! An engine gives and takes images as archives of `docker save`, so [`super::docker_archive`] does the reading and
//! the writing, and this file carries the archives: one that is read is spooled to a file without a name, because
//! its index may stand at its end; one that is written goes through a pipe into the request while it is made. A
//! copy that fails breaks the request off: the engine never takes part of an image for the whole.

mod engine_api;

use std::fs::File;
use std::io::PipeReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::io::ReaderStream;

use super::archive_file::spool;
use super::docker_archive::{DockerArchiveDestination, DockerArchiveSource, Older};
use super::{
    BlobBody, BlobOrder, BlobOutcome, Destination, DestinationCan, DestinationOffers, ManifestRef,
    ManifestWritten, PlannedBlob, StreamedBlobs, WrittenLate,
};
use crate::image::{DaemonImage, Descriptor, ImageName, Manifest, Selector};
use crate::platform;
use crate::settings::Context;
use crate::{Error, Result, locked};
use engine_api::Engine;

/// Bytes of the pipe that are sent at a time.
const PIECE: usize = 64 * 1024;

/// The image `image` of an engine, to read: the engine saves all of it to a temporary file in `context.tmpdir`. `older`
/// reads what engines before Docker 1.10 send.
///
/// [`crate::Kind::NotFound`] when the engine has no such image, [`crate::Kind::Unavailable`] when none answers.
pub(crate) async fn source(
    image: &DaemonImage,
    context: &Context,
    older: Older,
) -> Result<DockerArchiveSource> {
    let name = ImageName::DockerDaemon(image.clone()).to_string();
    let engine = Engine::at(context.daemon_host.as_deref())?;
    // Asked first, because engines answer a save of nothing in many ways.
    engine.look(&image.to_string()).await?;
    let saved = engine.save(&image.to_string()).await?;
    let saved = saved
        .bytes_stream()
        .map(move |piece| piece.map_err(|e| engine.unreachable(e)));
    let archive = spool(Box::pin(saved), context.tmpdir.as_deref(), &name).await?;
    let archive = DockerArchiveSource::read(archive, Selector::At(0), older).await?;
    let repository = match image {
        DaemonImage::Named(reference) => Some(reference.repository.to_string()),
        DaemonImage::Id(_) => None,
    };
    Ok(archive.called(name, repository))
}

/// An image of an engine, to write. The request begins with the first write.
pub struct DockerDaemonDestination {
    name: String,
    engine: Engine,
    /// Taken by the request that sends what the archive writes.
    pipe: Mutex<Option<PipeReader>>,
    archive: DockerArchiveDestination,
    loading: Mutex<Option<JoinHandle<Result<()>>>>,
    /// Keeps the pipe open until it is known what its end means.
    open_end: std::sync::Mutex<Option<File>>,
    /// The end of the pipe is the end of the archive.
    complete: Arc<AtomicBool>,
}

impl DockerDaemonDestination {
    /// The image `image` of the engine at `context.daemon_host`; it has to have a name to be written under.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] for an image that is named by its id or a digest, for an address that is not that of an
    /// engine, and when no pipe can be made.
    pub fn open(image: &DaemonImage, context: &Context) -> Result<DockerDaemonDestination> {
        let name = ImageName::DockerDaemon(image.clone()).to_string();
        let DaemonImage::Named(reference) = image else {
            return Err(
                Error::other(format!("`{name}`: an image is loaded under a name"))
                    .hint("write `docker-daemon:NAME:TAG`"),
            );
        };
        if reference.digest.is_some() {
            return Err(Error::other(format!(
                "`{name}`: an image is loaded under a name and tag, not a digest"
            ))
            .hint("write `docker-daemon:NAME:TAG`"));
        }
        let no_pipe = |e| Error::other("a pipe to the engine cannot be made").because(e);
        let (reader, writer) = std::io::pipe().map_err(no_pipe)?;
        let writer = platform::pipe_file(writer);
        let open_end = writer.try_clone().map_err(no_pipe)?;
        let tag = reference.to_string();
        Ok(DockerDaemonDestination {
            archive: DockerArchiveDestination::piped(writer, PathBuf::from(&name), tag, context),
            engine: Engine::at(context.daemon_host.as_deref())?,
            pipe: Mutex::new(Some(reader)),
            loading: Mutex::default(),
            open_end: std::sync::Mutex::new(Some(open_end)),
            complete: Arc::default(),
            name,
        })
    }

    /// Begins the request, once.
    async fn begin_loading(&self) -> Result<()> {
        let Some(pipe) = self.pipe.lock().await.take() else {
            return Ok(());
        };
        let pipe = platform::pipe_receiver(pipe)
            .map_err(|e| Error::other("the pipe to the engine cannot be read").because(e))?;
        let complete = self.complete.clone();
        let end = stream::once(async move {
            match complete.load(Ordering::Acquire) {
                true => Ok(bytes::Bytes::new()),
                false => Err(std::io::Error::other("the copy was broken off")),
            }
        });
        let body = ReaderStream::with_capacity(pipe, PIECE).chain(end);
        let (engine, body) = (self.engine.clone(), reqwest::Body::wrap_stream(body));
        let task = tokio::spawn(async move { engine.load(body).await });
        *self.loading.lock().await = Some(task);
        Ok(())
    }

    /// `result`, or in place of the broken pipe of a failure what the engine said before it hung up.
    async fn told<T>(&self, result: Result<T>) -> Result<T> {
        let Err(e) = result else {
            return result;
        };
        let broken = std::error::Error::source(&e)
            .and_then(|e| e.downcast_ref::<std::io::Error>())
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe);
        match self.loading.lock().await.take() {
            Some(task) if broken => Err(ended(task).await.err().unwrap_or(e)),
            Some(task) => {
                task.abort();
                Err(e)
            }
            None => Err(e),
        }
    }
}

async fn ended(task: JoinHandle<Result<()>>) -> Result<()> {
    task.await
        .map_err(|e| Error::other("the request to the engine was stopped").because(e))?
}

#[async_trait]
impl Destination for DockerDaemonDestination {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn can(&self) -> DestinationCan {
        self.archive.can()
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        let put = self.archive.put_blob(blob, body).await;
        self.told(put).await
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        self.archive.put_manifest(manifest, at).await
    }

    async fn finish(&self) -> Result<()> {
        let finished = self.archive.finish().await;
        self.complete.store(finished.is_ok(), Ordering::Release);
        drop(locked(&self.open_end).take());
        self.told(finished).await?;
        match self.loading.lock().await.take() {
            Some(task) => ended(task).await,
            None => Err(Error::other("nothing was sent to the engine")),
        }
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            order: Some(self),
            streams: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl BlobOrder for DockerDaemonDestination {
    async fn begin(&self, blobs: &[PlannedBlob]) -> Result<()> {
        self.begin_loading().await?;
        self.archive.begin(blobs).await
    }
}

#[async_trait]
impl StreamedBlobs for DockerDaemonDestination {
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        let put = self.archive.put_stream(planned, body).await;
        self.told(put).await
    }
}
