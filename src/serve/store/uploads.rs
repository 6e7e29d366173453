//! Uploads that are not complete: a file each, which grows with the chunks and becomes a blob when its digest is right.
//!
//! The length of the file is the state of an upload, so that one goes on where it was after the server was killed. What is hashed
//! on the way is kept in memory; when that is lost, the file is hashed again at the end.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::Repository;
use crate::image::{Algorithm, Digest, Digester, RepositoryName};
use crate::serve::route::UploadId;
use crate::transport::blob_store::{self, blocking, cannot_write};
use crate::{Error, Result, locked};

/// Uploads that may be open at once.
const MOST: usize = 4096;
/// An upload is removed when nothing was added to it for so long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The same while no more can be opened.
const KEPT_WHEN_FULL: Duration = Duration::from_secs(60 * 60);
/// Bytes handed to the file system at a time.
const BATCH: usize = 256 * 1024;

type Open = HashMap<(RepositoryName, UploadId), Arc<Session>>;

/// The open uploads of all repositories.
pub(in crate::serve) struct Uploads {
    dir: PathBuf,
    /// `None` until those that an earlier server left are known.
    open: Mutex<Option<Open>>,
}

/// One open upload.
pub(in crate::serve) struct Session {
    file: PathBuf,
    /// Bytes that were received.
    len: AtomicU64,
    /// Held by the one request that adds to it; what was hashed so far.
    pub(in crate::serve) written: tokio::sync::Mutex<Hashed>,
}

/// The hash of the first `len` bytes of an upload, if it is known.
#[derive(Default)]
pub(in crate::serve) struct Hashed {
    digester: Option<Digester>,
    len: u64,
}

impl Uploads {
    /// Uploads in files below `dir`.
    pub(super) fn new(dir: &Path) -> Uploads {
        Uploads {
            dir: dir.to_owned(),
            open: Mutex::default(),
        }
    }

    /// Opens an upload to `name`, whose digest is expected to be of `algorithm`. `None` while too many are open. Blocks.
    pub(in crate::serve) fn start(
        &self,
        name: &RepositoryName,
        algorithm: Algorithm,
    ) -> Result<Option<(UploadId, Arc<Session>)>> {
        let dir = self.dir.join(encoded(name));
        self.with(|open| {
            if open.len() >= MOST {
                forget_old(open, KEPT_WHEN_FULL);
            }
            if open.len() >= MOST {
                return Ok(None);
            }
            let id = random_id()?;
            blob_store::create_directory(&dir)?;
            let file = dir.join(id.as_str());
            File::create_new(&file).map_err(|e| cannot_write(&file, 0, 0, e))?;
            let session = Session::new(file, 0, Some(Digester::new(algorithm)));
            open.insert((name.clone(), id.clone()), session.clone());
            Ok(Some((id, session)))
        })
    }

    /// The upload `id` to `name`, if it is open.
    pub(in crate::serve) fn find(
        &self,
        name: &RepositoryName,
        id: &UploadId,
    ) -> Option<Arc<Session>> {
        self.with(|open| open.get(&(name.clone(), id.clone())).cloned())
    }

    /// Removes an upload that is complete, given up or wrong. Blocks.
    pub(in crate::serve) fn remove(&self, name: &RepositoryName, id: &UploadId) {
        let session = self.with(|open| open.remove(&(name.clone(), id.clone())));
        if let Some(session) = session {
            blob_store::remove(&session.file);
        }
    }

    /// How many are open.
    pub(in crate::serve) fn count(&self) -> usize {
        self.with(|open| open.len())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Open) -> T) -> T {
        let mut open = locked(&self.open);
        let open = open.get_or_insert_with(|| {
            let mut left = left_by_earlier(&self.dir);
            forget_old(&mut left, KEPT);
            left
        });
        work(open)
    }
}

impl Session {
    fn new(file: PathBuf, len: u64, digester: Option<Digester>) -> Arc<Session> {
        Arc::new(Session {
            file,
            len: AtomicU64::new(len),
            written: tokio::sync::Mutex::new(Hashed { digester, len: 0 }),
        })
    }

    /// The file `path`, which grows to at most `size` bytes, with what is in it. Blocks.
    pub(in crate::serve) fn at(path: &Path, size: u64) -> Result<Arc<Session>> {
        if fs::metadata(path).is_ok_and(|about| is_blob(&about)) {
            blob_store::remove(path);
        }
        let open = || {
            let file = File::options().create(true).append(true).open(path)?;
            let len = file.metadata()?.len();
            if len > size {
                file.set_len(0)?;
            }
            Ok(if len > size { 0 } else { len })
        };
        let len = open().map_err(|e| cannot_write(path, 0, size, e))?;
        Ok(Session::new(path.to_owned(), len, None))
    }

