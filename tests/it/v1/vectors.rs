//! The shared vectors of V1: TarSums, checksums, recorded exchanges, old images, old archives.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use barque::image::tarsum::{TarSum, TarSumVersion, TarSummer, V1Checksum, payload_digester};
use barque::image::v1::V1Image;
use base64::Engine as _;
use serde_json::Value;

use super::contents;
use crate::support::Barque;
use crate::support::fixtures;
use crate::support::images::{gzip, sha256, tar};
use crate::support::peers::{self, V1Registry};

/// The TarSum of `tar` by the rules that `wanted` names.
fn sum(tar: &[u8], json: &[u8], wanted: &str, owner_names: bool) -> TarSum {
    let V1Checksum::TarSum(wanted) = wanted.parse().unwrap() else {
        panic!("{wanted} is no TarSum");
    };
    let mut summer = TarSummer::new(wanted.version, wanted.digest.algorithm());
    if !owner_names {
        summer = summer.without_owner_names();
    }
    // In pieces that fit nothing.
    tar.chunks(701)
        .for_each(|piece| summer.update(piece).unwrap());
    summer.finish(json).unwrap()
}

/// A tar of one member as the generated rows describe it.
fn member(name: &str, kind: u8, row: &Value, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let header = &row["header"];
    let number = |key: &str| header[key].as_u64().unwrap_or(0);
    let mut block = |name: &str, kind: u8, mode: u64, body: &[u8]| {
        let mut h = tar::Header::new_ustar();
        h.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        h.set_mode(mode as u32);
        h.set_uid(number("uid"));
        h.set_gid(number("gid"));
        h.set_size(body.len() as u64);
        h.set_mtime(0);
        h.set_username(header["uname"].as_str().unwrap_or(""))
            .unwrap();
        h.set_groupname(header["gname"].as_str().unwrap_or(""))
            .unwrap();
        h.as_mut_bytes()[156] = kind;
        h.set_cksum();
        out.extend_from_slice(h.as_bytes());
        out.extend_from_slice(body);
        out.resize(out.len().next_multiple_of(512), 0);
    };
    if let Some(xattrs) = header["xattrs"].as_object().filter(|x| !x.is_empty()) {
        let mut pax = String::new();
        // Backwards: the order in the archive does not count.
        for (key, value) in xattrs.iter().rev() {
            let record = format!(" SCHILY.xattr.{key}={}\n", value.as_str().unwrap());
            let len = (1..)
                .find(|n| n == &(record.len() + n.to_string().len()))
                .unwrap();
            pax.push_str(&format!("{len}{record}"));
        }
        block("PaxHeaders", b'x', 0, pax.as_bytes());
    }
    block(name, kind, row["mode"].as_u64().unwrap_or(0o755), body);
    out.resize(out.len() + 1024, 0);
    out
}

#[test]
fn tarsums() {
    let Some(dir) = fixtures::dir() else { return };
    let rows: Vec<Value> = fixtures::json(&dir, "tarsum/vectors.json");
    assert_eq!(rows.len(), 18);
    for row in rows {
        let expect = row["expect"].as_str().unwrap();
        let file = |key: &str| {
            let path = row[key].as_str()?;
            Some(fixtures::read(&dir, &format!("tarsum/{path}")))
        };
        let tar = match (file("layer"), row["generated"].as_str()) {
            (Some(layer), _) => layer,
            (None, Some(text)) if text.starts_with("empty tar") => vec![0; 1024],
            (None, Some(text)) => {
                let kind = if text.contains("NUL,") { 0 } else { b'0' };
                member("/testdata0", kind, &Value::Null, &vec![0; 1 << 20])
            }
            (None, None) => {
                let name = row["header"]["name"].as_str().unwrap();
                let body = row["body"].as_str().unwrap();
                member(name, b'0', &row, body.as_bytes())
            }
        };
        let owner_names = row["unameGname"].as_bool().unwrap_or(true);
        let json = file("json").unwrap_or_default();
        assert_eq!(
            sum(&tar, &json, expect, owner_names).to_string(),
            expect,
            "{row}"
        );
    }
    assert_ne!(TarSumVersion::V0, TarSumVersion::V1);
}

/// The payload checksum of JSON and layer.
fn payload(json: &[u8], layer: &[u8]) -> String {
    let mut digester = payload_digester(json);
    digester.update(layer);
    digester.finish().to_string()
}

