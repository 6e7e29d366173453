//! barque inspects and copies container images between registries, layouts and archives.
//!
//! The crate is a house of rooms; data flows through them once, from left to right, and a room uses only
//! the rooms to its right in this list:
//!
//! `cli → report, proxy → sync, serve → copy, rootfs → open → legacy → transport → trust → registry → settings → bytes → image`
//!
//! - [`image`]: what names, digests and manifests are; pure data, no input or output.
//! - [`bytes`]: streams of bytes, and the checks that they do themselves.
//! - [`settings`]: what this machine says about credentials, certificates and proxies.
//! - [`registry`]: turns a typed request into verified answers of the distribution protocol.
//! - [`trust`]: policies and verification: signatures in, a verdict with its reasons out.
//! - [`open`]: from a name to its place: the image that it names, and the only list of transports.
//! - `legacy` (feature `legacy`): registries and formats from before 2016, kept apart from all the others.
//! - [`transport`]: reads and writes one image at one place, behind two small traits.
//! - [`rootfs`]: the file system that the layers of an image come to.
//! - [`mod@copy`]: the graph of an image, the plan of a copy and the engine that carries it out.
//! - `sync` (feature `sync`): mirrors many images: declarations, selection of tags, and the run over them.
//! - `serve` (feature `serve`): a registry over OCI layouts; uses transport, and client code does not use it.
//! - `proxy` (feature `cli`, Linux): hands images to other programs over a socket; uses open and copy.
//! - `report` (private, feature `cli`): turns results and failures into bytes for people and programs.
//! - `cli` (feature `cli`): the command line; flags in, one call into the library, the result to `report`.
//!
//! `platform`, beside `files` and the error, is used by all rooms: it hides what differs between operating systems.
//!
//! [`copy()`], [`inspect()`] and [`tags()`] are the short forms: one call for the most common operations.
//!
//! Every room returns [`Error`], which knows its class (and so the exit code) and what to try next.

#![forbid(unsafe_code)]

pub mod bytes;
#[cfg(feature = "cli")]
pub mod cli;
pub mod copy;
mod error;
mod files;
pub mod image;
#[cfg(feature = "legacy")]
pub mod legacy;
#[cfg(not(feature = "legacy"))]
#[path = "no_legacy.rs"]
mod legacy;
mod locked;
pub mod open;
mod platform;
#[cfg(all(feature = "cli", target_os = "linux"))]
pub mod proxy;
pub mod registry;
#[cfg(feature = "cli")]
mod report;
pub mod rootfs;
#[cfg(feature = "serve")]
pub mod serve;
pub mod settings;
mod short;
#[cfg(feature = "sync")]
pub mod sync;
pub mod transport;
pub mod trust;

pub use error::{Error, Kind, Result};
pub(crate) use locked::locked;
pub use short::{copy, inspect, tags};

/// Compiles and runs the example of the guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct LibraryPage;
