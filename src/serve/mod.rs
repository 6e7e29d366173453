//! A small registry: the distribution API over OCI layouts.
//!
//! What a request is for is read in `route`, answered in `routes`, and what can be read or written is in `content` and
//! `store`. Client code must not use this room; it uses the transports' files and the checks of `image`.
//!
//! ```
//! # fn main() -> barque::Result<()> {
//! let registry = barque::serve::Registry::start()?;
//! let name = format!("docker://{}/app:1", registry.address());
//! # assert!(name.starts_with("docker://127.0.0.1:"));
//! # Ok(())
//! # }
//! ```

mod answer;
mod content;
mod embedded;
mod page;
mod range;
mod refusal;
mod request;
mod route;
mod routes;
mod server;
mod store;
mod verify;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use content::Content;
use store::Root;

pub use embedded::Registry;
pub use server::Server;

/// What a server is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// The directory with a layout for each repository.
    pub root: PathBuf,
    /// Whether clients may push.
    pub write: bool,
    /// Whether clients may delete tags, manifests and blobs.
    pub delete: bool,
    /// How long requests under way may take when the server is asked to end.
    pub grace: Duration,
}

impl Options {
    /// A read-only server of the repositories below `root`, on a free port of the loopback address.
    pub fn new(root: impl Into<PathBuf>) -> Options {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            root: root.into(),
            write: false,
            delete: false,
            grace: Duration::from_secs(10),
        }
    }
}

/// What clients may do besides reading.
#[derive(Debug, Clone, Copy)]
struct Rights {
    write: bool,
    delete: bool,
}

/// What the requests of a server share.
struct App {
    content: Arc<dyn Content>,
    /// The repositories to write to, where there are any.
    root: Option<Arc<Root>>,
    rights: Rights,
}
