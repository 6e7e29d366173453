//! One test binary, a module a capability (each further binary would link the library again).

mod auth_files;
mod layouts;
mod quirks;
mod support;
mod vectors;
