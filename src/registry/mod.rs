//! Turns a typed intent into verified answers of the distribution protocol (OCI distribution-spec 1.1, Docker
//! Registry V2).
//!
//! One request loop (`Client::send`) owns authentication, redirects, retries, the gate per host, timeouts, caps
//! and tracing; the files of `v2` are the endpoints, each a few lines on top of it. This room is separate so
//! that no other one ever sends HTTP. It must not know transports, files of images, or the terminal.

mod address;
pub(crate) mod admit;
mod auth;
pub(crate) mod body;
mod challenge;
mod client;
mod connections;
mod cookies;
pub(crate) mod error;
pub(crate) mod failure;
mod gate;
pub(crate) mod intent;
mod items;
mod learned;
mod no_proxy;
mod public_suffix;
mod pulse;
mod reading;
pub(crate) mod retry;
mod tls;
pub(crate) mod token;
mod token_hosts;
mod unpack;
mod upload_body;
pub mod v2;
mod warning;
mod why;
mod wire;

pub use crate::bytes::ByteStream;
pub(crate) use admit::{Admitted, admit_layer};
pub use challenge::{Challenge, parse_challenges};
pub use client::Client;
pub use error::{ApiError, ApiErrorItem, MAX_ITEMS};
pub(crate) use error::{has_no_v2, may_have_gone, missing_blobs};
pub use intent::Actions;
pub use upload_body::UploadBody;
