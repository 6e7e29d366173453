//! Starters of the real programs that barque is compared with, one file each.
//!
//! A test that needs peers begins with `peers::needs!("docker-registry", "skopeo");`: the
//! test is then skipped, or fails where everything must run (see [`skips`]).

mod access_log;
mod docker_registry;
mod podman;
mod v1_registry;

use super::sandbox::Sandbox;
use super::skips;

pub use access_log::{Request, Requests};
pub use docker_registry::{Auth, DockerRegistry, PASSWORD, Setup, USER};
pub use podman::{Podman, PodmanStore};
pub use v1_registry::V1Registry;

/// Ends the test, as one that was skipped, unless these programs are on `PATH`.
macro_rules! needs {
    ($($program:literal),+) => {
        if $crate::support::peers::missing(&[$($program),+]) {
            return;
        }
    };
}
pub(crate) use needs;

/// Whether one of these programs is not on `PATH`; the test is then skipped (see [`skips`]).
#[track_caller]
pub fn missing(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let absent = programs
        .iter()
        .find(|p| !std::env::split_paths(&path).any(|dir| dir.join(p).is_file()));
    let Some(absent) = absent else { return false };
    skips::missing(&format!("`{absent}` is not installed"));
    true
}

/// skopeo in a sandbox of its own, with no signature policy.
pub fn skopeo() -> Sandbox {
    Sandbox::of("skopeo").first_arg("--insecure-policy")
}

/// Whether this skopeo is of before 1.10: it writes the variant of an Arm platform elsewhere in a config, so that what it
/// converts has another digest.
pub fn skopeo_puts_variant_elsewhere() -> bool {
    let version = skopeo().args(["--version"]).run().ok();
    version.stdout().contains(" 1.9.")
}

/// umoci in a sandbox of its own.
pub fn umoci() -> Sandbox {
    Sandbox::of("umoci")
}
