//! `barque serve` as a process, and requests to it byte by byte.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use barque::image::{Algorithm, Digest};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::images::TestImage;

/// A running `barque serve`; dropped, it is killed.
pub struct Serving {
    child: Child,
    address: String,
    args: Vec<String>,
    root: TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: BTreeMap<String, Vec<String>>,
    pub body: Vec<u8>,
}

impl Serving {
    /// Serves a new directory with these further arguments.
    pub fn start(args: &[&str]) -> Serving {
        Serving::of(TempDir::new().unwrap(), args)
    }

    /// A server that takes pushes and deletes.
    pub fn writable() -> Serving {
        Serving::start(&["--write", "--delete"])
    }

    fn of(root: TempDir, args: &[&str]) -> Serving {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let (child, address) = spawn(root.path(), "127.0.0.1:0", &args);
        Serving {
            child,
            address,
            args,
            root,
        }
    }

    /// A second server of the same directory; it has another [`Serving::root`] of no use.
    pub fn beside(&self) -> Serving {
        let (child, address) = spawn(self.root.path(), "127.0.0.1:0", &self.args);
        Serving {
            child,
            address,
            args: self.args.clone(),
            root: TempDir::new().unwrap(),
        }
    }

    /// Serves these places where they are; it has a [`Serving::root`] of no use.
    pub fn in_place(places: &[&str]) -> Serving {
        let root = TempDir::new().unwrap();
        let args: Vec<String> = places.iter().map(|p| (*p).to_owned()).collect();
        let program = Command::new(env!("CARGO_BIN_EXE_barque"));
        let (child, address) = spawn_as(program, &[], "127.0.0.1:0", &args);
        Serving {
            child,
            address,
            args,
            root,
        }
    }

    /// Serves a new directory in which files have at most this many blocks of 512 bytes, as if a disk were full.
    pub fn with_small_files(blocks: u32, args: &[&str]) -> Serving {
        let limit = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let root = TempDir::new().unwrap();
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let mut command = Command::new("sh");
        command.args(["-c", &limit, env!("CARGO_BIN_EXE_barque")]);
        let dir = [OsStr::new("--root"), root.path().as_os_str()];
        let (child, address) = spawn_as(command, &dir, "127.0.0.1:0", &args);
        Serving {
            child,
            address,
            args,
            root,
        }
    }

    /// The same directory with other arguments.
    pub fn again(mut self, args: &[&str]) -> Serving {
        self.kill();
        let root = std::mem::replace(&mut self.root, TempDir::new().unwrap());
        Serving::of(root, args)
    }

    /// Kills the server as a crash would, and starts it at the same address.
    pub fn restart(&mut self) {
        self.kill();
        let (child, _) = spawn(self.root.path(), &self.address, &self.args);
        self.child = child;
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits for the end and gives the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The directory that it serves.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The layout of a repository.
    pub fn layout(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// `docker://HOST:PORT/NAME`.
    pub fn docker(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address)
    }

    /// Sends a request without a body.
    pub fn send(&self, method: &str, path: &str) -> Answer {
        self.request(method, path, &[], b"")
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path)
    }

    /// Sends a request; `path` may be a whole URL of this server.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut stream = self.connect();
        let path = self.path(path);
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses may stop reading.
        let _ = stream.write_all(body);
        Answer::read(&mut stream)
    }

    /// A connection to write requests to by hand.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    }

    /// The path of a URL of this server.
    fn path<'a>(&self, url: &'a str) -> &'a str {
        let own = format!("http://{}", self.address);
        url.strip_prefix(&own).unwrap_or(url)
    }

    /// Starts an upload; the location to send it to.
    pub fn upload(&self, name: &str) -> String {
        let started = self.send("POST", &format!("/v2/{name}/blobs/uploads/"));
        assert_eq!(started.status, 202, "{started:?}");
        started.header("location").to_owned()
    }

    /// Pushes a blob.
    pub fn push_blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(Algorithm::Sha256, bytes);
        let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        let pushed = self.request("POST", &path, &[], bytes);
        assert_eq!(pushed.status, 201, "{pushed:?}");
        digest
    }

    /// Puts a manifest under a tag or digest.
    pub fn put(&self, name: &str, reference: &str, media_type: &str, bytes: &[u8]) -> Answer {
        let path = format!("/v2/{name}/manifests/{reference}");
        self.request("PUT", &path, &[("Content-Type", media_type)], bytes)
    }

    /// Pushes an image with its blobs and children.
    pub fn push(&self, name: &str, reference: &str, image: &TestImage) {
        for blob in image.blobs.values() {
            self.push_blob(name, blob);
        }
        for child in &image.children {
            self.push(name, &child.digest.to_string(), child);
        }
        let put = self.put(name, reference, &image.media_type, &image.manifest);
        assert_eq!(put.status, 201, "{put:?}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(root: &Path, listen: &str, args: &[String]) -> (Child, String) {
    let program = Command::new(env!("CARGO_BIN_EXE_barque"));
    let dir = [OsStr::new("--root"), root.as_os_str()];
    spawn_as(program, &dir, listen, args)
}

fn spawn_as(
    mut command: Command,
    dir: &[&OsStr],
    listen: &str,
    args: &[String],
) -> (Child, String) {
    let mut child = command
        .args(["serve", "--print-address", "--listen", listen])
        .args(dir)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
    (child, said["address"].as_str().unwrap().to_owned())
}

impl Answer {
    /// Reads an answer to its end.
    pub fn read(stream: &mut TcpStream) -> Answer {
        let mut bytes = Vec::new();
        // A connection that is reset after the answer is as good as one that is closed.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let end = bytes
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text}"));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let values = headers.entry(name.to_lowercase()).or_default();
            values.push(value.to_owned());
        }
        Answer {
            status: status.parse().unwrap(),
            headers,
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// The value of a header; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |values| &values[0])
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get(name).into_iter().flatten();
        values.map(String::as_str).collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(json!(null))
    }

    /// The status and the codes of the errors.
    pub fn refusal(&self) -> (u16, Vec<String>) {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        let code = |e: Value| e["code"].as_str().unwrap_or_default().to_owned();
        (self.status, errors.into_iter().map(code).collect())
    }

    /// Requires this status and one error of this code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.refusal(), (status, vec![code.to_owned()]), "{self:?}");
    }
}
