//! Podman's API service, which speaks the Docker Engine API and needs no running containers.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A running service with a store of its own; killed, and its images removed, when dropped.
pub struct Podman {
    child: Child,
    dir: TempDir,
}

impl Podman {
    /// Starts the service on a socket of its own. Needs root: without it podman wants user namespaces.
    pub fn start() -> Podman {
        let dir = TempDir::new().unwrap();
        let child = Command::new("podman")
            .arg("--root")
            .arg(dir.path().join("root"))
            .arg("--runroot")
            .arg(dir.path().join("run"))
            .args(["--storage-driver", "vfs", "system", "service", "-t", "0"])
            .arg(format!("unix://{}", dir.path().join("sock").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("podman starts");
        let podman = Podman { child, dir };
        for _ in 0..600 {
            if std::os::unix::net::UnixStream::connect(podman.socket()).is_ok() {
                return podman;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("podman did not open its socket");
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("sock")
    }

    /// `unix:///..`, as `--daemon-host` takes it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
