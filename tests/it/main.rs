//! One test binary, a module a capability (each further binary would link the library again).

mod auth_files;
mod basic;
mod layouts;
mod login;
mod sources;
mod support;
mod tls;
mod tokens;
mod vectors;
