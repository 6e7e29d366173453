//! `--upstream`: what other registries have, read once and kept.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use crate::support::images::{Dialect, Maker, noise, small, two_layers};

use crate::support::{Barque, Serving};

/// A registry that keeps a log, and a mirror of it.
struct Pair {
    upstream: Serving,
    mirror: Serving,
    log: std::path::PathBuf,
    _barque: Barque,
}

impl Pair {
    fn start(args: &[&str]) -> Pair {
        let barque = Barque::new();
        let log = barque.path("log");
        let upstream = Serving::start(&["--write", "--delete", "--log", log.to_str().unwrap()]);
        let name = format!("up=http://{}", upstream.address());
        let mirror = Serving::start(&[&["--upstream", &name], args].concat());
        Pair {
            upstream,
            mirror,
            log,
            _barque: barque,
        }
    }

    /// How often the upstream answered `method` at a path with `part` in it.
    fn requests(&self, method: &str, part: &str) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let lines = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|l| l["method"] == method && l["path"].as_str().unwrap().contains(part))
            .count()
    }
}

#[test]
fn an_image_is_read_once_and_then_served_alone() {
    let mut pair = Pair::start(&["--fresh", "0s"]);
    let image = two_layers();
    pair.upstream.push("team/app", "1", &image);
    let barque = Barque::new();
    for name in ["up/team/app:1", "team/app:1"] {
        let from = pair.mirror.docker(name);
        barque.args(["copy", &from, "oci:out"]).run().ok();
    }
    let ns = pair.mirror.get("/v2/team/app/manifests/1?ns=up");
    assert_eq!((ns.status, &ns.body), (200, &image.manifest));
    pair.mirror
        .get("/v2/team/app/manifests/1?ns=other")
        .refused(404, "NAME_UNKNOWN");
    assert_eq!(pair.requests("GET", "/manifests/"), 1);
    for digest in image.blobs.keys() {
        assert_eq!(pair.requests("GET", &digest.to_string()), 1, "{digest}");
    }
    // It is kept as a layout.
    let kept = format!("oci:{}/up/team/app:1", pair.mirror.root().display());
    barque.args(["inspect", &kept]).run().ok();
    // Without the upstream, what was kept is served, with a warning, also after a restart.
    pair.upstream = pair.upstream.again(&[]);
    for _ in 0..2 {
        let stale = pair.mirror.get("/v2/up/team/app/manifests/1");
        assert_eq!((stale.status, &stale.body), (200, &image.manifest));
        assert_eq!(stale.header("warning"), "110 barque \"Response is Stale\"");
        for (digest, bytes) in &image.blobs {
            assert!(
                pair.mirror
                    .get(&format!("/v2/up/team/app/blobs/{digest}"))
                    .body
                    == *bytes
            );
        }
        pair.mirror.restart();
    }
    pair.mirror
        .get("/v2/up/team/app/manifests/2")
        .refused(502, "UNAVAILABLE");
}

#[test]
fn a_tag_follows_the_upstream() {
    let pair = Pair::start(&["--fresh", "0s"]);
    let (old, new) = (small(), two_layers());
    pair.upstream.push("a", "1", &old);
    let get = || pair.mirror.get("/v2/up/a/manifests/1");
    assert_eq!(get().body, old.manifest);
    pair.upstream.push("a", "1", &new);
    assert_eq!(
        (get().body, get().header("warning").to_owned()),
        (new.manifest.clone(), String::new())
    );
    // The old one is still there by its digest.
    assert_eq!(
        pair.mirror
            .get(&format!("/v2/up/a/manifests/{}", old.digest))
            .status,
        200
    );
    pair.upstream.send("DELETE", "/v2/a/manifests/1");
    get().refused(404, "MANIFEST_UNKNOWN");
    let tags = pair.mirror.get("/v2/up/a/tags/list").json();
    assert_eq!(tags["tags"], serde_json::json!([]));
    // It is not served as an old answer either.
    let Pair {
        upstream, mirror, ..
    } = pair;
    drop(upstream);
    assert_eq!(mirror.get("/v2/up/a/manifests/1").status, 502);
}

#[test]
fn a_client_that_says_the_upstream_gets_answers_by_the_name_it_asked_for() {
    let pair = Pair::start(&[]);
    for tag in ["1", "2", "3"] {
        pair.upstream.push("team/app", tag, &small());
    }
    for (name, ns) in [
        ("team/app", "&ns=up"),
        ("up/team/app", "&ns=up"),
        ("up/team/app", ""),
    ] {
        let first = pair.mirror.get(&format!("/v2/{name}/tags/list?n=2{ns}"));
        assert_eq!(
            first.json(),
            serde_json::json!({"name": name, "tags": ["1", "2"]})
        );
        let link = first.header("link");
        let next = format!("/v2/{name}/tags/list?last=2&n=2{ns}");
        assert_eq!(link, format!("<{next}>; rel=\"next\""));
        assert_eq!(
            pair.mirror.get(&next).json()["tags"],
            serde_json::json!(["3"])
        );
        let missing = pair.mirror.get(&format!("/v2/{name}/manifests/none?x{ns}"));
        assert_eq!(missing.json()["errors"][0]["detail"]["name"], name);
        let name = name.replace("app", "none");
        let missing = pair.mirror.get(&format!("/v2/{name}/tags/list?x{ns}"));
        assert_eq!(missing.json()["errors"][0]["detail"]["name"], name);
    }
}

