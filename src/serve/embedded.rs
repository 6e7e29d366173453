//! `Registry`: a server on threads that it starts itself, for tests and short jobs.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{Options, Server};
use crate::{Error, Result};

/// A registry that listens on a free port of the loopback address until it is dropped.
///
/// It can be used from any thread, in a runtime or without one.
pub struct Registry {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Removed with its repositories when the server has ended.
    _root: Option<TempDir>,
}

impl Registry {
    /// Starts an empty registry that clients may push to and delete from. What is in it is removed when it is dropped.
    ///
    /// # Errors
    /// When no temporary directory, thread or port is to be had.
    pub fn start() -> Result<Registry> {
        let root = tempfile::Builder::new().prefix("barque-serve-").tempdir();
        let root =
            root.map_err(|e| Error::other("no temporary directory for a registry").because(e))?;
        let options = Options {
            write: true,
            delete: true,
            ..Options::new(root.path())
        };
        let mut registry = Registry::with(options)?;
        registry._root = Some(root);
        Ok(registry)
    }

    /// Starts a registry with `options`.
    ///
    /// # Errors
    /// Those of [`Server::bind`].
    pub fn with(options: Options) -> Result<Registry> {
        let failed = |e| Error::other("the threads of a registry cannot be started").because(e);
        let runtime = super::runtime()?;
        let (started, starting) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || {
            runtime.block_on(async {
                match Server::bind(options).await {
                    Ok(server) => {
                        let _ = started.send(Ok(server.address()));
                        server.run(async { drop(stopped.await) }).await;
                    }
                    Err(e) => drop(started.send(Err(e))),
                }
            });
        };
        let thread = std::thread::Builder::new().spawn(serve).map_err(failed)?;
        let address = starting.recv();
        let address = address.map_err(|e| Error::other("the registry died").because(e))??;
        Ok(Registry {
            address,
            stop: Some(stop),
            thread: Some(thread),
            _root: None,
        })
    }

    /// The address where it listens, as in `127.0.0.1:40123`: the host of image names.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Either ends the server, which waits for requests under way.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
