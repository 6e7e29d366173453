//! Podman's API service, which speaks the Docker Engine API and needs no running containers.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A store of podman's, used without a service.
pub struct PodmanStore {
    dir: TempDir,
}

impl PodmanStore {
    /// An empty store.
    pub fn new() -> PodmanStore {
        let dir = TempDir::new().unwrap();
        let policy = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
        std::fs::write(dir.path().join("policy.json"), policy).unwrap();
        PodmanStore { dir }
    }

    /// As the store stands in front of a name of `containers-storage:`.
    pub fn place(&self) -> String {
        let dir = self.dir.path().display();
        format!("[vfs@{dir}/root+{dir}/run]")
    }

    /// Loads the archive `file`.
    pub fn load(&self, file: &Path) {
        let policy = self.dir.path().join("policy.json");
        let (policy, file) = (policy.to_str().unwrap(), file.to_str().unwrap());
        self.run(&[
            "load",
            "--quiet",
            "--signature-policy",
            policy,
            "--input",
            file,
        ]);
    }

    /// The output of podman with `args`, which has to succeed.
    pub fn run(&self, args: &[&str]) -> String {
        let mut podman = Command::new("podman");
        podman.args(["--storage-driver", "vfs", "--root"]);
        podman.arg(self.dir.path().join("root"));
        podman.arg("--runroot").arg(self.dir.path().join("run"));
        let done = podman.args(args).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        String::from_utf8(done.stdout).unwrap()
    }
}

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