#[test]
fn a_fresh_tag_is_not_asked_for_again() {
    let pair = Pair::start(&["--fresh", "1h"]);
    pair.upstream.push("a", "1", &small());
    for _ in 0..5 {
        assert_eq!(pair.mirror.get("/v2/up/a/manifests/1").status, 200);
    }
    assert_eq!(
        (
            pair.requests("GET", "/manifests/1"),
            pair.requests("HEAD", "/manifests/1")
        ),
        (1, 0)
    );
}

#[test]
fn a_mirror_is_read_only() {
    let pair = Pair::start(&[]);
    for (method, path) in [
        ("POST", "/v2/up/a/blobs/uploads/"),
        ("PUT", "/v2/up/a/manifests/1"),
        ("DELETE", "/v2/up/a/manifests/1"),
    ] {
        pair.mirror.send(method, path).refused(405, "UNSUPPORTED");
    }
}

#[test]
fn many_clients_follow_one_download() {
    let pair = Pair::start(&[]);
    let bytes = noise(9, 6_000_000);
    let digest = pair.upstream.push_blob("a", &bytes);
    let path = format!("/v2/up/a/blobs/{digest}");
    std::thread::scope(|scope| {
        for n in 0..16_usize {
            let (pair, path, bytes) = (&pair, &path, &bytes);
            scope.spawn(move || match n % 4 {
                0 => {
                    let part =
                        pair.mirror
                            .request("GET", path, &[("Range", "bytes=1000000-")], b"");
                    assert!(part.status == 206 && part.body == bytes[1_000_000..]);
                }
                _ => assert!(pair.mirror.get(path).body == *bytes),
            });
        }
    });
    assert_eq!(pair.requests("GET", &digest.to_string()), 1);
    assert!(pair.mirror.get(&path).body == bytes);
}

#[test]
fn wrong_bytes_of_an_upstream_are_not_kept() {
    let pair = Pair::start(&[]);
    let bytes = noise(5, 400_000);
    let digest = pair.upstream.push_blob("a", &bytes);
    let file = pair
        .upstream
        .layout("a")
        .join("blobs/sha256")
        .join(digest.hex());
    std::fs::write(&file, noise(6, 400_000)).unwrap();
    let path = format!("/v2/up/a/blobs/{digest}");
    // The answer breaks off before its end.
    assert!(pair.mirror.get(&path).body.len() < 400_000);
    std::fs::write(&file, &bytes).unwrap();
    assert!(pair.mirror.get(&path).body == bytes);
}

#[test]
fn a_download_goes_on_after_a_crash() {
    let mut pair = Pair::start(&[]);
    let bytes = noise(7, 3_000_000);
    let digest = pair.upstream.push_blob("a", &bytes);
    let pulls = pair.mirror.root().join(".barque/pulls");
    std::fs::create_dir_all(&pulls).unwrap();
    // As a server that was killed leaves it.
    let part = pulls.join(format!("sha256-{}-up+a", digest.hex()));
    std::fs::write(part, &bytes[..2_000_000]).unwrap();
    pair.mirror.restart();
    assert!(pair.mirror.get(&format!("/v2/up/a/blobs/{digest}")).body == bytes);
    let log = std::fs::read_to_string(&pair.log).unwrap();
    let get = log
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap());
    let sent: Vec<Value> = get
        .filter(|l| l["method"] == "GET" && l["path"].as_str().unwrap().contains(digest.hex()))
        .collect();
    assert_eq!(
        (sent.len(), &sent[0]["status"], &sent[0]["bytes"]),
        (1, &206.into(), &1_000_000.into())
    );
}