#[test]
fn checksums_of_old_images_are_those_of_the_notes() {
    let Some(dir) = fixtures::dir() else { return };
    let mut checked = 0;
    for (path, note) in fixtures::notes(&dir, "v1/") {
        let word = |begin: &str| {
            let words = note
                .split_whitespace()
                .map(|w| w.trim_end_matches([';', ')']));
            let mut found = words.filter(|w| w.starts_with(begin));
            found.next().map(str::to_owned)
        };
        let (Some(simple), Some(tarsum)) = (word("sha256:"), word("tarsum+")) else {
            continue;
        };
        checked += 1;
        let folder = path.trim_end_matches("layer.tar");
        let json = fixtures::read(&dir, &format!("{folder}json"));
        let layer = match path.ends_with("layer.tar") {
            true => fixtures::read(&dir, &path),
            false => fixtures::read(&dir, &format!("{folder}layer")),
        };
        assert_eq!(payload(&json, &layer), simple, "{path}");
        let plain = super::plain(&layer);
        assert_eq!(
            sum(&plain, &json, &tarsum, true).to_string(),
            tarsum,
            "{path}"
        );
    }
    assert_eq!(checked, 4);
}

#[test]
fn documents_of_2013_are_read() {
    let Some(dir) = fixtures::dir() else { return };
    let list: Vec<Value> = fixtures::json(&dir, "v1/redis/index-images.json");
    assert_eq!(list.len(), 3);
    for entry in list {
        let id = entry["id"].as_str().unwrap();
        let checksum = entry["checksum"].as_str().unwrap();
        assert!(matches!(checksum.parse(), Ok(V1Checksum::Payload(_))));
        let json = fixtures::read(&dir, &format!("v1/redis/images/{id}/json"));
        let image = V1Image::parse(json).unwrap();
        assert_eq!(image.id(), id);
        assert!(image.run_config().is_some());
    }
}

/// One exchange of the recording, its pairs of headers made a map.
struct Recorded {
    method: String,
    path: String,
    range: Option<String>,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The body of the request.
    sent: Vec<u8>,
}

fn recorded(dir: &Path) -> Vec<Recorded> {
    let text =
        String::from_utf8(fixtures::read(dir, "http/v1-docker-registry-0.9.1.jsonl")).unwrap();
    let pairs = |value: &Value| -> Vec<(String, String)> {
        serde_json::from_value(value.clone()).unwrap_or_default()
    };
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let (request, response) = (&line["request"], &line["response"]);
        let body = |of: &Value| match (&of["body"]["text"], &of["body"]["base64"]) {
            (Value::String(text), _) => text.clone().into_bytes(),
            (_, Value::String(text)) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap(),
            _ => Vec::new(),
        };
        let range = pairs(&request["headers"])
            .into_iter()
            .find(|(name, _)| name == "Range");
        Recorded {
            method: request["method"].as_str().unwrap().to_owned(),
            path: request["path"].as_str().unwrap().to_owned(),
            range: range.map(|(_, value)| value),
            status: response["status"].as_u64().unwrap() as u16,
            headers: pairs(&response["headers"]),
            body: body(response),
            sent: body(request),
        }
    };
    text.lines().map(read).collect()
}

/// Answers as the recording does, the last answer of 200 to each path before the deletes.
fn replay(recorded: Vec<Recorded>) -> (String, Arc<Mutex<Vec<String>>>) {
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    let mut answers = BTreeMap::new();
    for exchange in recorded.into_iter().take_while(|e| e.method != "DELETE") {
        let fine = exchange.range.is_none() && exchange.status == 200;
        if exchange.method == "GET" && fine {
            answers.insert(exchange.path.clone(), exchange);
        } else if exchange.path.contains("/images/") && fine {
            // What was put there is what is had from there; the recording does not read all of it.
            let put = Recorded {
                headers: Vec::new(),
                body: exchange.sent.clone(),
                ..exchange
            };
            answers.entry(put.path.clone()).or_insert(put);
        }
    }
    let (answers, log) = (Arc::new(answers), Arc::<Mutex<Vec<String>>>::default());
    let seen = log.clone();
    let app = axum::Router::new().fallback(move |request: Request| {
        let path = request.uri().path_and_query().unwrap().to_string();
        seen.lock()
            .unwrap()
            .push(format!("{} {path}", request.method()));
        let answer = match answers.get(&path) {
            None => (StatusCode::NOT_FOUND, "<html>").into_response(),
            Some(known) => {
                let mut answer = known.body.clone().into_response();
                answer.headers_mut().clear();
                let kept = known
                    .headers
                    .iter()
                    .filter(|(n, _)| n.starts_with("X-") || n == "Content-Type");
                for (name, value) in kept {
                    let name: axum::http::HeaderName = name.parse().unwrap();
                    answer.headers_mut().append(name, value.parse().unwrap());
                }
                answer
            }
        };
        std::future::ready(answer)
    });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    (address, log)
}

