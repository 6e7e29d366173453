//! Brings one blob into a repository: which requests of an upload it takes, and what follows a failure.
//!
//! A blob costs two requests: POST with `mount`, which is the question whether it is there and the start of the
//! upload in one, and PUT. What a registry does not take so is learned once for all blobs: from a refused PUT
//! on, bodies go by PATCH, and from a refused PATCH on, in chunks. An upload that breaks off goes on where the
//! registry says that it stands; where it says nothing to be believed, this blob alone begins again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::RepositoryClient;
use crate::image::{Descriptor, RepositoryName};
use crate::registry::{ApiError, UploadBody};
use crate::{Error, Kind, Result};

use super::uploads::{OtherContent, Session, Started};
use crate::registry::error::has_status;
use crate::registry::failure::is_unanswered;
use crate::registry::retry::{self, RetryBudget, Tries};

/// The first size of chunks, which is in the limits of every known registry (quirk U13).
const CHUNK: u64 = 16 << 20;
/// The smallest size of chunks (quirk U22).
const MIN_CHUNK: u64 = 1 << 20;
/// The largest minimum that is obeyed: a longer part is as likely to break as the whole (quirk U14).
const MAX_MIN_CHUNK: u64 = 1 << 30;
/// How long giving up an upload may take.
const CANCEL: Duration = Duration::from_secs(1);

/// What became of a blob that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pushed {
    Present,
    Uploaded,
}

impl RepositoryClient {
    /// Brings a blob into the repository unless it is there, mounted from the repository `from` where that works.
    /// Without `from` it is sent whatever the registry believes to have (quirk X6).
    ///
    /// `body` is opened only when bytes are wanted, and again from where the registry stands after a failure.
    ///
    /// # Errors
    /// Those of `body`, as they are. [`Kind::Refused`] when the registry does not take the blob, [`Kind::NotAllowed`]
    /// when this user may not write, [`Kind::Unavailable`] when the registry cannot be reached or fails after the
    /// retries.
    pub async fn push_blob(
        &self,
        blob: &Descriptor,
        from: Option<&RepositoryName>,
        body: &UploadBody,
    ) -> Result<Pushed> {
        let mount = from.map(|from| (&blob.digest, from));
        let budget = RetryBudget::default();
        let repository = &self.within(&budget);
        let mut way = Way {
            begun: budget.of_kind(retry::BROKEN_UPLOAD),
            continued: budget.of_kind(retry::UPLOAD),
            furthest: 0,
            seekable: true,
        };
        loop {
            let session = match repository.start_upload(mount).await? {
                Started::Present => return Ok(Pushed::Present),
                Started::Session(session) => session,
            };
            let mut upload = Upload {
                repository,
                blob,
                body,
                session,
                offset: 0,
                parts: 0,
                last: 0,
                high: 0,
                way: &mut way,
            };
            let error = match upload.run().await {
                Ok(()) => return Ok(Pushed::Uploaded),
                Err(Stop::ForGood(error)) => return Err(error),
                Err(Stop::Learned(error)) => {
                    tracing::debug!("{error:#}; uploading `{}` another way", blob.digest);
                    continue;
                }
                Err(Stop::Failed(error)) => error,
            };
            way.begun.spend();
            let status = ApiError::of(&error).map(|a| a.status.as_u16());
            if status.is_none() {
                // U26: some break uploads off when there are too many of them.
                self.client.press();
            }
            let most = match status {
                None if is_unanswered(&error) => retry::UNANSWERED_UPLOAD,
                // No room is made by trying.
                Some(507) => 1,
                None | Some(429 | 503) => retry::BROKEN_UPLOAD,
                Some(_) => retry::UPLOAD,
            };
            if way.begun.is_beyond(most) {
                return Err(error);
            }
            tracing::debug!("{error:#}; uploading `{}` again", blob.digest);
            self.client.wait_before_try(way.begun.failures()).await;
        }
    }
}

/// Why an upload stopped.
enum Stop {
    /// Another one would fare no better.
    ForGood(Error),
    /// The next one goes about it in another way, which is known now.
    Learned(Error),
    /// It may have been chance.
    Failed(Error),
}

/// What a failure says of the registry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lesson {
    Nothing,
    /// It wants bodies another way.
    AnotherWay,
    /// It wants smaller bodies than can be made.
    TooLarge,
}

/// How far a blob has come over all of its uploads, and how often they may still fail.
struct Way {
    /// Uploads that failed since there was progress.
    begun: Tries,
    /// Times that an upload was taken up again without progress.
    continued: Tries,
    /// The most bytes that the registry had of any upload of this blob: only more than that is progress, so that
    /// everything comes to an end.
    furthest: u64,
    /// The body can be opened in its middle.
    seekable: bool,
}

