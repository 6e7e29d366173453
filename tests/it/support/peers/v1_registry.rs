//! The real registry of the first generation, docker-registry 0.9.1 (Python 2.7), on loopback.
//!
//! A script beside the shared fixtures installs and starts it; it is installed once for all tests of a build.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::{fixtures, skips};

/// A running V1 registry without an index; stopped, and its data removed, when dropped.
pub struct V1Registry {
    script: PathBuf,
    dir: PathBuf,
    port: u16,
}

impl V1Registry {
    /// Starts one that offers search. `None` if it is not available; the test is then skipped.
    pub fn start() -> Option<V1Registry> {
        V1Registry::start_with(true)
    }

    /// Starts one that reads what it lacks from the V1 registry at this address.
    pub fn mirror_of(address: &str) -> Option<V1Registry> {
        let source = format!("http://{address}");
        V1Registry::start_as(
            true,
            &[("MIRROR_SOURCE", &source), ("MIRROR_SOURCE_INDEX", &source)],
        )
    }

    /// Starts one with or without search.
    pub fn start_with(search: bool) -> Option<V1Registry> {
        V1Registry::start_as(search, &[])
    }

    fn start_as(search: bool, variables: &[(&str, &str)]) -> Option<V1Registry> {
        let script = fixtures::dir()?.join("../tools/v1-registry.sh");
        if !script.is_file() {
            skips::missing("no script that installs a Registry V1");
            return None;
        }
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("v1-registry");
        std::fs::create_dir_all(&dir).unwrap();
        // Tests run side by side, and two installations would get in each other's way.
        let lock = File::create(dir.join("lock")).unwrap();
        lock.lock().unwrap();
        let run = |words: &[&str]| {
            let mut command = Command::new("sh");
            command.arg(&script).arg(&dir).args(words);
            command.env("V1_SEARCH", if search { "1" } else { "0" });
            command.envs(variables.iter().copied());
            command.output().unwrap()
        };
        let installed = run(&["install"]);
        let said = String::from_utf8_lossy(&installed.stderr).into_owned();
        if installed.status.code() == Some(3) {
            skips::missing("no Registry V1 could be installed");
            return None;
        }
        assert!(installed.status.success(), "{said}");
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let started = run(&[&port.to_string()]);
        let said = String::from_utf8_lossy(&started.stderr).into_owned();
        assert!(started.status.success(), "{said}");
        Some(V1Registry { script, dir, port })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `docker-v1://127.0.0.1:PORT/NAME`.
    pub fn v1(&self, name: &str) -> String {
        format!("docker-v1://{}/{name}", self.address())
    }

    /// `docker://127.0.0.1:PORT/NAME`.
    pub fn docker(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address())
    }

    /// The body that curl gets from the path below `/v1/`, with these further arguments.
    #[track_caller]
    pub fn curl(&self, path: &str, args: &[&str]) -> Vec<u8> {
        let url = format!("http://{}/v1/{path}", self.address());
        let out = Command::new("curl")
            .args(["-sS", "--fail-with-body", "--noproxy", "*"])
            .args(args)
            .arg(&url)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        let body = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{url}: {said} {body}");
        out.stdout
    }
}

impl Drop for V1Registry {
    fn drop(&mut self) {
        let port = self.port.to_string();
        let _ = Command::new("sh")
            .arg(&self.script)
            .arg(&self.dir)
            .args([&port, "stop"])
            .output();
        let _ = std::fs::remove_dir_all(self.dir.join(format!("data-{port}")));
        let _ = std::fs::remove_file(self.dir.join(format!("log-{port}")));
        let _ = std::fs::remove_file(self.dir.join(format!("log-{port}.access")));
    }
}
