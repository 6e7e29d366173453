//! One test binary, a module a capability (each further binary would link the library again).

mod auth_files;
mod inspect;
mod layers;
mod layouts;
mod support;
mod tags;
mod vectors;
