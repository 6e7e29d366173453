//! One test binary, a module a capability (each further binary would link the library again).

mod auth_files;
mod docs;
mod generated;
mod layouts;
mod support;
mod vectors;
mod voyage;
