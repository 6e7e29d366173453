//! A cheap registry for measuring `barque sync`: it answers from memory, after a pause, and counts.
//!
//!     fleet_registry PORT PAUSE_MS REPOSITORIES TAGS [empty]
//!
//! TAGS tags are spread evenly over repositories `r0`, `r1` …; each names another image, and the images share layers.
//! With `empty` there is nothing until it is pushed. `GET /count` returns how often each kind of request was made so far, the bytes
//! of blobs that were read and written, and what was read again; then it begins again.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a tool for measuring may fail loudly"
)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of a layer.
const LAYER: usize = 256 << 10;
/// Groups of repositories that share their base layers, and layers of a base.
const GROUPS: usize = 6;
const BASE: usize = 4;
/// Tags of a page, whatever is asked for.
const PAGE: usize = 1000;

#[derive(Default)]
struct Store {
    blobs: HashMap<String, Arc<Vec<u8>>>,
    /// By repository: the blobs that it has, and manifests by tag and by digest.
    repositories: HashMap<String, Repository>,
    /// What PATCH has brought, by the path of the upload.
    uploads: HashMap<String, Vec<u8>>,
    counts: BTreeMap<String, u64>,
    /// Blobs that were read since the last count.
    read: HashSet<String>,
    next: u64,
}

#[derive(Default)]
struct Repository {
    blobs: HashSet<String>,
    manifests: HashMap<String, Arc<Vec<u8>>>,
    digests: HashMap<String, String>,
    tags: Vec<String>,
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |n: usize| args[n].parse::<usize>().expect("a number");
    let store = Arc::new(Mutex::new(Store::default()));
    if args.get(5).is_none() {
        fill(&mut store.lock().unwrap(), number(3), number(4));
    }
    let pause = Duration::from_millis(number(2) as u64);
    let listener = TcpListener::bind(("127.0.0.1", number(1) as u16))
        .await
        .expect("listen");
    loop {
        let (stream, _) = listener.accept().await.expect("accept");
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream, store.clone(), pause));
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Bytes that look like a compressed layer.
fn layer(seed: usize) -> Vec<u8> {
    let mut state = seed as u64 * 2 + 1;
    let mut bytes = vec![0x1f, 0x8b, 8, 0];
    bytes.extend((4..LAYER).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    }));
    bytes
}

fn fill(store: &mut Store, repositories: usize, tags: usize) {
    let mut layers: HashMap<usize, (String, usize)> = HashMap::new();
    for r in 0..repositories {
        let mut repository = Repository::default();
        let seeds = (0..BASE)
            .map(|n| (r % GROUPS) * 100 + n)
            .chain([10_000 + r % 64]);
        let mut listed = Vec::new();
        for seed in seeds {
            let (digest, size) = layers.entry(seed).or_insert_with(|| {
                let bytes = layer(seed);
                let (digest, size) = (digest(&bytes), bytes.len());
                store.blobs.insert(digest.clone(), Arc::new(bytes));
                (digest, size)
            });
            repository.blobs.insert(digest.clone());
            listed.push(format!(
                r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{digest}","size":{size}}}"#
            ));
        }
        let more = usize::from(r < tags % repositories);
        for t in 0..tags / repositories + more {
            let config = format!(
                r#"{{"architecture":"amd64","os":"linux","image":"r{r}:t{t}","rootfs":{{"type":"layers","diff_ids":[]}}}}"#
            );
            let config_digest = digest(config.as_bytes());
            let manifest = format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{}]}}"#,
                config.len(),
                listed.join(",")
            );
            repository.blobs.insert(config_digest.clone());
            store
                .blobs
                .insert(config_digest, Arc::new(config.into_bytes()));
            let digest = digest(manifest.as_bytes());
            let manifest = Arc::new(manifest.into_bytes());
            let tag = format!("t{t}");
            repository.digests.insert(digest.clone(), digest.clone());
            repository.digests.insert(tag.clone(), digest.clone());
            repository.manifests.insert(digest, manifest);
            repository.tags.push(tag);
        }
        repository.tags.sort();
        store.repositories.insert(format!("r{r}"), repository);
    }
}

struct Answer {
    status: u16,
    headers: String,
    body: Arc<Vec<u8>>,
}

fn answer(status: u16, headers: String, body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status,
        headers,
        body: Arc::new(body.into()),
    }
}

async fn serve(stream: TcpStream, store: Arc<Mutex<Store>>, pause: Duration) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                // The begin of TLS, which clients try first: closed at once, so that they need not wait.
                Ok(0x16) if head.is_empty() => return,
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let header = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim())
        };
        let mut body = Vec::new();
        if let Some(length) = header("content-length").and_then(|value| value.parse().ok()) {
            body.resize(length, 0);
            if stream.read_exact(&mut body).await.is_err() {
                return;
            }
        } else if header("transfer-encoding").is_some() {
            body = chunked(&mut stream).await;
        }
        tokio::time::sleep(pause).await;
        let answer = respond(&mut store.lock().unwrap(), method, target, body);
        let mut out = format!(
            "HTTP/1.1 {} X\r\nDocker-Distribution-Api-Version: registry/2.0\r\n{}Content-Length: {}\r\n\r\n",
            answer.status,
            answer.headers,
            answer.body.len()
        )
        .into_bytes();
        if method != "HEAD" {
            out.extend_from_slice(&answer.body);
        }
        if stream.get_mut().write_all(&out).await.is_err() {
            return;
        }
    }
}

