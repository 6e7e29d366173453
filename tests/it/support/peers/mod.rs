//! Starters of the real programs that barque is compared with, one file each.
//!
//! A test that needs peers begins with ``if peers::missing(&["docker-registry", "skopeo"]) { return; }``: on a
//! developer's machine the test is skipped with a line that says so; with `CI` set a missing peer fails it.

mod access_log;
mod docker_registry;
mod podman;
mod v1_registry;

use super::sandbox::Sandbox;

pub use access_log::{Request, Requests};
pub use docker_registry::{Auth, DockerRegistry, PASSWORD, Setup, USER};
pub use podman::Podman;
pub use v1_registry::V1Registry;

/// Whether one of these programs is not on `PATH`, after saying so; panics instead with `CI` set.
#[track_caller]
pub fn missing(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let absent = programs
        .iter()
        .find(|p| !std::env::split_paths(&path).any(|dir| dir.join(p).is_file()));
    let Some(absent) = absent else { return false };
    let ci = std::env::var("CI").is_ok_and(|v| v == "true" || v == "1");
    assert!(!ci, "`{absent}` is needed and not installed");
    eprintln!("skipped: `{absent}` is not installed");
    true
}

/// skopeo in a sandbox of its own, with no signature policy.
pub fn skopeo() -> Sandbox {
    Sandbox::of("skopeo").first_arg("--insecure-policy")
}

/// umoci in a sandbox of its own.
pub fn umoci() -> Sandbox {
    Sandbox::of("umoci")
}
