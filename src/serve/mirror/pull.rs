//! `Pull`: one download of a blob, which any number of clients follow while it grows.
//!
//! It goes on when all of them have left, and after a restart it goes on where it was. The last bytes are handed out when the
//! content has been verified, so nobody gets all of a wrong blob.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use crate::image::{Descriptor, Digest, MediaType, RepositoryName};
use crate::platform::FileExt;
use crate::serve::store::{Repository, Session};
use crate::transport::blob_store::{self, Lock};
use crate::transport::{BlobStream, Source};
use crate::{Error, Kind, Result, locked};

/// Bytes that are read at a time.
const PIECE: u64 = 256 * 1024;
/// A download that broke off is removed when the server starts and nothing was added to it for so long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

type Key = (RepositoryName, Digest);

/// The downloads under way.
pub(super) struct Pulls {
    dir: PathBuf,
    open: Mutex<HashMap<Key, Arc<Following>>>,
}

/// What a download needs.
pub(super) struct Pull {
    source: BoxFuture<'static, Result<Arc<dyn Source>>>,
    blob: Descriptor,
    kept: Arc<Repository>,
    done: Box<dyn FnOnce() + Send>,
}

/// What those who follow a download see of it.
pub(super) struct Following {
    file: PathBuf,
    kept: PathBuf,
    size: u64,
    progress: watch::Receiver<Progress>,
}

#[derive(Debug, Clone)]
enum Progress {
    /// So many bytes are there.
    Bytes(u64),
    Done,
    Failed(Kind, String),
}

impl Pulls {
    /// Downloads into files of the directory `dir`. Blocks.
    pub(super) fn new(dir: &Path) -> Pulls {
        forget_old(dir);
        Pulls {
            dir: dir.to_owned(),
            open: Mutex::default(),
        }
    }

    /// The size of a blob that is being downloaded.
    pub(super) fn size(&self, key: &Key) -> Option<u64> {
        let open = locked(&self.open);
        open.get(key).map(|pull| pull.size)
    }

    /// The download of `key`, which is started with `pull` unless it is under way.
    pub(super) async fn join(
        self: &Arc<Self>,
        key: &Key,
        size: u64,
        pull: impl FnOnce() -> Pull,
    ) -> Result<Arc<Following>> {
        let digest = &key.1;
        // `+` is in no name.
        let name = format!(
            "{}-{}-{}",
            digest.algorithm(),
            digest.hex(),
            key.0.as_str().replace('/', "+")
        );
        blob_store::create_directory(&self.dir)?;
        let mut open = locked(&self.open);
        if let Some(under_way) = open.get(key) {
            return Ok(under_way.clone());
        }
        let pull = pull();
        let kept = pull.kept.blobs().file(digest);
        if std::fs::metadata(&kept).is_ok_and(|about| about.len() == size) {
            // It was completed since the client asked for its size.
            let (_, progress) = watch::channel(Progress::Done);
            return Ok(Arc::new(Following {
                file: kept.clone(),
                kept,
                size,
                progress,
            }));
        }
        let (file, lock) = self.claim(&name)?;
        let session = Session::at(&file, size)?;
        let (progress, seen) = watch::channel(Progress::Bytes(session.len()));
        let following = Arc::new(Following {
            kept,
            file: file.clone(),
            size,
            progress: seen,
        });
        open.insert(key.clone(), following.clone());
        let (pulls, key) = (self.clone(), key.clone());
        tokio::spawn(async move {
            let ended = pull.run(&session, &progress).await;
            if let Err(e) = &ended {
                tracing::warn!("`{}` was not read from the upstream: {e:#}", key.1);
                // A disk that is full has to have room for manifests again.
                if matches!(e.kind(), Kind::Corrupt | Kind::Refused) {
                    blob_store::remove(&file);
                }
            }
            drop(lock);
            // Before those who follow see it: who comes later finds the blob itself.
            let mut open = locked(&pulls.open);
            open.remove(&key);
            drop(open);
            progress.send_replace(match ended {
                Ok(()) => Progress::Done,
                Err(e) => Progress::Failed(e.kind(), e.to_string()),
            });
        });
        Ok(following)
    }