impl Way {
    /// The registry has `bytes` of an upload.
    fn has_come_to(&mut self, bytes: u64) {
        if bytes > self.furthest {
            self.furthest = bytes;
            self.begun.renew();
            self.continued.renew();
        }
    }
}

/// One upload on its way.
struct Upload<'a> {
    repository: &'a RepositoryClient,
    blob: &'a Descriptor,
    body: &'a UploadBody,
    session: Session,
    /// Bytes that the registry has.
    offset: u64,
    /// Parts that were sent.
    parts: usize,
    /// Bytes of the last of them.
    last: u64,
    /// The most bytes that the registry had of it.
    high: u64,
    way: &'a mut Way,
}

impl Upload<'_> {
    /// Sends everything and finishes, over as many breaks as there is progress in between.
    async fn run(&mut self) -> Result<(), Stop> {
        loop {
            let before = self.offset;
            let Err(error) = self.send().await else {
                return Ok(());
            };
            if self.body.take_failure() {
                if self.offset == 0 {
                    self.cancel().await;
                    return Err(Stop::ForGood(error));
                }
                // This source may not open in its middle.
                self.way.seekable = false;
                return Err(Stop::Failed(error));
            }
            // The registry may call a blob present that it has filed under the wrong digest.
            if has_status(&error, &[401, 403])
                || self.repository.client.is_put_off(&error)
                || OtherContent::is_in(&error)
            {
                return Err(Stop::ForGood(error));
            }
            if is_unanswered(&error) {
                return Err(Stop::Failed(error));
            }
            let lesson = self.learn(&error);
            if lesson == Lesson::TooLarge {
                return Err(Stop::ForGood(too_large(error)));
            }
            if self.may_go_on(&error) && self.go_on(before, &error).await {
                tracing::debug!(
                    "{error}; going on with `{}` at {} of {} bytes",
                    self.blob.digest,
                    self.offset,
                    self.blob.size
                );
                continue;
            }
            return Err(match lesson {
                Lesson::AnotherWay => Stop::Learned(error),
                _ => Stop::Failed(error),
            });
        }
    }

    /// Sends what the registry does not have, and finishes.
    async fn send(&mut self) -> Result<()> {
        let (repository, size) = (self.repository, self.blob.size);
        let chunk = self.chunk();
        let patches = repository
            .client
            .capabilities
            .patches
            .load(Ordering::Relaxed)
            || chunk.is_some();
        if self.offset == 0 && !patches {
            return repository
                .put_upload(&self.session, self.blob, self.body)
                .await;
        }
        let mut complete = self.offset == size && self.offset > 0;
        while !complete {
            let end = chunk.map_or(size, |chunk| size.min(self.offset.saturating_add(chunk)));
            self.parts += 1;
            self.last = end - self.offset;
            let range = (self.last < size).then_some(self.offset..end);
            self.session = repository
                .patch_upload(&self.session, self.body, range)
                .await?;
            self.offset = end;
            self.way.has_come_to(end);
            complete = end == size;
        }
        repository.finish_upload(&self.session, self.blob).await
    }

    /// The size of parts, where the whole is not sent in one.
    fn chunk(&self) -> Option<u64> {
        let capabilities = &self.repository.client.capabilities;
        let least = self.session.min_chunk().unwrap_or(0);
        let chunk = match capabilities.chunk.load(Ordering::Relaxed) {
            0 => return None,
            chunk => chunk.max(least),
        };
        let used = self.blob.size > chunk
            && least <= MAX_MIN_CHUNK
            && !capabilities.one_part.load(Ordering::Relaxed);
        used.then_some(chunk)
    }

    /// Takes from `error` what it says of the registry.
    fn learn(&self, error: &Error) -> Lesson {
        let capabilities = &self.repository.client.capabilities;
        let status = ApiError::of(error).map(|a| a.status.as_u16());
        if self.parts == 0 {
            // U12, U22: a body too large for one PUT is refused, mostly with 413, or cut off; one cut alone may
            // have been a connection that was dead already (H2).
            let wrong = ApiError::of(error).is_some_and(|a| a.has_code("DIGEST_INVALID"));
            let too_large = match status {
                // The bytes are at fault, not how they were sent.
                Some(_) if wrong => false,
                Some(status) => matches!(status, 400 | 405 | 411 | 413 | 501),
                None => self.way.begun.failures() > 0,
            };
            if !too_large {
                return Lesson::Nothing;
            }
            capabilities.patches.store(true, Ordering::Relaxed);
            return Lesson::AnotherWay;
        }
        match status {
            // U10, U11: a registry that makes nothing of several parts, or something else.
            Some(400) if self.parts > 1 => {
                capabilities.one_part.store(true, Ordering::Relaxed);
                Lesson::AnotherWay
            }
            Some(413) => self.take_smaller_chunks(),
            _ => Lesson::Nothing,
        }
    }

    /// U22: the last part was too large.
    fn take_smaller_chunks(&self) -> Lesson {
        let capabilities = &self.repository.client.capabilities;
        let least = self.session.min_chunk().unwrap_or(0);
        let Some(next) =
            smaller(self.last, least).filter(|_| !capabilities.one_part.load(Ordering::Relaxed))
        else {
            return Lesson::TooLarge;
        };
        tracing::debug!("uploading in chunks of {} KiB from now on", next >> 10);
        // Blobs side by side learn the same: it is halved once for all of them.
        capabilities.chunk.store(next, Ordering::Relaxed);
        Lesson::AnotherWay
    }

    /// Asks where the upload stands. True when it can be taken up there: the registry knows it, and has bytes of
    /// it that were sent; `before` is where it stood when `error` came.
    async fn go_on(&mut self, before: u64, error: &Error) -> bool {
        if !self.way.seekable
            || self
                .repository
                .client
                .capabilities
                .one_part
                .load(Ordering::Relaxed)
        {
            return false;
        }
        let repository = self.repository;
        // Bytes that were on their way when the connection broke get time to arrive, more where none has.
        let times = if ApiError::of(error).is_none() { 3 } else { 1 };
        for timeouts in 0..times {
            repository
                .client
                .wait_before_try(self.way.continued.failures() + timeouts)
                .await;
            let received = match repository.upload_status(&self.session).await {
                Ok(received) => received,
                Err(e) => {
                    tracing::debug!("{e:#}; this upload is lost");
                    return false;
                }
            };
            // U16: a registry that claims more than was sent is not believed.
            let Some(bytes) = received.bytes.filter(|b| *b <= self.body.reached()) else {
                return false;
            };
            self.session = received.session;
            self.offset = bytes;
            if bytes > before {
                break;
            }
        }
        // A PUT that broke off counts too: what follows is another part.
        self.parts = self.parts.max(1);
        self.way.has_come_to(self.offset);
        if self.offset > self.high {
            self.high = self.offset;
            return true;
        }
        // U18: an upload without bytes is not worth more than a new one.
        let goes_on = !self.way.continued.is_spent() && (self.offset > 0 || self.chunk().is_some());
        if goes_on {
            self.way.continued.spend();
        }
        goes_on
    }

    /// Whether the upload itself may have outlived `error`.
    fn may_go_on(&self, error: &Error) -> bool {
        match ApiError::of(error).map(|a| a.status.as_u16()) {
            None => error.kind() == Kind::Unavailable,
            Some(507) => false,
            Some(408 | 429 | 499 | 500..=599) => true,
            // U19, U22: nothing was taken of what was refused; 404 is what some say of an outdated place, which
            // it is when more arrived after the break. U17: but a refused PUT ended the upload.
            Some(404 | 413 | 416) => self.parts > 0,
            Some(_) => false,
        }
    }

    /// Gives the upload up, for a moment at most and whatever comes of it (quirk U24).
    async fn cancel(&self) {
        let cancel = self.repository.cancel_upload(&self.session);
        if let Ok(Err(e)) = tokio::time::timeout(CANCEL, cancel).await {
            tracing::debug!("{e:#}; the registry will forget the upload some day");
        }
    }
}

