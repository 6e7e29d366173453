//! The server is killed and starts again: what was acknowledged is there, and uploads go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::Serving;
use crate::support::images::{Dialect, Maker, noise, sha256, small};

#[test]
fn an_upload_goes_on_after_a_crash() {
    let mut server = Serving::writable();
    let bytes = noise(3, 600_000);
    let location = server.upload("a/b");
    let patched = server.request(
        "PATCH",
        &location,
        &[("Content-Range", "0-399999")],
        &bytes[..400_000],
    );
    assert_eq!(patched.status, 202);
    server.restart();
    let status = server.get(&location);
    assert_eq!((status.status, status.header("range")), (204, "0-399999"));
    let put = format!("{location}?digest={}", sha256(&bytes));
    let last = server.request(
        "PUT",
        &put,
        &[("Content-Range", "400000-599999")],
        &bytes[400_000..],
    );
    assert_eq!(last.status, 201);
    assert!(server.get(last.header("location")).body == bytes);
    // An upload that was only started is known as well.
    let location = server.upload("a/b");
    server.restart();
    assert_eq!(server.get(&location).status, 204);
}

/// A server that ended in the middle of naming a blob has left its file under the name of the upload too.
#[test]
fn nothing_is_written_into_a_blob_that_is_an_upload_still() {
    let mut server = Serving::writable();
    let digest = server.push_blob("a/b", b"the blob");
    let location = server.upload("a/b");
    let id = location.rsplit('/').next().unwrap().to_owned();
    let upload = server.root().join(".barque/uploads/a+b").join(id);
    std::fs::remove_file(&upload).unwrap();
    let blob = server.layout("a/b/blobs/sha256").join(digest.hex());
    std::fs::hard_link(&blob, &upload).unwrap();
    server.restart();
    let patched = server.request("PATCH", &location, &[], b"and more");
    patched.refused(404, "BLOB_UPLOAD_UNKNOWN");
    assert!(!upload.exists());
    assert_eq!(
        server.get(&format!("/v2/a/b/blobs/{digest}")).body,
        b"the blob"
    );
}

#[test]
fn no_acknowledged_manifest_is_lost_in_a_crash() {
    let mut server = Serving::writable();
    server.push("start", "0", &small());
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let address = server.address().to_owned();
    let pushers: Vec<_> = (0..4_u64)
        .map(|worker| {
            let (acknowledged, stop, address) =
                (acknowledged.clone(), stop.clone(), address.clone());
            std::thread::spawn(move || {
                let client = Client(address);
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let seed = noise(worker * 1000 + n, 20_000);
                    let image = Maker::new(Dialect::Oci).file_layer("x", seed).make();
                    let tag = format!("w{worker}-{n}");
                    if client.push("crash/app", &tag, &image) == Some(true) {
                        acknowledged.lock().unwrap().push((tag, image));
                    }
                }
            })
        })
        .collect();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(300));
        server.restart();
    }
    std::thread::sleep(Duration::from_millis(200));
    stop.store(true, Ordering::Relaxed);
    for pusher in pushers {
        pusher.join().unwrap();
    }
    server.restart();
    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    for (tag, image) in acknowledged.iter() {
        let got = server.get(&format!("/v2/crash/app/manifests/{tag}"));
        assert_eq!((got.status, &got.body), (200, &image.manifest), "{tag}");
        for (digest, bytes) in &image.blobs {
            assert!(server.get(&format!("/v2/crash/app/blobs/{digest}")).body == *bytes);
        }
    }
}

/// Requests that may fail, as the server comes and goes.
struct Client(String);

impl Client {
    /// Whether the manifest was acknowledged; `None` when the server was away.
    fn push(
        &self,
        name: &str,
        tag: &str,
        image: &crate::support::images::TestImage,
    ) -> Option<bool> {
        for (digest, bytes) in &image.blobs {
            self.send(
                "POST",
                &format!("/v2/{name}/blobs/uploads/?digest={digest}"),
                "x/y",
                bytes,
            )?;
        }
        let path = format!("/v2/{name}/manifests/{tag}");
        self.send("PUT", &path, &image.media_type, &image.manifest)
    }

    fn send(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> Option<bool> {
        use std::io::{Read, Write};
        let connected = std::net::TcpStream::connect(&self.0);
        let Ok(mut stream) = connected else {
            std::thread::sleep(Duration::from_millis(10));
            return None;
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        (!answer.is_empty()).then(|| answer.starts_with("HTTP/1.1 201"))
    }
}

#[test]
fn a_server_ends_in_order_and_not_at_every_signal() {
    for signal in ["INT", "QUIT", "TERM"] {
        let mut server = Serving::writable();
        for ignored in ["USR1", "USR2", "HUP"] {
            server.signal(ignored);
        }
        server.signal(signal);
        assert_eq!(server.wait(), Some(0), "{signal}");
    }
}

#[test]
fn a_request_under_way_is_completed_when_asked_to_end() {
    use std::io::Write;
    let mut server = Serving::writable();
    let location = server.upload("a");
    let path = location.split_once(server.address()).unwrap().1;
    let mut stream = server.connect();
    let digest = sha256(b"0123456789");
    let head = format!(
        "PUT {path}?digest={digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server has the first half when the upload is busy.
    while server.get(&location).status != 204 {}
    std::thread::sleep(Duration::from_millis(100));
    server.signal("TERM");
    // It accepts no more connections before the rest comes.
    while std::net::TcpStream::connect(server.address()).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    stream.write_all(b"56789").unwrap();
    assert_eq!(crate::support::Answer::read(&mut stream).status, 201);
    assert_eq!(server.wait(), Some(0));
}
