//! What other programs change in the files that are served is seen by the next request, and what is wrong is not served.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use serde_json::json;

use crate::support::images::{
    Dialect, Maker, TestImage, media, noise, sha256, small, two_layers, write_dir, write_layout,
};
use crate::support::{Answer, Barque, Serving};

/// Writes other bytes of the same size into a file, and leaves its time.
fn overwrite(file: &Path) {
    let about = fs::metadata(file).unwrap();
    fs::write(file, vec![b'x'; about.len() as usize]).unwrap();
    let file = File::options().append(true).open(file).unwrap();
    file.set_modified(about.modified().unwrap()).unwrap();
}

#[test]
fn a_manifest_that_is_overwritten_is_not_served_and_a_push_mends_it() {
    let server = Serving::writable();
    let image = small();
    server.push("a", "1", &image);
    let paths = [
        "/v2/a/manifests/1".to_owned(),
        format!("/v2/a/manifests/{}", image.digest),
    ];
    let is_served = |path: &String| {
        let got = server.get(path);
        assert_eq!((got.status, &got.body), (200, &image.manifest));
    };
    paths.iter().for_each(is_served);
    overwrite(&server.layout("a/blobs/sha256").join(image.digest.hex()));
    for path in &paths {
        assert_eq!(server.send("HEAD", path).status, 404);
        server.get(path).refused(404, "MANIFEST_UNKNOWN");
    }
    let put = server.put("a", "1", &image.media_type, &image.manifest);
    assert_eq!(put.status, 201, "{put:?}");
    paths.iter().for_each(is_served);
    // A push also mends a file that no client has asked for since it was overwritten.
    overwrite(&server.layout("a/blobs/sha256").join(image.digest.hex()));
    server.put("a", "2", &image.media_type, &image.manifest);
    paths.iter().for_each(is_served);
}

#[test]
fn a_blob_that_is_overwritten_is_mended_by_a_push() {
    let server = Serving::writable();
    let (digest, bytes) = (sha256(b"a blob"), b"a blob");
    let push = |name: &str| {
        let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        let answer = server.request("POST", &path, &[], bytes);
        assert_eq!(answer.status, 201, "{answer:?}");
    };
    push("a");
    let file = |name: &str| {
        let blobs = server.layout(&format!("{name}/blobs/sha256"));
        blobs.join(digest.hex())
    };
    overwrite(&file("a"));
    push("a");
    assert_eq!(server.get(&format!("/v2/a/blobs/{digest}")).body, bytes);
    // So is what other repositories get from now on.
    push("b");
    assert_eq!(fs::read(file("b")).unwrap(), bytes);
}

/// An index or an artifact, as JSON, and what it is listed as.
fn listed(images: &[(&str, &[u8])]) -> serde_json::Value {
    let entry = |(kind, bytes): &(&str, &[u8])| json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()});
    let entries: Vec<_> = images.iter().map(entry).collect();
    json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": entries})
}