/// The size of chunks after a part of `bytes` was too large, where the registry wants `least` at least; `None` where
/// there is no smaller one.
fn smaller(bytes: u64, least: u64) -> Option<u64> {
    let next = CHUNK.min(bytes / 2).max(MIN_CHUNK).max(least);
    (next < bytes && least <= MAX_MIN_CHUNK).then_some(next)
}

fn too_large(error: Error) -> Error {
    let text =
        "the registry, or a proxy in front of it, refuses bodies of this size, in chunks too";
    Error::refused(text).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u13_u14_u22_sizes_of_chunks() {
        const MIB: u64 = 1 << 20;
        assert_eq!(smaller(4096 * MIB, 0), Some(16 * MIB));
        assert_eq!(smaller(20 * MIB, 0), Some(10 * MIB));
        assert_eq!(smaller(16 * MIB, 0), Some(8 * MIB));
        assert_eq!(smaller(16 * MIB, 5 * MIB), Some(8 * MIB));
        assert_eq!(smaller(8 * MIB, 5 * MIB), Some(5 * MIB));
        assert_eq!(smaller(5 * MIB, 5 * MIB), None);
        assert_eq!(smaller(MIB + 1, 0), Some(MIB));
        assert_eq!(smaller(MIB, 0), None);
        assert_eq!(smaller(4096 * MIB, 2048 * MIB), None);
    }
}