#[test]
fn recorded_exchanges_are_read() {
    let Some(dir) = fixtures::dir() else { return };
    let exchanges = recorded(&dir);
    assert_eq!(exchanges.len(), 69);
    let (address, log) = replay(exchanges);
    let barque = Barque::new();
    let name = format!("docker-v1://{address}/foo42/bar:latest");
    barque.args(["copy", &name, "dir:out"]).run().ok();
    let layer = |id: &str| fixtures::read(&dir, &format!("v1/mock/{id}/layer"));
    let ids = [
        "77dbf71da1d00e3fbddc480176eac8994025630c6590d11cfc8fe1209c2a1d20",
        "42d718c941f5c532ac049bf0b0ab53f0062f09a03afd4aa4a02c098e46032b9d",
    ];
    let stored: Vec<_> = ids
        .iter()
        .map(|id| sha256(&super::plain(&layer(id))))
        .collect();
    assert_eq!(contents(&barque, "out"), stored);
    for id in ids {
        let blob = barque.path("out").join(sha256(&layer(id)).hex());
        assert_eq!(
            std::fs::read(blob).unwrap(),
            layer(id),
            "gzip layers stay as they are"
        );
    }
    let asked = log.lock().unwrap().clone();
    assert_eq!(
        asked.len(),
        8,
        "ping, images, tag, ancestry, and two each: {asked:#?}"
    );
    let tags = barque
        .args([
            "tags",
            "--plain",
            &format!("docker-v1://{address}/foo42/bar"),
        ])
        .run()
        .ok();
    assert_eq!(tags.stdout(), "base\nlatest\n");
}

/// Pushes an image as clients of 2014 did, with curl.
fn push(registry: &V1Registry, json: &[u8], layer: &[u8], tag: &str) {
    let dir = tempfile::TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        format!("@{}", path.display())
    };
    let document: Value = serde_json::from_slice(json).unwrap();
    let id = document["id"].as_str().unwrap();
    let put = |path: String, body: &str, header: &str| {
        let args = [
            "-X",
            "PUT",
            "--data-binary",
            body,
            "-H",
            header,
            "-H",
            "Content-Type: application/json",
        ];
        registry.curl(&path, &args);
    };
    put(format!("images/{id}/json"), &file("json", json), "X: y");
    put(format!("images/{id}/layer"), &file("layer", layer), "X: y");
    let checksum = format!("X-Docker-Checksum-Payload: {}", payload(json, layer));
    put(format!("images/{id}/checksum"), "", &checksum);
    put(
        format!("repositories/old/image/tags/{tag}"),
        &format!("\"{id}\""),
        "X: y",
    );
}