async fn chunked(stream: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.unwrap_or(b'\n'));
        }
        let text = String::from_utf8_lossy(&line);
        let size = usize::from_str_radix(text.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        if stream.read_exact(&mut chunk).await.is_err() || size == 0 {
            return body;
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

fn respond(store: &mut Store, method: &str, target: &str, body: Vec<u8>) -> Answer {
    if target == "/count" {
        let counts = std::mem::take(&mut store.counts);
        store.read.clear();
        let lines = counts
            .iter()
            .map(|(kind, count)| format!("{kind} {count}\n"));
        return answer(200, String::new(), lines.collect::<String>());
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let param = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.replace("%3A", ":").replace("%2F", "/"))
    };
    let kind = ["/manifests/", "/blobs/uploads/", "/blobs/", "/tags/list"]
        .into_iter()
        .find(|kind| path.contains(kind));
    let mount = if param("mount").is_some() {
        "mount"
    } else {
        ""
    };
    *store
        .counts
        .entry(format!("{method} {} {mount}", kind.unwrap_or("other")))
        .or_default() += 1;
    let Some((kind, (name, which))) =
        kind.and_then(|kind| Some((kind, path.strip_prefix("/v2/")?.split_once(kind)?)))
    else {
        return answer(200, String::new(), "{}");
    };
    let none = || {
        answer(
            404,
            String::new(),
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#,
        )
    };
    match (method, kind) {
        ("GET", "/tags/list") => {
            let Some(repository) = store.repositories.get(name) else {
                return none();
            };
            let after = param("last");
            let from = repository
                .tags
                .partition_point(|tag| after.as_ref().is_some_and(|last| tag <= last));
            let page = &repository.tags[from..repository.tags.len().min(from + PAGE)];
            let link = match page.last() {
                Some(last) if from + PAGE < repository.tags.len() => {
                    format!("Link: </v2/{name}/tags/list?n={PAGE}&last={last}>; rel=\"next\"\r\n")
                }
                _ => String::new(),
            };
            answer(
                200,
                link,
                format!(r#"{{"name":"{name}","tags":["{}"]}}"#, page.join("\",\"")),
            )
        }
        ("GET" | "HEAD", "/manifests/") => {
            let found = store.repositories.get(name).and_then(|repository| {
                let digest = repository.digests.get(which)?;
                Some((digest, repository.manifests.get(digest)?))
            });
            match found {
                Some((digest, manifest)) => Answer {
                    status: 200,
                    headers: format!(
                        "Docker-Content-Digest: {digest}\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\n"
                    ),
                    body: manifest.clone(),
                },
                None => none(),
            }
        }
        ("PUT", "/manifests/") => {
            let repository = store.repositories.entry(name.to_owned()).or_default();
            let digest = digest(&body);
            repository.manifests.insert(digest.clone(), Arc::new(body));
            repository.digests.insert(digest.clone(), digest.clone());
            repository.digests.insert(which.to_owned(), digest.clone());
            if !which.contains(':') && !repository.tags.iter().any(|tag| tag == which) {
                repository.tags.push(which.to_owned());
                repository.tags.sort();
            }
            answer(
                201,
                format!("Docker-Content-Digest: {digest}\r\nLocation: {path}\r\n"),
                "",
            )
        }
        ("POST", "/blobs/uploads/") => {
            let (mount, from) = (param("mount"), param("from"));
            let has = |mount: &String| {
                let from = from.as_ref().and_then(|from| store.repositories.get(from));
                from.is_some_and(|from| from.blobs.contains(mount))
            };
            if let Some(mount) = mount.filter(has) {
                let repository = store.repositories.entry(name.to_owned()).or_default();
                repository.blobs.insert(mount.clone());
                return answer(201, format!("Location: /v2/{name}/blobs/{mount}\r\n"), "");
            }
            store.next += 1;
            answer(
                202,
                format!(
                    "Location: /v2/{name}/blobs/uploads/{}\r\nRange: 0-0\r\n",
                    store.next
                ),
                "",
            )
        }
        ("PATCH", "/blobs/uploads/") => {
            let part = store.uploads.entry(path.to_owned()).or_default();
            part.extend_from_slice(&body);
            answer(
                202,
                format!(
                    "Location: {path}\r\nRange: 0-{}\r\n",
                    part.len().saturating_sub(1)
                ),
                "",
            )
        }
        ("PUT", "/blobs/uploads/") => {
            let digest = param("digest").unwrap_or_default();
            let mut bytes = store.uploads.remove(path).unwrap_or_default();
            bytes.extend_from_slice(&body);
            let written = store.counts.entry("bytes of blobs written".to_owned());
            *written.or_default() += bytes.len() as u64;
            store.blobs.insert(digest.clone(), Arc::new(bytes));
            let repository = store.repositories.entry(name.to_owned()).or_default();
            repository.blobs.insert(digest.clone());
            answer(
                201,
                format!(
                    "Location: /v2/{name}/blobs/{digest}\r\nDocker-Content-Digest: {digest}\r\n"
                ),
                "",
            )
        }
        ("GET" | "HEAD", "/blobs/") => {
            let has = store
                .repositories
                .get(name)
                .is_some_and(|repository| repository.blobs.contains(which));
            match store.blobs.get(which).filter(|_| has) {
                Some(bytes) => {
                    if method == "GET" {
                        let is_new = store.read.insert(which.to_owned());
                        let counts = &mut store.counts;
                        *counts.entry("bytes of blobs".to_owned()).or_default() +=
                            bytes.len() as u64;
                        *counts.entry("blobs read again".to_owned()).or_default() +=
                            u64::from(!is_new);
                        *counts.entry("bytes read again".to_owned()).or_default() +=
                            if is_new { 0 } else { bytes.len() as u64 };
                    }
                    Answer {
                        status: 200,
                        headers: format!("Docker-Content-Digest: {which}\r\n"),
                        body: bytes.clone(),
                    }
                }
                None => none(),
            }
        }
        _ => answer(405, String::new(), ""),
    }
}
