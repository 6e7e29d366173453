//! What the program lends to its commands: the flags of all of them, the terminal, and threads that move bytes.

use std::sync::OnceLock;

use indicatif::MultiProgress;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::flags::Global;
use super::limits;
use crate::{Error, Result};

/// What the program lends to a command that moves bytes.
pub(crate) struct Call<'a> {
    pub(super) global: &'a Global,
    pub(super) screen: &'a MultiProgress,
    pub(super) workers: &'a Workers,
}

/// Threads for moving bytes, which start when there are some to move.
#[derive(Default)]
pub(crate) struct Workers(pub(super) OnceLock<Runtime>);

impl Workers {
    /// Runs `work` on them; dropped, it stops.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let mut task = JoinSet::new();
        task.spawn_on(work, self.started()?.handle());
        match task.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(e)) => Err(Error::other("the work on the blobs died").because(e)),
            None => Err(Error::other("the work on the blobs was never begun")),
        }
    }

    fn started(&self) -> Result<&Runtime> {
        if let Some(runtime) = self.0.get() {
            return Ok(runtime);
        }
        limits::check_threads()?;
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.min(4))
            .enable_all()
            .build()
            .map_err(|e| Error::other("the threads for the copy cannot be started").because(e))?;
        Ok(self.0.get_or_init(|| runtime))
    }
}