#[test]
fn images_pushed_by_others_are_rescued() {
    let Some(dir) = fixtures::dir() else { return };
    let Some(registry) = V1Registry::start() else {
        return;
    };
    if peers::missing(&["curl"]) {
        return;
    }
    let base = "511136ea3c5a64f264b78b5433614aec563103b4d4702f3ba7d4d2698e22c158";
    let top = "46af0962ab5afeb5ce6740d4d91652e69206fc991fd5328c1a94d364ad00e457";
    let read =
        |id: &str, file: &str| fixtures::read(&dir, &format!("v1/registry-tests/{id}/{file}"));
    push(
        &registry,
        &read(base, "json"),
        &read(base, "layer.tar"),
        "base",
    );
    // The image between the two is not among the fixtures; its layer has no bytes here.
    let parent = V1Image::parse(read(top, "json"))
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    let between = format!(r#"{{"id":"{parent}","parent":"{base}"}}"#);
    push(&registry, between.as_bytes(), b"", "between");
    push(
        &registry,
        &read(top, "json"),
        &read(top, "layer.tar"),
        "top",
    );
    // An xz layer, as docker pushed them in 2013.
    let packed = {
        use std::io::Write as _;
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
        xz.write_all(&tar(&[("a", b"b")])).unwrap();
        xz.finish().unwrap()
    };
    let id = "a".repeat(64);
    push(
        &registry,
        format!(r#"{{"id":"{id}","parent":"{top}"}}"#).as_bytes(),
        &packed,
        "xz",
    );
    let barque = Barque::new();
    for (tag, layers) in [("base", 1), ("top", 3), ("xz", 4)] {
        let name = registry.v1(&format!("old/image:{tag}"));
        let to = format!("dir:{tag}");
        barque.args(["copy", &name, &to]).run().ok();
        let contents = contents(&barque, tag);
        let plain = [
            read(base, "layer.tar"),
            vec![0; 1024],
            read(top, "layer.tar"),
            tar(&[("a", b"b")]),
        ];
        let wanted: Vec<_> = plain.iter().take(layers).map(|tar| sha256(tar)).collect();
        assert_eq!(contents, wanted);
    }
    // The JSON of the top image is in the config, member for member.
    let config = barque
        .args(["inspect", "--raw", "--config", "dir:top"])
        .run()
        .ok()
        .json();
    let json: Value = serde_json::from_slice(&read(top, "json")).unwrap();
    for key in ["created", "architecture", "os", "config"] {
        let known = json[key].as_object().map_or(1, |o| o.len());
        assert!(known == 0 || !config[key].is_null(), "{key}");
    }
    assert_eq!(config["history"].as_array().unwrap().len(), 3);
}

#[test]
fn legacy_archives_become_images() {
    let Some(dir) = fixtures::dir() else { return };
    let barque = Barque::new();
    let name = |file: &str| {
        format!(
            "docker-archive:{}",
            dir.join("archives").join(file).display()
        )
    };
    let to = |n: &str| format!("dir:{}", barque.path(n).display());
    barque
        .args(["copy", &name("docker-no-manifest.tar"), &to("bazel")])
        .run()
        .ok();
    assert_eq!(contents(&barque, "bazel").len(), 1);
    // Of no bytes, of one empty block, and an honest one.
    let empty = name("legacy-only-emptyLayer.tar");
    barque.args(["copy", &empty, &to("centos")]).run().ok();
    let layers = contents(&barque, "centos");
    let bytes = fixtures::read(&dir, "archives/legacy-only-emptyLayer.tar");
    let stored: BTreeMap<String, Vec<u8>> = tar::Archive::new(&bytes[..])
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        })
        .collect();
    let stored = |id: &str| {
        let mut found = stored.iter().filter(|(name, _)| name.starts_with(id));
        found
            .find(|(name, _)| name.ends_with("layer.tar"))
            .unwrap()
            .1
    };
    assert_eq!(stored("9c7cb910").len(), 0);
    let zeros = vec![0; 1024];
    let wanted = [stored("17d1436e"), &zeros, stored("25445a0f")].map(|tar| sha256(tar));
    assert_eq!(layers, wanted);
    let named = format!("{empty}:matthughes/library-centos:6-2015.03.20");
    let shown = barque.args(["inspect", &named]).run().ok().json();
    assert_eq!(shown["Created"], "2015-03-04T21:38:56.769279623Z");
    assert!(shown["Env"][0].as_str().unwrap().starts_with("PATH="));
    barque
        .args(["inspect", &format!("{empty}:nobody:1")])
        .run()
        .code(2);
    for (file, words) in [
        ("legacy-dependency-loop.docker", "built upon itself"),
        ("legacy-path-traversal.docker", "leads out of it"),
    ] {
        let out = barque
            .args(["copy", &name(file), &to("none")])
            .run()
            .code(4);
        assert!(out.stderr().contains(words), "{file}: {}", out.stderr());
    }
}

#[test]
fn the_old_half_of_a_new_archive_gives_the_same_layers() {
    let Some(dir) = fixtures::dir() else { return };
    let barque = Barque::new();
    let name = format!(
        "docker-archive:{}",
        dir.join("archives/docker-test-image.tar").display()
    );
    barque.args(["copy", &name, "dir:new"]).run().ok();
    // Without manifest.json what is left is what docker wrote before 1.10; and packed, as people kept it.
    let whole = fixtures::read(&dir, "archives/docker-test-image.tar");
    let mut old = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(&whole[..]).entries().unwrap() {
        let entry = entry.unwrap();
        if entry.path().unwrap() != Path::new("manifest.json") {
            old.append(&entry.header().clone(), entry).unwrap();
        }
    }
    std::fs::write(barque.path("old.tar.gz"), gzip(&old.into_inner().unwrap())).unwrap();
    let old = barque
        .args(["copy", "docker-archive:old.tar.gz", "dir:old"])
        .run()
        .ok();
    assert_eq!(
        contents(&barque, "old"),
        contents(&barque, "new"),
        "{}",
        old.stderr()
    );
}
