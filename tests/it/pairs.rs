//! Every transport as source and as destination of every other: skopeo writes what barque reads, and reads what
//! barque writes; umoci unpacks the layouts.

mod indexes;
mod matrix;
mod round_trips;
mod signatures;

use std::path::Path;
use std::process::Command;

use super::support::Barque;
use super::support::images::{TestImage, media, sha256, write_dir};
use super::support::peers::{self, DockerRegistry, Podman};
use super::support::sandbox::Sandbox;

/// A transport that has a place for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Docker,
    Oci,
    OciArchive,
    Dir,
    DockerArchive,
    DockerDaemon,
}

use Transport::{Dir, Docker, DockerArchive, DockerDaemon, Oci, OciArchive};

impl Transport {
    /// Holds layers uncompressed, and no manifest: readers make one.
    fn is_docker_save(self) -> bool {
        matches!(self, DockerArchive | DockerDaemon)
    }

    /// Holds OCI types only.
    fn is_layout(self) -> bool {
        matches!(self, Oci | OciArchive)
    }
}

/// A place of each transport, with who writes and reads there.
struct Harbour {
    registry: DockerRegistry,
    other_registry: DockerRegistry,
    podman: Option<Podman>,
    barque: Barque,
    skopeo: Sandbox,
}

impl Harbour {
    /// Without an engine, unless `podman` is one.
    fn new(podman: Option<Podman>) -> Harbour {
        Harbour {
            registry: DockerRegistry::open(),
            other_registry: DockerRegistry::open(),
            podman,
            barque: Barque::new(),
            skopeo: peers::skopeo(),
        }
    }

    /// The place `name` of a transport. Images of `docker://` that begin with `from` are in a registry of their own.
    fn place(&self, transport: Transport, name: &str) -> String {
        let path = |name: &str| self.barque.path(name).display().to_string();
        match transport {
            Docker if name.starts_with("from") => self.registry.docker(&format!("{name}:1")),
            Docker => self.other_registry.docker(&format!("{name}:1")),
            Oci => format!("oci:{}:v1", path(&format!("{name}.oci"))),
            OciArchive => format!("oci-archive:{}:v1", path(&format!("{name}.oci.tar"))),
            Dir => format!("dir:{}", path(&format!("{name}.dir"))),
            DockerArchive => {
                let file = path(&format!("{name}.tar"));
                format!("docker-archive:{file}:example.com/{name}:1")
            }
            DockerDaemon => format!("docker-daemon:localhost/{name}:1"),
        }
    }

    /// Has skopeo copy, without changing a digest where `keep` says so.
    #[track_caller]
    fn skopeo_copies(&self, from: &str, to: &str, keep: bool) {
        let mut args = vec!["copy", "-q", "--all"];
        args.extend(keep.then_some("--preserve-digests"));
        args.extend(["--src-tls-verify=false", "--dest-tls-verify=false"]);
        let host = self.podman.as_ref().map(Podman::host);
        for flag in ["--src-daemon-host", "--dest-daemon-host"] {
            args.extend(host.iter().flat_map(|host| [flag, host.as_str()]));
        }
        self.skopeo.args(args).args([from, to]).run().ok();
    }

    /// Has skopeo write the image to `to`.
    #[track_caller]
    fn feed(&self, image: &TestImage, to: &str) {
        let at = self.skopeo.path("fed");
        let _ = std::fs::remove_dir_all(&at);
        write_dir(&at, image);
        self.skopeo_copies(&format!("dir:{}", at.display()), to, false);
    }

    /// The bytes of `inspect --raw`, by skopeo and by barque, which agree but for [`truthful`] layers.
    #[track_caller]
    fn manifest(&self, name: &str) -> Vec<u8> {
        let host = self.podman.as_ref().map(Podman::host);
        let host = host.iter().flat_map(|host| ["--daemon-host", host]);
        let args = ["inspect", "--raw", "--tls-verify=false", name];
        let raw = |tool: &Sandbox| tool.args(args).args(host.clone()).run().ok();
        let (ours, theirs) = (raw(&self.barque), raw(&self.skopeo));
        let ours = ours.stdout_bytes().to_vec();
        assert_eq!(ours, truthful(name, theirs.stdout_bytes()), "{name}");
        ours
    }

    /// Copies with barque, `--all`; the digest that it prints.
    #[track_caller]
    fn copy(&self, from: &str, to: &str) -> String {
        let host = self.podman.as_ref().map(Podman::host);
        let flags = ["--src-daemon-host", "--dest-daemon-host"];
        let host = flags
            .into_iter()
            .flat_map(|flag| host.iter().flat_map(move |host| [flag, host.as_str()]));
        let args = ["copy", "--all", from, to];
        let out = self.barque.args(args).args(host).run().ok();
        let (name, digest) = out.stdout().trim_end().rsplit_once('@').unwrap();
        assert_eq!(name, to);
        digest.to_owned()
    }
}

/// A manifest as skopeo gives it, with layers called what they are: what it reads from a `docker save` it calls gzip,
/// although it holds plain tars. barque says tar, so the digests of these two differ.
fn truthful(name: &str, manifest: &[u8]) -> Vec<u8> {
    if !name.starts_with("docker-archive:") && !name.starts_with("docker-daemon:") {
        return manifest.to_vec();
    }
    let text = std::str::from_utf8(manifest).unwrap();
    let gzip = format!("{}.gzip", media::DOCKER_LAYER);
    text.replace(&gzip, media::DOCKER_LAYER).into_bytes()
}

/// `diff -r` of two directories; empty when they are equal.
fn diff(a: &Path, b: &Path) -> String {
    let out = Command::new("diff")
        .arg("-r")
        .args([a, b])
        .output()
        .unwrap();
    assert!(out.status.code().is_some_and(|code| code < 2), "{out:?}");
    String::from_utf8(out.stdout).unwrap()
}
