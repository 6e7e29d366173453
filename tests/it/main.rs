//! One test binary, a module a capability (each further binary would link the library again).

// Helpers are test code, but clippy's allowance for tests covers only functions marked `#[test]`.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and says what it skips"
)]

mod architecture;
mod archives;
#[cfg(unix)]
mod as_skopeo;
mod auth_files;
mod basic;
mod compat;
#[cfg(unix)]
mod containers_storage;
mod copy;
mod daemon;
mod delete;
#[cfg(all(
    feature = "legacy",
    feature = "serve",
    feature = "sync",
    feature = "trust"
))]
mod docs;
#[cfg(feature = "legacy")]
mod draft;
mod edit;
mod faults;
#[cfg(all(
    feature = "legacy",
    feature = "serve",
    feature = "sync",
    feature = "trust"
))]
mod generated;
#[cfg(target_os = "linux")]
mod image_proxy;
mod inspect;
mod layers;
mod layouts;
mod library;
mod login;
mod messages;
mod odd_configs;
mod pairs;
mod platforms;
mod quirks;
mod reference;
mod referrers;
mod registries_conf;
mod repos;
mod requests;
mod rooms;
mod rootfs;
#[cfg(feature = "legacy")]
mod schema1;
mod secrets;
mod serve;
mod signatures;
#[cfg(feature = "trust")]
mod signing;
mod sources;
mod support;
#[cfg(feature = "sync")]
mod sync;
mod tags;
mod tarball;
mod tls;
mod tokens;
mod trust;
mod uploads;
#[cfg(feature = "legacy")]
mod v1;
mod vectors;
mod verify_copy;
mod voyage;
mod writers;
