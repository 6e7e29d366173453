//! `Writers`: the few threads that build indexes.
//!
//! An allocator keeps memory for each thread that has allocated. An index is as large as its repository and is built again for
//! each change, so it must not be built by any of the dozens of threads that a busy server has for its files.

use tokio::runtime::{Builder, Runtime};

use crate::{Error, Result};

/// Threads at most. Each waits for the disk most of the time.
const MOST: usize = 4;

/// Threads that change repositories.
pub(in crate::serve) struct Writers(Option<Runtime>);

impl Writers {
    /// Starts them when they are needed.
    pub(super) fn new() -> Result<Writers> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(MOST)
            .build();
        let runtime =
            runtime.map_err(|e| Error::other("the threads cannot be started").because(e))?;
        Ok(Writers(Some(runtime)))
    }

    /// Does `work`, which may block, on one of them.
    pub(in crate::serve) async fn run<T: Send + 'static, E: From<Error> + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let stopped = || Error::other("work on the files was stopped");
        let Some(runtime) = &self.0 else {
            return Err(stopped().into());
        };
        match runtime.spawn_blocking(work).await {
            Ok(done) => done,
            Err(e) => Err(stopped().because(e).into()),
        }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        // Threads cannot be waited for on those of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
