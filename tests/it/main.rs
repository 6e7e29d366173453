//! One test binary, a module a capability (each further binary would link the library again).

mod archives;
mod auth_files;
mod layouts;
mod support;
mod vectors;
