//! One test binary, a module a capability (each further binary would link the library again).

mod archives;
mod auth_files;
mod copy;
mod docs;
mod generated;
mod inspect;
mod layers;
mod layouts;
mod messages;
mod quirks;
mod requests;
mod support;
mod tags;
mod vectors;
mod voyage;
