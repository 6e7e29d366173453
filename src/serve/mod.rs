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

mod access;
mod answer;
mod content;
mod embedded;
mod mirror;
mod page;
mod patience;
mod places;
mod range;
mod record;
mod refusal;
mod request;
mod route;
mod routes;
mod server;
mod stamp;
mod store;
mod tls;
#[cfg_attr(not(feature = "legacy"), path = "no_v1.rs")]
mod v1;
mod verify;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::image::ImageName;
use crate::settings::Context;
use access::Users;
use content::Content;
use record::Record;
use store::Root;

pub use embedded::Registry;
pub use mirror::{MirrorOptions, Upstream};
pub use server::{Reload, Server, runtime};
pub use tls::TlsFiles;

/// What a server is told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// What is served.
    pub what: What,
    /// Whether clients may push.
    pub write: bool,
    /// Whether clients may delete tags, manifests and blobs.
    pub delete: bool,
    /// Bytes of a blob at most; `None` is as many as fit on the disk.
    pub max_blob: Option<u64>,
    /// The users who may do anything, in a file of `htpasswd -B`; `None` lets everybody in.
    pub htpasswd: Option<PathBuf>,
    /// HTTPS in place of HTTP.
    pub tls: Option<TlsFiles>,
    /// A line of JSON for each request is appended to this file; `-` is standard output.
    pub log: Option<PathBuf>,
    /// Whether clients of Registry V1 are served too; needs the feature `legacy`.
    pub v1: bool,
    /// Whether `/metrics` is answered.
    pub metrics: bool,
    /// How long requests under way may take when the server is asked to end.
    pub grace: Duration,
    /// How long a client may take to send the head of a request, and to send or take nothing in the middle of one.
    pub patience: Duration,
}

impl Options {
    /// A read-only server of the repositories below `root`, on a free port of the loopback address.
    pub fn new(root: impl Into<PathBuf>) -> Options {
        Options::of(What::Root(root.into()))
    }

    /// The same of anything that can be served.
    pub fn of(what: What) -> Options {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            what,
            write: false,
            delete: false,
            max_blob: None,
            htpasswd: None,
            tls: None,
            log: None,
            v1: false,
            metrics: false,
            grace: Duration::from_secs(10),
            patience: Duration::from_secs(60),
        }
    }
}

/// What a server serves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum What {
    /// The OCI layouts below a directory, one for each repository.
    Root(PathBuf),
    /// What other registries have, kept below this directory.
    Mirror(PathBuf, Box<MirrorOptions>),
    /// Images at these places, read-only, without copying them. Where a place gives no repository, it is the one of the same
    /// position in `names` (`NAME[:TAG]`), or has the name of its file.
    InPlace {
        places: Vec<ImageName>,
        names: Vec<String>,
        context: Box<Context>,
    },
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
    /// The values of `ns` that are the beginning of names here.
    namespaces: Vec<Upstream>,
    max_blob: u64,
    /// See [`Options::patience`].
    patience: Duration,
    users: Option<Users>,
    v1: Option<v1::V1>,
    record: Record,
}