    /// The file for a download that is called `name`, and the lock on it. While another process of the same root has it, this
    /// one reads into a file of its own.
    fn claim(&self, name: &str) -> Result<(PathBuf, Lock)> {
        // Names of files are short enough with what is added for the lock.
        let name: String = name.chars().take(220).collect();
        let mut n = 0;
        loop {
            let name = match n {
                0 => name.clone(),
                n => format!("{name}.{n}"),
            };
            if let Some(lock) = Lock::try_take(&self.dir, Some(&name))? {
                return Ok((self.dir.join(name), lock));
            }
            n += 1;
        }
    }
}

/// Removes what downloads left behind that nobody has gone on with for [`KEPT`].
fn forget_old(dir: &Path) {
    for file in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let modified = file.metadata().and_then(|about| about.modified());
        let age = modified.ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age >= KEPT) {
            blob_store::remove(&file.path());
        }
    }
}

impl Pull {
    /// A download of the blob `digest` from `source` into `kept`; `done` is called when it is there.
    pub(super) fn new(
        source: BoxFuture<'static, Result<Arc<dyn Source>>>,
        digest: &Digest,
        size: u64,
        kept: Arc<Repository>,
        done: impl FnOnce() + Send + 'static,
    ) -> Pull {
        Pull {
            source,
            blob: Descriptor::new(MediaType::OCTET_STREAM, digest.clone(), size),
            kept,
            done: Box::new(done),
        }
    }

    async fn run(self, session: &Session, progress: &watch::Sender<Progress>) -> Result<()> {
        let source = self.source.await?;
        let mut hashed = session.written.lock().await;
        if session.len() < self.blob.size {
            let mut bytes = source.blob_unhashed(&self.blob, session.len()).await?;
            let mut appending = session.append(&mut hashed).await?;
            let ended = loop {
                match bytes.next().await {
                    Some(Ok(piece)) => appending.push(piece).await?,
                    Some(Err(e)) => break Err(e),
                    None => break Ok(()),
                }
                progress.send_if_modified(|now| {
                    let is_more = matches!(now, Progress::Bytes(len) if *len < session.len());
                    *now = Progress::Bytes(session.len());
                    is_more
                });
            };
            appending.end(&mut hashed).await?;
            ended?;
        }
        if !session
            .finish(&mut hashed, &self.blob.digest, &self.kept)
            .await?
        {
            let text = format!("what the upstream sent is not `{}`", self.blob.digest);
            return Err(Error::corrupt(text));
        }
        let done = self.done;
        blob_store::blocking(move || {
            done();
            Ok(())
        })
        .await
    }
}

impl Following {
    /// The bytes from `offset` on, as they arrive.
    pub(super) async fn follow(&self, offset: u64) -> Result<BlobStream> {
        let (growing, kept) = (self.file.clone(), self.kept.clone());
        let file = blob_store::blocking(move || {
            // It may have got its name by now.
            let opened = File::open(&growing).or_else(|_| File::open(&kept));
            opened.map_err(|e| blob_store::cannot_read(&growing, e))
        })
        .await?;
        let (progress, size) = (self.progress.clone(), self.size);
        let state = (Arc::new(file), progress, offset);
        Ok(Box::pin(stream::try_unfold(state, move |state| {
            piece(state, size)
        })))
    }
}

type State = (Arc<File>, watch::Receiver<Progress>, u64);

/// The next bytes of a growing file, once they are there.
async fn piece((file, mut progress, at): State, size: u64) -> Result<Option<(Bytes, State)>> {
    if at >= size {
        return Ok(None);
    }
    let there = |now: &Progress| match now {
        // All but the last byte, until it is known that they are right.
        Progress::Bytes(len) => (*len).min(size - 1) > at,
        Progress::Done | Progress::Failed(..) => true,
    };
    let now = progress.wait_for(there).await.map(|now| now.clone());
    let end = match now {
        Ok(Progress::Bytes(len)) => len.min(size - 1),
        Ok(Progress::Done) => size,
        Ok(Progress::Failed(kind, text)) => return Err(Error::new(kind, text)),
        Err(e) => return Err(Error::other("the download was stopped").because(e)),
    };
    let len = usize::try_from((end - at).min(PIECE)).unwrap_or(0);
    let reading = file.clone();
    let bytes = blob_store::blocking(move || {
        let mut bytes = vec![0; len];
        let read = reading.read_exact_at(&mut bytes, at);
        read.map_err(|e| Error::other("a download cannot be read").because(e))?;
        Ok(Bytes::from(bytes))
    })
    .await?;
    Ok(Some((bytes, (file, progress, at + len as u64))))
}