#[test]
fn children_count_from_when_their_files_come_until_they_go() {
    let server = Serving::writable();
    let subject = sha256(b"subject");
    let leaf = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": {"mediaType": "t/x", "digest": sha256(b"{}"), "size": 2},
        "layers": [],
        "subject": {"mediaType": media::OCI_MANIFEST, "digest": subject, "size": 1},
    });
    let leaf = leaf.to_string().into_bytes();
    let inner = listed(&[(media::OCI_MANIFEST, &leaf)])
        .to_string()
        .into_bytes();
    let top = listed(&[(media::OCI_INDEX, &inner)])
        .to_string()
        .into_bytes();
    let top = TestImage::raw(media::OCI_INDEX, top);
    write_layout(&server.layout("a"), &[("all", &top)]);
    let manifest = |bytes: &[u8]| format!("/v2/a/manifests/{}", sha256(bytes));
    let referrers = || {
        let listed = server.get(&format!("/v2/a/referrers/{subject}")).json();
        listed["manifests"].as_array().unwrap().len()
    };
    // A blob, and no manifest as long as no index that is here lists it.
    server.push_blob("a", &leaf);
    assert_eq!((server.get(&manifest(&leaf)).status, referrers()), (404, 0));
    server.push_blob("a", &inner);
    assert_eq!((server.get(&manifest(&leaf)).status, referrers()), (200, 1));
    let file = server.layout("a/blobs/sha256").join(sha256(&leaf).hex());
    fs::remove_file(&file).unwrap();
    assert_eq!((server.get(&manifest(&leaf)).status, referrers()), (404, 0));
    fs::write(&file, &leaf).unwrap();
    assert_eq!((server.get(&manifest(&leaf)).status, referrers()), (200, 1));
    assert_eq!(server.send("DELETE", &manifest(&inner)).status, 202);
    assert_eq!((server.get(&manifest(&leaf)).status, referrers()), (404, 0));
    server.push_blob("a", &inner);
    assert_eq!((server.get(&manifest(&leaf)).status, referrers()), (200, 1));
    let blob = format!("/v2/a/blobs/{}", sha256(&inner));
    assert_eq!(server.send("DELETE", &blob).status, 202);
    assert_eq!((server.get(&manifest(&leaf)).status, referrers()), (404, 0));
}

#[test]
fn only_what_is_not_there_is_no_repository() {
    let server = Serving::start(&[]);
    fs::write(server.root().join("file"), "x").unwrap();
    for name in ["none", "file", "file/below"] {
        let tags = server.get(&format!("/v2/{name}/tags/list"));
        tags.refused(404, "NAME_UNKNOWN");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("loop", server.root().join("loop")).unwrap();
        server.get("/v2/loop/tags/list").refused(500, "UNKNOWN");
    }
}

