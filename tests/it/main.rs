//! One test binary, a module a capability (each further binary would link the library again).

mod archives;
mod auth_files;
mod basic;
mod copy;
mod daemon;
mod delete;
mod docs;
mod faults;
mod generated;
mod inspect;
mod layers;
mod layouts;
mod login;
mod messages;
mod quirks;
mod requests;
mod schema1;
mod sources;
mod support;
mod tags;
mod tls;
mod tokens;
mod uploads;
mod v1;
mod vectors;
mod voyage;