#[test]
fn the_oldest_blobs_go_when_there_are_too_many() {
    let pair = Pair::start(&["--max-size", "2500000"]);
    // A repository is known by its first manifest, which clients read before its blobs.
    pair.upstream.push("a", "1", &small());
    assert_eq!(pair.mirror.get("/v2/up/a/manifests/1").status, 200);
    let blobs: Vec<_> = (0..4).map(|n| noise(20 + n, 1_000_000)).collect();
    let paths: Vec<_> = blobs
        .iter()
        .map(|bytes| format!("/v2/up/a/blobs/{}", pair.upstream.push_blob("a", bytes)))
        .collect();
    let there = |n: usize| {
        let hex = paths[n].rsplit(':').next().unwrap();
        pair.mirror
            .layout("up/a")
            .join("blobs/sha256")
            .join(hex)
            .exists()
    };
    for n in [0, 1] {
        assert_eq!(pair.mirror.get(&paths[n]).status, 200);
    }
    // Used again, the first is younger than the second.
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(pair.mirror.get(&paths[0]).status, 200);
    assert_eq!(pair.mirror.get(&paths[2]).status, 200);
    assert_eq!((there(0), there(1), there(2)), (true, false, true));
    assert!(pair.mirror.get(&paths[1]).body == blobs[1]);
    assert_eq!(pair.requests("GET", &paths[1][10..]), 2);
}

#[test]
fn a_rate_limit_does_not_stop_what_is_kept() {
    let pair = Pair::start(&["--fresh", "0s"]);
    let images: Vec<_> = (0..5)
        .map(|n| {
            Maker::new(Dialect::Oci)
                .file_layer("n", noise(n, 100))
                .make()
        })
        .collect();
    for (n, image) in images.iter().enumerate() {
        pair.upstream.push("a", &format!("t{n}"), image);
        assert_eq!(
            pair.mirror.get(&format!("/v2/up/a/manifests/t{n}")).status,
            200
        );
    }
    let address = pair.upstream.address().to_owned();
    drop(pair.upstream);
    let limiting = TcpListener::bind(&address).unwrap();
    std::thread::spawn(move || limiting.incoming().flatten().for_each(limit));
    for (n, image) in images.iter().enumerate() {
        let stale = pair.mirror.get(&format!("/v2/up/a/manifests/t{n}"));
        assert_eq!((stale.status, &stale.body), (200, &image.manifest));
        assert!(stale.header("warning").starts_with("110 "));
    }
}

fn limit(mut stream: TcpStream) {
    std::thread::spawn(move || {
        let mut head = [0; 4096];
        while stream.read(&mut head).is_ok_and(|n| n > 0) {
            let answer = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n";
            if stream.write_all(answer).is_err() {
                break;
            }
        }
    });
}

#[test]
fn an_upstream_is_a_name_and_perhaps_a_url() {
    let barque = Barque::new();
    for wrong in ["", "a b", "x=ftp://y", "quay.io=https://"] {
        let out = barque
            .args(["serve", "--root", "x", "--upstream", wrong])
            .run()
            .code(1);
        assert!(out.stderr().contains("--upstream"), "{}", out.stderr());
    }
    let out = barque
        .args(["serve", "--root", "x", "--upstream", "docker.io", "--write"])
        .run()
        .code(1);
    assert!(
        out.stderr().contains("cannot be used with"),
        "{}",
        out.stderr()
    );
}

#[test]
fn blobs_without_a_manifest_make_room_as_well() {
    let pair = Pair::start(&["--max-size", "250000"]);
    let blobs: Vec<_> = (0..6).map(|i| noise(i, 100_000)).collect();
    for (i, blob) in blobs.iter().enumerate() {
        let digest = pair.upstream.push_blob(&format!("r{}", i % 2), blob);
        let path = format!("/v2/up/r{}/blobs/{digest}", i % 2);
        assert!(pair.mirror.get(&path).body == *blob);
    }
    // No repository has an index, and none has blobs that take more than is allowed.
    let mut left = Vec::new();
    for name in ["up/r0", "up/r1"] {
        let layout = pair.mirror.layout(name);
        assert!(!layout.join("index.json").exists());
        let files = std::fs::read_dir(layout.join("blobs/sha256")).unwrap();
        left.extend(files.map(|file| file.unwrap().metadata().unwrap().len()));
    }
    assert_eq!(left, [100_000, 100_000]);
}

/// Some clients read manifests as blobs; what is a manifest, too, does not make room.
#[test]
fn a_manifest_that_was_first_read_as_a_blob_stays() {
    let pair = Pair::start(&["--max-size", "150000"]);
    let image = small();
    pair.upstream.push("a", "1", &image);
    pair.upstream.push_blob("a", &image.manifest);
    let as_blob = format!("/v2/up/a/blobs/{}", image.digest);
    assert_eq!(pair.mirror.get(&as_blob).status, 200);
    assert_eq!(pair.mirror.get("/v2/up/a/manifests/1").status, 200);
    for n in 0..3 {
        let digest = pair.upstream.push_blob("a", &noise(n, 100_000));
        let path = format!("/v2/up/a/blobs/{digest}");
        assert_eq!(pair.mirror.get(&path).status, 200);
    }
    let blobs = pair.mirror.layout("up/a").join("blobs/sha256");
    assert!(blobs.join(image.digest.hex()).exists());
    assert_eq!(pair.requests("GET", "/manifests/"), 1);
}