/// Another program writes an index for the first time while it is asked for.
#[test]
fn an_index_that_is_half_written_is_read_again() {
    let server = Serving::start(&[]);
    write_layout(&server.layout("whole"), &[("1", &small())]);
    let index = fs::read(server.layout("whole").join("index.json")).unwrap();
    // The other program may be held up for longer than the server waits.
    let is_seen = (0..20).any(|n| {
        let name = format!("r{n}");
        let file = server.layout(&name).join("index.json");
        fs::create_dir(server.layout(&name)).unwrap();
        fs::write(&file, &index[..index.len() / 2]).unwrap();
        let mut stream = server.connect();
        let head = format!("GET /v2/{name}/tags/list HTTP/1.0\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(15));
        fs::write(&file, &index).unwrap();
        let tags = Answer::read(&mut stream);
        tags.status == 200 && tags.json()["tags"] == json!(["1"])
    });
    assert!(is_seen);
    fs::write(server.layout("whole").join("index.json"), "{").unwrap();
    server.get("/v2/whole/tags/list").refused(500, "UNKNOWN");
}

#[test]
fn a_layout_or_directory_in_place_is_read_again_when_it_changes() {
    let barque = Barque::new();
    let (layout, dir) = (barque.path("l"), barque.path("d"));
    write_layout(&layout, &[("1", &small())]);
    write_dir(&dir, &small());
    let places = [
        format!("oci:{}", layout.display()),
        format!("dir:{}", dir.display()),
    ];
    let server = Serving::in_place(&[&places[0], &places[1]]);
    let manifest = |path: &str| server.get(&format!("/v2/{path}")).body;
    assert_eq!(server.get("/v2/l/tags/list").json()["tags"], json!(["1"]));
    assert_eq!(manifest("l/manifests/1"), small().manifest);
    assert_eq!(manifest("d/manifests/latest"), small().manifest);
    let other = two_layers();
    for to in ["oci:l:2", "oci:l:1", "dir:d"] {
        write_layout(&barque.path("other"), &[("x", &other)]);
        barque.args(["copy", "-q", "oci:other:x", to]).run().ok();
    }
    assert_eq!(
        server.get("/v2/l/tags/list").json()["tags"],
        json!(["1", "2"])
    );
    for path in ["l/manifests/1", "l/manifests/2", "d/manifests/latest"] {
        assert_eq!(manifest(path), other.manifest, "{path}");
    }
    for (digest, bytes) in &other.blobs {
        assert!(manifest(&format!("l/blobs/{digest}")) == *bytes);
        assert!(manifest(&format!("d/blobs/{digest}")) == *bytes);
    }
    // What is half written, or gone, does not take the rest with it.
    fs::write(layout.join("index.json"), "{").unwrap();
    fs::remove_file(dir.join("manifest.json")).unwrap();
    assert_eq!(manifest("l/manifests/2"), other.manifest);
    write_layout(&layout, &[("3", &small())]);
    assert_eq!(server.get("/v2/l/tags/list").json()["tags"], json!(["3"]));
    server
        .get("/v2/l/manifests/2")
        .refused(404, "MANIFEST_UNKNOWN");
}

/// An image with one large layer of noise, in an archive, and that layer.
fn archive(barque: &Barque, name: &str, seed: u64) -> (TestImage, String, Vec<u8>) {
    let image = Maker::new(Dialect::Oci)
        .file_layer("n", noise(seed, 12_000_000))
        .make();
    let layout = barque.path(format!("{name}-layout"));
    write_layout(&layout, &[("1", &image)]);
    let (from, to) = (
        format!("oci:{name}-layout:1"),
        format!("oci-archive:{name}:1"),
    );
    barque.args(["copy", "-q", &from, &to]).run().ok();
    let (digest, bytes) = image.blobs.iter().max_by_key(|(_, b)| b.len()).unwrap();
    let (path, bytes) = (format!("/v2/app/blobs/{digest}"), bytes.clone());
    (image, path, bytes)
}

#[test]
fn an_archive_that_changes_gives_no_wrong_bytes() {
    let barque = Barque::new();
    let (first, old_path, old) = archive(&barque, "app.tar", 1);
    let (second, new_path, new) = archive(&barque, "new.tar", 2);
    let place = format!("oci-archive:{}", barque.path("app.tar").display());
    let server = Serving::in_place(&[&place]);
    let manifest = || server.get("/v2/app/manifests/1").body;
    assert_eq!(manifest(), first.manifest);
    assert!(server.get(&old_path).body == old);
    // One who has begun to read when another archive is renamed into its place gets all of the old one.
    let begin = |path: &str| {
        let mut stream = server.connect();
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut first = vec![0; 1000];
        stream.read_exact(&mut first).unwrap();
        (stream, first)
    };
    let (mut stream, mut got) = begin(&old_path);
    fs::copy(barque.path("new.tar"), barque.path("next.tar")).unwrap();
    fs::rename(barque.path("next.tar"), barque.path("app.tar")).unwrap();
    assert_eq!(manifest(), second.manifest);
    stream.read_to_end(&mut got).unwrap();
    assert!(got.ends_with(&old));
    server.get(&old_path).refused(404, "BLOB_UNKNOWN");
    assert!(server.get(&new_path).body == new);
    // One who has begun when the archive itself is overwritten gets nothing wrong, and not all: more than connections hold.
    let (mut stream, mut got) = begin(&new_path);
    overwrite(&barque.path("app.tar"));
    let _ = stream.read_to_end(&mut got);
    let body = got.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    assert!(got.len() - body < new.len() && new.starts_with(&got[body..]));
    assert_ne!(server.get(&new_path).status, 200);
    assert_ne!(server.get("/v2/app/manifests/1").status, 200);
    fs::copy(barque.path("new.tar"), barque.path("app.tar")).unwrap();
    assert_eq!(manifest(), second.manifest);
    assert!(server.get(&new_path).body == new);
}
