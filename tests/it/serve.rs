//! `barque serve`: the API byte by byte, other people's clients, crashes and hostile requests.

#![cfg(feature = "serve")]

mod changed;
mod hostile;
mod in_place;
mod lists;
mod manifests;
mod mirror;
mod mirror_faults;
mod operation;
mod peers;
mod pull;
mod restart;
#[cfg(feature = "legacy")]
mod schema1;
mod throwaway;
mod uploads;
mod upstream;
#[cfg(feature = "legacy")]
mod v1;