    /// Bytes that were received so far.
    pub(in crate::serve) fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    /// Begins to add bytes; `hashed` is what this session's `written` holds.
    pub(in crate::serve) async fn append(&self, hashed: &mut Hashed) -> Result<Appending<'_>> {
        let (path, len) = (self.file.clone(), self.len());
        let file = blocking(move || cut(&path, len)).await?;
        let digester = hashed.digester.take().filter(|_| hashed.len == len);
        Ok(Appending {
            session: self,
            digester,
            batch: Vec::new(),
            batched: 0,
            writing: Writing::Idle(file),
        })
    }

    /// Forgets all bytes after the first `len`.
    pub(in crate::serve) async fn take_back(&self, hashed: &mut Hashed, len: u64) -> Result<()> {
        *hashed = Hashed::default();
        self.len.store(len, Ordering::Release);
        let path = self.file.clone();
        blocking(move || cut(&path, len).map(drop)).await
    }

    /// Makes the upload the blob `digest` of `repository` if that is what it is; false if it is not.
    pub(in crate::serve) async fn finish(
        &self,
        hashed: &mut Hashed,
        digest: &Digest,
        repository: &Arc<Repository>,
    ) -> Result<bool> {
        let len = self.len();
        let known = hashed.digester.take().filter(|_| hashed.len == len);
        let (path, digest, repository) = (self.file.clone(), digest.clone(), repository.clone());
        blocking(move || {
            let file = cut(&path, len)?;
            let known = known.map(Digester::finish);
            let actual = match known.filter(|d| d.algorithm() == digest.algorithm()) {
                Some(actual) => actual,
                None => {
                    let mut digester = Digester::new(digest.algorithm());
                    blob_store::hash_at(&file, 0, len, &mut digester)
                        .map_err(|e| cannot_write(&path, len, len, e))?;
                    digester.finish()
                }
            };
            if actual != digest {
                return Ok(false);
            }
            file.sync_data()
                .map_err(|e| cannot_write(&path, len, len, e))?;
            repository.blobs().take(&path, &digest)?;
            Ok(true)
        })
        .await
    }
}

/// The file of an upload, with the first `len` bytes alone: of a write that failed half-way, the rest does not count. Blocks.
fn cut(path: &Path, len: u64) -> Result<File> {
    let open = || {
        let file = File::options().read(true).append(true).open(path)?;
        file.set_len(len)?;
        Ok(file)
    };
    open().map_err(|e| cannot_write(path, len, len, e))
}

/// Bytes on their way into an upload: while one batch is written, the next one is received and hashed. Hashing where they
/// were received takes less time than on another thread, which has to get them into its cache first.
pub(in crate::serve) struct Appending<'a> {
    session: &'a Session,
    digester: Option<Digester>,
    batch: Vec<Bytes>,
    batched: usize,
    writing: Writing,
}

enum Writing {
    Idle(File),
    Busy(JoinHandle<(io::Result<u64>, File)>),
    Failed,
}

impl Appending<'_> {
    /// Adds `bytes`.
    pub(in crate::serve) async fn push(&mut self, bytes: Bytes) -> Result<()> {
        if let Some(digester) = &mut self.digester {
            digester.update(&bytes);
        }
        self.batched += bytes.len();
        self.batch.push(bytes);
        match self.batched >= BATCH {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Writes what was received; `hashed` learns the hash of it.
    pub(in crate::serve) async fn end(mut self, hashed: &mut Hashed) -> Result<()> {
        if self.batched > 0 {
            self.flush().await?;
        }
        self.idle().await?;
        *hashed = Hashed {
            digester: self.digester,
            len: self.session.len(),
        };
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let mut file = self.idle().await?;
        let batch = std::mem::take(&mut self.batch);
        self.batched = 0;
        self.writing = Writing::Busy(tokio::task::spawn_blocking(move || {
            let mut written = 0;
            for bytes in batch {
                match file.write_all(&bytes) {
                    Ok(()) => written += bytes.len() as u64,
                    Err(e) => return (Err(e), file),
                }
            }
            (Ok(written), file)
        }));
        Ok(())
    }

    /// Waits for the batch under way.
    async fn idle(&mut self) -> Result<File> {
        let failed = |e: io::Error, session: &Session| {
            let len = session.len();
            cannot_write(&session.file, len, len, e)
        };
        match std::mem::replace(&mut self.writing, Writing::Failed) {
            Writing::Idle(file) => Ok(file),
            Writing::Busy(task) => match task.await {
                Ok((Ok(written), file)) => {
                    self.session.len.fetch_add(written, Ordering::AcqRel);
                    Ok(file)
                }
                Ok((Err(e), _)) => Err(failed(e, self.session)),
                Err(e) => Err(failed(io::Error::other(e), self.session)),
            },
            Writing::Failed => Err(failed(
                io::Error::other("an earlier write failed"),
                self.session,
            )),
        }
    }
}

/// The directory of the uploads to a repository; `+` is in no name.
fn encoded(name: &RepositoryName) -> String {
    name.as_str().replace('/', "+")
}

/// Whether the file of an upload is that of a blob as well, so that nothing may be written into it.
fn is_blob(about: &fs::Metadata) -> bool {
    crate::platform::names(about) > 1
}

fn left_by_earlier(dir: &Path) -> Open {
    let mut open = Open::new();
    for repository in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = repository.file_name().to_string_lossy().replace('+', "/");
        let Ok(name) = name.parse::<RepositoryName>() else {
            continue;
        };
        for upload in fs::read_dir(repository.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            let id = UploadId::parse(&upload.file_name().to_string_lossy());
            let about = upload.metadata().ok().filter(fs::Metadata::is_file);
            // Its bytes are those of a blob: the server ended after it had given it that name, and before it took this one away.
            if about.as_ref().is_some_and(is_blob) {
                blob_store::remove(&upload.path());
                continue;
            }
            if let (Some(id), Some(about)) = (id, about) {
                let session = Session::new(upload.path(), about.len(), None);
                open.insert((name.clone(), id), session);
            }
        }
    }
    open
}

/// Removes uploads that nobody added to for at least `age`.
fn forget_old(open: &mut Open, age: Duration) {
    open.retain(|_, session| {
        let modified = fs::metadata(&session.file).and_then(|about| about.modified());
        let is_old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed >= age));
        if is_old {
            blob_store::remove(&session.file);
        }
        !is_old
    });
}

fn random_id() -> Result<UploadId> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|e| Error::other("no random numbers").because(e))?;
    Ok(UploadId::random(bytes))
}
